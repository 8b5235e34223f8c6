/* SPDX-License-Identifier: MIT */
/*
 * epoll: a list of watches that is kept. A wait works on a copy, with references to what it waits
 * on, so that other threads can change the set meanwhile; the set's own event tells the wait that
 * they did. What the copy found is told for those watches that are still the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "fd.h"

#define FIRST_ROOM   8u
#define POLL_EVENTS  0x3fffu
#define ALWAYS_ASKED (EPOLLERR | EPOLLHUP)
#define RECHECK_NS   UINT64_C(1000000) /* polling a set looks into it so often */

struct interest {
	struct watch watch; /* d: without a reference; it leaves when it is closed */
	int fd;
	uint32_t events; /* as given; 0: told once, waits for EPOLL_CTL_MOD */
	epoll_data_t data;
	uint64_t id; /* changes when the interest does */
};

struct epoll_set {
	struct description d; /* first: the description is the set */
	struct epoll_set *next;
	struct __lock lock;
	struct interest *interests;
	size_t count;
	size_t room;
	size_t first; /* to be told, so that everyone's turn comes */
	uint64_t ids;
	uint32_t seen; /* of the edges of the set's own event, by the last wait */
};

/* All sets, for what is closed. Locked before a set is. */
static struct epoll_set *sets;
static struct __lock sets_lock;

static struct epoll_set *set_of(struct description *d)
{
	return (struct epoll_set *)d;
}

/* --- interests --- */

static struct interest *interest_find_locked(struct epoll_set *set, const struct description *d,
                                             int fd)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->interests[i].watch.d == d && set->interests[i].fd == fd)
			return &set->interests[i];
	return NULL;
}

static void interest_set_locked(struct epoll_set *set, struct interest *interest,
                                struct description *d, int fd, const struct epoll_event *event)
{
	*interest = (struct interest){
	        .watch =
	                {
	                        .d = d,
	                        .events = (short)(event->events & POLL_EVENTS),
	                        .edge = event->events & EPOLLET,
	                },
	        .fd = fd,
	        .events = event->events | ALWAYS_ASKED,
	        .data = event->data,
	        .id = ++set->ids,
	};
}

static int add_locked(struct epoll_set *set, struct description *d, int fd,
                      const struct epoll_event *event)
{
	if (interest_find_locked(set, d, fd) != NULL)
		return -EEXIST;
	if (set->count == set->room) {
		size_t room = set->room > 0 ? 2 * set->room : FIRST_ROOM;
		struct interest *grown = realloc(set->interests, room * sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		set->interests = grown;
		set->room = room;
	}
	interest_set_locked(set, &set->interests[set->count++], d, fd, event);
	d->watched = true;
	return 0;
}

static void remove_locked(struct epoll_set *set, struct interest *interest)
{
	size_t index = (size_t)(interest - set->interests);

	set->count--;
	memmove(interest, interest + 1, (set->count - index) * sizeof(*interest));
}

static int change_locked(struct epoll_set *set, int operation, struct description *d, int fd,
                         const struct epoll_event *event)
{
	struct interest *interest = interest_find_locked(set, d, fd);

	if (operation == EPOLL_CTL_ADD)
		return add_locked(set, d, fd, event);
	if (operation != EPOLL_CTL_MOD && operation != EPOLL_CTL_DEL)
		return -EINVAL;
	if (interest == NULL)
		return -ENOENT;
	if (operation == EPOLL_CTL_MOD)
		interest_set_locked(set, interest, d, fd, event);
	else
		remove_locked(set, interest);
	return 0;
}

/* A description has no descriptor any more. */
static void forget(struct description *d)
{
	lock_acquire(&sets_lock);
	for (struct epoll_set *set = sets; set != NULL; set = set->next) {
		lock_acquire(&set->lock);
		for (size_t i = set->count; i-- > 0;)
			if (set->interests[i].watch.d == d)
				remove_locked(set, &set->interests[i]);
		lock_release(&set->lock);
		description_raise(&set->d);
	}
	lock_release(&sets_lock);
}

/* --- waiting --- */

struct round {
	struct watch *watches;
	uint64_t *ids;
	size_t count;
};

/* Copies the set for one wait. */
static int round_begin_locked(struct epoll_set *set, struct round *round)
{
	size_t size = set->count * (sizeof(struct watch) + sizeof(uint64_t));

	round->count = 0;
	round->watches = malloc(size + 1);
	if (round->watches == NULL)
		return -ENOMEM;
	round->ids = (uint64_t *)(round->watches + set->count);
	for (size_t i = 0; i < set->count; i++) {
		const struct interest *from = &set->interests[(set->first + i) % set->count];

		if (from->events == 0)
			continue;
		round->watches[round->count] = from->watch;
		description_ref(from->watch.d);
		round->ids[round->count++] = from->id;
	}
	return 0;
}

static void round_end(struct round *round)
{
	for (size_t i = 0; i < round->count; i++)
		description_put(round->watches[i].d);
	free(round->watches);
}

static struct interest *interest_by_id_locked(struct epoll_set *set, uint64_t id)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->interests[i].id == id)
			return &set->interests[i];
	return NULL;
}

/* Tells one result, unless the interest changed or another thread was told the same. */
static int tell_locked(struct epoll_set *set, const struct watch *watch, uint64_t id,
                       struct epoll_event *out)
{
	struct interest *interest = interest_by_id_locked(set, id);

	if (watch->ready == 0 || interest == NULL || interest->events == 0)
		return 0;
	if (watch->edge && interest->watch.told && interest->watch.sequence == watch->sequence)
		return 0;
	interest->watch.told = true;
	interest->watch.sequence = watch->sequence;
	if (interest->events & EPOLLONESHOT)
		interest->events = 0;
	out->events = (uint32_t)(unsigned short)watch->ready;
	out->data = interest->data;
	set->first = (size_t)(interest - set->interests) + 1;
	return 1;
}

static int round_tell_locked(struct epoll_set *set, const struct round *round,
                             struct epoll_event *events, int maximum)
{
	int told = 0;

	for (size_t i = 0; i < round->count && told < maximum; i++)
		told += tell_locked(set, &round->watches[i], round->ids[i], &events[told]);
	return told;
}

/* One wait on the set as it is. Returns how many events were told; 0 also when the set changed. */
static int wait_once(struct epoll_set *set, struct epoll_event *events, int maximum,
                     uint64_t deadline, struct cordon_wait *news)
{
	struct round round;
	int told;

	lock_acquire(&set->lock);
	told = round_begin_locked(set, &round);
	lock_release(&set->lock);
	if (told != 0)
		return told;
	told = watch_wait(round.watches, round.count, deadline, news);
	if (told > 0) {
		lock_acquire(&set->lock);
		told = round_tell_locked(set, &round, events, maximum);
		lock_release(&set->lock);
	}
	round_end(&round);
	return told;
}

/* An edge of the set's own event, which counts its changes and is never taken. */
static int set_wait(struct epoll_set *set, struct epoll_event *events, int maximum,
                    uint64_t deadline)
{
	struct cordon_wait news = {
	        .handle = description_handle(&set->d),
	        .signals = CORDON_SIGNAL_READABLE | CORDON_SIGNAL_EDGE,
	        .sequence = __atomic_load_n(&set->seen, __ATOMIC_RELAXED),
	};
	int told;

	do
		told = wait_once(set, events, maximum, deadline, &news);
	while (told == 0 && deadline != CORDON_TIME_POLL &&
	       (deadline == CORDON_TIME_FOREVER || cordon_now() < deadline));
	__atomic_store_n(&set->seen, news.sequence, __ATOMIC_RELAXED);
	return told;
}

/* --- the set as a file: it can be polled, by looking into it --- */

static uint32_t set_signals(struct description *d, short events)
{
	(void)d;
	(void)events;
	return 0;
}

static short set_ready(struct description *d, uint32_t raised)
{
	struct epoll_set *set = set_of(d);
	struct round round;
	int ready;

	(void)raised;
	lock_acquire(&set->lock);
	ready = round_begin_locked(set, &round);
	lock_release(&set->lock);
	if (ready != 0)
		return 0;
	ready = watch_wait(round.watches, round.count, CORDON_TIME_POLL, NULL);
	round_end(&round);
	return ready > 0 ? POLLIN | POLLRDNORM : 0;
}

static uint64_t set_tick(struct description *d)
{
	(void)d;
	return cordon_now() + RECHECK_NS;
}

static void set_release(struct description *d)
{
	struct epoll_set *set = set_of(d);

	lock_acquire(&sets_lock);
	for (struct epoll_set **link = &sets; *link != NULL; link = &(*link)->next) {
		if (*link == set) {
			*link = set->next;
			break;
		}
	}
	lock_release(&sets_lock);
	free(set->interests);
	free(set);
}

static const struct fd_ops set_ops = {
        .signals = set_signals,
        .ready = set_ready,
        .tick = set_tick,
        .release = set_release,
};

/* --- calls --- */

int epoll_create1(int flags)
{
	struct epoll_set *set;
	cordon_handle_t event;
	int64_t err;

	if (flags & ~EPOLL_CLOEXEC)
		return cordon_errno(-EINVAL);
	set = calloc(1, sizeof(*set));
	if (set == NULL)
		return cordon_errno(-ENOMEM);
	description_init(&set->d, &set_ops, O_RDWR);
	err = cordon_event_create(1, &event);
	if (err == 0) {
		err = fd_install(&set->d, event, flags & EPOLL_CLOEXEC);
		if (err < 0)
			cordon_handle_close(event);
	}
	if (err < 0) {
		free(set);
		return cordon_errno(err);
	}
	lock_acquire(&sets_lock);
	fd_forget = forget;
	set->next = sets;
	sets = set;
	lock_release(&sets_lock);
	return (int)err;
}

int epoll_create(int size)
{
	return size > 0 ? epoll_create1(0) : cordon_errno(-EINVAL);
}

/* The set behind a descriptor, with a reference. */
static int set_get(int epfd, struct epoll_set **out)
{
	struct description *d;
	int err = fd_adopt(epfd, &d);

	if (err != 0)
		return err;
	*out = set_of(d);
	if (d->ops == &set_ops)
		return 0;
	description_put(d);
	return -EINVAL;
}

static int set_change(struct epoll_set *set, int operation, int fd, const struct epoll_event *event)
{
	struct description *d;
	int err = fd_adopt(fd, &d);

	if (err != 0)
		return err;
	if (d == &set->d)
		err = -EINVAL;
	else if (d->ops == &set_ops)
		err = -ELOOP;
	else if (d->ops->ready == NULL)
		err = -EPERM;
	if (err == 0) {
		lock_acquire(&set->lock);
		err = change_locked(set, operation, d, fd, event);
		lock_release(&set->lock);
		description_raise(&set->d);
	}
	description_put(d);
	return err;
}

int epoll_ctl(int epfd, int operation, int fd, struct epoll_event *event)
{
	struct epoll_set *set;
	int err = set_get(epfd, &set);

	if (err != 0)
		return cordon_errno(err);
	err = set_change(set, operation, fd, event);
	description_put(&set->d);
	return cordon_errno(err);
}

int epoll_wait(int epfd, struct epoll_event *events, int maximum, int timeout)
{
	struct epoll_set *set;
	int told = set_get(epfd, &set);

	if (told != 0)
		return cordon_errno(told);
	if (maximum <= 0)
		told = -EINVAL;
	else
		told = set_wait(set, events, maximum, deadline_after_ms(timeout));
	description_put(&set->d);
	return cordon_errno(told);
}

int epoll_pwait(int epfd, struct epoll_event *events, int maximum, int timeout,
                const sigset_t *mask)
{
	(void)mask;
	return epoll_wait(epfd, events, maximum, timeout);
}
