/* SPDX-License-Identifier: MIT */
/*
 * Thread-local variables as the compiler has them (System V ABI, x86-64 supplement, and "ELF
 * Handling for Thread-Local Storage", variant II): the image of PT_TLS, copied below the thread
 * pointer of each thread.
 */
#include <elf.h>
#include <string.h>

#include "internal.h"

/* The linker's: the file's own header, if it is loaded. */
extern const Elf64_Ehdr __ehdr_start __attribute__((weak));

static const Elf64_Phdr *tls_segment(void)
{
	const Elf64_Ehdr *header = &__ehdr_start;
	const Elf64_Phdr *segments;

	if (!header)
		return NULL;
	segments = (const Elf64_Phdr *)((const char *)header + header->e_phoff);
	for (unsigned int i = 0; i < header->e_phnum; i++)
		if (segments[i].p_type == PT_TLS)
			return &segments[i];
	return NULL;
}

uint64_t tls_align(void)
{
	const Elf64_Phdr *tls = tls_segment();

	return tls && tls->p_align > 1 ? tls->p_align : 1;
}

uint64_t tls_size(void)
{
	const Elf64_Phdr *tls = tls_segment();

	return tls ? (tls->p_memsz + tls_align() - 1) & ~(tls_align() - 1) : 0;
}

void tls_fill(void *thread_pointer)
{
	const Elf64_Phdr *tls = tls_segment();
	char *block = (char *)thread_pointer - tls_size();

	if (!tls)
		return;
	memcpy(block, (const void *)(uintptr_t)tls->p_vaddr, tls->p_filesz);
	memset(block + tls->p_filesz, 0, tls->p_memsz - tls->p_filesz);
}
