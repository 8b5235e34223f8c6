/* SPDX-License-Identifier: MIT */
/*
 * Address spaces against one record a page. Linked twice: over the list of pages of the fake
 * machine, and over the real page tables (tests/unit/kernel/mmu_paging.c).
 */
#include <criterion/criterion.h>
#include <signal.h>

#include <cordon/errno.h>
#include <kernel/aspace.h>
#include <kernel/heap.h>
#include <kernel/sched.h>
#include <kernel/task.h>
#include <tests/unit/fake/fake.h>

#include <tests/random.h>

#ifndef ASPACE_PAGES
#define ASPACE_PAGES 64 /* looked for one by one */
#define ASPACE_STEPS 3000
#else
#define ASPACE_STEPS 12000
#endif

#define BASE        UINT64_C(0x40000000)
#define DEVICE_BASE UINT64_C(0xe0000000)
#define R           CORDON_PROT_READ
#define RW          (CORDON_PROT_READ | CORDON_PROT_WRITE)
#define RX          (CORDON_PROT_READ | CORDON_PROT_EXEC)
#define RWX         (CORDON_PROT_READ | CORDON_PROT_WRITE | CORDON_PROT_EXEC)

struct page {
	struct memory *memory; /* NULL: nothing */
	uint64_t offset;
	uint32_t prot;
	uint32_t prot_max;
};

struct bed {
	struct account *account;
	struct aspace *aspace;
	struct memory *memories[3]; /* 2 MiB leaves, single frames, a device */
	uint64_t memory_frames;     /* charged before the address space existed */
	struct page pages[ASPACE_PAGES];
};

static struct account *account_with(const struct cordon_budget *budget)
{
	struct account *account;

	cr_assert_eq(account_create(budget, &account), 0);
	return account;
}

static void bed_init(struct bed *bed)
{
	const struct cordon_budget budget = {.frames = 1 << 20, .mappings = 100000};

	*bed = (struct bed){0};
	bed->account = account_with(&budget);
	cr_assert_eq(
	        memory_create(bed->account, 2 * SIZE_2M, CORDON_MEMORY_HUGE, &bed->memories[0]), 0);
	cr_assert_eq(memory_create(bed->account, 600 * PAGE_SIZE, CORDON_MEMORY_SCATTER,
	                           &bed->memories[1]),
	             0);
	cr_assert_eq(memory_create_device(paddr(DEVICE_BASE), 2 * SIZE_2M, &bed->memories[2]), 0);
	bed->memory_frames = bed->account->used[CHARGE_FRAMES];
	cr_assert_eq(aspace_create(bed->account, &bed->aspace), 0);
}

static void bed_end(struct bed *bed)
{
	aspace_clear(bed->aspace);
	cr_assert_eq(fake_paging_stale(), 0);
	aspace_unref(bed->aspace);
	for (size_t i = 0; i < 3; i++) {
		cr_assert_eq(bed->memories[i]->object.references, 1);
		object_unref(&bed->memories[i]->object);
	}
	account_unref(bed->account); /* panics when anything is still charged */
	cr_assert_eq(fake_pages_used(), 0);
	cr_assert_eq(heap_in_use(), 0);
}

static void check_page(const struct bed *bed, uint64_t index)
{
	const struct page *page = &bed->pages[index];
	uaddr_t address = uaddr(BASE + index * PAGE_SIZE);
	bool present = page->memory && page->prot && !page->memory->revoked;
	struct memory *memory;
	paddr_t expected;
	uint64_t offset;
	uint64_t size;
	paddr_t base;
	uint32_t prot;

	cr_assert_eq(arch_paging_lookup(&bed->aspace->paging, address, &base, &prot), present);
	if (present) {
		memory_run(page->memory, page->offset, PAGE_SIZE, &expected);
		cr_assert_eq(base.raw, expected.raw);
		cr_assert_eq(prot, page->prot);
	}
	if (!page->memory || page->prot == CORDON_PROT_NONE) {
		cr_assert_eq(
		        aspace_resolve(bed->aspace, address, PAGE_SIZE, R, &memory, &offset, &size),
		        -EFAULT);
		return;
	}
	cr_assert_eq(aspace_resolve(bed->aspace, uaddr(address.raw + 5), UINT64_MAX, page->prot,
	                            &memory, &offset, &size),
	             0);
	cr_assert_eq(memory, page->memory);
	cr_assert_eq(offset, page->offset + 5);
	cr_assert_geq(size, PAGE_SIZE - 5);
	object_unref(&memory->object);
	if (!(page->prot & CORDON_PROT_WRITE))
		cr_assert_eq(aspace_resolve(bed->aspace, address, PAGE_SIZE, CORDON_PROT_WRITE,
		                            &memory, &offset, &size),
		             -EFAULT);
}

static void check_bed(const struct bed *bed)
{
	const struct aspace *aspace = bed->aspace;

	cr_assert_eq(fake_paging_stale(), 0, "a call returned without its flush");
	cr_assert_eq(bed->account->used[CHARGE_MAPPINGS], aspace->region_count);
	cr_assert_eq(aspace->tables_charged, aspace->paging.tables + 1);
	cr_assert_eq(bed->account->used[CHARGE_FRAMES], bed->memory_frames);
	cr_assert_geq(bed->account->used[CHARGE_KERNEL], aspace->tables_charged * PAGE_SIZE);
	for (uint64_t i = 0; i < ASPACE_PAGES; i++)
		check_page(bed, i);
}

/* --- random operations: each predicts its result, which may be -ENOMEM when failing is on ----- */

static void random_range(struct random *random, uint64_t *first, uint64_t *count)
{
	uint64_t most = random_below(random, 3) ? 12 : ASPACE_PAGES;

	*first = random_below(random, ASPACE_PAGES);
	*count = 1 + random_below(random, most);
	if (*count > ASPACE_PAGES - *first)
		*count = ASPACE_PAGES - *first;
}

static uint32_t random_prot(struct random *random)
{
	static const uint32_t prots[] = {CORDON_PROT_NONE, R, RW, RX};

	return prots[random_below(random, 4)];
}

static bool is_mapped(const struct bed *bed, uint64_t index)
{
	return tree_overlaps(&bed->aspace->regions, BASE + index * PAGE_SIZE,
	                     BASE + (index + 1) * PAGE_SIZE);
}

static int expect_map(const struct bed *bed, uint64_t first, uint64_t count)
{
	for (uint64_t i = first; i < first + count; i++)
		if (bed->pages[i].memory)
			return -EEXIST;
	return 0;
}

static int do_map(struct bed *bed, struct random *random, uint64_t first, uint64_t count,
                  int *expected)
{
	struct memory *memory = bed->memories[random_below(random, 3)];
	uint32_t prot_max = random_below(random, 3) ? RWX : R;
	uint32_t prot = random_prot(random) & prot_max;
	uaddr_t address = uaddr(BASE + first * PAGE_SIZE);
	bool replace = random_below(random, 3) == 0;
	uint64_t offset;
	int err;

	/* Often so that large leaves fit. */
	offset = random_below(random, 2) ? first * PAGE_SIZE
	                                 : random_below(random, 400) * PAGE_SIZE;
	if (offset >= memory->size)
		offset = 0;
	if (count > (memory->size - offset) / PAGE_SIZE)
		count = (memory->size - offset) / PAGE_SIZE;
	*expected = replace ? 0 : expect_map(bed, first, count);
	err = aspace_map(bed->aspace, memory, offset, count * PAGE_SIZE, prot, prot_max,
	                 replace ? CORDON_MAP_REPLACE : CORDON_MAP_FIXED, &address);
	/* What was to be replaced may be gone when there was no memory for the rest. */
	for (uint64_t i = 0; replace && err != 0 && i < count; i++)
		if (!is_mapped(bed, first + i))
			bed->pages[first + i] = (struct page){0};
	cr_assert_eq(address.raw, BASE + first * PAGE_SIZE);
	for (uint64_t i = 0; err == 0 && i < count; i++)
		bed->pages[first + i] = (struct page){memory, offset + i * PAGE_SIZE, prot,
		                                      prot_max};
	return err;
}

static int do_unmap(struct bed *bed, uint64_t first, uint64_t count, int *expected)
{
	int err = aspace_unmap(bed->aspace, uaddr(BASE + first * PAGE_SIZE), count * PAGE_SIZE);

	*expected = 0;
	for (uint64_t i = 0; err == 0 && i < count; i++)
		bed->pages[first + i] = (struct page){0};
	return err;
}

static int do_protect(struct bed *bed, struct random *random, uint64_t first, uint64_t count,
                      int *expected)
{
	uint32_t prot = random_prot(random);
	int err = aspace_protect(bed->aspace, uaddr(BASE + first * PAGE_SIZE), count * PAGE_SIZE,
	                         prot);

	*expected = 0;
	for (uint64_t i = first; i < first + count; i++)
		if (bed->pages[i].memory && (prot & ~bed->pages[i].prot_max))
			*expected = -EACCES;
	for (uint64_t i = first; i < first + count; i++)
		if (!bed->pages[i].memory)
			*expected = -ENOMEM;
	for (uint64_t i = 0; err == 0 && i < count; i++)
		bed->pages[first + i].prot = prot;
	return err;
}

static void do_revoke(struct bed *bed)
{
	struct memory *device = bed->memories[2];

	if (device->revoked)
		memory_restore(device);
	else
		memory_revoke(device);
}

static uint64_t run_steps(struct bed *bed, uint64_t seed, bool failing)
{
	struct random random = {seed};
	uint64_t failed = 0;

	for (uint64_t step = 0; step < ASPACE_STEPS; step++) {
		uint64_t kind = random_below(&random, 16);
		uint64_t first;
		uint64_t count;
		int expected = 0;
		int err = 0;

		random_range(&random, &first, &count);
		if (failing && random_below(&random, 2))
			fake_paging_fail(1 + random_below(&random, 3));
		else if (failing && random_below(&random, 2))
			fake_heap_fail(1 + random_below(&random, 2));
		if (kind == 15) {
			fake_paging_fail(0);
			do_revoke(bed);
		} else if (kind < 6) {
			err = do_map(bed, &random, first, count, &expected);
		} else if (kind < 10) {
			err = do_unmap(bed, first, count, &expected);
		} else {
			err = do_protect(bed, &random, first, count, &expected);
		}
		fake_paging_fail(0);
		fake_heap_fail(0);
		if (failing && err == -ENOMEM)
			failed++;
		else
			cr_assert_eq(err, expected, "step %lu: %d, expected %d", step, err,
			             expected);
		if (step % (ASPACE_PAGES > 500 ? 8 : 1) == 0)
			check_bed(bed);
	}
	check_bed(bed);
	return failed;
}

Test(aspace, agrees_with_a_record_of_every_page_under_random_operations)
{
	static struct bed bed;

	bed_init(&bed);
	run_steps(&bed, 17, false);
	bed_end(&bed);
}

Test(aspace, a_call_without_memory_changes_nothing)
{
	static struct bed bed;

	bed_init(&bed);
	cr_assert_gt(run_steps(&bed, 23, true), 20, "hardly any call failed");
	bed_end(&bed);
}

/* --- one thing each -------------------------------------------------------------------------- */

Test(aspace, refuses_wrong_arguments)
{
	static struct bed bed;
	struct memory *memory;
	uaddr_t address = uaddr(BASE);

	bed_init(&bed);
	memory = bed.memories[0];
#define MAP(offset, size, prot, max, flags) \
	aspace_map(bed.aspace, memory, offset, size, prot, max, flags, &address)
	cr_assert_eq(MAP(0, 0, R, R, 0), -EINVAL, "no size");
	cr_assert_eq(MAP(1, PAGE_SIZE, R, R, 0), -EINVAL, "offset inside a page");
	cr_assert_eq(MAP(0, PAGE_SIZE + 1, R, R, 0), -EINVAL, "size inside a page");
	cr_assert_eq(MAP(0, PAGE_SIZE, RWX, RWX, 0), -EINVAL, "writable and executable");
	cr_assert_eq(MAP(0, PAGE_SIZE, RW, R, 0), -EINVAL, "more than it may ever have");
	cr_assert_eq(MAP(0, PAGE_SIZE, 8, 8, 0), -EINVAL, "unknown rights");
	cr_assert_eq(MAP(0, PAGE_SIZE, R, R, 0x10), -EINVAL, "unknown flags");
	cr_assert_eq(MAP(memory->size, PAGE_SIZE, R, R, 0), -ERANGE);
	cr_assert_eq(MAP(PAGE_SIZE, memory->size, R, R, 0), -ERANGE);
	cr_assert_eq(MAP(align_down(UINT64_MAX, PAGE_SIZE), PAGE_SIZE, R, R, 0), -ERANGE);
	address = uaddr(BASE + 1);
	cr_assert_eq(MAP(0, PAGE_SIZE, R, R, CORDON_MAP_FIXED), -EINVAL, "inside a page");
	address = uaddr(CORDON_USER_MIN - PAGE_SIZE);
	cr_assert_eq(MAP(0, PAGE_SIZE, R, R, CORDON_MAP_FIXED), -EINVAL, "below user space");
	address = uaddr(CORDON_USER_MAX);
	cr_assert_eq(MAP(0, PAGE_SIZE, R, R, CORDON_MAP_FIXED), -EINVAL, "above user space");
	address = uaddr(CORDON_USER_MAX - PAGE_SIZE);
	cr_assert_eq(MAP(0, 2 * PAGE_SIZE, R, R, CORDON_MAP_FIXED), -EINVAL, "across its end");
	address = uaddr(align_down(UINT64_MAX, PAGE_SIZE));
	cr_assert_eq(MAP(0, PAGE_SIZE, R, R, CORDON_MAP_FIXED), -EINVAL, "wraps");
#undef MAP
	cr_assert_eq(aspace_unmap(bed.aspace, uaddr(BASE), 0), -EINVAL);
	cr_assert_eq(aspace_unmap(bed.aspace, uaddr(BASE), UINT64_MAX), -EINVAL);
	cr_assert_eq(aspace_unmap(bed.aspace, uaddr(BASE + 1), PAGE_SIZE), -EINVAL);
	cr_assert_eq(aspace_protect(bed.aspace, uaddr(BASE), PAGE_SIZE, RWX), -EINVAL);
	cr_assert_eq(aspace_protect(bed.aspace, uaddr(BASE), PAGE_SIZE, R), -ENOMEM, "not mapped");
	check_bed(&bed);
	bed_end(&bed);
}

Test(aspace, finds_free_places_where_large_leaves_fit)
{
	static struct bed bed;
	uaddr_t a = uaddr(0);
	uaddr_t b = uaddr(0);
	uaddr_t c = uaddr(0);
	paddr_t base;

	bed_init(&bed);
	cr_assert_eq(aspace_map(bed.aspace, bed.memories[1], 0, PAGE_SIZE, R, R, 0, &a), 0);
	cr_assert_eq(a.raw, ASPACE_ANY_MIN);
	cr_assert_eq(aspace_map(bed.aspace, bed.memories[0], 0, SIZE_2M, RW, RW, 0, &b), 0);
	memory_run(bed.memories[0], 0, SIZE_2M, &base);
	cr_assert_eq((b.raw ^ base.raw) & (SIZE_2M - 1), 0);
	cr_assert_eq(aspace_map(bed.aspace, bed.memories[1], 0, PAGE_SIZE, R, R, 0, &c), 0);
	cr_assert_eq(c.raw, a.raw + PAGE_SIZE, "the lowest gap");
	/* A wish that is free is granted, one that is taken is not. */
	c = uaddr(BASE);
	cr_assert_eq(aspace_map(bed.aspace, bed.memories[1], 0, PAGE_SIZE, R, R, 0, &c), 0);
	cr_assert_eq(c.raw, BASE);
	cr_assert_eq(aspace_map(bed.aspace, bed.memories[1], 0, PAGE_SIZE, R, R, 0, &c), 0);
	cr_assert_eq(c.raw, a.raw + 2 * PAGE_SIZE);
	bed_end(&bed);
}

Test(aspace, memory_that_is_still_mapped_outlives_its_handle)
{
	static struct bed bed;
	struct memory *memory;
	uaddr_t address = uaddr(BASE);
	uint64_t frames;

	bed_init(&bed);
	cr_assert_eq(memory_create(bed.account, PAGE_SIZE, 0, &memory), 0);
	frames = fake_pages_used();
	cr_assert_eq(aspace_map(bed.aspace, memory, 0, PAGE_SIZE, R, R, CORDON_MAP_FIXED, &address),
	             0);
	object_unref(&memory->object);
	cr_assert_geq(fake_pages_used(), frames);
	cr_assert_eq(aspace_unmap(bed.aspace, address, PAGE_SIZE), 0);
	aspace_trim(bed.aspace); /* the tables that are kept */
	cr_assert_eq(fake_pages_used(), frames - 1);
	bed_end(&bed);
}

Test(aspace, the_budget_of_mappings_is_kept)
{
	const struct cordon_budget budget = {.mappings = 3};
	static struct bed bed;
	struct account *small = account_with(&budget);
	struct aspace *aspace;
	uaddr_t address;

	bed_init(&bed);
	cr_assert_eq(aspace_create(small, &aspace), 0);
	address = uaddr(BASE);
	cr_assert_eq(aspace_map(aspace, bed.memories[1], 0, 9 * PAGE_SIZE, R, RW, CORDON_MAP_FIXED,
	                        &address),
	             0);
	cr_assert_eq(aspace_protect(aspace, uaddr(BASE + 3 * PAGE_SIZE), PAGE_SIZE, RW), 0);
	cr_assert_eq(small->used[CHARGE_MAPPINGS], 3);
	cr_assert_eq(aspace_unmap(aspace, uaddr(BASE + PAGE_SIZE), PAGE_SIZE), -ENOMEM);
	cr_assert_eq(aspace_protect(aspace, uaddr(BASE + PAGE_SIZE), PAGE_SIZE, RW), -ENOMEM);
	address = uaddr(BASE + SIZE_2M);
	cr_assert_eq(
	        aspace_map(aspace, bed.memories[1], 0, PAGE_SIZE, R, R, CORDON_MAP_FIXED, &address),
	        -ENOMEM);
	cr_assert_eq(aspace_unmap(aspace, uaddr(BASE), PAGE_SIZE), 0, "at an end nothing is cut");
	aspace_clear(aspace);
	aspace_unref(aspace);
	account_unref(small);
	bed_end(&bed);
}

Test(aspace, revoking_reaches_every_address_space_and_what_is_mapped_later)
{
	static struct bed bed;
	struct aspace *other;
	struct memory *device;
	uaddr_t address = uaddr(BASE);
	uint32_t prot;
	paddr_t base;

	bed_init(&bed);
	device = bed.memories[2];
	cr_assert_eq(aspace_create(bed.account, &other), 0);
	cr_assert_eq(aspace_map(bed.aspace, device, 0, 4 * PAGE_SIZE, RW, RW, CORDON_MAP_FIXED,
	                        &address),
	             0);
	cr_assert_eq(
	        aspace_map(other, device, 0, 4 * PAGE_SIZE, RW, RW, CORDON_MAP_FIXED, &address), 0);
	memory_revoke(device);
	cr_assert_eq(fake_paging_stale(), 0);
	cr_assert_not(arch_paging_lookup(&bed.aspace->paging, address, &base, &prot));
	cr_assert_not(arch_paging_lookup(&other->paging, address, &base, &prot));
	/* Neither a change of rights nor a new mapping brings pages back. */
	cr_assert_eq(aspace_protect(other, address, PAGE_SIZE, CORDON_PROT_NONE), 0);
	cr_assert_eq(aspace_protect(other, address, PAGE_SIZE, RW), 0);
	cr_assert_not(arch_paging_lookup(&other->paging, address, &base, &prot));
	address = uaddr(BASE + 8 * PAGE_SIZE);
	cr_assert_eq(aspace_map(other, device, 0, PAGE_SIZE, RW, RW, CORDON_MAP_FIXED, &address),
	             0);
	cr_assert_not(arch_paging_lookup(&other->paging, address, &base, &prot));
	memory_restore(device);
	cr_assert(arch_paging_lookup(&other->paging, address, &base, &prot));
	cr_assert_eq(base.raw, DEVICE_BASE);
	cr_assert(arch_paging_lookup(&bed.aspace->paging, uaddr(BASE), &base, &prot));
	aspace_clear(other);
	aspace_unref(other);
	bed_end(&bed);
}

/* --- very many mappings of a device ----------------------------------------------------------- */

#define MANY   (2 * SCHED_POINT_EVERY + 40)
#define PAUSES 5u /* three, and one for each mapping of the other address space */

static struct bed *others_bed;

static uaddr_t many_at(uint64_t index)
{
	return uaddr(BASE + 2 * index * PAGE_SIZE);
}

static void many_map(struct aspace *aspace, struct memory *device, uint64_t index)
{
	uaddr_t address = many_at(index);

	cr_assert_eq(
	        aspace_map(aspace, device, 0, 2 * PAGE_SIZE, RW, RW, CORDON_MAP_FIXED, &address),
	        0);
}

/* How many pages of the mappings are there. */
static uint64_t many_present(const struct aspace *aspace)
{
	uint64_t count = 0;
	uint32_t prot;
	paddr_t base;

	for (uint64_t i = 0; i < 2 * (MANY + 8); i++)
		count += arch_paging_lookup(&aspace->paging, uaddr(BASE + i * PAGE_SIZE), &base,
		                            &prot);
	return count;
}

/* In each pause: a mapping more, and of one that has been changed and one that has not been a page
 * less, or with other rights, so that each is cut in two. */
static void others_change_mappings(void)
{
	struct aspace *aspace = others_bed->aspace;
	uint64_t round = fake_sched_points;

	cr_assert_leq(round, 8u, "it does not end");
	many_map(aspace, others_bed->memories[2], MANY + round - 1);
	cr_assert_eq(aspace_unmap(aspace, many_at(round), PAGE_SIZE), 0);
	cr_assert_eq(aspace_unmap(aspace, many_at(MANY - round), PAGE_SIZE), 0);
	cr_assert_eq(aspace_protect(aspace, many_at(round + 10), PAGE_SIZE, R), 0);
	cr_assert_eq(aspace_protect(aspace, many_at(MANY - round - 10), PAGE_SIZE, R), 0);
}

/* Of two address spaces, in turn. */
static struct aspace *many_start(struct bed *bed)
{
	struct aspace *other;

	bed_init(bed);
	cr_assert_eq(aspace_create(bed->account, &other), 0);
	many_map(other, bed->memories[2], 0);
	for (uint64_t i = 0; i < MANY; i++)
		many_map(bed->aspace, bed->memories[2], i);
	many_map(other, bed->memories[2], 1);
	others_bed = bed;
	fake_sched_points = 0;
	return other;
}

Test(aspace, S10_a_revoke_of_very_many_mappings_lets_others_run)
{
	static struct bed bed;
	struct aspace *other = many_start(&bed);
	struct memory *device = bed.memories[2];

	memory_revoke(device);
	cr_assert_eq(fake_sched_points, PAUSES);
	cr_assert_eq(many_present(bed.aspace) + many_present(other), 0);
	fake_sched_points = 0;
	memory_restore(device);
	cr_assert_eq(fake_sched_points, PAUSES);
	cr_assert_eq(many_present(bed.aspace), 2 * MANY);
	cr_assert_eq(many_present(other), 4);
	aspace_clear(other);
	aspace_unref(other);
	bed_end(&bed);
}

Test(aspace, S8_no_mapping_slips_in_while_very_many_are_revoked)
{
	static struct bed bed;
	struct aspace *other = many_start(&bed);
	struct memory *device = bed.memories[2];

	fake_others_run = others_change_mappings;
	memory_revoke(device);
	fake_others_run = NULL;
	cr_assert_geq(fake_sched_points, PAUSES);
	cr_assert_eq(many_present(bed.aspace) + many_present(other), 0);
	memory_restore(device);
	cr_assert_eq(many_present(bed.aspace), 2 * MANY, "two pages more and two less each time");
	aspace_clear(other);
	aspace_unref(other);
	bed_end(&bed);
}

Test(aspace, none_stays_behind_while_very_many_are_restored)
{
	static struct bed bed;
	struct aspace *other = many_start(&bed);
	struct memory *device = bed.memories[2];

	memory_revoke(device);
	fake_sched_points = 0;
	fake_others_run = others_change_mappings;
	memory_restore(device);
	fake_others_run = NULL;
	cr_assert_eq(many_present(bed.aspace), 2 * MANY, "two pages more and two less each time");
	cr_assert_eq(many_present(other), 4);
	aspace_clear(other);
	aspace_unref(other);
	bed_end(&bed);
}

Test(aspace, the_image_is_never_writable)
{
	static struct bed bed;
	struct memory *image;
	uaddr_t address = uaddr(BASE);

	bed_init(&bed);
	cr_assert_eq(memory_create_static(paddr(FAKE_RAM_BASE), 4 * PAGE_SIZE, &image), 0);
	cr_assert_eq(aspace_map(bed.aspace, image, 0, PAGE_SIZE, R, RW, 0, &address), -EACCES);
	cr_assert_eq(aspace_map(bed.aspace, image, 0, PAGE_SIZE, RX, RX, 0, &address), 0);
	cr_assert_eq(aspace_unmap(bed.aspace, address, PAGE_SIZE), 0);
	object_unref(&image->object);
	bed_end(&bed);
}

/* --- addresses that are only reserved --------------------------------------------------------- */

static int reserve(struct bed *bed, uint64_t pages, uint32_t flags)
{
	uaddr_t address = uaddr(BASE);

	return aspace_map(bed->aspace, NULL, 0, pages * PAGE_SIZE, CORDON_PROT_NONE, RWX,
	                  CORDON_MAP_FIXED | flags, &address);
}

static bool has_memory(const struct bed *bed, uint64_t page, uint32_t prot)
{
	struct memory *memory;
	uint64_t offset, size;
	uint32_t have;
	paddr_t base;

	if (aspace_resolve(bed->aspace, uaddr(BASE + page * PAGE_SIZE), PAGE_SIZE, R, &memory,
	                   &offset, &size) != 0)
		return false;
	object_unref(&memory->object);
	cr_assert(arch_paging_lookup(&bed->aspace->paging, uaddr(BASE + page * PAGE_SIZE), &base,
	                             &have));
	cr_assert_eq(have, prot);
	return true;
}

Test(aspace, what_is_reserved_has_no_memory_until_it_gets_rights)
{
	static struct bed bed;
	uint64_t frames;

	bed_init(&bed);
	frames = bed.account->used[CHARGE_FRAMES];
	cr_assert_eq(reserve(&bed, 1 << 20, 0), 0, "4 GiB");
	cr_assert_eq(bed.account->used[CHARGE_FRAMES], frames);
	cr_assert_eq(reserve(&bed, 1, 0), -EEXIST, "it is in use");
	cr_assert_not(has_memory(&bed, 4, R));
	cr_assert_eq(aspace_protect(bed.aspace, uaddr(BASE + 4 * PAGE_SIZE), 2 * PAGE_SIZE, RW), 0);
	cr_assert(has_memory(&bed, 4, RW) && has_memory(&bed, 5, RW));
	cr_assert_not(has_memory(&bed, 3, R));
	cr_assert_not(has_memory(&bed, 6, R));
	cr_assert_eq(bed.account->used[CHARGE_FRAMES], frames + 2);
	/* Across parts with and without. */
	cr_assert_eq(aspace_protect(bed.aspace, uaddr(BASE + 3 * PAGE_SIZE), 5 * PAGE_SIZE, R), 0);
	for (uint64_t page = 3; page < 8; page++)
		cr_assert(has_memory(&bed, page, R));
	cr_assert_eq(aspace_protect(bed.aspace, uaddr(BASE), PAGE_SIZE, RWX), -EINVAL);
	cr_assert_eq(aspace_unmap(bed.aspace, uaddr(BASE), SIZE_1G * 4), 0);
	cr_assert_eq(bed.aspace->region_count, 0);
	cr_assert_eq(bed.account->used[CHARGE_FRAMES], frames);
	bed_end(&bed);
}

Test(aspace, reserved_memory_beyond_the_budget_is_refused_and_no_rights_change)
{
	static struct bed bed;
	uaddr_t address = uaddr(BASE + 16 * PAGE_SIZE);

	bed_init(&bed);
	cr_assert_eq(reserve(&bed, 16, 0), 0);
	cr_assert_eq(aspace_map(bed.aspace, bed.memories[1], 0, PAGE_SIZE, R, R, CORDON_MAP_FIXED,
	                        &address),
	             0);
	bed.account->limit[CHARGE_FRAMES] = bed.account->used[CHARGE_FRAMES] + 15;
	cr_assert_eq(aspace_protect(bed.aspace, uaddr(BASE), 16 * PAGE_SIZE, RW), -ENOMEM);
	cr_assert_not(has_memory(&bed, 0, RW));
	/* Nor when the rights cannot be had, or something in the range is not there. */
	bed.account->limit[CHARGE_FRAMES] = 1 << 20;
	cr_assert_eq(aspace_protect(bed.aspace, uaddr(BASE), 17 * PAGE_SIZE, RW), -EACCES);
	cr_assert_eq(aspace_protect(bed.aspace, uaddr(BASE), 18 * PAGE_SIZE, R), -ENOMEM);
	cr_assert_not(has_memory(&bed, 0, RW));
	cr_assert_eq(aspace_protect(bed.aspace, uaddr(BASE), 17 * PAGE_SIZE, R), 0);
	bed_end(&bed);
}

static void reserve_page(uint64_t page)
{
	uaddr_t address = uaddr(BASE + page * PAGE_SIZE);

	cr_assert_eq(aspace_map(others_bed->aspace, NULL, 0, PAGE_SIZE, CORDON_PROT_NONE, RWX,
	                        CORDON_MAP_FIXED, &address),
	             0);
}

/* MANY reservations of one page, behind each other. */
static void reserve_many(struct bed *bed)
{
	bed_init(bed);
	others_bed = bed;
	for (uint64_t i = 0; i < MANY; i++)
		reserve_page(i);
	fake_sched_points = 0;
}

static int protect_many(struct bed *bed)
{
	return aspace_protect(bed->aspace, uaddr(BASE), MANY * PAGE_SIZE, RW);
}

Test(aspace, S10_rights_for_very_many_reservations_let_others_run)
{
	static struct bed bed;

	reserve_many(&bed);
	cr_assert_eq(protect_many(&bed), 0);
	cr_assert_eq(fake_sched_points, 3u);
	for (uint64_t i = 0; i < MANY; i++)
		cr_assert(has_memory(&bed, i, RW));
	bed_end(&bed);
}

/* Of what has its memory already, once. */
static void others_reserve_again(void)
{
	if (fake_sched_points != 2)
		return;
	cr_assert_eq(aspace_unmap(others_bed->aspace, uaddr(BASE + PAGE_SIZE), PAGE_SIZE), 0);
	reserve_page(1);
}

Test(aspace, what_is_reserved_again_while_rights_are_given_gets_memory_too)
{
	static struct bed bed;

	reserve_many(&bed);
	fake_others_run = others_reserve_again;
	cr_assert_eq(protect_many(&bed), 0);
	fake_others_run = NULL;
	for (uint64_t i = 0; i < MANY; i++)
		cr_assert(has_memory(&bed, i, RW));
	bed_end(&bed);
}

static void others_unmap(void)
{
	if (fake_sched_points == 2)
		cr_assert_eq(aspace_unmap(others_bed->aspace, uaddr(BASE + PAGE_SIZE), PAGE_SIZE),
		             0);
}

Test(aspace, a_hole_that_comes_while_rights_are_given_changes_none)
{
	static struct bed bed;

	reserve_many(&bed);
	fake_others_run = others_unmap;
	cr_assert_eq(protect_many(&bed), -ENOMEM);
	fake_others_run = NULL;
	for (uint64_t i = 0; i < MANY; i++)
		cr_assert_not(has_memory(&bed, i, RW));
	bed_end(&bed);
}

static struct task ending_task;

static void others_end_the_task(void)
{
	ending_task.ending = fake_sched_points == 2;
}

Test(aspace, giving_rights_to_very_many_reservations_ends_with_the_task)
{
	static struct bed bed;

	reserve_many(&bed);
	thread_current()->task = &ending_task;
	fake_others_run = others_end_the_task;
	cr_assert_eq(protect_many(&bed), -EINTR);
	fake_others_run = NULL;
	thread_current()->task = NULL;
	cr_assert_eq(fake_sched_points, 2u);
	bed_end(&bed);
}

Test(aspace, memory_takes_only_the_place_of_what_is_reserved)
{
	static struct bed bed;
	uaddr_t address = uaddr(BASE);

	bed_init(&bed);
	cr_assert_eq(reserve(&bed, 4, 0), 0);
#define COMMIT(pages)                                                                           \
	aspace_map(bed.aspace, bed.memories[1], 0, (pages)*PAGE_SIZE, R, RW, ASPACE_MAP_COMMIT, \
	           &address)
	cr_assert_eq(COMMIT(5), -EEXIST, "its last page is not reserved");
	cr_assert_eq(COMMIT(2), 0);
	cr_assert_eq(COMMIT(3), -EEXIST, "its first pages no longer are");
#undef COMMIT
	cr_assert_eq(bed.aspace->region_count, 2);
	bed_end(&bed);
}

Test(aspace, a_stack_grows_from_its_end_and_never_into_its_guard)
{
	const uint64_t guard = CORDON_STACK_GUARD / PAGE_SIZE;
	static struct bed bed;

	bed_init(&bed);
	cr_assert_eq(reserve(&bed, guard + 300, CORDON_MAP_GROW), 0);
#define GROW(page) aspace_grow(bed.aspace, uaddr(BASE + (page)*PAGE_SIZE + 8))
	cr_assert_eq(GROW(guard + 299), 0);
	cr_assert(has_memory(&bed, guard + 299, RW));
	cr_assert(has_memory(&bed, guard + 300 - 16, RW), "some more than asked for");
	cr_assert_not(has_memory(&bed, guard + 300 - 17, RW));
	cr_assert_eq(GROW(guard + 300), -EFAULT, "behind it");
	cr_assert_eq(GROW(guard + 200), 0);
	for (uint64_t page = guard + 200; page < guard + 300; page++)
		cr_assert(has_memory(&bed, page, RW), "no hole is left");
	cr_assert_eq(GROW(guard - 1), -ENOSPC);
	cr_assert_eq(GROW(0), -ENOSPC);
	cr_assert_eq(GROW(guard), 0, "down to the guard");
	cr_assert(has_memory(&bed, guard, RW));
	cr_assert_not(has_memory(&bed, guard - 1, RW));
	cr_assert_eq(GROW(guard - 1), -ENOSPC);
	cr_assert_leq(bed.aspace->region_count, 5);
#undef GROW
	bed_end(&bed);
}

static void others_touch_the_stack(void)
{
	fake_others_run = NULL;
	cr_assert_eq(aspace_grow(others_bed->aspace, uaddr(BASE + CORDON_STACK_GUARD)), 0);
	cr_assert(has_memory(others_bed, CORDON_STACK_GUARD / PAGE_SIZE, RW));
}

Test(aspace, threads_that_touch_a_stack_at_once_all_go_on)
{
	const uint64_t guard = CORDON_STACK_GUARD / PAGE_SIZE;
	static struct bed bed;

	bed_init(&bed);
	others_bed = &bed;
	cr_assert_eq(reserve(&bed, guard + 1024, CORDON_MAP_GROW), 0);
	fake_others_run = others_touch_the_stack; /* in the middle of clearing 4 MiB */
	cr_assert_eq(aspace_grow(bed.aspace, uaddr(BASE + CORDON_STACK_GUARD)), 0);
	cr_assert_null(fake_others_run);
	for (uint64_t page = guard; page < guard + 1024; page++)
		cr_assert(has_memory(&bed, page, RW));
	/* One that faulted before and asks only now. */
	cr_assert_eq(aspace_grow(bed.aspace, uaddr(BASE + CORDON_STACK_GUARD)), 0);
	cr_assert_eq(aspace_protect(bed.aspace, uaddr(BASE + CORDON_STACK_GUARD), PAGE_SIZE,
	                            CORDON_PROT_NONE),
	             0);
	cr_assert_eq(aspace_grow(bed.aspace, uaddr(BASE + CORDON_STACK_GUARD)), -EFAULT,
	             "it has memory, and may not be touched");
	bed_end(&bed);
}

Test(aspace, a_stack_without_memory_for_tables_leaves_no_hole)
{
	const uint64_t pages = CORDON_STACK_GUARD / PAGE_SIZE + 64;
	static struct bed bed;

	bed_init(&bed);
	cr_assert_eq(reserve(&bed, pages, CORDON_MAP_GROW), 0);
	fake_paging_fail(1);
	cr_assert_eq(aspace_grow(bed.aspace, uaddr(BASE + (pages - 1) * PAGE_SIZE)), -ENOMEM);
	fake_paging_fail(0);
	cr_assert_eq(bed.aspace->tables_charged, bed.aspace->paging.tables + 1);
	cr_assert_eq(reserve(&bed, pages, 0), -EEXIST);
	cr_assert_eq(aspace_protect(bed.aspace, uaddr(BASE), pages * PAGE_SIZE, R), 0, "no hole");
	bed_end(&bed);
}

Test(aspace, only_what_grows_grows)
{
	static struct bed bed;
	uaddr_t address = uaddr(BASE);

	bed_init(&bed);
	cr_assert_eq(reserve(&bed, 64, 0), 0);
	cr_assert_eq(aspace_grow(bed.aspace, uaddr(BASE + 63 * PAGE_SIZE)), -EFAULT);
	cr_assert_eq(aspace_map(bed.aspace, bed.memories[1], 0, PAGE_SIZE, R, RW,
	                        CORDON_MAP_REPLACE | CORDON_MAP_GROW, &address),
	             -EINVAL);
	bed_end(&bed);
}

Test(aspace, kept_tables_are_given_up_when_the_budget_is_short)
{
	const struct cordon_budget budget = {.mappings = 8};
	static struct bed bed;
	struct account *small = account_with(&budget);
	struct aspace *aspace;
	uint64_t before;

	bed_init(&bed);
	cr_assert_eq(aspace_create(small, &aspace), 0);
	before = small->used[CHARGE_KERNEL];
	/* Four tables, and what a second mapping of an object takes. */
	small->limit[CHARGE_KERNEL] = before + 4 * PAGE_SIZE + heap_cost(sizeof(struct region));
	/* One page in each GiB: three tables at a time, of which one may be shared. */
	for (uint64_t i = 0; i < 8; i++) {
		uaddr_t address = uaddr(BASE + i * SIZE_1G);

		cr_assert_eq(aspace_map(aspace, bed.memories[1], 0, PAGE_SIZE, R, R,
		                        CORDON_MAP_FIXED, &address),
		             0);
		cr_assert_eq(aspace_unmap(aspace, address, PAGE_SIZE), 0);
	}
	cr_assert_eq(small->used[CHARGE_KERNEL], before + (aspace->tables_charged - 1) * PAGE_SIZE);
	aspace_trim(aspace);
	cr_assert_eq(small->used[CHARGE_KERNEL], before, "the root is left");
	cr_assert_not(aspace_trim(aspace));
	aspace_clear(aspace);
	aspace_unref(aspace);
	account_unref(small);
	bed_end(&bed);
}

Test(aspace, is_not_given_up_with_regions_in_it, .signal = SIGABRT)
{
	static struct bed bed;
	uaddr_t address = uaddr(BASE);

	bed_init(&bed);
	cr_assert_eq(aspace_map(bed.aspace, bed.memories[0], 0, PAGE_SIZE, R, R, 0, &address), 0);
	aspace_unref(bed.aspace);
}
