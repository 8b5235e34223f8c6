/* SPDX-License-Identifier: MIT */
#include <cordon/errno.h>
#include <drivers/vfio/container.h>
#include <drivers/vfio/group.h>
#include <drivers/vfio/vfio.h>
#include <kernel/heap.h>
#include <kernel/panic.h>
#include <kernel/string.h>
#include <kernel/task.h>

#define LOG_TAG "vfio"
#include <kernel/log.h>

/* The last handle went. */
static void container_unreachable(struct object *object)
{
	struct container *container = container_from(object);

	mutex_lock(&vfio_lock);
	container->reachable = false;
	container_settle_locked(container);
	mutex_unlock(&vfio_lock);
}

static void container_destroy(struct object *object)
{
	struct container *container = container_from(object);

	/* Each group in it would hold a reference. */
	ASSERT(container->group_count == 0 && !container->domain);
	ASSERT(tree_empty(&container->mappings) && container->spare.count == 0);
	account_free_object(container->account, container, sizeof(*container));
}

static const struct object_ops container_ops = {
        .name = "container",
        .type = CORDON_OBJECT_CONTAINER,
        .rights = CORDON_RIGHT_READ | CORDON_RIGHT_WRITE | CORDON_RIGHT_DUP |
                  CORDON_RIGHT_TRANSFER | CORDON_RIGHT_WAIT,
        .unreachable = container_unreachable,
        .destroy = container_destroy,
};

int container_create(struct account *account, struct container **out)
{
	struct container *container;

	if (!iommu_usable(NULL))
		return -ENODEV;
	container = account_alloc_object(account, sizeof(*container));
	if (!container)
		return -ENOMEM;
	object_init(&container->object, &container_ops);
	container->account = account;
	container->reachable = true;
	list_init(&container->groups);
	spin_init(&container->lock, RANK_CONTAINER, "container");
	tree_init(&container->mappings);
	fault_queue_init(&container->faults, &container->object);
	*out = container;
	return 0;
}

void container_bind_locked(struct container *container, const struct task *task)
{
	DEBUG_ASSERT(spin_held(&container->lock));
	if (container->task)
		return;
	container->task = task->id;
	string_copy(container->task_name, task->name, sizeof(container->task_name));
}

bool container_admits(struct container *container, struct task *task)
{
	uint64_t bound;

	spin_lock(&container->lock);
	bound = container->task;
	spin_unlock(&container->lock);
	return bound == 0 || bound == task->id ||
	       handle_table_holds(&task->handles, &container->object);
}

/* Blocks the requesters of a group again. */
static void detach_requesters(struct container *container, struct iommu_domain *domain,
                              struct group *group)
{
	for (uint32_t i = 0; i < group->requester_count; i++) {
		if (group_detach_locked(group, &group->requesters[i], domain))
			container->unconfirmed = true;
	}
}

/* Attaches the requesters of a group, or none. One of a device in quarantine stays blocked. */
static int attach_requesters(struct container *container, struct iommu_domain *domain,
                             struct group *group)
{
	for (uint32_t i = 0; i < group->requester_count; i++) {
		struct requester *requester = &group->requesters[i];
		int error;

		if (group_requester_quarantined(group, requester))
			continue;
		error = group_attach_locked(group, requester, domain);
		if (error) {
			detach_requesters(container, domain, group);
			return error;
		}
	}
	return 0;
}

/* Opens the windows that the domain has now. -EINVAL when a live mapping lies outside of them: the
 * set is then as before. */
static int refresh_windows_locked(struct container *container, struct iommu_domain *domain)
{
	struct cordon_iova_range ranges[CORDON_IOVA_RANGES_MAX];
	struct window_set windows;
	struct tree_node *node;

	DEBUG_ASSERT(spin_held(&container->lock));
	window_set_init(&windows, ranges, iommu_domain_ranges(domain, ranges, ARRAY_SIZE(ranges)));
	tree_for_each(node, &container->mappings)
	{
		struct window *window = window_find(&windows, node->start, node->end - 1);

		if (!window)
			return -EINVAL;
		window->mapped_bytes += node->end - node->start;
	}
	container->windows = windows;
	return 0;
}

int container_add_group_locked(struct container *container, struct group *group,
                               const struct task *task)
{
	struct iommu_domain *domain = container->domain;
	bool first = domain == NULL;
	int error;

	DEBUG_ASSERT(mutex_held(&vfio_lock));
	if (group->container || group->open_devices || group_blocker(group, NULL))
		return -EBUSY;
	if (!group->unit)
		return -ENODEV;
	if (!first && !iommu_domain_fits(domain, group->unit))
		return -EXDEV;

	if (first) {
		error = iommu_domain_create(group->unit, task->account, &domain);
		if (error)
			return error;
	}
	error = attach_requesters(container, domain, group);
	if (error)
		goto drop;
	spin_lock(&container->lock);
	error = refresh_windows_locked(container, domain);
	if (!error)
		container->domain = domain;
	if (!error && first)
		container_keep_for_locked(container, task->account);
	spin_unlock(&container->lock);
	if (error)
		goto detach;

	/* The caller has a handle, so it is reachable, even if the last one went while the call
	 * was on its way. */
	container->reachable = true;
	if (first)
		fault_queue_enlist(&container->faults);
	object_ref(&container->object);
	group->container = container;
	list_append(&container->groups, &group->container_link);
	container->group_count++;
	group_hold_locked(group, task);
	return 0;

detach:
	detach_requesters(container, domain, group);
drop:
	if (first)
		iommu_domain_destroy(domain);
	return error;
}

/* The last group left: nothing translates through the domain any more. */
static void container_end_domain_locked(struct container *container)
{
	struct iommu_domain *domain = container->domain;

	DEBUG_ASSERT(mutex_held(&vfio_lock));
	spin_lock(&container->lock);
	container->ending = true;
	spin_unlock(&container->lock);
	container_clear(container);
	spin_lock(&container->lock);
	container_keep_for_locked(container, NULL);
	container->domain = NULL;
	container->ending = false;
	container->unconfirmed = false;
	container->windows.count = 0;
	spin_unlock(&container->lock);
	iommu_domain_destroy(domain);
	fault_queue_remove(&container->faults);
}

void container_leave_locked(struct container *container, struct group *group)
{
	DEBUG_ASSERT(mutex_held(&vfio_lock));
	ASSERT(group->container == container && group->open_devices == 0);
	detach_requesters(container, container->domain, group);
	/* What the devices tried until now is still their task's doing. */
	iommu_poll_faults();
	group_release_locked(group);
	list_remove(&group->container_link);
	group->container = NULL;
	if (--container->group_count == 0)
		container_end_domain_locked(container);
	object_unref(&container->object);
}

void container_settle_locked(struct container *container)
{
	DEBUG_ASSERT(mutex_held(&vfio_lock));
	if (container->reachable || container->open_devices)
		return;
	object_ref(&container->object);
	while (!list_empty(&container->groups))
		container_leave_locked(
		        container, list_first(&container->groups, struct group, container_link));
	object_unref(&container->object);
}

void container_describe(struct container *container, const struct account *account,
                        struct cordon_container_info *out)
{
	*out = (struct cordon_container_info){0};
	mutex_lock(&vfio_lock);
	out->groups = container->group_count;
	spin_lock(&container->lock);
	out->mappings = container->mapping_count;
	out->mappings_max = (uint32_t)min_u64(account->limit[CHARGE_MAPPINGS], UINT32_MAX);
	out->mapped_bytes = window_set_mapped(&container->windows);
	if (container->domain) {
		out->page_sizes = iommu_domain_page_sizes(container->domain);
		out->address_bits = iommu_domain_address_bits(container->domain);
		out->coherent = iommu_domain_coherent(container->domain);
		out->range_count = container->windows.count;
		for (uint32_t i = 0; i < out->range_count; i++) {
			out->ranges[i].start = container->windows.windows[i].first;
			out->ranges[i].last = container->windows.windows[i].last;
		}
	}
	spin_unlock(&container->lock);
	mutex_unlock(&vfio_lock);
}

void container_report_locked(struct container *container, struct cordon_container_desc *out)
{
	DEBUG_ASSERT(mutex_held(&vfio_lock));
	*out = (struct cordon_container_desc){
	        .container = container->object.id,
	        .groups = container->group_count,
	        .devices = container->open_devices,
	};
	spin_lock(&container->lock);
	out->holder = container->task;
	string_copy(out->holder_name, container->task_name, sizeof(out->holder_name));
	out->mappings = container->mapping_count;
	out->mapped_bytes = window_set_mapped(&container->windows);
	out->tables = container->domain ? iommu_domain_tables(container->domain) : 0;
	spin_unlock(&container->lock);
}
