/* SPDX-License-Identifier: MIT */
/*
 * Containers, groups and devices: what the rest of the kernel sees of them. The system calls
 * (syscalls.c) are found through the table of cordon/syscalls.def.
 *
 * Who is in use (CORE-2):
 *   a device    while a handle to it exists;
 *   a group     while a handle to it exists, or one of its devices is in use;
 *   a container while a handle to it exists, or one of its groups is in use.
 * A group that is no longer in use leaves its container and can be opened again. A container
 * that no handle names and in which no device is open lets go of its groups too, because no
 * task could do anything with it any more. When the last group leaves, every mapping goes.
 *
 * Two locks and no more order the whole: vfio_lock (RANK_VFIO) protects who belongs to whom and
 * who is in use; each container's own lock protects its mappings and its domain. Each device's
 * lock protects its config space and the state of its regions. vfio_lock and the devices' locks are
 * mutexes: a reset, which takes a device 100 ms and more, is slept out while they are held.
 */
#ifndef DRIVERS_VFIO_VFIO_H
#define DRIVERS_VFIO_VFIO_H

#include <kernel/mutex.h>
#include <kernel/object.h>
#include <kernel/types.h>

/*
 * Called once at boot, after pci_init, pci_groups and iommu_init. Learns the groups, takes over
 * the faults of the IOMMUs, and offers the system_info topics and counters. When memory runs out
 * it says so and no group can be opened; the boot goes on.
 */
void vfio_init(void);

/* The provider of the system_info topics GROUPS, DEVICES, MAPPINGS, FAULTS and IOMMU
 * (kernel/system.h). Returns 0, -ENOENT past the end, -EMSGSIZE, or -EINVAL (unknown topic). */
int vfio_info(uint32_t topic, uint32_t index, void *record, size_t *size);

/* The device authority, for init: opens groups, inspects, powers off. Any object of this kind is
 * as good as another. One reference. Returns 0 or -ENOMEM. */
int authority_create(struct object **out);

extern struct mutex vfio_lock;

#endif
