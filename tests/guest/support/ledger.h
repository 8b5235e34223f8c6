/* SPDX-License-Identifier: MIT */
/* What exists and is charged at a moment, to compare with another. Needs the authority. */
#ifndef TESTS_GUEST_LEDGER_H
#define TESTS_GUEST_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

/* What must be as before: objects, frames, heap, budget, devices. */
#define LEDGER_ENTRIES 32
struct ledger {
	uint32_t count;
	struct {
		const char *name;
		uint64_t value;
	} entries[LEDGER_ENTRIES];
};
void ledger_take(struct ledger *ledger);

/* The same when nothing changes any more: twice alike, at most some seconds later. */
void ledger_take_at_rest(struct ledger *ledger);

/* Whether both are the same. loud: tell what differs. */
bool ledger_same(const struct ledger *before, const struct ledger *after, bool loud);

/* One entry, by name; sets it. */
uint64_t ledger_value(const struct ledger *ledger, const char *name);
void ledger_set(struct ledger *ledger, const char *name, uint64_t value);

/* Whether all is as before within half a second: what ended may still be on its way out. */
bool ledger_settles(const struct ledger *before, bool loud);

#endif
