/* SPDX-License-Identifier: MIT */
/*
 * Switching off what would let a function act on its own, or reach memory past the IOMMU (S1,
 * S6, S7). Bus mastering has gone off earlier, with the function's discovery.
 */
#include <drivers/pci/internal.h>
#include <drivers/pci/registers.h>
#include <kernel/clock.h>
#include <kernel/sched.h>

/* From D3hot to D0 (5.9); a function that needs longer keeps what it had. */
#define PCI_POWER_TIME (10 * UINT64_C(1000000))

static void power_on(struct pci_function *function)
{
	uint16_t power = function->caps.power;
	uint16_t control;

	if (!power)
		return;
	control = pci_read16(function, power + PCI_POWER_CONTROL);
	if (!(control & PCI_POWER_STATE))
		return;
	pci_write16(function, power + PCI_POWER_CONTROL, control & (uint16_t)~PCI_POWER_STATE);
	/* The function may not be touched during that time. */
	sched_sleep(clock_now() + PCI_POWER_TIME);
}

/* Clears bits of a control register. False: they stay set. capability 0: there is none. */
static bool clear_control(struct pci_function *function, uint16_t capability, uint32_t offset,
                          uint16_t bits)
{
	uint16_t control;

	if (!capability)
		return true;
	control = pci_read16(function, capability + offset);
	if (!(control & bits))
		return true;
	pci_write16(function, capability + offset, control & (uint16_t)~bits);
	return !(pci_read16(function, capability + offset) & bits);
}

static void silence_express(struct pci_function *function)
{
	uint16_t express = function->caps.express;

	if (!express)
		return;
	clear_control(function, express, PCI_EXPRESS_CONTROL,
	              PCI_EXPRESS_PHANTOM | PCI_EXPRESS_NO_SNOOP);
	if (PCI_EXPRESS_VERSION(pci_read16(function, express + PCI_EXPRESS_CAPS)) >= 2 &&
	    function->header_type == PCI_HEADER_BRIDGE)
		clear_control(function, express, PCI_EXPRESS_CONTROL2, PCI_EXPRESS_ARI_FORWARD);
}

bool pci_silence(struct pci_function *function)
{
	const struct pci_capabilities *caps = &function->caps;
	bool silent;

	power_on(function);
	pci_update_command(function, 0, PCI_COMMAND_INTX_OFF);
	clear_control(function, caps->msi, PCI_MSI_CONTROL, PCI_MSI_ENABLE);
	clear_control(function, caps->msix, PCI_MSIX_CONTROL, PCI_MSIX_ENABLE);
	silence_express(function);
	/* PASID and PRI may only change while ATS is off (10.5.1.3, 7.8.8.3). */
	silent = clear_control(function, caps->ats, PCI_ATS_CONTROL, PCI_ATS_ENABLE);
	silent = clear_control(function, caps->pri, PCI_PRI_CONTROL, PCI_PRI_ENABLE) && silent;
	silent = clear_control(function, caps->pasid, PCI_PASID_CONTROL, PCI_PASID_ENABLE) &&
	         silent;
	return clear_control(function, caps->sriov, PCI_SRIOV_CONTROL,
	                     PCI_SRIOV_VF_ENABLE | PCI_SRIOV_VF_MEMORY) &&
	       silent;
}
