/* SPDX-License-Identifier: MIT */
/* Several maps and unmaps in one call. */
#include <cordon/errno.h>
#include <criterion/criterion.h>
#include <tests/unit/vfio/dma_bed.h>

static void start(void)
{
	dma_start(64, 4);
}

TestSuite(vfio_batch, .init = start);

static struct cordon_dma_op op(uint32_t kind, uint64_t offset, uint64_t iova, uint64_t size)
{
	return (struct cordon_dma_op){
	        .op = kind,
	        .map = {.memory = memory,
	                .flags = RW,
	                .offset = offset,
	                .iova = iova,
	                .size = size},
	};
}

static int64_t batch(struct cordon_dma_op *ops, uint32_t count)
{
	int64_t result = sys_container_batch(container, user_put(ops, count * sizeof(*ops)), count);

	memcpy(ops, world_user, count * sizeof(*ops));
	return result;
}

Test(vfio_batch, a_batch_replaces_a_mapping_with_one_flush_at_its_end)
{
	struct cordon_dma_op ops[] = {
	        op(CORDON_DMA_OP_UNMAP, 0, IOVA, PAGE),
	        op(CORDON_DMA_OP_MAP, 8 * PAGE, IOVA, PAGE),
	        op(CORDON_DMA_OP_MAP, 9 * PAGE, IOVA + PAGE, PAGE),
	};

	cr_assert_eq(call_map(container, memory, 0, IOVA, PAGE, RW), 0);
	world_flushes = 0;
	cr_assert_eq(batch(ops, 3), 3);
	cr_assert_eq(world_flushes, 1u);
	assert_reaches(IOVA, RW, frame(8));
	assert_reaches(IOVA + PAGE, RW, frame(9));
	for (size_t i = 0; i < 3; i++)
		cr_assert_eq(ops[i].result, 0);
}

Test(vfio_batch, a_batch_stops_at_the_first_failure_and_says_which)
{
	struct cordon_dma_op ops[] = {
	        op(CORDON_DMA_OP_MAP, 0, IOVA, PAGE),
	        op(CORDON_DMA_OP_MAP, 0, IOVA, PAGE),
	        op(CORDON_DMA_OP_MAP, 0, IOVA + PAGE, PAGE),
	};

	cr_assert_eq(batch(ops, 3), 1);
	cr_assert_eq(ops[0].result, 0);
	cr_assert_eq(ops[1].result, -EEXIST);
	cr_assert_eq(ops[2].result, -ECANCELED);
	cr_assert_eq(call_container_info(container).mappings, 1u);
}

Test(vfio_batch, wrong_steps_and_counts_of_a_batch_have_their_errors)
{
	struct cordon_dma_op unknown = op(3, 0, IOVA, PAGE);
	struct cordon_dma_op unaligned = op(CORDON_DMA_OP_MAP, 0, IOVA + 1, PAGE);
	struct cordon_dma_op empty = op(CORDON_DMA_OP_UNMAP, 0, IOVA, 0);

	cr_assert_eq(batch(&unknown, 1), 0);
	cr_assert_eq(unknown.result, -EINVAL);
	cr_assert_eq(batch(&unaligned, 1), 0);
	cr_assert_eq(unaligned.result, -EINVAL);
	cr_assert_eq(batch(&empty, 1), 0);
	cr_assert_eq(empty.result, -EINVAL);
	cr_assert_eq(sys_container_batch(container, (void *)world_user, 0), -EINVAL);
	cr_assert_eq(sys_container_batch(container, (void *)world_user, CORDON_DMA_BATCH_MAX + 1),
	             -EINVAL);
}

Test(vfio_batch, memory_of_a_failed_step_is_held_until_the_batch_is_flushed)
{
	struct cordon_dma_op step = op(CORDON_DMA_OP_MAP, 0, IOVA, 8 * PAGE);

	world_failures.map = 2;
	cr_assert_eq(batch(&step, 1), 0);
	cr_assert_eq(step.result, -ENOMEM);
	cr_assert_eq(object->dma_mappings, 0u);
	assert_refused(IOVA, CORDON_DMA_READ);
}
