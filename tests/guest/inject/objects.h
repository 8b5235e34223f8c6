/* SPDX-License-Identifier: MIT */
/* Scenarios without devices. */
#ifndef TESTS_GUEST_INJECT_OBJECTS_H
#define TESTS_GUEST_INJECT_OBJECTS_H

#include <stdint.h>

#define CHILD_CODE 7 /* what the child of objects_task ends with */

/* Memory objects of every layout: created, mapped, protected and unmapped in part. */
int64_t objects_memory(void);

/* Events: signalled, taken, waited for, a second handle. */
int64_t objects_event(void);

/* A thread of this task, from start to end. */
int64_t objects_thread(void);

/* A task with handles, from its start to its end. The program is called with the argument "exit".
 */
int64_t objects_task(void);

#endif
