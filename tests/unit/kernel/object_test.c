/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <signal.h>

#include <kernel/object.h>
#include <kernel/wait.h>
#include <tests/unit/fake/fake.h>

static int destroyed;
static int unreachable;

static void note_unreachable(struct object *object)
{
	cr_assert_gt(object->references, 0, "it may still be used");
	unreachable++;
}

static void note_destroyed(struct object *object)
{
	cr_assert_eq(object->references, 0);
	destroyed++;
}

static const struct object_ops ops = {
        .name = "event",
        .type = CORDON_OBJECT_EVENT,
        .unreachable = note_unreachable,
        .destroy = note_destroyed,
};

Test(object, lives_until_the_last_reference_goes)
{
	struct object object;

	object_init(&object, &ops);
	cr_assert_eq(object_count(CORDON_OBJECT_EVENT), 1);
	object_ref(&object);
	object_unref(&object);
	cr_assert_eq(destroyed, 0);
	object_unref(&object);
	cr_assert_eq(destroyed, 1);
	cr_assert_eq(object_count(CORDON_OBJECT_EVENT), 0);
}

Test(object, acts_when_the_last_handle_goes_though_the_kernel_still_uses_it)
{
	struct object object;

	object_init(&object, &ops);
	object_handle_added(&object);
	object_handle_added(&object);
	object_handle_removed(&object);
	cr_assert_eq(unreachable, 0);
	object_handle_removed(&object);
	cr_assert_eq(unreachable, 1);
	cr_assert_eq(destroyed, 0);
	object_unref(&object);
	cr_assert_eq(destroyed, 1);
}

Test(object, ids_never_repeat)
{
	uint64_t last = 0;

	for (int i = 0; i < 100; i++) {
		struct object object;

		object_init(&object, &ops);
		cr_assert_gt(object.id, last);
		last = object.id;
		object_unref(&object);
	}
}

Test(object, wakes_only_those_who_wait_for_a_signal_that_rises)
{
	struct waiter readable = {.signals = CORDON_SIGNAL_READABLE};
	struct waiter ended = {.signals = CORDON_SIGNAL_TERMINATED};
	struct object object;

	readable.thread = (struct thread *)&readable;
	ended.thread = (struct thread *)&ended;
	object_init(&object, &ops);
	list_append(&object.waiters, &readable.link);
	list_append(&object.waiters, &ended.link);

	object_signal(&object, 0, CORDON_SIGNAL_READABLE);
	cr_assert_eq(fake_wakes, 1);
	cr_assert_eq(fake_woken, readable.thread);
	object_signal(&object, 0, CORDON_SIGNAL_READABLE);
	cr_assert_eq(fake_wakes, 1, "it was raised already");
	object_signal(&object, CORDON_SIGNAL_READABLE, 0);
	cr_assert_eq(object.signals, 0);
	object_signal(&object, 0, CORDON_SIGNAL_READABLE | CORDON_SIGNAL_TERMINATED);
	cr_assert_eq(fake_wakes, 3);
	object_signal(&object, CORDON_SIGNAL_READABLE, CORDON_SIGNAL_READABLE);
	cr_assert_eq(fake_wakes, 4, "cleared and raised in one step is a new rise");
	list_remove(&readable.link);
	list_remove(&ended.link);
	object_unref(&object);
}

Test(object, wakes_waiters_for_edges_also_when_the_signal_was_raised_already)
{
	struct waiter edges = {.signals = CORDON_SIGNAL_READABLE | CORDON_SIGNAL_EDGE};
	struct object object;

	edges.thread = (struct thread *)&edges;
	object_init(&object, &ops);
	cr_assert_eq(object.raises, 0);
	object_signal(&object, 0, CORDON_SIGNAL_READABLE);
	cr_assert_eq(object.raises, 1);
	list_append(&object.waiters, &edges.link);
	object_signal(&object, 0, CORDON_SIGNAL_READABLE);
	cr_assert_eq(fake_wakes, 1);
	cr_assert_eq(object.raises, 2);
	object_signal(&object, CORDON_SIGNAL_READABLE, 0);
	cr_assert_eq(object.raises, 2, "clearing is no news");
	object_signal(&object, 0, CORDON_SIGNAL_WRITABLE);
	cr_assert_eq(fake_wakes, 1, "it waits for another signal");
	object.raises = UINT32_MAX;
	object_signal(&object, 0, CORDON_SIGNAL_WRITABLE);
	cr_assert_eq(object.raises, 1, "0 stays the time before all");
	list_remove(&edges.link);
	object_unref(&object);
}

Test(object, a_reference_to_a_dead_object_panics, .signal = SIGABRT)
{
	struct object object;

	object_init(&object, &ops);
	object_unref(&object);
	object_ref(&object);
}

Test(object, one_unref_too_many_panics, .signal = SIGABRT)
{
	struct object object;

	object_init(&object, &ops);
	object_unref(&object);
	object_unref(&object);
}
