# SPDX-License-Identifier: MIT
#
# What newlib expects below it, and what tasks get beyond standard C.

CRT0_SRC := lib/libc/crt0.S

LIBC_SRCS += lib/libc/stubs.S \
	     lib/libc/startup.c \
	     lib/libc/lock.c \
	     lib/libc/heap.c \
	     lib/libc/mman.c \
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
	     lib/libc/files.c \
	     lib/libc/initramfs.c \
	     lib/libc/process.c \
	     lib/libc/clock.c \
	     lib/libc/names.c \
	     lib/libc/errno_check.c
