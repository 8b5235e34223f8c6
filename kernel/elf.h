/* SPDX-License-Identifier: MIT */
/*
 * Loading static ELF64 programs for x86-64 (System V ABI, generic: chapters 4 and 5; AMD64
 * supplement: 4.1). Files come from tasks, so nothing in them is believed.
 */
#ifndef KERNEL_ELF_H
#define KERNEL_ELF_H

#include <kernel/aspace.h>

#define ELF_HEAD_SIZE    4096u /* the headers lie in the first bytes of a file */
#define ELF_SEGMENTS_MAX 16u

/* What is loaded: whole pages, rights of the segment. */
struct elf_segment {
	uint64_t file_offset;
	uint64_t file_size;
	uint64_t address; /* of the first byte */
	uint64_t size;    /* in memory; what the file does not have is zero */
	uint32_t prot;    /* CORDON_PROT_* */
};

struct elf_plan {
	uint64_t entry;
	uint32_t segment_count;
	struct elf_segment segments[ELF_SEGMENTS_MAX]; /* ascending, no page in common */
};

/*
 * Checks the headers of a file and says what to load. head: the first head_size bytes of the file,
 * which is min(file_size, ELF_HEAD_SIZE); nothing else is looked at. Returns 0, or -ENOEXEC with a
 * reason (a constant string).
 */
int elf_check(const void *head, size_t head_size, uint64_t file_size, struct elf_plan *plan,
              const char **reason);

/*
 * Loads the program that lies at [image_offset, image_offset + image_size) of a memory object of
 * kind RAM or STATIC into an address space. The image may change while this runs: headers and
 * contents are copied once. The segments become memory objects charged to the account. Returns 0
 * and the first instruction's address; or -ENOEXEC or -ENOMEM with a reason (a constant string) and
 * nothing mapped. Called without locks.
 */
int elf_load(struct aspace *aspace, struct account *account, const struct memory *image,
             uint64_t image_offset, uint64_t image_size, uint64_t *entry, const char **reason);

#endif
