/* SPDX-License-Identifier: MIT */
#include <arch/mmio.h>
#include <cordon/errno.h>
#include <kernel/heap.h>
#include <kernel/memory.h>
#include <kernel/page.h>
#include <kernel/panic.h>
#include <kernel/sched.h>
#include <kernel/string.h>

#define FLAGS_KNOWN                                                              \
	(CORDON_MEMORY_CONTIGUOUS | CORDON_MEMORY_HUGE | CORDON_MEMORY_HUGE_1G | \
	 CORDON_MEMORY_SCATTER)

/* A list of extents while it grows. */
struct extents {
	struct account *account;    /* pays for the list */
	struct memory_extent *list; /* heap memory, or NULL while one is enough */
	struct memory_extent single;
	uint32_t count;
	uint32_t capacity;
	uint32_t taken; /* blocks, also those that made an extent longer */
	uint64_t size;  /* bytes described so far */
};

static void memory_unreachable(struct object *object);
static void memory_destroy(struct object *object);

static const struct object_ops ram_ops = {
        .name = "memory",
        .type = CORDON_OBJECT_MEMORY,
        .rights = CORDON_RIGHT_READ | CORDON_RIGHT_WRITE | CORDON_RIGHT_EXEC | CORDON_RIGHT_MAP |
                  CORDON_RIGHT_DUP | CORDON_RIGHT_TRANSFER,
        .unreachable = memory_unreachable,
        .destroy = memory_destroy,
};

static const struct object_ops static_ops = {
        .name = "memory",
        .type = CORDON_OBJECT_MEMORY,
        .rights = CORDON_RIGHT_READ | CORDON_RIGHT_EXEC | CORDON_RIGHT_MAP | CORDON_RIGHT_DUP |
                  CORDON_RIGHT_TRANSFER,
        .destroy = memory_destroy,
};

static const struct object_ops device_ops = {
        .name = "memory",
        .type = CORDON_OBJECT_MEMORY,
        .rights = CORDON_RIGHT_READ | CORDON_RIGHT_WRITE | CORDON_RIGHT_MAP,
        .destroy = memory_destroy,
};

/* --- extents --------------------------------------------------------------------------------- */

static void extents_init(struct extents *extents, struct account *account)
{
	extents->account = account;
	extents->list = NULL;
	extents->count = 0;
	extents->capacity = 0;
	extents->taken = 0;
	extents->size = 0;
}

static struct memory_extent *extents_at(struct extents *extents)
{
	return extents->list ? extents->list : &extents->single;
}

/* How large a list of extents is. */
static size_t extents_bytes(uint32_t capacity)
{
	return capacity * sizeof(struct memory_extent);
}

static __attribute__((noinline)) void extents_free_list(struct account *account,
                                                        struct memory_extent *list,
                                                        uint32_t capacity)
{
	account_free(account, list, extents_bytes(capacity));
}

static int extents_reserve(struct extents *extents, uint32_t capacity)
{
	struct memory_extent *list = account_alloc(extents->account, extents_bytes(capacity));

	if (!list)
		return -ENOMEM;
	memcpy(list, extents_at(extents), extents->count * sizeof(*list));
	extents_free_list(extents->account, extents->list, extents->capacity);
	extents->list = list;
	extents->capacity = capacity;
	return 0;
}

/* Adds a run of frames; one that follows the last in memory makes that one longer. */
static int extents_add(struct extents *extents, paddr_t base, uint64_t size)
{
	if (extents->count > 0) {
		struct memory_extent *last = &extents_at(extents)[extents->count - 1];

		if (last->base.raw + last->size == base.raw) {
			last->size += size;
			extents->size += size;
			return 0;
		}
		if (extents->count >= extents->capacity) {
			int err = extents_reserve(extents,
			                          extents->count < 8 ? 8 : extents->count * 2);

			if (err != 0)
				return err;
		}
	}
	extents_at(extents)[extents->count++] = (struct memory_extent){extents->size, base, size};
	extents->size += size;
	return 0;
}

static void extents_free_frames(const struct memory_extent *list, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		page_free_run(list[i].base, list[i].size >> PAGE_SHIFT);
}

/* The same while others may run. */
static void extents_free_frames_slowly(const struct memory_extent *list, uint32_t count)
{
	while (count > SCHED_POINT_EVERY) {
		extents_free_frames(list, SCHED_POINT_EVERY);
		list += SCHED_POINT_EVERY;
		count -= SCHED_POINT_EVERY;
		sched_point();
	}
	extents_free_frames(list, count);
}

/* --- frames ---------------------------------------------------------------------------------- */

/* Before each block; nobody else knows of the object yet. */
static void frames_pause(struct extents *extents)
{
	if (++extents->taken % SCHED_POINT_EVERY == 0)
		sched_point();
}

/* The order of the largest block that fits into some bytes, at most max. */
static unsigned int order_below(uint64_t bytes, unsigned int max)
{
	unsigned int order = 63 - (unsigned int)__builtin_clzll(bytes >> PAGE_SHIFT);

	return order < max ? order : max;
}

/* The largest blocks that fit and can be had, none smaller than 2^min_order frames. Sizes only
 * fall, so every block is aligned in the object as it is in memory, and large leaves fit. */
static int frames_largest(struct extents *extents, uint64_t size, unsigned int min_order)
{
	unsigned int order = PAGE_ORDER_MAX;

	while (extents->size < size) {
		paddr_t base;
		int err;

		frames_pause(extents);
		order = order_below(size - extents->size, order);
		while ((err = page_alloc(order, &base)) != 0) {
			if (order == min_order)
				return err;
			order--;
		}
		err = extents_add(extents, base, PAGE_SIZE << order);
		if (err != 0) {
			page_free(base, order);
			return err;
		}
	}
	return 0;
}

/* A run of frames; others run while it is looked for. */
static int frames_run(uint64_t frames, unsigned int align_order, paddr_t *base)
{
	uint64_t from = 0;
	int err;

	while ((err = page_alloc_run_part(frames, align_order, &from, base)) == -EAGAIN)
		sched_point();
	return err;
}

static int frames_contiguous(struct extents *extents, uint64_t size, unsigned int align_order)
{
	paddr_t base;
	int err = size == PAGE_SIZE ? page_alloc(0, &base)
	                            : frames_run(size >> PAGE_SHIFT, align_order, &base);

	if (err != 0)
		return err;
	extents->single = (struct memory_extent){0, base, size};
	extents->count = 1;
	extents->size = size;
	return 0;
}

/* Even frames only, so no two of them are adjacent: the upper half of each pair goes back. */
static int frames_scattered(struct extents *extents, uint64_t size)
{
	int err = size >> PAGE_SHIFT > UINT32_MAX
	                  ? -ENOMEM
	                  : extents_reserve(extents, (uint32_t)(size >> PAGE_SHIFT));

	while (err == 0 && extents->size < size) {
		paddr_t base;

		frames_pause(extents);
		err = page_alloc(1, &base);
		if (err != 0)
			break;
		page_free(paddr(base.raw + PAGE_SIZE), 0);
		err = extents_add(extents, base, PAGE_SIZE);
	}
	return err;
}

/* The order of the smallest block that the flags allow, which is also how the first is aligned. */
static unsigned int order_of(uint32_t flags)
{
	if (flags & CORDON_MEMORY_HUGE_1G)
		return 18;
	return flags & CORDON_MEMORY_HUGE ? 9 : 0;
}

static int frames_get(struct extents *extents, uint64_t size, uint32_t flags)
{
	unsigned int min_order = order_of(flags);

	if (size == PAGE_SIZE) /* lies in every way at once */
		return frames_contiguous(extents, size, 0);
	if (flags & CORDON_MEMORY_SCATTER)
		return frames_scattered(extents, size);
	if (flags & CORDON_MEMORY_CONTIGUOUS)
		return frames_contiguous(extents, size, min_order);
	return frames_largest(extents, size, min_order);
}

/* --- creation -------------------------------------------------------------------------------- */

static bool memory_is_valid(uint64_t size, uint32_t flags)
{
	if (flags & ~FLAGS_KNOWN)
		return false;
	if (size == 0 || !is_aligned(size, PAGE_SIZE << order_of(flags)))
		return false;
	return !(flags & CORDON_MEMORY_SCATTER) || flags == CORDON_MEMORY_SCATTER;
}

static void memory_init(struct memory *memory, const struct object_ops *ops, enum memory_kind kind,
                        uint64_t size)
{
	object_init(&memory->object, ops);
	memory->size = size;
	memory->kind = kind;
	spin_init(&memory->lock, RANK_MEMORY, "memory");
	list_init(&memory->mappings);
}

static void memory_set_extents(struct memory *memory, const struct extents *extents)
{
	memory->extent_count = extents->count;
	memory->extent_room = extents->capacity;
	memory->single = extents->single;
	memory->extents = extents->list ? extents->list : &memory->single;
}

int memory_create_uncleared(struct account *account, uint64_t size, uint32_t flags,
                            struct memory **out)
{
	struct extents extents;
	struct memory *memory;
	int err;

	if (!memory_is_valid(size, flags))
		return -EINVAL;
	memory = account_alloc_object(account, sizeof(*memory));
	if (!memory)
		return -ENOMEM;
	err = account_charge(account, CHARGE_FRAMES, size >> PAGE_SHIFT);
	if (err != 0)
		goto free_object;
	extents_init(&extents, account);
	err = frames_get(&extents, size, flags);
	if (err != 0)
		goto free_frames;

	memory_init(memory, &ram_ops, MEMORY_RAM, size);
	memory_set_extents(memory, &extents);
	memory->flags = flags;
	memory->account = account;
	*out = memory;
	return 0;

free_frames:
	extents_free_frames_slowly(extents_at(&extents), extents.count);
	extents_free_list(account, extents.list, extents.capacity);
	account_uncharge(account, CHARGE_FRAMES, size >> PAGE_SHIFT);
free_object:
	account_free_object(account, memory, sizeof(*memory));
	return err;
}

int memory_create(struct account *account, uint64_t size, uint32_t flags, struct memory **out)
{
	int err = memory_create_uncleared(account, size, flags, out);

	if (err != 0)
		return err;
	if (size == PAGE_SIZE)
		memset(phys_to_virt((*out)->extents->base), 0, PAGE_SIZE);
	else
		memory_zero(*out, 0, size);
	return 0;
}

static int memory_create_existing(const struct object_ops *ops, enum memory_kind kind, paddr_t base,
                                  uint64_t size, struct memory **out)
{
	const struct extents extents = {.single = {0, base, size}, .count = 1};
	struct memory *memory;

	ASSERT(size > 0 && is_aligned(base.raw | size, PAGE_SIZE));
	memory = heap_alloc(sizeof(*memory));
	if (!memory)
		return -ENOMEM;
	memory_init(memory, ops, kind, size);
	memory_set_extents(memory, &extents);
	*out = memory;
	return 0;
}

int memory_create_static(paddr_t base, uint64_t size, struct memory **out)
{
	return memory_create_existing(&static_ops, MEMORY_STATIC, base, size, out);
}

int memory_create_device(paddr_t base, uint64_t size, struct memory **out)
{
	return memory_create_existing(&device_ops, MEMORY_DEVICE, base, size, out);
}

/* With one reference, the caller's, nobody else can find the object: no handle, no mapping. */
void memory_release_slowly(struct memory *memory)
{
	if (memory->extent_count <= SCHED_POINT_EVERY || memory->kind != MEMORY_RAM ||
	    __atomic_load_n(&memory->object.references, __ATOMIC_ACQUIRE) != 1)
		return;
	extents_free_frames_slowly(memory->extents, memory->extent_count);
	memory->extent_count = 0;
}

/* The last handle went. */
static void memory_unreachable(struct object *object)
{
	memory_release_slowly(memory_from(object));
}

static void memory_destroy(struct object *object)
{
	struct memory *memory = memory_from(object);

	ASSERT(memory->regions == 0 && memory->dma_mappings == 0);
	if (memory->kind != MEMORY_RAM) { /* the kernel's own */
		heap_free(memory);
		return;
	}
	extents_free_frames(memory->extents, memory->extent_count);
	account_uncharge(memory->account, CHARGE_FRAMES, memory->size >> PAGE_SHIFT);
	if (memory->extents != &memory->single)
		extents_free_list(memory->account, memory->extents, memory->extent_room);
	account_free_object(memory->account, memory, sizeof(*memory));
}

/* --- contents -------------------------------------------------------------------------------- */

static bool extent_holds(const struct memory_extent *extent, uint64_t offset)
{
	return offset >= extent->offset && offset - extent->offset < extent->size;
}

static const struct memory_extent *memory_extent_of(const struct memory *memory, uint64_t offset)
{
	uint32_t low = 0;
	uint32_t high = memory->extent_count;
	/* Objects of many extents mostly have extents of one size: the place is known then. */
	uint32_t guess = (uint32_t)(offset / (memory->size / high));

	if (guess < high && extent_holds(&memory->extents[guess], offset))
		return &memory->extents[guess];
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (memory->extents[middle].offset <= offset)
			low = middle;
		else
			high = middle;
	}
	return &memory->extents[low];
}

uint64_t memory_run(const struct memory *memory, uint64_t offset, uint64_t max, paddr_t *out)
{
	const struct memory_extent *extent;
	uint64_t within;

	ASSERT(offset < memory->size);
	if (__builtin_expect(memory->extent_count == 1, 1)) {
		*out = paddr(memory->extents->base.raw + offset);
		return min_u64(memory->size - offset, max);
	}
	extent = memory_extent_of(memory, offset);
	within = offset - extent->offset;
	*out = paddr(extent->base.raw + within);
	return min_u64(extent->size - within, max);
}

static void memory_check_range(const struct memory *memory, uint64_t offset, uint64_t size)
{
	ASSERT(memory->kind != MEMORY_DEVICE);
	ASSERT(offset <= memory->size && size <= memory->size - offset);
}

void memory_read(const struct memory *memory, uint64_t offset, void *to, uint64_t size)
{
	memory_check_range(memory, offset, size);
	while (size > 0) {
		paddr_t base;
		uint64_t run = memory_run(memory, offset, size, &base);

		memcpy(to, phys_to_virt(base), run);
		to = (char *)to + run;
		offset += run;
		size -= run;
	}
}

void memory_write(struct memory *memory, uint64_t offset, const void *from, uint64_t size)
{
	memory_check_range(memory, offset, size);
	while (size > 0) {
		paddr_t base;
		uint64_t run = memory_run(memory, offset, size, &base);

		memcpy(phys_to_virt(base), from, run);
		from = (const char *)from + run;
		offset += run;
		size -= run;
	}
}

/* The run that a long operation touches next, at most 2 MiB; as many, and others run. since: bytes
 * since they could. */
static uint64_t contents_next(const struct memory *memory, uint64_t offset, uint64_t max,
                              uint64_t *since, paddr_t *base)
{
	uint64_t run = memory_run(memory, offset, min_u64(max, SIZE_2M), base);

	if (*since + run > SIZE_2M) {
		sched_point();
		*since = 0;
	}
	*since += run;
	return run;
}

void memory_copy(struct memory *to, uint64_t to_offset, const struct memory *from,
                 uint64_t from_offset, uint64_t size)
{
	uint64_t since = 0;

	memory_check_range(to, to_offset, size);
	while (size > 0) {
		paddr_t base;
		uint64_t run = contents_next(to, to_offset, size, &since, &base);

		memory_read(from, from_offset, phys_to_virt(base), run);
		to_offset += run;
		from_offset += run;
		size -= run;
	}
}

void memory_zero(struct memory *memory, uint64_t offset, uint64_t size)
{
	uint64_t since = 0;

	memory_check_range(memory, offset, size);
	while (size > 0) {
		paddr_t base;
		uint64_t run = contents_next(memory, offset, size, &since, &base);

		memset(phys_to_virt(base), 0, run);
		offset += run;
		size -= run;
	}
}
