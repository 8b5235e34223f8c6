/* SPDX-License-Identifier: MIT */
/* Tasks and threads: how one is started, what it finds, how it ends. */
#ifndef CORDON_TASK_H
#define CORDON_TASK_H

#include <cordon/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CORDON_NAME_MAX       32     /* bytes with the terminating zero */
#define CORDON_SPAWN_HANDLES  64     /* handles given to a new task */
#define CORDON_SPAWN_ARG_MAX  65536u /* bytes of argv and environment strings together */
#define CORDON_SPAWN_ARGC_MAX 256u   /* strings in argv, and in the environment */

/* One handle passed to a new task. The giver needs TRANSFER on it. */
struct cordon_spawn_handle {
	cordon_handle_t handle;     /* in the giver's table; stays there unless MOVE is set */
	uint32_t rights;            /* rights of the new handle, a subset of the old; 0: the same */
	uint32_t flags;             /* CORDON_SPAWN_MOVE */
	uint32_t reserved;          /* zero */
	char name[CORDON_NAME_MAX]; /* how the task finds it; "stdin", "stdout", "stderr" take 0, 1,
	                               2 */
};
CORDON_STATIC_ASSERT(sizeof(struct cordon_spawn_handle) == 48, "cordon_spawn_handle layout");
#define CORDON_SPAWN_MOVE 0x1u

/*
 * What a task may use. It is taken from its creator's budget, and the creator has it again when the
 * task has ended and nothing is left that was charged to it. 0: an eighth of what the creator has
 * left of this kind.
 */
struct cordon_budget {
	uint64_t frames;   /* 4 KiB pages of memory objects it created */
	uint64_t kernel;   /* bytes of kernel memory: its page tables, for CPUs and for devices,
	                      kernel   stacks, what stands for its objects, handles and mappings */
	uint32_t handles;  /* handle table slots */
	uint32_t threads;  /* that have not ended */
	uint32_t mappings; /* regions of its address space plus DMA mappings */
	uint32_t objects;  /* kernel objects it created */
	uint32_t cpu; /* of CORDON_CPU_PARTS: how much of CPU time when all want some; 0: an eighth
	                 of what the creator got, or half of what it has left if that is less */
	uint32_t reserved; /* zero */
};
#define CORDON_CPU_PARTS 1000000u
CORDON_STATIC_ASSERT(sizeof(struct cordon_budget) == 40, "cordon_budget layout");

/* task_spawn: starts a static ELF64 program that lies in a memory object. */
struct cordon_spawn {
	cordon_handle_t image; /* memory object, READ and EXEC */
	uint32_t handle_count; /* <= CORDON_SPAWN_HANDLES */
	uint64_t image_offset; /* where the ELF file starts in the object; any byte */
	uint64_t image_size;   /* bytes */
	uint64_t argv;         /* address of argc strings, each ended by a zero byte */
	uint64_t envp;         /* likewise for the environment */
	uint32_t argv_bytes;   /* bytes at argv, all zero bytes included */
	uint32_t envp_bytes;
	uint64_t handles; /* address of struct cordon_spawn_handle[handle_count] */
	struct cordon_budget budget;
	char name[CORDON_NAME_MAX];
};
CORDON_STATIC_ASSERT(sizeof(struct cordon_spawn) == 128, "cordon_spawn layout");

/*
 * What a new task finds at its stack pointer (16-byte aligned), which is also in %rdi:
 * this header; argc + 1 pointers (argv, null-terminated); envc + 1 pointers; then
 * handle_count struct cordon_startup_handle; then the strings.
 */
struct cordon_startup {
	uint64_t magic; /* CORDON_STARTUP_MAGIC */
	uint32_t argc;
	uint32_t envc;
	uint64_t argv;    /* address of the argv array */
	uint64_t envp;    /* address of the environment array */
	uint64_t handles; /* address of the handle array */
	uint32_t handle_count;
	uint32_t reserved;
	uint64_t stack_low; /* lowest address to which the stack grows; below it lies a guard */
	uint64_t tsc_hz;    /* ticks of rdtsc per second */
};
CORDON_STATIC_ASSERT(sizeof(struct cordon_startup) == 64, "cordon_startup layout");
#define CORDON_STARTUP_MAGIC UINT64_C(0x31304e4f44524f43) /* "CORDON01" */

struct cordon_startup_handle {
	cordon_handle_t handle;
	uint32_t type; /* enum cordon_object_type */
	char name[CORDON_NAME_MAX];
};
CORDON_STATIC_ASSERT(sizeof(struct cordon_startup_handle) == 40, "cordon_startup_handle layout");

enum cordon_task_state {
	CORDON_TASK_RUNNING = 0,
	CORDON_TASK_ENDING = 1, /* threads are gone or going, devices are being quiesced */
	CORDON_TASK_ENDED = 2,
};

enum cordon_task_cause {
	CORDON_CAUSE_NONE = 0,  /* it still runs */
	CORDON_CAUSE_EXIT = 1,  /* task_exit; code is what it passed */
	CORDON_CAUSE_KILL = 2,  /* task_kill; code is what the killer passed */
	CORDON_CAUSE_FAULT = 3, /* CPU exception; code is the vector */
	CORDON_CAUSE_DMA = 4,   /* for fault policies; there are none yet */
	CORDON_CAUSE_STACK = 5, /* a stack came to its limit, or there was no memory for it; code is
	                           ENOSPC or ENOMEM */
};

struct cordon_task_info {
	uint64_t id;
	uint32_t state; /* enum cordon_task_state */
	uint32_t cause; /* enum cordon_task_cause */
	int64_t code;
	uint64_t frames;  /* charged now, to the task itself; so are the next five */
	uint32_t handles; /* in use */
	uint32_t threads;
	uint32_t mappings;
	uint32_t objects;
	uint64_t cpu_ns;        /* time on a CPU */
	uint64_t fault_address; /* FAULT, STACK: the address (page fault) or the instruction */
	char name[CORDON_NAME_MAX];
	uint64_t kernel;             /* bytes charged now */
	struct cordon_budget budget; /* its limits */
	/* What of them tasks have that it created; when it has ended, also what its own creator has
	 * again. */
	struct cordon_budget lent;
	struct cordon_budget refused; /* how often each limit refused something (docs/budgets.md) */
};
CORDON_STATIC_ASSERT(sizeof(struct cordon_task_info) == 224, "cordon_task_info layout");

/* thread_create */
struct cordon_thread {
	uint64_t entry;    /* first instruction */
	uint64_t stack;    /* initial stack pointer */
	uint64_t argument; /* arrives in %rdi */
	uint64_t fs_base;  /* thread pointer */
	char name[CORDON_NAME_MAX];
};
CORDON_STATIC_ASSERT(sizeof(struct cordon_thread) == 64, "cordon_thread layout");

/* thread_set */
struct cordon_thread_settings {
	uint32_t what;       /* CORDON_THREAD_SET_*; the rest is ignored where its bit is not set */
	uint32_t scheduling; /* CORDON_THREAD_NORMAL or _REALTIME */
	uint64_t cpus;       /* bit n: it may run on CPU n; those that do not exist are ignored */
	char name[CORDON_NAME_MAX];
};
CORDON_STATIC_ASSERT(sizeof(struct cordon_thread_settings) == 48, "cordon_thread_settings layout");
#define CORDON_THREAD_SET_NAME  0x1u
#define CORDON_THREAD_SET_CPUS  0x2u
#define CORDON_THREAD_SET_CLASS 0x4u

/* Classes. Tasks share the CPUs fairly; a real-time thread that wakes runs at once, as long as its
 * task takes no more than its share. */
#define CORDON_THREAD_NORMAL   0u
#define CORDON_THREAD_REALTIME 1u

/* thread_info */
struct cordon_thread_info {
	uint64_t id;     /* of the object: never reused */
	uint64_t cpu_ns; /* time on a CPU */
	uint64_t cpus;   /* bit n: it may run on CPU n, which exists */
	uint32_t cpu;    /* the one it runs on, or ran on last */
	uint32_t scheduling;
	char name[CORDON_NAME_MAX];
};
CORDON_STATIC_ASSERT(sizeof(struct cordon_thread_info) == 64, "cordon_thread_info layout");

#ifdef __cplusplus
}
#endif
#endif
