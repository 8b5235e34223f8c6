// SPDX-License-Identifier: MIT
#include <kernel/string.h>
#include <stdio.h>

void string_copy(char *to, const char *from, unsigned long size)
{
	if (size)
		snprintf(to, size, "%s", from);
}
