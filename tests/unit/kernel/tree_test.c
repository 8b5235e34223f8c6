/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include <kernel/tree.h>

#include <tests/random.h>

#define SPACE 512 /* addresses of the model */
#define NODES 64

struct item {
	struct tree_node node;
	bool in;
};

/* Checks a subtree and returns its height. */
static uint32_t check_below(const struct tree_node *node, const struct tree_node *parent)
{
	uint32_t left;
	uint32_t right;
	uint64_t gap;

	if (!node)
		return 0;
	cr_assert_eq(node->parent, parent);
	left = check_below(node->left, node);
	right = check_below(node->right, node);
	cr_assert(left <= right + 1 && right <= left + 1, "out of balance");
	cr_assert_eq(node->height, (left > right ? left : right) + 1);
	gap = node->gap;
	if (node->left && node->left->max_gap > gap)
		gap = node->left->max_gap;
	if (node->right && node->right->max_gap > gap)
		gap = node->right->max_gap;
	cr_assert_eq(node->max_gap, gap);
	return node->height;
}

static void check_tree(const struct tree *tree)
{
	const struct tree_node *before = NULL;
	const struct tree_node *node;

	check_below(tree->root, NULL);
	tree_for_each(node, tree)
	{
		cr_assert_eq(tree_previous(node), before);
		if (before)
			cr_assert(before->end <= node->start);
		cr_assert_eq(node->gap, before ? node->start - before->end : 0);
		before = node;
	}
	cr_assert_eq(tree_last(tree), before);
}

/* map[a]: which item covers address a, or NULL. */
static bool model_free(struct item *const *map, uint64_t start, uint64_t end)
{
	for (uint64_t at = start; at < end; at++)
		if (map[at])
			return false;
	return true;
}

static void model_set(struct item **map, uint64_t start, uint64_t end, struct item *item)
{
	for (uint64_t at = start; at < end; at++)
		map[at] = item;
}

static void check_searches(const struct tree *tree, struct item *const *map, struct random *random)
{
	uint64_t low = random_below(random, SPACE);
	uint64_t high = low + 1 + random_below(random, SPACE - low);
	uint64_t size = 1 + random_below(random, 24);
	uint64_t found = 0;
	uint64_t expected = low;
	struct tree_node *at = tree_find(tree, low);
	uint64_t first = low;

	while (first < SPACE && !map[first])
		first++;
	cr_assert_eq(at, first < SPACE ? &map[first]->node : NULL);
	cr_assert_eq(tree_overlaps(tree, low, high), !model_free(map, low, high));

	while (expected + size <= high && !model_free(map, expected, expected + size))
		expected++;
	if (expected + size <= high) {
		cr_assert(tree_find_gap(tree, low, high, size, &found));
		cr_assert_eq(found, expected);
	} else {
		cr_assert_not(tree_find_gap(tree, low, high, size, &found));
	}
}

Test(tree, agrees_with_an_array_under_random_operations)
{
	struct random random = {1};
	struct item items[NODES] = {0};
	struct item *map[SPACE] = {0};
	struct tree tree;

	tree_init(&tree);
	for (int round = 0; round < 40000; round++) {
		struct item *item = &items[random_below(&random, NODES)];

		if (item->in && random_below(&random, 3) == 0) {
			uint64_t start = item->node.start;
			uint64_t end = item->node.end;
			uint64_t new_start = random_below(&random, SPACE);
			uint64_t new_end = new_start + 1 + random_below(&random, SPACE - new_start);
			bool inside;

			model_set(map, start, end, NULL);
			inside = new_start < end && new_end > start &&
			         model_free(map, new_start, new_end);
			if (inside) {
				tree_resize(&tree, &item->node, new_start, new_end);
				model_set(map, new_start, new_end, item);
			} else {
				model_set(map, start, end, item);
			}
		} else if (item->in) {
			tree_remove(&tree, &item->node);
			model_set(map, item->node.start, item->node.end, NULL);
			item->in = false;
		} else {
			uint64_t start = random_below(&random, SPACE - 16);
			uint64_t end = start + 1 + random_below(&random, 12);

			item->node.start = start;
			item->node.end = end;
			item->in = tree_insert(&tree, &item->node);
			cr_assert_eq(item->in, model_free(map, start, end));
			if (item->in)
				model_set(map, start, end, item);
		}
		check_tree(&tree);
		check_searches(&tree, map, &random);
	}
}

Test(tree, stays_shallow_when_filled_in_order)
{
	static struct item items[10000];
	struct tree tree;

	tree_init(&tree);
	for (uint64_t i = 0; i < 10000; i++) {
		items[i].node.start = i * 4096;
		items[i].node.end = (i + 1) * 4096;
		cr_assert(tree_insert(&tree, &items[i].node));
	}
	check_tree(&tree);
	cr_assert_leq(tree.root->height, 19, "1.44 log2(10000) = 19.1");
	for (uint64_t i = 0; i < 10000; i += 2)
		tree_remove(&tree, &items[i].node);
	check_tree(&tree);
	for (uint64_t i = 1; i < 10000; i += 2)
		tree_remove(&tree, &items[i].node);
	cr_assert(tree_empty(&tree));
}

Test(tree, refuses_what_overlaps_and_leaves_the_tree_alone)
{
	struct item a = {.node = {.start = 10, .end = 20}};
	struct item b = {.node = {.start = 19, .end = 25}};
	struct item c = {.node = {.start = 20, .end = 25}};
	struct tree tree;

	tree_init(&tree);
	cr_assert(tree_insert(&tree, &a.node));
	cr_assert_not(tree_insert(&tree, &b.node));
	check_tree(&tree);
	cr_assert(tree_insert(&tree, &c.node));
	check_tree(&tree);
}

Test(tree, reaches_the_top_of_the_address_space)
{
	struct item a = {.node = {.start = UINT64_MAX - 10, .end = UINT64_MAX}};
	uint64_t out = 0;
	struct tree tree;

	tree_init(&tree);
	cr_assert(tree_find_gap(&tree, 5, UINT64_MAX, UINT64_MAX - 5, &out));
	cr_assert_eq(out, 5);
	cr_assert(tree_insert(&tree, &a.node));
	cr_assert_not(tree_find_gap(&tree, 5, UINT64_MAX, UINT64_MAX - 14, &out));
	cr_assert(tree_find_gap(&tree, 5, UINT64_MAX, UINT64_MAX - 15, &out));
	cr_assert_eq(tree_find(&tree, UINT64_MAX), NULL);
}
