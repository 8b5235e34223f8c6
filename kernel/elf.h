/* SPDX-License-Identifier: MIT */
/*
 * Programs: static ELF64 executables for x86-64 (System V gABI chapters 4 and 5).
 *
 * Checking works on bytes of the headers only and trusts none of them; it is what the
 * host tests and the fuzzer drive. Loading acts on what was checked and copied, so a change of
 * the image meanwhile cannot do more than give the task wrong contents.
 */
#ifndef KERNEL_ELF_H
#define KERNEL_ELF_H

#include <kernel/aspace.h>

#define ELF_SEGMENTS_MAX 16
#define ELF_HEADER_SIZE  64
#define ELF_PHDR_SIZE    56
#define ELF_PHDRS_MAX    32

/* One segment to load, checked. */
struct elf_segment {
	uint64_t address;   /* page aligned */
	uint64_t size;      /* page aligned, not zero */
	uint64_t offset;    /* of the data, in the file */
	uint64_t data_at;   /* where it lies in the segment: address + data_at */
	uint64_t data_size; /* the rest is zero */
	uint32_t prot;      /* CORDON_PROT_* */
};

struct elf_program {
	uint64_t entry;
	uint32_t segment_count;
	struct elf_segment segments[ELF_SEGMENTS_MAX];
};

/* Checks the file header (the first ELF_HEADER_SIZE bytes of a file of file_size bytes) and tells
 * where the program headers are. Returns 0, or -ENOEXEC with *reason a static string. */
int elf_check_header(const uint8_t header[ELF_HEADER_SIZE], uint64_t file_size,
                     uint64_t *phdr_offset, uint32_t *phdr_count, uint64_t *entry,
                     const char **reason);

/* Checks the program headers and works out the segments. Likewise. */
int elf_check_segments(const uint8_t *phdrs, uint32_t count, uint64_t file_size, uint64_t entry,
                       struct elf_program *out, const char **reason);

/* Loads a program that lies in a memory object into an empty address space. Returns 0 with its
 * entry, -ENOEXEC with a reason, or -ENOMEM; what was mapped then goes with the address space. */
int elf_load(struct aspace *aspace, struct account *account, struct memory *image, uint64_t offset,
             uint64_t size, uint64_t *entry, const char **reason);

#endif
