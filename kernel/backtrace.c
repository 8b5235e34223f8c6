/* SPDX-License-Identifier: MIT */
#include <kernel/backtrace.h>

#include <cordon/memory.h>
#include <kernel/string.h>

#define PROLOGUE_MAX 128u /* bytes of a function in which its frame is looked for */
#define SCAN_WORDS   64u  /* of a stack in which a return address is looked for */
#define CALL_BYTES   7u   /* the longest call instruction */

static bool read(const struct backtrace *backtrace, void *to, uint64_t from, size_t size)
{
	return backtrace->read(backtrace->context, to, from, size) == 0;
}

/* call: the address is where a call returns to. The call itself may be the function's last
 * instruction, and the address the next one's first. */
static void put(const struct backtrace *backtrace, uint64_t address, bool call, bool guess)
{
	char name[PROGRAM_NAME_MAX];
	uint64_t offset;

	if (program_function(backtrace->program, address - call, name, &offset))
		backtrace->put(backtrace->context, address, name, offset + call, guess);
	else
		backtrace->put(backtrace->context, address, "", 0, guess);
}

/*
 * Whether the function at ip has made its frame: "mov %rsp, %rbp" (48 89 e5) lies between its start
 * and ip. Functions of the C library have none. Without names nobody knows; then it is taken
 * to have one.
 */
static bool has_frame(const struct backtrace *backtrace)
{
	static const uint8_t move[] = {0x48, 0x89, 0xe5};
	char name[PROGRAM_NAME_MAX];
	uint8_t code[PROLOGUE_MAX];
	uint64_t offset;
	size_t size;

	if (!program_function(backtrace->program, backtrace->ip, name, &offset))
		return backtrace->program->bytes == NULL;
	size = min_u64(offset, sizeof(code));
	if (!read(backtrace, code, backtrace->ip - offset, size))
		return true;
	for (size_t i = 0; i + sizeof(move) <= size; i++)
		if (memcmp(code + i, move, sizeof(move)) == 0)
			return true;
	return false;
}

/* Whether there is a call before an address: e8 and 4 bytes, or ff /2 with its operand (Intel SDM
 * 2, CALL). */
static bool follows_call(const struct backtrace *backtrace, uint64_t address)
{
	uint8_t code[CALL_BYTES];

	if (address < CORDON_USER_MIN + sizeof(code) || address >= CORDON_USER_MAX ||
	    !read(backtrace, code, address - sizeof(code), sizeof(code)))
		return false;
	if (code[sizeof(code) - 5] == 0xe8)
		return true;
	for (size_t i = 0; i + 2 <= sizeof(code); i++)
		if (code[i] == 0xff && (code[i + 1] >> 3 & 7) == 2)
			return true;
	return false;
}

/* Without a frame the caller's address is somewhere above the stack pointer: the first word that
 * can be one. */
static void put_caller(const struct backtrace *backtrace)
{
	char name[PROGRAM_NAME_MAX];
	uint64_t word, offset;

	for (uint64_t i = 0; i < SCAN_WORDS; i++) {
		if (!read(backtrace, &word, backtrace->sp + i * sizeof(word), sizeof(word)))
			return;
		if (program_function(backtrace->program, word - 1, name, &offset) &&
		    follows_call(backtrace, word)) {
			put(backtrace, word, true, true);
			return;
		}
	}
}

void backtrace_walk(const struct backtrace *backtrace)
{
	uint64_t frame[2]; /* the caller's frame, and where the call returns to */
	uint64_t at = backtrace->fp;

	put(backtrace, backtrace->ip, false, false);
	if (!has_frame(backtrace))
		put_caller(backtrace);
	for (uint32_t i = 2; i < BACKTRACE_FRAMES_MAX; i++) {
		if (!is_aligned(at, sizeof(uint64_t)) ||
		    !read(backtrace, frame, at, sizeof(frame)) ||
		    !follows_call(backtrace, frame[1]))
			return;
		put(backtrace, frame[1], true, false);
		if (frame[0] <= at) /* stacks grow down: callers lie above */
			return;
		at = frame[0];
	}
}
