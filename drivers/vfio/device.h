/* SPDX-License-Identifier: MIT */
/*
 * Devices in a task's hands.
 *
 * A device is opened once at a time from a group that is in a container. Opening and closing
 * happen under vfio_lock; the device's own lock protects config space and regions in between.
 */
#ifndef DRIVERS_VFIO_DEVICE_H
#define DRIVERS_VFIO_DEVICE_H

#include <cordon/vfio.h>
#include <drivers/vfio/config.h>
#include <drivers/vfio/region.h>
#include <kernel/account.h>
#include <kernel/mutex.h>
#include <kernel/object.h>

struct aspace;
struct function;
struct group;
struct task;

struct device {
	struct object object;
	struct account *account; /* a reference */
	struct function *function;
	struct group *group;
	struct region_msix msix;
	bool no_snoop; /* the domain is coherent whatever the device asks */

	struct mutex lock; /* protects the rest */
	bool open;         /* some handle names it; false: it only waits for its last reference */
	bool master;       /* bus mastering is on */
	bool memory;       /* memory decoding is on, and BAR mappings have their pages */
	struct config_space config;
	struct region_bar bars[REGION_BARS];
};

static inline struct device *device_from(struct object *object)
{
	return container_of(object, struct device, object);
}

/*
 * Opens a device of a group: bus mastering off, quiesced, reset where it can be. One reference.
 * vfio_lock is held. Errors as group_device in syscalls.def; also -ENOMEM, and -EIO when the
 * function did not stop or did not confirm its reset (it is in quarantine then).
 */
int device_open_locked(struct group *group, cordon_bdf_t bdf, struct task *task,
                       struct device **out);

void device_describe(struct device *device, struct cordon_device_info *out);

/* Errors of these as the calls of the same names in syscalls.def; -ENODEV when the last handle
 * went meanwhile. */
int device_region_info(struct device *device, uint32_t region, struct cordon_region_info *out);

/* Bytes of a region; 0: there is none. Does not change while the device is open. */
uint64_t device_region_size(const struct device *device, uint32_t region);

int device_region_map(struct device *device, uint32_t region, struct cordon_region_map *args,
                      uint32_t prot_max, struct aspace *aspace);

/*
 * Reads or writes the longest naturally aligned access at offset that fits into size, at most 8
 * bytes, and tells how long it was. bytes has room for 8. Returns 0, -EINVAL, -ERANGE, -EIO,
 * -EACCES (a write to a region that has none) or -ENOMEM.
 */
int device_region_read(struct device *device, uint32_t region, uint64_t offset, uint64_t size,
                       void *bytes, uint32_t *width);
int device_region_write(struct device *device, uint32_t region, uint64_t offset, uint64_t size,
                        const void *bytes, uint32_t *width);

/* How many bytes of [offset, offset + size) the next access of device_region_read or _write covers:
 * 1, 2, 4 or 8. */
uint32_t device_access_width(uint32_t region, uint64_t offset, uint64_t size);

int device_reset(struct device *device);

#endif
