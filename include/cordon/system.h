/* SPDX-License-Identifier: MIT */
/*
 * What the holder of the device authority can ask about the whole system. What asks takes the
 * authority handle with INSPECT, what changes something with MANAGE; an ordinary driver never has
 * one.
 */
#ifndef CORDON_SYSTEM_H
#define CORDON_SYSTEM_H

#include <cordon/types.h>
#include <cordon/task.h>
#include <cordon/vfio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* system_info topics. Each is a list of records; index n is the n-th, ENOENT past the end. */
enum cordon_system_topic {
	CORDON_SYSTEM_IOMMU = 0,      /* struct cordon_iommu_desc, one per unit, or NONE */
	CORDON_SYSTEM_TASKS = 1,      /* struct cordon_task_info */
	CORDON_SYSTEM_GROUPS = 2,     /* struct cordon_group_desc */
	CORDON_SYSTEM_DEVICES = 3,    /* struct cordon_device_desc */
	CORDON_SYSTEM_MAPPINGS = 4,   /* struct cordon_mapping_desc */
	CORDON_SYSTEM_FAULTS = 5,     /* struct cordon_fault, oldest first (the last 256) */
	CORDON_SYSTEM_COUNTERS = 6,   /* struct cordon_counter */
	CORDON_SYSTEM_CONTAINERS = 7, /* struct cordon_container_desc: those that have a group */
	CORDON_SYSTEM_TOPICS = 8,
};

enum cordon_iommu_vendor {
	CORDON_IOMMU_NONE = 0,
	CORDON_IOMMU_INTEL = 1,
	CORDON_IOMMU_AMD = 2,
};

struct cordon_iommu_desc {
	uint32_t vendor;    /* enum cordon_iommu_vendor */
	uint32_t usable;    /* 1: devices can be handed out */
	uint64_t registers; /* physical address */
	uint32_t address_bits;
	uint32_t levels;
	uint32_t translation; /* 1: on */
	uint32_t remapping;   /* 1: interrupt remapping on */
	uint64_t page_sizes;
	uint64_t faults; /* since boot */
	/* 0: the unit blocks, but is known to record no refused access, so that none is told. */
	uint32_t reports_faults;
	/* 0: its reports lack the address: CORDON_FAULT_NO_ADDRESS. */
	uint32_t reports_addresses;
	char text[128]; /* one line for a person; why not, when not usable */
};
CORDON_STATIC_ASSERT(sizeof(struct cordon_iommu_desc) == 184, "cordon_iommu_desc layout");

struct cordon_group_desc {
	struct cordon_group_status status;
	uint64_t holder; /* task id, 0: none */
	char holder_name[CORDON_NAME_MAX];
};
CORDON_STATIC_ASSERT(sizeof(struct cordon_group_desc) == 184, "cordon_group_desc layout");

struct cordon_container_desc {
	uint64_t container; /* object id */
	uint64_t holder;    /* id of the task that it is bound to, 0: none yet */
	char holder_name[CORDON_NAME_MAX];
	uint32_t groups;
	uint32_t devices; /* open */
	uint32_t mappings;
	uint32_t reserved;
	uint64_t mapped_bytes;
	uint64_t tables; /* frames of translation tables, empty ones included */
};
CORDON_STATIC_ASSERT(sizeof(struct cordon_container_desc) == 80, "cordon_container_desc layout");

struct cordon_mapping_desc {
	uint64_t container; /* object id */
	uint64_t holder;    /* task id */
	uint64_t iova;
	uint64_t size;
	uint64_t memory; /* object id */
	uint64_t offset;
	uint32_t flags; /* CORDON_DMA_* */
	uint32_t reserved;
	char holder_name[CORDON_NAME_MAX];
};
CORDON_STATIC_ASSERT(sizeof(struct cordon_mapping_desc) == 88, "cordon_mapping_desc layout");

struct cordon_counter {
	char name[24];
	uint64_t value;
};
CORDON_STATIC_ASSERT(sizeof(struct cordon_counter) == 32, "cordon_counter layout");

/* What system_inject can let fail: bits of its points. A slot is a place in a table: of handles,
 * ids, addresses, stacks, vectors. */
#define CORDON_INJECT_HEAP   0x01u /* kernel memory */
#define CORDON_INJECT_FRAMES 0x02u /* frames: of memory objects, of page and translation tables */
#define CORDON_INJECT_BUDGET 0x04u /* a charge to a budget */
#define CORDON_INJECT_SLOT   0x08u
#define CORDON_INJECT_WAIT   0x10u /* a bounded wait for hardware passes its time */
#define CORDON_INJECT_FLUSH  0x20u /* an IOMMU does not confirm an invalidation */
#define CORDON_INJECT_ALL    0x3fu

#ifdef __cplusplus
}
#endif
#endif
