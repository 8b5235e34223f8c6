/* SPDX-License-Identifier: MIT */
#include <kernel/program.h>

#include <arch/mmio.h>
#include <kernel/elf_file.h>
#include <kernel/memory.h>
#include <kernel/string.h>

#define NAMES_MAGIC 0x534d4e43u /* "CNMS" */

static const char names_section[] = ".cordon.names";

/* What the section begins with (tools/mkprogram.py). */
struct names_header {
	uint32_t magic;
	uint32_t count;
	uint64_t base;
};
_Static_assert(sizeof(struct names_header) == 16, "names");

/* Some bytes of a file. */
struct part {
	const uint8_t *bytes;
	uint64_t size;
};

void program_remember(struct program *program, const struct memory *image, uint64_t offset,
                      uint64_t size)
{
	paddr_t base;

	*program = (struct program){0};
	if (image->kind != MEMORY_STATIC || size == 0 ||
	    memory_run(image, offset, size, &base) != size)
		return;
	program->bytes = phys_to_virt(base);
	program->size = size;
}

/* [offset, offset + size) of a part; empty when that is not inside. */
static struct part part_of(struct part whole, uint64_t offset, uint64_t size)
{
	if (offset > whole.size || size > whole.size - offset)
		return (struct part){0};
	return (struct part){whole.bytes + offset, size};
}

/* Copies what lies at an offset; the file may have it at any byte. */
static bool fetch(struct part whole, uint64_t offset, void *to, size_t size)
{
	struct part part = part_of(whole, offset, size);

	if (part.size != size)
		return false;
	memcpy(to, part.bytes, size);
	return true;
}

static bool section_at(struct part file, const struct elf_header *header, uint32_t index,
                       struct elf_section *section)
{
	uint64_t distance = (uint64_t)index * sizeof(*section);

	return header->section_offset <= file.size &&
	       fetch(file, header->section_offset + distance, section, sizeof(*section));
}

static bool section_is_named(struct part names, uint32_t at, const char *name)
{
	struct part text = part_of(names, at, strlen(name) + 1);

	return text.size && memcmp(text.bytes, name, text.size) == 0;
}

/* The section of functions' names; empty when the file has none. */
static struct part find_names(struct part file)
{
	struct elf_header header;
	struct elf_section section;
	struct part names;

	if (!fetch(file, 0, &header, sizeof(header)) ||
	    !section_at(file, &header, header.section_names, &section))
		return (struct part){0};
	names = part_of(file, section.offset, section.size);
	for (uint32_t i = 0; i < header.section_count; i++) {
		if (!section_at(file, &header, i, &section))
			break;
		if (section_is_named(names, section.name, names_section))
			return part_of(file, section.offset, section.size);
	}
	return (struct part){0};
}

/* How many of count addresses, ascending from an offset on, are at or below one. */
static uint32_t count_below(struct part names, uint32_t count, uint64_t distance)
{
	uint32_t low = 0, high = count, start;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (!fetch(names, sizeof(struct names_header) + middle * sizeof(start), &start,
		           sizeof(start)))
			return 0;
		if (start <= distance)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Copies the index-th of strings that end in zero bytes. False: it is empty, or not there. */
static bool string_at(struct part strings, uint32_t index, char name[PROGRAM_NAME_MAX])
{
	size_t length = 0;

	for (uint64_t at = 0; at < strings.size && length < PROGRAM_NAME_MAX - 1; at++) {
		char c = (char)strings.bytes[at];

		if (index == 0 && c == 0)
			break;
		if (index == 0)
			name[length++] = c < ' ' || c > '~' ? '?' : c;
		else
			index -= c == 0;
	}
	name[length] = 0;
	return length > 0;
}

bool program_function(const struct program *program, uint64_t address, char name[PROGRAM_NAME_MAX],
                      uint64_t *offset)
{
	struct part names, strings;
	struct names_header header;
	uint32_t index, start;

	if (!program->bytes)
		return false;
	names = find_names((struct part){program->bytes, program->size});
	if (!fetch(names, 0, &header, sizeof(header)) || header.magic != NAMES_MAGIC ||
	    address < header.base || header.count > names.size / sizeof(start))
		return false;
	index = count_below(names, header.count, address - header.base);
	if (index-- == 0 ||
	    !fetch(names, sizeof(header) + index * sizeof(start), &start, sizeof(start)))
		return false;
	start = min_u64(start, address - header.base);
	strings = part_of(
	        names, sizeof(header) + header.count * sizeof(start),
	        names.size - min_u64(names.size, sizeof(header) + header.count * sizeof(start)));
	*offset = address - header.base - start;
	return string_at(strings, index, name);
}
