/* SPDX-License-Identifier: MIT */
/*
 * Devices that newer QEMUs have. iommu-testdev writes through the IOMMU to an IOVA and compares
 * what it finds at a physical address, so that the emulator itself says where a mapping leads; and
 * it does so as fast as it is asked, so that faults come in storms. igb is a function with SR-IOV.
 */
#include <string.h>

#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>

#define PAGE CORDON_PAGE_SIZE

#define TESTDEV_VENDOR 0x1b36
#define TESTDEV_DEVICE 0x0005
#define IGB_VENDOR     0x8086
#define IGB_DEVICE     0x10c9

/* Registers of iommu-testdev, 32 bits each. */
enum {
	TESTDEV_RUN = 0x00, /* a read carries out what was armed */
	TESTDEV_IOVA = 0x04,
	TESTDEV_SIZE = 0x0c,
	TESTDEV_RESULT = 0x10, /* 0: written, and found there */
	TESTDEV_ARM = 0x14,
	TESTDEV_ATTRIBUTES = 0x18,
	TESTDEV_PHYSICAL = 0x1c,
};
#define TESTDEV_NONSECURE 0xau /* the only kind of access that PCs have */

#define CONFIG_COMMAND 4
#define MEMORY_MASTER  0x6

#define PAGES 32
#define SIZE  256u
#define IOVA  UINT64_C(0x4000000000)

/* Far more than one requester is told of in a second, far less than what would take one. */
#define STORM        400
#define STORM_OVER   1500 /* ms: twice the window in which faults are counted, and some more */
#define TOLD_AT_MOST 100

static struct {
	cordon_bdf_t bdf;
	cordon_handle_t group, container, device;
	volatile uint32_t *registers;
} dev;
static cordon_handle_t memory;
static uint8_t *bytes;

static void must(int64_t result, const char *what)
{
	if (result < 0)
		tap_bail("%s: %s", what, cordon_strerror((int)result));
}

static void open_device(uint16_t vendor, uint16_t device)
{
	uint16_t command = MEMORY_MASTER;
	int number = test_find_group(vendor, device, 0, 0, &dev.bdf);

	if (number < 0)
		tap_bail("no device %04x:%04x", (unsigned int)vendor, (unsigned int)device);
	must(cordon_group_open(test_authority(), (uint32_t)number, &dev.group), "group_open");
	must(cordon_group_trust_reset(test_authority(), dev.group, dev.bdf), "trust_reset");
	must(cordon_container_create(&dev.container), "container_create");
	must(cordon_container_add_group(dev.container, dev.group), "add_group");
	must(cordon_group_device(dev.group, dev.bdf, &dev.device), "group_device");
	must(cordon_device_region_write(dev.device, CORDON_REGION_CONFIG, CONFIG_COMMAND, &command,
	                                sizeof(command)),
	     "writing COMMAND");
}

static void close_device(void)
{
	must(cordon_handle_close(dev.device), "closing the device");
	must(cordon_handle_close(dev.group), "closing the group");
	must(cordon_handle_close(dev.container), "closing the container");
}

static void put(uint32_t offset, uint32_t value)
{
	dev.registers[offset / 4] = value;
}

/* Has the device write to an IOVA and look at a physical address; 0: it is the same memory. */
static uint32_t carry(uint64_t iova, uint64_t physical)
{
	put(TESTDEV_IOVA, (uint32_t)iova);
	put(TESTDEV_IOVA + 4, (uint32_t)(iova >> 32));
	put(TESTDEV_PHYSICAL, (uint32_t)physical);
	put(TESTDEV_PHYSICAL + 4, (uint32_t)(physical >> 32));
	put(TESTDEV_SIZE, SIZE);
	put(TESTDEV_ATTRIBUTES, TESTDEV_NONSECURE);
	put(TESTDEV_ARM, 1);
	(void)dev.registers[TESTDEV_RUN / 4];
	return dev.registers[TESTDEV_RESULT / 4];
}

static void map(uint64_t page, uint64_t iova)
{
	struct cordon_dma_map args = {
	        .memory = memory,
	        .flags = CORDON_DMA_READ | CORDON_DMA_WRITE,
	        .offset = page * PAGE,
	        .iova = iova,
	        .size = PAGE,
	};

	must(cordon_container_map(dev.container, &args), "container_map");
}

/* Pages in another order than their IOVAs, with gaps. */
static uint64_t iova_of(uint64_t page)
{
	return IOVA + (page * 7 % PAGES) * 3 * PAGE;
}

static void test_translation(void)
{
	unsigned int right = 0, beside = 0;

	for (uint64_t page = 0; page < PAGES; page++)
		map(page, iova_of(page));
	for (uint64_t page = 0; page < PAGES; page++)
		right += carry(iova_of(page) + 64, test_physical(memory, page * PAGE + 64)) == 0;
	tap_is(right, PAGES, "S2: the emulator finds each page where it was mapped");
	memset(bytes, 0x11, PAGES * PAGE);
	for (uint64_t page = 0; page < PAGES; page++)
		beside += carry(iova_of(page),
		                test_physical(memory, (page + 1) % PAGES * PAGE + 2048)) == 0;
	tap_is(beside, 0, "control: and nowhere else");
}

static int64_t told(uint64_t *lost)
{
	struct cordon_fault faults[16];
	int64_t count, sum = 0;

	while ((count = cordon_container_faults(dev.container, faults, 16, lost)) > 0) {
		for (int64_t i = 0; i < count; i++) {
			if (faults[i].device != dev.bdf || !faults[i].task)
				tap_bail("a fault of somebody else");
		}
		sum += count;
	}
	return sum;
}

static void test_storm(void)
{
	const uint64_t nowhere = IOVA + PAGE;
	uint64_t lost = 0;
	unsigned int refused = 0;
	int64_t count;

	told(NULL);
	memset(bytes, 0x11, PAGES * PAGE);
	tap_ok(carry(nowhere, test_physical(memory, 0)) != 0, "S2: what is not mapped is refused");
	tap_ok(told(NULL) > 0, "and is a fault of this device and task");
	for (int i = 0; i < STORM; i++)
		refused += carry(nowhere, test_physical(memory, 0)) != 0;
	tap_is(refused, STORM, "S2: every access of a storm is refused");
	count = told(&lost);
	tap_note("%lld told", (long long)count);
	tap_ok(count > 0 && count <= TOLD_AT_MOST, "a storm is cut off");
	tap_is(carry(iova_of(3), test_physical(memory, 3 * PAGE)), 0,
	       "what is mapped is reached all the while");
	test_sleep_ms(STORM_OVER);
	told(NULL);
	carry(nowhere, test_physical(memory, 0));
	test_sleep_ms(STORM_OVER);
	carry(nowhere, test_physical(memory, 0));
	tap_ok(told(NULL) > 0, "and faults are heard again when it is over");
}

/* PCI Express 9.3.3: the capability's id, and the register that switches virtual functions on. */
#define SRIOV_ID      0x10
#define SRIOV_CONTROL 8
#define SRIOV_ON      0x9u /* virtual functions, and their memory */

static uint32_t config(uint64_t offset)
{
	uint32_t value = 0;

	must(cordon_device_region_read(dev.device, CORDON_REGION_CONFIG, offset, &value,
	                               sizeof(value)),
	     "reading config space");
	return value;
}

static void test_sriov(void)
{
	uint16_t on = SRIOV_ON;
	uint32_t offset = 0x100;

	open_device(IGB_VENDOR, IGB_DEVICE);
	while (offset && (config(offset) & 0xffff) != SRIOV_ID)
		offset = config(offset) >> 20;
	if (offset) {
		(void)cordon_device_region_write(dev.device, CORDON_REGION_CONFIG,
		                                 offset + SRIOV_CONTROL, &on, sizeof(on));
		tap_ok((config(offset + SRIOV_CONTROL) & SRIOV_ON) == 0,
		       "S7: a task cannot switch virtual functions on");
	} else {
		tap_ok(true, "S7: a task does not see that there could be virtual functions");
	}
	tap_ok(test_find_group(IGB_VENDOR, 0x10ca, 0, 0, &dev.bdf) < 0, "and there are none");
	close_device();
}

int main(void)
{
	struct cordon_region_map map_args = {.size = PAGE,
	                                     .prot = CORDON_PROT_READ | CORDON_PROT_WRITE};

	bytes = test_memory(PAGES * PAGE, 0, &memory);
	open_device(TESTDEV_VENDOR, TESTDEV_DEVICE);
	must(cordon_device_region_map(dev.device, 0, &map_args), "device_region_map");
	dev.registers = (volatile uint32_t *)(uintptr_t)map_args.address;
	test_translation();
	test_storm();
	must(cordon_memory_unmap(map_args.address, PAGE), "memory_unmap");
	close_device();
	test_sriov();
	return tap_done();
}
