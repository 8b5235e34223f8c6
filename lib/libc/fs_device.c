/* SPDX-License-Identifier: MIT */
/* The files of /dev that programs take for granted. They are no devices: those are handles. */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "fs.h"

#define FOLDER_MODE (S_IFDIR | 0555)
#define DEVICE_MODE (S_IFCHR | 0666)

static ssize_t null_read(struct description *d, void *bytes, size_t size)
{
	(void)d;
	(void)bytes;
	(void)size;
	return 0;
}

static ssize_t zero_read(struct description *d, void *bytes, size_t size)
{
	(void)d;
	memset(bytes, 0, size);
	return (ssize_t)size;
}

static ssize_t random_read(struct description *d, void *bytes, size_t size)
{
	ssize_t got = getrandom(bytes, size, 0);

	(void)d;
	return got < 0 ? -errno : got;
}

static ssize_t any_write(struct description *d, const void *bytes, size_t size)
{
	(void)d;
	(void)bytes;
	return (ssize_t)size;
}

#define DEVICE(reader)                                                      \
	{                                                                   \
		.read = (reader), .write = any_write, .stat = fs_open_stat, \
		.release = fs_open_release                                  \
	}

static const struct fd_ops null_ops = DEVICE(null_read);
static const struct fd_ops zero_ops = DEVICE(zero_read);
static const struct fd_ops random_ops = DEVICE(random_read);

static int device_make(struct fs_tree *tree, struct fs_node *folder, const char *name,
                       const struct fd_ops *ops)
{
	struct fs_node *node;
	int err;

	if (fs_child(folder, name, strlen(name)) != NULL)
		return 0; /* the archive has something of that name */
	err = fs_node_create(tree, folder, name, strlen(name), DEVICE_MODE, &node);
	if (err == 0)
		node->device = ops;
	return err;
}

int fs_devices_make(struct fs_tree *tree)
{
	struct fs_node *folder = fs_child(&tree->root, "dev", 3);
	int err = 0;

	if (folder == NULL)
		err = fs_node_create(tree, &tree->root, "dev", 3, FOLDER_MODE, &folder);
	if (err != 0 || !fs_is_folder(folder))
		return err;
	err = device_make(tree, folder, "null", &null_ops);
	if (err == 0)
		err = device_make(tree, folder, "zero", &zero_ops);
	if (err == 0)
		err = device_make(tree, folder, "random", &random_ops);
	if (err == 0)
		err = device_make(tree, folder, "urandom", &random_ops);
	return err;
}
