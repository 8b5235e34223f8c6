/* SPDX-License-Identifier: MIT */
/*
 * What libstdc++'s headers leave to its library of std::thread, std::condition_variable,
 * std::call_once (bits/std_thread.h, bits/std_mutex.h, mutex) and the clocks of std::chrono
 * (bits/chrono.h).
 */
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

/* A function that would throw std::system_error. */
void cxx_system_error(int error) __asm__("_ZSt20__throw_system_errori");
void cxx_system_error(int error)
{
	cxx_end(strerror(error));
}

void cxx_terminate(void) __asm__("_ZSt9terminatev");
void cxx_terminate(void)
{
	cxx_end("terminate");
}

/* --- threads: std::thread::_State is a class with a virtual function of its derived classes ------
 */

struct state;

struct state_functions {
	void (*destroy)(struct state *state);
	void (*destroy_and_free)(struct state *state);
	void (*run)(struct state *state);
};

struct state {
	const struct state_functions *functions;
};

/* A table of virtual functions, as pointers to it count (Itanium C++ ABI, section 2.5.2). */
struct state_table {
	ptrdiff_t offset_to_top;
	const void *type;
	struct state_functions functions;
};

void cxx_state_destroy_base(struct state *state) __asm__("_ZNSt6thread6_StateD2Ev");
void cxx_state_destroy_base(struct state *state)
{
	(void)state; /* what there is to destroy is in the derived classes */
}

void cxx_state_destroy(struct state *state) __asm__("_ZNSt6thread6_StateD1Ev");
void cxx_state_destroy(struct state *state)
{
	(void)state;
}

void cxx_state_free(struct state *state) __asm__("_ZNSt6thread6_StateD0Ev");
void cxx_state_free(struct state *state)
{
	free(state);
}

static void run_nothing(struct state *state)
{
	(void)state;
	cxx_end("a pure virtual function was called");
}

extern const struct state_table cxx_state_table __asm__("_ZTVNSt6thread6_StateE");
const struct state_table cxx_state_table = {
        .functions = {cxx_state_destroy, cxx_state_free, run_nothing},
};

static void *run_thread(void *argument)
{
	struct state *state = argument;

	state->functions->run(state);
	state->functions->destroy_and_free(state);
	return NULL;
}

/* thread::_M_start_thread(unique_ptr<_State> state, void (*)()): takes the state over. */
void cxx_thread_start(pthread_t *thread, struct state **state, void (*depends)(void)) __asm__(
        "_ZNSt6thread15_M_start_threadESt10unique_ptrINS_6_StateESt14default_deleteIS1_EEPFvvE");
void cxx_thread_start(pthread_t *thread, struct state **state, void (*depends)(void))
{
	int error = pthread_create(thread, NULL, run_thread, *state);

	(void)depends; /* keeps the threads of a shared library */
	if (error)
		cxx_system_error(error);
	*state = NULL;
}

/* Both leave a std::thread that names no thread. */
void cxx_thread_join(pthread_t *thread) __asm__("_ZNSt6thread4joinEv");
void cxx_thread_join(pthread_t *thread)
{
	int error = *thread ? pthread_join(*thread, NULL) : EINVAL;

	if (error)
		cxx_system_error(error);
	*thread = (pthread_t)0;
}

void cxx_thread_detach(pthread_t *thread) __asm__("_ZNSt6thread6detachEv");
void cxx_thread_detach(pthread_t *thread)
{
	int error = *thread ? pthread_detach(*thread) : EINVAL;

	if (error)
		cxx_system_error(error);
	*thread = (pthread_t)0;
}

unsigned int cxx_thread_cpus(void) __asm__("_ZNSt6thread20hardware_concurrencyEv");
unsigned int cxx_thread_cpus(void)
{
	return (unsigned int)sysconf(_SC_NPROCESSORS_ONLN);
}

/* --- std::condition_variable: a pthread_cond_t and nothing else ----------------------------- */

struct unique_lock {
	pthread_mutex_t *mutex;
	_Bool owns;
};

void cxx_condition_init(pthread_cond_t *cond) __asm__("_ZNSt18condition_variableC1Ev");
void cxx_condition_init(pthread_cond_t *cond)
{
	pthread_cond_init(cond, NULL);
}

void cxx_condition_destroy(pthread_cond_t *cond) __asm__("_ZNSt18condition_variableD1Ev");
void cxx_condition_destroy(pthread_cond_t *cond)
{
	pthread_cond_destroy(cond);
}

void cxx_condition_wait(pthread_cond_t *cond, struct unique_lock *lock) __asm__(
        "_ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE");
void cxx_condition_wait(pthread_cond_t *cond, struct unique_lock *lock)
{
	pthread_cond_wait(cond, lock->mutex);
}

void cxx_condition_one(pthread_cond_t *cond) __asm__("_ZNSt18condition_variable10notify_oneEv");
void cxx_condition_one(pthread_cond_t *cond)
{
	pthread_cond_signal(cond);
}

void cxx_condition_all(pthread_cond_t *cond) __asm__("_ZNSt18condition_variable10notify_allEv");
void cxx_condition_all(pthread_cond_t *cond)
{
	pthread_cond_broadcast(cond);
}

/* --- std::call_once: the header leaves here what pthread_once is to call ------------------------
 */

extern __thread void *cxx_once_argument __asm__("_ZSt15__once_callable");
__thread void *cxx_once_argument;
extern __thread void (*cxx_once_call)(void) __asm__("_ZSt11__once_call");
__thread void (*cxx_once_call)(void);

void __once_proxy(void);
void __once_proxy(void)
{
	cxx_once_call();
}

/* --- std::chrono: nanoseconds -------------------------------------------------------------- */

static int64_t nanoseconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

int64_t cxx_clock_system(void) __asm__("_ZNSt6chrono3_V212system_clock3nowEv");
int64_t cxx_clock_system(void)
{
	return nanoseconds(CLOCK_REALTIME);
}

int64_t cxx_clock_steady(void) __asm__("_ZNSt6chrono3_V212steady_clock3nowEv");
int64_t cxx_clock_steady(void)
{
	return nanoseconds(CLOCK_MONOTONIC);
}
