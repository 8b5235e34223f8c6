/* SPDX-License-Identifier: MIT */
/*
 * The attacker is stepped through its attacks one by one. Three pages are watched all the
 * time: one of the kernel, one of this task, and the one that the attacker was given; after
 * each step it is told for all three, byte by byte, whether they changed.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <tasks/attack/attack.h>
#include <vfio/mmio.h>
#include <vfio/pci.h>

#include "child.h"
#include "step.h"
#include "witness.h"

enum watched {
	KERNEL_PAGE,
	OWN_PAGE,   /* of this task: another task, for the attacker */
	GIVEN_PAGE, /* the attacker has a handle to it */
	WATCHED_COUNT,
};

struct scene {
	const struct demo *demo;
	struct child child;
	cordon_handle_t memory[WATCHED_COUNT]; /* none for the kernel's */
	uint8_t *bytes[WATCHED_COUNT];         /* where we see it; null for the kernel's */
	struct witness pages[WATCHED_COUNT];
	uint32_t group; /* edu's */
};

/*
 * Between "go" and the access of the in-flight write lie two transfers of 100 ms each. When
 * the attacker is dead before that, the write was certainly under way.
 */
#define IN_FLIGHT_NS       UINT64_C(200000000)
#define IN_FLIGHT_ATTEMPTS 3

/* Longer than a transfer takes: what was under way has arrived or never will. */
#define SETTLE_NS UINT64_C(300000000)

#define NAME_MAX_BYTES 64

static int make_page(struct scene *scene, enum watched which)
{
	struct cordon_memory_map map = {
	        .size = CORDON_PAGE_SIZE,
	        .prot = CORDON_PROT_READ | CORDON_PROT_WRITE,
	};
	cordon_handle_t *memory = &scene->memory[which];
	int result = (int)cordon_memory_create(CORDON_PAGE_SIZE, 0, memory);

	if (result == 0)
		result = (int)cordon_memory_map(*memory, &map);
	if (result < 0)
		return result;
	scene->bytes[which] = (uint8_t *)(uintptr_t)map.address;
	return (int)cordon_system_memory_address(scene->demo->inspect, *memory, 0,
	                                         &scene->pages[which].physical);
}

static int find_group(struct scene *scene)
{
	struct vfio_match match = vfio_match_id(0x1234, 0x11e8);
	struct cordon_device_desc desc;
	int64_t result;

	for (uint32_t i = 0;
	     (result = cordon_group_function(scene->demo->edu_group, i, &desc)) == 0; i++) {
		if (vfio_match_device(&match, &desc)) {
			scene->group = desc.group;
			return 0;
		}
	}
	return (int)result;
}

static int prepare(struct scene *scene)
{
	int result = find_group(scene);

	scene->pages[KERNEL_PAGE].name = "the kernel's page";
	scene->pages[OWN_PAGE].name = "another task's page";
	scene->pages[GIVEN_PAGE].name = "the attacker's page";
	if (result == 0)
		result = (int)cordon_system_canary(scene->demo->inspect,
		                                   &scene->pages[KERNEL_PAGE].physical);
	if (result == 0)
		result = make_page(scene, OWN_PAGE);
	if (result == 0)
		result = make_page(scene, GIVEN_PAGE);
	return result;
}

/* Before each move our pages get fresh bytes, which the attacker never writes: a write that
 * gets through is seen even when it repeats an earlier one. */
static int record_all(struct scene *scene)
{
	int result = 0;

	for (int i = 0; i < WATCHED_COUNT && result == 0; i++) {
		for (uint32_t k = 0; scene->bytes[i] && k < CORDON_PAGE_SIZE; k++)
			scene->bytes[i][k] = (uint8_t)~attack_byte(k);
		vfio_order();
		result = witness_record(scene->demo, &scene->pages[i]);
	}
	return result;
}

/* "NAME: what" as the name of a step. */
static const char *step_name(char text[NAME_MAX_BYTES], const char *name, const char *what)
{
	snprintf(text, NAME_MAX_BYTES, "%s: %s", name, what);
	return text;
}

#define ALL_PAGES ((1u << WATCHED_COUNT) - 1)

/* One step for the pages of mask (bits of enum watched): not a byte differs. */
static bool check_unchanged(struct scene *scene, const char *name, unsigned int mask)
{
	const char *what = mask == ALL_PAGES ? "bytes unchanged" : "other pages unchanged";
	char text[NAME_MAX_BYTES];
	const char *which = "";
	int changes = 0;

	for (int i = 0; i < WATCHED_COUNT && changes == 0; i++) {
		if (!(mask & 1u << i))
			continue;
		changes = witness_changes(scene->demo, &scene->pages[i]);
		which = scene->pages[i].name;
	}
	return step_result(changes == 0, step_name(text, name, what), "%d bytes of %s changed",
	                   changes, which);
}

/* The control: exactly the bytes that the device was allowed to write are the new ones. */
static bool check_written(struct scene *scene, const char *name)
{
	const struct witness *page = &scene->pages[GIVEN_PAGE];
	uint8_t now[CORDON_PAGE_SIZE];
	char text[NAME_MAX_BYTES];
	uint32_t wrong = 0;

	if (cordon_system_memory_read(scene->demo->inspect, page->physical, now, sizeof(now)) < 0)
		wrong = CORDON_PAGE_SIZE;
	for (uint32_t i = 0; wrong == 0 && i < CORDON_PAGE_SIZE; i++)
		wrong += now[i] != (i < ATTACK_BYTES ? attack_byte(i) : page->before[i]);
	check_unchanged(scene, name, ALL_PAGES & ~(1u << GIVEN_PAGE));
	return step_result(wrong == 0, step_name(text, name, "permitted bytes written"),
	                   "%s does not hold what the device wrote", page->name);
}

/* The page that the device read is not what it then told. */
static bool check_secret(struct scene *scene, const char *name)
{
	const uint8_t *secret = scene->pages[KERNEL_PAGE].before;
	uint8_t told[ATTACK_BYTES];
	char text[NAME_MAX_BYTES];
	unsigned int same = 0;
	int64_t result = cordon_system_memory_read(
	        scene->demo->inspect, scene->pages[GIVEN_PAGE].physical, told, sizeof(told));

	for (uint32_t i = 0; i < ATTACK_BYTES; i++)
		same += told[i] == secret[i];
	return step_result(result >= 0 && same < ATTACK_BYTES / 2,
	                   step_name(text, name, "bytes not disclosed"),
	                   "%u of %u bytes are the kernel's", same, ATTACK_BYTES);
}

static void check_fault(struct scene *scene, const char *name, uint64_t iova, bool write,
                        uint64_t since)
{
	struct expected_fault expected = {
	        .group = scene->group,
	        .page = iova,
	        .write = write,
	        .since = since,
	};
	char text[NAME_MAX_BYTES];

	step_name(text, name, "fault attributed");
	if (!witness_faults_reported(scene->demo)) {
		step_left_out(text, "this IOMMU reports no faults");
		return;
	}
	step_result(witness_fault(scene->demo, &scene->child, &expected), text,
	            "no record of a refused %s of 0x%" PRIx64 " by %s", write ? "write" : "read",
	            iova, scene->child.name);
}

/* -ECANCELED: the attacker has said itself what it could not do. */
static const char *failure(int result)
{
	return result == -ECANCELED ? "the attacker ended early" : cordon_strerror(result);
}

/* Lets the paused attacker make its next move. True when it pauses again. */
static bool next_move(struct scene *scene, const char *name, uint64_t *since)
{
	char text[NAME_MAX_BYTES];
	int result = record_all(scene);

	*since = cordon_now();
	if (result == 0)
		result = child_go(&scene->child);
	if (result == 0)
		result = child_await(&scene->child);
	if (result == CHILD_PAUSED)
		return true;
	return step_result(false, step_name(text, name, "carried out"), "%s",
	                   failure(result == CHILD_ENDED ? -ECANCELED : result));
}

static void refused(struct scene *scene, const char *name, uint64_t iova)
{
	uint64_t since;

	if (!next_move(scene, name, &since))
		return;
	check_unchanged(scene, name, ALL_PAGES);
	check_fault(scene, name, iova, true, since);
}

static void control(struct scene *scene, const char *name)
{
	uint64_t since;

	if (next_move(scene, name, &since))
		check_written(scene, name);
}

static void secret(struct scene *scene, const char *name)
{
	uint64_t since;

	if (!next_move(scene, name, &since))
		return;
	check_unchanged(scene, name, ALL_PAGES & ~(1u << GIVEN_PAGE));
	check_secret(scene, name);
	check_fault(scene, name, scene->pages[KERNEL_PAGE].physical, false, since);
}

static int start_attacker(struct scene *scene, const char *const *steps)
{
	struct child_program program = {
	        .path = "/bin/attack",
	        .name = "attack",
	        .group = scene->demo->edu_group,
	        .page = scene->memory[GIVEN_PAGE],
	};
	int result;

	for (int i = 0; steps[i]; i++)
		program.args[i] = steps[i];
	result = child_start(scene->demo, &program, &scene->child);
	if (result == 0)
		result = child_await(&scene->child);
	if (result == CHILD_ENDED) {
		child_close(&scene->child);
		return -ECANCELED;
	}
	if (result < 0)
		child_close(&scene->child);
	return result;
}

static void run_attacks(struct scene *scene)
{
	char kernel_write[32], kernel_read[32], other_write[32], nowhere[32];
	const char *const steps[] = {
	        ATTACK_PERMITTED, kernel_write,     kernel_read,        other_write,
	        nowhere,          ATTACK_READ_ONLY, ATTACK_AFTER_UNMAP, NULL,
	};
	uint64_t kernel = scene->pages[KERNEL_PAGE].physical;
	uint64_t other = scene->pages[OWN_PAGE].physical;
	char why[CHILD_WHY_MAX];
	int result;

	snprintf(kernel_write, sizeof(kernel_write), ATTACK_WRITE "=0x%" PRIx64, kernel);
	snprintf(kernel_read, sizeof(kernel_read), ATTACK_READ "=0x%" PRIx64, kernel);
	snprintf(other_write, sizeof(other_write), ATTACK_WRITE "=0x%" PRIx64, other);
	snprintf(nowhere, sizeof(nowhere), ATTACK_WRITE "=0x%" PRIx64, ATTACK_NO_IOVA);
	result = start_attacker(scene, steps);
	if (!step_result(result == 0, "attack-opens-its-device", "%s", failure(result)))
		return;
	demo_print_holders(scene->demo);
	step_result(demo_group_is_held(scene->demo, scene->demo->edu_group, scene->child.id),
	            "attack-holds-its-device", "the kernel names another holder");

	printf("  the device of attack writes 64 bytes to each place below\n");
	control(scene, "page-mapped-for-writing");
	refused(scene, "page-of-the-kernel", kernel);
	secret(scene, "page-of-the-kernel-read");
	refused(scene, "page-of-another-task", other);
	refused(scene, "unmapped-address", ATTACK_NO_IOVA);
	refused(scene, "page-mapped-read-only", ATTACK_SECOND_IOVA);
	control(scene, "page-before-unmap");
	refused(scene, "page-after-unmap", ATTACK_PAGE_IOVA);
	child_go(&scene->child);
	result = child_finish(&scene->child, why);
	step_result(result == 0, "attack-ends", "%s", why);
	child_close(&scene->child);
}

/* The control: the same write, and the attacker lives. */
static bool let_arrive(struct scene *scene)
{
	uint64_t since;

	if (!next_move(scene, "in-flight", &since))
		return false;
	cordon_clock_sleep(cordon_now() + SETTLE_NS);
	return check_written(scene, "in-flight");
}

/* Returns 1 when the attacker was dead before its write was due, 0 when it was too late to
 * tell, or an error number. */
static int kill_in_flight(struct scene *scene)
{
	uint64_t start;
	int result = record_all(scene);

	start = cordon_now();
	if (result == 0)
		result = child_go(&scene->child);
	if (result == 0)
		result = child_await(&scene->child);
	if (result == CHILD_ENDED)
		result = -ECANCELED;
	if (result == 0)
		result = child_kill(&scene->child);
	if (result == 0)
		result = cordon_now() - start < IN_FLIGHT_NS;
	cordon_clock_sleep(cordon_now() + SETTLE_NS);
	return result;
}

static void run_in_flight(struct scene *scene)
{
	static const char *const steps[] = {ATTACK_IN_FLIGHT, ATTACK_IN_FLIGHT, NULL};
	const char *name = "killed-in-flight: carried out";
	int result = 0;

	for (int i = 0; i < IN_FLIGHT_ATTEMPTS && result == 0; i++) {
		result = start_attacker(scene, steps);
		if (result < 0)
			break;
		result = i > 0 || let_arrive(scene) ? kill_in_flight(scene) : -ECANCELED;
		child_close(&scene->child);
	}
	if (step_result(result == 1, name, "%s",
	                result == 0 ? "this machine is too slow to tell" : failure(result)))
		check_unchanged(scene, "killed-in-flight", ALL_PAGES);
}

void demo_attacks(const struct demo *demo)
{
	static struct scene scene;
	int result;

	scene.demo = demo;
	for (int i = 0; i < WATCHED_COUNT; i++)
		scene.memory[i] = CORDON_HANDLE_NONE;
	step_heading("a device turned against everybody else by the isolated task attack");
	result = prepare(&scene);
	if (!step_result(result == 0, "pages-are-watched", "%s", cordon_strerror(result)))
		return;
	run_attacks(&scene);
	step_heading("a task killed in the middle of its device's write");
	run_in_flight(&scene);
}
