/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <tests/unit/vfio/dma_bed.h>

struct pci_function *function;
cordon_handle_t container, group, memory;
struct memory *object;
static uint64_t run_pages;

void dma_start(uint64_t pages, uint64_t run)
{
	function = world_function(3, &world_units[0]);
	world_behaviour(function)->flr = true;
	world_start();
	container = call_container_create();
	group = call_group_open(3);
	cr_assert_eq(sys_container_add_group(container, group), 0);
	run_pages = run;
	object = world_memory(RAM, pages * PAGE, run * PAGE);
	memory = world_handle(&object->object, CORDON_RIGHTS_ALL);
	object_unref(&object->object);
	journal_clear();
}

uint64_t frame(uint64_t page)
{
	return RAM + page / run_pages * (run_pages + 1) * PAGE + page % run_pages * PAGE;
}

void assert_reaches(uint64_t iova, uint32_t flags, uint64_t expected)
{
	uint64_t physical = 0;

	cr_assert(world_translate(function, iova, flags, &physical), "0x%llx is refused",
	          (unsigned long long)iova);
	cr_assert_eq(physical, expected);
}

void assert_refused(uint64_t iova, uint32_t flags)
{
	uint64_t physical;

	cr_assert_not(world_translate(function, iova, flags, &physical), "0x%llx is not refused",
	              (unsigned long long)iova);
}
