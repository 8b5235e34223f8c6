/* SPDX-License-Identifier: MIT */
/*
 * DMAR: remapping units and what they cover (Intel VT-d specification, revision 4.0, chapter
 * 8). Structures of types that this version does not use are skipped, as 8.2 asks; whatever
 * decides which device is isolated by what must be understood or the table is refused.
 */
#include <cordon/errno.h>
#include <drivers/acpi/table.h>
#include <kernel/string.h>

#define LOG_TAG "acpi"
#include <kernel/log.h>

struct dmar_fixed {                 /* 8.1 */
	uint8_t host_address_width; /* bits - 1 */
	uint8_t flags;
	uint8_t reserved[10];
} __attribute__((packed));
_Static_assert(sizeof(struct dmar_fixed) == 12, "VT-d 8.1");
#define DMAR_INTR_REMAP     0x01u
#define DMAR_X2APIC_OPT_OUT 0x02u
#define DMAR_DMA_OPT_IN     0x04u
#define ADDRESS_BITS_MAX    64u

struct dmar_structure { /* 8.2 */
	uint16_t type;
	uint16_t length;
} __attribute__((packed));
_Static_assert(sizeof(struct dmar_structure) == 4, "VT-d 8.2");
enum { DMAR_DRHD = 0, DMAR_RMRR = 1 };

struct dmar_drhd { /* 8.3 */
	uint8_t flags;
	uint8_t size;
	uint16_t segment;
	uint64_t registers;
} __attribute__((packed));
_Static_assert(sizeof(struct dmar_drhd) == 12, "VT-d 8.3");
#define DRHD_INCLUDE_ALL 0x01u

struct dmar_rmrr { /* 8.4 */
	uint16_t reserved;
	uint16_t segment;
	uint64_t base;
	uint64_t limit;
} __attribute__((packed));
_Static_assert(sizeof(struct dmar_rmrr) == 20, "VT-d 8.4");

struct dmar_scope_header { /* 8.3.1 */
	uint8_t type;
	uint8_t length;
	uint8_t flags;
	uint8_t reserved;
	uint8_t enumeration_id;
	uint8_t start_bus;
} __attribute__((packed));
_Static_assert(sizeof(struct dmar_scope_header) == 6, "VT-d 8.3.1");

#define PCI_DEVICES   32
#define PCI_FUNCTIONS 8

static int parse_path(struct acpi_bytes path, struct dmar_scope *scope)
{
	uint8_t step[2];

	if (path.size == 0 || path.size % sizeof(step) != 0) {
		log_warn("DMAR: a scope path of %zu bytes", path.size);
		return -EINVAL;
	}
	while (acpi_take(&path, step, sizeof(step))) {
		if (scope->path_length == DMAR_PATH_MAX) {
			log_warn("DMAR: a scope path of more than %d steps", DMAR_PATH_MAX);
			return -E2BIG;
		}
		if (step[0] >= PCI_DEVICES || step[1] >= PCI_FUNCTIONS) {
			log_warn("DMAR: a scope path through %u.%u", step[0], step[1]);
			return -EINVAL;
		}
		scope->path[scope->path_length].device = step[0];
		scope->path[scope->path_length].function = step[1];
		scope->path_length++;
	}
	return 0;
}

/* The scopes that fill the rest of a structure: at most max. */
static int parse_scopes(struct acpi_bytes cursor, size_t max, struct dmar_scope *scopes,
                        size_t *count)
{
	struct dmar_scope_header header;
	struct acpi_bytes path;

	*count = 0;
	while (cursor.size > 0) {
		struct dmar_scope *scope = &scopes[*count];
		int error;

		if (*count == max) {
			log_warn("DMAR: more than %zu scopes", max);
			return -E2BIG;
		}
		if (!acpi_take(&cursor, &header, sizeof(header)) ||
		    header.length < sizeof(header) ||
		    !acpi_take_bytes(&cursor, header.length - sizeof(header), &path)) {
			log_warn("DMAR: a scope leaves its structure");
			return -EINVAL;
		}
		/* An unknown kind may be the one that matters: refuse rather than guess. */
		if (header.type < DMAR_SCOPE_ENDPOINT || header.type > DMAR_SCOPE_ACPI) {
			log_warn("DMAR: a scope of type %u", header.type);
			return -EINVAL;
		}
		memset(scope, 0, sizeof(*scope));
		scope->type = header.type;
		scope->enumeration_id = header.enumeration_id;
		scope->start_bus = header.start_bus;
		error = parse_path(path, scope);
		if (error)
			return error;
		++*count;
	}
	return 0;
}

static bool beyond_width(const struct dmar *dmar, uint64_t address)
{
	return dmar->host_address_width < ADDRESS_BITS_MAX &&
	       address >> dmar->host_address_width != 0;
}

/* Whether two scopes of one segment name the same thing. */
static bool scopes_equal(const struct dmar_scope *a, const struct dmar_scope *b)
{
	if (a->type == DMAR_SCOPE_IOAPIC && b->type == DMAR_SCOPE_IOAPIC &&
	    a->enumeration_id == b->enumeration_id)
		return true;
	/* HPETs and ACPI name-space devices may share a requester id. */
	if (a->type > DMAR_SCOPE_BRIDGE || b->type > DMAR_SCOPE_BRIDGE)
		return false;
	return a->start_bus == b->start_bus && a->path_length == b->path_length &&
	       memcmp(a->path, b->path, a->path_length * sizeof(a->path[0])) == 0;
}

/* A device under two units would be isolated by neither for certain. */
static int check_scopes(const struct dmar_unit *a, const struct dmar_unit *b)
{
	if (a->segment != b->segment)
		return 0;
	if (a != b && a->include_all && b->include_all) {
		log_warn("DMAR: two units take all of segment %u", a->segment);
		return -EINVAL;
	}
	for (size_t i = 0; i < a->scope_count; i++) {
		for (size_t j = a == b ? i + 1 : 0; j < b->scope_count; j++) {
			if (scopes_equal(&a->scopes[i], &b->scopes[j])) {
				log_warn("DMAR: a device of segment %u, start bus %u, is in two "
				         "scopes",
				         a->segment, a->scopes[i].start_bus);
				return -EINVAL;
			}
		}
	}
	return 0;
}

static int check_unit(const struct dmar *dmar, const struct dmar_unit *unit)
{
	uint64_t base = unit->registers.raw;

	if (base == 0 || !is_aligned(base, PAGE_SIZE) || beyond_width(dmar, base)) {
		log_warn("DMAR: unit registers at 0x%llx", (unsigned long long)base);
		return -EINVAL;
	}
	if (unit->scope_count == 0 && !unit->include_all) {
		log_warn("DMAR: the unit at 0x%llx covers nothing", (unsigned long long)base);
		return -EINVAL;
	}
	for (size_t i = 0; i < dmar->unit_count; i++) {
		int error;

		if (dmar->units[i].registers.raw == base) {
			log_warn("DMAR: two units at 0x%llx", (unsigned long long)base);
			return -EINVAL;
		}
		error = check_scopes(&dmar->units[i], unit);
		if (error)
			return error;
	}
	return check_scopes(unit, unit);
}

static int parse_drhd(struct acpi_bytes body, struct dmar *dmar)
{
	struct dmar_unit *unit = &dmar->units[dmar->unit_count];
	struct dmar_drhd drhd;
	int error;

	if (dmar->unit_count == DMAR_UNITS_MAX) {
		log_warn("DMAR: more than %d units", DMAR_UNITS_MAX);
		return -E2BIG;
	}
	if (!acpi_take(&body, &drhd, sizeof(drhd))) {
		log_warn("DMAR: a unit definition is too short");
		return -EINVAL;
	}
	unit->registers = paddr(drhd.registers);
	unit->segment = drhd.segment;
	unit->include_all = drhd.flags & DRHD_INCLUDE_ALL;
	error = parse_scopes(body, DMAR_SCOPES_MAX, unit->scopes, &unit->scope_count);
	if (!error)
		error = check_unit(dmar, unit);
	if (!error)
		dmar->unit_count++;
	return error;
}

static int parse_rmrr(struct acpi_bytes body, struct dmar *dmar)
{
	struct dmar_region *region = &dmar->regions[dmar->region_count];
	struct dmar_rmrr rmrr;
	int error;

	if (dmar->region_count == DMAR_REGIONS_MAX) {
		log_warn("DMAR: more than %d reserved regions", DMAR_REGIONS_MAX);
		return -E2BIG;
	}
	if (!acpi_take(&body, &rmrr, sizeof(rmrr))) {
		log_warn("DMAR: a reserved region is too short");
		return -EINVAL;
	}
	if (!is_aligned(rmrr.base, PAGE_SIZE) || !is_aligned(rmrr.limit + 1, PAGE_SIZE) ||
	    rmrr.base > rmrr.limit || beyond_width(dmar, rmrr.limit)) {
		log_warn("DMAR: reserved region 0x%llx-0x%llx", (unsigned long long)rmrr.base,
		         (unsigned long long)rmrr.limit);
		return -EINVAL;
	}
	region->base = rmrr.base;
	region->limit = rmrr.limit;
	region->segment = rmrr.segment;
	error = parse_scopes(body, DMAR_REGION_SCOPES_MAX, region->scopes, &region->scope_count);
	if (!error && region->scope_count == 0) {
		log_warn("DMAR: a reserved region of no device");
		error = -EINVAL;
	}
	if (!error)
		dmar->region_count++;
	return error;
}

static int parse_structures(struct acpi_bytes cursor, struct dmar *dmar)
{
	struct dmar_structure header;
	struct acpi_bytes body;

	while (cursor.size > 0) {
		int error = 0;

		if (!acpi_take(&cursor, &header, sizeof(header)) ||
		    header.length < sizeof(header) ||
		    !acpi_take_bytes(&cursor, header.length - sizeof(header), &body)) {
			log_warn("DMAR: a structure leaves the table");
			return -EINVAL;
		}
		if (header.type == DMAR_DRHD)
			error = parse_drhd(body, dmar);
		else if (header.type == DMAR_RMRR)
			error = parse_rmrr(body, dmar);
		if (error)
			return error;
	}
	return 0;
}

int dmar_parse(struct acpi_bytes table, struct dmar *out)
{
	struct dmar_fixed fixed;
	struct acpi_bytes body;
	int error;

	memset(out, 0, sizeof(*out));
	error = acpi_open(table, "DMAR", &body);
	if (error)
		return error;
	if (!acpi_take(&body, &fixed, sizeof(fixed))) {
		log_warn("DMAR: too short");
		return -EINVAL;
	}
	if (fixed.host_address_width >= ADDRESS_BITS_MAX) {
		log_warn("DMAR: host address width %u", fixed.host_address_width + 1u);
		return -EINVAL;
	}
	out->host_address_width = (uint8_t)(fixed.host_address_width + 1);
	out->interrupt_remapping = fixed.flags & DMAR_INTR_REMAP;
	out->x2apic_opt_out = fixed.flags & DMAR_X2APIC_OPT_OUT;
	out->dma_opt_in = fixed.flags & DMAR_DMA_OPT_IN;
	error = parse_structures(body, out);
	if (!error && out->unit_count == 0) {
		log_warn("DMAR: no unit");
		error = -EINVAL;
	}
	return error;
}
