/* SPDX-License-Identifier: MIT */
/*
 * A device writes interrupt messages by DMA (S6). The argument says what the platform is known to
 * do with messages in compatibility format: "blocked", or "delivered", where no one checks them; in
 * both cases the kernel goes on, and counts what nobody asked for.
 */
#include <string.h>

#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>
#include <tests/guest/vfio/edu.h>

#define PAGE CORDON_PAGE_SIZE

/* Messages to the CPU that booted (Intel SDM 3, 11.11; VT-d 5.1.2.2). */
#define MESSAGE          UINT64_C(0xfee00000)
#define MESSAGE_REMAP    0x10u
#define MESSAGE_INDEX(i) ((uint64_t)(i) << 5)
#define DELIVER_NMI      0x400u

#define NOBODYS_VECTOR  0xe0u
#define TIMER_VECTOR    0xf0u
#define SPURIOUS_VECTOR 0xffu

/* Transfers wait while they sleep, so that the interrupt comes in user mode and in idle. */
#define TIMES 2

static struct edu edu;
static cordon_handle_t memory;
static uint8_t *bytes;

static void send(uint64_t address, uint32_t data)
{
	memcpy(bytes, &data, sizeof(data));
	edu_fetch(&edu, 0, sizeof(data));
	edu_store(&edu, address, sizeof(data));
}

/* Sends a message; how many interrupts more nobody had asked for afterwards. */
static uint64_t counted(uint64_t address, uint32_t data)
{
	uint64_t before = test_counter("irq.spurious");

	for (int i = 0; i < TIMES; i++)
		send(address, data);
	return test_counter("irq.spurious") - before;
}

static void test_compatibility(bool delivered)
{
	static const struct {
		const char *name;
		uint32_t data;
	} messages[] = {
	        {"a vector that nobody has", NOBODYS_VECTOR},
	        {"the spurious vector", SPURIOUS_VECTOR},
	        {"an NMI", DELIVER_NMI},
	};
	uint64_t expected = delivered ? TIMES : 0;

	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		tap_is((int64_t)counted(MESSAGE, messages[i].data), (int64_t)expected,
		       "S6: a forged message for %s is %s", messages[i].name,
		       delivered ? "survived and counted" : "blocked");
}

/* Where they are delivered they wait for ever: the task priority holds them back. */
static void test_exceptions(void)
{
	for (uint32_t vector = 0x10; vector < 0x20; vector += 5)
		tap_is((int64_t)counted(MESSAGE, vector), 0,
		       "S6: a forged message for exception %u does not arrive",
		       (unsigned int)vector);
}

static void test_timer(void)
{
	uint64_t before = cordon_now();

	send(MESSAGE, TIMER_VECTOR);
	tap_ok(cordon_now() > before, "S6: time goes on after a forged timer interrupt");
	test_sleep_ms(20);
	tap_ok(cordon_now() > before + 20000000, "S6: and who sleeps wakes up");
}

static void test_remappable(void)
{
	tap_is((int64_t)counted(MESSAGE | MESSAGE_REMAP | MESSAGE_INDEX(200), 0), 0,
	       "S6: a message for an absent remapping entry is blocked");
}

int main(int argc, char **argv)
{
	struct cordon_dma_map map = {.iova = 0, .size = PAGE, .flags = CORDON_DMA_READ};

	if (argc != 2 || (strcmp(argv[1], "blocked") != 0 && strcmp(argv[1], "delivered") != 0))
		tap_bail("usage: forge blocked|delivered");
	edu_start(&edu);
	bytes = test_memory(PAGE, 0, &memory);
	map.memory = memory;
	if (cordon_container_map(edu.container, &map))
		tap_bail("map failed");
	test_compatibility(strcmp(argv[1], "delivered") == 0);
	test_exceptions();
	test_timer();
	test_remappable();
	edu_stop(&edu);
	return tap_done();
}
