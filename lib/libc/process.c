/* SPDX-License-Identifier: MIT */
/* The task as a process: its end, its signals to itself, its limits. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/times.h>
#include <unistd.h>

#include "internal.h"

/* A task sees no other task, so its own number can be anything. */
#define OWN_PID 1

#define EXIT_SIGNAL 128 /* exit code of a task ended by signal n: this plus n */

static _sig_func_ptr handlers[NSIG];

void _exit(int code)
{
	for (;;)
		cordon_task_exit(code);
}

pid_t getpid(void)
{
	return OWN_PID;
}

_sig_func_ptr signal(int number, _sig_func_ptr handler)
{
	if (number <= 0 || number >= NSIG || handler == SIG_ERR) {
		errno = EINVAL;
		return SIG_ERR;
	}
	return __atomic_exchange_n(&handlers[number], handler, __ATOMIC_ACQ_REL);
}

/* stdio may be what broke, or locked by the thread that calls abort: plain writes only. */
static void __attribute__((noreturn)) end_by_signal(int number)
{
	static const char abort_text[] = "aborted\n";
	static const char signal_text[] = "ended by a signal it raised\n";
	const struct cordon_startup *startup = cordon_startup();
	const char *const *argv = (const char *const *)(uintptr_t)startup->argv;

	if (startup->argc > 0) {
		(void)write(CORDON_STDERR, argv[0], strlen(argv[0]));
		(void)write(CORDON_STDERR, ": ", 2);
	}
	if (number == SIGABRT)
		(void)write(CORDON_STDERR, abort_text, sizeof(abort_text) - 1);
	else
		(void)write(CORDON_STDERR, signal_text, sizeof(signal_text) - 1);
	_exit(EXIT_SIGNAL + number);
}

/* Signals exist only within a task: the kernel sends none. Every default action ends it. */
int raise(int number)
{
	_sig_func_ptr handler;

	if (number <= 0 || number >= NSIG)
		return cordon_errno(-EINVAL);
	handler = __atomic_load_n(&handlers[number], __ATOMIC_ACQUIRE);
	if (handler == SIG_IGN)
		return 0;
	if (handler == SIG_DFL)
		end_by_signal(number);
	signal(number, SIG_DFL);
	handler(number);
	return 0;
}

int kill(pid_t pid, int number)
{
	if (pid != OWN_PID && pid != 0)
		return cordon_errno(-ESRCH);
	return number == 0 ? 0 : raise(number);
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

int getpagesize(void)
{
	return (int)CORDON_PAGE_SIZE;
}

long sysconf(int name)
{
	switch (name) {
	case _SC_PAGESIZE:
		return (long)CORDON_PAGE_SIZE;
	case _SC_CLK_TCK:
		return CLOCKS_PER_SEC;
	case _SC_OPEN_MAX:
		return CORDON_HANDLE_MAX;
	default:
		errno = EINVAL;
		return -1;
	}
}
