/* SPDX-License-Identifier: MIT */
/* The battery-backed clock (MC146818 and its successors). */
#include <arch/mmio.h>

#include "clock.h"

#define CMOS_INDEX 0x70
#define CMOS_DATA  0x71

enum {
	CMOS_SECOND = 0x00,
	CMOS_MINUTE = 0x02,
	CMOS_HOUR = 0x04,
	CMOS_DAY = 0x07,
	CMOS_MONTH = 0x08,
	CMOS_YEAR = 0x09, /* of the century */
	CMOS_STATUS_B = 0x0b,
};
#define STATUS_B_24_HOURS 0x02
#define STATUS_B_BINARY   0x04
#define HOUR_PM           0x80

/* An update in between shows as two different readings; a third one settles it. */
#define READINGS_MAX 5

struct reading {
	uint8_t second, minute, hour, day, month, year;
};

static uint8_t cmos_read(uint8_t index)
{
	port_write8(CMOS_INDEX, index);
	return port_read8(CMOS_DATA);
}

static struct reading read_all(void)
{
	return (struct reading){
	        .second = cmos_read(CMOS_SECOND),
	        .minute = cmos_read(CMOS_MINUTE),
	        .hour = cmos_read(CMOS_HOUR),
	        .day = cmos_read(CMOS_DAY),
	        .month = cmos_read(CMOS_MONTH),
	        .year = cmos_read(CMOS_YEAR),
	};
}

static bool same(const struct reading *a, const struct reading *b)
{
	return a->second == b->second && a->minute == b->minute && a->hour == b->hour &&
	       a->day == b->day && a->month == b->month && a->year == b->year;
}

static uint32_t number(uint8_t value, bool binary)
{
	return binary ? value : (value >> 4) * 10u + (value & 0x0f);
}

/* Days from 1970-01-01 to a date from 2000 on, by counting from March, when a leap day is the
 * last of its year. */
static uint64_t days_since_1970(uint32_t year, uint32_t month, uint32_t day)
{
	uint32_t from_march = (month + 9) % 12;
	uint32_t y = month <= 2 ? year - 1 : year;

	return UINT64_C(365) * y + y / 4 - y / 100 + y / 400 + (from_march * 306 + 5) / 10 +
	       (day - 1) - 719468;
}

uint64_t cmos_time(void)
{
	struct reading now = read_all();
	uint8_t status = cmos_read(CMOS_STATUS_B);
	bool binary = status & STATUS_B_BINARY;
	uint32_t hour, month, day;
	uint64_t seconds;

	for (int i = 0; i < READINGS_MAX; i++) {
		struct reading again = read_all();

		if (same(&now, &again))
			break;
		now = again;
	}
	hour = number(now.hour & (uint8_t)~HOUR_PM, binary);
	if (!(status & STATUS_B_24_HOURS))
		hour = hour % 12 + (now.hour & HOUR_PM ? 12 : 0);
	month = number(now.month, binary);
	day = number(now.day, binary);
	if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23)
		return 0;
	seconds = days_since_1970(2000 + number(now.year, binary), month, day) * 86400 +
	          hour * 3600u + number(now.minute, binary) * 60u + number(now.second, binary);
	return seconds * UINT64_C(1000000000);
}
