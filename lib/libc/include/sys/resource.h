/* SPDX-License-Identifier: MIT */
/* newlib's <sys/resource.h> with limits. The limits that hold are the task's budget, which a task
 * cannot change. */
#ifndef CORDON_SYS_RESOURCE_H
#define CORDON_SYS_RESOURCE_H

#include_next <sys/resource.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef unsigned long rlim_t;

struct rlimit {
	rlim_t rlim_cur;
	rlim_t rlim_max;
};

#define RLIM_INFINITY (~(rlim_t)0)

#define RLIMIT_CPU     0
#define RLIMIT_FSIZE   1
#define RLIMIT_DATA    2
#define RLIMIT_STACK   3
#define RLIMIT_CORE    4
#define RLIMIT_NOFILE  7
#define RLIMIT_MEMLOCK 8
#define RLIMIT_AS      9

/* RLIMIT_NOFILE: the slots of a handle table; RLIMIT_FSIZE: of one file in /tmp; RLIMIT_CORE: 0;
 * the others: RLIM_INFINITY, for memory is limited by the budget alone and always locked. -1 and
 * errno: EINVAL no such limit. */
int getrlimit(int resource, struct rlimit *out);

/* Accepts what lies within the present limits, and has no effect. -1 and errno: EINVAL, EPERM more
 * than there is. */
int setrlimit(int resource, const struct rlimit *limit);

#ifdef __cplusplus
}
#endif
#endif
