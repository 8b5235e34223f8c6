/* SPDX-License-Identifier: MIT */
/*
 * The seam between the IOMMU core and the vendors' drivers. Only files under drivers/iommu include
 * this header; everyone else uses drivers/iommu/iommu.h. docs/iommu.md explains what a vendor's
 * driver has to provide and why.
 *
 * Locks: a domain's lock (RANK_DOMAIN) protects its tables, a unit's lock (RANK_UNIT) everything
 * else here: queue, roots, ids, attachments, fault sources, remapping entries. A unit's lock is
 * held while an invalidation is waited for, so no invalidation completes and no table is freed
 * while anyone else holds it.
 */
#ifndef DRIVERS_IOMMU_CORE_H
#define DRIVERS_IOMMU_CORE_H

#include <arch/cpu.h>
#include <arch/percpu.h>
#include <drivers/iommu/ids.h>
#include <drivers/iommu/iommu.h>
#include <drivers/iommu/pagetable.h>
#include <kernel/list.h>
#include <kernel/lock.h>
#include <kernel/panic.h>
#include <kernel/types.h>

/* How long a unit may take to confirm an invalidation. Then it is declared dead: see
 * iommu_unit_dead_locked. */
#define IOMMU_FLUSH_TIMEOUT UINT64_C(1000000000)

/* How long a unit may take to switch something on or off. Then it is not used at all. */
#define IOMMU_SWITCH_TIMEOUT UINT64_C(1000000000)

/* The width of an IOVA that is asked of a unit, in bits, unless the kernel option iommu.bits= says
 * another: what all programs that know VFIO expect, for one table less in each walk than the next
 * width costs. */
#define IOMMU_BITS_WANTED 48u
/* What the option may say: at least what one table covers. */
#define IOMMU_BITS_MIN 21u

/* Domains of one unit, whatever the hardware could tell apart. */
#define IOMMU_DOMAINS_MAX 4096u

/* Faults told to the sink by one interrupt; what comes beyond is counted as lost. */
#define IOMMU_FAULT_BURST 16u
/* Records read by one interrupt before the unit's fault interrupt is masked until the next poll. */
#define IOMMU_FAULT_DRAIN 256u
/* Faults of one requester within IOMMU_FAULT_WINDOW before it is silenced. */
#define IOMMU_FAULT_STORM 64u
/* Records of all requesters of a unit within the window before its fault interrupt is masked, told
 * or not: not all kinds of faults can be silenced, and ids can be forged where no port checks
 * them. As many are told at most. */
#define IOMMU_FAULT_UNIT_STORM 512u
/* The window, and how long a silenced requester stays so at least. */
#define IOMMU_FAULT_WINDOW UINT64_C(1000000000)
/* Requesters whose rate is followed at the same time, per unit. */
#define IOMMU_FAULT_SOURCES 32u

/* The window of interrupt messages: no IOVA in it is ever translated (VT-d 3.14, AMD-Vi 2.1.4). */
#define IOMMU_MSI_FIRST UINT64_C(0xfee00000)
#define IOMMU_MSI_LAST  UINT64_C(0xfeefffff)

struct iommu_domain {
	struct iommu_unit *unit;
	struct account *account; /* a reference; it and most table frames are charged to it */
	uint32_t id;
	uint32_t attachments; /* requesters, under the unit's lock */
	struct spinlock lock;
	struct pagetable table;
	uint64_t mapped; /* bytes */
};

/* A requester that translates through a domain. */
struct iommu_attachment {
	struct list link; /* iommu_unit.attachments */
	struct iommu_domain *domain;
	rid_t requester;
	uint32_t count; /* functions that share the id and were attached */
};

/* How often a requester faulted lately. */
struct iommu_fault_source {
	bool used;
	bool masked; /* its faults are not recorded by the hardware */
	rid_t requester;
	uint32_t count;        /* in the window */
	uint64_t window_start; /* for a masked source: when it was masked */
};

/* What a remapping entry says; NULL where a pointer to one is asked for means "absent". */
struct iommu_remap_target {
	rid_t source; /* the only requester that may use the entry */
	vector_t vector;
	bool level;
	uint32_t apic_id;
};

/*
 * What a vendor's driver provides. All are called with the unit's lock held. Those that change
 * what the hardware may have cached return after the invalidation was confirmed, or -EIO after
 * calling iommu_unit_dead_locked.
 */
struct iommu_ops {
	/* Lets a blocked requester translate through a domain. -ENOMEM: nothing changed. */
	int (*attach)(struct iommu_unit *unit, rid_t requester, const struct iommu_domain *domain);

	/* Blocks a requester that translated through the domain; drains what is in flight. */
	int (*block)(struct iommu_unit *unit, rid_t requester, const struct iommu_domain *domain);

	/* Invalidates what the gather recorded for its domain, with drain. */
	int (*invalidate)(struct iommu_unit *unit, const struct iommu_gather *gather);

	/* Takes the next fault record; false: none is left. Adds to *lost what the unit says, or
	 * must be taken, to have dropped before. Vendors report a refused access as READ_DENIED or
	 * WRITE_DENIED; the core looks into the tables and makes it NOT_PRESENT where nothing is
	 * mapped. */
	bool (*fault_read)(struct iommu_unit *unit, struct iommu_fault *fault, uint64_t *lost);

	/* Stops or resumes the recording of a requester's faults; domain: what it is attached to,
	 * NULL: nothing. -ENOMEM: the hardware cannot do it for this requester now. */
	int (*fault_silence)(struct iommu_unit *unit, rid_t requester,
	                     const struct iommu_domain *domain, bool silent);

	/* Masks the unit's fault interrupt; one that came meanwhile is delivered on unmasking. */
	void (*fault_interrupt_mask)(struct iommu_unit *unit, bool masked);

	/* Writes an interrupt-remapping entry; NULL: absent. -ENOMEM, -EOPNOTSUPP (the unit cannot
	 * do it): nothing changed. */
	int (*remap_write)(struct iommu_unit *unit, uint32_t index,
	                   const struct iommu_remap_target *target);
};

struct iommu_unit {
	const struct iommu_ops *ops;
	struct list link; /* of all units, in the order of the firmware table */
	struct spinlock lock;
	enum cordon_iommu_vendor vendor;
	char name[16]; /* for messages */
	uint16_t segment;
	paddr_t registers;
	uint64_t registers_size;

	/* Why devices behind it are never handed out, or NULL. A static string. */
	const char *unusable;
	bool dead;            /* it stopped answering; also in unusable */
	bool translation;     /* on */
	bool remapping;       /* interrupt remapping on */
	bool remap_by_vector; /* see iommu_remap_by_vector */
	bool remap_extended; /* entries can, and after iommu_remap_agree do, name CPUs by 32 bits */
	bool faults_unreported; /* known to record none, although it should */
	bool faults_unplaced;   /* known to record no address */

	const struct pagetable_format *format;
	uint32_t levels;       /* of its domains' tables */
	uint64_t page_sizes;   /* bit n: leaves of 2^n bytes */
	uint32_t address_bits; /* of an IOVA */
	bool snoop_enforced;   /* no-snoop requests are snooped all the same */
	bool coherent;         /* its own accesses to structures snoop the CPU's caches */
	/* IOVAs that are never translated, beside the window of messages; hole_last 0: none. */
	uint64_t hole_first;
	uint64_t hole_last;

	struct ids domains;
	struct ids remap_entries;
	struct list attachments;

	struct iommu_fault_source sources[IOMMU_FAULT_SOURCES];
	bool fault_interrupt_masked;
	uint32_t fault_count; /* in the unit's window: records, and interrupts without one */
	uint32_t fault_told;  /* in the same window: faults */
	uint64_t fault_window_start;
	uint64_t faults;        /* records since boot */
	uint64_t faults_lost;   /* not yet told to the sink */
	uint64_t invalidations; /* of gathers: each with its wait; changed in one step */
	uint64_t quarantined;   /* table frames that no confirmed invalidation released; nobody's */
};

/* Why a unit is unusable, where it is the same for every vendor (iommu.c). */
extern const char iommu_reason_unmapped[];
extern const char iommu_reason_takeover[];
extern const char iommu_reason_width[];
extern const char iommu_reason_reach[];
extern const char iommu_reason_remapping[];
extern const char iommu_reason_memory[];

/* What a vendor's folder offers to the core. */
struct iommu_backend {
	/*
	 * Looks for the vendor's firmware table; brings every unit up as far as it goes and adds it
	 * with iommu_unit_add; tells the core with iommu_cover and iommu_refuse about functions.
	 * False: no such table. *why: a static string when the table is there but units could not
	 * be added, else left alone.
	 */
	bool (*probe)(const char **why);
};

extern const struct iommu_backend intel_iommu_backend;
extern const struct iommu_backend amd_iommu_backend;

/* --- for vendors (iommu.c) ------------------------------------------------------------------ */

/* Makes a unit known; it stays for ever. */
void iommu_unit_add(struct iommu_unit *unit);

/*
 * Declares that a unit does not answer any more. From then on nothing is attached, no invalidation
 * is tried, every function behind it loses bus mastering and is refused, and the frames of open
 * gathers and destroyed domains are never used again. Translation stays on. The unit's lock is
 * held.
 */
void iommu_unit_dead_locked(struct iommu_unit *unit, const char *why);

/* The unit covers a function; a function that two units claim is refused. */
void iommu_cover(struct pci_function *function, struct iommu_unit *unit);

/* The function is never handed out; the first reason stays. why: a static string. */
void iommu_refuse(struct pci_function *function, const char *why);

/* Where an I/O APIC's interrupts come from. */
void iommu_ioapic_add(uint8_t ioapic_id, struct iommu_unit *unit, rid_t source);

/* Whether the kernel option iommu.dma-remap= says that an emulated unit, which looks the same when
 * it lets all DMA pass, translates. */
bool iommu_emulator_translates(void);

/* What the unit's tables can do: fills format, and the width of IOVAs, which is what is wanted
 * (IOMMU_BITS_WANTED, or the kernel option) or the bits that the hardware has; as many levels as
 * cover that, and their page sizes. */
void iommu_unit_translates(struct iommu_unit *unit, const struct pagetable_format *format,
                           unsigned int bits);

/* (remap.c) All units that there will be are known, and say in remap_extended whether their entries
 * can name CPUs by 32 bits. The CPUs are all in one mode: unless every unit can, and the CPUs could
 * be in x2APIC mode, none does. */
void iommu_remap_agree(void);

/* A frame of zeroes for a structure that the unit reads: the zeroes are visible to it. Returns 0 or
 * -ENOMEM. */
int iommu_frame_alloc(const struct iommu_unit *unit, paddr_t *out);

/* Makes stores to a structure visible to a unit that does not snoop. */
static inline void iommu_publish(const struct iommu_unit *unit, const void *start, size_t size)
{
	if (!unit->coherent)
		arch_cache_flush(start, size);
}

/* Stores a word of a live structure, visibly, after all that was stored before. */
static inline void iommu_store(const struct iommu_unit *unit, uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
	iommu_publish(unit, word, sizeof(*word));
}

/* Stores two words at once, visibly, after all that was stored before; see arch_store_pair. */
static inline void iommu_store_pair(const struct iommu_unit *unit, uint64_t *pair, uint64_t first,
                                    uint64_t second)
{
	arch_store_pair(pair, first, second);
	iommu_publish(unit, pair, 2 * sizeof(*pair));
}

/* (fault.c) A vector for the unit's fault interrupt, and the message that raises it. False, and
 * said in the log: there is none, and faults are only polled. */
bool iommu_fault_route(struct iommu_unit *unit, uint32_t *address, uint32_t *data);

/* --- inside the core ------------------------------------------------------------------------ */

/* The domain a requester is attached to, or NULL. */
struct iommu_attachment *iommu_attachment_find_locked(struct iommu_unit *unit, rid_t requester);

/* Forgets a requester's rate: it has a new holder, or none. The hardware records again. */
void iommu_fault_forget_locked(struct iommu_unit *unit, rid_t requester);

/* The rest of iommu_gather_add: something is recorded already. */
void iommu_gather_add_more(struct iommu_gather *gather, struct iommu_domain *domain, uint64_t first,
                           uint64_t last);

/* From here on a flush is owed. */
static inline void iommu_gather_open(struct iommu_gather *gather, struct iommu_domain *domain)
{
	if (!gather->open) {
		gather->open = true;
		gather->domain = domain;
		percpu()->obligations++;
	}
	ASSERT(gather->domain == domain);
}

/* A range of IOVAs was stored to; the unit may have something else cached. Opens the gather. The
 * first range of all is mostly the only one. */
static inline void iommu_gather_add(struct iommu_gather *gather, struct iommu_domain *domain,
                                    uint64_t first, uint64_t last)
{
	if (gather->open) {
		iommu_gather_add_more(gather, domain, first, last);
		return;
	}
	iommu_gather_open(gather, domain);
	gather->ranges[0] = (struct iommu_range){first, last};
	gather->range_count = 1;
}

/* A table frame was unlinked; it is free only after the flush, and then its payer (NULL: nobody),
 * whose reference this takes over, has the charge back. Opens the gather. */
void iommu_gather_add_table(struct iommu_gather *gather, struct iommu_domain *domain, paddr_t frame,
                            struct account *payer);

/* All units, in order. */
struct list *iommu_units(void);

#endif
