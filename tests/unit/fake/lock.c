// SPDX-License-Identifier: MIT
/* The real locks, with every debug check: one CPU on the host is enough for them. */
#include <kernel/lock.c> /* NOLINT(bugprone-suspicious-include): the source itself is meant */
