/* SPDX-License-Identifier: MIT */
/* Small functions that newlib leaves out. */
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

ssize_t getline(char **restrict line, size_t *restrict room, FILE *restrict file)
{
	return __getline(line, room, file);
}

ssize_t getdelim(char **restrict line, size_t *restrict room, int end, FILE *restrict file)
{
	return __getdelim(line, room, end, file);
}

/* Cuts slashes off the end, but not the first. Returns the length. */
static size_t cut_slashes(char *path, size_t length)
{
	while (length > 1 && path[length - 1] == '/')
		length--;
	path[length] = '\0';
	return length;
}

static char dot[] = ".";

char *basename(char *path)
{
	char *slash;

	if (path == NULL || path[0] == '\0')
		return dot;
	cut_slashes(path, strlen(path));
	slash = strrchr(path, '/');
	return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

char *dirname(char *path)
{
	char *slash;

	if (path == NULL || path[0] == '\0')
		return dot;
	cut_slashes(path, strlen(path));
	slash = strrchr(path, '/');
	if (slash == NULL)
		return dot;
	cut_slashes(path, slash == path ? 1 : (size_t)(slash - path));
	return path;
}

/* Nothing is kept anywhere else than where it is written to. */
void sync(void)
{
}
