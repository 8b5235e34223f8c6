/* SPDX-License-Identifier: MIT */
/*
 * The world below drivers/vfio, replaced: PCI functions, IOMMU domains, memory objects, address
 * spaces and tasks. Everything that happens is written into a journal, so that a test can compare
 * the order; and the model checks by itself what must never happen: memory that is given back while
 * a domain, or a translation not yet flushed, still leads to it.
 */
#ifndef TESTS_VFIO_WORLD_H
#define TESTS_VFIO_WORLD_H

#include <drivers/iommu/iommu.h>
#include <drivers/pci/pci.h>
#include <kernel/memory.h>
#include <kernel/task.h>
#include <tests/unit/fake/fake.h>

/* --- journal --------------------------------------------------------------------------------- */

/* Words separated by spaces, since the start or the last clear. */
const char *journal_text(void);
void journal_clear(void);
void journal(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Whether the first word comes before the second and both are there. */
bool journal_ordered(const char *first, const char *second);
bool journal_has(const char *word);

/* --- tasks and their memory ------------------------------------------------------------------ */

#define WORLD_TASKS 3

extern struct task world_tasks[WORLD_TASKS];

/* The task that calls now. */
void world_run_as(unsigned int index);

/* Two pages that all tasks can read and write; pointers into them can be passed to system calls. */
extern uint8_t world_user[2 * 4096] __attribute__((aligned(4096)));

/* Pages that tasks can only read. */
extern const uint8_t world_user_constant[4096] __attribute__((aligned(4096)));

/* A RAM object of runs: every run bytes from base on, then a gap of one page. One reference. */
struct memory *world_memory(uint64_t base, uint64_t size, uint64_t run);

/* How many memory objects exist. */
unsigned int world_memories(void);

/* Puts part of a memory object at an address of every task; memory NULL: nothing is there any more.
 * Keeps a reference. */
void world_place(uint64_t address, struct memory *memory, uint64_t offset, uint64_t size,
                 uint32_t prot);

/* A handle of the running task. */
cordon_handle_t world_handle(struct object *object, uint32_t rights);

/* Ends a task: closes its handles, then its places go, as task_finish does. */
void world_end_task(unsigned int index);

/* Pages of BARs that tasks have mapped and can reach now. */
unsigned int world_bar_mappings(void);

/* --- PCI ------------------------------------------------------------------------------------- */

/* A function in a group of its own, at 00:slot.0, of the given unit, with one memory BAR of 16 KiB.
 */
struct pci_function *world_function(uint8_t slot, struct iommu_unit *unit);

/* Puts a function into the group of another. */
void world_join(struct pci_function *function, struct pci_function *other);

/* What a function does. */
struct world_behaviour {
	bool flr;
	bool reset_fails;
	bool stays_pending;
};
struct world_behaviour *world_behaviour(const struct pci_function *function);

/* --- IOMMU ----------------------------------------------------------------------------------- */

struct iommu_unit {
	bool dead;
};
extern struct iommu_unit world_units[2];

extern bool world_iommu_usable;
extern bool world_coherent;

/* The count-th call from now of a kind fails, once. 0: none. */
struct world_failures {
	unsigned int create;
	unsigned int attach;
	unsigned int map;
	unsigned int flush;  /* -EIO, and the unit is dead from then on */
	unsigned int detach; /* likewise */
};
extern struct world_failures world_failures;

extern unsigned int world_flushes; /* confirmed invalidations that were owed */
unsigned int world_domains(void);

/* Units that died answer again; what they kept in quarantine is forgotten, and no failure waits.
 * Only when nothing holds a domain any more. */
void world_revive(void);
bool world_attached(const struct pci_function *function);

/* Where the function's DMA to an address would go; false: refused. */
bool world_translate(const struct pci_function *function, uint64_t address, uint32_t flags,
                     uint64_t *physical);

/* Narrows the ranges of domains that are asked from now on: the second range starts there. */
extern uint64_t world_high_start;

/* An access is refused. */
void world_fault(const struct pci_function *function, uint64_t address, uint64_t lost);

/* Sets it all up, and starts drivers/vfio on the functions that were made. */
void world_start(void);

#endif
