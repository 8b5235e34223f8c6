/* SPDX-License-Identifier: MIT */
/* Folders as sorted lists. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 16u

struct list {
	struct dirent **entries;
	size_t count;
	size_t room;
};

static void list_free(struct list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->entries[i]);
	free(list->entries);
}

static int list_add(struct list *list, const struct dirent *entry)
{
	struct dirent *copy;

	if (list->count == list->room) {
		size_t room = list->room > 0 ? 2 * list->room : FIRST_ROOM;
		struct dirent **grown = realloc(list->entries, room * sizeof(struct dirent *));

		if (grown == NULL)
			return -ENOMEM;
		list->entries = grown;
		list->room = room;
	}
	copy = malloc(sizeof(*copy));
	if (copy == NULL)
		return -ENOMEM;
	*copy = *entry;
	list->entries[list->count++] = copy;
	return 0;
}

typedef int compare(const void *, const void *);

int scandir(const char *path, struct dirent ***out, int (*select)(const struct dirent *),
            int (*order)(const struct dirent **, const struct dirent **))
{
	const struct dirent *entry;
	struct list list = {0};
	DIR *directory = opendir(path);
	int err = 0;

	if (directory == NULL)
		return -1;
	while (err == 0 && (entry = readdir(directory)) != NULL)
		if (select == NULL || select(entry))
			err = list_add(&list, entry);
	closedir(directory);
	if (err != 0) {
		list_free(&list);
		errno = -err;
		return -1;
	}
	if (order != NULL && list.count > 0)
		qsort(list.entries, list.count, sizeof(struct dirent *), (compare *)(void *)order);
	*out = list.entries;
	return (int)list.count;
}

int alphasort(const struct dirent **a, const struct dirent **b)
{
	return strcoll((*a)->d_name, (*b)->d_name);
}
