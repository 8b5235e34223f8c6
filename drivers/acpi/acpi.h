/* SPDX-License-Identifier: MIT */
/*
 * ACPI tables: finding them, and pure parsers over their bytes.
 *
 * A parser gets bytes and a length, trusts neither, checks every length inside, and
 * copies what it understands into a structure of its own. Sections are of the ACPI
 * specification 6.4 unless said otherwise.
 */
#ifndef DRIVERS_ACPI_ACPI_H
#define DRIVERS_ACPI_ACPI_H

#include <kernel/types.h>

struct acpi_bytes {
	const uint8_t *data;
	size_t size;
};

/*
 * Reads RSDP, then XSDT or RSDT, and remembers every table whose header, length and checksum are
 * right; the others are logged and left out. rsdp 0: searches the BIOS areas (5.2.5.1).
 * Returns 0, -ENOENT (no RSDP) or -EINVAL (malformed root).
 */
int acpi_init(paddr_t rsdp);

/* The index-th table with a signature; its bytes stay mapped. False when there is none. */
bool acpi_find(const char signature[4], size_t index, struct acpi_bytes *out);

/* --- MADT (5.2.12) ----------------------------------------------------------------------- */

#define MADT_CPUS_MAX      64
#define MADT_IOAPICS_MAX   8
#define MADT_OVERRIDES_MAX 24

struct madt_ioapic {
	uint8_t id;
	uint32_t gsi_base;
	paddr_t base;
};

struct madt_override { /* ISA interrupt that is wired otherwise than identity, edge, active high */
	uint8_t irq;
	uint32_t gsi;
	bool level;
	bool active_low;
};

struct madt {
	paddr_t local_apic;
	bool has_8259;
	size_t cpu_count;
	uint32_t cpu_apic_ids[MADT_CPUS_MAX]; /* enabled ones */
	size_t ioapic_count;
	struct madt_ioapic ioapics[MADT_IOAPICS_MAX];
	size_t override_count;
	struct madt_override overrides[MADT_OVERRIDES_MAX];
};

int madt_parse(struct acpi_bytes table, struct madt *out);

/* --- MCFG (PCI firmware specification 3.3, 4.1.2) ---------------------------------------- */

#define MCFG_AREAS_MAX 8

struct mcfg_area {
	paddr_t base; /* of bus 0, even if first_bus is not 0 */
	uint16_t segment;
	uint8_t first_bus;
	uint8_t last_bus;
};

struct mcfg {
	size_t count;
	struct mcfg_area areas[MCFG_AREAS_MAX];
};

int mcfg_parse(struct acpi_bytes table, struct mcfg *out);

/* --- FADT (5.2.9), HPET (IA-PC HPET 3.2.4) ----------------------------------------------- */

struct fadt {
	uint32_t pm_timer_port; /* 0: none */
	bool pm_timer_32bit;
	uint32_t pm1a_control;
	uint32_t pm1b_control; /* 0: none */
	paddr_t dsdt;
};

int fadt_parse(struct acpi_bytes table, struct fadt *out);

/* The sleep type of \_S5 in the DSDT, found by its byte pattern without an interpreter. */
bool dsdt_find_s5(struct acpi_bytes dsdt, uint8_t *slp_typ_a);

int hpet_parse(struct acpi_bytes table, paddr_t *base);

/* --- DMAR (Intel VT-d specification 8) --------------------------------------------------- */

#define DMAR_UNITS_MAX   16
#define DMAR_SCOPES_MAX  64 /* a unit or region */
#define DMAR_REGIONS_MAX 32
#define DMAR_PATH_MAX    8

enum dmar_scope_type { /* 8.3.1 */
	               DMAR_SCOPE_ENDPOINT = 1,
	               DMAR_SCOPE_BRIDGE = 2, /* the whole subtree */
	               DMAR_SCOPE_IOAPIC = 3,
	               DMAR_SCOPE_HPET = 4,
	               DMAR_SCOPE_ACPI = 5,
};

struct dmar_scope {
	uint8_t type;
	uint8_t enumeration_id;
	uint8_t start_bus;
	uint8_t path_length;
	struct {
		uint8_t device;
		uint8_t function;
	} path[DMAR_PATH_MAX];
};

struct dmar_unit { /* 8.3 */
	paddr_t registers;
	uint16_t segment;
	bool include_all;
	size_t scope_count;
	struct dmar_scope scopes[DMAR_SCOPES_MAX];
};

struct dmar_region { /* RMRR, 8.4: devices under it need an identity map and are refused (S5) */
	uint64_t base;
	uint64_t limit; /* inclusive */
	uint16_t segment;
	size_t scope_count;
	struct dmar_scope scopes[DMAR_SCOPES_MAX];
};

struct dmar {
	uint8_t host_address_width; /* bits */
	bool interrupt_remapping;
	bool x2apic_opt_out;
	bool dma_opt_in; /* DMA_CTRL_PLATFORM_OPT_IN_FLAG */
	size_t unit_count;
	struct dmar_unit units[DMAR_UNITS_MAX];
	size_t region_count;
	struct dmar_region regions[DMAR_REGIONS_MAX];
};

/* out is large: the caller gives it static or heap memory. Returns 0; -EINVAL for anything
 * malformed, also a unit without scopes and include_all, an unaligned or duplicate register base, a
 * region with base above limit; -E2BIG when a table of ours is too small (nothing is silently left
 * out). */
int dmar_parse(struct acpi_bytes table, struct dmar *out);

#endif
