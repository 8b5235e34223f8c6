/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "budget.h"
#include "manifest.h"
#include "words.h"

#define LINE_WORDS_MAX (MANIFEST_WORDS_MAX + 1)

/* What a line has to say, behind its first word. */
struct line {
	unsigned int number;
	char **words;
	unsigned int count;
};

static int __attribute__((format(printf, 3, 4)))
fail(struct manifest *manifest, unsigned int line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(manifest->error, sizeof(manifest->error), format, args);
	va_end(args);
	manifest->error_line = line;
	return -EINVAL;
}

/* Names go into tables and error lines, so they are short and plain. */
static bool name_is_good(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length >= CORDON_NAME_MAX)
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)name[i]) && strchr("-_.", name[i]) == NULL)
			return false;
	return true;
}

static int parse_task(struct manifest *manifest, const struct line *line)
{
	struct manifest_task *task = &manifest->tasks[manifest->task_count];
	const struct manifest_task *other;

	if (line->count != 2)
		return fail(manifest, line->number, "task takes a name and a path");
	if (!name_is_good(line->words[0]))
		return fail(manifest, line->number,
		            "a task's name has 1 to %d letters, digits, '-', '_' or '.'",
		            CORDON_NAME_MAX - 1);
	if (line->words[1][0] != '/')
		return fail(manifest, line->number, "a program's path starts with '/'");
	other = manifest_find(manifest, line->words[0]);
	if (other != NULL)
		return fail(manifest, line->number, "task %s is already on line %u", line->words[0],
		            other->line);
	if (manifest->task_count == MANIFEST_TASKS_MAX)
		return fail(manifest, line->number, "more than %d tasks", MANIFEST_TASKS_MAX);
	memset(task, 0, sizeof(*task));
	task->name = line->words[0];
	task->path = line->words[1];
	task->line = line->number;
	manifest->task_count++;
	return 0;
}

static int parse_group(struct manifest *manifest, struct manifest_task *task,
                       const struct line *line)
{
	struct manifest_group *group = &task->groups[task->group_count];

	if (line->count < 1)
		return fail(manifest, line->number, "group takes a device");
	if (task->group_count == MANIFEST_GROUPS_MAX)
		return fail(manifest, line->number, "more than %d groups", MANIFEST_GROUPS_MAX);
	group->all = strcmp(line->words[0], "all") == 0;
	if (!group->all && selector_parse(line->words[0], &group->selector) != 0)
		return fail(manifest, line->number,
		            "'%.30s' is no device: 0000:00:04.0, id=1234:11e8, class=010802 or all",
		            line->words[0]);
	group->text = line->words[0];
	group->trusted = false;
	for (unsigned int i = 1; i < line->count; i++) {
		if (strcmp(line->words[i], "reset=trusted") != 0)
			return fail(manifest, line->number, "unknown option '%.40s'",
			            line->words[i]);
		group->trusted = true;
	}
	task->group_count++;
	return 0;
}

static int parse_authority(struct manifest *manifest, struct manifest_task *task,
                           const struct line *line)
{
	if (line->count != 1 || strcmp(line->words[0], "inspect") != 0)
		return fail(manifest, line->number, "authority takes the word inspect");
	task->inspect = true;
	return 0;
}

static int parse_args(struct manifest *manifest, struct manifest_task *task,
                      const struct line *line)
{
	if (line->count > MANIFEST_WORDS_MAX - task->arg_count)
		return fail(manifest, line->number, "more than %d arguments", MANIFEST_WORDS_MAX);
	for (unsigned int i = 0; i < line->count; i++)
		task->args[task->arg_count++] = line->words[i];
	return 0;
}

static int parse_env(struct manifest *manifest, struct manifest_task *task, const struct line *line)
{
	if (line->count > MANIFEST_WORDS_MAX - task->env_count)
		return fail(manifest, line->number, "more than %d variables", MANIFEST_WORDS_MAX);
	for (unsigned int i = 0; i < line->count; i++) {
		const char *equals = strchr(line->words[i], '=');

		if (equals == NULL || equals == line->words[i])
			return fail(manifest, line->number, "'%.40s' is not KEY=VALUE",
			            line->words[i]);
		task->env[task->env_count++] = line->words[i];
	}
	return 0;
}

static int budget_name_set(struct cordon_budget *budget, const char *key, uint64_t value)
{
	for (unsigned int kind = 0; kind < BUDGET_KINDS; kind++) {
		if (strcmp(key, budget_name(kind)) != 0)
			continue;
		if (value > budget_max(kind) / budget_unit(kind))
			return -EINVAL;
		budget_set(budget, kind, value * budget_unit(kind));
		return 0;
	}
	return -EINVAL;
}

static int parse_budget(struct manifest *manifest, struct manifest_task *task,
                        const struct line *line)
{
	if (line->count == 0)
		return fail(manifest, line->number, "budget takes KEY=NUMBER");
	for (unsigned int i = 0; i < line->count; i++) {
		char *equals = strchr(line->words[i], '=');
		uint64_t value;

		if (equals == NULL || words_number(equals + 1, 10, UINT64_MAX, &value) != 0 ||
		    value == 0)
			return fail(manifest, line->number, "'%.40s' is not KEY=NUMBER",
			            line->words[i]);
		*equals = '\0';
		if (budget_name_set(&task->budget, line->words[i], value) != 0)
			return fail(manifest, line->number,
			            "no budget %.12s=%.20s (frames, kernel, handles, threads, "
			            "mappings, objects, cpu)",
			            line->words[i], equals + 1);
	}
	return 0;
}

/* --- services -------------------------------------------------------------------------------- */

static const struct manifest_task *publisher_of(const struct manifest *manifest, const char *name)
{
	for (unsigned int i = 0; i < manifest->task_count; i++) {
		const struct manifest_task *task = &manifest->tasks[i];

		for (unsigned int j = 0; j < task->publish_count; j++)
			if (strcmp(task->publish[j], name) == 0)
				return task;
	}
	return NULL;
}

/* Adds a name to those of a task. */
static int add_name(struct manifest *manifest, unsigned int number, const char *name,
                    const char *names[], unsigned int *count)
{
	if (*count == MANIFEST_NAMES_MAX)
		return fail(manifest, number, "more than %d services", MANIFEST_NAMES_MAX);
	if (!name_is_good(name) || strlen(name) >= MANIFEST_NAME_MAX)
		return fail(manifest, number, "'%.40s' is no name of a service", name);
	names[(*count)++] = name;
	return 0;
}

/* Each name has one publisher, and is published once. */
static int add_published(struct manifest *manifest, struct manifest_task *task, unsigned int number,
                         const char *name)
{
	const struct manifest_task *other = publisher_of(manifest, name);

	if (other != NULL)
		return fail(manifest, number, "%.30s is published by %s already", name,
		            other->name);
	if (manifest->service_count++ == MANIFEST_SERVICES_MAX)
		return fail(manifest, number, "more than %d services in all",
		            MANIFEST_SERVICES_MAX);
	return add_name(manifest, number, name, task->publish, &task->publish_count);
}

static int add_connected(struct manifest *manifest, struct manifest_task *task, unsigned int number,
                         const char *name)
{
	return add_name(manifest, number, name, task->connect, &task->connect_count);
}

/* Adds each name of a line. */
static int parse_names(struct manifest *manifest, struct manifest_task *task,
                       const struct line *line, const char *word,
                       int (*add)(struct manifest *, struct manifest_task *, unsigned int,
                                  const char *))
{
	int err = 0;

	if (line->count == 0)
		return fail(manifest, line->number, "%s takes names of services", word);
	for (unsigned int i = 0; i < line->count && err == 0; i++)
		err = add(manifest, task, line->number, line->words[i]);
	return err;
}

static int parse_publish(struct manifest *manifest, struct manifest_task *task,
                         const struct line *line)
{
	return parse_names(manifest, task, line, "publish", add_published);
}

static int parse_connect(struct manifest *manifest, struct manifest_task *task,
                         const struct line *line)
{
	task->connect_line = line->number;
	return parse_names(manifest, task, line, "connect", add_connected);
}

/* Every name that is connected to has a publisher, on whatever line. */
static int check_connections(struct manifest *manifest)
{
	for (unsigned int i = 0; i < manifest->task_count; i++) {
		const struct manifest_task *task = &manifest->tasks[i];

		for (unsigned int j = 0; j < task->connect_count; j++)
			if (publisher_of(manifest, task->connect[j]) == NULL)
				return fail(manifest, task->connect_line, "nobody publishes %.30s",
				            task->connect[j]);
	}
	return 0;
}

/* --- the rest of a task ---------------------------------------------------------------------- */

static int parse_restart(struct manifest *manifest, struct manifest_task *task,
                         const struct line *line)
{
	task->restart = true;
	task->restart_tries = MANIFEST_RESTART_TRIES;
	task->restart_delay_ms = MANIFEST_RESTART_DELAY_MS;
	for (unsigned int i = 0; i < line->count; i++) {
		char *word = line->words[i];
		int err = -EINVAL;

		if (strncmp(word, "tries=", 6) == 0)
			err = words_number(word + 6, 10, 1000000, &task->restart_tries);
		else if (strncmp(word, "delay=", 6) == 0)
			err = words_number(word + 6, 10, 60000, &task->restart_delay_ms);
		if (err != 0)
			return fail(manifest, line->number,
			            "'%.40s' is not tries=NUMBER or delay=MILLISECONDS", word);
	}
	return 0;
}

static int parse_flag(struct manifest *manifest, bool *flag, const char *word,
                      const struct line *line)
{
	if (line->count != 0)
		return fail(manifest, line->number, "%s takes nothing", word);
	*flag = true;
	return 0;
}

static int parse_statement(struct manifest *manifest, const char *word, const struct line *line)
{
	static int (*const parse[])(struct manifest *, struct manifest_task *,
	                            const struct line *) = {
	        parse_group,  parse_authority, parse_args,    parse_env,
	        parse_budget, parse_publish,   parse_connect, parse_restart,
	};
	static const char *const words[] = {"group",  "authority", "args",    "env",
	                                    "budget", "publish",   "connect", "restart"};
	struct manifest_task *task;

	if (strcmp(word, "task") == 0)
		return parse_task(manifest, line);
	if (manifest->task_count == 0)
		return fail(manifest, line->number, "'%.40s' before the first task", word);
	task = &manifest->tasks[manifest->task_count - 1];
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(word, words[i]) == 0)
			return parse[i](manifest, task, line);
	if (strcmp(word, "initramfs") == 0)
		return parse_flag(manifest, &task->initramfs, word, line);
	if (strcmp(word, "input") == 0)
		return parse_flag(manifest, &task->input, word, line);
	if (strcmp(word, "wait") == 0)
		return parse_flag(manifest, &task->wait, word, line);
	if (strcmp(word, "optional") == 0)
		return parse_flag(manifest, &task->optional, word, line);
	if (strcmp(word, "manual") == 0)
		return parse_flag(manifest, &task->manual, word, line);
	if (strcmp(word, "trace") == 0)
		return parse_flag(manifest, &task->trace, word, line);
	return fail(manifest, line->number, "unknown word '%.40s'", word);
}

static int parse_line(struct manifest *manifest, unsigned int number, char *text)
{
	char *words[LINE_WORDS_MAX];
	struct line line = {.number = number, .words = words + 1};
	int count = words_split(text, words, LINE_WORDS_MAX, true);

	if (count == -EINVAL)
		return fail(manifest, number, "a quote is not closed");
	if (count == -E2BIG)
		return fail(manifest, number, "more than %d words", LINE_WORDS_MAX);
	if (count == 0)
		return 0;
	line.count = (unsigned int)count - 1;
	return parse_statement(manifest, words[0], &line);
}

int manifest_parse(struct manifest *manifest, const void *bytes, size_t size)
{
	unsigned int number = 1;
	int err = 0;

	manifest->task_count = 0;
	manifest->service_count = 0;
	manifest->error_line = 0;
	manifest->error[0] = '\0';
	if (size > MANIFEST_BYTES_MAX)
		return fail(manifest, 1, "longer than %d bytes", MANIFEST_BYTES_MAX);
	memcpy(manifest->text, bytes, size);
	manifest->text[size] = '\0';
	if (strlen(manifest->text) != size)
		return fail(manifest, 1, "not text: it contains a zero byte");
	for (char *text = manifest->text; text != NULL && err == 0; number++) {
		char *end = strchr(text, '\n');

		if (end != NULL)
			*end++ = '\0';
		err = parse_line(manifest, number, text);
		text = end;
	}
	if (err == 0)
		err = check_connections(manifest);
	if (err != 0)
		manifest->task_count = 0; /* nothing of it may be started */
	return err;
}

const struct manifest_task *manifest_find(const struct manifest *manifest, const char *name)
{
	for (unsigned int i = 0; i < manifest->task_count; i++)
		if (strcmp(manifest->tasks[i].name, name) == 0)
			return &manifest->tasks[i];
	return NULL;
}
