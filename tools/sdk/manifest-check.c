/* SPDX-License-Identifier: MIT */
/*
 * Reads a manifest on the host with the reader that init has, so that an error is found before
 * anything boots. For each task it prints its line, "wait" or "-", its name and its program.
 */
#include <stdio.h>

#include "tasks/init/manifest.h"

static struct manifest manifest;
static char text[MANIFEST_BYTES_MAX + 1];

int main(int argc, char **argv)
{
	FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
	size_t size;

	if (!file) {
		fprintf(stderr, " cannot be opened\n");
		return 2;
	}
	size = fread(text, 1, sizeof(text), file);
	fclose(file);
	if (manifest_parse(&manifest, text, size) != 0) {
		fprintf(stderr, "%u: %s\n", manifest.error_line, manifest.error);
		return 1;
	}
	for (unsigned int i = 0; i < manifest.task_count; i++) {
		const struct manifest_task *task = &manifest.tasks[i];

		printf("%u %s %s %s\n", task->line, task->wait && !task->manual ? "wait" : "-",
		       task->name, task->path);
	}
	return 0;
}
