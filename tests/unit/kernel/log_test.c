/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include <arch/console.h>
#include <kernel/log.h>
#include <tests/unit/fake/fake.h>

static char console[1 << 20];
static size_t console_used;

void console_put(const char *bytes, size_t size)
{
	cr_assert_leq(console_used + size, sizeof(console));
	memcpy(console + console_used, bytes, size);
	console_used += size;
}

static char *console_text(void)
{
	console[console_used] = '\0';
	return console;
}

Test(log, a_line_has_time_tag_level_and_text)
{
	fake_clock_set(UINT64_C(12000345678));
	log_line(LOG_INFO, "pci", "%d functions", 7);
	log_line(LOG_WARN, "iommu", "odd");
	log_line(LOG_ERROR, "iommu", "bad");
	cr_assert_str_eq(console_text(), "[  12.000345] pci: 7 functions\n"
	                                 "[  12.000345] iommu: warning: odd\n"
	                                 "[  12.000345] iommu: error: bad\n");
}

Test(log, the_ring_keeps_what_the_console_does_not_show)
{
	uint64_t position = 0;
	char text[200];
	size_t length;

	log_line(LOG_DEBUG, "a", "quiet");
	cr_assert_eq(console_used, 0);
	log_set_level(LOG_ERROR);
	log_line(LOG_WARN, "a", "hidden");
	cr_assert_eq(console_used, 0);
	log_set_level(LOG_DEBUG);
	log_line(LOG_DEBUG, "a", "loud");
	cr_assert_gt(console_used, 0);
	length = log_read(&position, text, sizeof(text) - 1);
	text[length] = '\0';
	cr_assert(strstr(text, "a: quiet\n") && strstr(text, "hidden\n") && strstr(text, "loud\n"));
	cr_assert_eq(log_read(&position, text, sizeof(text)), 0);
}

Test(log, a_long_line_is_cut_and_ended)
{
	char longer[1000];

	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	log_line(LOG_INFO, "t", "%s", longer);
	cr_assert_eq(console_used, LOG_LINE_MAX);
	cr_assert_str_eq(console_text() + LOG_LINE_MAX - 5, "x...\n");
	console_used = 0;
	log_line(LOG_INFO, longer, "%s", longer);
	cr_assert_eq(console_used, LOG_LINE_MAX, "also when the tag is long");
}

Test(log, the_ring_forgets_the_oldest_bytes_only)
{
	static char all[1 << 20];
	static char kept[LOG_RING_SIZE + 1];
	uint64_t position = 0;
	size_t used = 0;
	size_t part;

	log_set_level(LOG_DEBUG);
	for (int i = 0; i < 5000; i++)
		log_line(LOG_DEBUG, "ring", "line %d", i);
	memcpy(all, console, console_used);
	/* In small pieces, over the end of the ring. */
	while ((part = log_read(&position, kept + used, 777)) > 0)
		used += part;
	cr_assert_eq(used, LOG_RING_SIZE);
	cr_assert_eq(memcmp(kept, all + console_used - used, used), 0);
}
