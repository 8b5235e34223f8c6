/* SPDX-License-Identifier: MIT */
/*
 * A reset takes a device 100 ms. Who asked for it waits; others do not: neither threads on the same
 * CPU, nor who uses another device, nor the end of the task (S8, S10).
 */
#include <cordon/errno.h>
#include <pthread.h>
#include <string.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>
#include <tests/guest/vfio/edu.h>

#define MS             UINT64_C(1000000)
#define RESET_TIME     (100 * MS) /* PCI Express base specification, 6.6.2 */
#define LATENCY_MAX    (25 * MS)  /* a slice of another thread, and room */
#define CONFIG_COMMAND 4
#define COMMAND_SIZE   2

struct nvme {
	cordon_handle_t group, container, device;
};

static struct nvme nvme_open(void)
{
	struct nvme nvme;
	cordon_bdf_t bdf;
	int number = test_find_group(0, 0, NVME_CLASS, 0, &bdf);

	if (number < 0 || cordon_group_open(test_authority(), (uint32_t)number, &nvme.group) ||
	    cordon_container_create(&nvme.container) ||
	    cordon_container_add_group(nvme.container, nvme.group) ||
	    cordon_group_device(nvme.group, bdf, &nvme.device))
		tap_bail("the NVMe device does not open");
	return nvme;
}

static void nvme_close(const struct nvme *nvme)
{
	cordon_handle_close(nvme->device);
	cordon_handle_close(nvme->group);
	cordon_handle_close(nvme->container);
}

static uint16_t command_of(cordon_handle_t device)
{
	uint16_t command = UINT16_MAX;

	cordon_device_region_read(device, CORDON_REGION_CONFIG, CONFIG_COMMAND, &command,
	                          COMMAND_SIZE);
	return command;
}

static void set_command(cordon_handle_t device, uint16_t command)
{
	cordon_device_region_write(device, CORDON_REGION_CONFIG, CONFIG_COMMAND, &command,
	                           COMMAND_SIZE);
}

/* --- a reset beside this thread -------------------------------------------------------------- */

static struct {
	cordon_handle_t device;
	volatile uint64_t began, ended;
	int64_t error;
} reset;

static void *reset_device(void *argument)
{
	(void)argument;
	reset.began = cordon_now();
	reset.error = cordon_device_reset(reset.device);
	reset.ended = cordon_now();
	return NULL;
}

static pthread_t reset_begin(cordon_handle_t device)
{
	pthread_t thread;

	memset(&reset, 0, sizeof(reset));
	reset.device = device;
	pthread_create(&thread, NULL, reset_device, NULL);
	do
		test_sleep_ms(1); /* an emulator gives the others' CPUs time when one sleeps */
	while (!reset.began);
	return thread;
}

static void test_others_run(cordon_handle_t device)
{
	pthread_t thread = reset_begin(device);
	uint64_t last = reset.began, longest = 0;
	bool ended;

	do {
		uint64_t now = cordon_now();

		ended = reset.ended != 0;
		if (now - last > longest)
			longest = now - last;
		last = now;
	} while (!ended);
	pthread_join(thread, NULL);
	tap_is(reset.error, 0, "the device is reset");
	if (!tap_ok(reset.ended - reset.began >= RESET_TIME,
	            "S8: it gets the time that it may take"))
		tap_note("%llu ns", (unsigned long long)(reset.ended - reset.began));
	if (!tap_ok(longest <= LATENCY_MAX, "S10: meanwhile the CPU is there for others"))
		tap_note("gone for %llu ns", (unsigned long long)longest);
}

static void test_same_device(cordon_handle_t device)
{
	uint16_t before;
	pthread_t thread;
	bool after;

	set_command(device, EDU_COMMAND_MEMORY);
	before = command_of(device);
	thread = reset_begin(device);
	after = command_of(device) == before && cordon_now() - reset.began >= RESET_TIME;
	tap_ok(after, "who uses the same device meanwhile waits, and finds it as it is afterwards");
	pthread_join(thread, NULL);
}

static void test_other_device(cordon_handle_t device)
{
	pthread_t thread = reset_begin(device);
	uint64_t start = cordon_now();
	struct edu edu;

	edu_start(&edu);
	tap_ok(!reset.ended && cordon_now() - start <= LATENCY_MAX,
	       "another device is opened meanwhile");
	edu_stop(&edu);
	pthread_join(thread, NULL);
}

/* --- the end of a task meanwhile ------------------------------------------------------------- */

static int child_reset(void)
{
	for (;;)
		if (cordon_device_reset(cordon_handle_named("device")))
			return 1;
}

/* Kills at another moment of the reset each time. */
static void test_kill(void)
{
	uint64_t objects = test_counter("objects.device"), longest = 0;
	bool killed = true;

	for (uint64_t i = 0; i < 6; i++) {
		struct nvme nvme = nvme_open();
		const struct child child = {.arguments = {"reset"},
		                            .gives = {{nvme.device, "device", 0}}};
		cordon_handle_t task;
		uint64_t start;

		killed &= child_start(&child, &task) == 0;
		nvme_close(&nvme); /* the child has the only handle of the device now */
		test_sleep_ms(5 + 23 * i);
		start = cordon_now();
		killed &= cordon_task_kill(task, 0) == 0;
		killed &= child_wait(task).cause == CORDON_CAUSE_KILL;
		if (cordon_now() - start > longest)
			longest = cordon_now() - start;
		cordon_handle_close(task);
	}
	tap_ok(killed, "S8: a task that is killed during a reset ends");
	tap_ok(longest >= RESET_TIME, "S8: and not before the device is reset");
	tap_is((int64_t)test_counter("objects.device"), (int64_t)objects,
	       "S8: its device is closed");
	tap_is((int64_t)test_counter("quarantined_devices"), 0, "S8: the device can be used again");
}

int main(int argc, char **argv)
{
	struct nvme nvme;

	if (argc > 1 && strcmp(argv[1], "reset") == 0)
		return child_reset();
	nvme = nvme_open();
	test_others_run(nvme.device);
	test_same_device(nvme.device);
	test_other_device(nvme.device);
	nvme_close(&nvme);
	test_kill();
	return tap_done();
}
