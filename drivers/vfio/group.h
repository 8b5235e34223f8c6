/* SPDX-License-Identifier: MIT */
/*
 * Groups: the smallest sets of functions that the IOMMUs can isolate (S4), what they hold, and
 * what is remembered of a function from one user to the next.
 *
 * The groups of the system exist from boot on; opening one creates a session, the object that
 * handles name. There is at most one session at a time (EXT-6). Everything here is protected by
 * vfio_lock.
 */
#ifndef DRIVERS_VFIO_GROUP_H
#define DRIVERS_VFIO_GROUP_H

#include <cordon/task.h>
#include <cordon/vfio.h>
#include <drivers/iommu/iommu.h>
#include <drivers/pci/pci.h>
#include <drivers/vfio/faults.h>
#include <kernel/account.h>
#include <kernel/object.h>

struct container;
struct device;
struct group;
struct task;

/* A requester id that functions of a group use; bridges are left out. */
struct requester {
	struct fault_source source; /* has the segment and the id */
	bool attached;              /* translates through the container's domain */
};

/* A function of a group. */
struct function {
	struct pci_function *pci;
	struct requester *requester; /* NULL: a bridge */
	const char *refused;         /* why it is never handed out (S5, S7), or NULL */
	struct device *device;       /* open */
	bool reset_trusted;          /* handed out again although no reset reaches it */
	bool stuck;             /* in quarantine because it did not stop: blocks its whole group */
	const char *quarantine; /* why it is not handed out again, or NULL */
};

struct group {
	struct list link; /* in the list of groups, in order */
	const struct pci_group *pci;
	struct iommu_unit *unit; /* of all its functions that are not refused */
	uint32_t function_count;
	uint32_t requester_count;
	struct function *functions;
	struct requester *requesters;

	struct group_session *session; /* open: some handle names it */
	uint32_t open_devices;
	struct container *container; /* a reference */
	struct list container_link;  /* in container.groups */
	uint64_t task;               /* who put it into its container, or opened a device last */
	char task_name[CORDON_NAME_MAX];
};

struct group_session {
	struct object object;
	struct group *group;
	struct account *account; /* a reference */
};

static inline struct group_session *group_session_from(struct object *object)
{
	return container_of(object, struct group_session, object);
}

/* Learns the groups of the system. At boot. Returns 0, or -ENOMEM: some groups are missing. */
int groups_init(void);

/* The index-th group; NULL past the end. */
struct group *group_at(uint32_t index);

/* Opens a group by its number: a session with one reference, charged to the account. Takes
 * vfio_lock. Errors as group_open in syscalls.def. */
int group_open(struct account *account, uint32_t number, struct group_session **out);

/* The group of a session, or NULL when its last handle went. vfio_lock is held. */
struct group *group_of_locked(struct group_session *session);

/* The function that keeps the group from being used, or NULL: it is viable (CORE-3). why (may be
 * NULL): a static string. */
const struct function *group_blocker(const struct group *group, const char **why);

static inline bool function_is_bridge(const struct pci_function *function)
{
	return function->header_type != 0;
}

/* The function of a group with an address, or NULL. */
struct function *group_function_find(struct group *group, cordon_bdf_t bdf);

/* Whether some function with this requester id is in quarantine: it stays blocked then. */
bool group_requester_quarantined(const struct group *group, const struct requester *requester);

/* Lets a requester translate through a domain. Nothing happens when it does. */
int group_attach_locked(struct group *group, struct requester *requester,
                        struct iommu_domain *domain);

/* Blocks it, with drain. Nothing happens when it is. Returns 0, or -EIO when not confirmed. */
int group_detach_locked(struct group *group, struct requester *requester,
                        struct iommu_domain *domain);

/* The group joined a container: from here on its faults belong to that and to the task. */
void group_hold_locked(struct group *group, const struct task *task);

/* A device with this requester id was opened by a task, which answers for its faults now. */
void group_set_holder_locked(struct group *group, struct requester *requester,
                             const struct task *task);

/* The group left its container. */
void group_release_locked(struct group *group);

/* After a device was closed, or the session: the group leaves its container when it is no longer in
 * use (CORE-2), and the container lets go when no task can use it any more. */
void group_settle_locked(struct group *group);

void group_describe_locked(const struct group *group, struct cordon_group_status *out);
void function_describe_locked(const struct group *group, const struct function *function,
                              struct cordon_device_desc *out);

/* Functions in quarantine now. Takes vfio_lock. */
uint64_t groups_quarantined(void);

#endif
