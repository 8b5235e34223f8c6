/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "nvme.h"

int nvme_prp_build(uint64_t iova, uint32_t size, uint64_t *list, uint64_t list_iova, uint64_t *prp1,
                   uint64_t *prp2)
{
	uint64_t first = NVME_PAGE_SIZE - iova % NVME_PAGE_SIZE; /* bytes in the first page */
	uint64_t page = iova + first;
	uint64_t rest;
	uint32_t pages;

	if (size == 0 || iova % 4)
		return -EINVAL;
	if (iova + (size - 1) < iova)
		return -EOVERFLOW;
	rest = size > first ? size - first : 0;
	pages = (uint32_t)((rest + NVME_PAGE_SIZE - 1) / NVME_PAGE_SIZE);
	if (pages > NVME_PRP_LIST_ENTRIES)
		return -E2BIG;

	*prp1 = iova;
	if (pages == 0) {
		*prp2 = 0;
	} else if (pages == 1) {
		*prp2 = page;
	} else {
		for (uint32_t i = 0; i < pages; i++, page += NVME_PAGE_SIZE)
			list[i] = page;
		*prp2 = list_iova;
	}
	return 0;
}
