/* SPDX-License-Identifier: MIT */
/* Single values in words, for the tables and messages of init. */
#ifndef INIT_DESCRIBE_H
#define INIT_DESCRIBE_H

#include <stddef.h>

#include <cordon/task.h>
#include <cordon/vfio.h>

#define DESCRIBE_BDF_MAX   16
#define DESCRIBE_FLAGS_MAX 48
#define DESCRIBE_SIZE_MAX  16

/* "0000:00:04.0"; "-" for none. */
const char *describe_bdf(cordon_bdf_t bdf, char text[DESCRIBE_BDF_MAX]);

/* What a class code is: "NVM Express controller". Never null. (PCI Code and ID Assignment
 * Specification, section 1) */
const char *describe_class(uint32_t class_code);

/* "bridge", "flr, open", ...; empty for none. */
const char *describe_device_flags(uint32_t flags, char text[DESCRIBE_FLAGS_MAX]);

/* "4 KiB", "64 MiB": the largest unit that divides it. */
const char *describe_size(uint64_t bytes, char text[DESCRIBE_SIZE_MAX]);

/* How a task ended: "ended with code 3", "was ended by a page fault at 0x10". */
void describe_end(const struct cordon_task_info *info, char *text, size_t size);

#endif
