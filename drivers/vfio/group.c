/* SPDX-License-Identifier: MIT */
#include <cordon/errno.h>
#include <drivers/vfio/container.h>
#include <drivers/vfio/device.h>
#include <drivers/vfio/group.h>
#include <drivers/vfio/region.h>
#include <drivers/vfio/vfio.h>
#include <kernel/heap.h>
#include <kernel/panic.h>
#include <kernel/string.h>
#include <kernel/task.h>

#define LOG_TAG "vfio"
#include <kernel/log.h>

struct mutex vfio_lock = MUTEX_INIT(vfio_lock, RANK_VFIO, "vfio");

static struct list groups = LIST_INIT(groups);

/* --- boot ------------------------------------------------------------------------------------ */

/* Finds or adds the requester id of a function among those of its group. */
static struct requester *group_add_requester(struct group *group,
                                             const struct pci_function *function)
{
	uint16_t segment = (uint16_t)(function->bdf >> 16);
	struct requester *requester;

	for (uint32_t i = 0; i < group->requester_count; i++) {
		requester = &group->requesters[i];
		if (requester->source.segment == segment &&
		    requester->source.requester.raw == function->requester.raw)
			return requester;
	}
	requester = &group->requesters[group->requester_count++];
	list_init(&requester->source.link);
	requester->source.segment = segment;
	requester->source.requester = function->requester;
	requester->source.group = group->pci->number;
	requester->source.device = function->bdf;
	return requester;
}

/* A lone user of an id is meant itself. Several have it from the bridge above them, and which of
 * them it was cannot be told: then the id is named. */
static void group_name_requesters(struct group *group)
{
	for (uint32_t i = 0; i < group->requester_count; i++) {
		struct requester *requester = &group->requesters[i];
		uint32_t endpoints = 0;

		for (uint32_t f = 0; f < group->function_count; f++) {
			endpoints += group->functions[f].requester == requester;
		}
		if (endpoints > 1)
			requester->source.device = (cordon_bdf_t)requester->source.segment << 16 |
			                           requester->source.requester.raw;
	}
}

static void group_add_function(struct group *group, struct pci_function *pci)
{
	struct function *function = &group->functions[group->function_count++];

	function->pci = pci;
	function->refused = pci->refused ? pci->refused : region_refusal(pci);
	if (!function->refused && !function_is_bridge(pci)) {
		if (!pci->iommu)
			function->refused = "no IOMMU covers it";
		else if (group->unit && group->unit != pci->iommu)
			function->refused = "the devices of its group have different IOMMUs";
		else
			group->unit = pci->iommu;
	}
	/* A bridge needs no memory of its own: its own id stays blocked. What it forwards under
	 * its id is the requester of the functions below. */
	if (!function_is_bridge(pci))
		function->requester = group_add_requester(group, pci);
}

static int group_create(const struct pci_group *pci, struct group **out)
{
	struct group *group = heap_alloc(sizeof(*group));

	if (!group)
		return -ENOMEM;
	group->functions = heap_alloc_array(pci->function_count, sizeof(*group->functions));
	group->requesters = heap_alloc_array(pci->function_count, sizeof(*group->requesters));
	if (!group->functions || !group->requesters) {
		heap_free(group->functions);
		heap_free(group->requesters);
		heap_free(group);
		return -ENOMEM;
	}
	group->pci = pci;
	list_init(&group->container_link);
	for (uint32_t i = 0; i < pci->function_count; i++)
		group_add_function(group, pci->functions[i]);
	group_name_requesters(group);
	*out = group;
	return 0;
}

int groups_init(void)
{
	struct pci_group *pci;

	list_for_each(pci, pci_groups(), link)
	{
		struct group *group;
		int error = group_create(pci, &group);

		if (error) {
			log_error("out of memory: group %u cannot be opened", pci->number);
			return error;
		}
		list_append(&groups, &group->link);
	}
	return 0;
}

/* --- finding --------------------------------------------------------------------------------- */

struct group *group_at(uint32_t index)
{
	struct group *group;

	list_for_each(group, &groups, link)
	{
		if (index-- == 0)
			return group;
	}
	return NULL;
}

static struct group *group_find(uint32_t number)
{
	struct group *group;

	list_for_each(group, &groups, link)
	{
		if (group->pci->number == number)
			return group;
	}
	return NULL;
}

struct function *group_function_find(struct group *group, cordon_bdf_t bdf)
{
	for (uint32_t i = 0; i < group->function_count; i++) {
		if (group->functions[i].pci->bdf == bdf)
			return &group->functions[i];
	}
	return NULL;
}

const struct function *group_blocker(const struct group *group, const char **why)
{
	for (uint32_t i = 0; i < group->function_count; i++) {
		const struct function *function = &group->functions[i];
		const char *reason = function->stuck ? function->quarantine : NULL;

		if (!reason && !function_is_bridge(function->pci))
			reason = function->refused;
		if (!reason)
			continue;
		if (why)
			*why = reason;
		return function;
	}
	return NULL;
}

bool group_requester_quarantined(const struct group *group, const struct requester *requester)
{
	for (uint32_t i = 0; i < group->function_count; i++) {
		const struct function *function = &group->functions[i];

		if (function->requester == requester && function->quarantine)
			return true;
	}
	return false;
}

/* --- sessions -------------------------------------------------------------------------------- */

/* Only this session's own end changes whether the group points to it, so that much can be looked at
 * without the lock. */
static void group_session_end(struct group_session *session)
{
	if (session->group->session != session)
		return;
	mutex_lock(&vfio_lock);
	session->group->session = NULL;
	group_settle_locked(session->group);
	mutex_unlock(&vfio_lock);
}

static void group_session_unreachable(struct object *object)
{
	group_session_end(group_session_from(object));
}

static void group_session_destroy(struct object *object)
{
	struct group_session *session = group_session_from(object);

	group_session_end(session); /* it may never have had a handle */
	account_free_object(session->account, session, sizeof(*session));
}

static const struct object_ops group_session_ops = {
        .name = "group",
        .type = CORDON_OBJECT_GROUP,
        .rights = CORDON_RIGHT_READ | CORDON_RIGHT_WRITE | CORDON_RIGHT_DUP | CORDON_RIGHT_TRANSFER,
        .unreachable = group_session_unreachable,
        .destroy = group_session_destroy,
};

static int group_session_create(struct account *account, struct group *group,
                                struct group_session **out)
{
	struct group_session *session = account_alloc_object(account, sizeof(*session));

	if (!session)
		return -ENOMEM;
	object_init(&session->object, &group_session_ops);
	session->account = account;
	session->group = group;
	*out = session;
	return 0;
}

int group_open(struct account *account, uint32_t number, struct group_session **out)
{
	struct group *group;
	int error = -ENODEV;

	mutex_lock(&vfio_lock);
	if (!iommu_usable(NULL))
		goto out;
	error = -ENOENT;
	group = group_find(number);
	if (!group)
		goto out;
	error = -EBUSY;
	if (group->session || group->open_devices)
		goto out;
	error = group_session_create(account, group, out);
	if (!error)
		group->session = *out;
out:
	mutex_unlock(&vfio_lock);
	return error;
}

struct group *group_of_locked(struct group_session *session)
{
	DEBUG_ASSERT(mutex_held(&vfio_lock));
	return session->group->session == session ? session->group : NULL;
}

/* --- in a container -------------------------------------------------------------------------- */

int group_attach_locked(struct group *group, struct requester *requester,
                        struct iommu_domain *domain)
{
	int error;

	DEBUG_ASSERT(mutex_held(&vfio_lock));
	if (requester->attached)
		return 0;
	error = iommu_attach(domain, group->unit, requester->source.segment,
	                     requester->source.requester);
	requester->attached = !error;
	return error;
}

int group_detach_locked(struct group *group, struct requester *requester,
                        struct iommu_domain *domain)
{
	DEBUG_ASSERT(mutex_held(&vfio_lock));
	if (!requester->attached)
		return 0;
	requester->attached = false;
	return iommu_detach(domain, group->unit, requester->source.segment,
	                    requester->source.requester);
}

void group_hold_locked(struct group *group, const struct task *task)
{
	DEBUG_ASSERT(mutex_held(&vfio_lock));
	group->task = task->id;
	string_copy(group->task_name, task->name, sizeof(group->task_name));
	for (uint32_t i = 0; i < group->requester_count; i++)
		fault_source_enlist(&group->requesters[i].source, &group->container->faults, task);
}

void group_set_holder_locked(struct group *group, struct requester *requester,
                             const struct task *task)
{
	DEBUG_ASSERT(mutex_held(&vfio_lock));
	group->task = task->id;
	string_copy(group->task_name, task->name, sizeof(group->task_name));
	fault_source_hold(&requester->source, task);
}

void group_release_locked(struct group *group)
{
	DEBUG_ASSERT(mutex_held(&vfio_lock));
	group->task = 0;
	group->task_name[0] = '\0';
	for (uint32_t i = 0; i < group->requester_count; i++)
		fault_source_remove(&group->requesters[i].source);
}

void group_settle_locked(struct group *group)
{
	struct container *container = group->container;

	DEBUG_ASSERT(mutex_held(&vfio_lock));
	if (!container || group->open_devices)
		return;
	if (!group->session)
		container_leave_locked(container, group);
	else
		container_settle_locked(container);
}

/* --- describing ------------------------------------------------------------------------------ */

static const struct function *group_first_quarantined(const struct group *group)
{
	for (uint32_t i = 0; i < group->function_count; i++) {
		if (group->functions[i].quarantine)
			return &group->functions[i];
	}
	return NULL;
}

void group_describe_locked(const struct group *group, struct cordon_group_status *out)
{
	const char *why;
	const struct function *blocker = group_blocker(group, &why);
	const struct function *quarantined = group_first_quarantined(group);
	char name[PCI_NAME_MAX];

	DEBUG_ASSERT(mutex_held(&vfio_lock));
	*out = (struct cordon_group_status){
	        .number = group->pci->number,
	        .device_count = group->function_count,
	        .blocker = blocker ? blocker->pci->bdf : CORDON_BDF_NONE,
	};
	if (blocker) {
		pci_name(blocker->pci->bdf, name);
		format_text(out->reason, sizeof(out->reason), "%s: %s", name, why);
	} else if (quarantined) {
		pci_name(quarantined->pci->bdf, name);
		format_text(out->reason, sizeof(out->reason), "%s is in quarantine: %s", name,
		            quarantined->quarantine);
	} else {
		string_copy(out->reason, group->pci->reason, sizeof(out->reason));
	}
	if (!blocker)
		out->flags |= CORDON_GROUP_VIABLE;
	if (group->container) {
		out->flags |= CORDON_GROUP_CONTAINER;
		spin_lock(&group->container->lock);
		if (group->container->task)
			out->flags |= CORDON_GROUP_LOCKED;
		spin_unlock(&group->container->lock);
	}
}

void function_describe_locked(const struct group *group, const struct function *function,
                              struct cordon_device_desc *out)
{
	const struct pci_function *pci = function->pci;

	DEBUG_ASSERT(mutex_held(&vfio_lock));
	*out = (struct cordon_device_desc){
	        .bdf = pci->bdf,
	        .vendor = pci->vendor,
	        .device = pci->device,
	        .subsystem_vendor = pci->subsystem_vendor,
	        .subsystem_device = pci->subsystem_device,
	        .class_code = pci->class_code,
	        .group = group->pci->number,
	};
	if (function_is_bridge(pci))
		out->flags |= CORDON_DEVICE_BRIDGE;
	if (pci_has_flr(pci))
		out->flags |= CORDON_DEVICE_FLR;
	if (function->device)
		out->flags |= CORDON_DEVICE_OPEN;
	if (function->quarantine)
		out->flags |= CORDON_DEVICE_QUARANTINE;
	if (function->refused && !function_is_bridge(pci))
		out->flags |= CORDON_DEVICE_REFUSED;
}

uint64_t groups_quarantined(void)
{
	struct group *group;
	uint64_t count = 0;

	mutex_lock(&vfio_lock);
	list_for_each(group, &groups, link)
	{
		for (uint32_t i = 0; i < group->function_count; i++)
			count += group->functions[i].quarantine != NULL;
	}
	mutex_unlock(&vfio_lock);
	return count;
}
