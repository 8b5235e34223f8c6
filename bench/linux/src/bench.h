// Shared helpers: time stamps, statistics, VFIO set-up. One result is one "R name value unit" line.
#pragma once
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>
#include <linux/vfio.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define tick() ((u64)__rdtsc())
#define die(...)                                                    \
	do {                                                        \
		printf("#FAIL %s:%d: ", __FILE__, __LINE__);        \
		printf(__VA_ARGS__);                                \
		printf(" (errno %d %s)\n", errno, strerror(errno)); \
		exit(1);                                            \
	} while (0)
#define must(x)                         \
	({                              \
		__typeof__(x) r_ = (x); \
		if ((long)r_ < 0)       \
			die("%s", #x);  \
		r_;                     \
	})

enum { K4 = 4096, M2 = 2 << 20 };
enum backing {
	SMALL,
	SCATTER,
	THP,
	HUGETLB
}; // SCATTER: 4 KiB pages, neighbours not contiguous in RAM

u64 now_ns(void);
double ticks_per_ns(void); // measured once per process
void val(const char *name, double v, const char *unit);
void stats(const char *name, u64 *a, size_t n); // min, median, p99, mean of ticks; sorts a
void *buf(size_t size, enum backing b);         // populated memory, 2 MiB aligned

// SCHED_IDLE thread that counts loops while the CPU has nothing else to do, so that
// waiting can be subtracted and the CPU never halts (a halt makes icount time jump).
struct spinner {
	volatile u64 n;
	volatile int stop;
	pthread_t t;
	double tick_per_loop;
};
void spin_start(struct spinner *s);
u64 spin_ticks(struct spinner *s, u64 from); // ticks spun since count `from`
void spin_stop(struct spinner *s);
int io_count(int max); // environment IOS, or max
void rt(int prio);     // SCHED_FIFO (0: back to normal)

struct vdev {
	int container, group, dev;
	volatile u8 *bar0;
	size_t bar0_size;
	u64 bar0_off, cfg_off;
};
void vfio_open(struct vdev *v, const char *bdf);
void vfio_close(struct vdev *v);
int vfio_map(struct vdev *v, void *va, u64 iova, u64 size);
int vfio_unmap(struct vdev *v, u64 iova, u64 size);
void vfio_irq(struct vdev *v, u32 index, u32 first, int *fds, u32 n);

static inline u32 rd32(volatile void *p)
{
	return *(volatile u32 *)p;
}
static inline void wr32(volatile void *p, u32 v)
{
	*(volatile u32 *)p = v;
}
