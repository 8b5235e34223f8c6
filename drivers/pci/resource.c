/* SPDX-License-Identifier: MIT */
/* Base address registers and bridge windows: reading, sizing, writing (7.5.1.2.1, 7.5.1.3). */
#include <drivers/pci/internal.h>
#include <drivers/pci/registers.h>

#define BAR_SIZE       4u
#define HIGH_SHIFT     32
#define IO_HIGH_SHIFT  16
#define IO_PORTS       0xffff0000u /* address bits that a 16-bit I/O register may leave out */
#define ONES           0xffffffffu
#define WINDOW_CLOSED  0xfff0u /* as base, with limit 0 */
#define IO_WINDOW_SHUT 0xf0u

static unsigned int bar_count(const struct pci_function *function)
{
	switch (function->header_type) {
	case PCI_HEADER_ENDPOINT:
		return PCI_BARS_ENDPOINT;
	case PCI_HEADER_BRIDGE:
		return PCI_BARS_BRIDGE;
	default:
		return 0;
	}
}

static uint32_t rom_offset(const struct pci_function *function)
{
	return function->header_type == PCI_HEADER_BRIDGE ? PCI_ROM_BRIDGE : PCI_ROM_ENDPOINT;
}

static uint32_t bar_offset(unsigned int index)
{
	return PCI_BARS + index * BAR_SIZE;
}

/* Which bits of a register can be written. */
static uint32_t probe(struct pci_function *function, uint32_t offset, uint32_t ones)
{
	uint32_t before = pci_read32(function, offset);
	uint32_t mask;

	pci_write32(function, offset, ones);
	mask = pci_read32(function, offset);
	pci_write32(function, offset, before);
	return mask;
}

/* The size that an address mask stands for; 0: not a power of two. */
static uint64_t mask_size(uint64_t mask)
{
	uint64_t size = ~mask + 1;

	return size & (size - 1) ? 0 : size;
}

static bool read_io(struct pci_function *function, unsigned int index, uint32_t mask)
{
	struct pci_bar *bar = &function->bars[index];

	mask &= ~PCI_BAR_IO_BITS;
	if (!(mask & IO_PORTS))
		mask |= IO_PORTS;
	bar->size = mask_size(mask | ~(uint64_t)ONES);
	bar->base = pci_read32(function, bar_offset(index)) & ~PCI_BAR_IO_BITS;
	bar->kind = bar->size ? PCI_BAR_IO : PCI_BAR_NONE;
	return bar->size != 0;
}

static bool read_memory(struct pci_function *function, unsigned int index, uint32_t mask)
{
	struct pci_bar *bar = &function->bars[index];
	uint32_t low = pci_read32(function, bar_offset(index));
	uint64_t wide = mask & ~PCI_BAR_MEMORY_BITS;
	bool is_64 = (mask & PCI_BAR_TYPE) == PCI_BAR_TYPE_64;

	if ((mask & PCI_BAR_TYPE) == PCI_BAR_TYPE)
		return false;
	bar->base = low & ~PCI_BAR_MEMORY_BITS;
	if (is_64) {
		if (index + 1 >= bar_count(function))
			return false;
		wide |= (uint64_t)probe(function, bar_offset(index + 1), ONES) << HIGH_SHIFT;
		bar->base |= (uint64_t)pci_read32(function, bar_offset(index + 1)) << HIGH_SHIFT;
	} else {
		wide |= ~(uint64_t)ONES;
	}
	bar->size = mask_size(wide);
	bar->prefetchable = mask & PCI_BAR_PREFETCH;
	bar->kind = bar->size == 0 ? PCI_BAR_NONE : is_64 ? PCI_BAR_MEMORY64 : PCI_BAR_MEMORY32;
	return bar->size != 0;
}

static void read_rom(struct pci_function *function)
{
	uint32_t offset = rom_offset(function);
	uint32_t mask = probe(function, offset, ONES & ~PCI_ROM_BITS) & ~PCI_ROM_BITS;
	struct pci_bar *rom = &function->rom;

	if (mask == 0)
		return;
	rom->size = mask_size(mask | ~(uint64_t)ONES);
	if (rom->size == 0)
		return;
	rom->kind = PCI_BAR_MEMORY32;
	rom->base = pci_read32(function, offset) & ~PCI_ROM_BITS;
}

bool pci_bars_read(struct pci_function *function)
{
	uint16_t command = pci_read16(function, PCI_COMMAND);
	bool sound = true;

	if (bar_count(function) == 0)
		return true;
	/* While ones stand in a register the function would answer anywhere. */
	pci_write16(function, PCI_COMMAND,
	            command & (uint16_t) ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY));
	for (unsigned int i = 0; i < bar_count(function); i++) {
		uint32_t mask = probe(function, bar_offset(i), ONES);

		if (mask == 0)
			continue;
		if (!(mask & PCI_BAR_SPACE_IO ? read_io(function, i, mask)
		                              : read_memory(function, i, mask))) {
			function->bars[i] = (struct pci_bar){.kind = PCI_BAR_NONE};
			sound = false;
		}
		if (!(mask & PCI_BAR_SPACE_IO) && (mask & PCI_BAR_TYPE) == PCI_BAR_TYPE_64)
			i++;
	}
	read_rom(function);
	pci_write16(function, PCI_COMMAND, command);
	return sound;
}

void pci_restore_bars(struct pci_function *function)
{
	for (unsigned int i = 0; i < bar_count(function); i++) {
		const struct pci_bar *bar = &function->bars[i];

		if (bar->kind == PCI_BAR_NONE)
			continue;
		pci_write32(function, bar_offset(i), (uint32_t)bar->base);
		if (bar->kind == PCI_BAR_MEMORY64)
			pci_write32(function, bar_offset(++i), (uint32_t)(bar->base >> HIGH_SHIFT));
	}
	/* Without the enable bit: the ROM decodes nothing. */
	if (function->rom.kind != PCI_BAR_NONE)
		pci_write32(function, rom_offset(function), (uint32_t)function->rom.base);
}

/* --- windows ------------------------------------------------------------------------------- */

static struct pci_window window_between(bool usable, uint64_t base, uint64_t limit)
{
	struct pci_window window = {.usable = usable};

	/* Base 0 is what a bridge holds that nobody set up; nothing is ever put there. */
	if (usable && base != 0 && base <= limit) {
		window.base = base;
		window.size = limit - base + 1;
	}
	return window;
}

static struct pci_window read_io_window(struct pci_function *bridge)
{
	uint8_t base = pci_read8(bridge, PCI_IO_BASE);
	uint8_t limit = pci_read8(bridge, PCI_IO_LIMIT);
	uint32_t from, to;
	bool usable;

	pci_write8(bridge, PCI_IO_BASE, PCI_IO_WINDOW_BITS);
	usable = pci_read8(bridge, PCI_IO_BASE) & PCI_IO_WINDOW_BITS;
	pci_write8(bridge, PCI_IO_BASE, base);
	from = (uint32_t)(base & PCI_IO_WINDOW_BITS) << 8;
	to = (uint32_t)(limit & PCI_IO_WINDOW_BITS) << 8 | (PCI_IO_WINDOW_UNIT - 1);
	if (base & PCI_IO_WINDOW_32) {
		from |= (uint32_t)pci_read16(bridge, PCI_IO_BASE_HI) << IO_HIGH_SHIFT;
		to |= (uint32_t)pci_read16(bridge, PCI_IO_LIMIT_HI) << IO_HIGH_SHIFT;
	}
	return window_between(usable, from, to);
}

static uint64_t memory_bits(uint16_t value)
{
	return (uint64_t)(value & PCI_MEMORY_WINDOW_BITS) << 16;
}

static struct pci_window read_low_window(struct pci_function *bridge)
{
	return window_between(true, memory_bits(pci_read16(bridge, PCI_MEMORY_BASE)),
	                      memory_bits(pci_read16(bridge, PCI_MEMORY_LIMIT)) |
	                              (PCI_MEMORY_WINDOW_UNIT - 1));
}

/* A prefetchable window of 32 bits is not used: what would lie in it fits the other one. */
static struct pci_window read_high_window(struct pci_function *bridge)
{
	uint16_t base = pci_read16(bridge, PCI_PREFETCH_BASE);
	uint16_t limit = pci_read16(bridge, PCI_PREFETCH_LIMIT);
	uint64_t high_base = pci_read32(bridge, PCI_PREFETCH_BASE_HI);
	uint64_t high_limit = pci_read32(bridge, PCI_PREFETCH_LIMIT_HI);
	bool usable;

	pci_write16(bridge, PCI_PREFETCH_BASE, PCI_MEMORY_WINDOW_BITS);
	usable = pci_read16(bridge, PCI_PREFETCH_BASE) & PCI_MEMORY_WINDOW_BITS;
	pci_write16(bridge, PCI_PREFETCH_BASE, base);
	usable = usable && (base & PCI_PREFETCH_WINDOW_TYPE) == PCI_PREFETCH_WINDOW_64;
	return window_between(usable, memory_bits(base) | high_base << HIGH_SHIFT,
	                      memory_bits(limit) | (PCI_MEMORY_WINDOW_UNIT - 1) |
	                              high_limit << HIGH_SHIFT);
}

void pci_windows_read(struct pci_function *bridge)
{
	uint16_t command = pci_read16(bridge, PCI_COMMAND);

	/* Registers are tried out: nothing may be forwarded meanwhile. */
	pci_write16(bridge, PCI_COMMAND,
	            command & (uint16_t) ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY));
	bridge->windows[PCI_WINDOW_IO] = read_io_window(bridge);
	bridge->windows[PCI_WINDOW_LOW] = read_low_window(bridge);
	bridge->windows[PCI_WINDOW_HIGH] = read_high_window(bridge);
	pci_write16(bridge, PCI_COMMAND, command);
}

static void write_io_window(struct pci_function *bridge, bool closed, uint64_t base, uint64_t limit)
{
	pci_write8(bridge, PCI_IO_BASE,
	           closed ? IO_WINDOW_SHUT : (uint8_t)(base >> 8 & PCI_IO_WINDOW_BITS));
	pci_write8(bridge, PCI_IO_LIMIT, closed ? 0 : (uint8_t)(limit >> 8 & PCI_IO_WINDOW_BITS));
	pci_write16(bridge, PCI_IO_BASE_HI, closed ? 0 : (uint16_t)(base >> IO_HIGH_SHIFT));
	pci_write16(bridge, PCI_IO_LIMIT_HI, closed ? 0 : (uint16_t)(limit >> IO_HIGH_SHIFT));
}

static void write_memory_window(struct pci_function *bridge, uint32_t base_offset,
                                uint32_t limit_offset, bool closed, uint64_t base, uint64_t limit)
{
	uint16_t from = (uint16_t)(base >> 16 & PCI_MEMORY_WINDOW_BITS);
	uint16_t to = (uint16_t)(limit >> 16 & PCI_MEMORY_WINDOW_BITS);

	pci_write16(bridge, base_offset, closed ? WINDOW_CLOSED : from);
	pci_write16(bridge, limit_offset, closed ? 0 : to);
}

void pci_window_write(struct pci_function *bridge, enum pci_window_kind kind)
{
	const struct pci_window *window = &bridge->windows[kind];
	uint64_t base = window->base, limit = window->base + window->size - 1;
	bool closed = window->size == 0;

	switch (kind) {
	case PCI_WINDOW_IO:
		write_io_window(bridge, closed, base, limit);
		break;
	case PCI_WINDOW_LOW:
		write_memory_window(bridge, PCI_MEMORY_BASE, PCI_MEMORY_LIMIT, closed, base, limit);
		break;
	default:
		write_memory_window(bridge, PCI_PREFETCH_BASE, PCI_PREFETCH_LIMIT, closed, base,
		                    limit);
		pci_write32(bridge, PCI_PREFETCH_BASE_HI,
		            closed ? 0 : (uint32_t)(base >> HIGH_SHIFT));
		pci_write32(bridge, PCI_PREFETCH_LIMIT_HI,
		            closed ? 0 : (uint32_t)(limit >> HIGH_SHIFT));
		break;
	}
}
