/* SPDX-License-Identifier: MIT */
/* What the parts of init share: the handles it holds and the tasks it started. */
#ifndef INIT_INIT_H
#define INIT_INIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cordon/rt.h>
#include <cordon/service.h>

#include "manifest.h"

#define RUNNING_MAX 31 /* each with its channel for services, and the console, in one wait */

/* A task that init started and whose end it has not yet seen. */
struct running {
	bool used;
	bool ending;                       /* init itself ended it: no failure */
	bool ok;                           /* after its end: whether it succeeded */
	cordon_handle_t handle;            /* NONE: it waits to be started again */
	cordon_handle_t services;          /* where it asks for services, or NONE */
	const struct manifest_task *entry; /* NULL: not of the manifest */
	unsigned int restarts;             /* how often it was started again */
	uint64_t restart_at;               /* monotonic ns */
	char name[CORDON_NAME_MAX];
};

/* A name that the manifest publishes. */
struct service {
	const char *name;
	const struct manifest_task *publisher;
	cordon_handle_t forward; /* init sends here */
	cordon_handle_t accept;  /* the publisher receives here; it gets a duplicate */
};

struct init {
	cordon_handle_t authority;
	cordon_handle_t initramfs;
	const void *archive; /* the initramfs, mapped */
	uint64_t archive_size;
	bool iommu_usable;
	bool prompting;             /* the cursor stands behind a prompt: reports begin a line */
	unsigned int failures;      /* tasks that were refused or did not succeed */
	struct cordon_budget share; /* of what the manifest does not name (budget.h) */
	struct running running[RUNNING_MAX];
	unsigned int service_count;
	struct service services[MANIFEST_SERVICES_MAX];
	bool started[MANIFEST_TASKS_MAX]; /* tasks of the manifest whose turn has come */
	struct manifest manifest;
};

/* --- records.c: the system's tables ------------------------------------------------------ */

/* Reads the index-th record of a topic into out (size bytes, the record's). False: there is
 * none; an error other than the end of the list is reported. */
bool records_get(const struct init *init, enum cordon_system_topic topic, uint32_t index, void *out,
                 size_t size);

/* The first device, in the order of the list, that a selector means. */
bool records_find_device(const struct init *init, const struct device_selector *selector,
                         struct cordon_device_desc *out);

/* A group by its number. */
bool records_find_group(const struct init *init, uint32_t number, struct cordon_group_desc *out);

/* --- spawn.c: starting tasks ------------------------------------------------------------- */

struct launch {
	const char *name;
	const char *path;
	unsigned int arg_count; /* without argument 0, which is the path */
	const char *const *args;
	const struct manifest_task *entry; /* what else it gets; null: only the console */
	cordon_handle_t services;          /* its end to ask for services, or NONE */
	bool everything; /* the authority with all rights, the initramfs, the console's input */
};

/* What init may still use. */
struct cordon_budget own_budget_left(void);

/*
 * Starts a task; the handle is the caller's. All failures are printed. -ENODEV: a device is
 * not there, or no usable IOMMU; others as the system calls return them.
 */
int spawn_task(struct init *init, const struct launch *launch, cordon_handle_t *out);

/* --- entries.c: tasks of the manifest ---------------------------------------------------- */

/* Starts a task of the manifest, with other arguments when arg_count is not 0. NULL: not started,
 * *err as spawn_task. */
struct running *start_entry(struct init *init, const struct manifest_task *entry,
                            unsigned int arg_count, const char *const *args, int *err);

/* Whether a task that failed is started again; notes when, and says so. */
bool restart_plan(struct running *task);

/* Starts those again whose time has come. */
void restart_due(struct init *init);

/* When the next one is to be started again; CORDON_TIME_FOREVER: none. */
uint64_t restart_next(const struct init *init);

/* --- services.c: how tasks find each other ------------------------------------------------ */

/* Makes a channel for each name that the manifest publishes. */
int services_open(struct init *init);

/* The end that the publisher of a name is given. */
cordon_handle_t services_accept_end(struct init *init, const char *name);

/* Answers what a task asked for. */
void services_serve(struct init *init, struct running *client);

/* --- running.c: tasks that run ----------------------------------------------------------- */

/* Takes the handle of a started task; null when the table is full (the handle is closed and
 * the task killed). */
struct running *running_add(struct init *init, const char *name, cordon_handle_t handle);

struct running *running_find(struct init *init, const char *name);
bool running_full(const struct init *init);

/* Waits until a task ends (reports it, counts failures) or, with `console`, a byte was typed
 * (returns true), or the deadline passes. */
bool running_wait_any(struct init *init, bool console, uint64_t deadline);

/* Waits for the end of one task; with `console`, ctrl-C kills it. Returns whether it
 * succeeded. */
bool running_wait(struct init *init, struct running *task, bool console);

/* Ends every task and waits, at most a few seconds, until their devices are quiet. */
void running_end_all(struct init *init);

/* --- report.c: tables for people --------------------------------------------------------- */

/* Prints the IOMMUs and sets init->iommu_usable. */
void report_iommu(struct init *init);
void report_groups(const struct init *init);
void report_devices(const struct init *init);
void report_tasks(const struct init *init);
void report_mappings(const struct init *init);
void report_faults(const struct init *init);
void report_counters(const struct init *init);

/* --- prompt.c ---------------------------------------------------------------------------- */

/* Obeys what is typed until "poweroff". */
void prompt_run(struct init *init);

#endif
