/* SPDX-License-Identifier: MIT */
/* Page tables of user address spaces. The kernel half is shared by all of them. */
#ifndef ARCH_PAGING_H
#define ARCH_PAGING_H

#include <kernel/types.h>

enum arch_cache {
	ARCH_CACHE_NORMAL,   /* write-back */
	ARCH_CACHE_UNCACHED, /* device registers */
};

#define ARCH_PAGING_KEPT 16 /* empty tables that stay for the next mapping */

struct arch_paging {
	paddr_t root;
	uint64_t tables; /* table frames below the root, for the account; retired ones included */
	paddr_t retired; /* unlinked tables, freed by the next flush; 0: none */
	uint64_t kept[ARCH_PAGING_KEPT]; /* where tables became empty: address | level; 0: none */
	uint32_t kept_next;              /* the oldest of them, to be replaced next */
	uint64_t cpus;                   /* bit n: CPU n has them loaded, or is about to */
};

int arch_paging_create(struct arch_paging *paging);

/* Frees the tables. Nothing may be mapped, and no CPU may have them loaded. */
void arch_paging_destroy(struct arch_paging *paging);

/*
 * Maps [user, user + size) to [base, base + size) with CORDON_PROT_* rights (no rights: no
 * entries), using the largest leaves that fit. Nothing is mapped there before. Returns 0,
 * or -ENOMEM with nothing changed.
 */
int arch_paging_map(struct arch_paging *paging, uaddr_t user, paddr_t base, uint64_t size,
                    uint32_t prot, enum arch_cache cache);

/* Removes the entries of a range; there may be holes in it. Leaves that cross its ends are
 * split; -ENOMEM when a split finds no frame, and then no translation has changed. No TLB
 * flush: arch_paging_flush follows, before any of the unmapped frames is used again. */
int arch_paging_unmap(struct arch_paging *paging, uaddr_t user, uint64_t size);

/* Changes the rights of what is mapped in a range, not to none; there may be holes in it. Leaves
 * that cross its ends are split: -ENOMEM as for unmap. arch_paging_flush follows. */
int arch_paging_protect(struct arch_paging *paging, uaddr_t user, uint64_t size, uint32_t prot);

/* Makes every CPU forget translations of a range, before it returns. Then frees the tables
 * that were unlinked: until now a CPU might have walked them. */
void arch_paging_flush(struct arch_paging *paging, uaddr_t user, uint64_t size);

/* Frees the tables that unmapping left empty and that are still kept. Returns whether there was
 * one. */
bool arch_paging_trim(struct arch_paging *paging);

/* Makes this CPU use these tables (NULL: the kernel's own, without a user half). Those it leaves
 * are not looked at after the return. */
void arch_paging_switch(struct arch_paging *paging);

/* What the tables say of one address, for reports and tests: the physical address it leads to
 * and CORDON_PROT_* rights. False when it is not mapped. */
bool arch_paging_lookup(const struct arch_paging *paging, uaddr_t user, paddr_t *base,
                        uint32_t *prot);

/* Walks the kernel's half of the tables; a leaf that is both writable and executable, or that
 * ring 3 could use, is a panic. */
void arch_check_wx(void);

/* Frames in the page tables of the kernel's own half. Some that are empty are kept. */
uint64_t arch_kernel_tables(void);

#endif
