/* SPDX-License-Identifier: MIT */
/*
 * Which functions are never handed out, as far as PCI alone can tell (S5, S7). The IOMMU layer adds
 * those that no unit covers or that need an identity map.
 */
#include <drivers/pci/internal.h>
#include <drivers/pci/registers.h>

#define LOG_TAG "pci"
#include <kernel/log.h>

void pci_refuse_for(struct pci_function *function, const char *reason)
{
	if (!function->refused)
		function->refused = reason;
}

/* Functions of which the kernel, or the platform, cannot do without. */
static const char *class_refusal(const struct pci_function *function)
{
	switch (PCI_SUBCLASS_OF(function->class_code)) {
	case PCI_SUBCLASS_HOST:
		return "it is a host bridge";
	case PCI_SUBCLASS_ISA:
		return "it is the bridge to legacy devices";
	case PCI_SUBCLASS_IOMMU:
		return "it is an IOMMU";
	case PCI_SUBCLASS_RCEC:
		return "it collects errors of other functions";
	default:
		break;
	}
	if (function->header_type == PCI_HEADER_BRIDGE)
		return NULL; /* harmless, and never handed out as a bridge */
	if (PCI_CLASS_OF(function->class_code) == PCI_CLASS_BRIDGE)
		return "it is a bridge of an unknown kind";
	if (function->header_type != PCI_HEADER_ENDPOINT)
		return "its header type is unknown";
	return NULL;
}

/* The MSI-X structures decide which pages are never mapped: they must lie where they say. */
static bool inside_bar(const struct pci_function *function, uint32_t location, uint64_t size)
{
	uint32_t index = location & PCI_MSIX_BIR;
	uint64_t offset = location & ~PCI_MSIX_BIR;
	const struct pci_bar *bar;

	if (index >= PCI_BARS_ENDPOINT)
		return false;
	bar = &function->bars[index];
	return bar->kind != PCI_BAR_NONE && bar->kind != PCI_BAR_IO && offset < bar->size &&
	       size <= bar->size - offset;
}

static bool msix_is_sound(const struct pci_function *function)
{
	uint16_t msix = function->caps.msix;
	uint32_t vectors;

	if (!msix)
		return true;
	vectors = (pci_read16(function, msix + PCI_MSIX_CONTROL) & PCI_MSIX_VECTORS) + 1u;
	return inside_bar(function, pci_read32(function, msix + PCI_MSIX_TABLE),
	                  vectors * PCI_MSIX_ENTRY_SIZE) &&
	       inside_bar(function, pci_read32(function, msix + PCI_MSIX_PENDING),
	                  (vectors + 63) / 64 * 8);
}

/*
 * Devices that are known to go around the IOMMU. Nothing in their configuration space tells: each
 * was found by trying.
 */
static const struct bypass {
	uint16_t vendor, first, last; /* device ids */
	const char *reason;
} bypasses[] = {
        /* Its scripts make I/O cycles: they reach configuration space and fw_cfg's DMA. */
        {0x1000, 0x0001, 0x0013, "its scripts reach I/O ports, which no IOMMU checks"},
        /* The emulated one reads and writes its rings by physical address. */
        {0x15ad, 0x07c0, 0x07c0, "its rings bypass the IOMMU"},
};

static const char *bypass_refusal(const struct pci_function *function)
{
	for (size_t i = 0; i < ARRAY_SIZE(bypasses); i++) {
		const struct bypass *bypass = &bypasses[i];

		if (function->vendor == bypass->vendor && function->device >= bypass->first &&
		    function->device <= bypass->last)
			return bypass->reason;
	}
	return NULL;
}

void pci_refuse(struct pci_function *function)
{
	const char *reason = class_refusal(function);
	char name[PCI_NAME_MAX];

	/* What a function is says more than what is wrong with it. */
	if (reason)
		function->refused = reason;
	if (!function->refused && function->parent && function->parent->refused)
		function->refused = "the bridge above it is not sound";
	if (!function->refused && !msix_is_sound(function))
		function->refused = "its MSI-X table lies outside its BARs";
	if (!function->refused)
		function->refused = bypass_refusal(function);
	if (!function->refused)
		function->refused = pci_virtio_refusal(function);
	if (function->refused && !reason) {
		pci_name(function->bdf, name);
		log_warn("%s is not handed out: %s", name, function->refused);
	}
}
