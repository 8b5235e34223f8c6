/* SPDX-License-Identifier: MIT */
/* From the kernel's startup block to main. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

extern int main(int argc, char **argv, char **envp);
extern char **environ;
void __libc_init_array(void);
void __libc_fini_array(void);
struct _reent *__getreent(void);

#define EXIT_NOT_STARTED 127 /* the startup block is not one */

/* newlib has functions of these names, too. What is named here is found in this library before the
 * linker looks there; the table itself it then leaves out. */
static const void *const found_first[] __attribute__((used)) = {
        (const void *)isatty,
        (const void *)raise,
};

static const struct cordon_startup *startup_block;

/* newlib's _REENT: every use of errno ends here. */
struct _reent *__getreent(void)
{
	return tcb_current()->reent;
}

void cordon_rt_start(const struct cordon_startup *startup)
{
	/* First of all: locks and errno need it, and library code before main uses both. */
	thread_first();
	if (startup->magic != CORDON_STARTUP_MAGIC)
		_exit(EXIT_NOT_STARTED);
	startup_block = startup;
	environ = (char **)(uintptr_t)startup->envp;
	__libc_init_array();
	if (atexit(__libc_fini_array) != 0)
		_exit(EXIT_NOT_STARTED);
	exit(main((int)startup->argc, (char **)(uintptr_t)startup->argv, environ));
}

const struct cordon_startup *cordon_startup(void)
{
	return startup_block;
}

static const struct cordon_startup_handle *startup_handles(void)
{
	return (const struct cordon_startup_handle *)(uintptr_t)startup_block->handles;
}

cordon_handle_t cordon_handle_named(const char *name)
{
	const struct cordon_startup_handle *handles = startup_handles();

	for (uint32_t i = 0; i < startup_block->handle_count; i++)
		if (strncmp(handles[i].name, name, sizeof(handles[i].name)) == 0)
			return handles[i].handle;
	return CORDON_HANDLE_NONE;
}

cordon_handle_t cordon_handle_of_type(uint32_t type, unsigned int nth)
{
	const struct cordon_startup_handle *handles = startup_handles();

	for (uint32_t i = 0; i < startup_block->handle_count; i++)
		if (handles[i].type == type && nth-- == 0)
			return handles[i].handle;
	return CORDON_HANDLE_NONE;
}

int cordon_errno(int64_t result)
{
	if (result >= 0)
		return (int)result;
	errno = (int)-result;
	return -1;
}
