/* SPDX-License-Identifier: MIT */
#include <drivers/iommu/queue.h>

#include <arch/cpu.h>
#include <arch/mmio.h>
#include <kernel/clock.h>
#include <kernel/page.h>

int iommu_queue_create(struct iommu_queue *queue)
{
	paddr_t slots;
	int error = page_alloc_zeroed(&slots);

	if (error)
		return error;
	error = page_alloc_zeroed(&queue->status_address);
	if (error) {
		page_free(slots, 0);
		return error;
	}
	queue->slots = phys_to_virt(slots);
	queue->status = phys_to_virt(queue->status_address);
	return 0;
}

void iommu_queue_write_back_wrapped(const struct iommu_queue *queue, uint32_t first)
{
	arch_cache_flush(&queue->slots[first], (IOMMU_QUEUE_SLOTS - first) * sizeof(*queue->slots));
	arch_cache_flush(queue->slots, queue->tail * sizeof(*queue->slots));
}

int iommu_queue_wait_long(struct iommu_unit *unit, const struct iommu_queue *queue,
                          bool (*refused)(struct iommu_unit *unit))
{
	bool stopped = false;

	(void)clock_wait_until(*queue->status == queue->number || (stopped = refused(unit)),
	                       IOMMU_FLUSH_TIMEOUT);
	if (*queue->status == queue->number)
		return 0;
	iommu_unit_dead_locked(unit, stopped ? "it refused a command"
	                                     : "a command was not confirmed in time");
	return -EIO;
}
