/* SPDX-License-Identifier: MIT */
#include <tests/unit/vfio/device_bed.h>

#include <criterion/criterion.h>

struct pci_function *express, *plain, *twin, *other_twin;
cordon_handle_t container, group, plain_group, twin_group;

uint64_t registers[0x4000 / 8];
unsigned int accesses;

static uint64_t register_read(void *context, uint64_t offset, unsigned int width)
{
	uint64_t value = 0;

	(void)context;
	accesses++;
	memcpy(&value, (uint8_t *)registers + offset, width);
	return value;
}

static void register_write(void *context, uint64_t offset, unsigned int width, uint64_t value)
{
	(void)context;
	accesses++;
	memcpy((uint8_t *)registers + offset, &value, width);
}

static const struct fake_device registers_device = {register_read, register_write, NULL};

void config_put(struct pci_function *function, uint32_t offset, uint32_t value)
{
	pci_write32(function, offset, value);
}

void device_start(void)
{
	express = world_function(3, &world_units[0]);
	plain = world_function(4, &world_units[0]);
	twin = world_function(5, &world_units[0]);
	other_twin = world_function(6, &world_units[0]);
	world_join(other_twin, twin);
	twin->requester = other_twin->requester = rid(2, 0);

	world_behaviour(express)->flr = true;
	express->express_type = PCI_EXPRESS_ENDPOINT;
	express->caps.express = EXPRESS;
	express->caps.msix = 0x60;
	config_put(express, EXPRESS, 0x00020010);
	config_put(express, EXPRESS + 8, 0x2b10); /* no-snoop, tags and phantoms as after a reset */
	config_put(express, 0x60, 0x0007 << 16 | 0x11);
	config_put(express, 0x64, 0x2000);
	config_put(express, 0x68, 0x3000);
	express->bars[1] = (struct pci_bar){.kind = PCI_BAR_IO, .base = 0xc000, .size = 0x20};
	fake_mmio_add(paddr(express->bars[0].base), 0x4000, &registers_device);
	world_start();
	container = call_container_create();
	group = call_group_open(3);
	plain_group = call_group_open(4);
	twin_group = call_group_open(5);
	cr_assert_eq(sys_container_add_group(container, group), 0);
	cr_assert_eq(sys_container_add_group(container, plain_group), 0);
	cr_assert_eq(sys_container_add_group(container, twin_group), 0);
	journal_clear();
}

uint16_t command_of(const struct pci_function *function)
{
	return pci_read16(function, PCI_COMMAND);
}

int64_t map_bar(cordon_handle_t device, uint64_t offset, uint64_t size)
{
	struct cordon_region_map map = {
	        .offset = offset,
	        .size = size,
	        .prot = CORDON_PROT_READ | CORDON_PROT_WRITE,
	};

	return sys_device_region_map(device, 0, user_put(&map, sizeof(map)));
}
