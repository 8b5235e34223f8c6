/* SPDX-License-Identifier: MIT */
/*
 * PCI: functions, config space, resources, capabilities, isolation groups, resets.
 *
 * Sections are of the PCI Express base specification 5.0 unless said otherwise.
 */
#ifndef DRIVERS_PCI_PCI_H
#define DRIVERS_PCI_PCI_H

#include <cordon/vfio.h>
#include <drivers/acpi/acpi.h>
#include <kernel/list.h>
#include <kernel/types.h>

/* The device/port type of the PCI Express capability (7.5.3.2). */
enum pci_express_type {
	PCI_EXPRESS_ENDPOINT = 0,
	PCI_EXPRESS_LEGACY_ENDPOINT = 1,
	PCI_EXPRESS_ROOT_PORT = 4,
	PCI_EXPRESS_UPSTREAM = 5,
	PCI_EXPRESS_DOWNSTREAM = 6,
	PCI_EXPRESS_TO_PCI = 7,
	PCI_EXPRESS_FROM_PCI = 8,
	PCI_EXPRESS_ROOT_ENDPOINT = 9,
	PCI_EXPRESS_ROOT_EVENT = 10,
	PCI_EXPRESS_NONE = 255, /* conventional PCI: no such capability */
};

enum pci_bar_kind { PCI_BAR_NONE, PCI_BAR_MEMORY32, PCI_BAR_MEMORY64, PCI_BAR_IO };

struct pci_bar {
	enum pci_bar_kind kind;
	bool prefetchable;
	uint64_t base; /* bus address = physical address; 0: could not be assigned */
	uint64_t size;
};

/* What a bridge forwards downstream. LOW is its non-prefetchable memory window, HIGH the
 * prefetchable one when that has 64 bits. */
enum pci_window_kind { PCI_WINDOW_IO, PCI_WINDOW_LOW, PCI_WINDOW_HIGH, PCI_WINDOWS };

struct pci_window {
	bool usable;   /* the bridge has such a window */
	uint64_t base; /* meaningful when size is not 0 */
	uint64_t size; /* 0: closed */
	/* Scratch of the assignment: what lies below and has no address yet. */
	uint64_t need, alignment;
};

/* Offsets of capabilities in config space; 0: not there. */
struct pci_capabilities {
	uint16_t power, msi, msix, express, advanced_features, vpd;
	uint16_t acs, ats, sriov, ari, pri, pasid, aer, rebar, dpc, serial;
};

struct iommu_unit;

struct pci_function {
	struct list link; /* in the list of all functions, in enumeration order */
	cordon_bdf_t bdf;
	uint16_t vendor, device, subsystem_vendor, subsystem_device;
	uint32_t class_code; /* class << 16 | subclass << 8 | interface */
	uint8_t revision;
	uint8_t header_type; /* 0 endpoint, 1 bridge, 2 cardbus */
	bool multifunction;  /* of its slot */
	enum pci_express_type express_type;
	struct pci_capabilities caps;
	struct pci_bar bars[6]; /* of a 64-bit BAR the second entry is NONE */
	struct pci_bar rom;
	uint8_t interrupt_pin;                  /* 0 none, 1..4 INTA..INTD */
	uint8_t secondary, subordinate;         /* bridges */
	struct pci_function *parent;            /* the bridge above, NULL on a root bus */
	volatile uint8_t *config;               /* its 4 KiB of ECAM */
	struct pci_window windows[PCI_WINDOWS]; /* bridges */

	/* Bus mastering (pci_set_master): asked for this function, and how many functions below a
	 * bridge have it. */
	bool master;
	uint32_t masters_below;

	/* Isolation, filled by pci_groups_build. */
	rid_t requester; /* the id its DMA carries when it reaches the IOMMU (alias of a bridge, or
	                    its own) */
	uint16_t acs_enabled; /* ACS control as read back */
	uint32_t group;

	/* Why it is never handed out (S5), or NULL. A static string. */
	const char *refused;
	/* The unit that covers it, filled by the IOMMU layer; NULL: none, bus mastering stays off
	 * for ever. */
	struct iommu_unit *iommu;
};

/* --- config space (drivers/pci/config.c) -------------------------------------------------- */

/* An offset is a multiple of the width. Beyond pci_config_size reads give ones and writes are
 * dropped. */
uint8_t pci_read8(const struct pci_function *function, uint32_t offset);
uint16_t pci_read16(const struct pci_function *function, uint32_t offset);
uint32_t pci_read32(const struct pci_function *function, uint32_t offset);
void pci_write8(const struct pci_function *function, uint32_t offset, uint8_t value);
void pci_write16(const struct pci_function *function, uint32_t offset, uint16_t value);
void pci_write32(const struct pci_function *function, uint32_t offset, uint32_t value);

/* Bytes of config space the function has: 256 conventional, 4096 express. */
uint32_t pci_config_size(const struct pci_function *function);

/* The status register's and COMMAND's bits that the kernel uses (7.5.1.1). */
#define PCI_COMMAND          0x04
#define PCI_COMMAND_IO       0x0001
#define PCI_COMMAND_MEMORY   0x0002
#define PCI_COMMAND_MASTER   0x0004
#define PCI_COMMAND_INTX_OFF 0x0400

/* --- enumeration (enumerate.c, resource.c) ------------------------------------------------- */

/*
 * Finds every function, numbers buses where firmware did not, assigns BARs and bridge windows where
 * firmware left none, reads capabilities, switches ACS on and reads it back, and builds the groups.
 *
 * When it returns, bus mastering is off in every function, bridges included (S1): a bridge forwards
 * upstream only while a function below it may master, see pci_set_master. Endpoints decode neither
 * memory nor I/O; bridges do. MSI, MSI-X, ATS, PRI, PASID and SR-IOV are off everywhere, INTx is
 * disabled, ARI forwarding is off (functions above 7 do not exist here), no-snoop is not permitted.
 *
 * Returns 0; -ENODEV without ECAM; -ENOMEM. After a failure nothing is handed out: the lists of
 * functions and groups are empty.
 */
int pci_init(const struct mcfg *mcfg);

/* Called before pci_init, for every range that the memory map reserves: no BAR is put there. */
void pci_exclude(paddr_t base, uint64_t size);

/* All functions, or the one with an address; NULL: none. Functions are never freed (no hotplug
 * yet). */
struct list *pci_functions(void);
struct pci_function *pci_find(cordon_bdf_t bdf);

/* Follows a device-scope path from a start bus (VT-d 8.3.1; the same form in IVRS). NULL: not
 * there. */
struct pci_function *pci_find_path(uint16_t segment, uint8_t start_bus, const uint8_t (*path)[2],
                                   size_t length);

/* Physical ranges of ECAM areas, to refuse BARs that overlap them. */
bool pci_overlaps_ecam(uint64_t base, uint64_t size);

/*
 * Bus mastering of a function, and of the bridges above as far as needed: a bridge's bit is set
 * while at least one function below it has its own. Switching on is ignored, and logged, for a
 * function that is refused or that no IOMMU covers (S1, S5); bridges are no functions to hand out
 * and are not asked. Idempotent. Takes a lock of RANK_PCI.
 */
void pci_set_master(struct pci_function *function, bool on);

/* Changes COMMAND: clears bits, then sets bits; never PCI_COMMAND_MASTER, which is
 * pci_set_master's. Takes a lock of RANK_PCI. */
void pci_update_command(struct pci_function *function, uint16_t clear, uint16_t set);

/* --- groups (group.c) ---------------------------------------------------------------------- */

struct pci_group {
	struct list link;
	uint32_t number; /* = number of the first function in enumeration order; unique over
	                    segments (CORE-4) */
	uint32_t function_count;
	struct pci_function **functions;
	char reason[128]; /* in words: why these functions are together, or why one stands alone
	                     (S4) */
};

/*
 * Builds the groups of all functions: requester-id aliases (conventional bridges), paths to the
 * root without ACS (source validation, request and completion redirect, upstream forwarding), what
 * siblings behind a switch or in a multifunction slot can reach of each other, all downstream ports
 * and not only the device's own path (S4). Pure over the given list; the list of groups comes out
 * in order. Returns 0 or -ENOMEM.
 */
int pci_groups_build(struct list *functions, struct list *groups);

/* The system's groups (after pci_init), and one by number. */
struct list *pci_groups(void);
struct pci_group *pci_group_find(uint32_t number);

/* --- resets and quiescing (reset.c) -------------------------------------------------------- */

bool pci_has_flr(const struct pci_function *function);

/*
 * Stops a function's DMA and interrupts: INTx, MSI and MSI-X off, bus mastering off, then waits
 * (bounded, PCI_PENDING_TIMEOUT) until no transactions are pending (7.5.3.5). -EIO: still pending.
 */
int pci_quiesce(struct pci_function *function);

/*
 * Resets a function by FLR (6.6.2) or AF FLR, waits until it answers, verifies that COMMAND, BARs
 * and MSI enables read zero, and restores BARs with memory decoding off. -ENOTTY: no such reset;
 * -EIO: not confirmed.
 */
int pci_reset(struct pci_function *function);

/* Writes the BARs that enumeration assigned; for after a reset or a write that must not stick. */
void pci_restore_bars(struct pci_function *function);

/* "0000:00:04.0" */
#define PCI_NAME_MAX 16
void pci_name(cordon_bdf_t bdf, char out[PCI_NAME_MAX]);

#endif
