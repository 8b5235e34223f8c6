/* SPDX-License-Identifier: MIT */
/* What the files of drivers/pci share with one another and with nobody else. */
#ifndef DRIVERS_PCI_INTERNAL_H
#define DRIVERS_PCI_INTERNAL_H

#include <drivers/pci/pci.h>

#define PCI_SLOTS     32
#define PCI_FUNCTIONS 8

/* Bridges nested deeper than this are left closed: what walks the tree calls itself once a level,
 * and a kernel stack is small. */
#define PCI_DEPTH_MAX 16

/* --- ECAM (ecam.c) ----------------------------------------------------------------------- */

struct pci_area {
	paddr_t base; /* of first_bus */
	uint64_t size;
	uint16_t segment;
	uint8_t first_bus, last_bus;
	volatile uint8_t *mapping;
};

/* Maps the areas. Returns 0, -ENODEV when there are none, or -ENOMEM. */
int pci_ecam_init(const struct mcfg *mcfg);
size_t pci_area_count(void);
const struct pci_area *pci_area(size_t index);

/* The 4 KiB of a function. bus lies in the area. */
volatile uint8_t *pci_ecam(const struct pci_area *area, uint8_t bus, uint8_t devfn);

/* --- buses (number.c) -------------------------------------------------------------------- */

/* One bit per bus of an area. */
struct pci_bus_set {
	uint64_t words[4];
};

static inline bool pci_bus_in(const struct pci_bus_set *set, uint8_t bus)
{
	return set->words[bus / 64] >> bus % 64 & 1;
}

static inline void pci_bus_add(struct pci_bus_set *set, uint8_t bus)
{
	set->words[bus / 64] |= UINT64_C(1) << bus % 64;
}

/*
 * Finds the root buses of an area: every bus that no bridge leads to and on which something
 * answers. Gives new numbers to the buses below a root whose numbers do not make a tree.
 */
void pci_number_buses(const struct pci_area *area, struct pci_bus_set *roots);

/* Whether something answers at the place, and its header type with the multifunction bit. */
bool pci_present(volatile uint8_t *config, uint8_t *header_type);

/*
 * The last slot of a bus that can hold a device: 0 below a root or downstream port, whose link has
 * one device (7.3.1). bridge: the bridge above, NULL on a root bus; its capabilities need not be
 * read yet.
 */
uint8_t pci_last_slot(const struct pci_function *bridge);

/* --- what a function has (capability.c, resource.c) -------------------------------------- */

/* Fills caps and express_type. False when a list is malformed: it leaves config space, loops, or
 * has structures that overlap; caps are then all zero. */
bool pci_capabilities_read(struct pci_function *function);

/* Finds a capability that caps has no member for, starting behind offset after (0: from the start).
 * 0: none. */
uint16_t pci_capability_next(const struct pci_function *function, uint8_t id, uint16_t after);

/*
 * Sizes BARs and ROM and reads what firmware assigned, with decoding off meanwhile. base is what
 * the register holds, valid or not. False when a register is malformed (no power of two, 64 bits in
 * the last one).
 */
bool pci_bars_read(struct pci_function *function);

/* Reads what windows a bridge has and how they are set. */
void pci_windows_read(struct pci_function *bridge);

/* Writes one window to the bridge; size 0 closes it. */
void pci_window_write(struct pci_function *bridge, enum pci_window_kind kind);

/* --- assignment (assign.c) --------------------------------------------------------------- */

/*
 * Checks what firmware assigned, keeps it where it is sound, and gives addresses to the rest. A BAR
 * that cannot have one has base 0, and its function is refused if the BAR is memory.
 */
void pci_assign(struct list *functions);

/* --- isolation (silence.c, acs.c, refuse.c, virtio.c)
 * ----------------------------------------------- */

/* Everything that makes a port or function keep its traffic on the way to the IOMMU. */
#define PCI_ACS_ISOLATION \
	(PCI_ACS_VALIDATION | PCI_ACS_REQUEST | PCI_ACS_COMPLETION | PCI_ACS_UPSTREAM)

/* Switches on what the function's capability offers and records what reads back. */
void pci_acs_enable(struct pci_function *function);

/* Off: MSI, MSI-X, INTx, ATS, PRI, PASID, SR-IOV, phantom functions, no-snoop, ARI forwarding. The
 * function is brought to D0 first. False: something stays on. Also used after a reset. */
bool pci_silence(struct pci_function *function);

/* Finds a reason never to hand the function out, unless it has one already. */
void pci_refuse(struct pci_function *function);

/* Keeps the first reason. */
void pci_refuse_for(struct pci_function *function, const char *reason);

/* Whether a virtio device obeys the IOMMU. NULL: yes; else why not. */
const char *pci_virtio_refusal(struct pci_function *function);

/* --- groups (group.c) -------------------------------------------------------------------- */

void pci_groups_free(struct list *groups);

#endif
