/* SPDX-License-Identifier: MIT */
/* Primary fault recording (7.3) and the fault event interrupt (7.4). */
#include <drivers/iommu/intel/intel.h>

static volatile uint8_t *record_at(const struct intel_unit *unit, unsigned int index)
{
	return unit->registers + intel_cap_fault_offset(unit->cap) + index * INTEL_FRCD_SIZE;
}

static void record_clear(const struct intel_unit *unit, unsigned int index)
{
	mmio_write32(record_at(unit, index) + INTEL_FRCD_LAST, INTEL_FRCD_LAST_F);
}

void intel_fault_interrupt_mask(struct iommu_unit *base, bool masked)
{
	/* The other bits are read only or reserved (10.4.10). */
	intel_write32(intel_unit_of(base)->registers, INTEL_FECTL, masked ? INTEL_FECTL_IM : 0);
}

void intel_fault_start(struct intel_unit *unit)
{
	uint32_t address, data;

	intel_fault_interrupt_mask(&unit->unit, true);
	/* What firmware or a kernel before us left: not ours to attribute. */
	for (unsigned int i = 0; i < intel_cap_fault_count(unit->cap); i++)
		record_clear(unit, i);
	intel_write32(unit->registers, INTEL_FSTS, INTEL_FSTS_PFO | INTEL_FSTS_QUEUE);
	if (!iommu_fault_route(&unit->unit, &address, &data))
		return;
	intel_write32(unit->registers, INTEL_FEDATA, data);
	intel_write32(unit->registers, INTEL_FEADDR, address);
	intel_write32(unit->registers, INTEL_FEUADDR, 0);
	intel_fault_interrupt_mask(&unit->unit, false);
}

static enum cordon_fault_reason reason_of(uint8_t code)
{
	if (code >= INTEL_FAULT_INTERRUPT_FIRST && code <= INTEL_FAULT_INTERRUPT_LAST)
		return CORDON_FAULT_INTERRUPT;
	switch ((enum intel_fault_reason)code) {
	case INTEL_FAULT_ROOT_ABSENT:
	case INTEL_FAULT_CONTEXT_ABSENT:
		return CORDON_FAULT_BLOCKED;
	case INTEL_FAULT_BEYOND_WIDTH:
	case INTEL_FAULT_INTERRUPT_RANGE:
		return CORDON_FAULT_ADDRESS;
	case INTEL_FAULT_WRITE:
		return CORDON_FAULT_WRITE_DENIED;
	case INTEL_FAULT_READ:
		return CORDON_FAULT_READ_DENIED;
	case INTEL_FAULT_CONTEXT_INVALID:
	case INTEL_FAULT_TABLE_ADDRESS:
	case INTEL_FAULT_ROOT_ADDRESS:
	case INTEL_FAULT_CONTEXT_ADDRESS:
	case INTEL_FAULT_ROOT_RESERVED:
	case INTEL_FAULT_CONTEXT_RESERVED:
	case INTEL_FAULT_ENTRY_RESERVED:
		return CORDON_FAULT_TABLE;
	default:
		return CORDON_FAULT_OTHER;
	}
}

void intel_fault_decode(uint64_t low, uint64_t high, struct iommu_fault *fault)
{
	uint8_t code = intel_frcd_reason(high);

	*fault = (struct iommu_fault){
	        .requester = {intel_frcd_source(high)},
	        .address = low & INTEL_FRCD_LOW_PAGE,
	        .reason = (uint16_t)reason_of(code),
	        .hardware_code = code,
	        .write = !(high & INTEL_FRCD_HIGH_READ),
	};
	if (fault->reason == CORDON_FAULT_INTERRUPT) {
		fault->address = intel_frcd_index(low);
		fault->write = true;
	}
}

bool intel_fault_read(struct iommu_unit *base, struct iommu_fault *fault, uint64_t *lost)
{
	struct intel_unit *unit = intel_unit_of(base);
	unsigned int count = intel_cap_fault_count(unit->cap);
	uint32_t status = intel_read32(unit->registers, INTEL_FSTS);

	/* Records fill up in a circle; the status names the one that was first (7.3.1). */
	for (unsigned int i = 0; (status & INTEL_FSTS_PPF) && i < count; i++) {
		unsigned int index = (intel_fsts_record(status) + i) % count;
		volatile uint8_t *record = record_at(unit, index);
		uint64_t high = mmio_read64(record + INTEL_FRCD_HIGH);

		if (!(high & INTEL_FRCD_HIGH_F))
			continue;
		intel_fault_decode(mmio_read64(record), high, fault);
		record_clear(unit, index);
		return true;
	}
	/* All records are free: only now is an overflow acknowledged, which lets recording go on
	 * (7.3.1). How much was dropped nobody knows; it counts as one. */
	if (status & INTEL_FSTS_PFO) {
		(*lost)++;
		intel_write32(unit->registers, INTEL_FSTS, INTEL_FSTS_PFO);
	}
	return false;
}
