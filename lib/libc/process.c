/* SPDX-License-Identifier: MIT */
/* The task as a process: its number and its end. */
#include <errno.h>
#include <unistd.h>

#include "internal.h"

/* A task sees no other task, so its own number can be anything. */
#define OWN_PID 1

void _exit(int code)
{
	for (;;)
		cordon_task_exit(code);
}

pid_t getpid(void)
{
	return OWN_PID;
}

pid_t getppid(void)
{
	return 0; /* outside of what it sees */
}

int cordon_task_wait(cordon_handle_t task, uint64_t deadline, struct cordon_task_info *out)
{
	struct cordon_wait wait = {.handle = task, .signals = CORDON_SIGNAL_TERMINATED};
	int64_t result;

	result = cordon_object_wait(&wait, 1, deadline);
	if (result < 0)
		return (int)result;
	return (int)cordon_task_info(task, out);
}
