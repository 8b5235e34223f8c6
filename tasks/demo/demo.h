/* SPDX-License-Identifier: MIT */
/* What the parts of the demonstration share. */
#ifndef DEMO_H
#define DEMO_H

#include <stdint.h>

#include <cordon/rt.h>

struct demo {
	cordon_handle_t inspect;    /* authority with INSPECT: looks, changes nothing */
	cordon_handle_t initramfs;  /* where the programs are */
	cordon_handle_t disk_group; /* NVMe controller */
	cordon_handle_t edu_group;  /* educational device */
	const void *archive;        /* the initramfs, mapped */
	uint64_t archive_size;
};

/* The disk, read and written by an isolated task (disk.c). */
void demo_disk(const struct demo *demo);

/* What a task with a device cannot do (attacks.c). */
void demo_attacks(const struct demo *demo);

/* Prints who holds which group, its functions, and every DMA mapping (holders.c). */
void demo_print_holders(const struct demo *demo);

/* 1 when the group whose handle this is, is held by the task of that id. */
int demo_group_is_held(const struct demo *demo, cordon_handle_t group, uint64_t task);

/* How many DMA mappings the task holds. */
int demo_mappings_of(const struct demo *demo, uint64_t task);

#endif
