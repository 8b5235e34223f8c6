/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stddef.h>

#include "nvme.h"

struct status_word {
	uint8_t type;
	uint8_t code;
	int error;
	const char *text;
};

/* Sections 4.6.1.2.1 to 4.6.1.2.3: those that a driver of one queue pair can meet. */
static const struct status_word words[] = {
        {NVME_STATUS_GENERIC, 0x00, 0, "success"},
        {NVME_STATUS_GENERIC, 0x01, -EINVAL, "invalid command opcode"},
        {NVME_STATUS_GENERIC, 0x02, -EINVAL, "invalid field in command"},
        {NVME_STATUS_GENERIC, 0x03, -EINVAL, "command id conflict"},
        {NVME_STATUS_GENERIC, 0x04, -EIO, "data transfer error"},
        {NVME_STATUS_GENERIC, 0x05, -EIO, "aborted by a loss of power"},
        {NVME_STATUS_GENERIC, 0x06, -EIO, "internal error"},
        {NVME_STATUS_GENERIC, 0x07, -EIO, "abort requested"},
        {NVME_STATUS_GENERIC, 0x08, -EIO, "aborted: its queue was deleted"},
        {NVME_STATUS_GENERIC, 0x0b, -EINVAL, "invalid namespace or format"},
        {NVME_STATUS_GENERIC, 0x0c, -EINVAL, "command sequence error"},
        {NVME_STATUS_GENERIC, 0x13, -EINVAL, "PRP offset invalid"},
        {NVME_STATUS_GENERIC, 0x20, -EACCES, "namespace is write protected"},
        {NVME_STATUS_GENERIC, 0x80, -ERANGE, "LBA out of range"},
        {NVME_STATUS_GENERIC, 0x81, -ENOSPC, "capacity exceeded"},
        {NVME_STATUS_GENERIC, 0x82, -EBUSY, "namespace not ready"},
        {NVME_STATUS_SPECIFIC, 0x00, -EINVAL, "completion queue invalid"},
        {NVME_STATUS_SPECIFIC, 0x01, -EINVAL, "invalid queue identifier"},
        {NVME_STATUS_SPECIFIC, 0x02, -EINVAL, "invalid queue size"},
        {NVME_STATUS_SPECIFIC, 0x08, -EINVAL, "invalid interrupt vector"},
        {NVME_STATUS_SPECIFIC, 0x80, -EINVAL, "conflicting attributes"},
        {NVME_STATUS_SPECIFIC, 0x82, -EACCES, "write to a read-only range"},
        {NVME_STATUS_MEDIA, 0x80, -EIO, "write fault"},
        {NVME_STATUS_MEDIA, 0x81, -EIO, "unrecovered read error"},
        {NVME_STATUS_MEDIA, 0x86, -EACCES, "access denied"},
        {NVME_STATUS_MEDIA, 0x87, -EIO, "deallocated or unwritten block"},
};

static const struct status_word *find_word(uint16_t status)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i].type == NVME_STATUS_TYPE(status) &&
		    words[i].code == NVME_STATUS_CODE(status))
			return &words[i];
	return NULL;
}

int nvme_status_error(uint16_t status)
{
	const struct status_word *word = find_word(status);

	return word ? word->error : -EIO;
}

const char *nvme_status_text(uint16_t status)
{
	const struct status_word *word = find_word(status);

	if (word)
		return word->text;
	switch (NVME_STATUS_TYPE(status)) {
	case NVME_STATUS_GENERIC:
		return "other generic error";
	case NVME_STATUS_SPECIFIC:
		return "other error of this command";
	case NVME_STATUS_MEDIA:
		return "other media or data integrity error";
	case NVME_STATUS_PATH:
		return "path error";
	default:
		return "vendor-specific error";
	}
}
