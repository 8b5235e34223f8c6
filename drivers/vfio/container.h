/* SPDX-License-Identifier: MIT */
/*
 * A container: one translation domain, its windows and mappings, and the groups in it.
 */
#ifndef DRIVERS_VFIO_CONTAINER_H
#define DRIVERS_VFIO_CONTAINER_H

#include <cordon/task.h>
#include <cordon/vfio.h>
#include <drivers/iommu/iommu.h>
#include <drivers/vfio/faults.h>
#include <drivers/vfio/mapping.h>
#include <drivers/vfio/window.h>
#include <kernel/account.h>

struct group;
struct task;

struct container {
	struct object object;
	struct account *account; /* the creator's, a reference: pays for the container itself */

	/* Under vfio_lock. */
	bool reachable;     /* some handle names it */
	struct list groups; /* struct group.container_link; each holds a reference */
	uint32_t group_count;
	uint32_t open_devices; /* of all its groups */

	struct spinlock lock;        /* protects the rest, but for the faults */
	struct iommu_domain *domain; /* NULL: no group. Changes under vfio_lock too */
	bool ending;      /* the last group left: what is mapped goes, nothing is added */
	bool unconfirmed; /* its unit did not confirm an invalidation: nothing is given back */
	struct window_set windows;
	struct tree mappings;
	uint32_t mapping_count;
	struct account *keeper;    /* of who put the first group in, which pays for what is kept:
	                              the domain, empty tables, spare nodes. NULL: no domain */
	struct mapping_list spare; /* nodes kept for the next map of the keeper's task */
	uint64_t task;             /* id of the task it is bound to (CORE-8), 0: none yet */
	char task_name[CORDON_NAME_MAX];

	struct fault_queue faults;
};

/* An empty container with one reference, charged to the account. Returns 0, -ENODEV (no usable
 * IOMMU) or -ENOMEM. */
int container_create(struct account *account, struct container **out);

static inline struct container *container_from(struct object *object)
{
	return container_of(object, struct container, object);
}

/* Binds the container to the first task that maps in it or opens a device (CORE-8). */
void container_bind_locked(struct container *container, const struct task *task);

/* Whether a task may use the container through one of its groups: it is bound to that task or to
 * none, or the task holds a handle to the container too. Whoever names the container itself by a
 * handle needs no such check. */
bool container_admits(struct container *container, struct task *task);

/*
 * Puts a group in: creates the domain with the first one, and attaches every requester id of the
 * group, or none (CORE-6). vfio_lock is held. Errors as container_add_group in syscalls.def;
 * -ENODEV also when the group has only bridges, and -ENODEV or -EIO when the unit is dead.
 */
int container_add_group_locked(struct container *container, struct group *group,
                               const struct task *task);

/*
 * Takes a group out: blocks its requesters, with drain, and with the last group removes every
 * mapping. Drops the group's reference to the container. vfio_lock is held; no device of the group
 * is open. Cannot fail: what a unit does not confirm stays in quarantine.
 */
void container_leave_locked(struct container *container, struct group *group);

/* Lets all groups go when no task could use the container any more. vfio_lock is held. */
void container_settle_locked(struct container *container);

/* Fills *out, for a caller with this account. */
void container_describe(struct container *container, const struct account *account,
                        struct cordon_container_info *out);

/* The same for whoever inspects the system. vfio_lock is held. */
void container_report_locked(struct container *container, struct cordon_container_desc *out);

/* --- mappings (dma.c) ---------------------------------------------------------------------- */

/* Who maps pays, for the mapping and for the tables that it needs, until it is unmapped. */

/* What is kept for the next map is the account's from now on, and nothing is kept now. */
void container_keep_for_locked(struct container *container, struct account *account);

/* Maps a checked request. Errors as container_map in syscalls.def. */
int container_map(struct container *container, const struct cordon_dma_map *args,
                  struct task *task);

/* Removes all mappings inside [start, start + size) and waits for the invalidation. *unmapped:
 * bytes. Errors as container_unmap in syscalls.def. */
int container_unmap(struct container *container, uint64_t start, uint64_t size, uint64_t *unmapped);

/* Performs operations in order until one fails, with one invalidation. *done: how many succeeded;
 * ops[*done].result is the error of the one that did not. Returns 0 or -EIO (not confirmed). */
int container_batch(struct container *container, struct cordon_dma_op *ops, uint32_t count,
                    struct task *task, uint32_t *done);

/* Removes every mapping from tables and tree, while none is added (ending). What the unit does not
 * confirm stays in quarantine. */
void container_clear(struct container *container);

/* The index-th piece of the container's mappings, in the order of IOVAs; false past the end, with
 * *count the number of pieces. */
bool container_piece(struct container *container, uint32_t index, struct cordon_mapping_desc *out,
                     uint32_t *count);

#endif
