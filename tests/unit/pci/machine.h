/* SPDX-License-Identifier: MIT */
/*
 * A PCI hierarchy behind an ECAM window: config accesses are routed by the bus numbers that stand
 * in the bridges at that moment, registers keep only the bits they implement, so sizing and
 * numbering work as on hardware. Firmware is played by the test, which sets registers directly.
 */
#ifndef TESTS_UNIT_PCI_MACHINE_H
#define TESTS_UNIT_PCI_MACHINE_H

#include <drivers/pci/internal.h>
#include <drivers/pci/registers.h>

#define MACHINE_ECAM    UINT64_C(0xb0000000)
#define MACHINE_MAX     128
#define MACHINE_NONE    0xffffffffffffffff
#define MACHINE_VENDOR  0x1234
#define MACHINE_ACS_ALL 0x5f /* what QEMU's root port offers: SV TB RR CR UF DT */

struct device {
	struct device *parent; /* NULL: on a root bus */
	uint8_t root_bus;      /* then */
	uint8_t devfn;
	uint8_t bytes[4096];
	uint8_t writable[4096];
	uint8_t reset[4096]; /* what a reset leaves */
	uint16_t next_cap, next_ext, last_cap, last_ext;
	uint16_t express, acs, msi, msix, ats, sriov; /* where they were put */

	/* Behaviour. */
	bool flr_does_nothing, flr_forgets_bars, pending_for_ever, acs_is_a_lie;
	void (*on_command)(void); /* called for each write of COMMAND */
	uint64_t absent_until;    /* after a reset: fake time when it answers again */
	unsigned int resets;

	/* What was seen. */
	bool sized_while_decoding; /* all ones in a BAR while the function decodes */
};

/* Puts the ECAM window in place. Call first. */
void machine_start(void);

struct mcfg machine_mcfg(void);

/* A function with a type 0 header, without capabilities. */
struct device *machine_endpoint(struct device *parent, uint8_t slot, uint8_t function);
struct device *machine_endpoint_on(uint8_t root_bus, uint8_t slot, uint8_t function);

/* A conventional bridge, and express ones; acs: what the capability offers, 0: there is none. Bus
 * numbers are zero, windows closed by their power-on values. */
struct device *machine_bridge(struct device *parent, uint8_t slot, uint8_t function);
struct device *machine_port(struct device *parent, uint8_t slot, uint8_t function,
                            enum pci_express_type type, uint16_t acs);

/* Adds a capability of some bytes; gives its offset. */
uint16_t machine_cap(struct device *device, uint8_t id, uint16_t size);
uint16_t machine_ext(struct device *device, uint16_t id, uint16_t size);
void machine_express(struct device *device, enum pci_express_type type, bool flr);
void machine_acs(struct device *device, uint16_t offered);
void machine_msi(struct device *device);
void machine_msix(struct device *device, unsigned int vectors, uint32_t table, uint32_t pending);

void machine_multifunction(struct device *device);
void machine_class(struct device *device, uint32_t class_code);
void machine_id(struct device *device, uint16_t vendor, uint16_t id);

/* type: PCI_BAR_TYPE_* and PCI_BAR_PREFETCH, or PCI_BAR_SPACE_IO. */
void machine_bar(struct device *device, unsigned int index, uint64_t size, uint32_t type);
void machine_rom(struct device *device, uint32_t size);

/* Firmware: numbers all buses depth first, as SeaBIOS does. */
void machine_number(void);
void machine_set_bar(struct device *device, unsigned int index, uint64_t base);
void machine_set_window(struct device *bridge, enum pci_window_kind kind, uint64_t base,
                        uint64_t size);

uint8_t machine_get8(const struct device *device, uint16_t offset);
uint16_t machine_get16(const struct device *device, uint16_t offset);
uint32_t machine_get32(const struct device *device, uint16_t offset);
void machine_set16(struct device *device, uint16_t offset, uint16_t value);
void machine_set32(struct device *device, uint16_t offset, uint32_t value);
void machine_allow(struct device *device, uint16_t offset, uint16_t size);

/* Runs pci_init on it, which must succeed. */
void machine_boot(void);

/* The function that stands for a device; NULL: it was not found. */
struct pci_function *machine_function(const struct device *device);

#endif
