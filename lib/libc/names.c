/* SPDX-License-Identifier: MIT */
/* Numbers of the system interface in words. */
#include <errno.h>
#include <string.h>

#include <cordon/rt.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *name_of(const char *const *names, uint64_t count, uint64_t index)
{
	return index < count && names[index] != NULL ? names[index] : "unknown";
}

/* newlib speaks of owners, processes and character devices, of which there are none here. */
static const char *system_error(int64_t error)
{
	static const char *const texts[] = {
	        [EPERM] = "Not permitted",
	        [EBADF] = "Bad handle",
	        [EAGAIN] = "Try again later",
	        [ENOMEM] = "Out of memory or budget",
	        [EXDEV] = "Does not fit together",
	        [EMFILE] = "Out of handles",
	        [ENOTTY] = "Not possible with this object",
	        [ERANGE] = "Out of range",
	        [EOPNOTSUPP] = "Not supported",
	        [ETIMEDOUT] = "Timed out",
	        [EOVERFLOW] = "Beyond the greatest value",
	};

	return (uint64_t)error < COUNT(texts) ? texts[error] : NULL;
}

const char *cordon_strerror(int64_t result)
{
	const char *text;

	if (result == 0)
		return "success";
	if (result < -__ELASTERROR || result > __ELASTERROR)
		return "unknown error";
	if (result < 0)
		result = -result;
	text = system_error(result);
	if (text == NULL)
		text = strerror((int)result);
	return text[0] != '\0' ? text : "unknown error";
}

const char *cordon_object_type_name(uint32_t type)
{
	static const char *const names[] = {
	        [CORDON_OBJECT_NONE] = "none",           [CORDON_OBJECT_AUTHORITY] = "authority",
	        [CORDON_OBJECT_CONSOLE] = "console",     [CORDON_OBJECT_MEMORY] = "memory",
	        [CORDON_OBJECT_TASK] = "task",           [CORDON_OBJECT_THREAD] = "thread",
	        [CORDON_OBJECT_EVENT] = "event",         [CORDON_OBJECT_CHANNEL] = "channel",
	        [CORDON_OBJECT_CONTAINER] = "container", [CORDON_OBJECT_GROUP] = "group",
	        [CORDON_OBJECT_DEVICE] = "device",
	};

	return name_of(names, COUNT(names), type);
}

const char *cordon_task_cause_name(uint32_t cause)
{
	static const char *const names[] = {
	        [CORDON_CAUSE_NONE] = "running",  [CORDON_CAUSE_EXIT] = "exit",
	        [CORDON_CAUSE_KILL] = "killed",   [CORDON_CAUSE_FAULT] = "exception",
	        [CORDON_CAUSE_DMA] = "DMA fault", [CORDON_CAUSE_STACK] = "stack",
	};

	return name_of(names, COUNT(names), cause);
}

const char *cordon_fault_reason_name(uint32_t reason)
{
	static const char *const names[] = {
	        [CORDON_FAULT_NOT_PRESENT] = "not mapped",
	        [CORDON_FAULT_READ_DENIED] = "read denied",
	        [CORDON_FAULT_WRITE_DENIED] = "write denied",
	        [CORDON_FAULT_BLOCKED] = "device blocked",
	        [CORDON_FAULT_ADDRESS] = "bad address",
	        [CORDON_FAULT_INTERRUPT] = "interrupt refused",
	        [CORDON_FAULT_TABLE] = "malformed table",
	        [CORDON_FAULT_OTHER] = "other",
	};

	return name_of(names, COUNT(names), reason);
}

/* Intel SDM volume 3, table 6-1. */
const char *cordon_exception_name(int64_t vector)
{
	static const char *const names[] = {
	        [0] = "divide error",
	        [1] = "debug exception",
	        [2] = "non-maskable interrupt",
	        [3] = "breakpoint",
	        [4] = "overflow",
	        [5] = "bound range exceeded",
	        [6] = "invalid opcode",
	        [7] = "device not available",
	        [8] = "double fault",
	        [10] = "invalid TSS",
	        [11] = "segment not present",
	        [12] = "stack-segment fault",
	        [13] = "general protection",
	        [14] = "page fault",
	        [16] = "x87 floating-point error",
	        [17] = "alignment check",
	        [18] = "machine check",
	        [19] = "SIMD floating-point error",
	        [21] = "control protection",
	};

	return name_of(names, COUNT(names), (uint64_t)vector);
}
