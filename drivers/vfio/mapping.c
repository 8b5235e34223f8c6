/* SPDX-License-Identifier: MIT */
#include <cordon/errno.h>
#include <drivers/vfio/mapping.h>
#include <kernel/aspace.h>
#include <kernel/handle.h>
#include <kernel/heap.h>
#include <kernel/string.h>

#define DIRECTIONS (CORDON_DMA_READ | CORDON_DMA_WRITE)

#define PIECES_FIRST 4 /* room of the first array */

int mapping_check(const struct cordon_dma_map *args)
{
	if (args->flags == 0 || args->flags & ~DIRECTIONS || args->size == 0 ||
	    !is_aligned(args->iova | args->offset | args->size, PAGE_SIZE))
		return -EINVAL;
	if (args->size - 1 > UINT64_MAX - args->iova || args->size - 1 > UINT64_MAX - args->offset)
		return -EOVERFLOW;
	return 0;
}

static void memory_dma_count(struct memory *memory, uint32_t change)
{
	spin_lock(&memory->lock);
	memory->dma_mappings += change;
	spin_unlock(&memory->lock);
}

static int mapping_grow(struct mapping *draft)
{
	uint32_t room = draft->piece_room ? 2 * draft->piece_room : PIECES_FIRST;
	struct mapping_piece *pieces = heap_alloc_array(room, sizeof(*pieces));

	if (!pieces)
		return -ENOMEM;
	memcpy(pieces, draft->pieces, draft->piece_count * sizeof(*pieces));
	if (draft->piece_room)
		heap_free(draft->pieces);
	draft->pieces = pieces;
	draft->piece_room = room;
	return 0;
}

/* Adds a piece at the end. Takes the reference over when it succeeds. */
static int mapping_append(struct mapping *draft, struct memory *memory, uint64_t offset,
                          uint64_t size)
{
	struct mapping_piece *last;

	if (draft->piece_count == 0) {
		draft->pieces = &draft->single;
		draft->piece_room = 0;
	} else {
		last = &draft->pieces[draft->piece_count - 1];
		if (last->memory == memory && last->offset + last->size == offset) {
			last->size += size;
			object_unref(&memory->object);
			return 0;
		}
		if (draft->piece_count >= (draft->piece_room ? draft->piece_room : 1)) {
			int error = mapping_grow(draft);

			if (error)
				return error;
		}
	}
	draft->pieces[draft->piece_count++] = (struct mapping_piece){
	        .memory = memory, .offset = offset, .size = size};
	memory_dma_count(memory, 1);
	return 0;
}

/* Whether devices may reach memory of this kind in these directions. Memory of the image is
 * shared by everybody and stays as it is. */
static bool memory_is_target(const struct memory *memory, uint32_t flags)
{
	return memory->kind == MEMORY_RAM ||
	       (memory->kind == MEMORY_STATIC && !(flags & CORDON_DMA_WRITE));
}

static int mapping_resolve_handle(struct mapping *draft, const struct cordon_dma_map *args,
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
		error = mapping_append(draft, memory, args->offset, args->size);
	if (error)
		object_unref(object);
	return error;
}

static int mapping_resolve_range(struct mapping *draft, const struct cordon_dma_map *args,
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
			error = mapping_append(draft, memory, offset, size);
		if (error) {
			object_unref(&memory->object);
			return error;
		}
		done += size;
	}
	return 0;
}

int mapping_resolve(struct mapping *draft, const struct cordon_dma_map *args,
                    struct handle_table *handles, struct aspace *aspace)
{
	int error;

	draft->piece_count = 0;
	draft->flags = args->flags;
	draft->node.start = args->iova;
	draft->node.end = args->iova + args->size;
	if (args->memory == CORDON_HANDLE_NONE)
		error = mapping_resolve_range(draft, args, aspace);
	else
		error = mapping_resolve_handle(draft, args, handles);
	if (error)
		mapping_release(draft);
	return error;
}

void mapping_adopt(struct mapping *mapping, struct mapping *draft)
{
	mapping->flags = draft->flags;
	mapping->node.start = draft->node.start;
	mapping->node.end = draft->node.end;
	mapping->piece_count = draft->piece_count;
	mapping->piece_room = draft->piece_room;
	mapping->single = draft->single;
	mapping->pieces = draft->piece_room ? draft->pieces : &mapping->single;
	draft->piece_count = 0;
}

void mapping_release(struct mapping *mapping)
{
	if (mapping->piece_count == 0)
		return;
	for (uint32_t i = 0; i < mapping->piece_count; i++) {
		struct memory *memory = mapping->pieces[i].memory;

		memory_dma_count(memory, (uint32_t)-1);
		object_unref(&memory->object);
	}
	if (mapping->piece_room)
		heap_free(mapping->pieces);
	mapping->piece_count = 0;
}

/* Never taken out again; kept reachable for whoever inspects a dead unit. */
static struct spinlock quarantine_lock = SPINLOCK_INIT(RANK_FAULTS, "quarantine");
static struct mapping_list quarantine;
static uint64_t quarantine_bytes;

void mapping_quarantine(struct mapping *mapping)
{
	uint64_t bytes = mapping_size(mapping);

	spin_lock(&quarantine_lock);
	mapping_list_push(&quarantine, mapping);
	quarantine_bytes += bytes;
	spin_unlock(&quarantine_lock);
}

uint64_t mapping_quarantined_bytes(void)
{
	return quarantine_bytes;
}
