/* SPDX-License-Identifier: MIT */
#define LOG_TAG "ioapic"
#include "ioapic.h"

#include <arch/mmio.h>
#include <cordon/errno.h>
#include <kernel/log.h>

#include "paging.h"

#define IOAPICS_MAX 8

/* Registers: an index selects what the window shows (82093AA data sheet, 3.1). */
enum {
	IOAPIC_INDEX = 0x00,
	IOAPIC_WINDOW = 0x10,
	IOAPIC_SIZE = 0x20,
};
enum {
	IOAPIC_REGISTER_VERSION = 0x01,
	IOAPIC_REGISTER_ENTRIES = 0x10, /* two for each entry, low half first */
};
#define IOAPIC_VERSION_ENTRIES(v) (((v) >> 16 & 0xff) + 1)

#define REMAPPED_INDEX_MAX 0xffff

struct ioapic {
	volatile uint8_t *registers;
	uint32_t gsi_base;
	uint32_t entries;
};

static struct ioapic ioapics[IOAPICS_MAX];
static size_t ioapic_count;

/* Protects the index registers and the halves of an entry. */
static struct spinlock lock = SPINLOCK_INIT(RANK_IOAPIC, "ioapic");

uint64_t ioapic_entry(vector_t vector, int32_t remapped_index, bool level, bool active_low,
                      uint8_t apic_id)
{
	uint64_t entry = vector.raw | IOAPIC_ENTRY_MASKED;

	if (level)
		entry |= IOAPIC_ENTRY_LEVEL;
	if (active_low)
		entry |= IOAPIC_ENTRY_ACTIVE_LOW;
	if (remapped_index < 0)
		return entry | (uint64_t)apic_id << IOAPIC_ENTRY_ID_SHIFT;
	entry |= IOAPIC_ENTRY_REMAPPABLE;
	entry |= ((uint64_t)remapped_index & 0x7fff) << IOAPIC_ENTRY_INDEX_SHIFT;
	entry |= ((uint64_t)remapped_index >> 15 & 1) << IOAPIC_ENTRY_INDEX_15_SHIFT;
	return entry;
}

static uint32_t register_read(const struct ioapic *ioapic, uint32_t index)
{
	mmio_write32(ioapic->registers + IOAPIC_INDEX, index);
	return mmio_read32(ioapic->registers + IOAPIC_WINDOW);
}

static void register_write(const struct ioapic *ioapic, uint32_t index, uint32_t value)
{
	mmio_write32(ioapic->registers + IOAPIC_INDEX, index);
	mmio_write32(ioapic->registers + IOAPIC_WINDOW, value);
}

/* Writes a masked entry: first the half that holds the mask, so that nothing is sent to half a
 * target. */
static void entry_write(const struct ioapic *ioapic, uint32_t number, uint64_t entry)
{
	uint32_t index = IOAPIC_REGISTER_ENTRIES + number * 2;

	register_write(ioapic, index, (uint32_t)entry);
	register_write(ioapic, index + 1, (uint32_t)(entry >> 32));
}

int ioapic_init(const struct ioapic_info *infos, size_t count)
{
	if (count > IOAPICS_MAX)
		log_warn("%zu I/O APICs, the first %d are used", count, IOAPICS_MAX);
	for (size_t i = 0; i < count && i < IOAPICS_MAX; i++) {
		struct ioapic *ioapic = &ioapics[ioapic_count];
		uint32_t version;

		ioapic->registers = mmio_map(infos[i].base, IOAPIC_SIZE);
		if (ioapic->registers == NULL) {
			log_error("no memory to map I/O APIC %u", infos[i].id);
			return -ENOMEM;
		}
		version = register_read(ioapic, IOAPIC_REGISTER_VERSION);
		if (version == UINT32_MAX) {
			log_warn("I/O APIC %u at %#llx does not answer", infos[i].id,
			         (unsigned long long)infos[i].base.raw);
			mmio_unmap((void *)(uintptr_t)ioapic->registers, IOAPIC_SIZE);
			continue;
		}
		ioapic->gsi_base = infos[i].gsi_base;
		ioapic->entries = IOAPIC_VERSION_ENTRIES(version);
		for (uint32_t entry = 0; entry < ioapic->entries; entry++)
			entry_write(ioapic, entry, IOAPIC_ENTRY_MASKED);
		ioapic_count++;
	}
	return ioapic_count != 0 ? 0 : -ENODEV;
}

/* The I/O APIC that has an interrupt, and the number of its entry. */
static const struct ioapic *find(uint32_t gsi, uint32_t *number)
{
	for (size_t i = 0; i < ioapic_count; i++) {
		if (gsi >= ioapics[i].gsi_base && gsi - ioapics[i].gsi_base < ioapics[i].entries) {
			*number = gsi - ioapics[i].gsi_base;
			return &ioapics[i];
		}
	}
	return NULL;
}

int ioapic_route(uint32_t gsi, vector_t vector, int32_t remapped_index, bool level, bool active_low)
{
	uint32_t number;
	const struct ioapic *ioapic = find(gsi, &number);

	if (ioapic == NULL)
		return -ENXIO;
	if (remapped_index > REMAPPED_INDEX_MAX)
		return -EINVAL;
	spin_lock(&lock);
	entry_write(ioapic, number,
	            ioapic_entry(vector, remapped_index, level, active_low,
	                         (uint8_t)irq_boot_apic_id()));
	spin_unlock(&lock);
	return 0;
}

int ioapic_mask(uint32_t gsi, bool masked)
{
	uint32_t number, index, low;
	const struct ioapic *ioapic = find(gsi, &number);

	if (ioapic == NULL)
		return -ENXIO;
	index = IOAPIC_REGISTER_ENTRIES + number * 2;
	spin_lock(&lock);
	low = register_read(ioapic, index) & ~(uint32_t)IOAPIC_ENTRY_MASKED;
	register_write(ioapic, index, low | (masked ? (uint32_t)IOAPIC_ENTRY_MASKED : 0));
	spin_unlock(&lock);
	return 0;
}
