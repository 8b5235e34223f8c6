/* SPDX-License-Identifier: MIT */
/*
 * Faults: collected from a unit under its lock, told to the sink without it. A requester that
 * faults all the time is silenced in the hardware, so that a hostile device can neither keep the
 * CPU in the handler nor hide other devices' faults; every record not told is counted as lost.
 */
#include <drivers/iommu/core.h>

#include <arch/irq.h>
#include <kernel/clock.h>
#include <kernel/panic.h>

#define LOG_TAG "iommu"
#include <kernel/log.h>

static iommu_fault_sink_t fault_sink;

/* Held from before a record is read until it is told: whoever polls finds each in the unit or told,
 * and none in the hands of another CPU. */
static struct spinlock telling = SPINLOCK_INIT(RANK_TELLING, "telling");

void iommu_set_fault_sink(iommu_fault_sink_t sink)
{
	fault_sink = sink;
}

/* --- rate of each requester ------------------------------------------------------------------ */

static struct iommu_fault_source *source_find(struct iommu_unit *unit, rid_t requester)
{
	for (size_t i = 0; i < IOMMU_FAULT_SOURCES; i++) {
		struct iommu_fault_source *source = &unit->sources[i];

		if (source->used && source->requester.raw == requester.raw)
			return source;
	}
	return NULL;
}

/* A free record, or the one of the requester that has been quiet longest. NULL: all are
 * silenced. */
static struct iommu_fault_source *source_take(struct iommu_unit *unit, rid_t requester)
{
	struct iommu_fault_source *best = NULL;

	for (size_t i = 0; i < IOMMU_FAULT_SOURCES; i++) {
		struct iommu_fault_source *source = &unit->sources[i];

		if (!source->used) {
			best = source;
			break;
		}
		if (!source->masked && (!best || source->window_start < best->window_start))
			best = source;
	}
	if (best)
		*best = (struct iommu_fault_source){.used = true, .requester = requester};
	return best;
}

void iommu_fault_forget_locked(struct iommu_unit *unit, rid_t requester)
{
	struct iommu_fault_source *source = source_find(unit, requester);

	if (source)
		source->used = false;
}

static struct iommu_domain *domain_of(struct iommu_unit *unit, rid_t requester)
{
	struct iommu_attachment *attachment = iommu_attachment_find_locked(unit, requester);

	return attachment ? attachment->domain : NULL;
}

static void interrupt_mask(struct iommu_unit *unit, bool masked)
{
	if (unit->fault_interrupt_masked == masked)
		return;
	unit->fault_interrupt_masked = masked;
	unit->ops->fault_interrupt_mask(unit, masked);
}

static void silence(struct iommu_unit *unit, struct iommu_fault_source *source, uint64_t now)
{
	char name[PCI_NAME_MAX];

	pci_name((cordon_bdf_t)unit->segment << 16 | source->requester.raw, name);
	source->masked = true;
	source->window_start = now;
	if (unit->ops->fault_silence(unit, source->requester, domain_of(unit, source->requester),
	                             true)) {
		/* The requester cannot be told apart any more: none is heard until the next
		 * poll. */
		interrupt_mask(unit, true);
		log_warn("%s: more than %u faults of %s; fault interrupts are off for a while",
		         unit->name, IOMMU_FAULT_STORM, name);
		return;
	}
	log_warn("%s: more than %u faults of %s; its faults are not recorded for a while",
	         unit->name, IOMMU_FAULT_STORM, name);
}

/* Whether all requesters together cost more in this window than they may. */
static bool unit_storms(const struct iommu_unit *unit, uint64_t now)
{
	return now - unit->fault_window_start < IOMMU_FAULT_WINDOW &&
	       unit->fault_count > IOMMU_FAULT_UNIT_STORM;
}

/*
 * Counts a record, whoever it is of, or an interrupt that came with none. A silenced requester's
 * count, too: the hardware's silence is for faults of translation, and neither for refused
 * interrupts nor for ids that are forged, so that only the unit's limit bounds what they cost.
 */
static void unit_count(struct iommu_unit *unit, uint64_t now)
{
	if (now - unit->fault_window_start >= IOMMU_FAULT_WINDOW) {
		unit->fault_window_start = now;
		unit->fault_count = 0;
		unit->fault_told = 0;
	}
	if (++unit->fault_count == IOMMU_FAULT_UNIT_STORM + 1)
		log_warn("%s: more than %u faults; fault interrupts are off for a while",
		         unit->name, IOMMU_FAULT_UNIT_STORM);
	if (unit_storms(unit, now))
		interrupt_mask(unit, true);
}

/* Whether one more fault is told in this window. Apart from the count of records, so that who is
 * not heard anyway leaves room to the others. */
static bool unit_admits(struct iommu_unit *unit)
{
	if (unit->fault_told == IOMMU_FAULT_UNIT_STORM)
		return false;
	unit->fault_told++;
	return true;
}

/* Whether this fault is told, by its requester's rate. */
static bool source_admits(struct iommu_unit *unit, rid_t requester, uint64_t now)
{
	struct iommu_fault_source *source = source_find(unit, requester);

	if (!source)
		source = source_take(unit, requester);
	if (!source) {
		interrupt_mask(unit, true);
		return false;
	}
	if (source->masked)
		return false;
	if (now - source->window_start >= IOMMU_FAULT_WINDOW) {
		source->window_start = now;
		source->count = 0;
	}
	if (++source->count <= IOMMU_FAULT_STORM)
		return true;
	silence(unit, source, now);
	return false;
}

/* Lets requesters be heard again whose time is over. */
static void unsilence(struct iommu_unit *unit, uint64_t now)
{
	for (size_t i = 0; i < IOMMU_FAULT_SOURCES; i++) {
		struct iommu_fault_source *source = &unit->sources[i];

		if (!source->used || !source->masked ||
		    now - source->window_start < IOMMU_FAULT_WINDOW)
			continue;
		unit->ops->fault_silence(unit, source->requester,
		                         domain_of(unit, source->requester), false);
		source->used = false;
	}
	/* Not before the window is over: who polls all the time would undo the limit. */
	if (!unit_storms(unit, now))
		interrupt_mask(unit, false);
}

/* --- collecting and telling ------------------------------------------------------------------ */

/*
 * "Not permitted" often means "not there": the tables know. They are read without their lock, which
 * ranks below the unit's; no table is freed while the unit's lock is held.
 */
static void refine(struct iommu_unit *unit, struct iommu_fault *fault)
{
	struct iommu_domain *domain;
	paddr_t base;
	uint32_t flags;

	if (fault->reason != CORDON_FAULT_READ_DENIED && fault->reason != CORDON_FAULT_WRITE_DENIED)
		return;
	domain = domain_of(unit, fault->requester);
	if (domain && !pagetable_lookup(&domain->table, fault->address, &base, &flags))
		fault->reason = CORDON_FAULT_NOT_PRESENT;
}

/* Reads records into faults; returns how many are told. *lost: those that are not. */
static size_t collect_locked(struct iommu_unit *unit, struct iommu_fault *faults, uint64_t *lost)
{
	uint64_t now = clock_now();
	size_t count = 0;
	struct iommu_fault fault;

	*lost = unit->faults_lost;
	unit->faults_lost = 0;
	for (unsigned int i = 0; unit->ops->fault_read(unit, &fault, lost); i++) {
		unit->faults++;
		unit_count(unit, now);
		fault.segment = unit->segment;
		fault.time_ns = now;
		if (source_admits(unit, fault.requester, now) && count < IOMMU_FAULT_BURST &&
		    unit_admits(unit)) {
			refine(unit, &fault);
			faults[count++] = fault;
		} else {
			(*lost)++;
		}
		/* A device can fault as fast as we read. */
		if (i == IOMMU_FAULT_DRAIN) {
			interrupt_mask(unit, true);
			break;
		}
	}
	/* The sink hears of lost records only together with a fault. */
	if (count == 0) {
		unit->faults_lost = *lost;
		*lost = 0;
	}
	return count;
}

static void tell(const struct iommu_unit *unit, const struct iommu_fault *fault, uint64_t lost)
{
	if (fault_sink) {
		fault_sink(fault, lost);
		return;
	}
	log_warn("%s: requester %04x refused at 0x%llx (%s, code 0x%x)", unit->name,
	         fault->requester.raw, (unsigned long long)fault->address,
	         fault->write ? "write" : "read", fault->hardware_code);
}

static void handle(struct iommu_unit *unit, bool resume)
{
	struct iommu_fault faults[IOMMU_FAULT_BURST];
	uint64_t lost, before;
	size_t count;

	spin_lock(&telling);
	spin_lock(&unit->lock);
	before = unit->faults;
	count = collect_locked(unit, faults, &lost);
	if (resume)
		unsilence(unit, clock_now());
	else if (unit->faults == before)
		unit_count(unit, clock_now());
	spin_unlock(&unit->lock);
	for (size_t i = 0; i < count; i++)
		tell(unit, &faults[i], i == 0 ? lost : 0);
	spin_unlock(&telling);
}

static void fault_interrupt(void *context)
{
	handle(context, false);
}

void iommu_poll_faults(void)
{
	struct iommu_unit *unit;

	list_for_each(unit, iommu_units(), link)
	{
		/* What was never switched on has no faults to tell. */
		if (unit->translation || unit->remapping)
			handle(unit, true);
	}
}

bool iommu_fault_route(struct iommu_unit *unit, uint32_t *address, uint32_t *data)
{
	vector_t vector;

	if (irq_vector_alloc(fault_interrupt, unit, &vector)) {
		log_warn("%s: no vector for its faults: they are only polled", unit->name);
		return false;
	}
	irq_message(vector, address, data);
	return true;
}
