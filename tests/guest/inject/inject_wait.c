/* SPDX-License-Identifier: MIT */
/*
 * Waits for hardware that pass their time, one in a boot because it is never the same afterwards.
 *
 * flush,N: the IOMMU does not confirm its Nth invalidation (S3): an error, nothing given back, no
 * bus mastering, no devices any more, and the system goes on. wait,N: the Nth wait for a function
 * with a reset. boot: what is left of a system whose boot failed somewhere works, and is safe.
 */
#include <cordon/errno.h>
#include <stdlib.h>
#include <string.h>
#include <tests/guest/inject/devices.h>
#include <tests/guest/inject/sweep.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>
#include <vfio/device.h>

#define PAGE       DEVICES_PAGE
#define CANARY     0x11
#define CHILD_CODE 7
#define TRIES      256 /* frames taken to see whether one comes again */

static void arm(uint32_t points, uint64_t nth)
{
	if (cordon_system_inject(test_authority(), sweep_self(), points, nth) == -ENOTTY)
		tap_bail("this kernel cannot inject faults");
}

/* Whether the operation that was due came at all. */
static bool disarm(uint64_t nth)
{
	uint64_t count = (uint64_t)cordon_system_inject(test_authority(), 0, 0, 0);

	tap_note("%llu such operations", (unsigned long long)count);
	if (count < nth)
		tap_note("number %llu was never reached", (unsigned long long)nth);
	return count >= nth;
}

static void test_system_goes_on(void)
{
	const struct child child = {.arguments = {"exit"}};
	struct cordon_task_info info = child_run(&child);
	cordon_handle_t memory;

	tap_ok(info.cause == CORDON_CAUSE_EXIT && info.code == CHILD_CODE, "tasks run on");
	tap_is(cordon_memory_create(16 * PAGE, 0, &memory), 0, "there is memory");
	cordon_handle_close(memory);
}

/* --- an invalidation ------------------------------------------------------------------------- */

static bool holds_only(const uint8_t *bytes, uint8_t value)
{
	for (uint64_t i = 0; i < PAGE; i++)
		if (bytes[i] != value)
			return false;
	return true;
}

static bool unit_usable(void)
{
	struct cordon_iommu_desc desc;

	if (cordon_system_info(test_authority(), CORDON_SYSTEM_IOMMU, 0, &desc, sizeof(desc)))
		tap_bail("no IOMMU is listed");
	return desc.usable;
}

/* The device is open still, behind a unit that is dead: it masters the bus no more, whatever its
 * driver writes. */
static void test_master(struct life *life)
{
	uint64_t iova;
	uint8_t *page = devices_page(&iova);

	if (!life->registers_size || unit_usable())
		return;
	memset(page, CANARY, PAGE);
	edu_set_command(&life->edu, EDU_COMMAND_MEMORY);
	edu_set_command(&life->edu, EDU_COMMAND_MEMORY | EDU_COMMAND_MASTER);
	edu_store(&life->edu, iova, EDU_ROOM);
	tap_ok(holds_only(page, CANARY), "S3: the device behind a dead unit reaches nothing");
}

/* The life of a device, until something fails. Returns the error. */
static int64_t use(struct life *life)
{
	uint64_t iova;
	int64_t result = life_begin(life);

	devices_page(&iova);
	if (!result)
		result = cordon_container_unmap(life->edu.container, iova, PAGE, NULL);
	if (!result)
		result = devices_map_page(life);
	if (!result)
		result = life_use(life);
	return result;
}

static bool frame_comes_again(uint64_t frame)
{
	for (int i = 0; i < TRIES; i++) {
		cordon_handle_t memory; /* kept, so that others come */

		if (cordon_memory_create(PAGE, 0, &memory))
			tap_bail("no memory");
		if (test_physical(memory, 0) == frame)
			return true;
	}
	return false;
}

static void test_flush(uint64_t nth)
{
	uint64_t frame = devices_page_address();
	struct ledger before, after;
	struct life life;
	cordon_handle_t handle;
	int64_t result;

	ledger_take(&before);
	arm(CORDON_INJECT_FLUSH, nth);
	result = use(&life);
	test_master(&life);
	life_end(&life);
	if (!disarm(nth)) {
		tap_is(result, 0, "without a failure all of it works");
		return;
	}
	ledger_take(&after);
	/* One that fails while things are closed has nobody to tell. */
	tap_ok(result == -EIO || result == 0, "S3: the call that waited says EIO (%s)",
	       cordon_strerror(result));
	tap_ok(!unit_usable(), "S3: the unit is declared dead");
	tap_ok(ledger_value(&after, "free frames") < ledger_value(&before, "free frames"),
	       "S3: frames of tables are not given back");
	if (life.page_named && test_counter("quarantined_bytes")) {
		devices_forget_page();
		tap_ok(!frame_comes_again(frame), "S3: a frame that may be reached is not reused");
	}
	tap_is(cordon_container_create(&handle), -ENODEV, "S3: no container any more");
	tap_is(cordon_group_open(test_authority(), 0, &handle), -ENODEV, "S3: no group any more");
	test_system_goes_on();
}

/* --- a function ------------------------------------------------------------------------------ */

static int open_close(struct vfio_device *device)
{
	const struct vfio_open_params params = {
	        .match = vfio_match_class(NVME_CLASS),
	        .container = CORDON_HANDLE_NONE,
	        .group = CORDON_HANDLE_NONE,
	        .authority = test_authority(),
	        .dma_size = 16 * PAGE,
	};
	int result = vfio_device_open(&params, device);

	if (!result && vfio_device_close(device))
		tap_bail("the device cannot be closed");
	return result;
}

static void test_wait(uint64_t nth)
{
	static struct vfio_device device;
	struct ledger before, after;
	uint64_t quarantined;
	int result;

	/* What is made once, by the kernel and the library, is there then. */
	result = open_close(&device);
	tap_is(result, 0, "the device can be used");
	ledger_take(&before);
	arm(CORDON_INJECT_WAIT, nth);
	result = open_close(&device);
	if (!disarm(nth)) {
		tap_is(result, 0, "without a failure all of it works");
		return;
	}
	ledger_take(&after);
	quarantined = test_counter("quarantined_devices");
	tap_note("result %s, %llu in quarantine", cordon_strerror(result),
	         (unsigned long long)quarantined);
	tap_ok(result == 0 || result == -EIO, "opening says EIO, or works");
	tap_ok(result == 0 || quarantined == 1, "a function that did not obey is in quarantine");
	ledger_set(&after, "quarantined_devices", 0);
	tap_ok(ledger_same(&before, &after, true), "nothing is left behind");
	result = open_close(&device);
	if (quarantined)
		tap_is(result, -EPERM, "S8: what is in quarantine is not handed out again");
	else
		tap_is(result, 0, "the device can be used afterwards");
	test_system_goes_on();
}

/* --- what a boot left ------------------------------------------------------------------------ */

static bool unit_listed(void)
{
	struct cordon_iommu_desc desc;

	return cordon_system_info(test_authority(), CORDON_SYSTEM_IOMMU, 0, &desc, sizeof(desc)) ==
	               0 &&
	       desc.usable;
}

/* DMA goes where it is mapped, and nowhere after that. */
static void test_device(void)
{
	struct life life;
	uint64_t iova;
	uint8_t *page = devices_page(&iova);
	bool stored, refused;

	if (life_begin(&life))
		tap_bail("the device cannot be brought up");
	memset(page, CANARY, PAGE);
	edu_store(&life.edu, iova, EDU_ROOM);
	stored = !holds_only(page, CANARY);
	memset(page, CANARY, PAGE);
	if (cordon_container_unmap(life.edu.container, iova, PAGE, NULL))
		tap_bail("no unmap");
	edu_store(&life.edu, iova, EDU_ROOM);
	refused = holds_only(page, CANARY);
	life_end(&life);
	tap_ok(stored && refused, "S2: the device reaches what is mapped and nothing else");
}

static void test_boot(void)
{
	cordon_handle_t handle;
	cordon_bdf_t bdf;

	test_system_goes_on();
	if (!unit_listed())
		tap_ok(cordon_container_create(&handle) == -ENODEV &&
		               cordon_group_open(test_authority(), 0, &handle) < 0,
		       "S5: without a usable IOMMU no device is handed out");
	else if (test_find_group(EDU_VENDOR, EDU_DEVICE, 0, 0, &bdf) < 0)
		tap_is(cordon_container_create(&handle), 0, "there are containers, but no device");
	else
		test_device();
}

int main(int argc, char **argv)
{
	uint64_t nth = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;

	if (argc > 1 && strcmp(argv[1], "exit") == 0)
		return CHILD_CODE;
	if (argc < 2 || (nth == 0 && strcmp(argv[1], "boot") != 0))
		tap_bail("arguments: boot, or flush or wait and a number");
	sweep_self();
	devices_start();
	if (strcmp(argv[1], "boot") == 0)
		test_boot();
	else if (strcmp(argv[1], "flush") == 0)
		test_flush(nth);
	else
		test_wait(nth);
	return tap_done();
}
