/* SPDX-License-Identifier: MIT */
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>
#include <tests/guest/vfio/edu.h>

#define REGISTER_FROM    0x80
#define REGISTER_TO      0x88
#define REGISTER_COUNT   0x90
#define REGISTER_COMMAND 0x98
#define COMMAND_START    1u
#define COMMAND_TO_RAM   2u
#define BUFFER           UINT64_C(0x40000)
#define BAR_SIZE         0x100000
#define CONFIG_COMMAND   4

static void must(int64_t result, const char *what)
{
	if (result < 0)
		tap_bail("%s: %s", what, cordon_strerror((int)result));
}

void edu_open_group(struct edu *edu)
{
	int number = test_find_group(EDU_VENDOR, EDU_DEVICE, 0, 0, &edu->bdf);

	if (number < 0)
		tap_bail("no edu");
	must(cordon_group_open(test_authority(), (uint32_t)number, &edu->group), "group_open");
}

void edu_start(struct edu *edu)
{
	struct cordon_region_map map = {.size = BAR_SIZE,
	                                .prot = CORDON_PROT_READ | CORDON_PROT_WRITE};

	edu_open_group(edu);
	must(cordon_group_trust_reset(test_authority(), edu->group, edu->bdf), "trust_reset");
	must(cordon_container_create(&edu->container), "container_create");
	must(cordon_container_add_group(edu->container, edu->group), "add_group");
	must(cordon_group_device(edu->group, edu->bdf, &edu->device), "group_device");
	edu_set_command(edu, EDU_COMMAND_MEMORY | EDU_COMMAND_MASTER);
	must(cordon_device_region_map(edu->device, 0, &map), "device_region_map");
	edu->registers = (volatile uint8_t *)(uintptr_t)map.address;
}

void edu_stop(struct edu *edu)
{
	must(cordon_memory_unmap((uintptr_t)edu->registers, BAR_SIZE), "memory_unmap");
	must(cordon_handle_close(edu->device), "closing the device");
	must(cordon_handle_close(edu->group), "closing the group");
	must(cordon_handle_close(edu->container), "closing the container");
}

static void put(const struct edu *edu, uint32_t offset, uint64_t value)
{
	*(volatile uint64_t *)(edu->registers + offset) = value;
}

static void transfer(const struct edu *edu, uint64_t from, uint64_t to, uint32_t count,
                     uint32_t command)
{
	if (count > EDU_ROOM)
		tap_bail("a transfer of %u bytes would end the emulator", (unsigned int)count);
	put(edu, REGISTER_FROM, from);
	put(edu, REGISTER_TO, to);
	put(edu, REGISTER_COUNT, count);
	put(edu, REGISTER_COMMAND, command | COMMAND_START);
	for (int i = 0; i < 100; i++) {
		test_sleep_ms(10);
		if (!(*(volatile uint32_t *)(edu->registers + REGISTER_COMMAND) & COMMAND_START))
			return;
	}
	tap_bail("a transfer does not end");
}

void edu_fetch(const struct edu *edu, uint64_t from, uint32_t count)
{
	transfer(edu, from, BUFFER, count, 0);
}

void edu_store(const struct edu *edu, uint64_t to, uint32_t count)
{
	transfer(edu, BUFFER, to, count, COMMAND_TO_RAM);
}

uint16_t edu_command(const struct edu *edu)
{
	uint16_t command = 0;

	must(cordon_device_region_read(edu->device, CORDON_REGION_CONFIG, CONFIG_COMMAND, &command,
	                               sizeof(command)),
	     "reading COMMAND");
	return command;
}

void edu_set_command(const struct edu *edu, uint16_t command)
{
	must(cordon_device_region_write(edu->device, CORDON_REGION_CONFIG, CONFIG_COMMAND, &command,
	                                sizeof(command)),
	     "writing COMMAND");
}
