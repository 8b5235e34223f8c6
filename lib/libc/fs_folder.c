/* SPDX-License-Identifier: MIT */
/* Reading folders. A position is a cookie, so entries may come and go meanwhile. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs.h"

struct cordon_directory {
	int fd;
	uint64_t next; /* cookie of the next entry; 0: ".", 1: ".." */
	struct dirent entry;
};

/* The folder of a descriptor with a reference to the description. */
static int folder_get(int fd, struct description **d, struct fs_node **folder)
{
	*d = fd_get(fd);
	if (*d == NULL)
		return -EBADF;
	*folder = fs_folder_of(*d);
	if (*folder != NULL)
		return 0;
	description_put(*d);
	return -ENOTDIR;
}

DIR *fdopendir(int fd)
{
	struct fs_node *folder;
	struct description *d;
	DIR *directory = NULL;
	int err = folder_get(fd, &d, &folder);

	if (err == 0) {
		description_put(d);
		directory = calloc(1, sizeof(*directory));
		err = directory != NULL ? 0 : -ENOMEM;
	}
	if (err != 0)
		errno = -err;
	else
		directory->fd = fd;
	return directory;
}

DIR *opendir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory;

	if (fd < 0)
		return NULL;
	directory = fdopendir(fd);
	if (directory == NULL) {
		close(fd);
		errno = ENOMEM;
	}
	return directory;
}

int closedir(DIR *directory)
{
	int fd = directory->fd;

	free(directory);
	return close(fd);
}

int dirfd(DIR *directory)
{
	return directory->fd;
}

static void entry_fill(struct dirent *entry, const struct fs_node *node, const char *name)
{
	entry->d_ino = node->number;
	entry->d_reclen = sizeof(*entry);
	entry->d_type = fs_is_folder(node) ? DT_DIR : DT_REG;
	if (node->device != NULL)
		entry->d_type = DT_UNKNOWN;
	entry->d_namlen = (unsigned char)strlen(name);
	strlcpy(entry->d_name, name, sizeof(entry->d_name));
}

/* 1: filled; 0: there is no more. */
static int next_locked(DIR *directory, struct fs_node *folder)
{
	const struct fs_node *node = folder;
	const char *name = ".";

	if (folder->parent == NULL)
		return 0; /* it was removed */
	if (directory->next == 1) {
		node = folder->parent;
		name = "..";
	} else if (directory->next >= FS_COOKIE_FIRST) {
		node = fs_child_from(folder, directory->next);
		if (node == NULL)
			return 0;
		name = node->name;
		directory->next = node->cookie;
	}
	entry_fill(&directory->entry, node, name);
	directory->next++;
	return 1;
}

struct dirent *readdir(DIR *directory)
{
	struct fs_node *folder;
	struct description *d;
	struct fs *fs;
	int more = folder_get(directory->fd, &d, &folder);

	if (more == 0) {
		more = fs_enter(&fs);
		if (more == 0) {
			more = next_locked(directory, folder);
			fs_leave(fs);
		}
		description_put(d);
	}
	if (more < 0)
		errno = -more;
	return more == 1 ? &directory->entry : NULL;
}

int readdir_r(DIR *restrict directory, struct dirent *restrict entry,
              struct dirent **restrict result)
{
	int before = errno;
	struct dirent *found;
	int err;

	errno = 0;
	found = readdir(directory);
	err = errno;
	errno = before;
	*result = NULL;
	if (found == NULL)
		return err;
	*entry = *found;
	*result = entry;
	return 0;
}

void rewinddir(DIR *directory)
{
	directory->next = 0;
}

long telldir(DIR *directory)
{
	return (long)directory->next;
}

void seekdir(DIR *directory, long position)
{
	directory->next = (uint64_t)position;
}
