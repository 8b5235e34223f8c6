/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "child.h"
#include "step.h"

void demo_disk(const struct demo *demo)
{
	struct child_program program = {
	        .path = "/bin/nvme",
	        .name = "nvme",
	        .args = {"all"},
	        .group = demo->disk_group,
	        .page = CORDON_HANDLE_NONE,
	};
	char why[CHILD_WHY_MAX];
	struct child child;
	int result;

	step_heading("a disk, driven by the isolated task nvme");
	result = child_start(demo, &program, &child);
	if (result < 0) {
		step_result(false, "nvme-starts", "%s", cordon_strerror(result));
		return;
	}
	result = child_await(&child);
	step_result(result == CHILD_PAUSED, "nvme-opens-the-disk", "it %s",
	            result == CHILD_ENDED ? "ended" : cordon_strerror(result));
	if (result == CHILD_PAUSED) {
		demo_print_holders(demo);
		step_result(demo_group_is_held(demo, demo->disk_group, child.id) &&
		                    demo_mappings_of(demo, child.id) > 0,
		            "nvme-holds-the-disk", "the kernel names another holder");
		child_go(&child);
	}
	result = child_finish(&child, why);
	step_result(result == 0, "nvme-reads-and-writes-the-disk", "%s", why);
	step_result(demo_mappings_of(demo, child.id) == 0, "nvme-left-no-mapping", "%d mappings",
	            demo_mappings_of(demo, child.id));
	child_close(&child);
}
