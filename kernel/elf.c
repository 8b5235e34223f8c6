/* SPDX-License-Identifier: MIT */
#include <arch/mmio.h>
#include <cordon/errno.h>
#include <kernel/elf.h>
#include <kernel/elf_file.h>
#include <kernel/heap.h>
#include <kernel/panic.h>
#include <kernel/string.h>

/* Program header (System V ABI, chapter 5, "Program Header"). */
struct elf_program {
	uint32_t type;
	uint32_t flags;
	uint64_t offset;
	uint64_t address;
	uint64_t physical;
	uint64_t file_size;
	uint64_t size;
	uint64_t align;
};
_Static_assert(sizeof(struct elf_program) == 56, "Elf64_Phdr");

#define CLASS_64           2
#define DATA_LITTLE_ENDIAN 1
#define VERSION_CURRENT    1
#define OS_ABI_SYSV        0
#define TYPE_EXECUTABLE    2
#define MACHINE_X86_64     62

#define FLAG_EXEC  0x1u
#define FLAG_WRITE 0x2u
#define FLAG_READ  0x4u

enum segment_type {
	SEGMENT_NULL = 0,
	SEGMENT_LOAD = 1,
	SEGMENT_DYNAMIC = 2,
	SEGMENT_INTERP = 3,
	SEGMENT_NOTE = 4,
	SEGMENT_HEADERS = 6,
	SEGMENT_TLS = 7,
	SEGMENT_EH_FRAME = 0x6474e550,
	SEGMENT_STACK = 0x6474e551,
	SEGMENT_RELRO = 0x6474e552,
	SEGMENT_PROPERTY = 0x6474e553,
};

/* --- checks, on nothing but bytes ------------------------------------------------------------ */

/* Whether [start, start + size) lies in [0, limit). */
static bool lies_within(uint64_t start, uint64_t size, uint64_t limit)
{
	return size <= limit && start <= limit - size;
}

/* Each check returns NULL, or what is wrong. */
static const char *check_identification(const struct elf_header *header)
{
	static const uint8_t magic[4] = {0x7f, 'E', 'L', 'F'};

	if (memcmp(header->magic, magic, sizeof(magic)) != 0)
		return "it is no ELF file";
	if (header->class != CLASS_64 || header->data != DATA_LITTLE_ENDIAN)
		return "it is no 64-bit little-endian ELF file";
	if (header->ident_version != VERSION_CURRENT || header->version != VERSION_CURRENT)
		return "its ELF version is unknown";
	if (header->os_abi != OS_ABI_SYSV || header->abi_version != 0)
		return "it is made for another operating system";
	if (header->machine != MACHINE_X86_64)
		return "it is made for another machine";
	if (header->type != TYPE_EXECUTABLE)
		return "it is no executable for fixed addresses";
	if (header->flags != 0)
		return "it has processor flags that x86-64 does not define";
	return NULL;
}

static const char *check_tables(const struct elf_header *header, size_t head_size,
                                uint64_t file_size)
{
	if (header->header_size != sizeof(*header))
		return "its ELF header has a wrong size";
	if (header->program_count == 0)
		return "it has no program headers";
	if (header->program_entry_size != sizeof(struct elf_program))
		return "its program headers have a wrong size";
	if (!lies_within(header->program_offset, header->program_count * sizeof(struct elf_program),
	                 head_size))
		return "its program headers do not lie in its first 4096 bytes";
	if (header->section_count == 0)
		return NULL; /* sections are not needed to run it */
	if (header->section_entry_size != sizeof(struct elf_section))
		return "its section headers have a wrong size";
	if (!lies_within(header->section_offset,
	                 (uint64_t)header->section_count * sizeof(struct elf_section), file_size))
		return "its section headers lie outside the file";
	if (header->section_names >= header->section_count)
		return "its section names lie in no section";
	return NULL;
}

static uint64_t segment_first_page(const struct elf_segment *segment)
{
	return align_down(segment->address, PAGE_SIZE);
}

static uint64_t segment_end_page(const struct elf_segment *segment)
{
	return align_up(segment->address + segment->size, PAGE_SIZE);
}

static const char *check_segment(const struct elf_program *program, uint64_t file_size)
{
	if (program->flags & ~(FLAG_READ | FLAG_WRITE | FLAG_EXEC))
		return "a segment has unknown flags";
	if (!(program->flags & FLAG_READ))
		return "a segment cannot be read";
	if ((program->flags & FLAG_WRITE) && (program->flags & FLAG_EXEC))
		return "a segment is both writable and executable";
	if (program->file_size > program->size)
		return "a segment is larger in the file than in memory";
	if (!lies_within(program->offset, program->file_size, file_size))
		return "a segment lies outside the file";
	if (program->address < CORDON_USER_MIN ||
	    !lies_within(program->address, program->size, CORDON_USER_MAX))
		return "a segment lies outside user addresses";
	/* 0 and 1 mean none (System V ABI, chapter 5). */
	if (program->align > 1 && (program->align & (program->align - 1)))
		return "the alignment of a segment is no power of two";
	if (program->align > 1 && !is_aligned(program->address - program->offset, program->align))
		return "a segment is not aligned as it says";
	return NULL;
}

static const char *plan_add(struct elf_plan *plan, const struct elf_program *program,
                            uint64_t file_size)
{
	struct elf_segment *segment = &plan->segments[plan->segment_count];
	const char *wrong;

	if (program->size == 0 && program->file_size == 0)
		return NULL;
	if (plan->segment_count == ELF_SEGMENTS_MAX)
		return "it has too many segments";
	wrong = check_segment(program, file_size);
	if (wrong)
		return wrong;
	*segment = (struct elf_segment){
	        .file_offset = program->offset,
	        .file_size = program->file_size,
	        .address = program->address,
	        .size = program->size,
	        .prot = CORDON_PROT_READ | (program->flags & FLAG_WRITE ? CORDON_PROT_WRITE : 0) |
	                (program->flags & FLAG_EXEC ? CORDON_PROT_EXEC : 0),
	};
	/* Ascending order is what the ABI asks; that no two share a page, what rights need. */
	if (plan->segment_count > 0 && segment_first_page(segment) < segment_end_page(segment - 1))
		return "its segments overlap, share a page or are not in order";
	plan->segment_count++;
	return NULL;
}

static const char *check_program(struct elf_plan *plan, const struct elf_program *program,
                                 uint64_t file_size)
{
	switch (program->type) {
	case SEGMENT_LOAD:
		return plan_add(plan, program, file_size);
	case SEGMENT_INTERP:
		return "it wants an interpreter: only static programs run here";
	case SEGMENT_DYNAMIC:
		return "it wants dynamic linking: only static programs run here";
	case SEGMENT_STACK:
		return program->flags & FLAG_EXEC ? "it wants an executable stack" : NULL;
	case SEGMENT_NULL:
	case SEGMENT_TLS: /* the program copies it for each of its threads */
	case SEGMENT_NOTE:
	case SEGMENT_HEADERS:
	case SEGMENT_EH_FRAME:
	case SEGMENT_RELRO:
	case SEGMENT_PROPERTY:
		return NULL; /* nothing to do before it runs */
	default:
		return "it has a segment of an unknown type";
	}
}

static const char *check_entry(const struct elf_plan *plan)
{
	for (uint32_t i = 0; i < plan->segment_count; i++) {
		const struct elf_segment *segment = &plan->segments[i];

		if ((segment->prot & CORDON_PROT_EXEC) && plan->entry >= segment->address &&
		    plan->entry - segment->address < segment->file_size)
			return NULL;
	}
	return "its entry point lies in no code";
}

int elf_check(const void *head, size_t head_size, uint64_t file_size, struct elf_plan *plan,
              const char **reason)
{
	struct elf_header header;
	struct elf_program program;

	*reason = "it is shorter than an ELF header";
	if (head_size < sizeof(header))
		return -ENOEXEC;
	memcpy(&header, head, sizeof(header));
	*reason = check_identification(&header);
	if (!*reason)
		*reason = check_tables(&header, head_size, file_size);

	plan->entry = header.entry;
	plan->segment_count = 0;
	for (uint32_t i = 0; !*reason && i < header.program_count; i++) {
		/* The table may lie at any byte. */
		memcpy(&program,
		       (const uint8_t *)head + header.program_offset + i * sizeof(program),
		       sizeof(program));
		*reason = check_program(plan, &program, file_size);
	}
	if (!*reason)
		*reason = check_entry(plan);
	return *reason ? -ENOEXEC : 0;
}

/* --- loading --------------------------------------------------------------------------------- */

static int segment_load(struct aspace *aspace, struct account *account, const struct memory *image,
                        uint64_t image_offset, const struct elf_segment *segment)
{
	uint64_t start = segment_first_page(segment);
	uint64_t size = segment_end_page(segment) - start;
	uint64_t before = segment->address - start; /* bytes of the first page that are not its */
	uaddr_t address = uaddr(start);
	struct memory *memory;
	int err = memory_create_uncleared(account, size, 0, &memory);

	if (err != 0)
		return err;
	memory_zero(memory, 0, before);
	memory_copy(memory, before, image, image_offset + segment->file_offset, segment->file_size);
	memory_zero(memory, before + segment->file_size, size - before - segment->file_size);
	err = aspace_map(aspace, memory, 0, size, segment->prot, segment->prot, CORDON_MAP_FIXED,
	                 &address);
	object_unref(&memory->object); /* the mapping has its own */
	return err;
}

static void segment_unload(struct aspace *aspace, const struct elf_segment *segment)
{
	uint64_t start = segment_first_page(segment);
	int err = aspace_unmap(aspace, uaddr(start), segment_end_page(segment) - start);

	ASSERT(err == 0); /* a whole region: nothing is cut */
}

static int plan_load(struct aspace *aspace, struct account *account, const struct memory *image,
                     uint64_t image_offset, const struct elf_plan *plan, const char **reason)
{
	for (uint32_t i = 0; i < plan->segment_count; i++) {
		int err = segment_load(aspace, account, image, image_offset, &plan->segments[i]);

		if (err == 0)
			continue;
		*reason = err == -ENOMEM ? "its segments need more memory than there is"
		                         : "its segments cannot be mapped";
		while (i-- > 0)
			segment_unload(aspace, &plan->segments[i]);
		return err == -ENOMEM ? -ENOMEM : -ENOEXEC;
	}
	return 0;
}

int elf_load(struct aspace *aspace, struct account *account, const struct memory *image,
             uint64_t image_offset, uint64_t image_size, uint64_t *entry, const char **reason)
{
	size_t head_size = min_u64(image_size, ELF_HEAD_SIZE);
	struct elf_plan plan;
	void *head;
	int err;

	*reason = "the image does not lie in its memory object";
	if (image->kind == MEMORY_DEVICE || !lies_within(image_offset, image_size, image->size))
		return -ENOEXEC;
	*reason = "there is no memory for its headers";
	head = heap_alloc(ELF_HEAD_SIZE);
	if (!head)
		return -ENOMEM;
	memory_read(image, image_offset, head, head_size);
	err = elf_check(head, head_size, image_size, &plan, reason);
	heap_free(head);
	if (err == 0)
		err = plan_load(aspace, account, image, image_offset, &plan, reason);
	if (err == 0)
		*entry = plan.entry;
	return err;
}
