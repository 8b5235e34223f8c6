/* SPDX-License-Identifier: MIT */
/* What is owed to a unit between stores to its tables and the confirmed invalidation (S3). */
#include <drivers/iommu/core.h>
#include <drivers/iommu/payer.h>

#include <arch/mmio.h>
#include <arch/percpu.h>
#include <cordon/errno.h>
#include <kernel/page.h>
#include <kernel/panic.h>

/*
 * Unlinked frames are chained through their own first bytes: no allocation, which could fail, on a
 * path that cannot. The unit may still walk such a frame; the links are aligned pointers, so the
 * present bits of every vendor's entries (bits 0 and 1) stay clear and it finds nothing there.
 */
struct unlinked {
	struct list link;      /* iommu_gather.tables */
	struct account *payer; /* a reference, or NULL */
};
_Static_assert(_Alignof(struct list) >= 4 && _Alignof(struct account) >= 4,
               "what is in an unlinked frame reads as absent entries");

/* Nothing is recorded; the list of tables is empty. */
static inline void gather_reset(struct iommu_gather *gather)
{
	gather->domain = NULL;
	gather->open = false;
	gather->everything = false;
	gather->tables_unlinked = false;
	gather->failed = false;
	gather->range_count = 0;
}

void iommu_gather_init(struct iommu_gather *gather)
{
	gather_reset(gather);
	list_init(&gather->tables);
	gather->payer = NULL;
}

void iommu_gather_add_more(struct iommu_gather *gather, struct iommu_domain *domain, uint64_t first,
                           uint64_t last)
{
	uint32_t count = gather->range_count;

	iommu_gather_open(gather, domain);
	if (gather->everything)
		return;
	/* Stores come in rising order almost always: neighbours join. */
	if (count > 0 && first >= gather->ranges[count - 1].first &&
	    first <= gather->ranges[count - 1].last + 1) {
		if (last > gather->ranges[count - 1].last)
			gather->ranges[count - 1].last = last;
	} else if (count < IOMMU_GATHER_RANGES) {
		gather->ranges[count].first = first;
		gather->ranges[count].last = last;
		gather->range_count = count + 1;
	} else {
		gather->everything = true;
	}
}

void iommu_gather_add_table(struct iommu_gather *gather, struct iommu_domain *domain, paddr_t frame,
                            struct account *payer)
{
	struct unlinked *unlinked = phys_to_virt(frame);

	iommu_gather_open(gather, domain);
	gather->tables_unlinked = true;
	unlinked->payer = payer;
	list_append(&gather->tables, &unlinked->link);
}

static __attribute__((noinline)) void tables_release(struct iommu_gather *gather, bool confirmed)
{
	struct iommu_domain *domain = gather->domain;

	while (!list_empty(&gather->tables)) {
		struct unlinked *frame = list_first(&gather->tables, struct unlinked, link);

		list_remove(&frame->link);
		if (frame->payer)
			payer_release(frame->payer);
		/* Unconfirmed: nobody's frame any more, and never used again. */
		if (confirmed)
			page_free(virt_to_phys(frame), 0);
		else
			domain->unit->quarantined++;
	}
}

static __attribute__((noinline)) int flush_open(struct iommu_gather *gather)
{
	struct iommu_unit *unit = gather->domain->unit;
	int error;

	spin_lock(&unit->lock);
	error = unit->ops->invalidate(unit, gather);
	if (gather->tables_unlinked)
		tables_release(gather, !error);
	spin_unlock(&unit->lock);
	percpu()->obligations--;
	if (gather->failed)
		error = -EIO;
	gather_reset(gather);
	__atomic_fetch_add(&unit->invalidations, 1, __ATOMIC_RELAXED);
	return error;
}

int iommu_gather_flush(struct iommu_gather *gather)
{
	int error;

	if (gather->open)
		return flush_open(gather);
	error = gather->failed ? -EIO : 0;
	gather->failed = false;
	return error;
}

int iommu_gather_flush_early(struct iommu_gather *gather)
{
	int error = iommu_gather_flush(gather);

	gather->failed = error != 0;
	return error;
}
