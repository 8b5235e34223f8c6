/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arch/context.h>
#include <arch/paging.h>
#include <arch/percpu.h>
#include <arch/smp.h>
#include <kernel/clock.h>
#include <kernel/heap.h>
#include <kernel/lock.h>
#include <tests/unit/fake/fake.h>
#include <tests/unit/kernel/cpu_sim.h>

#include <tests/random.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

#define STACK_BYTES (256 * 1024)
#define STEP_NS     50100 /* not a part of a slice: the timer comes a little late, as it does */
#define TASKS_MAX   64

/* A stack with what runs on it; the test itself has one, too. */
struct fiber {
	void *sp;
	void *stack; /* NULL: the test's */
	void *fake_stack;
	const void *bottom;
	size_t size;
	struct thread *thread;
	void (*body)(void *argument);
	void *argument;
};

struct cpu {
	struct percpu percpu;
	struct fiber *fiber; /* what it goes on with */
	uint64_t timer;
	const struct arch_paging *paging; /* loaded */
	bool kicked;
	struct sim_counts counts;
};

static struct cpu cpus[SIM_CPUS_MAX];
static unsigned int cpu_count;
static struct fiber test_fiber, *running = &test_fiber;
static struct random dice;
static uint32_t overtake_one_of, step_one_of;
static struct task *tasks[TASKS_MAX];
static unsigned int task_count;

unsigned int sim_released;

/* --- fibers ---------------------------------------------------------------------------------- */

/* Saves the stack pointer with what a function may not change, and continues with another one. */
void sim_switch_stacks(void **save, void *load);
__asm__(".text\n"
        ".globl sim_switch_stacks\n"
        "sim_switch_stacks:\n\t"
        "pushq %rbp\n\tpushq %rbx\n\tpushq %r12\n\tpushq %r13\n\tpushq %r14\n\tpushq %r15\n\t"
        "movq %rsp, (%rdi)\n\t"
        "movq %rsi, %rsp\n\t"
        "popq %r15\n\tpopq %r14\n\tpopq %r13\n\tpopq %r12\n\tpopq %rbx\n\tpopq %rbp\n\t"
        "ret\n");

struct first_frame {
	uint64_t registers[6];
	void (*begin)(void);
	uint64_t end; /* where a return address would be: the stack is aligned as after a call */
};

static void fiber_arrived(void)
{
#if defined(__SANITIZE_ADDRESS__)
	const void *bottom;
	size_t size;

	__sanitizer_finish_switch_fiber(running->fake_stack, &bottom, &size);
	if (!test_fiber.bottom) { /* the first switch came from there */
		test_fiber.bottom = bottom;
		test_fiber.size = size;
	}
#endif
}

static void fiber_switch(struct fiber *to)
{
	struct fiber *from = running;

	running = to;
#if defined(__SANITIZE_ADDRESS__)
	__sanitizer_start_switch_fiber(&from->fake_stack, to->bottom, to->size);
#endif
	sim_switch_stacks(&from->sp, to->sp);
	fiber_arrived();
}

static void fiber_begin(void)
{
	fiber_arrived();
	running->body(running->argument);
	cr_assert_fail("the end of a fiber");
}

static struct fiber *fiber_create(void (*body)(void *), void *argument)
{
	struct fiber *fiber = calloc(1, sizeof(*fiber));
	struct first_frame *first;

	fiber->stack = malloc(STACK_BYTES);
	fiber->bottom = fiber->stack;
	fiber->size = STACK_BYTES;
	fiber->body = body;
	fiber->argument = argument;
	first = (struct first_frame *)((char *)fiber->stack + STACK_BYTES) - 1;
	*first = (struct first_frame){.begin = fiber_begin};
	fiber->sp = first;
	return fiber;
}

static void fiber_free(struct fiber *fiber)
{
	free(fiber->stack);
	free(fiber);
}

/* --- processors ------------------------------------------------------------------------------ */

static struct cpu *here(void)
{
	return container_of(fake_percpu_here, struct cpu, percpu);
}

unsigned int sim_cpu(void)
{
	return percpu_number();
}

const struct sim_counts *sim_counts(unsigned int cpu)
{
	return &cpus[cpu].counts;
}

bool sim_is_loaded(const struct task *task)
{
	for (unsigned int i = 0; i < cpu_count; i++)
		if (cpus[i].paging == &task->aspace->paging)
			return true;
	return false;
}

uint64_t sim_timer(unsigned int cpu)
{
	return cpus[cpu].timer;
}

/* The other processors' turn. */
static void let_others(void)
{
	struct cpu *cpu = here();

	cpu->fiber = running;
	fiber_switch(&test_fiber);
}

static void interrupts(void)
{
	struct cpu *cpu = here();

	if (cpu->kicked) {
		cpu->kicked = false;
		sched_kicked();
	}
	if (cpu->timer <= clock_now()) {
		cpu->timer = UINT64_MAX;
		cpu->counts.timers++;
		sched_timer();
	}
}

void arch_interrupt_window(void)
{
	let_others();
	interrupts();
}

void sim_user(uint64_t ns)
{
	uint64_t spent = 0;

	/* Time that others get is not the thread's own. */
	while (spent < ns) {
		uint64_t before = clock_now();
		const struct thread *self = thread_current();

		let_others();
		spent += clock_now() - before;
		interrupts();
		while (percpu()->need_return)
			sched_return();
		cr_assert_eq(thread_current(), self);
		cr_assert_eq(here()->paging, &self->task->aspace->paging);
	}
}

bool sim_run(uint64_t until, const bool *done)
{
	while (clock_now() < until) {
		unsigned int first = overtake_one_of ? (unsigned int)random_below(&dice, cpu_count)
		                                     : 0;

		if (done && *done)
			return true;
		fake_clock_advance(overtake_one_of ? random_below(&dice, STEP_NS) : STEP_NS);
		for (unsigned int i = 0; i < cpu_count; i++) {
			struct cpu *cpu = &cpus[(first + i) % cpu_count];

			/* Not each gets equally far. */
			if (overtake_one_of && random_below(&dice, 2))
				continue;
			fake_percpu_here = &cpu->percpu;
			fiber_switch(cpu->fiber);
		}
	}
	return done && *done;
}

static void idle(void *argument)
{
	(void)argument;
	cr_assert_eq(sched_init(percpu()), 0);
	percpu()->idle->arch.fpu = running;
	let_others();
	sched_idle();
}

void sim_start(unsigned int count, uint64_t seed)
{
	cpu_count = count;
	dice.state = seed | 1;
	for (unsigned int i = 0; i < count; i++) {
		struct cpu *cpu = &cpus[i];

		cpu->percpu.self = &cpu->percpu;
		cpu->percpu.number = i;
		cpu->timer = UINT64_MAX;
		fake_percpu_here = &cpu->percpu;
		fiber_switch(fiber_create(idle, NULL));
	}
	fake_percpu_here = &cpus[0].percpu;
}

void sim_interleave(uint32_t one_of)
{
	overtake_one_of = one_of;
}

void sim_interleave_steps(uint32_t one_of)
{
	step_one_of = one_of;
}

/* --- tasks and threads ------------------------------------------------------------------------ */

static void thread_destroy(struct object *object)
{
	struct thread *thread = thread_from(object);

	cr_assert_neq(running->thread, thread, "its stack is in use");
	fiber_free(thread->arch.fpu);
	heap_free(thread);
	sim_released++;
}

static const struct object_ops thread_ops = {
        .name = "thread",
        .type = CORDON_OBJECT_THREAD,
        .destroy = thread_destroy,
};

struct task *sim_task(const char *name)
{
	struct task *task = calloc(1, sizeof(*task));

	cr_assert_lt(task_count, TASKS_MAX);
	tasks[task_count++] = task; /* so that nobody calls it leaked */
	snprintf(task->name, sizeof(task->name), "%s", name);
	task->aspace = calloc(1, sizeof(*task->aspace));
	task->paging = &task->aspace->paging;
	task->account = calloc(1, sizeof(*task->account));
	task->account->cpu_rate = 1 << 16;
	list_init(&task->threads);
	return task;
}

_Noreturn void thread_exit(void)
{
	list_remove(&thread_current()->task_link);
	sched_exit();
}

static void thread_body(void *argument)
{
	struct fiber *fiber = running;
	void (*body)(void *);

	(void)argument;
	sched_finish_switch();
	while (percpu()->need_return)
		sched_return();
	body = (void (*)(void *))(uintptr_t)fiber->thread->entry;
	body((void *)(uintptr_t)fiber->thread->argument);
	thread_exit();
}

struct thread *sim_thread(struct task *task, const char *name, void (*body)(void *), void *argument)
{
	struct thread *thread = heap_alloc(sizeof(*thread));
	struct fiber *fiber = fiber_create(thread_body, NULL);

	object_init(&thread->object, &thread_ops);
	fiber->thread = thread;
	thread->task = task;
	thread->arch.fpu = fiber;
	thread->entry = (uint64_t)(uintptr_t)body;
	thread->argument = (uint64_t)(uintptr_t)argument;
	thread->queue = percpu_queue();
	thread->deadline = UINT64_MAX;
	thread->cpus = UINT64_MAX;
	list_init(&thread->run_link);
	list_init(&thread->sleep_link);
	snprintf(thread->name, sizeof(thread->name), "%s", name);
	list_append(&task->threads, &thread->task_link);
	sched_enqueue(thread);
	return thread;
}

void sim_slow(struct task *task, uint32_t times)
{
	task->account->cpu_rate = (uint64_t)times << 16;
}

void sim_end(struct task *task)
{
	struct thread *thread;

	task->ending = true;
	list_for_each(thread, &task->threads, task_link) sched_kick(thread);
}

/* --- what the scheduler asks of a processor --------------------------------------------------- */

void arch_switch(struct arch_thread *from, struct arch_thread *to)
{
	cr_assert_eq(from->fpu, running, "who runs is who is switched from");
	here()->counts.switches++;
	fiber_switch(to->fpu);
}

void arch_paging_switch(struct arch_paging *paging)
{
	here()->paging = paging;
}

void arch_timer_set(uint64_t deadline)
{
	here()->timer = deadline;
	here()->counts.timer_sets++;
}

void arch_cpu_kick(unsigned int number)
{
	cr_assert_neq(number, percpu_number(), "nobody kicks itself");
	cpus[number].kicked = true;
	here()->counts.kicks++;
}

unsigned int arch_cpu_count(void)
{
	return cpu_count;
}

struct percpu *arch_cpu(unsigned int number)
{
	return &cpus[number].percpu;
}

void arch_smp_poll(void)
{
}

void arch_idle(void)
{
	here()->counts.idles++;
	let_others();
	interrupts();
}

/* --- where processors overtake each other ----------------------------------------------------- */

static void overtaken(uint32_t one_of)
{
	if (one_of && running != &test_fiber && random_below(&dice, one_of) == 0)
		let_others();
}

/* The compiler calls it at the beginning of each basic block. */
void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
	overtaken(step_one_of);
}

static void maybe_let_others(void)
{
	overtaken(overtake_one_of);
}

void lock_check_order(const struct spinlock *lock)
{
	(void)lock;
	maybe_let_others();
}

void lock_record(const struct spinlock *lock)
{
	(void)lock;
	percpu()->lock_depth++;
	maybe_let_others();
}

void lock_forget(const struct spinlock *lock)
{
	cr_assert(spin_held(lock));
	percpu()->lock_depth--;
	maybe_let_others();
}

void spin_wait(struct spinlock *lock, uint32_t ticket)
{
	while (__atomic_load_n(&lock->owner, __ATOMIC_ACQUIRE) != ticket) {
		cr_assert(overtake_one_of, "one at a time: nobody can hold it");
		let_others();
	}
}

void spin_init(struct spinlock *lock, enum lock_rank rank, const char *name)
{
	*lock = (struct spinlock)SPINLOCK_INIT((uint16_t)rank, name);
}
