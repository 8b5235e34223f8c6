/* SPDX-License-Identifier: MIT */
/* The battery-backed clock against the C library's calendar. */
#include <criterion/criterion.h>

#include <arch/x86_64/clock.h>
#include <tests/unit/fake/fake.h>
#include <time.h>

static uint8_t selected;
static time_t now;
static bool binary, hours_24;
static int reads, tick_at; /* the clock moves on at this read of a register */

static uint8_t encode(int value)
{
	return (uint8_t)(binary ? value : value / 10 << 4 | value % 10);
}

static uint8_t hour(int h)
{
	if (hours_24)
		return encode(h);
	return (uint8_t)(encode(h % 12 == 0 ? 12 : h % 12) | (h >= 12 ? 0x80 : 0));
}

static uint64_t cmos_model_read(void *context, uint64_t offset, unsigned int width)
{
	struct tm tm;

	(void)context;
	cr_assert(offset == 1 && width == 1);
	if (++reads == tick_at)
		now++;
	gmtime_r(&now, &tm);
	switch (selected) {
	case 0x00:
		return encode(tm.tm_sec);
	case 0x02:
		return encode(tm.tm_min);
	case 0x04:
		return hour(tm.tm_hour);
	case 0x07:
		return encode(tm.tm_mday);
	case 0x08:
		return encode(tm.tm_mon + 1);
	case 0x09:
		return encode(tm.tm_year % 100);
	case 0x0b:
		return (hours_24 ? 2 : 0) | (binary ? 4 : 0);
	default:
		cr_assert_fail("register %#x", selected);
		return 0;
	}
}

static void cmos_model_write(void *context, uint64_t offset, unsigned int width, uint64_t value)
{
	(void)context;
	cr_assert(offset == 0 && width == 1);
	selected = (uint8_t)value;
}

static const struct fake_device cmos = {.read = cmos_model_read, .write = cmos_model_write};

static void setup(void)
{
	fake_port_add(0x70, 2, &cmos);
}

TestSuite(cmos, .init = setup);

static void check(void)
{
	cr_assert_eq(cmos_time(), (uint64_t)now * 1000000000, "%lld", (long long)now);
}

Test(cmos, every_day_of_the_century_in_every_format)
{
	struct tm first = {.tm_year = 100, .tm_mday = 1, .tm_hour = 0};
	time_t start = timegm(&first);

	for (int format = 0; format < 4; format++) {
		binary = format & 1;
		hours_24 = format & 2;
		for (int day = 0; day < 36500; day += format ? 37 : 1) {
			now = start + day * (time_t)86400 + (day * 3607) % 86400;
			check();
		}
		for (int h = 0; h < 24; h++) {
			now = start + h * 3600;
			check();
		}
	}
}

Test(cmos, an_update_while_it_is_read_does_not_mix_two_times)
{
	struct tm last = {.tm_year = 124,
	                  .tm_mon = 11,
	                  .tm_mday = 31,
	                  .tm_hour = 23,
	                  .tm_min = 59,
	                  .tm_sec = 59};

	hours_24 = true;
	for (tick_at = 1; tick_at < 20; tick_at++) {
		uint64_t result;

		reads = 0;
		now = timegm(&last);
		result = cmos_time();
		cr_assert(result == (uint64_t)timegm(&last) * 1000000000 ||
		          result == (uint64_t)(timegm(&last) + 1) * 1000000000);
	}
}
