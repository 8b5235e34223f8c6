/* SPDX-License-Identifier: MIT */
/* Starting a program: load the image, hand over handles, build the first stack. */
#define LOG_TAG "spawn"
#include <arch/mmio.h>
#include <cordon/errno.h>
#include <kernel/clock.h>
#include <kernel/elf.h>
#include <kernel/heap.h>
#include <kernel/log.h>
#include <kernel/string.h>
#include <kernel/task.h>

/* Of the first thread: what it has from the start, beside arguments and environment, and what the
 * stack can grow to, with its guard. */
#define STACK_FIRST (UINT64_C(32) * 1024)
#define STACK_LIMIT (UINT64_C(8) * 1024 * 1024)
#define STACK_TOP   (CORDON_USER_MAX - SIZE_2M)

static const char *const standard_names[] = {"stdin", "stdout", "stderr"};

/* The slot of a handle with a standard name, or -1. */
static cordon_handle_t standard_slot(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(standard_names); i++)
		if (strcmp(name, standard_names[i]) == 0)
			return (cordon_handle_t)i;
	return CORDON_HANDLE_NONE;
}

static uint32_t count_strings(const char *text, uint32_t bytes)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < bytes; i++)
		count += text[i] == 0;
	return count;
}

/* Writes kernel bytes into a memory object that nobody runs on yet. */
static void memory_fill(struct memory *memory, uint64_t offset, const void *bytes, uint64_t size)
{
	const uint8_t *from = bytes;

	while (size) {
		paddr_t base;
		uint64_t run = memory_run(memory, offset, size, &base);

		memcpy(phys_to_virt(base), from, run);
		from += run;
		offset += run;
		size -= run;
	}
}

/* Fills the pointer array at *cursor for strings that will lie at user address `strings`. */
static uint64_t put_pointers(uint64_t *cursor, const char *text, uint32_t bytes, uint64_t strings)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < bytes; i++)
		if (i == 0 || text[i - 1] == 0)
			cursor[count++] = strings + i;
	cursor[count++] = 0;
	return count;
}

/* The block that struct cordon_startup begins, in heap memory; it will lie at `address`. */
static void startup_build(uint8_t *block, uint64_t address, const struct spawn *spawn,
                          const cordon_handle_t *handles, uint64_t stack_low)
{
	struct cordon_startup *startup = (struct cordon_startup *)block;
	uint64_t *pointers = (uint64_t *)(block + sizeof(*startup));
	uint32_t argc = count_strings(spawn->argv, spawn->argv_bytes);
	uint32_t envc = count_strings(spawn->envp, spawn->envp_bytes);
	uint64_t handles_at = sizeof(*startup) + (argc + envc + 2) * sizeof(uint64_t);
	uint64_t strings_at = handles_at +
	                      spawn->handle_count * sizeof(struct cordon_startup_handle);
	struct cordon_startup_handle *named = (struct cordon_startup_handle *)(block + handles_at);

	startup->magic = CORDON_STARTUP_MAGIC;
	startup->argc = argc;
	startup->envc = envc;
	startup->argv = address + sizeof(*startup);
	startup->envp = startup->argv + (argc + 1) * sizeof(uint64_t);
	startup->handles = address + handles_at;
	startup->handle_count = spawn->handle_count;
	startup->stack_low = stack_low;
	startup->tsc_hz = clock_tsc_hz();
	pointers += put_pointers(pointers, spawn->argv, spawn->argv_bytes, address + strings_at);
	put_pointers(pointers, spawn->envp, spawn->envp_bytes,
	             address + strings_at + spawn->argv_bytes);
	for (uint32_t i = 0; i < spawn->handle_count; i++) {
		named[i].handle = handles[i];
		named[i].type = spawn->handles[i].object->ops->type;
		string_copy(named[i].name, spawn->handles[i].name, sizeof(named[i].name));
	}
	memcpy(block + strings_at, spawn->argv, spawn->argv_bytes);
	memcpy(block + strings_at + spawn->argv_bytes, spawn->envp, spawn->envp_bytes);
}

static uint64_t startup_size(const struct spawn *spawn)
{
	uint64_t strings = count_strings(spawn->argv, spawn->argv_bytes) +
	                   count_strings(spawn->envp, spawn->envp_bytes) + 2;

	return align_up(sizeof(struct cordon_startup) + strings * sizeof(uint64_t) +
	                        spawn->handle_count * sizeof(struct cordon_startup_handle) +
	                        spawn->argv_bytes + spawn->envp_bytes,
	                16);
}

/* Makes a stack that grows, with the startup block at its top; *sp is where both begin. */
static int stack_build(struct task *task, const struct spawn *spawn, const cordon_handle_t *handles,
                       uint64_t *sp)
{
	uint64_t block_size = startup_size(spawn);
	uint64_t size = align_up(block_size, PAGE_SIZE) + STACK_FIRST;
	uaddr_t limit = uaddr(STACK_TOP - STACK_LIMIT);
	uaddr_t first = uaddr(STACK_TOP - size);
	const uint32_t rights = CORDON_PROT_READ | CORDON_PROT_WRITE;
	struct memory *memory;
	uint8_t *block = heap_alloc(block_size);
	int error = -ENOMEM;

	*sp = STACK_TOP - block_size;
	if (!block)
		return error;
	error = memory_create(task->account, size, 0, &memory);
	if (error)
		goto free;
	error = aspace_map(task->aspace, NULL, 0, STACK_LIMIT - size, CORDON_PROT_NONE, rights,
	                   CORDON_MAP_FIXED | CORDON_MAP_GROW, &limit);
	if (error)
		goto unref;
	error = aspace_map(task->aspace, memory, 0, size, rights, rights, CORDON_MAP_FIXED, &first);
	if (error)
		goto unref;
	startup_build(block, *sp, spawn, handles, limit.raw + CORDON_STACK_GUARD);
	memory_fill(memory, size - block_size, block, block_size);
unref:
	object_unref(&memory->object);
free:
	heap_free(block);
	return error;
}

/* Standard names take their slots, the others follow in order. */
static int handles_give(struct task *task, const struct spawn *spawn, cordon_handle_t *out)
{
	for (uint32_t pass = 0; pass < 2; pass++)
		for (uint32_t i = 0; i < spawn->handle_count; i++) {
			const struct spawn_handle *give = &spawn->handles[i];
			cordon_handle_t slot = standard_slot(give->name);
			int error = 0;

			if ((slot == CORDON_HANDLE_NONE) != (pass == 1))
				continue;
			if (pass == 0) {
				error = handle_add_at(&task->handles, give->object, give->rights,
				                      slot);
				out[i] = slot;
			} else {
				error = handle_add(&task->handles, give->object, give->rights,
				                   &out[i]);
			}
			if (error)
				return error;
		}
	return 0;
}

int task_spawn(const struct spawn *spawn, struct task **out)
{
	cordon_handle_t handles[CORDON_SPAWN_HANDLES] = {0};
	const char *reason = "";
	struct thread *thread;
	struct task *task;
	uint64_t entry, sp;
	int error = task_create(spawn->name, spawn->account, &task);

	if (error)
		return error;
	error = elf_load(task->aspace, task->account, spawn->image, spawn->image_offset,
	                 spawn->image_size, &entry, &reason);
	if (error)
		goto refused;
	task->vital = spawn->vital;
	program_remember(&task->program, spawn->image, spawn->image_offset, spawn->image_size);
	error = handles_give(task, spawn, handles);
	if (error)
		goto fail;
	error = stack_build(task, spawn, handles, &sp);
	if (error == -EEXIST) {
		reason = "a segment lies where the stack does";
		error = -ENOEXEC;
		goto refused;
	}
	if (error)
		goto fail;
	error = thread_create(task, "main", entry, sp, sp, 0, &thread);
	if (error)
		goto fail;
	thread_start(thread);
	object_unref(&thread->object);
	*out = task;
	return 0;

refused:
	log_warn("%s is not started: %s", spawn->name, reason);
fail:
	/* It never ran: what it was given goes with the object. */
	aspace_clear(task->aspace);
	object_unref(&task->object);
	return error;
}
