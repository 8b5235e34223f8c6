/* SPDX-License-Identifier: MIT */
/*
 * Who pays for a table frame. Most are paid for by the account of their domain, and nothing is
 * written down. What stands here are the others: tables that somebody else's map needed, in a
 * container that he shares. So each pays for what he causes, and nobody for what another does
 * (S10).
 */
#ifndef DRIVERS_IOMMU_PAYER_H
#define DRIVERS_IOMMU_PAYER_H

#include <kernel/account.h>
#include <kernel/tree.h>

/* Writes down that the account, which was charged for the frame, is to have that back. Takes a
 * reference to it, and charges it for the note. Returns 0 or -ENOMEM. */
int payer_note(struct tree *payers, struct account *account, paddr_t frame);

/* Forgets the note about a frame. Returns the account, with its reference, or NULL: there is none.
 */
struct account *payer_take(struct tree *payers, paddr_t frame);

/* The charge for a frame that payer_take told of, and the reference, go back. */
static inline void payer_release(struct account *account)
{
	account_uncharge(account, CHARGE_KERNEL, PAGE_SIZE);
	account_unref(account);
}

/* Gives all charges back that stand here, without a look at the frames. Returns how many. */
uint64_t payer_release_all(struct tree *payers);

#endif
