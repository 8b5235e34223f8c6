/* SPDX-License-Identifier: MIT */
#include <cordon/errno.h>
#include <kernel/heap.h>
#include <kernel/panic.h>
#include <kernel/syscall.h>
#include <kernel/system.h>
#include <kernel/user.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <tests/unit/vfio/world.h>
#include <tests/unit/vfio/world_internal.h>

/* --- journal --------------------------------------------------------------------------------- */

static char journal_buffer[1 << 16];

void journal(const char *format, ...)
{
	size_t used = strlen(journal_buffer);
	va_list arguments;

	va_start(arguments, format);
	ASSERT(used + 64 < sizeof(journal_buffer));
	vsnprintf(journal_buffer + used, sizeof(journal_buffer) - used - 1, format, arguments);
	strcat(journal_buffer, " ");
	va_end(arguments);
}

const char *journal_text(void)
{
	return journal_buffer;
}

void journal_clear(void)
{
	journal_buffer[0] = '\0';
}

static const char *journal_find(const char *word)
{
	char whole[80];
	const char *found;

	snprintf(whole, sizeof(whole), "%s ", word);
	found = journal_buffer;
	while ((found = strstr(found, whole)) != NULL) {
		if (found == journal_buffer || found[-1] == ' ')
			return found;
		found++;
	}
	return NULL;
}

bool journal_has(const char *word)
{
	return journal_find(word) != NULL;
}

bool journal_ordered(const char *first, const char *second)
{
	const char *a = journal_find(first), *b = journal_find(second);

	return a && b && a < b;
}

/* --- tasks ----------------------------------------------------------------------------------- */

struct task world_tasks[WORLD_TASKS];

uint8_t world_user[2 * 4096] __attribute__((aligned(4096)));
const uint8_t world_user_constant[4096] __attribute__((aligned(4096)));

void world_kernel_start(void)
{
	static const struct cordon_budget budget;

	for (unsigned int i = 0; i < WORLD_TASKS; i++) {
		struct task *task = &world_tasks[i];

		task->id = 100 + i;
		snprintf(task->name, sizeof(task->name), "task%u", i);
		ASSERT(account_create(&budget, &task->account) == 0);
		ASSERT(handle_table_init(&task->handles, task->account) == 0);
	}
	world_run_as(0);
	fake_user_map(uaddr((uintptr_t)world_user), world_user, sizeof(world_user), true);
	fake_user_map(uaddr((uintptr_t)world_user_constant), (void *)world_user_constant,
	              sizeof(world_user_constant), false);
}

void world_run_as(unsigned int index)
{
	thread_current()->task = &world_tasks[index];
}

cordon_handle_t world_handle(struct object *object, uint32_t rights)
{
	cordon_handle_t handle;

	ASSERT(handle_add(&task_current()->handles, object, rights, &handle) == 0);
	return handle;
}

int64_t syscall_return_handle(struct object *object, cordon_handle_t *out)
{
	struct task *task = task_current();
	cordon_handle_t handle;
	int error = handle_add(&task->handles, object, object->ops->rights, &handle);

	object_unref(object);
	if (error)
		return error;
	error = user_write(uaddr((uintptr_t)out), &handle, sizeof(handle));
	if (error)
		handle_close(&task->handles, handle);
	return error;
}

void system_provide(enum cordon_system_topic topic, system_provider_t provider)
{
	(void)topic;
	(void)provider;
}

void system_counter(const char *name, uint64_t (*read)(void))
{
	(void)name;
	(void)read;
}

/* --- memory ---------------------------------------------------------------------------------- */

static unsigned int memories;
static unsigned int bar_maps;

static void memory_destroy(struct object *object)
{
	struct memory *memory = memory_from(object);

	if (memory->kind == MEMORY_DEVICE) {
		journal("free-bar");
	} else {
		for (uint32_t i = 0; i < memory->extent_count; i++)
			world_check_unreachable(memory->extents[i].base.raw,
			                        memory->extents[i].size);
		journal("free-memory");
	}
	ASSERT(memory->dma_mappings == 0);
	memories--;
	heap_free(memory->extents);
	heap_free(memory);
}

static const struct object_ops memory_ops = {
        .name = "memory",
        .type = CORDON_OBJECT_MEMORY,
        .rights = CORDON_RIGHTS_ALL,
        .destroy = memory_destroy,
};

static struct memory *memory_new(uint64_t size, enum memory_kind kind, uint32_t extents)
{
	struct memory *memory = heap_alloc(sizeof(*memory));

	if (!memory)
		return NULL;
	memory->extents = heap_alloc_array(extents, sizeof(*memory->extents));
	if (!memory->extents) {
		heap_free(memory);
		return NULL;
	}
	object_init(&memory->object, &memory_ops);
	spin_init(&memory->lock, RANK_MEMORY, "memory");
	list_init(&memory->mappings);
	memory->size = size;
	memory->kind = kind;
	memory->extent_count = extents;
	memories++;
	return memory;
}

struct memory *world_memory(uint64_t base, uint64_t size, uint64_t run)
{
	uint32_t extents = (uint32_t)((size + run - 1) / run);
	struct memory *memory = memory_new(size, MEMORY_RAM, extents);

	for (uint32_t i = 0; i < extents; i++)
		memory->extents[i] = (struct memory_extent){
		        .offset = i * run,
		        .base = paddr(base + i * (run + PAGE_SIZE)),
		        .size = min_u64(run, size - i * run),
		};
	return memory;
}

unsigned int world_memories(void)
{
	return memories;
}

uint64_t memory_run(const struct memory *memory, uint64_t offset, uint64_t max, paddr_t *out)
{
	ASSERT(offset < memory->size);
	for (uint32_t i = 0; i < memory->extent_count; i++) {
		const struct memory_extent *extent = &memory->extents[i];

		if (offset < extent->offset || offset - extent->offset >= extent->size)
			continue;
		*out = paddr(extent->base.raw + (offset - extent->offset));
		return min_u64(max, extent->size - (offset - extent->offset));
	}
	panic("no extent");
}

int memory_create_device(paddr_t base, uint64_t size, struct memory **out)
{
	struct memory *memory = memory_new(size, MEMORY_DEVICE, 1);

	if (!memory)
		return -ENOMEM;
	memory->extents[0] = (struct memory_extent){.base = base, .size = size};
	*out = memory;
	return 0;
}

void memory_revoke(struct memory *memory)
{
	journal("revoke");
	memory->revoked = true;
}

void memory_restore(struct memory *memory)
{
	journal("restore");
	memory->revoked = false;
}

/* --- address spaces: one, shared by all tasks ------------------------------------------------ */

struct place {
	uint64_t address;
	struct memory *memory;
	uint64_t offset;
	uint64_t size;
	uint32_t prot;
};

static struct place places[64];

void world_place(uint64_t address, struct memory *memory, uint64_t offset, uint64_t size,
                 uint32_t prot)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct place *place = &places[i];

		if (place->memory && place->address == address) {
			object_unref(&place->memory->object);
			place->memory = NULL;
		}
	}
	for (size_t i = 0; memory && i < ARRAY_SIZE(places); i++) {
		if (places[i].memory)
			continue;
		object_ref(&memory->object);
		places[i] = (struct place){address, memory, offset, size, prot};
		return;
	}
	ASSERT(!memory);
}

int aspace_resolve(struct aspace *aspace, uaddr_t address, uint64_t max, uint32_t prot,
                   struct memory **memory, uint64_t *offset, uint64_t *size)
{
	(void)aspace;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		const struct place *place = &places[i];
		uint64_t inside = address.raw - place->address;

		if (!place->memory || inside >= place->size || (place->prot & prot) != prot)
			continue;
		object_ref(&place->memory->object);
		*memory = place->memory;
		*offset = place->offset + inside;
		*size = min_u64(max, place->size - inside);
		return 0;
	}
	return -EFAULT;
}

int aspace_map(struct aspace *aspace, struct memory *memory, uint64_t offset, uint64_t size,
               uint32_t prot, uint32_t prot_max, uint32_t flags, uaddr_t *address)
{
	(void)aspace;
	(void)flags;
	ASSERT((prot & ~prot_max) == 0 && !memory->revoked);
	if (!address->raw)
		*address = uaddr(0x7000000000 + bar_maps++ * 0x1000000);
	world_place(address->raw, memory, offset, size, prot);
	return 0;
}

int aspace_unmap(struct aspace *aspace, uaddr_t address, uint64_t size)
{
	(void)aspace;
	(void)size;
	world_place(address.raw, NULL, 0, 0, 0);
	return 0;
}

unsigned int world_bar_mappings(void)
{
	unsigned int count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		count += places[i].memory && places[i].memory->kind == MEMORY_DEVICE &&
		         !places[i].memory->revoked;
	return count;
}

void world_end_task(unsigned int index)
{
	handle_table_close(&world_tasks[index].handles);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (places[i].memory)
			world_place(places[i].address, NULL, 0, 0, 0);
	}
	journal("terminated");
}
