/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <lib/libc/fs_tree.h>

#define FOLDER (S_IFDIR | 0755)
#define PLAIN  (S_IFREG | 0644)

static struct fs_tree tree;

static struct fs_node *make(struct fs_node *folder, const char *name, uint32_t mode)
{
	struct fs_node *node;

	cr_assert_eq(fs_node_create(&tree, folder, name, strlen(name), mode, &node), 0);
	return node;
}

static struct fs_node *a, *b, *file;

/* /a/b/file */
static void tree_begin(void)
{
	fs_tree_init(&tree, FOLDER);
	a = make(&tree.root, "a", FOLDER);
	b = make(a, "b", FOLDER);
	file = make(b, "file", PLAIN);
}

/* Frees what is left, the innermost first. */
static void tree_end(void)
{
	while (tree.root.first != NULL) {
		struct fs_node *node = tree.root.first;

		while (node->first != NULL)
			node = node->first;
		fs_node_remove(node);
	}
}

TestSuite(fs_tree, .init = tree_begin, .fini = tree_end);

static struct fs_node *found(struct fs_node *start, const char *path)
{
	struct fs_place place;

	cr_assert_eq(fs_walk(&tree, start, path, &place), 0, "%s", path);
	return place.node;
}

static int error_of(const char *path)
{
	struct fs_place place;

	return fs_walk(&tree, &tree.root, path, &place);
}

Test(fs_tree, paths_lead_where_they_say)
{
	cr_assert_eq(found(a, "/"), &tree.root);
	cr_assert_eq(found(a, "//"), &tree.root);
	cr_assert_eq(found(&tree.root, "a/b/file"), file);
	cr_assert_eq(found(a, "b/file"), file);
	cr_assert_eq(found(b, "/a//b/./file"), file);
	cr_assert_eq(found(b, "../../a/b/"), b);
	cr_assert_eq(found(b, "../../../../a"), a, "above the root is the root");
	cr_assert_eq(found(b, ".."), a);
	cr_assert_eq(found(b, "."), b);
	cr_assert_null(found(b, "none"));
	cr_assert_null(found(b, "none/"), "a folder may be made with a slash");
	cr_assert_null(found(b, "fil"));
	cr_assert_null(found(b, "files"));
}

Test(fs_tree, paths_that_lead_nowhere_say_why)
{
	static char name[FS_NAME_MAX + 2], path[FS_PATH_MAX + 1];

	cr_assert_eq(error_of(""), -ENOENT);
	cr_assert_eq(error_of("none/file"), -ENOENT);
	cr_assert_eq(error_of("none/.."), -ENOENT);
	cr_assert_eq(error_of("a/b/file/"), -ENOTDIR);
	cr_assert_eq(error_of("a/b/file/x"), -ENOTDIR);
	cr_assert_eq(error_of("a/b/file/.."), -ENOTDIR);
	memset(name, 'n', FS_NAME_MAX + 1);
	cr_assert_eq(error_of(name), -ENAMETOOLONG);
	name[FS_NAME_MAX] = '\0';
	cr_assert_eq(error_of(name), 0);
	memset(path, '/', FS_PATH_MAX);
	cr_assert_eq(error_of(path), -ENAMETOOLONG);
	path[FS_PATH_MAX - 1] = '\0';
	cr_assert_eq(error_of(path), 0);
}

Test(fs_tree, the_place_of_a_missing_name_is_told)
{
	struct fs_place place;

	cr_assert_eq(fs_walk(&tree, b, "../new/", &place), 0);
	cr_assert_null(place.node);
	cr_assert_eq(place.parent, a);
	cr_assert(place.length == 3 && memcmp(place.name, "new", 3) == 0);
	cr_assert(place.folder && !place.dots);
	cr_assert_eq(fs_walk(&tree, b, "x/..", &place), -ENOENT);
	cr_assert_eq(fs_walk(&tree, b, "..", &place), 0);
	cr_assert(place.dots && !place.folder);
}

Test(fs_tree, every_node_has_a_path_and_the_path_leads_to_it)
{
	char path[FS_PATH_MAX];

	cr_assert_eq(fs_path_of(&tree, &tree.root, path, sizeof(path)), 0);
	cr_assert_str_eq(path, "/");
	cr_assert_eq(fs_path_of(&tree, file, path, sizeof(path)), 0);
	cr_assert_str_eq(path, "/a/b/file");
	cr_assert_eq(fs_path_of(&tree, file, path, 10), 0, "with the zero it has 10 bytes");
	cr_assert_eq(fs_path_of(&tree, file, path, 9), -ERANGE);
}

Test(fs_tree, a_removed_node_lives_with_its_references_but_has_no_path)
{
	char path[FS_PATH_MAX];
	struct fs_place place;

	fs_node_ref(file);
	fs_node_remove(file);
	cr_assert_null(found(b, "file"));
	fs_node_ref(b);
	fs_node_remove(b);
	cr_assert_eq(fs_path_of(&tree, b, path, sizeof(path)), -ENOENT);
	cr_assert_eq(fs_walk(&tree, b, "x", &place), -ENOENT);
	cr_assert_eq(found(b, "/a"), a, "but from the root there is a way");
	fs_node_unref(file);
	fs_node_unref(b);
}

Test(fs_tree, a_folder_does_not_move_into_itself)
{
	cr_assert_eq(fs_node_move(a, a, "x", 1), -EINVAL);
	cr_assert_eq(fs_node_move(a, b, "x", 1), -EINVAL);
	cr_assert_eq(fs_node_move(b, &tree.root, "c", 1), 0);
	cr_assert_eq(found(&tree.root, "c/file"), file);
	cr_assert_null(found(a, "b"));
	cr_assert_eq(fs_node_move(a, b, "a", 1), 0, "now it is below nothing of its own");
	cr_assert_eq(found(&tree.root, "c/a"), a);
}

Test(fs_tree, a_listing_gives_each_name_once_whatever_comes_and_goes)
{
	struct fs_node *folder = make(&tree.root, "list", FOLDER);
	bool seen[100] = {false};
	uint64_t cookie = FS_COOKIE_FIRST;
	struct fs_node *node;
	char name[16];

	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "%d", i);
		make(folder, name, PLAIN);
	}
	while ((node = fs_child_from(folder, cookie)) != NULL) {
		int number;

		cr_assert_eq(sscanf(node->name, "%d", &number), 1);
		cookie = node->cookie + 1;
		if (number >= 100)
			continue; /* made meanwhile */
		cr_assert_not(seen[number]);
		seen[number] = true;
		if (number % 3 == 0)
			fs_node_remove(node);
		if (number % 10 == 0) {
			snprintf(name, sizeof(name), "%d", 1000 + number);
			make(folder, name, PLAIN);
		}
	}
	for (int i = 0; i < 100; i++)
		cr_assert(seen[i]);
}
