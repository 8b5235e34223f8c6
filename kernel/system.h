/* SPDX-License-Identifier: MIT */
/* What the holder of the authority can ask. Other layers provide topics without kernel/ knowing
 * them. */
#ifndef KERNEL_SYSTEM_H
#define KERNEL_SYSTEM_H

#include <cordon/system.h>
#include <kernel/types.h>

/* Fills the index-th record of the topic; *size is in: room, out: the record's size. Returns 0,
 * -ENOENT. The room is at least SYSTEM_RECORD_MAX. */
typedef int (*system_provider_t)(uint32_t topic, uint32_t index, void *record, size_t *size);

#define SYSTEM_RECORD_MAX 256

/* Called at boot only. */
void system_provide(enum cordon_system_topic topic, system_provider_t provider);

/* The index-th record of a topic, into SYSTEM_RECORD_MAX bytes. 0, -ENOENT, or -EINVAL when nobody
 * provides the topic. */
int system_record(uint32_t topic, uint32_t index, void *record);

/* What a type of objects is called. */
const char *system_object_name(uint32_t type);

/* A counter for CORDON_SYSTEM_COUNTERS; value is read when asked. At boot only. */
void system_counter(const char *name, uint64_t (*read)(void));

/* Counters whose names are made when asked for: at fills the index-th of so many, zeroed before. At
 * boot only. */
void system_counter_table(uint32_t count, void (*at)(uint32_t index, struct cordon_counter *out));

/* The page of the attack tests: filled at boot, never touched again. */
int system_init(void);

#endif
