/* SPDX-License-Identifier: MIT */
#include <cordon/errno.h>
#include <drivers/vfio/vfio.h>
#include <kernel/heap.h>
#include <kernel/panic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tests/unit/vfio/world.h>
#include <tests/unit/vfio/world_internal.h>

#define FUNCTIONS 16

static struct list functions = LIST_INIT(functions);
static struct list groups = LIST_INIT(groups);
static struct pci_function storage[FUNCTIONS];
static uint8_t config_storage[FUNCTIONS][4096];
static struct world_behaviour behaviours[FUNCTIONS];
static struct pci_group group_storage[FUNCTIONS];
static struct pci_function *members[FUNCTIONS][FUNCTIONS];
static unsigned int function_count;

struct pci_function *world_function(uint8_t slot, struct iommu_unit *unit)
{
	unsigned int index = function_count++;
	struct pci_function *function = &storage[index];
	struct pci_group *group = &group_storage[index];

	ASSERT(function_count <= FUNCTIONS);
	function->bdf = CORDON_BDF(0u, 0u, (uint32_t)slot, 0u);
	function->requester = rid(0, (uint8_t)(slot << 3));
	function->vendor = 0x1234;
	function->device = (uint16_t)(0x1100 + slot);
	function->express_type = PCI_EXPRESS_NONE;
	function->iommu = unit;
	function->interrupt_pin = 1;
	function->config = config_storage[index];
	function->group = slot;
	function->bars[0] = (struct pci_bar){
	        .kind = PCI_BAR_MEMORY32,
	        .base = 0xe0000000 + slot * UINT64_C(0x100000),
	        .size = 0x4000,
	};
	list_append(&functions, &function->link);
	group->number = slot;
	group->function_count = 1;
	group->functions = members[index];
	group->functions[0] = function;
	snprintf(group->reason, sizeof(group->reason), "alone");
	list_append(&groups, &group->link);
	return function;
}

static struct pci_group *group_of(const struct pci_function *function)
{
	return pci_group_find(function->group);
}

void world_join(struct pci_function *function, struct pci_function *other)
{
	struct pci_group *from = group_of(function), *to = group_of(other);

	ASSERT(from->function_count == 1);
	list_remove(&from->link);
	function->group = to->number;
	to->functions[to->function_count++] = function;
	snprintf(to->reason, sizeof(to->reason), "together");
}

struct world_behaviour *world_behaviour(const struct pci_function *function)
{
	return &behaviours[function - storage];
}

void world_start(void)
{
	world_kernel_start();
	vfio_init();
}

/* --- what drivers/pci offers ----------------------------------------------------------------- */

struct list *pci_functions(void)
{
	return &functions;
}

struct list *pci_groups(void)
{
	return &groups;
}

struct pci_group *pci_group_find(uint32_t number)
{
	struct pci_group *group;

	list_for_each(group, &groups, link)
	{
		if (group->number == number)
			return group;
	}
	return NULL;
}

void pci_name(cordon_bdf_t bdf, char out[PCI_NAME_MAX])
{
	snprintf(out, PCI_NAME_MAX, "%04x:%02x:%02x.%u", bdf >> 16, bdf >> 8 & 0xff, bdf >> 3 & 31,
	         bdf & 7);
}

uint32_t pci_config_size(const struct pci_function *function)
{
	return function->caps.express ? 4096 : 256;
}

static uint32_t config_get(const struct pci_function *function, uint32_t offset, unsigned int width)
{
	uint32_t value = 0;

	ASSERT(is_aligned(offset, width) && offset + width <= pci_config_size(function));
	memcpy(&value, (const void *)(function->config + offset), width);
	return value;
}

static void config_put(const struct pci_function *function, uint32_t offset, unsigned int width,
                       uint32_t value)
{
	ASSERT(is_aligned(offset, width) && offset + width <= pci_config_size(function));
	memcpy((void *)(function->config + offset), &value, width);
}

uint8_t pci_read8(const struct pci_function *function, uint32_t offset)
{
	return (uint8_t)config_get(function, offset, 1);
}

uint16_t pci_read16(const struct pci_function *function, uint32_t offset)
{
	return (uint16_t)config_get(function, offset, 2);
}

uint32_t pci_read32(const struct pci_function *function, uint32_t offset)
{
	return config_get(function, offset, 4);
}

void pci_write8(const struct pci_function *function, uint32_t offset, uint8_t value)
{
	config_put(function, offset, 1, value);
}

void pci_write16(const struct pci_function *function, uint32_t offset, uint16_t value)
{
	config_put(function, offset, 2, value);
}

void pci_write32(const struct pci_function *function, uint32_t offset, uint32_t value)
{
	config_put(function, offset, 4, value);
}

bool pci_overlaps_ecam(uint64_t base, uint64_t size)
{
	return base < 0xc0000000 && 0xb0000000 < base + size;
}

void pci_update_command(struct pci_function *function, uint16_t clear, uint16_t set)
{
	uint16_t command = pci_read16(function, PCI_COMMAND);

	ASSERT(!((clear | set) & PCI_COMMAND_MASTER));
	pci_write16(function, PCI_COMMAND, (uint16_t)((command & ~clear) | set));
}

void pci_set_master(struct pci_function *function, bool on)
{
	uint16_t command = pci_read16(function, PCI_COMMAND);

	if (on == !!(command & PCI_COMMAND_MASTER))
		return;
	journal(on ? "master-on" : "master-off");
	pci_write16(function, PCI_COMMAND, command ^ PCI_COMMAND_MASTER);
}

bool pci_has_flr(const struct pci_function *function)
{
	return world_behaviour(function)->flr;
}

int pci_quiesce(struct pci_function *function)
{
	pci_set_master(function, false);
	journal("quiesce-%x", function->bdf);
	return world_behaviour(function)->stays_pending ? -EIO : 0;
}

int pci_reset(struct pci_function *function)
{
	ASSERT(pci_has_flr(function));
	pci_set_master(function, false);
	pci_write16(function, PCI_COMMAND, 0);
	journal("reset-%x", function->bdf);
	return world_behaviour(function)->reset_fails ? -EIO : 0;
}
