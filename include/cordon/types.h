/* SPDX-License-Identifier: MIT */
/*
 * Basic types of the interface between kernel and tasks.
 *
 * Everything under include/cordon/ is plain C, valid C++, and the same for the kernel,
 * for tasks and for tests on the host. All structures have fixed layouts: fixed-width
 * members, no implicit padding, sizes asserted.
 */
#ifndef CORDON_TYPES_H
#define CORDON_TYPES_H

#include <stdint.h>

#ifdef __cplusplus
#define CORDON_STATIC_ASSERT(cond, text) static_assert(cond, text)
extern "C" {
#else
#define CORDON_STATIC_ASSERT(cond, text) __extension__ _Static_assert(cond, text)
#endif

/*
 * A handle names an object in the handle table of one task. It is a small non-negative
 * integer: the low CORDON_HANDLE_INDEX_BITS are the slot, the bits above count how often
 * the slot was reused. A stale handle is therefore EBADF and never another object.
 */
typedef int32_t cordon_handle_t;

#define CORDON_HANDLE_NONE       (-1)
#define CORDON_HANDLE_INDEX_BITS 12 /* 4096 handles per task */
#define CORDON_HANDLE_MAX        (1 << CORDON_HANDLE_INDEX_BITS)

/* Where stdin, stdout and stderr are, if a task was given them (console objects). */
#define CORDON_STDIN  0
#define CORDON_STDOUT 1
#define CORDON_STDERR 2

/* What a handle allows. Duplication and transfer can only reduce rights. */
#define CORDON_RIGHT_READ     0x0001u /* read contents or state */
#define CORDON_RIGHT_WRITE    0x0002u /* change contents or state */
#define CORDON_RIGHT_EXEC     0x0004u /* map executable, spawn from */
#define CORDON_RIGHT_MAP      0x0008u /* map into an address space or a DMA window */
#define CORDON_RIGHT_DUP      0x0010u /* duplicate the handle */
#define CORDON_RIGHT_TRANSFER 0x0020u /* give the handle to another task */
#define CORDON_RIGHT_WAIT     0x0040u /* wait on the object */
#define CORDON_RIGHT_MANAGE   0x0080u /* kill a task, open groups, power off */
#define CORDON_RIGHT_INSPECT  0x0100u /* read system state and physical memory (authority only) */
#define CORDON_RIGHTS_ALL     0x01ffu

/* What kind of object a handle names (cordon_handle_info.type). */
enum cordon_object_type {
	CORDON_OBJECT_NONE = 0,
	CORDON_OBJECT_AUTHORITY = 1, /* device authority: opens groups, inspects, powers off */
	CORDON_OBJECT_CONSOLE = 2,
	CORDON_OBJECT_MEMORY = 3,
	CORDON_OBJECT_TASK = 4,
	CORDON_OBJECT_THREAD = 5,
	CORDON_OBJECT_EVENT = 6,
	CORDON_OBJECT_CHANNEL = 7,
	CORDON_OBJECT_CONTAINER = 8,
	CORDON_OBJECT_GROUP = 9,
	CORDON_OBJECT_DEVICE = 10,
	CORDON_OBJECT_TYPES = 11,
};

struct cordon_handle_info {
	uint32_t type;   /* enum cordon_object_type */
	uint32_t rights; /* CORDON_RIGHT_* */
	uint64_t id;     /* unique number of the object, never reused */
};
CORDON_STATIC_ASSERT(sizeof(struct cordon_handle_info) == 16, "cordon_handle_info layout");

/* Signals an object can raise; a wait names the ones it is interested in. */
/* console: input; event: counter not zero; container: fault; channel: message */
#define CORDON_SIGNAL_READABLE 0x1u
/* event: at least 1 can be added; channel: the other end has room for a message */
#define CORDON_SIGNAL_WRITABLE    0x2u
#define CORDON_SIGNAL_TERMINATED  0x4u /* task or thread: it ended and all it held is released */
#define CORDON_SIGNAL_PEER_CLOSED 0x8u /* channel: the other end is gone */

/*
 * Beside signals in a wait: pending only when the object raised any signal, also one that was
 * raised already, since it was at `sequence`; 0 is before all of them. So a waiter learns of each
 * news once, without taking what is there.
 */
#define CORDON_SIGNAL_EDGE 0x80000000u

/* One object of an object_wait call. */
struct cordon_wait {
	cordon_handle_t handle;
	uint32_t signals;  /* in: CORDON_SIGNAL_* waited for */
	uint32_t pending;  /* out: those that are raised, of the ones waited for */
	uint32_t sequence; /* with EDGE, in: the last one seen, out: the present; else zero */
};
CORDON_STATIC_ASSERT(sizeof(struct cordon_wait) == 16, "cordon_wait layout");

/* futex_wait, futex_wake. Without: the word is the task's own, known by its address. With: by the
 * memory object behind it, so that tasks which share the object meet on it, at whatever addresses.
 */
#define CORDON_FUTEX_SHARED 0x1u

/* The most that an event counts. */
#define CORDON_EVENT_MAX (UINT64_MAX - 1)

#define CORDON_WAIT_MAX     64          /* objects in one object_wait */
#define CORDON_TIME_POLL    UINT64_C(0) /* deadline that has always passed */
#define CORDON_TIME_FOREVER UINT64_MAX  /* deadline that never passes */

/* clock_get */
#define CORDON_CLOCK_MONOTONIC 0 /* nanoseconds since boot */
#define CORDON_CLOCK_REALTIME  1 /* nanoseconds since 1970-01-01 UTC */

#ifdef __cplusplus
}
#endif
#endif
