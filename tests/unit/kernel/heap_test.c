/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <signal.h>

#include <arch/percpu.h>
#include <cordon/errno.h>
#include <kernel/heap.h>
#include <kernel/page.h>
#include <kernel/string.h>
#include <tests/unit/fake/fake.h>

#include <tests/random.h>

static void machine(void)
{
	const struct memory_range ranges[] = {{paddr(UINT64_C(1) << 20), UINT64_C(64) << 20, true}};

	page_init(ranges, 1, NULL, 0);
}

/* What heap.h says about alignment. */
static size_t alignment_of(size_t size)
{
	bool power = size >= 64 && size <= 4096 && (size & (size - 1)) == 0;

	return power ? size : 16;
}

static bool all_bytes(const uint8_t *bytes, uint8_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != value)
			return false;
	return true;
}

Test(heap, every_size_is_zeroed_aligned_and_writable)
{
	machine();
	for (size_t size = 0; size < 9000; size++) {
		uint8_t *a = heap_alloc(size);
		uint8_t *b = heap_alloc(size);

		cr_assert(a && b && a != b);
		cr_assert_eq((uintptr_t)a % alignment_of(size), 0);
		cr_assert_eq((uintptr_t)b % alignment_of(size), 0);
		cr_assert(all_bytes(a, 0, size) && all_bytes(b, 0, size));
		memset(a, 0x11, size);
		memset(b, 0x22, size);
		cr_assert(all_bytes(a, 0x11, size) && all_bytes(b, 0x22, size));
		heap_free(a);
		heap_free(b);
	}
	cr_assert_eq(heap_in_use(), 0);
}

struct block {
	uint8_t *memory;
	size_t size;
	uint8_t value;
};

/* Plays so many CPUs, each of which frees what any of them allocated. */
static void random_operations(uint64_t seed, uint32_t cpus)
{
	static struct block blocks[4000];
	struct random random = {seed};

	machine();
	for (uint64_t round = 0; round < 300000; round++) {
		struct block *block = &blocks[random_below(&random, 4000)];

		fake_percpu.number = (uint32_t)random_below(&random, cpus);
		if (block->memory) {
			cr_assert(all_bytes(block->memory, block->value, block->size));
			heap_free(block->memory);
			block->memory = NULL;
			continue;
		}
		block->size = random_below(&random, random_below(&random, 50) ? 700 : 20000);
		block->value = (uint8_t)random_next(&random);
		block->memory = heap_alloc(block->size);
		cr_assert(block->memory);
		cr_assert(all_bytes(block->memory, 0, block->size), "zeroed");
		memset(block->memory, block->value, block->size);
	}
	for (size_t i = 0; i < 4000; i++)
		heap_free(blocks[i].memory);
	cr_assert_eq(heap_in_use(), 0);
	/* At most one empty slab for each class stays. */
	cr_assert_leq(page_total_count() - page_free_count(), 11 * cpus);
	cr_assert_eq(page_total_count() - page_free_count(), heap_frames());
}

Test(heap, objects_never_overlap_under_random_operations)
{
	random_operations(5, 1);
}

Test(heap, objects_never_overlap_under_random_operations_of_four_cpus)
{
	random_operations(6, 4);
}

static void *frame_of(void *object)
{
	return (void *)align_down((uintptr_t)object, PAGE_SIZE);
}

Test(heap, each_cpu_has_slabs_of_its_own_to_which_objects_return)
{
	char *a, *b, *c;

	machine();
	a = heap_alloc(100);
	fake_percpu.number = 1;
	b = heap_alloc(100);
	cr_assert_neq(frame_of(a), frame_of(b));
	heap_free(a);
	c = heap_alloc(100);
	cr_assert_eq(frame_of(c), frame_of(b), "what another CPU's slab got back stays there");
	fake_percpu.number = 0;
	cr_assert_eq(heap_alloc(100), a);
}

/* More than a CPU's last frames hold, of one size. */
static uint32_t count_of_free_objects(void)
{
	uint32_t count = 0;

	while (heap_alloc(1000))
		count++;
	return count;
}

Test(heap, a_cpu_takes_what_is_free_in_slabs_of_others_when_frames_are_short)
{
	char *object;

	machine();
	object = heap_alloc(1000);
	cr_assert_gt(count_of_free_objects(), 1000);
	fake_percpu.number = 1;
	cr_assert_null(heap_alloc(1000));
	heap_free(object);
	cr_assert_eq(heap_alloc(1000), object);
	cr_assert_null(heap_alloc(1000));
}

Test(heap, says_no_when_memory_is_out_and_recovers)
{
	void **first = NULL;
	void **object;

	machine();
	while ((object = heap_alloc(128)) != NULL) {
		*object = first;
		first = object;
	}
	cr_assert_eq(page_free_count(), 0);
	cr_assert_null(heap_alloc(5000));
	cr_assert_gt(heap_in_use(), UINT64_C(63) << 19, "more than half of all memory");
	while (first) {
		object = first;
		first = *object;
		heap_free(object);
	}
	cr_assert_eq(heap_in_use(), 0);
	cr_assert_geq(page_free_count(), page_total_count() - 1);
}

Test(heap, refuses_products_that_wrap)
{
	volatile size_t most = SIZE_MAX; /* the compiler knows better than to ask for this */
	void *array;

	machine();
	cr_assert_null(heap_alloc_array(most / 16 + 2, 16));
	cr_assert_null(heap_alloc(most));
	cr_assert_null(heap_alloc((size_t)2 << 30));
	array = heap_alloc_array(10, 10);
	cr_assert_not_null(array);
	heap_free(array);
	heap_free(NULL);
	cr_assert_eq(heap_in_use(), 0);
}

Test(heap, a_second_free_panics, .signal = SIGABRT)
{
	void *a;

	machine();
	a = heap_alloc(100);
	cr_assert(heap_alloc(100));
	heap_free(a);
	heap_free(a);
}

Test(heap, a_second_free_of_a_large_block_panics, .signal = SIGABRT)
{
	void *a;

	machine();
	a = heap_alloc(10000);
	heap_free(a);
	heap_free(a);
}

Test(heap, a_pointer_into_an_object_panics, .signal = SIGABRT)
{
	char *a;

	machine();
	a = heap_alloc(192);
	heap_free(a + 16);
}

Test(heap, a_write_to_freed_memory_panics_in_debug_kernels, .signal = SIGABRT)
{
	uint8_t *a;

	machine();
	a = heap_alloc(192);
	cr_assert(heap_alloc(192));
	heap_free(a);
	a[100] = 1;
	for (int i = 0; i < 40; i++)
		heap_alloc(192);
}
