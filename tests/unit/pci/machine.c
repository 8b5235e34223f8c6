/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <kernel/clock.h>
#include <stdlib.h>
#include <string.h>
#include <tests/unit/fake/fake.h>
#include <tests/unit/pci/machine.h>

#define ECAM_SIZE (UINT64_C(256) << 20)

static struct device *devices[MACHINE_MAX];
static size_t device_count;

/* --- registers ----------------------------------------------------------------------------- */

uint8_t machine_get8(const struct device *device, uint16_t offset)
{
	return device->bytes[offset];
}

uint16_t machine_get16(const struct device *device, uint16_t offset)
{
	return (uint16_t)(device->bytes[offset] | device->bytes[offset + 1] << 8);
}

uint32_t machine_get32(const struct device *device, uint16_t offset)
{
	return machine_get16(device, offset) |
	       (uint32_t)machine_get16(device, (uint16_t)(offset + 2)) << 16;
}

void machine_set16(struct device *device, uint16_t offset, uint16_t value)
{
	device->bytes[offset] = (uint8_t)value;
	device->bytes[offset + 1] = (uint8_t)(value >> 8);
}

void machine_set32(struct device *device, uint16_t offset, uint32_t value)
{
	machine_set16(device, offset, (uint16_t)value);
	machine_set16(device, (uint16_t)(offset + 2), (uint16_t)(value >> 16));
}

static void allow_bits(struct device *device, uint16_t offset, uint32_t bits, unsigned int size)
{
	for (unsigned int i = 0; i < size; i++)
		device->writable[offset + i] = (uint8_t)(bits >> 8 * i);
}

void machine_allow(struct device *device, uint16_t offset, uint16_t size)
{
	memset(device->writable + offset, 0xff, size);
}

/* --- routing ------------------------------------------------------------------------------- */

static uint8_t bus_of(const struct device *device)
{
	return device->parent ? device->parent->bytes[PCI_SECONDARY_BUS] : device->root_bus;
}

/* A bridge passes a request for its secondary bus as a local one, for the range above as is. */
static bool is_reached(const struct device *device, uint8_t bus)
{
	for (const struct device *bridge = device->parent; bridge; bridge = bridge->parent) {
		uint8_t secondary = bridge->bytes[PCI_SECONDARY_BUS];

		if (secondary == 0 || bus < secondary || bus > bridge->bytes[PCI_SUBORDINATE_BUS])
			return false;
	}
	return bus_of(device) == bus;
}

static struct device *route(uint64_t offset)
{
	uint8_t bus = (uint8_t)(offset >> 20), devfn = (uint8_t)(offset >> 12);

	for (size_t i = 0; i < device_count; i++)
		if (devices[i]->devfn == devfn && is_reached(devices[i], bus) &&
		    clock_now() >= devices[i]->absent_until)
			return devices[i];
	return NULL;
}

static uint64_t ecam_read(void *context, uint64_t offset, unsigned int width)
{
	const struct device *device = route(offset);
	uint64_t value = 0;

	(void)context;
	if (!device)
		return width == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * width) - 1;
	for (unsigned int i = 0; i < width; i++)
		value |= (uint64_t)device->bytes[(offset & 0xfff) + i] << 8 * i;
	return value;
}

static void watch_sizing(struct device *device, uint16_t at, unsigned int width, uint64_t value)
{
	unsigned int bars = device->bytes[PCI_HEADER] & 1 ? 2 : 6;

	if (width == 4 && at >= PCI_BARS && at < PCI_BARS + 4 * bars &&
	    (uint32_t)value == UINT32_MAX &&
	    device->bytes[PCI_COMMAND] & (PCI_COMMAND_IO | PCI_COMMAND_MEMORY))
		device->sized_while_decoding = true;
}

static void function_level_reset(struct device *device)
{
	uint8_t before[4096];

	device->resets++;
	if (device->flr_does_nothing)
		return;
	memcpy(before, device->bytes, sizeof(before));
	memcpy(device->bytes, device->reset, sizeof(before));
	if (device->flr_forgets_bars)
		memcpy(device->bytes + PCI_BARS, before + PCI_BARS, 24);
	device->absent_until = clock_now() + 50 * UINT64_C(1000000);
}

static void ecam_write(void *context, uint64_t offset, unsigned int width, uint64_t value)
{
	struct device *device = route(offset);
	uint16_t at = offset & 0xfff;

	(void)context;
	if (!device)
		return;
	watch_sizing(device, at, width, value);
	if (device->on_command && at == PCI_COMMAND)
		device->on_command();
	if (device->acs_is_a_lie && device->acs && at == device->acs + PCI_ACS_CONTROL)
		return;
	for (unsigned int i = 0; i < width; i++) {
		uint8_t mask = device->writable[at + i];

		device->bytes[at + i] = (uint8_t)((device->bytes[at + i] & ~mask) |
		                                  (value >> 8 * i & mask));
	}
	if (device->express && at == device->express + PCI_EXPRESS_CONTROL &&
	    value & PCI_EXPRESS_START_FLR && device->bytes[PCI_HEADER] % 2 == 0)
		function_level_reset(device);
	if (device->pending_for_ever && device->express)
		device->bytes[device->express + PCI_EXPRESS_DEVICE_STATUS] |= PCI_EXPRESS_PENDING;
}

void machine_start(void)
{
	static const struct fake_device ecam = {ecam_read, ecam_write, NULL};

	fake_mmio_add(paddr(MACHINE_ECAM), ECAM_SIZE, &ecam);
}

struct mcfg machine_mcfg(void)
{
	return (struct mcfg){
	        .count = 1,
	        .areas = {{.base = {MACHINE_ECAM}, .segment = 0, .first_bus = 0, .last_bus = 255}},
	};
}

/* --- parts --------------------------------------------------------------------------------- */

static struct device *device_create(struct device *parent, uint8_t slot, uint8_t function)
{
	struct device *device = calloc(1, sizeof(*device));

	cr_assert_not_null(device);
	cr_assert_lt(device_count, MACHINE_MAX);
	devices[device_count++] = device;
	device->parent = parent;
	device->devfn = (uint8_t)(slot << 3 | function);
	device->next_cap = 0x40;
	device->next_ext = 0x100;
	machine_id(device, MACHINE_VENDOR, (uint16_t)device_count);
	allow_bits(device, PCI_COMMAND, 0x0547, 2);
	allow_bits(device, PCI_CACHE_LINE, 0xff, 1);
	allow_bits(device, PCI_INTERRUPT_LINE, 0xff, 1);
	return device;
}

struct device *machine_endpoint(struct device *parent, uint8_t slot, uint8_t function)
{
	struct device *device = device_create(parent, slot, function);

	machine_class(device, 0x010802);
	return device;
}

struct device *machine_endpoint_on(uint8_t root_bus, uint8_t slot, uint8_t function)
{
	struct device *device = machine_endpoint(NULL, slot, function);

	device->root_bus = root_bus;
	return device;
}

struct device *machine_bridge(struct device *parent, uint8_t slot, uint8_t function)
{
	struct device *device = device_create(parent, slot, function);

	machine_class(device, 0x060400);
	device->bytes[PCI_HEADER] = PCI_HEADER_BRIDGE;
	allow_bits(device, PCI_PRIMARY_BUS, 0xffffff, 3);
	allow_bits(device, PCI_IO_BASE, 0xf0f0, 2);
	allow_bits(device, PCI_MEMORY_BASE, 0xfff0fff0, 4);
	allow_bits(device, PCI_PREFETCH_BASE, 0xfff0fff0, 4);
	device->bytes[PCI_PREFETCH_BASE] = device->bytes[PCI_PREFETCH_LIMIT] = 1;
	machine_allow(device, PCI_PREFETCH_BASE_HI, 8);
	return device;
}

struct device *machine_port(struct device *parent, uint8_t slot, uint8_t function,
                            enum pci_express_type type, uint16_t acs)
{
	struct device *device = machine_bridge(parent, slot, function);

	machine_express(device, type, false);
	if (acs)
		machine_acs(device, acs);
	return device;
}

void machine_id(struct device *device, uint16_t vendor, uint16_t id)
{
	machine_set16(device, PCI_VENDOR, vendor);
	machine_set16(device, PCI_DEVICE, id);
}

void machine_class(struct device *device, uint32_t class_code)
{
	device->bytes[PCI_CLASS] = (uint8_t)class_code;
	machine_set16(device, PCI_CLASS + 1, (uint16_t)(class_code >> 8));
}

void machine_multifunction(struct device *device)
{
	device->bytes[PCI_HEADER] |= PCI_HEADER_MULTI;
}

uint16_t machine_cap(struct device *device, uint8_t id, uint16_t size)
{
	uint16_t at = device->next_cap;

	cr_assert_leq(at + size, 256);
	device->bytes[at] = id;
	device->bytes[device->last_cap ? device->last_cap + 1 : PCI_CAPS] = (uint8_t)at;
	device->bytes[PCI_STATUS] |= PCI_STATUS_CAPS;
	device->last_cap = at;
	device->next_cap = (uint16_t)((at + size + 3) & ~3);
	return at;
}

uint16_t machine_ext(struct device *device, uint16_t id, uint16_t size)
{
	uint16_t at = device->next_ext;

	cr_assert_leq(at + size, 4096);
	machine_set32(device, at, id | 1u << 16);
	if (device->last_ext)
		machine_set16(device, (uint16_t)(device->last_ext + 2),
		              (uint16_t)(1u | (unsigned int)at << 4));
	device->last_ext = at;
	device->next_ext = (uint16_t)((at + size + 3) & ~3);
	return at;
}

void machine_express(struct device *device, enum pci_express_type type, bool flr)
{
	uint16_t at = machine_cap(device, PCI_CAP_EXPRESS, PCI_EXPRESS_SIZE_2);

	device->express = at;
	machine_set16(device, (uint16_t)(at + PCI_EXPRESS_CAPS), (uint16_t)(type << 4 | 2));
	machine_set32(device, (uint16_t)(at + PCI_EXPRESS_DEVICE_CAPS), flr ? PCI_EXPRESS_FLR : 0);
	allow_bits(device, (uint16_t)(at + PCI_EXPRESS_CONTROL), 0x7fff, 2);
	allow_bits(device, (uint16_t)(at + PCI_EXPRESS_CONTROL2), 0x0020, 2);
	machine_set16(device, (uint16_t)(at + PCI_EXPRESS_CONTROL), 0x2810);
	memcpy(device->reset, device->bytes, sizeof(device->reset));
}

void machine_acs(struct device *device, uint16_t offered)
{
	uint16_t at = machine_ext(device, PCI_EXT_ACS, 8);

	device->acs = at;
	machine_set16(device, (uint16_t)(at + PCI_ACS_CAPS), offered);
	allow_bits(device, (uint16_t)(at + PCI_ACS_CONTROL), offered, 2);
}

void machine_msi(struct device *device)
{
	device->msi = machine_cap(device, PCI_CAP_MSI, PCI_MSI_SIZE_64);
	machine_set16(device, (uint16_t)(device->msi + PCI_MSI_CONTROL), PCI_MSI_64);
	allow_bits(device, (uint16_t)(device->msi + PCI_MSI_CONTROL), 0x0071, 2);
	machine_allow(device, (uint16_t)(device->msi + 4), 10);
}

void machine_msix(struct device *device, unsigned int vectors, uint32_t table, uint32_t pending)
{
	device->msix = machine_cap(device, PCI_CAP_MSIX, PCI_MSIX_SIZE);
	machine_set16(device, (uint16_t)(device->msix + PCI_MSIX_CONTROL), (uint16_t)(vectors - 1));
	allow_bits(device, (uint16_t)(device->msix + PCI_MSIX_CONTROL), 0xc000, 2);
	machine_set32(device, (uint16_t)(device->msix + PCI_MSIX_TABLE), table);
	machine_set32(device, (uint16_t)(device->msix + PCI_MSIX_PENDING), pending);
}

void machine_bar(struct device *device, unsigned int index, uint64_t size, uint32_t type)
{
	uint16_t at = (uint16_t)(PCI_BARS + 4 * index);
	uint64_t mask = ~(size - 1);

	machine_set32(device, at, type);
	allow_bits(device, at, (uint32_t)mask, 4);
	if (!(type & PCI_BAR_SPACE_IO) && (type & PCI_BAR_TYPE) == PCI_BAR_TYPE_64)
		allow_bits(device, (uint16_t)(at + 4), (uint32_t)(mask >> 32), 4);
}

void machine_rom(struct device *device, uint32_t size)
{
	uint16_t at = device->bytes[PCI_HEADER] & 1 ? PCI_ROM_BRIDGE : PCI_ROM_ENDPOINT;

	allow_bits(device, at, ~(size - 1) | PCI_ROM_ENABLE, 4);
}

/* --- firmware ------------------------------------------------------------------------------ */

static uint8_t number_below(struct device *parent, uint8_t root_bus, uint8_t last)
{
	for (unsigned int devfn = 0; devfn < 256; devfn++) {
		for (size_t i = 0; i < device_count; i++) {
			struct device *bridge = devices[i];

			if (bridge->parent != parent || bridge->devfn != devfn ||
			    (!parent && bridge->root_bus != root_bus) ||
			    (bridge->bytes[PCI_HEADER] & 0x7f) != PCI_HEADER_BRIDGE)
				continue;
			bridge->bytes[PCI_PRIMARY_BUS] = parent ? parent->bytes[PCI_SECONDARY_BUS]
			                                        : root_bus;
			bridge->bytes[PCI_SECONDARY_BUS] = ++last;
			last = number_below(bridge, 0, last);
			bridge->bytes[PCI_SUBORDINATE_BUS] = last;
		}
	}
	return last;
}

void machine_number(void)
{
	bool done[256] = {false};

	for (size_t i = 0; i < device_count; i++) {
		if (devices[i]->parent || done[devices[i]->root_bus])
			continue;
		done[devices[i]->root_bus] = true;
		number_below(NULL, devices[i]->root_bus, devices[i]->root_bus);
	}
}

void machine_set_bar(struct device *device, unsigned int index, uint64_t base)
{
	uint16_t at = (uint16_t)(PCI_BARS + 4 * index);
	uint32_t type = machine_get32(device, at) & 0xf;

	machine_set32(device, at, (uint32_t)base | type);
	if (!(type & PCI_BAR_SPACE_IO) && (type & PCI_BAR_TYPE) == PCI_BAR_TYPE_64)
		machine_set32(device, (uint16_t)(at + 4), (uint32_t)(base >> 32));
}

void machine_set_window(struct device *bridge, enum pci_window_kind kind, uint64_t base,
                        uint64_t size)
{
	uint64_t limit = base + size - 1;

	switch (kind) {
	case PCI_WINDOW_IO:
		bridge->bytes[PCI_IO_BASE] = (uint8_t)(base >> 8 & 0xf0);
		bridge->bytes[PCI_IO_LIMIT] = (uint8_t)(limit >> 8 & 0xf0);
		break;
	case PCI_WINDOW_LOW:
		machine_set16(bridge, PCI_MEMORY_BASE, (uint16_t)(base >> 16 & 0xfff0));
		machine_set16(bridge, PCI_MEMORY_LIMIT, (uint16_t)(limit >> 16 & 0xfff0));
		break;
	default:
		machine_set16(bridge, PCI_PREFETCH_BASE, (uint16_t)((base >> 16 & 0xfff0) | 1));
		machine_set16(bridge, PCI_PREFETCH_LIMIT, (uint16_t)((limit >> 16 & 0xfff0) | 1));
		machine_set32(bridge, PCI_PREFETCH_BASE_HI, (uint32_t)(base >> 32));
		machine_set32(bridge, PCI_PREFETCH_LIMIT_HI, (uint32_t)(limit >> 32));
		break;
	}
}

void machine_boot(void)
{
	struct mcfg mcfg = machine_mcfg();

	cr_assert_eq(pci_init(&mcfg), 0);
}

struct pci_function *machine_function(const struct device *device)
{
	struct pci_function *function;

	list_for_each(function, pci_functions(), link)
	{
		if (function->vendor == machine_get16(device, PCI_VENDOR) &&
		    function->device == machine_get16(device, PCI_DEVICE) &&
		    (uint8_t)function->bdf == device->devfn &&
		    (uint8_t)(function->bdf >> 8) == bus_of(device))
			return function;
	}
	return NULL;
}
