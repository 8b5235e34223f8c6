/* SPDX-License-Identifier: MIT */
/* Domains: one set of tables, the requesters that translate through it, what is mapped. */
#include <drivers/iommu/core.h>

#include <cordon/errno.h>
#include <kernel/account.h>
#include <kernel/heap.h>
#include <kernel/mark.h>
#include <kernel/panic.h>

/* Without account: the kernel's own. */
static void *domain_alloc(struct account *account, size_t size)
{
	return account ? account_alloc(account, size) : heap_alloc(size);
}

static void domain_free(struct account *account, void *memory, size_t size)
{
	if (account)
		account_free(account, memory, size);
	else
		heap_free(memory);
}

int iommu_domain_create(struct iommu_unit *unit, struct account *account, struct iommu_domain **out)
{
	struct iommu_domain *domain;
	int error;

	if (unit->unusable)
		return -ENODEV;
	domain = domain_alloc(account, sizeof(*domain));
	if (!domain)
		return -ENOMEM;
	domain->unit = unit;
	domain->account = account;
	spin_init(&domain->lock, RANK_DOMAIN, "iommu domain");
	error = pagetable_create(&domain->table, unit->format, unit->levels, domain, account);
	if (error)
		goto fail;
	spin_lock(&unit->lock);
	error = unit->dead ? -ENODEV : ids_alloc(&unit->domains, &domain->id);
	spin_unlock(&unit->lock);
	if (error)
		goto fail_table;
	if (account)
		account_ref(account);
	*out = domain;
	return 0;

fail_table:
	pagetable_destroy(&domain->table);
fail:
	domain_free(account, domain, sizeof(*domain));
	return error;
}

void iommu_domain_destroy(struct iommu_domain *domain)
{
	struct iommu_unit *unit = domain->unit;
	struct account *account = domain->account;
	struct iommu_gather gather;
	int error;

	ASSERT(domain->attachments == 0 && domain->mapped == 0);
	/*
	 * The unit may hold entries under the id, and pointers to the kept tables, although no
	 * requester can use them: they would come alive with the id's next owner.
	 */
	iommu_gather_init(&gather);
	iommu_gather_add(&gather, domain, 0,
	                 (UINT64_C(1) << pagetable_bits(domain->table.levels)) - 1);
	gather.everything = true;
	gather.tables_unlinked = true;
	error = iommu_gather_flush(&gather);

	spin_lock(&unit->lock);
	if (error) {
		unit->quarantined += domain->table.table_count;
	} else {
		mark_domain_free(domain->id);
		ids_free(&unit->domains, domain->id);
	}
	spin_unlock(&unit->lock);
	if (error)
		pagetable_abandon(&domain->table);
	else
		pagetable_destroy(&domain->table);
	domain_free(account, domain, sizeof(*domain));
	if (account)
		account_unref(account);
}

bool iommu_domain_fits(const struct iommu_domain *domain, const struct iommu_unit *unit)
{
	return domain->unit == unit;
}

/* --- requesters ------------------------------------------------------------------------------ */

struct iommu_attachment *iommu_attachment_find_locked(struct iommu_unit *unit, rid_t requester)
{
	struct iommu_attachment *attachment;

	ASSERT(spin_held(&unit->lock));
	list_for_each(attachment, &unit->attachments, link)
	{
		if (attachment->requester.raw == requester.raw)
			return attachment;
	}
	return NULL;
}

static int attach_locked(struct iommu_domain *domain, struct iommu_unit *unit, rid_t requester)
{
	struct iommu_attachment *attachment = iommu_attachment_find_locked(unit, requester);
	int error;

	if (unit->dead)
		return -ENODEV;
	if (attachment) {
		if (attachment->domain != domain)
			return -EBUSY;
		attachment->count++;
		return 0;
	}
	attachment = heap_alloc(sizeof(*attachment)); /* one for each requester id at most */
	if (!attachment)
		return -ENOMEM;
	error = unit->ops->attach(unit, requester, domain);
	if (error) {
		heap_free(attachment);
		return error;
	}
	iommu_fault_forget_locked(unit, requester);
	attachment->domain = domain;
	attachment->requester = requester;
	attachment->count = 1;
	list_append(&unit->attachments, &attachment->link);
	domain->attachments++;
	return 0;
}

int iommu_attach(struct iommu_domain *domain, struct iommu_unit *unit, uint16_t segment,
                 rid_t requester)
{
	int error;

	ASSERT(iommu_domain_fits(domain, unit) && unit->segment == segment);
	spin_lock(&unit->lock);
	error = attach_locked(domain, unit, requester);
	spin_unlock(&unit->lock);
	return error;
}

int iommu_detach(struct iommu_domain *domain, struct iommu_unit *unit, uint16_t segment,
                 rid_t requester)
{
	struct iommu_attachment *attachment;
	int error = 0;

	ASSERT(unit->segment == segment);
	spin_lock(&unit->lock);
	attachment = iommu_attachment_find_locked(unit, requester);
	ASSERT(attachment && attachment->domain == domain);
	if (--attachment->count == 0) {
		error = unit->ops->block(unit, requester, domain);
		iommu_fault_forget_locked(unit, requester);
		list_remove(&attachment->link);
		heap_free(attachment);
		domain->attachments--;
	}
	spin_unlock(&unit->lock);
	return error;
}

/* --- what a domain can do -------------------------------------------------------------------- */

size_t iommu_domain_ranges(const struct iommu_domain *domain, struct cordon_iova_range *out,
                           size_t max)
{
	const struct iommu_unit *unit = domain->unit;
	const struct cordon_iova_range untranslated[] = {
	        {.start = IOMMU_MSI_FIRST, .last = IOMMU_MSI_LAST},
	        {.start = unit->hole_first, .last = unit->hole_last},
	};
	const uint64_t end = UINT64_C(1) << unit->address_bits;
	uint64_t start = 0;
	size_t count = 0;

	/* In rising order: what lies between them. */
	for (size_t i = 0; i <= ARRAY_SIZE(untranslated) && start < end && count < max; i++) {
		uint64_t stop = end;

		if (i < ARRAY_SIZE(untranslated)) {
			if (!untranslated[i].last)
				continue;
			stop = min_u64(untranslated[i].start, end);
		}
		if (start < stop)
			out[count++] = (struct cordon_iova_range){start, stop - 1};
		if (i < ARRAY_SIZE(untranslated))
			start = untranslated[i].last + 1;
	}
	return count;
}

uint64_t iommu_domain_page_sizes(const struct iommu_domain *domain)
{
	return domain->unit->page_sizes;
}

uint32_t iommu_domain_address_bits(const struct iommu_domain *domain)
{
	return domain->unit->address_bits;
}

bool iommu_domain_coherent(const struct iommu_domain *domain)
{
	return domain->unit->snoop_enforced;
}

uint64_t iommu_domain_tables(const struct iommu_domain *domain)
{
	return domain->table.table_count;
}

/* --- mappings -------------------------------------------------------------------------------- */

/* Whether [start, start + size) may be mapped at all: the caller answers for it. */
static bool range_allowed(const struct iommu_domain *domain, uint64_t start, uint64_t size)
{
	const struct iommu_unit *unit = domain->unit;
	uint64_t end = UINT64_C(1) << unit->address_bits;

	return size != 0 && is_aligned(start | size, PAGE_SIZE) && start < end &&
	       size <= end - start && (start > IOMMU_MSI_LAST || start + size <= IOMMU_MSI_FIRST) &&
	       (start > unit->hole_last || start + size <= unit->hole_first || !unit->hole_last);
}

/*
 * A map ran out of memory after done bytes. Tables kept for a hot map must not use up a budget:
 * with those gone, once more. Not twice: the tables that then are empty are those that it made
 * itself, and would never stop to be there.
 */
static int map_without_kept(struct iommu_domain *domain, uint64_t start, uint64_t base,
                            uint64_t size, uint32_t flags, struct iommu_gather *gather,
                            uint64_t done)
{
	int error;

	if (done)
		pagetable_unmap(&domain->table, start, done, gather);
	if (!pagetable_trim(&domain->table, gather) || iommu_gather_flush_early(gather))
		return -ENOMEM;
	error = pagetable_map(&domain->table, start, base, size, flags, gather, &done);
	if (error && done)
		pagetable_unmap(&domain->table, start, done, gather);
	return error;
}

/* What somebody else pays for than the domain's account does not stay when it is empty: the domain
 * may outlive him by far. Then nothing is kept, as a table that is kept would hold those above. */
static inline bool is_shared(const struct iommu_domain *domain)
{
	return __builtin_expect(!tree_empty(&domain->table.payers), 0);
}

static __attribute__((noinline)) uint64_t unmap_shared(struct iommu_domain *domain, uint64_t start,
                                                       uint64_t size, struct iommu_gather *gather)
{
	uint64_t unmapped = pagetable_unmap(&domain->table, start, size, gather);

	pagetable_trim_range(&domain->table, start, size, gather);
	return unmapped;
}

int iommu_map(struct iommu_domain *domain, iova_t start, paddr_t base, uint64_t size,
              uint32_t flags, struct iommu_gather *gather)
{
	uint64_t done;
	int error;

	ASSERT(range_allowed(domain, start.raw, size) && is_aligned(base.raw, PAGE_SIZE));
	ASSERT(flags != 0 && !(flags & ~(CORDON_DMA_READ | CORDON_DMA_WRITE)));
	spin_lock(&domain->lock);
	error = pagetable_map(&domain->table, start.raw, base.raw, size, flags, gather, &done);
	if (__builtin_expect(error, 0))
		error = map_without_kept(domain, start.raw, base.raw, size, flags, gather, done);
	if (!error)
		domain->mapped += size;
	else if (is_shared(domain))
		pagetable_trim_range(&domain->table, start.raw, size, gather);
	spin_unlock(&domain->lock);
	return error;
}

void iommu_unmap(struct iommu_domain *domain, iova_t start, uint64_t size,
                 struct iommu_gather *gather)
{
	spin_lock(&domain->lock);
	if (is_shared(domain))
		domain->mapped -= unmap_shared(domain, start.raw, size, gather);
	else
		domain->mapped -= pagetable_unmap(&domain->table, start.raw, size, gather);
	spin_unlock(&domain->lock);
}

bool iommu_lookup(struct iommu_domain *domain, iova_t address, paddr_t *base, uint32_t *flags)
{
	bool found;

	spin_lock(&domain->lock);
	found = pagetable_lookup(&domain->table, address.raw, base, flags);
	spin_unlock(&domain->lock);
	return found;
}
