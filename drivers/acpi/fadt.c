/* SPDX-License-Identifier: MIT */
/* FADT (5.2.9): power management timer and power-off registers; and \_S5 of the DSDT. */
#include <cordon/errno.h>
#include <drivers/acpi/table.h>
#include <kernel/string.h>

#define LOG_TAG "acpi"
#include <kernel/log.h>

/* Table 5.9, without the header. Revision 1 ends before reset_register. */
struct fadt_body {
	uint32_t firmware_ctrl;
	uint32_t dsdt;
	uint8_t reserved_44;
	uint8_t profile;
	uint16_t sci_interrupt;
	uint32_t smi_command;
	uint8_t acpi_enable;
	uint8_t acpi_disable;
	uint8_t s4bios_request;
	uint8_t pstate_control;
	uint32_t pm1a_event;
	uint32_t pm1b_event;
	uint32_t pm1a_control;
	uint32_t pm1b_control;
	uint32_t pm2_control;
	uint32_t pm_timer;
	uint32_t gpe0;
	uint32_t gpe1;
	uint8_t pm1_event_length;
	uint8_t pm1_control_length;
	uint8_t pm2_control_length;
	uint8_t pm_timer_length;
	uint8_t gpe0_length;
	uint8_t gpe1_length;
	uint8_t gpe1_base;
	uint8_t cst_control;
	uint16_t c2_latency;
	uint16_t c3_latency;
	uint16_t flush_size;
	uint16_t flush_stride;
	uint8_t duty_offset;
	uint8_t duty_width;
	uint8_t day_alarm;
	uint8_t month_alarm;
	uint8_t century;
	uint16_t boot_architecture;
	uint8_t reserved_111;
	uint32_t flags;
	struct acpi_address reset_register;
	uint8_t reset_value;
	uint16_t arm_boot_architecture;
	uint8_t minor_version;
	uint64_t x_firmware_ctrl;
	uint64_t x_dsdt;
	struct acpi_address x_pm1a_event;
	struct acpi_address x_pm1b_event;
	struct acpi_address x_pm1a_control;
	struct acpi_address x_pm1b_control;
	struct acpi_address x_pm2_control;
	struct acpi_address x_pm_timer;
} __attribute__((packed));
#define FADT_OFFSET(member) (sizeof(struct acpi_header) + offsetof(struct fadt_body, member))
_Static_assert(FADT_OFFSET(dsdt) == 40, "table 5.9");
_Static_assert(FADT_OFFSET(pm1a_control) == 64, "table 5.9");
_Static_assert(FADT_OFFSET(pm_timer) == 76, "table 5.9");
_Static_assert(FADT_OFFSET(pm_timer_length) == 91, "table 5.9");
_Static_assert(FADT_OFFSET(flags) == 112, "table 5.9");
_Static_assert(FADT_OFFSET(reset_register) == 116, "table 5.9");
_Static_assert(FADT_OFFSET(x_dsdt) == 140, "table 5.9");
_Static_assert(FADT_OFFSET(x_pm1a_control) == 172, "table 5.9");
_Static_assert(FADT_OFFSET(x_pm_timer) == 208, "table 5.9");

#define FADT_REVISION1_SIZE   offsetof(struct fadt_body, reset_register)
#define FADT_TIMER_32BIT      (1u << 8)  /* table 5.10, TMR_VAL_EXT */
#define FADT_HARDWARE_REDUCED (1u << 20) /* table 5.10: none of these registers */
#define FADT_TIMER_LENGTH     4          /* 5.2.9, PM_TMR_LEN; 0: no timer */
#define PORT_MAX              0xffffu

/* An extended address is used when it is there (5.2.9); 0: the register is not there, or is not
 * an I/O port. */
static uint32_t choose_port(const char *what, uint32_t legacy, const struct acpi_address *extended)
{
	uint64_t port = legacy;

	if (extended->address != 0 && extended->space == ACPI_SPACE_IO)
		port = extended->address;
	if (port > PORT_MAX) {
		log_warn("FADT: %s at port 0x%llx, not used", what, (unsigned long long)port);
		return 0;
	}
	return (uint32_t)port;
}

int fadt_parse(struct acpi_bytes table, struct fadt *out)
{
	struct acpi_bytes body;
	struct fadt_body fadt;
	int error;

	memset(out, 0, sizeof(*out));
	memset(&fadt, 0, sizeof(fadt));
	error = acpi_open(table, "FACP", &body);
	if (error)
		return error;
	if (body.size < FADT_REVISION1_SIZE) {
		log_warn("FADT: too short");
		return -EINVAL;
	}
	/* What an older, shorter table does not have stays zero, which means "not there". */
	memcpy(&fadt, body.data, body.size < sizeof(fadt) ? FADT_REVISION1_SIZE : sizeof(fadt));
	out->dsdt = paddr(fadt.x_dsdt != 0 ? fadt.x_dsdt : fadt.dsdt);
	if (fadt.flags & FADT_HARDWARE_REDUCED)
		return 0;
	out->pm1a_control = choose_port("PM1a control", fadt.pm1a_control, &fadt.x_pm1a_control);
	out->pm1b_control = choose_port("PM1b control", fadt.pm1b_control, &fadt.x_pm1b_control);
	if (fadt.pm_timer_length == FADT_TIMER_LENGTH)
		out->pm_timer_port = choose_port("PM timer", fadt.pm_timer, &fadt.x_pm_timer);
	out->pm_timer_32bit = out->pm_timer_port != 0 && (fadt.flags & FADT_TIMER_32BIT);
	return 0;
}

/* AML encodings (20.2). */
#define AML_ZERO        0x00
#define AML_ONE         0x01
#define AML_NAME        0x08
#define AML_BYTE_PREFIX 0x0a
#define AML_PACKAGE     0x12
#define AML_ROOT        '\\'
#define SLP_TYP_MAX     7 /* 4.8.3.2.1: three bits */

/*
 * A package length (20.2.4): the top two bits of the first byte count further bytes; the length
 * includes its own bytes. Cuts the cursor to the package.
 */
static bool enter_package(struct acpi_bytes *cursor)
{
	size_t whole = cursor->size, length;
	uint8_t lead, byte;

	if (!acpi_take(cursor, &lead, 1))
		return false;
	if (lead >> 6 == 0) {
		length = lead & 0x3f;
	} else {
		length = lead & 0x0f;
		for (unsigned int i = 0; i < lead >> 6; i++) {
			if (!acpi_take(cursor, &byte, 1))
				return false;
			length |= (size_t)byte << (4 + 8 * i);
		}
	}
	if (length > whole || length < whole - cursor->size)
		return false;
	cursor->size = length - (whole - cursor->size);
	return true;
}

/* What follows the name: a package whose first element is the value for PM1a (7.4.2). */
static bool parse_s5_package(struct acpi_bytes cursor, uint8_t *slp_typ_a)
{
	uint8_t byte, elements;

	if (!acpi_take(&cursor, &byte, 1) || byte != AML_PACKAGE || !enter_package(&cursor) ||
	    !acpi_take(&cursor, &elements, 1) || elements == 0 || !acpi_take(&cursor, &byte, 1))
		return false;
	if (byte == AML_BYTE_PREFIX) {
		if (!acpi_take(&cursor, &byte, 1))
			return false;
	} else if (byte != AML_ZERO && byte != AML_ONE) {
		return false;
	}
	if (byte > SLP_TYP_MAX)
		return false;
	*slp_typ_a = byte;
	return true;
}

bool dsdt_find_s5(struct acpi_bytes dsdt, uint8_t *slp_typ_a)
{
	static const char name[4] = {'_', 'S', '5', '_'};
	struct acpi_bytes body;

	if (acpi_open(dsdt, "DSDT", &body))
		return false;
	for (size_t i = 1; i + sizeof(name) <= body.size; i++) {
		struct acpi_bytes rest = {body.data + i + sizeof(name),
		                          body.size - i - sizeof(name)};

		/* Before the name stands NameOp, with or without a root character. */
		if (body.data[i - 1] != AML_NAME &&
		    (i < 2 || body.data[i - 1] != AML_ROOT || body.data[i - 2] != AML_NAME))
			continue;
		if (memcmp(body.data + i, name, sizeof(name)) == 0 &&
		    parse_s5_package(rest, slp_typ_a))
			return true;
	}
	return false;
}
