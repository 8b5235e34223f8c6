/* SPDX-License-Identifier: MIT */
/*
 * Threads. The kernel itself uses neither FPU nor the user's segment bases, so they are switched
 * between threads and not at every entry.
 */
#include <arch/context.h>
#include <cordon/errno.h>
#include <cordon/memory.h>
#include <kernel/heap.h>
#include <kernel/panic.h>

#include "cpu.h"
#include "layout.h"
#include "local.h"
#include "regs.h"

/* What FXSAVE writes (Intel SDM 1, 10.5.1); the rest is zero in a new thread. */
struct fpu_state {
	uint16_t control;
	uint8_t unused0[22];
	uint32_t mxcsr;
	uint8_t unused1[484];
};
_Static_assert(sizeof(struct fpu_state) == 512, "FXSAVE area");
_Static_assert(offsetof(struct fpu_state, mxcsr) == 24, "FXSAVE area");

#define FPU_CONTROL_INITIAL 0x37f  /* all exceptions masked, extended precision */
#define MXCSR_INITIAL       0x1f80 /* all exceptions masked */

/* The stack of a thread that never ran, as arch_switch pops it, and then thread_begin (switch.S).
 */
struct initial_stack {
	uint64_t continue_at;
	uint64_t entry;
	uint64_t argument;
	uint64_t end[2]; /* ends backtraces; keeps the stack aligned */
};
_Static_assert(sizeof(struct initial_stack) % 16 == 8, "thread_begin calls on 16 bytes");

void thread_begin(void);
_Noreturn void thread_entry_returned(void);
_Noreturn void arch_enter_user_frame(uint64_t rip, uint64_t rsp, uint64_t argument);

_Noreturn void thread_entry_returned(void)
{
	panic("the entry function of a thread returned");
}

int arch_thread_init(struct arch_thread *thread, void (*entry)(void *argument), void *argument,
                     bool user)
{
	struct initial_stack *stack;
	struct fpu_state *fpu;
	int error;

	*thread = (struct arch_thread){0};
	error = arch_stack_alloc(&thread->kernel_stack);
	if (error != 0)
		return error;
	if (user) {
		fpu = heap_alloc(sizeof(*fpu));
		if (fpu == NULL)
			goto no_memory;
		ASSERT(is_aligned((uint64_t)(uintptr_t)fpu, 16));
		fpu->control = FPU_CONTROL_INITIAL;
		fpu->mxcsr = MXCSR_INITIAL;
		thread->fpu = fpu;
	}
	thread->kernel_sp = thread->kernel_stack + STACK_SIZE - sizeof(*stack);
	stack = (struct initial_stack *)(uintptr_t)thread->kernel_sp;
	*stack = (struct initial_stack){
	        .continue_at = (uint64_t)(uintptr_t)thread_begin,
	        .entry = (uint64_t)(uintptr_t)entry,
	        .argument = (uint64_t)(uintptr_t)argument,
	};
	return 0;

no_memory:
	arch_stack_free(thread->kernel_stack);
	thread->kernel_stack = 0;
	return -ENOMEM;
}

void arch_thread_destroy(struct arch_thread *thread)
{
	heap_free(thread->fpu);
	thread->fpu = NULL;
	if (thread->kernel_stack != 0)
		arch_stack_free(thread->kernel_stack);
	thread->kernel_stack = 0;
}

/* --- for reports ----------------------------------------------------------------------------- */

/* What arch_switch pushed last. */
struct saved_stack {
	uint64_t continue_at;
	uint64_t rbp;
};

/* What syscall_entry pushes first (syscall_entry.S). */
struct call_entry {
	uint64_t rbp, rflags, rip, rsp;
};

/* A word of a stack, which the compiler may have marked as nobody's. */
static __attribute__((no_sanitize_address)) uint64_t stack_word(uint64_t address)
{
	return *(const volatile uint64_t *)(uintptr_t)address;
}

static bool on_stack(const struct arch_thread *thread, uint64_t address, size_t size)
{
	return is_aligned(address, 8) && address >= thread->kernel_stack &&
	       address <= thread->kernel_stack + STACK_SIZE - size;
}

size_t arch_thread_calls(const struct arch_thread *thread, uint64_t *calls, size_t max)
{
	uint64_t sp = thread->kernel_sp, frame;
	size_t count = 0;

	if (max == 0 || !on_stack(thread, sp, sizeof(struct saved_stack)))
		return 0;
	calls[count++] = stack_word(sp + offsetof(struct saved_stack, continue_at));
	frame = stack_word(sp + offsetof(struct saved_stack, rbp));
	while (count < max && on_stack(thread, frame, 16)) {
		uint64_t above = stack_word(frame);

		calls[count++] = stack_word(frame + 8);
		if (above <= frame)
			break;
		frame = above;
	}
	return count;
}

bool arch_thread_user(const struct arch_thread *thread, uint64_t *ip, uint64_t *sp, uint64_t *fp)
{
	uint64_t top = thread->kernel_stack + STACK_SIZE;
	uint64_t entry = top - sizeof(struct call_entry),
	         trap = top - sizeof(struct arch_trap_frame);

	if (!thread->fpu)
		return false; /* a kernel thread */
	/* A trap pushes the user's stack segment first, a system call the stack pointer. */
	if (stack_word(top - 8) == SELECTOR_USER_DATA) {
		*ip = stack_word(trap + offsetof(struct arch_trap_frame, rip));
		*sp = stack_word(trap + offsetof(struct arch_trap_frame, rsp));
		*fp = stack_word(trap + offsetof(struct arch_trap_frame, rbp));
	} else {
		*ip = stack_word(entry + offsetof(struct call_entry, rip));
		*sp = stack_word(entry + offsetof(struct call_entry, rsp));
		*fp = stack_word(entry + offsetof(struct call_entry, rbp));
	}
	return *ip != 0;
}

/* --- the user's segment bases -------------------------------------------------------------- */

/* The processor refuses to load a base that is not canonical. What ring 3 loaded itself is, and so
 * is every user address. */

static void save_bases(struct arch_thread *thread)
{
	uint64_t fs, gs;

	if (!cpu_features.fsgsbase)
		return; /* ring 3 could only have zeroed them */
	__asm__ volatile("rdfsbase %0\n\t"
	                 "swapgs\n\t"
	                 "rdgsbase %1\n\t"
	                 "swapgs"
	                 : "=r"(fs), "=r"(gs)::"memory");
	thread->fs_base = fs;
	thread->gs_base = gs;
}

static void load_bases(const struct arch_thread *thread)
{
	if (cpu_features.fsgsbase) {
		__asm__ volatile("wrfsbase %0\n\t"
		                 "swapgs\n\t"
		                 "wrgsbase %1\n\t"
		                 "swapgs" ::"r"(thread->fs_base),
		                 "r"(thread->gs_base)
		                 : "memory");
	} else {
		msr_write(MSR_FS_BASE, thread->fs_base);
		msr_write(MSR_KERNEL_GS_BASE, thread->gs_base);
	}
}

void arch_set_fs_base(uint64_t base)
{
	ASSERT(base < CORDON_USER_MAX);
	msr_write(MSR_FS_BASE, base);
}

/* --- the x87 state ------------------------------------------------------------------------- */

/* Where FXRSTOR does not load the pointers to the last x87 instruction and its operand, a load of
 * the kernel's own sets them, so that they tell nothing of another task. Before it, pending
 * exceptions are cleared, which it would report, and the registers emptied, one of which it takes.
 */
static void forget_fpu_pointers(void)
{
	static const uint32_t constant = 0;

	__asm__ volatile("fnclex\n\t"
	                 "emms\n\t"
	                 "fildl %0" ::"m"(constant)
	                 : "memory");
}

static void load_fpu(const struct fpu_state *fpu)
{
	if (cpu_features.fpu_pointers_stay)
		forget_fpu_pointers();
	__asm__ volatile("fxrstor64 (%0)" ::"r"(fpu) : "memory");
}

/* --- switching ----------------------------------------------------------------------------- */

void arch_switch_state(struct arch_thread *from, struct arch_thread *to)
{
	struct local *cpu = local();
	uint64_t top = to->kernel_stack + STACK_SIZE;

	if (from->fpu != NULL) {
		__asm__ volatile("fxsave64 (%0)" ::"r"(from->fpu) : "memory");
		save_bases(from);
	}
	if (to->fpu != NULL) {
		load_fpu(to->fpu);
		load_bases(to);
		/* Only threads with a user half come from ring 3. */
		cpu->percpu.kernel_sp = top;
		cpu->tss.rsp[0] = top;
	}
}

_Noreturn void arch_enter_user(uint64_t rip, uint64_t rsp, uint64_t argument)
{
	/* IRETQ to a non-canonical address would fault in ring 0. The end of user space is
	 * canonical and nothing is ever mapped there. */
	if (rip >= CORDON_USER_MAX)
		rip = CORDON_USER_MAX;
	arch_enter_user_frame(rip, rsp, argument);
}

void arch_idle(void)
{
	/* STI takes effect after HLT has begun: no interrupt is lost between them. */
	__asm__ volatile("sti\n\thlt\n\tcli" ::: "memory");
}

void arch_interrupt_window(void)
{
	__asm__ volatile("sti\n\tnop\n\tcli" ::: "memory");
}
