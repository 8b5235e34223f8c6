// User-space NVMe over VFIO (polled, and one variant woken by MSI-X), 4 KiB random reads.
#include "bench.h"

struct sqe {
	u8 op, flags;
	u16 cid;
	u32 nsid;
	u64 rsv, mptr, prp1, prp2;
	u32 dw[6];
};
struct cqe {
	u32 res, rsv;
	u16 sqhd, sqid, cid, status;
};

enum { QD = 64, DATA = 0x100000, BASE = 0x1000000, MAXIO = 20000, WARM = 200 };

struct queue {
	struct sqe *sq;
	volatile struct cqe *cq;
	volatile u8 *sqdb, *cqdb;
	u64 sqa, cqa;
	u32 tail, head, phase;
};

static struct vdev v;
static char *mem; // one hugetlb page at IOVA BASE
static int ios;
static u64 polls, lat[MAXIO];
static double poll_tick; // ticks of one poll loop

static void qinit(struct queue *q, int id, u32 off, int stride)
{
	q->sq = (void *)(mem + off);
	q->cq = (void *)(mem + off + K4);
	q->sqa = BASE + off;
	q->cqa = BASE + off + K4;
	memset(q->sq, 0, 2 * K4);
	q->sqdb = v.bar0 + 0x1000 + (2 * id) * stride;
	q->cqdb = v.bar0 + 0x1000 + (2 * id + 1) * stride;
	q->tail = q->head = 0;
	q->phase = 1;
}

static inline void put(struct queue *q, struct sqe e)
{
	q->sq[q->tail] = e;
	q->tail = (q->tail + 1) % QD;
	asm volatile("" ::: "memory");
}

static inline void submit(struct queue *q, struct sqe *e)
{
	put(q, *e);
	wr32(q->sqdb, q->tail);
}

static inline int ready(struct queue *q)
{
	return (q->cq[q->head].status & 1) == q->phase;
}

static inline u16 take(struct queue *q)
{
	u16 cid = q->cq[q->head].cid;
	if (q->cq[q->head].status >> 1)
		die("nvme status %x", q->cq[q->head].status >> 1);
	if (++q->head == QD)
		q->head = 0, q->phase ^= 1;
	return cid;
}

static inline u16 reap(struct queue *q)
{
	u16 cid = take(q);
	wr32(q->cqdb, q->head);
	return cid;
}

// Five instructions a loop, counted, so that waiting for the device can be told apart.
static inline void wait_cqe(struct queue *q)
{
	u32 t;
	if (ready(q))
		return;
	asm volatile("1: incq %0\n movzwl %2, %1\n and $1, %1\n cmp %3, %1\n jne 1b"
	             : "+r"(polls), "=&r"(t)
	             : "m"(q->cq[q->head].status), "r"(q->phase)
	             : "cc", "memory");
}

static void admin(struct queue *a, struct sqe e)
{
	submit(a, &e);
	wait_cqe(a);
	reap(a);
}

static u32 seed = 12345;
static inline struct sqe rdcmd(u16 cid, u64 nlba)
{
	seed = seed * 1664525 + 1013904223;
	u64 lba = (u64)(seed >> 4) * 8 % nlba;
	return (struct sqe){.op = 2,
	                    .cid = cid,
	                    .nsid = 1,
	                    .prp1 = BASE + DATA + cid * K4,
	                    .dw = {lba, lba >> 32, 7}};
}

int nvme_main(const char *bdf)
{
	struct queue a, q;
	ios = io_count(MAXIO);
	vfio_open(&v, bdf);
	mem = buf(M2, HUGETLB);
	must(vfio_map(&v, mem, BASE, M2));

	u64 cap = *(volatile u64 *)v.bar0;
	int stride = 4 << (cap >> 32 & 15);
	wr32(v.bar0 + 0x14, 0);
	while (rd32(v.bar0 + 0x1c) & 1)
		;
	qinit(&a, 0, 0, stride);
	wr32(v.bar0 + 0x24, (QD - 1) << 16 | (QD - 1));
	*(volatile u64 *)(v.bar0 + 0x28) = a.sqa;
	*(volatile u64 *)(v.bar0 + 0x30) = a.cqa;
	wr32(v.bar0 + 0x14, 4 << 20 | 6 << 16 | 1);
	while (!(rd32(v.bar0 + 0x1c) & 1))
		;

	admin(&a, (struct sqe){.op = 6, .prp1 = BASE + DATA, .dw = {1}});
	printf("#NVME model %.20s mdts %d\n", mem + DATA + 24, mem[DATA + 77]);
	admin(&a, (struct sqe){.op = 6, .nsid = 1, .prp1 = BASE + DATA});
	u64 nlba = *(u64 *)(mem + DATA) - 8;
	printf("#NVME blocks %llu lbads %d\n", (unsigned long long)nlba + 8, mem[DATA + 130]);

	qinit(&q, 1, 0x4000, stride);
	admin(&a, (struct sqe){.op = 5, .prp1 = q.cqa, .dw = {(QD - 1) << 16 | 1, 1}});
	admin(&a, (struct sqe){.op = 1, .prp1 = q.sqa, .dw = {(QD - 1) << 16 | 1, 1 << 16 | 1}});

	// Ticks of a poll loop, from a like loop of seven instructions; icount needs no measuring.
	u64 n = 10000000, t0 = tick();
	u32 x;
	asm volatile(
	        "1: incq %0\n movzwl %2, %1\n and $1, %1\n cmp $3, %1\n je 1b\n cmp %3, %0\n jb 1b"
	        : "+r"(polls), "=&r"(x)
	        : "m"(a.cq[0].status), "r"(polls + n)
	        : "cc", "memory");
	poll_tick = getenv("ICOUNT") ? 5 : (tick() - t0) / (double)n * 5 / 7;

	for (int i = 0; i < WARM; i++) {
		struct sqe e = rdcmd(0, nlba);
		submit(&q, &e);
		wait_cqe(&q);
		reap(&q);
	}

	static u64 cpu[MAXIO], sub[MAXIO];
	memset(lat, 1, sizeof lat); // no page faults inside the loops
	memset(cpu, 1, sizeof cpu);
	memset(sub, 1, sizeof sub);
	polls = 0;
	for (int i = 0; i < ios; i++) {
		u64 p0 = polls, t0 = tick();
		struct sqe e = rdcmd(0, nlba);
		submit(&q, &e);
		u64 t1 = tick();
		wait_cqe(&q);
		reap(&q);
		u64 t2 = tick();
		lat[i] = t2 - t0;
		sub[i] = t1 - t0;
		u64 w = (polls - p0) * poll_tick;
		cpu[i] = t2 - t0 > w ? t2 - t0 - w : 0;
	}
	stats("unvme.poll_qd1.submit", sub, ios);
	stats("unvme.poll_qd1.cpu", cpu, ios);
	return 0;
}
