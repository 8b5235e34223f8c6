/* SPDX-License-Identifier: MIT */
/*
 * The two capability lists of a function (7.5.1.1.11, 7.6.3), which nothing but the device itself
 * vouches for. What a task may write is decided by the structures found here, so a list
 * that loops, leaves config space or has structures on top of one another is refused whole.
 */
#include <drivers/pci/internal.h>
#include <drivers/pci/registers.h>
#include <kernel/string.h>

#define LOG_TAG "pci"
#include <kernel/log.h>

#define DWORD         4u
#define CONFIG_DWORDS (PCI_CONFIG_EXPRESS / DWORD)
#define CARDBUS_CAPS  0x14 /* PCI to PC Card specification: where its list begins */

/* Which dwords of config space a structure found so far occupies. */
struct claims {
	uint64_t words[CONFIG_DWORDS / 64];
};

/* False when any byte of [offset, offset + size) is out of the limit or claimed already. */
static bool claim(struct claims *claims, uint32_t offset, uint32_t size, uint32_t limit)
{
	if (size > limit || offset > limit - size)
		return false;
	for (uint32_t i = offset / DWORD; i < (offset + size + DWORD - 1) / DWORD; i++) {
		uint64_t bit = UINT64_C(1) << i % 64;

		if (claims->words[i / 64] & bit)
			return false;
		claims->words[i / 64] |= bit;
	}
	return true;
}

static uint32_t msi_size(uint16_t control)
{
	uint32_t size = control & PCI_MSI_64 ? PCI_MSI_SIZE_64 : PCI_MSI_SIZE;

	/* With masks a reserved word stands before them, also in the short form. */
	if (control & PCI_MSI_MASKS)
		size = (control & PCI_MSI_64 ? PCI_MSI_SIZE_64 : PCI_MSI_SIZE) + PCI_MSI_SIZE_MASKS;
	return size;
}

/* Where a capability's offset is kept, and how many bytes it has at least. NULL: of no interest. */
static uint16_t *known_capability(struct pci_function *function, uint8_t id, uint32_t offset,
                                  uint32_t *size)
{
	struct pci_capabilities *caps = &function->caps;

	switch (id) {
	case PCI_CAP_POWER:
		*size = PCI_POWER_SIZE;
		return &caps->power;
	case PCI_CAP_VPD:
		*size = PCI_VPD_SIZE;
		return &caps->vpd;
	case PCI_CAP_MSI:
		*size = msi_size(pci_read16(function, offset + PCI_MSI_CONTROL));
		return &caps->msi;
	case PCI_CAP_MSIX:
		*size = PCI_MSIX_SIZE;
		return &caps->msix;
	case PCI_CAP_EXPRESS:
		*size = PCI_EXPRESS_VERSION(pci_read16(function, offset + PCI_EXPRESS_CAPS)) >= 2
		                ? PCI_EXPRESS_SIZE_2
		                : PCI_EXPRESS_SIZE_1;
		return &caps->express;
	case PCI_CAP_AF:
		*size = PCI_AF_SIZE;
		return &caps->advanced_features;
	default:
		*size = DWORD;
		return NULL;
	}
}

static uint8_t list_head(const struct pci_function *function)
{
	if (!(pci_read16(function, PCI_STATUS) & PCI_STATUS_CAPS))
		return 0;
	return pci_read8(function,
	                 function->header_type == PCI_HEADER_CARDBUS ? CARDBUS_CAPS : PCI_CAPS) &
	       PCI_CAPS_POINTER;
}

static bool read_list(struct pci_function *function, struct claims *claims)
{
	uint8_t offset = list_head(function);

	while (offset != 0) {
		uint8_t id = pci_read8(function, offset + PCI_CAP_ID);
		uint32_t size;
		uint16_t *place = known_capability(function, id, offset, &size);

		if (offset < PCI_CAPS_FIRST || id == PCI_CAP_ABSENT || (place && *place != 0) ||
		    !claim(claims, offset, size, PCI_CONFIG_CONVENTIONAL))
			return false;
		if (place)
			*place = offset;
		offset = pci_read8(function, offset + PCI_CAP_NEXT) & PCI_CAPS_POINTER;
	}
	return true;
}

static uint16_t *known_extended(struct pci_function *function, uint16_t id, uint32_t *size)
{
	struct pci_capabilities *caps = &function->caps;
	static const struct {
		uint16_t id;
		uint16_t size;
		uint16_t member;
	} known[] = {
	        /* Sizes that every version has: 7.8.4, 7.9.3, 7.7.8, 7.8.7, 10.5, 9.3.3, 7.8.6,
	         * 7.8.8, 7.9.15. */
	        {PCI_EXT_AER, 0x2c, offsetof(struct pci_capabilities, aer)},
	        {PCI_EXT_SERIAL, 0x0c, offsetof(struct pci_capabilities, serial)},
	        {PCI_EXT_ACS, 0x08, offsetof(struct pci_capabilities, acs)},
	        {PCI_EXT_ARI, 0x08, offsetof(struct pci_capabilities, ari)},
	        {PCI_EXT_ATS, 0x08, offsetof(struct pci_capabilities, ats)},
	        {PCI_EXT_SRIOV, 0x40, offsetof(struct pci_capabilities, sriov)},
	        {PCI_EXT_PRI, 0x10, offsetof(struct pci_capabilities, pri)},
	        {PCI_EXT_REBAR, 0x0c, offsetof(struct pci_capabilities, rebar)},
	        {PCI_EXT_PASID, 0x08, offsetof(struct pci_capabilities, pasid)},
	        {PCI_EXT_DPC, 0x0c, offsetof(struct pci_capabilities, dpc)},
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (known[i].id == id) {
			*size = known[i].size;
			return (uint16_t *)(void *)((char *)caps + known[i].member);
		}
	}
	*size = DWORD;
	return NULL;
}

static bool read_extended(struct pci_function *function, struct claims *claims)
{
	uint32_t offset = PCI_EXT_FIRST;
	uint32_t header = pci_read32(function, offset);

	/* Zero or ones at the first place: there is no list (7.6.2). */
	if (header == 0 || header == PCI_EXT_NONE)
		return true;
	while (offset != 0) {
		uint32_t size;
		uint16_t *place;

		if (offset < PCI_EXT_FIRST)
			return false;
		header = pci_read32(function, offset);
		place = known_extended(function, PCI_EXT_ID(header), &size);
		if (header == PCI_EXT_NONE || (place && *place != 0) ||
		    !claim(claims, offset, size, PCI_CONFIG_EXPRESS))
			return false;
		if (place)
			*place = (uint16_t)offset;
		offset = PCI_EXT_NEXT(header);
	}
	return true;
}

bool pci_capabilities_read(struct pci_function *function)
{
	struct claims claims = {0};
	char name[PCI_NAME_MAX];

	memset(&function->caps, 0, sizeof(function->caps));
	function->express_type = PCI_EXPRESS_NONE;
	if (!read_list(function, &claims) ||
	    (function->caps.express && !read_extended(function, &claims))) {
		memset(&function->caps, 0, sizeof(function->caps));
		pci_name(function->bdf, name);
		log_warn("%s: malformed capability list", name);
		return false;
	}
	if (function->caps.express)
		function->express_type = (enum pci_express_type)PCI_EXPRESS_TYPE(
		        pci_read16(function, function->caps.express + PCI_EXPRESS_CAPS));
	return true;
}

uint16_t pci_capability_next(const struct pci_function *function, uint8_t id, uint16_t after)
{
	uint8_t offset = after ? pci_read8(function, after + PCI_CAP_NEXT) & PCI_CAPS_POINTER
	                       : list_head(function);

	/* The list was walked once without a loop; it is counted again because a device may
	 * answer otherwise the second time. */
	for (unsigned int i = 0; i < PCI_CONFIG_CONVENTIONAL / DWORD; i++) {
		if (offset < PCI_CAPS_FIRST)
			return 0;
		if (pci_read8(function, offset + PCI_CAP_ID) == id)
			return offset;
		offset = pci_read8(function, offset + PCI_CAP_NEXT) & PCI_CAPS_POINTER;
	}
	return 0;
}
