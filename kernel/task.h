/* SPDX-License-Identifier: MIT */
/*
 * Tasks: an address space, a handle table, a budget and threads.
 *
 * A task ends when its last thread ends. That thread, still in the kernel, closes all
 * handles (which quiesces devices, S8), then gives the address space back, and only then
 * is TERMINATED signalled. Frames that a device could reach are held by their container
 * until the invalidation is complete, so the order of handles does not matter.
 */
#ifndef KERNEL_TASK_H
#define KERNEL_TASK_H

#include <arch/context.h>
#include <kernel/aspace.h>
#include <kernel/handle.h>
#include <kernel/program.h>
#include <kernel/sched.h>
#include <kernel/thread.h>

struct task {
	struct object object;
	struct list link; /* in the list of all tasks */
	uint64_t id;      /* = object.id */
	char name[CORDON_NAME_MAX];
	struct account *account;
	struct aspace *aspace;
	struct arch_paging *paging; /* the aspace's, which its threads run on; NULL when it ends */
	struct handle_table handles;
	struct program program; /* what it runs */

	bool traced; /* its system calls are shown (trace.h) */
	bool vital;  /* when it ends, the system does (task_finish) */

	uint64_t fair_ns; /* CPU time it had, or is taken to have had, by its share (sched_queue.h)
	                   */

	struct spinlock lock; /* protects the rest */
	struct list threads;
	uint32_t thread_count;
	bool ending;    /* its threads end at their next return to user mode */
	uint32_t state; /* enum cordon_task_state */
	uint32_t cause; /* enum cordon_task_cause */
	int64_t code;
	uint64_t fault_address;
	uint64_t cpu_ns; /* of threads that ended */
};

/* The task of the running thread; NULL in a kernel thread. */
static inline struct task *task_current(void)
{
	return thread_current()->task;
}

/* A sched_point() of a system call. Returns -EINTR when the task is ending by then, else 0. */
static inline int task_pause(void)
{
	const struct task *task;

	sched_point();
	task = task_current();
	return task && task->ending ? -EINTR : 0;
}

/* An empty task, charged to the account, to which it takes a reference. Returns 0 or -ENOMEM. */
int task_create(const char *name, struct account *account, struct task **out);

/* Ends a task for a cause; the first cause counts. Returns at once; TERMINATED is signalled when
 * all is released. */
void task_end(struct task *task, enum cordon_task_cause cause, int64_t code,
              uint64_t fault_address);

/* Called by the last thread of a task, on its own stack, on its way out; its CPU has left the
 * address space. */
void task_finish(struct task *task);

void task_describe(struct task *task, struct cordon_task_info *out);

/* The index-th task, with a reference; NULL past the end. */
struct task *task_at(uint32_t index);

/* What a new task is made of, in kernel memory (kernel/spawn.c). */
struct spawn_handle {
	struct object *object; /* a reference, dropped by the caller */
	uint32_t rights;
	char name[CORDON_NAME_MAX];
};

struct spawn {
	const char *name;
	struct memory *image;
	uint64_t image_offset;
	uint64_t image_size;
	const char *argv; /* zero-terminated strings, one after the other */
	uint32_t argv_bytes;
	const char *envp;
	uint32_t envp_bytes;
	const struct spawn_handle *handles;
	uint32_t handle_count;
	struct account *account; /* what it may use (account_divide) */
	bool vital;              /* the system ends with it */
};

/* Creates a task, loads the program, builds its stack and lets it run. Returns 0 with a reference
 * in *out, -ENOEXEC, -ENOMEM, -EMFILE or -EINVAL; nothing is left behind then. */
int task_spawn(const struct spawn *spawn, struct task **out);

static inline struct task *task_from(struct object *object)
{
	return container_of(object, struct task, object);
}

#endif
