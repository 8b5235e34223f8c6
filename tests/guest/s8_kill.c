/* SPDX-License-Identifier: MIT */
/*
 * S8: a task killed in the middle of DMA. edu needs 100 ms for a transfer, so that a
 * transfer that began is certainly in flight when its task is killed. The frame it aimed at
 * is then given to this test, which fills it with a canary; 200 ms later the canary is whole.
 * The control run does not kill: there the frame does change.
 */
#include <cordon/errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>
#include <vfio/device.h>

#define PAGE          4096u
#define TRANSFER_MS   100
#define CANARY        0x5a
#define EDU_DMA_SRC   0x80
#define EDU_DMA_DST   0x88
#define EDU_DMA_COUNT 0x90
#define EDU_DMA_CMD   0x98
#define EDU_BUFFER    0x40000
#define EDU_START     1u /* reads as set until the transfer ends */
#define EDU_TO_RAM    2u
#define COUNT         4095u /* 4096 makes the emulator abort */
#define FIRST_IOVA    UINT64_C(0x40000000)
#define SEARCH_PAGES  256
#define ATTEMPTS      12

/* --- the victim: opens edu, aims at the page it was given, starts, and is killed --- */

static int victim(uint64_t iova)
{
	static struct vfio_device device;
	struct vfio_open_params params = {
	        .match = vfio_match_id(EDU_VENDOR, EDU_DEVICE),
	        .container = CORDON_HANDLE_NONE,
	        .group = CORDON_HANDLE_NONE,
	        .authority = CORDON_HANDLE_NONE,
	};
	cordon_handle_t page = cordon_handle_named("page");
	volatile uint8_t *registers;

	if (vfio_device_open(&params, &device))
		return 2;
	if (vfio_dma_map_memory(device.container, page, 0, iova, PAGE,
	                        CORDON_DMA_READ | CORDON_DMA_WRITE))
		return 3;
	registers = vfio_bar_pointer(&device, 0, 0, 0x100);
	if (!registers)
		return 4;
	/* First a transfer the other way: now the unit has the translation in its cache, and only
	 * an invalidation makes it forget. */
	vfio_write64(registers + EDU_DMA_SRC, iova);
	vfio_write64(registers + EDU_DMA_DST, EDU_BUFFER);
	vfio_write64(registers + EDU_DMA_COUNT, 1);
	vfio_write64(registers + EDU_DMA_CMD, EDU_START);
	while (vfio_read64(registers + EDU_DMA_CMD) & EDU_START)
		test_sleep_ms(1); /* the killer does not wait for ever */
	vfio_write64(registers + EDU_DMA_SRC, EDU_BUFFER);
	vfio_write64(registers + EDU_DMA_DST, iova);
	vfio_write64(registers + EDU_DMA_COUNT, COUNT);
	vfio_write64(registers + EDU_DMA_CMD, EDU_START | EDU_TO_RAM);
	cordon_event_signal(cordon_handle_named("started"), 1);
	cordon_clock_sleep(CORDON_TIME_FOREVER);
	return 5;
}

/* --- the killer --- */

static cordon_handle_t group, started;

/* Each victim has another IOVA: what is left of one must not serve the next. */
static cordon_handle_t start_victim(cordon_handle_t page)
{
	static uint64_t next_iova = FIRST_IOVA;
	char iova[20];
	const struct child child = {
	        .arguments = {"victim", iova},
	        .gives = {{group, "group0", 0}, {page, "page", 0}, {started, "started", 0}},
	};
	struct cordon_wait item = {.handle = started, .signals = CORDON_SIGNAL_READABLE};
	cordon_handle_t task;
	uint64_t count;

	snprintf(iova, sizeof(iova), "0x%llx", (unsigned long long)next_iova);
	next_iova += PAGE;
	if (child_start(&child, &task) < 0)
		tap_bail("the victim cannot be started");
	if (cordon_object_wait(&item, 1, cordon_now() + UINT64_C(5000000000)) < 0)
		tap_bail("the victim did not start its transfer");
	cordon_event_take(started, &count);
	return task;
}

/* Allocates until the frame comes out again; maps it and returns where, or NULL. */
static uint8_t *catch_frame(uint64_t frame)
{
	for (int i = 0; i < SEARCH_PAGES; i++) {
		struct cordon_memory_map map = {.size = PAGE,
		                                .prot = CORDON_PROT_READ | CORDON_PROT_WRITE};
		cordon_handle_t memory;

		if (cordon_memory_create(PAGE, 0, &memory) < 0)
			return NULL;
		if (test_physical(memory, 0) != frame) {
			/* Kept, so that it does not come out again: mapped, without a handle. */
			map.prot = CORDON_PROT_READ;
			cordon_memory_map(memory, &map);
			cordon_handle_close(memory);
			continue;
		}
		cordon_memory_map(memory, &map);
		return (uint8_t *)(uintptr_t)map.address;
	}
	return NULL;
}

static bool holds_only(const volatile uint8_t *bytes, uint8_t value)
{
	for (unsigned int i = 0; i < PAGE; i++)
		if (bytes[i] != value)
			return false;
	return true;
}

/* Without a kill the transfer arrives: the method can see a write. */
static void control(void)
{
	cordon_handle_t memory, task;
	uint8_t *bytes = test_memory(PAGE, 0, &memory);

	memset(bytes, CANARY, PAGE);
	task = start_victim(memory);
	tap_ok(holds_only(bytes, CANARY), "control: the transfer is still in flight");
	test_sleep_ms(3 * TRANSFER_MS);
	tap_ok(!holds_only(bytes, CANARY), "control: without a kill the device writes the frame");
	cordon_task_kill(task, 0);
	child_wait(task);
	cordon_handle_close(task);
	cordon_handle_close(memory);
}

/* Kills a victim during its transfer and gets the frame, or NULL: the kernel may have taken it for
 * objects of its own before this test came to it. in_time: the task was gone before the end of
 * the transfer; else NULL, too. */
static uint8_t *kill_and_catch(bool *in_time)
{
	cordon_handle_t memory, task;
	uint64_t frame, killed;

	if (cordon_memory_create(PAGE, 0, &memory) < 0)
		tap_bail("no page");
	frame = test_physical(memory, 0);
	task = start_victim(memory);
	cordon_handle_close(memory); /* the victim and its container are the last to hold it */
	killed = cordon_now();
	cordon_task_kill(task, 0);
	child_wait(task);
	*in_time = cordon_now() - killed < TRANSFER_MS * UINT64_C(1000000);
	cordon_handle_close(task);
	return *in_time ? catch_frame(frame) : NULL;
}

static void kill_in_flight(void)
{
	uint8_t *bytes = NULL;
	bool in_time = false;

	/* A busy host may be slower than the device once: then nothing was shown. */
	for (int attempt = 0; attempt < ATTEMPTS && bytes == NULL; attempt++)
		bytes = kill_and_catch(&in_time);
	tap_ok(in_time, "S8: the task is gone before the transfer would end");
	tap_ok(bytes != NULL, "S8: the frame is free again and comes to this test");
	if (bytes == NULL)
		return;
	memset(bytes, CANARY, PAGE);
	test_sleep_ms(3 * TRANSFER_MS);
	tap_ok(holds_only(bytes, CANARY), "S8: the transfer in flight did not reach the frame");
}

int main(int argc, char **argv)
{
	cordon_bdf_t bdf;
	int number;

	if (argc > 2 && strcmp(argv[1], "victim") == 0)
		return victim(strtoull(argv[2], NULL, 0));
	number = test_find_group(EDU_VENDOR, EDU_DEVICE, 0, 0, &bdf);
	if (number < 0)
		tap_bail("no edu");
	if (cordon_group_open(test_authority(), (uint32_t)number, &group) < 0 ||
	    cordon_group_trust_reset(test_authority(), group, bdf) < 0 ||
	    cordon_event_create(0, &started) < 0)
		tap_bail("the group of edu cannot be opened");
	control();
	kill_in_flight();
	return tap_done();
}
