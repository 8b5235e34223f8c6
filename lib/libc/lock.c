/* SPDX-License-Identifier: MIT */
/* The locks that newlib leaves to the system. */
#include <stdlib.h>
#include <sys/lock.h>

#include "futex.h"
#include "internal.h"

/* The locks newlib names. All of them: a missing one would pull in newlib's own file, and
 * the others would then be defined twice. */
struct __lock __lock___sinit_recursive_mutex;
struct __lock __lock___sfp_recursive_mutex;
struct __lock __lock___atexit_recursive_mutex;
struct __lock __lock___at_quick_exit_mutex;
struct __lock __lock___malloc_recursive_mutex;
struct __lock __lock___env_recursive_mutex;
struct __lock __lock___tz_mutex;
struct __lock __lock___dd_hash_mutex;
struct __lock __lock___arc4random_mutex;

void lock_acquire(struct __lock *lock)
{
	word_lock(&lock->word);
}

void lock_release(struct __lock *lock)
{
	word_unlock(&lock->word);
}

/* Only the owner can find itself in the field, so the check needs no lock. */
static bool lock_is_mine(const struct __lock *lock)
{
	return __atomic_load_n(&lock->owner, __ATOMIC_RELAXED) == tcb_current();
}

static void lock_own(struct __lock *lock)
{
	__atomic_store_n(&lock->owner, tcb_current(), __ATOMIC_RELAXED);
	lock->depth = 1;
}

/* For streams that are opened when memory is used up, stdin, stdout and stderr above all. */
#define SPARES 8
static struct __lock spares[SPARES];
static uint32_t spares_taken; /* a bit for each */

static struct __lock *spare_take(void)
{
	for (uint32_t i = 0; i < SPARES; i++) {
		uint32_t bit = UINT32_C(1) << i;

		if (__atomic_fetch_or(&spares_taken, bit, __ATOMIC_ACQUIRE) & bit)
			continue;
		spares[i] = (struct __lock){0};
		return &spares[i];
	}
	return NULL;
}

static bool spare_give(const struct __lock *lock)
{
	for (uint32_t i = 0; i < SPARES; i++) {
		if (lock != &spares[i])
			continue;
		__atomic_fetch_and(&spares_taken, ~(UINT32_C(1) << i), __ATOMIC_RELEASE);
		return true;
	}
	return false;
}

void __retarget_lock_init(_LOCK_T *lock)
{
	*lock = calloc(1, sizeof(**lock));
	if (*lock == NULL)
		*lock = spare_take();
	if (*lock == NULL)
		abort(); /* newlib has no way to hear of it */
}

void __retarget_lock_init_recursive(_LOCK_T *lock)
{
	__retarget_lock_init(lock);
}

void __retarget_lock_close(_LOCK_T lock)
{
	if (!spare_give(lock))
		free(lock);
}

void __retarget_lock_close_recursive(_LOCK_T lock)
{
	__retarget_lock_close(lock);
}

void __retarget_lock_acquire(_LOCK_T lock)
{
	lock_acquire(lock);
}

int __retarget_lock_try_acquire(_LOCK_T lock)
{
	return word_lock_try(&lock->word) ? 1 : 0;
}

void __retarget_lock_release(_LOCK_T lock)
{
	lock_release(lock);
}

void __retarget_lock_acquire_recursive(_LOCK_T lock)
{
	if (lock_is_mine(lock)) {
		lock->depth++;
		return;
	}
	lock_acquire(lock);
	lock_own(lock);
}

int __retarget_lock_try_acquire_recursive(_LOCK_T lock)
{
	if (lock_is_mine(lock)) {
		lock->depth++;
		return 1;
	}
	if (!word_lock_try(&lock->word))
		return 0;
	lock_own(lock);
	return 1;
}

void __retarget_lock_release_recursive(_LOCK_T lock)
{
	if (--lock->depth > 0)
		return;
	__atomic_store_n(&lock->owner, NULL, __ATOMIC_RELAXED);
	lock_release(lock);
}
