/* SPDX-License-Identifier: MIT */
/*
 * Isolation groups as the system reports them (S4). Prints every group with its functions and the
 * reason in words, checks that the reports agree with one another, and that each argument is a
 * whole group: addresses without segment joined by "+", as in 01:00.0 or 02:01.0+02:02.0. An
 * argument NAME! (with an exclamation mark) says instead that the function is refused.
 */
#include <cordon/errno.h>
#include <cordon/system.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>

#define DEVICES_MAX 128
#define GROUPS_MAX  128

static struct cordon_device_desc devices[DEVICES_MAX];
static struct cordon_group_desc groups[GROUPS_MAX];
static uint32_t device_count, group_count;

static void read_all(void)
{
	while (device_count < DEVICES_MAX &&
	       cordon_system_info(test_authority(), CORDON_SYSTEM_DEVICES, device_count,
	                          &devices[device_count], sizeof(devices[0])) == 0)
		device_count++;
	while (group_count < GROUPS_MAX &&
	       cordon_system_info(test_authority(), CORDON_SYSTEM_GROUPS, group_count,
	                          &groups[group_count], sizeof(groups[0])) == 0)
		group_count++;
}

static void print_bdf(cordon_bdf_t bdf)
{
	printf(" %04x:%02x:%02x.%x", (unsigned int)(bdf >> 16), (unsigned int)(bdf >> 8 & 0xff),
	       (unsigned int)(bdf >> 3 & 0x1f), (unsigned int)(bdf & 7));
}

static void print_groups(void)
{
	for (uint32_t i = 0; i < group_count; i++) {
		printf("group %u:", (unsigned int)groups[i].status.number);
		for (uint32_t j = 0; j < device_count; j++)
			if (devices[j].group == groups[i].status.number)
				print_bdf(devices[j].bdf);
		printf(": %s\n", groups[i].status.reason);
	}
}

static uint32_t members(uint32_t number)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < device_count; i++)
		count += devices[i].group == number;
	return count;
}

static void test_reports_agree(void)
{
	bool counted = true, explained = true, unique = true, known = true;

	for (uint32_t i = 0; i < group_count; i++) {
		const struct cordon_group_status *status = &groups[i].status;

		counted &= status->device_count == members(status->number);
		explained &= strlen(status->reason) > 10;
		for (uint32_t j = 0; j < i; j++)
			unique &= groups[j].status.number != status->number;
	}
	for (uint32_t i = 0; i < device_count; i++) {
		bool found = false;

		for (uint32_t j = 0; j < group_count; j++)
			found |= groups[j].status.number == devices[i].group;
		known &= found;
	}
	tap_ok(device_count > 2 && group_count > 1, "%u functions in %u groups",
	       (unsigned int)device_count, (unsigned int)group_count);
	tap_ok(counted, "S4 every group has as many functions as it says");
	tap_ok(unique && known, "S4 every function is in exactly one group");
	tap_ok(explained, "S4 every group is explained in words");
}

static const struct cordon_device_desc *find(const char *name, size_t length)
{
	char text[16];
	unsigned int bus, slot, function;

	if (length >= sizeof(text))
		return NULL;
	memcpy(text, name, length);
	text[length] = 0;
	if (sscanf(text, "%x:%x.%x", &bus, &slot, &function) != 3)
		return NULL;
	for (uint32_t i = 0; i < device_count; i++)
		if (devices[i].bdf == CORDON_BDF(0, bus, slot, function))
			return &devices[i];
	return NULL;
}

static void test_refused(const char *argument)
{
	const struct cordon_device_desc *device = find(argument, strlen(argument) - 1);

	tap_ok(device && device->flags & CORDON_DEVICE_REFUSED, "S5 %s is refused", argument);
}

static void test_whole_group(const char *argument)
{
	uint32_t named = 0, number = 0;
	bool together = true;

	for (const char *name = argument; name; named++) {
		const char *end = strchr(name, '+');
		const struct cordon_device_desc *device = find(name, end ? (size_t)(end - name)
		                                                         : strlen(name));

		if (!device) {
			tap_ok(false, "S4 %s: not found: %s", argument, name);
			return;
		}
		together &= named == 0 || device->group == number;
		number = device->group;
		name = end ? end + 1 : NULL;
	}
	tap_ok(together && members(number) == named, "S4 %s is a whole group", argument);
}

int main(int argc, char **argv)
{
	read_all();
	print_groups();
	test_reports_agree();
	for (int i = 1; i < argc; i++) {
		if (strchr(argv[i], '!'))
			test_refused(argv[i]);
		else
			test_whole_group(argv[i]);
	}
	return tap_done();
}
