/* SPDX-License-Identifier: MIT */
/*
 * Registers and in-memory structures of a VT-d unit. Sections are of the Intel Virtualization
 * Technology for Directed I/O architecture specification, revision 3.3: registers in chapter 10,
 * structures in chapter 9.
 *
 * A register's offset is a type of its width, so that a 32-bit register cannot be accessed with 64
 * bits by mistake (10.2 forbids it, and emulators end over it).
 */
#ifndef DRIVERS_IOMMU_INTEL_REGS_H
#define DRIVERS_IOMMU_INTEL_REGS_H

#include <arch/mmio.h>
#include <kernel/types.h>

#define INTEL_BIT(n) (UINT64_C(1) << (n))

typedef struct {
	uint16_t offset;
} intel_reg32_t;

typedef struct {
	uint16_t offset;
} intel_reg64_t;

#define INTEL_VER     ((intel_reg32_t){0x00})
#define INTEL_CAP     ((intel_reg64_t){0x08})
#define INTEL_ECAP    ((intel_reg64_t){0x10})
#define INTEL_GCMD    ((intel_reg32_t){0x18})
#define INTEL_GSTS    ((intel_reg32_t){0x1c})
#define INTEL_RTADDR  ((intel_reg64_t){0x20})
#define INTEL_FSTS    ((intel_reg32_t){0x34})
#define INTEL_FECTL   ((intel_reg32_t){0x38})
#define INTEL_FEDATA  ((intel_reg32_t){0x3c})
#define INTEL_FEADDR  ((intel_reg32_t){0x40})
#define INTEL_FEUADDR ((intel_reg32_t){0x44})
#define INTEL_PMEN    ((intel_reg32_t){0x64})
#define INTEL_IQH     ((intel_reg64_t){0x80})
#define INTEL_IQT     ((intel_reg64_t){0x88})
#define INTEL_IQA     ((intel_reg64_t){0x90})
#define INTEL_IECTL   ((intel_reg32_t){0xa0})
#define INTEL_IRTA    ((intel_reg64_t){0xb8})

static inline uint32_t intel_read32(const volatile uint8_t *registers, intel_reg32_t reg)
{
	return mmio_read32(registers + reg.offset);
}

static inline void intel_write32(volatile uint8_t *registers, intel_reg32_t reg, uint32_t value)
{
	mmio_write32(registers + reg.offset, value);
}

static inline uint64_t intel_read64(const volatile uint8_t *registers, intel_reg64_t reg)
{
	return mmio_read64(registers + reg.offset);
}

static inline void intel_write64(volatile uint8_t *registers, intel_reg64_t reg, uint64_t value)
{
	mmio_write64(registers + reg.offset, value);
}

/* value's bits low .. low + width - 1 */
static inline uint64_t intel_field(uint64_t value, unsigned int low, unsigned int width)
{
	return value >> low & (INTEL_BIT(width) - 1);
}

/* --- VER (10.4.1) ---------------------------------------------------------------------------- */

static inline unsigned int intel_ver_major(uint32_t version)
{
	return (unsigned int)intel_field(version, 4, 4);
}

static inline unsigned int intel_ver_minor(uint32_t version)
{
	return (unsigned int)intel_field(version, 0, 4);
}

/* --- CAP (10.4.2) ---------------------------------------------------------------------------- */

#define INTEL_CAP_RWBF INTEL_BIT(4)  /* stores to structures need a write-buffer flush */
#define INTEL_CAP_PLMR INTEL_BIT(5)  /* protected low-memory region */
#define INTEL_CAP_PHMR INTEL_BIT(6)  /* protected high-memory region */
#define INTEL_CAP_CM   INTEL_BIT(7)  /* caching mode: absent entries may be cached */
#define INTEL_CAP_PSI  INTEL_BIT(39) /* page-selective invalidation */
#define INTEL_CAP_DWD  INTEL_BIT(54) /* invalidations can drain writes */
#define INTEL_CAP_DRD  INTEL_BIT(55) /* invalidations can drain reads */

#define INTEL_CAP_SLLPS_2M   0x1u /* of intel_cap_large_pages */
#define INTEL_CAP_SLLPS_1G   0x2u
#define INTEL_CAP_ND_INVALID 7u

/* ND: the number of domain ids is 2^(4 + 2 * ND). */
static inline unsigned int intel_cap_nd(uint64_t cap)
{
	return (unsigned int)intel_field(cap, 0, 3);
}

/* SAGAW: bit n of what is returned: tables of n levels work; 3, 4 and 5 of them can. */
static inline unsigned int intel_cap_level_counts(uint64_t cap)
{
	return (unsigned int)intel_field(cap, 9, 3) << 3;
}

/* MGAW: bits of an IOVA that the unit takes at most. */
static inline unsigned int intel_cap_address_bits(uint64_t cap)
{
	return (unsigned int)intel_field(cap, 16, 6) + 1;
}

static inline unsigned int intel_cap_large_pages(uint64_t cap)
{
	return (unsigned int)intel_field(cap, 34, 4);
}

/* FRO, in bytes; NFR, as a count. */
static inline unsigned int intel_cap_fault_offset(uint64_t cap)
{
	return (unsigned int)intel_field(cap, 24, 10) * 16;
}

static inline unsigned int intel_cap_fault_count(uint64_t cap)
{
	return (unsigned int)intel_field(cap, 40, 8) + 1;
}

/* MAMV: the largest address mask of a page-selective invalidation. */
static inline unsigned int intel_cap_mask_max(uint64_t cap)
{
	return (unsigned int)intel_field(cap, 48, 6);
}

/* --- ECAP (10.4.3) --------------------------------------------------------------------------- */

#define INTEL_ECAP_C   INTEL_BIT(0) /* walks snoop the CPU's caches */
#define INTEL_ECAP_QI  INTEL_BIT(1) /* queued invalidation */
#define INTEL_ECAP_IR  INTEL_BIT(3) /* interrupt remapping */
#define INTEL_ECAP_EIM INTEL_BIT(4) /* entries can name CPUs by 32 bits */
#define INTEL_ECAP_SC  INTEL_BIT(7) /* leaves can force snooping */

/* --- GCMD and GSTS (10.4.4): the same bit switches and reports ------------------------------- */

#define INTEL_GCMD_TE      0x80000000u /* translation */
#define INTEL_GCMD_SRTP    0x40000000u /* take the root table; one-shot */
#define INTEL_GCMD_SFL     0x20000000u /* take the fault log; one-shot */
#define INTEL_GCMD_EAFL    0x10000000u /* advanced fault log */
#define INTEL_GCMD_WBF     0x08000000u /* flush write buffers; one-shot */
#define INTEL_GCMD_QIE     0x04000000u /* invalidation queue */
#define INTEL_GCMD_IRE     0x02000000u /* interrupt remapping */
#define INTEL_GCMD_SIRTP   0x01000000u /* take the remapping table; one-shot */
#define INTEL_GCMD_CFI     0x00800000u /* let compatibility-format interrupts pass */
#define INTEL_GCMD_ONESHOT (INTEL_GCMD_SRTP | INTEL_GCMD_SFL | INTEL_GCMD_WBF | INTEL_GCMD_SIRTP)

/* --- PMEN (10.4.16) --------------------------------------------------------------------------- */

#define INTEL_PMEN_EPM 0x80000000u /* enable */
#define INTEL_PMEN_PRS 0x00000001u /* status */

/* --- faults (10.4.9, 10.4.14) ---------------------------------------------------------------- */

#define INTEL_FSTS_PFO   0x01u /* records were dropped; written back to clear */
#define INTEL_FSTS_PPF   0x02u /* a record is there; read only */
#define INTEL_FSTS_IQE   0x10u /* bad invalidation descriptor */
#define INTEL_FSTS_ICE   0x20u /* bad invalidation completion of a device */
#define INTEL_FSTS_ITE   0x40u /* a device did not complete an invalidation */
#define INTEL_FSTS_QUEUE (INTEL_FSTS_IQE | INTEL_FSTS_ICE | INTEL_FSTS_ITE)

/* FRI: the record that the first pending fault is in. */
static inline unsigned int intel_fsts_record(uint32_t status)
{
	return (unsigned int)intel_field(status, 8, 8);
}

#define INTEL_FECTL_IM 0x80000000u /* interrupt masked; IECTL has the same bit */

/* A fault record: 16 bytes. The F bit is in the last four, and cleared by writing it back. */
#define INTEL_FRCD_SIZE      16u
#define INTEL_FRCD_HIGH      8u
#define INTEL_FRCD_LAST      12u
#define INTEL_FRCD_LAST_F    0x80000000u
#define INTEL_FRCD_HIGH_F    INTEL_BIT(63)
#define INTEL_FRCD_HIGH_READ INTEL_BIT(62) /* T1: the request was a read */

static inline uint16_t intel_frcd_source(uint64_t high)
{
	return (uint16_t)intel_field(high, 0, 16);
}

static inline uint8_t intel_frcd_reason(uint64_t high)
{
	return (uint8_t)intel_field(high, 32, 8);
}

/* FI: a page address; of an interrupt request the index, in the top 16 bits. */
#define INTEL_FRCD_LOW_PAGE (~UINT64_C(0xfff))

static inline uint64_t intel_frcd_index(uint64_t low)
{
	return intel_field(low, 48, 16);
}

/* Fault reasons (appendix A) that the driver tells apart. */
enum intel_fault_reason {
	INTEL_FAULT_ROOT_ABSENT = 0x01,
	INTEL_FAULT_CONTEXT_ABSENT = 0x02,
	INTEL_FAULT_CONTEXT_INVALID = 0x03,
	INTEL_FAULT_BEYOND_WIDTH = 0x04,
	INTEL_FAULT_WRITE = 0x05,
	INTEL_FAULT_READ = 0x06,
	INTEL_FAULT_TABLE_ADDRESS = 0x07,
	INTEL_FAULT_ROOT_ADDRESS = 0x08,
	INTEL_FAULT_CONTEXT_ADDRESS = 0x09,
	INTEL_FAULT_ROOT_RESERVED = 0x0a,
	INTEL_FAULT_CONTEXT_RESERVED = 0x0b,
	INTEL_FAULT_ENTRY_RESERVED = 0x0c,
	INTEL_FAULT_TRANSLATED_BLOCKED = 0x0d,
	INTEL_FAULT_INTERRUPT_RANGE = 0x0e,
	INTEL_FAULT_INTERRUPT_FIRST = 0x20,
	INTEL_FAULT_INTERRUPT_LAST = 0x2f,
};

/* --- root and context entries (9.1, 9.3) ----------------------------------------------------- */

#define INTEL_ROOT_ENTRIES    256u
#define INTEL_CONTEXT_ENTRIES 256u

struct intel_root_entry {
	uint64_t low;
	uint64_t high; /* reserved in legacy mode */
};
_Static_assert(sizeof(struct intel_root_entry) * INTEL_ROOT_ENTRIES == 4096, "9.1");

#define INTEL_ROOT_PRESENT INTEL_BIT(0)
#define INTEL_ROOT_ADDRESS (~UINT64_C(0xfff))

struct intel_context_entry {
	uint64_t low;
	uint64_t high;
};
_Static_assert(sizeof(struct intel_context_entry) * INTEL_CONTEXT_ENTRIES == 4096, "9.3");

#define INTEL_CONTEXT_PRESENT INTEL_BIT(0)
#define INTEL_CONTEXT_FPD     INTEL_BIT(1) /* faults are not recorded */
/* Translation type (bits 3:2) is 00: untranslated requests walk the tables, others are refused. */
#define INTEL_CONTEXT_AW(levels) ((uint64_t)(levels)-2) /* address width, bits 66:64 */
#define INTEL_CONTEXT_ID_SHIFT   8                      /* domain id, bits 87:72 */

/* --- second-stage paging entries (9.8) ------------------------------------------------------- */

#define INTEL_PAGE_READ    INTEL_BIT(0)
#define INTEL_PAGE_WRITE   INTEL_BIT(1)
#define INTEL_PAGE_LARGE   INTEL_BIT(7)
#define INTEL_PAGE_SNOOP   INTEL_BIT(11) /* reserved unless ECAP.SC */
#define INTEL_PAGE_ADDRESS UINT64_C(0x000ffffffffff000)

/* --- interrupt remapping (9.10, 10.4.29) ----------------------------------------------------- */

/* One table of 16 KiB; the size field is the logarithm of the entries, less one. */
#define INTEL_IRTE_COUNT  1024u
#define INTEL_IRTA_SIZE   9u
#define INTEL_IRTA_EIME   INTEL_BIT(11) /* destinations of 32 bits */
#define INTEL_IRTE_FRAMES 2u            /* order of the table's frames */

struct intel_irte {
	uint64_t low;
	uint64_t high;
};
_Static_assert(sizeof(struct intel_irte) == 16, "9.10");
_Static_assert(2u << INTEL_IRTA_SIZE == INTEL_IRTE_COUNT, "size of the remapping table");
_Static_assert(sizeof(struct intel_irte) * INTEL_IRTE_COUNT == 4096u << INTEL_IRTE_FRAMES,
               "size of the remapping table");

/* Physical destination, fixed delivery, remapped (not posted) format: all zero. */
#define INTEL_IRTE_PRESENT      INTEL_BIT(0)
#define INTEL_IRTE_LEVEL        INTEL_BIT(4)
#define INTEL_IRTE_VECTOR_SHIFT 16
#define INTEL_IRTE_XAPIC_SHIFT  40 /* destination bits 15:8: the id while x2APIC mode is off */
#define INTEL_IRTE_XAPIC_MAX    0xffu
#define INTEL_IRTE_X2APIC_SHIFT 32 /* in x2APIC mode all 32 bits are the id */
/* Source qualifier (bits 81:80) is 00: all 16 bits of the source id count. */
#define INTEL_IRTE_VERIFY_SOURCE INTEL_BIT(18) /* of high: source validation type 01 */

/* --- invalidation descriptors (6.5.2) and queue (10.4.21) ------------------------------------- */

/* The queue has the smallest size, a frame of 128-bit descriptors: IQA size 0. */

#define INTEL_INV_CONTEXT   UINT64_C(1)
#define INTEL_INV_IOTLB     UINT64_C(2)
#define INTEL_INV_INTERRUPT UINT64_C(4)
#define INTEL_INV_WAIT      UINT64_C(5)

#define INTEL_INV_GLOBAL    (UINT64_C(1) << 4) /* context and IOTLB */
#define INTEL_INV_DOMAIN    (UINT64_C(2) << 4)
#define INTEL_INV_SELECTIVE (UINT64_C(3) << 4) /* device of a context, pages of an IOTLB */

#define INTEL_INV_ID_SHIFT     16           /* context and IOTLB: domain id */
#define INTEL_INV_SOURCE_SHIFT 32           /* context: source id */
#define INTEL_INV_DRAIN_WRITES INTEL_BIT(6) /* IOTLB */
#define INTEL_INV_DRAIN_READS  INTEL_BIT(7)
#define INTEL_INV_LEAF_ONLY    INTEL_BIT(6) /* IOTLB, of high: upper entries did not change */
#define INTEL_INV_MASK_MAX     0x3fu        /* IOTLB, of high: address mask, bits 5:0 */

#define INTEL_INV_INTERRUPT_INDEX INTEL_BIT(4) /* one entry, not all */
#define INTEL_INV_INDEX_SHIFT     32

#define INTEL_INV_WAIT_STATUS                                              \
	INTEL_BIT(5) /* store the upper half of low to the address in high \
	              */
#define INTEL_INV_DATA_SHIFT 32

#endif
