// SPDX-License-Identifier: MIT
/* The real mutexes, as the real locks. */
#include <kernel/mutex.c> /* NOLINT(bugprone-suspicious-include): the source itself is meant */
