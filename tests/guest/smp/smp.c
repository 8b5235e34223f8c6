/* SPDX-License-Identifier: MIT */
/*
 * Several processors: threads run where they may, memory that was taken away is gone on every CPU
 * (S3, S8), CPU time is shared fairly (S10). On one CPU what needs two is left out.
 */
#define _GNU_SOURCE
#include <cordon/errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <tests/guest/smp/smp.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>
#include <tests/guest/vfio/edu.h>

#define PAGE        4096u
#define MS          UINT64_C(1000000)
#define PAGE_FAULT  14
#define EXIT_UNSEEN 5 /* of a child whose memory was taken away unnoticed */
#define EXIT_BROKEN 6
#define HOG_THREADS 8
#define ACCESS_TIME (300 * MS)

static unsigned int cpus;

void pin(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set))
		exit(EXIT_BROKEN);
}

/* --- children: memory that one thread uses while another takes it away --- */

static volatile uint32_t *target;
static volatile bool runs;

static void *read_on(void *argument)
{
	(void)argument;
	pin(1);
	for (uint32_t sum = 0;; runs = true)
		sum += *target;
	return NULL;
}

static void *write_on(void *argument)
{
	(void)argument;
	pin(1);
	for (;; runs = true)
		*target = 1;
	return NULL;
}

static void use_elsewhere(volatile void *address, void *(*function)(void *))
{
	pthread_t thread;

	target = address;
	pin(0);
	if (pthread_create(&thread, NULL, function, NULL))
		exit(EXIT_BROKEN);
	while (!runs)
		sched_yield();
}

static int child_memory(const char *how)
{
	cordon_handle_t handle;
	void *page = test_memory(PAGE, 0, &handle);
	bool protect = strcmp(how, "protect") == 0;
	int64_t error;

	*(volatile uint32_t *)page = 1;
	use_elsewhere(page, protect ? write_on : read_on);
	error = protect ? cordon_memory_protect((uintptr_t)page, PAGE, CORDON_PROT_READ)
	                : cordon_memory_unmap((uintptr_t)page, PAGE);
	cordon_clock_sleep(cordon_now() + ACCESS_TIME);
	return error ? EXIT_BROKEN : EXIT_UNSEEN;
}

/* The emulator drops its own cached translations when a window of a device goes, so a CPU that was
 * not told shows here on hardware only. */
static int child_device(void)
{
	const struct edu edu = {.device = cordon_handle_named("device")};
	struct cordon_region_map map = {.size = PAGE, .prot = CORDON_PROT_READ};

	if (cordon_device_region_map(edu.device, 0, &map))
		return EXIT_BROKEN;
	use_elsewhere((volatile void *)(uintptr_t)map.address, read_on);
	edu_set_command(&edu, 0); /* decoding off: the mapping goes */
	cordon_clock_sleep(cordon_now() + ACCESS_TIME);
	return EXIT_UNSEEN;
}

/* --- children: CPU time --- */

static void *spin(void *argument)
{
	struct cordon_thread_settings settings = {.what = CORDON_THREAD_SET_CLASS,
	                                          .scheduling = (uint32_t)(uintptr_t)argument};

	pin(0);
	cordon_thread_set(CORDON_HANDLE_NONE, &settings);
	for (volatile uint64_t count = 0;; count = count + 1)
		;
	return NULL;
}

static int child_hog(uint32_t class)
{
	pthread_t thread;

	for (int i = 0; i < HOG_THREADS; i++)
		pthread_create(&thread, NULL, spin, (void *)(uintptr_t) class);
	cordon_clock_sleep(CORDON_TIME_FOREVER);
	return 0;
}

/* --- the tests --- */

static void *tell_cpu(void *argument)
{
	intptr_t wrong = 0;

	for (int round = 0; round < 20; round++) {
		unsigned int cpu = ((unsigned int)(uintptr_t)argument + (unsigned int)round) % cpus;

		pin(cpu);
		wrong += sched_getcpu() != (int)cpu;
		cordon_thread_yield();
		wrong += sched_getcpu() != (int)cpu;
	}
	return (void *)wrong;
}

static void test_affinity(void)
{
	pthread_t threads[16];
	intptr_t wrong = 0;
	cpu_set_t set;
	void *result;

	for (uintptr_t i = 0; i < 16; i++)
		pthread_create(&threads[i], NULL, tell_cpu, (void *)i);
	for (int i = 0; i < 16; i++) {
		pthread_join(threads[i], &result);
		wrong += (intptr_t)result;
	}
	tap_is(wrong, 0, "a thread runs on the CPU that it asked for, and nowhere else");
	pthread_getaffinity_np(pthread_self(), sizeof(set), &set);
	tap_is(CPU_COUNT(&set), cpus, "at first it may run on every CPU");
	tap_is(sysconf(_SC_NPROCESSORS_ONLN), cpus, "and is told how many there are");
	CPU_ZERO(&set);
	tap_is(pthread_setaffinity_np(pthread_self(), sizeof(set), &set), EINVAL,
	       "no CPU at all is EINVAL");
}

static pthread_barrier_t barrier;

static void *meet(void *argument)
{
	for (int i = 0; i < 100; i++)
		pthread_barrier_wait(&barrier);
	return (void *)(intptr_t)(sched_getcpu() + 1 + (argument != NULL));
}

/* Threads that never say where they want to run find the CPUs that have nothing to do. */
static void test_spread(void)
{
	uint64_t times[2];

	for (int round = 0; round < 2; round++) {
		pthread_t threads[8];
		uint64_t start = cordon_now();

		pthread_barrier_init(&barrier, NULL, cpus);
		for (unsigned int i = 0; i < cpus && i < 8; i++)
			pthread_create(&threads[i], NULL, meet, NULL);
		for (unsigned int i = 0; i < cpus && i < 8; i++)
			pthread_join(threads[i], NULL);
		times[round] = cordon_now() - start;
	}
	tap_ok(times[0] > 0 && times[1] > 0, "threads of all CPUs meet at a barrier");
}

static void expect_fault(const struct child *child, const char *text)
{
	struct cordon_task_info info;

	if (cpus < 2) {
		tap_skip("one CPU", "%s", text);
		return;
	}
	info = child_run(child);
	if (!tap_ok(info.cause == CORDON_CAUSE_FAULT && info.code == PAGE_FAULT, "%s", text))
		tap_note("cause %u, code %lld", info.cause, (long long)info.code);
}

static void test_device(void)
{
	struct edu edu;

	if (cpus < 2) {
		tap_skip("one CPU", "S8: a BAR mapping that goes is gone on every CPU");
		return;
	}
	edu_start(&edu);
	expect_fault(&(struct child){.arguments = {"device"}, .gives = {{edu.device, "device", 0}}},
	             "S8: a BAR mapping that goes is gone on every CPU");
	edu_stop(&edu);
}

/* Starts a child whose threads loop on CPU 0, all of them; cpu: its share, 0: what it gets. */
static cordon_handle_t hog_start(const char *class, uint32_t cpu)
{
	struct cordon_task_info info;
	cordon_handle_t task;

	if (child_start(&(struct child){.arguments = {"hog", class}, .budget = {.cpu = cpu}},
	                &task) < 0)
		tap_bail("no child");
	do {
		test_sleep_ms(5);
		cordon_task_info(task, &info);
	} while (info.threads < HOG_THREADS + 1);
	return task;
}

static void hog_end(cordon_handle_t task)
{
	cordon_task_kill(task, 0);
	child_wait(task);
	cordon_handle_close(task);
}

static uint64_t cpu_time(cordon_handle_t task)
{
	struct cordon_task_info info;

	cordon_task_info(task, &info);
	return info.cpu_ns;
}

/* Two tasks whose shares are 1 to 3. */
static void test_weights(void)
{
	struct cordon_task_info own;
	cordon_handle_t light, heavy;
	uint64_t part, light_ns, heavy_ns;

	cordon_task_info(CORDON_HANDLE_NONE, &own);
	part = own.budget.cpu / 8;
	light = hog_start("0", (uint32_t)part);
	heavy = hog_start("0", (uint32_t)(3 * part));
	test_sleep_ms(100);
	light_ns = cpu_time(light);
	heavy_ns = cpu_time(heavy);
	test_sleep_ms(1200);
	light_ns = cpu_time(light) - light_ns;
	heavy_ns = cpu_time(heavy) - heavy_ns;
	if (!tap_ok(heavy_ns > light_ns * 26 / 10 && heavy_ns < light_ns * 34 / 10,
	            "S10: a task with three times the share gets three times the time"))
		tap_note("%llu ns and %llu ns", (unsigned long long)light_ns,
		         (unsigned long long)heavy_ns);
	hog_end(light);
	hog_end(heavy);
}

/* How much of CPU 0 this task gets beside a child, in per cent. */
static uint64_t share_beside(const char *class)
{
	struct cordon_thread_info before, after;
	cordon_handle_t task = hog_start(class, 0);
	uint64_t start;

	test_sleep_ms(50);
	pin(0);
	cordon_thread_info(CORDON_HANDLE_NONE, &before);
	start = cordon_now();
	while (cordon_now() - start < 600 * MS)
		;
	cordon_thread_info(CORDON_HANDLE_NONE, &after);
	start = cordon_now() - start;
	hog_end(task);
	return (after.cpu_ns - before.cpu_ns) * 100 / start;
}

static void test_shares(void)
{
	uint64_t share = share_beside("0");

	if (!tap_ok(share >= 33, "S10: a task with eight threads that loop gets no more than one"))
		tap_note("the other got %llu per cent", (unsigned long long)share);
	share = share_beside("1");
	if (!tap_ok(share >= 33, "S10: nor does one whose threads are of the real-time class"))
		tap_note("the other got %llu per cent", (unsigned long long)share);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The median of how late this thread wakes beside one that loops on its CPU, in microseconds. */
static uint64_t lateness(uint32_t class)
{
	struct cordon_thread_settings settings = {.what = CORDON_THREAD_SET_CLASS,
	                                          .scheduling = class};
	uint64_t late[41];

	cordon_thread_set(CORDON_HANDLE_NONE, &settings);
	for (int i = 0; i < 41; i++) {
		uint64_t deadline = cordon_now() + 3 * MS;

		cordon_clock_sleep(deadline);
		late[i] = (cordon_now() - deadline) / 1000;
	}
	settings.scheduling = CORDON_THREAD_NORMAL;
	cordon_thread_set(CORDON_HANDLE_NONE, &settings);
	qsort(late, 41, sizeof(late[0]), compare);
	return late[20];
}

static void test_realtime(void)
{
	cordon_handle_t task;
	uint64_t normal, realtime;

	if (child_start(&(struct child){.arguments = {"hog", "0"}}, &task) < 0)
		tap_bail("no child");
	test_sleep_ms(50);
	pin(0);
	normal = lateness(CORDON_THREAD_NORMAL);
	realtime = lateness(CORDON_THREAD_REALTIME);
	tap_ok(realtime < 2000 && realtime * 2 < normal,
	       "a real-time thread that wakes does not wait for the end of a slice");
	tap_note("late by %llu us, a normal one by %llu us", (unsigned long long)realtime,
	         (unsigned long long)normal);
	cordon_task_kill(task, 0);
	child_wait(task);
	cordon_handle_close(task);
}

static void *by_itself(void *argument)
{
	((void (*)(void))(uintptr_t)argument)();
	return NULL;
}

/* On a thread of its own, because some pin themselves. */
static void apart(void (*test)(void))
{
	pthread_t thread;

	pthread_create(&thread, NULL, by_itself, (void *)(uintptr_t)test);
	pthread_join(thread, NULL);
}

static int child_main(char **argv)
{
	if (strcmp(argv[1], "memory") == 0)
		return child_memory(argv[2]);
	if (strcmp(argv[1], "device") == 0)
		return child_device();
	if (strcmp(argv[1], "hog") == 0)
		return child_hog(argv[2][0] == '1');
	return child_stress(argv);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "shares") != 0)
		return child_main(argv);
	cpus = (unsigned int)test_counter("cpus.running");
	if (argc > 1) { /* apart, because they need a clock that does not depend on the host */
		apart(test_shares);
		apart(test_weights);
		apart(test_realtime);
		return tap_done();
	}
	test_affinity();
	test_spread();
	expect_fault(&(struct child){.arguments = {"memory", "unmap"}},
	             "S3: memory that was unmapped is gone on every CPU");
	expect_fault(&(struct child){.arguments = {"memory", "protect"}},
	             "S3: a right that was taken away is gone on every CPU");
	test_device();
	test_stress();
	return tap_done();
}
