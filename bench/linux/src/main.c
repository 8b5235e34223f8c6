// One program for all parts; the guest's shell script says which.
#include "bench.h"

int edu_main(const char *bdf, const char *what);
int nvme_main(const char *bdf);
int calls_main(void);
int ipc_main(void);

int main(int c, char **a)
{
	setvbuf(stdout, 0, _IOFBF, 1 << 16); // the slow console stays out of the timings
	if (c == 4 && !strcmp(a[1], "edu"))
		return edu_main(a[2], a[3]);
	if (c == 3 && !strcmp(a[1], "nvme"))
		return nvme_main(a[2]);
	if (c == 2 && !strcmp(a[1], "calls"))
		return calls_main();
	if (c == 2 && !strcmp(a[1], "ipc"))
		return ipc_main();
	printf("usage: bench edu BDF open|map|mmio | nvme BDF | calls | ipc\n");
	return 1;
}
