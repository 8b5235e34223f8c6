/* SPDX-License-Identifier: MIT */
/* Inside the VT-d driver: a unit and what its files offer to each other. */
#ifndef DRIVERS_IOMMU_INTEL_INTEL_H
#define DRIVERS_IOMMU_INTEL_INTEL_H

#include <drivers/acpi/acpi.h>
#include <drivers/iommu/core.h>
#include <drivers/iommu/intel/regs.h>
#include <drivers/iommu/queue.h>

struct intel_unit {
	struct iommu_unit unit;
	volatile uint8_t *registers;
	uint32_t version;
	uint64_t cap;
	uint64_t ecap;
	struct iommu_queue queue;
	bool page_selective;   /* how an unmap is told, from cap */
	unsigned int mask_max; /* largest address mask */
	uint64_t leaf_hint;    /* INTEL_INV_LEAF_ONLY, or 0 */
	struct intel_root_entry *root;
	struct intel_irte *irtes;
	struct pagetable_format format;
};

static inline struct intel_unit *intel_unit_of(struct iommu_unit *unit)
{
	return container_of(unit, struct intel_unit, unit);
}

/* --- switches (unit.c) ----------------------------------------------------------------------- */

/*
 * Switches one bit of GCMD, keeping the others, and waits until GSTS shows it. False: it did not in
 * IOMMU_SWITCH_TIMEOUT; the caller gives the unit up.
 */
bool intel_switch(struct intel_unit *unit, uint32_t bit, bool on);

/* Flushes write buffers where the unit needs it (6.8). False: not confirmed. */
bool intel_write_buffer_flush(struct intel_unit *unit);

/*
 * Looks at what a unit is and can do, and changes nothing: unit.unusable when that makes no sense,
 * unit.remap_extended when its entries can name CPUs by 32 bits. unit.registers, .segment and .name
 * are set.
 */
void intel_unit_identify(struct intel_unit *unit, const struct dmar *dmar);

/*
 * Takes an identified unit over and brings it up as far as it goes: unit.unusable says what is
 * missing. Fills every member. No requester masters the bus.
 */
void intel_unit_start(struct intel_unit *unit, const struct dmar *dmar);

/* --- invalidation (invalidate.c) -------------------------------------------------------------- */

/* Takes the queue's frames, and looks up in cap how to use it. Returns 0 or -ENOMEM. */
int intel_queue_create(struct intel_unit *unit);
/* Switches the queue on; it is off. False: it does not go on. */
bool intel_queue_start(struct intel_unit *unit);

/* All return 0, or -EIO when the unit did not confirm or is dead. The unit's lock is held. */
int intel_flush_all(struct intel_unit *unit);
int intel_flush_context(struct intel_unit *unit, rid_t requester, uint32_t domain);
int intel_flush_domain(struct intel_unit *unit, uint32_t domain);
int intel_flush_interrupts(struct intel_unit *unit);
int intel_flush_interrupt(struct intel_unit *unit, uint32_t index);
int intel_invalidate(struct iommu_unit *unit, const struct iommu_gather *gather);

/* --- tables (table.c) ------------------------------------------------------------------------ */

/* The root table: every bus absent. Returns 0 or -ENOMEM. */
int intel_table_create(struct intel_unit *unit);

/* Fills unit.format from what the unit can do. */
void intel_format_init(struct intel_unit *unit);

int intel_attach(struct iommu_unit *unit, rid_t requester, const struct iommu_domain *domain);
int intel_block(struct iommu_unit *unit, rid_t requester, const struct iommu_domain *domain);
int intel_fault_silence(struct iommu_unit *unit, rid_t requester, const struct iommu_domain *domain,
                        bool silent);

/* --- faults (fault.c) ------------------------------------------------------------------------ */

/* Drops what is recorded from before us and routes the fault interrupt to us. */
void intel_fault_start(struct intel_unit *unit);
bool intel_fault_read(struct iommu_unit *unit, struct iommu_fault *fault, uint64_t *lost);
void intel_fault_interrupt_mask(struct iommu_unit *unit, bool masked);

/* Decodes a record: all of the fault but segment and time. */
void intel_fault_decode(uint64_t low, uint64_t high, struct iommu_fault *fault);

/* --- interrupt remapping (remap.c) ----------------------------------------------------------- */

/* The remapping table: every entry absent. Returns 0 or -ENOMEM. */
int intel_remap_create(struct intel_unit *unit);
int intel_remap_write(struct iommu_unit *unit, uint32_t index,
                      const struct iommu_remap_target *target);

/* --- firmware table (scope.c) ---------------------------------------------------------------- */

/* Tells the core which functions and I/O APICs the units cover; units[i] is dmar->units[i]'s. */
void intel_scopes_resolve(const struct dmar *dmar, struct intel_unit *const *units);

#endif
