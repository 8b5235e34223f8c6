/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "options.h"
#include "words.h"

#define PREFIX    "init."
#define WORDS_MAX 128

static const char *parse_run(struct options *options, char *value)
{
	unsigned int count = 1;

	if (value[0] != '/')
		return "a program's path starts with '/'";
	for (const char *c = value; *c != '\0'; c++)
		count += *c == ',';
	if (count > OPTIONS_ARGS_MAX)
		return "too many arguments";
	count = 0;
	for (char *next = value; next != NULL;) {
		options->run[count++] = next;
		next = strchr(next, ',');
		if (next != NULL)
			*next++ = '\0';
	}
	options->run_count = count;
	return NULL;
}

/* Takes one NAME=VALUE; returns what is wrong with it. */
static const char *parse_option(struct options *options, const char *name, char *value)
{
	if (strcmp(name, "run") == 0)
		return parse_run(options, value);
	if (strcmp(name, "manifest") == 0) {
		if (value[0] != '/')
			return "a path starts with '/'";
		options->manifest = value;
		return NULL;
	}
	if (strcmp(name, "prompt") == 0) {
		if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
			return "it takes 0 or 1";
		options->prompt = value[0] == '1';
		return NULL;
	}
	return "unknown option";
}

void options_parse(struct options *options, const char *cmdline, options_problem *problem)
{
	char *words[WORDS_MAX];
	int count;

	options->run_count = 0;
	options->manifest = "/etc/manifest";
	options->prompt = false;
	if (strlen(cmdline) >= sizeof(options->text)) {
		problem("init.*", "the command line is too long");
		return;
	}
	strcpy(options->text, cmdline);
	count = words_split(options->text, words, WORDS_MAX, false);
	if (count < 0) {
		problem("init.*", "the command line has too many words or an open quote");
		return;
	}
	for (int i = 0; i < count; i++) {
		const char *reason = "it takes a value";
		char *value;

		if (strncmp(words[i], PREFIX, strlen(PREFIX)) != 0)
			continue;
		value = strchr(words[i], '=');
		if (value != NULL) {
			*value++ = '\0';
			reason = parse_option(options, words[i] + strlen(PREFIX), value);
		}
		if (reason != NULL)
			problem(words[i], reason);
	}
}
