/* SPDX-License-Identifier: MIT */
/*
 * A machine for host tests: what the hardware-free code expects around it, replaced.
 *
 * Everything is linked from an archive, so a test that names a real source (kernel/page.c) gets
 * that one, and the replacement in the file of the same name stays out. Each Criterion test runs
 * in a process of its own: nothing has to be reset between tests.
 *
 * Replaced are: log, format, panic, locks, frames, heap, clock, CPU operations, registers, ports,
 * user copies, user page tables, the waking of threads.
 */
#ifndef FAKE_H
#define FAKE_H

#include <arch/paging.h>
#include <kernel/page.h>
#include <kernel/types.h>

/* --- physical memory (memory.c) ------------------------------------------------------------ */

/* RAM lies at [FAKE_RAM_BASE, FAKE_RAM_END) and [FAKE_HIGH_BASE, FAKE_HIGH_END), with a hole for
 * devices between, as on a PC; it costs only what is touched. An access to anything else through
 * phys_to_virt aborts. */
#define FAKE_RAM_BASE  UINT64_C(0x100000)
#define FAKE_RAM_END   (UINT64_C(2) << 30)
#define FAKE_HIGH_BASE (UINT64_C(4) << 30)
#define FAKE_HIGH_END  (UINT64_C(8) << 30)

/* Whether [base, base + size) is RAM. */
bool fake_is_ram(paddr_t base, uint64_t size);

/* --- frames (page.c) ------------------------------------------------------------------------ */

/* Frames in use: a test ends with the number it began with. */
uint64_t fake_pages_used(void);

/* The count-th allocation from now fails with -ENOMEM (1: the next one), and every one after it
 * until fake_page_fail(0). */
void fake_page_fail(uint64_t count);

/* --- heap (heap.c) -------------------------------------------------------------------------- */

/* As fake_page_fail, for heap_alloc. Leaks are found by the sanitizer and by heap_in_use. */
void fake_heap_fail(uint64_t count);

/* --- time and CPU (clock.c, cpu.c) ---------------------------------------------------------- */

#define FAKE_RELAX_NS 1000

void fake_clock_set(uint64_t nanoseconds);
void fake_clock_advance(uint64_t nanoseconds);

/* Called at each arch_cpu_relax, after the clock was advanced. NULL: none. */
void fake_on_relax(void (*hook)(void *context), void *context);

/* Called for each arch_cache_flush. NULL: none. */
void fake_on_cache_flush(void (*hook)(void *context, const void *start, size_t size),
                         void *context);
extern uint64_t fake_fences;

/* How often arch_store_pair was called, and whether the CPU can. */
extern uint64_t fake_pair_stores;
extern bool fake_can_store_pair;

/* How often sched_point was called (sched.c); never with a lock held. What others do meanwhile:
 * called each time, when set. */
extern uint64_t fake_sched_points;
extern void (*fake_others_run)(void);

/* --- log (log.c) ---------------------------------------------------------------------------- */

/* All lines since the start or the last clear, each as "tag: text\n". They also go to stderr. */
const char *fake_log_text(void);
void fake_log_clear(void);

/* --- registers and ports (mmio.c, port.c) --------------------------------------------------- */

/* A device model. width is 1, 2, 4 or 8; offset counts from the start of the window. */
struct fake_device {
	uint64_t (*read)(void *context, uint64_t offset, unsigned int width);
	void (*write)(void *context, uint64_t offset, unsigned int width, uint64_t value);
	void *context;
};

/* Puts a model at a physical address; mmio_map of a range inside the window then succeeds. The
 * structure is kept, not copied. At most FAKE_WINDOWS_MAX. */
#define FAKE_WINDOWS_MAX 16
void fake_mmio_add(paddr_t base, uint64_t size, const struct fake_device *device);

/* The count-th mapping of registers or tables from now fails (1: the next one), once; 0: none. */
void fake_mmio_fail(uint64_t count);

/* Ports that no model holds read as ones. offset is counted from first. */
void fake_port_add(uint16_t first, uint16_t count, const struct fake_device *device);

/* --- user memory (user.c) ------------------------------------------------------------------- */

/* Makes user_read and user_write of [address, address + size) go to host memory; everything else
 * is -EFAULT. Copies stop at the first bad byte, as the real ones may. */
void fake_user_map(uaddr_t address, void *memory, size_t size, bool writable);

/* --- user page tables (paging.c) ------------------------------------------------------------ */

/* Pages that were unmapped or narrowed and not yet flushed, in all address spaces. A call that
 * takes access away must end with none. */
uint64_t fake_paging_stale(void);

/* Pages mapped now in one address space. */
uint64_t fake_paging_mapped(const struct arch_paging *paging);

/* The count-th arch_paging_map or _unmap from now fails with -ENOMEM, once. */
void fake_paging_fail(uint64_t count);

/* --- threads (thread.c) --------------------------------------------------------------------- */

/* How often thread_wake was called, and for whom last. */
extern uint64_t fake_wakes;
extern struct thread *fake_woken;

/* What happens while a thread waits: called by sched_wait, which then returns 0 if anyone was woken
 * since the wait began and -ETIMEDOUT otherwise. */
void fake_on_wait(void (*hook)(void *context), void *context);

#endif
