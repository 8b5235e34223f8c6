/* SPDX-License-Identifier: MIT */
/* System calls for the holder of the authority: state of the system, proof by reading memory,
 * power. */
#define LOG_TAG "system"
#include <arch/boot.h>
#include <arch/mmio.h>
#include <cordon/errno.h>
#include <kernel/cmdline.h>
#include <kernel/inject.h>
#include <kernel/log.h>
#include <kernel/memory.h>
#include <kernel/page.h>
#include <kernel/panic.h>
#include <kernel/selftest.h>
#include <kernel/state.h>
#include <kernel/string.h>
#include <kernel/syscall.h>
#include <kernel/system.h>
#include <kernel/task.h>
#include <kernel/trace.h>
#include <kernel/user.h>

#define COUNTERS_MAX   48
#define TABLES_MAX     3
#define LOG_TEXT_MAX   200
#define CANARY_PATTERN 0xc5

static system_provider_t providers[CORDON_SYSTEM_TOPICS];
static struct {
	const char *name;
	uint64_t (*read)(void);
} counters[COUNTERS_MAX];
static uint32_t counter_count;
static struct {
	uint32_t count;
	void (*at)(uint32_t index, struct cordon_counter *out);
} tables[TABLES_MAX];
static uint32_t table_count;
static paddr_t canary;

void system_provide(enum cordon_system_topic topic, system_provider_t provider)
{
	providers[topic] = provider;
}

void system_counter(const char *name, uint64_t (*read)(void))
{
	if (counter_count == COUNTERS_MAX) {
		log_error("no room for the counter %s", name);
		return;
	}
	counters[counter_count].name = name;
	counters[counter_count++].read = read;
}

void system_counter_table(uint32_t count, void (*at)(uint32_t index, struct cordon_counter *out))
{
	ASSERT(table_count < TABLES_MAX);
	tables[table_count].count = count;
	tables[table_count++].at = at;
}

static int provide_tasks(uint32_t topic, uint32_t index, void *record, size_t *size)
{
	struct task *task = task_at(index);

	(void)topic;
	if (!task)
		return -ENOENT;
	task_describe(task, record);
	*size = sizeof(struct cordon_task_info);
	object_unref(&task->object);
	return 0;
}

/* How many objects of each type there are. */
static const char *const object_names[CORDON_OBJECT_TYPES] = {
        [CORDON_OBJECT_AUTHORITY] = "objects.authority",
        [CORDON_OBJECT_CONSOLE] = "objects.console",
        [CORDON_OBJECT_MEMORY] = "objects.memory",
        [CORDON_OBJECT_TASK] = "objects.task",
        [CORDON_OBJECT_THREAD] = "objects.thread",
        [CORDON_OBJECT_EVENT] = "objects.event",
        [CORDON_OBJECT_CHANNEL] = "objects.channel",
        [CORDON_OBJECT_CONTAINER] = "objects.container",
        [CORDON_OBJECT_GROUP] = "objects.group",
        [CORDON_OBJECT_DEVICE] = "objects.device",
};

const char *system_object_name(uint32_t type)
{
	return object_names[type] + sizeof("objects.") - 1;
}

static void object_counter_at(uint32_t index, struct cordon_counter *out)
{
	uint32_t type = index + 1; /* type 0 is none */

	string_copy(out->name, object_names[type], sizeof(out->name));
	out->value = object_count((enum cordon_object_type)type);
}

/* The counters that were registered, and then those of the tables. */
static int counter_at(uint32_t index, struct cordon_counter *out)
{
	if (index < counter_count) {
		string_copy(out->name, counters[index].name, sizeof(out->name));
		out->value = counters[index].read();
		return 0;
	}
	index -= counter_count;
	for (uint32_t i = 0; i < table_count; i++) {
		if (index < tables[i].count) {
			tables[i].at(index, out);
			return 0;
		}
		index -= tables[i].count;
	}
	return -ENOENT;
}

static int provide_counters(uint32_t topic, uint32_t index, void *record, size_t *size)
{
	(void)topic;
	memset(record, 0, sizeof(struct cordon_counter));
	*size = sizeof(struct cordon_counter);
	return counter_at(index, record);
}

int system_record(uint32_t topic, uint32_t index, void *record)
{
	size_t size = SYSTEM_RECORD_MAX;

	if (topic >= CORDON_SYSTEM_TOPICS || !providers[topic])
		return -EINVAL;
	return providers[topic](topic, index, record, &size);
}

int system_init(void)
{
	int error = page_alloc(0, &canary);

	if (error)
		return error;
	memset(phys_to_virt(canary), CANARY_PATTERN, PAGE_SIZE);
	system_provide(CORDON_SYSTEM_TASKS, provide_tasks);
	system_provide(CORDON_SYSTEM_COUNTERS, provide_counters);
	system_counter_table(CORDON_OBJECT_TYPES - 1, object_counter_at);
	return 0;
}

/* Checks the authority handle; the object itself is not needed. */
static int authority_check(cordon_handle_t handle, uint32_t rights)
{
	struct object *object;
	int error = handle_get(&task_current()->handles, handle, CORDON_OBJECT_AUTHORITY, rights,
	                       &object, NULL);

	if (!error)
		object_unref(object);
	return error;
}

int64_t sys_system_info(cordon_handle_t authority, uint32_t topic, uint32_t index, void *out,
                        uint64_t size)
{
	uint64_t record[SYSTEM_RECORD_MAX / sizeof(uint64_t)];
	size_t record_size = sizeof(record);
	int error = authority_check(authority, CORDON_RIGHT_INSPECT);

	if (error)
		return error;
	if (topic >= CORDON_SYSTEM_TOPICS || !providers[topic])
		return -EINVAL;
	error = providers[topic](topic, index, record, &record_size);
	if (error)
		return error;
	if (size < record_size)
		return -EMSGSIZE;
	return user_write(uaddr((uintptr_t)out), record, record_size);
}

int64_t sys_system_cmdline(cordon_handle_t authority, char *out, uint64_t size)
{
	const char *text = cmdline_text();
	size_t length = strlen(text);
	int error = authority_check(authority, CORDON_RIGHT_INSPECT);

	if (error)
		return error;
	if (size < length + 1)
		return -EMSGSIZE;
	error = user_write(uaddr((uintptr_t)out), text, length + 1);
	return error ? error : (int64_t)length;
}

int64_t sys_system_memory_address(cordon_handle_t authority, cordon_handle_t handle,
                                  uint64_t offset, uint64_t *out)
{
	struct object *object;
	paddr_t base = paddr(0);
	int error = authority_check(authority, CORDON_RIGHT_INSPECT);

	if (error)
		return error;
	error = handle_get(&task_current()->handles, handle, CORDON_OBJECT_MEMORY, 0, &object,
	                   NULL);
	if (error)
		return error;
	if (offset >= memory_from(object)->size)
		error = -ERANGE;
	else
		memory_run(memory_from(object), offset, 1, &base);
	object_unref(object);
	return error ? error : user_write(uaddr((uintptr_t)out), &base.raw, sizeof(base.raw));
}

int64_t sys_system_memory_read(cordon_handle_t authority, uint64_t address, void *out,
                               uint64_t size)
{
	int error = authority_check(authority, CORDON_RIGHT_INSPECT);

	if (error)
		return error;
	if (size > PAGE_SIZE || address + size < address || !page_is_ram(paddr(address), size))
		return -EINVAL;
	return user_write_ram(uaddr((uintptr_t)out), paddr(address), size);
}

int64_t sys_system_canary(cordon_handle_t authority, uint64_t *out)
{
	int error = authority_check(authority, CORDON_RIGHT_INSPECT);

	return error ? error : user_write(uaddr((uintptr_t)out), &canary.raw, sizeof(canary.raw));
}

int64_t sys_system_inject(cordon_handle_t authority, uint64_t task, uint32_t points, uint64_t nth)
{
	int error = authority_check(authority, CORDON_RIGHT_MANAGE);

	if (error)
		return error;
	if (points & ~CORDON_INJECT_ALL || (nth && !points))
		return -EINVAL;
	return inject_arm(task, points, nth);
}

int64_t sys_system_poweroff(cordon_handle_t authority, uint32_t code)
{
	int error = authority_check(authority, CORDON_RIGHT_MANAGE);

	if (error)
		return error;
	log_info("power off, code %u", code);
	arch_poweroff(code);
}

int64_t sys_system_state(cordon_handle_t authority)
{
	int error = authority_check(authority, CORDON_RIGHT_INSPECT);

	if (error)
		return error;
	selftest_panic();
	state_print();
	return 0;
}

int64_t sys_system_trace(cordon_handle_t authority, const char *user_name, uint64_t size,
                         uint32_t on)
{
	char name[CORDON_NAME_MAX] = "";
	int error = authority_check(authority, CORDON_RIGHT_MANAGE);

	if (error)
		return error;
	if (size == 0 || size >= sizeof(name) || on > 1)
		return -EINVAL;
	error = user_read(name, uaddr((uintptr_t)user_name), size);
	if (error)
		return error;
	return strlen(name) == size ? trace_set(name, on) : -EINVAL;
}

int64_t sys_system_log(const char *text, uint64_t size)
{
	char line[LOG_TEXT_MAX + 1];
	int error;

	if (size > LOG_TEXT_MAX)
		return -EINVAL;
	error = user_read(line, uaddr((uintptr_t)text), size);
	if (error)
		return error;
	for (uint64_t i = 0; i < size; i++)
		if (line[i] < ' ' || line[i] > '~')
			line[i] = '?';
	line[size] = 0;
	log_line(LOG_INFO, task_current()->name, "%s", line);
	return 0;
}
