/* SPDX-License-Identifier: MIT */
/*
 * IVRS: AMD-Vi units, the requester ids they cover, and memory that firmware wants left alone (AMD
 * I/O Virtualization Technology specification, revision 3.08, 5.2). Blocks of unknown types are
 * skipped, as 5.2.2 asks; whatever decides which device is isolated by what must be understood
 * or the table is refused.
 */
#include <cordon/errno.h>
#include <drivers/acpi/table.h>
#include <kernel/string.h>

#define LOG_TAG "acpi"
#include <kernel/log.h>

struct ivrs_fixed { /* 5.2.1 */
	uint32_t info;
	uint8_t reserved[8];
} __attribute__((packed));
_Static_assert(sizeof(struct ivrs_fixed) == 12, "AMD-Vi 5.2.1");
#define IVINFO_PHYSICAL(info) ((info) >> 8 & 0x7f)
#define IVINFO_VIRTUAL(info)  ((info) >> 15 & 0x7f)
#define ADDRESS_BITS_MAX      64u

struct ivrs_block { /* what IVHD and IVMD blocks begin with, 5.2.2 */
	uint8_t type;
	uint8_t flags;
	uint16_t length;
	uint16_t device_id;
} __attribute__((packed));
_Static_assert(sizeof(struct ivrs_block) == 6, "AMD-Vi 5.2.2");
enum {
	IVHD_BASIC = 0x10,
	IVHD_EXTENDED = 0x11,
	IVHD_ACPI = IVRS_TYPE_ACPI_DEVICES,
	IVMD_ALL = 0x20,
	IVMD_DEVICE = 0x21,
	IVMD_RANGE = 0x22,
};

struct ivhd_rest { /* 5.2.2.1 */
	uint16_t capability;
	uint64_t registers;
	uint16_t segment;
	uint16_t info;
	uint32_t features;
} __attribute__((packed));
_Static_assert(sizeof(struct ivrs_block) + sizeof(struct ivhd_rest) == 24, "AMD-Vi 5.2.2.1");

struct ivhd_image { /* what types 11h and 40h have more, 5.2.2.2 */
	uint64_t feature;
	uint64_t feature2;
} __attribute__((packed));
_Static_assert(sizeof(struct ivhd_image) == 16, "AMD-Vi 5.2.2.2");

#define REGISTERS_ALIGNMENT  0x4000u /* 3.4: the registers take 16 KiB at least */
#define CAPABILITY_FIRST     0x40u   /* capabilities lie behind the config header */
#define CAPABILITY_LAST      0xfcu
#define CAPABILITY_ALIGNMENT 4u

struct ivhd_device { /* 5.2.2.3 */
	uint8_t type;
	uint16_t id;
	uint8_t settings;
} __attribute__((packed));
_Static_assert(sizeof(struct ivhd_device) == 4, "AMD-Vi 5.2.2.3");

struct ivhd_more { /* the second half of entries of 8 bytes, 5.2.2.4 */
	uint8_t handle;
	uint16_t id;
	uint8_t variety;
} __attribute__((packed));
_Static_assert(sizeof(struct ivhd_more) == 4, "AMD-Vi 5.2.2.4");

struct ivhd_acpi { /* what follows in an entry of an ACPI device, 5.2.2.8 */
	uint8_t hardware_id[8];
	uint8_t compatible_id[8];
	uint8_t uid_format;
	uint8_t uid_length;
} __attribute__((packed));
_Static_assert(sizeof(struct ivhd_acpi) == 18, "AMD-Vi 5.2.2.8");

enum ivhd_entry {
	IVHD_PAD = 0x00,
	IVHD_ALL = 0x01,
	IVHD_SELECT = 0x02,
	IVHD_RANGE = 0x03,
	IVHD_RANGE_END = 0x04,
	IVHD_PAD_LONG = 0x40,
	IVHD_ALIAS = 0x42,
	IVHD_ALIAS_RANGE = 0x43,
	IVHD_SELECT_LONG = 0x46,
	IVHD_RANGE_LONG = 0x47,
	IVHD_SPECIAL = 0x48,
	IVHD_ACPI_DEVICE = 0xf0,
};
#define ENTRY_LONG 0x40u /* types from here on have 8 bytes, 5.2.2.3 */

struct ivmd_rest { /* 5.2.2.9 */
	uint16_t last;
	uint8_t reserved[8];
	uint64_t base;
	uint64_t size;
} __attribute__((packed));
_Static_assert(sizeof(struct ivrs_block) + sizeof(struct ivmd_rest) == 32, "AMD-Vi 5.2.2.9");
#define IVMD_EXCLUSION 0x08u

/* --- device entries -------------------------------------------------------------------------- */

/* A unit's entries while they are read. */
struct reader {
	struct ivrs_unit *unit;
	struct acpi_bytes cursor;
	bool in_range; /* a range was begun: nothing but its end may follow */
	struct ivrs_devices range;
};

static int malformed(const char *what)
{
	log_warn("IVRS: %s", what);
	return -EINVAL;
}

static int add_devices(struct ivrs_unit *unit, const struct ivrs_devices *devices)
{
	if (unit->device_count == IVRS_DEVICES_MAX) {
		log_warn("IVRS: more than %d device entries", IVRS_DEVICES_MAX);
		return -E2BIG;
	}
	unit->devices[unit->device_count++] = *devices;
	return 0;
}

static int add_special(struct ivrs_unit *unit, const struct ivhd_more *more)
{
	if (more->variety != IVRS_IOAPIC && more->variety != IVRS_HPET)
		return malformed("a special device of an unknown variety");
	if (unit->special_count == IVRS_SPECIALS_MAX) {
		log_warn("IVRS: more than %d special devices", IVRS_SPECIALS_MAX);
		return -E2BIG;
	}
	unit->specials[unit->special_count++] = (struct ivrs_special){
	        .variety = more->variety,
	        .handle = more->handle,
	        .device_id = more->id,
	};
	return 0;
}

static int range_begin(struct reader *reader, const struct ivrs_devices *devices)
{
	reader->in_range = true;
	reader->range = *devices;
	return 0;
}

static int range_end(struct reader *reader, uint16_t last)
{
	if (!reader->in_range)
		return malformed("a range of devices has no beginning");
	reader->in_range = false;
	if (reader->range.first > last)
		return malformed("a range of devices ends before it begins");
	reader->range.last = last;
	return add_devices(reader->unit, &reader->range);
}

static int acpi_device(struct reader *reader, const struct ivrs_devices *devices)
{
	struct ivhd_acpi acpi;
	struct acpi_bytes uid;

	if (reader->unit->type != IVHD_ACPI)
		return malformed("an ACPI device in a block that has none");
	if (!acpi_take(&reader->cursor, &acpi, sizeof(acpi)) ||
	    !acpi_take_bytes(&reader->cursor, acpi.uid_length, &uid))
		return malformed("an ACPI device leaves its block");
	return add_devices(reader->unit, devices);
}

static int parse_entry(struct reader *reader)
{
	struct ivrs_devices devices = {0};
	struct ivhd_device device;
	struct ivhd_more more = {0};

	if (!acpi_take(&reader->cursor, &device, sizeof(device)) ||
	    (device.type >= ENTRY_LONG && device.type != IVHD_ACPI_DEVICE &&
	     !acpi_take(&reader->cursor, &more, sizeof(more))))
		return malformed("a device entry leaves its block");
	devices.first = devices.last = device.id;
	devices.settings = device.settings;
	if (device.type == IVHD_PAD || device.type == IVHD_PAD_LONG)
		return 0;
	if (device.type == IVHD_RANGE_END)
		return range_end(reader, device.id);
	if (reader->in_range)
		return malformed("a range of devices has no end");
	switch ((enum ivhd_entry)device.type) {
	case IVHD_ALL:
		devices.first = 0;
		devices.last = UINT16_MAX;
		return add_devices(reader->unit, &devices);
	case IVHD_SELECT:
	case IVHD_SELECT_LONG:
		return add_devices(reader->unit, &devices);
	case IVHD_RANGE:
	case IVHD_RANGE_LONG:
		return range_begin(reader, &devices);
	case IVHD_ALIAS:
		devices.aliased = true;
		devices.alias = more.id;
		return add_devices(reader->unit, &devices);
	case IVHD_ALIAS_RANGE:
		devices.aliased = true;
		devices.alias = more.id;
		return range_begin(reader, &devices);
	case IVHD_SPECIAL:
		return add_special(reader->unit, &more);
	case IVHD_ACPI_DEVICE:
		return acpi_device(reader, &devices);
	default:
		/* An unknown kind may be the one that matters: refuse rather than guess. */
		log_warn("IVRS: a device entry of type 0x%x", device.type);
		return -EINVAL;
	}
}

static int parse_entries(struct ivrs_unit *unit, struct acpi_bytes cursor)
{
	struct reader reader = {.unit = unit, .cursor = cursor};

	while (reader.cursor.size > 0) {
		int error = parse_entry(&reader);

		if (error)
			return error;
	}
	return reader.in_range ? malformed("a range of devices has no end") : 0;
}

/* --- units ----------------------------------------------------------------------------------- */

static bool beyond_width(const struct ivrs *ivrs, uint64_t address)
{
	return ivrs->physical_bits != 0 && ivrs->physical_bits < ADDRESS_BITS_MAX &&
	       address >> ivrs->physical_bits != 0;
}

static bool names_ioapic(const struct ivrs_unit *unit, uint8_t handle, size_t before)
{
	for (size_t i = 0; i < before; i++) {
		if (unit->specials[i].variety == IVRS_IOAPIC && unit->specials[i].handle == handle)
			return true;
	}
	return false;
}

/* Against the units before it: whatever was there twice would be isolated by neither for certain.
 */
static int check_unit(const struct ivrs *ivrs, const struct ivrs_unit *unit)
{
	uint64_t base = unit->registers.raw;

	if (base == 0 || !is_aligned(base, REGISTERS_ALIGNMENT) || beyond_width(ivrs, base)) {
		log_warn("IVRS: unit registers at 0x%llx", (unsigned long long)base);
		return -EINVAL;
	}
	if (unit->capability < CAPABILITY_FIRST || unit->capability > CAPABILITY_LAST ||
	    !is_aligned(unit->capability, CAPABILITY_ALIGNMENT))
		return malformed("a unit's capability lies outside its config space");
	if (unit->device_count == 0)
		return malformed("a unit covers nothing");
	for (const struct ivrs_unit *other = ivrs->units; other < unit; other++) {
		if (other->registers.raw == base)
			return malformed("two units at one address");
	}
	for (size_t i = 0; i < unit->special_count; i++) {
		const struct ivrs_special *special = &unit->specials[i];

		if (special->variety != IVRS_IOAPIC)
			continue;
		for (const struct ivrs_unit *other = ivrs->units; other <= unit; other++) {
			if (names_ioapic(other, special->handle,
			                 other == unit ? i : other->special_count))
				return malformed("an I/O APIC is there twice");
		}
	}
	return 0;
}

static int parse_unit(struct ivrs_unit *unit, const struct ivrs_block *block,
                      struct acpi_bytes body)
{
	struct ivhd_image image = {0};
	struct ivhd_rest rest;

	if (!acpi_take(&body, &rest, sizeof(rest)) ||
	    (block->type >= IVHD_EXTENDED && !acpi_take(&body, &image, sizeof(image))))
		return malformed("a unit definition is too short");
	unit->type = block->type;
	unit->flags = block->flags;
	unit->segment = rest.segment;
	unit->device_id = block->device_id;
	unit->capability = rest.capability;
	unit->registers = paddr(rest.registers);
	unit->info = rest.info;
	unit->features = rest.features;
	unit->feature_image = image.feature;
	return parse_entries(unit, body);
}

/* The unit that an earlier block of the same segment and id described, or NULL. */
static struct ivrs_unit *find_unit(struct ivrs *ivrs, uint16_t segment, uint16_t device_id)
{
	for (size_t i = 0; i < ivrs->unit_count; i++) {
		if (ivrs->units[i].segment == segment && ivrs->units[i].device_id == device_id)
			return &ivrs->units[i];
	}
	return NULL;
}

/* Firmware describes a unit once for each type it knows; the highest has all of it (5.2.2). */
static int parse_ivhd(const struct ivrs_block *block, struct acpi_bytes body, struct ivrs *ivrs)
{
	struct acpi_bytes peek = body;
	struct ivrs_unit *unit;
	struct ivhd_rest rest;

	if (!acpi_take(&peek, &rest, sizeof(rest)))
		return malformed("a unit definition is too short");
	unit = find_unit(ivrs, rest.segment, block->device_id);
	if (unit) {
		if (unit->type == block->type)
			return malformed("a unit is described twice");
		if (unit->registers.raw != rest.registers)
			return malformed("two descriptions of a unit differ");
		if (unit->type > block->type)
			return 0;
		memset(unit, 0, sizeof(*unit));
	} else if (ivrs->unit_count == IVRS_UNITS_MAX) {
		log_warn("IVRS: more than %d units", IVRS_UNITS_MAX);
		return -E2BIG;
	} else {
		unit = &ivrs->units[ivrs->unit_count++];
	}
	return parse_unit(unit, block, body);
}

static int parse_ivmd(const struct ivrs_block *block, struct acpi_bytes body, struct ivrs *ivrs)
{
	struct ivrs_region *region = &ivrs->regions[ivrs->region_count];
	struct ivmd_rest rest;

	if (ivrs->region_count == IVRS_REGIONS_MAX) {
		log_warn("IVRS: more than %d memory regions", IVRS_REGIONS_MAX);
		return -E2BIG;
	}
	if (!acpi_take(&body, &rest, sizeof(rest)) || body.size != 0)
		return malformed("a memory region of another size");
	region->first = block->type == IVMD_ALL ? 0 : block->device_id;
	region->last = region->first;
	if (block->type == IVMD_ALL)
		region->last = UINT16_MAX;
	else if (block->type == IVMD_RANGE)
		region->last = rest.last;
	region->base = rest.base;
	region->size = rest.size;
	region->exclusion = block->flags & IVMD_EXCLUSION;
	if (region->first > region->last || region->size == 0 ||
	    !is_aligned(region->base | region->size, PAGE_SIZE) ||
	    region->base + region->size < region->base ||
	    beyond_width(ivrs, region->base + region->size - 1)) {
		log_warn("IVRS: memory region at 0x%llx of 0x%llx bytes",
		         (unsigned long long)region->base, (unsigned long long)region->size);
		return -EINVAL;
	}
	ivrs->region_count++;
	return 0;
}

static int parse_block(struct acpi_bytes *cursor, struct ivrs *ivrs)
{
	struct ivrs_block block;
	struct acpi_bytes body;

	if (!acpi_take(cursor, &block, sizeof(block)) || block.length < sizeof(block) ||
	    !acpi_take_bytes(cursor, block.length - sizeof(block), &body))
		return malformed("a block leaves the table");
	switch (block.type) {
	case IVHD_BASIC:
	case IVHD_EXTENDED:
	case IVHD_ACPI:
		return parse_ivhd(&block, body, ivrs);
	case IVMD_ALL:
	case IVMD_DEVICE:
	case IVMD_RANGE:
		return parse_ivmd(&block, body, ivrs);
	default:
		return 0;
	}
}

int ivrs_parse(struct acpi_bytes table, struct ivrs *out)
{
	struct ivrs_fixed fixed;
	struct acpi_bytes body;
	int error;

	memset(out, 0, sizeof(*out));
	error = acpi_open(table, "IVRS", &body);
	if (error)
		return error;
	if (!acpi_take(&body, &fixed, sizeof(fixed)))
		return malformed("too short");
	out->physical_bits = (uint8_t)IVINFO_PHYSICAL(fixed.info);
	out->virtual_bits = (uint8_t)IVINFO_VIRTUAL(fixed.info);
	if (out->physical_bits > ADDRESS_BITS_MAX || out->virtual_bits > ADDRESS_BITS_MAX)
		return malformed("addresses of more than 64 bits");
	while (body.size > 0 && !error)
		error = parse_block(&body, out);
	for (size_t i = 0; !error && i < out->unit_count; i++)
		error = check_unit(out, &out->units[i]);
	if (!error && out->unit_count == 0)
		error = malformed("no unit");
	return error;
}
