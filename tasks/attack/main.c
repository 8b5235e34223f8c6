/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>

#include <cordon/rt.h>
#include <tasks/common/observe.h>

#include "attack.h"
#include "steps.h"

static void print_faults(struct vfio_device *device)
{
	char text[VFIO_FAULT_TEXT];
	struct cordon_fault fault;

	while (vfio_faults_read(device, &fault, 1, NULL) > 0)
		printf("  attack: %s\n", vfio_fault_text(&fault, text));
}

static int run_steps(struct attacker *attacker, int count, char **steps)
{
	int result = observe_pause();

	for (int i = 0; i < count && result == 0; i++) {
		result = attack_step(attacker, steps[i]);
		if (result < 0) {
			printf("  attack: %s: %s\n", steps[i], cordon_strerror(result));
			return result;
		}
		print_faults(attacker->edu.device);
		result = observe_pause();
	}
	return result;
}

int main(int argc, char **argv)
{
	static struct vfio_device device;
	struct vfio_open_params params = {
	        .match = vfio_match_id(EDU_VENDOR, EDU_DEVICE),
	        .dma_size = CORDON_PAGE_SIZE,
	        .dma_iova = ATTACK_POOL_IOVA,
	        .dma_flags = VFIO_DMA_SMALL_PAGES,
	};
	struct attacker attacker = {.page = cordon_handle_named("page")};
	int result = vfio_device_open(&params, &device);

	if (result < 0) {
		printf("  attack: %s\n", device.error.text);
		if (device.error.step == VFIO_STEP_MAP_MEMORY)
			printf("  attack: IOVAs of %u bits are needed (iommu.bits=)\n",
			       ATTACK_IOVA_BITS);
		return 1;
	}
	result = edu_open(&device, &attacker.edu);
	if (result == 0)
		result = vfio_dma_alloc(device.pool, ATTACK_BYTES, ATTACK_BYTES, &attacker.scratch);
	if (result == 0)
		result = run_steps(&attacker, argc - 1, argv + 1);
	if (result < 0)
		printf("  attack: %s\n", cordon_strerror(result));
	if (vfio_device_close(&device) < 0)
		result = -EIO;
	return result < 0;
}
