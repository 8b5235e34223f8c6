// VFIO costs measured on QEMU's edu device: mapping, MMIO, interrupts, DMA and faults.
#include "bench.h"

#define IOVA 0x10000000ull

static u64 *A, *B; // sample arrays

static void map_one(struct vdev *v, const char *tag, u64 size, enum backing b, int n, int keep)
{
	char s[96];
	char *p = buf(size + (keep ? K4 : 0), b);
	u64 w0, w1;
	if (keep)
		must(vfio_map(v, p + size, IOVA + size, K4)); // keeps the page-table pages alive
	for (int i = 0; i < 3 && size <= M2; i++) {
		must(vfio_map(v, p, IOVA, size));
		must(vfio_unmap(v, IOVA, size));
	}
	w0 = now_ns();
	for (int i = 0; i < n; i++) {
		u64 t0 = tick();
		int r = vfio_map(v, p, IOVA, size);
		u64 t1 = tick();
		int q = vfio_unmap(v, IOVA, size);
		u64 t2 = tick();
		if (r | q)
			die("map %s", tag);
		A[i] = t1 - t0;
		B[i] = t2 - t1;
	}
	w1 = now_ns();
	if (keep)
		must(vfio_unmap(v, IOVA + size, K4));
	int slow = 0;
	for (int i = 1; i < n; i++)
		if (A[i] > A[slow])
			slow = i;
	snprintf(s, sizeof s, "map.%s.slowest_iteration", tag);
	val(s, slow, "index");
	snprintf(s, sizeof s, "map.%s", tag);
	stats(s, A, n);
	snprintf(s, sizeof s, "unmap.%s", tag);
	stats(s, B, n);
	snprintf(s, sizeof s, "map+unmap.%s.clock_mean", tag);
	val(s, (double)(w1 - w0) / n, "ns");
	munmap(p, (size + (keep ? K4 : 0) + M2 - 1) / M2 * M2);
}

static void map_scale(struct vdev *v, int n)
{
	char s[96];
	char *p = buf((u64)n * K4, SMALL);
	u64 ma = 0, mb = 0;
	for (int i = 0; i < n; i++) {
		u64 t0 = tick();
		if (vfio_map(v, p + (u64)i * K4, IOVA + (u64)i * K4, K4))
			die("map %d", i);
		ma += A[i] = tick() - t0;
	}
	for (int i = 0; i < n; i++) {
		u64 t0 = tick();
		if (vfio_unmap(v, IOVA + (u64)i * K4, K4))
			die("unmap %d", i);
		mb += B[i] = tick() - t0;
	}
	// All of them again, dropped by one call.
	for (int i = 0; i < n; i++)
		if (vfio_map(v, p + (u64)i * K4, IOVA + (u64)i * K4, K4))
			die("map %d", i);
	struct vfio_iommu_type1_dma_unmap u = {.argsz = sizeof u, .flags = VFIO_DMA_UNMAP_FLAG_ALL};
	u64 ta = tick();
	must(ioctl(v->container, VFIO_IOMMU_UNMAP_DMA, &u));
	ta = tick() - ta;
	munmap(p, ((u64)n * K4 + M2 - 1) / M2 * M2);
	snprintf(s, sizeof s, "scale%d.unmap_all_per_page", n);
	val(s, (double)ta / n, "tick");
	snprintf(s, sizeof s, "map.last10pct_%d", n);
	stats(s, A + n - n / 10, n / 10);
	snprintf(s, sizeof s, "scale%d.map_mean", n);
	val(s, (double)ma / n, "tick");
	snprintf(s, sizeof s, "unmap.first10pct_%d", n);
	stats(s, B, n / 10);
	snprintf(s, sizeof s, "scale%d.unmap_mean", n);
	val(s, (double)mb / n, "tick");
}

static void maps(struct vdev *v)
{
	map_one(v, "4k", K4, SMALL, 2000, 0);
	map_one(v, "64k_contig", 16 * K4, SMALL, 1000, 0);
	map_one(v, "64k_scatter", 16 * K4, SCATTER, 1000, 0);
	map_one(v, "2m_small", M2, SMALL, 100, 0);
	map_one(v, "2m_hugetlb", M2, HUGETLB, 200, 0);
	map_one(v, "64m_hugetlb", 32ull * M2, HUGETLB, 20, 0);
	map_one(v, "512m_hugetlb", 256ull * M2, HUGETLB, 5, 0);
	map_scale(v, 10000);
}

static void mmio(struct vdev *v)
{
	enum { N = 5000 };
	u32 x, sum = 0;
	u64 w0 = now_ns(), w1;
	if (rd32(v->bar0) != 0x010000ed)
		die("edu id %x", rd32(v->bar0));
	for (int i = 0; i < N; i++) {
		u64 t = tick();
		sum += rd32(v->bar0 + 4);
		A[i] = tick() - t;
	}
	w1 = now_ns();
	stats("mmio.map_read32", A, N);
	val("mmio.mmap_read32.clock_mean", (double)(w1 - w0) / N, "ns");
	for (int i = 0; i < N; i++) {
		u64 t = tick();
		wr32(v->bar0 + 4, i);
		A[i] = tick() - t;
	}
	stats("mmio.mmap_write32", A, N);
	for (int i = 0; i < N; i++) {
		u64 t = tick();
		pread(v->dev, &x, 4, v->bar0_off + 4);
		A[i] = tick() - t;
	}
	stats("mmio.region_read32", A, N);
	for (int i = 0; i < N; i++) {
		u64 t = tick();
		pwrite(v->dev, &x, 4, v->bar0_off + 4);
		A[i] = tick() - t;
	}
	stats("mmio.pwrite_write32", A, N);
	for (int i = 0; i < N; i++) {
		u64 t = tick();
		pread(v->dev, &x, 4, v->cfg_off + 8);
		A[i] = tick() - t;
	}
	stats("mmio.config_read32", A, N);
	for (int i = 0; i < N; i++) {
		u64 t = tick();
		A[i] = tick() - t;
	}
	stats("rdtsc_pair", A, N);
	(void)sum;
}

int edu_main(const char *bdf, const char *what)
{
	struct vdev v;
	enum { N = 20 };
	A = malloc(60000 * 8);
	B = malloc(60000 * 8);
	memset(A, 1, 60000 * 8); // no page faults inside the loops
	memset(B, 1, 60000 * 8);
	if (!strcmp(what, "open")) {
		for (int i = 0; i < N; i++) {
			u64 t0 = tick();
			vfio_open(&v, bdf);
			u64 t1 = tick();
			vfio_close(&v);
			A[i] = t1 - t0;
			B[i] = tick() - t1;
		}
		stats("vfio.open_device", A, N);
		stats("vfio.close_device", B, N);
		return 0;
	}
	vfio_open(&v, bdf);
	if (!strcmp(what, "map"))
		maps(&v);
	else if (!strcmp(what, "mmio"))
		mmio(&v);
	else
		die("edu %s?", what);
	vfio_close(&v);
	return 0;
}
