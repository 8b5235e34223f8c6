/* SPDX-License-Identifier: MIT */
/* The NVMe driver's data pointers, against a walk that knows only the specification. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "tasks/nvme/nvme.h"

#define LIST_IOVA UINT64_C(0x7000)
#define GUARD     UINT64_C(0xdeadbeefdeadbeef)

static uint64_t list[NVME_PRP_LIST_ENTRIES + 1];

/*
 * Section 4.3 of the NVM Express Base Specification 1.4, from the controller's side: the
 * n-th byte of a transfer, found by walking the pointers.
 */
static uint64_t byte_address(uint64_t prp1, uint64_t prp2, uint32_t size, uint32_t n)
{
	uint64_t first = 4096 - prp1 % 4096;
	uint64_t index;

	if (n < first)
		return prp1 + n;
	index = (n - first) / 4096;
	if (size <= first + 4096)
		return prp2 + (n - first);
	cr_assert_eq(prp2, LIST_IOVA);
	cr_assert_eq(list[index] % 4096, 0, "an entry of a list with an offset");
	return list[index] + (n - first) % 4096;
}

static void check_transfer(uint64_t iova, uint32_t size)
{
	uint64_t prp1 = 0, prp2 = 0;

	memset(list, 0, sizeof(list));
	list[NVME_PRP_LIST_ENTRIES] = GUARD;
	cr_assert_eq(nvme_prp_build(iova, size, list, LIST_IOVA, &prp1, &prp2), 0,
	             "%u bytes at %llx", size, (unsigned long long)iova);
	for (uint32_t n = 0; n < size; n += n % 512 == 0 ? 511 : 1)
		cr_assert_eq(byte_address(prp1, prp2, size, n), iova + n, "byte %u of %u at %llx",
		             n, size, (unsigned long long)iova);
	cr_assert_eq(byte_address(prp1, prp2, size, size - 1), iova + size - 1);
	cr_assert_eq(list[NVME_PRP_LIST_ENTRIES], GUARD, "written past the list");
}

Test(nvme_prp, describes_every_byte_of_a_transfer)
{
	static const uint64_t starts[] = {0x10000, 0x10004, 0x10200, 0x10ffc, 0x7fffffe000};
	static const uint32_t sizes[] = {1,    512,   4092,  4096,   4097,  8192,
	                                 8193, 12288, 65536, 131072, 524288};

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++)
			check_transfer(starts[i], sizes[k]);
	check_transfer(0x10000, NVME_TRANSFER_MAX);
	check_transfer(0x10ffc, NVME_TRANSFER_MAX);
}

Test(nvme_prp, uses_no_list_for_two_pages)
{
	uint64_t prp1, prp2;

	list[0] = GUARD;
	cr_assert_eq(nvme_prp_build(0x10000, 4096, list, LIST_IOVA, &prp1, &prp2), 0);
	cr_assert_eq(prp2, 0);
	cr_assert_eq(nvme_prp_build(0x10200, 4096, list, LIST_IOVA, &prp1, &prp2), 0);
	cr_assert_eq(prp1, 0x10200);
	cr_assert_eq(prp2, 0x11000);
	cr_assert_eq(list[0], GUARD);
}

Test(nvme_prp, refuses_what_it_cannot_describe)
{
	uint64_t prp1, prp2;

	cr_assert_eq(nvme_prp_build(0x10000, 0, list, LIST_IOVA, &prp1, &prp2), -EINVAL);
	cr_assert_eq(nvme_prp_build(0x10002, 512, list, LIST_IOVA, &prp1, &prp2), -EINVAL);
	cr_assert_eq(
	        nvme_prp_build(0x10000, NVME_TRANSFER_MAX + 4097, list, LIST_IOVA, &prp1, &prp2),
	        -E2BIG);
	cr_assert_eq(nvme_prp_build(UINT64_MAX - 511, 1024, list, LIST_IOVA, &prp1, &prp2),
	             -EOVERFLOW);
}

Test(nvme_status, tells_success_from_every_error)
{
	cr_assert_eq(nvme_status_error(0), 0);
	for (uint32_t status = 1; status < 0x800; status++) {
		cr_assert_lt(nvme_status_error((uint16_t)status), 0, "status %x", status);
		cr_assert_not_null(nvme_status_text((uint16_t)status));
		cr_assert_str_neq(nvme_status_text((uint16_t)status), "success");
	}
}

Test(nvme_status, names_the_usual_errors)
{
	cr_assert_str_eq(nvme_status_text(0x0080), "LBA out of range");
	cr_assert_eq(nvme_status_error(0x4080), -ERANGE, "with the do-not-retry bit");
	cr_assert_str_eq(nvme_status_text(0x0182), "write to a read-only range");
	cr_assert_str_eq(nvme_status_text(0x0281), "unrecovered read error");
}
