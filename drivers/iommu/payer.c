/* SPDX-License-Identifier: MIT */
#include <drivers/iommu/payer.h>

#include <cordon/errno.h>
#include <kernel/panic.h>

struct payer {
	struct tree_node frame;  /* its physical addresses */
	struct account *account; /* a reference; pays for this, too */
};

int payer_note(struct tree *payers, struct account *account, paddr_t frame)
{
	struct payer *payer = account_alloc(account, sizeof(*payer));

	if (!payer)
		return -ENOMEM;
	account_ref(account);
	payer->account = account;
	payer->frame.start = frame.raw;
	payer->frame.end = frame.raw + PAGE_SIZE;
	if (!tree_insert(payers, &payer->frame))
		panic("iommu: frame 0x%llx is paid for twice", (unsigned long long)frame.raw);
	return 0;
}

static struct account *payer_forget(struct tree *payers, struct payer *payer)
{
	struct account *account = payer->account;

	tree_remove(payers, &payer->frame);
	account_free(account, payer, sizeof(*payer));
	return account;
}

struct account *payer_take(struct tree *payers, paddr_t frame)
{
	struct tree_node *node = tree_find(payers, frame.raw);

	if (!node || node->start != frame.raw)
		return NULL;
	return payer_forget(payers, tree_entry(node, struct payer, frame));
}

uint64_t payer_release_all(struct tree *payers)
{
	struct tree_node *node;
	uint64_t count = 0;

	while ((node = tree_first(payers)) != NULL) {
		payer_release(payer_forget(payers, tree_entry(node, struct payer, frame)));
		count++;
	}
	return count;
}
