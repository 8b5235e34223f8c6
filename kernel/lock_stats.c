/* SPDX-License-Identifier: MIT */
#include <kernel/lock_stats.h>

#if defined(CORDON_DEBUG) && CORDON_DEBUG

#include <arch/percpu.h>
#include <kernel/lock.h>
#include <kernel/log.h>
#include <kernel/panic.h>

struct counts {
	uint64_t taken[LOCK_RANKS];
	uint64_t waited[LOCK_RANKS];
} __attribute__((aligned(64)));

static struct counts counts[CPUS_MAX];

void lock_stats_taken(uint32_t rank)
{
	ASSERT(rank < LOCK_RANKS);
	counts[percpu_number()].taken[rank]++;
}

void lock_stats_waited(uint32_t rank)
{
	ASSERT(rank < LOCK_RANKS);
	counts[percpu_number()].waited[rank]++;
}

/* NULL: there is no such rank. Without default, so that the compiler misses a name. */
static const char *rank_name(uint32_t rank)
{
	switch ((enum lock_rank)rank) {
	case RANK_VFIO:
		return "vfio";
	case RANK_DEVICE:
		return "device";
	case RANK_CONTAINER:
		return "container";
	case RANK_TASK_LIST:
		return "tasks";
	case RANK_TASK:
		return "task";
	case RANK_CHANNEL:
		return "channel";
	case RANK_TRANSIT:
		return "transit";
	case RANK_HANDLES:
		return "handles";
	case RANK_ASPACE:
		return "aspace";
	case RANK_MEMORY:
		return "memory";
	case RANK_DOMAIN:
		return "domain";
	case RANK_TELLING:
		return "telling";
	case RANK_UNIT:
		return "unit";
	case RANK_PCI:
		return "pci";
	case RANK_CONSOLE:
		return "console";
	case RANK_OBJECT:
		return "object";
	case RANK_FAULTS:
		return "faults";
	case RANK_FUTEX:
		return "futex";
	case RANK_MUTEX:
		return "mutex";
	case RANK_SCHEDULER:
		return "scheduler";
	case RANK_ADDRESSES:
		return "addresses";
	case RANK_KERNEL_TABLES:
		return "tables";
	case RANK_HEAP:
		return "heap";
	case RANK_PAGES:
		return "pages";
	case RANK_VECTORS:
		return "vectors";
	case RANK_IOAPIC:
		return "ioapic";
	case RANK_TRACE:
		return "trace";
	case RANK_LOG:
		return "log";
	case RANK_MARK:
		return "marks";
	}
	return NULL;
}

uint32_t lock_stats_count(void)
{
	uint32_t named = 0;

	for (uint32_t rank = 0; rank < LOCK_RANKS; rank++)
		named += rank_name(rank) != NULL;
	return 2 * named;
}

/* Two for each rank that has a name, in rising order. */
void lock_stats_at(uint32_t index, struct cordon_counter *out)
{
	bool waited = index % 2;
	uint32_t rank = 0;

	for (uint32_t before = index / 2; !rank_name(rank) || before-- > 0; rank++)
		;
	format_text(out->name, sizeof(out->name), "lock.%s.%s", rank_name(rank),
	            waited ? "waited" : "taken");
	out->value = 0;
	for (uint32_t cpu = 0; cpu < CPUS_MAX; cpu++)
		out->value += waited ? counts[cpu].waited[rank] : counts[cpu].taken[rank];
}

#endif
