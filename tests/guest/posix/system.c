/* SPDX-License-Identifier: MIT */
/* What the tests need of the system in the image. */
#include <cordon/rt.h>
#include <tests/guest/posix/posix.h>

const char *scratch = "/tmp";
const bool root_is_read_only = true;

static struct cordon_thread_control *second;

void thread_begin(void (*function)(void *), void *argument)
{
	if (cordon_thread_start("second", function, argument, 0, &second) != 0)
		tap_bail("no second thread");
}

void thread_end(void)
{
	cordon_thread_join(second);
}

void sleep_ms(unsigned int milliseconds)
{
	cordon_clock_sleep(cordon_now() + milliseconds * UINT64_C(1000000));
}

unsigned long long now_ms(void)
{
	return cordon_now() / 1000000;
}
