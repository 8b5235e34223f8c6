/* SPDX-License-Identifier: MIT */
/* The table of open descriptions by slot. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "fd.h"

#define FIRST_CAPACITY 32u

struct fd_entry {
	struct description *d; /* NULL: not in the table */
	cordon_handle_t handle;
	bool close_on_exec;
};

static struct fd_entry *entries;
static uint32_t capacity;
static struct __lock table_lock;

void (*fd_forget)(struct description *d);

static uint32_t slot_of(int fd)
{
	return (uint32_t)fd & (CORDON_HANDLE_MAX - 1);
}

/* A descriptor may be written as its slot or as its handle. */
static struct fd_entry *entry_find_locked(int fd)
{
	uint32_t slot = slot_of(fd);

	if (fd < 0 || slot >= capacity || entries[slot].d == NULL)
		return NULL;
	return (uint32_t)fd == slot || fd == entries[slot].handle ? &entries[slot] : NULL;
}

static int table_grow_locked(uint32_t slot)
{
	uint32_t want = capacity > 0 ? capacity : FIRST_CAPACITY;
	struct fd_entry *grown;

	if (slot < capacity)
		return 0;
	while (want <= slot)
		want *= 2;
	grown = realloc(entries, want * sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	for (uint32_t i = capacity; i < want; i++)
		grown[i] = (struct fd_entry){.handle = CORDON_HANDLE_NONE};
	entries = grown;
	capacity = want;
	return 0;
}

void description_init(struct description *d, const struct fd_ops *ops, uint32_t flags)
{
	*d = (struct description){
	        .ops = ops,
	        .references = 1,
	        .flags = flags & (O_ACCMODE | O_APPEND | O_NONBLOCK | FD_SEMAPHORE),
	        .fd = -1,
	};
}

struct description *description_ref(struct description *d)
{
	__atomic_fetch_add(&d->references, 1, __ATOMIC_RELAXED);
	return d;
}

void description_put(struct description *d)
{
	if (__atomic_fetch_sub(&d->references, 1, __ATOMIC_ACQ_REL) == 1)
		d->ops->release(d);
}

/* Takes a slot's description out of the table. Its descriptor's reference passes to the caller. */
static struct description *entry_take_locked(uint32_t slot)
{
	struct description *d = entries[slot].d;

	entries[slot].d = NULL;
	if (d->fd != (int)slot)
		return d;
	d->fd = -1;
	for (uint32_t i = 0; i < capacity && d->fd < 0; i++)
		if (entries[i].d == d)
			d->fd = (int)i;
	return d;
}

/* The end of a descriptor, after the table's lock was left. */
static void descriptor_dropped(struct description *d)
{
	if (d->watched && d->fd < 0 && fd_forget != NULL)
		fd_forget(d);
	description_put(d);
}

static int fd_install_locked(struct description *d, cordon_handle_t handle, bool close_on_exec,
                             struct description **stale)
{
	uint32_t slot = slot_of(handle);
	int err = table_grow_locked(slot);

	if (err != 0)
		return err;
	/* A handle that was closed behind our back left its description. */
	*stale = entries[slot].d != NULL ? entry_take_locked(slot) : NULL;
	entries[slot] = (struct fd_entry){
	        .d = d,
	        .handle = handle,
	        .close_on_exec = close_on_exec,
	};
	if (d->fd < 0)
		d->fd = (int)slot;
	return (int)slot;
}

int fd_install(struct description *d, cordon_handle_t handle, bool close_on_exec)
{
	struct description *stale = NULL;
	int fd;

	lock_acquire(&table_lock);
	fd = fd_install_locked(d, handle, close_on_exec, &stale);
	lock_release(&table_lock);
	if (stale != NULL)
		descriptor_dropped(stale);
	return fd;
}

struct description *fd_get(int fd)
{
	struct description *d = NULL;
	struct fd_entry *entry;

	lock_acquire(&table_lock);
	entry = entry_find_locked(fd);
	if (entry != NULL)
		d = description_ref(entry->d);
	lock_release(&table_lock);
	return d;
}

/* A description for a handle of which only the kernel's type is known. */
static int description_of_handle(int fd, struct description **out)
{
	struct cordon_handle_info info;
	struct description *d;
	int64_t err = cordon_handle_info(fd, &info);

	if (err != 0)
		return (int)err;
	d = malloc(sizeof(*d));
	if (d == NULL)
		return -ENOMEM;
	description_init(d, handle_ops(info.type), O_RDWR);
	*out = d;
	return 0;
}

int fd_adopt(int fd, struct description **out)
{
	struct description *stale = NULL;
	struct description *d = NULL;
	int err;

	*out = fd_get(fd);
	if (*out != NULL)
		return 0;
	err = description_of_handle(fd, &d);
	if (err != 0)
		return err;
	lock_acquire(&table_lock);
	if (entry_find_locked(fd) == NULL) {
		err = fd_install_locked(d, fd, false, &stale);
		if (err >= 0)
			*out = description_ref(d);
	}
	lock_release(&table_lock);
	if (stale != NULL)
		descriptor_dropped(stale);
	if (*out != NULL)
		return 0;
	description_put(d);
	return err < 0 ? err : fd_adopt(fd, out); /* another thread was faster */
}

cordon_handle_t description_handle(struct description *d)
{
	cordon_handle_t handle = CORDON_HANDLE_NONE;

	lock_acquire(&table_lock);
	if (d->fd >= 0)
		handle = entries[d->fd].handle;
	lock_release(&table_lock);
	return handle;
}

/* Under the table's lock, so that the handle is not closed in between while another of the
 * description's stays open: the signal would be lost. */
void description_raise(struct description *d)
{
	lock_acquire(&table_lock);
	if (d->fd >= 0)
		(void)cordon_event_signal(entries[d->fd].handle, 1);
	lock_release(&table_lock);
}

void description_clear(struct description *d)
{
	uint64_t count;

	lock_acquire(&table_lock);
	if (d->fd >= 0)
		(void)cordon_event_take(entries[d->fd].handle, &count);
	lock_release(&table_lock);
}

int close(int fd)
{
	struct description *d = NULL;
	struct fd_entry *entry;
	int64_t err;

	lock_acquire(&table_lock);
	entry = entry_find_locked(fd);
	err = cordon_handle_close(entry != NULL ? entry->handle : fd);
	if (entry != NULL)
		d = entry_take_locked(slot_of(fd));
	lock_release(&table_lock);
	if (d != NULL)
		descriptor_dropped(d);
	return cordon_errno(err);
}

int fd_close_on_exec(int fd, const bool *set)
{
	struct fd_entry *entry;
	int before = -EBADF;

	lock_acquire(&table_lock);
	entry = entry_find_locked(fd);
	if (entry != NULL) {
		before = entry->close_on_exec;
		if (set != NULL)
			entry->close_on_exec = *set;
	}
	lock_release(&table_lock);
	return before;
}

cordon_handle_t cordon_fd_handle(int fd)
{
	cordon_handle_t handle = fd;
	struct fd_entry *entry;

	lock_acquire(&table_lock);
	entry = entry_find_locked(fd);
	if (entry != NULL)
		handle = entry->handle;
	lock_release(&table_lock);
	return handle;
}
