/* SPDX-License-Identifier: MIT */
/*
 * What the IOMMU layer finds around it, for its tests: PCI functions, firmware tables, interrupt
 * vectors, random numbers.
 */
#ifndef TESTS_IOMMU_MACHINE_H
#define TESTS_IOMMU_MACHINE_H

#include <drivers/acpi/acpi.h>
#include <drivers/pci/pci.h>
#include <kernel/types.h>
#include <sys/types.h>

/* Adds a function below a bridge (NULL: on a root bus). Its requester id is its own address. */
struct pci_function *machine_function(uint16_t segment, uint8_t bus, uint8_t device,
                                      uint8_t function, struct pci_function *parent);

/* fork(), for what can be done once in a process. The child ends with _exit(); an assertion that
 * fails in it ends it too, by a signal, because it cannot be reported from there. */
pid_t machine_fork(void);

/* How often pci_set_master(function, on) was called. */
unsigned int machine_master_calls(const struct pci_function *function, bool on);

/* How many of the calls with false came when the function was refused already. */
unsigned int machine_master_off_when_refused(const struct pci_function *function);

/* What dmar_parse gives out; a DMAR or IVRS table is found when its flag is set. */
extern struct dmar machine_dmar;
extern int machine_dmar_error;
extern bool machine_has_dmar;
extern bool machine_has_ivrs;

/* What ivrs_parse gives out. */
extern struct ivrs machine_ivrs;
extern int machine_ivrs_error;

/* A function's config space, which pci_read and pci_write work on. */
uint8_t *machine_config(const struct pci_function *function);

/* The handler of the vector given out last; vectors count from 0x40. */
extern void (*machine_irq_handler)(void *context);
extern void *machine_irq_context;
extern int machine_irq_error;
extern bool machine_x2apic; /* the CPUs could be in x2APIC mode, and have wide ids */
#define MACHINE_X2APIC_ID    0x12345603u
#define MACHINE_FIRST_VECTOR 0x40
#define MACHINE_APIC_ID      3

#endif
