/* SPDX-License-Identifier: MIT */
#include <kernel/panic.h>
#include <kernel/tree.h>

static uint32_t node_height(const struct tree_node *node)
{
	return node ? node->height : 0;
}

static uint64_t node_max_gap(const struct tree_node *node)
{
	return node ? node->max_gap : 0;
}

/* Derives what a node says about its subtree from its children. */
static inline void node_update(struct tree_node *node)
{
	uint32_t left = node_height(node->left);
	uint32_t right = node_height(node->right);

	node->height = (left > right ? left : right) + 1;
	node->max_gap = max_u64(node->gap,
	                        max_u64(node_max_gap(node->left), node_max_gap(node->right)));
}

/* Makes the parent of a node (or the root) point to another one instead. */
static void tree_replace_child(struct tree *tree, struct tree_node *parent,
                               const struct tree_node *old, struct tree_node *new)
{
	if (!parent)
		tree->root = new;
	else if (parent->left == old)
		parent->left = new;
	else
		parent->right = new;
	if (new)
		new->parent = parent;
}

static struct tree_node *tree_rotate_left(struct tree *tree, struct tree_node *node)
{
	struct tree_node *up = node->right;

	node->right = up->left;
	if (up->left)
		up->left->parent = node;
	tree_replace_child(tree, node->parent, node, up);
	up->left = node;
	node->parent = up;
	node_update(node);
	node_update(up);
	return up;
}

static struct tree_node *tree_rotate_right(struct tree *tree, struct tree_node *node)
{
	struct tree_node *up = node->left;

	node->left = up->right;
	if (up->right)
		up->right->parent = node;
	tree_replace_child(tree, node->parent, node, up);
	up->right = node;
	node->parent = up;
	node_update(node);
	node_update(up);
	return up;
}

/* Restores the balance of one node whose subtrees are balanced; returns the top of its place. */
static struct tree_node *tree_balance(struct tree *tree, struct tree_node *node)
{
	if (node_height(node->left) > node_height(node->right)) {
		if (node_height(node->left->left) < node_height(node->left->right))
			tree_rotate_left(tree, node->left);
		return tree_rotate_right(tree, node);
	}
	if (node_height(node->right->right) < node_height(node->right->left))
		tree_rotate_right(tree, node->right);
	return tree_rotate_left(tree, node);
}

static bool is_balanced(const struct tree_node *node)
{
	return node_height(node->left) + 1 - node_height(node->right) <= 2;
}

/*
 * Repairs a node and those above it. It stops where a subtree says the same as before, so what
 * a node has recorded must be what its parent was derived from.
 */
static void tree_repair(struct tree *tree, struct tree_node *node)
{
	while (node) {
		uint32_t height = node->height;
		uint64_t max_gap = node->max_gap;

		if (__builtin_expect(is_balanced(node), 1))
			node_update(node);
		else
			node = tree_balance(tree, node);
		if (node->height == height && node->max_gap == max_gap)
			return;
		node = node->parent;
	}
}

bool tree_insert(struct tree *tree, struct tree_node *node)
{
	struct tree_node *before = NULL;
	struct tree_node *after = NULL;
	struct tree_node *parent = NULL;
	struct tree_node **link = &tree->root;

	while (*link) {
		parent = *link;
		if (node->end <= parent->start) {
			after = parent;
			link = &parent->left;
		} else if (node->start >= parent->end) {
			before = parent;
			link = &parent->right;
		} else {
			return false;
		}
	}
	node->parent = parent;
	node->left = NULL;
	node->right = NULL;
	node->height = 1;
	node->gap = before ? node->start - before->end : 0;
	node->max_gap = node->gap;
	*link = node;
	if (after)
		after->gap = after->start - node->end;
	tree_repair(tree, parent);
	if (after && after != parent)
		tree_repair(tree, after);
	return true;
}

void tree_remove(struct tree *tree, struct tree_node *node)
{
	struct tree_node *before = tree_previous(node);
	struct tree_node *after = tree_next(node);
	struct tree_node *lowest = node->parent; /* the lowest node whose subtree changes */

	if (after)
		after->gap = before ? after->start - before->end : 0;
	if (!node->left) {
		tree_replace_child(tree, node->parent, node, node->right);
	} else if (!node->right) {
		tree_replace_child(tree, node->parent, node, node->left);
	} else {
		/* The next node has no left child; it moves into this place. */
		ASSERT(after);
		lowest = after->parent == node ? after : after->parent;
		if (after->parent != node) {
			tree_replace_child(tree, after->parent, after, after->right);
			after->right = node->right;
			after->right->parent = after;
		}
		after->left = node->left;
		after->left->parent = after;
		after->height = node->height;
		after->max_gap = node->max_gap;
		tree_replace_child(tree, node->parent, node, after);
	}
	node->parent = node->left = node->right = NULL;
	tree_repair(tree, lowest);
	if (after && after != lowest)
		tree_repair(tree, after);
}

void tree_resize(struct tree *tree, struct tree_node *node, uint64_t start, uint64_t end)
{
	struct tree_node *before = tree_previous(node);
	struct tree_node *after = tree_next(node);

	ASSERT(start < end);
	ASSERT(!before || start >= before->end);
	ASSERT(!after || end <= after->start);
	node->start = start;
	node->end = end;
	node->gap = before ? start - before->end : 0;
	tree_repair(tree, node);
	if (after) {
		after->gap = after->start - end;
		tree_repair(tree, after);
	}
}

struct tree_node *tree_find(const struct tree *tree, uint64_t address)
{
	struct tree_node *found = NULL;
	struct tree_node *node = tree->root;

	while (node) {
		if (node->end > address) {
			found = node;
			if (node->start <= address)
				break;
			node = node->left;
		} else {
			node = node->right;
		}
	}
	return found;
}

bool tree_overlaps(const struct tree *tree, uint64_t start, uint64_t end)
{
	const struct tree_node *node = tree_find(tree, start);

	return node && node->start < end;
}

struct tree_node *tree_first(const struct tree *tree)
{
	struct tree_node *node = tree->root;

	while (node && node->left)
		node = node->left;
	return node;
}

struct tree_node *tree_last(const struct tree *tree)
{
	struct tree_node *node = tree->root;

	while (node && node->right)
		node = node->right;
	return node;
}

struct tree_node *tree_next(const struct tree_node *node)
{
	struct tree_node *parent;

	if (node->right) {
		struct tree_node *below = node->right;

		while (below->left)
			below = below->left;
		return below;
	}
	parent = node->parent;
	while (parent && parent->right == node) {
		node = parent;
		parent = parent->parent;
	}
	return parent;
}

struct tree_node *tree_previous(const struct tree_node *node)
{
	struct tree_node *parent;

	if (node->left) {
		struct tree_node *below = node->left;

		while (below->right)
			below = below->right;
		return below;
	}
	parent = node->parent;
	while (parent && parent->left == node) {
		node = parent;
		parent = parent->parent;
	}
	return parent;
}

/* The first node of a subtree with a gap of at least a size, given that there is one. */
static const struct tree_node *subtree_gap(const struct tree_node *node, uint64_t size)
{
	for (;;) {
		if (node_max_gap(node->left) >= size)
			node = node->left;
		else if (node->gap >= size)
			return node;
		else
			node = node->right;
	}
}

/* The first node after this one with a gap of at least a size. */
static const struct tree_node *tree_next_gap(const struct tree_node *node, uint64_t size)
{
	if (node_max_gap(node->right) >= size)
		return subtree_gap(node->right, size);
	for (; node->parent; node = node->parent) {
		const struct tree_node *parent = node->parent;

		if (parent->right == node)
			continue;
		if (parent->gap >= size)
			return parent;
		if (node_max_gap(parent->right) >= size)
			return subtree_gap(parent->right, size);
	}
	return NULL;
}

bool tree_find_gap(const struct tree *tree, uint64_t low, uint64_t high, uint64_t size,
                   uint64_t *out)
{
	const struct tree_node *node = tree_find(tree, low);
	uint64_t at = low;

	if (node && (node->start < low || node->start - low < size)) {
		node = tree_next_gap(node, size);
		at = node ? node->start - node->gap : tree_last(tree)->end;
	}
	if (at >= high || high - at < size)
		return false;
	*out = at;
	return true;
}
