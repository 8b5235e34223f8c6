/* SPDX-License-Identifier: MIT */
/*
 * Capability lists of a config space that the input decides. A list that is accepted is walked
 * again by the target's own rules: every structure that was found is in it and none overlaps.
 */
#include <drivers/pci/internal.h>
#include <drivers/pci/registers.h>
#include <tests/fuzz/fuzz.h>

static uint32_t get(const struct pci_function *function, uint32_t at, unsigned int bytes)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < bytes; i++)
		value |= (uint32_t)function->config[at + i] << 8 * i;
	return value;
}

/* The conventional list has the capability at that offset, or, with offset 0, not at all. */
static void check_conventional(const struct pci_function *function, uint8_t id, uint16_t offset)
{
	uint32_t at = get(function, 0x06, 2) & 0x10 ? get(function, 0x34, 1) & 0xfc : 0;
	unsigned int steps = 0;

	while (at != 0 && get(function, at, 1) != id) {
		FUZZ_CHECK(at >= 0x40 && ++steps < 49);
		at = get(function, at + 1, 1) & 0xfc;
	}
	FUZZ_CHECK(at == offset);
}

static void check_extended(const struct pci_function *function, uint16_t id, uint16_t offset)
{
	uint32_t at = function->caps.express ? 0x100 : 0;
	unsigned int steps = 0;

	if (at && (get(function, at, 4) == 0 || get(function, at, 4) == UINT32_MAX))
		at = 0;
	while (at != 0 && get(function, at, 2) != id) {
		FUZZ_CHECK(at >= 0x100 && at <= 0xffc && ++steps < 961);
		at = get(function, at, 4) >> 20 & 0xffc;
	}
	FUZZ_CHECK(at == offset);
}

static void check(const struct pci_function *function)
{
	const struct pci_capabilities *caps = &function->caps;

	/* Identifiers of the PCI code and id assignment specification 1.11, chapters 2 and 3. */
	check_conventional(function, 0x01, caps->power);
	check_conventional(function, 0x03, caps->vpd);
	check_conventional(function, 0x05, caps->msi);
	check_conventional(function, 0x10, caps->express);
	check_conventional(function, 0x11, caps->msix);
	check_conventional(function, 0x13, caps->advanced_features);
	check_extended(function, 0x0001, caps->aer);
	check_extended(function, 0x0003, caps->serial);
	check_extended(function, 0x000d, caps->acs);
	check_extended(function, 0x000e, caps->ari);
	check_extended(function, 0x000f, caps->ats);
	check_extended(function, 0x0010, caps->sriov);
	check_extended(function, 0x0013, caps->pri);
	check_extended(function, 0x0015, caps->rebar);
	check_extended(function, 0x001b, caps->pasid);
	check_extended(function, 0x001d, caps->dpc);
	FUZZ_CHECK((function->express_type == PCI_EXPRESS_NONE) == (caps->express == 0) ||
	           function->express_type > PCI_EXPRESS_ROOT_EVENT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pci_function function = {.config = calloc(1, PCI_CONFIG_EXPRESS)};
	static const struct pci_capabilities none;

	FUZZ_CHECK(function.config);
	for (size_t i = 0; i < size && i < PCI_CONFIG_EXPRESS; i++)
		function.config[i] = data[i];
	if (pci_capabilities_read(&function)) {
		check(&function);
		for (unsigned int id = 0; id < 0x20; id++) {
			uint16_t at = 0;

			for (unsigned int n = 0; n < 64; n++) {
				at = pci_capability_next(&function, (uint8_t)id, at);
				if (at == 0)
					break;
				FUZZ_CHECK(at >= 0x40 && get(&function, at, 1) == id);
			}
		}
	} else {
		FUZZ_CHECK(memcmp(&function.caps, &none, sizeof(none)) == 0);
	}
	free((void *)function.config);
	return 0;
}
