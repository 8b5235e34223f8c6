/* SPDX-License-Identifier: MIT */
/*
 * COMMAND and bus mastering (7.5.1.1.3). A bridge passes requests upstream only with its own
 * master bit set, so the bit of every bridge above is on exactly while a function below it has its
 * own on: a requester that nobody holds is stopped at the IOMMU and at each bridge besides.
 */
#include <drivers/pci/internal.h>
#include <drivers/pci/registers.h>
#include <kernel/lock.h>
#include <kernel/panic.h>

#define LOG_TAG "pci"
#include <kernel/log.h>

/* COMMAND registers, and the master counts that go with them. */
static struct spinlock command_lock = SPINLOCK_INIT(RANK_PCI, "pci command");

static void update_locked(struct pci_function *function, uint16_t clear, uint16_t set)
{
	uint16_t before = pci_read16(function, PCI_COMMAND);
	uint16_t after = (uint16_t)((before & ~clear) | set);

	ASSERT(spin_held(&command_lock));
	if (after != before)
		pci_write16(function, PCI_COMMAND, after);
}

void pci_update_command(struct pci_function *function, uint16_t clear, uint16_t set)
{
	const uint16_t master = PCI_COMMAND_MASTER;

	spin_lock(&command_lock);
	update_locked(function, clear & (uint16_t)~master, set & (uint16_t)~master);
	spin_unlock(&command_lock);
}

static void master_on_locked(struct pci_function *function)
{
	function->master = true;
	for (struct pci_function *bridge = function->parent; bridge; bridge = bridge->parent)
		if (bridge->masters_below++ == 0)
			update_locked(bridge, 0, PCI_COMMAND_MASTER);
	update_locked(function, 0, PCI_COMMAND_MASTER);
}

static void master_off_locked(struct pci_function *function)
{
	function->master = false;
	update_locked(function, PCI_COMMAND_MASTER, 0);
	for (struct pci_function *bridge = function->parent; bridge; bridge = bridge->parent) {
		ASSERT(bridge->masters_below > 0);
		if (--bridge->masters_below == 0)
			update_locked(bridge, PCI_COMMAND_MASTER, 0);
	}
}

/* Why a function may not master the bus, or NULL. */
static const char *master_refusal_locked(const struct pci_function *function)
{
	if (function->refused)
		return function->refused;
	if (!function->iommu)
		return "no IOMMU covers it";
	return function->header_type == PCI_HEADER_BRIDGE ? "it is a bridge" : NULL;
}

void pci_set_master(struct pci_function *function, bool on)
{
	const char *refusal = NULL;
	char name[PCI_NAME_MAX];

	spin_lock(&command_lock);
	/* Asked under the lock: who refuses a function and then takes the bit away (a unit that
	 * dies) comes after whoever still found it admitted. */
	if (on)
		refusal = master_refusal_locked(function);
	if (on && !refusal && !function->master)
		master_on_locked(function);
	else if (!on && function->master)
		master_off_locked(function);
	else if (!on && function->header_type != PCI_HEADER_BRIDGE)
		/* Whatever it believes, the register is what counts. */
		update_locked(function, PCI_COMMAND_MASTER, 0);
	spin_unlock(&command_lock);
	if (refusal) {
		pci_name(function->bdf, name);
		log_error("%s: may not master the bus: %s", name, refusal);
	}
}
