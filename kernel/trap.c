/* SPDX-License-Identifier: MIT */
/* What arch calls when ring 3 faults, when the timer fires, and before ring 3 is entered again. */
#define LOG_TAG "trap"
#include <arch/context.h>
#include <arch/smp.h>
#include <cordon/errno.h>
#include <kernel/backtrace.h>
#include <kernel/log.h>
#include <kernel/panic.h>
#include <kernel/sched.h>
#include <kernel/task.h>
#include <kernel/trap.h>
#include <kernel/user.h>

#define VECTOR_PAGE_FAULT 14
#define CODE_BYTES        8 /* of the instruction stream shown in a report */

static const char *const vector_names[32] = {
        [0] = "divide error",
        [1] = "debug",
        [3] = "breakpoint",
        [4] = "overflow",
        [5] = "bound range",
        [6] = "invalid opcode",
        [7] = "no FPU",
        [8] = "double fault",
        [10] = "invalid TSS",
        [11] = "segment not present",
        [12] = "stack fault",
        [13] = "general protection",
        [14] = "page fault",
        [16] = "x87 error",
        [17] = "alignment check",
        [19] = "SIMD error",
        [21] = "control protection",
};

/* Page-fault error code, Intel SDM 3, 4.7. */
#define PF_PRESENT 0x1u
#define PF_WRITE   0x2u
#define PF_FETCH   0x10u

static const char *access_name(uint64_t error)
{
	if (error & PF_FETCH)
		return "execution of";
	return error & PF_WRITE ? "write to" : "read of";
}

static void report_code(uint64_t rip)
{
	uint8_t code[CODE_BYTES];

	if (user_read(code, uaddr(rip), sizeof(code)))
		log_error("  code: not readable");
	else
		log_error("  code: %02x %02x %02x %02x %02x %02x %02x %02x", code[0], code[1],
		          code[2], code[3], code[4], code[5], code[6], code[7]);
}

static void report_registers(const struct arch_trap_frame *f)
{
#define R(name) (unsigned long long)f->name
	log_error("  rip %016llx rsp %016llx rflags %llx", R(rip), R(rsp), R(rflags));
	log_error("  rax %016llx rbx %016llx rcx %016llx rdx %016llx", R(rax), R(rbx), R(rcx),
	          R(rdx));
	log_error("  rsi %016llx rdi %016llx rbp %016llx r8  %016llx", R(rsi), R(rdi), R(rbp),
	          R(r8));
	log_error("  r9  %016llx r10 %016llx r11 %016llx r12 %016llx", R(r9), R(r10), R(r11),
	          R(r12));
	log_error("  r13 %016llx r14 %016llx r15 %016llx", R(r13), R(r14), R(r15));
#undef R
}

/* --- counters -------------------------------------------------------------------------------- */

static uint64_t faults, growths;

uint64_t trap_fault_count(void)
{
	return __atomic_load_n(&faults, __ATOMIC_RELAXED);
}

uint64_t trap_growth_count(void)
{
	return __atomic_load_n(&growths, __ATOMIC_RELAXED);
}

static void count(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

/* --- backtraces ------------------------------------------------------------------------------ */

static int read_own(void *context, void *to, uint64_t from, size_t size)
{
	(void)context;
	return user_read(to, uaddr(from), size);
}

static void log_place(void *context, uint64_t address, const char *name, uint64_t offset,
                      bool guess)
{
	(void)context;
	if (*name)
		log_error("  %016llx %s+%#llx%s", (unsigned long long)address, name,
		          (unsigned long long)offset, guess ? " ?" : "");
	else
		log_error("  %016llx", (unsigned long long)address);
}

/* The calls that the running task is in. No stack grows for the sake of a report. */
static void report_calls(const struct arch_trap_frame *frame)
{
	const struct backtrace backtrace = {
	        .program = &task_current()->program,
	        .ip = frame->rip,
	        .sp = frame->rsp,
	        .fp = frame->rbp,
	        .read = read_own,
	        .put = log_place,
	};

	percpu()->copies_grow_nothing = true;
	backtrace_walk(&backtrace);
	percpu()->copies_grow_nothing = false;
}

/* All that is known of a task that is about to be ended for what it did. */
static void report(const struct arch_trap_frame *frame)
{
	count(&faults);
	report_registers(frame);
	report_code(frame->rip);
	report_calls(frame);
}

/* --- faults ---------------------------------------------------------------------------------- */

/* A page that is not there may be the next of a stack that grows. Returns what aspace_grow does. */
static int grow_stack(uint64_t address, uint64_t error)
{
	const struct task *task = task_current();
	int result = -EFAULT;

	if (task && !(error & (PF_PRESENT | PF_FETCH)))
		result = aspace_grow(task->aspace, uaddr(address));
	if (!result)
		count(&growths);
	return result;
}

bool trap_user_copy_fault(uint64_t address, uint64_t error)
{
	return !percpu()->copies_grow_nothing && grow_stack(address, error) == 0;
}

/* A stack that should have grown and could not. */
static void end_for_stack(const struct arch_fault *fault, int reason)
{
	struct thread *thread = thread_current();
	struct task *task = thread->task;

	log_error("task %s (%llu), thread %s: %s: %016llx", task->name,
	          (unsigned long long)task->id, thread->name,
	          reason == -ENOSPC ? "stack overflow, in the guard below its limit"
	                            : "no memory or budget for its stack",
	          (unsigned long long)fault->address);
	report(fault->frame);
	task_end(task, CORDON_CAUSE_STACK, -reason, fault->address);
	sched_return();
	panic("a task without a stack goes on");
}

void trap_user_fault(const struct arch_fault *fault)
{
	const struct arch_trap_frame *frame = fault->frame;
	struct thread *thread = thread_current();
	struct task *task = thread->task;
	uint64_t vector = frame->vector;
	uint64_t where = vector == VECTOR_PAGE_FAULT ? fault->address : frame->rip;
	const char *name = vector < 32 && vector_names[vector] ? vector_names[vector] : "exception";

	if (vector == VECTOR_PAGE_FAULT) {
		int error = grow_stack(fault->address, frame->error);

		if (error == 0)
			return;
		if (error != -EFAULT)
			end_for_stack(fault, error);
	}
	if (vector == VECTOR_PAGE_FAULT)
		log_error("task %s (%llu), thread %s: page fault: %s %016llx, %s", task->name,
		          (unsigned long long)task->id, thread->name, access_name(frame->error),
		          (unsigned long long)fault->address,
		          frame->error & PF_PRESENT ? "not permitted" : "not mapped");
	else
		log_error("task %s (%llu), thread %s: %s, vector %llu, error code %llx", task->name,
		          (unsigned long long)task->id, thread->name, name,
		          (unsigned long long)vector, (unsigned long long)frame->error);
	report(frame);
	task_end(task, CORDON_CAUSE_FAULT, (int64_t)vector, where);
	sched_return();
	panic("a task that faulted goes on");
}

void trap_timer(void)
{
	sched_timer();
}

void trap_kick(void)
{
	sched_kicked();
}

int trap_cpu_prepare(struct percpu *cpu, uint64_t stack_low)
{
	int error = sched_init(cpu);

	if (!error)
		cpu->idle->arch.kernel_stack = stack_low;
	return error;
}

void trap_cpu_begin(void)
{
	sched_idle();
}

void trap_return(void)
{
	sched_return();
}
