/* SPDX-License-Identifier: MIT */
#define LOG_TAG "cmdline"
#include <kernel/cmdline.h>
#include <kernel/log.h>
#include <kernel/string.h>

#define WORDS_MAX   (CMDLINE_MAX / 2)
#define INIT_PREFIX "init."

/* One word: [name, name + name_length), and behind a = the value up to end. */
struct word {
	const char *name;
	const char *end;
	size_t name_length;
};

static char text[CMDLINE_MAX];
static bool known[WORDS_MAX]; /* by the word's number */

/* Finds the next word at or after a place. */
static bool word_next(const char *at, struct word *word)
{
	while (*at == ' ' || *at == '\t' || *at == '\n')
		at++;
	word->name = at;
	while (*at != '\0' && *at != ' ' && *at != '\t' && *at != '\n')
		at++;
	word->end = at;
	for (at = word->name; at < word->end && *at != '='; at++)
		;
	word->name_length = (size_t)(at - word->name);
	return word->end > word->name;
}

void cmdline_init(const char *new_text)
{
	string_copy(text, new_text, sizeof(text));
	memset(known, 0, sizeof(known));
	if (strlen(new_text) >= sizeof(text))
		log_warn("the command line is longer than %d bytes; the rest is cut off",
		         CMDLINE_MAX - 1);
}

const char *cmdline_text(void)
{
	return text;
}

bool cmdline_find(const char *name, const char **value, size_t *length)
{
	size_t name_length = strlen(name);
	bool found = false;
	struct word word = {.end = text};

	for (size_t i = 0; word_next(word.end, &word); i++) {
		if (word.name_length != name_length || strncmp(word.name, name, name_length) != 0)
			continue;
		known[i] = true;
		found = true;
		*value = word.name + name_length;
		if (*value < word.end)
			(*value)++; /* the equals sign */
		*length = (size_t)(word.end - *value);
	}
	return found;
}

bool cmdline_flag(const char *name)
{
	static const char *const yes[] = {"on", "1", "yes"};
	const char *value;
	size_t length;

	if (!cmdline_find(name, &value, &length))
		return false;
	if (length == 0)
		return value[-1] != '=';
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		if (length == strlen(yes[i]) && strncmp(value, yes[i], length) == 0)
			return true;
	return false;
}

uint64_t cmdline_number(const char *name, uint64_t min, uint64_t max, uint64_t fallback)
{
	const char *value;
	uint64_t number = 0;
	size_t length;
	bool good;

	if (!cmdline_find(name, &value, &length))
		return fallback;
	good = length > 0;
	for (size_t i = 0; i < length && good; i++) {
		uint64_t digit = (uint64_t)(value[i] - '0');

		good = digit <= 9 && number <= (UINT64_MAX - digit) / 10;
		number = number * 10 + digit;
	}
	if (good && number >= min && number <= max)
		return number;
	log_warn("option %s: no number from %llu to %llu; taken is %llu", name,
	         (unsigned long long)min, (unsigned long long)max, (unsigned long long)fallback);
	return fallback;
}

void cmdline_report_unknown(void)
{
	struct word word = {.end = text};

	for (size_t i = 0; word_next(word.end, &word); i++) {
		if (known[i] || strncmp(word.name, INIT_PREFIX, strlen(INIT_PREFIX)) == 0)
			continue;
		log_warn("unknown option: %.*s", (int)(word.end - word.name), word.name);
	}
}
