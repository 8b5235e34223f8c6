#!/bin/sh
# SPDX-License-Identifier: MIT
#
# usage: build-sdk.sh DEST NEWLIB LIBDIR CRT0 KERNEL INIT CHECKER
#
# Assembles the folder that programs are built with outside this tree (docs/sdk.md). Nothing in
# it knows where it lies. It is built beside DEST and takes its place at the end, so that an
# interrupted run leaves the old one.
set -eu

[ $# = 7 ] || { echo "usage: $0 DEST NEWLIB LIBDIR CRT0 KERNEL INIT CHECKER" >&2; exit 2; }
dest=$1 newlib=$2 libdir=$3 crt0=$4 kernel=$5 init=$6 checker=$7
top=$(cd "$(dirname "$0")/.." && pwd)

# Whatever else lies in DEST is not ours to remove.
if [ -e "$dest" ] && [ ! -e "$dest/share/cordon/version" ]; then
	[ -d "$dest" ] && [ -z "$(ls -A "$dest")" ] || {
		echo "sdk: $dest exists and is no SDK: it is left alone" >&2
		exit 1
	}
fi
mkdir -p "$(dirname "$dest")"
new=$dest.new.$$
trap 'rm -rf "$new"' EXIT
mkdir -p "$new/bin" "$new/sysroot/include" "$new/sysroot/newlib" "$new/sysroot/lib/pkgconfig" \
	"$new/share/cordon"

# Headers. The overlay refers to newlib's own with #include_next, so the two stay apart.
cp -R "$newlib/include" "$new/sysroot/newlib/"
for folder in lib/libc/overlay include lib/libc/include lib/libvfio/include; do
	(cd "$top/$folder" && find . -name '*.h' -o -name '*.def') | while read -r file; do
		[ ! -e "$new/sysroot/include/$file" ] || {
			echo "sdk: two headers are called $file" >&2
			exit 1
		}
		mkdir -p "$(dirname "$new/sysroot/include/$file")"
		cp "$top/$folder/$file" "$new/sysroot/include/$file"
	done
done

# In place of the headers of libstdc++ that ask which C library there is.
mkdir -p "$new/sysroot/c++"
cp -R "$top/lib/cxx/include/bits" "$new/sysroot/c++/"

# Libraries. The names that portable makefiles link are there, too: what they stand for is in
# libcordon and libc, which every program is linked with.
cp "$newlib"/lib/*.a "$crt0" "$libdir/libcordon.a" "$libdir/libvfio.a" \
	"$libdir/libstdc++.a" "$new/sysroot/lib/"
for name in pthread rt; do
	[ -e "$new/sysroot/lib/lib$name.a" ] || ar rcsD "$new/sysroot/lib/lib$name.a"
done
defines=$(tr ' ' '\n' <"$newlib/flags" | grep '^-D' | tr '\n' ' ')
sed "s|@DEFINES@|$defines|" "$top/tools/sdk/cordon.specs.in" >"$new/sysroot/lib/cordon.specs"
cp "$top"/tools/sdk/*.pc "$new/sysroot/lib/pkgconfig/"

# Tools.
cp "$top/tools/sdk/x86_64-cordon-gcc" "$top/tools/sdk/x86_64-cordon-pkg-config" "$new/bin/"
for name in cc c++ g++; do
	ln -s x86_64-cordon-gcc "$new/bin/x86_64-cordon-$name"
done
cp "$top/tools/sdk/x86_64-cordon-tool" "$new/bin/x86_64-cordon-ar"
for name in addr2line as gcc-ar gcc-nm gcc-ranlib gdb ld nm objcopy objdump ranlib readelf size \
	strings strip; do
	ln -s x86_64-cordon-ar "$new/bin/x86_64-cordon-$name"
done

# What an image is made of and run with.
for name in cordon-image cordon-run; do
	cp "$top/tools/sdk/$name" "$new/bin/"
done
for name in image.py toolchain.cmake cross.meson; do
	cp "$top/tools/sdk/$name" "$new/share/cordon/"
done
for name in mkcpio.py mkprogram.py mksyms.py machine.py demo.py emulator.py run-qemu.py check-program.py; do
	cp "$top/tools/$name" "$new/share/cordon/"
done
cp "$kernel" "$new/share/cordon/kernel.o"
cp "$init" "$new/share/cordon/init"
cp "$checker" "$new/share/cordon/manifest-check"
cp "$top/boot/kernel.ld" "$top/boot/initramfs.S" "$top"/docs/*.md "$top/LICENSE" "$new/share/cordon/"
cp -R "$top/docs/examples" "$new/share/cordon/"
echo 1 >"$new/share/cordon/version"

rm -rf "$dest"
mv "$new" "$dest"
trap - EXIT
