/* SPDX-License-Identifier: MIT */
/*
 * The config table against a model of its own: for each bit of config space, written down here from
 * the specification and docs/security.md, whether a task can change it in the hardware, can change
 * it in its own view only, or not at all.
 */
#include <criterion/criterion.h>
#include <drivers/vfio/config.h>
#include <string.h>
#include <tests/random.h>

enum {
	POWER = 0x40,
	MSI = 0x50,
	MSIX = 0x60,
	VENDOR_SPECIFIC = 0x70,
	EXPRESS = 0x80,
	AF = 0xc0,
	ATS = 0x100,
};

static const struct pci_bar bars[6] = {
        {.kind = PCI_BAR_MEMORY32, .base = 0xe0000000, .size = 0x4000},
        {.kind = PCI_BAR_IO, .base = 0xc000, .size = 0x20},
        {.kind = PCI_BAR_MEMORY64, .base = 0x800000000, .size = 0x200000000, .prefetchable = true},
        {.kind = PCI_BAR_NONE},
        {.kind = PCI_BAR_NONE},
        {.kind = PCI_BAR_MEMORY32, .base = 0xe0010000, .size = 16},
};

static struct config_layout layout(void)
{
	return (struct config_layout){
	        .size = 4096,
	        .bars = bars,
	        .caps = {.power = POWER,
	                 .msi = MSI,
	                 .msix = MSIX,
	                 .express = EXPRESS,
	                 .advanced_features = AF,
	                 .ats = ATS},
	        .express_version = 2,
	        .has_flr = true,
	};
}

/* Hardware whose registers all keep what is written: the worst case. */
struct function {
	struct config_space config;
	uint8_t hardware[4096];
	struct config_effects effects;
	unsigned int resets;
};

static uint32_t hardware_get(const struct function *function, uint32_t offset, unsigned int width)
{
	uint32_t value = 0;

	memcpy(&value, function->hardware + offset, width);
	return value;
}

static void task_write(struct function *function, uint32_t offset, unsigned int width,
                       uint32_t value)
{
	uint32_t passes = config_passes(&function->config, offset, width);
	uint32_t hardware = (hardware_get(function, offset, width) & ~passes) | (value & passes);

	memcpy(function->hardware + offset, &hardware, width);
	config_write(&function->config, offset, width, value, &function->effects);
	function->resets += function->effects.reset;
}

static uint32_t task_read(const struct function *function, uint32_t offset, unsigned int width)
{
	return config_read(&function->config, offset, width, hardware_get(function, offset, width));
}

static void start(struct function *function, const struct config_layout *from)
{
	memset(function, 0, sizeof(*function));
	for (size_t i = 0; i < sizeof(function->hardware); i++)
		function->hardware[i] = (uint8_t)(i * 37 + 11);
	config_init(&function->config, from);
}

static struct random numbers = {1};

/* The model: bits of a byte that a write changes in the hardware. */
static uint8_t model_hardware(uint32_t offset)
{
	switch (offset) {
	case 0x0c: /* cache line size */
	case 0x0d: /* latency timer */
		return 0xff;
	case EXPRESS + 0x08: /* error reporting and relaxed ordering; not the payload size */
		return 0x1f;
	case EXPRESS + 0x09: /* read request size; not tag, phantom, power, no-snoop, reset */
		return 0x70;
	case EXPRESS + 0x28: /* completion timeout */
		return 0x1f;
	default:
		return 0;
	}
}

/* And in the task's view only. */
static uint8_t model_view(uint32_t offset)
{
	static const uint8_t bar_bits[24] = {
	        0x00, 0xc0, 0xff, 0xff, /* 16 KiB */
	        0xe0, 0xff, 0xff, 0xff, /* 32 ports */
	        0x00, 0x00, 0x00, 0x00, /* 8 GiB: nothing of the lower half */
	        0xfe, 0xff, 0xff, 0xff, /* and all but one bit of the upper */
	        0x00, 0x00, 0x00, 0x00, /* none */
	        0xf0, 0xff, 0xff, 0xff, /* 16 bytes */
	};

	if (offset >= 0x10 && offset < 0x28)
		return bar_bits[offset - 0x10];
	switch (offset) {
	case 0x04: /* I/O, memory, master, parity */
		return 0x47;
	case 0x05: /* SERR, INTx disable */
		return 0x05;
	case 0x3c: /* interrupt line */
		return 0xff;
	default:
		return 0;
	}
}

Test(vfio_config, random_writes_change_no_other_bit_of_the_hardware)
{
	struct function function;
	struct config_layout from = layout();
	uint8_t before[4096];

	start(&function, &from);
	memcpy(before, function.hardware, sizeof(before));
	for (unsigned int round = 0; round < 300000; round++) {
		unsigned int width = 1u << random_below(&numbers, 3);
		uint32_t offset = (uint32_t)random_below(&numbers, 4096) & ~(width - 1);

		task_write(&function, offset, width, (uint32_t)random_next(&numbers));
	}
	for (uint32_t i = 0; i < 4096; i++)
		cr_assert_eq((function.hardware[i] ^ before[i]) & ~model_hardware(i), 0,
		             "byte 0x%x changed from %02x to %02x", i, before[i],
		             function.hardware[i]);
}

Test(vfio_config, every_bit_that_may_change_does_and_no_other_at_every_offset_and_width)
{
	struct config_layout from = layout();
	static struct function function;

	for (unsigned int width = 1; width <= 4; width *= 2) {
		for (uint32_t offset = 0; offset < 4096; offset += width) {
			uint32_t view, zero;

			start(&function, &from);
			memset(function.hardware, 0, sizeof(function.hardware));
			task_write(&function, offset, width, 0);
			zero = task_read(&function, offset, width);
			task_write(&function, offset, width, UINT32_MAX);
			view = task_read(&function, offset, width) ^ zero;
			for (unsigned int i = 0; i < width; i++) {
				uint8_t expected = model_hardware(offset + i) |
				                   model_view(offset + i);

				cr_assert_eq((uint8_t)(view >> 8 * i), expected,
				             "byte 0x%x by %u: %02x instead of %02x", offset + i,
				             width, (uint8_t)(view >> 8 * i), expected);
				cr_assert_eq(function.hardware[offset + i],
				             model_hardware(offset + i), "byte 0x%x", offset + i);
			}
		}
	}
}

Test(vfio_config, a_write_of_one_width_reads_back_the_same_in_every_other)
{
	struct config_layout from = layout();
	struct function function;

	start(&function, &from);
	for (unsigned int round = 0; round < 20000; round++) {
		uint32_t offset = (uint32_t)random_below(&numbers, 256) & ~3u;
		uint32_t whole;

		task_write(&function, offset, 4, (uint32_t)random_next(&numbers));
		whole = task_read(&function, offset, 4);
		for (uint32_t i = 0; i < 4; i++)
			cr_assert_eq(task_read(&function, offset + i, 1), (whole >> 8 * i & 0xff));
		cr_assert_eq(task_read(&function, offset, 2), (whole & 0xffff));
		cr_assert_eq(task_read(&function, offset + 2, 2), whole >> 16);
	}
}

Test(vfio_config, bars_are_sized_as_the_specification_says_and_hide_where_they_are)
{
	struct config_layout from = layout();
	struct function function;
	static const uint32_t at_first[7] = {0, 1, 0xc, 0, 0, 0, 0};
	static const uint32_t sized[7] = {0xffffc000, 0xffffffe1, 0x0000000c, 0xfffffffe,
	                                  0,          0xfffffff0, 0};

	start(&function, &from);
	for (uint32_t i = 0; i < 6; i++)
		cr_assert_eq(task_read(&function, 0x10 + 4 * i, 4), at_first[i], "BAR %u", i);
	for (uint32_t i = 0; i < 6; i++)
		task_write(&function, 0x10 + 4 * i, 4, UINT32_MAX);
	for (uint32_t i = 0; i < 6; i++)
		cr_assert_eq(task_read(&function, 0x10 + 4 * i, 4), sized[i], "BAR %u", i);
	task_write(&function, 0x10, 4, 0x12345678);
	cr_assert_eq(task_read(&function, 0x10, 4), 0x12344000u);
	task_write(&function, 0x30, 4, UINT32_MAX);
	cr_assert_eq(task_read(&function, 0x30, 4), 0u, "the ROM is not offered");
}

Test(vfio_config, command_is_virtual_and_a_change_is_told_once)
{
	struct config_layout from = layout();
	struct function function;
	uint16_t hardware;

	start(&function, &from);
	hardware = (uint16_t)hardware_get(&function, 4, 2);
	cr_assert_eq(config_command(&function.config), 0);
	task_write(&function, 4, 2, 0xffff);
	cr_assert(function.effects.command);
	cr_assert_eq(config_command(&function.config), 0x0547);
	task_write(&function, 4, 2, 0xffff);
	cr_assert_not(function.effects.command, "nothing changed");
	task_write(&function, 5, 1, 0);
	cr_assert(function.effects.command);
	cr_assert_eq(config_command(&function.config), 0x0047);
	cr_assert_eq(hardware_get(&function, 4, 2), hardware);
}

Test(vfio_config, ports_are_not_decoded_when_a_port_bar_has_no_place)
{
	struct pci_bar unplaced[6];
	struct config_layout from = layout();
	struct function function;

	memcpy(unplaced, bars, sizeof(bars));
	unplaced[1].base = 0;
	from.bars = unplaced;
	start(&function, &from);
	task_write(&function, 4, 2, 0xffff);
	cr_assert_eq(config_command(&function.config), 0x0546);
}

Test(vfio_config, flr_is_asked_for_by_its_bit_in_any_width_and_never_stored)
{
	struct config_layout from = layout();
	struct function function;

	start(&function, &from);
	memset(function.hardware, 0, sizeof(function.hardware));
	task_write(&function, EXPRESS + 8, 2, 0x8000);
	cr_assert_eq(function.resets, 1u);
	task_write(&function, EXPRESS + 9, 1, 0x80);
	cr_assert_eq(function.resets, 2u);
	task_write(&function, EXPRESS + 8, 4, 0x8000);
	cr_assert_eq(function.resets, 3u);
	task_write(&function, EXPRESS + 8, 1, 0x80);
	task_write(&function, EXPRESS + 10, 2, 0x8000);
	task_write(&function, EXPRESS + 8, 2, 0x7fff);
	cr_assert_eq(function.resets, 3u, "other bits are no reset");
	task_write(&function, AF + 4, 1, 0x01);
	cr_assert_eq(function.resets, 4u);
	task_write(&function, AF + 4, 1, 0xfe);
	cr_assert_eq(function.resets, 4u);
	cr_assert_eq(task_read(&function, EXPRESS + 8, 2) & 0x8000, 0u);
	cr_assert_eq(hardware_get(&function, EXPRESS + 8, 2) & 0x8000, 0u);
	cr_assert_eq(hardware_get(&function, AF + 4, 1), 0u);

	from.has_flr = false;
	start(&function, &from);
	task_write(&function, EXPRESS + 8, 2, 0x8000);
	task_write(&function, AF + 4, 1, 0x01);
	cr_assert_eq(function.resets, 0u, "a function without it is not reset");
}

Test(vfio_config, no_snoop_is_the_tasks_only_where_the_domain_is_coherent_anyway)
{
	struct config_layout from = layout();
	struct function function;

	start(&function, &from);
	cr_assert_eq(config_passes(&function.config, EXPRESS + 8, 2) & 0x0800, 0u);
	from.no_snoop = true;
	start(&function, &from);
	cr_assert_eq(config_passes(&function.config, EXPRESS + 8, 2) & 0x0800, 0x0800u);
}

Test(vfio_config, device_control_2_exists_from_version_2_on)
{
	struct config_layout from = layout();
	struct function function;

	from.express_version = 1;
	start(&function, &from);
	cr_assert_eq(config_passes(&function.config, EXPRESS + 0x28, 2), 0u);
}

Test(vfio_config, the_power_state_reads_and_stays_d0)
{
	struct config_layout from = layout();
	struct function function;

	start(&function, &from);
	function.hardware[POWER + 4] = 0x0b;
	task_write(&function, POWER + 4, 2, 0x0003);
	cr_assert_eq(function.hardware[POWER + 4], 0x0b);
	cr_assert_eq(task_read(&function, POWER + 4, 1), 0x08u);
}

Test(vfio_config, a_reset_clears_what_was_written_and_keeps_the_kinds_of_bars)
{
	struct config_layout from = layout();
	struct function function, fresh;

	start(&function, &from);
	start(&fresh, &from);
	for (unsigned int round = 0; round < 1000; round++)
		task_write(&function, (uint32_t)random_below(&numbers, 256) & ~3u, 4,
		           (uint32_t)random_next(&numbers));
	config_reset(&function.config);
	cr_assert_arr_eq(function.config.value, fresh.config.value, sizeof(fresh.config.value));
}

Test(vfio_config, the_kernel_cannot_set_command_bits_that_the_function_has_not)
{
	struct config_layout from = layout();
	struct function function;

	start(&function, &from);
	config_set_command(&function.config, 0xffff);
	cr_assert_eq(config_command(&function.config), 0x0547);
}

Test(vfio_config, a_capability_at_an_impossible_offset_gives_no_rights)
{
	struct config_layout from = layout();
	static const uint16_t wrong[] = {1, 0x3f, 0xf9, 0xff, 0x100, 0xffc, 0xffff};
	struct function function;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		from.caps = (struct pci_capabilities){
		        .express = wrong[i], .power = wrong[i], .advanced_features = wrong[i]};
		start(&function, &from);
		for (uint32_t offset = 0; offset < 4096; offset++) {
			uint32_t passes = config_passes(&function.config, offset, 1);

			if (offset == 0x0c || offset == 0x0d)
				continue;
			cr_assert_eq(passes, 0u, "offset 0x%x with a capability at 0x%x", offset,
			             wrong[i]);
		}
	}
}
