/* SPDX-License-Identifier: MIT */
/*
 * Access control services (6.12): switched on wherever they are offered, and believed only as far
 * as they read back (S4).
 */
#include <drivers/pci/internal.h>
#include <drivers/pci/registers.h>

void pci_acs_enable(struct pci_function *function)
{
	uint16_t acs = function->caps.acs;
	uint16_t wanted;

	function->acs_enabled = 0;
	if (!acs)
		return;
	/*
	 * Translation blocking refuses requests that claim to be translated already: nobody here
	 * has ATS on, so such a request is an attack. Egress control and direct translated
	 * requests stay off, they would open ways past the root.
	 */
	wanted = PCI_ACS_ISOLATION | PCI_ACS_BLOCKING;
	wanted &= pci_read16(function, acs + PCI_ACS_CAPS);
	pci_write16(function, acs + PCI_ACS_CONTROL, wanted);
	function->acs_enabled = pci_read16(function, acs + PCI_ACS_CONTROL);
}
