/* SPDX-License-Identifier: MIT */
/*
 * Where the tree of names comes from: the first call that takes a path maps the archive, if the
 * task was given the handle "initramfs", and makes a node of each entry. Its bytes stay where they
 * are.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <lib/cpio/cpio.h>

#include "fs.h"

#define ROOT_MODE (S_IFDIR | 0755)
#define TMP_MODE  (S_IFDIR | S_ISVTX | 0777)
#define READ_ONLY (~(mode_t)0222)

#define NS_PER_S INT64_C(1000000000)

#define DEVICE_ARCHIVE 1 /* st_dev */
#define DEVICE_TMP     2

static struct fs the_fs;

/* --- setting up --- */

static int archive_map(const void **bytes, uint64_t *size)
{
	cordon_handle_t handle = cordon_handle_named("initramfs");
	struct cordon_memory_map map = {.prot = CORDON_PROT_READ};
	struct cordon_memory_info info;
	int64_t err;

	*size = 0;
	if (handle == CORDON_HANDLE_NONE)
		return 0;
	err = cordon_memory_info(handle, &info);
	if (err != 0)
		return (int)err;
	map.size = info.size;
	err = cordon_memory_map(handle, &map);
	*bytes = (const void *)(uintptr_t)map.address;
	*size = info.size;
	return (int)err;
}

/* The folders that a name of the archive implies. Returns the innermost. */
static int folders_make(struct fs_tree *tree, const char **name, struct fs_node **folder)
{
	const char *slash;
	int err = 0;

	*folder = &tree->root;
	for (; err == 0 && (slash = strchr(*name, '/')) != NULL; *name = slash + 1) {
		size_t length = (size_t)(slash - *name);
		struct fs_node *inner = fs_child(*folder, *name, length);

		if (inner == NULL)
			err = fs_node_create(tree, *folder, *name, length, ROOT_MODE & READ_ONLY,
			                     &inner);
		else if (!fs_is_folder(inner))
			err = -EIO;
		*folder = inner;
	}
	return err;
}

/* Of two entries with one name the first counts. */
static int entry_add(struct fs_tree *tree, const struct cordon_cpio_entry *entry)
{
	const char *name = entry->name;
	struct fs_node *folder;
	struct fs_node *node;
	int err = folders_make(tree, &name, &folder);

	if (err != 0 || name[0] == '\0' || strcmp(name, ".") == 0)
		return err;
	if (fs_child(folder, name, strlen(name)) != NULL)
		return 0;
	err = fs_node_create(tree, folder, name, strlen(name), entry->mode & READ_ONLY, &node);
	if (err != 0)
		return err;
	node->time = entry->mtime * NS_PER_S;
	node->data.constant = entry->data;
	node->data.size = fs_is_folder(node) ? 0 : entry->size;
	return 0;
}

static int archive_add(struct fs_tree *tree, const void *bytes, uint64_t size)
{
	struct cordon_cpio_entry entry;
	struct cordon_cpio cpio;
	int more;

	cordon_cpio_begin(&cpio, bytes, size);
	while ((more = cordon_cpio_next(&cpio, &entry)) == 1) {
		int err = entry_add(tree, &entry);

		if (err != 0)
			return err;
	}
	return more == 0 ? 0 : -EIO;
}

static int tmp_make(struct fs *fs)
{
	int err = 0;

	fs->tmp = fs_child(&fs->tree.root, "tmp", 3);
	if (fs->tmp == NULL)
		err = fs_node_create(&fs->tree, &fs->tree.root, "tmp", 3, TMP_MODE, &fs->tmp);
	if (err != 0)
		return err;
	fs->tmp->mode = TMP_MODE;
	fs->tmp->fixed = false;
	fs_touch(fs->tmp);
	return 0;
}

static int set_up(struct fs *fs)
{
	const void *bytes;
	uint64_t size;
	int err;

	fs_tree_init(&fs->tree, ROOT_MODE & READ_ONLY);
	fs->tree.root.fixed = true;
	fs->folder = &fs->tree.root;
	fs->mask = 022;
	err = archive_map(&bytes, &size);
	if (err == 0 && size > 0) {
		fs->archive = bytes;
		err = archive_add(&fs->tree, bytes, size);
	}
	if (err == 0)
		err = fs_devices_make(&fs->tree);
	if (err == 0)
		err = tmp_make(fs);
	return err;
}

int fs_enter(struct fs **out)
{
	struct fs *fs = &the_fs;
	int err = 0;

	lock_acquire(&fs->lock);
	if (!fs->ready) {
		err = set_up(fs);
		fs->ready = err == 0;
	}
	if (err != 0)
		lock_release(&fs->lock);
	*out = fs;
	return err;
}

void fs_leave(struct fs *fs)
{
	struct description *held[FS_HELD];
	unsigned int count = fs->held_count;

	memcpy(held, fs->held, sizeof(held));
	fs->held_count = 0;
	lock_release(&fs->lock);
	while (count > 0)
		description_put(held[--count]);
}

/* --- places --- */

static int start_of(struct fs *fs, int at, const char *path, struct fs_node **out)
{
	struct description *d;

	*out = fs->folder;
	if (at == AT_FDCWD || path[0] == '/')
		return 0;
	d = fd_get(at);
	if (d == NULL)
		return -EBADF;
	fs->held[fs->held_count++] = d;
	*out = fs_folder_of(d);
	return *out != NULL ? 0 : -ENOTDIR;
}

int fs_find_locked(struct fs *fs, int at, const char *path, struct fs_place *out)
{
	struct fs_node *start;
	int err = start_of(fs, at, path, &start);

	if (err == 0)
		err = fs_walk(&fs->tree, start, path, out);
	if (err == 0 && out->node == NULL && out->dots)
		err = -ENOENT;
	return err;
}

int fs_get_locked(struct fs *fs, int at, const char *path, struct fs_node **out)
{
	struct fs_place place;
	int err = fs_find_locked(fs, at, path, &place);

	if (err != 0)
		return err;
	*out = place.node;
	return place.node != NULL ? 0 : -ENOENT;
}

int fs_make_locked(struct fs *fs, const struct fs_place *place, mode_t mode, struct fs_node **out)
{
	int err;

	if (place->parent->fixed)
		return -EROFS;
	err = fs_node_create(&fs->tree, place->parent, place->name, place->length, mode & ~fs->mask,
	                     out);
	if (err != 0)
		return -ENOSPC;
	fs_touch(*out);
	(*out)->parent->time = (*out)->time;
	return 0;
}

int fs_may_remove_locked(const struct fs *fs, const struct fs_place *place)
{
	if (place->node == fs->tmp || place->node == &fs->tree.root)
		return -EBUSY;
	return place->parent->fixed ? -EROFS : 0;
}

void fs_touch(struct fs_node *node)
{
	uint64_t now = 0;

	(void)cordon_clock_get(CORDON_CLOCK_REALTIME, &now);
	node->time = (int64_t)now;
}

static nlink_t links_of(const struct fs_node *node)
{
	nlink_t links = node->parent != NULL;

	if (!fs_is_folder(node))
		return links;
	for (const struct fs_node *child = node->first; child != NULL; child = child->next)
		links += fs_is_folder(child);
	return links + 1;
}

void fs_stat_locked(const struct fs_node *node, struct stat *out)
{
	memset(out, 0, sizeof(*out));
	out->st_dev = node->fixed ? DEVICE_ARCHIVE : DEVICE_TMP;
	out->st_ino = node->number;
	out->st_mode = node->mode;
	out->st_nlink = links_of(node);
	out->st_size = (off_t)node->data.size;
	out->st_mtim.tv_sec = node->time / NS_PER_S;
	out->st_mtim.tv_nsec = node->time % NS_PER_S;
	out->st_atim = out->st_mtim;
	out->st_ctim = out->st_mtim;
	out->st_blksize = FS_BLOCK;
	out->st_blocks = (blkcnt_t)(node->data.used * (FS_BLOCK / S_BLKSIZE));
	if (node->data.constant != NULL)
		out->st_blocks = (blkcnt_t)((node->data.size + S_BLKSIZE - 1) / S_BLKSIZE);
}
