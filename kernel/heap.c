/* SPDX-License-Identifier: MIT */
/*
 * Small objects lie in slabs: one frame with a header, then objects of one size. A bitmap in the
 * header says which are free, so freed memory holds nothing that the heap relies on. Because
 * of the header no object begins at the start of a frame; what does is a large allocation.
 *
 * Each CPU has slabs of its own, so that tasks on two CPUs do not wait for each other. An object
 * goes back into its slab, on whichever CPU it is freed, and when frames are short a CPU takes what
 * is free in slabs of others.
 *
 * With the address sanitizer there is room behind each object that nobody may touch, and a freed
 * object is not given out again before some others were freed.
 */
#include <arch/mmio.h>
#include <arch/percpu.h>
#include <kernel/asan.h>
#include <kernel/heap.h>
#include <kernel/inject.h>
#include <kernel/list.h>
#include <kernel/lock.h>
#include <kernel/page.h>
#include <kernel/panic.h>
#include <kernel/string.h>

#define SLAB_MAGIC 0x51ab51abu
#define SLAB_WORDS 2 /* 128 bits: more than the smallest objects that a frame holds */
#define GRAIN      16u
#define OBJECT_MAX 1024u
#define POISON     0xa5

struct slab {
	struct list link; /* in bin.partial while an object is free */
	struct heap *heap;
	uint32_t magic;
	uint16_t class;
	uint16_t used;
	uint64_t free[SLAB_WORDS]; /* bit n set: object n is free */
};

struct class
{
	uint32_t size;
	uint32_t first; /* offset of object 0; sizes that are powers of two are aligned */
	uint32_t count;
	uint32_t inverse; /* object number = offset * inverse >> INVERSE_SHIFT */
};

/* size * inverse exceeds 2^20 by less than size, so 126 objects of at most 1024 bytes are told
 * apart. */
#define INVERSE_SHIFT 20
#define CLASS(size_, first_)                       \
	{.size = (size_),                          \
	 .first = (first_),                        \
	 .count = HEAP_CLASS_COUNT(size_, first_), \
	 .inverse = ((1u << INVERSE_SHIFT) + (size_)-1) / (size_)},

static const struct class classes[] = {HEAP_CLASSES(CLASS)};

_Static_assert(sizeof(struct slab) <= 64, "the header ends where the first objects begin");

/* The slabs of one class that have room. */
struct bin {
	struct list partial; /* slabs with a free object, the emptiest last */
	struct slab *spare;  /* a slab without objects is kept, so that a lone one costs no frame */
};

#if defined(CORDON_ASAN) && CORDON_ASAN
#define QUARANTINE_MAX 256
#else
#define QUARANTINE_MAX 0
#endif

/* What one CPU allocates from. */
struct heap {
	struct spinlock lock;
	bool ready; /* since its CPU's first allocation */
	struct bin bins[ARRAY_SIZE(classes)];
	uint64_t slabs;
	size_t in_use; /* bytes of small objects */
	size_t large; /* bytes that this CPU allocated, less those it freed: it alone counts them */
	uint32_t quarantine_next;
	void *quarantine[QUARANTINE_MAX]; /* objects that this CPU freed */
} __attribute__((aligned(64)));

static struct heap heaps[CPUS_MAX];

/* The class of a size, by (size + GRAIN - 1) / GRAIN. */
static uint8_t class_of[OBJECT_MAX / GRAIN + 1];

/* By the CPU itself, before it allocates; so the first to come, at boot, is alone. */
static __attribute__((noinline)) void heap_init(struct heap *heap)
{
	uint32_t class = 0;

	for (uint32_t i = 0; i < ARRAY_SIZE(class_of); i++) {
		while (classes[class].size < i * GRAIN)
			class ++;
		class_of[i] = (uint8_t) class;
	}
	spin_init(&heap->lock, RANK_HEAP, "heap");
	for (class = 0; class < ARRAY_SIZE(classes); class ++)
		list_init(&heap->bins[class].partial);
	__atomic_store_n(&heap->ready, true, __ATOMIC_RELEASE);
}

static struct heap *heap_here(void)
{
	struct heap *heap = &heaps[percpu_number()];

	__asm__("" : "+r"(heap)); /* else its place is computed anew for each member */
	if (__builtin_expect(!heap->ready, 0))
		heap_init(heap);
	return heap;
}

/* The slab that a small object lies in. */
static struct slab *slab_of(const void *object)
{
	struct slab *slab = (struct slab *)align_down((uint64_t)(uintptr_t)object, PAGE_SIZE);

	if (slab->magic != SLAB_MAGIC)
		panic("heap: %p was never allocated", object);
	return slab;
}

static void *slab_object(struct slab *slab, const struct class *class, uint32_t number)
{
	return (char *)slab + class->first + number * class->size;
}

/* Debug kernels find out who writes to what was freed; the sanitizer also who reads it. */
#if defined(CORDON_DEBUG) && CORDON_DEBUG && !(defined(CORDON_ASAN) && CORDON_ASAN)
#define POISON_BYTES 1
#else
#define POISON_BYTES 0
#endif

static void object_poison(void *object, size_t size)
{
	if (POISON_BYTES)
		memset(object, POISON, size);
	asan_poison(object, size, ASAN_HEAP_FREE);
}

static void object_check_poison(const void *object, size_t size)
{
	const uint8_t *bytes = object;

	for (size_t i = 0; POISON_BYTES && i < size; i++)
		if (bytes[i] != POISON)
			panic("heap: byte %zu of the free object %p was written", i, object);
}

/* Leaves an object as large as it was asked for. */
static void object_trim(void *object, size_t size, size_t room)
{
	size_t used = align_up(size, ASAN_GRANULE);

	asan_unpoison(object, size);
	asan_poison((char *)object + used, room - used, ASAN_HEAP_END);
}

/* A slab in which everything is free; it is in the list then. */
static __attribute__((noinline)) struct slab *slab_create_locked(struct heap *heap, uint32_t number)
{
	const struct class *class = &classes[number];
	struct slab *slab;
	paddr_t base;

	if (page_alloc(0, &base) != 0)
		return NULL;
	slab = phys_to_virt(base);
	*slab = (struct slab){.magic = SLAB_MAGIC, .heap = heap, .class = (uint16_t)number};
	for (uint32_t i = 0; i < class->count; i++)
		slab->free[i / 64] |= UINT64_C(1) << i % 64;
	object_poison(slab_object(slab, class, 0), (size_t) class->count * class->size);
	list_push(&heap->bins[number].partial, &slab->link);
	heap->slabs++;
	return slab;
}

static void slab_destroy_locked(struct slab *slab)
{
	list_remove(&slab->link);
	slab->magic = 0;
	slab->heap->slabs--;
	page_free(virt_to_phys(slab), 0);
}

/* Takes an object out of the first slab of a bin, which has one. */
static inline void *object_take_locked(struct heap *heap, uint32_t class_number)
{
	const struct class *class = &classes[class_number];
	struct bin *bin = &heap->bins[class_number];
	struct slab *slab = list_first(&bin->partial, struct slab, link);
	uint64_t *word = slab->free[0] ? &slab->free[0] : &slab->free[1];
	uint32_t number;
	void *object;

	if (slab == bin->spare)
		bin->spare = NULL;
	number = (uint32_t)__builtin_ctzll(*word) + (uint32_t)(word - slab->free) * 64;
	*word &= *word - 1;
	if (++slab->used == class->count)
		list_remove(&slab->link);
	heap->in_use += class->size;
	object = slab_object(slab, class, number);
	object_check_poison(object, class->size);
	asan_unpoison(object, class->size);
	return object;
}

/* There is no frame for a slab: what is free in the slabs of another CPU, or NULL. */
static __attribute__((noinline)) void *object_alloc_elsewhere(uint32_t class)
{
	void *object = NULL;

	for (uint32_t i = 0; i < CPUS_MAX && !object; i++) {
		struct heap *heap = &heaps[i];

		if (!__atomic_load_n(&heap->ready, __ATOMIC_ACQUIRE))
			continue;
		spin_lock(&heap->lock);
		if (!list_empty(&heap->bins[class].partial))
			object = object_take_locked(heap, class);
		spin_unlock(&heap->lock);
	}
	return object;
}

static void *object_alloc(size_t size)
{
	struct heap *heap = heap_here(); /* first: the table of sizes may not be there yet */
	uint32_t class = class_of[(size + GRAIN - 1) / GRAIN];
	void *object = NULL;

	spin_lock(&heap->lock);
	if (!list_empty(&heap->bins[class].partial) || slab_create_locked(heap, class))
		object = object_take_locked(heap, class);
	spin_unlock(&heap->lock);
	return object ? object : object_alloc_elsewhere(class);
}

static void object_free_locked(struct heap *heap, struct slab *slab, void *object)
{
	const struct class *class = &classes[slab->class];
	struct bin *bin = &heap->bins[slab->class];
	uint32_t offset = (uint32_t)((char *)object - (char *)slab);
	uint32_t number = (offset - class->first) * class->inverse >> INVERSE_SHIFT;
	uint64_t bit = UINT64_C(1) << number % 64;

	if (offset < class->first || class->first + number * class->size != offset)
		panic("heap: %p is no start of an object of %u bytes", object, class->size);
	if (slab->free[number / 64] & bit)
		panic("heap: %p is freed, but not in use", object);
	object_poison(object, class->size);
	slab->free[number / 64] |= bit;
	heap->in_use -= class->size;
	if (slab->used-- == class->count)
		list_push(&bin->partial, &slab->link);
	if (slab->used > 0)
		return;
	if (bin->spare) {
		slab_destroy_locked(slab);
		return;
	}
	bin->spare = slab;
	list_remove(&slab->link);
	list_append(&bin->partial, &slab->link);
}

static void object_free(void *object)
{
	struct slab *slab = slab_of(object);
	struct heap *heap = slab->heap;

	spin_lock(&heap->lock);
	object_free_locked(heap, slab, object);
	spin_unlock(&heap->lock);
}

/* --- large allocations ----------------------------------------------------------------------- */

static void *large_alloc(size_t size, size_t padded)
{
	unsigned int order = 0;
	void *memory;
	paddr_t base;

	while (order <= PAGE_ORDER_MAX && PAGE_SIZE << order < padded)
		order++;
	if (order > PAGE_ORDER_MAX || page_alloc(order, &base) != 0)
		return NULL;
	heap_here()->large += PAGE_SIZE << order;
	memory = phys_to_virt(base);
	memset(memory, 0, align_up(size, PAGE_SIZE));
	object_trim(memory, size, PAGE_SIZE << order);
	return memory;
}

static void large_free(void *memory)
{
	paddr_t base = virt_to_phys(memory);
	unsigned int order = page_order(base);

	page_free(base, order);
	heap_here()->large -= PAGE_SIZE << order;
}

/* --- quarantine ------------------------------------------------------------------------------ */

#if defined(CORDON_ASAN) && CORDON_ASAN

/* Puts an object, or NULL, at a place. Returns what was there. */
static void *quarantine_swap_locked(struct heap *heap, uint32_t place, void *object)
{
	void *before = heap->quarantine[place];

	heap->quarantine[place] = object;
	return before;
}

/* Takes a freed object in. Returns the one that has been there longest, or NULL. */
static void *quarantine_pass(void *object)
{
	struct heap *heap = heap_here();
	void *oldest;

	spin_lock(&heap->lock);
	asan_check(object, 1, ASAN_FREE);
	asan_poison(object, classes[slab_of(object)->class].size, ASAN_HEAP_FREE);
	oldest = quarantine_swap_locked(heap, heap->quarantine_next, object);
	heap->quarantine_next = (heap->quarantine_next + 1) % QUARANTINE_MAX;
	spin_unlock(&heap->lock);
	return oldest;
}

static void quarantine_empty(struct heap *heap)
{
	for (uint32_t i = 0; i < QUARANTINE_MAX; i++) {
		void *object;

		spin_lock(&heap->lock);
		object = quarantine_swap_locked(heap, i, NULL);
		spin_unlock(&heap->lock);
		if (object)
			object_free(object);
	}
}

static void spares_give_up(struct heap *heap)
{
	spin_lock(&heap->lock);
	for (uint32_t i = 0; i < ARRAY_SIZE(classes); i++) {
		if (heap->bins[i].spare)
			slab_destroy_locked(heap->bins[i].spare);
		heap->bins[i].spare = NULL;
	}
	spin_unlock(&heap->lock);
}

void heap_settle(void)
{
	for (uint32_t i = 0; i < CPUS_MAX; i++)
		if (__atomic_load_n(&heaps[i].ready, __ATOMIC_ACQUIRE))
			quarantine_empty(&heaps[i]);
	for (uint32_t i = 0; i < CPUS_MAX; i++)
		if (__atomic_load_n(&heaps[i].ready, __ATOMIC_ACQUIRE))
			spares_give_up(&heaps[i]);
}

#else

static void *quarantine_pass(void *object)
{
	return object;
}

#endif

/* --- what the kernel calls ------------------------------------------------------------------- */

void *heap_alloc(size_t size)
{
	size_t padded = asan_padded(size);
	void *object;

	if (inject_fails(CORDON_INJECT_HEAP))
		return NULL;
	if (padded > OBJECT_MAX)
		return large_alloc(size, padded);
	object = object_alloc(padded);
	if (object) {
		memset(object, 0, align_up(size, GRAIN));
		object_trim(object, size, align_up(padded, GRAIN));
	}
	return object;
}

void *heap_alloc_array(size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total))
		return NULL;
	return heap_alloc(total);
}

void heap_free(void *memory)
{
	if (!memory)
		return;
	if (is_aligned((uint64_t)(uintptr_t)memory, PAGE_SIZE)) {
		large_free(memory);
		return;
	}
	memory = quarantine_pass(memory);
	if (memory)
		object_free(memory);
}

size_t heap_in_use(void)
{
	size_t sum = 0;

	for (uint32_t i = 0; i < CPUS_MAX; i++)
		sum += heaps[i].in_use + heaps[i].large;
	return sum;
}

uint64_t heap_frames(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < CPUS_MAX; i++)
		sum += heaps[i].slabs;
	return sum;
}
