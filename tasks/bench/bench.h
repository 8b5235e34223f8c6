/* SPDX-License-Identifier: MIT */
/* Measurements in ticks of rdtsc, which under QEMU's icount are guest instructions. */
#ifndef BENCH_H
#define BENCH_H

#include <cordon/rt.h>
#include <stddef.h>
#include <stdint.h>

#define SAMPLES_MAX 20000

static inline uint64_t bench_tick(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
	return (uint64_t)high << 32 | low;
}

/* Room for samples; touched before any measurement, so that no measurement faults. */
extern uint64_t bench_a[SAMPLES_MAX], bench_b[SAMPLES_MAX];

/* Prints "bench: NAME VALUE insn", less what two readings of the clock cost. */
void bench_value(const char *name, uint64_t value);

/* Prints the median; sorts the samples. */
void bench_median(const char *name, uint64_t *samples, size_t count);

/* Ends the program as failed when a system call failed: figures of errors mean nothing. */
void bench_must(const char *what, int64_t result);

/* Starts the other task of a round trip; without handles it ends at once (threads.c). */
cordon_handle_t bench_partner(const struct cordon_spawn_handle *gives, uint32_t count);

void bench_boot(cordon_handle_t inspect);   /* boot.c */
void bench_calls(void);                     /* calls.c */
void bench_threads(void);                   /* threads.c: needs the archive */
void bench_channels(void);                  /* channels.c: the same */
void bench_maps(cordon_handle_t container); /* maps.c */
int bench_edu(cordon_handle_t group);       /* edu.c: opens edu; also runs bench_maps */
int bench_nvme(cordon_handle_t group);      /* nvme.c */

#endif
