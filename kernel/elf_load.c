/* SPDX-License-Identifier: MIT */
/* Loading: memory for each checked segment, filled and mapped. */
#include <arch/mmio.h>
#include <cordon/errno.h>
#include <kernel/elf.h>
#include <kernel/string.h>

/* Copies bytes out of a memory object; the range is inside it. */
static void image_read(const struct memory *image, uint64_t offset, void *to, uint64_t size)
{
	uint8_t *bytes = to;

	while (size) {
		paddr_t base;
		uint64_t run = memory_run(image, offset, size, &base);

		memcpy(bytes, phys_to_virt(base), run);
		bytes += run;
		offset += run;
		size -= run;
	}
}

static int segment_load(struct aspace *aspace, struct account *account, const struct memory *image,
                        uint64_t offset, const struct elf_segment *segment)
{
	uint64_t from = offset + segment->offset, to = segment->data_at;
	uint64_t left = segment->data_size;
	uaddr_t address = uaddr(segment->address);
	struct memory *memory;
	int error = memory_create(account, segment->size, 0, &memory);

	if (error)
		return error;
	while (left) {
		paddr_t base;
		uint64_t run = memory_run(memory, to, left, &base);

		image_read(image, from, phys_to_virt(base), run);
		from += run;
		to += run;
		left -= run;
	}
	error = aspace_map(aspace, memory, 0, segment->size, segment->prot, segment->prot,
	                   CORDON_MAP_FIXED, &address);
	object_unref(&memory->object);
	return error;
}

int elf_load(struct aspace *aspace, struct account *account, struct memory *image, uint64_t offset,
             uint64_t size, uint64_t *entry, const char **reason)
{
	uint8_t header[ELF_HEADER_SIZE];
	uint8_t phdrs[ELF_PHDRS_MAX * ELF_PHDR_SIZE];
	struct elf_program program;
	uint64_t phdr_offset;
	uint32_t phdr_count;
	int error;

	*reason = "no memory";
	if (image->kind == MEMORY_DEVICE) {
		*reason = "registers of a device are no program";
		return -ENOEXEC;
	}
	if (offset > image->size || size > image->size - offset || size < sizeof(header)) {
		*reason = "the file is not inside its memory object, or too short";
		return -ENOEXEC;
	}
	image_read(image, offset, header, sizeof(header));
	error = elf_check_header(header, size, &phdr_offset, &phdr_count, entry, reason);
	if (error)
		return error;
	image_read(image, offset + phdr_offset, phdrs, phdr_count * ELF_PHDR_SIZE);
	error = elf_check_segments(phdrs, phdr_count, size, *entry, &program, reason);
	for (uint32_t i = 0; i < program.segment_count && !error; i++)
		error = segment_load(aspace, account, image, offset, &program.segments[i]);
	return error;
}
