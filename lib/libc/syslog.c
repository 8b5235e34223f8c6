/* SPDX-License-Identifier: MIT */
/* syslog: lines of the kernel's log. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <cordon/rt.h>

#define LINE_MAX_BYTES 200u /* system_log */
#define FORMAT_MAX     256u

static const char *log_ident;
static int log_option;
static int log_mask = LOG_UPTO(LOG_DEBUG);

void openlog(const char *ident, int option, int facility)
{
	(void)facility;
	log_ident = ident;
	log_option = option;
}

void closelog(void)
{
	log_ident = NULL;
	log_option = 0;
}

int setlogmask(int mask)
{
	int before = log_mask;

	if (mask != 0)
		log_mask = mask;
	return before;
}

/* The format with %m replaced, cut off where it does not fit. What a reason says is no format. */
static void format_with_reason(char out[FORMAT_MAX], const char *format, int error)
{
	size_t used = 0;

	while (*format != '\0' && used < FORMAT_MAX - 2) {
		if (format[0] == '%' && format[1] == 'm') {
			for (const char *c = strerror(error); *c && used < FORMAT_MAX - 2; c++) {
				out[used++] = *c;
				if (*c == '%' && used < FORMAT_MAX - 2)
					out[used++] = '%';
			}
			format += 2;
			continue;
		}
		if (format[0] == '%' && format[1] != '\0')
			out[used++] = *format++;
		out[used++] = *format++;
	}
	out[used] = '\0';
}

static const char *priority_name(int priority)
{
	static const char *const names[] = {
	        [LOG_EMERG] = "emergency", [LOG_ALERT] = "alert",     [LOG_CRIT] = "critical",
	        [LOG_ERR] = "error",       [LOG_WARNING] = "warning", [LOG_NOTICE] = "notice",
	        [LOG_INFO] = "info",       [LOG_DEBUG] = "debug",
	};

	return names[LOG_PRI(priority)];
}

static size_t written(int result, size_t room)
{
	if (result < 0)
		return 0;
	return (size_t)result < room ? (size_t)result : room - 1;
}

void vsyslog(int priority, const char *format, va_list arguments)
{
	int error = errno;
	char line[LINE_MAX_BYTES + 1];
	char whole[FORMAT_MAX];
	size_t used;

	if (!(log_mask & LOG_MASK(LOG_PRI(priority))))
		return;
	format_with_reason(whole, format, error);
	used = written(snprintf(line, sizeof(line), "%s: %s%s", priority_name(priority),
	                        log_ident != NULL ? log_ident : "", log_ident != NULL ? ": " : ""),
	               sizeof(line));
	used += written(vsnprintf(line + used, sizeof(line) - used, whole, arguments),
	                sizeof(line) - used);
	while (used > 0 && line[used - 1] == '\n')
		used--;
	(void)cordon_system_log(line, used);
	if (log_option & LOG_PERROR) {
		(void)write(STDERR_FILENO, line, used);
		(void)write(STDERR_FILENO, "\n", 1);
	}
	errno = error;
}

void syslog(int priority, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsyslog(priority, format, arguments);
	va_end(arguments);
}
