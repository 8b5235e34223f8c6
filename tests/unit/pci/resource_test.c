/* SPDX-License-Identifier: MIT */
/* BAR sizing, checking of what firmware assigned, and assignment where it left nothing. */
#include <criterion/criterion.h>
#include <kernel/page.h>
#include <string.h>
#include <tests/unit/fake/fake.h>
#include <tests/random.h>
#include <tests/unit/pci/machine.h>

#define M32   PCI_BAR_TYPE_32
#define M64   PCI_BAR_TYPE_64
#define PREF  PCI_BAR_PREFETCH
#define IO    PCI_BAR_SPACE_IO
#define ABOVE UINT64_C(0x200000000) /* one past the fake machine's RAM */

static void decode(struct device *device)
{
	machine_set16(device, PCI_COMMAND, 0x0003);
}

/* --- sizing -------------------------------------------------------------------------------- */

Test(bars, S7_every_kind_and_size_is_read_with_decoding_off)
{
	machine_start();
	struct device *device = machine_endpoint(NULL, 1, 0);
	struct device *other = machine_endpoint(NULL, 2, 0);

	machine_bar(device, 0, 16, M32);
	machine_bar(device, 1, 0x100000, M32 | PREF);
	machine_bar(device, 2, 0x4000, M64);
	machine_bar(device, 4, UINT64_C(1) << 36, M64 | PREF);
	machine_rom(device, 0x10000);
	machine_bar(other, 0, 0x40, IO);
	machine_bar(other, 5, 0x80000000, M32);
	/* An I/O register of 16 bits. */
	machine_bar(other, 1, 8, IO);
	other->writable[PCI_BARS + 6] = other->writable[PCI_BARS + 7] = 0;
	decode(device);
	decode(other);
	machine_boot();

	const struct pci_function *a = machine_function(device), *b = machine_function(other);

	cr_assert(a->bars[0].kind == PCI_BAR_MEMORY32 && a->bars[0].size == 16);
	cr_assert_not(a->bars[0].prefetchable);
	cr_assert(a->bars[1].kind == PCI_BAR_MEMORY32 && a->bars[1].size == 0x100000);
	cr_assert(a->bars[1].prefetchable);
	cr_assert(a->bars[2].kind == PCI_BAR_MEMORY64 && a->bars[2].size == 0x4000);
	cr_assert_eq(a->bars[3].kind, PCI_BAR_NONE);
	cr_assert(a->bars[4].kind == PCI_BAR_MEMORY64 && a->bars[4].size == UINT64_C(1) << 36);
	cr_assert_eq(a->bars[5].kind, PCI_BAR_NONE);
	cr_assert(a->rom.kind == PCI_BAR_MEMORY32 && a->rom.size == 0x10000);
	cr_assert(b->bars[0].kind == PCI_BAR_IO && b->bars[0].size == 0x40);
	cr_assert(b->bars[1].kind == PCI_BAR_IO && b->bars[1].size == 8);
	cr_assert(b->bars[5].kind == PCI_BAR_MEMORY32 && b->bars[5].size == 0x80000000);
	cr_assert_not(device->sized_while_decoding || other->sized_while_decoding);
	cr_assert_not(machine_get32(device, PCI_ROM_ENDPOINT) & PCI_ROM_ENABLE);
}

Test(bars, malformed_registers_are_refused)
{
	struct device *holes, *reserved, *last, *good;

	machine_start();
	holes = machine_endpoint(NULL, 1, 0);
	machine_bar(holes, 0, 0x1000, M32);
	holes->writable[PCI_BARS + 2] = 0xfe; /* bit 16 is fixed, bits above and below are not */
	reserved = machine_endpoint(NULL, 2, 0);
	machine_bar(reserved, 0, 0x1000, PCI_BAR_TYPE);
	last = machine_endpoint(NULL, 3, 0);
	machine_bar(last, 5, 0x1000, M32);
	machine_set32(last, PCI_BARS + 20, M64);
	good = machine_endpoint(NULL, 4, 0);
	machine_bar(good, 0, 0x1000, M32);
	machine_boot();
	cr_assert_str_eq(machine_function(holes)->refused, "a base address register is malformed");
	cr_assert_str_eq(machine_function(reserved)->refused,
	                 "a base address register is malformed");
	cr_assert_str_eq(machine_function(last)->refused, "a base address register is malformed");
	cr_assert_null(machine_function(good)->refused);
}

/* --- what firmware assigned ---------------------------------------------------------------- */

Test(bars, sound_assignments_are_kept)
{
	struct device *port, *below, *device;

	machine_start();
	port = machine_port(NULL, 1, 0, PCI_EXPRESS_ROOT_PORT, MACHINE_ACS_ALL);
	below = machine_endpoint(port, 0, 0);
	device = machine_endpoint(NULL, 2, 0);
	machine_number();
	machine_bar(port, 0, 0x1000, M32);
	machine_bar(below, 0, 0x4000, M64);
	machine_bar(below, 2, 0x1000, M32 | PREF);
	machine_bar(device, 0, 0x100000, M32);
	machine_bar(device, 1, 0x40, IO);
	machine_set_window(port, PCI_WINDOW_LOW, 0xfe800000, 0x200000);
	machine_set_window(port, PCI_WINDOW_HIGH, 0xfe200000, 0x200000);
	machine_set_window(port, PCI_WINDOW_IO, 0xd000, 0x1000);
	machine_set_bar(port, 0, 0xfebff000);
	machine_set_bar(below, 0, 0xfe800000);
	machine_set_bar(below, 2, 0xfe210000);
	machine_set_bar(device, 0, 0xfea00000);
	machine_set_bar(device, 1, 0xc040);
	decode(port);
	decode(below);
	decode(device);
	machine_boot();
	cr_assert_eq(machine_function(port)->bars[0].base, 0xfebff000);
	cr_assert_eq(machine_function(below)->bars[0].base, 0xfe800000);
	cr_assert_eq(machine_function(below)->bars[2].base, 0xfe210000);
	cr_assert_eq(machine_function(device)->bars[0].base, 0xfea00000);
	cr_assert_eq(machine_function(device)->bars[1].base, 0xc040);
	cr_assert_eq(machine_get32(below, PCI_BARS), 0xfe800000 | M64);
	cr_assert_eq(machine_get32(port, PCI_MEMORY_BASE), 0xfe90fe80);
	cr_assert_eq(machine_get32(port, PCI_PREFETCH_BASE), 0xfe31fe21);
	cr_assert_eq(machine_get16(port, PCI_IO_BASE), 0xd0d0);
	cr_assert_null(machine_function(below)->refused);
	cr_assert_null(machine_function(device)->refused);
}

static const char *refusal_at(uint64_t base, uint64_t size, bool decoding)
{
	struct device *device;

	machine_start();
	device = machine_endpoint(NULL, 1, 0);
	machine_bar(device, 0, size, M64);
	machine_set_bar(device, 0, base);
	if (decoding)
		decode(device);
	machine_boot();
	if (machine_function(device)->refused)
		cr_assert_eq(machine_get32(device, PCI_BARS) & ~0xfu, 0, "it decodes nowhere");
	return machine_function(device)->refused;
}

#define OVERLAP "a BAR overlaps RAM, config space or interrupt controllers"

Test(bars, S7_on_ram)
{
	cr_assert_str_eq(refusal_at(0x40000000, 0x1000, true), OVERLAP);
}

Test(bars, S7_on_the_end_of_ram)
{
	cr_assert_str_eq(refusal_at(ABOVE - 0x100000000, UINT64_C(0x100000000), true), OVERLAP);
}

Test(bars, S7_on_config_space)
{
	cr_assert_str_eq(refusal_at(0xbff00000, 0x100000, true), OVERLAP);
}

Test(bars, S7_around_config_space)
{
	cr_assert_str_eq(refusal_at(0x80000000, 0x80000000, true), OVERLAP);
}

Test(bars, S7_on_the_io_apic)
{
	cr_assert_str_eq(refusal_at(0xfec00000, 0x1000, true), OVERLAP);
}

Test(bars, S7_on_the_interrupt_window)
{
	cr_assert_str_eq(refusal_at(0xfee00000, 0x100000, true), OVERLAP);
}

Test(bars, S7_below_one_mebibyte)
{
	cr_assert_str_eq(refusal_at(0xa0000, 0x20000, true), OVERLAP);
}

Test(bars, what_no_cpu_reaches_is_moved)
{
	cr_assert_null(refusal_at(UINT64_C(0xfffffffffffff000), 0x1000, true));
	cr_assert_lt(pci_find(CORDON_BDF(0, 0, 1, 0))->bars[0].base, 0xfec00000);
}

Test(bars, a_value_that_was_never_decoded_is_replaced)
{
	cr_assert_null(refusal_at(0x40000000, 0x1000, false));
}

Test(bars, one_beside_everything_is_sound)
{
	cr_assert_null(refusal_at(0xfebff000, 0x1000, true));
}

Test(bars, S7_two_functions_on_one_address_are_both_refused)
{
	struct device *a, *b, *c;

	machine_start();
	a = machine_endpoint(NULL, 1, 0);
	b = machine_endpoint(NULL, 2, 0);
	c = machine_endpoint(NULL, 3, 0);
	machine_bar(a, 0, 0x4000, M32);
	machine_bar(b, 1, 0x1000, M32);
	machine_bar(c, 1, 0x1000, M32);
	machine_set_bar(a, 0, 0xfe000000);
	machine_set_bar(b, 1, 0xfe003000);
	machine_set_bar(c, 1, 0xfe004000);
	decode(a);
	decode(b);
	decode(c);
	machine_boot();
	cr_assert_str_eq(machine_function(a)->refused,
	                 "a BAR overlaps another function's addresses");
	cr_assert_str_eq(machine_function(b)->refused,
	                 "a BAR overlaps another function's addresses");
	cr_assert_null(machine_function(c)->refused);
	cr_assert_eq(machine_function(c)->bars[1].base, 0xfe004000);
}

Test(bars, S7_a_bar_in_the_window_of_another_bridge_is_refused)
{
	struct device *port, *device;

	machine_start();
	port = machine_port(NULL, 1, 0, PCI_EXPRESS_ROOT_PORT, MACHINE_ACS_ALL);
	device = machine_endpoint(NULL, 2, 0);
	machine_number();
	machine_set_window(port, PCI_WINDOW_LOW, 0xfe000000, 0x200000);
	machine_bar(device, 0, 0x1000, M32);
	machine_set_bar(device, 0, 0xfe100000);
	decode(port);
	decode(device);
	machine_boot();
	cr_assert_str_eq(machine_function(device)->refused,
	                 "a BAR overlaps another function's addresses");
}

Test(bars, a_window_on_ram_is_closed_and_opened_elsewhere)
{
	struct device *port, *below;

	machine_start();
	port = machine_port(NULL, 1, 0, PCI_EXPRESS_ROOT_PORT, MACHINE_ACS_ALL);
	below = machine_endpoint(port, 0, 0);
	machine_number();
	machine_set_window(port, PCI_WINDOW_LOW, 0x40000000, 0x200000);
	machine_bar(below, 0, 0x1000, M32);
	machine_boot();
	const struct pci_function *function = machine_function(below);

	cr_assert_null(function->refused);
	cr_assert_gt(function->bars[0].base, 0xc0000000);
	cr_assert_eq(function->parent->windows[PCI_WINDOW_LOW].size, 0x100000);
}

Test(bars, a_bar_that_finds_no_room_refuses_its_function)
{
	struct device *large, *small;

	machine_start();
	large = machine_endpoint(NULL, 1, 0);
	small = machine_endpoint(NULL, 2, 0);
	machine_bar(large, 0, 0x80000000, M32);
	machine_bar(small, 0, 0x1000, M32);
	machine_boot();
	cr_assert_str_eq(machine_function(large)->refused, "no addresses are free for a BAR");
	cr_assert_eq(machine_get32(large, PCI_BARS), 0);
	cr_assert_null(machine_function(small)->refused);
}

/* Once for each function, which may well work without them. */
Test(bars, io_ports_that_find_no_room_are_reported)
{
	struct device *first, *second;
	const char *line;

	machine_start();
	first = machine_endpoint(NULL, 1, 0);
	second = machine_endpoint(NULL, 2, 0);
	machine_bar(first, 0, 0x4000, IO);
	machine_bar(second, 0, 0x4000, IO);
	machine_bar(second, 1, 0x4000, IO);
	machine_boot();
	cr_assert_null(machine_function(second)->refused);
	line = strstr(fake_log_text(), "0000:00:02.0: no I/O ports are free for a BAR");
	cr_assert_not_null(line);
	cr_assert_null(strstr(strchr(line, '\n'), "no I/O ports are free"));
	cr_assert_null(strstr(fake_log_text(), "0000:00:01.0: no I/O ports"));
}

Test(bars, nothing_is_put_on_excluded_ranges)
{
	struct device *device;

	machine_start();
	device = machine_endpoint(NULL, 1, 0);
	machine_bar(device, 0, 0x1000, M32);
	machine_bar(device, 2, 0x1000, M64 | PREF);
	pci_exclude(paddr(0xfe000000), 0xc00000);
	pci_exclude(paddr(0x200000000), 0x40000001);
	pci_exclude(paddr(UINT64_MAX), 2);
	machine_boot();
	cr_assert_eq(machine_function(device)->bars[0].base, 0xfdfff000);
	cr_assert_eq(machine_function(device)->bars[2].base, 0x240001000);
}

Test(bars, windows_without_use_are_closed)
{
	struct device *port;

	machine_start();
	port = machine_port(NULL, 1, 0, PCI_EXPRESS_ROOT_PORT, MACHINE_ACS_ALL);
	machine_number();
	machine_boot();
	cr_assert_gt(machine_get16(port, PCI_MEMORY_BASE), machine_get16(port, PCI_MEMORY_LIMIT));
	cr_assert_gt(machine_get16(port, PCI_PREFETCH_BASE),
	             machine_get16(port, PCI_PREFETCH_LIMIT));
	cr_assert_gt(port->bytes[PCI_IO_BASE], port->bytes[PCI_IO_LIMIT]);
}

/* --- properties of a finished assignment --------------------------------------------------- */

struct span {
	uint64_t start, end;
	bool io;
	const struct pci_function *function;
	bool window;
};

static struct span spans[1024];
static size_t span_count;

static void add_span(uint64_t base, uint64_t size, bool io, const struct pci_function *function,
                     bool window)
{
	cr_assert_lt(span_count, 1024);
	spans[span_count++] = (struct span){base, base + size, io, function, window};
}

static bool is_ancestor(const struct pci_function *bridge, const struct pci_function *function)
{
	for (function = function->parent; function; function = function->parent)
		if (function == bridge)
			return true;
	return false;
}

static bool inside_parent(const struct span *span)
{
	const struct pci_function *bridge = span->function->parent;

	for (unsigned int kind = 0; bridge && kind < PCI_WINDOWS; kind++) {
		const struct pci_window *window = &bridge->windows[kind];

		if ((kind == PCI_WINDOW_IO) == span->io && window->size &&
		    span->start >= window->base && span->end <= window->base + window->size)
			return true;
	}
	return !bridge;
}

/* What the hardware decodes, read from the registers and not from the structures. */
static void assert_registers(const struct pci_function *function)
{
	for (unsigned int i = 0; i < 6; i++) {
		const struct pci_bar *bar = &function->bars[i];
		uint64_t value;

		if (bar->kind == PCI_BAR_NONE)
			continue;
		value = pci_read32(function, PCI_BARS + 4 * i) &
		        (bar->kind == PCI_BAR_IO ? ~3u : ~15u);
		if (bar->kind == PCI_BAR_MEMORY64)
			value |= (uint64_t)pci_read32(function, PCI_BARS + 4 * i + 4) << 32;
		cr_assert_eq(value, bar->base);
	}
}

/* Returns how many BARs have addresses. */
static unsigned int assert_assignment(void)
{
	const struct pci_function *function;
	unsigned int placed = 0;

	span_count = 0;
	list_for_each(function, pci_functions(), link)
	{
		assert_registers(function);
		for (unsigned int i = 0; i < 7; i++) {
			const struct pci_bar *bar = i < 6 ? &function->bars[i] : &function->rom;
			bool io = bar->kind == PCI_BAR_IO;

			if (bar->kind == PCI_BAR_NONE || bar->base == 0)
				continue;
			placed++;
			cr_assert_eq(bar->base % bar->size, 0);
			cr_assert(bar->kind != PCI_BAR_MEMORY32 ||
			          bar->base + bar->size <= 0xfec00000);
			add_span(bar->base, bar->size, io, function, false);
		}
		for (unsigned int kind = 0; kind < PCI_WINDOWS; kind++)
			if (function->windows[kind].size)
				add_span(function->windows[kind].base, function->windows[kind].size,
				         kind == PCI_WINDOW_IO, function, true);
	}
	for (size_t i = 0; i < span_count; i++) {
		const struct span *a = &spans[i];
		uint64_t size = a->end - a->start;

		cr_assert(inside_parent(a));
		if (a->io) {
			cr_assert(a->start >= 0x1000 && a->end <= 0x10000);
		} else {
			cr_assert_not(page_overlaps_ram(paddr(a->start), size));
			cr_assert_not(pci_overlaps_ecam(a->start, size));
			cr_assert(a->end <= 0xfec00000 || a->start >= 0x100000000);
			cr_assert_leq(a->end, UINT64_C(1) << 52);
		}
		for (size_t j = 0; j < i; j++) {
			const struct span *b = &spans[j];
			bool nested = (a->window && is_ancestor(a->function, b->function)) ||
			              (b->window && is_ancestor(b->function, a->function));

			cr_assert(a->io != b->io || nested || a->end <= b->start ||
			          b->end <= a->start);
		}
	}
	return placed;
}

static void random_bars(struct random *random, struct device *device, unsigned int limit)
{
	for (unsigned int i = 0; i < limit; i++) {
		uint64_t size = UINT64_C(16) << random_below(random, 20);

		switch (random_below(random, 6)) {
		case 0:
			machine_bar(device, i, size, M32);
			break;
		case 1:
			machine_bar(device, i, size, M32 | PREF);
			break;
		case 2:
			machine_bar(device, i, 4u << random_below(random, 6), IO);
			break;
		case 3:
			if (i + 1 < limit)
				machine_bar(device, i++, size, M64);
			break;
		case 4:
			if (i + 1 < limit)
				machine_bar(device, i++, size << random_below(random, 8),
				            M64 | PREF);
			break;
		default:
			break;
		}
	}
	if (random_below(random, 4) == 0)
		machine_rom(device, 0x800u << random_below(random, 6));
}

/* A tree of bridges of all kinds; some bridges have no high window, some no I/O window. */
static void random_machine(struct random *random, unsigned int seed)
{
	struct device *bridges[16] = {NULL};
	unsigned int bridge_count = 1;

	random->state = seed;
	machine_start();
	for (unsigned int n = 0; n < 24; n++) {
		struct device *parent = bridges[random_below(random, bridge_count)], *device;

		if (bridge_count < 16 && random_below(random, 3) == 0) {
			device = machine_bridge(parent, (uint8_t)n, 0);
			bridges[bridge_count++] = device;
			if (random_below(random, 4) == 0)
				memset(device->writable + PCI_PREFETCH_BASE, 0, 4);
			if (random_below(random, 4) == 0)
				device->bytes[PCI_PREFETCH_BASE] =
				        device->bytes[PCI_PREFETCH_LIMIT] = 0;
			if (random_below(random, 4) == 0)
				memset(device->writable + PCI_IO_BASE, 0, 2);
			random_bars(random, device, 2);
		} else {
			device = machine_endpoint(parent, (uint8_t)n, 0);
			random_bars(random, device, 6);
		}
	}
}

static void assert_pages_of_their_own(void)
{
	for (size_t i = 0; i < span_count; i++)
		for (size_t j = 0; j < i; j++)
			cr_assert(spans[i].io || spans[j].io || spans[i].window ||
			          spans[j].window ||
			          spans[i].start / 4096 > (spans[j].end - 1) / 4096 ||
			          spans[j].start / 4096 > (spans[i].end - 1) / 4096);
}

static void check_random(unsigned int seed)
{
	struct random random;
	const struct pci_function *function;
	unsigned int placed;

	random_machine(&random, seed);
	machine_number();
	machine_boot();
	placed = assert_assignment();
	assert_pages_of_their_own();
	cr_assert_gt(placed, 10);
	/* There is room for all memory of these machines. */
	list_for_each(function, pci_functions(), link)
	{
		cr_assert_null(function->refused, "%s", function->refused);
	}
}

#define RANDOM_TEST(seed)                                           \
	Test(assignment, S7_random_machine_without_firmware_##seed) \
	{                                                           \
		check_random(seed);                                 \
	}

RANDOM_TEST(1)
RANDOM_TEST(2)
RANDOM_TEST(3)
RANDOM_TEST(4)
RANDOM_TEST(5)
RANDOM_TEST(6)
RANDOM_TEST(7)
RANDOM_TEST(8)

/* Registers full of anything: whatever is kept is sound. */
static void check_damaged(unsigned int seed)
{
	static const uint64_t places[] = {0xfe000000, 0xfec00000, 0xc0000000,  0xe0000000,
	                                  0x40000000, 0xbff00000, 0x200000000, 0x0};
	struct random random;

	random_machine(&random, seed);
	machine_number();
	for (uint8_t bus = 0; bus < 20; bus++) {
		for (unsigned int slot = 0; slot < 32; slot++) {
			struct pci_function probe = {.config = NULL};
			static struct mcfg mcfg;

			mcfg = machine_mcfg();
			cr_assert_eq(pci_ecam_init(&mcfg), 0);
			probe.config = pci_ecam(pci_area(0), bus, (uint8_t)(slot << 3));
			if (pci_read16(&probe, PCI_VENDOR) == 0xffff)
				continue;
			for (uint32_t at = PCI_BARS; at < 0x28; at += 4) {
				if (at == 0x18 && pci_read8(&probe, PCI_HEADER) == 1)
					continue; /* bus numbers */
				pci_write32(&probe, at,
				            (uint32_t)(places[random_below(&random, 8)] +
				                       (random_next(&random) & 0x7ff000)));
			}
			pci_write16(&probe, PCI_COMMAND, (uint16_t)random_below(&random, 4));
		}
	}
	machine_boot();
	assert_assignment();
}

#define DAMAGED_TEST(seed)                                           \
	Test(assignment, S7_random_machine_with_bad_firmware_##seed) \
	{                                                            \
		check_damaged(seed);                                 \
	}

DAMAGED_TEST(11)
DAMAGED_TEST(12)
DAMAGED_TEST(13)
DAMAGED_TEST(14)
DAMAGED_TEST(15)
DAMAGED_TEST(16)

Test(assignment, a_tree_without_firmware_is_packed)
{
	struct device *root, *up, *down[2], *nvme, *usb;

	machine_start();
	root = machine_port(NULL, 1, 0, PCI_EXPRESS_ROOT_PORT, MACHINE_ACS_ALL);
	up = machine_port(root, 0, 0, PCI_EXPRESS_UPSTREAM, 0);
	down[0] = machine_port(up, 0, 0, PCI_EXPRESS_DOWNSTREAM, 0);
	down[1] = machine_port(up, 1, 0, PCI_EXPRESS_DOWNSTREAM, 0);
	nvme = machine_endpoint(down[0], 0, 0);
	usb = machine_endpoint(down[1], 0, 0);
	machine_bar(nvme, 0, 0x4000, M64);
	machine_bar(usb, 0, 0x800000, M64 | PREF);
	machine_bar(usb, 2, 0x20, IO);
	machine_boot();
	cr_assert_eq(assert_assignment(), 3);
	cr_assert_eq(machine_function(root)->windows[PCI_WINDOW_LOW].size, 0x100000);
	cr_assert_eq(machine_function(root)->windows[PCI_WINDOW_HIGH].size, 0x800000);
	cr_assert_geq(machine_function(usb)->bars[0].base, ABOVE);
	cr_assert_eq(machine_function(root)->windows[PCI_WINDOW_IO].size, 0x1000);
	cr_assert_eq(machine_function(down[0])->windows[PCI_WINDOW_IO].size, 0);
	cr_assert_eq(machine_function(usb)->bars[2].base, 0xc000);
}
