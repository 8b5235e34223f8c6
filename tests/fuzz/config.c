/* SPDX-License-Identifier: MIT */
/*
 * Config space in the hands of a task (S7): whatever capabilities a device shows, no sequence of
 * writes changes a bit of the hardware that is not on the list below, and what a task reads of
 * COMMAND and BARs is what it wrote, where those have bits. Hardware keeps everything that is
 * written to it: the worst case.
 */
#include <drivers/pci/internal.h>
#include <drivers/pci/registers.h>
#include <drivers/vfio/config.h>
#include <tests/fuzz/fuzz.h>

#define SIZE PCI_CONFIG_EXPRESS

static struct pci_function function;
static uint8_t hardware[SIZE], before[SIZE], changeable[SIZE];

/* The list: cache line size and latency timer; of the PCI Express capability error reporting,
 * relaxed ordering and read request size (7.5.3.4), no-snoop where the domain is coherent anyway,
 * and the completion timeout (7.5.3.16). Nothing above 255. */
static void list(const struct config_layout *layout)
{
	uint32_t express = layout->caps.express;

	memset(changeable, 0, sizeof(changeable));
	changeable[0x0c] = changeable[0x0d] = 0xff;
	if (!express)
		return;
	changeable[express + 0x08] = 0x1f;
	changeable[express + 0x09] = layout->no_snoop ? 0x78 : 0x70;
	if (layout->express_version >= 2)
		changeable[express + 0x28] = 0x1f;
}

static void write_as_kernel_does(struct config_space *config, uint32_t offset, unsigned int width,
                                 uint32_t value, struct config_effects *effects)
{
	uint32_t passes = config_passes(config, offset, width);

	for (unsigned int i = 0; i < width; i++) {
		uint8_t bits = (uint8_t)(passes >> 8 * i);

		hardware[offset + i] = (uint8_t)((hardware[offset + i] & ~bits) |
		                                 ((uint8_t)(value >> 8 * i) & bits));
	}
	config_write(config, offset, width, value, effects);
}

static uint32_t read_as_kernel_does(const struct config_space *config, uint32_t offset,
                                    unsigned int width)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < width; i++)
		value |= (uint32_t)hardware[offset + i] << 8 * i;
	return config_read(config, offset, width, value);
}

static void check_hardware(void)
{
	for (uint32_t i = 0; i < SIZE; i++)
		FUZZ_CHECK(((hardware[i] ^ before[i]) & ~changeable[i]) == 0);
}

/* Where a BAR of the task's wish may lie: at multiples of its size. */
static void check_bars(const struct config_space *config, const struct pci_bar *bars)
{
	for (uint32_t i = 0; i < 6; i++) {
		uint32_t value = read_as_kernel_does(config, 0x10 + 4 * i, 4);

		switch (bars[i].kind) {
		case PCI_BAR_IO:
			FUZZ_CHECK((value & 3) == 1 && (value & ~3u) % bars[i].size == 0);
			break;
		case PCI_BAR_MEMORY32:
			FUZZ_CHECK((value & 7) == 0 && (value & ~0xfu) % bars[i].size == 0);
			break;
		case PCI_BAR_MEMORY64: {
			uint64_t high = i < 5 ? read_as_kernel_does(config, 0x14 + 4 * i, 4) : 0;

			FUZZ_CHECK((value & 7) == 4);
			FUZZ_CHECK((high << 32 | (value & ~0xfu)) % bars[i].size == 0);
			i++;
			break;
		}
		case PCI_BAR_NONE:
			FUZZ_CHECK(value == 0);
		}
	}
	FUZZ_CHECK(read_as_kernel_does(config, 0x30, 4) == 0);
}

static void make_bars(struct fuzz_input *input, struct pci_bar *bars)
{
	for (unsigned int i = 0; i < 6; i++) {
		uint8_t how = fuzz_byte(input);

		bars[i] = (struct pci_bar){.kind = how % 4, .prefetchable = how & 0x80};
		if (bars[i].kind == PCI_BAR_NONE)
			continue;
		bars[i].base = 0x10000000 * (i + UINT64_C(1));
		if (bars[i].kind == PCI_BAR_IO)
			bars[i].size = UINT64_C(4) << (how >> 2 & 7);
		else
			bars[i].size = UINT64_C(16) << (how >> 2 & 31);
		if (bars[i].kind == PCI_BAR_MEMORY32 && bars[i].size > UINT32_C(1) << 31)
			bars[i].size = UINT32_C(1) << 31;
		if (bars[i].kind != PCI_BAR_MEMORY64)
			continue;
		if (i == 5)
			bars[i].kind = PCI_BAR_NONE;
		else
			bars[++i] = (struct pci_bar){.kind = PCI_BAR_NONE};
	}
}

/* Puts pieces of the input into config space. */
static void make_hardware(struct fuzz_input *input)
{
	unsigned int pieces = fuzz_byte(input) % 24;

	for (uint32_t i = 0; i < SIZE; i++)
		hardware[i] = 0;
	hardware[PCI_STATUS] = PCI_STATUS_CAPS;
	while (pieces--) {
		uint32_t at = (uint32_t)fuzz_number(input, 2) % SIZE;
		unsigned int count = 1u + fuzz_byte(input) % 4;

		for (unsigned int i = 0; i < count && at + i < SIZE; i++)
			hardware[at + i] = fuzz_byte(input);
	}
	memcpy(before, hardware, sizeof(before));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, size};
	uint8_t how = fuzz_byte(&input);
	struct config_effects effects;
	struct config_space config;
	struct config_layout layout;
	struct pci_bar bars[6];

	make_bars(&input, bars);
	make_hardware(&input);
	function = (struct pci_function){.config = hardware};
	if (!pci_capabilities_read(&function))
		return 0;
	layout = (struct config_layout){
	        .size = pci_config_size(&function),
	        .bars = bars,
	        .caps = function.caps,
	        .express_version = (how & 0x40) ? 2 : 1,
	        .has_flr = how & 1,
	        .no_snoop = how & 2,
	};
	/* The structure is as long as its version says: the parser made sure of it. */
	if (layout.caps.express)
		layout.express_version = hardware[layout.caps.express + 2] & 0xf;
	list(&layout);
	config_init(&config, &layout);
	while (input.size > 0) {
		unsigned int width = 1u << fuzz_byte(&input) % 3;
		uint32_t offset = (uint32_t)fuzz_number(&input, 2) % layout.size;
		uint32_t value = (uint32_t)fuzz_number(&input, 4);
		uint16_t command = config_command(&config);

		offset = (uint32_t)align_down(offset, width);
		write_as_kernel_does(&config, offset, width, value, &effects);
		check_hardware();
		FUZZ_CHECK(effects.command == (config_command(&config) != command));
		FUZZ_CHECK(!effects.reset || layout.has_flr);
		FUZZ_CHECK((config_command(&config) & ~0x547u) == 0);
		FUZZ_CHECK(read_as_kernel_does(&config, 0x04, 2) == config_command(&config));
		check_bars(&config, bars);
		if (effects.reset) {
			config_reset(&config);
			FUZZ_CHECK(config_command(&config) == 0);
		}
	}
	return 0;
}
