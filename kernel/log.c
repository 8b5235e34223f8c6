/* SPDX-License-Identifier: MIT */
#include <arch/console.h>
#include <kernel/clock.h>
#include <kernel/lock.h>
#include <kernel/log.h>
#include <kernel/string.h>

static struct spinlock log_lock = SPINLOCK_INIT(RANK_LOG, "log");
static enum log_level console_level = LOG_INFO;

/* The ring: byte n of all that was ever logged lies at n % LOG_RING_SIZE. */
static char ring[LOG_RING_SIZE];
static uint64_t ring_end; /* bytes ever logged */

static void ring_put(const char *text, size_t length)
{
	for (size_t done = 0; done < length;) {
		size_t at = ring_end % LOG_RING_SIZE;
		size_t part = min_u64(length - done, LOG_RING_SIZE - at);

		memcpy(ring + at, text + done, part);
		ring_end += part;
		done += part;
	}
}

static const char *level_text(enum log_level level)
{
	switch (level) {
	case LOG_ERROR:
		return "error: ";
	case LOG_WARN:
		return "warning: ";
	default:
		return "";
	}
}

/* Makes the whole line; returns its length with the newline. */
static size_t line_format(char *line, enum log_level level, const char *tag, const char *format,
                          va_list arguments)
{
	uint64_t now = clock_now() / 1000; /* microseconds */
	int head = format_text(line, LOG_LINE_MAX, "[%4u.%06u] %s: %s",
	                       (unsigned int)(now / 1000000), (unsigned int)(now % 1000000), tag,
	                       level_text(level));
	size_t length = min_u64((uint64_t)head, LOG_LINE_MAX - 1);
	int body = format_text_v(line + length, LOG_LINE_MAX - length, format, arguments);

	length += (size_t)body;
	if (length > LOG_LINE_MAX - 1) {
		length = LOG_LINE_MAX - 1;
		memcpy(line + length - 3, "...", 3);
	}
	line[length] = '\n';
	return length + 1;
}

void log_line(enum log_level level, const char *tag, const char *format, ...)
{
	char line[LOG_LINE_MAX];
	va_list arguments;
	size_t length;

	va_start(arguments, format);
	length = line_format(line, level, tag, format, arguments);
	va_end(arguments);

	/* A panic inside the log must still be able to say so. */
	if (spin_held(&log_lock)) {
		console_put(line, length);
		return;
	}
	spin_lock(&log_lock);
	ring_put(line, length);
	if (level <= console_level)
		console_put(line, length);
	spin_unlock(&log_lock);
}

void log_console_put(const char *bytes, size_t size)
{
	spin_lock(&log_lock);
	console_put(bytes, size);
	spin_unlock(&log_lock);
}

void log_set_level(enum log_level level)
{
	console_level = level;
}

size_t log_read(uint64_t *position, char *buffer, size_t size)
{
	size_t done = 0;

	spin_lock(&log_lock);
	if (ring_end > LOG_RING_SIZE)
		*position = max_u64(*position, ring_end - LOG_RING_SIZE);
	while (done < size && *position < ring_end) {
		size_t at = *position % LOG_RING_SIZE;
		size_t part = min_u64(min_u64(size - done, ring_end - *position),
		                      LOG_RING_SIZE - at);

		memcpy(buffer + done, ring + at, part);
		*position += part;
		done += part;
	}
	spin_unlock(&log_lock);
	return done;
}
