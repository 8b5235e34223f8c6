/* SPDX-License-Identifier: MIT */
/*
 * Waiting on many open descriptions with the kernel's one wait.
 *
 * Every item waits for edges: the kernel says what changed since the last look, and the description
 * says what that means. A level-triggered watch starts each time before all edges, so that what is
 * raised already counts; when it means nothing to the watch (a pipe with data, watched for its
 * end), the wait goes on until there is news, and does not turn in circles.
 */
#include <errno.h>

#include "fd.h"

#define RECHECK_NS UINT64_C(1000000) /* for what does not fit into one wait */

#define ALWAYS_TOLD (POLLERR | POLLHUP | POLLNVAL)

struct wait_set {
	struct cordon_wait items[CORDON_WAIT_MAX];
	struct watch *watches[CORDON_WAIT_MAX]; /* NULL: the news of the caller */
	uint32_t count;
	uint64_t recheck; /* when to look again, even if nothing is raised */
};

static void recheck_at(struct wait_set *set, uint64_t time)
{
	if (time < set->recheck)
		set->recheck = time;
}

static void watch_take(struct watch *watch, const struct cordon_wait *item)
{
	watch->raised = item->pending;
	watch->sequence = item->sequence;
}

/* A watch beyond the kernel's limit is asked by itself, again and again. */
static void watch_ask(struct wait_set *set, struct watch *watch, struct cordon_wait *item)
{
	if (cordon_object_wait(item, 1, CORDON_TIME_POLL) > 0)
		watch_take(watch, item);
	recheck_at(set, cordon_now() + RECHECK_NS);
}

static void watch_add(struct wait_set *set, struct watch *watch)
{
	struct description *d = watch->d;
	uint32_t signals = d->ops->signals != NULL ? d->ops->signals(d, watch->events) : 0;
	struct cordon_wait item = {
	        .handle = description_handle(d),
	        .signals = signals | CORDON_SIGNAL_EDGE,
	        .sequence = watch->sequence,
	};

	watch->raised = 0;
	if (d->ops->tick != NULL)
		recheck_at(set, d->ops->tick(d));
	if (signals == 0 || item.handle == CORDON_HANDLE_NONE)
		return;
	if (set->count == CORDON_WAIT_MAX) {
		watch_ask(set, watch, &item);
		return;
	}
	set->items[set->count] = item;
	set->watches[set->count++] = watch;
}

/* The events of a watch that hold, with what is known of its signals. */
static short watch_ready(const struct watch *watch)
{
	const struct fd_ops *ops = watch->d->ops;
	short ready = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;

	if (watch->edge && watch->told && watch->raised == 0)
		return 0;
	if (ops->ready != NULL)
		ready = ops->ready(watch->d, watch->raised);
	return ready & (watch->events | ALWAYS_TOLD);
}

static int count_ready(struct watch *watches, size_t count)
{
	int ready = 0;

	for (size_t i = 0; i < count; i++) {
		watches[i].ready = watches[i].d != NULL ? watch_ready(&watches[i]) : 0;
		ready += watches[i].ready != 0;
	}
	return ready;
}

/* Some handle is no more: which? */
static int count_closed(struct watch *watches, size_t count)
{
	struct cordon_handle_info info;
	int closed = 0;

	for (size_t i = 0; i < count; i++) {
		watches[i].ready = 0;
		if (watches[i].d == NULL)
			continue;
		if (cordon_handle_info(description_handle(watches[i].d), &info) == 0)
			continue;
		watches[i].ready = POLLNVAL;
		closed++;
	}
	return closed;
}

static int64_t set_wait(struct wait_set *set, uint64_t until)
{
	int64_t result;

	if (set->count > 0) {
		result = cordon_object_wait(set->items, set->count, until);
	} else {
		result = until != CORDON_TIME_POLL ? cordon_clock_sleep(until) : 0;
		result = result == 0 ? -ETIMEDOUT : result;
	}
	for (uint32_t i = 0; i < set->count && result > 0; i++)
		if (set->watches[i] != NULL)
			watch_take(set->watches[i], &set->items[i]);
	return result;
}

static void edges_told(struct watch *watches, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (watches[i].ready != 0)
			watches[i].told = true;
}

/* Starts a set for another round. */
static void set_begin(struct wait_set *set, const struct cordon_wait *news)
{
	set->count = 0;
	set->recheck = CORDON_TIME_FOREVER;
	if (news == NULL)
		return;
	set->items[set->count] = *news;
	set->watches[set->count++] = NULL;
}

int watch_wait(struct watch *watches, size_t count, uint64_t deadline, struct cordon_wait *news)
{
	struct wait_set set;
	uint64_t until;
	int64_t result;
	int ready;

	for (size_t i = 0; i < count; i++)
		if (!watches[i].edge)
			watches[i].sequence = 0;
	do {
		set_begin(&set, news);
		for (size_t i = 0; i < count; i++)
			if (watches[i].d != NULL)
				watch_add(&set, &watches[i]);
		until = deadline < set.recheck ? deadline : set.recheck;
		if (count_ready(watches, count) > 0)
			until = CORDON_TIME_POLL;
		result = set_wait(&set, until);
		if (result == -EBADF)
			ready = count_closed(watches, count);
		else if (result < 0 && result != -ETIMEDOUT)
			return (int)result;
		else
			ready = count_ready(watches, count);
		if (news != NULL && result > 0 && set.items[0].pending != 0) {
			*news = set.items[0];
			break;
		}
	} while (ready == 0 && (result != -ETIMEDOUT || until != deadline));
	edges_told(watches, count);
	return ready;
}
