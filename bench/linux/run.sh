#!/bin/bash
# SPDX-License-Identifier: MIT
#
# usage: run.sh intel|amd WORK OUTPUT
#
# Boots Debian's Linux in the same QEMU, under icount, with the same devices, and measures the same
# work through vfio-pci. Writes lines `NAME VALUE insn` to OUTPUT; scratch and the console's log go
# to WORK. Needs qemu-system-x86, busybox-static, cpio, gcc, libc6-dev and the kernel package, which it
# fetches with apt-get download. Exits 3 when the package cannot be had.
set -euo pipefail
iommu=$1 work=$2 output=$3
here=$(cd "$(dirname "$0")" && pwd)
limit=${LIMIT:-1500}
mkdir -p "$work"
work=$(cd "$work" && pwd)

version=$(apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/.*Depends: linux-image-//p' | head -n 1)
if [ -z "$version" ] || ! command -v busybox >/dev/null || ! command -v cpio >/dev/null; then
	echo "bench-linux: needs apt's package lists, busybox-static and cpio" >&2
	exit 3
fi
if [ ! -e "$work/root/boot/vmlinuz-$version" ]; then
	(cd "$work" && apt-get download -qq "linux-image-$version" >&2) || exit 3
	dpkg -x "$work"/linux-image-"$version"_*.deb "$work/root"
fi

modules="virt/lib/irqbypass drivers/vfio/vfio drivers/vfio/vfio_virqfd drivers/vfio/vfio_iommu_type1
	drivers/vfio/pci/vfio-pci-core drivers/vfio/pci/vfio-pci"
root=$work/initroot
rm -rf "$root"
mkdir -p "$root"/{bin,dev,proc,sys,lib}
(cd "$here/src" &&
	gcc -O2 -static -s -o "$root/init" init.c &&
	gcc -O2 -Wno-unused-result -static -pthread -s -o "$root/bench" main.c bench.c edu.c calls.c ipc.c nvme.c)
cp "$(command -v busybox)" "$root/bin/busybox"
cp "$here/src/bench.sh" "$root/"
for module in $modules; do
	cp "$work/root/lib/modules/$version/kernel/$module.ko" "$root/lib/"
	echo "${module##*/}"
done > "$root/lib/order"
(cd "$root" && find . | sort | cpio -o -H newc --quiet --reproducible) > "$work/initrd"

case $iommu in
intel) device="intel-iommu,intremap=on,aw-bits=48" option="intel_iommu=on" ;;
amd) device="amd-iommu,intremap=on" option="amd_iommu=on" ;;
*) echo "intel or amd, not $iommu" >&2; exit 2 ;;
esac
timeout "$limit" "${QEMU:-qemu-system-x86_64}" -M q35 -accel tcg -cpu max -m 2G -smp 1 \
	-icount shift=0,sleep=off -device "$device" -device edu \
	-blockdev driver=null-co,node-name=n0,size=1073741824,read-zeroes=on \
	-device nvme,drive=n0,serial=bench -nographic -no-reboot -kernel "$work/root/boot/vmlinuz-$version" \
	-initrd "$work/initrd" \
	-append "console=ttyS0 $option iommu=nopt quiet panic=-1 no_timer_check" \
	< /dev/null > "$work/console.log" 2>&1 || true
grep -q '@END' "$work/console.log" || { echo "the guest did not finish: $work/console.log" >&2; exit 1; }
{
	echo "# Linux $version, $iommu"
	tr -d '\r' < "$work/console.log" | sed -n \
		-e 's/^R \(.*\)\.median \([0-9]*\)[.0-9]* tick$/\1 \2 insn/p'
	tr -d '\r' < "$work/console.log" | sed -n 's/^.*@INIT \([0-9]*\).*/boot.tick_at_init \1 insn/p'
	echo "size.vmlinuz $(stat -c %s "$work/root/boot/vmlinuz-$version") bytes"
} > "$output"
