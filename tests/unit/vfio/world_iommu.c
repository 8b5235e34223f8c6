/* SPDX-License-Identifier: MIT */
#include <cordon/errno.h>
#include <kernel/heap.h>
#include <kernel/panic.h>
#include <stdlib.h>
#include <string.h>
#include <tests/unit/vfio/world.h>
#include <tests/unit/vfio/world_internal.h>

#define LEAVES 8192

/* One page of a domain. Stale: unmapped, and the unit may still know it. */
struct leaf {
	uint64_t page;
	uint64_t base;
	uint32_t flags;
	bool stale;
};

struct iommu_domain {
	struct list link;
	struct iommu_unit *unit;
	size_t leaf_count;
	struct leaf *leaves;
	uint32_t attached[32]; /* segment << 16 | requester */
	unsigned int attached_count;
};

struct iommu_unit world_units[2];
bool world_iommu_usable = true;
bool world_coherent;
struct world_failures world_failures;
unsigned int world_flushes;
uint64_t world_high_start = UINT64_C(0xfef00000);

static struct list domains = LIST_INIT(domains);
static unsigned int domain_count;
static iommu_fault_sink_t sink;

static bool fails(unsigned int *counter)
{
	return *counter && --*counter == 0;
}

bool iommu_usable(const char **why)
{
	if (why)
		*why = world_iommu_usable ? "" : "switched off";
	return world_iommu_usable;
}

bool iommu_unit_alive(const struct iommu_unit *unit)
{
	return unit && !unit->dead;
}

bool iommu_describe(size_t index, struct cordon_iommu_desc *out)
{
	*out = (struct cordon_iommu_desc){.vendor = CORDON_IOMMU_INTEL};
	return index == 0;
}

bool iommu_overlaps_registers(uint64_t base, uint64_t size)
{
	return base < 0xfd001000 && 0xfd000000 < base + size;
}

/* --- gather ---------------------------------------------------------------------------------- */

void iommu_gather_init(struct iommu_gather *gather)
{
	memset(gather, 0, sizeof(*gather));
	list_init(&gather->tables);
}

static void leaf_drop(struct iommu_domain *domain, size_t index)
{
	domain->leaves[index] = domain->leaves[--domain->leaf_count];
}

static int flush(struct iommu_domain *domain)
{
	if (fails(&world_failures.flush))
		domain->unit->dead = true;
	if (domain->unit->dead)
		return -EIO;
	for (size_t i = domain->leaf_count; i-- > 0;)
		if (domain->leaves[i].stale)
			leaf_drop(domain, i);
	world_flushes++;
	journal("flush");
	return 0;
}

int iommu_gather_flush(struct iommu_gather *gather)
{
	int error = gather->failed ? -EIO : 0;

	if (gather->open && flush(gather->domain))
		error = -EIO;
	iommu_gather_init(gather);
	return error;
}

int iommu_gather_flush_early(struct iommu_gather *gather)
{
	int error = iommu_gather_flush(gather);

	gather->failed = error != 0;
	return error;
}

/* --- domains --------------------------------------------------------------------------------- */

int iommu_domain_create(struct iommu_unit *unit, struct account *account, struct iommu_domain **out)
{
	struct iommu_domain *domain;

	(void)account;
	if (fails(&world_failures.create))
		return -ENOMEM;
	if (unit->dead)
		return -ENODEV;
	domain = calloc(1, sizeof(*domain));
	domain->leaves = calloc(LEAVES, sizeof(*domain->leaves));
	domain->unit = unit;
	list_append(&domains, &domain->link);
	domain_count++;
	journal("create");
	*out = domain;
	return 0;
}

void iommu_domain_destroy(struct iommu_domain *domain)
{
	ASSERT(domain->attached_count == 0);
	if (domain->unit->dead) /* its tables stay in quarantine */
		return;
	ASSERT(domain->leaf_count == 0);
	list_remove(&domain->link);
	free(domain->leaves);
	free(domain);
	domain_count--;
	journal("destroy");
}

unsigned int world_domains(void)
{
	return domain_count;
}

void world_revive(void)
{
	struct iommu_domain *domain, *after;

	world_failures = (struct world_failures){0};
	list_for_each_safe(domain, after, &domains, link)
	{
		ASSERT(domain->unit->dead && domain->attached_count == 0);
		list_remove(&domain->link);
		free(domain->leaves);
		free(domain);
		domain_count--;
	}
	for (size_t i = 0; i < ARRAY_SIZE(world_units); i++)
		world_units[i].dead = false;
}

bool iommu_domain_fits(const struct iommu_domain *domain, const struct iommu_unit *unit)
{
	return domain->unit == unit;
}

static struct iommu_domain *domain_of(uint32_t id)
{
	struct iommu_domain *domain;

	list_for_each(domain, &domains, link)
	{
		for (unsigned int i = 0; i < domain->attached_count; i++)
			if (domain->attached[i] == id)
				return domain;
	}
	return NULL;
}

int iommu_attach(struct iommu_domain *domain, struct iommu_unit *unit, uint16_t segment,
                 rid_t requester)
{
	uint32_t id = (uint32_t)segment << 16 | requester.raw;

	ASSERT(domain->unit == unit);
	if (fails(&world_failures.attach))
		return -ENOMEM;
	if (unit->dead)
		return -ENODEV;
	ASSERT(!domain_of(id) && domain->attached_count < ARRAY_SIZE(domain->attached));
	domain->attached[domain->attached_count++] = id;
	journal("attach-%x", id);
	return 0;
}

int iommu_detach(struct iommu_domain *domain, struct iommu_unit *unit, uint16_t segment,
                 rid_t requester)
{
	uint32_t id = (uint32_t)segment << 16 | requester.raw;

	ASSERT(domain_of(id) == domain);
	for (unsigned int i = 0; i < domain->attached_count; i++)
		if (domain->attached[i] == id)
			domain->attached[i] = domain->attached[--domain->attached_count];
	journal("detach-%x", id);
	if (fails(&world_failures.detach))
		unit->dead = true;
	return unit->dead ? -EIO : 0;
}

bool world_attached(const struct pci_function *function)
{
	return domain_of((function->bdf & ~0xffffu) | function->requester.raw) != NULL;
}

size_t iommu_domain_ranges(const struct iommu_domain *domain, struct cordon_iova_range *out,
                           size_t max)
{
	(void)domain;
	ASSERT(max >= 2);
	out[0] = (struct cordon_iova_range){0, 0xfedfffff};
	out[1] = (struct cordon_iova_range){world_high_start, (UINT64_C(1) << 39) - 1};
	return 2;
}

uint64_t iommu_domain_page_sizes(const struct iommu_domain *domain)
{
	(void)domain;
	return PAGE_SIZE | SIZE_2M | SIZE_1G;
}

uint32_t iommu_domain_address_bits(const struct iommu_domain *domain)
{
	(void)domain;
	return 39;
}

uint64_t iommu_domain_tables(const struct iommu_domain *domain)
{
	return domain->leaf_count;
}

bool iommu_domain_coherent(const struct iommu_domain *domain)
{
	(void)domain;
	return world_coherent;
}

/* --- mappings -------------------------------------------------------------------------------- */

static struct leaf *leaf_find(struct iommu_domain *domain, uint64_t page)
{
	for (size_t i = 0; i < domain->leaf_count; i++)
		if (domain->leaves[i].page == page && !domain->leaves[i].stale)
			return &domain->leaves[i];
	return NULL;
}

static void gather_open(struct iommu_gather *gather, struct iommu_domain *domain)
{
	ASSERT(!gather->open || gather->domain == domain);
	gather->open = true;
	gather->domain = domain;
}

int iommu_map(struct iommu_domain *domain, iova_t start, paddr_t base, uint64_t size,
              uint32_t flags, struct iommu_gather *gather)
{
	(void)gather;
	ASSERT(size && is_aligned(start.raw | base.raw | size, PAGE_SIZE));
	ASSERT(start.raw + size <= 0xfee00000 ||
	       (start.raw >= 0xfef00000 && start.raw + size <= UINT64_C(1) << 39));
	if (fails(&world_failures.map))
		return -ENOMEM;
	for (uint64_t done = 0; done < size; done += PAGE_SIZE) {
		ASSERT(!leaf_find(domain, start.raw + done) && domain->leaf_count < LEAVES);
		domain->leaves[domain->leaf_count++] = (struct leaf){
		        .page = start.raw + done,
		        .base = base.raw + done,
		        .flags = flags,
		};
	}
	return 0;
}

void iommu_unmap(struct iommu_domain *domain, iova_t start, uint64_t size,
                 struct iommu_gather *gather)
{
	for (uint64_t done = 0; done < size; done += PAGE_SIZE) {
		struct leaf *leaf = leaf_find(domain, start.raw + done);

		ASSERT(leaf);
		leaf->stale = true;
	}
	gather_open(gather, domain);
	journal("unmap");
}

bool iommu_lookup(struct iommu_domain *domain, iova_t address, paddr_t *base, uint32_t *flags)
{
	const struct leaf *leaf = leaf_find(domain, align_down(address.raw, PAGE_SIZE));

	if (!leaf)
		return false;
	*base = paddr(leaf->base);
	*flags = leaf->flags;
	return true;
}

bool world_translate(const struct pci_function *function, uint64_t address, uint32_t flags,
                     uint64_t *physical)
{
	struct iommu_domain *domain = domain_of((function->bdf & ~0xffffu) |
	                                        function->requester.raw);
	uint64_t page = align_down(address, PAGE_SIZE);

	/* A stale translation counts: the unit may use it. */
	for (size_t i = 0; domain && i < domain->leaf_count; i++) {
		const struct leaf *leaf = &domain->leaves[i];

		if (leaf->page != page || (leaf->flags & flags) != flags)
			continue;
		*physical = leaf->base + (address - page);
		return true;
	}
	return false;
}

void world_check_unreachable(uint64_t base, uint64_t size)
{
	struct iommu_domain *domain;

	list_for_each(domain, &domains, link)
	{
		for (size_t i = 0; i < domain->leaf_count; i++)
			if (domain->leaves[i].base >= base && domain->leaves[i].base - base < size)
				panic("memory at 0x%llx is given back while a device reaches it",
				      (unsigned long long)domain->leaves[i].base);
	}
}

/* --- faults ---------------------------------------------------------------------------------- */

void iommu_set_fault_sink(iommu_fault_sink_t to)
{
	sink = to;
}

uint64_t iommu_invalidation_count(void)
{
	return 0;
}

void iommu_poll_faults(void)
{
	journal("poll");
}

void world_fault(const struct pci_function *function, uint64_t address, uint64_t lost)
{
	const struct iommu_fault fault = {
	        .segment = (uint16_t)(function->bdf >> 16),
	        .requester = function->requester,
	        .address = address,
	        .reason = CORDON_FAULT_NOT_PRESENT,
	        .hardware_code = 6,
	        .write = true,
	        .time_ns = 12345,
	};

	sink(&fault, lost);
}
