// SPDX-License-Identifier: MIT
/* The real counts of the real locks. */
#include <kernel/lock_stats.c> /* NOLINT(bugprone-suspicious-include): the source itself is meant */
