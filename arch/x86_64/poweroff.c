/* SPDX-License-Identifier: MIT */
#include <arch/boot.h>
#include <arch/mmio.h>

#include "regs.h"

/* QEMU's isa-debug-exit: QEMU ends with 2 * value + 1, so never with 0. */
#define DEBUG_EXIT_PORT    0xf4
#define DEBUG_EXIT_SUCCESS 0x10
#define DEBUG_EXIT_FAILURE 0x11

/* PM1 control register (ACPI 6.4, 4.8.3.2.1). */
#define PM1_SLP_TYP_SHIFT 10
#define PM1_SLP_TYP_MASK  (7u << PM1_SLP_TYP_SHIFT)
#define PM1_SLP_EN        (1u << 13)

static struct {
	bool debug_exit;
	uint16_t pm1a, pm1b; /* ports; 0: none */
	uint8_t slp_typ;
} settings;

void arch_poweroff_setup(bool debug_exit, uint16_t pm1a_control, uint16_t pm1b_control,
                         uint8_t slp_typ)
{
	settings.debug_exit = debug_exit;
	settings.pm1a = pm1a_control;
	settings.pm1b = pm1b_control;
	settings.slp_typ = slp_typ;
}

static void enter_s5(uint16_t port)
{
	uint32_t value = port_read16(port) & ~(PM1_SLP_TYP_MASK | PM1_SLP_EN);

	value |= (uint32_t)settings.slp_typ << PM1_SLP_TYP_SHIFT & PM1_SLP_TYP_MASK;
	port_write16(port, (uint16_t)(value | PM1_SLP_EN));
}

_Noreturn void arch_poweroff(uint32_t code)
{
	interrupts_disable();
	if (settings.debug_exit)
		port_write8(DEBUG_EXIT_PORT, code == 0 ? DEBUG_EXIT_SUCCESS : DEBUG_EXIT_FAILURE);
	if (code == 0 && settings.pm1a != 0)
		enter_s5(settings.pm1a);
	if (code == 0 && settings.pm1b != 0)
		enter_s5(settings.pm1b);
	for (;;)
		__asm__ volatile("cli\n\thlt");
}
