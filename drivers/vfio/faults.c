/* SPDX-License-Identifier: MIT */
#include <drivers/iommu/iommu.h>
#include <drivers/pci/pci.h>
#include <drivers/vfio/faults.h>
#include <kernel/clock.h>
#include <kernel/panic.h>
#include <kernel/string.h>
#include <kernel/task.h>

#define LOG_TAG "fault"
#include <kernel/log.h>

static struct spinlock faults_lock = SPINLOCK_INIT(RANK_FAULTS, "faults");
static struct list queues = LIST_INIT(queues);
static struct list sources = LIST_INIT(sources);

/* The system's own ring. */
static struct {
	uint64_t sequence; /* of the next fault; counts the lost ones too */
	uint64_t written;  /* records put into the ring since boot */
	uint64_t lost;
	struct cordon_fault ring[VFIO_FAULTS_SYSTEM];
} history;

/* Log lines in the current second. */
static struct {
	uint64_t since;
	uint32_t lines;
	uint32_t suppressed;
} limit;

#define LIMIT_PERIOD_NS UINT64_C(1000000000)

void fault_queue_init(struct fault_queue *queue, struct object *object)
{
	list_init(&queue->link);
	queue->object = object;
	queue->sequence = 0;
	queue->lost = 0;
	queue->first = 0;
	queue->count = 0;
}

void fault_queue_enlist(struct fault_queue *queue)
{
	spin_lock(&faults_lock);
	list_append(&queues, &queue->link);
	spin_unlock(&faults_lock);
}

void fault_queue_remove(struct fault_queue *queue)
{
	spin_lock(&faults_lock);
	list_remove(&queue->link);
	spin_unlock(&faults_lock);
}

static bool fault_queue_empty(struct fault_queue *queue)
{
	bool empty;

	spin_lock(&faults_lock);
	empty = queue->count == 0;
	spin_unlock(&faults_lock);
	return empty;
}

bool fault_queue_take(struct fault_queue *queue, struct cordon_fault *out)
{
	bool found, last;

	spin_lock(&faults_lock);
	found = queue->count != 0;
	if (found) {
		*out = queue->ring[queue->first];
		queue->first = (queue->first + 1) % VFIO_FAULTS_CONTAINER;
		queue->count--;
	}
	last = queue->count == 0;
	spin_unlock(&faults_lock);
	if (last) {
		object_signal(queue->object, CORDON_SIGNAL_READABLE, 0);
		/* One that came in between raised the signal before it was cleared. */
		if (!fault_queue_empty(queue))
			object_signal(queue->object, 0, CORDON_SIGNAL_READABLE);
	}
	return found;
}

uint64_t fault_queue_lost(struct fault_queue *queue)
{
	uint64_t lost;

	spin_lock(&faults_lock);
	lost = queue->lost;
	queue->lost = 0;
	spin_unlock(&faults_lock);
	return lost;
}

static void fault_source_hold_locked(struct fault_source *source, const struct task *task)
{
	DEBUG_ASSERT(spin_held(&faults_lock));
	source->task = task ? task->id : 0;
	string_copy(source->task_name, task ? task->name : "", sizeof(source->task_name));
}

void fault_source_enlist(struct fault_source *source, struct fault_queue *queue,
                         const struct task *task)
{
	spin_lock(&faults_lock);
	source->queue = queue;
	fault_source_hold_locked(source, task);
	list_append(&sources, &source->link);
	spin_unlock(&faults_lock);
}

void fault_source_remove(struct fault_source *source)
{
	spin_lock(&faults_lock);
	list_remove(&source->link);
	source->queue = NULL;
	fault_source_hold_locked(source, NULL);
	spin_unlock(&faults_lock);
}

void fault_source_hold(struct fault_source *source, const struct task *task)
{
	spin_lock(&faults_lock);
	fault_source_hold_locked(source, task);
	spin_unlock(&faults_lock);
}

static struct fault_source *fault_source_find_locked(uint16_t segment, rid_t requester)
{
	struct fault_source *source;

	DEBUG_ASSERT(spin_held(&faults_lock));
	list_for_each(source, &sources, link)
	{
		if (source->segment == segment && source->requester.raw == requester.raw)
			return source;
	}
	return NULL;
}

/* A requester that no task holds: the function with the id, or with it as alias. Functions are
 * never freed and their ids do not change, so no lock is needed. */
static void fault_name_unheld(struct cordon_fault *record, const struct iommu_fault *fault)
{
	struct pci_function *function;

	record->device = CORDON_BDF_NONE;
	list_for_each(function, pci_functions(), link)
	{
		if (function->bdf >> 16 != fault->segment ||
		    function->requester.raw != fault->requester.raw)
			continue;
		if (record->device == CORDON_BDF_NONE ||
		    (function->bdf & 0xffff) == fault->requester.raw)
			record->device = function->bdf;
		record->group = function->group;
	}
	if (record->device == CORDON_BDF_NONE) {
		record->device = (cordon_bdf_t)fault->segment << 16 | fault->requester.raw;
		record->group = UINT32_MAX;
	}
}

/* Whatever the hardware or its driver dropped may have been anybody's. */
static void faults_lose_locked(uint64_t lost)
{
	struct fault_queue *queue;

	DEBUG_ASSERT(spin_held(&faults_lock));
	if (lost == 0)
		return;
	history.lost += lost;
	history.sequence += lost;
	list_for_each(queue, &queues, link)
	{
		queue->lost += lost;
		queue->sequence += lost;
	}
}

static void fault_queue_add_locked(struct fault_queue *queue, struct cordon_fault *record)
{
	DEBUG_ASSERT(spin_held(&faults_lock));
	if (queue->count == VFIO_FAULTS_CONTAINER) {
		queue->first = (queue->first + 1) % VFIO_FAULTS_CONTAINER;
		queue->count--;
		queue->lost++;
	}
	record->sequence = queue->sequence++;
	queue->ring[(queue->first + queue->count) % VFIO_FAULTS_CONTAINER] = *record;
	queue->count++;
}

static void history_add_locked(struct cordon_fault *record)
{
	DEBUG_ASSERT(spin_held(&faults_lock));
	record->sequence = history.sequence++;
	history.ring[history.written++ % VFIO_FAULTS_SYSTEM] = *record;
}

/* Whether one more line may be printed now; *suppressed: how many were not since the last. */
static bool limit_passes_locked(uint64_t now, uint32_t *suppressed)
{
	DEBUG_ASSERT(spin_held(&faults_lock));
	*suppressed = 0;
	if (now - limit.since >= LIMIT_PERIOD_NS || limit.since == 0) {
		limit.since = now ? now : 1;
		limit.lines = 0;
		*suppressed = limit.suppressed;
		limit.suppressed = 0;
	}
	if (limit.lines >= VFIO_FAULT_LINES) {
		limit.suppressed++;
		return false;
	}
	limit.lines++;
	return true;
}

static const char *fault_reason_text(uint16_t reason)
{
	switch ((enum cordon_fault_reason)reason) {
	case CORDON_FAULT_NOT_PRESENT:
		return "nothing is mapped there";
	case CORDON_FAULT_READ_DENIED:
		return "the mapping cannot be read";
	case CORDON_FAULT_WRITE_DENIED:
		return "the mapping cannot be written";
	case CORDON_FAULT_BLOCKED:
		return "the device has no domain";
	case CORDON_FAULT_ADDRESS:
		return "not a usable address";
	case CORDON_FAULT_INTERRUPT:
		return "interrupt request refused";
	case CORDON_FAULT_TABLE:
		return "malformed table entry";
	case CORDON_FAULT_OTHER:
		break;
	}
	return "refused";
}

static void fault_print(const struct cordon_fault *fault, uint32_t suppressed)
{
	char name[PCI_NAME_MAX], where[32] = "";

	if (suppressed)
		log_warn("%u more refused accesses were not printed", suppressed);
	pci_name(fault->device, name);
	if (fault->address != CORDON_FAULT_NO_ADDRESS)
		format_text(where, sizeof(where), " at 0x%llx", (unsigned long long)fault->address);
	log_warn("%s of task %llu (%s): %s%s refused: %s (code 0x%x)", name,
	         (unsigned long long)fault->task, fault->task ? fault->task_name : "none",
	         fault->write ? "write" : "read", where, fault_reason_text(fault->reason),
	         fault->hardware_code);
}

/* Called by the IOMMU layer for each fault; see iommu_set_fault_sink. */
static void faults_sink(const struct iommu_fault *fault, uint64_t lost)
{
	struct cordon_fault record = {
	        .time_ns = fault->time_ns,
	        .address = fault->address,
	        .reason = fault->reason,
	        .hardware_code = fault->hardware_code,
	        .write = fault->write,
	};
	struct object *object = NULL;
	struct fault_source *source;
	uint32_t suppressed;
	bool print;

	spin_lock(&faults_lock);
	faults_lose_locked(lost);
	source = fault_source_find_locked(fault->segment, fault->requester);
	if (source) {
		record.device = source->device;
		record.group = source->group;
		record.task = source->task;
		memcpy(record.task_name, source->task_name, sizeof(record.task_name));
		fault_queue_add_locked(source->queue, &record);
		/* The container lives at least as long as its groups list their sources; the
		 * reference keeps it until the signal is raised. */
		object = source->queue->object;
		object_ref(object);
	} else {
		fault_name_unheld(&record, fault);
	}
	history_add_locked(&record);
	print = limit_passes_locked(clock_now(), &suppressed);
	spin_unlock(&faults_lock);

	if (object) {
		object_signal(object, 0, CORDON_SIGNAL_READABLE);
		object_unref(object);
	}
	if (print)
		fault_print(&record, suppressed);
}

void faults_init(void)
{
	iommu_set_fault_sink(faults_sink);
}

bool faults_system(uint32_t index, struct cordon_fault *out)
{
	uint64_t kept;
	bool found;

	spin_lock(&faults_lock);
	kept = min_u64(history.written, VFIO_FAULTS_SYSTEM);
	found = index < kept;
	if (found)
		*out = history.ring[(history.written - kept + index) % VFIO_FAULTS_SYSTEM];
	spin_unlock(&faults_lock);
	return found;
}

uint64_t faults_count(void)
{
	return history.written;
}

uint64_t faults_lost(void)
{
	return history.lost;
}
