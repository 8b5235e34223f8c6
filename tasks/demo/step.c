/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>

#include "step.h"

#define WHY_MAX 200 /* bytes of a reason: the line must stay one line */

static int passed_count;
static int failed_count;
static int left_out_count;

void step_heading(const char *text)
{
	printf("\n--- %s\n", text);
}

bool step_result(bool passed, const char *name, const char *why, ...)
{
	char reason[WHY_MAX];
	va_list args;

	if (passed) {
		passed_count++;
		printf("demo: PASS %s\n", name);
		return true;
	}
	va_start(args, why);
	vsnprintf(reason, sizeof(reason), why, args);
	va_end(args);
	failed_count++;
	printf("demo: FAIL %s: %s\n", name, reason);
	return false;
}

void step_left_out(const char *name, const char *why)
{
	left_out_count++;
	printf("demo: NOT SHOWN %s: %s\n", name, why);
}

int step_close(void)
{
	printf("\ndemo: %d passed, %d failed", passed_count, failed_count);
	if (left_out_count)
		printf(", %d not shown", left_out_count);
	printf("\n");
	return passed_count ? failed_count : 1;
}
