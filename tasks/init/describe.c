/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <cordon/rt.h>

#include "describe.h"

const char *describe_bdf(cordon_bdf_t bdf, char text[DESCRIBE_BDF_MAX])
{
	if (bdf == CORDON_BDF_NONE)
		strcpy(text, "-");
	else
		snprintf(text, DESCRIBE_BDF_MAX, "%04x:%02x:%02x.%x", (unsigned int)(bdf >> 16),
		         (unsigned int)(bdf >> 8 & 0xff), (unsigned int)(bdf >> 3 & 0x1f),
		         (unsigned int)(bdf & 7));
	return text;
}

const char *describe_class(uint32_t class_code)
{
	static const struct {
		uint32_t code, mask;
		const char *text;
	} classes[] = {
	        {0x010802, 0xffffff, "NVM Express controller"},
	        {0x010601, 0xffffff, "AHCI controller"},
	        {0x010000, 0xff0000, "storage controller"},
	        {0x020000, 0xffff00, "Ethernet controller"},
	        {0x020000, 0xff0000, "network controller"},
	        {0x030000, 0xff0000, "display controller"},
	        {0x040000, 0xff0000, "multimedia device"},
	        {0x050000, 0xff0000, "memory controller"},
	        {0x060000, 0xffff00, "host bridge"},
	        {0x060100, 0xffff00, "ISA bridge"},
	        {0x060400, 0xffff00, "PCI bridge"},
	        {0x060000, 0xff0000, "bridge"},
	        {0x070000, 0xff0000, "communication controller"},
	        {0x080600, 0xffff00, "IOMMU"},
	        {0x080000, 0xff0000, "system peripheral"},
	        {0x0c0500, 0xffff00, "SMBus controller"},
	        {0x0c0300, 0xffff00, "USB controller"},
	        {0x0c0000, 0xff0000, "serial bus controller"},
	        {0x00ff00, 0xffff00, "unclassified device"},
	        {0xff0000, 0xff0000, "unclassified device"},
	};

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if ((class_code & classes[i].mask) == classes[i].code)
			return classes[i].text;
	return "other device";
}

const char *describe_device_flags(uint32_t flags, char text[DESCRIBE_FLAGS_MAX])
{
	static const struct {
		uint32_t flag;
		const char *text;
	} names[] = {
	        {CORDON_DEVICE_BRIDGE, "bridge"},   {CORDON_DEVICE_FLR, "flr"},
	        {CORDON_DEVICE_OPEN, "open"},       {CORDON_DEVICE_QUARANTINE, "quarantine"},
	        {CORDON_DEVICE_REFUSED, "refused"},
	};

	text[0] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!(flags & names[i].flag))
			continue;
		if (text[0] != '\0')
			strlcat(text, ", ", DESCRIBE_FLAGS_MAX);
		strlcat(text, names[i].text, DESCRIBE_FLAGS_MAX);
	}
	return text;
}

const char *describe_size(uint64_t bytes, char text[DESCRIBE_SIZE_MAX])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	size_t unit = 0;

	while (bytes != 0 && bytes % 1024 == 0 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		bytes /= 1024;
		unit++;
	}
	snprintf(text, DESCRIBE_SIZE_MAX, "%" PRIu64 " %s", bytes, units[unit]);
	return text;
}

void describe_end(const struct cordon_task_info *info, char *text, size_t size)
{
	switch (info->cause) {
	case CORDON_CAUSE_EXIT:
		snprintf(text, size, "ended with code %" PRId64, info->code);
		break;
	case CORDON_CAUSE_KILL:
		snprintf(text, size, "was killed (code %" PRId64 ")", info->code);
		break;
	case CORDON_CAUSE_FAULT:
		snprintf(text, size,
		         "was ended by an exception: %s (vector %" PRId64 ") at 0x%" PRIx64,
		         cordon_exception_name(info->code), info->code, info->fault_address);
		break;
	case CORDON_CAUSE_DMA:
		snprintf(text, size,
		         "was ended because its device broke the rules (code %" PRId64 ")",
		         info->code);
		break;
	case CORDON_CAUSE_STACK:
		snprintf(text, size, "was ended: %s at 0x%" PRIx64,
		         info->code == ENOSPC ? "stack overflow" : "no memory for its stack",
		         info->fault_address);
		break;
	default:
		snprintf(text, size, "ended: %s", cordon_task_cause_name(info->cause));
		break;
	}
}
