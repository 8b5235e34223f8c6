/* SPDX-License-Identifier: MIT */
/*
 * What an NVMe controller and its driver share: registers, commands, completions, identify
 * data. Sections are those of the NVM Express Base Specification, revision 1.4. All values
 * are little endian.
 */
#ifndef NVME_REGS_H
#define NVME_REGS_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

/* --- registers (section 3.1) ------------------------------------------------------------ */

enum nvme_register {
	NVME_CAP = 0x00,  /* 3.1.1 controller capabilities, 64 bits */
	NVME_VS = 0x08,   /* 3.1.2 version */
	NVME_CC = 0x14,   /* 3.1.5 controller configuration */
	NVME_CSTS = 0x1c, /* 3.1.6 controller status */
	NVME_AQA = 0x24,  /* 3.1.8 admin queue attributes */
	NVME_ASQ = 0x28,  /* 3.1.9 admin submission queue base, 64 bits */
	NVME_ACQ = 0x30,  /* 3.1.10 admin completion queue base, 64 bits */
	NVME_DOORBELLS = 0x1000,
};

static inline uint32_t nvme_cap_max_entries(uint64_t cap) /* MQES, one based */
{
	return (uint32_t)(cap & 0xffff) + 1;
}

static inline uint64_t nvme_cap_timeout_ns(uint64_t cap) /* TO, units of 500 ms */
{
	return (cap >> 24 & 0xff) * UINT64_C(500000000);
}

static inline uint32_t nvme_cap_doorbell_stride(uint64_t cap) /* DSTRD, in bytes */
{
	return 4u << (cap >> 32 & 0xf);
}

static inline int nvme_cap_nvm_commands(uint64_t cap) /* CSS bit 0 */
{
	return cap >> 37 & 1;
}

static inline uint32_t nvme_cap_page_shift_min(uint64_t cap) /* MPSMIN */
{
	return 12 + (uint32_t)(cap >> 48 & 0xf);
}

#define NVME_CC_ENABLE          (1u << 0)
#define NVME_CC_CSS_NVM         (0u << 4)
#define NVME_CC_MPS_4K          (0u << 7)
#define NVME_CC_SHUTDOWN_NORMAL (1u << 14)
#define NVME_CC_SHUTDOWN_MASK   (3u << 14)
#define NVME_CC_SQ_ENTRY_64     (6u << 16) /* IOSQES: 2^6 bytes */
#define NVME_CC_CQ_ENTRY_16     (4u << 20) /* IOCQES: 2^4 bytes */

#define NVME_CSTS_READY         (1u << 0)
#define NVME_CSTS_FATAL         (1u << 1)
#define NVME_CSTS_SHUTDOWN_MASK (3u << 2)
#define NVME_CSTS_SHUTDOWN_DONE (2u << 2)

/* --- commands (section 4.2) ------------------------------------------------------------- */

enum nvme_admin_opcode { /* section 5 */
	                 NVME_ADMIN_DELETE_SQ = 0x00,
	                 NVME_ADMIN_CREATE_SQ = 0x01,
	                 NVME_ADMIN_DELETE_CQ = 0x04,
	                 NVME_ADMIN_CREATE_CQ = 0x05,
	                 NVME_ADMIN_IDENTIFY = 0x06,
	                 NVME_ADMIN_SET_FEATURES = 0x09,
};

enum nvme_io_opcode { /* section 6 */
	              NVME_IO_FLUSH = 0x00,
	              NVME_IO_WRITE = 0x01,
	              NVME_IO_READ = 0x02,
};

struct nvme_command {
	uint8_t opcode;
	uint8_t flags; /* fused operation, PRP or SGL: always 0 here */
	uint16_t cid;
	uint32_t nsid;
	uint64_t reserved;
	uint64_t metadata;
	uint64_t prp1;
	uint64_t prp2;
	uint32_t dw10;
	uint32_t dw11;
	uint32_t dw12;
	uint32_t dw13;
	uint32_t dw14;
	uint32_t dw15;
};
static_assert(sizeof(struct nvme_command) == 64, "submission queue entry, section 4.2");
static_assert(offsetof(struct nvme_command, prp1) == 24, "DPTR, section 4.2");
static_assert(offsetof(struct nvme_command, dw10) == 40, "CDW10, section 4.2");

struct nvme_completion { /* section 4.6 */
	uint32_t result;
	uint32_t reserved;
	uint16_t sq_head;
	uint16_t sq_id;
	uint16_t cid;
	uint16_t status; /* bit 0: phase tag; the rest: status field, section 4.6.1 */
};
static_assert(sizeof(struct nvme_completion) == 16, "completion queue entry, section 4.6");

#define NVME_COMPLETION_PHASE 1u

/* Section 4.6.1, without the phase tag. */
#define NVME_STATUS_CODE(status) ((status)&0xffu)
#define NVME_STATUS_TYPE(status) ((status) >> 8 & 7u)
#define NVME_STATUS_DO_NOT_RETRY 0x4000u

enum nvme_status_type {
	NVME_STATUS_GENERIC = 0,
	NVME_STATUS_SPECIFIC = 1,
	NVME_STATUS_MEDIA = 2,
	NVME_STATUS_PATH = 3,
	NVME_STATUS_VENDOR = 7,
};

/* Section 5.3 and 5.4: dword 11 of the create commands. */
#define NVME_QUEUE_CONTIGUOUS (1u << 0)

/* Section 5.15.1, CNS. */
enum nvme_identify_what {
	NVME_IDENTIFY_NAMESPACE = 0,
	NVME_IDENTIFY_CONTROLLER = 1,
	NVME_IDENTIFY_ACTIVE_NAMESPACES = 2,
};

/* Section 5.21.1.7. */
#define NVME_FEATURE_QUEUES 0x07u

/* --- identify data (section 5.15.2) ------------------------------------------------------ */

#define NVME_IDENTIFY_SIZE 4096

struct nvme_identify_controller {
	uint16_t vendor;
	uint16_t subsystem_vendor;
	char serial[20];
	char model[40];
	char firmware[8];
	uint8_t arbitration_burst;
	uint8_t ieee[3];
	uint8_t multipath;
	uint8_t mdts; /* largest transfer: 2^mdts minimum pages; 0: any */
	uint16_t controller_id;
	uint32_t version;
	uint8_t skipped_84[512 - 84];
	uint8_t sq_entry_sizes; /* low four bits: needed, high: largest */
	uint8_t cq_entry_sizes;
	uint16_t max_commands;
	uint32_t namespaces; /* highest namespace number */
	uint16_t optional_commands;
	uint16_t fused;
	uint8_t format_attributes;
	uint8_t write_cache; /* bit 0: volatile write cache */
	uint8_t skipped_526[NVME_IDENTIFY_SIZE - 526];
};
static_assert(sizeof(struct nvme_identify_controller) == NVME_IDENTIFY_SIZE, "identify controller");
static_assert(offsetof(struct nvme_identify_controller, mdts) == 77, "MDTS");
static_assert(offsetof(struct nvme_identify_controller, namespaces) == 516, "NN");

struct nvme_lba_format {
	uint16_t metadata_size;
	uint8_t data_shift; /* LBADS */
	uint8_t performance;
};

struct nvme_identify_namespace {
	uint64_t size; /* blocks */
	uint64_t capacity;
	uint64_t used;
	uint8_t features;
	uint8_t format_count;
	uint8_t format; /* FLBAS: low four bits are the index */
	uint8_t skipped_27[128 - 27];
	struct nvme_lba_format formats[16];
	uint8_t skipped_192[NVME_IDENTIFY_SIZE - 192];
};
static_assert(sizeof(struct nvme_identify_namespace) == NVME_IDENTIFY_SIZE, "identify namespace");
static_assert(offsetof(struct nvme_identify_namespace, format) == 26, "FLBAS");
static_assert(offsetof(struct nvme_identify_namespace, formats) == 128, "LBAF0");

/* Section 5.15.2.3: up to 1024 numbers in rising order, ended by 0. */
#define NVME_NAMESPACE_LIST_MAX 1024

#endif
