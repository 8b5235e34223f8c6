/* SPDX-License-Identifier: MIT */
#include <drivers/vfio/config.h>
#include <kernel/panic.h>
#include <kernel/string.h>

/* Type 0 header (7.5.1). */
#define HEADER_CACHE_LINE     0x0c
#define HEADER_LATENCY        0x0d
#define HEADER_BARS           0x10
#define HEADER_ROM            0x30
#define HEADER_INTERRUPT_LINE 0x3c
#define HEADER_BAR_COUNT      6
#define HEADER_END            0x40 /* capabilities come after it */

#define BAR_IO           0x1u
#define BAR_MEMORY64     0x4u
#define BAR_PREFETCH     0x8u
#define BAR_IO_FLAGS     0x3u
#define BAR_MEMORY_FLAGS 0xfu

/* Device control (7.5.3.4): error reporting, relaxed ordering, largest read request. */
#define DEVCTL_ERRORS    0x000f
#define DEVCTL_RELAXED   0x0010
#define DEVCTL_READ_SIZE 0x7000
/* Device control 2 (7.5.3.16): completion timeout value and disable. */
#define DEVCTL2         0x28
#define DEVCTL2_TIMEOUT 0x001f
/* Advanced features (PCI-SIG ECN "Advanced Capabilities for Conventional PCI", 2006). */
#define AF_CONTROL 0x04
#define AF_FLR     0x01

/* Sets bits of a byte map in a little-endian register. */
static void map_set(uint8_t *map, uint32_t offset, unsigned int width, uint32_t bits)
{
	for (unsigned int i = 0; i < width; i++)
		map[offset + i] |= (uint8_t)(bits >> (8 * i));
}

static uint32_t map_get(const uint8_t *map, uint32_t offset, unsigned int width)
{
	uint32_t bits = 0;

	for (unsigned int i = 0; i < width; i++)
		bits |= (uint32_t)map[offset + i] << (8 * i);
	return bits;
}

static void map_put(uint8_t *map, uint32_t offset, unsigned int width, uint32_t value)
{
	for (unsigned int i = 0; i < width; i++)
		map[offset + i] = (uint8_t)(value >> (8 * i));
}

/* The table owns a register: it reads as value, and a write changes the writable bits. */
static void config_own(struct config_space *config, uint32_t offset, unsigned int width,
                       uint32_t writable, uint32_t value)
{
	map_set(config->is_virtual, offset, width, UINT32_MAX);
	map_set(config->writable, offset, width, writable);
	map_put(config->value, offset, width, value);
}

/* Whether a register of a capability lies in the table; a malformed offset gives no rights. */
static bool config_covers(uint32_t capability, uint32_t offset, unsigned int width)
{
	return capability >= HEADER_END && capability + offset + width <= CONFIG_TABLE_SIZE;
}

/* BARs are virtual and sizing works (7.5.1.2.1). They read zero at first: where a BAR really is
 * is no business of a driver (CORE-16). */
static void config_init_bars(struct config_space *config, const struct pci_bar *bars)
{
	for (uint32_t i = 0; i < HEADER_BAR_COUNT; i++) {
		uint32_t offset = HEADER_BARS + 4 * i;
		uint64_t address = ~(bars[i].size - 1);

		switch (bars[i].kind) {
		case PCI_BAR_IO:
			config_own(config, offset, 4, (uint32_t)address & ~BAR_IO_FLAGS, BAR_IO);
			break;
		case PCI_BAR_MEMORY32:
			config_own(config, offset, 4, (uint32_t)address & ~BAR_MEMORY_FLAGS,
			           bars[i].prefetchable ? BAR_PREFETCH : 0);
			break;
		case PCI_BAR_MEMORY64:
			config_own(config, offset, 4, (uint32_t)address & ~BAR_MEMORY_FLAGS,
			           BAR_MEMORY64 | (bars[i].prefetchable ? BAR_PREFETCH : 0));
			if (i + 1 < HEADER_BAR_COUNT) {
				config_own(config, offset + 4, 4, (uint32_t)(address >> 32), 0);
				i++;
			}
			break;
		case PCI_BAR_NONE:
			config_own(config, offset, 4, 0, 0);
			break;
		}
	}
	/* The expansion ROM is not offered. */
	config_own(config, HEADER_ROM, 4, 0, 0);
}

/* The bits of COMMAND that make sense for the function. Decoding is allowed where all of the BARs
 * of that kind have a place. */
static uint16_t command_bits(const struct pci_bar *bars)
{
	uint16_t bits = PCI_COMMAND_MASTER | CONFIG_COMMAND_PARITY | CONFIG_COMMAND_SERR |
	                PCI_COMMAND_INTX_OFF;
	bool io = false, io_unplaced = false;

	for (uint32_t i = 0; i < HEADER_BAR_COUNT; i++) {
		if (bars[i].kind == PCI_BAR_IO) {
			io = true;
			io_unplaced |= bars[i].base == 0;
		} else if (bars[i].kind != PCI_BAR_NONE) {
			/* One without a place would have kept the function from being opened. */
			bits |= PCI_COMMAND_MEMORY;
		}
	}
	if (io && !io_unplaced)
		bits |= PCI_COMMAND_IO;
	return bits;
}

static void config_init_express(struct config_space *config, const struct config_layout *layout)
{
	uint32_t express = layout->caps.express;
	uint32_t control = DEVCTL_ERRORS | DEVCTL_RELAXED | DEVCTL_READ_SIZE;

	if (layout->no_snoop)
		control |= CONFIG_DEVCTL_NO_SNOOP;
	if (config_covers(express, CONFIG_DEVCTL, 2)) {
		config->express = (uint16_t)express;
		map_set(config->writable, express + CONFIG_DEVCTL, 2, control);
	}
	if (layout->express_version >= 2 && config_covers(express, DEVCTL2, 2))
		map_set(config->writable, express + DEVCTL2, 2, DEVCTL2_TIMEOUT);
}

void config_init(struct config_space *config, const struct config_layout *layout)
{
	memset(config, 0, sizeof(*config));
	config->size = layout->size;
	config->has_flr = layout->has_flr;

	config_own(config, PCI_COMMAND, 2, command_bits(layout->bars), 0);
	map_set(config->writable, HEADER_CACHE_LINE, 1, 0xff);
	map_set(config->writable, HEADER_LATENCY, 1, 0xff);
	config_init_bars(config, layout->bars);
	config_own(config, HEADER_INTERRUPT_LINE, 1, 0xff, 0);

	/* The function stays in D0: in another state its BARs would not answer. */
	if (config_covers(layout->caps.power, CONFIG_POWER_CONTROL, 2))
		map_set(config->is_virtual, layout->caps.power + CONFIG_POWER_CONTROL, 2,
		        CONFIG_POWER_STATE);
	config_init_express(config, layout);
	if (config_covers(layout->caps.advanced_features, AF_CONTROL, 1)) {
		config->advanced_features = layout->caps.advanced_features;
		map_set(config->is_virtual, layout->caps.advanced_features + AF_CONTROL, 1, AF_FLR);
	}
}

void config_reset(struct config_space *config)
{
	/* All that is virtual and writable is zero after a reset; the rest does not change. */
	for (uint32_t i = 0; i < CONFIG_TABLE_SIZE; i++)
		config->value[i] &= (uint8_t)~config->writable[i];
}

static void config_check(const struct config_space *config, uint32_t offset, unsigned int width)
{
	ASSERT(width == 1 || width == 2 || width == 4);
	ASSERT(is_aligned(offset, width) && offset < config->size);
}

uint32_t config_read(const struct config_space *config, uint32_t offset, unsigned int width,
                     uint32_t hardware)
{
	uint32_t owned;

	config_check(config, offset, width);
	if (offset >= CONFIG_TABLE_SIZE)
		return hardware;
	owned = map_get(config->is_virtual, offset, width);
	return (hardware & ~owned) | (map_get(config->value, offset, width) & owned);
}

uint32_t config_passes(const struct config_space *config, uint32_t offset, unsigned int width)
{
	config_check(config, offset, width);
	if (offset >= CONFIG_TABLE_SIZE)
		return 0;
	return map_get(config->writable, offset, width) &
	       ~map_get(config->is_virtual, offset, width);
}

/* The bits of value that were written to one byte of config space. */
static uint8_t written_byte(uint32_t target, uint32_t offset, unsigned int width, uint32_t value)
{
	if (target < offset || target >= offset + width)
		return 0;
	return (uint8_t)(value >> (8 * (target - offset)));
}

static bool config_asks_reset(const struct config_space *config, uint32_t offset,
                              unsigned int width, uint32_t value)
{
	if (!config->has_flr)
		return false;
	if (config->express &&
	    written_byte(config->express + CONFIG_DEVCTL + 1, offset, width, value) &
	            (CONFIG_DEVCTL_FLR >> 8))
		return true;
	return config->advanced_features &&
	       written_byte(config->advanced_features + AF_CONTROL, offset, width, value) & AF_FLR;
}

void config_write(struct config_space *config, uint32_t offset, unsigned int width, uint32_t value,
                  struct config_effects *effects)
{
	uint16_t command = config_command(config);

	config_check(config, offset, width);
	*effects = (struct config_effects){0};
	if (offset >= CONFIG_TABLE_SIZE)
		return;
	for (unsigned int i = 0; i < width; i++) {
		uint8_t bits = config->is_virtual[offset + i] & config->writable[offset + i];
		uint8_t *byte = &config->value[offset + i];

		*byte = (uint8_t)((*byte & ~bits) | ((value >> (8 * i)) & bits));
	}
	effects->command = config_command(config) != command;
	effects->reset = config_asks_reset(config, offset, width, value);
}

uint16_t config_command(const struct config_space *config)
{
	return (uint16_t)map_get(config->value, PCI_COMMAND, 2);
}

void config_set_command(struct config_space *config, uint16_t command)
{
	map_put(config->value, PCI_COMMAND, 2, command & map_get(config->writable, PCI_COMMAND, 2));
}
