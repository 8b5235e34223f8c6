/* SPDX-License-Identifier: MIT */
/* Line editing at the prompt: typed bytes in, a line and what to echo out. Hardware-free. */
#ifndef INIT_EDITOR_H
#define INIT_EDITOR_H

#include <stddef.h>

#define EDITOR_LINE_MAX 256

struct editor {
	char line[EDITOR_LINE_MAX]; /* zero-terminated at any time */
	size_t length;
	unsigned int escape; /* inside an escape sequence of a cursor key: how far */
	char last;           /* the byte before, to take CR LF as one end */
};

enum editor_event {
	EDITOR_NOTHING,
	EDITOR_LINE,    /* the line is complete; editor_reset before the next byte */
	EDITOR_CLEARED, /* ctrl-C: the line is empty again */
};

/* Begins an empty line. */
void editor_reset(struct editor *editor);

/* Takes one typed byte. echo: what to send back, zero-terminated, at most EDITOR_ECHO_MAX. */
#define EDITOR_ECHO_MAX (3 * EDITOR_LINE_MAX + 1)
enum editor_event editor_byte(struct editor *editor, char byte, char echo[EDITOR_ECHO_MAX]);

#endif
