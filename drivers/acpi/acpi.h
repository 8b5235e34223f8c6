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

#define DMAR_UNITS_MAX         16
#define DMAR_SCOPES_MAX        512 /* of a unit: all 256 functions of a bus and more */
#define DMAR_REGIONS_MAX       32
#define DMAR_REGION_SCOPES_MAX 64
#define DMAR_PATH_MAX          8

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
	struct dmar_scope scopes[DMAR_REGION_SCOPES_MAX];
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

/* --- IVRS (AMD I/O Virtualization Technology specification 3.08, 5.2) -------------------- */

#define IVRS_UNITS_MAX    16
#define IVRS_DEVICES_MAX  512 /* entries of a unit */
#define IVRS_SPECIALS_MAX 16  /* of a unit */
#define IVRS_REGIONS_MAX  32

/* IVHD flags that the unit's control register takes over (5.2.2.1). */
#define IVRS_FLAG_HT_TUNNEL     0x01u
#define IVRS_FLAG_PASS_PW       0x02u
#define IVRS_FLAG_RES_PASS_PW   0x04u
#define IVRS_FLAG_ISOCHRONOUS   0x08u
#define IVRS_FLAG_COHERENT      0x20u
#define IVRS_TYPE_ACPI_DEVICES  0x40u /* the block type that also names devices of ACPI */
#define IVRS_TYPE_FEATURE_IMAGE 0x11u /* this one and higher have an image of the features */
#define IVRS_NO_TRANSLATION     0x01u /* HATDis, of their attributes: no host address translation */

struct ivrs_devices { /* requester ids first .. last */
	uint16_t first;
	uint16_t last;
	uint16_t alias; /* the id that their requests carry, when aliased */
	bool aliased;
	uint8_t settings; /* what firmware would let pass, 5.2.2.1 */
};

enum ivrs_variety { /* 5.2.2.6 */
	            IVRS_IOAPIC = 1,
	            IVRS_HPET = 2,
};

struct ivrs_special {
	uint8_t variety;
	uint8_t handle; /* the id in the MADT, or the HPET's number */
	uint16_t device_id;
};

struct ivrs_unit {    /* IVHD, 5.2.2.1 */
	uint8_t type; /* 10h, 11h or 40h: of those that describe the unit, the highest */
	uint8_t flags;
	uint16_t segment;
	uint16_t device_id;  /* of the unit itself */
	uint16_t capability; /* offset in its config space */
	paddr_t registers;
	uint16_t info;
	uint32_t features;      /* type 10h: feature reporting; others: attributes */
	uint64_t feature_image; /* not type 10h: of the extended feature register */
	size_t device_count;
	struct ivrs_devices devices[IVRS_DEVICES_MAX];
	size_t special_count;
	struct ivrs_special specials[IVRS_SPECIALS_MAX];
};

struct ivrs_region { /* IVMD, 5.2.2.9: devices under it are refused (S5); of every segment */
	uint16_t first;
	uint16_t last;
	uint64_t base;
	uint64_t size;
	bool exclusion; /* requests would pass untranslated, else: an identity map */
};

struct ivrs {
	uint8_t physical_bits; /* of an address, 0: not said */
	uint8_t virtual_bits;  /* of an IOVA, 0: not said */
	size_t unit_count;
	struct ivrs_unit units[IVRS_UNITS_MAX];
	size_t region_count;
	struct ivrs_region regions[IVRS_REGIONS_MAX];
};

/* out is large, as dmar_parse's. Returns 0; -EINVAL for anything malformed, also a register base
 * that is not aligned or there twice, a unit described twice, a range without an end or turned
 * around, an I/O APIC under two units, an entry of an unknown kind; -E2BIG when a table of ours is
 * too small. */
int ivrs_parse(struct acpi_bytes table, struct ivrs *out);

#endif
