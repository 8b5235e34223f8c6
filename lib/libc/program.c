/* SPDX-License-Identifier: MIT */
/* Starting a program of the image: task_spawn with a path and strings. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cordon/program.h>

#include "fs.h"

#define STREAMS 3

static const char *const stream_names[STREAMS] = {"stdin", "stdout", "stderr"};

/* Where the file lies in the memory object "initramfs". */
static int find_image(const char *path, struct cordon_spawn *args)
{
	struct fs_node *node;
	struct fs *fs;
	int err = fs_enter(&fs);

	if (err != 0)
		return err;
	err = fs_get_locked(fs, AT_FDCWD, path, &node);
	if (err == 0 && (!S_ISREG(node->mode) || !(node->mode & 0111)))
		err = -EACCES;
	else if (err == 0 && node->data.constant == NULL)
		err = -ENOEXEC;
	if (err == 0) {
		args->image = cordon_handle_named("initramfs");
		args->image_offset = (uint64_t)(node->data.constant - fs->archive);
		args->image_size = node->data.size;
	}
	fs_leave(fs);
	return err;
}

/* Puts strings one after the other, each with its zero byte. *out: the caller's to free. */
static int join(char *const strings[], uint64_t *out, uint32_t *bytes)
{
	size_t size = 0;
	char *at;

	for (size_t i = 0; strings[i] != NULL; i++) {
		size += strlen(strings[i]) + 1;
		if (i == CORDON_SPAWN_ARGC_MAX || size > CORDON_SPAWN_ARG_MAX)
			return -E2BIG;
	}
	at = malloc(size + 1);
	if (at == NULL)
		return -ENOMEM;
	*out = (uint64_t)(uintptr_t)at;
	*bytes = (uint32_t)size;
	for (size_t i = 0; strings[i] != NULL; i++)
		at = stpcpy(at, strings[i]) + 1;
	return 0;
}

static int is_given(const struct cordon_spawn_handle *handles, unsigned int count, const char *name)
{
	for (unsigned int i = 0; i < count; i++)
		if (strncmp(handles[i].name, name, sizeof(handles[i].name)) == 0)
			return 1;
	return 0;
}

/* all: room for CORDON_SPAWN_HANDLES. */
static int list_handles(struct cordon_spawn_handle *all, const struct cordon_spawn_handle *handles,
                        unsigned int count, struct cordon_spawn *args)
{
	uint32_t total = 0;

	if (count > CORDON_SPAWN_HANDLES - STREAMS)
		return -E2BIG;
	for (int stream = 0; stream < STREAMS; stream++) {
		if (is_given(handles, count, stream_names[stream]))
			continue;
		all[total] = (struct cordon_spawn_handle){.handle = cordon_fd_handle(stream)};
		strlcpy(all[total++].name, stream_names[stream], sizeof(all[0].name));
	}
	if (count > 0)
		memcpy(&all[total], handles, count * sizeof(*handles));
	args->handles = (uint64_t)(uintptr_t)all;
	args->handle_count = total + count;
	return 0;
}

static void name_after(const char *path, char name[CORDON_NAME_MAX])
{
	const char *slash = strrchr(path, '/');

	strlcpy(name, slash != NULL ? slash + 1 : path, CORDON_NAME_MAX);
}

int cordon_program_start(const char *path, char *const argv[],
                         const struct cordon_spawn_handle *handles, unsigned int count,
                         const struct cordon_budget *budget, cordon_handle_t *task)
{
	struct cordon_spawn_handle all[CORDON_SPAWN_HANDLES];
	char *const path_alone[] = {(char *)path, NULL};
	struct cordon_spawn args = {0};
	int err = find_image(path, &args);

	if (err != 0)
		return err;
	name_after(path, args.name);
	if (budget != NULL)
		args.budget = *budget;
	err = join(argv != NULL ? argv : path_alone, &args.argv, &args.argv_bytes);
	if (err == 0)
		err = join(environ, &args.envp, &args.envp_bytes);
	if (err == 0 && args.argv_bytes + args.envp_bytes > CORDON_SPAWN_ARG_MAX)
		err = -E2BIG;
	if (err == 0)
		err = list_handles(all, handles, count, &args);
	if (err == 0)
		err = (int)cordon_task_spawn(&args, task);
	free((void *)(uintptr_t)args.argv);
	free((void *)(uintptr_t)args.envp);
	return err;
}
