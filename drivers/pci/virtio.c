/* SPDX-License-Identifier: MIT */
/*
 * Whether a virtio device obeys the IOMMU (S5). One without VIRTIO_F_ACCESS_PLATFORM reaches guest
 * memory directly, whatever the translation tables say. With it, so do those whose purpose is to
 * take pages of the guest away. Sections are of the virtio specification 1.2.
 */
#include <arch/mmio.h>
#include <drivers/pci/internal.h>
#include <drivers/pci/registers.h>

#define VIRTIO_VENDOR        0x1af4 /* 4.1.2.1 */
#define VIRTIO_DEVICE_FIRST  0x1000
#define VIRTIO_DEVICE_MODERN 0x1040 /* below: with the legacy interface */
#define VIRTIO_DEVICE_LAST   0x107f
#define VIRTIO_TYPE_BALLOON  5  /* 5.5 */
#define VIRTIO_TYPE_MEMORY   24 /* 5.15 */

/* Vendor capability, 4.1.4. */
#define VIRTIO_CAP_TYPE   3
#define VIRTIO_CAP_BAR    4
#define VIRTIO_CAP_OFFSET 8
#define VIRTIO_CAP_LENGTH 12
#define VIRTIO_CAP_SIZE   16
#define VIRTIO_CAP_COMMON 1

/* Common configuration, 4.1.4.3. */
#define VIRTIO_FEATURE_SELECT 0
#define VIRTIO_FEATURE        4
#define VIRTIO_COMMON_SIZE    8 /* as much of it as is used here */

#define VIRTIO_ACCESS_PLATFORM 33u /* feature bit, 6 */

static bool is_virtio(const struct pci_function *function)
{
	return function->vendor == VIRTIO_VENDOR && function->device >= VIRTIO_DEVICE_FIRST &&
	       function->device <= VIRTIO_DEVICE_LAST;
}

/* Whether what it is told are pages by their physical address, which is not translated. */
static bool names_pages(const struct pci_function *function)
{
	unsigned int type = function->device - VIRTIO_DEVICE_MODERN;

	return type == VIRTIO_TYPE_BALLOON || type == VIRTIO_TYPE_MEMORY;
}

/* Where the common configuration is. */
static bool find_common(const struct pci_function *function, paddr_t *out)
{
	uint16_t at = 0;

	while ((at = pci_capability_next(function, PCI_CAP_VENDOR, at)) != 0) {
		const struct pci_bar *bar;
		uint32_t offset, length;
		uint8_t index;

		if (at > PCI_CONFIG_CONVENTIONAL - VIRTIO_CAP_SIZE ||
		    pci_read8(function, at + VIRTIO_CAP_TYPE) != VIRTIO_CAP_COMMON)
			continue;
		index = pci_read8(function, at + VIRTIO_CAP_BAR);
		offset = pci_read32(function, at + VIRTIO_CAP_OFFSET);
		length = pci_read32(function, at + VIRTIO_CAP_LENGTH);
		if (index >= PCI_BARS_ENDPOINT)
			continue;
		bar = &function->bars[index];
		if (bar->kind == PCI_BAR_NONE || bar->kind == PCI_BAR_IO || bar->base == 0 ||
		    length < VIRTIO_COMMON_SIZE || length > bar->size ||
		    offset > bar->size - length || !is_aligned(offset, 4))
			continue;
		*out = paddr(bar->base + offset);
		return true;
	}
	return false;
}

const char *pci_virtio_refusal(struct pci_function *function)
{
	volatile uint8_t *common;
	uint32_t features;
	paddr_t base;

	if (!is_virtio(function))
		return NULL;
	/* Its legacy interface has no feature bits above 31, so nothing holds it to the IOMMU. */
	if (function->device < VIRTIO_DEVICE_MODERN)
		return "virtio with a legacy interface can bypass the IOMMU";
	if (names_pages(function))
		return "virtio that takes pages of memory away";
	if (!find_common(function, &base))
		return "virtio without a common configuration";
	common = mmio_map(base, VIRTIO_COMMON_SIZE);
	if (!common)
		return "virtio whose features cannot be read";
	pci_update_command(function, 0, PCI_COMMAND_MEMORY);
	mmio_write32(common + VIRTIO_FEATURE_SELECT, VIRTIO_ACCESS_PLATFORM / 32);
	features = mmio_read32(common + VIRTIO_FEATURE);
	mmio_write32(common + VIRTIO_FEATURE_SELECT, 0);
	pci_update_command(function, PCI_COMMAND_MEMORY, 0);
	mmio_unmap((void *)common, VIRTIO_COMMON_SIZE);
	if (!(features >> VIRTIO_ACCESS_PLATFORM % 32 & 1))
		return "virtio without ACCESS_PLATFORM bypasses the IOMMU";
	return NULL;
}
