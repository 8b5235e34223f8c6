/* SPDX-License-Identifier: MIT */
/*
 * Containers, groups and devices, as tasks see them.
 *
 * A container owns one translation domain and all DMA mappings in it. A group is the
 * smallest set of devices that the IOMMU can isolate; it is added to one container.
 * Devices come from a group that is in a container. (CORE-1, CORE-5, CORE-9, CORE-10)
 */
#ifndef CORDON_VFIO_H
#define CORDON_VFIO_H

#include <cordon/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Address of a PCI function: segment << 16 | bus << 8 | device << 3 | function. */
typedef uint32_t cordon_bdf_t;
#define CORDON_BDF(seg, bus, dev, fn) ((cordon_bdf_t)((seg) << 16 | (bus) << 8 | (dev) << 3 | (fn)))
#define CORDON_BDF_NONE               UINT32_MAX

/* --- container ------------------------------------------------------------------------- */

#define CORDON_DMA_READ  0x1u /* the device may read memory */
#define CORDON_DMA_WRITE 0x2u /* the device may write memory */

#define CORDON_IOVA_RANGES_MAX 8

struct cordon_iova_range {
	uint64_t start; /* first usable IOVA */
	uint64_t last;  /* last usable IOVA, inclusive: 2^64 needs no special case */
};

struct cordon_container_info {
	uint64_t page_sizes;   /* bit n set: leaves of 2^n bytes */
	uint32_t address_bits; /* width of an IOVA: 39 or 48, unless iommu.bits= says otherwise */
	uint32_t groups;       /* groups in it now */
	uint32_t mappings;     /* DMA mappings now, of all who map in it */
	uint32_t mappings_max; /* what the caller's budget allows it, in all its containers */
	uint32_t range_count;
	uint32_t coherent; /* 1: DMA is cache coherent and no-snoop is blocked */
	uint64_t mapped_bytes;
	struct cordon_iova_range ranges[CORDON_IOVA_RANGES_MAX];
};
CORDON_STATIC_ASSERT(sizeof(struct cordon_container_info) == 168, "cordon_container_info layout");

/*
 * One DMA mapping. With memory >= 0 it is [offset, offset + size) of that memory object; with
 * memory == CORDON_HANDLE_NONE, offset is an address in the caller's own space, and what is
 * mapped there now (it stays mapped for the device when the caller unmaps it). Direction WRITE
 * needs WRITE on the handle or a writable range.
 */
struct cordon_dma_map {
	cordon_handle_t memory;
	uint32_t flags;  /* CORDON_DMA_* */
	uint64_t offset; /* page aligned */
	uint64_t iova;   /* page aligned */
	uint64_t size;   /* page aligned, not zero */
};
CORDON_STATIC_ASSERT(sizeof(struct cordon_dma_map) == 32, "cordon_dma_map layout");

/* One step of container_batch. */
#define CORDON_DMA_OP_MAP   1u
#define CORDON_DMA_OP_UNMAP 2u
struct cordon_dma_op {
	uint32_t op;               /* CORDON_DMA_OP_* */
	int32_t result;            /* out: 0, or a negated error number; ECANCELED: not tried */
	struct cordon_dma_map map; /* UNMAP uses iova and size */
};
CORDON_STATIC_ASSERT(sizeof(struct cordon_dma_op) == 40, "cordon_dma_op layout");
#define CORDON_DMA_BATCH_MAX 256u

enum cordon_fault_reason {
	CORDON_FAULT_NOT_PRESENT = 1, /* nothing mapped at the address */
	CORDON_FAULT_READ_DENIED = 2,
	CORDON_FAULT_WRITE_DENIED = 3,
	CORDON_FAULT_BLOCKED = 4,   /* the device has no domain */
	CORDON_FAULT_ADDRESS = 5,   /* beyond the address width, or a reserved range */
	CORDON_FAULT_INTERRUPT = 6, /* interrupt request refused */
	CORDON_FAULT_TABLE = 7,     /* malformed table entry: a kernel or hardware error */
	CORDON_FAULT_OTHER = 8,
};

/* An address that the unit did not say. */
#define CORDON_FAULT_NO_ADDRESS UINT64_MAX

/* One refused access of a device. Functions behind a conventional bridge share a requester id, and
 * the IOMMU cannot tell which of them it was: then device is that id, which may be no function at
 * all, and group says whose it was. */
struct cordon_fault {
	uint64_t sequence; /* counts faults of the container; a gap is what was lost */
	uint64_t time_ns;
	uint64_t address;       /* IOVA of the page, the interrupt index, CORDON_FAULT_NO_ADDRESS */
	cordon_bdf_t device;    /* or the requester id that functions of the group share */
	uint16_t reason;        /* enum cordon_fault_reason */
	uint16_t hardware_code; /* the unit's own fault code */
	uint32_t write;         /* 1: the device wanted to write */
	uint32_t group;
	uint64_t task; /* id of the task that held the device, 0: none */
	char task_name[32];
};
CORDON_STATIC_ASSERT(sizeof(struct cordon_fault) == 80, "cordon_fault layout");

/* --- group ----------------------------------------------------------------------------- */

#define CORDON_GROUP_VIABLE    0x1u /* every device in it may be handed out, or is harmless */
#define CORDON_GROUP_CONTAINER 0x2u /* it is in a container */
#define CORDON_GROUP_LOCKED    0x4u /* its container is bound to a task */

struct cordon_group_status {
	uint32_t number;
	uint32_t flags;        /* CORDON_GROUP_* */
	uint32_t device_count; /* functions in the group, bridges included */
	cordon_bdf_t blocker;  /* the device that makes it not viable, or CORDON_BDF_NONE */
	char reason[128]; /* why it is not viable, what is in quarantine, or how it came to be */
};
CORDON_STATIC_ASSERT(sizeof(struct cordon_group_status) == 144, "cordon_group_status layout");

/* What a function is, without opening it. */
#define CORDON_DEVICE_BRIDGE     0x01u
#define CORDON_DEVICE_FLR        0x02u /* function-level reset works */
#define CORDON_DEVICE_OPEN       0x04u
#define CORDON_DEVICE_QUARANTINE 0x08u /* used before and never reset: not handed out again */
#define CORDON_DEVICE_REFUSED    0x10u /* never handed out (S5); reason in the group status */
struct cordon_device_desc {
	cordon_bdf_t bdf;
	uint32_t flags; /* CORDON_DEVICE_* */
	uint16_t vendor;
	uint16_t device;
	uint16_t subsystem_vendor;
	uint16_t subsystem_device;
	uint32_t class_code; /* class << 16 | subclass << 8 | programming interface */
	uint32_t group;
};
CORDON_STATIC_ASSERT(sizeof(struct cordon_device_desc) == 24, "cordon_device_desc layout");

/* --- device ---------------------------------------------------------------------------- */

enum cordon_region_index {
	CORDON_REGION_BAR0 = 0, /* ... BAR5 = 5 */
	CORDON_REGION_ROM = 6,
	CORDON_REGION_CONFIG = 7,
	CORDON_REGION_COUNT = 8,
};

enum cordon_irq_index {
	CORDON_IRQ_INTX = 0,
	CORDON_IRQ_MSI = 1,
	CORDON_IRQ_MSIX = 2,
	CORDON_IRQ_ERR = 3,
	CORDON_IRQ_REQ = 4,
	CORDON_IRQ_COUNT = 5,
};

#define CORDON_DEVICE_FLAG_PCI   0x1u
#define CORDON_DEVICE_FLAG_RESET 0x2u /* device_reset works */
#define CORDON_DEVICE_FLAG_RESET_TRUSTED \
	0x4u /* no verified reset, but the manifest trusts the device between users */

struct cordon_device_info {
	uint32_t flags; /* CORDON_DEVICE_FLAG_* */
	uint32_t regions;
	uint32_t irqs;
	cordon_bdf_t bdf;
	struct cordon_device_desc desc;
};
CORDON_STATIC_ASSERT(sizeof(struct cordon_device_info) == 40, "cordon_device_info layout");

#define CORDON_REGION_READ     0x1u
#define CORDON_REGION_WRITE    0x2u
#define CORDON_REGION_MMAP     0x4u
#define CORDON_REGION_IO       0x8u /* I/O ports: read and write by call only */
#define CORDON_REGION_64BIT    0x10u
#define CORDON_REGION_PREFETCH 0x20u

/* A mappable area of a region; pages of the MSI-X table and pending bits are never in one. */
struct cordon_region_area {
	uint64_t offset;
	uint64_t size;
};
#define CORDON_REGION_AREAS_MAX 4

struct cordon_region_info {
	uint64_t size;  /* bytes; 0: not there */
	uint32_t flags; /* CORDON_REGION_* */
	uint32_t area_count;
	struct cordon_region_area areas[CORDON_REGION_AREAS_MAX];
};
CORDON_STATIC_ASSERT(sizeof(struct cordon_region_info) == 80, "cordon_region_info layout");

/* device_region_map: whole pages inside one mappable area. */
struct cordon_region_map {
	uint64_t address; /* in: wish or fixed place, 0: any; out: where it is */
	uint64_t offset;  /* in the region, page aligned */
	uint64_t size;    /* page aligned */
	uint32_t prot;    /* CORDON_PROT_READ | CORDON_PROT_WRITE */
	uint32_t flags;   /* CORDON_MAP_FIXED */
};
CORDON_STATIC_ASSERT(sizeof(struct cordon_region_map) == 32, "cordon_region_map layout");

#define CORDON_IRQ_FLAG_MASKABLE 0x1u
#define CORDON_IRQ_FLAG_AUTOMASK 0x2u
#define CORDON_IRQ_FLAG_NORESIZE 0x4u
struct cordon_irq_info {
	uint32_t count; /* vectors; 0: the device has none of this kind */
	uint32_t flags; /* CORDON_IRQ_FLAG_* */
};

#ifdef __cplusplus
}
#endif
#endif
