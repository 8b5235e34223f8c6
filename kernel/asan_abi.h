/* SPDX-License-Identifier: MIT */
/* What gcc 12 expects under -fsanitize=kernel-address. Only the compiler calls these. */
#ifndef KERNEL_ASAN_ABI_H
#define KERNEL_ASAN_ABI_H

#include <stddef.h>
#include <stdint.h>

/* A global variable with the memory behind it that is nobody's. */
struct asan_global {
	const void *start;
	size_t size;
	size_t size_padded;
	const char *name;
	const char *source;
	uint64_t reserved[3];
};
_Static_assert(sizeof(struct asan_global) == 64, "gcc/asan.cc, asan_global_struct");

void __asan_load1(uint64_t address);
void __asan_load2(uint64_t address);
void __asan_load4(uint64_t address);
void __asan_load8(uint64_t address);
void __asan_load16(uint64_t address);
void __asan_loadN(uint64_t address, size_t size);
void __asan_store1(uint64_t address);
void __asan_store2(uint64_t address);
void __asan_store4(uint64_t address);
void __asan_store8(uint64_t address);
void __asan_store16(uint64_t address);
void __asan_storeN(uint64_t address, size_t size);
void __asan_handle_no_return(void);
void __asan_poison_stack_memory(uint64_t address, size_t size);
void __asan_unpoison_stack_memory(uint64_t address, size_t size);
void __asan_register_globals(const struct asan_global *globals, size_t count);
void __asan_unregister_globals(const struct asan_global *globals, size_t count);

#endif
