/* SPDX-License-Identifier: MIT */
/*
 * The first task. The kernel starts it with the device authority and the initramfs; it shows
 * what the machine can isolate, starts the tasks of the manifest with the groups that each
 * is given, and switches the machine off when they have ended.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lib/cpio/cpio.h>

#include "budget.h"
#include "init.h"
#include "options.h"

#define CMDLINE_BYTES_MAX OPTIONS_BYTES_MAX

static struct init init_state;
static struct options options;

static void problem(const char *word, const char *reason)
{
	printf("init: option %s ignored: %s\n", word, reason);
}

static void read_options(const struct init *init)
{
	static char cmdline[CMDLINE_BYTES_MAX];
	int64_t err = cordon_system_cmdline(init->authority, cmdline, sizeof(cmdline));

	if (err < 0) {
		printf("init: no command line: %s\n", cordon_strerror(err));
		cmdline[0] = '\0';
	}
	options_parse(&options, cmdline, problem);
}

/* Finds the handles that init lives by and maps the initramfs. */
static int take_handles(struct init *init)
{
	struct cordon_memory_map map = {.prot = CORDON_PROT_READ};
	struct cordon_memory_info info;
	int64_t err;

	init->authority = cordon_handle_named("authority");
	init->initramfs = cordon_handle_named("initramfs");
	if (init->authority == CORDON_HANDLE_NONE || init->initramfs == CORDON_HANDLE_NONE) {
		printf("init: started without authority or initramfs\n");
		return -EPERM;
	}
	err = cordon_memory_info(init->initramfs, &info);
	if (err == 0) {
		map.size = info.size;
		err = cordon_memory_map(init->initramfs, &map);
	}
	if (err != 0) {
		printf("init: cannot read the initramfs: %s\n", cordon_strerror(err));
		return (int)err;
	}
	init->archive = (const void *)(uintptr_t)map.address;
	init->archive_size = info.size;
	return 0;
}

/* Runs the one program that init.run names, with everything init has. */
static bool run_one(struct init *init)
{
	const char *slash = strrchr(options.run[0], '/');
	struct launch launch = {
	        .name = slash + 1,
	        .path = options.run[0],
	        .arg_count = options.run_count - 1,
	        .args = options.run + 1,
	        .services = CORDON_HANDLE_NONE,
	        .everything = true,
	};
	struct running *task;
	cordon_handle_t handle;

	if (spawn_task(init, &launch, &handle) != 0)
		return false;
	task = running_add(init, launch.name, handle);
	return task != NULL && running_wait(init, task, false);
}

/* A sixteenth stays here, for init and for what is run at the prompt. */
static void divide_budget(struct init *init)
{
	struct cordon_budget left = own_budget_left();
	struct cordon_budget kept = budget_part(&left, 16);

	left = budget_less(&left, &kept);
	init->share = budget_share(&init->manifest, &left);
}

static bool read_manifest(struct init *init)
{
	struct cordon_cpio_entry file;
	int err;

	err = cordon_cpio_find(init->archive, init->archive_size, options.manifest, &file);
	if (err != 0) {
		printf("init: no manifest %s\n", options.manifest);
		return false;
	}
	if (manifest_parse(&init->manifest, file.data, file.size) != 0) {
		printf("init: %s:%u: %s; nothing is started\n", options.manifest,
		       init->manifest.error_line, init->manifest.error);
		return false;
	}
	if (services_open(init) != 0)
		return false;
	divide_budget(init);
	return true;
}

static void run_manifest(struct init *init)
{
	for (unsigned int i = 0; i < init->manifest.task_count; i++)
		init->started[i] = init->manifest.tasks[i].manual;
	for (unsigned int i = 0; i < init->manifest.task_count; i++) {
		const struct manifest_task *entry = &init->manifest.tasks[i];
		struct running *task;
		int err;

		if (entry->manual)
			continue;
		task = start_entry(init, entry, 0, NULL, &err);
		if (task != NULL && entry->wait)
			running_wait(init, task, options.prompt && !entry->input);
		else if (task == NULL && !(entry->optional && err == -ENODEV))
			init->failures++;
	}
}

/* Everything there is to run. False: something failed. */
static bool run_all(struct init *init)
{
	bool ok;

	read_options(init);
	report_iommu(init);
	if (options.run_count > 0)
		return run_one(init);
	report_groups(init);
	ok = read_manifest(init);
	if (ok)
		run_manifest(init);
	if (options.prompt)
		prompt_run(init);
	running_end_all(init);
	return ok && init->failures == 0;
}

int main(void)
{
	struct init *init = &init_state;
	bool ok;

	printf("\nCordon: PCI devices for isolated tasks\n");
	ok = take_handles(init) == 0 && run_all(init);
	fflush(stdout);
	cordon_system_poweroff(init->authority, ok ? 0 : 1);
	return EXIT_FAILURE; /* reached without authority only: the kernel says the rest */
}
