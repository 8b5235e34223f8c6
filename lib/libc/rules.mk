# SPDX-License-Identifier: MIT
#
# What newlib expects below it, and what tasks get beyond standard C.

CRT0_SRC := lib/libc/crt0.S

LIBC_SRCS += lib/libc/stubs.S \
	     lib/libc/startup.c \
	     lib/libc/lock.c \
	     lib/libc/heap.c \
	     lib/libc/mman.c \
	     lib/libc/mman_advice.c \
	     lib/libc/thread.c \
	     lib/libc/thread_attr.c \
	     lib/libc/tls.c \
	     lib/libc/futex.c \
	     lib/libc/pthread_mutex.c \
	     lib/libc/pthread_cond.c \
	     lib/libc/pthread_rwlock.c \
	     lib/libc/pthread_sync.c \
	     lib/libc/pthread_key.c \
	     lib/libc/semaphore.c \
	     lib/libc/fd.c \
	     lib/libc/fd_handle.c \
	     lib/libc/fd_io.c \
	     lib/libc/fd_vector.c \
	     lib/libc/fd_control.c \
	     lib/libc/watch.c \
	     lib/libc/poll.c \
	     lib/libc/eventfd.c \
	     lib/libc/pipe.c \
	     lib/libc/epoll.c \
	     lib/libc/timerfd.c \
	     lib/libc/fs_data.c \
	     lib/libc/fs_tree.c \
	     lib/libc/fs.c \
	     lib/libc/fs_open.c \
	     lib/libc/fs_device.c \
	     lib/libc/fs_path.c \
	     lib/libc/fs_folder.c \
	     lib/libc/fs_scan.c \
	     lib/libc/process.c \
	     lib/libc/signals.c \
	     lib/libc/limits.c \
	     lib/libc/users.c \
	     lib/libc/random.c \
	     lib/libc/err.c \
	     lib/libc/syslog.c \
	     lib/libc/inet.c \
	     lib/libc/extra.c \
	     lib/libc/long_double.c \
	     lib/libc/clock.c \
	     lib/libc/names.c \
	     lib/libc/service.c \
	     lib/libc/program.c \
	     lib/libc/errno_check.c
