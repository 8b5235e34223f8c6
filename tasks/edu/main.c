/* SPDX-License-Identifier: MIT */
/* edu: exercises QEMU's educational device from an isolated task and checks every answer. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <cordon/rt.h>

#include "edu.h"

#define DMA_BYTES 1024u

static int failures;

static void check(int passed, const char *what)
{
	printf("edu: %s %s\n", passed ? "PASS" : "FAIL", what);
	if (!passed)
		failures++;
}

static void check_registers(struct edu *edu)
{
	uint32_t factorial = 0;

	printf("edu: identification %08x\n", (unsigned int)edu->identification);
	check(edu_liveness(edu, 0x12345678) == (uint32_t)~UINT32_C(0x12345678) &&
	              edu_liveness(edu, 0) == UINT32_MAX,
	      "liveness inverts");
	check(edu_factorial(edu, 10, &factorial) == 0 && factorial == 3628800, "factorial of 10");
	check(edu_factorial(edu, 1, &factorial) == 0 && factorial == 1, "factorial of 1");
}

static void fill(uint8_t *bytes, uint32_t size, uint8_t seed)
{
	for (uint32_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(seed + 7 * i);
}

static int same(const uint8_t *a, const uint8_t *b, uint32_t size)
{
	vfio_order(); /* the device wrote one of them */
	return memcmp(a, b, size) == 0;
}

/* Memory to device and back to another place, which must then be a copy. */
static void check_dma(struct edu *edu)
{
	struct vfio_dma from;
	struct vfio_dma to;
	int result = vfio_dma_alloc(edu->device->pool, DMA_BYTES, 64, &from);

	if (result == 0)
		result = vfio_dma_alloc(edu->device->pool, DMA_BYTES, 64, &to);
	if (result != 0) {
		check(0, "DMA memory");
		return;
	}
	fill(from.address, DMA_BYTES, 3);
	fill(to.address, DMA_BYTES, 4);
	result = edu_dma(edu, EDU_FROM_MEMORY, from.iova, 0, DMA_BYTES);
	check(result == 0, "DMA from memory ends");
	result = edu_dma(edu, EDU_TO_MEMORY, to.iova, 0, DMA_BYTES / 2);
	check(result == 0, "DMA to memory ends");
	check(same(from.address, to.address, DMA_BYTES / 2), "DMA copied the bytes");
	fill(from.address, DMA_BYTES, 4);
	check(same((uint8_t *)from.address + DMA_BYTES / 2, (uint8_t *)to.address + DMA_BYTES / 2,
	           DMA_BYTES / 2),
	      "DMA left the bytes behind it alone");
	vfio_dma_free(edu->device->pool, &to);
	vfio_dma_free(edu->device->pool, &from);
}

static void check_limits(struct edu *edu)
{
	uint64_t iova = edu->device->pool->iova;

	check(edu_dma_start(edu, EDU_TO_MEMORY, iova, 0, 4096) == -EINVAL &&
	              edu_dma_start(edu, EDU_TO_MEMORY, iova, 4000, 96) == -EINVAL &&
	              edu_dma_start(edu, EDU_TO_MEMORY, iova, 0, 0) == -EINVAL &&
	              edu_dma_start(edu, EDU_TO_MEMORY, iova, UINT32_MAX, 2) == -EINVAL,
	      "a transfer that would end the machine is not started");
}

static void check_faults(struct edu *edu)
{
	char text[VFIO_FAULT_TEXT];
	struct cordon_fault fault;
	int count = vfio_faults_read(edu->device, &fault, 1, NULL);

	if (count > 0)
		printf("edu: %s\n", vfio_fault_text(&fault, text));
	check(count == 0, "no access was refused");
}

int main(void)
{
	static struct vfio_device device;
	struct vfio_open_params params = {
	        .match = vfio_match_id(EDU_VENDOR, EDU_DEVICE),
	        .authority = cordon_handle_named("authority"),
	        .dma_size = 2 * DMA_BYTES,
	};
	struct edu edu;
	int result = vfio_device_open(&params, &device);

	if (result < 0) {
		printf("edu: %s\n", device.error.text);
		return 1;
	}
	result = edu_open(&device, &edu);
	check(result == 0, "the device answers");
	if (result == 0) {
		check_registers(&edu);
		check_limits(&edu);
		check_dma(&edu);
		check_faults(&edu);
	}
	check(vfio_device_close(&device) == 0, "closing");
	printf("edu: %d failed\n", failures);
	return failures != 0;
}
