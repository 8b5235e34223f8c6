/* SPDX-License-Identifier: MIT */
/*
 * Registers and in-memory structures of an AMD-Vi unit. Sections are of the AMD I/O Virtualization
 * Technology specification, revision 3.08: structures in chapter 2, registers in chapter 3.
 *
 * All registers have 64 bits and are accessed whole.
 */
#ifndef DRIVERS_IOMMU_AMD_REGS_H
#define DRIVERS_IOMMU_AMD_REGS_H

#include <arch/mmio.h>
#include <kernel/types.h>

#define AMD_BIT(n) (UINT64_C(1) << (n))

/* value's bits low .. low + width - 1 */
static inline uint64_t amd_field(uint64_t value, unsigned int low, unsigned int width)
{
	return value >> low & (AMD_BIT(width) - 1);
}

/* --- registers (3.4) ------------------------------------------------------------------------- */

enum amd_register {
	AMD_DEVICE_TABLE = 0x0000,
	AMD_COMMAND_BASE = 0x0008,
	AMD_EVENT_BASE = 0x0010,
	AMD_CONTROL = 0x0018,
	AMD_EXCLUSION_BASE = 0x0020,
	AMD_EXCLUSION_LIMIT = 0x0028,
	AMD_FEATURES = 0x0030,
	AMD_COMMAND_HEAD = 0x2000,
	AMD_COMMAND_TAIL = 0x2008,
	AMD_EVENT_HEAD = 0x2010,
	AMD_EVENT_TAIL = 0x2018,
	AMD_STATUS = 0x2020,
};

#define AMD_REGISTERS_SIZE      UINT64_C(0x4000)
#define AMD_REGISTERS_SIZE_LONG UINT64_C(0x80000) /* with performance counters */

static inline uint64_t amd_read(const volatile uint8_t *registers, enum amd_register reg)
{
	return mmio_read64(registers + reg);
}

static inline void amd_write(volatile uint8_t *registers, enum amd_register reg, uint64_t value)
{
	mmio_write64(registers + reg, value);
}

/* Device table base (3.4.1): a size of n is n + 1 frames. */
#define AMD_DEVICE_TABLE_SIZE UINT64_C(0x1ff)

/* Command buffer and event log base (3.4.2, 3.4.3): the logarithm of the entries. */
#define AMD_RING_LENGTH_SHIFT 56
#define AMD_RING_LENGTH_LOG   UINT64_C(8) /* 256 entries: one frame */
#define AMD_RING_ENTRIES      256u        /* of the command buffer, IOMMU_QUEUE_SLOTS */
#define AMD_RING_SHIFT        4           /* of an entry's number in head and tail */

/* Control (3.4.4) */
#define AMD_CONTROL_ENABLE       AMD_BIT(0)
#define AMD_CONTROL_HT_TUNNEL    AMD_BIT(1) /* what comes through a tunnel is translated, too */
#define AMD_CONTROL_EVENTS       AMD_BIT(2)
#define AMD_CONTROL_EVENT_IRQ    AMD_BIT(3)
#define AMD_CONTROL_WAIT_IRQ     AMD_BIT(4)
#define AMD_CONTROL_PASS_PW      AMD_BIT(8)
#define AMD_CONTROL_RES_PASS_PW  AMD_BIT(9)
#define AMD_CONTROL_COHERENT     AMD_BIT(10)
#define AMD_CONTROL_ISOCHRONOUS  AMD_BIT(11)
#define AMD_CONTROL_COMMANDS     AMD_BIT(12)
#define AMD_CONTROL_PPR_LOG      AMD_BIT(13)
#define AMD_CONTROL_PPR_IRQ      AMD_BIT(14)
#define AMD_CONTROL_PPR          AMD_BIT(15)
#define AMD_CONTROL_WIDE_ENTRIES AMD_BIT(17) /* GAEn: remapping entries of 128 bits */
#define AMD_CONTROL_GA_LOG       AMD_BIT(28)
#define AMD_CONTROL_GA_IRQ       AMD_BIT(29)
#define AMD_CONTROL_EXTENDED     AMD_BIT(50) /* XTEn: wide entries name CPUs by 32 bits */

/* Exclusion base (3.4.5): what lies in the range passes untranslated. */
#define AMD_EXCLUSION_ENABLE AMD_BIT(0)
#define AMD_EXCLUSION_ALLOW  AMD_BIT(1)

/* Extended features (3.4.6) */
#define AMD_FEATURE_EXTENDED       AMD_BIT(2)
#define AMD_FEATURE_INVALIDATE_ALL AMD_BIT(6)
#define AMD_FEATURE_WIDE_ENTRIES   AMD_BIT(7)
#define AMD_FEATURE_COUNTERS       AMD_BIT(9)

/* HATS: the most levels that page tables can have, 4 to 6; of a unit that does not say, 4. 0: it
 * walks no tables, and translates nothing. */
static inline unsigned int amd_feature_levels(uint64_t features)
{
	unsigned int size = (unsigned int)amd_field(features, 10, 2);

	return size <= 2 ? 4 + size : 0;
}

/* Status (3.4.15); the first three are cleared by writing them back. */
#define AMD_STATUS_EVENT_OVERFLOW AMD_BIT(0)
#define AMD_STATUS_EVENT_IRQ      AMD_BIT(1)
#define AMD_STATUS_WAIT_IRQ       AMD_BIT(2)
#define AMD_STATUS_EVENTS_RUN     AMD_BIT(3)
#define AMD_STATUS_COMMANDS_RUN   AMD_BIT(4)
#define AMD_STATUS_PPR_RUN        AMD_BIT(7)
#define AMD_STATUS_GA_RUN         AMD_BIT(8)

/* --- capability in PCI config space (3.2) ---------------------------------------------------- */

#define AMD_CAPABILITY_ID           0x0fu
#define AMD_CAPABILITY_TYPE(header) ((header) >> 16 & 7)
#define AMD_CAPABILITY_TYPE_IOMMU   3u
#define AMD_CAPABILITY_NP_CACHE     0x04000000u /* what is not there may be cached */
#define AMD_CAPABILITY_FEATURES     0x08000000u /* there is an extended feature register */

/* --- device table entry (2.2.2) -------------------------------------------------------------- */

/* An entry of zeroes lets everything pass: none is ever written. */
struct amd_device_entry {
	_Alignas(16) uint64_t translation; /* changed together with the next: entry_write */
	uint64_t domain;
	uint64_t interrupts;
	uint64_t other; /* guest tables and attribute overrides: not used */
};
#define AMD_DEVICE_ENTRIES 0x10000u
_Static_assert(sizeof(struct amd_device_entry) == 32, "2.2.2");
_Static_assert(sizeof(struct amd_device_entry) * AMD_DEVICE_ENTRIES ==
                       (AMD_DEVICE_TABLE_SIZE + 1) * 4096,
               "3.4.1: the whole table has its largest size");
#define AMD_DEVICE_TABLE_ORDER 9

#define AMD_DTE_VALID             AMD_BIT(0)
#define AMD_DTE_TRANSLATION_VALID AMD_BIT(1)
#define AMD_DTE_MODE_SHIFT        9 /* levels; 0: untranslated, as READ and WRITE permit */
#define AMD_DTE_ADDRESS           UINT64_C(0x000ffffffffff000)
#define AMD_DTE_READ              AMD_BIT(61)
#define AMD_DTE_WRITE             AMD_BIT(62)

/* Of the second word. Snooping of table walks is on, and IOTLBs, port I/O, system management
 * messages and the exclusion range are off, as zeroes. */
#define AMD_DTE_DOMAIN   UINT64_C(0xffff)
#define AMD_DTE_SUPPRESS AMD_BIT(34) /* SA: no page faults are logged */

/* Of the third. NMI, INIT, ExtInt and LINT messages do not pass, as zeroes. */
#define AMD_DTE_REMAP_VALID   AMD_BIT(0)
#define AMD_DTE_REMAP_LENGTH  1 /* shift: the logarithm of the entries */
#define AMD_DTE_REMAP_ADDRESS UINT64_C(0x000fffffffffffc0)
#define AMD_DTE_REMAP_ABORT   (UINT64_C(0) << 60) /* IntCtl: fixed and arbitrated interrupts */
#define AMD_DTE_REMAP_ON      (UINT64_C(2) << 60)

/* --- page tables (2.2.3) --------------------------------------------------------------------- */

#define AMD_PAGE_PRESENT    AMD_BIT(0)
#define AMD_PAGE_NEXT_SHIFT 9 /* level of the table named, 1 to 6; 0: a leaf */
#define AMD_PAGE_NEXT_MASK  (UINT64_C(7) << AMD_PAGE_NEXT_SHIFT)
#define AMD_PAGE_ADDRESS    UINT64_C(0x000ffffffffff000)
#define AMD_PAGE_SNOOP      AMD_BIT(60) /* FC: whatever the device asks */
#define AMD_PAGE_READ       AMD_BIT(61)
#define AMD_PAGE_WRITE      AMD_BIT(62)

/* --- interrupt remapping entries (2.2.5) ----------------------------------------------------- */

/* An interrupt's index is what its message has for a vector. */
#define AMD_IRTE_COUNT     256u
#define AMD_IRTE_COUNT_LOG UINT64_C(8)

struct amd_irte { /* 128 bits */
	uint64_t low;
	uint64_t high;
};
_Static_assert(sizeof(struct amd_irte) * AMD_IRTE_COUNT == 4096, "a table is a frame");

/* Both formats: fixed delivery, physical destination, edge as zeroes. */
#define AMD_IRTE_ENABLE      AMD_BIT(0)
#define AMD_IRTE_DESTINATION 8  /* shift: 8 bits, 24 in a wide entry */
#define AMD_IRTE_VECTOR      16 /* shift, narrow; of a wide entry the lowest 8 bits of high */
#define AMD_IRTE_XAPIC_MAX   0xffu
#define AMD_IRTE_LOW_ID      0xffffffu /* of a wide entry; bits 31:24 are the highest of high */
#define AMD_IRTE_HIGH_ID     56
/* RqEoi stays clear: an I/O APIC gets its end-of-interrupt by vector. */

/* --- commands (2.4) -------------------------------------------------------------------------- */

#define AMD_COMMAND_OPCODE     60 /* shift, of low */
#define AMD_COMPLETION_WAIT    (UINT64_C(1) << AMD_COMMAND_OPCODE)
#define AMD_INVALIDATE_DEVICE  (UINT64_C(2) << AMD_COMMAND_OPCODE)
#define AMD_INVALIDATE_PAGES   (UINT64_C(3) << AMD_COMMAND_OPCODE)
#define AMD_INVALIDATE_REMAP   (UINT64_C(5) << AMD_COMMAND_OPCODE)
#define AMD_INVALIDATE_ALL     (UINT64_C(8) << AMD_COMMAND_OPCODE)
#define AMD_WAIT_STORE         AMD_BIT(0) /* high is stored to the address in low */
#define AMD_WAIT_FLUSH         AMD_BIT(2) /* later commands start after earlier ones are done */
#define AMD_WAIT_ADDRESS       UINT64_C(0x000ffffffffffff8)
#define AMD_PAGES_DOMAIN_SHIFT 32         /* of low */
#define AMD_PAGES_SIZE         AMD_BIT(0) /* of high: the address has the size in it */
#define AMD_PAGES_DIRECTORIES  AMD_BIT(1) /* of high: cached upper entries, too */
#define AMD_PAGES_EVERYTHING   UINT64_C(0x7ffffffffffff000)

/* --- events (2.5) ---------------------------------------------------------------------------- */

struct amd_event {
	uint64_t low;
	uint64_t high; /* most often the address */
};
_Static_assert(sizeof(struct amd_event) * AMD_RING_ENTRIES == 4096, "3.4.3");

static inline unsigned int amd_event_code(uint64_t low)
{
	return (unsigned int)amd_field(low, 60, 4);
}

static inline uint16_t amd_event_device(uint64_t low)
{
	return (uint16_t)amd_field(low, 0, 16);
}

/* TYPE of an invalid device request (2.5.9). */
static inline unsigned int amd_event_type(uint64_t low)
{
	return (unsigned int)amd_field(low, 57, 3);
}

enum amd_event_codes {
	AMD_EVENT_DEVICE_ENTRY = 1, /* illegal device table entry */
	AMD_EVENT_PAGE_FAULT = 2,
	AMD_EVENT_DEVICE_HARDWARE = 3,
	AMD_EVENT_TABLE_HARDWARE = 4,
	AMD_EVENT_COMMAND_ILLEGAL = 5,
	AMD_EVENT_COMMAND_HARDWARE = 6,
	AMD_EVENT_IOTLB_TIMEOUT = 7,
	AMD_EVENT_INVALID_REQUEST = 8,
	AMD_EVENT_PAGE_REQUEST = 9, /* a page request of a device that may not make any */
	AMD_EVENT_COUNTER_ZERO = 10,
};

/* Flags of page faults (2.5.3) and illegal device table entries (2.5.2). */
#define AMD_EVENT_INTERRUPT AMD_BIT(32 + 19)
#define AMD_EVENT_PRESENT   AMD_BIT(32 + 20)
#define AMD_EVENT_WRITE     AMD_BIT(32 + 21)
#define AMD_EVENT_RESERVED  AMD_BIT(32 + 23)

/* TYPE: a read or non-posted write to the interrupt range, a write to the range of messages. */
#define AMD_REQUEST_INTERRUPT_RANGE 0u

#endif
