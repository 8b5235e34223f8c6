/* SPDX-License-Identifier: MIT */
/* Random bytes, from RDRAND (Intel SDM volume 1, 7.3.17): it may have none ready, and ten tries are
 * enough unless it is broken. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <cpuid.h>

#include <cordon/rt.h>

#define RDRAND_TRIES 10
#define ENTROPY_MAX  256u

static bool have_rdrand(void)
{
	unsigned int a;
	unsigned int b;
	unsigned int c;
	unsigned int d;

	return __get_cpuid(1, &a, &b, &c, &d) != 0 && c & bit_RDRND;
}

static bool rdrand(uint64_t *out)
{
	bool given = false;

	for (int i = 0; i < RDRAND_TRIES && !given; i++)
		__asm__ volatile("rdrand %0" : "=r"(*out), "=@ccc"(given));
	return given;
}

ssize_t getrandom(void *bytes, size_t size, unsigned int flags)
{
	uint8_t *to = bytes;
	uint64_t value;

	if (flags & ~(unsigned int)(GRND_NONBLOCK | GRND_RANDOM))
		return cordon_errno(-EINVAL);
	if (!have_rdrand())
		return cordon_errno(-ENOSYS);
	for (size_t done = 0; done < size; done += sizeof(value)) {
		size_t part = size - done < sizeof(value) ? size - done : sizeof(value);

		if (!rdrand(&value))
			return cordon_errno(-EIO);
		memcpy(to + done, &value, part);
	}
	return (ssize_t)size;
}

int getentropy(void *bytes, size_t size)
{
	if (size > ENTROPY_MAX)
		return cordon_errno(-EIO);
	return getrandom(bytes, size, 0) < 0 ? -1 : 0;
}
