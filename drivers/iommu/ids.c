/* SPDX-License-Identifier: MIT */
#include <drivers/iommu/ids.h>

#include <cordon/errno.h>
#include <kernel/heap.h>
#include <kernel/inject.h>
#include <kernel/panic.h>

#define WORD_BITS 64u

static uint64_t mask_of(uint32_t id)
{
	return UINT64_C(1) << (id % WORD_BITS);
}

int ids_init(struct ids *ids, uint32_t first, uint32_t count)
{
	size_t words = (count + WORD_BITS - 1) / WORD_BITS;

	ids->used = heap_alloc_array(words, sizeof(*ids->used));
	if (!ids->used)
		return -ENOMEM;
	ids->count = count;
	ids->next = first;
	for (uint32_t id = 0; id < first; id++)
		ids->used[id / WORD_BITS] |= mask_of(id);
	/* The last word's rest does not exist. */
	for (uint32_t id = count; id < words * WORD_BITS; id++)
		ids->used[id / WORD_BITS] |= mask_of(id);
	return 0;
}

void ids_destroy(struct ids *ids)
{
	heap_free(ids->used);
	ids->used = NULL;
	ids->count = 0;
}

int ids_alloc(struct ids *ids, uint32_t *out)
{
	uint32_t words = (ids->count + WORD_BITS - 1) / WORD_BITS;
	uint32_t start = ids->next / WORD_BITS;

	if (inject_fails(CORDON_INJECT_SLOT))
		return -ENOSPC;
	/* One word more than there are: the bits of the first one below next come last. */
	for (uint32_t step = 0; step <= words; step++) {
		uint32_t word = start + step < words ? start + step : start + step - words;
		uint64_t unused = ~ids->used[word];

		if (step == 0)
			unused &= ~UINT64_C(0) << (ids->next % WORD_BITS);
		if (unused) {
			uint32_t id = word * WORD_BITS + (uint32_t)__builtin_ctzll(unused);

			ids->used[word] |= mask_of(id);
			ids->next = id + 1 < ids->count ? id + 1 : 0;
			*out = id;
			return 0;
		}
	}
	return -ENOSPC;
}

int ids_take(struct ids *ids, uint32_t id)
{
	if (id >= ids->count || (ids->used[id / WORD_BITS] & mask_of(id)))
		return -ENOSPC;
	ids->used[id / WORD_BITS] |= mask_of(id);
	return 0;
}

void ids_free(struct ids *ids, uint32_t id)
{
	ASSERT(id < ids->count && (ids->used[id / WORD_BITS] & mask_of(id)));
	ids->used[id / WORD_BITS] &= ~mask_of(id);
}
