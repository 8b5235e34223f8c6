/* SPDX-License-Identifier: MIT */
/* Operations on so many mappings that others have to run meanwhile (S10). */
#include <cordon/errno.h>
#include <criterion/criterion.h>
#include <drivers/vfio/mapping.h>
#include <kernel/sched.h>
#include <tests/unit/fake/fake.h>
#include <tests/unit/vfio/dma_bed.h>

#define MANY (3 * SCHED_POINT_EVERY)

static void start(void)
{
	dma_start(2, 2);
}

TestSuite(vfio_long, .init = start);

static void map_many(void)
{
	for (uint64_t i = 0; i < MANY; i++)
		cr_assert_eq(call_map(container, memory, 0, IOVA + 2 * i * PAGE, PAGE, RW), 0);
	fake_sched_points = 0;
	world_flushes = 0;
}

/* In the second pause of an unmap: into what is gone by now, and over the end of the range. */
static void others_map(void)
{
	if (fake_sched_points != 2)
		return;
	cr_assert_eq(world_flushes, 2u, "what is gone is confirmed before others run");
	cr_assert_eq(call_map(container, memory, 0, IOVA, PAGE, RW), 0);
	cr_assert_eq(call_map(container, memory, 0, IOVA - PAGE, PAGE, RW), 0);
	cr_assert_eq(call_map(container, memory, 0, IOVA + 2 * MANY * PAGE, 2 * PAGE, RW), 0);
}

Test(vfio_long, S10_an_unmap_of_very_many_lets_others_run_meanwhile)
{
	map_many();
	fake_others_run = others_map;
	cr_assert_eq(call_unmap(container, IOVA, (2 * MANY + 1) * PAGE),
	             (int64_t)((MANY + 1) * PAGE), "with one that came meanwhile");
	cr_assert_eq(fake_sched_points, 3u);
	cr_assert_eq(call_container_info(container).mappings, 2u, "one before, one over the end");
	assert_refused(IOVA, CORDON_DMA_READ);
	assert_reaches(IOVA - PAGE, CORDON_DMA_READ, frame(0));
	assert_reaches(IOVA + 2 * MANY * PAGE, CORDON_DMA_READ, frame(0));
}

static void others_find_it_closed(void)
{
	if (fake_sched_points == 1)
		cr_assert_eq(call_map(container, memory, 0, IOVA, PAGE, RW), -EINVAL);
}

Test(vfio_long, S10_the_end_of_a_container_lets_others_run_and_nothing_is_added)
{
	map_many();
	fake_others_run = others_find_it_closed;
	call_close(group);
	cr_assert_eq(fake_sched_points, 2u);
	cr_assert_eq(call_container_info(container).mappings, 0u);
	cr_assert_eq(object->dma_mappings, 0u);
}

Test(vfio_long, an_unmap_of_very_many_stops_when_the_unit_does)
{
	map_many();
	call_close(memory);
	world_failures.flush = 1;
	cr_assert_eq(call_unmap(container, 0, UINT64_MAX), -EIO);
	cr_assert_eq(fake_sched_points, 1u);
	call_close(group);
	cr_assert_eq(call_container_info(container).mappings, 0u);
	cr_assert_eq(world_memories(), 1u, "its frames stay");
}

static uint64_t paid_meanwhile;

static void others_look_who_pays(void)
{
	if (fake_sched_points == 1)
		paid_meanwhile = task_current()->account->used[CHARGE_KERNEL];
}

/* What is paid in the first pause of a batch of an unmap of very many, and others that fail. */
static uint64_t paid_in_a_batch(uint32_t count)
{
	static struct cordon_dma_op ops[100];

	ops[0] = (struct cordon_dma_op){.op = CORDON_DMA_OP_UNMAP,
	                                .map = {.iova = IOVA, .size = 2 * MANY * PAGE}};
	map_many();
	fake_others_run = others_look_who_pays;
	cr_assert_eq(sys_container_batch(container, user_put(ops, count * sizeof(*ops)), count), 1);
	cr_assert_geq(fake_sched_points, 1u);
	return paid_meanwhile;
}

Test(vfio_long, S10_who_is_stopped_in_a_batch_pays_for_its_copy)
{
	uint64_t one, hundred, before, after;

	paid_in_a_batch(1); /* what is kept from now on */
	before = task_current()->account->used[CHARGE_KERNEL];
	one = paid_in_a_batch(1);
	hundred = paid_in_a_batch(100);
	after = task_current()->account->used[CHARGE_KERNEL];
	cr_assert_geq(hundred, one + 99 * sizeof(struct cordon_dma_op));
	cr_assert_eq(after, before, "only until it returns");
}
