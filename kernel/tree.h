/* SPDX-License-Identifier: MIT */
/*
 * Disjoint ranges of 64-bit addresses, ordered, in a balanced tree through a member of the
 * elements (Adelson-Velsky and Landis). Every node also knows the largest gap below it, so
 * that a free range is found without a walk over all of them. All operations take O(log n)
 * steps and allocate nothing. The caller does the locking.
 */
#ifndef KERNEL_TREE_H
#define KERNEL_TREE_H

#include <kernel/types.h>

struct tree_node {
	struct tree_node *parent;
	struct tree_node *left;
	struct tree_node *right;
	uint64_t start;
	uint64_t end;     /* one past the last address; start < end */
	uint64_t gap;     /* from the end of the node before (0 for the first) to start */
	uint64_t max_gap; /* the largest gap of this node and all below it */
	uint32_t height;  /* 1 for a leaf */
};

struct tree {
	struct tree_node *root;
};

static inline void tree_init(struct tree *tree)
{
	tree->root = NULL;
}

static inline bool tree_empty(const struct tree *tree)
{
	return tree->root == NULL;
}

#define tree_entry(node, type, member) container_of(node, type, member)

/* Adds a node whose start and end are set. Returns false, with nothing changed, when it
 * overlaps a node of the tree. */
bool tree_insert(struct tree *tree, struct tree_node *node);

/* Takes a node out of the tree. */
void tree_remove(struct tree *tree, struct tree_node *node);

/* Changes the range of a node in place. The new range lies inside the old one, or reaches only
 * into the gaps beside it. */
void tree_resize(struct tree *tree, struct tree_node *node, uint64_t start, uint64_t end);

/* The first node that ends above an address: the one that contains it, or else the next.
 * NULL when there is none. */
struct tree_node *tree_find(const struct tree *tree, uint64_t address);

/* True when any node overlaps [start, end), which is not empty. */
bool tree_overlaps(const struct tree *tree, uint64_t start, uint64_t end);

struct tree_node *tree_first(const struct tree *tree);
struct tree_node *tree_last(const struct tree *tree);

/* The node after or before this one; NULL at the end. */
struct tree_node *tree_next(const struct tree_node *node);
struct tree_node *tree_previous(const struct tree_node *node);

/*
 * Finds the lowest free range of a size within [low, high). size is not zero. Returns false
 * when there is none.
 */
bool tree_find_gap(const struct tree *tree, uint64_t low, uint64_t high, uint64_t size,
                   uint64_t *out);

/* All nodes in order; the loop may not remove the current one. */
#define tree_for_each(node, tree) \
	for ((node) = tree_first(tree); (node) != NULL; (node) = tree_next(node))

#endif
