/* SPDX-License-Identifier: MIT */
/* Which device a line of the manifest means. Hardware-free. */
#ifndef INIT_SELECTOR_H
#define INIT_SELECTOR_H

#include <stdbool.h>

#include <cordon/vfio.h>

/*
 * A device matches when its fields, under the masks, are the selector's:
 *   0000:00:04.0    address (segment:bus:device.function, hexadecimal)
 *   id=1234:11e8    vendor and device id, hexadecimal
 *   class=010802    class code; class=0108 and class=01 leave the rest open
 */
struct device_selector {
	cordon_bdf_t bdf; /* CORDON_BDF_NONE: any */
	uint32_t id;      /* vendor << 16 | device */
	uint32_t id_mask;
	uint32_t class_code;
	uint32_t class_mask;
};

/* Reads a selector; -EINVAL when text is none. */
int selector_parse(const char *text, struct device_selector *out);

/* Whether a device is meant. Bridges never are. */
bool selector_matches(const struct device_selector *selector,
                      const struct cordon_device_desc *device);

#endif
