/* SPDX-License-Identifier: MIT */
/*
 * Starting a task. First everything is found (program, devices, groups), then opened; what
 * was opened is closed again when the task did not start.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <lib/cpio/cpio.h>

#include "budget.h"
#include "describe.h"
#include "init.h"

/* No READ and no WAIT: what is typed stays with init. */
#define CONSOLE_DEAF_RIGHTS (CORDON_RIGHT_DUP | CORDON_RIGHT_TRANSFER)

#define INITRAMFS_RIGHTS                                                               \
	(CORDON_RIGHT_READ | CORDON_RIGHT_EXEC | CORDON_RIGHT_MAP | CORDON_RIGHT_DUP | \
	 CORDON_RIGHT_TRANSFER)

/* The most groups a task can get here: those of its group lines, or more with "group all". */
#define GROUPS_MAX 32
_Static_assert(GROUPS_MAX >= MANIFEST_GROUPS_MAX, "every group line has room");

/* The most handles a task can get here: console, initramfs, authority, services, groups, names. */
#define HANDLES_MAX (6 + GROUPS_MAX + MANIFEST_NAMES_MAX)
_Static_assert(HANDLES_MAX <= CORDON_SPAWN_HANDLES, "all handles fit into one spawn");

struct opened_group {
	uint32_t number;
	cordon_bdf_t device; /* the one that was asked for; NONE: every one of the group */
	bool trusted;
	bool spare;             /* one of "all": left out when it cannot be opened */
	cordon_handle_t handle; /* of an earlier one with the same number, or its own */
	bool own;
};

struct preparation {
	struct init *init;
	const struct launch *launch;
	struct cordon_cpio_entry program;
	unsigned int group_count;
	struct opened_group groups[GROUPS_MAX];
	uint32_t handle_count;
	struct cordon_spawn_handle handles[HANDLES_MAX];
	size_t argv_bytes;
	size_t envp_bytes;
	char argv[MANIFEST_BYTES_MAX];
	char envp[MANIFEST_BYTES_MAX];
};

static int __attribute__((format(printf, 3, 4)))
refuse(const struct launch *launch, int err, const char *format, ...)
{
	va_list args;

	printf("init: %s not started: ", launch->name);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	return err;
}

static int find_program(struct preparation *p)
{
	const struct init *init = p->init;
	int err;

	err = cordon_cpio_find(init->archive, init->archive_size, p->launch->path, &p->program);
	if (err != 0)
		return refuse(p->launch, err, "%s: %s", p->launch->path,
		              err == -ENOENT ? "no such program" : "the initramfs is malformed");
	if (!S_ISREG(p->program.mode) || !(p->program.mode & 0111))
		return refuse(p->launch, -EACCES, "%s is not a program", p->launch->path);
	return 0;
}

static int refuse_device(const struct launch *launch, const char *bdf, const char *wanted,
                         const struct cordon_group_status *group)
{
	int size = (int)sizeof(group->reason);

	if (strcmp(bdf, wanted) == 0) /* it was asked for by its address */
		return refuse(launch, -EPERM, "%s is refused: %.*s", bdf, size, group->reason);
	return refuse(launch, -EPERM, "%s (%s) is refused: %.*s", bdf, wanted, size, group->reason);
}

static int find_group(struct preparation *p, const struct manifest_group *wanted)
{
	struct cordon_device_desc device;
	struct cordon_group_desc group;
	char bdf[DESCRIBE_BDF_MAX];

	if (!records_find_device(p->init, &wanted->selector, &device))
		return refuse(p->launch, -ENODEV, "no device is %s", wanted->text);
	describe_bdf(device.bdf, bdf);
	if (!records_find_group(p->init, device.group, &group))
		return refuse(p->launch, -ENODEV, "%s (%s) is in no group", bdf, wanted->text);
	if (device.flags & CORDON_DEVICE_REFUSED || !(group.status.flags & CORDON_GROUP_VIABLE))
		return refuse_device(p->launch, bdf, wanted->text, &group.status);
	p->groups[p->group_count++] = (struct opened_group){
	        .number = device.group,
	        .device = device.bdf,
	        .trusted = wanted->trusted,
	        .handle = CORDON_HANDLE_NONE,
	};
	return 0;
}

static bool is_free(const struct init *init, const struct cordon_device_desc *device)
{
	const uint32_t unfit = CORDON_DEVICE_BRIDGE | CORDON_DEVICE_REFUSED |
	                       CORDON_DEVICE_QUARANTINE;
	struct cordon_group_desc group;

	return !(device->flags & unfit) && records_find_group(init, device->group, &group) &&
	       group.status.flags & CORDON_GROUP_VIABLE && group.holder == 0;
}

static bool is_listed(const struct preparation *p, uint32_t number)
{
	for (unsigned int i = 0; i < p->group_count; i++)
		if (p->groups[i].number == number)
			return true;
	return false;
}

/* "group all": whatever can be had now, which may be nothing. A group of several devices is one
 * handle, so that a task which goes through its handles meets each device once. */
static void find_all_groups(struct preparation *p, const struct manifest_group *wanted)
{
	struct cordon_device_desc device;

	if (!p->init->iommu_usable) {
		printf("init: %s gets no devices: no IOMMU\n", p->launch->name);
		return;
	}
	for (uint32_t i = 0;
	     records_get(p->init, CORDON_SYSTEM_DEVICES, i, &device, sizeof(device)); i++) {
		if (!is_free(p->init, &device) || is_listed(p, device.group))
			continue;
		if (p->group_count == GROUPS_MAX) {
			printf("init: %s gets %d groups, and not the rest\n", p->launch->name,
			       GROUPS_MAX);
			return;
		}
		p->groups[p->group_count++] = (struct opened_group){
		        .number = device.group,
		        .device = CORDON_BDF_NONE,
		        .trusted = wanted->trusted,
		        .spare = true,
		        .handle = CORDON_HANDLE_NONE,
		};
	}
}

static int find_groups(struct preparation *p)
{
	const struct manifest_task *entry = p->launch->entry;
	int err = 0;

	for (unsigned int i = 0; entry != NULL && i < entry->group_count && err == 0; i++)
		if (!entry->groups[i].all)
			err = p->init->iommu_usable
			              ? find_group(p, &entry->groups[i])
			              : refuse(p->launch, -ENODEV, "no IOMMU: no devices");
	for (unsigned int i = 0; entry != NULL && i < entry->group_count && err == 0; i++)
		if (entry->groups[i].all)
			find_all_groups(p, &entry->groups[i]);
	return err;
}

/* Two devices of one group: the task gets the one handle under both names. */
static int open_group(struct preparation *p, unsigned int index)
{
	struct opened_group *group = &p->groups[index];
	struct cordon_group_desc desc;
	int64_t err;

	for (unsigned int i = 0; i < index; i++) {
		if (p->groups[i].number == group->number) {
			group->handle = p->groups[i].handle;
			return 0;
		}
	}
	err = cordon_group_open(p->init->authority, group->number, &group->handle);
	if (err == 0) {
		group->own = true;
		return 0;
	}
	group->handle = CORDON_HANDLE_NONE;
	if (group->spare && err == -EBUSY)
		return 0;
	if (err == -EBUSY && records_find_group(p->init, group->number, &desc) && desc.holder != 0)
		return refuse(p->launch, (int)err,
		              "group %" PRIu32 " is held by %.*s (task %" PRIu64 ")", group->number,
		              (int)sizeof(desc.holder_name), desc.holder_name, desc.holder);
	return refuse(p->launch, (int)err, "group %" PRIu32 ": %s", group->number,
	              cordon_strerror(err));
}

/* reset=trusted: of the device that was named, or of every one where none was. */
static int64_t trust_group(const struct preparation *p, const struct opened_group *group)
{
	struct cordon_device_desc device;
	int64_t err = 0;

	if (group->device != CORDON_BDF_NONE)
		return cordon_group_trust_reset(p->init->authority, group->handle, group->device);
	for (uint32_t i = 0; err == 0 && cordon_group_function(group->handle, i, &device) == 0; i++)
		err = cordon_group_trust_reset(p->init->authority, group->handle, device.bdf);
	return err;
}

static int open_groups(struct preparation *p)
{
	for (unsigned int i = 0; i < p->group_count; i++) {
		const struct opened_group *group = &p->groups[i];
		int64_t err = open_group(p, i);

		if (err != 0)
			return (int)err;
		if (group->trusted && group->handle != CORDON_HANDLE_NONE)
			err = trust_group(p, group);
		if (err != 0)
			return refuse(p->launch, (int)err, "reset=trusted: %s",
			              cordon_strerror(err));
	}
	return 0;
}

static void close_groups(const struct preparation *p)
{
	for (unsigned int i = 0; i < p->group_count; i++)
		if (p->groups[i].own)
			cordon_handle_close(p->groups[i].handle);
}

static void add_handle(struct preparation *p, const char *name, cordon_handle_t handle,
                       uint32_t rights)
{
	struct cordon_spawn_handle *out = &p->handles[p->handle_count++];

	memset(out, 0, sizeof(*out));
	out->handle = handle;
	out->rights = rights;
	strlcpy(out->name, name, sizeof(out->name));
}

static void list_handles(struct preparation *p)
{
	const struct launch *launch = p->launch;
	const struct manifest_task *entry = launch->entry;
	bool input = launch->everything || (entry != NULL && entry->input);

	add_handle(p, "stdin", CORDON_STDIN, input ? 0 : CONSOLE_DEAF_RIGHTS);
	add_handle(p, "stdout", CORDON_STDOUT, 0);
	add_handle(p, "stderr", CORDON_STDERR, 0);
	if (launch->everything) {
		add_handle(p, "authority", p->init->authority, 0);
		add_handle(p, "initramfs", p->init->initramfs, 0);
	}
	if (entry == NULL)
		return;
	if (entry->inspect)
		add_handle(p, "inspect", p->init->authority, CORDON_RIGHT_INSPECT);
	if (entry->initramfs)
		add_handle(p, "initramfs", p->init->initramfs, INITRAMFS_RIGHTS);
	if (launch->services != CORDON_HANDLE_NONE)
		add_handle(p, CORDON_SERVICE_HANDLE, launch->services, 0);
	for (unsigned int i = 0; i < entry->publish_count; i++) {
		char name[CORDON_NAME_MAX];

		snprintf(name, sizeof(name), CORDON_SERVICE_PREFIX "%s", entry->publish[i]);
		add_handle(p, name, services_accept_end(p->init, entry->publish[i]),
		           CORDON_RIGHT_READ | CORDON_RIGHT_WAIT);
	}
	for (unsigned int i = 0, number = 0; i < p->group_count; i++) {
		char name[CORDON_NAME_MAX];

		if (p->groups[i].handle == CORDON_HANDLE_NONE)
			continue;
		snprintf(name, sizeof(name), "group%u", number++);
		add_handle(p, name, p->groups[i].handle, 0);
	}
}

/* Appends one string with its zero byte. */
static int pack(char *out, size_t room, size_t *used, const char *text)
{
	size_t size = strlen(text) + 1;

	if (size > room - *used)
		return -E2BIG;
	memcpy(out + *used, text, size);
	*used += size;
	return 0;
}

static int pack_strings(struct preparation *p)
{
	const struct launch *launch = p->launch;
	const struct manifest_task *entry = launch->entry;
	int err;

	err = pack(p->argv, sizeof(p->argv), &p->argv_bytes, launch->path);
	for (unsigned int i = 0; err == 0 && i < launch->arg_count; i++)
		err = pack(p->argv, sizeof(p->argv), &p->argv_bytes, launch->args[i]);
	for (unsigned int i = 0; err == 0 && entry != NULL && i < entry->env_count; i++)
		err = pack(p->envp, sizeof(p->envp), &p->envp_bytes, entry->env[i]);
	return err == 0 ? 0 : refuse(launch, err, "its arguments are too long");
}

struct cordon_budget own_budget_left(void)
{
	struct cordon_task_info info = {0};

	cordon_task_info(CORDON_HANDLE_NONE, &info); /* it exists, so it can be told */
	return budget_left(&info);
}

/* The one program that init is there for gets nearly all that there is, one that is started by hand
 * half of what is left, and one of the manifest what that says. */
static struct cordon_budget budget_for(const struct init *init, const struct launch *launch)
{
	const struct manifest_task *entry = launch->entry;
	struct cordon_budget left = own_budget_left();
	struct cordon_budget part = budget_part(&left, launch->everything ? 8 : 2);

	if (launch->everything)
		return budget_less(&left, &part);
	if (entry == NULL)
		return part;
	return budget_complete(&entry->budget, entry->manual ? &part : &init->share);
}

/* Which part of a budget is more than there is; or it is, whole, less than a task needs. */
static int refuse_budget(const struct launch *launch, const struct cordon_budget *budget, int err)
{
	struct cordon_budget left = own_budget_left();

	for (unsigned int kind = 0; kind < BUDGET_KINDS; kind++)
		if (budget_get(budget, kind) > budget_get(&left, kind))
			return refuse(launch, err,
			              "its budget %s=%" PRIu64 " is more than the "
			              "%" PRIu64 " that are left",
			              budget_name(kind),
			              budget_get(budget, kind) / budget_unit(kind),
			              budget_get(&left, kind) / budget_unit(kind));
	return refuse(launch, err, "its budget is too small for %s and its handles", launch->path);
}

static int64_t spawn(const struct preparation *p, cordon_handle_t *out)
{
	const struct launch *launch = p->launch;
	struct cordon_spawn args = {
	        .image = p->init->initramfs,
	        .handle_count = p->handle_count,
	        .image_offset = p->program.offset,
	        .image_size = p->program.size,
	        .argv = (uint64_t)(uintptr_t)p->argv,
	        .envp = (uint64_t)(uintptr_t)p->envp,
	        .argv_bytes = (uint32_t)p->argv_bytes,
	        .envp_bytes = (uint32_t)p->envp_bytes,
	        .handles = (uint64_t)(uintptr_t)p->handles,
	};
	int64_t err;

	args.budget = budget_for(p->init, launch);
	strlcpy(args.name, launch->name, sizeof(args.name));
	if (launch->entry != NULL && launch->entry->trace) {
		err = cordon_system_trace(p->init->authority, args.name, strlen(args.name), 1);
		if (err != 0)
			printf("init: %s is not traced: %s\n", launch->name, cordon_strerror(err));
	}
	fflush(stdout); /* the task writes to the same console */
	err = cordon_task_spawn(&args, out);
	if (err == -ENOMEM || err == -EMFILE)
		return refuse_budget(launch, &args.budget, (int)err);
	if (err != 0)
		return refuse(launch, (int)err, "%s: %s", launch->path, cordon_strerror(err));
	return 0;
}

int spawn_task(struct init *init, const struct launch *launch, cordon_handle_t *out)
{
	static struct preparation p; /* init has one thread; this is too large for its stack */
	int64_t err;

	memset(&p, 0, sizeof(p));
	p.init = init;
	p.launch = launch;
	err = find_program(&p);
	if (err == 0)
		err = find_groups(&p);
	if (err == 0)
		err = pack_strings(&p);
	if (err == 0)
		err = open_groups(&p);
	if (err == 0) {
		list_handles(&p);
		err = spawn(&p, out);
	}
	close_groups(&p); /* the task has handles of its own now */
	return (int)err;
}
