/* SPDX-License-Identifier: MIT */
/* Capability lists: good ones, ones that attack the walker, and random bytes. */
#include <criterion/criterion.h>
#include <drivers/pci/internal.h>
#include <drivers/pci/registers.h>
#include <stdlib.h>
#include <string.h>
#include <tests/random.h>

/* On the heap and of the exact size: a read beyond config space is caught. */
static struct pci_function *new_function(void)
{
	struct pci_function *function = calloc(1, sizeof(*function));

	cr_assert_not_null(function);
	function->config = calloc(1, PCI_CONFIG_EXPRESS);
	cr_assert_not_null(function->config);
	return function;
}

static void free_function(struct pci_function *function)
{
	free((void *)function->config);
	free(function);
}

static void put8(struct pci_function *function, uint32_t at, uint8_t value)
{
	function->config[at] = value;
}

static void put32(struct pci_function *function, uint32_t at, uint32_t value)
{
	for (unsigned int i = 0; i < 4; i++)
		function->config[at + i] = (uint8_t)(value >> 8 * i);
}

static void put_cap(struct pci_function *function, uint8_t at, uint8_t id, uint8_t next)
{
	put8(function, at, id);
	put8(function, at + 1u, next);
}

static void start_list(struct pci_function *function, uint8_t first)
{
	put8(function, PCI_STATUS, PCI_STATUS_CAPS);
	put8(function, PCI_CAPS, first);
}

static void put_express(struct pci_function *function, uint8_t at, uint8_t next)
{
	put_cap(function, at, PCI_CAP_EXPRESS, next);
	put8(function, at + 2u, PCI_EXPRESS_ROOT_PORT << 4 | 2);
}

Test(capability, conventional_list_is_read)
{
	struct pci_function *function = new_function();

	start_list(function, 0x42); /* the low bits are reserved */
	put_cap(function, 0x40, PCI_CAP_POWER, 0x50);
	put_cap(function, 0x50, PCI_CAP_MSI, 0x70);
	put_cap(function, 0x70, PCI_CAP_MSIX, 0x80);
	put_cap(function, 0x80, PCI_CAP_AF, 0x90);
	put_cap(function, 0x90, PCI_CAP_VPD, 0x98);
	put_cap(function, 0x98, 0x77, 0xfc);
	put_cap(function, 0xfc, 0x78, 0);
	cr_assert(pci_capabilities_read(function));
	cr_assert_eq(function->caps.power, 0x40);
	cr_assert_eq(function->caps.msi, 0x50);
	cr_assert_eq(function->caps.msix, 0x70);
	cr_assert_eq(function->caps.advanced_features, 0x80);
	cr_assert_eq(function->caps.vpd, 0x90);
	cr_assert_eq(function->caps.express, 0);
	cr_assert_eq(function->express_type, PCI_EXPRESS_NONE);
	cr_assert_eq(pci_config_size(function), 256);
	cr_assert_eq(pci_capability_next(function, 0x78, 0), 0xfc);
	cr_assert_eq(pci_capability_next(function, 0x78, 0xfc), 0);
	free_function(function);
}

Test(capability, extended_list_is_read)
{
	struct pci_function *function = new_function();

	start_list(function, 0x40);
	put_express(function, 0x40, 0);
	put32(function, 0x100, 0x14800000u | 1u << 16 | PCI_EXT_AER);
	put32(function, 0x148, 0x20000000u | 1u << 16 | PCI_EXT_ACS);
	put32(function, 0x200, 0xff800000u | 1u << 16 | PCI_EXT_SRIOV);
	put32(function, 0xff8, 1u << 16 | PCI_EXT_ATS);
	cr_assert(pci_capabilities_read(function));
	cr_assert_eq(function->express_type, PCI_EXPRESS_ROOT_PORT);
	cr_assert_eq(pci_config_size(function), 4096);
	cr_assert_eq(function->caps.aer, 0x100);
	cr_assert_eq(function->caps.acs, 0x148);
	cr_assert_eq(function->caps.sriov, 0x200);
	cr_assert_eq(function->caps.ats, 0xff8);
	free_function(function);
}

Test(capability, no_list_at_all)
{
	struct pci_function *function = new_function();

	put8(function, PCI_CAPS, 0x40);
	put_cap(function, 0x40, PCI_CAP_MSI, 0);
	cr_assert(pci_capabilities_read(function));
	cr_assert_eq(function->caps.msi, 0, "the status bit says there is no list");
	put_express(function, 0x40, 0);
	start_list(function, 0x40);
	cr_assert(pci_capabilities_read(function));
	cr_assert_eq(function->caps.express, 0x40);
	put32(function, 0x100, 0xffffffff);
	cr_assert(pci_capabilities_read(function));
	cr_assert_eq(function->caps.express, 0x40);
	free_function(function);
}

static void refused(struct pci_function *function, const char *why)
{
	static const struct pci_capabilities none;

	cr_assert_not(pci_capabilities_read(function), "%s", why);
	cr_assert_eq(memcmp(&function->caps, &none, sizeof(none)), 0, "%s: nothing is kept", why);
	free_function(function);
}

Test(capability, malformed_lists_are_refused)
{
	struct pci_function *function = new_function();

	start_list(function, 0x40);
	put_cap(function, 0x40, 0x77, 0x48);
	put_cap(function, 0x48, 0x78, 0x40);
	refused(function, "a loop of two");

	function = new_function();
	start_list(function, 0x40);
	put_cap(function, 0x40, 0x77, 0x40);
	refused(function, "a loop of one");

	function = new_function();
	start_list(function, 0x3c);
	put_cap(function, 0x3c, PCI_CAP_MSI, 0);
	refused(function, "in the header");

	function = new_function();
	start_list(function, 0x40);
	put_cap(function, 0x40, 0x77, 0x10);
	refused(function, "back into the header");

	function = new_function();
	start_list(function, 0x40);
	put_cap(function, 0x40, PCI_CAP_ABSENT, 0);
	refused(function, "nothing there");

	function = new_function();
	start_list(function, 0x40);
	put_cap(function, 0x40, PCI_CAP_MSI, 0x60);
	put_cap(function, 0x60, PCI_CAP_MSI, 0);
	refused(function, "MSI twice");

	function = new_function();
	start_list(function, 0x40);
	put_cap(function, 0x40, PCI_CAP_MSIX, 0x48);
	put_cap(function, 0x48, PCI_CAP_MSI, 0);
	refused(function, "MSI inside MSI-X");

	function = new_function();
	start_list(function, 0x48);
	put_cap(function, 0x48, PCI_CAP_MSI, 0x40);
	put_cap(function, 0x40, PCI_CAP_MSIX, 0);
	refused(function, "MSI-X reaching into MSI");

	function = new_function();
	start_list(function, 0xc8);
	put_express(function, 0xc8, 0);
	refused(function, "an express capability that leaves conventional space");

	function = new_function();
	start_list(function, 0xf0);
	put_cap(function, 0xf0, PCI_CAP_MSI, 0);
	put8(function, 0xf2, PCI_MSI_64 | 0);
	put8(function, 0xf3, PCI_MSI_MASKS >> 8);
	refused(function, "MSI with masks does not fit");
}

static struct pci_function *express_function(void)
{
	struct pci_function *function = new_function();

	start_list(function, 0x40);
	put_express(function, 0x40, 0);
	return function;
}

Test(capability, malformed_extended_lists_are_refused)
{
	struct pci_function *function = express_function();

	put32(function, 0x100, 0x10000000u | 1u << 16 | PCI_EXT_ACS);
	refused(function, "a loop of one");

	function = express_function();
	put32(function, 0x100, 0x20000000u | 1u << 16 | 0x77);
	put32(function, 0x200, 0x10000000u | 1u << 16 | 0x78);
	refused(function, "a loop of two");

	function = express_function();
	put32(function, 0x100, 0x04000000u | 1u << 16 | PCI_EXT_ACS);
	refused(function, "back into conventional space");

	function = express_function();
	put32(function, 0x100, 0xffc00000u | 1u << 16 | PCI_EXT_AER);
	put32(function, 0xffc, 1u << 16 | PCI_EXT_ACS);
	refused(function, "beyond the end");

	function = express_function();
	put32(function, 0x100, 0x10400000u | 1u << 16 | PCI_EXT_ACS);
	put32(function, 0x104, 1u << 16 | PCI_EXT_ATS);
	refused(function, "ATS inside ACS");

	function = express_function();
	put32(function, 0x100, 0x20000000u | 1u << 16 | PCI_EXT_ACS);
	put32(function, 0x200, 1u << 16 | PCI_EXT_ACS);
	refused(function, "ACS twice");

	function = express_function();
	put32(function, 0x100, 0x20000000u | 1u << 16 | PCI_EXT_ACS);
	put32(function, 0x200, 0xffffffff);
	refused(function, "nothing there");
}

/* Sizes of the structures that may not overlap, from the specification and not from the code. */
static void assert_apart(const struct pci_function *function)
{
	const struct pci_capabilities *caps = &function->caps;
	const struct {
		uint16_t at, size, first, end;
	} parts[] = {
	        {caps->power, 8, 0x40, 0x100},     {caps->vpd, 8, 0x40, 0x100},
	        {caps->msi, 10, 0x40, 0x100},      {caps->msix, 12, 0x40, 0x100},
	        {caps->express, 20, 0x40, 0x100},  {caps->advanced_features, 6, 0x40, 0x100},
	        {caps->acs, 8, 0x100, 0x1000},     {caps->ats, 8, 0x100, 0x1000},
	        {caps->sriov, 64, 0x100, 0x1000},  {caps->ari, 8, 0x100, 0x1000},
	        {caps->pri, 16, 0x100, 0x1000},    {caps->pasid, 8, 0x100, 0x1000},
	        {caps->aer, 44, 0x100, 0x1000},    {caps->rebar, 12, 0x100, 0x1000},
	        {caps->serial, 12, 0x100, 0x1000},
	};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (parts[i].at == 0)
			continue;
		cr_assert(parts[i].at >= parts[i].first);
		cr_assert(parts[i].at + parts[i].size <= parts[i].end);
		cr_assert_eq(parts[i].at % 4, 0);
		for (size_t j = 0; j < i; j++)
			cr_assert(parts[j].at == 0 || parts[j].at + parts[j].size <= parts[i].at ||
			          parts[i].at + parts[i].size <= parts[j].at);
	}
}

Test(capability, random_config_space_neither_hangs_nor_overlaps)
{
	struct random random = {2024};
	unsigned int whole = 0, express = 0;

	for (int round = 0; round < 20000; round++) {
		struct pci_function *function = new_function();
		static const uint8_t ids[] = {1, 3, 5, 9, 0x10, 0x11, 0x13, 0x77};

		if (round % 4 == 0)
			for (size_t i = 0; i < PCI_CONFIG_EXPRESS; i += 8) {
				put32(function, (uint32_t)i, (uint32_t)random_next(&random));
				put32(function, (uint32_t)i + 4, (uint32_t)random_next(&random));
			}
		/* Otherwise: a plausible space, so that long lists are reached. */
		for (uint32_t i = 0x40; i < 0x100 && round % 4; i += 16)
			put_cap(function, (uint8_t)i, ids[random_below(&random, sizeof(ids))],
			        (uint8_t)(random_below(&random, 3) ? (i + 16) & 0xff
			                                           : random_next(&random)));
		for (uint32_t i = 0x100; i < 0x1000 && round % 4; i += 64)
			put32(function, i,
			      (uint32_t)(random_below(&random, 0x20) | 1u << 16 |
			                 (random_below(&random, 4) ? (i + 64) % 0x1000
			                                           : random_below(&random, 0x1000))
			                         << 20));
		put8(function, PCI_STATUS, PCI_STATUS_CAPS);
		put8(function, PCI_CAPS, (uint8_t)(round % 4 ? 0x40 : random_next(&random)));
		if (pci_capabilities_read(function)) {
			whole++;
			express += function->caps.express != 0;
			assert_apart(function);
		}
		pci_capability_next(function, PCI_CAP_VENDOR, 0);
		free_function(function);
	}
	cr_assert_gt(whole, 500);
	cr_assert_gt(express, 50);
}
