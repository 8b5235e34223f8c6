/* SPDX-License-Identifier: MIT */
/*
 * Timers as files: an event to which the time that has passed is added whenever somebody looks.
 * Who waits looks again when the timer runs out (fd_ops.tick).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/timerfd.h>

#include "fd.h"

#define NS_PER_S UINT64_C(1000000000)

struct timer {
	struct description d; /* first: the description is the timer */
	clockid_t clock;
	uint64_t expiry;   /* monotonic; CORDON_TIME_FOREVER: not armed */
	uint64_t interval; /* 0: once */
};

static struct timer *timer_of(struct description *d)
{
	return (struct timer *)d;
}

/* How often it ran out until now; moves it on. */
static uint64_t expirations_locked(struct timer *timer, uint64_t now)
{
	uint64_t count = 1;

	if (now < timer->expiry)
		return 0;
	if (timer->interval == 0) {
		timer->expiry = CORDON_TIME_FOREVER;
		return 1;
	}
	count += (now - timer->expiry) / timer->interval;
	timer->expiry += count * timer->interval;
	return count;
}

static uint64_t timer_tick(struct description *d)
{
	struct timer *timer = timer_of(d);
	uint64_t expiry;
	uint64_t count;

	lock_acquire(&d->lock);
	count = expirations_locked(timer, cordon_now());
	if (count > 0)
		(void)cordon_event_signal(description_handle(d), count);
	expiry = timer->expiry;
	lock_release(&d->lock);
	return expiry;
}

static ssize_t timer_read(struct description *d, void *bytes, size_t size)
{
	struct watch watch = {.d = d, .events = POLLIN};
	ssize_t got;
	int ready;

	for (;;) {
		timer_tick(d);
		got = event_read(description_handle(d), O_NONBLOCK, bytes, size);
		if (got != -EAGAIN || d->flags & O_NONBLOCK)
			return got;
		ready = watch_wait(&watch, 1, CORDON_TIME_FOREVER, NULL);
		if (ready < 0)
			return ready;
	}
}

static void timer_release(struct description *d)
{
	free(d);
}

static const struct fd_ops timer_ops = {
        .read = timer_read,
        .signals = event_signals,
        .ready = event_ready,
        .tick = timer_tick,
        .release = timer_release,
};

int timerfd_create(clockid_t clock, int flags)
{
	struct timer *timer;
	cordon_handle_t event;
	int64_t err;

	if ((clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME) ||
	    flags & ~(TFD_NONBLOCK | TFD_CLOEXEC))
		return cordon_errno(-EINVAL);
	timer = calloc(1, sizeof(*timer));
	if (timer == NULL)
		return cordon_errno(-ENOMEM);
	description_init(&timer->d, &timer_ops, O_RDWR | (uint32_t)(flags & TFD_NONBLOCK));
	timer->clock = clock;
	timer->expiry = CORDON_TIME_FOREVER;
	err = cordon_event_create(0, &event);
	if (err == 0) {
		err = fd_install(&timer->d, event, flags & TFD_CLOEXEC);
		if (err < 0)
			cordon_handle_close(event);
	}
	if (err < 0)
		free(timer);
	return cordon_errno(err);
}

/* --- times --- */

static int ns_from(const struct timespec *from, uint64_t *out)
{
	if (from->tv_sec < 0 || from->tv_nsec < 0 || from->tv_nsec >= (long)NS_PER_S)
		return -EINVAL;
	if (__builtin_mul_overflow((uint64_t)from->tv_sec, NS_PER_S, out) ||
	    __builtin_add_overflow(*out, (uint64_t)from->tv_nsec, out))
		*out = CORDON_TIME_FOREVER;
	return 0;
}

static struct timespec ns_to(uint64_t ns)
{
	return (struct timespec){
	        .tv_sec = (time_t)(ns / NS_PER_S),
	        .tv_nsec = (long)(ns % NS_PER_S),
	};
}

/* The monotonic time of an expiry; an absolute one that has passed is now. */
static uint64_t expiry_of(const struct timer *timer, int flags, uint64_t value)
{
	uint64_t now = cordon_now();
	uint64_t clock = 0;
	uint64_t expiry;

	if (value == 0)
		return CORDON_TIME_FOREVER;
	if (flags & TFD_TIMER_ABSTIME) {
		if (timer->clock == CLOCK_REALTIME)
			(void)cordon_clock_get(CORDON_CLOCK_REALTIME, &clock);
		else
			clock = now;
		value = value > clock ? value - clock : 0;
	}
	return __builtin_add_overflow(now, value, &expiry) ? CORDON_TIME_FOREVER : expiry;
}

static void left_locked(const struct timer *timer, struct itimerspec *out)
{
	uint64_t now = cordon_now();
	uint64_t left = 0;

	if (timer->expiry != CORDON_TIME_FOREVER)
		left = timer->expiry > now ? timer->expiry - now : 1;
	out->it_value = ns_to(left);
	out->it_interval = ns_to(timer->interval);
}

/* The timer behind a descriptor, with a reference. */
static int timer_get(int fd, struct timer **out)
{
	struct description *d;
	int err = fd_adopt(fd, &d);

	if (err != 0)
		return err;
	*out = timer_of(d);
	if (d->ops == &timer_ops)
		return 0;
	description_put(d);
	return -EINVAL;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *value, struct itimerspec *before)
{
	struct timer *timer;
	uint64_t interval;
	uint64_t first;
	int err = flags & ~TFD_TIMER_ABSTIME ? -EINVAL : timer_get(fd, &timer);

	if (err != 0)
		return cordon_errno(err);
	err = ns_from(&value->it_value, &first);
	if (err == 0)
		err = ns_from(&value->it_interval, &interval);
	if (err == 0) {
		timer_tick(&timer->d);
		lock_acquire(&timer->d.lock);
		if (before != NULL)
			left_locked(timer, before);
		timer->expiry = expiry_of(timer, flags, first);
		timer->interval = interval;
		description_clear(&timer->d);
		lock_release(&timer->d.lock);
	}
	description_put(&timer->d);
	return cordon_errno(err);
}

int timerfd_gettime(int fd, struct itimerspec *value)
{
	struct timer *timer;
	int err = timer_get(fd, &timer);

	if (err != 0)
		return cordon_errno(err);
	timer_tick(&timer->d);
	lock_acquire(&timer->d.lock);
	left_locked(timer, value);
	lock_release(&timer->d.lock);
	description_put(&timer->d);
	return 0;
}
