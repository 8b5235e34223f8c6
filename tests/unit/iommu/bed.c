// SPDX-License-Identifier: MIT
#include <tests/unit/iommu/bed.h>

#include <criterion/criterion.h>
#include <kernel/account.h>
#include <string.h>

struct bed bed;

void bed_add_functions(void)
{
	bed.function = machine_function(0, 0, 3, 0, NULL);
	bed.neighbour = machine_function(0, 0, 4, 0, NULL);
}

void bed_start(void)
{
	const struct cordon_budget budget = {0};

	iommu_init();
	if (!list_empty(iommu_units()))
		bed.unit = list_first(iommu_units(), struct iommu_unit, link);
	cr_assert_eq(account_create(&budget, &bed.account), 0);
}

struct iommu_domain *bed_new_domain(void)
{
	struct iommu_domain *domain;

	cr_assert_eq(iommu_domain_create(bed.unit, bed.account, &domain), 0);
	bed.domains[bed.domain_count++ % ARRAY_SIZE(bed.domains)] = domain;
	return domain;
}

struct iommu_domain *bed_domain(void)
{
	struct iommu_domain *domain = bed_new_domain();

	cr_assert_eq(iommu_attach(domain, bed.unit, 0, (rid_t){BED_SOURCE}), 0);
	return domain;
}

int bed_map(struct iommu_domain *domain, uint64_t start, uint64_t base, uint64_t size,
            uint32_t flags)
{
	struct iommu_gather gather;
	int error, flushed;

	iommu_gather_init(&gather);
	error = iommu_map(domain, iova(start), paddr(base), size, flags, &gather);
	flushed = iommu_gather_flush(&gather);
	return error ? error : flushed;
}

int bed_unmap(struct iommu_domain *domain, uint64_t start, uint64_t size)
{
	struct iommu_gather gather;

	iommu_gather_init(&gather);
	iommu_unmap(domain, iova(start), size, &gather);
	return iommu_gather_flush(&gather);
}

const char *bed_why_unusable(void)
{
	const char *why;

	cr_assert_not(iommu_usable(&why));
	cr_assert_not_null(why);
	return why;
}

void bed_assert_refused(const char *text)
{
	struct cordon_iommu_desc desc;

	cr_expect(strstr(bed_why_unusable(), text), "said: %s", bed_why_unusable());
	cr_assert(iommu_describe(0, &desc));
	cr_expect_eq(desc.usable, 0);
	cr_expect(strstr(desc.text, text), "described as: %s", desc.text);
	cr_assert_not_null(bed.function->refused);
	cr_expect_null(bed.function->iommu);
}
