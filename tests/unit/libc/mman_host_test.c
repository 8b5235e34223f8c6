/* SPDX-License-Identifier: MIT */
/* What the guest `mman` expects of our mmap holds for the host's: an independent judge. */
#include <criterion/criterion.h>

#include <tests/guest/mman/mman_posix.h>

static void report(bool holds, const char *what)
{
	cr_expect(holds, "%s", what);
}

Test(mman_host, the_expectations_of_the_guest_test_hold_on_the_host)
{
	mman_posix(report);
}
