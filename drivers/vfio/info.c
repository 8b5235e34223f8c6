/* SPDX-License-Identifier: MIT */
/* Start of the folder, and what it tells the holder of the authority. */
#include <cordon/errno.h>
#include <cordon/system.h>
#include <drivers/iommu/iommu.h>
#include <drivers/vfio/container.h>
#include <drivers/vfio/group.h>
#include <drivers/vfio/vfio.h>
#include <kernel/string.h>
#include <kernel/system.h>

static int info_group(uint32_t index, struct cordon_group_desc *out)
{
	const struct group *group;
	int error = -ENOENT;

	mutex_lock(&vfio_lock);
	group = group_at(index);
	if (group) {
		group_describe_locked(group, &out->status);
		out->holder = group->task;
		string_copy(out->holder_name, group->task_name, sizeof(out->holder_name));
		error = 0;
	}
	mutex_unlock(&vfio_lock);
	return error;
}

static int info_device(uint32_t index, struct cordon_device_desc *out)
{
	const struct group *group;
	int error = -ENOENT;

	mutex_lock(&vfio_lock);
	for (uint32_t i = 0; (group = group_at(i)) != NULL; i++) {
		if (index < group->function_count) {
			function_describe_locked(group, &group->functions[index], out);
			error = 0;
			break;
		}
		index -= group->function_count;
	}
	mutex_unlock(&vfio_lock);
	return error;
}

/* The index-th container that has a group; the others have no mappings, and nothing to tell. */
static struct container *container_at_locked(uint32_t index)
{
	const struct group *group;

	DEBUG_ASSERT(mutex_held(&vfio_lock));
	for (uint32_t i = 0; (group = group_at(i)) != NULL; i++) {
		struct container *container = group->container;

		if (container &&
		    group == list_first(&container->groups, struct group, container_link) &&
		    index-- == 0)
			return container;
	}
	return NULL;
}

static int info_container(uint32_t index, struct cordon_container_desc *out)
{
	struct container *container;

	mutex_lock(&vfio_lock);
	container = container_at_locked(index);
	if (container)
		container_report_locked(container, out);
	mutex_unlock(&vfio_lock);
	return container ? 0 : -ENOENT;
}

static int info_mapping(uint32_t index, struct cordon_mapping_desc *out)
{
	struct container *container;
	int error = -ENOENT;

	mutex_lock(&vfio_lock);
	for (uint32_t i = 0; (container = container_at_locked(i)) != NULL; i++) {
		uint32_t count;

		if (container_piece(container, index, out, &count)) {
			error = 0;
			break;
		}
		index -= count;
	}
	mutex_unlock(&vfio_lock);
	return error;
}

static int info_fault(uint32_t index, struct cordon_fault *out)
{
	/* One of the past second may still wait in the unit. */
	if (index == 0)
		iommu_poll_faults();
	return faults_system(index, out) ? 0 : -ENOENT;
}

int vfio_info(uint32_t topic, uint32_t index, void *record, size_t *size)
{
	size_t room = *size;

	switch (topic) {
	case CORDON_SYSTEM_IOMMU:
		*size = sizeof(struct cordon_iommu_desc);
		break;
	case CORDON_SYSTEM_GROUPS:
		*size = sizeof(struct cordon_group_desc);
		break;
	case CORDON_SYSTEM_DEVICES:
		*size = sizeof(struct cordon_device_desc);
		break;
	case CORDON_SYSTEM_MAPPINGS:
		*size = sizeof(struct cordon_mapping_desc);
		break;
	case CORDON_SYSTEM_FAULTS:
		*size = sizeof(struct cordon_fault);
		break;
	case CORDON_SYSTEM_CONTAINERS:
		*size = sizeof(struct cordon_container_desc);
		break;
	default:
		return -EINVAL;
	}
	if (room < *size)
		return -EMSGSIZE;
	memset(record, 0, *size);
	switch (topic) {
	case CORDON_SYSTEM_IOMMU:
		return iommu_describe(index, record) ? 0 : -ENOENT;
	case CORDON_SYSTEM_GROUPS:
		return info_group(index, record);
	case CORDON_SYSTEM_DEVICES:
		return info_device(index, record);
	case CORDON_SYSTEM_MAPPINGS:
		return info_mapping(index, record);
	case CORDON_SYSTEM_CONTAINERS:
		return info_container(index, record);
	default:
		return info_fault(index, record);
	}
}

void vfio_init(void)
{
	static const enum cordon_system_topic topics[] = {
	        CORDON_SYSTEM_IOMMU,    CORDON_SYSTEM_GROUPS, CORDON_SYSTEM_DEVICES,
	        CORDON_SYSTEM_MAPPINGS, CORDON_SYSTEM_FAULTS, CORDON_SYSTEM_CONTAINERS,
	};

	for (size_t i = 0; i < ARRAY_SIZE(topics); i++)
		system_provide(topics[i], vfio_info);
	system_counter("faults", faults_count);
	system_counter("faults_lost", faults_lost);
	system_counter("iommu.invalidations", iommu_invalidation_count);
	system_counter("quarantined_devices", groups_quarantined);
	system_counter("quarantined_bytes", mapping_quarantined_bytes);
	faults_init();
	groups_init();
}
