/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include <arch/mmio.h>
#include <cordon/errno.h>
#include <kernel/futex.h>
#include <kernel/page.h>
#include <tests/unit/fake/fake.h>

#define BASE UINT64_C(0x10000000)

static struct account *account;
static struct aspace *one, *two;
static struct memory *memory;

static uaddr_t map(struct aspace *aspace, uint64_t offset, uint32_t prot)
{
	uaddr_t address = uaddr(0);

	cr_assert_eq(aspace_map(aspace, memory, offset, PAGE_SIZE, prot, prot, 0, &address), 0);
	return address;
}

static void set_up(void)
{
	const struct cordon_budget budget = {.frames = 100};

	cr_assert_eq(account_create(&budget, &account), 0);
	cr_assert_eq(aspace_create(account, &one), 0);
	cr_assert_eq(aspace_create(account, &two), 0);
	cr_assert_eq(memory_create(account, 2 * PAGE_SIZE, 0, &memory), 0);
}

TestSuite(futex, .init = set_up);

static uint32_t *word(uint64_t offset)
{
	paddr_t base;

	memory_run(memory, offset, 4, &base);
	return phys_to_virt(base);
}

/* What somebody else does meanwhile: wakes count threads of a word. */
struct wake {
	struct aspace *aspace;
	uaddr_t address;
	uint32_t count;
	int64_t woken;
	uint32_t flags;
};

static void wake(void *context)
{
	struct wake *other = context;

	other->woken = futex_wake(other->aspace, other->address, other->count, other->flags);
}

Test(futex, a_waiter_is_woken_through_another_space_and_address)
{
	uaddr_t here = map(one, 0, CORDON_PROT_READ | CORDON_PROT_WRITE);
	struct wake other = {.aspace = two, .count = 1, .flags = CORDON_FUTEX_SHARED};

	map(two, PAGE_SIZE, CORDON_PROT_READ); /* so that the address is another */
	other.address = uaddr(map(two, 0, CORDON_PROT_READ).raw + 8);
	cr_assert_neq(other.address.raw, here.raw + 8);
	fake_on_wait(wake, &other);
	*word(8) = 5;
	cr_assert_eq(futex_wait(one, uaddr(here.raw + 8), 5, UINT64_MAX, CORDON_FUTEX_SHARED), 0);
	cr_assert_eq(other.woken, 1);
	cr_assert_eq(futex_wake(two, other.address, 1, CORDON_FUTEX_SHARED), 0,
	             "nobody waits any more");
}

static unsigned int buckets_in_use(struct aspace *aspace)
{
	unsigned int count = 0;

	for (uint32_t i = 0; i < ASPACE_FUTEXES; i++)
		count += !list_empty(&aspace->futexes[i].waiters);
	return count;
}

static void look_who_waits(void *context)
{
	unsigned int *count = context;

	*count = buckets_in_use(one);
	cr_assert_eq(buckets_in_use(two), 0);
}

Test(futex, a_word_of_one_task_concerns_no_other)
{
	uaddr_t here = map(one, 0, CORDON_PROT_READ | CORDON_PROT_WRITE);
	struct wake other = {.aspace = two, .address = here, .count = 1};
	unsigned int count = 0;

	fake_user_map(here, word(0), PAGE_SIZE, true);
	fake_on_wait(look_who_waits, &count);
	cr_assert_eq(futex_wait(one, here, 0, 1, 0), -ETIMEDOUT);
	cr_assert_eq(count, 1, "it waits in its own space");
	cr_assert_eq(futex_wait(one, here, 0, 1, CORDON_FUTEX_SHARED), -ETIMEDOUT);
	cr_assert_eq(count, 0, "and for a word of several tasks elsewhere");
	fake_on_wait(wake, &other);
	cr_assert_eq(futex_wait(one, here, 0, 1, 0), -ETIMEDOUT);
	cr_assert_eq(other.woken, 0, "the same address in another space is another word");
}

Test(futex, a_word_that_changed_is_not_waited_for)
{
	uaddr_t here = map(one, 0, CORDON_PROT_READ);

	*word(0) = 5;
	cr_assert_eq(futex_wait(one, here, 4, UINT64_MAX, CORDON_FUTEX_SHARED), -EAGAIN);
	cr_assert_eq(futex_wait(one, here, 5, 1, CORDON_FUTEX_SHARED), -ETIMEDOUT);
	cr_assert_eq(futex_wake(one, here, 1, CORDON_FUTEX_SHARED), 0,
	             "who timed out does not count");
}

Test(futex, words_beside_and_in_other_pages_wake_nobody)
{
	uaddr_t here = map(one, 0, CORDON_PROT_READ), there = map(one, PAGE_SIZE, CORDON_PROT_READ);
	struct wake other = {.aspace = one,
	                     .address = uaddr(here.raw + 4),
	                     .count = 9,
	                     .flags = CORDON_FUTEX_SHARED};

	fake_on_wait(wake, &other);
	cr_assert_eq(futex_wait(one, here, 0, 1, CORDON_FUTEX_SHARED), -ETIMEDOUT);
	cr_assert_eq(other.woken, 0);
	other.address = there;
	cr_assert_eq(futex_wait(one, here, 0, 1, CORDON_FUTEX_SHARED), -ETIMEDOUT);
	cr_assert_eq(other.woken, 0);
}

Test(futex, a_wake_of_none_wakes_none)
{
	uaddr_t here = map(one, 0, CORDON_PROT_READ);
	struct wake other = {
	        .aspace = one, .address = here, .count = 0, .flags = CORDON_FUTEX_SHARED};

	fake_on_wait(wake, &other);
	cr_assert_eq(futex_wait(one, here, 0, 1, CORDON_FUTEX_SHARED), -ETIMEDOUT);
	cr_assert_eq(other.woken, 0);
}

Test(futex, wrong_addresses_are_refused)
{
	uaddr_t here = map(one, 0, CORDON_PROT_READ);

	cr_assert_eq(futex_wait(one, uaddr(here.raw + 1), 0, 1, CORDON_FUTEX_SHARED), -EINVAL);
	cr_assert_eq(futex_wake(one, uaddr(here.raw + 2), 1, CORDON_FUTEX_SHARED), -EINVAL);
	cr_assert_eq(futex_wait(one, uaddr(here.raw + PAGE_SIZE), 0, 1, CORDON_FUTEX_SHARED),
	             -EFAULT);
	cr_assert_eq(futex_wake(one, uaddr(BASE), 1, CORDON_FUTEX_SHARED), -EFAULT);
	cr_assert_eq(futex_wait(one, uaddr(UINT64_MAX & ~UINT64_C(3)), 0, 1, CORDON_FUTEX_SHARED),
	             -EFAULT);
}

Test(futex, a_device_has_no_words)
{
	struct memory *device, *ram = memory;
	uaddr_t here;

	cr_assert_eq(memory_create_device(paddr(0xfe000000), PAGE_SIZE, &device), 0);
	memory = device;
	here = map(one, 0, CORDON_PROT_READ);
	memory = ram;
	cr_assert_eq(futex_wait(one, here, 0, 1, CORDON_FUTEX_SHARED), -EINVAL);
	cr_assert_eq(futex_wake(one, here, 1, CORDON_FUTEX_SHARED), -EINVAL);
	cr_assert_eq(device->object.references, 2, "no reference stays");
}

Test(futex, no_reference_stays_behind)
{
	uaddr_t here = map(one, 0, CORDON_PROT_READ);
	uint32_t before = memory->object.references;

	cr_assert_eq(futex_wait(one, here, 1, 1, CORDON_FUTEX_SHARED), -EAGAIN);
	cr_assert_eq(futex_wait(one, here, 0, 1, CORDON_FUTEX_SHARED), -ETIMEDOUT);
	cr_assert_eq(futex_wake(one, here, 1, CORDON_FUTEX_SHARED), 0);
	cr_assert_eq(memory->object.references, before);
}

Test(futex, a_word_of_ones_own_is_known_by_space_and_address)
{
	uint32_t own = 3;
	uaddr_t here = uaddr(BASE);
	struct wake other = {.aspace = two, .address = here, .count = 1};

	fake_user_map(here, &own, sizeof(own), false);
	cr_assert_eq(futex_wait(one, here, 4, 1, 0), -EAGAIN);
	fake_on_wait(wake, &other);
	cr_assert_eq(futex_wait(one, here, 3, 1, 0), -ETIMEDOUT, "another space is another word");
	other.aspace = one;
	cr_assert_eq(futex_wait(one, here, 3, UINT64_MAX, 0), 0);
	cr_assert_eq(other.woken, 1);
	cr_assert_eq(futex_wait(one, here, 3, 1, 2), -EINVAL, "flags that nobody knows");
}
