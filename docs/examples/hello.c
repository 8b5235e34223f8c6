/* SPDX-License-Identifier: MIT */
/* The smallest program: what it was started with, and an exit status. */
#include <stdio.h>
#include <stdlib.h>

#include <cordon/manifest.h>

CORDON_MANIFEST("args one \"two words\"\n"
                "env GREETING=hello");

int main(int argc, char **argv)
{
	const char *greeting = getenv("GREETING");

	printf("%s from Cordon\n", greeting ? greeting : "no greeting");
	for (int i = 1; i < argc; i++)
		printf("argument %d: %s\n", i, argv[i]);
	return argc == 3 ? EXIT_SUCCESS : EXIT_FAILURE;
}
