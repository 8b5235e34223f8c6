/* SPDX-License-Identifier: MIT */
/* MADT: processors and interrupt controllers (5.2.12). */
#include <cordon/errno.h>
#include <drivers/acpi/table.h>
#include <kernel/string.h>

#define LOG_TAG "acpi"
#include <kernel/log.h>

struct madt_fixed {
	uint32_t local_apic;
	uint32_t flags;
} __attribute__((packed));
_Static_assert(sizeof(struct madt_fixed) == 8, "table 5.19");
#define MADT_PCAT_COMPAT 0x1u /* table 5.20: a pair of 8259 is there */

struct madt_entry {
	uint8_t type;
	uint8_t length;
} __attribute__((packed));

enum madt_type { /* table 5.21 */
	         MADT_LOCAL_APIC = 0,
	         MADT_IOAPIC = 1,
	         MADT_OVERRIDE = 2,
	         MADT_LOCAL_APIC_ADDRESS = 5,
	         MADT_LOCAL_X2APIC = 9,
};

struct entry_local_apic { /* table 5.22 */
	uint8_t uid;
	uint8_t apic_id;
	uint32_t flags;
} __attribute__((packed));
_Static_assert(sizeof(struct entry_local_apic) == 6, "table 5.22");
#define MADT_CPU_ENABLED 0x1u

struct entry_ioapic { /* table 5.24 */
	uint8_t id;
	uint8_t reserved;
	uint32_t base;
	uint32_t gsi_base;
} __attribute__((packed));
_Static_assert(sizeof(struct entry_ioapic) == 10, "table 5.24");

struct entry_override { /* table 5.25 */
	uint8_t bus;
	uint8_t irq;
	uint32_t gsi;
	uint16_t flags;
} __attribute__((packed));
_Static_assert(sizeof(struct entry_override) == 8, "table 5.25");
#define MADT_BUS_ISA 0
#define ISA_IRQS     16

/* table 5.26: polarity in bits 0-1, trigger mode in bits 2-3; both: 0 as the bus does, 2 reserved
 */
#define MADT_POLARITY(flags) ((flags)&3u)
#define MADT_TRIGGER(flags)  ((flags) >> 2 & 3u)
#define MADT_CONFORMS        0u
#define MADT_RESERVED        2u
#define MADT_ACTIVE_LOW      3u
#define MADT_LEVEL           3u

struct entry_local_apic_address { /* table 5.29 */
	uint16_t reserved;
	uint64_t address;
} __attribute__((packed));
_Static_assert(sizeof(struct entry_local_apic_address) == 10, "table 5.29");

struct entry_x2apic { /* table 5.34 */
	uint16_t reserved;
	uint32_t apic_id;
	uint32_t flags;
	uint32_t uid;
} __attribute__((packed));
_Static_assert(sizeof(struct entry_x2apic) == 14, "table 5.34");

static bool is_known(const struct madt *madt, uint32_t apic_id)
{
	for (size_t i = 0; i < madt->cpu_count; i++)
		if (madt->cpu_apic_ids[i] == apic_id)
			return true;
	return false;
}

static int add_cpu(struct madt *madt, uint32_t apic_id, uint32_t flags)
{
	if (!(flags & MADT_CPU_ENABLED))
		return 0;
	if (is_known(madt, apic_id)) {
		log_warn("MADT: two processors with APIC id %u", apic_id);
		return -EINVAL;
	}
	if (madt->cpu_count == MADT_CPUS_MAX) {
		/* A processor that is not started harms nobody. */
		log_warn("MADT: processor with APIC id %u is one too many, not used", apic_id);
		return 0;
	}
	madt->cpu_apic_ids[madt->cpu_count++] = apic_id;
	return 0;
}

/* The entries for ids that the older kind has no room for (5.2.12.12). Some firmware repeats
 * processors here that it has named there. */
static int add_extended_cpu(struct madt *madt, const struct entry_x2apic *entry)
{
	if (is_known(madt, entry->apic_id) && entry->apic_id <= UINT8_MAX)
		return 0;
	return add_cpu(madt, entry->apic_id, entry->flags);
}

static int add_ioapic(struct madt *madt, const struct entry_ioapic *entry)
{
	struct madt_ioapic *ioapic = madt->ioapics;

	if (entry->base == 0 || !is_aligned(entry->base, 16)) {
		log_warn("MADT: I/O APIC %u at 0x%x", entry->id, entry->base);
		return -EINVAL;
	}
	for (; ioapic < madt->ioapics + madt->ioapic_count; ioapic++) {
		if (ioapic->id == entry->id || ioapic->base.raw == entry->base ||
		    ioapic->gsi_base == entry->gsi_base) {
			log_warn("MADT: I/O APICs %u and %u clash", ioapic->id, entry->id);
			return -EINVAL;
		}
	}
	if (madt->ioapic_count == MADT_IOAPICS_MAX) {
		log_warn("MADT: more than %d I/O APICs", MADT_IOAPICS_MAX);
		return -E2BIG;
	}
	ioapic->id = entry->id;
	ioapic->gsi_base = entry->gsi_base;
	ioapic->base = paddr(entry->base);
	madt->ioapic_count++;
	return 0;
}

static int add_override(struct madt *madt, const struct entry_override *entry)
{
	struct madt_override *override = madt->overrides;

	if (entry->bus != MADT_BUS_ISA || entry->irq >= ISA_IRQS ||
	    MADT_POLARITY(entry->flags) == MADT_RESERVED ||
	    MADT_TRIGGER(entry->flags) == MADT_RESERVED) {
		log_warn("MADT: override of bus %u, interrupt %u, flags 0x%x", entry->bus,
		         entry->irq, entry->flags);
		return -EINVAL;
	}
	for (; override < madt->overrides + madt->override_count; override++) {
		if (override->irq == entry->irq || override->gsi == entry->gsi) {
			log_warn("MADT: two overrides of interrupt %u or of input %u", entry->irq,
			         entry->gsi);
			return -EINVAL;
		}
	}
	if (madt->override_count == MADT_OVERRIDES_MAX) {
		log_warn("MADT: more than %d overrides", MADT_OVERRIDES_MAX);
		return -E2BIG;
	}
	override->irq = entry->irq;
	override->gsi = entry->gsi;
	/* An ISA interrupt is edge triggered and active high unless said otherwise. */
	override->level = MADT_TRIGGER(entry->flags) == MADT_LEVEL;
	override->active_low = MADT_POLARITY(entry->flags) == MADT_ACTIVE_LOW;
	madt->override_count++;
	return 0;
}

static int set_local_apic(struct madt *madt, uint64_t address)
{
	if (address == 0 || !is_aligned(address, PAGE_SIZE)) {
		log_warn("MADT: local APIC at 0x%llx", (unsigned long long)address);
		return -EINVAL;
	}
	madt->local_apic = paddr(address);
	return 0;
}

/* body: the entry without type and length. Returns -EINVAL also when it is shorter than its type
 * needs. */
static int parse_entry(struct madt *madt, uint8_t type, struct acpi_bytes body)
{
	union {
		struct entry_local_apic apic;
		struct entry_ioapic ioapic;
		struct entry_override override;
		struct entry_local_apic_address address;
		struct entry_x2apic x2apic;
	} entry;

	switch (type) {
	case MADT_LOCAL_APIC:
		if (acpi_take(&body, &entry.apic, sizeof(entry.apic)))
			return add_cpu(madt, entry.apic.apic_id, entry.apic.flags);
		break;
	case MADT_LOCAL_X2APIC:
		if (acpi_take(&body, &entry.x2apic, sizeof(entry.x2apic)))
			return add_extended_cpu(madt, &entry.x2apic);
		break;
	case MADT_IOAPIC:
		if (acpi_take(&body, &entry.ioapic, sizeof(entry.ioapic)))
			return add_ioapic(madt, &entry.ioapic);
		break;
	case MADT_OVERRIDE:
		if (acpi_take(&body, &entry.override, sizeof(entry.override)))
			return add_override(madt, &entry.override);
		break;
	case MADT_LOCAL_APIC_ADDRESS:
		if (acpi_take(&body, &entry.address, sizeof(entry.address)))
			return set_local_apic(madt, entry.address.address);
		break;
	default:
		return 0; /* types of later revisions are skipped (5.2.12) */
	}
	log_warn("MADT: entry of type %u is too short", type);
	return -EINVAL;
}

int madt_parse(struct acpi_bytes table, struct madt *out)
{
	struct acpi_bytes body, rest;
	struct madt_fixed fixed;
	struct madt_entry entry;
	int error;

	memset(out, 0, sizeof(*out));
	error = acpi_open(table, "APIC", &body);
	if (error)
		return error;
	if (!acpi_take(&body, &fixed, sizeof(fixed))) {
		log_warn("MADT: too short");
		return -EINVAL;
	}
	out->has_8259 = fixed.flags & MADT_PCAT_COMPAT;
	error = set_local_apic(out, fixed.local_apic);
	if (error)
		return error;
	while (body.size > 0) {
		if (!acpi_take(&body, &entry, sizeof(entry)) || entry.length < sizeof(entry) ||
		    !acpi_take_bytes(&body, entry.length - sizeof(entry), &rest)) {
			log_warn("MADT: an entry leaves the table");
			return -EINVAL;
		}
		error = parse_entry(out, entry.type, rest);
		if (error)
			return error;
	}
	if (out->cpu_count == 0) {
		log_warn("MADT: no processor");
		return -EINVAL;
	}
	return 0;
}
