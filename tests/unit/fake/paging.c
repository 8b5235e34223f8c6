// SPDX-License-Identifier: MIT
/* User page tables as a plain list of pages, with the memory of a TLB: what was taken away counts
 * as stale until it is flushed. */
#include <cordon/errno.h>
#include <kernel/panic.h>
#include <stdlib.h>
#include <tests/unit/fake/fake.h>

enum state { UNUSED, MAPPED, STALE };

struct entry {
	enum state state;
	uint64_t root;
	uint64_t page;
	paddr_t base;
	uint32_t prot;
};

#define ENTRIES_MAX 65536

static struct entry entries[ENTRIES_MAX];
static size_t entry_count;
static uint64_t next_root = UINT64_C(0x1000);
static uint64_t fail_at;

void fake_paging_fail(uint64_t count)
{
	fail_at = count;
}

static bool fails_now(void)
{
	return fail_at && --fail_at == 0;
}

static struct entry *find(uint64_t root, uint64_t page, enum state state)
{
	for (size_t i = 0; i < entry_count; i++)
		if (entries[i].state == state && entries[i].root == root && entries[i].page == page)
			return &entries[i];
	return NULL;
}

static struct entry *take(void)
{
	for (size_t i = 0; i < entry_count; i++)
		if (entries[i].state == UNUSED)
			return &entries[i];
	ASSERT(entry_count < ENTRIES_MAX);
	return &entries[entry_count++];
}

static uint64_t count_of(enum state state, uint64_t root)
{
	uint64_t count = 0;

	for (size_t i = 0; i < entry_count; i++)
		if (entries[i].state == state && (root == 0 || entries[i].root == root))
			count++;
	return count;
}

static bool covers(const struct arch_paging *paging, uaddr_t user, uint64_t size,
                   const struct entry *entry)
{
	return entry->root == paging->root.raw && entry->page - user.raw < size;
}

uint64_t fake_paging_stale(void)
{
	return count_of(STALE, 0);
}

uint64_t fake_paging_mapped(const struct arch_paging *paging)
{
	return count_of(MAPPED, paging->root.raw);
}

int arch_paging_create(struct arch_paging *paging)
{
	if (fails_now())
		return -ENOMEM;
	*paging = (struct arch_paging){.root = paddr(next_root)};
	next_root += PAGE_SIZE;
	return 0;
}

void arch_paging_destroy(struct arch_paging *paging)
{
	ASSERT(count_of(MAPPED, paging->root.raw) == 0);
	ASSERT(count_of(STALE, paging->root.raw) == 0);
	paging->root = paddr(0);
}

int arch_paging_map(struct arch_paging *paging, uaddr_t user, paddr_t base, uint64_t size,
                    uint32_t prot, enum arch_cache cache)
{
	(void)cache;
	ASSERT(is_aligned(user.raw | base.raw | size, PAGE_SIZE));
	if (fails_now())
		return -ENOMEM;
	for (uint64_t offset = 0; offset < size; offset += PAGE_SIZE) {
		uint64_t page = user.raw + offset;
		ASSERT(!find(paging->root.raw, page, MAPPED));
		if (prot)
			*take() = (struct entry){MAPPED, paging->root.raw, page,
			                         paddr(base.raw + offset), prot};
	}
	return 0;
}

int arch_paging_unmap(struct arch_paging *paging, uaddr_t user, uint64_t size)
{
	ASSERT(is_aligned(user.raw | size, PAGE_SIZE));
	if (fails_now())
		return -ENOMEM;
	for (size_t i = 0; i < entry_count; i++)
		if (entries[i].state == MAPPED && covers(paging, user, size, &entries[i]))
			entries[i].state = STALE;
	return 0;
}

int arch_paging_protect(struct arch_paging *paging, uaddr_t user, uint64_t size, uint32_t prot)
{
	ASSERT(is_aligned(user.raw | size, PAGE_SIZE) && prot);
	if (fails_now())
		return -ENOMEM;
	for (uint64_t offset = 0; offset < size; offset += PAGE_SIZE) {
		struct entry *entry = find(paging->root.raw, user.raw + offset, MAPPED);
		if (!entry)
			continue;
		if (entry->prot & ~prot) {
			/* Until the flush a CPU may know the old rights. */
			*take() = *entry;
			entry->state = STALE;
			entry = find(paging->root.raw, user.raw + offset, MAPPED);
		}
		entry->prot = prot;
	}
	return 0;
}

void arch_paging_flush(struct arch_paging *paging, uaddr_t user, uint64_t size)
{
	for (size_t i = 0; i < entry_count; i++)
		if (entries[i].state == STALE && covers(paging, user, size, &entries[i]))
			entries[i].state = UNUSED;
}

bool arch_paging_trim(struct arch_paging *paging)
{
	(void)paging;
	return false;
}

void arch_paging_switch(struct arch_paging *paging)
{
	(void)paging;
}

bool arch_paging_lookup(const struct arch_paging *paging, uaddr_t user, paddr_t *base,
                        uint32_t *prot)
{
	const struct entry *entry = find(paging->root.raw, align_down(user.raw, PAGE_SIZE), MAPPED);

	if (!entry)
		return false;
	*base = paddr(entry->base.raw + (user.raw & PAGE_MASK));
	*prot = entry->prot;
	return true;
}
