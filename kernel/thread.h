/* SPDX-License-Identifier: MIT */
/*
 * Threads. A thread belongs to a task (NULL: the kernel's own) and has one kernel stack, on
 * which it also blocks. It is an object: the handle of a thread waits for its end.
 */
#ifndef KERNEL_THREAD_H
#define KERNEL_THREAD_H

#include <arch/context.h>
#include <arch/percpu.h>
#include <cordon/task.h>
#include <kernel/object.h>

struct task;
struct trace;

enum thread_state {
	THREAD_READY,
	THREAD_RUNNING,
	THREAD_BLOCKED,
	THREAD_DEAD,
};

struct thread {
	struct object object;
	struct arch_thread arch;
	struct task *task;      /* a reference; NULL: kernel thread */
	struct list task_link;  /* in task.threads, under task.lock */
	struct list run_link;   /* in the queue's list while READY, but for the way into it */
	struct list sleep_link; /* in the sleepers while BLOCKED with a deadline */
	enum thread_state state;
	/* Of the CPU it belongs to: runs on, waits for or ran on last. Its lock also guards the
	 * state, the links and the CPUs. Only who holds that lock gives the thread to another
	 * queue, and only when it is in no list. */
	struct run_queue *queue;
	uint64_t cpus; /* bit n: it may run on CPU n */
	bool realtime;
	uint16_t mutex_rank; /* of the mutex it took last and still holds; debug kernels */
	bool counted;        /* charged as a thread, until it exits */
	bool wake_pending;   /* woken since it last began to wait */
	uint64_t deadline;   /* monotonic ns; UINT64_MAX: it is not in the sleepers */
	uint64_t run_start;
	uint64_t cpu_ns;
	struct trace *trace;             /* NULL: it was never traced */
	uint64_t entry, stack, argument; /* where a user thread starts */
	char name[CORDON_NAME_MAX];      /* changed under task.lock */
};

/* A thread of a task, not yet running. fs_base may be zero. Charged to the task: as one thread
 * until it exits, its memory until the last handle goes. Returns 0, -ENOMEM. */
int thread_create(struct task *task, const char *name, uint64_t entry, uint64_t stack,
                  uint64_t argument, uint64_t fs_base, struct thread **out);

/* Lets a new thread run. The scheduler holds a reference until it is dead. */
void thread_start(struct thread *thread);

/* Nanoseconds that it had on a CPU: up to now for the running thread, for others up to their last
 * switch. */
uint64_t thread_cpu_time(const struct thread *thread);

void thread_rename(struct thread *thread, const char *name);
void thread_describe(struct thread *thread, struct cordon_thread_info *out);

/* arch_timestamp when the first user thread of all, init's, was about to run. */
uint64_t thread_first_entry(void);

/* Ends the calling thread; the last one of a task ends the task. */
_Noreturn void thread_exit(void);

static inline struct thread *thread_current(void)
{
	return percpu_current();
}

static inline struct thread *thread_from(struct object *object)
{
	return container_of(object, struct thread, object);
}

#endif
