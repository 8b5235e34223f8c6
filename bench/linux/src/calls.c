// System calls without a device.
#include "bench.h"

enum { N = 5000 };
static u64 A[N];

int calls_main(void)
{
	memset(A, 1, sizeof A); // no page faults inside the loops
	for (int i = 0; i < N; i++) {
		u64 t = tick();
		syscall(SYS_getpid);
		A[i] = tick() - t;
	}
	stats("sys.null", A, N);
	for (int i = 0; i < N; i++) {
		u64 t = tick();
		void *p = mmap(0, K4, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		*(volatile char *)p = 1;
		munmap(p, K4);
		A[i] = tick() - t;
	}
	stats("sys.mmap_touch_munmap_4k", A, N);
	return 0;
}
