# Runs in the guest under busybox sh, started by init.
export PATH=/bin ICOUNT=1
/bin/busybox --install -s /bin
while read -r m; do insmod /lib/$m.ko || echo "#FAIL insmod $m"; done < /lib/order

pci() {                                        # first device with this vendor:device
	for d in /sys/bus/pci/devices/*; do
		[ "$(cat $d/vendor):$(cat $d/device)" = "$1" ] && { echo ${d##*/}; return; }
	done
}
vfio() {
	d=/sys/bus/pci/devices/$1
	echo vfio-pci > $d/driver_override
	[ -e $d/driver ] && echo $1 > $d/driver/unbind
	echo $1 > /sys/bus/pci/drivers_probe
}
edu=$(pci 0x1234:0x11e8)
nvme=$(pci 0x1b36:0x0010)
vfio $edu; vfio $nvme
/bench calls
/bench ipc
/bench edu $edu open
/bench edu $edu mmio
echo 320 > /proc/sys/vm/nr_hugepages
/bench nvme $nvme
/bench edu $edu map
echo "#DONE"
