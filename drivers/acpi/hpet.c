/* SPDX-License-Identifier: MIT */
/* HPET: where the event timers are (IA-PC HPET specification 1.0a, 3.2.4). */
#include <cordon/errno.h>
#include <drivers/acpi/table.h>

#define LOG_TAG "acpi"
#include <kernel/log.h>

struct hpet_body {
	uint32_t block_id;
	struct acpi_address base;
	uint8_t number;
	uint16_t minimum_tick;
	uint8_t attributes;
} __attribute__((packed));
_Static_assert(sizeof(struct hpet_body) == 20, "description table, 3.2.4");

#define HPET_BLOCK_SIZE 1024 /* 2.3.1: a block of registers never crosses a page */

int hpet_parse(struct acpi_bytes table, paddr_t *base)
{
	struct acpi_bytes body;
	struct hpet_body hpet;
	int error;

	*base = paddr(0);
	error = acpi_open(table, "HPET", &body);
	if (error)
		return error;
	if (!acpi_take(&body, &hpet, sizeof(hpet))) {
		log_warn("HPET: too short");
		return -EINVAL;
	}
	if (hpet.base.space != ACPI_SPACE_MEMORY || hpet.base.address == 0 ||
	    !is_aligned(hpet.base.address, HPET_BLOCK_SIZE)) {
		log_warn("HPET: registers at 0x%llx in address space %u",
		         (unsigned long long)hpet.base.address, hpet.base.space);
		return -EINVAL;
	}
	*base = paddr(hpet.base.address);
	return 0;
}
