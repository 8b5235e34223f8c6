/* SPDX-License-Identifier: MIT */
#include <cordon/errno.h>
#include <drivers/vfio/mapping.h>
#include <kernel/aspace.h>
#include <kernel/handle.h>
#include <kernel/heap.h>
#include <kernel/string.h>

#define DIRECTIONS (CORDON_DMA_READ | CORDON_DMA_WRITE)

#define PIECES_GROWTH 4

int mapping_check(const struct cordon_dma_map *args)
{
	if (args->flags == 0 || args->flags & ~DIRECTIONS || args->size == 0 ||
	    !is_aligned(args->iova | args->offset | args->size, PAGE_SIZE))
		return -EINVAL;
	if (args->size - 1 > UINT64_MAX - args->iova || args->size - 1 > UINT64_MAX - args->offset)
		return -EOVERFLOW;
	return 0;
}

static size_t pieces_size(uint32_t room)
{
	return room * sizeof(struct mapping_piece);
}

static void mapping_free_pieces(struct mapping *mapping)
{
	if (mapping->pieces != &mapping->single)
		account_free(mapping->account, mapping->pieces, pieces_size(mapping->piece_room));
}

static int mapping_grow(struct mapping *mapping)
{
	uint32_t room = PIECES_GROWTH * mapping->piece_room;
	struct mapping_piece *pieces = account_alloc(mapping->account, pieces_size(room));

	if (!pieces)
		return -ENOMEM;
	memcpy(pieces, mapping->pieces, mapping->piece_count * sizeof(*pieces));
	mapping_free_pieces(mapping);
	mapping->pieces = pieces;
	mapping->piece_room = room;
	return 0;
}

/* Whether a piece goes on where the last one ends. */
static bool mapping_continues(const struct mapping *mapping, const struct memory *memory,
                              uint64_t offset)
{
	const struct mapping_piece *last = &mapping->pieces[mapping->piece_count - 1];

	return last->memory == memory && last->offset + last->size == offset;
}

/* Adds a piece at the end. Takes the reference over when it succeeds. */
static int mapping_append(struct mapping *mapping, struct memory *memory, uint64_t offset,
                          uint64_t size)
{
	if (mapping->piece_count > 0 && mapping_continues(mapping, memory, offset)) {
		mapping->pieces[mapping->piece_count - 1].size += size;
		object_unref(&memory->object);
		return 0;
	}
	if (mapping->piece_count == mapping->piece_room && mapping_grow(mapping))
		return -ENOMEM;
	mapping->pieces[mapping->piece_count++] = (struct mapping_piece){memory, offset, size};
	__atomic_fetch_add(&memory->dma_mappings, 1, __ATOMIC_RELAXED);
	return 0;
}

/* Whether devices may reach memory of this kind in these directions. Memory of the image is
 * shared by everybody and stays as it is. */
static bool memory_is_target(const struct memory *memory, uint32_t flags)
{
	return memory->kind == MEMORY_RAM ||
	       (memory->kind == MEMORY_STATIC && !(flags & CORDON_DMA_WRITE));
}

static int mapping_resolve_handle(struct mapping *mapping, const struct cordon_dma_map *args,
                                  struct handle_table *handles)
{
	uint32_t rights = CORDON_RIGHT_MAP;
	struct object *object;
	struct memory *memory;
	int error;

	if (args->flags & CORDON_DMA_READ)
		rights |= CORDON_RIGHT_READ;
	if (args->flags & CORDON_DMA_WRITE)
		rights |= CORDON_RIGHT_WRITE;
	error = handle_get(handles, args->memory, CORDON_OBJECT_MEMORY, rights, &object, NULL);
	if (error)
		return error;
	memory = memory_from(object);
	if (!memory_is_target(memory, args->flags))
		error = -EINVAL;
	else if (args->offset >= memory->size || args->size > memory->size - args->offset)
		error = -ERANGE;
	else
		error = mapping_append(mapping, memory, args->offset, args->size);
	if (error)
		object_unref(object);
	return error;
}

static int mapping_resolve_range(struct mapping *mapping, const struct cordon_dma_map *args,
                                 struct aspace *aspace)
{
	uint32_t prot = 0;
	uint64_t done = 0;

	if (args->flags & CORDON_DMA_READ)
		prot |= CORDON_PROT_READ;
	if (args->flags & CORDON_DMA_WRITE)
		prot |= CORDON_PROT_WRITE;
	while (done < args->size) {
		struct memory *memory;
		uint64_t offset, size;
		int error = aspace_resolve(aspace, uaddr(args->offset + done), args->size - done,
		                           prot, &memory, &offset, &size);

		if (error)
			return error;
		error = -EFAULT;
		if (memory_is_target(memory, args->flags))
			error = mapping_append(mapping, memory, offset, size);
		if (error) {
			object_unref(&memory->object);
			return error;
		}
		done += size;
	}
	return 0;
}

int mapping_resolve(struct mapping *mapping, const struct cordon_dma_map *args,
                    struct handle_table *handles, struct aspace *aspace)
{
	int error;

	mapping->pieces = &mapping->single;
	mapping->piece_count = 0;
	mapping->piece_room = 1;
	mapping->flags = args->flags;
	mapping->node.start = args->iova;
	mapping->node.end = args->iova + args->size;
	if (args->memory == CORDON_HANDLE_NONE)
		error = mapping_resolve_range(mapping, args, aspace);
	else
		error = mapping_resolve_handle(mapping, args, handles);
	if (error)
		mapping_release(mapping);
	return error;
}

void mapping_release(struct mapping *mapping)
{
	for (uint32_t i = 0; i < mapping->piece_count; i++) {
		struct memory *memory = mapping->pieces[i].memory;

		__atomic_fetch_sub(&memory->dma_mappings, 1, __ATOMIC_RELAXED);
		object_unref(&memory->object);
	}
	mapping_free_pieces(mapping);
	mapping->piece_count = 0;
}

/* Never taken out again; kept reachable for whoever inspects a dead unit. */
static struct spinlock quarantine_lock = SPINLOCK_INIT(RANK_FAULTS, "quarantine");
static struct mapping_list quarantine;
static uint64_t quarantine_bytes;

void mapping_quarantine(struct mapping *mapping)
{
	uint64_t bytes = mapping_size(mapping);

	/* Nobody's any more, like the tables (drivers/iommu/gather.c). */
	if (mapping->pieces != &mapping->single)
		account_uncharge(mapping->account, CHARGE_KERNEL,
		                 heap_cost(pieces_size(mapping->piece_room)));
	account_uncharge(mapping->account, CHARGE_KERNEL, heap_cost(sizeof(*mapping)));
	account_unref(mapping->account);
	mapping->account = NULL;
	spin_lock(&quarantine_lock);
	mapping_list_push(&quarantine, mapping);
	quarantine_bytes += bytes;
	spin_unlock(&quarantine_lock);
}

uint64_t mapping_quarantined_bytes(void)
{
	return quarantine_bytes;
}
