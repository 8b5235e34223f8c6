/* SPDX-License-Identifier: MIT */
/* What ELF files consist of, for those who read them. */
#ifndef KERNEL_ELF_FILE_H
#define KERNEL_ELF_FILE_H

#include <kernel/types.h>

/* ELF header (System V ABI, chapter 4, "ELF Header"). */
struct elf_header {
	uint8_t magic[4];
	uint8_t class;
	uint8_t data;
	uint8_t ident_version;
	uint8_t os_abi;
	uint8_t abi_version;
	uint8_t padding[7];
	uint16_t type;
	uint16_t machine;
	uint32_t version;
	uint64_t entry;
	uint64_t program_offset;
	uint64_t section_offset;
	uint32_t flags;
	uint16_t header_size;
	uint16_t program_entry_size;
	uint16_t program_count;
	uint16_t section_entry_size;
	uint16_t section_count;
	uint16_t section_names;
};
_Static_assert(sizeof(struct elf_header) == 64, "Elf64_Ehdr");
_Static_assert(offsetof(struct elf_header, entry) == 24, "Elf64_Ehdr");

/* Section header (System V ABI, chapter 4, "Sections"). */
struct elf_section {
	uint32_t name; /* offset in the section of names */
	uint32_t type;
	uint64_t flags;
	uint64_t address;
	uint64_t offset;
	uint64_t size;
	uint32_t link;
	uint32_t info;
	uint64_t align;
	uint64_t entry_size;
};
_Static_assert(sizeof(struct elf_section) == 64, "Elf64_Shdr");
_Static_assert(offsetof(struct elf_section, offset) == 24, "Elf64_Shdr");

#endif
