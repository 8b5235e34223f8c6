/* SPDX-License-Identifier: MIT */
/* The memory that config space is mapped to (7.2.2). */
#include <arch/mmio.h>
#include <cordon/errno.h>
#include <drivers/pci/internal.h>
#include <kernel/panic.h>

#define LOG_TAG "pci"
#include <kernel/log.h>

#define ECAM_BUS_SHIFT      20
#define ECAM_FUNCTION_SHIFT 12

static struct pci_area areas[MCFG_AREAS_MAX];
static size_t area_count;

int pci_ecam_init(const struct mcfg *mcfg)
{
	area_count = 0;
	if (mcfg->count == 0) {
		log_warn("no ECAM");
		return -ENODEV;
	}
	for (size_t i = 0; i < mcfg->count && i < MCFG_AREAS_MAX; i++) {
		const struct mcfg_area *from = &mcfg->areas[i];
		uint64_t buses = from->last_bus - from->first_bus + UINT64_C(1);
		struct pci_area *area = &areas[area_count];

		area->base = paddr(from->base.raw + ((uint64_t)from->first_bus << ECAM_BUS_SHIFT));
		area->size = buses << ECAM_BUS_SHIFT;
		area->segment = from->segment;
		area->first_bus = from->first_bus;
		area->last_bus = from->last_bus;
		area->mapping = mmio_map(area->base, area->size);
		if (!area->mapping) {
			log_error("segment %u: ECAM cannot be mapped", area->segment);
			return -ENOMEM;
		}
		area_count++;
	}
	return 0;
}

size_t pci_area_count(void)
{
	return area_count;
}

const struct pci_area *pci_area(size_t index)
{
	return &areas[index];
}

volatile uint8_t *pci_ecam(const struct pci_area *area, uint8_t bus, uint8_t devfn)
{
	ASSERT(bus >= area->first_bus && bus <= area->last_bus);
	return area->mapping + ((uint64_t)(bus - area->first_bus) << ECAM_BUS_SHIFT) +
	       ((uint64_t)devfn << ECAM_FUNCTION_SHIFT);
}

bool pci_overlaps_ecam(uint64_t base, uint64_t size)
{
	for (size_t i = 0; i < area_count; i++) {
		uint64_t start = areas[i].base.raw;

		if (base < start + areas[i].size && (base >= start || size > start - base))
			return true;
	}
	return false;
}
