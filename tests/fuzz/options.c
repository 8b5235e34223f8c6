/* SPDX-License-Identifier: MIT */
/* init's own options, and the words they are made of. */
#include <cordon/errno.h>
#include <tasks/init/options.h>
#include <tasks/init/words.h>
#include <tests/fuzz/fuzz.h>

static unsigned int problems;

static void problem(const char *word, const char *reason)
{
	FUZZ_CHECK(word && reason);
	problems++;
}

static void check_text(const struct options *options, const char *text)
{
	FUZZ_CHECK(text >= options->text && text < options->text + sizeof(options->text));
	FUZZ_CHECK(memchr(text, 0, (size_t)(options->text + sizeof(options->text) - text)));
}

/* The last value of init.run that can be run: a path and at most 16 words in all. */
static bool model_run(const char *text, char *out)
{
	char *copy = strdup(text), *state = NULL;
	unsigned int commas = 0;
	bool found = false;

	for (char *word = strtok_r(copy, " \t\r", &state); word;
	     word = strtok_r(NULL, " \t\r", &state)) {
		if (strncmp(word, "init.run=/", 10) != 0)
			continue;
		commas = 0;
		for (const char *c = word; *c; c++)
			commas += *c == ',';
		if (commas >= OPTIONS_ARGS_MAX)
			continue;
		strcpy(out, word + 9);
		found = true;
	}
	free(copy);
	return found;
}

static void check_options(const char *text)
{
	char expected[OPTIONS_BYTES_MAX], joined[OPTIONS_BYTES_MAX] = "";
	static struct options options;

	problems = 0;
	options_parse(&options, text, problem);
	FUZZ_CHECK(options.manifest[0] == '/' && options.run_count <= OPTIONS_ARGS_MAX);
	for (unsigned int i = 0; i < options.run_count; i++) {
		check_text(&options, options.run[i]);
		strcat(strcat(joined, i ? "," : ""), options.run[i]);
	}
	/* Too long, or too many words: nothing of it counts. */
	if (problems && options.run_count == 0)
		return;
	FUZZ_CHECK(model_run(text, expected) == (options.run_count > 0));
	if (options.run_count)
		FUZZ_CHECK(strcmp(joined, expected) == 0);
}

static void check_words(char *line, bool comments)
{
	char *words[16], *end = line + strlen(line);
	int count = words_split(line, words, 16, comments);
	uint64_t number;

	FUZZ_CHECK(count <= 16 && (count >= 0 || count == -E2BIG || count == -EINVAL));
	for (int i = 0; i < count; i++) {
		FUZZ_CHECK(words[i] >= line && words[i] <= end);
		FUZZ_CHECK(i == 0 || words[i] > words[i - 1] + strlen(words[i - 1]));
		if (words_number(words[i], 10, 4096, &number) == 0) {
			FUZZ_CHECK(number <= 4096 && number == strtoull(words[i], NULL, 10));
			FUZZ_CHECK(strspn(words[i], "0123456789") == strlen(words[i]));
		}
		if (words_number(words[i], 16, UINT64_MAX, &number) == 0)
			FUZZ_CHECK(number == strtoull(words[i], NULL, 16));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line;

	/* Quotes would have to be put around words a second time. */
	line = calloc(1, size + 1);
	FUZZ_CHECK(line);
	memcpy(line, data, size);
	if (!strchr(line, '"'))
		check_options(line);
	check_words(line, size & 1);
	free(line);
	return 0;
}
