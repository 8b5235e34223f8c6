/* SPDX-License-Identifier: MIT */
#include <arch/mmio.h>
#include <cordon/errno.h>
#include <drivers/iommu/iommu.h>
#include <drivers/vfio/region.h>
#include <kernel/memory.h>
#include <kernel/page.h>
#include <kernel/panic.h>

/* MSI-X capability (7.7.2): offsets and fields. */
#define MSIX_CONTROL       0x02
#define MSIX_TABLE         0x04
#define MSIX_PENDING       0x08
#define MSIX_TABLE_SIZE    0x07ff /* of MSIX_CONTROL: vectors - 1 */
#define MSIX_BAR           0x7u   /* of MSIX_TABLE and MSIX_PENDING */
#define MSIX_ENTRY_BYTES   16
#define MSIX_PENDING_BYTES 8 /* for 64 vectors */

/* I/O APICs, HPETs and local APICs; messages to it are interrupts (Intel SDM 3, 11.4.1). */
#define INTERRUPT_AREA_BASE UINT64_C(0xfec00000)
#define INTERRUPT_AREA_SIZE UINT64_C(0x00300000)

#define PORT_COUNT 0x10000 /* I/O ports of the processor */

#define WINDOW_SIZE (UINT64_C(1) << 20) /* the kernel maps at most so much of a BAR at a time */

static bool ranges_overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a_size && b_size && a < b + b_size && b < a + a_size;
}

static bool bar_is_memory(enum pci_bar_kind kind)
{
	return kind == PCI_BAR_MEMORY32 || kind == PCI_BAR_MEMORY64;
}

/* --- where things are ------------------------------------------------------------------------ */

void region_msix_read(const struct pci_function *function, struct region_msix *out)
{
	uint32_t capability = function->caps.msix;
	uint32_t table, pending;

	*out = (struct region_msix){0};
	if (!capability)
		return;
	out->vectors = (pci_read16(function, capability + MSIX_CONTROL) & MSIX_TABLE_SIZE) + 1u;
	table = pci_read32(function, capability + MSIX_TABLE);
	pending = pci_read32(function, capability + MSIX_PENDING);
	out->table_bar = table & MSIX_BAR;
	out->table.offset = table & ~MSIX_BAR;
	out->table.size = (uint64_t)out->vectors * MSIX_ENTRY_BYTES;
	out->pending_bar = pending & MSIX_BAR;
	out->pending.offset = pending & ~MSIX_BAR;
	out->pending.size = (uint64_t)((out->vectors + 63) / 64) * MSIX_PENDING_BYTES;
}

/* Moves position past a range that the page at position touches; whether it did. */
static bool skip_range(uint64_t *position, struct region_range range)
{
	if (!ranges_overlap(*position, PAGE_SIZE, range.offset, range.size))
		return false;
	*position = align_up(range.offset + range.size, PAGE_SIZE);
	return true;
}

/* Where the next page that touches a range starts, at most limit. */
static uint64_t next_touched(uint64_t position, uint64_t limit, struct region_range range)
{
	uint64_t page = align_down(range.offset, PAGE_SIZE);

	return range.size && page >= position ? min_u64(page, limit) : limit;
}

uint32_t region_areas(uint64_t size, struct region_range table, struct region_range pending,
                      struct cordon_region_area *areas)
{
	uint64_t position = 0;
	uint32_t count = 0;

	while (position < size && count < CORDON_REGION_AREAS_MAX) {
		uint64_t end;

		if (skip_range(&position, table) || skip_range(&position, pending))
			continue;
		end = next_touched(position, next_touched(position, size, table), pending);
		areas[count++] = (struct cordon_region_area){
		        .offset = position,
		        .size = end - position,
		};
		position = end;
	}
	return count;
}

/* Why a range must not be in a task's hands, or NULL. */
static const char *range_refusal(uint64_t base, uint64_t size)
{
	if (base + size < base)
		return "a BAR wraps around the address space";
	if (page_overlaps_ram(paddr(base), size))
		return "a BAR overlaps RAM";
	if (pci_overlaps_ecam(base, size))
		return "a BAR overlaps PCI config space";
	if (ranges_overlap(base, size, INTERRUPT_AREA_BASE, INTERRUPT_AREA_SIZE))
		return "a BAR overlaps interrupt controllers";
	if (iommu_overlaps_registers(base, size))
		return "a BAR overlaps registers of an IOMMU";
	return NULL;
}

const char *region_refusal(const struct pci_function *function)
{
	for (uint32_t i = 0; i < REGION_BARS; i++) {
		const struct pci_bar *bar = &function->bars[i];
		const char *reason;

		if (!bar_is_memory(bar->kind))
			continue;
		if (bar->base == 0)
			return "a BAR could not be given a place";
		reason = range_refusal(bar->base, bar->size);
		if (reason)
			return reason;
	}
	return NULL;
}

/* Whether a page holds nothing but one BAR: no other BAR or ROM of any function, and nothing that
 * would keep a BAR there from being handed out. */
static bool page_is_alone(const struct pci_function *owner, uint32_t index, uint64_t page)
{
	const struct pci_function *function;

	if (range_refusal(page, PAGE_SIZE))
		return false;
	list_for_each(function, pci_functions(), link)
	{
		for (uint32_t i = 0; i < REGION_BARS; i++) {
			const struct pci_bar *bar = &function->bars[i];

			if ((function == owner && i == index) || !bar_is_memory(bar->kind))
				continue;
			if (ranges_overlap(bar->base, bar->size, page, PAGE_SIZE))
				return false;
		}
		if (ranges_overlap(function->rom.base, function->rom.size, page, PAGE_SIZE))
			return false;
	}
	return true;
}

static void region_init_areas(const struct pci_function *function, uint32_t index,
                              struct region_bar *bar)
{
	uint64_t pages = bar->size;

	if (!is_aligned(bar->base, PAGE_SIZE))
		return;
	if (bar->size < PAGE_SIZE) {
		if (!page_is_alone(function, index, bar->base))
			return;
		pages = PAGE_SIZE;
	}
	bar->area_count = region_areas(pages, bar->table, bar->pending, bar->areas);
}

void region_init(const struct pci_function *function, const struct region_msix *msix,
                 struct region_bar bars[REGION_BARS])
{
	for (uint32_t i = 0; i < REGION_BARS; i++) {
		const struct pci_bar *from = &function->bars[i];
		struct region_bar *bar = &bars[i];

		*bar = (struct region_bar){.kind = PCI_BAR_NONE};
		if (from->kind == PCI_BAR_NONE || from->base == 0)
			continue;
		if (from->kind == PCI_BAR_IO && from->base + from->size > PORT_COUNT)
			continue;
		bar->kind = from->kind;
		bar->prefetchable = from->prefetchable;
		bar->base = from->base;
		bar->size = from->size;
		if (!bar_is_memory(bar->kind))
			continue;
		if (msix->vectors && msix->table_bar == i)
			bar->table = msix->table;
		if (msix->vectors && msix->pending_bar == i)
			bar->pending = msix->pending;
		region_init_areas(function, i, bar);
	}
}

void region_describe(const struct region_bar *bar, struct cordon_region_info *out)
{
	*out = (struct cordon_region_info){0};
	if (bar->kind == PCI_BAR_NONE)
		return;
	out->size = bar->size;
	out->flags = CORDON_REGION_READ | CORDON_REGION_WRITE;
	if (bar->kind == PCI_BAR_IO)
		out->flags |= CORDON_REGION_IO;
	if (bar->kind == PCI_BAR_MEMORY64)
		out->flags |= CORDON_REGION_64BIT;
	if (bar->prefetchable)
		out->flags |= CORDON_REGION_PREFETCH;
	if (bar->area_count)
		out->flags |= CORDON_REGION_MMAP;
	out->area_count = bar->area_count;
	for (uint32_t i = 0; i < bar->area_count; i++)
		out->areas[i] = bar->areas[i];
}

bool region_mappable(const struct region_bar *bar, uint64_t offset, uint64_t size)
{
	for (uint32_t i = 0; i < bar->area_count; i++) {
		const struct cordon_region_area *area = &bar->areas[i];

		if (offset >= area->offset && offset - area->offset < area->size &&
		    size <= area->size - (offset - area->offset))
			return true;
	}
	return false;
}

int region_memory(struct region_bar *bar, struct memory **out)
{
	if (!bar->memory) {
		int error = memory_create_device(paddr(bar->base), align_up(bar->size, PAGE_SIZE),
		                                 &bar->memory);

		if (error) {
			bar->memory = NULL;
			return error;
		}
	}
	*out = bar->memory;
	return 0;
}

/* --- access by call -------------------------------------------------------------------------- */

/* The kernel's address of a register, mapping the part of the BAR that holds it. */
static int region_window(struct region_bar *bar, uint64_t offset, volatile void **out)
{
	uint64_t start = align_down(offset, WINDOW_SIZE);
	uint64_t size = min_u64(bar->size, WINDOW_SIZE);

	if (!bar->window || bar->window_offset != start) {
		if (bar->window)
			mmio_unmap(bar->window, size);
		bar->window = mmio_map(paddr(bar->base + start), size);
		bar->window_offset = start;
		if (!bar->window)
			return -ENOMEM;
	}
	*out = (volatile uint8_t *)bar->window + (offset - start);
	return 0;
}

static uint64_t port_read(uint16_t port, unsigned int width)
{
	switch (width) {
	case 1:
		return port_read8(port);
	case 2:
		return port_read16(port);
	default:
		return port_read32(port);
	}
}

static void port_write(uint16_t port, unsigned int width, uint64_t value)
{
	switch (width) {
	case 1:
		port_write8(port, (uint8_t)value);
		break;
	case 2:
		port_write16(port, (uint16_t)value);
		break;
	default:
		port_write32(port, (uint32_t)value);
		break;
	}
}

static void region_check(const struct region_bar *bar, uint64_t offset, unsigned int width)
{
	ASSERT(width == 1 || width == 2 || width == 4 || width == 8);
	ASSERT(is_aligned(offset, width) && offset < bar->size && width <= bar->size - offset);
	ASSERT(bar->kind != PCI_BAR_IO || width <= 4);
}

int region_read(struct region_bar *bar, uint64_t offset, unsigned int width, uint64_t *value)
{
	volatile void *address;
	int error;

	region_check(bar, offset, width);
	*value = UINT64_MAX;
	if (ranges_overlap(offset, width, bar->table.offset, bar->table.size))
		return 0;
	if (bar->kind == PCI_BAR_IO) {
		*value = port_read((uint16_t)(bar->base + offset), width);
		return 0;
	}
	error = region_window(bar, offset, &address);
	if (error)
		return error;
	switch (width) {
	case 1:
		*value = mmio_read8(address);
		break;
	case 2:
		*value = mmio_read16(address);
		break;
	case 4:
		*value = mmio_read32(address);
		break;
	default:
		*value = mmio_read64(address);
		break;
	}
	return 0;
}

int region_write(struct region_bar *bar, uint64_t offset, unsigned int width, uint64_t value)
{
	volatile void *address;
	int error;

	region_check(bar, offset, width);
	if (ranges_overlap(offset, width, bar->table.offset, bar->table.size) ||
	    ranges_overlap(offset, width, bar->pending.offset, bar->pending.size))
		return 0;
	if (bar->kind == PCI_BAR_IO) {
		port_write((uint16_t)(bar->base + offset), width, value);
		return 0;
	}
	error = region_window(bar, offset, &address);
	if (error)
		return error;
	switch (width) {
	case 1:
		mmio_write8(address, (uint8_t)value);
		break;
	case 2:
		mmio_write16(address, (uint16_t)value);
		break;
	case 4:
		mmio_write32(address, (uint32_t)value);
		break;
	default:
		mmio_write64(address, value);
		break;
	}
	return 0;
}

/* --- revocation ------------------------------------------------------------------------------ */

void region_revoke(struct region_bar bars[REGION_BARS])
{
	for (uint32_t i = 0; i < REGION_BARS; i++) {
		if (bars[i].memory)
			memory_revoke(bars[i].memory);
	}
}

void region_restore(struct region_bar bars[REGION_BARS])
{
	for (uint32_t i = 0; i < REGION_BARS; i++) {
		if (bars[i].memory)
			memory_restore(bars[i].memory);
	}
}

void region_release(struct region_bar bars[REGION_BARS])
{
	for (uint32_t i = 0; i < REGION_BARS; i++) {
		struct region_bar *bar = &bars[i];

		if (bar->window)
			mmio_unmap(bar->window, min_u64(bar->size, WINDOW_SIZE));
		if (bar->memory)
			object_unref(&bar->memory->object);
		bar->window = NULL;
		bar->memory = NULL;
	}
}
