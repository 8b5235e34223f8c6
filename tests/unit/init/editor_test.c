/* SPDX-License-Identifier: MIT */
/* What is typed at the prompt, and what the terminal then shows. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tasks/init/editor.h"

static struct editor editor;
static char screen[4096]; /* everything echoed */
static unsigned int lines, cleared;

static void type(const char *bytes)
{
	char *echo = malloc(EDITOR_ECHO_MAX);

	for (; *bytes != '\0'; bytes++) {
		enum editor_event event = editor_byte(&editor, *bytes, echo);

		cr_assert_leq(strlen(screen) + strlen(echo), sizeof(screen) - 1);
		strcat(screen, echo);
		lines += event == EDITOR_LINE;
		cleared += event == EDITOR_CLEARED;
	}
	free(echo);
}

/* What a terminal shows on its last line after the echo. */
static const char *shown(void)
{
	static char line[4096];
	size_t column = 0, end = 0;

	for (const char *c = screen; *c != '\0'; c++) {
		if (*c == '\b') {
			cr_assert_gt(column, 0, "the cursor left the line");
			column--;
		} else if (*c == '\n') {
			column = end = 0;
		} else {
			line[column++] = *c;
			end = column > end ? column : end;
		}
	}
	while (end > 0 && line[end - 1] == ' ')
		end--;
	line[end] = '\0';
	return line;
}

Test(editor, the_screen_shows_the_line)
{
	type("groups");
	cr_assert_str_eq(editor.line, "groups");
	cr_assert_str_eq(shown(), "groups");
	cr_assert_eq(lines, 0);
}

Test(editor, both_backspaces_rub_out_and_stop_at_the_start)
{
	type("ab\x7f\x08\x7f"
	     "c");
	cr_assert_str_eq(editor.line, "c");
	cr_assert_str_eq(shown(), "c");
}

Test(editor, return_newline_and_both_together_end_one_line)
{
	type("a\r");
	cr_assert_eq(lines, 1);
	cr_assert_str_eq(editor.line, "a");
	editor_reset(&editor);
	type("\n"); /* the second half of CR LF */
	cr_assert_eq(lines, 1);
	type("b\n");
	cr_assert_eq(lines, 2);
	cr_assert_str_eq(editor.line, "b");
	editor_reset(&editor);
	type("\n");
	cr_assert_eq(lines, 3);
}

Test(editor, ctrl_c_clears_and_ctrl_u_erases)
{
	type("poweroff\x03");
	cr_assert_eq(cleared, 1);
	cr_assert_str_eq(editor.line, "");
	cr_assert_str_eq(shown(), "");
	type("some text\x15new");
	cr_assert_str_eq(editor.line, "new");
	cr_assert_str_eq(shown(), "new");
	cr_assert_eq(lines, 0);
}

Test(editor, cursor_keys_and_control_bytes_leave_no_trace)
{
	type("a\x1b[A\x1bOB\x1b[1;5Cb\x1bxc\x01\x7f"
	     "d\xc3\xa9");
	cr_assert_str_eq(editor.line, "abd");
	cr_assert_str_eq(shown(), "abd");
}

Test(editor, ctrl_c_gets_out_of_an_unfinished_escape_sequence)
{
	type("a\x1b[\x03"
	     "b");
	cr_assert_eq(cleared, 1);
	cr_assert_str_eq(editor.line, "b");
}

Test(editor, a_line_that_is_too_long_is_cut)
{
	for (int i = 0; i < 2 * EDITOR_LINE_MAX; i++)
		type("x");
	cr_assert_eq(strlen(editor.line), EDITOR_LINE_MAX - 1);
	cr_assert_eq(strlen(shown()), EDITOR_LINE_MAX - 1);
	screen[0] = '\0';
	memset(screen, 'x', EDITOR_LINE_MAX - 1);
	type("\x15");
	cr_assert_str_eq(editor.line, "");
	cr_assert_str_eq(shown(), "");
}
