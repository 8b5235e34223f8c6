#!/bin/sh
# SPDX-License-Identifier: MIT
#
# usage: build-newlib.sh CACHE OVERLAY
#
# Builds the C library of the tasks from Debian's newlib-source with the host's gcc, once.
# OVERLAY holds our own system headers; they are searched before newlib's, here and when
# tasks are compiled.
#
#   CACHE/<key>/            one build; key: this script and the compiler's version
#     include/ lib/         as newlib installs them
#     bin/x86_64-cordon-gcc the compiler for tasks
#     flags                 its include folders and macros, for other compilers
#     overlay.sum           the overlay headers newlib was compiled with
#     names                 every header newlib looked at
#   CACHE/current           link to the build in use
#   CACHE/stamp             newer than every object that has to be compiled again
#
# A build stays valid while the overlay headers that newlib itself included are unchanged
# and no new one takes the place of a header that newlib used; other overlay headers may
# come and go without a rebuild.
set -eu

[ $# = 2 ] || { echo "usage: $0 CACHE OVERLAY" >&2; exit 2; }
mkdir -p "$1" "$2"
cache=$(cd "$1" && pwd)
overlay=$(cd "$2" && pwd)
top=$(cd "$(dirname "$0")/.." && pwd)
source=/usr/src/newlib/newlib-3.3.0.tar.xz
jobs=${NEWLIB_JOBS:-2}

version=$(gcc -dumpfullversion)-$(gcc -dumpmachine)
key=$({ cat "$0"; echo "$version $top"; } | sha256sum | cut -c1-16)
prefix=$cache/$key

# Several makes may run in one tree; one of them builds, the others wait for it.
exec 9>"$cache/lock"
flock 9

# Is what was built still what would be built? The one problem found is left in $why.
fresh() {
	[ -e "$prefix/done" ] || { why="not built yet"; return 1; }
	(cd "$overlay" && sha256sum --quiet -c "$prefix/overlay.sum") >/dev/null 2>&1 ||
		{ why="a header that newlib includes has changed"; return 1; }
	(cd "$overlay" && find . -name '*.h' | sed 's,^\./,,') | LC_ALL=C sort >"$prefix/overlay.now"
	sed 's/^[0-9a-f]* *//' "$prefix/overlay.sum" | LC_ALL=C sort >"$prefix/overlay.used"
	new=$(LC_ALL=C comm -23 "$prefix/overlay.now" "$prefix/overlay.used" |
		LC_ALL=C comm -12 - "$prefix/names" | head -n 1)
	[ -z "$new" ] || { why="$new now comes before newlib's own"; return 1; }
}

point_current() {
	[ "$(readlink "$cache/current" 2>/dev/null || :)" = "$key" ] || {
		ln -sfn "$key" "$cache/current"
		touch "$cache/stamp"
	}
	[ -e "$cache/stamp" ] || touch "$cache/stamp"
}

if fresh; then
	point_current
	exit 0
fi
[ -e "$source" ] || { echo "newlib: $source is missing (package newlib-source)" >&2; exit 1; }

echo "  NEWLIB  building ($why; about a minute, cached afterwards in $1)"
work=$cache/work
rm -rf "$work" "$prefix"
mkdir -p "$work/src" "$work/obj" "$work/bin"
gcc_include=$(gcc -print-file-name=include)

# The compiler for newlib itself. The host's Linux identity is removed; gcc's own headers
# come first, because newlib's <stdatomic.h> is not gcc's.
cat >"$work/bin/x86_64-elf-gcc" <<WRAPPER
#!/bin/sh
exec gcc -nostdinc -isystem $gcc_include -isystem $overlay -isystem $top/include -nostdlib \\
	-fno-pie -no-pie -fno-stack-protector -fcf-protection=none \\
	-fno-asynchronous-unwind-tables -U__linux__ -U__linux -Ulinux -U__gnu_linux__ \\
	-U__unix__ -U__unix -Uunix -D__DYNAMIC_REENT__ -D_READ_WRITE_RETURN_TYPE=_ssize_t "\$@"
WRAPPER
chmod +x "$work/bin/x86_64-elf-gcc"
ln -sf x86_64-elf-gcc "$work/bin/x86_64-elf-cc"
for tool in ar as ld nm objcopy objdump ranlib readelf strip; do
	ln -sf "$(command -v $tool)" "$work/bin/x86_64-elf-$tool"
done

failed() {
	echo "newlib: $1 failed; the end of $2:" >&2
	tail -n 20 "$2" >&2
	exit 1
}

tar -C "$work/src" --strip-components=1 -xf "$source"
# The posix folder (regex, fnmatch, glob, directories) is off for unknown systems.
sed -i 's/^posix_dir=$/posix_dir=posix/' "$work/src/newlib/configure.host"
PATH=$work/bin:$PATH
export PATH
cd "$work/obj"
# REENTRANT_SYSCALLS_PROVIDED: _write_r() and its like are our write(), so that errno is
# the thread's own. The other names tell newlib which functions the system supplies.
CFLAGS_FOR_TARGET="-O2 -g0 -ffunction-sections -fdata-sections -DREENTRANT_SYSCALLS_PROVIDED \
-DHAVE_OPENDIR -DHAVE_MKDIR -DHAVE_FCNTL -DSIGNAL_PROVIDED" \
	"$work/src/configure" --target=x86_64-elf --prefix="$work/install" --disable-multilib \
	--disable-libgloss --disable-nls --disable-newlib-supplied-syscalls \
	--enable-newlib-retargetable-locking --enable-newlib-global-stdio-streams \
	--enable-newlib-global-atexit --enable-newlib-io-long-long \
	--enable-newlib-io-c99-formats >"$work/configure.log" 2>&1 </dev/null ||
	failed configure "$work/configure.log"
# gcc appends the headers of every compilation here, system headers included. A compiler cache
# in gcc's place would lose them, and with some versions the object too.
CCACHE_DISABLE=1 SUNPRO_DEPENDENCIES=$work/headers make -j"$jobs" >"$work/make.log" 2>&1 </dev/null ||
	failed make "$work/make.log"
make install >"$work/install.log" 2>&1 </dev/null || failed "make install" "$work/install.log"

# A target at the top of a dependency line ends in ':'; the rest are files.
tr ' ' '\n' <"$work/headers" | grep '\.h$' | LC_ALL=C sort -u >"$work/used"
sed -n -e "s,^$overlay/,,p" -e 's,^.*/libc/include/,,p' -e 's,^.*/targ-include/,,p' \
	-e 's,^.*/libc/machine/x86_64/,,p' "$work/used" | LC_ALL=C sort -u >"$work/names"
grep "^$overlay/" "$work/used" | sed "s,^$overlay/,," | (cd "$overlay" && xargs -r sha256sum) \
	>"$work/overlay.sum"

mkdir -p "$work/out/bin"
cp -R "$work/install/x86_64-elf/include" "$work/install/x86_64-elf/lib" "$work/out/"
cp "$work/names" "$work/overlay.sum" "$work/out/"

# The compiler for tasks: the same target, with what POSIX threads and clocks need switched
# on (newlib itself must be built without, or its stdio would call into pthreads).
cat >"$work/out/flags" <<FLAGS
-isystem $overlay -isystem $top/include -isystem $prefix/include
-D__cordon__=1 -D__DYNAMIC_REENT__ -D_READ_WRITE_RETURN_TYPE=_ssize_t -D_POSIX_THREADS=1
-D_POSIX_TIMERS=1 -D_POSIX_MONOTONIC_CLOCK=200112L -D_POSIX_CLOCK_SELECTION=200112L
-D_POSIX_READER_WRITER_LOCKS=200112L -D_POSIX_BARRIERS=200112L -D_POSIX_SPIN_LOCKS=200112L
-D_UNIX98_THREAD_MUTEX_ATTRIBUTES=1 -D_POSIX_CPUTIME=200112L -D_POSIX_THREAD_CPUTIME=200112L
FLAGS
cat >"$work/out/bin/x86_64-cordon-gcc" <<WRAPPER
#!/bin/sh
exec gcc -nostdinc -isystem $gcc_include $(tr '\n' ' ' <"$work/out/flags") -L$prefix/lib \\
	-fno-pie -no-pie -fno-stack-protector -fcf-protection=none \\
	-fno-asynchronous-unwind-tables -nostdlib -U__linux__ -U__linux -Ulinux \\
	-U__gnu_linux__ -U__unix__ -U__unix -Uunix "\$@"
WRAPPER
chmod +x "$work/out/bin/x86_64-cordon-gcc"
touch "$work/out/done"
mv "$work/out" "$prefix"
find "$cache" -mindepth 1 -maxdepth 1 -type d ! -name "$key" ! -name work -exec rm -rf {} +
rm -rf "$work"
rm -f "$cache/current"
point_current
touch "$cache/stamp"
