/* SPDX-License-Identifier: MIT */
/*
 * Mapping and unmapping. The order that S3 rests on, for every way a mapping ends: entries out of
 * the tables, invalidation confirmed, only then references to the memory dropped. All of it under
 * the container's lock, so that an IOVA is not given out again before its old translation is gone.
 */
#include <cordon/errno.h>
#include <drivers/vfio/container.h>
#include <kernel/heap.h>
#include <kernel/panic.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/task.h>

#define LOG_TAG "vfio"
#include <kernel/log.h>

#define SPARE_MAX 64 /* nodes a container keeps: as many as a batch often has */

static struct mapping *mapping_get_locked(struct container *container, struct account *account)
{
	struct mapping *mapping = NULL;

	if (account == container->keeper)
		mapping = mapping_list_pop(&container->spare);
	if (mapping)
		return mapping;
	mapping = account_alloc(account, sizeof(*mapping));
	if (!mapping)
		return NULL;
	account_ref(account);
	mapping->account = account;
	return mapping;
}

static void mapping_free(struct mapping *mapping)
{
	struct account *account = mapping->account;

	account_free(account, mapping, sizeof(*mapping));
	account_unref(account);
}

static void mapping_put_locked(struct container *container, struct mapping *mapping)
{
	if (mapping->account == container->keeper && container->spare.count < SPARE_MAX)
		mapping_list_push(&container->spare, mapping);
	else
		mapping_free(mapping);
}

void container_keep_for_locked(struct container *container, struct account *account)
{
	struct mapping *mapping;

	DEBUG_ASSERT(spin_held(&container->lock));
	container->keeper = account;
	while ((mapping = mapping_list_pop(&container->spare)) != NULL)
		mapping_free(mapping);
}

/* After the flush: frames go back, or into quarantine when this one or one before was not
 * confirmed: a requester that may still translate reaches them. */
static void mappings_finish_locked(struct container *container, struct mapping_list *gone,
                                   int flush_error)
{
	struct mapping *mapping;

	if (flush_error)
		container->unconfirmed = true;
	if (container->unconfirmed && gone->count)
		log_error("%u mappings stay in quarantine: the unit did not confirm", gone->count);
	while ((mapping = mapping_list_pop(gone)) != NULL) {
		if (container->unconfirmed) {
			mapping_quarantine(mapping);
			continue;
		}
		mapping_release(mapping);
		mapping_put_locked(container, mapping);
	}
}

/* Takes one mapping out of the tree and the tables; what it held waits in gone for the flush. */
static void mapping_remove_locked(struct container *container, struct mapping *mapping,
                                  struct iommu_gather *gather, struct mapping_list *gone)
{
	uint64_t start = mapping->node.start;
	uint64_t size = mapping_size(mapping);
	struct window *window = window_find(&container->windows, start, start + size - 1);

	tree_remove(&container->mappings, &mapping->node);
	iommu_unmap(container->domain, iova(start), size, gather);
	account_uncharge(mapping->account, CHARGE_MAPPINGS, mapping->piece_count);
	container->mapping_count--;
	ASSERT(window);
	window->mapped_bytes -= size;
	mapping_list_push(gone, mapping);
}

/* Stores the translations of a mapping, one call for each contiguous run. What was stored when it
 * fails is taken back, owing a flush. */
static int mapping_store_locked(struct container *container, const struct mapping *mapping,
                                struct iommu_gather *gather)
{
	uint64_t start = mapping->node.start;
	uint64_t done = 0;

	for (uint32_t i = 0; i < mapping->piece_count; i++) {
		const struct mapping_piece *piece = &mapping->pieces[i];
		uint64_t offset = 0;

		while (offset < piece->size) {
			paddr_t base;
			uint64_t run = memory_run(piece->memory, piece->offset + offset,
			                          piece->size - offset, &base);
			int error = iommu_map(container->domain, iova(start + done), base, run,
			                      mapping->flags, gather);

			if (error) {
				if (done)
					iommu_unmap(container->domain, iova(start), done, gather);
				return error;
			}
			offset += run;
			done += run;
		}
	}
	return 0;
}

/* Puts a mapping, whose memory is found, into tree and tables. On failure it is in neither. */
static int mapping_add_locked(struct container *container, struct mapping *mapping,
                              struct iommu_gather *gather)
{
	uint64_t start = mapping->node.start;
	uint64_t end = mapping->node.end;
	struct window *window = window_find(&container->windows, start, end - 1);
	int error;

	if (!window)
		return -EINVAL;
	if (account_charge(mapping->account, CHARGE_MAPPINGS, mapping->piece_count))
		return -ENOSPC;
	error = -EEXIST;
	if (!tree_insert(&container->mappings, &mapping->node))
		goto uncharge;
	error = mapping_store_locked(container, mapping, gather);
	if (error)
		goto remove;
	window->mapped_bytes += end - start;
	container->mapping_count++;
	return 0;

remove:
	tree_remove(&container->mappings, &mapping->node);
uncharge:
	account_uncharge(mapping->account, CHARGE_MAPPINGS, mapping->piece_count);
	return error;
}

/* Maps a checked request. When it fails after the memory was found, that waits in gone for the
 * flush, because the tables may have led to it for a moment. */
static int container_map_locked(struct container *container, const struct cordon_dma_map *args,
                                struct task *task, struct iommu_gather *gather,
                                struct mapping_list *gone)
{
	struct mapping *mapping;
	int error;

	DEBUG_ASSERT(spin_held(&container->lock));
	if (!container->domain || container->ending)
		return -EINVAL;
	mapping = mapping_get_locked(container, task->account);
	if (!mapping)
		return -ENOMEM;
	error = mapping_resolve(mapping, args, &task->handles, task->aspace);
	if (error) {
		mapping_put_locked(container, mapping);
		return error;
	}
	error = mapping_add_locked(container, mapping, gather);
	if (error)
		mapping_list_push(gone, mapping);
	return error;
}

int container_map(struct container *container, const struct cordon_dma_map *args, struct task *task)
{
	struct iommu_gather gather;
	struct mapping_list gone = {0};
	int error, flushed;

	iommu_gather_init(&gather);
	gather.payer = task->account;
	spin_lock(&container->lock);
	container_bind_locked(container, task);
	error = container_map_locked(container, args, task, &gather, &gone);
	flushed = iommu_gather_flush(&gather);
	if (flushed && !error) {
		/* The unit is dead. The mapping must not look as if it could be used. */
		struct tree_node *node = tree_find(&container->mappings, args->iova);

		mapping_remove_locked(container, mapping_from(node), &gather, &gone);
		iommu_gather_flush(&gather);
		error = flushed;
	}
	if (gone.first || flushed)
		mappings_finish_locked(container, &gone, flushed);
	spin_unlock(&container->lock);
	return error;
}

/* Whether [start, last] cuts no mapping in two. node: what tree_find says of start. Mostly it is
 * the only one in there, and nothing more has to be looked for. */
static bool range_is_whole_locked(const struct container *container, const struct tree_node *node,
                                  uint64_t start, uint64_t last)
{
	if (node && node->start < start)
		return false;
	if (node && node->end - 1 < last)
		node = tree_find(&container->mappings, last);
	return !node || node->start > last || node->end - 1 <= last;
}

/* In the middle of a long operation: what is gone by now is confirmed and released, and others may
 * run, also in this container. */
static int container_pause_locked(struct container *container, struct iommu_gather *gather,
                                  struct mapping_list *gone)
{
	int flushed = iommu_gather_flush_early(gather);

	mappings_finish_locked(container, gone, flushed);
	spin_unlock(&container->lock);
	sched_point();
	spin_lock(&container->lock);
	return flushed;
}

/* The mapping, if it does not go beyond last; else NULL. */
static struct tree_node *up_to(struct tree_node *node, uint64_t last)
{
	return node && node->end - 1 <= last ? node : NULL;
}

/* The first mapping that lies wholly in [start, last]; NULL: there is none. */
static struct tree_node *range_first_locked(const struct container *container, uint64_t start,
                                            uint64_t last)
{
	struct tree_node *node = tree_find(&container->mappings, start);

	if (node && node->start < start)
		node = tree_next(node);
	return up_to(node, last);
}

/* Removes the mappings of a range. *bytes: how much. Returns 0, or -EINVAL with nothing done, or
 * -EIO when the unit stopped confirming. Many go with pauses: what others map meanwhile that is not
 * wholly in the range stays. */
static int container_unmap_locked(struct container *container, uint64_t start, uint64_t last,
                                  struct iommu_gather *gather, struct mapping_list *gone,
                                  uint64_t *bytes)
{
	struct tree_node *node = tree_find(&container->mappings, start);
	int error;

	DEBUG_ASSERT(spin_held(&container->lock));
	*bytes = 0;
	if (!range_is_whole_locked(container, node, start, last))
		return -EINVAL;
	node = up_to(node, last);
	while (node) {
		struct tree_node *next = tree_next(node);

		*bytes += node->end - node->start;
		mapping_remove_locked(container, mapping_from(node), gather, gone);
		node = up_to(next, last);
		if (!node || gone->count < SCHED_POINT_EVERY)
			continue;
		error = container_pause_locked(container, gather, gone);
		if (error)
			return error;
		node = range_first_locked(container, start, last);
	}
	return 0;
}

/* Checks an unmap request. *last: the last IOVA of the range. */
static int unmap_check(uint64_t start, uint64_t size, uint64_t *last)
{
	bool everything = start == 0 && size == UINT64_MAX;

	if (size == 0 || (!everything && !is_aligned(start | size, PAGE_SIZE)))
		return -EINVAL;
	if (size - 1 > UINT64_MAX - start)
		return -EOVERFLOW;
	*last = start + (size - 1);
	return 0;
}

int container_unmap(struct container *container, uint64_t start, uint64_t size, uint64_t *unmapped)
{
	struct iommu_gather gather;
	struct mapping_list gone = {0};
	uint64_t last;
	int flushed;
	int error = unmap_check(start, size, &last);

	*unmapped = 0;
	if (error)
		return error;
	iommu_gather_init(&gather);
	spin_lock(&container->lock);
	error = container_unmap_locked(container, start, last, &gather, &gone, unmapped);
	flushed = iommu_gather_flush(&gather);
	mappings_finish_locked(container, &gone, flushed);
	spin_unlock(&container->lock);
	return error ? error : flushed;
}

static int batch_step_locked(struct container *container, struct cordon_dma_op *op,
                             struct task *task, struct iommu_gather *gather,
                             struct mapping_list *gone)
{
	uint64_t last, bytes;
	int error;

	switch (op->op) {
	case CORDON_DMA_OP_MAP:
		error = mapping_check(&op->map);
		return error ? error
		             : container_map_locked(container, &op->map, task, gather, gone);
	case CORDON_DMA_OP_UNMAP:
		error = unmap_check(op->map.iova, op->map.size, &last);
		if (error)
			return error;
		return container_unmap_locked(container, op->map.iova, last, gather, gone, &bytes);
	default:
		return -EINVAL;
	}
}

int container_batch(struct container *container, struct cordon_dma_op *ops, uint32_t count,
                    struct task *task, uint32_t *done)
{
	struct iommu_gather gather;
	struct mapping_list gone = {0};
	int flushed;

	*done = 0;
	iommu_gather_init(&gather);
	gather.payer = task->account;
	spin_lock(&container->lock);
	container_bind_locked(container, task);
	while (*done < count) {
		struct cordon_dma_op *op = &ops[*done];

		op->result = batch_step_locked(container, op, task, &gather, &gone);
		if (op->result)
			break;
		++*done;
	}
	flushed = iommu_gather_flush(&gather);
	mappings_finish_locked(container, &gone, flushed);
	spin_unlock(&container->lock);
	return flushed;
}

void container_clear(struct container *container)
{
	uint64_t unmapped;

	/* Once more when the unit stops confirming: all that is left goes into quarantine. */
	while (container_unmap(container, 0, UINT64_MAX, &unmapped) != 0) {
	}
}

bool container_piece(struct container *container, uint32_t index, struct cordon_mapping_desc *out,
                     uint32_t *count)
{
	struct tree_node *node;
	bool found = false;

	*count = 0;
	spin_lock(&container->lock);
	tree_for_each(node, &container->mappings)
	{
		const struct mapping *mapping = mapping_from(node);
		uint64_t start = node->start;

		if (index - *count >= mapping->piece_count) {
			*count += mapping->piece_count;
			continue;
		}
		for (uint32_t i = 0; i < index - *count; i++)
			start += mapping->pieces[i].size;
		*out = (struct cordon_mapping_desc){
		        .container = container->object.id,
		        .holder = container->task,
		        .iova = start,
		        .size = mapping->pieces[index - *count].size,
		        .memory = mapping->pieces[index - *count].memory->object.id,
		        .offset = mapping->pieces[index - *count].offset,
		        .flags = mapping->flags,
		};
		string_copy(out->holder_name, container->task_name, sizeof(out->holder_name));
		found = true;
		break;
	}
	spin_unlock(&container->lock);
	return found;
}
