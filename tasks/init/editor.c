/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "editor.h"

#define KEY_INTERRUPT 0x03 /* ctrl-C */
#define KEY_BACKSPACE 0x08
#define KEY_KILL_LINE 0x15 /* ctrl-U */
#define KEY_ESCAPE    0x1b
#define KEY_DELETE    0x7f

#define RUB_OUT "\b \b"

enum escape_state {
	ESCAPE_NONE = 0,
	ESCAPE_SEEN,       /* ESC */
	ESCAPE_INTRODUCED, /* ESC [ or ESC O: parameters until a final byte */
};

void editor_reset(struct editor *editor)
{
	editor->length = 0;
	editor->line[0] = '\0';
	editor->escape = ESCAPE_NONE;
}

static void rub_out(struct editor *editor, char *echo)
{
	if (editor->length == 0)
		return;
	editor->line[--editor->length] = '\0';
	strcat(echo, RUB_OUT);
}

/* Cursor keys mean nothing here; their bytes must not end up in the line. (ECMA-48, 5.4) */
static void escape_byte(struct editor *editor, char byte)
{
	if (editor->escape == ESCAPE_SEEN)
		editor->escape = byte == '[' || byte == 'O' ? ESCAPE_INTRODUCED : ESCAPE_NONE;
	else if (byte >= 0x40 && byte <= 0x7e)
		editor->escape = ESCAPE_NONE;
}

static void insert(struct editor *editor, char byte, char *echo)
{
	if (byte < 0x20 || byte > 0x7e || editor->length + 1 >= sizeof(editor->line))
		return;
	editor->line[editor->length++] = byte;
	editor->line[editor->length] = '\0';
	echo[0] = byte;
	echo[1] = '\0';
}

enum editor_event editor_byte(struct editor *editor, char byte, char echo[EDITOR_ECHO_MAX])
{
	char before = editor->last;

	echo[0] = '\0';
	editor->last = byte;
	if (editor->escape != ESCAPE_NONE && byte != KEY_INTERRUPT) {
		escape_byte(editor, byte);
		return EDITOR_NOTHING;
	}
	switch (byte) {
	case '\n':
		if (before == '\r')
			return EDITOR_NOTHING;
		/* fallthrough */
	case '\r':
		strcpy(echo, "\n");
		return EDITOR_LINE;
	case KEY_INTERRUPT:
		editor_reset(editor);
		strcpy(echo, "^C\n");
		return EDITOR_CLEARED;
	case KEY_KILL_LINE:
		while (editor->length > 0)
			rub_out(editor, echo);
		return EDITOR_NOTHING;
	case KEY_BACKSPACE:
	case KEY_DELETE:
		rub_out(editor, echo);
		return EDITOR_NOTHING;
	case KEY_ESCAPE:
		editor->escape = ESCAPE_SEEN;
		return EDITOR_NOTHING;
	default:
		insert(editor, byte, echo);
		return EDITOR_NOTHING;
	}
}
