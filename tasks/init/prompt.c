/* SPDX-License-Identifier: MIT */
/* The prompt on the serial console. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <lib/cpio/cpio.h>

#include "editor.h"
#include "init.h"
#include "words.h"

#define PROMPT      "cordon> "
#define WORDS_MAX   MANIFEST_WORDS_MAX
#define PROGRAM_DIR "bin/"
#define KILL_CODE   130

/* A command's words without its name. Returns false when the prompt is to end. */
typedef bool command_function(struct init *init, unsigned int count, const char *const *words);

/* A word is the name of a program in /bin, or a whole path. */
static struct running *start_program(struct init *init, const char *word, unsigned int arg_count,
                                     const char *const *args)
{
	char path[1 + sizeof(PROGRAM_DIR) + EDITOR_LINE_MAX];
	const char *slash = strrchr(word, '/');
	struct launch launch = {
	        .name = slash != NULL ? slash + 1 : word,
	        .path = path,
	        .arg_count = arg_count,
	        .args = args,
	        .services = CORDON_HANDLE_NONE,
	};
	cordon_handle_t handle;

	if (launch.name[0] == '\0' || strlen(launch.name) >= CORDON_NAME_MAX) {
		printf("a program's name has 1 to %d letters\n", CORDON_NAME_MAX - 1);
		return NULL;
	}
	snprintf(path, sizeof(path), "%s%s", slash != NULL ? "" : "/" PROGRAM_DIR, word);
	return spawn_task(init, &launch, &handle) == 0 ? running_add(init, launch.name, handle)
	                                               : NULL;
}

static void list_programs(const struct init *init)
{
	struct cordon_cpio_entry entry;
	struct cordon_cpio cpio;

	printf("in the manifest:");
	for (unsigned int i = 0; i < init->manifest.task_count; i++)
		printf(" %s", init->manifest.tasks[i].name);
	printf("\nprograms:");
	cordon_cpio_begin(&cpio, init->archive, init->archive_size);
	while (cordon_cpio_next(&cpio, &entry) == 1)
		if (strncmp(entry.name, PROGRAM_DIR, strlen(PROGRAM_DIR)) == 0)
			printf(" %s", entry.name + strlen(PROGRAM_DIR));
	printf("\n");
}

static bool command_run(struct init *init, unsigned int count, const char *const *words)
{
	bool background = count > 0 && strcmp(words[count - 1], "&") == 0;
	const struct manifest_task *entry;
	struct running *task;
	unsigned int failures = init->failures;
	int err;

	if (background)
		count--;
	if (count == 0) {
		list_programs(init);
		return true;
	}
	if (running_full(init)) {
		printf("%d tasks run already\n", RUNNING_MAX);
		return true;
	}
	entry = manifest_find(&init->manifest, words[0]);
	if (entry != NULL)
		task = start_entry(init, entry, count - 1, words + 1, &err);
	else
		task = start_program(init, words[0], count - 1, words + 1);
	if (task != NULL && !background) {
		bool input = entry != NULL && entry->input;

		if (running_wait(init, task, !input))
			printf("%s ended\n", words[0]);
		init->failures = failures; /* whoever typed it has seen it */
	}
	return true;
}

static bool command_kill(struct init *init, unsigned int count, const char *const *words)
{
	struct running *task;
	bool restarts;
	int64_t err;

	if (count != 1) {
		printf("kill NAME\n");
		return true;
	}
	task = running_find(init, words[0]);
	if (task == NULL) {
		printf("%s is not running, or not started by init\n", words[0]);
		return true;
	}
	if (task->handle == CORDON_HANDLE_NONE) {
		printf("%s is not started again\n", words[0]);
		task->used = false;
		return true;
	}
	restarts = task->entry != NULL && task->entry->restart;
	task->ending = !restarts;
	err = cordon_task_kill(task->handle, KILL_CODE);
	if (err != 0)
		printf("%s: %s\n", words[0], cordon_strerror(err));
	else if (!restarts)
		running_wait(init, task, true);
	return true;
}

static bool command_trace(struct init *init, unsigned int count, const char *const *words)
{
	bool off = count == 2 && strcmp(words[1], "off") == 0;
	int64_t err;

	if (count != 1 && !off) {
		printf("trace NAME [off]\n");
		return true;
	}
	err = cordon_system_trace(init->authority, words[0], strlen(words[0]), !off);
	if (err != 0)
		printf("%s: %s\n", words[0],
		       err == -ENOENT   ? "is not traced"
		       : err == -ENOSPC ? "too many names are traced"
		                        : cordon_strerror(err));
	return true;
}

static bool command_state(struct init *init, unsigned int count, const char *const *words)
{
	(void)count;
	(void)words;
	fflush(stdout);
	cordon_system_state(init->authority);
	return true;
}

/* A command that prints one table and takes no words. */
#define TABLE_COMMAND(name)                                               \
	static bool command_##name(struct init *init, unsigned int count, \
	                           const char *const *words)              \
	{                                                                 \
		(void)count;                                              \
		(void)words;                                              \
		report_##name(init);                                      \
		return true;                                              \
	}
TABLE_COMMAND(iommu)
TABLE_COMMAND(tasks)
TABLE_COMMAND(devices)
TABLE_COMMAND(groups)
TABLE_COMMAND(mappings)
TABLE_COMMAND(faults)
TABLE_COMMAND(counters)

static bool command_poweroff(struct init *init, unsigned int count, const char *const *words)
{
	(void)init;
	(void)count;
	(void)words;
	return false;
}

static bool command_help(struct init *init, unsigned int count, const char *const *words);

static const struct {
	const char *name;
	const char *help;
	command_function *function;
} commands[] = {
        {"help", "this list", command_help},
        {"iommu", "the IOMMUs and what they do", command_iommu},
        {"tasks", "every task and what it uses", command_tasks},
        {"devices", "every PCI function", command_devices},
        {"groups", "what can be isolated from what, why, and who holds it", command_groups},
        {"mappings", "the memory that devices can reach", command_mappings},
        {"faults", "accesses of devices that were refused", command_faults},
        {"counters", "counters of the kernel", command_counters},
        {"run", "run NAME [ARGUMENT...] [&]: start a task of the manifest or a program",
         command_run},
        {"kill", "kill NAME: end a task that init started", command_kill},
        {"state", "all of these and more, to be pasted into the report of a bug", command_state},
        {"trace", "trace NAME [off]: show the system calls of tasks of that name", command_trace},
        {"poweroff", "end every task and switch the machine off", command_poweroff},
};

static bool command_help(struct init *init, unsigned int count, const char *const *words)
{
	(void)init;
	(void)count;
	(void)words;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		printf("%-10s %s\n", commands[i].name, commands[i].help);
	return true;
}

static bool obey(struct init *init, char *line)
{
	char *words[WORDS_MAX];
	int count = words_split(line, words, WORDS_MAX, false);

	if (count < 0) {
		printf("%s\n", count == -EINVAL ? "a quote is not closed" : "too many words");
		return true;
	}
	if (count == 0)
		return true;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(words[0], commands[i].name) == 0)
			return commands[i].function(init, (unsigned int)count - 1,
			                            (const char *const *)(words + 1));
	printf("unknown command '%s'; help lists them\n", words[0]);
	return true;
}

/* Feeds what was typed to the editor. Returns false when the prompt is to end. */
static bool take_input(struct init *init, struct editor *editor)
{
	char bytes[64], echo[EDITOR_ECHO_MAX];
	int64_t got = cordon_console_read(CORDON_STDIN, bytes, sizeof(bytes));

	for (int64_t i = 0; i < got; i++) {
		enum editor_event event = editor_byte(editor, bytes[i], echo);

		fputs(echo, stdout);
		if (event == EDITOR_LINE) {
			bool more = obey(init, editor->line);

			editor_reset(editor);
			if (!more)
				return false;
		}
		if (event != EDITOR_NOTHING)
			fputs(PROMPT, stdout);
	}
	return true;
}

static unsigned int used_slots(const struct init *init)
{
	unsigned int used = 0;

	for (unsigned int i = 0; i < RUNNING_MAX; i++)
		used += init->running[i].used;
	return used;
}

void prompt_run(struct init *init)
{
	struct editor editor = {0};
	bool more = true;

	editor_reset(&editor);
	fputs(PROMPT, stdout);
	while (more) {
		unsigned int before = used_slots(init);
		bool typed;

		init->prompting = true;
		typed = running_wait_any(init, true, CORDON_TIME_FOREVER);
		init->prompting = false;
		if (used_slots(init) != before)
			printf(PROMPT "%s", editor.line); /* a report was printed over it */
		if (typed)
			more = take_input(init, &editor);
	}
}
