/* SPDX-License-Identifier: MIT */
/* A container with four functions: one with all that a device can have, one with nothing, and two
 * that share a requester id. */
#ifndef TESTS_VFIO_DEVICE_BED_H
#define TESTS_VFIO_DEVICE_BED_H

#include <tests/unit/vfio/calls.h>

#define IOVA    UINT64_C(0x40000000)
#define PAGE    CORDON_PAGE_SIZE
#define EXPRESS 0x80 /* where the capability of the express function is */

extern struct pci_function *express, *plain, *twin, *other_twin;
extern cordon_handle_t container, group, plain_group, twin_group;

/* Registers of the express function's BAR, and how often they were accessed. */
extern uint64_t registers[0x4000 / 8];
extern unsigned int accesses;

/* Makes all of it; for the start of a suite. */
void device_start(void);

void config_put(struct pci_function *function, uint32_t offset, uint32_t value);
uint16_t command_of(const struct pci_function *function);

/* Maps a part of the device's first BAR: the address, or an error. */
int64_t map_bar(cordon_handle_t device, uint64_t offset, uint64_t size);

#endif
