/* SPDX-License-Identifier: MIT */
/*
 * The balanced trees below std::map and std::set: what libstdc++'s headers (bits/stl_tree.h) leave
 * to its library. A red-black tree after Cormen and others, "Introduction to Algorithms", chapter
 * 13: a red node has no red child, and every way down has as many black nodes.
 */
#include <stdbool.h>
#include <stddef.h>

enum color { RED, BLACK };

struct node {
	enum color color;
	struct node *parent;
	struct node *left;
	struct node *right;
};

/* The tree is known by a node beside it: its parent is the root, its children are the first and the
 * last node. It is red, and so told from the root, whose parent it is. */
struct header {
	struct node node;
};

static struct node *leftmost(struct node *x)
{
	while (x->left)
		x = x->left;
	return x;
}

static struct node *rightmost(struct node *x)
{
	while (x->right)
		x = x->right;
	return x;
}

struct node *cxx_tree_next(struct node *x) __asm__(
        "_ZSt18_Rb_tree_incrementPSt18_Rb_tree_node_base");
struct node *cxx_tree_next(struct node *x)
{
	struct node *above;

	if (x->right)
		return leftmost(x->right);
	for (above = x->parent; x == above->right; above = above->parent)
		x = above;
	/* The root alone, and its own last: x has come to the header, which is the end. */
	return x->right == above ? x : above;
}

struct node *cxx_tree_previous(struct node *x) __asm__(
        "_ZSt18_Rb_tree_decrementPSt18_Rb_tree_node_base");
struct node *cxx_tree_previous(struct node *x)
{
	struct node *above;

	if (x->color == RED && x->parent->parent == x) /* the header: from the end to the last */
		return x->right;
	if (x->left)
		return rightmost(x->left);
	for (above = x->parent; x == above->left; above = above->parent)
		x = above;
	return above;
}

const struct node *cxx_tree_next_const(const struct node *x) __asm__(
        "_ZSt18_Rb_tree_incrementPKSt18_Rb_tree_node_base");
const struct node *cxx_tree_next_const(const struct node *x)
{
	return cxx_tree_next((struct node *)x);
}

const struct node *cxx_tree_previous_const(const struct node *x) __asm__(
        "_ZSt18_Rb_tree_decrementPKSt18_Rb_tree_node_base");
const struct node *cxx_tree_previous_const(const struct node *x)
{
	return cxx_tree_previous((struct node *)x);
}

/* Where the tree holds x: a child of its parent, or the root. */
static struct node **place_of(struct node *x, struct header *header)
{
	if (x == header->node.parent)
		return &header->node.parent;
	return x == x->parent->left ? &x->parent->left : &x->parent->right;
}

/* x goes down, its right child takes its place. */
static void rotate_left(struct node *x, struct header *header)
{
	struct node *y = x->right;

	*place_of(x, header) = y;
	y->parent = x->parent;
	x->right = y->left;
	if (y->left)
		y->left->parent = x;
	y->left = x;
	x->parent = y;
}

static void rotate_right(struct node *x, struct header *header)
{
	struct node *y = x->left;

	*place_of(x, header) = y;
	y->parent = x->parent;
	x->left = y->right;
	if (y->right)
		y->right->parent = x;
	y->right = x;
	x->parent = y;
}

static void rotate(struct node *x, bool left, struct header *header)
{
	if (left)
		rotate_left(x, header);
	else
		rotate_right(x, header);
}

static void hang(bool left, struct node *x, struct node *parent, struct header *header)
{
	x->parent = parent;
	x->left = x->right = NULL;
	x->color = RED;
	if (left) {
		parent->left = x; /* of the header: the first */
		if (parent == &header->node) {
			header->node.parent = x;
			header->node.right = x;
		} else if (parent == header->node.left) {
			header->node.left = x;
		}
	} else {
		parent->right = x;
		if (parent == header->node.right)
			header->node.right = x;
	}
}

void cxx_tree_insert(bool left, struct node *x, struct node *parent, struct header *header) __asm__(
        "_ZSt29_Rb_tree_insert_and_rebalancebPSt18_Rb_tree_node_baseS0_RS_");
void cxx_tree_insert(bool left, struct node *x, struct node *parent, struct header *header)
{
	hang(left, x, parent, header);
	while (x != header->node.parent && x->parent->color == RED) {
		struct node *above = x->parent->parent;
		bool on_left = x->parent == above->left;
		struct node *uncle = on_left ? above->right : above->left;

		if (uncle && uncle->color == RED) {
			x->parent->color = BLACK;
			uncle->color = BLACK;
			above->color = RED;
			x = above;
			continue;
		}
		if (x == (on_left ? x->parent->right : x->parent->left)) {
			x = x->parent;
			rotate(x, on_left, header);
		}
		x->parent->color = BLACK;
		above->color = RED;
		rotate(above, !on_left, header);
	}
	header->node.parent->color = BLACK;
}

/* The other child of a parent below which one side has a black node too few: so this one is there.
 */
static struct node *other_side(struct node *parent, bool on_left)
{
	struct node *sibling = on_left ? parent->right : parent->left;

	if (!sibling)
		__builtin_unreachable();
	return sibling;
}

/* x, which may be none, is below parent and has one black node too few on its ways down. */
static void blacken(struct node *x, struct node *parent, struct header *header)
{
	while (x != header->node.parent && (!x || x->color == BLACK)) {
		bool on_left = x == parent->left;
		struct node *sibling = other_side(parent, on_left);
		struct node *near, *far;

		if (sibling->color == RED) {
			sibling->color = BLACK;
			parent->color = RED;
			rotate(parent, on_left, header);
			sibling = other_side(parent, on_left);
		}
		near = on_left ? sibling->left : sibling->right;
		far = on_left ? sibling->right : sibling->left;
		if ((!near || near->color == BLACK) && (!far || far->color == BLACK)) {
			sibling->color = RED;
			x = parent;
			parent = x->parent;
			continue;
		}
		if (!far || far->color == BLACK) {
			near->color = BLACK;
			sibling->color = RED;
			rotate(sibling, !on_left, header);
			far = sibling;
			sibling = near;
		}
		sibling->color = parent->color;
		parent->color = BLACK;
		far->color = BLACK;
		rotate(parent, on_left, header);
		break;
	}
	if (x)
		x->color = BLACK;
}

/* Puts y, which has no left child, into the place of z; returns where y was taken from. */
static struct node *take_place(struct node *y, struct node *z, struct header *header)
{
	struct node *parent = y->parent;
	enum color color = y->color;

	if (parent == z) {
		parent = y;
	} else {
		parent->left = y->right;
		if (y->right)
			y->right->parent = parent;
		y->right = z->right;
		z->right->parent = y;
	}
	*place_of(z, header) = y;
	y->parent = z->parent;
	y->left = z->left;
	z->left->parent = y;
	y->color = z->color;
	z->color = color; /* the one that is missing now */
	return parent;
}

struct node *cxx_tree_erase(struct node *z, struct header *header) __asm__(
        "_ZSt28_Rb_tree_rebalance_for_erasePSt18_Rb_tree_node_baseRS_");
struct node *cxx_tree_erase(struct node *z, struct header *header)
{
	struct node *x, *parent;

	if (z->left && z->right) {
		struct node *y = leftmost(z->right);

		x = y->right;
		parent = take_place(y, z, header);
	} else {
		x = z->left ? z->left : z->right;
		parent = z->parent;
		if (header->node.left == z)
			header->node.left = x ? leftmost(x) : parent;
		if (header->node.right == z)
			header->node.right = x ? rightmost(x) : parent;
		*place_of(z, header) = x;
		if (x)
			x->parent = parent;
	}
	if (z->color == BLACK)
		blacken(x, parent, header);
	return z;
}
