/* SPDX-License-Identifier: MIT */
/* What open.c and close.c share: undoing the steps of one device. Not for drivers. */
#ifndef LIBVFIO_INTERNAL_H
#define LIBVFIO_INTERNAL_H

#include <vfio/device.h>

/* Undoes every step that device->done names, last step first, and clears it. Returns the
 * first error and goes on. device->error is left as it is. */
int vfio_device_undo(struct vfio_device *device);

/* Unmaps all areas of all BARs that are mapped. Returns the first error and goes on. */
int vfio_device_unmap_bars(struct vfio_device *device);

#endif
