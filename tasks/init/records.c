/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>

#include "init.h"

bool records_get(const struct init *init, enum cordon_system_topic topic, uint32_t index, void *out,
                 size_t size)
{
	int64_t err = cordon_system_info(init->authority, topic, index, out, size);

	if (err < 0 && err != -ENOENT)
		printf("init: the system does not tell about topic %d: %s\n", (int)topic,
		       cordon_strerror(err));
	return err >= 0;
}

bool records_find_device(const struct init *init, const struct device_selector *selector,
                         struct cordon_device_desc *out)
{
	for (uint32_t i = 0; records_get(init, CORDON_SYSTEM_DEVICES, i, out, sizeof(*out)); i++)
		if (selector_matches(selector, out))
			return true;
	return false;
}

bool records_find_group(const struct init *init, uint32_t number, struct cordon_group_desc *out)
{
	for (uint32_t i = 0; records_get(init, CORDON_SYSTEM_GROUPS, i, out, sizeof(*out)); i++)
		if (out->status.number == number)
			return true;
	return false;
}
