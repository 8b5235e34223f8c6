/* SPDX-License-Identifier: MIT */
/*
 * demo: shows the main job on real devices and proves each step. Needs the handles "inspect",
 * "initramfs", "group0" (NVMe) and "group1" (edu).
 */
#include <stdio.h>

#include "demo.h"
#include "step.h"

static int map_archive(struct demo *demo)
{
	struct cordon_memory_map map = {.prot = CORDON_PROT_READ};
	struct cordon_memory_info info;
	int64_t result = cordon_memory_info(demo->initramfs, &info);

	if (result < 0)
		return (int)result;
	map.size = info.size;
	result = cordon_memory_map(demo->initramfs, &map);
	if (result < 0)
		return (int)result;
	demo->archive = (const void *)(uintptr_t)map.address;
	demo->archive_size = info.size;
	return 0;
}

int main(void)
{
	struct demo demo = {
	        .inspect = cordon_handle_named("inspect"),
	        .initramfs = cordon_handle_named("initramfs"),
	        .disk_group = cordon_handle_named("group0"),
	        .edu_group = cordon_handle_named("group1"),
	};
	int result;

	if (demo.inspect == CORDON_HANDLE_NONE || demo.initramfs == CORDON_HANDLE_NONE ||
	    demo.disk_group == CORDON_HANDLE_NONE || demo.edu_group == CORDON_HANDLE_NONE) {
		printf("demo: needs the handles inspect, initramfs, group0 and group1\n");
		return 2;
	}
	result = map_archive(&demo);
	if (result < 0) {
		printf("demo: mapping the initramfs: %s\n", cordon_strerror(result));
		return 2;
	}
	demo_disk(&demo);
	demo_attacks(&demo);
	return step_close() != 0;
}
