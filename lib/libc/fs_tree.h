/* SPDX-License-Identifier: MIT */
/* The tree of names: folders and files in memory, and the way from a path to one of them. Knows no
 * handle and no descriptor; the caller locks. */
#ifndef CORDON_LIBC_FS_TREE_H
#define CORDON_LIBC_FS_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <lib/libc/fs_data.h>

#define FS_NAME_MAX 255u  /* bytes of a name */
#define FS_PATH_MAX 1024u /* bytes of a path, with the zero at its end */

struct fs_node {
	struct fs_node *parent; /* the root's is the root; NULL: removed */
	struct fs_node *first;  /* child; children are in the order of their cookies */
	struct fs_node *last;
	struct fs_node *next; /* sibling */
	char *name;
	uint32_t references; /* beside its place in the tree: open files, working directory */
	uint32_t mode;       /* as st_mode */
	uint64_t number;     /* as st_ino */
	uint64_t cookie;     /* its place in listings of the parent; never used twice there */
	uint64_t cookies;    /* a folder's: the next one */
	int64_t time;        /* of the last change, in nanoseconds since 1970 */
	bool fixed;          /* cannot be changed; a folder: nor what is in it */
	const void *device;  /* what opening it gives in place of contents; NULL: the contents */
	struct fs_data data;
};

struct fs_tree {
	struct fs_node root;
	uint64_t numbers; /* given out */
};

#define FS_COOKIE_FIRST 2u /* listings begin with "." and ".." */

/* An empty tree whose root has this mode. */
void fs_tree_init(struct fs_tree *tree, uint32_t mode);

static inline bool fs_is_folder(const struct fs_node *node)
{
	return S_ISDIR(node->mode);
}

/* The child of that name, or NULL. */
struct fs_node *fs_child(const struct fs_node *folder, const char *name, size_t length);

/* The first child whose cookie is not below the given one, or NULL. */
struct fs_node *fs_child_from(const struct fs_node *folder, uint64_t cookie);

/* A new node, last in its folder, which must not have the name yet; as fixed as the folder.
 * -ENOMEM. */
int fs_node_create(struct fs_tree *tree, struct fs_node *folder, const char *name, size_t length,
                   uint32_t mode, struct fs_node **out);

/* Takes a node without children out of the tree. It goes when its last reference does. */
void fs_node_remove(struct fs_node *node);

void fs_node_ref(struct fs_node *node);
void fs_node_unref(struct fs_node *node);

/* Gives a node another place and name, which must be free. -EINVAL: into itself or below;
 * -ENOMEM. */
int fs_node_move(struct fs_node *node, struct fs_node *folder, const char *name, size_t length);

/* Where a path leads. */
struct fs_place {
	struct fs_node *node;   /* NULL: the last name does not exist */
	struct fs_node *parent; /* of the last name */
	const char *name;       /* the last name, within the path; not ended by a zero */
	size_t length;
	bool folder; /* the path ends in "/": it can only name a folder */
	bool dots;   /* the last name is "." or "..", or there is none ("/") */
};

/*
 * Follows a path from start, or from the root if it begins with "/". Only the last name may be
 * missing. -ENOENT: empty path, another name is missing, or start was removed; -ENOTDIR: a name
 * before the last is no folder, or the last with "/" behind it; -ENAMETOOLONG.
 */
int fs_walk(struct fs_tree *tree, struct fs_node *start, const char *path, struct fs_place *out);

/* Writes the path of a node from the root. -ERANGE: size is too small; -ENOENT: it was removed. */
int fs_path_of(const struct fs_tree *tree, const struct fs_node *node, char *out, size_t size);

#endif
