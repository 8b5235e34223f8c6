/* SPDX-License-Identifier: MIT */
/* What the boot entry hands to kernel_main, whatever the boot protocol was. */
#ifndef ARCH_BOOT_H
#define ARCH_BOOT_H

#include <kernel/page.h>
#include <kernel/types.h>

#define BOOT_RANGES_MAX 64

struct boot_info {
	const char *command_line; /* zero-terminated copy inside the kernel */
	paddr_t acpi_rsdp;        /* 0: search for it */
	uint64_t entry_timestamp; /* arch_timestamp at the very first instruction */
	size_t range_count;
	struct memory_range ranges[BOOT_RANGES_MAX]; /* sorted, not overlapping */
};

/* Physical extent of the kernel image with bss and boot tables. */
paddr_t boot_kernel_start(void);
paddr_t boot_kernel_end(void);

/* The embedded initramfs (page aligned, in the kernel image). */
void boot_initramfs(paddr_t *base, uint64_t *size);

/*
 * Stages of arch set-up, in the order kernel_main calls them.
 * arch_init_early: serial console, descriptor tables, trap handling, CPU features (NX, SMEP, SMAP,
 *   UMIP, WP; without NX, a local APIC and others it panics). Needs no memory.
 * arch_init_memory: after page_init: final kernel page tables (W^X, direct map, guard pages), boot
 *   identity map gone; per-CPU data and separate stacks for NMI, double fault, machine check.
 * arch_init_interrupts: after ACPI tables are known: 8259 masked, local APIC on, timer calibrated.
 */
void arch_init_early(void);
void arch_init_memory(const struct boot_info *boot);

struct arch_platform {
	paddr_t local_apic;
	uint32_t pm_timer_port; /* ACPI PM timer, 0: none */
	bool pm_timer_32bit;
	paddr_t hpet; /* 0: none */
};
/* Returns NULL; or what is missing: a local APIC that answers, an HPET or a PM timer to calibrate
 * against. The log says more. */
const char *arch_init_interrupts(const struct arch_platform *platform);

/* Called by the boot entry on the boot stack. */
_Noreturn void kernel_main(const struct boot_info *boot);

/* Ends the machine: through isa-debug-exit when arch_poweroff_setup allowed it (code 0 -> 0x10,
 * else 0x11); else, for code 0, by ACPI S5 if known; else a halt, which leaves a panic readable
 * and is no success to whoever started the emulator. Ports of 0 are absent. */
_Noreturn void arch_poweroff(uint32_t code);
void arch_poweroff_setup(bool debug_exit, uint16_t pm1a_control, uint16_t pm1b_control,
                         uint8_t slp_typ);

#endif
