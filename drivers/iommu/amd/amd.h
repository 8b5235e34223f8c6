/* SPDX-License-Identifier: MIT */
/* Inside the AMD-Vi driver: a unit and what its files offer to each other. */
#ifndef DRIVERS_IOMMU_AMD_AMD_H
#define DRIVERS_IOMMU_AMD_AMD_H

#include <drivers/acpi/acpi.h>
#include <drivers/iommu/amd/regs.h>
#include <drivers/iommu/core.h>
#include <drivers/iommu/queue.h>

struct amd_unit {
	struct iommu_unit unit;
	volatile uint8_t *registers;
	const struct ivrs_unit *description; /* while it is brought up */
	struct pci_function *function;       /* of the unit itself; NULL: not found */
	uint64_t features;
	unsigned int levels_max; /* of page tables; 0: it translates nothing */
	bool caches_absent;      /* what was not there may be cached */
	bool wide_entries;       /* interrupt-remapping entries have 128 bits */
	/*
	 * The unit of QEMU 7.2, known by what it reports: it takes a wrong requester id for
	 * devices behind bridges, delivers every remapped interrupt as edge, never writes its event
	 * log, and mixes up IOVAs that differ beyond 48 bits.
	 */
	bool emulated_early;
	/*
	 * The unit of later QEMUs, known by its function's subsystem: page faults in its event log
	 * have a layout of its own, no address, and one for each beat (fault.c), and it looks at a
	 * device table entry only when that is invalidated by name (probe.c). Unless one of its
	 * properties is on it translates nothing, and no register tells.
	 */
	bool emulated;
	struct iommu_queue queue;
	struct amd_device_entry *devices;
	uint64_t blocked;         /* translation word of an entry that permits nothing */
	struct amd_event *events; /* one frame */
	uint32_t event_head;
	struct amd_event last_event;         /* read; zero: the log was empty since */
	rid_t remap_sources[AMD_IRTE_COUNT]; /* of the entries that are present */
	struct pagetable_format format;
};

static inline struct amd_unit *amd_unit_of(struct iommu_unit *unit)
{
	return container_of(unit, struct amd_unit, unit);
}

/* --- switches (unit.c) ----------------------------------------------------------------------- */

/* Switches bits of the control register, keeping the others. */
void amd_control(struct amd_unit *unit, uint64_t bits, bool on);

/* The same, and waits until the status shows run. False: it did not in IOMMU_SWITCH_TIMEOUT. */
bool amd_switch(struct amd_unit *unit, uint64_t bits, uint64_t run, bool on);

/*
 * Looks at what a unit is and can do, and changes nothing: unit.unusable when that makes no sense,
 * unit.remap_extended when its entries can name CPUs by 32 bits. unit.registers, .segment and
 * .name, and description, are set. remapping: firmware describes the platform well enough to remap
 * interrupts.
 */
void amd_unit_identify(struct amd_unit *unit, bool remapping);

/*
 * Takes an identified unit over and brings it up as far as it goes: unit.unusable says what is
 * missing. Fills every member. No requester masters the bus.
 */
void amd_unit_start(struct amd_unit *unit, const struct ivrs *ivrs, bool remapping);

/* --- invalidation (invalidate.c) -------------------------------------------------------------- */

/* Takes the command buffer's frames. Returns 0 or -ENOMEM. */
int amd_queue_create(struct amd_unit *unit);
/* Tells the unit where the buffer is; commands are off. */
void amd_queue_start(struct amd_unit *unit);

/* All return 0, or -EIO when the unit did not confirm or is dead. The unit's lock is held. */
int amd_flush_all(struct amd_unit *unit);
int amd_flush_device(struct amd_unit *unit, rid_t requester);
int amd_flush_domain(struct amd_unit *unit, uint32_t domain);
int amd_flush_remap(struct amd_unit *unit, rid_t requester);
int amd_invalidate(struct iommu_unit *unit, const struct iommu_gather *gather);

/* The address operand that names a block: its size is in its lower bits (2.4.3). */
uint64_t amd_block_operand(const struct iommu_block *block);

/* --- tables (table.c) ------------------------------------------------------------------------ */

/* The device table: every requester blocked; its interrupts, too, when remapping is to be on.
 * Returns 0 or -ENOMEM. */
int amd_table_create(struct amd_unit *unit, bool remapping);

/* Fills unit.format. */
void amd_format_init(struct amd_unit *unit);

int amd_attach(struct iommu_unit *unit, rid_t requester, const struct iommu_domain *domain);
int amd_block(struct iommu_unit *unit, rid_t requester, const struct iommu_domain *domain);
int amd_fault_silence(struct iommu_unit *unit, rid_t requester, const struct iommu_domain *domain,
                      bool silent);

/* Whether a requester translates through a domain. */
bool amd_is_attached(const struct amd_unit *unit, rid_t requester);

/* --- faults (fault.c) ------------------------------------------------------------------------ */

/* Takes the event log's frame. Returns 0 or -ENOMEM. */
int amd_fault_create(struct amd_unit *unit);
/* Tells the unit where the log is; events are off. Drops what is recorded from before us. */
void amd_fault_start(struct amd_unit *unit);
/* Routes the event interrupt to us; the unit is on. */
void amd_fault_route(struct amd_unit *unit);
bool amd_fault_read(struct iommu_unit *unit, struct iommu_fault *fault, uint64_t *lost);
void amd_fault_interrupt_mask(struct iommu_unit *unit, bool masked);

/* Decodes an event: all of the fault but segment and time. attached: whether its requester
 * translates through a domain. */
void amd_fault_decode(const struct amd_event *event, bool attached, struct iommu_fault *fault);

/* The same of an event that an emulated unit (amd_unit.emulated) wrote. */
void amd_fault_decode_emulated(const struct amd_event *event, bool attached,
                               struct iommu_fault *fault);

/* --- interrupt remapping (remap.c) ----------------------------------------------------------- */

int amd_remap_write(struct iommu_unit *unit, uint32_t index,
                    const struct iommu_remap_target *target);

/* --- firmware table (scope.c) ---------------------------------------------------------------- */

/* Whether the table names an I/O APIC: without, none of their interrupts can be remapped. */
bool amd_names_ioapic(const struct ivrs *ivrs);

/* Tells the core which functions and I/O APICs the units cover; units[i] is ivrs->units[i]'s. */
void amd_scopes_resolve(const struct ivrs *ivrs, struct amd_unit *const *units);

#endif
