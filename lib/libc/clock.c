/* SPDX-License-Identifier: MIT */
/* Clocks and sleeping. */
#define _GNU_SOURCE /* all of the clocks */
#include <errno.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

#include "futex.h"
#include "internal.h"

#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_US UINT64_C(1000)

uint64_t cordon_now(void)
{
	uint64_t now = 0;

	cordon_clock_get(CORDON_CLOCK_MONOTONIC, &now);
	return now;
}

static int thread_time(uint64_t *out)
{
	struct cordon_thread_info info;
	int error = (int)cordon_thread_info(CORDON_HANDLE_NONE, &info);

	if (error == 0)
		*out = info.cpu_ns;
	return error;
}

int task_time(uint64_t *out)
{
	struct cordon_task_info info;
	int error = (int)cordon_task_info(CORDON_HANDLE_NONE, &info);

	if (error == 0)
		*out = info.cpu_ns;
	return error;
}

/* Nanoseconds of one of POSIX's clocks. */
static int clock_read(clockid_t clock, uint64_t *out)
{
	switch (clock) {
	case CLOCK_PROCESS_CPUTIME_ID:
		return task_time(out);
	case CLOCK_THREAD_CPUTIME_ID:
		return thread_time(out);
	case CLOCK_REALTIME:
		return (int)cordon_clock_get(CORDON_CLOCK_REALTIME, out);
	case CLOCK_MONOTONIC: /* nothing slews it, so all three are one */
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_BOOTTIME:
		return (int)cordon_clock_get(CORDON_CLOCK_MONOTONIC, out);
	default:
		return -EINVAL;
	}
}

static void timespec_from(uint64_t ns, struct timespec *out)
{
	out->tv_sec = (time_t)(ns / NS_PER_S);
	out->tv_nsec = (long)(ns % NS_PER_S);
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
	uint64_t now;
	int err = clock_read(clock, &now);

	if (err == 0)
		timespec_from(now, out);
	return cordon_errno(err);
}

int timespec_get(struct timespec *out, int base)
{
	return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, out) == 0 ? base : 0;
}

int clock_getres(clockid_t clock, struct timespec *out)
{
	uint64_t now;
	int err = clock_read(clock, &now);

	if (err == 0 && out != NULL)
		timespec_from(1, out);
	return cordon_errno(err);
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
	uint64_t now;
	int err = clock_read(CLOCK_REALTIME, &now);

	(void)zone;
	if (err == 0) {
		out->tv_sec = (time_t)(now / NS_PER_S);
		out->tv_usec = (suseconds_t)(now % NS_PER_S / NS_PER_US);
	}
	return cordon_errno(err);
}

bool clock_is_waited_for(clockid_t clock)
{
	return clock != CLOCK_PROCESS_CPUTIME_ID && clock != CLOCK_THREAD_CPUTIME_ID;
}

static bool timespec_is_valid(const struct timespec *time)
{
	return time->tv_sec >= 0 && time->tv_nsec >= 0 && time->tv_nsec < (long)NS_PER_S;
}

/* Nothing interrupts a sleep, so nothing is ever left over. */
int clock_nanosleep(clockid_t clock, int flags, const struct timespec *request,
                    struct timespec *left)
{
	uint64_t duration, deadline, now;

	if (!clock_is_waited_for(clock))
		return EINVAL;
	if (clock_read(clock, &now) != 0 || !timespec_is_valid(request))
		return EINVAL;
	if (flags & TIMER_ABSTIME) {
		deadline_from(clock, request, &deadline);
	} else if (__builtin_mul_overflow((uint64_t)request->tv_sec, NS_PER_S, &duration) ||
	           __builtin_add_overflow(duration, (uint64_t)request->tv_nsec, &duration) ||
	           __builtin_add_overflow(cordon_now(), duration, &deadline)) {
		deadline = CORDON_TIME_FOREVER;
	}
	if (left != NULL && !(flags & TIMER_ABSTIME))
		timespec_from(0, left);
	return (int)-cordon_clock_sleep(deadline);
}

int nanosleep(const struct timespec *request, struct timespec *left)
{
	return cordon_errno(-clock_nanosleep(CLOCK_MONOTONIC, 0, request, left));
}

int usleep(useconds_t microseconds)
{
	return cordon_errno(cordon_clock_sleep(cordon_now() + microseconds * NS_PER_US));
}

unsigned int sleep(unsigned int seconds)
{
	cordon_clock_sleep(cordon_now() + seconds * NS_PER_S);
	return 0;
}

int clock_getcpuclockid(pid_t task, clockid_t *clock)
{
	if (task != 0 && task != getpid())
		return ESRCH;
	*clock = CLOCK_PROCESS_CPUTIME_ID;
	return 0;
}

static clock_t ticks_from(uint64_t ns)
{
	return (clock_t)(ns / (NS_PER_S / CLOCKS_PER_SEC));
}

/* What a task spent is not divided into its own and the kernel's part. */
clock_t times(struct tms *out)
{
	uint64_t used = 0;

	task_time(&used);
	if (out != NULL)
		*out = (struct tms){.tms_utime = ticks_from(used)};
	return ticks_from(cordon_now());
}
