/* SPDX-License-Identifier: MIT */
/* Messages to the system's log. */
#ifndef CORDON_SYSLOG_H
#define CORDON_SYSLOG_H

#include <stdarg.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LOG_EMERG   0
#define LOG_ALERT   1
#define LOG_CRIT    2
#define LOG_ERR     3
#define LOG_WARNING 4
#define LOG_NOTICE  5
#define LOG_INFO    6
#define LOG_DEBUG   7

#define LOG_PRIMASK        7
#define LOG_PRI(priority)  ((priority)&LOG_PRIMASK)
#define LOG_MASK(priority) (1 << (priority))
#define LOG_UPTO(priority) ((1 << ((priority) + 1)) - 1)

/* Facilities are taken and not told. */
#define LOG_KERN   (0 << 3)
#define LOG_USER   (1 << 3)
#define LOG_DAEMON (3 << 3)
#define LOG_AUTH   (4 << 3)
#define LOG_SYSLOG (5 << 3)
#define LOG_LOCAL0 (16 << 3)
#define LOG_LOCAL1 (17 << 3)
#define LOG_LOCAL2 (18 << 3)
#define LOG_LOCAL3 (19 << 3)
#define LOG_LOCAL4 (20 << 3)
#define LOG_LOCAL5 (21 << 3)
#define LOG_LOCAL6 (22 << 3)
#define LOG_LOCAL7 (23 << 3)

#define LOG_PID    0x01 /* no effect: the log names the task */
#define LOG_CONS   0x02 /* no effect: the log is on the console */
#define LOG_ODELAY 0x04 /* no effect */
#define LOG_NDELAY 0x08 /* no effect */
#define LOG_NOWAIT 0x10 /* no effect */
#define LOG_PERROR 0x20 /* also to stderr */

/* ident: text before each message, kept by reference; NULL: none. */
void openlog(const char *ident, int option, int facility);
void closelog(void);

/* Which priorities are written; 0 only tells. Returns the mask before. */
int setlogmask(int mask);

/* One line with the priority's name; %m is errno in words. The log takes 200 bytes a line, the rest
 * is cut off. */
void syslog(int priority, const char *format, ...) __attribute__((__format__(__printf__, 2, 3)));
void vsyslog(int priority, const char *format, va_list arguments)
        __attribute__((__format__(__printf__, 2, 0)));

#ifdef __cplusplus
}
#endif
#endif
