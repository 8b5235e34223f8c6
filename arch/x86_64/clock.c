/* SPDX-License-Identifier: MIT */
#define LOG_TAG "clock"
#include "clock.h"

#include <arch/mmio.h>
#include <cordon/errno.h>
#include <kernel/clock.h>
#include <kernel/log.h>

#include "apic.h"

#define NS_PER_SECOND UINT64_C(1000000000)
#define FS_PER_SECOND (NS_PER_SECOND * 1000000)

/* How long the measurement takes, and after how many ticks of the time stamp counter a reference
 * that does not move is given up: at 1 GHz a second, and less on faster processors. */
#define MEASURE_NS        (NS_PER_SECOND / 1000)
#define MEASURE_TICKS_MAX NS_PER_SECOND
#define MEASURE_TRIES     8

/* Faster than any processor's counter. */
#define TSC_HZ_PROVISIONAL (8 * NS_PER_SECOND)

/* High Precision Event Timer (IA-PC HPET 1.0a, 2.3). */
enum {
	HPET_CAPABILITIES = 0x00, /* bits 63:32: period in femtoseconds */
	HPET_CONFIGURATION = 0x10,
	HPET_COUNTER = 0xf0,
	HPET_SIZE = 0x400,
};
#define HPET_ENABLE     1u
#define HPET_PERIOD_MAX 100000000u

/* ACPI power management timer (ACPI 6.4, 4.8.3.3). */
#define PM_TIMER_HZ      3579545u
#define PM_TIMER_24_BITS 0xffffffu

/* A counter of known rate. */
struct reference {
	const char *name;
	volatile uint8_t *hpet; /* NULL: the PM timer at port */
	uint16_t port;
	uint32_t mask; /* bits of the counter that count */
	uint64_t hz;
};

/* All counters at about the same moment. */
struct sample {
	uint64_t tsc;
	uint32_t reference;
	uint32_t apic;
};

static uint64_t tsc_hz = TSC_HZ_PROVISIONAL;
static uint64_t ns_per_tick = (NS_PER_SECOND << 32) / TSC_HZ_PROVISIONAL; /* 32.32 */
static uint64_t ns_offset; /* of clock_now from what the counter alone would say; may be negative */
static uint64_t realtime_start;

uint64_t clock_scale(uint64_t value, uint64_t factor)
{
	return (uint64_t)((unsigned __int128)value * factor >> 32);
}

uint64_t clock_now(void)
{
	return clock_scale(arch_timestamp(), ns_per_tick) + ns_offset;
}

uint64_t clock_realtime(void)
{
	return realtime_start + clock_now();
}

uint64_t clock_tsc_hz(void)
{
	return tsc_hz;
}

static uint32_t reference_read(const struct reference *reference)
{
	uint32_t value = reference->hpet != NULL ? mmio_read32(reference->hpet + HPET_COUNTER)
	                                         : port_read32(reference->port);

	return value & reference->mask;
}

/* The host or firmware may take the CPU away between two reads: of a few tries, the quickest
 * counts. */
static struct sample take_sample(const struct reference *reference)
{
	uint64_t best = UINT64_MAX;
	struct sample result = {0};

	for (int i = 0; i < MEASURE_TRIES; i++) {
		uint64_t before = arch_timestamp();
		uint32_t value = reference_read(reference);
		uint32_t apic = apic_timer_count();
		uint64_t after = arch_timestamp();

		if (after - before < best) {
			best = after - before;
			result = (struct sample){before + best / 2, value, apic};
		}
	}
	return result;
}

static int measure(const struct reference *reference)
{
	uint32_t wanted = (uint32_t)(reference->hz * MEASURE_NS / NS_PER_SECOND);
	struct sample first, last;
	uint64_t begin, elapsed, now;

	apic_timer_start(UINT32_MAX);
	first = take_sample(reference);
	begin = arch_timestamp();
	while (((reference_read(reference) - first.reference) & reference->mask) < wanted) {
		if (arch_timestamp() - begin > MEASURE_TICKS_MAX)
			return -ENODEV;
		arch_cpu_relax();
	}
	last = take_sample(reference);
	apic_timer_start(0);

	elapsed = (last.reference - first.reference) & reference->mask;
	now = clock_now();
	tsc_hz = (last.tsc - first.tsc) * reference->hz / elapsed;
	ns_per_tick = (NS_PER_SECOND << 32) / tsc_hz;
	ns_offset = 0;
	ns_offset = now - clock_now(); /* it goes on where it was */
	timer_set_rate((uint64_t)(first.apic - last.apic) * reference->hz / elapsed);
	return 0;
}

static int measure_hpet(paddr_t base)
{
	struct reference reference = {.name = "HPET", .mask = UINT32_MAX};
	uint32_t period;
	uint32_t configuration;
	int error = -ENODEV;

	reference.hpet = mmio_map(base, HPET_SIZE);
	if (reference.hpet == NULL) {
		log_warn("no memory to map the HPET");
		return -ENOMEM;
	}
	period = mmio_read32(reference.hpet + HPET_CAPABILITIES + 4);
	if (period != 0 && period <= HPET_PERIOD_MAX) {
		reference.hz = FS_PER_SECOND / period;
		configuration = mmio_read32(reference.hpet + HPET_CONFIGURATION);
		mmio_write32(reference.hpet + HPET_CONFIGURATION, configuration | HPET_ENABLE);
		error = measure(&reference);
		mmio_write32(reference.hpet + HPET_CONFIGURATION, configuration);
	}
	mmio_unmap((void *)(uintptr_t)reference.hpet, HPET_SIZE);
	return error;
}

static int measure_pm_timer(uint16_t port, bool wide)
{
	struct reference reference = {
	        .name = "PM timer",
	        .port = port,
	        .mask = wide ? UINT32_MAX : PM_TIMER_24_BITS,
	        .hz = PM_TIMER_HZ,
	};

	return measure(&reference);
}

int clock_init(const struct arch_platform *platform)
{
	const char *name = "HPET";
	uint64_t now;
	int error = -ENODEV;

	if (platform->hpet.raw != 0)
		error = measure_hpet(platform->hpet);
	if (error != 0 && platform->pm_timer_port != 0) {
		name = "PM timer";
		error = measure_pm_timer((uint16_t)platform->pm_timer_port,
		                         platform->pm_timer_32bit);
	}
	if (error != 0) {
		log_error("no working HPET or PM timer to measure the processor's clock with");
		return error;
	}
	now = clock_now();
	realtime_start = cmos_time();
	realtime_start -= realtime_start != 0 ? now : 0;
	log_debug("time stamp counter at %llu kHz, measured by the %s",
	          (unsigned long long)(tsc_hz / 1000), name);
	return 0;
}
