/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "selector.h"
#include "words.h"

/* Reads exactly `digits` hexadecimal digits at *text and moves behind them. */
static int hex_take(const char **text, size_t digits, uint32_t max, uint32_t *out)
{
	char part[9];
	uint64_t value;

	if (digits >= sizeof(part) || strnlen(*text, digits) != digits)
		return -EINVAL;
	memcpy(part, *text, digits);
	part[digits] = '\0';
	if (words_number(part, 16, max, &value) != 0)
		return -EINVAL;
	*text += digits;
	*out = (uint32_t)value;
	return 0;
}

static int char_take(const char **text, char wanted)
{
	if (**text != wanted)
		return -EINVAL;
	(*text)++;
	return 0;
}

static int address_parse(const char *text, struct device_selector *out)
{
	uint32_t segment, bus, device, function;

	if (hex_take(&text, 4, 0xffff, &segment) != 0 || char_take(&text, ':') != 0 ||
	    hex_take(&text, 2, 0xff, &bus) != 0 || char_take(&text, ':') != 0 ||
	    hex_take(&text, 2, 0x1f, &device) != 0 || char_take(&text, '.') != 0 ||
	    hex_take(&text, 1, 7, &function) != 0 || *text != '\0')
		return -EINVAL;
	out->bdf = CORDON_BDF(segment, bus, device, function);
	return 0;
}

static int id_parse(const char *text, struct device_selector *out)
{
	uint32_t vendor, device;

	if (hex_take(&text, 4, 0xffff, &vendor) != 0 || char_take(&text, ':') != 0 ||
	    hex_take(&text, 4, 0xffff, &device) != 0 || *text != '\0')
		return -EINVAL;
	out->id = vendor << 16 | device;
	out->id_mask = UINT32_MAX;
	return 0;
}

static int class_parse(const char *text, struct device_selector *out)
{
	size_t digits = strlen(text);
	uint32_t code;

	if ((digits != 2 && digits != 4 && digits != 6) ||
	    hex_take(&text, digits, 0xffffff, &code) != 0)
		return -EINVAL;
	/* Two hexadecimal digits a byte; the bytes that were not given are free. */
	out->class_code = code << (6 - digits) * 4;
	out->class_mask = 0xffffffu << (6 - digits) * 4 & 0xffffffu;
	return 0;
}

int selector_parse(const char *text, struct device_selector *out)
{
	struct device_selector selector = {.bdf = CORDON_BDF_NONE};
	int err;

	if (strncmp(text, "id=", 3) == 0)
		err = id_parse(text + 3, &selector);
	else if (strncmp(text, "class=", 6) == 0)
		err = class_parse(text + 6, &selector);
	else
		err = address_parse(text, &selector);
	if (err == 0)
		*out = selector;
	return err;
}

bool selector_matches(const struct device_selector *selector,
                      const struct cordon_device_desc *device)
{
	uint32_t id = (uint32_t)device->vendor << 16 | device->device;

	if (device->flags & CORDON_DEVICE_BRIDGE)
		return false;
	if (selector->bdf != CORDON_BDF_NONE && selector->bdf != device->bdf)
		return false;
	return (id & selector->id_mask) == selector->id &&
	       (device->class_code & selector->class_mask) == selector->class_code;
}
