/* SPDX-License-Identifier: MIT */
/*
 * Faults: refused accesses, attributed to the container, group, device and task that the requester
 * id belonged to. Each container keeps its last VFIO_FAULTS_CONTAINER, the system its last
 * VFIO_FAULTS_SYSTEM; what is overwritten or was dropped before it came here is counted.
 */
#ifndef DRIVERS_VFIO_FAULTS_H
#define DRIVERS_VFIO_FAULTS_H

#include <cordon/task.h>
#include <cordon/vfio.h>
#include <kernel/list.h>
#include <kernel/object.h>
#include <kernel/types.h>

struct task;

#define VFIO_FAULTS_CONTAINER 64
#define VFIO_FAULTS_SYSTEM    256
#define VFIO_FAULT_LINES      8 /* log lines a second */

/* The faults of one container. Part of it; protected by the lock in faults.c. */
struct fault_queue {
	struct list link;      /* in the list of queues while a group is in the container */
	struct object *object; /* the container, which raises READABLE */
	uint64_t sequence;     /* of the next fault */
	uint64_t lost;         /* since the task last asked */
	uint32_t first;        /* oldest in the ring */
	uint32_t count;
	struct cordon_fault ring[VFIO_FAULTS_CONTAINER];
};

/* A requester id and who answers for it. Part of a group; protected by the lock in faults.c. */
struct fault_source {
	struct list link; /* in the list of sources while the group is in a container */
	uint16_t segment;
	rid_t requester;
	cordon_bdf_t device; /* whom to name: the function, or the bridge that gives the id */
	uint32_t group;
	struct fault_queue *queue;
	uint64_t task;
	char task_name[CORDON_NAME_MAX];
};

/* Makes a queue empty. */
void fault_queue_init(struct fault_queue *queue, struct object *object);

/* From here on the queue also counts what was lost and cannot be attributed; and no longer. */
void fault_queue_enlist(struct fault_queue *queue);
void fault_queue_remove(struct fault_queue *queue);

/* Takes the oldest fault out; false when there is none. */
bool fault_queue_take(struct fault_queue *queue, struct cordon_fault *out);

/* How many faults were dropped since the last call. */
uint64_t fault_queue_lost(struct fault_queue *queue);

/* From here on faults of the requester belong to the queue and the task. link, segment, requester,
 * device and group are set. task may be NULL. */
void fault_source_enlist(struct fault_source *source, struct fault_queue *queue,
                         const struct task *task);
void fault_source_remove(struct fault_source *source);

/* Changes the task that answers for the requester. It stays until another one does: what an access
 * of a device that was just closed leaves behind is still its doing. */
void fault_source_hold(struct fault_source *source, const struct task *task);

/* Takes over the faults of the IOMMUs. Once at boot. */
void faults_init(void);

/* The index-th of the system's last faults, oldest first; false past the end. */
bool faults_system(uint32_t index, struct cordon_fault *out);

uint64_t faults_count(void); /* since boot */
uint64_t faults_lost(void);  /* since boot: dropped before they could be attributed */

#endif
