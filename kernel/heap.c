/* SPDX-License-Identifier: MIT */
/*
 * Small objects lie in slabs: one frame with a header, then objects of one size. A bitmap in the
 * header says which are free, so freed memory holds nothing that the heap relies on. Because
 * of the header no object begins at the start of a frame; what does is a large allocation.
 *
 * With the address sanitizer there is room behind each object that nobody may touch, and a freed
 * object is not given out again before some others were freed.
 */
#include <arch/mmio.h>
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
	struct list link; /* in class.partial while an object is free */
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
	uint32_t inverse;    /* object number = offset * inverse >> INVERSE_SHIFT */
	struct list partial; /* slabs with a free object, the emptiest last */
	struct slab *spare;  /* a slab without objects is kept, so that a lone one costs no frame */
};

/* size * inverse exceeds 2^20 by less than size, so 126 objects of at most 1024 bytes are told
 * apart. */
#define INVERSE_SHIFT 20
#define CLASS(size_, first_)                       \
	{.size = (size_),                          \
	 .first = (first_),                        \
	 .count = HEAP_CLASS_COUNT(size_, first_), \
	 .inverse = ((1u << INVERSE_SHIFT) + (size_)-1) / (size_)},

static struct class classes[] = {HEAP_CLASSES(CLASS)};

_Static_assert(sizeof(struct slab) <= 64, "the header ends where the first objects begin");

/* The class of a size, by (size + GRAIN - 1) / GRAIN. */
static uint8_t class_of[OBJECT_MAX / GRAIN + 1];

static struct spinlock heap_lock = SPINLOCK_INIT(RANK_HEAP, "heap");
static size_t in_use;
static uint64_t slab_count;

static __attribute__((noinline)) void heap_init_locked(void)
{
	uint32_t class = 0;

	for (uint32_t i = 0; i < ARRAY_SIZE(class_of); i++) {
		while (classes[class].size < i * GRAIN)
			class ++;
		class_of[i] = (uint8_t) class;
	}
	for (class = 0; class < ARRAY_SIZE(classes); class ++)
		list_init(&classes[class].partial);
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
static __attribute__((noinline)) struct slab *slab_create_locked(struct class *class)
{
	struct slab *slab;
	paddr_t base;

	if (page_alloc(0, &base) != 0)
		return NULL;
	slab = phys_to_virt(base);
	*slab = (struct slab){.magic = SLAB_MAGIC, .class = (uint16_t)(class - classes)};
	for (uint32_t i = 0; i < class->count; i++)
		slab->free[i / 64] |= UINT64_C(1) << i % 64;
	object_poison(slab_object(slab, class, 0), (size_t) class->count * class->size);
	list_push(&class->partial, &slab->link);
	slab_count++;
	return slab;
}

static void slab_destroy_locked(struct slab *slab)
{
	list_remove(&slab->link);
	slab->magic = 0;
	slab_count--;
	page_free(virt_to_phys(slab), 0);
}

static void *object_alloc_locked(struct class *class)
{
	uint32_t number;
	struct slab *slab;
	void *object;
	uint64_t *word;

	if (list_empty(&class->partial)) {
		slab = slab_create_locked(class);
		if (!slab)
			return NULL;
	} else {
		slab = list_first(&class->partial, struct slab, link);
	}
	if (slab == class->spare)
		class->spare = NULL;
	word = slab->free[0] ? &slab->free[0] : &slab->free[1];
	number = (uint32_t)__builtin_ctzll(*word) + (uint32_t)(word - slab->free) * 64;
	*word &= *word - 1;
	if (++slab->used == class->count)
		list_remove(&slab->link);
	in_use += class->size;
	object = slab_object(slab, class, number);
	object_check_poison(object, class->size);
	asan_unpoison(object, class->size);
	return object;
}

static void object_free_locked(void *object)
{
	struct slab *slab = (struct slab *)align_down((uint64_t)(uintptr_t)object, PAGE_SIZE);
	uint32_t offset = (uint32_t)((char *)object - (char *)slab);
	struct class *class;
	uint32_t number;
	uint64_t bit;

	if (slab->magic != SLAB_MAGIC)
		panic("heap: %p was never allocated", object);
	class = &classes[slab->class];
	number = (offset - class->first) * class->inverse >> INVERSE_SHIFT;
	if (offset < class->first || class->first + number * class->size != offset)
		panic("heap: %p is no start of an object of %u bytes", object, class->size);
	bit = UINT64_C(1) << number % 64;
	if (slab->free[number / 64] & bit)
		panic("heap: %p is freed, but not in use", object);
	object_poison(object, class->size);
	slab->free[number / 64] |= bit;
	in_use -= class->size;
	if (slab->used-- == class->count)
		list_push(&class->partial, &slab->link);
	if (slab->used > 0)
		return;
	if (class->spare) {
		slab_destroy_locked(slab);
		return;
	}
	class->spare = slab;
	list_remove(&slab->link);
	list_append(&class->partial, &slab->link);
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
	spin_lock(&heap_lock);
	in_use += PAGE_SIZE << order;
	spin_unlock(&heap_lock);
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
	spin_lock(&heap_lock);
	in_use -= PAGE_SIZE << order;
	spin_unlock(&heap_lock);
}

/* --- quarantine ------------------------------------------------------------------------------ */

#if defined(CORDON_ASAN) && CORDON_ASAN

#define QUARANTINE_MAX 256

static void *quarantine[QUARANTINE_MAX];
static uint32_t quarantine_next;

/* Takes a freed object in. Returns the one that has been there longest, or NULL. */
static void *quarantine_locked(void *object)
{
	struct slab *slab = (struct slab *)align_down((uint64_t)(uintptr_t)object, PAGE_SIZE);
	void *oldest = quarantine[quarantine_next];

	asan_check(object, 1, ASAN_FREE);
	if (slab->magic != SLAB_MAGIC)
		panic("heap: %p was never allocated", object);
	asan_poison(object, classes[slab->class].size, ASAN_HEAP_FREE);
	quarantine[quarantine_next] = object;
	quarantine_next = (quarantine_next + 1) % QUARANTINE_MAX;
	return oldest;
}

void heap_settle(void)
{
	spin_lock(&heap_lock);
	for (uint32_t i = 0; i < QUARANTINE_MAX; i++) {
		if (quarantine[i])
			object_free_locked(quarantine[i]);
		quarantine[i] = NULL;
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(classes); i++) {
		if (classes[i].spare)
			slab_destroy_locked(classes[i].spare);
		classes[i].spare = NULL;
	}
	spin_unlock(&heap_lock);
}

#else

static void *quarantine_locked(void *object)
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
	spin_lock(&heap_lock);
	if (class_of[OBJECT_MAX / GRAIN] == 0)
		heap_init_locked();
	object = object_alloc_locked(&classes[class_of[(padded + GRAIN - 1) / GRAIN]]);
	spin_unlock(&heap_lock);
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
	spin_lock(&heap_lock);
	memory = quarantine_locked(memory);
	if (memory)
		object_free_locked(memory);
	spin_unlock(&heap_lock);
}

size_t heap_in_use(void)
{
	return in_use;
}

uint64_t heap_frames(void)
{
	return slab_count;
}
