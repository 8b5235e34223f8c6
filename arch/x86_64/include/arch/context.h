/* SPDX-License-Identifier: MIT */
/* Threads as the CPU sees them: kernel stacks, switching, entering ring 3, the timer. */
#ifndef ARCH_CONTEXT_H
#define ARCH_CONTEXT_H

#include <kernel/types.h>

/* User registers as they are saved at a trap from ring 3 (for reports). */
struct arch_trap_frame {
	uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss;
};

struct arch_thread {
	uint64_t kernel_sp;    /* saved stack pointer while it does not run */
	uint64_t kernel_stack; /* lowest address of its stack; a guard page lies below */
	uint64_t fs_base;      /* a user address; may be set before the thread first runs */
	uint64_t gs_base;      /* of ring 3; tasks set it themselves (WRGSBASE) */
	void *fpu;             /* FXSAVE area; NULL for kernel threads */
};

#if defined(CORDON_ASAN) && CORDON_ASAN
#define ARCH_KERNEL_STACK_SIZE (32 * 1024)
#else
#define ARCH_KERNEL_STACK_SIZE (16 * 1024)
#endif

/* Kernel memory of a user thread, in bytes: its stack and its FPU state. */
#define ARCH_THREAD_MEMORY (ARCH_KERNEL_STACK_SIZE + 1024)

/* A kernel stack with a guard page below it. Returns -ENOMEM. */
int arch_stack_alloc(uint64_t *stack_low);
void arch_stack_free(uint64_t stack_low);

/* Frames of stacks that nobody has, kept for the next who wants one. */
uint64_t arch_stack_kept_frames(void);

/*
 * Prepares a thread that, when first switched to, calls entry(argument) on its own kernel stack
 * with interrupts off. A user thread's entry function ends with arch_enter_user. user: also
 * allocates FPU state (initial: x87 and SSE defaults).
 */
int arch_thread_init(struct arch_thread *thread, void (*entry)(void *argument), void *argument,
                     bool user);
void arch_thread_destroy(struct arch_thread *thread);

/* The half of arch_switch that is not the stack: FPU state, the bases of fs and gs, the kernel
 * stack for traps. */
void arch_switch_state(struct arch_thread *from, struct arch_thread *to);

/*
 * Saves into from, continues to; returns when from is switched to again. The address space is
 * switched by the caller.
 *
 * Inline, so that the compiler saves only what the function around it needs. Onto the stack go the
 * frame pointer and where to continue (struct initial_stack in context.c has the same).
 */
static inline void arch_switch(struct arch_thread *from, struct arch_thread *to)
{
	uint64_t load = to->kernel_sp;
	uint64_t *save = &from->kernel_sp;

	arch_switch_state(from, to);
	__asm__ volatile("pushq	%%rbp\n\t"
	                 "leaq	1f(%%rip), %%rax\n\t"
	                 "pushq	%%rax\n\t"
	                 "movq	%%rsp, (%[save])\n\t"
	                 "movq	%[load], %%rsp\n\t"
	                 "popq	%%rax\n\t"
	                 "jmp	*%%rax\n"
	                 "1:\n\t"
	                 "popq	%%rbp"
	                 : [save] "+D"(save), [load] "+S"(load)
	                 :
	                 : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13",
	                   "r14", "r15", "memory", "cc");
}

/* Where calls return to that a thread is in, in the kernel, innermost first: at most max. The
 * thread does not run, or what is found is old; only its stack is read. */
size_t arch_thread_calls(const struct arch_thread *thread, uint64_t *calls, size_t max);

/* Where a thread's program was when it entered the kernel: instruction, stack and frame pointer.
 * False: it never ran. */
bool arch_thread_user(const struct arch_thread *thread, uint64_t *ip, uint64_t *sp, uint64_t *fp);

/* Goes to ring 3 for the first time: rip, rsp, first argument (%rdi); all other registers zero.
 * Takes any values: a bad rip or rsp is a fault of the task. The kernel stack starts afresh. */
_Noreturn void arch_enter_user(uint64_t rip, uint64_t rsp, uint64_t argument);

/* Thread pointer of the running thread, a user address. */
void arch_set_fs_base(uint64_t base);

/* Asks for a timer interrupt at a monotonic time, in place of the one asked for before (the
 * scheduler keeps the order). UINT64_MAX: none. A time that has passed: at once. trap_timer is
 * never called before that time, and once only. */
void arch_timer_set(uint64_t deadline_ns);

/* Idle: enables interrupts and halts until one came; interrupts are off again on return. */
void arch_idle(void);

/* A preemption point in a long kernel operation: lets pending interrupts in. No lock is held. */
void arch_interrupt_window(void);

/* Name of an exception vector, as "page fault"; "unknown exception" for others. */
const char *arch_trap_name(uint64_t vector);

/*
 * What the kernel provides to arch (kernel/trap.c):
 * trap_user_fault: an exception in ring 3. It returns when the instruction can be tried again (a
 * stack grew); otherwise it ends the task, and either does not return, or returns with percpu
 * need_return set and trap_return does not come back.
 * trap_timer: the timer interrupt.
 * trap_return: called with interrupts off before a return to ring 3 while percpu need_return is
 * set, again and again until it is zero.
 */
struct arch_fault {
	const struct arch_trap_frame *frame;
	uint64_t address; /* CR2 for page faults */
};
void trap_user_fault(const struct arch_fault *fault);

/* A copy from or to the running task met a page fault at a user address, with no lock held; error:
 * the processor's code. True: the page is there now, the access is tried again. */
bool trap_user_copy_fault(uint64_t address, uint64_t error);
void trap_timer(void);
void trap_return(void);

#endif
