/* SPDX-License-Identifier: MIT */
/* Timers as files. */
#ifndef CORDON_SYS_TIMERFD_H
#define CORDON_SYS_TIMERFD_H

#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TFD_NONBLOCK 0x4000  /* O_NONBLOCK */
#define TFD_CLOEXEC  0x40000 /* O_CLOEXEC */

#define TFD_TIMER_ABSTIME 0x1

/* A new timer, not armed. clock: CLOCK_MONOTONIC or CLOCK_REALTIME. Reading gives, as 8 bytes, how
 * often it ran out since the last reading, and waits while that is zero. -1 and errno: EINVAL,
 * EMFILE, ENOMEM. */
int timerfd_create(clockid_t clock, int flags);

/* Arms the timer (it_value zero: disarms it) and forgets what it counted; before may be NULL. A
 * thread that waits for the timer meanwhile looks at the new time when the old one comes. */
int timerfd_settime(int fd, int flags, const struct itimerspec *value, struct itimerspec *before);

/* Tells the time left and the interval. -1 and errno: EBADF, EINVAL no timer. */
int timerfd_gettime(int fd, struct itimerspec *value);

#ifdef __cplusplus
}
#endif
#endif
