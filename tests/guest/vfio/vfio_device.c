/* SPDX-License-Identifier: MIT */
/*
 * Groups and devices from one user to the next: config space (S7), BAR mappings that come and go
 * with decoding, who may open what (CORE-2, CORE-8, EXT-6), quarantine (S8).
 */
#include <cordon/errno.h>
#include <string.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>
#include <tests/guest/vfio/edu.h>

#define PAGE           UINT64_C(4096)
#define VECTOR_FAULT   14 /* page fault */
#define CONFIG         CORDON_REGION_CONFIG
#define BAR0           0x10
#define STATUS         0x06
#define CAPABILITIES   0x34
#define CAP_MSI        0x05
#define CAP_MSIX       0x11
#define CAP_EXPRESS    0x10
#define MSI_CONTROL    2
#define MSI_ADDRESS    4
#define MSIX_CONTROL   2
#define MSIX_TABLE     4
#define EXPRESS_DEVCTL 8

/* --- children -------------------------------------------------------------------------------- */

/* Maps a BAR of the device it was given, reads it, lets decoding go off, and reads it again. */
static int child_touch(void)
{
	const struct edu edu = {.device = cordon_handle_named("device")};
	struct cordon_region_map map = {.size = PAGE, .prot = CORDON_PROT_READ};
	volatile uint32_t *registers;

	if (cordon_device_region_map(edu.device, 0, &map))
		return 2;
	registers = (volatile uint32_t *)(uintptr_t)map.address;
	if ((registers[0] & 0xffff) != 0x00ed)
		return 3;
	edu_set_command(&edu, 0);
	return (int)registers[0]; /* ends here */
}

/* Tries to open the device with a handle of the group, and with the container if it got one. */
static int child_open(void)
{
	cordon_handle_t device;
	struct cordon_device_desc desc;

	if (cordon_group_function(cordon_handle_named("group"), 0, &desc))
		return 1;
	return (int)-cordon_group_device(cordon_handle_named("group"), desc.bdf, &device);
}

/* --- config space ---------------------------------------------------------------------------- */

static uint32_t config_read(cordon_handle_t device, uint32_t offset, uint32_t size)
{
	uint32_t value = 0;

	if (cordon_device_region_read(device, CONFIG, offset, &value, size) != size)
		tap_bail("config space at 0x%x cannot be read", (unsigned int)offset);
	return value;
}

static void config_write(cordon_handle_t device, uint32_t offset, uint32_t value, uint32_t size)
{
	if (cordon_device_region_write(device, CONFIG, offset, &value, size) != size)
		tap_bail("config space at 0x%x cannot be written", (unsigned int)offset);
}

static uint32_t capability(cordon_handle_t device, uint32_t id)
{
	uint32_t at = config_read(device, CAPABILITIES, 1);

	for (int i = 0; i < 48 && at; i++) {
		if (config_read(device, at, 1) == id)
			return at;
		at = config_read(device, at + 1, 1);
	}
	return 0;
}

static void test_bars(const struct edu *edu)
{
	tap_is(config_read(edu->device, BAR0, 4), 0, "S7: a BAR hides where it is");
	config_write(edu->device, BAR0, UINT32_MAX, 4);
	tap_is(config_read(edu->device, BAR0, 4), 0xfff00000, "a BAR can be sized");
	config_write(edu->device, BAR0, 0x12345678, 4);
	tap_is(config_read(edu->device, BAR0, 4), 0x12300000, "and keeps what is written");
	tap_is(*(volatile uint32_t *)edu->registers & 0xffff, 0x00ed,
	       "S7: the registers did not move");
	config_write(edu->device, BAR0 + 4, UINT32_MAX, 4);
	tap_is(config_read(edu->device, BAR0 + 4, 4), 0, "a BAR that is not there stays zero");
}

static void test_msi(const struct edu *edu)
{
	uint32_t msi = capability(edu->device, CAP_MSI);
	uint32_t control, address;

	if (!tap_ok(msi != 0, "edu has MSI"))
		return;
	control = config_read(edu->device, msi + MSI_CONTROL, 2);
	address = config_read(edu->device, msi + MSI_ADDRESS, 4);
	config_write(edu->device, msi + MSI_ADDRESS, 0xfee00000, 4);
	config_write(edu->device, msi + MSI_ADDRESS + 8, 0x30, 2);
	config_write(edu->device, msi + MSI_CONTROL, control | 1, 2);
	tap_is(config_read(edu->device, msi + MSI_ADDRESS, 4), address, "S7: MSI address stays");
	tap_is(config_read(edu->device, msi + MSI_CONTROL, 2), control, "S7: MSI stays off");
}

/* Everything at once, in every width: only what a task may change does. */
static void test_all_ones(const struct edu *edu)
{
	static uint8_t before[256], after[256];
	bool same = true;

	for (uint32_t width = 1; width <= 4; width *= 2) {
		cordon_device_region_read(edu->device, CONFIG, 0, before, 256);
		for (uint32_t at = 0x40; at < 256; at += width)
			config_write(edu->device, at, UINT32_MAX, width);
		cordon_device_region_read(edu->device, CONFIG, 0, after, 256);
		same &= memcmp(before + 0x40, after + 0x40, 256 - 0x40) == 0;
	}
	tap_ok(same, "S7: no capability of edu can be written");
	config_write(edu->device, 0, 0, 4);
	tap_is(config_read(edu->device, 0, 4), EDU_DEVICE << 16 | EDU_VENDOR, "S7: nor the ids");
}

/* --- decoding -------------------------------------------------------------------------------- */

static void test_decoding(const struct edu *edu)
{
	const struct child touch = {
	        .arguments = {"touch"},
	        .gives = {{edu->device, "device", 0}},
	};
	struct cordon_task_info info = child_run(&touch);

	tap_ok(info.cause == CORDON_CAUSE_FAULT && info.code == VECTOR_FAULT,
	       "without decoding an access to a BAR ends the task (cause %u, code %lld)",
	       (unsigned int)info.cause, (long long)info.code);
	tap_is(edu_command(edu), 0, "decoding is off for this task too");
	edu_set_command(edu, EDU_COMMAND_MEMORY | EDU_COMMAND_MASTER);
	tap_is(*(volatile uint32_t *)edu->registers & 0xffff, 0x00ed,
	       "with decoding the mapping works again");
}

/* --- who may open what ----------------------------------------------------------------------- */

static void test_sharing(struct edu *edu)
{
	struct child child = {
	        .arguments = {"open"},
	        .gives = {{edu->group, "group", 0}},
	};

	tap_is(child_run(&child).code, EPERM, "CORE-8: a task with only the group is refused");
	child.gives[1].handle = edu->container;
	child.gives[1].name = "container";
	tap_is(child_run(&child).code, EBUSY, "CORE-8: with the container it gets as far as busy");
	cordon_handle_close(edu->device);
	tap_is(child_run(&child).code, 0, "and opens it when it is free");
	tap_is(cordon_group_device(edu->group, edu->bdf, &edu->device), 0,
	       "it is free again when that task ended");
	edu_set_command(edu, EDU_COMMAND_MEMORY | EDU_COMMAND_MASTER);
}

static void test_life(struct edu *edu)
{
	struct cordon_group_status status;
	cordon_handle_t again;

	tap_is(cordon_group_status(edu->group, &status), 0, "group_status");
	tap_is(status.flags, CORDON_GROUP_VIABLE | CORDON_GROUP_CONTAINER | CORDON_GROUP_LOCKED,
	       "viable, in a container, bound");
	cordon_handle_close(edu->group);
	tap_is(cordon_group_open(test_authority(), status.number, &again), -EBUSY,
	       "CORE-2: a group is in use while a device of it is");
	cordon_handle_close(edu->container);
	tap_ok(edu_command(edu) & EDU_COMMAND_MASTER, "the device works without both handles");
	cordon_handle_close(edu->device);
	tap_is(cordon_group_open(test_authority(), status.number, &edu->group), 0,
	       "EXT-6: with the last device it can be opened again");
	cordon_group_status(edu->group, &status);
	tap_is(status.flags, CORDON_GROUP_VIABLE, "and is in no container");
	tap_ok(test_counter("quarantined_devices") == 0, "trusted: not in quarantine");
	cordon_handle_close(edu->group);
}

/* --- NVMe: MSI-X, a reset -------------------------------------------------------------------- */

static cordon_handle_t nvme_open(cordon_handle_t *group, cordon_handle_t *container)
{
	cordon_handle_t device;
	cordon_bdf_t bdf;
	int number = test_find_group(0, 0, NVME_CLASS, 0, &bdf);

	if (number < 0)
		tap_bail("no NVMe");
	if (cordon_group_open(test_authority(), (uint32_t)number, group) ||
	    cordon_container_create(container) || cordon_container_add_group(*container, *group) ||
	    cordon_group_device(*group, bdf, &device))
		tap_bail("NVMe cannot be opened");
	return device;
}

static void test_nvme(void)
{
	cordon_handle_t group, container, device = nvme_open(&group, &container);
	struct cordon_region_info region;
	struct cordon_irq_info irq;
	struct cordon_region_map map = {.size = PAGE, .prot = CORDON_PROT_READ};
	uint32_t msix = capability(device, CAP_MSIX);
	uint32_t express = capability(device, CAP_EXPRESS);
	uint32_t control = config_read(device, msix + MSIX_CONTROL, 2);
	uint64_t table = config_read(device, msix + MSIX_TABLE, 4) & ~UINT64_C(7);
	uint64_t value = 0;
	bool whole = true;

	tap_is(cordon_device_irq_info(device, CORDON_IRQ_MSIX, &irq), 0, "irq_info of MSI-X");
	tap_is(irq.count, (control & 0x7ff) + 1, "it tells the vectors");
	cordon_device_region_info(device, 0, &region);
	for (uint32_t i = 0; i < region.area_count; i++)
		whole &= table + 16u * irq.count <= region.areas[i].offset ||
		         table >= region.areas[i].offset + region.areas[i].size;
	tap_ok(region.area_count > 0 && whole, "S7: no area has the MSI-X table");
	config_write(device, 4, EDU_COMMAND_MEMORY, 2);
	map.offset = table & ~(PAGE - 1);
	tap_is(cordon_device_region_map(device, 0, &map), -EACCES, "S7: its page is not mapped");
	tap_is(cordon_device_region_read(device, 0, table, &value, 8), 8, "it is read by call");
	tap_ok(value == UINT64_MAX, "S7: as ones");
	value = 0xfee00000;
	tap_is(cordon_device_region_write(device, 0, table, &value, 8), 8, "a write is taken");
	config_write(device, msix + MSIX_CONTROL, 0x8000, 2);
	tap_is(config_read(device, msix + MSIX_CONTROL, 2), control, "S7: MSI-X stays as it was");

	config_write(device, 4, EDU_COMMAND_MEMORY | EDU_COMMAND_MASTER, 2);
	tap_is(cordon_device_reset(device), 0, "a reset that works is verified");
	tap_is(config_read(device, 4, 2), EDU_COMMAND_MEMORY, "bus mastering is off after it");
	config_write(device, 4, EDU_COMMAND_MEMORY | EDU_COMMAND_MASTER, 2);
	config_write(device, express + EXPRESS_DEVCTL, 0x8000, 2);
	tap_is(config_read(device, 4, 2), EDU_COMMAND_MEMORY, "the reset bit resets too");
	tap_is(config_read(device, express + EXPRESS_DEVCTL, 2) & 0x0b00, 0,
	       "S2, S7: no-snoop, phantoms and long tags are off");
	cordon_handle_close(device);
	cordon_handle_close(group);
	cordon_handle_close(container);

	device = nvme_open(&group, &container);
	tap_ok(true, "S8: a device that a reset reaches is handed out again");
	cordon_handle_close(device);
	cordon_handle_close(group);
	cordon_handle_close(container);
}

/* --- quarantine ------------------------------------------------------------------------------ */

/* Opens the device when no handle for it is left, so that nobody ever has it. */
static void test_device_without_handle(const struct edu *edu)
{
	static cordon_handle_t others[CORDON_HANDLE_MAX];
	cordon_handle_t device;
	uint32_t count = 0;
	int64_t result;

	while (count < CORDON_HANDLE_MAX && cordon_handle_dup(edu->group, 0, &others[count]) == 0)
		count++;
	result = cordon_group_device(edu->group, edu->bdf, &device);
	while (count > 0)
		cordon_handle_close(others[--count]);
	tap_is(result, -EMFILE, "no handle is left for edu");
	tap_is((int64_t)test_counter("quarantined_devices"), 0,
	       "S8: a device that nobody had is not in quarantine");
}

/* Last: trust cannot be taken back, so this runs as a case of its own, on edu that nobody trusts.
 */
static int quarantine(void)
{
	struct cordon_group_status status;
	struct cordon_device_desc desc;
	cordon_handle_t container, device;
	struct edu edu;

	edu_open_group(&edu);
	cordon_container_create(&container);
	cordon_container_add_group(container, edu.group);
	test_device_without_handle(&edu);
	tap_is(cordon_group_device(edu.group, edu.bdf, &device), 0, "edu opens once");
	cordon_handle_close(device);
	tap_is(cordon_group_device(edu.group, edu.bdf, &device), -EBUSY,
	       "S8: a device that no reset reaches is not handed out again");
	cordon_group_function(edu.group, 0, &desc);
	tap_ok(desc.flags & CORDON_DEVICE_QUARANTINE, "it is marked");
	cordon_group_status(edu.group, &status);
	tap_ok(strstr(status.reason, "quarantine") != NULL, "the group says so: %s", status.reason);
	cordon_handle_close(edu.group);
	cordon_handle_close(container);
	edu_open_group(&edu);
	cordon_container_create(&container);
	tap_is(cordon_container_add_group(container, edu.group), 0, "the group can still join");
	tap_is(cordon_group_device(edu.group, edu.bdf, &device), -EBUSY,
	       "S8: nor to another user of the group");
	tap_is((int64_t)test_counter("quarantined_devices"), 1, "it is counted");
	return tap_done();
}

int main(int argc, char **argv)
{
	struct edu edu;

	if (argc > 1 && strcmp(argv[1], "touch") == 0)
		return child_touch();
	if (argc > 1 && strcmp(argv[1], "open") == 0)
		return child_open();
	if (argc > 1 && strcmp(argv[1], "quarantine") == 0)
		return quarantine();
	edu_start(&edu);
	test_bars(&edu);
	test_msi(&edu);
	test_all_ones(&edu);
	test_decoding(&edu);
	test_sharing(&edu);
	test_life(&edu);
	test_nvme();
	return tap_done();
}
