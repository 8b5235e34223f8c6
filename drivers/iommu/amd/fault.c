/* SPDX-License-Identifier: MIT */
/* The event log (2.5) and its interrupt. */
#include <drivers/iommu/amd/amd.h>

#include <kernel/clock.h>
#include <kernel/page.h>

#define LOG_TAG "amd-vi"
#include <kernel/log.h>

/* From the move of the tail until the event is in memory; one that is not counts as lost. */
#define EVENT_TIMEOUT UINT64_C(1000000)

/* PCI local bus specification 3.0, 6.7 and 6.8.1. The function's list was found malformed where its
 * structures overlap, so it is walked here, with care. */
enum {
	PCI_STATUS_REGISTER = 0x06,
	PCI_STATUS_LIST = 0x10,
	PCI_LIST = 0x34,
	PCI_LIST_MASK = 0xfc,
	PCI_LIST_MAX = 48,
	PCI_ID_MSI = 0x05,
	PCI_MSI_ENABLED = 0x0001,
	PCI_MSI_MULTIPLE = 0x0070,
	PCI_MSI_LONG = 0x0080,
};

int amd_fault_create(struct amd_unit *unit)
{
	paddr_t frame;
	int error = iommu_frame_alloc(&unit->unit, &frame);

	if (!error)
		unit->events = phys_to_virt(frame);
	return error;
}

void amd_fault_start(struct amd_unit *unit)
{
	amd_write(unit->registers, AMD_EVENT_BASE,
	          virt_to_phys(unit->events).raw | AMD_RING_LENGTH_LOG << AMD_RING_LENGTH_SHIFT);
	amd_write(unit->registers, AMD_EVENT_HEAD, 0);
	amd_write(unit->registers, AMD_EVENT_TAIL, 0);
	unit->event_head = 0;
	/* What firmware or a kernel before us left: not ours to attribute. */
	amd_write(unit->registers, AMD_STATUS,
	          AMD_STATUS_EVENT_OVERFLOW | AMD_STATUS_EVENT_IRQ | AMD_STATUS_WAIT_IRQ);
}

/* The MSI capability of the unit's own function; 0: none. */
static uint32_t find_msi(const struct pci_function *function)
{
	uint32_t offset;

	if (!function || !(pci_read16(function, PCI_STATUS_REGISTER) & PCI_STATUS_LIST))
		return 0;
	offset = pci_read8(function, PCI_LIST) & PCI_LIST_MASK;
	for (unsigned int i = 0; offset >= 0x40 && i < PCI_LIST_MAX; i++) {
		if (pci_read8(function, offset) == PCI_ID_MSI)
			return offset;
		offset = pci_read8(function, offset + 1) & PCI_LIST_MASK;
	}
	return 0;
}

void amd_fault_route(struct amd_unit *unit)
{
	uint32_t msi = find_msi(unit->function), address, data;
	uint16_t control;

	if (!msi) {
		log_warn("%s: it has no MSI: its faults are only polled", unit->unit.name);
		return;
	}
	if (!iommu_fault_route(&unit->unit, &address, &data))
		return;
	control = pci_read16(unit->function, msi + 2) & (uint16_t) ~(PCI_MSI_MULTIPLE);
	pci_write16(unit->function, msi + 2, control & (uint16_t)~PCI_MSI_ENABLED);
	pci_write32(unit->function, msi + 4, address);
	if (control & PCI_MSI_LONG)
		pci_write32(unit->function, msi + 8, 0);
	pci_write16(unit->function, msi + (control & PCI_MSI_LONG ? 12 : 8), (uint16_t)data);
	pci_write16(unit->function, msi + 2, control | PCI_MSI_ENABLED);
	amd_fault_interrupt_mask(&unit->unit, false);
}

void amd_fault_interrupt_mask(struct iommu_unit *base, bool masked)
{
	amd_control(amd_unit_of(base), AMD_CONTROL_EVENT_IRQ, !masked);
}

/* --- decoding -------------------------------------------------------------------------------- */

static enum cordon_fault_reason page_fault_reason(uint64_t low, bool attached)
{
	if (low & AMD_EVENT_INTERRUPT)
		return CORDON_FAULT_INTERRUPT;
	if (low & AMD_EVENT_RESERVED)
		return CORDON_FAULT_TABLE;
	if (!attached)
		return CORDON_FAULT_BLOCKED;
	if (!(low & AMD_EVENT_PRESENT))
		return CORDON_FAULT_NOT_PRESENT;
	return low & AMD_EVENT_WRITE ? CORDON_FAULT_WRITE_DENIED : CORDON_FAULT_READ_DENIED;
}

void amd_fault_decode(const struct amd_event *event, bool attached, struct iommu_fault *fault)
{
	enum cordon_fault_reason reason = CORDON_FAULT_OTHER;

	switch (amd_event_code(event->low)) {
	case AMD_EVENT_DEVICE_ENTRY:
		reason = event->low & AMD_EVENT_INTERRUPT ? CORDON_FAULT_INTERRUPT
		                                          : CORDON_FAULT_TABLE;
		break;
	case AMD_EVENT_PAGE_FAULT:
		reason = page_fault_reason(event->low, attached);
		break;
	case AMD_EVENT_INVALID_REQUEST:
		if (amd_event_type(event->low) == AMD_REQUEST_INTERRUPT_RANGE)
			reason = CORDON_FAULT_ADDRESS;
		break;
	default:
		break;
	}
	*fault = (struct iommu_fault){
	        .requester = {amd_event_device(event->low)},
	        .address = event->high,
	        .reason = (uint16_t)reason,
	        .hardware_code = (uint16_t)amd_event_code(event->low),
	        .write = (event->low & AMD_EVENT_WRITE) != 0,
	};
}

/*
 * QEMU 11 puts read and write where the specification reserves bits, says of every page fault that
 * it was an interrupt, and leaves the address out. Whether the page was there is not said, either:
 * without the address, nobody can look.
 */
#define EMULATED_WRITE AMD_BIT(32 + 17)

void amd_fault_decode_emulated(const struct amd_event *event, bool attached,
                               struct iommu_fault *fault)
{
	struct amd_event specified = *event;

	if (amd_event_code(event->low) != AMD_EVENT_PAGE_FAULT) {
		amd_fault_decode(event, attached, fault);
		return;
	}
	specified.low &= ~AMD_EVENT_INTERRUPT;
	if (event->low & EMULATED_WRITE)
		specified.low |= AMD_EVENT_WRITE;
	amd_fault_decode(&specified, attached, fault);
	if (event->high)
		return;
	fault->address = CORDON_FAULT_NO_ADDRESS;
	if (fault->reason == CORDON_FAULT_NOT_PRESENT)
		fault->reason = CORDON_FAULT_OTHER;
}

/* --- reading --------------------------------------------------------------------------------- */

/* Takes the event at the head. False: the unit moved its tail, but nothing came. */
static bool take_event(struct amd_unit *unit, struct amd_event *out)
{
	struct amd_event *event = &unit->events[unit->event_head];
	bool written;

	/* A line of ours that is older than what the unit wrote. */
	iommu_publish(&unit->unit, event, sizeof(*event));
	written = clock_wait_until(
	        amd_event_code(__atomic_load_n(&event->low, __ATOMIC_ACQUIRE)) != 0, EVENT_TIMEOUT);
	*out = *event;
	/* Cleared, so that the next one in its place is not read before it is there. */
	event->high = 0;
	__atomic_store_n(&event->low, 0, __ATOMIC_RELEASE);
	iommu_publish(&unit->unit, event, sizeof(*event));
	unit->event_head = (unit->event_head + 1) % AMD_RING_ENTRIES;
	amd_write(unit->registers, AMD_EVENT_HEAD, (uint64_t)unit->event_head << AMD_RING_SHIFT);
	return written;
}

/* QEMU 11 records a transfer beat by beat, without the address that would tell them apart: what it
 * says twice in a row is one fault. */
static bool is_repeated(struct amd_unit *unit, const struct amd_event *event)
{
	bool repeated = unit->emulated && event->low == unit->last_event.low &&
	                event->high == unit->last_event.high;

	unit->last_event = *event;
	return repeated;
}

/* Events of commands and of counters have no requester; who waits for a command finds out by
 * himself. */
static bool is_of_a_requester(const struct amd_event *event)
{
	unsigned int code = amd_event_code(event->low);

	return code != AMD_EVENT_COMMAND_ILLEGAL && code != AMD_EVENT_COMMAND_HARDWARE &&
	       code != AMD_EVENT_COUNTER_ZERO;
}

/* After an overflow the log has stopped (2.5.1). How much was dropped nobody knows; it counts as
 * one. */
static void restart(struct amd_unit *unit, uint64_t *lost)
{
	(*lost)++;
	if (amd_switch(unit, AMD_CONTROL_EVENTS, AMD_STATUS_EVENTS_RUN, false)) {
		amd_write(unit->registers, AMD_STATUS, AMD_STATUS_EVENT_OVERFLOW);
		if (amd_switch(unit, AMD_CONTROL_EVENTS, AMD_STATUS_EVENTS_RUN, true))
			return;
	}
	log_warn("%s: its event log does not go on: faults are not recorded", unit->unit.name);
}

bool amd_fault_read(struct iommu_unit *base, struct iommu_fault *fault, uint64_t *lost)
{
	struct amd_unit *unit = amd_unit_of(base);
	bool attached;

	/* Before the tail is read: what comes then raises the interrupt again. */
	if (amd_read(unit->registers, AMD_STATUS) & AMD_STATUS_EVENT_IRQ)
		amd_write(unit->registers, AMD_STATUS, AMD_STATUS_EVENT_IRQ);
	for (unsigned int i = 0; i < AMD_RING_ENTRIES; i++) {
		struct amd_event event;
		uint64_t tail = amd_read(unit->registers, AMD_EVENT_TAIL);

		if ((tail >> AMD_RING_SHIFT) % AMD_RING_ENTRIES == unit->event_head) {
			unit->last_event = (struct amd_event){0};
			break;
		}
		if (!take_event(unit, &event)) {
			(*lost)++;
			continue;
		}
		if (is_repeated(unit, &event))
			continue;
		if (!is_of_a_requester(&event)) {
			log_warn("%s: event 0x%llx 0x%llx", base->name,
			         (unsigned long long)event.low, (unsigned long long)event.high);
			continue;
		}
		attached = amd_is_attached(unit, (rid_t){amd_event_device(event.low)});
		if (unit->emulated)
			amd_fault_decode_emulated(&event, attached, fault);
		else
			amd_fault_decode(&event, attached, fault);
		return true;
	}
	if (amd_read(unit->registers, AMD_STATUS) & AMD_STATUS_EVENT_OVERFLOW)
		restart(unit, lost);
	return false;
}
