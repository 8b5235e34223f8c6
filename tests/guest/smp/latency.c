/* SPDX-License-Identifier: MIT */
/*
 * How long a task keeps the CPU from a driver of another one, by system calls that take long: a
 * child of the real-time class wakes all the time and notes how late it was. On one CPU, and with a
 * clock that counts instructions, so that a host that is busy does not count.
 */
#include <cordon/rt.h>
#include <cordon/syscall.h>
#include <string.h>
#include <sys/mman.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>
#include <tests/guest/vfio/edu.h>

#define PAGE CORDON_PAGE_SIZE
#define US   UINT64_C(1000)
#define NAP  (200 * US)
#define LATE (1000 * US) /* a million instructions */
#define MANY 20000u
#define SOME 10000u /* what the budget of a child allows */
#define FEW  1500u  /* changing the rights of so many regions, which is not divided, is not late */
#define MIB  UINT64_C(0x100000)
#define MUCH (96 * MIB)
#define IOVA UINT64_C(0x10000000)

/* What the driver notes, in memory of both. */
struct book {
	uint64_t late; /* the longest, ns */
	uint64_t naps;
	uint32_t end;
};

static volatile struct book *book;
static cordon_handle_t book_memory;
static struct edu edu;

/* --- children -------------------------------------------------------------------------------- */

static volatile struct book *book_open(void)
{
	struct cordon_memory_map map = {.prot = CORDON_PROT_READ | CORDON_PROT_WRITE, .size = PAGE};

	int64_t error = cordon_memory_map(cordon_handle_named("book"), &map);

	if (error)
		tap_bail("no book: %s", cordon_strerror(error));
	return (volatile struct book *)(uintptr_t)map.address;
}

static int driver(void)
{
	const struct cordon_thread_settings settings = {.what = CORDON_THREAD_SET_CLASS,
	                                                .scheduling = CORDON_THREAD_REALTIME};
	volatile struct book *notes = book_open();

	if (cordon_thread_set(CORDON_HANDLE_NONE, &settings) != 0)
		return 1;
	while (!notes->end) {
		uint64_t deadline = cordon_now() + NAP, late;

		cordon_clock_sleep(deadline);
		late = cordon_now() - deadline;
		if (late > notes->late)
			notes->late = late;
		notes->naps++;
	}
	return 0;
}

/* Has one page at very many addresses, and ends, or gives them up before. */
static int has_regions(bool unmaps)
{
	uint64_t low = UINT64_MAX, high = 0;

	for (uint32_t i = 0; i < SOME; i++) {
		uint64_t address = (uintptr_t)book_open();

		low = address < low ? address : low;
		high = address > high ? address : high;
	}
	return unmaps && cordon_memory_unmap(low, high + PAGE - low) != 0;
}

/* As many as its budget allows. */
static int has_handles(void)
{
	cordon_handle_t handle;
	uint32_t count = 0;

	while (count < SOME && cordon_event_create(0, &handle) == 0)
		count++;
	return count < 4000;
}

static int child_main(const char *what)
{
	if (strcmp(what, "driver") == 0)
		return driver();
	if (strcmp(what, "handles") == 0)
		return has_handles();
	return has_regions(strcmp(what, "unmap") == 0);
}

static cordon_handle_t start(const char *what)
{
	const struct child child = {.arguments = {what}, .gives = {{book_memory, "book", 0}}};
	cordon_handle_t task;

	if (child_start(&child, &task) != 0)
		tap_bail("no child %s", what);
	return task;
}

static void end(const char *what)
{
	cordon_handle_t task = start(what);
	struct cordon_task_info info = child_wait(task);

	if (info.cause != CORDON_CAUSE_EXIT || info.code != 0)
		tap_bail("%s: cause %u, code %lld", what, info.cause, (long long)info.code);
	cordon_handle_close(task);
}

/* --- what takes long ------------------------------------------------------------------------- */

static void much_memory(void)
{
	void *memory = mmap(NULL, MUCH, PROT_READ | PROT_WRITE,
	                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (memory == MAP_FAILED)
		tap_bail("no memory");
	munmap(memory, MUCH);
}

/* Memory comes with the rights. */
static void protect_many(void)
{
	const uint64_t size = FEW * PAGE;
	int64_t place = cordon_memory_map_new(0, size, CORDON_PROT_NONE, 0, 0);
	int64_t error = place < 0 ? place : 0;

	for (uint64_t i = 0; i < FEW && error >= 0; i++)
		error = cordon_memory_map_new((uint64_t)place + i * PAGE, PAGE, CORDON_PROT_NONE,
		                              CORDON_MAP_REPLACE, 0);
	if (error >= 0)
		error = cordon_memory_protect((uint64_t)place, size,
		                              CORDON_PROT_READ | CORDON_PROT_WRITE);
	if (error != 0)
		tap_bail("no rights: %s", cordon_strerror(error));
	cordon_memory_unmap((uint64_t)place, size);
}

static void many_pieces(void)
{
	cordon_handle_t memory;

	if (cordon_memory_create(MUCH, CORDON_MEMORY_SCATTER, &memory) != 0)
		tap_bail("no memory in pieces");
	cordon_handle_close(memory);
}

static void read_a_bar(void)
{
	static char registers[0xff000];

	if (cordon_device_region_read(edu.device, 0, 0x1000, registers, sizeof(registers)) !=
	    (int64_t)sizeof(registers))
		tap_bail("not all was read");
}

static void write_a_bar(void)
{
	static const char zeroes[0xff000];

	if (cordon_device_region_write(edu.device, 0, 0x1000, zeroes, sizeof(zeroes)) !=
	    (int64_t)sizeof(zeroes))
		tap_bail("not all was written");
}

static void map_many(void)
{
	for (uint32_t i = 0; i < MANY; i++) {
		const struct cordon_dma_map map = {.memory = book_memory,
		                                   .iova = IOVA + 2 * i * PAGE,
		                                   .size = PAGE,
		                                   .flags = CORDON_DMA_READ};

		if (cordon_container_map(edu.container, &map) != 0)
			tap_bail("no mapping %u", i);
	}
}

static void unmap_many(void)
{
	uint64_t bytes;

	if (cordon_container_unmap(edu.container, 0, UINT64_MAX, &bytes) != 0 ||
	    bytes != MANY * PAGE)
		tap_bail("not all were unmapped");
}

static void unmap_many_in_a_batch(void)
{
	struct cordon_dma_op op = {.op = CORDON_DMA_OP_UNMAP, .map.size = UINT64_MAX};

	if (cordon_container_batch(edu.container, &op, 1) != 1)
		tap_bail("no batch: %lld", (long long)op.result);
}

static void map_bar(void)
{
	for (uint32_t i = 0; i < SOME; i++) {
		struct cordon_region_map map = {.size = PAGE, .prot = CORDON_PROT_READ};

		if (cordon_device_region_map(edu.device, 0, &map) != 0)
			tap_bail("no mapping %u of the device", i);
	}
}

static void revoke_many(void)
{
	edu_set_command(&edu, 0);
}

static void restore_many(void)
{
	edu_set_command(&edu, EDU_COMMAND_MEMORY);
}

static void close_many(void)
{
	edu_stop(&edu);
}

static void end_with_regions(void)
{
	end("regions");
}

static void unmap_regions(void)
{
	end("unmap");
}

static void end_with_handles(void)
{
	end("handles");
}

/* --- a program that is large ------------------------------------------------------------------ */

struct elf_header {
	unsigned char ident[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, programs, sections;
	uint32_t flags;
	uint16_t size, program_size, program_count, section_size, section_count, section_names;
};

struct elf_program {
	uint32_t type, flags;
	uint64_t offset, address, physical, file_size, size, align;
};

#define TEXT_AT 0x400000
#define DATA_AT 0x1000000
#define LARGE   (32 * MIB)
#define CODE    0x200 /* where in the file and in its first page */

/* A file whose data are all of itself, and whose code is an exit. */
static cordon_handle_t large_program(void)
{
	static const struct elf_header header = {{0x7f, 'E', 'L', 'F', 2, 1, 1},
	                                         2,
	                                         62,
	                                         1,
	                                         TEXT_AT + CODE,
	                                         64,
	                                         0,
	                                         0,
	                                         64,
	                                         56,
	                                         2,
	                                         0,
	                                         0,
	                                         0};
	static const struct elf_program programs[] = {
	        {1, 5, 0, TEXT_AT, 0, PAGE, PAGE, PAGE},
	        {1, 6, 0, DATA_AT, 0, LARGE, LARGE, PAGE},
	};
	/* xor %edi, %edi; mov $task_exit, %eax; syscall */
	static const unsigned char code[] = {0x31, 0xff, 0xb8, CORDON_SYS_task_exit, 0, 0,
	                                     0,    0x0f, 0x05};
	cordon_handle_t image;
	char *file = test_memory(LARGE, 0, &image);

	memcpy(file, &header, sizeof(header));
	memcpy(file + sizeof(header), programs, sizeof(programs));
	memcpy(file + CODE, code, sizeof(code));
	munmap(file, LARGE);
	return image;
}

static cordon_handle_t large_image;

static void spawn_large(void)
{
	const struct cordon_spawn spawn = {.image = large_image,
	                                   .image_size = LARGE,
	                                   .name = "large",
	                                   .budget.frames = LARGE / PAGE + 64};
	struct cordon_task_info info;
	cordon_handle_t task;
	int64_t error = cordon_task_spawn(&spawn, &task);

	if (error)
		tap_bail("no large task: %s", cordon_strerror(error));
	info = child_wait(task);
	if (info.cause != CORDON_CAUSE_EXIT || info.code != 0)
		tap_bail("the large task: cause %u, code %lld", info.cause, (long long)info.code);
	cordon_handle_close(task);
}

/* --- the tests ------------------------------------------------------------------------------- */

static void measure(void (*operation)(void), const char *what)
{
	uint64_t naps = book->naps, began = cordon_now(), took;

	book->late = 0;
	operation();
	took = cordon_now() - began;
	test_sleep_ms(1);
	tap_ok(book->late < LATE && book->naps > naps, "S10: %s keeps the CPU from nobody", what);
	tap_note("%llu us, the driver ran %llu times and was %llu us late at most",
	         (unsigned long long)(took / US), (unsigned long long)(book->naps - naps),
	         (unsigned long long)(book->late / US));
}

static void test_container(void)
{
	if (!test_hands_out_devices()) {
		tap_skip("no IOMMU", "S10: the end of many mappings keeps the CPU from nobody");
		return;
	}
	edu_start(&edu);
	measure(read_a_bar, "a read of a whole BAR");
	measure(write_a_bar, "a write of a whole BAR");
	map_bar();
	measure(revoke_many, "memory of a device that goes from many mappings");
	measure(restore_many, "memory of a device that comes back to them");
	map_many();
	measure(unmap_many, "an unmap of many mappings");
	map_many();
	measure(unmap_many_in_a_batch, "the same in a batch");
	map_many();
	measure(close_many, "the end of a container with many mappings");
}

int main(int argc, char **argv)
{
	cordon_handle_t task;

	if (argc > 1)
		return child_main(argv[1]);
	book = test_memory(PAGE, 0, &book_memory);
	task = start("driver");
	test_sleep_ms(5);
	measure(much_memory, "clearing much memory");
	measure(protect_many, "giving rights to many reservations");
	measure(many_pieces, "memory in many pieces, made and given back,");
	large_image = large_program();
	measure(spawn_large, "the start of a large program");
	cordon_handle_close(large_image);
	measure(end_with_regions, "the end of a task with many regions");
	measure(unmap_regions, "an unmap of many regions");
	measure(end_with_handles, "the end of a task with many handles");
	test_container();
	book->end = 1;
	child_wait(task);
	return tap_done();
}
