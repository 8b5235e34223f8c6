/* SPDX-License-Identifier: MIT */
/*
 * The IOMMU core: units, domains, mappings, invalidation, faults, interrupt remapping. Nothing
 * outside drivers/iommu/{intel,amd} names a vendor.
 *
 * A map or unmap stores to tables and records in a gather what must be flushed; the store does it,
 * not the caller. iommu_gather_flush issues the invalidation and waits. Between the two the gather
 * is open, counted in percpu()->obligations; debug kernels panic when a system call ends with one
 * open (S3).
 */
#ifndef DRIVERS_IOMMU_IOMMU_H
#define DRIVERS_IOMMU_IOMMU_H

#include <cordon/system.h>
#include <drivers/pci/pci.h>
#include <kernel/list.h>
#include <kernel/lock.h>
#include <kernel/types.h>

struct iommu_domain;
struct iommu_ops;

/* --- system --------------------------------------------------------------------------------- */

/*
 * Finds the units (DMAR or IVRS), takes over those that are on, blocks every requester, switches
 * interrupt remapping on with every entry absent, and translation on (S1, S6). Bus mastering is off
 * everywhere when it is called. Fills pci_function.iommu and .refused. Never fails the boot: when
 * devices cannot be handed out iommu_usable() is false and says why.
 */
void iommu_init(void);

/* Whether devices can be handed out. why (may be NULL): one line for a person. */
bool iommu_usable(const char **why);

/* The index-th unit's description; false past the end. Index 0 without any unit: vendor NONE and
 * the reason. */
bool iommu_describe(size_t index, struct cordon_iommu_desc *out);

/* How many invalidations all units were given for changed mappings, each with its wait. */
uint64_t iommu_invalidation_count(void);

/* True when [base, base + size) holds registers of a unit (never mapped, never a DMA target). */
bool iommu_overlaps_registers(uint64_t base, uint64_t size);

/* IOVAs of a domain; last is inclusive. */
struct iommu_range {
	uint64_t first;
	uint64_t last;
};

/* --- gather --------------------------------------------------------------------------------- */

#define IOMMU_GATHER_RANGES 8

struct account;

struct iommu_gather {
	struct iommu_domain *domain; /* NULL: nothing recorded yet */
	bool open;                   /* an invalidation is owed */
	bool everything;             /* more ranges than fit: the whole domain */
	bool tables_unlinked;        /* a table was unlinked: no leaf-only hint */
	bool failed;                 /* a flush ahead of the owner's own was not confirmed */
	uint32_t range_count;
	struct iommu_range ranges[IOMMU_GATHER_RANGES];
	struct list tables;    /* unlinked table frames, freed (or quarantined) by the flush */
	struct account *payer; /* of tables that a map needs; NULL: the domain's. A borrowed one */
};

/* Empty, and without a payer. */
void iommu_gather_init(struct iommu_gather *gather);

/*
 * Invalidates what the gather recorded and waits until the unit confirms; then frees unlinked
 * tables. The gather is empty afterwards. -EIO: the unit did not confirm in IOMMU_FLUSH_TIMEOUT: it
 * is declared dead (every requester behind it keeps bus mastering off, no new attach), tables stay
 * in quarantine, and the CALLER must keep its frames out of circulation too.
 */
int iommu_gather_flush(struct iommu_gather *gather);

/* The same, in the middle: the last flush still returns a failure of this one. */
int iommu_gather_flush_early(struct iommu_gather *gather);

/* --- domains -------------------------------------------------------------------------------- */

/* Whether requesters behind a unit may be let loose: false once it stopped answering. Whoever
 * switches bus mastering on asks first; pci_function.refused says the same. */
bool iommu_unit_alive(const struct iommu_unit *unit);

/* A domain for devices of this unit. Returns 0, -ENODEV (unit dead), -ENOSPC (no domain id),
 * -ENOMEM. It and its tables are charged to the account, but for tables that a map needs whose
 * gather names another payer. */
int iommu_domain_create(struct iommu_unit *unit, struct account *account,
                        struct iommu_domain **out);

/* No requester is attached and nothing mapped. The id is used again only after a flush under it. */
void iommu_domain_destroy(struct iommu_domain *domain);

/* Whether a unit's devices can share a domain made for another one (same unit: yes). */
bool iommu_domain_fits(const struct iommu_domain *domain, const struct iommu_unit *unit);

/* Lets a requester translate through the domain; it was blocked before. Several functions may have
 * one requester id: attaching is counted. Returns 0, -ENODEV (unit dead), -EBUSY (the requester is
 * in another domain), -ENOMEM, -EIO. */
int iommu_attach(struct iommu_domain *domain, struct iommu_unit *unit, uint16_t segment,
                 rid_t requester);

/* Blocks the requester again (when the last of its functions goes), invalidates with drain, waits.
 * When it returns no access of it is in flight (-EIO: not confirmed, unit dead: see
 * iommu_gather_flush; it counts as detached all the same). */
int iommu_detach(struct iommu_domain *domain, struct iommu_unit *unit, uint16_t segment,
                 rid_t requester);

/* Usable IOVAs: inclusive ranges, without the interrupt window 0xfee00000-0xfeefffff (VT-d 3.14)
 * and what else the unit does not translate.
 * Returns the count. */
size_t iommu_domain_ranges(const struct iommu_domain *domain, struct cordon_iova_range *out,
                           size_t max);
uint64_t iommu_domain_page_sizes(const struct iommu_domain *domain);
uint32_t iommu_domain_address_bits(const struct iommu_domain *domain);
bool iommu_domain_coherent(const struct iommu_domain *domain);

/* How many frames its tables take now, those that are kept empty included. */
uint64_t iommu_domain_tables(const struct iommu_domain *domain);

/*
 * Maps [iova, iova + size) to [base, base + size) with CORDON_DMA_* directions, largest leaves that
 * fit. Nothing is mapped there. Page aligned, inside the ranges (the caller checked; asserted).
 * Returns 0 or -ENOMEM; what this call had mapped is then unmapped again, recorded in the gather.
 * In caching mode, and where a write-buffer flush is needed, a map also opens the gather
 * (VT-d 6.1, 6.8).
 */
int iommu_map(struct iommu_domain *domain, iova_t start, paddr_t base, uint64_t size,
              uint32_t flags, struct iommu_gather *gather);

/* Removes every leaf of a range that was mapped by whole iommu_map calls (several, adjacent or
 * not). Tables that become empty may be kept, charged to the domain's account, as long as nobody
 * else pays for a table of the domain. Cannot fail. */
void iommu_unmap(struct iommu_domain *domain, iova_t start, uint64_t size,
                 struct iommu_gather *gather);

/* What the tables say (tests and reports): false when nothing is mapped. */
bool iommu_lookup(struct iommu_domain *domain, iova_t address, paddr_t *base, uint32_t *flags);

/* --- faults --------------------------------------------------------------------------------- */

struct iommu_fault {
	uint16_t segment;
	rid_t requester;
	uint64_t address; /* or CORDON_FAULT_NO_ADDRESS */
	uint16_t reason;  /* enum cordon_fault_reason */
	uint16_t hardware_code;
	bool write;
	uint64_t time_ns;
};

/* Who is told of faults (VFIO, once at boot). Called with interrupts off, no lock held above
 * RANK_TELLING, at most IOMMU_FAULT_BURST times per interrupt; a storm is cut off by masking the
 * source's faults, and said once. lost: how many records the hardware or the limit dropped since
 * the last call. */
typedef void (*iommu_fault_sink_t)(const struct iommu_fault *fault, uint64_t lost);
void iommu_set_fault_sink(iommu_fault_sink_t sink);

/* Reads fault records now, without waiting for the interrupt; also done before task ends are
 * reported. Whatever units recorded before is told when it returns, also what another CPU reads. */
void iommu_poll_faults(void);

/* --- interrupt remapping (S6) ---------------------------------------------------------------- */

/* An entry for a source: present with source check, edge or level, to the boot CPU. The index is
 * what the message carries. Returns 0, -ENOSPC, -ENODEV, -ENOMEM, -EIO, -EOPNOTSUPP (the unit
 * cannot remap a level interrupt). */
int iommu_remap_alloc(struct iommu_unit *unit, rid_t source, vector_t vector, bool level,
                      uint32_t *index);

/*
 * True: messages and I/O APIC entries stay in compatibility format, and the unit takes the vector
 * in them for the index; so an entry's index is its vector (AMD-Vi 2.2.5). False: they carry the
 * index in a format of their own (VT-d 5.1.2.2).
 */
bool iommu_remap_by_vector(const struct iommu_unit *unit);

/* Whether interrupts are remapped for CPUs in x2APIC mode: all units agreed, and one is on. */
bool iommu_interrupts_extended(void);

/* Absent again, flushed. */
int iommu_remap_free(struct iommu_unit *unit, uint32_t index);

/* The unit that remaps an I/O APIC's interrupts, and their source id. -ENOENT: none does, and the
 * I/O APIC sends messages in compatibility format. */
int iommu_ioapic_source(uint8_t ioapic_id, struct iommu_unit **unit, rid_t *source);

#endif
