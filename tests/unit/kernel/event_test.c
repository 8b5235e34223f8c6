/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include <cordon/errno.h>
#include <kernel/account.h>
#include <kernel/event.h>
#include <kernel/heap.h>
#include <tests/unit/fake/fake.h>

static struct account *account;

static void account_begin(void)
{
	const struct cordon_budget budget = {.objects = 2};

	cr_assert_eq(account_create(&budget, &account), 0);
}

TestSuite(event, .init = account_begin);

static struct event *event_of(uint64_t initial)
{
	struct event *event;

	cr_assert_eq(event_create(account, initial, &event), 0);
	return event;
}

Test(event, signals_follow_the_count)
{
	struct event *event = event_of(0);
	uint64_t count = 0;

	cr_assert_eq(event->object.signals, CORDON_SIGNAL_WRITABLE);
	cr_assert_eq(event_add(event, 5), 0);
	cr_assert_eq(event->object.signals, CORDON_SIGNAL_READABLE | CORDON_SIGNAL_WRITABLE);
	cr_assert_eq(event_add(event, CORDON_EVENT_MAX - 5), 0);
	cr_assert_eq(event->object.signals, CORDON_SIGNAL_READABLE);
	cr_assert_eq(event_take(event, &count), 0);
	cr_assert_eq(count, CORDON_EVENT_MAX);
	cr_assert_eq(event->object.signals, CORDON_SIGNAL_WRITABLE);
	cr_assert_eq(event_take(event, &count), -EAGAIN);
	object_unref(&event->object);
}

Test(event, a_count_that_does_not_fit_changes_nothing)
{
	struct event *event = event_of(7);
	uint32_t raises = event->object.raises;

	cr_assert_eq(event_add(event, UINT64_MAX), -EOVERFLOW);
	cr_assert_eq(event_add(event, CORDON_EVENT_MAX - 6), -EOVERFLOW);
	cr_assert_eq(event->count, 7);
	cr_assert_eq(event->object.raises, raises);
	object_unref(&event->object);
}

Test(event, each_change_of_the_count_is_an_edge_and_adding_nothing_is_none)
{
	struct event *event = event_of(1);
	uint32_t raises = event->object.raises;
	uint64_t count;

	cr_assert_eq(event_add(event, 1), 0);
	cr_assert_eq(event->object.raises, raises + 1);
	cr_assert_eq(event_take(event, &count), 0);
	cr_assert_eq(event->object.raises, raises + 2);
	cr_assert_eq(event_add(event, 0), 0);
	cr_assert_eq(event->object.raises, raises + 2);
	object_unref(&event->object);
}

Test(event, is_charged_to_its_account)
{
	struct event *first = event_of(0);
	struct event *second = event_of(0);
	struct event *third;

	cr_assert_eq(event_create(account, 0, &third), -ENOMEM);
	cr_assert_eq(event_create(account, UINT64_MAX, &third), -EINVAL);
	object_unref(&first->object);
	cr_assert_eq(event_create(account, 0, &third), 0);
	object_unref(&second->object);
	object_unref(&third->object);
	account_unref(account);
	cr_assert_eq(heap_in_use(), 0);
}

static void add_two(void *context)
{
	cr_assert_eq(event_add(context, 2), 0);
}

Test(event, a_wait_takes_what_comes)
{
	struct event *event = event_of(7);
	uint64_t count = 0;

	cr_assert_eq(event_wait(event, UINT64_MAX, &count), 0);
	cr_assert_eq(count, 7, "what is there is taken at once");
	fake_on_wait(add_two, event);
	cr_assert_eq(event_wait(event, UINT64_MAX, &count), 0);
	cr_assert_eq(count, 2);
	fake_on_wait(NULL, NULL);
	cr_assert_eq(event_wait(event, 1, &count), -ETIMEDOUT);
	cr_assert(list_empty(&event->takers), "nobody is left in the list");
}
