/* SPDX-License-Identifier: MIT */
/* The manifest: which tasks to start and what each is given (docs/manifest.md). Hardware-free. */
#ifndef INIT_MANIFEST_H
#define INIT_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cordon/task.h>

#include "selector.h"

#define MANIFEST_BYTES_MAX  16384 /* of text */
#define MANIFEST_TASKS_MAX  32
#define MANIFEST_GROUPS_MAX 8  /* groups of a task */
#define MANIFEST_NAMES_MAX  8  /* services that a task publishes, and that it connects to */
#define MANIFEST_WORDS_MAX  32 /* arguments of a task, and its environment strings */

#define MANIFEST_NAME_MAX     25 /* of a service, with the zero byte */
#define MANIFEST_SERVICES_MAX 32 /* in all */

/* How a task that fails is started again. */
#define MANIFEST_RESTART_TRIES    5   /* unless the line says otherwise */
#define MANIFEST_RESTART_DELAY_MS 100 /* before the first time; doubles each time */

struct manifest_group {
	struct device_selector selector;
	const char *text; /* the selector as written */
	bool trusted;     /* reset=trusted */
	bool all;         /* not one device: every group that can be had */
};

struct manifest_task {
	const char *name;
	const char *path; /* of the program, in the initramfs */
	unsigned int line;
	unsigned int group_count;
	struct manifest_group groups[MANIFEST_GROUPS_MAX];
	unsigned int arg_count; /* without the path, which is argument 0 */
	const char *args[MANIFEST_WORDS_MAX];
	unsigned int env_count;
	const char *env[MANIFEST_WORDS_MAX]; /* KEY=VALUE */
	struct cordon_budget budget;         /* zero: not named */
	unsigned int publish_count;
	const char *publish[MANIFEST_NAMES_MAX];
	unsigned int connect_count;
	const char *connect[MANIFEST_NAMES_MAX];
	unsigned int connect_line;
	bool restart; /* started again when it fails */
	uint64_t restart_tries;
	uint64_t restart_delay_ms;
	bool inspect;   /* a handle "inspect": the authority with INSPECT only */
	bool initramfs; /* a handle "initramfs", read-only */
	bool input;     /* may read the console */
	bool wait;      /* the next task starts when this one has ended */
	bool optional;  /* not started, and no failure, when its devices are absent */
	bool manual;    /* started by hand only */
	bool trace;     /* its system calls go to the log */
};

struct manifest {
	unsigned int task_count;
	struct manifest_task tasks[MANIFEST_TASKS_MAX];
	unsigned int service_count;        /* names that are published, in all */
	unsigned int error_line;           /* of the first error, from 1 */
	char error[96];                    /* why, in words */
	char text[MANIFEST_BYTES_MAX + 1]; /* what the names above point into */
};

/* Reads a whole manifest. -EINVAL: malformed, error_line and error tell where and why, and
 * no task of it may be started. bytes need not be zero-terminated. */
int manifest_parse(struct manifest *manifest, const void *bytes, size_t size);

/* The task of that name, or null. */
const struct manifest_task *manifest_find(const struct manifest *manifest, const char *name);

#endif
