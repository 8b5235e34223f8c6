/* SPDX-License-Identifier: MIT */
/*
 * Four-level page tables in memory (Intel SDM 3, 4.5). Touches no register: tests/unit/arch
 * checks it against a walker of its own. The caller holds the lock of the tables.
 */
#ifndef ARCH_X86_64_MMU_H
#define ARCH_X86_64_MMU_H

#include <arch/paging.h>
#include <kernel/types.h>

#define PTE_PRESENT  (UINT64_C(1) << 0)
#define PTE_WRITABLE (UINT64_C(1) << 1)
#define PTE_USER     (UINT64_C(1) << 2)
#define PTE_PWT      (UINT64_C(1) << 3)
#define PTE_PCD      (UINT64_C(1) << 4)
#define PTE_ACCESSED (UINT64_C(1) << 5)
#define PTE_DIRTY    (UINT64_C(1) << 6)
#define PTE_LARGE    (UINT64_C(1) << 7) /* a leaf above the lowest level */
#define PTE_GLOBAL   (UINT64_C(1) << 8)
#define PTE_ADDRESS  UINT64_C(0x000ffffffffff000)
#define PTE_NX       (UINT64_C(1) << 63)

/* PWT and PCD select entry 3 of the PAT: uncached (regs.h). */
#define PTE_UNCACHED (PTE_PWT | PTE_PCD)

#define MMU_ENTRIES 512
#define MMU_LEVELS  4 /* the root is level 4, a 4 KiB leaf lies in level 1 */

static inline unsigned int mmu_index(uint64_t address, int level)
{
	return (unsigned int)(address >> (PAGE_SHIFT + 9 * (level - 1))) & (MMU_ENTRIES - 1);
}

/* Bytes that one entry of a level covers. */
static inline uint64_t mmu_span(int level)
{
	return UINT64_C(1) << (PAGE_SHIFT + 9 * (level - 1));
}

/*
 * Maps [address, address + size) to [base, base + size) with the largest leaves that fit, up
 * to leaf_level (1 to 3). flags: PTE_* of the leaves but PRESENT and LARGE; USER is also set in
 * the tables above. Nothing is mapped there before (a panic otherwise). A large leaf may take
 * the place of an empty table, which is retired. Returns 0, or -ENOMEM with no translation
 * changed; new tables are then left empty as by mmu_unmap.
 */
int mmu_map(struct arch_paging *paging, uint64_t address, paddr_t base, uint64_t size,
            uint64_t flags, int leaf_level, bool keep_tables);

/*
 * Removes the entries of a range; there may be holes. Leaves that cross the ends are split
 * first: -ENOMEM when that finds no frame, and then no translation has changed.
 * keep_tables: empty tables stay (the kernel's own, which all address spaces share). Otherwise
 * the ARCH_PAGING_KEPT that became empty last stay, so that a hot mapping does not have to zero a
 * table each time; the others are retired.
 */
int mmu_unmap(struct arch_paging *paging, uint64_t address, uint64_t size, bool keep_tables);

/*
 * Sets PTE_WRITABLE and PTE_NX of every leaf in a range as flags has them; there may be holes.
 * Leaves that cross the ends are split first: -ENOMEM when that finds no frame, and then no
 * translation has changed.
 */
int mmu_protect(struct arch_paging *paging, uint64_t address, uint64_t size, uint64_t flags);

/* The leaf that maps an address, and its level. False when there is none. */
bool mmu_lookup(const struct arch_paging *paging, uint64_t address, uint64_t *leaf, int *level);

/* Makes sure that the top-level entry of an address has a table. Returns 0 or -ENOMEM. */
int mmu_reserve_top(struct arch_paging *paging, uint64_t address, uint64_t flags);

/* Retires the tables that were kept empty. Returns whether there are retired ones now. */
bool mmu_trim(struct arch_paging *paging);

/* Frees retired tables; no CPU can walk them any more. */
void mmu_free_retired(struct arch_paging *paging);

/* Frees all tables below the first count entries of the root; a leaf there is a panic. */
void mmu_free_tables(struct arch_paging *paging, unsigned int count);

/* Calls visit for every leaf under the top-level entries [first, MMU_ENTRIES), with the
 * rights that all levels together give: WRITABLE, USER and NX in rights. */
typedef void (*mmu_visit_t)(uint64_t address, uint64_t leaf, int level, uint64_t rights);
void mmu_visit(const struct arch_paging *paging, unsigned int first, mmu_visit_t visit);

#endif
