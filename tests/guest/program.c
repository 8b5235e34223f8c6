/* SPDX-License-Identifier: MIT */
/* cordon_program_start: what a program gets, and what is refused before it is started. */
#include <cordon/program.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>
#include <unistd.h>

#define SELF       "/test/program"
#define PATIENCE_S UINT64_C(20000000000)

/* The child says by its exit code which of the things that it should have are as they should be. */
enum {
	HAS_ARGUMENTS = 1,
	HAS_ENVIRONMENT = 2,
	HAS_HANDLE = 4,
	HAS_STREAMS = 8,
	HAS_NAME = 16,
	HAS_ALL = 31,
};

static int child(int argc, char **argv)
{
	const char *value = getenv("FROM_PARENT");
	cordon_handle_t event = cordon_handle_named("bell");
	struct cordon_task_info info;
	int code = 0;

	if (argc == 3 && strcmp(argv[1], "two words") == 0 && argv[2][0] == '\0')
		code |= HAS_ARGUMENTS;
	if (value != NULL && strcmp(value, "set") == 0)
		code |= HAS_ENVIRONMENT;
	if (event != CORDON_HANDLE_NONE && cordon_event_signal(event, 5) == 0)
		code |= HAS_HANDLE;
	if (cordon_handle_named("stdin") == 0 && cordon_handle_named("stdout") == 1 &&
	    cordon_handle_named("stderr") == 2)
		code |= HAS_STREAMS;
	if (cordon_task_info(CORDON_HANDLE_NONE, &info) == 0 && strcmp(info.name, "program") == 0 &&
	    info.budget.frames == 900)
		code |= HAS_NAME;
	return code;
}

static int64_t code_of(cordon_handle_t task)
{
	struct cordon_task_info info;
	int err = cordon_task_wait(task, cordon_now() + PATIENCE_S, &info);

	cordon_handle_close(task);
	return err != 0 ? err : info.cause == CORDON_CAUSE_EXIT ? info.code : -1;
}

static void test_what_it_gets(void)
{
	char *argv[] = {"child", "two words", "", NULL};
	const struct cordon_budget budget = {.frames = 900};
	struct cordon_spawn_handle bell = {.rights = CORDON_RIGHT_WRITE, .name = "bell"};
	cordon_handle_t task = CORDON_HANDLE_NONE;
	uint64_t rung = 0;

	setenv("FROM_PARENT", "set", 1);
	cordon_event_create(0, &bell.handle);
	tap_is(cordon_program_start(SELF, argv, &bell, 1, &budget, &task), 0, "a program starts");
	tap_is(code_of(task), HAS_ALL, "with arguments, environment, handles, streams and a name");
	tap_ok(cordon_event_take(bell.handle, &rung) == 0 && rung == 5,
	       "the handle is the parent's");

	/* A stream that is given takes the place of the caller's. */
	strcpy(bell.name, "stdin");
	bell.rights = 0;
	argv[1] = NULL;
	tap_is(cordon_program_start("./../test/program", argv, &bell, 1, &budget, &task), 0,
	       "a stream may be given, and the path be any that leads there");
	code_of(task);
	cordon_handle_close(bell.handle);
}

static void test_refusals(void)
{
	static char *many[CORDON_SPAWN_ARGC_MAX + 2], *large[3];
	static struct cordon_spawn_handle handles[CORDON_SPAWN_HANDLES];
	const struct cordon_budget none = {.frames = UINT64_MAX};
	cordon_handle_t task = CORDON_HANDLE_NONE;
	int fd = open("/tmp/x", O_CREAT | O_WRONLY, 0755);

	write(fd, "x", 1);
	close(fd);
	for (size_t i = 0; i <= CORDON_SPAWN_ARGC_MAX; i++)
		many[i] = "x";
	large[0] = calloc(1, 40000);
	memset(large[0], 'x', 39999);
	large[1] = large[0];
	tap_is(cordon_program_start("/bin/none", NULL, NULL, 0, NULL, &task), -ENOENT, "no file");
	tap_is(cordon_program_start("/test", NULL, NULL, 0, NULL, &task), -EACCES, "a folder");
	tap_is(cordon_program_start("/etc/manifest", NULL, NULL, 0, NULL, &task), -EACCES,
	       "a file that is not executable");
	tap_is(cordon_program_start("/tmp/x", NULL, NULL, 0, NULL, &task), -ENOEXEC,
	       "a file that is not of the image");
	tap_is(cordon_program_start(SELF, many, NULL, 0, NULL, &task), -E2BIG, "too many strings");
	tap_is(cordon_program_start(SELF, large, NULL, 0, NULL, &task), -E2BIG, "too long strings");
	tap_is(cordon_program_start(SELF, NULL, handles, CORDON_SPAWN_HANDLES, NULL, &task), -E2BIG,
	       "too many handles");
	tap_is(cordon_program_start(SELF, NULL, NULL, 0, &none, &task), -ENOMEM,
	       "too large a budget");
	tap_is(task, CORDON_HANDLE_NONE, "no handle comes of that");
	free(large[0]);
}

static void test_no_leak(void)
{
	char *argv[] = {"child", "x", NULL};
	struct cordon_task_info before = {0}, after;
	cordon_handle_t task;

	for (int round = 0; round < 4; round++) {
		if (round == 1)
			cordon_task_info(CORDON_HANDLE_NONE, &before);
		if (cordon_program_start(SELF, argv, NULL, 0, NULL, &task) != 0)
			tap_bail("it does not start");
		code_of(task);
	}
	cordon_task_info(CORDON_HANDLE_NONE, &after);
	tap_ok(before.handles == after.handles && before.frames == after.frames &&
	               before.objects == after.objects && before.lent.frames == after.lent.frames,
	       "nothing of it stays with the parent");
}

int main(int argc, char **argv)
{
	if (strcmp(argv[0], "child") == 0)
		return child(argc, argv);
	test_what_it_gets();
	test_refusals();
	test_no_leak();
	return tap_done();
}
