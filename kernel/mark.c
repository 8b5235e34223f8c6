/* SPDX-License-Identifier: MIT */
#define LOG_TAG "marks"
#include <arch/console.h>
#include <arch/percpu.h>
#include <kernel/cmdline.h>
#include <kernel/lock.h>
#include <kernel/log.h>
#include <kernel/mark.h>
#include <kernel/panic.h>
#include <kernel/string.h>

#define HEAD_SIZE 4

bool mark_on;

/* Records are whole in the stream, whichever CPUs write them. */
static struct spinlock mark_lock = SPINLOCK_INIT(RANK_MARK, "marks");
static uint8_t sequence;

void mark_write(enum mark_kind kind, const void *fields, size_t size)
{
	uint8_t record[HEAD_SIZE + MARK_FIELDS_MAX + 1] = {MARK_START, (uint8_t)kind,
	                                                   (uint8_t)percpu()->number};
	uint8_t sum = 0;

	ASSERT(size <= MARK_FIELDS_MAX);
	if (size)
		memcpy(record + HEAD_SIZE, fields, size);
	spin_lock(&mark_lock);
	record[HEAD_SIZE - 1] = sequence++;
	for (size_t i = 0; i < HEAD_SIZE + size; i++)
		sum = (uint8_t)(sum + record[i]);
	record[HEAD_SIZE + size] = (uint8_t)-sum;
	console_scratch(record, HEAD_SIZE + size + 1);
	spin_unlock(&mark_lock);
}

void mark_init(void)
{
	const struct mark_byte fields = {MARK_VERSION};

	mark_on = cmdline_flag("marks");
	if (mark_on)
		mark_write(MARK_BEGIN, &fields, sizeof(fields));
}

void mark_call_enter(uint64_t number)
{
	if (mark_wanted()) {
		const struct mark_byte fields = {(uint8_t)number};

		mark_write(MARK_CALL_ENTER, &fields, sizeof(fields));
	}
}

void mark_call_leave(uint64_t number)
{
	if (mark_wanted()) {
		const struct mark_byte fields = {(uint8_t)number};

		mark_write(MARK_CALL_LEAVE, &fields, sizeof(fields));
	}
}
