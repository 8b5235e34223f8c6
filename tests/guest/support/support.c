/* SPDX-License-Identifier: MIT */
#include <lib/cpio/cpio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>

#define PATIENCE_NS UINT64_C(20000000000)

static cordon_handle_t need(const char *name)
{
	cordon_handle_t handle = cordon_handle_named(name);

	if (handle == CORDON_HANDLE_NONE)
		tap_bail("this test needs a handle called %s", name);
	return handle;
}

cordon_handle_t test_authority(void)
{
	return need("authority");
}

cordon_handle_t test_initramfs(void)
{
	return need("initramfs");
}

/* The archive, mapped once. */
static const void *archive(uint64_t *size)
{
	static struct cordon_memory_map map;

	if (map.size == 0) {
		struct cordon_memory_info info;

		if (cordon_memory_info(test_initramfs(), &info) < 0)
			tap_bail("no information on the archive");
		map.size = info.size;
		map.prot = CORDON_PROT_READ;
		if (cordon_memory_map(test_initramfs(), &map) < 0)
			tap_bail("the archive cannot be mapped");
	}
	*size = map.size;
	return (const void *)(uintptr_t)map.address;
}

static uint32_t add_string(char *block, uint32_t used, uint32_t room, const char *text)
{
	uint32_t length = (uint32_t)strlen(text) + 1;

	if (length > room - used)
		tap_bail("arguments of a child are too long");
	memcpy(block + used, text, length);
	return used + length;
}

static void add_handle(struct cordon_spawn_handle *to, cordon_handle_t handle, const char *name,
                       uint32_t rights)
{
	to->handle = handle;
	to->rights = rights;
	snprintf(to->name, sizeof(to->name), "%s", name);
}

int64_t child_start(const struct child *child, cordon_handle_t *task)
{
	static char strings[1024];
	struct cordon_spawn_handle handles[CHILD_GIVES + 3];
	struct cordon_spawn args;
	struct cordon_cpio_entry entry;
	uint64_t size;
	const void *bytes = archive(&size);
	const char *path = child->path ? child->path : *(char **)(uintptr_t)cordon_startup()->argv;
	uint32_t used = 0, count = 3;

	if (cordon_cpio_find(bytes, size, path, &entry) < 0)
		tap_bail("%s is not in the archive", path);
	memset(&args, 0, sizeof(args));
	memset(handles, 0, sizeof(handles));
	used = add_string(strings, used, sizeof(strings), path);
	for (int i = 0; i < 6 && child->arguments[i]; i++)
		used = add_string(strings, used, sizeof(strings), child->arguments[i]);
	add_handle(&handles[0], CORDON_STDIN, "stdin", 0);
	add_handle(&handles[1], CORDON_STDOUT, "stdout", 0);
	add_handle(&handles[2], CORDON_STDERR, "stderr", 0);
	for (int i = 0; i < CHILD_GIVES && child->gives[i].name; i++)
		add_handle(&handles[count++], child->gives[i].handle, child->gives[i].name,
		           child->gives[i].rights);
	args.image = test_initramfs();
	args.image_offset = entry.offset;
	args.image_size = entry.size;
	args.argv = (uintptr_t)strings;
	args.argv_bytes = used;
	args.handles = (uintptr_t)handles;
	args.handle_count = count;
	args.budget = child->budget;
	snprintf(args.name, sizeof(args.name), "%s",
	         child->arguments[0] ? child->arguments[0] : "child");
	fflush(stdout);
	return cordon_task_spawn(&args, task);
}

struct cordon_task_info child_wait(cordon_handle_t task)
{
	struct cordon_task_info info;
	int error = cordon_task_wait(task, cordon_now() + PATIENCE_NS, &info);

	if (error < 0)
		tap_bail("a child does not end: %s", cordon_strerror(error));
	return info;
}

struct cordon_task_info child_run(const struct child *child)
{
	struct cordon_task_info info;
	cordon_handle_t task;
	int64_t error = child_start(child, &task);

	if (error < 0)
		tap_bail("a child cannot be started: %s", cordon_strerror(error));
	info = child_wait(task);
	cordon_handle_close(task);
	return info;
}

void *test_memory(uint64_t size, uint32_t flags, cordon_handle_t *handle)
{
	struct cordon_memory_map map = {.size = size, .prot = CORDON_PROT_READ | CORDON_PROT_WRITE};
	int64_t error = cordon_memory_create(size, flags, handle);

	if (error < 0)
		tap_bail("no memory object of %llu bytes: %s", (unsigned long long)size,
		         cordon_strerror(error));
	error = cordon_memory_map(*handle, &map);
	if (error < 0)
		tap_bail("a memory object cannot be mapped: %s", cordon_strerror(error));
	return (void *)(uintptr_t)map.address;
}

uint64_t test_physical(cordon_handle_t memory, uint64_t offset)
{
	uint64_t address;
	int64_t error = cordon_system_memory_address(test_authority(), memory, offset, &address);

	if (error < 0)
		tap_bail("no physical address: %s", cordon_strerror(error));
	return address;
}

uint64_t test_counter(const char *name)
{
	struct cordon_counter counter;

	for (uint32_t i = 0; cordon_system_info(test_authority(), CORDON_SYSTEM_COUNTERS, i,
	                                        &counter, sizeof(counter)) == 0;
	     i++)
		if (strcmp(counter.name, name) == 0)
			return counter.value;
	tap_bail("there is no counter %s", name);
}

uint64_t test_free_frames(void)
{
	return test_counter("pages.free") + test_counter("heap.frames");
}

int test_find_group(uint16_t vendor, uint16_t device, uint32_t class_code, unsigned int nth,
                    cordon_bdf_t *bdf)
{
	struct cordon_device_desc desc;

	for (uint32_t i = 0; cordon_system_info(test_authority(), CORDON_SYSTEM_DEVICES, i, &desc,
	                                        sizeof(desc)) == 0;
	     i++) {
		if ((vendor && desc.vendor != vendor) || (device && desc.device != device) ||
		    (class_code && desc.class_code != class_code) || nth-- > 0)
			continue;
		*bdf = desc.bdf;
		return (int)desc.group;
	}
	return -1;
}

bool test_await_counter(const char *name, uint64_t most)
{
	uint64_t deadline = cordon_now() + PATIENCE_NS;

	while (test_counter(name) > most && cordon_now() < deadline)
		test_sleep_ms(1);
	return test_counter(name) <= most;
}

void test_await_threads(uint64_t count)
{
	test_await_counter("objects.thread", count);
}

bool test_hands_out_devices(void)
{
	struct cordon_iommu_desc unit = {0};

	return cordon_system_info(test_authority(), CORDON_SYSTEM_IOMMU, 0, &unit, sizeof(unit)) ==
	               0 &&
	       unit.usable;
}

void test_sleep_ms(uint64_t milliseconds)
{
	cordon_clock_sleep(cordon_now() + milliseconds * 1000000);
}
