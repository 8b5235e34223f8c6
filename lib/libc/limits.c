/* SPDX-License-Identifier: MIT */
/* What the system is called and how much of everything there is. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "fs_data.h"
#include "fs_tree.h"
#include "internal.h"

#define CACHE_LINE  64      /* of every x86-64 processor */
#define POSIX_LEVEL 200809L /* what is there, is as of POSIX.1-2008 */
#define HOST_NAME   "cordon"
#define NS_PER_US   1000
#define US_PER_S    1000000

int getpagesize(void)
{
	return (int)CORDON_PAGE_SIZE;
}

int getdtablesize(void)
{
	return CORDON_HANDLE_MAX;
}

/* Those that the calling thread may run on. */
static long usable_processors(void)
{
	struct cordon_thread_info info;

	if (cordon_thread_info(CORDON_HANDLE_NONE, &info) != 0)
		return 1;
	return __builtin_popcountll(info.cpus);
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
	case _SC_IOV_MAX:
		return IOV_MAX;
	case _SC_HOST_NAME_MAX:
		return sizeof(HOST_NAME) - 1;
	case _SC_THREAD_KEYS_MAX:
		return PTHREAD_KEYS_MAX;
	case _SC_LEVEL1_DCACHE_LINESIZE:
		return CACHE_LINE;
	case _SC_NPROCESSORS_CONF: /* a task cannot tell that there are more */
	case _SC_NPROCESSORS_ONLN:
		return usable_processors();
	case _SC_VERSION:
	case _SC_THREADS:
	case _SC_MONOTONIC_CLOCK:
	case _SC_CLOCK_SELECTION:
	case _SC_SEMAPHORES:
	case _SC_READER_WRITER_LOCKS:
	case _SC_BARRIERS:
	case _SC_SPIN_LOCKS:
	case _SC_MEMORY_PROTECTION:
		return POSIX_LEVEL;
	default:
		errno = EINVAL;
		return -1;
	}
}

static long limit_of_files(int name)
{
	switch (name) {
	case _PC_LINK_MAX:
		return 1;
	case _PC_NAME_MAX:
		return FS_NAME_MAX;
	case _PC_PATH_MAX:
		return FS_PATH_MAX;
	case _PC_PIPE_BUF:
		return PIPE_BUF;
	case _PC_NO_TRUNC:
		return 1;
	default:
		errno = EINVAL;
		return -1;
	}
}

long pathconf(const char *path, int name)
{
	return access(path, F_OK) == 0 ? limit_of_files(name) : -1;
}

long fpathconf(int fd, int name)
{
	struct stat info;

	return fstat(fd, &info) == 0 ? limit_of_files(name) : -1;
}

int getrlimit(int resource, struct rlimit *out)
{
	rlim_t limit = RLIM_INFINITY;

	switch (resource) {
	case RLIMIT_NOFILE:
		limit = CORDON_HANDLE_MAX;
		break;
	case RLIMIT_FSIZE:
		limit = FS_SIZE_MAX;
		break;
	case RLIMIT_CORE:
		limit = 0;
		break;
	case RLIMIT_CPU:
	case RLIMIT_DATA:
	case RLIMIT_STACK:
	case RLIMIT_MEMLOCK:
	case RLIMIT_AS:
		break;
	default:
		return cordon_errno(-EINVAL);
	}
	*out = (struct rlimit){limit, limit};
	return 0;
}

int setrlimit(int resource, const struct rlimit *limit)
{
	struct rlimit present = {0, 0};

	if (getrlimit(resource, &present) != 0)
		return -1;
	if (limit->rlim_cur > limit->rlim_max)
		return cordon_errno(-EINVAL);
	return limit->rlim_max > present.rlim_max ? cordon_errno(-EPERM) : 0;
}

int getrusage(int who, struct rusage *out)
{
	uint64_t used = 0;

	if (who != RUSAGE_SELF && who != RUSAGE_CHILDREN)
		return cordon_errno(-EINVAL);
	memset(out, 0, sizeof(*out));
	if (who == RUSAGE_CHILDREN)
		return 0;
	task_time(&used);
	out->ru_utime.tv_sec = (time_t)(used / NS_PER_US / US_PER_S);
	out->ru_utime.tv_usec = (suseconds_t)(used / NS_PER_US % US_PER_S);
	return 0;
}

int uname(struct utsname *out)
{
	*out = (struct utsname){
	        .sysname = "Cordon",
	        .nodename = HOST_NAME,
	        .release = "0",
	        .version = "0",
	        .machine = "x86_64",
	};
	return 0;
}

int gethostname(char *name, size_t size)
{
	if (size < sizeof(HOST_NAME))
		return cordon_errno(-ENAMETOOLONG);
	memcpy(name, HOST_NAME, sizeof(HOST_NAME));
	return 0;
}
