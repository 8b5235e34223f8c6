# SPDX-License-Identifier: MIT

GUEST_TESTS += vfio_calls vfio_map vfio_device
vfio_calls_SRCS	 := tests/guest/vfio/vfio_calls.c tests/guest/vfio/edu.c $(GUEST_SUPPORT)
vfio_map_SRCS	 := tests/guest/vfio/vfio_map.c tests/guest/vfio/edu.c $(GUEST_SUPPORT)
vfio_device_SRCS := tests/guest/vfio/vfio_device.c tests/guest/vfio/edu.c $(GUEST_SUPPORT)

GUEST_TESTS += forge
forge_SRCS := tests/guest/vfio/forge.c tests/guest/vfio/edu.c $(GUEST_SUPPORT)

GUEST_TESTS += testdev
testdev_SRCS := tests/guest/vfio/testdev.c $(GUEST_SUPPORT)

GUEST_TESTS += reset
reset_SRCS := tests/guest/vfio/reset.c tests/guest/vfio/edu.c $(GUEST_SUPPORT)

GUEST_TESTS += widths
widths_SRCS := tests/guest/vfio/widths.c tests/guest/vfio/edu.c $(GUEST_SUPPORT)
