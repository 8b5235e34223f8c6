// SPDX-License-Identifier: MIT
#include <tests/unit/iommu/amd_bed.h>

#include <criterion/criterion.h>
#include <string.h>

struct amdvi bed_amdvi;
struct ivrs_unit *bed_description;
struct pci_function *bed_unit_function;

static void config_write(const struct pci_function *function, uint32_t offset, uint32_t value)
{
	memcpy(machine_config(function) + offset, &value, sizeof(value));
}

/* A capability list: the unit's own at 0x40, then MSI with 64-bit addresses (3.2). */
static void make_config(bool caches_absent)
{
	config_write(bed_unit_function, 0x04, 0x00100000);
	config_write(bed_unit_function, 0x34, 0x40);
	config_write(bed_unit_function, 0x40, 0x080b000f | BED_MSI << 8 | caches_absent << 26);
	config_write(bed_unit_function, BED_MSI, 0x00860005);
}

void bed_prepare(uint64_t features, unsigned int kind)
{
	struct ivrs_unit *unit = &machine_ivrs.units[0];

	machine_has_ivrs = true;
	machine_ivrs.physical_bits = 48;
	machine_ivrs.unit_count = 1;
	bed_description = unit;
	unit->type = 0x11;
	unit->flags = kind & BED_COHERENT ? 0x20 : 0;
	unit->device_id = BED_UNIT;
	unit->capability = 0x40;
	unit->registers = paddr(AMDVI_BASE);
	unit->devices[0] = (struct ivrs_devices){.first = BED_SOURCE, .last = BED_SOURCE};
	unit->devices[1] = (struct ivrs_devices){.first = BED_NEIGHBOUR, .last = 0xff};
	unit->device_count = 2;
	unit->specials[0] = (struct ivrs_special){IVRS_IOAPIC, BED_IOAPIC_ID, BED_IOAPIC};
	unit->specials[1] = (struct ivrs_special){IVRS_HPET, 0, BED_IOAPIC + 1};
	unit->special_count = 2;
	bed_unit_function = machine_function(0, 0, 0, 2, NULL);
	bed_unit_function->vendor = 0x1022;
	bed_unit_function->device = 0x1451;
	bed_add_functions();
	make_config(!(kind & BED_NO_ABSENT));
	bed_amdvi.features = features;
	bed_amdvi.coherent = kind & BED_COHERENT;
	bed_amdvi.np_cache = !(kind & BED_NO_ABSENT);
	amdvi_add(&bed_amdvi);
}

void bed_emulated_early(void)
{
	bed_description->type = 0x10;
	bed_description->features = 0x44;
	bed_unit_function->device = BED_UNIT;
}

int bed_write_index(size_t from, uint16_t offset, uint64_t mask, uint64_t value)
{
	for (size_t i = from; i < bed_amdvi.write_count; i++) {
		if (bed_amdvi.writes[i].offset == offset &&
		    (bed_amdvi.writes[i].value & mask) == value)
			return (int)i;
	}
	return -1;
}

struct amdvi_command bed_command(size_t count)
{
	cr_assert_gt(bed_amdvi.command_count, count);
	return bed_amdvi.commands[(bed_amdvi.command_count - 1 - count) % AMDVI_LOG_SIZE];
}

void bed_begin(unsigned int kind)
{
	bed_prepare(AMDVI_FEATURES, kind);
	bed_start();
	cr_assert(iommu_usable(NULL));
}

unsigned int bed_reach(uint16_t source, uint64_t address, bool write, uint64_t *target)
{
	return amdvi_access(&bed_amdvi, source, address, write, target);
}

void bed_forget_faults(void)
{
	bed_amdvi.event_head = bed_amdvi.event_tail;
}
