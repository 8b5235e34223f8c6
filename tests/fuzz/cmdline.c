/* SPDX-License-Identifier: MIT */
/* The kernel's command line, against a search that is written another way. */
#include <kernel/cmdline.h>
#include <tests/fuzz/fuzz.h>

static const char *const names[] = {"iommu", "marks", "a", "log", "selftest", "init.run"};

/* The value of the last word "name" or "name=value" of a copy that strtok may cut. */
static bool model_find(const char *text, const char *name, char *value, size_t room)
{
	char *copy = strdup(text), *state = NULL;
	bool found = false;

	for (char *word = strtok_r(copy, " \t\n", &state); word;
	     word = strtok_r(NULL, " \t\n", &state)) {
		size_t length = strcspn(word, "=");

		if (length != strlen(name) || strncmp(word, name, length) != 0)
			continue;
		found = true;
		snprintf(value, room, "%s", word[length] ? word + length + 1 : "");
	}
	free(copy);
	return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line = calloc(1, size + 1), expected[CMDLINE_MAX];
	const char *value;
	uint64_t number;
	size_t length;

	FUZZ_CHECK(line);
	memcpy(line, data, size);
	cmdline_init(line);
	FUZZ_CHECK(strlen(cmdline_text()) < CMDLINE_MAX);
	FUZZ_CHECK(strncmp(cmdline_text(), line, strlen(cmdline_text())) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		bool found = cmdline_find(names[i], &value, &length);

		FUZZ_CHECK(found ==
		           model_find(cmdline_text(), names[i], expected, sizeof(expected)));
		if (found)
			FUZZ_CHECK(strlen(expected) == length &&
			           memcmp(expected, value, length) == 0);
		if (cmdline_flag(names[i]))
			FUZZ_CHECK(found && length <= 3);
		number = cmdline_number(names[i], 10, 9999, 7);
		if (number == 7)
			continue;
		snprintf(expected, sizeof(expected), "%0*llu", (int)length,
		         (unsigned long long)number);
		FUZZ_CHECK(found && number >= 10 && number <= 9999 &&
		           memcmp(expected, value, length) == 0);
	}
	cmdline_report_unknown();
	free(line);
	return 0;
}
