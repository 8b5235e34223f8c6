/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include "arch/x86_64/fpu.h"

static struct cpu_vendor vendor_of(const char name[12])
{
	struct cpu_vendor vendor;

	memcpy(&vendor.ebx, name, 4);
	memcpy(&vendor.edx, name + 4, 4);
	memcpy(&vendor.ecx, name + 8, 4);
	return vendor;
}

Test(fpu, pointers_are_forgotten_where_the_processor_does_not_load_them)
{
	cr_assert(fpu_pointers_stay(vendor_of("AuthenticAMD"), 0));
	cr_assert(fpu_pointers_stay(vendor_of("HygonGenuine"), 0));
	cr_assert(fpu_pointers_stay(vendor_of("AuthenticAMD"), ~4u));
}

Test(fpu, pointers_that_the_processor_loads_are_left_to_it)
{
	cr_assert_not(fpu_pointers_stay(vendor_of("AuthenticAMD"), 4));
	cr_assert_not(fpu_pointers_stay(vendor_of("HygonGenuine"), 4));
	cr_assert_not(fpu_pointers_stay(vendor_of("GenuineIntel"), 0));
	cr_assert_not(fpu_pointers_stay(vendor_of("AuthenticAMX"), 0));
}
