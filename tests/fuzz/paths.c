/* SPDX-License-Identifier: MIT */
/*
 * The tree of names under any sequence of operations: the way to a node and its path agree, a
 * folder has each name once, and all memory is given back. The input is operations, each a letter
 * and one or two texts ended by zeros.
 */
#include <errno.h>
#include <lib/libc/fs_tree.h>
#include <tests/fuzz/fuzz.h>

struct input {
	const char *at;
	const char *end; /* a zero lies here */
};

static const char *text_of(struct input *input)
{
	const char *text = input->at;

	input->at += strlen(text);
	if (input->at < input->end)
		input->at++;
	return text;
}

static void check_place(struct fs_tree *tree, const struct fs_place *place)
{
	char path[FS_PATH_MAX];
	struct fs_place again;

	if (place->node == NULL) {
		FUZZ_CHECK(place->length > 0 && place->length <= FS_NAME_MAX);
		FUZZ_CHECK(place->dots ||
		           fs_child(place->parent, place->name, place->length) == NULL);
		return;
	}
	if (fs_path_of(tree, place->node, path, sizeof(path)) != 0)
		return; /* deeper than a path can say */
	FUZZ_CHECK(fs_walk(tree, &tree->root, path, &again) == 0 && again.node == place->node);
}

static void make(struct fs_tree *tree, const struct fs_place *place, uint32_t mode)
{
	struct fs_node *node;

	if (place->node != NULL || place->dots)
		return;
	FUZZ_CHECK(fs_node_create(tree, place->parent, place->name, place->length, mode, &node) ==
	           0);
	FUZZ_CHECK(fs_child(place->parent, place->name, place->length) == node);
}

static void take(const struct fs_tree *tree, struct fs_node *start, const struct fs_place *place)
{
	if (place->node != NULL && place->node != &tree->root && place->node != start &&
	    place->node->first == NULL)
		fs_node_remove(place->node);
}

static void move(struct fs_tree *tree, struct fs_node *start, const struct fs_place *place,
                 const char *path)
{
	struct fs_place to;

	if (fs_walk(tree, start, path, &to) != 0 || to.node != NULL || to.dots ||
	    place->node == NULL || place->node == &tree->root)
		return;
	if (fs_node_move(place->node, to.parent, to.name, to.length) == 0)
		FUZZ_CHECK(fs_child(to.parent, to.name, to.length) == place->node);
}

static void check_folder(const struct fs_node *folder)
{
	uint64_t cookie = FS_COOKIE_FIRST;

	for (const struct fs_node *node = folder->first; node != NULL; node = node->next) {
		FUZZ_CHECK(node->parent == folder && node->cookie >= cookie);
		FUZZ_CHECK(fs_child(folder, node->name, strlen(node->name)) == node);
		cookie = node->cookie + 1;
	}
}

static void free_all(struct fs_tree *tree)
{
	while (tree->root.first != NULL) {
		struct fs_node *node = tree->root.first;

		while (node->first != NULL)
			node = node->first;
		fs_node_remove(node);
	}
}

static struct fs_node *step(struct fs_tree *tree, struct fs_node *start, struct input *input)
{
	char operation = *input->at++;
	const char *path = text_of(input);
	struct fs_place place;

	if (fs_walk(tree, start, path, &place) != 0)
		return start;
	check_place(tree, &place);
	if (operation == 'd')
		make(tree, &place, S_IFDIR | 0755);
	else if (operation == 'f')
		make(tree, &place, S_IFREG | 0644);
	else if (operation == 'r')
		take(tree, start, &place);
	else if (operation == 'm')
		move(tree, start, &place, text_of(input));
	else if (operation == 'c' && place.node != NULL && fs_is_folder(place.node))
		start = place.node;
	check_folder(place.parent);
	return start;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes = malloc(size + 1);
	struct input input = {bytes, bytes + size};
	struct fs_node *start;
	struct fs_tree tree;

	if (bytes == NULL)
		return 0;
	if (size > 0)
		memcpy(bytes, data, size);
	bytes[size] = '\0';
	fs_tree_init(&tree, S_IFDIR | 0755);
	start = &tree.root;
	while (input.at < input.end)
		start = step(&tree, start, &input);
	free_all(&tree);
	free(bytes);
	return 0;
}
