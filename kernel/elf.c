/* SPDX-License-Identifier: MIT */
/* Checking: pure functions over the bytes of headers. */
#include <cordon/errno.h>
#include <kernel/elf.h>
#include <kernel/string.h>

/* File header, gABI figure 4-3. */
struct elf_header {
	uint8_t ident[16];
	uint16_t type;
	uint16_t machine;
	uint32_t version;
	uint64_t entry;
	uint64_t phdr_offset;
	uint64_t shdr_offset;
	uint32_t flags;
	uint16_t header_size;
	uint16_t phdr_size;
	uint16_t phdr_count;
	uint16_t shdr_size;
	uint16_t shdr_count;
	uint16_t shdr_names;
};
_Static_assert(sizeof(struct elf_header) == ELF_HEADER_SIZE, "gABI figure 4-3");

/* Program header, gABI figure 5-1. */
struct elf_phdr {
	uint32_t type;
	uint32_t flags;
	uint64_t offset;
	uint64_t virtual_address;
	uint64_t physical_address;
	uint64_t file_size;
	uint64_t memory_size;
	uint64_t alignment;
};
_Static_assert(sizeof(struct elf_phdr) == ELF_PHDR_SIZE, "gABI figure 5-1");

#define IDENT_CLASS   4
#define IDENT_DATA    5
#define IDENT_VERSION 6
#define CLASS_64      2
#define DATA_LITTLE   1
#define VERSION       1
#define TYPE_EXEC     2
#define MACHINE_X86   62

#define PHDR_LOAD    1u
#define PHDR_DYNAMIC 2u
#define PHDR_INTERP  3u
#define PHDR_TLS     7u
#define PHDR_STACK   0x6474e551u

#define FLAG_EXEC  1u
#define FLAG_WRITE 2u
#define FLAG_READ  4u

static int refuse(const char **reason, const char *text)
{
	*reason = text;
	return -ENOEXEC;
}

int elf_check_header(const uint8_t bytes[ELF_HEADER_SIZE], uint64_t file_size,
                     uint64_t *phdr_offset, uint32_t *phdr_count, uint64_t *entry,
                     const char **reason)
{
	struct elf_header header;

	memcpy(&header, bytes, sizeof(header));
	if (memcmp(header.ident, "\177ELF", 4) != 0)
		return refuse(reason, "not an ELF file");
	if (header.ident[IDENT_CLASS] != CLASS_64 || header.ident[IDENT_DATA] != DATA_LITTLE ||
	    header.ident[IDENT_VERSION] != VERSION || header.version != VERSION)
		return refuse(reason, "not a little-endian ELF64 file");
	if (header.machine != MACHINE_X86)
		return refuse(reason, "not for x86-64");
	if (header.type != TYPE_EXEC)
		return refuse(reason, "not a static executable at a fixed address");
	if (header.phdr_size != sizeof(struct elf_phdr))
		return refuse(reason, "program headers of an unknown size");
	if (header.phdr_count == 0 || header.phdr_count > ELF_PHDRS_MAX)
		return refuse(reason, "no program headers, or too many");
	if (header.phdr_offset > file_size ||
	    header.phdr_count * sizeof(struct elf_phdr) > file_size - header.phdr_offset)
		return refuse(reason, "program headers past the end of the file");
	*phdr_offset = header.phdr_offset;
	*phdr_count = header.phdr_count;
	*entry = header.entry;
	return 0;
}

static uint32_t prot_of_flags(uint32_t flags)
{
	uint32_t prot = 0;

	if (flags & FLAG_READ)
		prot |= CORDON_PROT_READ;
	if (flags & FLAG_WRITE)
		prot |= CORDON_PROT_WRITE;
	if (flags & FLAG_EXEC)
		prot |= CORDON_PROT_EXEC;
	return prot;
}

/* Checks one loadable header and appends its segment. */
static int add_segment(const struct elf_phdr *phdr, uint64_t file_size, struct elf_program *out,
                       const char **reason)
{
	struct elf_segment *segment = &out->segments[out->segment_count];
	uint64_t start = phdr->virtual_address;

	if (phdr->memory_size == 0)
		return phdr->file_size ? refuse(reason, "a segment larger in the file") : 0;
	if (out->segment_count == ELF_SEGMENTS_MAX)
		return refuse(reason, "too many segments");
	if (phdr->file_size > phdr->memory_size)
		return refuse(reason, "a segment larger in the file than in memory");
	if (phdr->offset > file_size || phdr->file_size > file_size - phdr->offset)
		return refuse(reason, "a segment past the end of the file");
	if (start < CORDON_USER_MIN || start >= CORDON_USER_MAX ||
	    phdr->memory_size > CORDON_USER_MAX - start)
		return refuse(reason, "a segment outside the user's addresses");
	if ((phdr->flags & FLAG_WRITE) && (phdr->flags & FLAG_EXEC))
		return refuse(reason, "a segment that is writable and executable");
	segment->address = align_down(start, PAGE_SIZE);
	segment->size = align_up(start + phdr->memory_size, PAGE_SIZE) - segment->address;
	segment->offset = phdr->offset;
	segment->data_at = start - segment->address;
	segment->data_size = phdr->file_size;
	segment->prot = prot_of_flags(phdr->flags);
	if (out->segment_count && segment->address < segment[-1].address + segment[-1].size)
		return refuse(reason, "segments that overlap, share a page or are out of order");
	out->segment_count++;
	return 0;
}

static int check_phdr(const struct elf_phdr *phdr, uint64_t file_size, struct elf_program *out,
                      const char **reason)
{
	switch (phdr->type) {
	case PHDR_LOAD:
		return add_segment(phdr, file_size, out, reason);
	case PHDR_DYNAMIC:
		return refuse(reason, "it is dynamically linked");
	case PHDR_INTERP:
		return refuse(reason, "it asks for an interpreter");
	case PHDR_TLS:
		return refuse(reason,
		              "it has thread-local storage, which the loader does not set up");
	case PHDR_STACK:
		return phdr->flags & FLAG_EXEC ? refuse(reason, "it asks for an executable stack")
		                               : 0;
	default:
		return 0; /* notes and the like say nothing about loading */
	}
}

int elf_check_segments(const uint8_t *phdrs, uint32_t count, uint64_t file_size, uint64_t entry,
                       struct elf_program *out, const char **reason)
{
	out->entry = entry;
	out->segment_count = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct elf_phdr phdr;
		int error;

		memcpy(&phdr, phdrs + i * sizeof(phdr), sizeof(phdr));
		error = check_phdr(&phdr, file_size, out, reason);
		if (error)
			return error;
	}
	for (uint32_t i = 0; i < out->segment_count; i++) {
		const struct elf_segment *segment = &out->segments[i];

		if ((segment->prot & CORDON_PROT_EXEC) && entry >= segment->address &&
		    entry - segment->address < segment->size)
			return 0;
	}
	return refuse(reason, "its entry is in no executable segment");
}
