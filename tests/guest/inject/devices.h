/* SPDX-License-Identifier: MIT */
/* Scenarios with containers, groups and devices. */
#ifndef TESTS_GUEST_INJECT_DEVICES_H
#define TESTS_GUEST_INJECT_DEVICES_H

#include <stdbool.h>
#include <stdint.h>
#include <tests/guest/vfio/edu.h>

#define DEVICES_PAGE UINT64_C(4096)
#define DEVICES_MAPS 5 /* ways to map memory for DMA */

/* Memory of every layout, made once. */
void devices_start(void);

/* Trusts edu between users although no reset reaches it. */
void devices_trust(void);

/* An edu and what a task makes for it; handles that are not there are CORDON_HANDLE_NONE. */
struct life {
	struct edu edu;
	uint64_t registers_size; /* bytes mapped at edu.registers, or 0 */
	bool page_named;         /* devices_page was asked to be mapped, with success or without */
};

/* Container, group, every kind of mapping, device, registers. 0 or the first error. */
int64_t life_begin(struct life *life);

/* Unmaps, resets what can be reset, and reads what there is to read. 0 or the first error. */
int64_t life_use(struct life *life);

/* Closes what there is. */
void life_end(struct life *life);

/* All three; after a DMA mapping failed, once for each way to map, DMA is tried to where it would
 * have been: it arrives nowhere, and then, with the mapping, where it should. */
int64_t devices_life(void);

/* How often devices_life found DMA to do what it must, and how often not. */
extern unsigned int devices_right, devices_wrong;

/* The physical address of a page that life_begin makes reachable, and life_use leaves so. */
uint64_t devices_page_address(void);

/* Maps it again after it was unmapped. */
int64_t devices_map_page(struct life *life);

/* Gives up what this task itself holds of it. */
void devices_forget_page(void);

/* The same page, as this task sees it, and the address for the device. */
uint8_t *devices_page(uint64_t *iova);

#endif
