/* SPDX-License-Identifier: MIT */
/*
 * What the compiler calls in a kernel that is built with -fsanitize=kernel-address, by the ABI of
 * gcc 12. This file itself is not instrumented.
 */
#include <kernel/asan.h>

#if defined(CORDON_ASAN) && CORDON_ASAN

#include <arch/context.h>
#include <arch/shadow.h>
#include <kernel/asan_abi.h>
#include <kernel/page.h>
#include <kernel/panic.h>
#include <kernel/symbols.h>

#define WORD 8u /* granules that are looked at together */

/* Written once, before there is anyone to race with. */
static bool checking;

/* Functions that put the addresses of globals on record, one for each source (boot/kernel.ld). */
extern void (*const constructors_start[])(void);
extern void (*const constructors_end[])(void);

static void shadow_fill(uint64_t address, size_t size, uint8_t value)
{
	uint8_t *shadow = arch_shadow(address);

	if (!shadow)
		return;
	for (size_t i = 0; i < (size + ASAN_GRANULE - 1) / ASAN_GRANULE; i++)
		shadow[i] = value;
}

void asan_poison(const void *start, size_t size, enum asan_reason reason)
{
	if (checking)
		shadow_fill((uint64_t)(uintptr_t)start, size, (uint8_t)reason);
}

void asan_unpoison(const void *start, size_t size)
{
	uint64_t address = (uint64_t)(uintptr_t)start;
	size_t rest = size % ASAN_GRANULE;

	if (!checking)
		return;
	shadow_fill(address, size - rest, 0);
	if (rest)
		shadow_fill(address + size - rest, 1, (uint8_t)rest);
}

void asan_start(void)
{
	checking = true;
	page_poison_free();
	for (void (*const *constructor)(void) = constructors_start; constructor < constructors_end;
	     constructor++)
		(*constructor)();
}

void asan_stop(void)
{
	checking = false;
}

/* --- checking -------------------------------------------------------------------------------- */

/* Finds the first byte of [address, address + size) that may not be used. */
static bool find_bad(uint64_t address, size_t size, uint64_t *bad)
{
	const uint8_t *shadow = arch_shadow(address);
	uint64_t first = address / ASAN_GRANULE, last = (address + size - 1) / ASAN_GRANULE;

	for (uint64_t at = first; at <= last; at++) {
		uint8_t value = shadow[at - first];
		uint64_t used = at == last ? (address + size - 1) % ASAN_GRANULE + 1 : ASAN_GRANULE;

		if (value == 0) {
			/* Large ranges: most words of the shadow are zero. */
			while (last - at > WORD &&
			       is_aligned((uintptr_t)(shadow + (at + 1 - first)), WORD) &&
			       *(const uint64_t *)(const void *)(shadow + (at + 1 - first)) == 0)
				at += WORD;
			continue;
		}
		if (value < ASAN_GRANULE && used <= value)
			continue;
		*bad = at * ASAN_GRANULE + (value < ASAN_GRANULE ? value : 0);
		if (*bad < address)
			*bad = address;
		return true;
	}
	return false;
}

static const char *name_of(uint64_t bad)
{
	const uint8_t *shadow = arch_shadow(bad);

	/* Behind the last bytes that may be used stands why. */
	switch (*shadow < ASAN_GRANULE ? shadow[1] : shadow[0]) {
	case ASAN_STACK_LEFT:
	case ASAN_STACK_MIDDLE:
	case ASAN_STACK_RIGHT:
		return "outside of a local variable";
	case ASAN_STACK_SCOPE:
		return "local variable out of scope";
	case ASAN_GLOBAL_END:
		return "behind a global variable";
	case ASAN_HEAP_END:
		return "behind an object";
	case ASAN_HEAP_FREE:
		return "object after it was freed";
	case ASAN_FRAME_FREE:
		return "free frame";
	default:
		return "poisoned memory";
	}
}

static _Noreturn void report(uint64_t address, size_t size, uint64_t bad, enum asan_access access,
                             uint64_t caller)
{
	static const char *const verbs[] = {"read", "write", "free"};
	uint64_t offset = 0;
	const char *name = symbol_lookup(caller - 1, &offset);

	asan_stop();
	panic("sanitizer: %s: %s of %zu bytes at %#llx, byte %llu, by %s+%#llx", name_of(bad),
	      verbs[access], size, (unsigned long long)address, (unsigned long long)(bad - address),
	      name ? name : "?", (unsigned long long)offset + 1);
}

static inline void check(uint64_t address, size_t size, enum asan_access access, uint64_t caller)
{
	uint64_t bad;

	if (!checking || size == 0 || !arch_shadow(address))
		return;
	if (find_bad(address, size, &bad))
		report(address, size, bad, access, caller);
}

#define CALLER ((uint64_t)(uintptr_t)__builtin_return_address(0))

void asan_check(const void *start, size_t size, enum asan_access access)
{
	check((uint64_t)(uintptr_t)start, size, access, CALLER);
}

/* --- the compiler's interface ------------------------------------------------------------------
 */

#define ACCESS(size)                                      \
	void __asan_load##size(uint64_t address)          \
	{                                                 \
		check(address, size, ASAN_READ, CALLER);  \
	}                                                 \
	void __asan_store##size(uint64_t address)         \
	{                                                 \
		check(address, size, ASAN_WRITE, CALLER); \
	}

ACCESS(1)
ACCESS(2)
ACCESS(4)
ACCESS(8)
ACCESS(16)

void __asan_loadN(uint64_t address, size_t size)
{
	check(address, size, ASAN_READ, CALLER);
}

void __asan_storeN(uint64_t address, size_t size)
{
	check(address, size, ASAN_WRITE, CALLER);
}

/* The frames that are left for ever must not stay poisoned: others will lie there. */
void __asan_handle_no_return(void)
{
	uint64_t here = (uint64_t)(uintptr_t)__builtin_frame_address(0);

	if (checking)
		shadow_fill(arch_stack_low(here), ARCH_KERNEL_STACK_SIZE, 0);
}

void __asan_poison_stack_memory(uint64_t address, size_t size)
{
	if (checking)
		shadow_fill(address, size, ASAN_STACK_SCOPE);
}

void __asan_unpoison_stack_memory(uint64_t address, size_t size)
{
	asan_unpoison((const void *)(uintptr_t)address, size);
}

void __asan_register_globals(const struct asan_global *globals, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct asan_global *global = &globals[i];
		size_t used = align_up(global->size, ASAN_GRANULE);

		asan_unpoison(global->start, global->size);
		shadow_fill((uint64_t)(uintptr_t)global->start + used, global->size_padded - used,
		            ASAN_GLOBAL_END);
	}
}

void __asan_unregister_globals(const struct asan_global *globals, size_t count)
{
	(void)globals;
	(void)count;
}

#endif
