/* SPDX-License-Identifier: MIT */
/* What tests in the image share: the handles they were given, children, memory, devices. */
#ifndef TESTS_GUEST_SUPPORT_H
#define TESTS_GUEST_SUPPORT_H

#include <cordon/rt.h>
#include <stdbool.h>
#include <stdint.h>

#define EDU_VENDOR  0x1234
#define EDU_DEVICE  0x11e8
#define NVME_CLASS  0x010802
#define CHILD_GIVES 8

/* The authority and the archive that init gives to a test; ends the test when they are missing. */
cordon_handle_t test_authority(void);
cordon_handle_t test_initramfs(void);

/* A child of the test: a program of the archive with arguments and further handles. */
struct child {
	const char *path;         /* in the archive; NULL: this program itself */
	const char *arguments[6]; /* after the name; NULL ends the list */
	struct {
		cordon_handle_t handle;
		const char *name;
		uint32_t rights; /* 0: the same */
	} gives[CHILD_GIVES];    /* an entry without name ends the list */
	struct cordon_budget budget;
};

/* Starts a child with the console. Returns task_spawn's result. */
int64_t child_start(const struct child *child, cordon_handle_t *task);

/* Starts a child and waits for its end (at most 20 s); ends the test if that fails. */
struct cordon_task_info child_run(const struct child *child);

/* Waits for the end of a task, at most 20 s; ends the test if it goes on. Closes nothing. */
struct cordon_task_info child_wait(cordon_handle_t task);

/* A memory object of the test, mapped read-write; ends the test when there is none. */
void *test_memory(uint64_t size, uint32_t flags, cordon_handle_t *handle);

/* Physical address of a byte of a memory object. */
uint64_t test_physical(cordon_handle_t memory, uint64_t offset);

/* A counter of the system by name; ends the test when there is none. */
uint64_t test_counter(const char *name);

/* Frames that are free or hold small objects of the kernel: in how many frames those lie depends on
 * which CPUs allocated them. Of the objects themselves heap.bytes tells. */
uint64_t test_free_frames(void);

/* Number of the group of the nth device with these ids or this class (0 matches any); -1: there is
 * none. */
int test_find_group(uint16_t vendor, uint16_t device, uint32_t class_code, unsigned int nth,
                    cordon_bdf_t *bdf);

/* Waits, at most 20 s, until there are no more threads than that. On many CPUs the last thread of a
 * task may leave its stack only after others saw the end of the task. */
void test_await_threads(uint64_t count);

/* Waits likewise until a counter is at most this; whether it came to be. On another CPU the last
 * thread of a task that ended may still be on its way out, with what it holds. */
bool test_await_counter(const char *name, uint64_t most);

/* Whether there is an IOMMU that devices can be handed out behind. */
bool test_hands_out_devices(void);

/* Sleeps for milliseconds of the monotonic clock. */
void test_sleep_ms(uint64_t milliseconds);

#endif
