/* SPDX-License-Identifier: MIT */
/* One VT-d unit: what it is, taking it over, bringing it up. */
#include <drivers/iommu/intel/intel.h>

#include <arch/irq.h>
#include <cordon/errno.h>
#include <kernel/clock.h>
#include <kernel/page.h>
#include <kernel/panic.h>

#define LOG_TAG "vt-d"
#include <kernel/log.h>

static const struct iommu_ops intel_ops = {
        .attach = intel_attach,
        .block = intel_block,
        .invalidate = intel_invalidate,
        .fault_read = intel_fault_read,
        .fault_silence = intel_fault_silence,
        .fault_interrupt_mask = intel_fault_interrupt_mask,
        .remap_write = intel_remap_write,
};

static const char reason_malformed[] = "its capability registers make no sense";
static const char reason_queue[] = "it has no queued invalidation";
static const char reason_drain[] = "it cannot drain reads and writes in flight";
static const char reason_on[] = "DMA translation was switched on, but stays off";
static const char reason_remapping_on[] = "interrupt remapping was switched on, but stays off";
static const char reason_queue_on[] = "its invalidation queue does not work";

/* --- switches (10.4.4) ----------------------------------------------------------------------- */

/* What is on: GCMD takes the whole state with every write, one-shot bits as zero. */
static uint32_t state_of(const struct intel_unit *unit)
{
	return intel_read32(unit->registers, INTEL_GSTS) & ~INTEL_GCMD_ONESHOT;
}

bool intel_switch(struct intel_unit *unit, uint32_t bit, bool on)
{
	uint32_t state = state_of(unit);

	intel_write32(unit->registers, INTEL_GCMD, on ? state | bit : state & ~bit);
	return clock_wait_until(!(intel_read32(unit->registers, INTEL_GSTS) & bit) == !on,
	                        IOMMU_SWITCH_TIMEOUT);
}

bool intel_write_buffer_flush(struct intel_unit *unit)
{
	if (!(unit->cap & INTEL_CAP_RWBF))
		return true;
	intel_write32(unit->registers, INTEL_GCMD, state_of(unit) | INTEL_GCMD_WBF);
	return clock_wait_until(!(intel_read32(unit->registers, INTEL_GSTS) & INTEL_GCMD_WBF),
	                        IOMMU_SWITCH_TIMEOUT);
}

/* --- take-over (S1) -------------------------------------------------------------------------- */

static bool off_if_on(struct intel_unit *unit, uint32_t bit)
{
	return !(state_of(unit) & bit) || intel_switch(unit, bit, false);
}

/* A queue goes off only when it is empty (6.5.2). One that hangs on an error does not get empty; it
 * is told to go off all the same, and what comes of it is seen there. */
static void queue_drain(struct intel_unit *unit)
{
	if (!(state_of(unit) & INTEL_GCMD_QIE))
		return;
	(void)clock_wait_until(intel_read64(unit->registers, INTEL_IQH) ==
	                               intel_read64(unit->registers, INTEL_IQT),
	                       IOMMU_SWITCH_TIMEOUT);
}

/* Regions that firmware protected from DMA would be protected from the devices' owners, too. */
static bool release_protected_memory(struct intel_unit *unit)
{
	if (!(unit->cap & (INTEL_CAP_PLMR | INTEL_CAP_PHMR)))
		return true;
	if (!(intel_read32(unit->registers, INTEL_PMEN) & (INTEL_PMEN_EPM | INTEL_PMEN_PRS)))
		return true;
	intel_write32(unit->registers, INTEL_PMEN, 0);
	return clock_wait_until(!(intel_read32(unit->registers, INTEL_PMEN) & INTEL_PMEN_PRS),
	                        IOMMU_SWITCH_TIMEOUT);
}

/*
 * Firmware or a kernel before us may have left the unit on, with tables we know nothing about. No
 * function masters the bus now, so nothing is exposed while it is off. The queue must still work
 * while interrupt remapping goes off (10.4.4), so it goes second.
 */
static bool take_over(struct intel_unit *unit)
{
	uint32_t before = state_of(unit);

	/* Neither faults nor invalidations are to raise anybody's old vectors. */
	intel_fault_interrupt_mask(&unit->unit, true);
	intel_write32(unit->registers, INTEL_IECTL, INTEL_FECTL_IM);
	if (!off_if_on(unit, INTEL_GCMD_IRE))
		return false;
	queue_drain(unit);
	if (!off_if_on(unit, INTEL_GCMD_QIE) || !off_if_on(unit, INTEL_GCMD_TE) ||
	    !release_protected_memory(unit) || !off_if_on(unit, INTEL_GCMD_EAFL) ||
	    !off_if_on(unit, INTEL_GCMD_CFI))
		return false;
	if (before & (INTEL_GCMD_IRE | INTEL_GCMD_QIE | INTEL_GCMD_TE))
		log_info("%s was on (status 0x%x): taken over", unit->unit.name, before);
	return true;
}

/* --- what it is ------------------------------------------------------------------------------ */

/* Maps the registers: a frame, and the fault records where they lie beyond. */
static const char *map_registers(struct intel_unit *unit)
{
	struct iommu_unit *base = &unit->unit;
	uint64_t end;

	base->registers_size = PAGE_SIZE;
	unit->registers = mmio_map(base->registers, PAGE_SIZE);
	if (!unit->registers)
		return iommu_reason_unmapped;
	unit->version = intel_read32(unit->registers, INTEL_VER);
	unit->cap = intel_read64(unit->registers, INTEL_CAP);
	unit->ecap = intel_read64(unit->registers, INTEL_ECAP);
	/* A bus without a device behind it reads as ones; an unpowered unit as zeroes. */
	if (unit->version == UINT32_MAX || unit->cap == UINT64_MAX || unit->ecap == UINT64_MAX ||
	    intel_ver_major(unit->version) == 0 ||
	    intel_cap_nd(unit->cap) == INTEL_CAP_ND_INVALID ||
	    intel_cap_fault_offset(unit->cap) == 0)
		return reason_malformed;
	base->coherent = (unit->ecap & INTEL_ECAP_C) != 0;
	end = intel_cap_fault_offset(unit->cap) +
	      (uint64_t)intel_cap_fault_count(unit->cap) * INTEL_FRCD_SIZE;
	if (end > PAGE_SIZE) {
		mmio_unmap((void *)(uintptr_t)unit->registers, PAGE_SIZE);
		base->registers_size = align_up(end, PAGE_SIZE);
		unit->registers = mmio_map(base->registers, base->registers_size);
		if (!unit->registers)
			return iommu_reason_unmapped;
	}
	return NULL;
}

/* What keeps devices behind it from ever being handed out, in the order of weight. */
static const char *check_translation(const struct intel_unit *unit, const struct dmar *dmar)
{
	if (!intel_cap_level_counts(unit->cap))
		return iommu_reason_width;
	if (dmar->host_address_width < 64 && page_ram_end().raw >> dmar->host_address_width)
		return iommu_reason_reach;
	/* Without it, no unmap could promise that nothing is in flight (S2). */
	if (!(unit->cap & INTEL_CAP_DWD) || !(unit->cap & INTEL_CAP_DRD))
		return reason_drain;
	return NULL;
}

static bool has_remapping(const struct intel_unit *unit, const struct dmar *dmar)
{
	return (unit->ecap & INTEL_ECAP_IR) && dmar->interrupt_remapping;
}

static void describe_translation(struct intel_unit *unit)
{
	intel_format_init(unit);
	iommu_unit_translates(&unit->unit, &unit->format, intel_cap_address_bits(unit->cap));
	unit->unit.snoop_enforced = (unit->ecap & INTEL_ECAP_SC) != 0;
}

/* --- bringing it up -------------------------------------------------------------------------- */

static bool start_remapping(struct intel_unit *unit)
{
	intel_write64(unit->registers, INTEL_IRTA,
	              virt_to_phys(unit->irtes).raw | INTEL_IRTA_SIZE |
	                      (unit->unit.remap_extended ? INTEL_IRTA_EIME : 0));
	if (!intel_write_buffer_flush(unit) || !intel_switch(unit, INTEL_GCMD_SIRTP, true))
		return false;
	/* Every entry is absent, in the cache, too, before the first can be used (10.4.4). */
	if (intel_flush_interrupts(unit))
		return false;
	/* Compatibility-format interrupts stay blocked: CFI is off. */
	unit->unit.remapping = intel_switch(unit, INTEL_GCMD_IRE, true);
	return unit->unit.remapping;
}

static bool start_translation(struct intel_unit *unit)
{
	/* Address bits 11:10 are 00: legacy mode (10.4.6). */
	intel_write64(unit->registers, INTEL_RTADDR, virt_to_phys(unit->root).raw);
	if (!intel_write_buffer_flush(unit) || !intel_switch(unit, INTEL_GCMD_SRTP, true))
		return false;
	if (intel_flush_all(unit))
		return false;
	unit->unit.translation = intel_switch(unit, INTEL_GCMD_TE, true);
	return unit->unit.translation;
}

static const char *allocate(struct intel_unit *unit)
{
	struct iommu_unit *base = &unit->unit;
	uint32_t domains = 1u << (4 + 2 * intel_cap_nd(unit->cap));

	if (domains > IOMMU_DOMAINS_MAX)
		domains = IOMMU_DOMAINS_MAX;
	/* Domain id 0 is what absent entries are cached under in caching mode (6.1): never
	 * used. */
	if (intel_queue_create(unit) || intel_table_create(unit) || intel_remap_create(unit) ||
	    ids_init(&base->domains, 1, domains) ||
	    ids_init(&base->remap_entries, 0, INTEL_IRTE_COUNT))
		return iommu_reason_memory;
	return NULL;
}

/* Switches on what there is, also when devices are not going to be handed out: blocked is better
 * than open. Returns why they are not, or NULL. */
static const char *start_locked(struct intel_unit *unit, const struct dmar *dmar)
{
	const char *why = check_translation(unit, dmar);

	if (!intel_queue_start(unit))
		return reason_queue_on;
	intel_fault_start(unit);
	if (has_remapping(unit, dmar) && !start_remapping(unit))
		return reason_remapping_on;
	if (why == iommu_reason_width)
		return why;
	describe_translation(unit);
	if (!start_translation(unit))
		return reason_on;
	if (why)
		return why;
	return unit->unit.remapping ? NULL : iommu_reason_remapping;
}

static const char *start(struct intel_unit *unit, const struct dmar *dmar)
{
	const char *why;

	if (!take_over(unit))
		return iommu_reason_takeover;
	if (!(unit->ecap & INTEL_ECAP_QI))
		return reason_queue;
	why = allocate(unit);
	if (why)
		return why;
	spin_lock(&unit->unit.lock);
	why = start_locked(unit, dmar);
	spin_unlock(&unit->unit.lock);
	return why;
}

void intel_unit_identify(struct intel_unit *unit, const struct dmar *dmar)
{
	struct iommu_unit *base = &unit->unit;

	spin_init(&base->lock, RANK_UNIT, "iommu unit");
	base->ops = &intel_ops;
	base->vendor = CORDON_IOMMU_INTEL;
	base->unusable = map_registers(unit);
	/* Firmware may know better (8.1). */
	base->remap_extended = !base->unusable && has_remapping(unit, dmar) &&
	                       (unit->ecap & INTEL_ECAP_EIM) && !dmar->x2apic_opt_out;
}

void intel_unit_start(struct intel_unit *unit, const struct dmar *dmar)
{
	struct iommu_unit *base = &unit->unit;
	const char *why;

	if (base->unusable)
		return;
	why = start(unit, dmar);
	/* A unit that died meanwhile has said so. */
	if (why && !base->unusable)
		base->unusable = why;
	log_debug("%s: version %u.%u cap 0x%llx ecap 0x%llx", base->name,
	          intel_ver_major(unit->version), intel_ver_minor(unit->version),
	          (unsigned long long)unit->cap, (unsigned long long)unit->ecap);
}
