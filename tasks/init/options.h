/* SPDX-License-Identifier: MIT */
/* What the kernel command line asks of init. Hardware-free. */
#ifndef INIT_OPTIONS_H
#define INIT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#define OPTIONS_BYTES_MAX 4096
#define OPTIONS_ARGS_MAX  16

struct options {
	unsigned int run_count;            /* 0: no init.run */
	const char *run[OPTIONS_ARGS_MAX]; /* init.run=PATH,ARG,...: path and arguments */
	const char *manifest;              /* init.manifest=PATH, or /etc/manifest */
	bool prompt;                       /* init.prompt=1 */
	char text[OPTIONS_BYTES_MAX];      /* what the above point into */
};

/* Called for each init.* word that cannot be obeyed, with the reason. */
typedef void options_problem(const char *word, const char *reason);

/* Reads the command line (zero-terminated). Words that do not start with "init." are the
 * kernel's. Of repeated options the last counts. */
void options_parse(struct options *options, const char *cmdline, options_problem *problem);

#endif
