/* SPDX-License-Identifier: MIT */
/* Config space through ECAM, and names of functions. */
#include <arch/mmio.h>
#include <drivers/pci/internal.h>
#include <drivers/pci/registers.h>
#include <kernel/log.h>
#include <kernel/panic.h>

uint32_t pci_config_size(const struct pci_function *function)
{
	return function->caps.express ? PCI_CONFIG_EXPRESS : PCI_CONFIG_CONVENTIONAL;
}

static bool reachable(const struct pci_function *function, uint32_t offset, uint32_t width)
{
	DEBUG_ASSERT(is_aligned(offset, width));
	return is_aligned(offset, width) && offset < pci_config_size(function);
}

uint8_t pci_read8(const struct pci_function *function, uint32_t offset)
{
	return reachable(function, offset, 1) ? mmio_read8(function->config + offset) : UINT8_MAX;
}

uint16_t pci_read16(const struct pci_function *function, uint32_t offset)
{
	return reachable(function, offset, 2) ? mmio_read16(function->config + offset) : UINT16_MAX;
}

uint32_t pci_read32(const struct pci_function *function, uint32_t offset)
{
	return reachable(function, offset, 4) ? mmio_read32(function->config + offset) : UINT32_MAX;
}

void pci_write8(const struct pci_function *function, uint32_t offset, uint8_t value)
{
	if (reachable(function, offset, 1))
		mmio_write8(function->config + offset, value);
}

void pci_write16(const struct pci_function *function, uint32_t offset, uint16_t value)
{
	if (reachable(function, offset, 2))
		mmio_write16(function->config + offset, value);
}

void pci_write32(const struct pci_function *function, uint32_t offset, uint32_t value)
{
	if (reachable(function, offset, 4))
		mmio_write32(function->config + offset, value);
}

void pci_name(cordon_bdf_t bdf, char out[PCI_NAME_MAX])
{
	format_text(out, PCI_NAME_MAX, "%04x:%02x:%02x.%x", (unsigned int)(bdf >> 16),
	            (unsigned int)(bdf >> 8 & 0xff), (unsigned int)(bdf >> 3 & 0x1f),
	            (unsigned int)(bdf & 7));
}
