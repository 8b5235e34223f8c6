/* SPDX-License-Identifier: MIT */
/* Files are built with the structures of the host's <elf.h>, which the loader does not share. */
#include <criterion/criterion.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include <arch/mmio.h>
#include <cordon/errno.h>
#include <kernel/elf.h>
#include <kernel/heap.h>
#include <tests/unit/fake/fake.h>

#include <tests/random.h>

#define TEXT_AT     0x400000u
#define FILE_SIZE   0x3400u
#define PHDRS       5
#define SECTIONS_AT 0x3300u

/* A program of three segments as GNU ld lays them out, a note, a stack header and sections. */
static void file_build(uint8_t *file)
{
	Elf64_Ehdr *header = (Elf64_Ehdr *)file;
	Elf64_Phdr *phdr = (Elf64_Phdr *)(file + sizeof(*header));

	for (size_t i = 0; i < FILE_SIZE; i++)
		file[i] = (uint8_t)(i * 7 + i / 251);
	memset(file, 0, sizeof(*header) + PHDRS * sizeof(*phdr));
	memcpy(header->e_ident, ELFMAG, SELFMAG);
	header->e_ident[EI_CLASS] = ELFCLASS64;
	header->e_ident[EI_DATA] = ELFDATA2LSB;
	header->e_ident[EI_VERSION] = EV_CURRENT;
	header->e_type = ET_EXEC;
	header->e_machine = EM_X86_64;
	header->e_version = EV_CURRENT;
	header->e_entry = TEXT_AT + 0x1010;
	header->e_phoff = sizeof(*header);
	header->e_shoff = SECTIONS_AT;
	header->e_ehsize = sizeof(*header);
	header->e_phentsize = sizeof(*phdr);
	header->e_phnum = PHDRS;
	header->e_shentsize = sizeof(Elf64_Shdr);
	header->e_shnum = 4;
	header->e_shstrndx = 3;
	phdr[0] = (Elf64_Phdr){PT_LOAD, PF_R, 0, TEXT_AT, TEXT_AT, 0x300, 0x300, 0x1000};
	phdr[1] = (Elf64_Phdr){PT_LOAD,          PF_R | PF_X, 0x1000, TEXT_AT + 0x1000,
	                       TEXT_AT + 0x1000, 0x1234,      0x1234, 0x1000};
	phdr[2] = (Elf64_Phdr){PT_LOAD,          PF_R | PF_W, 0x2ff0, TEXT_AT + 0x3ff0,
	                       TEXT_AT + 0x3ff0, 0x210,       0x3010, 0x1000};
	phdr[3] = (Elf64_Phdr){PT_NOTE, PF_R, 0x200, TEXT_AT + 0x200, 0, 0x20, 0x20, 4};
	phdr[4] = (Elf64_Phdr){PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0, 0, 16};
}

static uint8_t file[FILE_SIZE];

static Elf64_Ehdr *header(void)
{
	return (Elf64_Ehdr *)file;
}

static Elf64_Phdr *phdr(size_t index)
{
	return (Elf64_Phdr *)(file + sizeof(Elf64_Ehdr)) + index;
}

/* Checks what a plan promises to those who act on it. */
static void check_plan(const struct elf_plan *plan, uint64_t file_size)
{
	uint64_t end = CORDON_USER_MIN;
	bool entry = false;

	cr_assert_gt(plan->segment_count, 0);
	cr_assert_leq(plan->segment_count, ELF_SEGMENTS_MAX);
	for (uint32_t i = 0; i < plan->segment_count; i++) {
		const struct elf_segment *segment = &plan->segments[i];
		uint64_t last = segment->address + segment->size - 1;

		cr_assert_gt(segment->size, 0);
		cr_assert_geq(segment->address & ~UINT64_C(4095), end, "shares a page");
		cr_assert(last >= segment->address && last < CORDON_USER_MAX);
		cr_assert_leq(segment->file_size, segment->size);
		cr_assert(segment->file_offset <= file_size &&
		          segment->file_size <= file_size - segment->file_offset);
		cr_assert_neq(segment->prot & (CORDON_PROT_WRITE | CORDON_PROT_EXEC),
		              CORDON_PROT_WRITE | CORDON_PROT_EXEC);
		cr_assert(segment->prot & CORDON_PROT_READ);
		if ((segment->prot & CORDON_PROT_EXEC) && plan->entry >= segment->address &&
		    plan->entry <= last)
			entry = true;
		end = (last | 4095) + 1;
	}
	cr_assert(entry, "the entry point is not in code");
}

/* Checks a file in a buffer of exactly the size that may be read. */
static int check_file(const uint8_t *bytes, uint64_t file_size, struct elf_plan *plan,
                      const char **reason)
{
	size_t head_size = file_size < ELF_HEAD_SIZE ? file_size : ELF_HEAD_SIZE;
	uint8_t *head = malloc(head_size ? head_size : 1);
	int err;

	memcpy(head, bytes, head_size);
	*reason = (const char *)1;
	err = elf_check(head, head_size, file_size, plan, reason);
	free(head);
	if (err == 0) {
		check_plan(plan, file_size);
	} else {
		cr_assert_eq(err, -ENOEXEC);
		cr_assert_gt(strlen(*reason), 10, "a reason in words");
	}
	return err;
}

Test(elf, a_static_program_is_accepted)
{
	struct elf_plan plan;
	const char *reason;

	file_build(file);
	cr_assert_eq(check_file(file, FILE_SIZE, &plan, &reason), 0);
	cr_assert_eq(plan.entry, TEXT_AT + 0x1010);
	cr_assert_eq(plan.segment_count, 3);
	cr_assert_eq(plan.segments[0].prot, CORDON_PROT_READ);
	cr_assert_eq(plan.segments[1].prot, CORDON_PROT_READ | CORDON_PROT_EXEC);
	cr_assert_eq(plan.segments[2].prot, CORDON_PROT_READ | CORDON_PROT_WRITE);
	cr_assert_eq(plan.segments[2].address, TEXT_AT + 0x3ff0);
	cr_assert_eq(plan.segments[2].size, 0x3010);
	cr_assert_eq(plan.segments[2].file_size, 0x210);
	/* A program without sections is as good. */
	header()->e_shnum = 0;
	header()->e_shoff = 0;
	header()->e_shstrndx = 0;
	cr_assert_eq(check_file(file, 0x3200, &plan, &reason), 0);
}

#define REFUSED(change, text)                                                                \
	do {                                                                                 \
		struct elf_plan plan_;                                                       \
		const char *reason_;                                                         \
		file_build(file);                                                            \
		change;                                                                      \
		cr_assert_eq(check_file(file, FILE_SIZE, &plan_, &reason_), -ENOEXEC,        \
		             "accepted: " #change);                                          \
		cr_assert(strstr(reason_, text), #change " is refused because %s", reason_); \
	} while (0)

Test(elf, every_wrong_field_is_refused_with_its_reason)
{
	REFUSED(file[0] = 0, "no ELF file");
	REFUSED(file[3] = 'G', "no ELF file");
	REFUSED(file[EI_CLASS] = ELFCLASS32, "64-bit");
	REFUSED(file[EI_DATA] = ELFDATA2MSB, "little-endian");
	REFUSED(file[EI_VERSION] = 0, "version");
	REFUSED(header()->e_version = 2, "version");
	REFUSED(file[EI_OSABI] = ELFOSABI_FREEBSD, "another operating system");
	REFUSED(file[EI_ABIVERSION] = 1, "another operating system");
	REFUSED(header()->e_machine = EM_AARCH64, "another machine");
	REFUSED(header()->e_type = ET_DYN, "fixed addresses");
	REFUSED(header()->e_type = ET_REL, "fixed addresses");
	REFUSED(header()->e_flags = 1, "flags");
	REFUSED(header()->e_ehsize = 52, "wrong size");
	REFUSED(header()->e_phentsize = 32, "wrong size");
	REFUSED(header()->e_phnum = 0, "no program headers");
	REFUSED(header()->e_phnum = 0xffff, "first 4096");
	REFUSED(header()->e_phoff = 4000, "first 4096");
	REFUSED(header()->e_phoff = UINT64_MAX - 20, "first 4096");
	REFUSED(header()->e_shentsize = 40, "section headers");
	REFUSED(header()->e_shoff = FILE_SIZE - 100, "section headers");
	REFUSED(header()->e_shoff = UINT64_MAX - 10, "section headers");
	REFUSED(header()->e_shstrndx = 4, "section names");
	REFUSED(header()->e_entry = TEXT_AT, "entry point");
	REFUSED(header()->e_entry = 0, "entry point");
	REFUSED(header()->e_entry = TEXT_AT + 0x1000 + 0x1234, "entry point");
	REFUSED(phdr(1)->p_type = PT_NULL, "entry point");
	REFUSED(phdr(3)->p_type = PT_INTERP, "interpreter");
	REFUSED(phdr(3)->p_type = PT_DYNAMIC, "dynamic");
	REFUSED(phdr(3)->p_type = PT_SHLIB, "unknown type");
	REFUSED(phdr(3)->p_type = PT_LOPROC, "unknown type");
	REFUSED(phdr(4)->p_flags = PF_R | PF_W | PF_X, "executable stack");
	REFUSED(phdr(2)->p_flags = PF_R | PF_W | PF_X, "both writable and executable");
	REFUSED(phdr(2)->p_flags = PF_W, "cannot be read");
	REFUSED(phdr(2)->p_flags = PF_R | 8, "unknown flags");
	REFUSED(phdr(2)->p_filesz = 0x3011, "larger in the file");
	REFUSED(phdr(2)->p_offset = FILE_SIZE - 0x20f + 0xff0, "outside the file");
	REFUSED(phdr(2)->p_offset = UINT64_MAX - 0xf, "outside the file");
	REFUSED(phdr(2)->p_memsz = CORDON_USER_MAX, "outside user");
	REFUSED(phdr(2)->p_memsz = UINT64_MAX, "outside user");
	REFUSED(phdr(2)->p_vaddr = CORDON_USER_MAX - 0x3000, "outside user");
	REFUSED(phdr(2)->p_vaddr = UINT64_MAX - 0xf, "outside user");
	REFUSED(phdr(0)->p_vaddr = 0, "outside user");
	REFUSED(phdr(2)->p_align = 0x1800, "power of two");
	REFUSED(phdr(2)->p_vaddr += 0x10, "aligned");
	REFUSED(phdr(0)->p_memsz = 0x1001, "share a page");
	REFUSED(phdr(2)->p_vaddr -= 0x2000, "share a page");
	REFUSED(phdr(0)->p_vaddr += 0x100000, "in order");
	REFUSED((phdr(2)->p_vaddr = phdr(1)->p_vaddr + 0x1ff0), "share a page");
}

Test(elf, too_many_segments_are_refused)
{
	static uint8_t many[ELF_HEAD_SIZE];
	struct elf_plan plan;
	const char *reason;

	file_build(file);
	for (uint32_t count = 3; count < 30; count++) {
		Elf64_Phdr *program = (Elf64_Phdr *)(many + sizeof(Elf64_Ehdr));

		memcpy(many, file, sizeof(many));
		for (uint32_t i = 3; i < count; i++) {
			program[i] = program[2];
			program[i].p_vaddr += 0x10000u * i;
		}
		((Elf64_Ehdr *)many)->e_phnum = (uint16_t)count;
		cr_assert_eq(check_file(many, FILE_SIZE, &plan, &reason),
		             count <= ELF_SEGMENTS_MAX ? 0 : -ENOEXEC);
	}
}

Test(elf, every_truncation_is_refused)
{
	struct elf_plan plan;
	const char *reason;

	file_build(file);
	for (uint64_t size = 0; size < SECTIONS_AT + 4 * sizeof(Elf64_Shdr); size++)
		cr_assert_eq(check_file(file, size, &plan, &reason), -ENOEXEC, "%lu bytes", size);
}

Test(elf, every_bit_flip_of_the_headers_is_refused_or_harmless)
{
	size_t bytes = sizeof(Elf64_Ehdr) + PHDRS * sizeof(Elf64_Phdr);
	uint32_t refused = 0;
	struct elf_plan plan;
	const char *reason;

	for (size_t bit = 0; bit < bytes * 8; bit++) {
		file_build(file);
		file[bit / 8] ^= (uint8_t)(1u << bit % 8);
		refused += check_file(file, FILE_SIZE, &plan, &reason) != 0;
	}
	cr_assert_gt(refused, bytes * 8 / 3, "%u of %zu", refused, bytes * 8);
}

Test(elf, rubbish_is_refused_or_harmless)
{
	static const uint64_t special[] = {0,
	                                   1,
	                                   4095,
	                                   4096,
	                                   UINT64_MAX,
	                                   UINT64_MAX - 4095,
	                                   CORDON_USER_MAX,
	                                   CORDON_USER_MAX - 1,
	                                   CORDON_USER_MIN,
	                                   FILE_SIZE,
	                                   UINT64_C(1) << 63,
	                                   UINT32_MAX};
	struct random random = {77};
	struct elf_plan plan;
	const char *reason;
	uint32_t accepted = 0;

	for (int round = 0; round < 60000; round++) {
		file_build(file);
		for (uint64_t i = 1 + random_below(&random, 4); i > 0; i--) {
			size_t at = 8 * random_below(&random, (64 + PHDRS * 56) / 8);
			uint64_t value = random_below(&random, 2)
			                         ? special[random_below(&random, 12)]
			                         : random_next(&random) >>
			                                   random_below(&random, 64);

			if (random_below(&random, 3))
				memcpy(file + at, &value, 8);
			else
				file[at + random_below(&random, 8)] = (uint8_t)value;
		}
		accepted += check_file(file, FILE_SIZE, &plan, &reason) == 0;
	}
	cr_assert_gt(accepted, 0);
}

/* --- loading --------------------------------------------------------------------------------- */

static struct account *account;
static struct aspace *aspace;
static struct memory *image;

static void load_begin(uint64_t image_offset)
{
	const struct cordon_budget budget = {.frames = 1000};

	cr_assert_eq(account_create(&budget, &account), 0);
	cr_assert_eq(aspace_create(account, &aspace), 0);
	cr_assert_eq(memory_create(account, 8 * PAGE_SIZE, CORDON_MEMORY_SCATTER, &image), 0);
	file_build(file);
	memory_write(image, image_offset, file, FILE_SIZE);
}

static void load_end(void)
{
	aspace_clear(aspace);
	aspace_unref(aspace);
	object_unref(&image->object);
	account_unref(account);
	cr_assert_eq(fake_pages_used(), 0);
	cr_assert_eq(heap_in_use(), 0);
}

static uint8_t loaded_byte(uint64_t address, uint32_t *prot)
{
	paddr_t base;

	cr_assert(arch_paging_lookup(&aspace->paging, uaddr(address), &base, prot));
	return *(uint8_t *)phys_to_virt(base);
}

Test(elf, loads_what_the_file_says_from_any_offset)
{
	uint64_t entry = 0;
	const char *reason = "";
	uint32_t prot;

	load_begin(4095);
	cr_assert_eq(elf_load(aspace, account, image, 4095, FILE_SIZE, &entry, &reason), 0, "%s",
	             reason);
	cr_assert_eq(entry, TEXT_AT + 0x1010);
	for (uint64_t at = 0; at < 0x7000; at++) {
		uint64_t address = TEXT_AT + at;
		uint8_t expected = 0;
		uint32_t rights = CORDON_PROT_READ;

		if (at < 0x1000) {
			expected = at < 0x300 ? file[at] : 0;
		} else if (at < 0x3000) {
			expected = at < 0x2234 ? file[at] : 0;
			rights |= CORDON_PROT_EXEC;
		} else {
			if (at >= 0x3ff0 && at < 0x4200)
				expected = file[at - 0x1000];
			rights |= CORDON_PROT_WRITE;
		}
		cr_assert_eq(loaded_byte(address, &prot), expected, "byte %#lx", at);
		cr_assert_eq(prot, rights);
	}
	cr_assert_eq(aspace->region_count, 3);
	/* The image is not needed any more, and nobody can get more rights. */
	cr_assert_eq(image->object.references, 1);
	cr_assert_eq(aspace_protect(aspace, uaddr(TEXT_AT), PAGE_SIZE,
	                            CORDON_PROT_READ | CORDON_PROT_WRITE),
	             -EACCES);
	load_end();
}

Test(elf, an_image_outside_its_object_is_refused)
{
	const char *reason;
	uint64_t entry;

	load_begin(0);
	cr_assert_eq(elf_load(aspace, account, image, 0, image->size + 1, &entry, &reason),
	             -ENOEXEC);
	cr_assert_eq(elf_load(aspace, account, image, image->size, 1, &entry, &reason), -ENOEXEC);
	cr_assert_eq(elf_load(aspace, account, image, UINT64_MAX, 2, &entry, &reason), -ENOEXEC);
	cr_assert_eq(elf_load(aspace, account, image, 0, 0, &entry, &reason), -ENOEXEC);
	cr_assert_eq(elf_load(aspace, account, image, 0, 63, &entry, &reason), -ENOEXEC);
	load_end();
}

Test(elf, a_load_that_runs_out_of_memory_leaves_nothing_mapped)
{
	uint64_t entry;
	const char *reason;
	uint64_t frames;
	uint64_t heap;
	uint64_t n;
	int err = -ENOMEM;

	load_begin(100);
	frames = fake_pages_used();
	heap = heap_in_use();
	for (n = 1; err != 0; n++) {
		fake_page_fail(n);
		err = elf_load(aspace, account, image, 100, FILE_SIZE, &entry, &reason);
		fake_page_fail(0);
		if (err == 0)
			break;
		cr_assert_eq(err, -ENOMEM);
		cr_assert_eq(aspace->region_count, 0);
		cr_assert_eq(fake_pages_used(), frames);
		cr_assert_eq(heap_in_use(), heap);
		cr_assert_gt(strlen(reason), 10);
	}
	cr_assert_gt(n, 3);
	aspace_clear(aspace);
	err = -ENOMEM;
	for (n = 1; err != 0; n++) {
		fake_heap_fail(n);
		err = elf_load(aspace, account, image, 100, FILE_SIZE, &entry, &reason);
		fake_heap_fail(0);
		if (err != 0)
			cr_assert_eq(aspace->region_count, 0);
	}
	cr_assert_gt(n, 3);
	load_end();
}

Test(elf, a_program_beyond_the_budget_is_refused)
{
	uint64_t entry;
	const char *reason;

	load_begin(0);
	phdr(2)->p_memsz = 0x1000000;
	memory_write(image, 0, file, FILE_SIZE);
	cr_assert_eq(elf_load(aspace, account, image, 0, FILE_SIZE, &entry, &reason), -ENOMEM);
	cr_assert_eq(aspace->region_count, 0);
	load_end();
}
