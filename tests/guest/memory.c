/* SPDX-License-Identifier: MIT */
/* Memory objects and the caller's address space: layout, rights, errors, nothing lost. */
#include <cordon/errno.h>
#include <string.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>

#define PAGE 4096u
#define MIB2 (2u << 20)
#define RW   (CORDON_PROT_READ | CORDON_PROT_WRITE)

static int64_t map(cordon_handle_t memory, uint64_t address, uint64_t offset, uint64_t size,
                   uint32_t prot, uint32_t flags, uint64_t *at)
{
	struct cordon_memory_map args = {address, offset, size, prot, flags};
	int64_t error = cordon_memory_map(memory, &args);

	*at = args.address;
	return error;
}

static void test_create(void)
{
	struct cordon_memory_info info;
	cordon_handle_t memory;

	tap_is(cordon_memory_create(0, 0, &memory), -EINVAL, "memory_create: size zero");
	tap_is(cordon_memory_create(PAGE + 1, 0, &memory), -EINVAL, "memory_create: not aligned");
	tap_is(cordon_memory_create(PAGE, 0x80, &memory), -EINVAL, "memory_create: unknown flag");
	tap_is(cordon_memory_create(PAGE, CORDON_MEMORY_HUGE, &memory), -EINVAL,
	       "memory_create: huge, but small");
	tap_is(cordon_memory_create(PAGE, CORDON_MEMORY_CONTIGUOUS | CORDON_MEMORY_SCATTER,
	                            &memory),
	       -EINVAL, "memory_create: contiguous and scattered");
	tap_is(cordon_memory_create(MIB2, CORDON_MEMORY_HUGE | CORDON_MEMORY_SCATTER, &memory),
	       -EINVAL, "memory_create: huge and scattered");
	tap_is(cordon_memory_create(UINT64_C(1) << 50, 0, &memory), -ENOMEM,
	       "memory_create: more than there is");
	tap_is(cordon_memory_create(UINT64_MAX & ~UINT64_C(0xfff), 0, &memory), -ENOMEM,
	       "memory_create: as large as can be");

	tap_is(cordon_memory_create(16 * PAGE, CORDON_MEMORY_SCATTER, &memory), 0, "scattered");
	cordon_memory_info(memory, &info);
	tap_ok(info.extents == 16 && info.size == 16 * PAGE, "is sixteen runs");
	bool adjacent = false;
	for (uint64_t page = 1; page < 16; page++)
		adjacent |= test_physical(memory, page * PAGE) ==
		            test_physical(memory, (page - 1) * PAGE) + PAGE;
	tap_ok(!adjacent, "no two neighbours adjacent");
	cordon_handle_close(memory);

	tap_is(cordon_memory_create(3 * PAGE, CORDON_MEMORY_CONTIGUOUS, &memory), 0, "contiguous");
	tap_ok(test_physical(memory, 2 * PAGE) == test_physical(memory, 0) + 2 * PAGE,
	       "is one run");
	cordon_handle_close(memory);

	tap_is(cordon_memory_create(MIB2, CORDON_MEMORY_HUGE, &memory), 0, "huge");
	tap_ok(test_physical(memory, 0) % MIB2 == 0, "is aligned to 2 MiB");
	cordon_handle_close(memory);
}

static void test_contents(void)
{
	cordon_handle_t memory;
	uint64_t a, b;
	bool zero = true;

	for (int round = 0; round < 4; round++) {
		uint8_t *bytes = test_memory(64 * PAGE, 0, &memory);
		for (unsigned int i = 0; i < 64 * PAGE; i++)
			zero &= bytes[i] == 0;
		memset(bytes, 0xa5, 64 * PAGE);
		cordon_memory_unmap((uintptr_t)bytes, 64 * PAGE);
		cordon_handle_close(memory);
	}
	tap_ok(zero, "new memory is zero, whatever its frames held before");

	tap_is(cordon_memory_create(2 * PAGE, 0, &memory), 0, "memory_create");
	tap_is(map(memory, 0, 0, 2 * PAGE, RW, 0, &a), 0, "mapped once");
	tap_is(map(memory, 0, PAGE, PAGE, CORDON_PROT_READ, 0, &b), 0, "its second page again");
	strcpy((char *)(uintptr_t)(a + PAGE), "shared");
	tap_ok(strcmp((char *)(uintptr_t)b, "shared") == 0, "both see the same");
	cordon_handle_close(memory);
	tap_ok(strcmp((char *)(uintptr_t)b, "shared") == 0, "also after the handle is closed");
	cordon_memory_unmap(a, 2 * PAGE);
	cordon_memory_unmap(b, PAGE);
}

static void test_map_errors(void)
{
	cordon_handle_t memory, weak;
	uint64_t at, other;

	cordon_memory_create(4 * PAGE, 0, &memory);
	tap_is(map(memory, 0, 0, 0, RW, 0, &at), -EINVAL, "memory_map: size zero");
	tap_is(map(memory, 0, 0, 100, RW, 0, &at), -EINVAL, "memory_map: size not aligned");
	tap_is(map(memory, 0, 7, PAGE, RW, 0, &at), -EINVAL, "memory_map: offset not aligned");
	tap_is(map(memory, 5, 0, PAGE, RW, CORDON_MAP_FIXED, &at), -EINVAL,
	       "memory_map: address not aligned");
	tap_is(map(memory, 0, 0, PAGE, RW, 0x80, &at), -EINVAL, "memory_map: unknown flag");
	tap_is(map(memory, 0, 0, PAGE, 0x80, 0, &at), -EINVAL, "memory_map: unknown protection");
	tap_is(map(memory, 0, 0, PAGE, CORDON_PROT_WRITE | CORDON_PROT_EXEC, 0, &at), -EINVAL,
	       "memory_map: never writable and executable");
	tap_is(map(memory, 0, 4 * PAGE, PAGE, RW, 0, &at), -ERANGE, "memory_map: past the object");
	tap_is(map(memory, 0, 0, 5 * PAGE, RW, 0, &at), -ERANGE,
	       "memory_map: longer than the object");
	tap_is(map(memory, 0, UINT64_MAX & ~UINT64_C(0xfff), 2 * PAGE, RW, 0, &at), -ERANGE,
	       "memory_map: offset wraps");
	tap_is(map(memory, 0, 0, PAGE, RW, CORDON_MAP_FIXED, &at), -EINVAL, "memory_map: at null");
	tap_is(map(memory, CORDON_USER_MAX, 0, PAGE, RW, CORDON_MAP_FIXED, &at), -EINVAL,
	       "memory_map: above the user range");
	tap_is(map(memory, CORDON_USER_MAX - PAGE, 0, 2 * PAGE, RW, CORDON_MAP_FIXED, &at), -EINVAL,
	       "memory_map: across its end");
	tap_is(map(memory, UINT64_C(0xffffffff80000000), 0, PAGE, RW, CORDON_MAP_FIXED, &at),
	       -EINVAL, "memory_map: over the kernel");
	tap_is(map(memory, 0, 0, 4 * PAGE, RW, 0, &at), 0, "memory_map");
	tap_is(map(memory, at + PAGE, 0, PAGE, RW, CORDON_MAP_FIXED, &other), -EEXIST,
	       "memory_map: something is there");
	tap_is(cordon_memory_protect(at, 2 * PAGE, CORDON_PROT_READ), 0, "memory_protect");
	tap_is(cordon_clock_get(0, (uint64_t *)(uintptr_t)at), -EFAULT, "it is read-only now");
	tap_is(cordon_clock_get(0, (uint64_t *)(uintptr_t)(at + 2 * PAGE)), 0, "the rest is not");
	tap_is(cordon_memory_protect(at, 2 * PAGE, RW), 0, "and back");
	tap_is(cordon_memory_protect(at, 5 * PAGE, RW), -ENOMEM, "memory_protect: a hole");
	tap_is(cordon_memory_protect(at, PAGE, CORDON_PROT_WRITE | CORDON_PROT_EXEC), -EINVAL,
	       "memory_protect: writable and executable");
	tap_is(cordon_memory_unmap(at + PAGE, PAGE), 0, "memory_unmap: a page in the middle");
	tap_is(cordon_clock_get(0, (uint64_t *)(uintptr_t)(at + PAGE)), -EFAULT, "it is gone");
	tap_is(cordon_clock_get(0, (uint64_t *)(uintptr_t)(at + 2 * PAGE)), 0,
	       "its neighbours not");
	tap_is(cordon_memory_unmap(at, 4 * PAGE), 0, "memory_unmap: over the hole");
	tap_is(cordon_memory_unmap(at, 4 * PAGE), 0, "memory_unmap: nothing");
	tap_is(cordon_memory_unmap(at + 1, PAGE), -EINVAL, "memory_unmap: not aligned");
	tap_is(cordon_memory_unmap(at, 0), -EINVAL, "memory_unmap: size zero");
	tap_is(cordon_memory_unmap(UINT64_MAX & ~UINT64_C(0xfff), 2 * PAGE), -EINVAL,
	       "memory_unmap: wraps");

	cordon_handle_dup(memory, CORDON_RIGHT_READ | CORDON_RIGHT_MAP, &weak);
	tap_is(map(weak, 0, 0, PAGE, RW, 0, &at), -EACCES, "memory_map: a read-only handle");
	tap_is(map(weak, 0, 0, PAGE, CORDON_PROT_READ, 0, &at), 0, "maps for reading");
	tap_is(cordon_memory_protect(at, PAGE, RW), -EACCES, "and cannot be made writable");
	cordon_memory_unmap(at, PAGE);
	cordon_handle_close(weak);

	cordon_handle_dup(memory, CORDON_RIGHT_WRITE | CORDON_RIGHT_EXEC | CORDON_RIGHT_MAP, &weak);
	tap_is(map(weak, 0, 0, PAGE, CORDON_PROT_WRITE, 0, &at), -EACCES,
	       "memory_map: to write without READ, which would be to read");
	tap_is(map(weak, 0, 0, PAGE, CORDON_PROT_EXEC, 0, &at), -EACCES, "nor to execute");
	tap_is(map(weak, 0, 0, PAGE, CORDON_PROT_NONE, 0, &at), 0, "maps without rights");
	tap_is(cordon_memory_protect(at, PAGE, CORDON_PROT_WRITE), -EACCES,
	       "and cannot be made writable without READ");
	cordon_memory_unmap(at, PAGE);
	cordon_handle_close(weak);
	cordon_handle_close(memory);
}

/* A request whose answer cannot be written replaces nothing. */
static void test_replace(void)
{
	cordon_handle_t memory;
	uint8_t *bytes = test_memory(2 * PAGE, 0, &memory);
	struct cordon_memory_map *args = (struct cordon_memory_map *)(bytes + PAGE);

	memset(bytes, 0xa5, PAGE);
	*args = (struct cordon_memory_map){(uintptr_t)bytes, PAGE, PAGE, RW, CORDON_MAP_REPLACE};
	cordon_memory_protect((uintptr_t)args, PAGE, CORDON_PROT_READ);
	tap_is(cordon_memory_map(memory, args), -EFAULT, "memory_map: *args is read-only");
	tap_is(bytes[0], 0xa5, "what it would have replaced is there");
	cordon_memory_unmap((uintptr_t)bytes, 2 * PAGE);
	cordon_handle_close(memory);
}

/* Everything that was taken comes back. */
static void test_leaks(void)
{
	uint64_t pages = 0, heap = 0, at;
	cordon_handle_t memory;

	for (int round = 0; round < 12; round++) {
		if (round == 2) { /* caches of the kernel are warm */
			pages = test_counter("pages.free");
			heap = test_counter("heap.bytes");
		}
		cordon_memory_create(MIB2, round % 2 ? CORDON_MEMORY_SCATTER : 0, &memory);
		map(memory, 0, 0, MIB2, RW, 0, &at);
		cordon_memory_unmap(at + 5 * PAGE, 7 * PAGE);
		cordon_memory_protect(at + 20 * PAGE, PAGE, CORDON_PROT_READ);
		cordon_memory_unmap(at, MIB2);
		cordon_handle_close(memory);
	}
	tap_is((int64_t)test_counter("pages.free"), (int64_t)pages, "no frame is lost");
	tap_is((int64_t)test_counter("heap.bytes"), (int64_t)heap, "no kernel memory is lost");
}

int main(void)
{
	test_create();
	test_contents();
	test_map_errors();
	test_replace();
	test_leaks();
	return tap_done();
}
