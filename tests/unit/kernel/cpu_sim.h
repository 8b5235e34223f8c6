/* SPDX-License-Identifier: MIT */
/*
 * Processors for the real scheduler, on the host: threads are fibers, time passes when the test
 * says so, and everything is repeated exactly from a seed.
 *
 * One host thread plays all processors, one after the other. A processor goes on until it is in
 * user mode or idle, where interrupts come in; or, when interleaving is on, to a lock that it is
 * about to take or give back, where any other may overtake it. Code that is compiled with
 * -fsanitize-coverage=trace-pc may be overtaken between any two of its basic blocks.
 */
#ifndef TESTS_CPU_SIM_H
#define TESTS_CPU_SIM_H

#include <kernel/sched.h>
#include <kernel/task.h>

#define SIM_CPUS_MAX 8
#define SIM_MS       UINT64_C(1000000)

struct sim_counts {
	uint64_t timers; /* timer interrupts */
	uint64_t timer_sets;
	uint64_t kicks;    /* sent */
	uint64_t idles;    /* how often it had nothing to do */
	uint64_t switches; /* from one thread to another */
};

/* Starts processors, each idle. */
void sim_start(unsigned int cpus, uint64_t seed);

/* Lets processors overtake each other at locks: at one of so many; 0: not at all. */
void sim_interleave(uint32_t one_of);

/* The same at one of so many basic blocks. */
void sim_interleave_steps(uint32_t one_of);

/* A task that never ends. */
struct task *sim_task(const char *name);

/* Gives a task so many times less CPU time than others have. */
void sim_slow(struct task *task, uint32_t times);

/* A thread that runs body(argument) and then ends. It may run anywhere, and starts at once. */
struct thread *sim_thread(struct task *task, const char *name, void (*body)(void *),
                          void *argument);

/* Lets time pass, in steps, until it is this late or, if done is given, that is true. Returns
 * whether it is. */
bool sim_run(uint64_t until, const bool *done);

/* For bodies: is in user mode for a while. Interrupts come in and the thread may be preempted. */
void sim_user(uint64_t ns);

/* The processor that the caller runs on, and what happened on one. */
unsigned int sim_cpu(void);
const struct sim_counts *sim_counts(unsigned int cpu);

/* When the timer of one is to come; UINT64_MAX: never. */
uint64_t sim_timer(unsigned int cpu);

/* Whether a processor has the address space of a task loaded. */
bool sim_is_loaded(const struct task *task);

/* Threads that were released after their end. */
extern unsigned int sim_released;

/* Marks a task as ending and tells its threads, as task_end does. */
void sim_end(struct task *task);

#endif
