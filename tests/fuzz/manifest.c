/* SPDX-License-Identifier: MIT */
/* Manifests: what is accepted can be started; what is not says where and why. */
#include <cordon/errno.h>
#include <tasks/init/manifest.h>
#include <tests/fuzz/fuzz.h>

static struct manifest manifest;

/* A string of the manifest's own copy of the text. */
static void check_text(const char *text)
{
	FUZZ_CHECK(text >= manifest.text && text < manifest.text + sizeof(manifest.text));
	FUZZ_CHECK(memchr(text, 0, (size_t)(manifest.text + sizeof(manifest.text) - text)));
}

static void check_task(const struct manifest_task *task)
{
	check_text(task->name);
	check_text(task->path);
	FUZZ_CHECK(task->name[0] && task->path[0] == '/' && task->line > 0);
	FUZZ_CHECK(task->group_count <= MANIFEST_GROUPS_MAX);
	FUZZ_CHECK(task->arg_count <= MANIFEST_WORDS_MAX);
	FUZZ_CHECK(task->env_count <= MANIFEST_WORDS_MAX);
	for (unsigned int i = 0; i < task->group_count; i++) {
		const struct device_selector *selector = &task->groups[i].selector;

		check_text(task->groups[i].text);
		/* A selector that selects everything would give every device away. */
		FUZZ_CHECK(selector->bdf != CORDON_BDF_NONE || selector->id_mask ||
		           selector->class_mask);
	}
	for (unsigned int i = 0; i < task->arg_count; i++)
		check_text(task->args[i]);
	for (unsigned int i = 0; i < task->env_count; i++) {
		check_text(task->env[i]);
		FUZZ_CHECK(strchr(task->env[i], '='));
	}
	FUZZ_CHECK(manifest_find(&manifest, task->name) == task);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *bytes = fuzz_copy(data, size);
	int error = manifest_parse(&manifest, bytes, size);

	free(bytes);
	FUZZ_CHECK(error == 0 || error == -EINVAL);
	if (error) {
		FUZZ_CHECK(manifest.error_line > 0 && manifest.error[0]);
		FUZZ_CHECK(memchr(manifest.error, 0, sizeof(manifest.error)));
		return 0;
	}
	FUZZ_CHECK(manifest.task_count <= MANIFEST_TASKS_MAX);
	for (unsigned int i = 0; i < manifest.task_count; i++)
		check_task(&manifest.tasks[i]);
	return 0;
}
