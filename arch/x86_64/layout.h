/* SPDX-License-Identifier: MIT */
/* Where things lie in the kernel's half of the address space, and in the image. */
#ifndef ARCH_X86_64_LAYOUT_H
#define ARCH_X86_64_LAYOUT_H

#include <arch/mmio.h>
#include <kernel/types.h>

#include "asm.h"

/* One entry of the top-level table. Each area below starts at one, and the entries that the
 * kernel uses are all made at boot, so that every address space can share them by copy. */
#define TOP_ENTRY_SIZE (UINT64_C(1) << 39)

#define DIRECT_MAP_SIZE (UINT64_C(64) << 40)
#define MMIO_BASE       UINT64_C(0xffffc00000000000)
#define MMIO_SIZE       TOP_ENTRY_SIZE
#define STACKS_BASE     UINT64_C(0xffffc08000000000)

/* What the boot tables map of RAM: with 1 GiB leaves one table of them, else 16 tables of 2 MiB
 * leaves (boot/start.S). */
#define BOOT_MAP_SIZE_1G (UINT64_C(512) << 30)
#define BOOT_MAP_SIZE_2M (UINT64_C(16) << 30)

/* Set by boot/kernel.ld. image_* are physical, the others virtual; all are page aligned. */
extern char image_start[], image_end[];
extern char text_start[], text_end[];
extern char rodata_start[], rodata_end[];
extern char data_start[], data_end[];
extern char boot_stack_low[], boot_stack_top[];

/* boot/initramfs.S */
extern char initramfs_start[], initramfs_end[];

/* Physical address of something in the kernel image. */
static inline paddr_t image_to_phys(const void *address)
{
	return paddr((uint64_t)(uintptr_t)address - KERNEL_BASE);
}

#endif
