/* SPDX-License-Identifier: MIT */
/* Manifests, and which devices they mean. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tasks/init/manifest.h"

static struct manifest manifest;

/* Parses a copy that ends where its allocation ends. */
static int parse(const char *text)
{
	size_t size = strlen(text);
	char *copy = malloc(size > 0 ? size : 1);
	int result;

	memcpy(copy, text, size);
	result = manifest_parse(&manifest, copy, size);
	free(copy);
	return result;
}

Test(manifest, all_groups_are_a_group_line_of_their_own)
{
	cr_assert_eq(parse("task a /a\n group all reset=trusted\n group all\n"), 0, "%s",
	             manifest.error);
	cr_assert_eq(manifest.tasks[0].group_count, 2);
	cr_assert(manifest.tasks[0].groups[0].all && manifest.tasks[0].groups[0].trusted);
	cr_assert(manifest.tasks[0].groups[1].all);
	cr_assert_not(manifest.tasks[0].groups[1].trusted);
	cr_assert_lt(parse("task a /a\n group all devices\n"), 0);
	cr_assert_eq(parse("task a /a\n group class=01\n"), 0);
	cr_assert_not(manifest.tasks[0].groups[0].all);
}

Test(manifest, everything_a_task_can_be_given)
{
	const struct manifest_task *task;

	cr_assert_eq(
	        parse("# all of it\n"
	              "task disk-1 /bin/nvme\n"
	              "\tgroup class=010802\n"
	              "\tgroup 0000:00:04.0 reset=trusted # twice\n"
	              "\tauthority inspect\n"
	              "\tinitramfs\n"
	              "\targs read \"two words\"\n"
	              "\targs more\n"
	              "\tenv A=1 B=\n"
	              "\tbudget frames=4096 kernel=32 handles=64 threads=2 mappings=8 objects=9\n"
	              "\twait\n\toptional\n\tinput\n"
	              "\n"
	              "task b /bin/b\r\n\tmanual\n\ttrace"),
	        0, "%u: %s", manifest.error_line, manifest.error);
	cr_assert_eq(manifest.task_count, 2);
	task = manifest_find(&manifest, "disk-1");
	cr_assert_eq(task, &manifest.tasks[0]);
	cr_assert_str_eq(task->path, "/bin/nvme");
	cr_assert_eq(task->line, 2);
	cr_assert_eq(task->group_count, 2);
	cr_assert_not(task->groups[0].trusted);
	cr_assert(task->groups[1].trusted);
	cr_assert_eq(task->groups[1].selector.bdf, CORDON_BDF(0, 0, 4, 0));
	cr_assert_eq(task->arg_count, 3);
	cr_assert_str_eq(task->args[1], "two words");
	cr_assert_str_eq(task->args[2], "more");
	cr_assert_eq(task->env_count, 2);
	cr_assert_str_eq(task->env[1], "B=");
	cr_assert_eq(task->budget.frames, 4096);
	cr_assert_eq(task->budget.kernel, 32 * 1024);
	cr_assert_eq(task->budget.handles, 64);
	cr_assert_eq(task->budget.threads, 2);
	cr_assert_eq(task->budget.mappings, 8);
	cr_assert_eq(task->budget.objects, 9);
	cr_assert(task->inspect && task->initramfs && task->wait && task->optional && task->input);
	cr_assert_not(task->manual || task->trace);
	task = manifest_find(&manifest, "b");
	cr_assert_str_eq(task->path, "/bin/b");
	cr_assert(task->manual && task->trace);
	cr_assert_not(task->inspect || task->initramfs || task->wait || task->optional ||
	              task->input);
	cr_assert_null(manifest_find(&manifest, "c"));
}

Test(manifest, services_and_restarts)
{
	const struct manifest_task *task = &manifest.tasks[0];

	/* A service may be connected to before the line that publishes it. */
	cr_assert_eq(parse("task a /a\n connect x y\n restart\n"
	                   "task b /b\n publish x\n publish y\n restart tries=0 delay=7\n"),
	             0, "%s", manifest.error);
	cr_assert_eq(task->connect_count, 2);
	cr_assert_str_eq(task->connect[1], "y");
	cr_assert(task->restart);
	cr_assert_eq(task->restart_tries, MANIFEST_RESTART_TRIES);
	cr_assert_eq(task->restart_delay_ms, MANIFEST_RESTART_DELAY_MS);
	task++;
	cr_assert_eq(task->publish_count, 2);
	cr_assert_str_eq(task->publish[1], "y");
	cr_assert_eq(task->restart_tries, 0);
	cr_assert_eq(task->restart_delay_ms, 7);
}

Test(manifest, an_empty_one_starts_nothing)
{
	cr_assert_eq(parse(""), 0);
	cr_assert_eq(manifest.task_count, 0);
	cr_assert_eq(parse("\n# nothing\n\n"), 0);
	cr_assert_eq(manifest.task_count, 0);
}

Test(manifest, every_error_names_its_line_and_leaves_no_task)
{
	static const struct {
		unsigned int line;
		const char *text, *reason;
	} cases[] = {
	        {1, "wait\n", "before the first task"},
	        {2, "task a /a\ntask a /b\n", "already on line 1"},
	        {1, "task a\n", "a name and a path"},
	        {1, "task a /a b\n", "a name and a path"},
	        {1, "task a bin/a\n", "starts with '/'"},
	        {1, "task a/b /a\n", "letters"},
	        {1, "task \"\" /a\n", "letters"},
	        {1, "task a123456789b123456789c123456789d1 /a\n", "letters"},
	        {2, "task a /a\n group\n", "takes a device"},
	        {2, "task a /a\n group id=1234\n", "is no device"},
	        {2, "task a /a\n group class=01 reset=yes\n", "unknown option"},
	        {3, "task a /a\n\n authority all\n", "inspect"},
	        {2, "task a /a\n authority\n", "inspect"},
	        {2, "task a /a\n wait now\n", "takes nothing"},
	        {2, "task a /a\n env A\n", "KEY=VALUE"},
	        {2, "task a /a\n env =A\n", "KEY=VALUE"},
	        {2, "task a /a\n budget\n", "KEY=NUMBER"},
	        {2, "task a /a\n budget frames\n", "KEY=NUMBER"},
	        {2, "task a /a\n budget frames=0\n", "KEY=NUMBER"},
	        {2, "task a /a\n budget frames=-1\n", "KEY=NUMBER"},
	        {2, "task a /a\n budget handles=4294967296\n", "no budget"},
	        {2, "task a /a\n budget kernel=18014398509481984\n", "no budget"},
	        {2, "task a /a\n budget pages=1\n", "no budget"},
	        {2, "task a /a\n args \"open\n", "quote"},
	        {2, "task a /a\n gruop class=01\n", "unknown word"},
	        {2, "task a /a\n publish\n", "names of services"},
	        {2, "task a /a\n publish a/b\n", "no name"},
	        {2, "task a /a\n publish a23456789b23456789c234567\n", "no name"},
	        {4, "task a /a\n publish x\ntask b /b\n publish x\n", "published by a already"},
	        {2, "task a /a\n publish x x\n", "published by a already"},
	        {3, "task a /a\n publish x\n publish x\n", "published by a already"},
	        {2, "task a /a\n connect x\n", "nobody publishes x"},
	        {2, "task a /a\n connect 1 2 3 4 5 6 7 8 9\n", "more than 8"},
	        {2, "task a /a\n restart now\n", "is not tries="},
	        {2, "task a /a\n restart delay=x\n", "is not tries="},
	        {2, "task a /a\n restart delay=60001\n", "is not tries="},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_assert_eq(parse(cases[i].text), -EINVAL, "%s", cases[i].text);
		cr_assert_eq(manifest.error_line, cases[i].line, "%s", cases[i].text);
		cr_assert_not_null(strstr(manifest.error, cases[i].reason), "%s: %s", cases[i].text,
		                   manifest.error);
		cr_assert_eq(manifest.task_count, 0, "%s", cases[i].text);
	}
}

/* Appends `count` copies of a line to a task. */
static int parse_repeated(const char *first, const char *line, unsigned int count)
{
	char text[8192];

	strcpy(text, first);
	for (unsigned int i = 0; i < count; i++)
		strcat(text, line);
	return parse(text);
}

Test(manifest, limits_are_reached_but_not_passed)
{
	char tasks[4096] = "";

	cr_assert_eq(parse_repeated("task a /a\n", "group class=01\n", MANIFEST_GROUPS_MAX), 0);
	cr_assert_neq(parse_repeated("task a /a\n", "group class=01\n", MANIFEST_GROUPS_MAX + 1),
	              0);
	cr_assert_eq(parse_repeated("task a /a\n", "args x\n", MANIFEST_WORDS_MAX), 0);
	cr_assert_neq(parse_repeated("task a /a\n", "args x\n", MANIFEST_WORDS_MAX + 1), 0);
	cr_assert_eq(parse_repeated("task a /a\n", "env x=y\n", MANIFEST_WORDS_MAX), 0);
	cr_assert_neq(parse_repeated("task a /a\n", "env x=y\n", MANIFEST_WORDS_MAX + 1), 0);
	cr_assert_eq(parse_repeated("task a /a\nargs", " x", MANIFEST_WORDS_MAX), 0);
	cr_assert_neq(parse_repeated("task a /a\nargs", " x", MANIFEST_WORDS_MAX + 1), 0);
	for (int i = 0; i < MANIFEST_TASKS_MAX; i++)
		sprintf(tasks + strlen(tasks), "task t%d /t\n", i);
	cr_assert_eq(parse(tasks), 0);
	strcat(tasks, "task last /t\n");
	cr_assert_eq(parse(tasks), -EINVAL);
}

Test(manifest, what_is_not_text_or_too_long_is_refused)
{
	char *long_text = malloc(MANIFEST_BYTES_MAX + 1);

	cr_assert_eq(manifest_parse(&manifest, "task a /a\0\n", 11), -EINVAL);
	memset(long_text, '\n', MANIFEST_BYTES_MAX + 1);
	cr_assert_eq(manifest_parse(&manifest, long_text, MANIFEST_BYTES_MAX), 0);
	cr_assert_eq(manifest_parse(&manifest, long_text, MANIFEST_BYTES_MAX + 1), -EINVAL);
	free(long_text);
}

static void parse_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char text[MANIFEST_BYTES_MAX];
	size_t size;

	cr_assert_not_null(file, "run from the top of the tree");
	size = fread(text, 1, sizeof(text), file);
	fclose(file);
	cr_assert_eq(manifest_parse(&manifest, text, size), 0, "%s:%u: %s", path,
	             manifest.error_line, manifest.error);
}

Test(manifest, the_shipped_ones_are_well_formed)
{
	parse_file("tasks/init/manifest");
	cr_assert_not(manifest_find(&manifest, "demo")->manual);
	cr_assert(manifest_find(&manifest, "nvme")->manual);
	cr_assert(manifest_find(&manifest, "edu")->manual);
	parse_file("tasks/init/manifest.manual");
	for (unsigned int i = 0; i < manifest.task_count; i++)
		cr_assert(manifest.tasks[i].manual);
}

static bool matches(const char *text, const struct cordon_device_desc *device)
{
	struct device_selector selector;

	cr_assert_eq(selector_parse(text, &selector), 0, "%s", text);
	return selector_matches(&selector, device);
}

Test(selector, a_device_is_meant_by_address_id_or_class)
{
	struct cordon_device_desc nvme = {
	        .bdf = CORDON_BDF(0x1, 0xab, 0x1f, 7),
	        .vendor = 0x1b36,
	        .device = 0x0010,
	        .class_code = 0x010802,
	};

	cr_assert(matches("0001:ab:1f.7", &nvme));
	cr_assert_not(matches("0000:ab:1f.7", &nvme));
	cr_assert_not(matches("0001:ab:1f.6", &nvme));
	cr_assert(matches("id=1b36:0010", &nvme));
	cr_assert(matches("id=1B36:0010", &nvme));
	cr_assert_not(matches("id=1b36:0011", &nvme));
	cr_assert_not(matches("id=0010:1b36", &nvme));
	cr_assert(matches("class=010802", &nvme));
	cr_assert(matches("class=0108", &nvme));
	cr_assert(matches("class=01", &nvme));
	cr_assert_not(matches("class=010801", &nvme));
	cr_assert_not(matches("class=0106", &nvme));
	cr_assert_not(matches("class=00", &nvme));
}

Test(selector, a_bridge_is_never_meant)
{
	struct cordon_device_desc bridge = {
	        .bdf = CORDON_BDF(0, 0, 1, 0),
	        .class_code = 0x060400,
	        .flags = CORDON_DEVICE_BRIDGE,
	};

	cr_assert_not(matches("0000:00:01.0", &bridge));
	cr_assert_not(matches("class=0604", &bridge));
}

Test(selector, anything_else_is_no_selector)
{
	static const char *const bad[] = {
	        "",
	        "0000:00:04",
	        "00:04.0",
	        "0000:00:04.0 ",
	        "0000:00:20.0",
	        "0000:00:04.8",
	        "000:00:04.0",
	        "00000:00:04.0",
	        "0000:00:04.0.",
	        "0000-00:04.0",
	        "id=",
	        "id=1234",
	        "id=1234:",
	        "id=12345:1234",
	        "id=123:11e8",
	        "id=1234:11e8x",
	        "class=",
	        "class=1",
	        "class=01080",
	        "class=0108021",
	        "class=0x0108",
	        "class=01080g",
	        "ID=1234:11e8",
	        "demo",
	        "class=01080200",
	};
	struct device_selector selector;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_eq(selector_parse(bad[i], &selector), -EINVAL, "%s", bad[i]);
}
