/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <lib/libc/fs_tree.h>

void fs_tree_init(struct fs_tree *tree, uint32_t mode)
{
	*tree = (struct fs_tree){
	        .root = {.mode = mode, .number = 1, .cookies = FS_COOKIE_FIRST, .references = 1},
	        .numbers = 1,
	};
	tree->root.parent = &tree->root;
}

/* --- nodes --- */

static bool name_is(const struct fs_node *node, const char *name, size_t length)
{
	return strncmp(node->name, name, length) == 0 && node->name[length] == '\0';
}

struct fs_node *fs_child(const struct fs_node *folder, const char *name, size_t length)
{
	struct fs_node *node = folder->first;

	while (node != NULL && !name_is(node, name, length))
		node = node->next;
	return node;
}

struct fs_node *fs_child_from(const struct fs_node *folder, uint64_t cookie)
{
	struct fs_node *node = folder->first;

	while (node != NULL && node->cookie < cookie)
		node = node->next;
	return node;
}

static void folder_append(struct fs_node *folder, struct fs_node *node)
{
	node->parent = folder;
	node->cookie = folder->cookies++;
	node->next = NULL;
	if (folder->last != NULL)
		folder->last->next = node;
	else
		folder->first = node;
	folder->last = node;
}

static void folder_take_out(struct fs_node *node)
{
	struct fs_node *folder = node->parent;
	struct fs_node *before = NULL;

	for (struct fs_node *at = folder->first; at != node; at = at->next)
		before = at;
	if (before != NULL)
		before->next = node->next;
	else
		folder->first = node->next;
	if (folder->last == node)
		folder->last = before;
	node->parent = NULL;
}

static void node_free(struct fs_node *node)
{
	fs_data_free(&node->data);
	free(node->name);
	free(node);
}

int fs_node_create(struct fs_tree *tree, struct fs_node *folder, const char *name, size_t length,
                   uint32_t mode, struct fs_node **out)
{
	struct fs_node *node = calloc(1, sizeof(*node));

	if (node == NULL)
		return -ENOMEM;
	node->name = strndup(name, length);
	if (node->name == NULL) {
		free(node);
		return -ENOMEM;
	}
	node->mode = mode;
	node->fixed = folder->fixed;
	node->number = ++tree->numbers;
	node->cookies = FS_COOKIE_FIRST;
	folder_append(folder, node);
	*out = node;
	return 0;
}

void fs_node_remove(struct fs_node *node)
{
	folder_take_out(node);
	if (node->references == 0)
		node_free(node);
}

void fs_node_ref(struct fs_node *node)
{
	node->references++;
}

void fs_node_unref(struct fs_node *node)
{
	node->references--;
	if (node->references == 0 && node->parent == NULL)
		node_free(node);
}

/* Whether node is folder, or lies above it. */
static bool is_above(const struct fs_node *node, const struct fs_node *folder)
{
	while (folder != node && folder->parent != folder)
		folder = folder->parent;
	return folder == node;
}

int fs_node_move(struct fs_node *node, struct fs_node *folder, const char *name, size_t length)
{
	char *copy;

	if (is_above(node, folder))
		return -EINVAL;
	copy = strndup(name, length);
	if (copy == NULL)
		return -ENOMEM;
	free(node->name);
	node->name = copy;
	folder_take_out(node);
	folder_append(folder, node);
	return 0;
}

/* --- paths --- */

static bool is_dot(const char *name, size_t length)
{
	return length == 1 && name[0] == '.';
}

static bool is_dots(const char *name, size_t length)
{
	return length == 2 && name[0] == '.' && name[1] == '.';
}

/* One name from a folder on: fills the place but not its end. */
static void step(struct fs_node *folder, const char *name, size_t length, struct fs_place *out)
{
	out->parent = folder;
	out->name = name;
	out->length = length;
	out->dots = true;
	if (is_dot(name, length)) {
		out->node = folder;
	} else if (is_dots(name, length)) {
		out->node = folder->parent;
	} else {
		out->dots = false;
		out->node = fs_child(folder, name, length);
	}
}

int fs_walk(struct fs_tree *tree, struct fs_node *start, const char *path, struct fs_place *out)
{
	struct fs_node *at = path[0] == '/' ? &tree->root : start;

	if (path[0] == '\0' || at->parent == NULL)
		return -ENOENT;
	if (strnlen(path, FS_PATH_MAX) == FS_PATH_MAX)
		return -ENAMETOOLONG;
	*out = (struct fs_place){.node = at, .parent = at, .name = path, .dots = true};
	for (path += strspn(path, "/"); *path != '\0'; path += strspn(path, "/")) {
		size_t length = strcspn(path, "/");

		if (out->node == NULL)
			return -ENOENT;
		if (!fs_is_folder(out->node))
			return -ENOTDIR;
		if (length > FS_NAME_MAX)
			return -ENAMETOOLONG;
		step(out->node, path, length, out);
		path += length;
		out->folder = *path == '/';
	}
	if (out->folder && out->node != NULL && !fs_is_folder(out->node))
		return -ENOTDIR;
	return 0;
}

int fs_path_of(const struct fs_tree *tree, const struct fs_node *node, char *out, size_t size)
{
	char path[FS_PATH_MAX];
	size_t at = sizeof(path) - 1;

	path[at] = '\0';
	if (node == &tree->root)
		path[--at] = '/';
	for (; node != &tree->root; node = node->parent) {
		size_t length;

		if (node == NULL)
			return -ENOENT;
		length = node->parent != NULL ? strlen(node->name) : 0;
		if (length + 1 > at)
			return -ERANGE;
		at -= length + 1;
		path[at] = '/';
		memcpy(path + at + 1, node->name, length);
	}
	if (sizeof(path) - at > size)
		return -ERANGE;
	memcpy(out, path + at, sizeof(path) - at);
	return 0;
}
