/* SPDX-License-Identifier: MIT */
/*
 * Wrong arguments on every system call of containers, groups and devices: each gives the documented
 * error and changes nothing.
 */
#include <cordon/errno.h>
#include <string.h>
#include <tests/guest/support/support.h>
#include <tests/guest/support/tap.h>
#include <tests/guest/vfio/edu.h>

#define PAGE UINT64_C(4096)
#define IOVA UINT64_C(0x40000000)
#define RW   (CORDON_DMA_READ | CORDON_DMA_WRITE)

static struct edu edu;
static cordon_handle_t memory; /* four pages, mapped at bytes */
static uint8_t *bytes;
static uint8_t *edge;      /* its last byte is the last one mapped */
static uint8_t *read_only; /* a page that cannot be written */

static void *const bad_pointers[] = {
        NULL,
        (void *)0x1000,
        (void *)(uintptr_t)CORDON_USER_MAX,
        (void *)0x7fffffffffff,
        (void *)0x8000000000000000,
        (void *)0xffff800000100000,
        (void *)0xffffffff80000000,
        (void *)0xfffffffffffffff8,
};

/* --- every call with a bad handle ------------------------------------------------------------ */

enum argument { CONTAINER, GROUP, DEVICE, AUTHORITY };

struct call {
	const char *name;
	enum argument kind;
	uint32_t rights;                            /* it asks for */
	int64_t (*call)(cordon_handle_t, void *at); /* at: where it reads or writes */
	uint32_t size;                              /* bytes there; 0: it has no pointer */
	bool reads;                                 /* it reads them, and does not write */
};

static int64_t add_group(cordon_handle_t handle, void *at)
{
	(void)at;
	return cordon_container_add_group(handle, edu.group);
}

static int64_t add_group_second(cordon_handle_t handle, void *at)
{
	(void)at;
	return cordon_container_add_group(edu.container, handle);
}

static int64_t remove_group(cordon_handle_t handle, void *at)
{
	(void)at;
	return cordon_container_remove_group(handle, edu.group);
}

static int64_t remove_group_second(cordon_handle_t handle, void *at)
{
	(void)at;
	return cordon_container_remove_group(edu.container, handle);
}

static int64_t container_info(cordon_handle_t handle, void *at)
{
	return cordon_container_info(handle, at);
}

static int64_t container_map(cordon_handle_t handle, void *at)
{
	return cordon_container_map(handle, at);
}

static int64_t container_unmap(cordon_handle_t handle, void *at)
{
	return cordon_container_unmap(handle, IOVA, PAGE, at);
}

static int64_t container_batch(cordon_handle_t handle, void *at)
{
	return cordon_container_batch(handle, at, 1);
}

static int64_t container_faults(cordon_handle_t handle, void *at)
{
	return cordon_container_faults(handle, at, 1, NULL);
}

static int64_t container_faults_lost(cordon_handle_t handle, void *at)
{
	return cordon_container_faults(handle, (void *)bytes, 1, at);
}

static int64_t group_open(cordon_handle_t handle, void *at)
{
	return cordon_group_open(handle, 0, at);
}

static int64_t group_status(cordon_handle_t handle, void *at)
{
	return cordon_group_status(handle, at);
}

static int64_t group_function(cordon_handle_t handle, void *at)
{
	return cordon_group_function(handle, 0, at);
}

static int64_t group_device(cordon_handle_t handle, void *at)
{
	return cordon_group_device(handle, edu.bdf, at);
}

static int64_t trust_reset(cordon_handle_t handle, void *at)
{
	(void)at;
	return cordon_group_trust_reset(handle, edu.group, edu.bdf);
}

static int64_t trust_reset_second(cordon_handle_t handle, void *at)
{
	(void)at;
	return cordon_group_trust_reset(test_authority(), handle, edu.bdf);
}

static int64_t device_info(cordon_handle_t handle, void *at)
{
	return cordon_device_info(handle, at);
}

static int64_t region_info(cordon_handle_t handle, void *at)
{
	return cordon_device_region_info(handle, 0, at);
}

static int64_t region_read(cordon_handle_t handle, void *at)
{
	return cordon_device_region_read(handle, CORDON_REGION_CONFIG, 0, at, 4);
}

static int64_t region_write(cordon_handle_t handle, void *at)
{
	return cordon_device_region_write(handle, CORDON_REGION_CONFIG, 0x0c, at, 4);
}

static int64_t region_map(cordon_handle_t handle, void *at)
{
	return cordon_device_region_map(handle, 0, at);
}

static int64_t irq_info(cordon_handle_t handle, void *at)
{
	return cordon_device_irq_info(handle, 0, at);
}

static int64_t device_reset(cordon_handle_t handle, void *at)
{
	(void)at;
	return cordon_device_reset(handle);
}

#define R CORDON_RIGHT_READ
#define W CORDON_RIGHT_WRITE
#define M CORDON_RIGHT_MANAGE

static const struct call calls[] = {
        {"container_add_group", CONTAINER, W, add_group, 0, false},
        {"container_add_group's group", GROUP, W, add_group_second, 0, false},
        {"container_remove_group", CONTAINER, W, remove_group, 0, false},
        {"container_remove_group's group", GROUP, W, remove_group_second, 0, false},
        {"container_info", CONTAINER, R, container_info, sizeof(struct cordon_container_info),
         false},
        {"container_map", CONTAINER, W, container_map, sizeof(struct cordon_dma_map), true},
        {"container_unmap", CONTAINER, W, container_unmap, 8, false},
        {"container_batch", CONTAINER, W, container_batch, sizeof(struct cordon_dma_op), false},
        {"container_faults", CONTAINER, R, container_faults, sizeof(struct cordon_fault), false},
        {"container_faults's lost", CONTAINER, R, container_faults_lost, 8, false},
        {"group_open", AUTHORITY, M, group_open, sizeof(cordon_handle_t), false},
        {"group_status", GROUP, R, group_status, sizeof(struct cordon_group_status), false},
        {"group_function", GROUP, R, group_function, sizeof(struct cordon_device_desc), false},
        {"group_device", GROUP, W, group_device, sizeof(cordon_handle_t), false},
        {"group_trust_reset", AUTHORITY, M, trust_reset, 0, false},
        {"group_trust_reset's group", GROUP, 0, trust_reset_second, 0, false},
        {"device_info", DEVICE, R, device_info, sizeof(struct cordon_device_info), false},
        {"device_region_info", DEVICE, R, region_info, sizeof(struct cordon_region_info), false},
        {"device_region_read", DEVICE, R, region_read, 4, false},
        {"device_region_write", DEVICE, W, region_write, 4, true},
        {"device_region_map", DEVICE, CORDON_RIGHT_MAP, region_map,
         sizeof(struct cordon_region_map), false},
        {"device_irq_info", DEVICE, R, irq_info, sizeof(struct cordon_irq_info), false},
        {"device_reset", DEVICE, W, device_reset, 0, false},
};

static cordon_handle_t good_handle(enum argument kind)
{
	switch (kind) {
	case CONTAINER:
		return edu.container;
	case GROUP:
		return edu.group;
	case DEVICE:
		return edu.device;
	default:
		return test_authority();
	}
}

/* A handle of the same object that has all rights but these; -1 when it cannot be made. */
static cordon_handle_t without(cordon_handle_t handle, uint32_t rights)
{
	struct cordon_handle_info info;
	cordon_handle_t weak;

	if (cordon_handle_info(handle, &info) < 0 ||
	    cordon_handle_dup(handle, info.rights & ~rights, &weak) < 0)
		tap_bail("no weaker handle");
	return weak;
}

static void test_handles(const struct call *call)
{
	static const cordon_handle_t wrong[] = {-1, -2, 4095, INT32_MAX, INT32_MIN};
	cordon_handle_t stale, weak;
	bool all = true;

	memset(bytes, 0, PAGE);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		all &= call->call(wrong[i], bytes) == -EBADF;
	all &= call->call(memory, bytes) == -EBADF;
	if (call->kind != CONTAINER)
		all &= call->call(edu.container, bytes) == -EBADF;
	stale = without(good_handle(call->kind), 0);
	cordon_handle_close(stale);
	all &= call->call(stale, bytes) == -EBADF;
	tap_ok(all, "%s: no such, stale or another kind of handle is EBADF", call->name);
	if (!call->rights)
		return;
	weak = without(good_handle(call->kind), call->rights);
	tap_is(call->call(weak, bytes), -EACCES, "%s: asks for its rights", call->name);
	cordon_handle_close(weak);
}

static void test_pointer(const struct call *call)
{
	cordon_handle_t handle = good_handle(call->kind);
	bool all = true;

	for (size_t i = 0; i < sizeof(bad_pointers) / sizeof(bad_pointers[0]); i++) {
		/* Two calls allow null: no place for the result. */
		if (!bad_pointers[i] &&
		    (call->call == container_unmap || call->call == container_faults_lost))
			continue;
		all &= call->call(handle, bad_pointers[i]) == -EFAULT;
	}
	for (uint32_t i = 1; i < call->size; i++) {
		int64_t result = call->call(handle, edge + 1 - i);

		if (result != -EFAULT)
			tap_note("%s: %lld with %u bytes mapped", call->name, (long long)result,
			         (unsigned int)i);
		all &= result == -EFAULT;
	}
	if (!call->reads)
		all &= call->call(handle, read_only) == -EFAULT;
	tap_ok(all, "%s: a bad pointer at any byte is EFAULT", call->name);
}

/* --- single calls ---------------------------------------------------------------------------- */

static int64_t map(cordon_handle_t container, cordon_handle_t handle, uint64_t offset,
                   uint64_t iova, uint64_t size, uint32_t flags)
{
	const struct cordon_dma_map args = {handle, flags, offset, iova, size};

	return cordon_container_map(container, &args);
}

static uint32_t mappings(void)
{
	struct cordon_container_info info;

	return cordon_container_info(edu.container, &info) ? UINT32_MAX : info.mappings;
}

static void test_map(void)
{
	struct cordon_container_info info;
	cordon_handle_t empty;
	const cordon_handle_t own = CORDON_HANDLE_NONE;

	tap_is(cordon_container_info(edu.container, &info), 0, "container_info");
	/* AMD-Vi has another hole further up. */
	tap_ok(info.range_count >= 2 && info.ranges[0].start == 0 &&
	               info.ranges[0].last == 0xfedfffff && info.ranges[1].start == 0xfef00000 &&
	               info.ranges[info.range_count - 1].last ==
	                       (UINT64_C(1) << info.address_bits) - 1,
	       "the interrupt window is no IOVA range");

	tap_is(map(edu.container, memory, 0, IOVA, PAGE, 0), -EINVAL, "map: no direction");
	tap_is(map(edu.container, memory, 0, IOVA, PAGE, 8), -EINVAL, "map: unknown direction");
	tap_is(map(edu.container, memory, 0, IOVA, 0, RW), -EINVAL, "map: zero size");
	tap_is(map(edu.container, memory, 0, IOVA, 100, RW), -EINVAL, "map: size not aligned");
	tap_is(map(edu.container, memory, 0, IOVA + 1, PAGE, RW), -EINVAL, "map: iova not aligned");
	tap_is(map(edu.container, memory, 1, IOVA, PAGE, RW), -EINVAL, "map: offset not aligned");
	tap_is(map(edu.container, memory, 0, -PAGE, 2 * PAGE, RW), -EOVERFLOW, "map: iova wraps");
	tap_is(map(edu.container, memory, -PAGE, IOVA, 2 * PAGE, RW), -EOVERFLOW,
	       "map: offset wraps");
	tap_is(map(edu.container, memory, 0, 0xfee00000, PAGE, RW), -EINVAL,
	       "map: interrupt window");
	tap_is(map(edu.container, memory, 0, 0xfedff000, 2 * PAGE, RW), -EINVAL,
	       "map: into the interrupt window");
	tap_is(map(edu.container, memory, 0, 0xfeeff000, 2 * PAGE, RW), -EINVAL,
	       "map: out of the interrupt window");
	tap_is(map(edu.container, memory, 0, info.ranges[1].last + 1, PAGE, RW), -EINVAL,
	       "map: beyond the address width");
	tap_is(map(edu.container, memory, 0, info.ranges[1].last + 1 - PAGE, 2 * PAGE, RW), -EINVAL,
	       "map: across the address width");
	tap_is(map(edu.container, memory, 4 * PAGE, IOVA, PAGE, RW), -ERANGE,
	       "map: outside memory");
	tap_is(map(edu.container, memory, 3 * PAGE, IOVA, 2 * PAGE, RW), -ERANGE,
	       "map: past the end of memory");
	tap_is(map(edu.container, 4095, 0, IOVA, PAGE, RW), -EBADF, "map: no such memory");
	tap_is(map(edu.container, edu.device, 0, IOVA, PAGE, RW), -EBADF, "map: not memory");
	tap_is(map(edu.container, own, 0x10000, IOVA, PAGE, RW), -EFAULT, "map: nothing there");
	tap_is(map(edu.container, own, CORDON_USER_MAX, IOVA, PAGE, RW), -EFAULT,
	       "map: not the task's");
	tap_is(map(edu.container, own, UINT64_C(0xffff800000100000), IOVA, PAGE, RW), -EFAULT,
	       "map: the kernel's");
	tap_is(map(edu.container, own, (uintptr_t)read_only, IOVA, PAGE, RW), -EFAULT,
	       "map: a page that cannot be written, for writing");
	tap_is(map(edu.container, own, (uintptr_t)bytes, IOVA, 5 * PAGE, RW), -EFAULT,
	       "map: longer than what is mapped");
	tap_is(map(edu.container, own, (uintptr_t)edu.registers, IOVA, PAGE, RW), -EFAULT,
	       "map: a BAR");
	tap_is(map(edu.container, test_initramfs(), 0, IOVA, PAGE, RW), -EACCES,
	       "map: memory without WRITE, for writing");
	tap_is(mappings(), 0, "no mapping came of it");

	cordon_container_create(&empty);
	tap_is(map(empty, memory, 0, IOVA, PAGE, RW), -EINVAL, "map: container without a group");
	cordon_handle_close(empty);

	tap_is(map(edu.container, memory, 0, IOVA, 4 * PAGE, RW), 0, "map: right arguments");
	tap_is(map(edu.container, memory, 0, IOVA, PAGE, RW), -EEXIST,
	       "map: overlaps at the start");
	tap_is(map(edu.container, memory, 0, IOVA + 3 * PAGE, 2 * PAGE, RW), -EEXIST,
	       "map: overlaps at the end");
	tap_is(map(edu.container, memory, 0, IOVA - PAGE, 2 * PAGE, RW), -EEXIST,
	       "map: overlaps from below");
	tap_is(mappings(), 1, "one mapping is there");
}

static void test_unmap(void)
{
	uint64_t size = 1;

	tap_is(cordon_container_unmap(edu.container, IOVA, 0, NULL), -EINVAL, "unmap: zero size");
	tap_is(cordon_container_unmap(edu.container, IOVA, 1, NULL), -EINVAL,
	       "unmap: size not aligned");
	tap_is(cordon_container_unmap(edu.container, IOVA + 8, PAGE, NULL), -EINVAL,
	       "unmap: iova not aligned");
	tap_is(cordon_container_unmap(edu.container, -PAGE, 2 * PAGE, NULL), -EOVERFLOW,
	       "unmap: wraps");
	tap_is(cordon_container_unmap(edu.container, IOVA, PAGE, NULL), -EINVAL,
	       "unmap: cuts at the end");
	tap_is(cordon_container_unmap(edu.container, IOVA + PAGE, 3 * PAGE, NULL), -EINVAL,
	       "unmap: cuts at the start");
	tap_is(mappings(), 1, "the mapping is whole");
	tap_is(cordon_container_unmap(edu.container, 0, IOVA, &size), 0, "unmap: nothing there");
	tap_is((int64_t)size, 0, "unmap of nothing tells 0");
	tap_is(cordon_container_unmap(edu.container, 0, UINT64_MAX, &size), 0, "unmap: everything");
	tap_is((int64_t)size, 4 * PAGE, "unmap tells the bytes");
	tap_is(mappings(), 0, "no mapping is left");
}

static void test_batch(void)
{
	static struct cordon_dma_op ops[3];

	tap_is(cordon_container_batch(edu.container, ops, 0), -EINVAL, "batch: no steps");
	tap_is(cordon_container_batch(edu.container, ops, CORDON_DMA_BATCH_MAX + 1), -EINVAL,
	       "batch: too many steps");
	for (int i = 0; i < 3; i++)
		ops[i] = (struct cordon_dma_op){
		        .op = CORDON_DMA_OP_MAP,
		        .map = {memory, RW, 0, IOVA, PAGE},
		};
	ops[2].op = 9;
	tap_is(cordon_container_batch(edu.container, ops, 3), 1, "batch: stops at a failure");
	tap_is(ops[1].result, -EEXIST, "batch: the failing step says why");
	tap_is(ops[2].result, -ECANCELED, "batch: the next was not reached");
	tap_is(cordon_container_batch(edu.container, &ops[2], 1), 0, "batch: unknown step");
	tap_is(ops[2].result, -EINVAL, "batch: unknown step is EINVAL");
	cordon_container_unmap(edu.container, 0, UINT64_MAX, NULL);
}

static void test_groups(void)
{
	struct cordon_device_desc desc;
	cordon_handle_t handle, other;
	struct cordon_group_status status;
	cordon_bdf_t nvme;
	int number = test_find_group(0, 0, NVME_CLASS, 0, &nvme);

	cordon_group_status(edu.group, &status);
	tap_is(cordon_group_open(test_authority(), status.number, &handle), -EBUSY,
	       "group_open: once at a time");
	tap_is(cordon_group_open(test_authority(), 12345, &handle), -ENOENT,
	       "group_open: no such group");
	tap_is(cordon_group_function(edu.group, status.device_count, &desc), -ENOENT,
	       "group_function: past the end");
	tap_is(cordon_group_device(edu.group, edu.bdf, &handle), -EBUSY, "group_device: open");
	tap_is(cordon_group_device(edu.group, edu.bdf + 1, &handle), -ENODEV,
	       "group_device: no such function");
	tap_is(cordon_group_device(edu.group, CORDON_BDF_NONE, &handle), -ENODEV,
	       "group_device: nonsense");
	tap_is(cordon_group_trust_reset(test_authority(), edu.group, edu.bdf + 1), -ENODEV,
	       "group_trust_reset: no such function");
	tap_is(cordon_container_add_group(edu.container, edu.group), -EBUSY,
	       "add_group: it is in a container");
	tap_is(cordon_container_remove_group(edu.container, edu.group), -EBUSY,
	       "remove_group: a device is open");
	if (number < 0)
		return;
	cordon_group_open(test_authority(), (uint32_t)number, &other);
	tap_is(cordon_group_device(edu.group, nvme, &handle), -ENODEV,
	       "group_device: a function of another group");
	tap_is(cordon_group_device(other, nvme, &handle), -EINVAL, "group_device: in no container");
	tap_is(cordon_container_remove_group(edu.container, other), -EINVAL,
	       "remove_group: it is in no container");
	cordon_handle_close(other);
}

/* A group that must not be handed out: the one with the bridge to legacy devices. */
static void test_not_viable(void)
{
	struct cordon_group_desc desc;
	cordon_handle_t group, container, device;
	struct cordon_group_status status;

	for (uint32_t i = 0;; i++) {
		if (cordon_system_info(test_authority(), CORDON_SYSTEM_GROUPS, i, &desc,
		                       sizeof(desc)))
			return;
		if (!(desc.status.flags & CORDON_GROUP_VIABLE))
			break;
	}
	tap_is(cordon_group_open(test_authority(), desc.status.number, &group), 0,
	       "a group that is not viable can be looked at");
	cordon_group_status(group, &status);
	tap_ok(status.blocker != CORDON_BDF_NONE && status.reason[0],
	       "it names what is in the way: %s", status.reason);
	cordon_container_create(&container);
	tap_is(cordon_container_add_group(container, group), -EBUSY, "it joins no container");
	tap_is(cordon_group_device(group, status.blocker, &device), -EINVAL, "it gives no device");
	cordon_handle_close(container);
	cordon_handle_close(group);
}

static void test_regions(void)
{
	struct cordon_region_info info;
	struct cordon_irq_info irq;
	struct cordon_region_map wrong[] = {
	        {.size = 0, .prot = 1},
	        {.size = 5, .prot = 1},
	        {.offset = 5, .size = PAGE, .prot = 1},
	        {.size = PAGE, .prot = 0},
	        {.size = PAGE, .prot = 5},
	        {.size = PAGE, .prot = 1, .flags = 16},
	};
	struct cordon_region_map beyond = {.offset = 0x100000, .size = PAGE, .prot = 1};
	struct cordon_region_map page = {.size = PAGE, .prot = 1};
	bool all = true;

	tap_is(cordon_device_region_info(edu.device, CORDON_REGION_COUNT, &info), -EINVAL,
	       "region_info: no such region");
	tap_is(cordon_device_irq_info(edu.device, CORDON_IRQ_COUNT, &irq), -EINVAL,
	       "irq_info: no such index");
	tap_is(cordon_device_region_read(edu.device, 99, 0, bytes, 4), -EINVAL,
	       "region_read: no such region");
	tap_is(cordon_device_region_read(edu.device, 1, 0, bytes, 4), -EINVAL,
	       "region_read: nothing there");
	tap_is(cordon_device_region_read(edu.device, 0, 0xffffe, bytes, 4), -ERANGE,
	       "region_read: past the end");
	tap_is(cordon_device_region_read(edu.device, 0, UINT64_MAX, bytes, 4), -ERANGE,
	       "region_read: wraps");
	tap_is(cordon_device_region_write(edu.device, 7, 256, bytes, 4), -ERANGE,
	       "region_write: past the end of config space");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		all &= cordon_device_region_map(edu.device, 0, &wrong[i]) == -EINVAL;
	tap_ok(all, "region_map: alignment, size, protection, flags");
	tap_is(cordon_device_region_map(edu.device, 0, &beyond), -EACCES, "region_map: beyond");
	tap_is(cordon_device_region_map(edu.device, 7, &page), -EINVAL, "region_map: config space");
	tap_is(cordon_device_reset(edu.device), -ENOTTY, "device_reset: edu has none");

	edu_set_command(&edu, 0);
	tap_is(cordon_device_region_read(edu.device, 0, 0, bytes, 4), -EIO,
	       "region_read: decoding is off");
	tap_is(cordon_device_region_write(edu.device, 0, 4, bytes, 4), -EIO,
	       "region_write: decoding is off");
	tap_is(cordon_device_region_map(edu.device, 0, &page), -EIO, "region_map: decoding is off");
	edu_set_command(&edu, EDU_COMMAND_MEMORY | EDU_COMMAND_MASTER);
}

int main(void)
{
	struct cordon_memory_map map_page = {.size = PAGE, .prot = CORDON_PROT_READ};
	cordon_handle_t page, pair;

	edu_start(&edu);
	bytes = test_memory(4 * PAGE, 0, &memory);
	if (cordon_memory_create(PAGE, 0, &page) || cordon_memory_map(page, &map_page))
		tap_bail("no read-only page");
	read_only = (uint8_t *)(uintptr_t)map_page.address;
	edge = test_memory(2 * PAGE, 0, &pair);
	cordon_memory_unmap((uintptr_t)edge + PAGE, PAGE);
	edge += PAGE - 1;

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		test_handles(&calls[i]);
		if (calls[i].size)
			test_pointer(&calls[i]);
	}
	tap_is(mappings(), 0, "none of it left a mapping");
	test_map();
	test_unmap();
	test_batch();
	test_groups();
	test_not_viable();
	test_regions();
	edu_stop(&edu);
	return tap_done();
}
