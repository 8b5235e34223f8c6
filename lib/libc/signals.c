/* SPDX-License-Identifier: MIT */
/*
 * Signals within a task: those that it raises itself. The kernel sends none, so nothing is ever
 * interrupted, and the mask is one for all threads.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define EXIT_SIGNAL 128 /* exit code of a task ended by signal n: this plus n */

static struct sigaction actions[NSIG];
static sigset_t blocked;
static sigset_t waiting; /* raised while they were blocked */
static struct __lock actions_lock;

static sigset_t bit_of(int number)
{
	return (sigset_t)1 << number;
}

static bool is_signal(int number)
{
	return number > 0 && number < NSIG;
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

static struct sigaction action_set(int number, const struct sigaction *action)
{
	struct sigaction before;

	lock_acquire(&actions_lock);
	before = actions[number];
	if (action != NULL)
		actions[number] = *action;
	lock_release(&actions_lock);
	return before;
}

int sigaction(int number, const struct sigaction *restrict action,
              struct sigaction *restrict before)
{
	struct sigaction old;

	if (!is_signal(number) || (action != NULL && (number == SIGKILL || number == SIGSTOP)))
		return cordon_errno(-EINVAL);
	old = action_set(number, action);
	if (before != NULL)
		*before = old;
	return 0;
}

_sig_func_ptr signal(int number, _sig_func_ptr handler)
{
	struct sigaction action = {.sa_handler = handler};
	struct sigaction before = {.sa_handler = SIG_ERR};

	if (handler == SIG_ERR)
		errno = EINVAL;
	else
		sigaction(number, &action, &before);
	return before.sa_handler;
}

static sigset_t mask_set(sigset_t mask)
{
	return __atomic_exchange_n(&blocked, mask, __ATOMIC_ACQ_REL);
}

/* While a handler runs, its signal and those of its mask are blocked. */
static void handle(int number, const struct sigaction *action)
{
	sigset_t before = __atomic_load_n(&blocked, __ATOMIC_ACQUIRE);
	sigset_t during = before | action->sa_mask;

	if (!(action->sa_flags & SA_NODEFER))
		during |= bit_of(number);
	mask_set(during);
	action->sa_handler(number);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

/* Acts on a signal that is not blocked. Most default actions end the task. */
static void deliver(int number)
{
	struct sigaction action = action_set(number, NULL);

	if (action.sa_handler == SIG_IGN)
		return;
	if (action.sa_handler == SIG_DFL) {
		if (number == SIGCHLD || number == SIGURG || number == SIGWINCH ||
		    number == SIGCONT)
			return;
		end_by_signal(number);
	}
	if ((unsigned int)action.sa_flags & SA_RESETHAND)
		action_set(number, &(struct sigaction){.sa_handler = SIG_DFL});
	handle(number, &action);
}

int raise(int number)
{
	if (!is_signal(number))
		return cordon_errno(-EINVAL);
	if (__atomic_load_n(&blocked, __ATOMIC_ACQUIRE) & bit_of(number))
		__atomic_fetch_or(&waiting, bit_of(number), __ATOMIC_ACQ_REL);
	else
		deliver(number);
	return 0;
}

static void deliver_unblocked(void)
{
	for (int number = 1; number < NSIG; number++) {
		sigset_t bit = bit_of(number);

		if (__atomic_load_n(&blocked, __ATOMIC_ACQUIRE) & bit)
			continue;
		if (__atomic_fetch_and(&waiting, ~bit, __ATOMIC_ACQ_REL) & bit)
			deliver(number);
	}
}

int sigprocmask(int how, const sigset_t *set, sigset_t *before)
{
	sigset_t mask = __atomic_load_n(&blocked, __ATOMIC_ACQUIRE);

	if (set != NULL && how != SIG_SETMASK && how != SIG_BLOCK && how != SIG_UNBLOCK)
		return cordon_errno(-EINVAL);
	if (before != NULL)
		*before = mask;
	if (set == NULL)
		return 0;
	if (how == SIG_BLOCK)
		mask |= *set;
	else if (how == SIG_UNBLOCK)
		mask &= ~*set;
	else
		mask = *set;
	mask_set(mask & ~(bit_of(SIGKILL) | bit_of(SIGSTOP)));
	deliver_unblocked();
	return 0;
}

int pthread_sigmask(int how, const sigset_t *set, sigset_t *before)
{
	return sigprocmask(how, set, before) == 0 ? 0 : EINVAL;
}

int sigpending(sigset_t *set)
{
	*set = __atomic_load_n(&waiting, __ATOMIC_ACQUIRE);
	return 0;
}

int kill(pid_t pid, int number)
{
	if (pid != getpid() && pid != 0)
		return cordon_errno(-ESRCH);
	return number == 0 ? 0 : raise(number);
}
