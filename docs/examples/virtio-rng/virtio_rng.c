/* SPDX-License-Identifier: MIT */
/*
 * A virtio driver outside the tree: asks the entropy device for random bytes through a split
 * virtqueue, polled.
 *
 *	make run TASK=docs/examples/virtio-rng/virtio_rng.c \
 *		QEMU_EXTRA="-device virtio-rng-pci,disable-legacy=on,iommu_platform=on"
 *
 * Without iommu_platform=on the device would go around the IOMMU, and is refused. Section numbers
 * are those of "Virtual I/O Device (VIRTIO) Version 1.1".
 */
#include <stdio.h>
#include <string.h>

#include <cordon/manifest.h>
#include <cordon/rt.h>
#include <vfio/device.h>

CORDON_MANIFEST("group id=1af4:1044 reset=trusted");

/* Section 4.1.4: a structure's place is told by a vendor-specific capability. */
enum { CAP_TYPE = 3, CAP_BAR = 4, CAP_OFFSET = 8, CAP_LENGTH = 12, CAP_NOTIFY_MULTIPLIER = 16 };
enum { TYPE_COMMON = 1, TYPE_NOTIFY = 2 };

/* Section 4.1.4.3: the common configuration. */
enum {
	DEVICE_FEATURE_SELECT = 0x00,
	DEVICE_FEATURE = 0x04,
	DRIVER_FEATURE_SELECT = 0x08,
	DRIVER_FEATURE = 0x0c,
	DEVICE_STATUS = 0x14,
	QUEUE_SELECT = 0x16,
	QUEUE_SIZE = 0x18,
	QUEUE_ENABLE = 0x1c,
	QUEUE_NOTIFY_OFFSET = 0x1e,
	QUEUE_DESCRIPTORS = 0x20,
	QUEUE_AVAILABLE = 0x28,
	QUEUE_USED = 0x30,
	COMMON_SIZE = 0x38,
};

/* Section 2.1: device status. Section 6: feature bits 32 and 33, the low two of the second word. */
#define STATUS_ACKNOWLEDGE      1u
#define STATUS_DRIVER           2u
#define STATUS_DRIVER_OK        4u
#define STATUS_FEATURES_OK      8u
#define FEATURE_VERSION_1       1u
#define FEATURE_ACCESS_PLATFORM 2u /* the device's addresses are IOVAs */

/* Section 2.6: the split virtqueue, here of QUEUE_ENTRIES entries. */
#define QUEUE_ENTRIES            4u
#define DESCRIPTOR_DEVICE_WRITES 2u

struct descriptor {
	uint64_t address;
	uint32_t length;
	uint16_t flags;
	uint16_t next;
};

struct available_ring {
	uint16_t flags;
	uint16_t index;
	uint16_t ring[QUEUE_ENTRIES];
};

struct used_ring {
	uint16_t flags;
	uint16_t index;
	struct {
		uint32_t id;
		uint32_t length;
	} ring[QUEUE_ENTRIES];
};

_Static_assert(sizeof(struct descriptor) == 16, "descriptor layout");
_Static_assert(sizeof(struct used_ring) == 4 + 8 * QUEUE_ENTRIES, "used ring layout");

#define TIMEOUT_NS UINT64_C(5000000000)
#define BYTES      64u

struct rng {
	struct vfio_device device;
	volatile uint8_t *common;
	volatile uint8_t *notify;
	struct vfio_dma descriptors, available, used, bytes;
	uint16_t asked;
};

/* Finds a structure of at least `size` bytes; *capability is where its capability lies. */
static volatile uint8_t *find_structure(const struct rng *rng, uint8_t wanted, uint32_t size,
                                        uint32_t *capability)
{
	*capability = 0;
	while (vfio_find_next_capability(&rng->device, VFIO_PCI_CAP_VENDOR, capability) == 0) {
		uint8_t type, bar;
		uint32_t offset, length;

		if (vfio_config_read8(&rng->device, *capability + CAP_TYPE, &type) == 0 &&
		    vfio_config_read8(&rng->device, *capability + CAP_BAR, &bar) == 0 &&
		    vfio_config_read32(&rng->device, *capability + CAP_OFFSET, &offset) == 0 &&
		    vfio_config_read32(&rng->device, *capability + CAP_LENGTH, &length) == 0 &&
		    type == wanted && length >= size)
			return vfio_bar_pointer(&rng->device, bar, offset, length);
	}
	return NULL;
}

/* Section 3.1.1, as far as the features. */
static int negotiate(const struct rng *rng)
{
	const uint32_t wanted = FEATURE_VERSION_1 | FEATURE_ACCESS_PLATFORM;
	const uint8_t status = STATUS_ACKNOWLEDGE | STATUS_DRIVER;
	uint64_t deadline = cordon_now() + TIMEOUT_NS;

	vfio_write8(rng->common + DEVICE_STATUS, 0); /* reset */
	while (vfio_read8(rng->common + DEVICE_STATUS) != 0)
		if (cordon_now() > deadline)
			return -1;
	vfio_write8(rng->common + DEVICE_STATUS, status);
	vfio_write32(rng->common + DEVICE_FEATURE_SELECT, 1);
	if ((vfio_read32(rng->common + DEVICE_FEATURE) & wanted) != wanted)
		return -1;
	vfio_write32(rng->common + DRIVER_FEATURE_SELECT, 0);
	vfio_write32(rng->common + DRIVER_FEATURE, 0);
	vfio_write32(rng->common + DRIVER_FEATURE_SELECT, 1);
	vfio_write32(rng->common + DRIVER_FEATURE, wanted);
	vfio_write8(rng->common + DEVICE_STATUS, status | STATUS_FEATURES_OK);
	return vfio_read8(rng->common + DEVICE_STATUS) & STATUS_FEATURES_OK ? 0 : -1;
}

/* The field is 64 bits wide and is written in two halves (section 4.1.3.1). */
static void set_address(const struct rng *rng, uint32_t where, uint64_t iova)
{
	vfio_write32(rng->common + where, (uint32_t)iova);
	vfio_write32(rng->common + where + 4, (uint32_t)(iova >> 32));
}

static int make_queue(struct rng *rng)
{
	struct vfio_dma_pool *pool = rng->device.pool;

	if (vfio_dma_alloc(pool, QUEUE_ENTRIES * sizeof(struct descriptor), 64, &rng->descriptors) <
	            0 ||
	    vfio_dma_alloc(pool, sizeof(struct available_ring), 64, &rng->available) < 0 ||
	    vfio_dma_alloc(pool, sizeof(struct used_ring), 64, &rng->used) < 0 ||
	    vfio_dma_alloc(pool, BYTES, 64, &rng->bytes) < 0)
		return -1;
	vfio_write16(rng->common + QUEUE_SELECT, 0);
	if (vfio_read16(rng->common + QUEUE_SIZE) < QUEUE_ENTRIES)
		return -1;
	vfio_write16(rng->common + QUEUE_SIZE, QUEUE_ENTRIES);
	set_address(rng, QUEUE_DESCRIPTORS, rng->descriptors.iova);
	set_address(rng, QUEUE_AVAILABLE, rng->available.iova);
	set_address(rng, QUEUE_USED, rng->used.iova);
	vfio_write16(rng->common + QUEUE_ENABLE, 1);
	vfio_write8(rng->common + DEVICE_STATUS,
	            STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK);
	return 0;
}

static int start(struct rng *rng)
{
	uint32_t capability, multiplier;
	volatile uint8_t *notify;

	rng->common = find_structure(rng, TYPE_COMMON, COMMON_SIZE, &capability);
	notify = find_structure(rng, TYPE_NOTIFY, 2, &capability);
	if (!rng->common || !notify ||
	    vfio_config_read32(&rng->device, capability + CAP_NOTIFY_MULTIPLIER, &multiplier) < 0 ||
	    negotiate(rng) < 0 || make_queue(rng) < 0)
		return -1;
	rng->notify = notify + vfio_read16(rng->common + QUEUE_NOTIFY_OFFSET) * multiplier;
	return 0;
}

/* One request; returns how many bytes the device wrote, or -1. */
static int ask(struct rng *rng)
{
	volatile struct descriptor *descriptor = rng->descriptors.address;
	volatile struct available_ring *available = rng->available.address;
	volatile struct used_ring *used = rng->used.address;
	uint64_t deadline = cordon_now() + TIMEOUT_NS;
	uint32_t length;

	descriptor[0].address = rng->bytes.iova;
	descriptor[0].length = BYTES;
	descriptor[0].flags = DESCRIPTOR_DEVICE_WRITES;
	available->ring[rng->asked % QUEUE_ENTRIES] = 0;
	available->index = ++rng->asked;
	vfio_write16(rng->notify, 0);
	while (used->index != rng->asked) {
		if (cordon_now() > deadline)
			return -1;
		vfio_relax();
	}
	vfio_order();
	length = used->ring[(rng->asked - 1) % QUEUE_ENTRIES].length;
	return length <= BYTES ? (int)length : -1; /* a device's numbers are checked */
}

static int run(struct rng *rng)
{
	uint8_t before[BYTES] = {0};

	if (start(rng) < 0) {
		printf("virtio_rng: the device does not start\n");
		return -1;
	}
	for (int i = 0; i < 6; i++) {
		const uint8_t *bytes = rng->bytes.address;
		int count = ask(rng);

		if (count < 8 || memcmp(before, bytes, (size_t)count) == 0) {
			printf("virtio_rng: %d bytes, or the same as before\n", count);
			return -1;
		}
		printf("virtio_rng: %d bytes: %02x %02x %02x %02x ...\n", count, bytes[0], bytes[1],
		       bytes[2], bytes[3]);
		memcpy(before, bytes, sizeof(before));
	}
	vfio_write8(rng->common + DEVICE_STATUS, 0);
	printf("virtio_rng: ok\n");
	return 0;
}

int main(void)
{
	struct vfio_open_params params = {
	        .match = vfio_match_id(0x1af4, 0x1044),
	        .dma_size = 4096,
	};
	static struct rng rng;
	int err;

	if (vfio_device_open(&params, &rng.device) < 0) {
		printf("virtio_rng: %s\n", rng.device.error.text);
		return 1;
	}
	err = run(&rng);
	if (vfio_device_close(&rng.device) < 0)
		err = -1;
	return err ? 1 : 0;
}
