/* SPDX-License-Identifier: MIT */
#include <arch/mmio.h>
#include <arch/percpu.h>
#include <cordon/errno.h>
#include <kernel/asan.h>
#include <kernel/inject.h>
#include <kernel/list.h>
#include <kernel/lock.h>
#include <kernel/mark.h>
#include <kernel/page.h>
#include <kernel/page_map.h>
#include <kernel/panic.h>
#include <kernel/string.h>

/*
 * What a frame is. The two upper bits tell the kind, so that eight frames can be checked at
 * once; the lower ones of a block's first frame hold its order.
 */
#define FRAME_RESERVED 0x00u /* no RAM, or not the allocator's */
#define FRAME_FREE     0x40u /* first of a free block */
#define FRAME_USED     0x80u /* given out; the order is that of the whole allocation */
#define FRAME_BODY     0xc0u /* inside a free block */
#define FRAME_HOT      0xc1u /* in a CPU's list */
#define FRAME_KIND     0xc0u
#define FRAME_ORDER    0x3fu
#define EIGHT(byte)    (UINT64_C(0x0101010101010101) * (byte))

static uint8_t *states; /* one for each frame from address 0 on */
static uint64_t frame_count;

static struct spinlock page_lock = SPINLOCK_INIT(RANK_PAGES, "pages");
static struct list free_blocks[PAGE_ORDER_MAX + 1];
static uint32_t free_orders;  /* bit n: free_blocks[n] is not empty */
static uint64_t buddy_frames; /* free, without the hot ones */
static uint64_t total_frames;

/* Single frames, most of them still in this CPU's cache. Only their CPU touches a list, and the
 * kernel is not interrupted, so there is no lock. Other CPUs cannot take what is in it. */
#define HOT_MAX   64
#define HOT_ORDER 5 /* moved at a time */

/* And a few small blocks, for the same reason. What is larger takes so long to be cleared that the
 * lock does not matter. */
#define HOT_BLOCK_ORDER 4
#define HOT_BLOCKS      2

struct hot_blocks {
	uint32_t count;
	uint32_t frames[HOT_BLOCKS]; /* the first of each */
};

struct hot_list {
	uint32_t count;
	uint32_t frames[HOT_MAX];
	struct hot_blocks blocks[HOT_BLOCK_ORDER]; /* of order 1 and up */
};

static struct hot_list hot_lists[CPUS_MAX];

static struct list *frame_link(uint64_t frame)
{
	return phys_to_virt(paddr(frame << PAGE_SHIFT));
}

static uint64_t frame_of(const struct list *link)
{
	return virt_to_phys(link).raw >> PAGE_SHIFT;
}

/* --- the buddy system ------------------------------------------------------------------------ */

static void block_link(uint64_t frame, unsigned int order)
{
	states[frame] = (uint8_t)(FRAME_FREE | order);
	list_push(&free_blocks[order], frame_link(frame));
	free_orders |= 1u << order;
}

/* The caller says what the first frame is from now on. */
static void block_unlink(uint64_t frame, unsigned int order)
{
	list_remove(frame_link(frame));
	if (list_empty(&free_blocks[order]))
		free_orders &= ~(1u << order);
}

/* Takes a block out of the lists; its frames are FRAME_BODY until the caller says otherwise. */
static bool buddy_take_locked(unsigned int order, uint64_t *out)
{
	uint32_t fitting = free_orders >> order << order;
	unsigned int from;
	uint64_t frame;

	if (order > PAGE_ORDER_MAX || fitting == 0)
		return false;
	from = (unsigned int)__builtin_ctz(fitting);
	frame = frame_of(free_blocks[from].next);
	block_unlink(frame, from);
	while (from > order) {
		from--;
		block_link(frame + (UINT64_C(1) << from), from);
	}
	states[frame] = FRAME_BODY; /* or another CPU could join its buddy to it */
	buddy_frames -= UINT64_C(1) << order;
	*out = frame;
	return true;
}

static bool buddy_take(unsigned int order, uint64_t *out)
{
	bool found;

	spin_lock(&page_lock);
	found = buddy_take_locked(order, out);
	spin_unlock(&page_lock);
	return found;
}

/* Puts a block into the lists, joined with its free neighbours. All its frames are FRAME_BODY. */
static void buddy_put_locked(uint64_t frame, unsigned int order)
{
	buddy_frames += UINT64_C(1) << order;
	while (order < PAGE_ORDER_MAX) {
		uint64_t buddy = frame ^ (UINT64_C(1) << order);

		if (buddy >= frame_count || states[buddy] != (FRAME_FREE | order))
			break;
		block_unlink(buddy, order);
		states[buddy] = FRAME_BODY;
		frame &= ~(UINT64_C(1) << order);
		order++;
	}
	block_link(frame, order);
}

/* The largest order of a naturally aligned block at the start of [frame, end). */
static unsigned int block_order(uint64_t frame, uint64_t end)
{
	unsigned int fits = 63 - (unsigned int)__builtin_clzll(end - frame);
	unsigned int aligned = frame ? (unsigned int)__builtin_ctzll(frame) : PAGE_ORDER_MAX;
	unsigned int order = fits < aligned ? fits : aligned;

	return order < PAGE_ORDER_MAX ? order : PAGE_ORDER_MAX;
}

static void buddy_put_range_locked(uint64_t frame, uint64_t end)
{
	if (frame < end)
		memset(states + frame, FRAME_BODY, end - frame);
	while (frame < end) {
		unsigned int order = block_order(frame, end);

		buddy_put_locked(frame, order);
		frame += UINT64_C(1) << order;
	}
}

static void frames_mark_used(uint64_t frame, uint64_t count, unsigned int order)
{
	memset(states + frame, FRAME_USED, count);
	states[frame] = (uint8_t)(FRAME_USED | order);
	asan_unpoison(frame_link(frame), count << PAGE_SHIFT);
}

static inline void frames_check_used(uint64_t frame, uint64_t count)
{
	uint64_t end = frame + count;

	if (end > frame_count || end < frame)
		panic("frame %#llx is no RAM", (unsigned long long)frame);
	while (frame < end) {
		uint64_t eight;

		if (end - frame >= sizeof(eight)) {
			memcpy(&eight, states + frame, sizeof(eight));
			if ((eight & EIGHT(FRAME_KIND)) == EIGHT(FRAME_USED)) {
				frame += sizeof(eight);
				continue;
			}
		}
		if ((states[frame] & FRAME_KIND) != FRAME_USED)
			panic("frame %#llx is freed, but not in use (state %#x)",
			      (unsigned long long)frame, states[frame]);
		frame++;
	}
}

/* --- single frames --------------------------------------------------------------------------- */

static struct hot_list *hot_list(void)
{
	return &hot_lists[percpu()->number];
}

/* Fills an empty list with one block, or with the largest smaller one there is. */
static bool hot_fill(struct hot_list *hot)
{
	unsigned int order = HOT_ORDER;
	uint64_t frame;
	bool found;

	spin_lock(&page_lock);
	while (!(found = buddy_take_locked(order, &frame)) && order > 0)
		order--;
	if (found) {
		memset(states + frame, FRAME_HOT, UINT64_C(1) << order);
		/* The last one in is the first one out: ascending addresses. */
		for (uint32_t i = UINT32_C(1) << order; i-- > 0;)
			hot->frames[hot->count++] = (uint32_t)(frame + i);
	}
	spin_unlock(&page_lock);
	return found;
}

/* Gives the oldest frames of a list back to the buddy system. */
static __attribute__((noinline)) void hot_drain(struct hot_list *hot, uint32_t count)
{
	spin_lock(&page_lock);
	for (uint32_t i = 0; i < count; i++) {
		states[hot->frames[i]] = FRAME_BODY;
		buddy_put_locked(hot->frames[i], 0);
	}
	spin_unlock(&page_lock);
	hot->count -= count;
	memmove(hot->frames, hot->frames + count, hot->count * sizeof(hot->frames[0]));
}

/* --- small blocks ---------------------------------------------------------------------------- */

/* A block of this CPU's, whose frames are FRAME_HOT until the caller says otherwise. */
static bool block_take_hot(unsigned int order, uint64_t *out)
{
	struct hot_blocks *blocks = &hot_list()->blocks[order - 1];

	if (blocks->count == 0)
		return false;
	*out = blocks->frames[--blocks->count];
	return true;
}

static bool block_put_hot(uint64_t frame, unsigned int order)
{
	struct hot_blocks *blocks = &hot_list()->blocks[order - 1];

	if (blocks->count == HOT_BLOCKS)
		return false;
	memset(states + frame, FRAME_HOT, UINT64_C(1) << order);
	blocks->frames[blocks->count++] = (uint32_t)frame;
	return true;
}

static uint64_t blocks_frames(const struct hot_list *hot)
{
	uint64_t sum = 0;

	for (unsigned int order = 1; order <= HOT_BLOCK_ORDER; order++)
		sum += (uint64_t)hot->blocks[order - 1].count << order;
	return sum;
}

/* Gives all blocks of a list back to the buddy system. */
static void blocks_drain(struct hot_list *hot)
{
	spin_lock(&page_lock);
	for (unsigned int order = 1; order <= HOT_BLOCK_ORDER; order++) {
		struct hot_blocks *blocks = &hot->blocks[order - 1];

		while (blocks->count > 0) {
			uint64_t frame = blocks->frames[--blocks->count];

			memset(states + frame, FRAME_BODY, UINT64_C(1) << order);
			buddy_put_locked(frame, order);
		}
	}
	spin_unlock(&page_lock);
}

/* All that this CPU has ready, when what is wanted may be missing because of it. */
static void hot_drain_all(void)
{
	hot_drain(hot_list(), hot_list()->count);
	blocks_drain(hot_list());
}

/* Single frames for an empty list, if need be out of this CPU's own blocks. */
static __attribute__((noinline)) bool hot_refill(struct hot_list *hot)
{
	if (hot_fill(hot))
		return true;
	blocks_drain(hot);
	return hot_fill(hot);
}

static int frame_alloc(paddr_t *out)
{
	struct hot_list *hot = hot_list();
	uint32_t frame;

	if (inject_fails(CORDON_INJECT_FRAMES))
		return -ENOMEM;
	if (hot->count == 0 && !hot_refill(hot))
		return -ENOMEM;
	frame = hot->frames[--hot->count];
	states[frame] = FRAME_USED;
	*out = paddr((uint64_t)frame << PAGE_SHIFT);
	asan_unpoison(phys_to_virt(*out), PAGE_SIZE);
	return 0;
}

static void frame_free(uint64_t frame)
{
	struct hot_list *hot = hot_list();

	if (hot->count == HOT_MAX)
		hot_drain(hot, 1u << HOT_ORDER);
	states[frame] = FRAME_HOT;
	hot->frames[hot->count++] = (uint32_t)frame;
}

/* --- what the kernel calls ------------------------------------------------------------------- */

int page_alloc(unsigned int order, paddr_t *out)
{
	uint64_t frame;
	bool found;

	if (order == 0)
		return frame_alloc(out);
	if (inject_fails(CORDON_INJECT_FRAMES))
		return -ENOMEM;
	found = (order <= HOT_BLOCK_ORDER && block_take_hot(order, &frame)) ||
	        buddy_take(order, &frame);
	if (!found) {
		hot_drain_all();
		found = buddy_take(order, &frame);
	}
	if (!found)
		return -ENOMEM;
	frames_mark_used(frame, UINT64_C(1) << order, order);
	*out = paddr(frame << PAGE_SHIFT);
	return 0;
}

int page_alloc_zeroed(paddr_t *out)
{
	int err = frame_alloc(out);

	if (err == 0)
		memset(phys_to_virt(*out), 0, PAGE_SIZE);
	return err;
}

/* What is freed must have been in use, and nobody touches it from here on. */
static inline void frames_retire(paddr_t base, uint64_t count)
{
	ASSERT(is_aligned(base.raw, count << PAGE_SHIFT));
	mark_frames_free(base, count);
	frames_check_used(base.raw >> PAGE_SHIFT, count);
	asan_poison(phys_to_virt(base), count << PAGE_SHIFT, ASAN_FRAME_FREE);
}

void page_free(paddr_t base, unsigned int order)
{
	uint64_t frame = base.raw >> PAGE_SHIFT;
	uint64_t count = UINT64_C(1) << order;

	if (order == 0) {
		frames_retire(base, 1);
		frame_free(frame);
		return;
	}
	ASSERT(order <= PAGE_ORDER_MAX);
	frames_retire(base, count);
	if (order <= HOT_BLOCK_ORDER && block_put_hot(frame, order))
		return;
	memset(states + frame, FRAME_BODY, count);
	spin_lock(&page_lock);
	buddy_put_locked(frame, order);
	spin_unlock(&page_lock);
}

void page_free_run(paddr_t base, uint64_t frames)
{
	uint64_t frame = base.raw >> PAGE_SHIFT;
	uint64_t end = frame + frames;

	if (frames == 1) {
		page_free(base, 0);
		return;
	}
	while (frame < end) {
		unsigned int order = block_order(frame, end);

		page_free(paddr(frame << PAGE_SHIFT), order);
		frame += UINT64_C(1) << order;
	}
}

unsigned int page_order(paddr_t base)
{
	uint64_t frame = base.raw >> PAGE_SHIFT;

	frames_check_used(frame, 1);
	return states[frame] & FRAME_ORDER;
}

/* --- runs of any length ---------------------------------------------------------------------- */

/* Takes the free blocks apart that hold [frame, end), and puts back what lies outside. first is
 * the first frame of the block that contains frame. */
static void run_take_locked(uint64_t first, uint64_t frame, uint64_t end)
{
	uint64_t at = first;

	while (at < end) {
		unsigned int order = states[at] & FRAME_ORDER;
		uint64_t after = at + (UINT64_C(1) << order);

		if (after > frame) {
			block_unlink(at, order);
			states[at] = FRAME_BODY;
			buddy_frames -= UINT64_C(1) << order;
			frames_mark_used(max_u64(at, frame),
			                 min_u64(after, end) - max_u64(at, frame), 0);
			buddy_put_range_locked(at, frame);
			buddy_put_range_locked(end, after);
		}
		at = after;
	}
}

/* How many steps of a search hold the lock. */
#define RUN_STEPS 4096u

/* Looks for free blocks that lie one behind the other, lowest first, from a frame on. Returns 0,
 * -ENOMEM, or -EAGAIN: the rest, from *from on, is yet to be looked at. */
static int run_find_locked(uint64_t frames, unsigned int align_order, uint64_t *from, uint64_t *out)
{
	uint64_t align = UINT64_C(1) << align_order;
	uint64_t first = *from; /* where the free blocks before `at` began without a break */
	uint64_t at = first;

	for (uint32_t steps = 0; at < frame_count; steps++) {
		uint64_t start;

		if ((states[at] & FRAME_KIND) != FRAME_FREE) {
			/* The next aligned frame, if it is free, is the first of its block: blocks
			 * are aligned, and a larger one with it would also hold this frame. */
			first = at = align_down(at, align) + align;
			if (steps >= RUN_STEPS) {
				*from = at;
				return -EAGAIN;
			}
			continue;
		}
		at += UINT64_C(1) << (states[at] & FRAME_ORDER);
		start = align_up(first, align);
		if (start < at && at - start >= frames) {
			run_take_locked(first, start, start + frames);
			*out = start;
			return 0;
		}
	}
	return -ENOMEM;
}

/* Whether a single block holds the run; what it has more goes back. */
static bool run_in_a_block(uint64_t frames, unsigned int align_order, paddr_t *out)
{
	unsigned int order = align_order;

	while (UINT64_C(1) << order < frames)
		order++;
	if (order > PAGE_ORDER_MAX || page_alloc(order, out) != 0)
		return false;
	page_free_run(paddr(out->raw + (frames << PAGE_SHIFT)), (UINT64_C(1) << order) - frames);
	return true;
}

int page_alloc_run_part(uint64_t frames, unsigned int align_order, uint64_t *from, paddr_t *out)
{
	uint64_t frame;
	int err;

	ASSERT(align_order <= PAGE_ORDER_MAX);
	if (*from == 0) {
		if (frames == 0 || frames > frame_count || inject_fails(CORDON_INJECT_FRAMES))
			return -ENOMEM;
		if (run_in_a_block(frames, align_order, out))
			return 0;
		hot_drain_all();
	}
	spin_lock(&page_lock);
	err = run_find_locked(frames, align_order, from, &frame);
	spin_unlock(&page_lock);
	if (err == 0)
		*out = paddr(frame << PAGE_SHIFT);
	return err;
}

int page_alloc_run(uint64_t frames, unsigned int align_order, paddr_t *out)
{
	uint64_t from = 0;
	int err;

	do
		err = page_alloc_run_part(frames, align_order, &from, out);
	while (err == -EAGAIN);
	return err;
}

/* --- boot ------------------------------------------------------------------------------------ */

/* Gives the state bytes the first place that is large enough. */
static void states_place(struct page_map *map)
{
	for (size_t i = 0; i < map->range_count; i++) {
		uint64_t start = 0;
		uint64_t end;

		for (; map->ranges[i].usable && page_map_next(map, &map->ranges[i], &start, &end);
		     start = end) {
			if (end - start < frame_count)
				continue;
			map->own_start = start;
			map->own_end = start + frame_count;
			states = phys_to_virt(paddr(start));
			memset(states, FRAME_RESERVED, frame_count);
			return;
		}
	}
	panic("no memory: no usable range holds %llu bytes", (unsigned long long)frame_count);
}

static void frames_release(const struct page_map *map)
{
	spin_lock(&page_lock);
	for (size_t i = 0; i < map->range_count; i++) {
		uint64_t start = 0;
		uint64_t end;

		for (; map->ranges[i].usable && page_map_next(map, &map->ranges[i], &start, &end);
		     start = end)
			buddy_put_range_locked(start >> PAGE_SHIFT, end >> PAGE_SHIFT);
	}
	spin_unlock(&page_lock);
	total_frames = buddy_frames;
}

void page_init(const struct memory_range *ranges, size_t range_count,
               const struct memory_range *reserved, size_t reserved_count)
{
	struct page_map map = {
	        .ranges = ranges,
	        .range_count = range_count,
	        .reserved = reserved,
	        .reserved_count = reserved_count,
	};

	for (size_t i = 0; i < ARRAY_SIZE(free_blocks); i++)
		list_init(&free_blocks[i]);
	page_map_record(ranges, range_count);
	frame_count = page_ram_end().raw >> PAGE_SHIFT;
	ASSERT(frame_count <= UINT32_MAX);
	states_place(&map);
	frames_release(&map);
}

void page_poison_free(void)
{
	for (uint64_t frame = 0; frame < frame_count; frame++) {
		uint8_t kind = states[frame] & FRAME_KIND;

		if (kind == FRAME_FREE || kind == FRAME_BODY)
			asan_poison(frame_link(frame), PAGE_SIZE, ASAN_FRAME_FREE);
	}
}

/* --- questions ------------------------------------------------------------------------------- */

uint64_t page_free_count(void)
{
	uint64_t count = buddy_frames;

	for (size_t i = 0; i < CPUS_MAX; i++)
		count += hot_lists[i].count + blocks_frames(&hot_lists[i]);
	return count;
}

uint64_t page_total_count(void)
{
	return total_frames;
}
