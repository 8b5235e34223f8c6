#include "bench.h"

u64 now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

double ticks_per_ns(void)
{
	static double r;
	if (!r) {
		u64 n0 = now_ns(), t0 = tick(), n1, t1;
		do {
			n1 = now_ns();
			t1 = tick();
		} while (n1 - n0 < 100000000);
		r = (double)(t1 - t0) / (n1 - n0);
	}
	return r;
}

void val(const char *name, double v, const char *unit)
{
	printf("R %s %.*f %s\n", name, v == (u64)v ? 0 : v < 100 ? 4 : 1, v, unit);
}

static int cmp(const void *a, const void *b)
{
	u64 x = *(u64 *)a, y = *(u64 *)b;
	return x < y ? -1 : x > y;
}

void stats(const char *name, u64 *a, size_t n)
{
	char s[128];
	double sum = 0;
	qsort(a, n, sizeof *a, cmp);
	for (size_t i = 0; i < n; i++)
		sum += a[i];
	struct {
		const char *k;
		double v;
	} o[] = {
	        {"min", a[0]},
	        {"median", a[n / 2]},
	        {"p99", a[n * 99 / 100]},
	        {"mean", sum / n},
	};
	for (int i = 0; i < 4; i++) {
		snprintf(s, sizeof s, "%s.%s", name, o[i].k);
		val(s, o[i].v, "tick");
	}
	if (getenv("ICOUNT"))
		return; // a tick is an instruction then
	snprintf(s, sizeof s, "%s.median_ns", name);
	val(s, a[n / 2] / ticks_per_ns(), "ns");
}

void *buf(size_t size, enum backing b)
{
	size_t len = (size + M2 - 1) / M2 * M2;
	int fl = MAP_PRIVATE | MAP_ANONYMOUS;
	char *p;
	if (b == HUGETLB) {
		p = mmap(0, len, PROT_READ | PROT_WRITE, fl | MAP_HUGETLB, -1, 0);
		if (p == MAP_FAILED)
			die("hugetlb %zu", len);
	} else {
		p = mmap(0, len + M2, PROT_READ | PROT_WRITE, fl, -1, 0);
		if (p == MAP_FAILED)
			die("mmap %zu", len);
		p = (char *)(((uintptr_t)p + M2 - 1) / M2 * M2);
		madvise(p, len, b == THP ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	}
	if (b == SCATTER) // even pages first: the allocator hands out runs
		for (size_t i = 0; i < len; i += 2 * K4)
			p[i] = 1;
	for (size_t i = 0; i < len; i += K4)
		p[i] = 1;
	return p;
}

static void *spin(void *arg)
{
	struct spinner *s = arg;
	struct sched_param z = {0};
	sched_setscheduler(0, SCHED_IDLE, &z);
	while (!s->stop)
		asm volatile("mov $1000, %%ecx\n1: incq %0\n dec %%ecx\n jnz 1b"
		             : "+m"(s->n)
		             :
		             : "ecx", "cc");
	return 0;
}

void spin_start(struct spinner *s)
{
	struct timespec d = {0, 20000000};
	memset(s, 0, sizeof *s);
	pthread_create(&s->t, 0, spin, s);
	nanosleep(&d, 0);
	// Ticks per loop over a longer stretch, timer ticks included: they go on during waits too.
	struct timespec w = {0, 400000000};
	u64 t = tick(), n = s->n;
	nanosleep(&w, 0);
	s->tick_per_loop = (double)(tick() - t) / (s->n - n);
}

u64 spin_ticks(struct spinner *s, u64 from)
{
	return (s->n - from) * s->tick_per_loop;
}

void spin_stop(struct spinner *s)
{
	s->stop = 1;
	pthread_join(s->t, 0);
}

int io_count(int max)
{
	char *e = getenv("IOS");
	int n = e ? atoi(e) : max;
	return n < 100 || n > max ? max : n;
}

void rt(int prio)
{
	struct sched_param p = {.sched_priority = prio};
	sched_setscheduler(0, prio ? SCHED_FIFO : SCHED_OTHER, &p);
}

void vfio_open(struct vdev *v, const char *bdf)
{
	char p[256], l[256];
	struct vfio_group_status st = {.argsz = sizeof st};
	struct vfio_region_info ri = {.argsz = sizeof ri};
	u16 cmd;

	snprintf(p, sizeof p, "/sys/bus/pci/devices/%s/iommu_group", bdf);
	l[must(readlink(p, l, sizeof l - 1))] = 0;
	snprintf(p, sizeof p, "/dev/vfio%s", strrchr(l, '/'));
	v->container = must(open("/dev/vfio/vfio", O_RDWR));
	v->group = must(open(p, O_RDWR));
	must(ioctl(v->group, VFIO_GROUP_GET_STATUS, &st));
	if (!(st.flags & VFIO_GROUP_FLAGS_VIABLE))
		die("group not viable");
	must(ioctl(v->group, VFIO_GROUP_SET_CONTAINER, &v->container));
	must(ioctl(v->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU));
	v->dev = must(ioctl(v->group, VFIO_GROUP_GET_DEVICE_FD, bdf));

	ri.index = VFIO_PCI_CONFIG_REGION_INDEX;
	must(ioctl(v->dev, VFIO_DEVICE_GET_REGION_INFO, &ri));
	v->cfg_off = ri.offset;
	must(pread(v->dev, &cmd, 2, v->cfg_off + 4));
	cmd |= 6; // memory decode, bus master
	must(pwrite(v->dev, &cmd, 2, v->cfg_off + 4));

	ri.index = VFIO_PCI_BAR0_REGION_INDEX;
	must(ioctl(v->dev, VFIO_DEVICE_GET_REGION_INFO, &ri));
	v->bar0_off = ri.offset;
	v->bar0_size = ri.size;
	v->bar0 = mmap(0, ri.size, PROT_READ | PROT_WRITE, MAP_SHARED, v->dev, ri.offset);
	if (v->bar0 == MAP_FAILED)
		die("mmap BAR0");
}

void vfio_close(struct vdev *v)
{
	munmap((void *)v->bar0, v->bar0_size);
	close(v->dev);
	close(v->group);
	close(v->container);
}

int vfio_map(struct vdev *v, void *va, u64 iova, u64 size)
{
	struct vfio_iommu_type1_dma_map m = {
	        .argsz = sizeof m,
	        .flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
	        .vaddr = (uintptr_t)va,
	        .iova = iova,
	        .size = size,
	};
	return ioctl(v->container, VFIO_IOMMU_MAP_DMA, &m);
}

int vfio_unmap(struct vdev *v, u64 iova, u64 size)
{
	struct vfio_iommu_type1_dma_unmap u = {.argsz = sizeof u, .iova = iova, .size = size};
	return ioctl(v->container, VFIO_IOMMU_UNMAP_DMA, &u);
}

void vfio_irq(struct vdev *v, u32 index, u32 first, int *fds, u32 n)
{
	char b[sizeof(struct vfio_irq_set) + 16 * sizeof(int)];
	struct vfio_irq_set *s = (void *)b;
	s->argsz = sizeof *s + n * sizeof(int);
	s->flags = VFIO_IRQ_SET_ACTION_TRIGGER |
	           (n ? VFIO_IRQ_SET_DATA_EVENTFD : VFIO_IRQ_SET_DATA_NONE);
	s->index = index;
	s->start = first;
	s->count = n;
	memcpy(s->data, fds, n * sizeof(int));
	must(ioctl(v->dev, VFIO_DEVICE_SET_IRQS, s));
}
