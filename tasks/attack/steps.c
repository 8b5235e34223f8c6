/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cordon/memory.h>
#include <tasks/common/observe.h>

#include "attack.h"
#include "steps.h"

/* Puts what the attacks write into the device's buffer, by a permitted transfer. */
static int load_device(struct attacker *attacker)
{
	uint8_t *bytes = attacker->scratch.address;

	for (uint32_t i = 0; i < ATTACK_BYTES; i++)
		bytes[i] = attack_byte(i);
	return edu_dma(&attacker->edu, EDU_FROM_MEMORY, attacker->scratch.iova, 0, ATTACK_BYTES);
}

static int write_to(struct attacker *attacker, uint64_t iova)
{
	int result = load_device(attacker);

	return result < 0 ? result : edu_dma(&attacker->edu, EDU_TO_MEMORY, iova, 0, ATTACK_BYTES);
}

static int map_page(struct attacker *attacker, uint64_t iova, uint32_t flags)
{
	return vfio_dma_map_memory(attacker->edu.device->container, attacker->page, 0, iova,
	                           CORDON_PAGE_SIZE, flags);
}

static int unmap_page(struct attacker *attacker, uint64_t iova)
{
	return vfio_dma_unmap(attacker->edu.device->container, iova, CORDON_PAGE_SIZE);
}

static int permitted(struct attacker *attacker, uint64_t address)
{
	int result = map_page(attacker, ATTACK_PAGE_IOVA, CORDON_DMA_READ | CORDON_DMA_WRITE);

	(void)address;
	if (result == 0)
		result = write_to(attacker, ATTACK_PAGE_IOVA);
	if (result == 0)
		result = unmap_page(attacker, ATTACK_PAGE_IOVA);
	return result;
}

/* What the device got is carried to the page, where everybody can look for the secret. */
static int read_from(struct attacker *attacker, uint64_t iova)
{
	int result = load_device(attacker);

	if (result == 0)
		result = edu_dma(&attacker->edu, EDU_FROM_MEMORY, iova, 0, ATTACK_BYTES);
	if (result == 0)
		result = map_page(attacker, ATTACK_PAGE_IOVA, CORDON_DMA_WRITE);
	if (result == 0)
		result = edu_dma(&attacker->edu, EDU_TO_MEMORY, ATTACK_PAGE_IOVA, 0, ATTACK_BYTES);
	if (result == 0)
		result = unmap_page(attacker, ATTACK_PAGE_IOVA);
	return result;
}

/* At an IOVA that was never read: a cached translation would hide the fault on the emulator. */
static int read_only(struct attacker *attacker, uint64_t address)
{
	int result = map_page(attacker, ATTACK_SECOND_IOVA, CORDON_DMA_READ);

	(void)address;
	if (result == 0)
		result = write_to(attacker, ATTACK_SECOND_IOVA);
	if (result == 0)
		result = unmap_page(attacker, ATTACK_SECOND_IOVA);
	return result;
}

/* The permitted write before fills the caches that the unmapping must empty. */
static int after_unmap(struct attacker *attacker, uint64_t address)
{
	int result = permitted(attacker, address);

	if (result == 0)
		result = observe_pause();
	if (result == 0)
		result = edu_dma(&attacker->edu, EDU_TO_MEMORY, ATTACK_PAGE_IOVA, 0, ATTACK_BYTES);
	return result;
}

/* May be repeated when the write before has ended. */
static int in_flight(struct attacker *attacker, uint64_t address)
{
	int result = unmap_page(attacker, ATTACK_PAGE_IOVA);

	(void)address;
	if (result == 0)
		result = load_device(attacker);
	if (result == 0)
		result = map_page(attacker, ATTACK_PAGE_IOVA, CORDON_DMA_WRITE);
	if (result == 0)
		result = edu_dma_start(&attacker->edu, EDU_TO_MEMORY, ATTACK_PAGE_IOVA, 0,
		                       ATTACK_BYTES);
	return result;
}

int attack_step(struct attacker *attacker, const char *step)
{
	static const struct {
		const char *name;
		int (*run)(struct attacker *attacker, uint64_t address);
	} steps[] = {
	        {ATTACK_PERMITTED, permitted},     {ATTACK_WRITE, write_to},
	        {ATTACK_READ, read_from},          {ATTACK_READ_ONLY, read_only},
	        {ATTACK_AFTER_UNMAP, after_unmap}, {ATTACK_IN_FLIGHT, in_flight},
	};
	const char *value = strchr(step, '=');
	size_t length = value ? (size_t)(value - step) : strlen(step);
	uint64_t address = value ? strtoull(value + 1, NULL, 0) : 0;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (strlen(steps[i].name) == length && strncmp(steps[i].name, step, length) == 0)
			return steps[i].run(attacker, address);
	return -EINVAL;
}
