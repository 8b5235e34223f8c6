/* SPDX-License-Identifier: MIT */
/* MCFG: where config space is mapped (PCI firmware specification 3.3, 4.1.2). */
#include <cordon/errno.h>
#include <drivers/acpi/table.h>
#include <kernel/string.h>

#define LOG_TAG "acpi"
#include <kernel/log.h>

struct mcfg_entry {
	uint64_t base;
	uint16_t segment;
	uint8_t first_bus;
	uint8_t last_bus;
	uint32_t reserved;
} __attribute__((packed));
_Static_assert(sizeof(struct mcfg_entry) == 16, "allocation structure, 4.1.2");

#define MCFG_RESERVED_SIZE 8
#define ECAM_BUS_SIZE      (UINT64_C(1) << 20)

static uint64_t area_start(const struct mcfg_area *area)
{
	return area->base.raw + area->first_bus * ECAM_BUS_SIZE;
}

static uint64_t area_last(const struct mcfg_area *area)
{
	return area->base.raw + area->last_bus * ECAM_BUS_SIZE + (ECAM_BUS_SIZE - 1);
}

static bool areas_clash(const struct mcfg_area *a, const struct mcfg_area *b)
{
	if (a->segment == b->segment && a->first_bus <= b->last_bus && b->first_bus <= a->last_bus)
		return true;
	return area_start(a) <= area_last(b) && area_start(b) <= area_last(a);
}

static int check_area(const struct mcfg *mcfg, const struct mcfg_area *area)
{
	if (area->first_bus > area->last_bus) {
		log_warn("MCFG: segment %u: buses %u to %u", area->segment, area->first_bus,
		         area->last_bus);
		return -EINVAL;
	}
	if (area->base.raw == 0 || !is_aligned(area->base.raw, ECAM_BUS_SIZE) ||
	    area->base.raw > UINT64_MAX - 256 * ECAM_BUS_SIZE) {
		log_warn("MCFG: segment %u: base 0x%llx", area->segment,
		         (unsigned long long)area->base.raw);
		return -EINVAL;
	}
	for (size_t i = 0; i < mcfg->count; i++) {
		if (areas_clash(&mcfg->areas[i], area)) {
			log_warn("MCFG: areas %zu and %zu overlap", i, mcfg->count);
			return -EINVAL;
		}
	}
	return 0;
}

int mcfg_parse(struct acpi_bytes table, struct mcfg *out)
{
	struct acpi_bytes body, reserved;
	struct mcfg_entry entry;
	int error;

	memset(out, 0, sizeof(*out));
	error = acpi_open(table, "MCFG", &body);
	if (error)
		return error;
	if (!acpi_take_bytes(&body, MCFG_RESERVED_SIZE, &reserved) || body.size == 0 ||
	    body.size % sizeof(entry) != 0) {
		log_warn("MCFG: %zu bytes are not a list of areas", body.size);
		return -EINVAL;
	}
	while (acpi_take(&body, &entry, sizeof(entry))) {
		struct mcfg_area area = {
		        .base = paddr(entry.base),
		        .segment = entry.segment,
		        .first_bus = entry.first_bus,
		        .last_bus = entry.last_bus,
		};

		if (out->count == MCFG_AREAS_MAX) {
			log_warn("MCFG: more than %d areas", MCFG_AREAS_MAX);
			return -E2BIG;
		}
		error = check_area(out, &area);
		if (error)
			return error;
		out->areas[out->count++] = area;
	}
	return 0;
}
