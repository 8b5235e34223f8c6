/* SPDX-License-Identifier: MIT */
/* Names in programs, and backtraces of tasks: both out of bytes that nobody vouches for. */
#include <criterion/criterion.h>
#include <elf.h>
#include <string.h>

#include <cordon/errno.h>
#include <kernel/backtrace.h>
#include <kernel/memory.h>
#include <tests/unit/fake/fake.h>

#include <tests/random.h>

#define CODE       UINT64_C(0x401000)
#define FILE_SIZE  0x400u
#define NAMES_AT   0x100u
#define STRINGS_AT 0x200u

static uint8_t file[FILE_SIZE];
static const struct program program = {file, FILE_SIZE};

/* Three functions at CODE, CODE + 0x20 and CODE + 0x100; the code ends at CODE + 0x180. */
static void file_build(void)
{
	static const char names[] = "first\0second\0third\0";
	static const char strings[] = "\0.cordon.names\0.shstrtab";
	static const uint32_t starts[] = {0, 0x20, 0x100, 0x180};
	Elf64_Ehdr *header = (Elf64_Ehdr *)file;
	Elf64_Shdr *sections = (Elf64_Shdr *)(file + 0x300);
	uint32_t head[4] = {0x534d4e43, 4, (uint32_t)CODE, 0};

	memset(file, 0, sizeof(file));
	memcpy(header->e_ident, ELFMAG, SELFMAG);
	header->e_shoff = 0x300;
	header->e_shentsize = sizeof(*sections);
	header->e_shnum = 3;
	header->e_shstrndx = 2;
	sections[1].sh_name = 1;
	sections[1].sh_offset = NAMES_AT;
	sections[1].sh_size = sizeof(head) + sizeof(starts) + sizeof(names);
	sections[2].sh_name = 15;
	sections[2].sh_offset = STRINGS_AT;
	sections[2].sh_size = sizeof(strings);
	memcpy(file + NAMES_AT, head, sizeof(head));
	memcpy(file + NAMES_AT + sizeof(head), starts, sizeof(starts));
	memcpy(file + NAMES_AT + sizeof(head) + sizeof(starts), names, sizeof(names));
	memcpy(file + STRINGS_AT, strings, sizeof(strings));
}

TestSuite(program, .init = file_build);

static const char *name_of(uint64_t address, uint64_t *offset)
{
	static char name[PROGRAM_NAME_MAX];

	return program_function(&program, address, name, offset) ? name : "";
}

Test(program, an_address_has_the_name_of_the_function_that_it_lies_in)
{
	uint64_t offset = 99;

	cr_assert_str_eq(name_of(CODE, &offset), "first");
	cr_assert_eq(offset, 0);
	cr_assert_str_eq(name_of(CODE + 0x1f, &offset), "first");
	cr_assert_eq(offset, 0x1f);
	cr_assert_str_eq(name_of(CODE + 0x20, &offset), "second");
	cr_assert_str_eq(name_of(CODE + 0x17f, &offset), "third");
	cr_assert_eq(offset, 0x7f);
	cr_assert_str_eq(name_of(CODE + 0x180, &offset), "");
	cr_assert_str_eq(name_of(CODE - 1, &offset), "");
	cr_assert_str_eq(name_of(0, &offset), "");
	cr_assert_str_eq(name_of(UINT64_MAX, &offset), "");
}

Test(program, a_file_outside_the_image_has_no_names)
{
	char name[PROGRAM_NAME_MAX];
	uint64_t offset;

	cr_assert_not(program_function(&(struct program){0}, CODE, name, &offset));
}

/* Under the address sanitizer: nothing beside the file is read, whatever is in it. */
Test(program, any_bytes_in_a_file_are_survived)
{
	struct random random = {.state = 5};

	for (int round = 0; round < 200000; round++) {
		uint64_t offset;

		file_build();
		for (uint64_t i = random_below(&random, 8); i-- > 0;)
			file[random_below(&random, FILE_SIZE)] =
			        (uint8_t)(random_below(&random, 3) ? 0xff : random_next(&random));
		name_of(CODE + random_below(&random, 0x200), &offset);
		name_of(random_next(&random), &offset);
	}
}

/* --- backtraces ------------------------------------------------------------------------------ */

static uint8_t code[0x200];
static uint64_t stack[64];
#define STACK UINT64_C(0x7000000)

static struct {
	uint32_t count;
	uint64_t address[64];
	char name[64][PROGRAM_NAME_MAX];
	bool guess[64];
} places;

static int read_memory(void *context, void *to, uint64_t from, size_t size)
{
	(void)context;
	if (from >= CODE && from + size <= CODE + sizeof(code) && from + size >= from)
		memcpy(to, code + (from - CODE), size);
	else if (from >= STACK && from + size <= STACK + sizeof(stack) && from + size >= from)
		memcpy(to, (uint8_t *)stack + (from - STACK), size);
	else
		return -EFAULT;
	return 0;
}

static void put_place(void *context, uint64_t address, const char *name, uint64_t offset,
                      bool guess)
{
	(void)context;
	(void)offset;
	cr_assert_lt(places.count, BACKTRACE_FRAMES_MAX);
	places.address[places.count] = address;
	strcpy(places.name[places.count], name);
	places.guess[places.count++] = guess;
}

static void walk(uint64_t ip, uint64_t sp, uint64_t fp)
{
	const struct backtrace backtrace = {.program = &program,
	                                    .ip = ip,
	                                    .sp = sp,
	                                    .fp = fp,
	                                    .read = read_memory,
	                                    .put = put_place};

	places.count = 0;
	backtrace_walk(&backtrace);
}

#define AT(index) (STACK + (index)*8)

/* first makes a frame; second has none. Each calls something 8 bytes behind its start. */
static void code_build(void)
{
	static const uint8_t frame[] = {0x55, 0x48, 0x89, 0xe5};

	file_build();
	memset(code, 0x90, sizeof(code));
	memcpy(code, frame, sizeof(frame));
	memcpy(code + 0x100, frame, sizeof(frame));
	code[0x08] = code[0x28] = code[0x108] = 0xe8;
	memset(stack, 0, sizeof(stack));
}

TestSuite(backtrace, .init = code_build);

Test(backtrace, the_chain_of_frames_is_followed_to_its_end)
{
	stack[4] = AT(10);
	stack[5] = CODE + 0x10d; /* third called */
	stack[10] = 0;
	stack[11] = CODE + 0x0d;
	walk(CODE + 0x10, AT(0), AT(4));
	cr_assert_eq(places.count, 3);
	cr_assert_str_eq(places.name[0], "first");
	cr_assert_str_eq(places.name[1], "third");
	cr_assert_str_eq(places.name[2], "first");
	cr_assert_not(places.guess[1]);
}

Test(backtrace, the_caller_of_a_function_without_a_frame_is_found_on_the_stack)
{
	stack[0] = 12;
	stack[1] = CODE + 0x40; /* in code, but behind no call */
	stack[2] = CODE + 0x10d;
	stack[5] = CODE + 0x0d;
	walk(CODE + 0x30, AT(0), AT(4));
	cr_assert_eq(places.count, 3);
	cr_assert_str_eq(places.name[0], "second");
	cr_assert_str_eq(places.name[1], "third");
	cr_assert(places.guess[1]);
	cr_assert_str_eq(places.name[2], "first");
	cr_assert_not(places.guess[2]);
}

Test(backtrace, a_call_at_the_end_of_a_function_is_that_functions)
{
	code[0x1b] = 0xe8;
	stack[1] = CODE + 0x20;
	walk(CODE + 0x110, AT(0), AT(0));
	cr_assert_str_eq(places.name[1], "first");
}

Test(backtrace, the_chain_ends_where_nothing_was_called)
{
	static const uint64_t words[] = {UINT64_MAX, 0, AT(2), CODE + 0x41};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		stack[4] = AT(10); /* data of a function that uses rbp otherwise */
		stack[5] = words[i];
		walk(CODE + 0x10, AT(0), AT(4));
		cr_assert_eq(places.count, 1, "word %zu", i);
	}
}

Test(backtrace, bad_frames_end_the_walk)
{
	static const uint64_t frames[] = {0,         1,      STACK + 4,      AT(63),
	                                  STACK - 8, AT(64), UINT64_MAX - 7, CODE + 1};

	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		walk(CODE + 0x10, AT(0), frames[i]);
		cr_assert_eq(places.count, 1, "frame %zu", i);
	}
}

Test(backtrace, no_stack_makes_it_endless)
{
	struct random random = {.state = 3};

	for (int round = 0; round < 50000; round++) {
		for (int i = 0; i < 64; i++)
			stack[i] = random_below(&random, 3) ? AT(random_below(&random, 66))
			                                    : CODE + random_below(&random, 0x200);
		walk(CODE + random_below(&random, 0x200), AT(random_below(&random, 64)),
		     AT(random_below(&random, 64)));
	}
}
