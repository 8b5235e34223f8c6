/* SPDX-License-Identifier: MIT */
/* POSIX semaphores without names. They return -1 with errno, as POSIX has it for these. */
#ifndef CORDON_SEMAPHORE_H
#define CORDON_SEMAPHORE_H

#include <stdint.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SEM_VALUE_MAX 0x7fffffff

typedef struct {
	uint64_t _state; /* low half: the value, high half: who waits for it */
	uint32_t _flags;
} sem_t;

/* shared: not zero for use between tasks that map the same memory object. */
int sem_init(sem_t *sem, int shared, unsigned int value);
int sem_destroy(sem_t *sem);
int sem_wait(sem_t *sem);
int sem_trywait(sem_t *sem);
int sem_timedwait(sem_t *sem, const struct timespec *realtime);
int sem_clockwait(sem_t *sem, clockid_t clock, const struct timespec *time);
int sem_post(sem_t *sem);
int sem_getvalue(sem_t *sem, int *value);

#ifdef __cplusplus
}
#endif
#endif
