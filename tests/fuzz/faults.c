/* SPDX-License-Identifier: MIT */
/*
 * What units report of refused accesses, 16 bytes of a VT-d record (10.4.14, appendix A) or an
 * AMD-Vi event (2.5), against a reading of the single bytes: whatever they hold, the right
 * requester is accused, of something that has a name.
 */
#include <drivers/iommu/amd/amd.h>
#include <drivers/iommu/intel/intel.h>
#include <tests/fuzz/fuzz.h>

#define RECORD 16

static uint64_t number(const uint8_t *bytes)
{
	uint64_t value = 0;

	for (int i = 7; i >= 0; i--)
		value = value << 8 | bytes[i];
	return value;
}

static void check_common(const struct iommu_fault *fault, const uint8_t *source, uint8_t code)
{
	FUZZ_CHECK(fault->requester.raw == (source[0] | source[1] << 8));
	FUZZ_CHECK(fault->hardware_code == code);
	FUZZ_CHECK(fault->reason >= CORDON_FAULT_NOT_PRESENT &&
	           fault->reason <= CORDON_FAULT_OTHER);
}

/* --- VT-d ------------------------------------------------------------------------------------ */

static uint16_t vtd_reason(uint8_t code)
{
	/* By number; 0 is no reason. */
	static const uint8_t reasons[] = {
	        CORDON_FAULT_OTHER,       CORDON_FAULT_BLOCKED, CORDON_FAULT_BLOCKED,
	        CORDON_FAULT_TABLE,       CORDON_FAULT_ADDRESS, CORDON_FAULT_WRITE_DENIED,
	        CORDON_FAULT_READ_DENIED, CORDON_FAULT_TABLE,   CORDON_FAULT_TABLE,
	        CORDON_FAULT_TABLE,       CORDON_FAULT_TABLE,   CORDON_FAULT_TABLE,
	        CORDON_FAULT_TABLE,       CORDON_FAULT_OTHER,   CORDON_FAULT_ADDRESS,
	};

	if (code >> 4 == 2)
		return CORDON_FAULT_INTERRUPT;
	return code < sizeof(reasons) ? reasons[code] : CORDON_FAULT_OTHER;
}

static void check_vtd(const uint8_t *bytes)
{
	struct iommu_fault fault;
	bool interrupt = vtd_reason(bytes[12]) == CORDON_FAULT_INTERRUPT;

	intel_fault_decode(number(bytes), number(bytes + 8), &fault);
	check_common(&fault, bytes + 8, bytes[12]);
	FUZZ_CHECK(fault.reason == vtd_reason(bytes[12]));
	FUZZ_CHECK(fault.write == (interrupt || !(bytes[15] & 0x40)));
	if (interrupt)
		FUZZ_CHECK(fault.address == (uint64_t)(bytes[6] | bytes[7] << 8));
	else
		FUZZ_CHECK(fault.address == number(bytes) - (bytes[0] | (bytes[1] & 15) << 8));
}

/* --- AMD-Vi ---------------------------------------------------------------------------------- */

/* Flags of an event lie in bytes 6 and 7: I 0x08, PR 0x10, RW 0x20, RZ 0x80; TYPE 0x0e. */
static uint16_t amd_reason(const uint8_t *bytes, bool attached)
{
	uint8_t flags = bytes[6];

	switch (bytes[7] >> 4) {
	case 1:
		return flags & 0x08 ? CORDON_FAULT_INTERRUPT : CORDON_FAULT_TABLE;
	case 2:
		if (flags & 0x08)
			return CORDON_FAULT_INTERRUPT;
		if (flags & 0x80)
			return CORDON_FAULT_TABLE;
		if (!attached)
			return CORDON_FAULT_BLOCKED;
		if (!(flags & 0x10))
			return CORDON_FAULT_NOT_PRESENT;
		return flags & 0x20 ? CORDON_FAULT_WRITE_DENIED : CORDON_FAULT_READ_DENIED;
	case 8:
		return bytes[7] & 0x0e ? CORDON_FAULT_OTHER : CORDON_FAULT_ADDRESS;
	default:
		return CORDON_FAULT_OTHER;
	}
}

static void check_amd(const uint8_t *bytes, bool attached)
{
	const struct amd_event event = {number(bytes), number(bytes + 8)};
	struct iommu_fault fault;

	amd_fault_decode(&event, attached, &fault);
	check_common(&fault, bytes, bytes[7] >> 4);
	FUZZ_CHECK(fault.reason == amd_reason(bytes, attached));
	FUZZ_CHECK(fault.address == number(bytes + 8));
	FUZZ_CHECK(fault.write == ((bytes[6] & 0x20) != 0));
	/* As QEMU 11 has it: no address is never a claim about what was mapped there. */
	amd_fault_decode_emulated(&event, attached, &fault);
	check_common(&fault, bytes, bytes[7] >> 4);
	if (bytes[7] >> 4 == 2 && event.high == 0)
		FUZZ_CHECK(fault.address == CORDON_FAULT_NO_ADDRESS &&
		           fault.reason != CORDON_FAULT_NOT_PRESENT);
	else
		FUZZ_CHECK(fault.address == event.high);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (; size >= RECORD; data += RECORD, size -= RECORD) {
		check_vtd(data);
		check_amd(data, true);
		check_amd(data, false);
	}
	return 0;
}
