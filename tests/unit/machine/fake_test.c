// SPDX-License-Identifier: MIT
/* The machine that the other host tests run on must itself catch what it is there to catch. */
#include <arch/mmio.h>
#include <arch/percpu.h>
#include <cordon/errno.h>
#include <criterion/criterion.h>
#include <kernel/clock.h>
#include <kernel/heap.h>
#include <kernel/lock.h>
#include <kernel/log.h>
#include <kernel/panic.h>
#include <kernel/user.h>
#include <signal.h>
#include <tests/unit/fake/fake.h>

Test(fake, panic_aborts, .signal = SIGABRT)
{
	panic("as promised");
}

Test(fake, frames_are_aligned_distinct_and_counted)
{
	paddr_t a, b;

	cr_assert_eq(page_alloc(3, &a), 0);
	cr_assert_eq(page_alloc(0, &b), 0);
	cr_assert_eq(a.raw % (8 * PAGE_SIZE), 0);
	cr_assert(b.raw < a.raw || b.raw >= a.raw + 8 * PAGE_SIZE);
	cr_assert_eq(fake_pages_used(), 9);
	cr_assert_eq(virt_to_phys(phys_to_virt(b)).raw, b.raw);
	page_free(a, 3);
	page_free(b, 0);
	cr_assert_eq(fake_pages_used(), 0);
}

Test(fake, a_frame_freed_twice_aborts, .signal = SIGABRT)
{
	paddr_t frame;

	cr_assert_eq(page_alloc(0, &frame), 0);
	page_free(frame, 0);
	page_free(frame, 0);
}

Test(fake, allocations_fail_when_asked_to)
{
	paddr_t frame;

	fake_page_fail(2);
	cr_assert_eq(page_alloc(0, &frame), 0);
	cr_assert_eq(page_alloc(0, &frame), -ENOMEM);
	cr_assert_eq(page_alloc(0, &frame), -ENOMEM);
	fake_page_fail(0);
	cr_assert_eq(page_alloc(0, &frame), 0);

	fake_heap_fail(1);
	cr_assert_null(heap_alloc(8));
	fake_heap_fail(0);
	void *memory = heap_alloc(256);
	cr_assert_eq((uintptr_t)memory % 256, 0);
	cr_assert_gt(heap_in_use(), 0);
	heap_free(memory);
	cr_assert_eq(heap_in_use(), 0);
}

Test(fake, an_access_beside_ram_aborts, .signal = SIGABRT)
{
	(void)phys_to_virt(paddr(0xfed90000));
}

Test(fake, a_lock_out_of_order_aborts, .signal = SIGABRT)
{
	struct spinlock outer = SPINLOCK_INIT(RANK_TASK, "outer");
	struct spinlock inner = SPINLOCK_INIT(RANK_HEAP, "inner");

	spin_lock(&inner);
	spin_lock(&outer);
}

Test(fake, locks_may_be_released_in_any_order)
{
	struct spinlock outer = SPINLOCK_INIT(RANK_TASK, "outer");
	struct spinlock inner = SPINLOCK_INIT(RANK_HEAP, "inner");

	spin_lock(&outer);
	spin_lock(&inner);
	spin_unlock(&outer);
	cr_assert(spin_held(&inner));
	cr_assert(!spin_held(&outer));
	spin_unlock(&inner);
	cr_assert_eq(percpu()->lock_depth, 0);
}

static uint64_t model_read(void *context, uint64_t offset, unsigned int width)
{
	return *(uint64_t *)context + offset * 16 + width;
}

static void model_write(void *context, uint64_t offset, unsigned int width, uint64_t value)
{
	(void)offset;
	(void)width;
	*(uint64_t *)context = value;
}

Test(fake, registers_and_ports_go_to_their_model)
{
	uint64_t state = 0x1000;
	const struct fake_device device = {model_read, model_write, &state};
	uint32_t plain = 7;

	fake_mmio_add(paddr(0xfed90000), 0x1000, &device);
	uint8_t *registers = mmio_map(paddr(0xfed90010), 0x10);
	cr_assert_eq(mmio_read32(registers + 4), 0x1000 + 0x14 * 16 + 4);
	mmio_write64(registers + 8, 0x2000);
	cr_assert_eq(state, 0x2000);
	cr_assert_null(mmio_map(paddr(0xfed90ff0), 0x20));
	cr_assert_eq(mmio_read32(&plain), 7);

	fake_port_add(0xcf8, 8, &device);
	cr_assert_eq(port_read16(0xcfc), 0x2000 + 4 * 16 + 2);
	cr_assert_eq(port_read8(0x60), 0xff);
}

Test(fake, a_wait_that_never_comes_true_ends)
{
	uint64_t start = clock_now();

	cr_assert(!clock_wait_until(false, 50 * FAKE_RELAX_NS));
	cr_assert_eq(clock_now(), start + 50 * FAKE_RELAX_NS);
}

Test(fake, user_copies_fail_at_the_first_bad_byte)
{
	uint8_t memory[8] = {1, 2, 3, 4, 5, 6, 7, 8}, copy[8];

	fake_user_map(uaddr(0x400000), memory, sizeof(memory), false);
	cr_assert_eq(user_read(copy, uaddr(0x400000), 8), 0);
	cr_assert_eq(copy[7], 8);
	cr_assert_eq(user_read(copy, uaddr(0x400001), 8), -EFAULT);
	cr_assert_eq(user_write(uaddr(0x400000), copy, 1), -EFAULT);
}

Test(fake, the_log_is_kept)
{
	log_warn("unit %d of %s", 1, "two");
	cr_assert_str_eq(fake_log_text(), "kernel: unit 1 of two\n");
	fake_log_clear();
	cr_assert_str_eq(fake_log_text(), "");
}

Test(fake, an_unmapped_page_is_stale_until_it_is_flushed)
{
	struct arch_paging paging;
	paddr_t base;
	uint32_t prot;

	cr_assert_eq(arch_paging_create(&paging), 0);
	cr_assert_eq(arch_paging_map(&paging, uaddr(0x1000), paddr(0x200000), 2 * PAGE_SIZE, 3,
	                             ARCH_CACHE_NORMAL),
	             0);
	cr_assert(arch_paging_lookup(&paging, uaddr(0x2008), &base, &prot));
	cr_assert_eq(base.raw, 0x201008);
	cr_assert_eq(arch_paging_unmap(&paging, uaddr(0x1000), 2 * PAGE_SIZE), 0);
	cr_assert_eq(fake_paging_mapped(&paging), 0);
	arch_paging_flush(&paging, uaddr(0x1000), PAGE_SIZE);
	cr_assert_eq(fake_paging_stale(), 1);
	arch_paging_flush(&paging, uaddr(0x2000), PAGE_SIZE);
	cr_assert_eq(fake_paging_stale(), 0);
}
