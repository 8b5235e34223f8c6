/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>

#include "words.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Takes one word that starts at *from; leaves *from behind it. The word only gets shorter,
 * so it is written over itself. */
static int word_take(char **from)
{
	char *in = *from;
	char *out = *from;
	bool quoted = false;

	for (; *in != '\0' && (quoted || !is_space(*in)); in++) {
		if (*in == '"')
			quoted = !quoted;
		else
			*out++ = *in;
	}
	*from = *in == '\0' ? in : in + 1;
	*out = '\0';
	return quoted ? -EINVAL : 0;
}

int words_split(char *line, char **words, size_t max, bool comments)
{
	size_t count = 0;

	for (;;) {
		while (is_space(*line))
			line++;
		if (*line == '\0' || (comments && *line == '#'))
			return (int)count;
		if (count == max)
			return -E2BIG;
		words[count++] = line;
		if (word_take(&line) != 0)
			return -EINVAL;
	}
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

int words_number(const char *text, unsigned int base, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;

	if (*text == '\0')
		return -EINVAL;
	for (; *text != '\0'; text++) {
		unsigned int digit = (unsigned int)digit_value(*text);

		if (digit >= base || value > (UINT64_MAX - digit) / base)
			return -EINVAL;
		value = value * base + digit;
	}
	if (value > max)
		return -EINVAL;
	*out = value;
	return 0;
}
