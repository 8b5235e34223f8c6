/* SPDX-License-Identifier: MIT */
/* mmap, munmap and mprotect over memory_map_new and memory objects. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

CORDON_STATIC_ASSERT(PROT_READ == CORDON_PROT_READ && PROT_WRITE == CORDON_PROT_WRITE &&
                             PROT_EXEC == CORDON_PROT_EXEC,
                     "protections are passed on as they are");

#define PROT_ALL (PROT_READ | PROT_WRITE | PROT_EXEC)

/* Those that change nothing here. */
#define IGNORED                                                                       \
	(MAP_DENYWRITE | MAP_EXECUTABLE | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | \
	 MAP_NONBLOCK | MAP_STACK)
#define KNOWN                                                                            \
	((unsigned int)(MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_GROWSDOWN | IGNORED | \
	                MAP_HUGETLB | MAP_FIXED_NOREPLACE | MAP_CONTIGUOUS) |            \
	 (unsigned int)MAP_HUGE_MASK << MAP_HUGE_SHIFT)

static bool is_page_aligned(uint64_t value)
{
	return (value & (CORDON_PAGE_SIZE - 1)) == 0;
}

/* Zero when it wraps. */
static uint64_t round_up(uint64_t size, uint64_t unit)
{
	return (size + unit - 1) & ~(unit - 1);
}

/* A range that lies in a task's addresses as a whole. */
static bool is_user_range(uint64_t address, uint64_t size)
{
	return address >= CORDON_USER_MIN && address < CORDON_USER_MAX &&
	       size <= CORDON_USER_MAX - address;
}

/* What a call asks for, in the kernel's words. */
struct request {
	uint64_t address;
	uint64_t size;
	uint64_t unit; /* of sizes and fixed addresses: that of the frames */
	uint32_t prot;
	uint32_t place;  /* CORDON_MAP_* */
	uint32_t memory; /* CORDON_MEMORY_* */
};

static int frames_decode(struct request *request, int flags)
{
	unsigned int shift = (unsigned int)flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK;

	request->unit = CORDON_PAGE_SIZE;
	if (flags & MAP_CONTIGUOUS)
		request->memory |= CORDON_MEMORY_CONTIGUOUS;
	if (!(flags & MAP_HUGETLB))
		return shift == 0 ? 0 : -EINVAL;
	if (shift != 0 && shift != 21 && shift != 30)
		return -EINVAL;
	request->memory |= shift == 30 ? CORDON_MEMORY_HUGE_1G : CORDON_MEMORY_HUGE;
	request->unit = UINT64_C(1) << (shift == 30 ? 30 : 21);
	return 0;
}

static int request_decode(struct request *request, void *address, size_t length, int prot,
                          int flags)
{
	int type = flags & MAP_TYPE;
	int err;

	*request = (struct request){.address = (uint64_t)(uintptr_t)address,
	                            .prot = (uint32_t)prot};
	if (length == 0 || (prot & ~PROT_ALL) || ((unsigned int)flags & ~KNOWN))
		return -EINVAL;
	if (type != MAP_SHARED && type != MAP_PRIVATE && type != MAP_SHARED_VALIDATE)
		return -EINVAL;
	if ((prot & PROT_WRITE) && (prot & PROT_EXEC))
		return -ENOTSUP;
	err = frames_decode(request, flags);
	if (err != 0)
		return err;
	request->size = round_up(length, request->unit);
	if (request->size == 0 || request->size > CORDON_USER_MAX)
		return -ENOMEM;
	if (!(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))) {
		request->address &= ~(CORDON_PAGE_SIZE - 1); /* a wish */
		return 0;
	}
	if (request->address & (request->unit - 1))
		return -EINVAL;
	if (!is_user_range(request->address, request->size))
		return -ENOMEM;
	request->place = flags & MAP_FIXED_NOREPLACE ? CORDON_MAP_FIXED : CORDON_MAP_REPLACE;
	return 0;
}

/* Returns the address, or a negated error number. */
static int64_t map_anonymous(struct request *request, int flags)
{
	uint32_t prot = request->prot;
	int64_t at;
	int64_t err;

	if (flags & MAP_GROWSDOWN) {
		if (prot != (PROT_READ | PROT_WRITE) || request->memory != 0)
			return -EINVAL;
		return cordon_memory_map_new(request->address, request->size, PROT_NONE,
		                             request->place | CORDON_MAP_GROW, 0);
	}
	/* A reservation cannot remember of what kind its memory will be: take it now. */
	if (prot == PROT_NONE && request->memory != 0)
		prot = PROT_READ;
	at = cordon_memory_map_new(request->address, request->size, prot, request->place,
	                           request->memory);
	if (at < 0 || prot == request->prot)
		return at;
	err = cordon_memory_protect((uint64_t)at, request->size, request->prot);
	if (err == 0)
		return at;
	cordon_memory_unmap((uint64_t)at, request->size);
	return err;
}

static int64_t map_object(const struct request *request, int fd, off_t offset, uint32_t prot)
{
	struct cordon_memory_map map = {
	        .address = request->address,
	        .offset = (uint64_t)offset,
	        .size = request->size,
	        .prot = prot,
	        .flags = request->place,
	};
	int64_t err = cordon_memory_map(fd, &map);

	if (err == 0)
		return (int64_t)map.address;
	return err == -ERANGE ? -ENXIO : err;
}

/* Reads what a file has from an offset on; behind its end the memory stays zero. */
static int64_t fill_from_file(int fd, off_t offset, char *to, uint64_t size)
{
	ssize_t got = 1;

	while (size > 0 && got > 0) {
		got = pread(fd, to, size, offset);
		if (got < 0)
			return -errno;
		to += got;
		offset += got;
		size -= (uint64_t)got;
	}
	return 0;
}

static int64_t fill_from_object(int fd, off_t offset, char *to, uint64_t size)
{
	const struct request all = {.size = size};
	int64_t from = map_object(&all, fd, offset, PROT_READ);

	if (from < 0)
		return from;
	memcpy(to, (const void *)(uintptr_t)from, size);
	cordon_memory_unmap((uint64_t)from, size);
	return 0;
}

/* Maps a copy of what the descriptor has. */
static int64_t map_copy(const struct request *request, int fd, off_t offset, bool is_file)
{
	int64_t at = cordon_memory_map_new(request->address, request->size, PROT_READ | PROT_WRITE,
	                                   request->place, 0);
	char *to = (char *)(uintptr_t)at;
	int64_t err;

	if (at < 0)
		return at;
	if (is_file)
		err = fill_from_file(fd, offset, to, request->size);
	else
		err = fill_from_object(fd, offset, to, request->size);
	if (err == 0)
		err = cordon_memory_protect((uint64_t)at, request->size, request->prot);
	if (err == 0)
		return at;
	cordon_memory_unmap((uint64_t)at, request->size);
	return err;
}

static int64_t map_descriptor(const struct request *request, int flags, int fd, off_t offset)
{
	struct cordon_handle_info info;
	struct stat status;
	bool is_file;

	if (fstat(fd, &status) != 0)
		return -EBADF;
	if (offset < 0 || !is_page_aligned((uint64_t)offset) || request->memory != 0 ||
	    (flags & MAP_GROWSDOWN))
		return -EINVAL;
	is_file = S_ISREG(status.st_mode);
	if (!is_file && (cordon_handle_info(fd, &info) != 0 || info.type != CORDON_OBJECT_MEMORY))
		return -ENODEV;
	if ((flags & MAP_TYPE) == MAP_PRIVATE)
		return map_copy(request, fd, offset, is_file);
	return is_file ? -ENODEV : map_object(request, fd, offset, request->prot);
}

void *mmap(void *address, size_t length, int prot, int flags, int fd, off_t offset)
{
	struct request request;
	int64_t at = request_decode(&request, address, length, prot, flags);

	if (at == 0)
		at = flags & MAP_ANONYMOUS ? map_anonymous(&request, flags)
		                           : map_descriptor(&request, flags, fd, offset);
	if (at < 0) {
		errno = (int)-at;
		return MAP_FAILED;
	}
	return (void *)(uintptr_t)at;
}

int munmap(void *address, size_t length)
{
	return cordon_errno(cordon_memory_unmap((uint64_t)(uintptr_t)address,
	                                        round_up(length, CORDON_PAGE_SIZE)));
}

int mprotect(void *address, size_t length, int prot)
{
	uint64_t start = (uint64_t)(uintptr_t)address;
	uint64_t size = round_up(length, CORDON_PAGE_SIZE);
	int64_t err = 0;

	if (!is_page_aligned(start) || (prot & ~PROT_ALL))
		err = -EINVAL;
	else if ((prot & PROT_WRITE) && (prot & PROT_EXEC))
		err = -ENOTSUP;
	else if (length != 0 && (size == 0 || !is_user_range(start, size)))
		err = -ENOMEM;
	else if (length != 0)
		err = cordon_memory_protect(start, size, (uint32_t)prot);
	return cordon_errno(err);
}
