/* SPDX-License-Identifier: MIT */
/* Finding functions, numbering buses, and the state in which functions are left (S1). */
#include <cordon/errno.h>
#include <criterion/criterion.h>
#include <kernel/heap.h>
#include <stdlib.h>
#include <string.h>
#include <tests/unit/fake/fake.h>
#include <tests/random.h>
#include <tests/unit/pci/machine.h>

static size_t function_count(void)
{
	const struct pci_function *function;
	size_t count = 0;

	list_for_each(function, pci_functions(), link)
	{
		count++;
	}
	return count;
}

Test(enumerate, functions_are_found_in_depth_first_order)
{
	struct device *port, *found[5];
	const struct pci_function *function;
	unsigned int position = 0;

	machine_start();
	found[0] = machine_endpoint(NULL, 0, 0);
	found[1] = port = machine_port(NULL, 1, 0, PCI_EXPRESS_ROOT_PORT, MACHINE_ACS_ALL);
	found[3] = machine_endpoint(NULL, 2, 0);
	machine_multifunction(found[3]);
	found[4] = machine_endpoint(NULL, 2, 5);
	found[2] = machine_endpoint(port, 0, 0);
	machine_set16(found[2], PCI_SUBSYS_VENDOR, 0x1af4);
	machine_set16(found[2], PCI_SUBSYS_DEVICE, 0x1100);
	found[2]->bytes[PCI_REVISION] = 7;
	found[2]->bytes[PCI_INTERRUPT_PIN] = 1;
	machine_number();
	machine_boot();
	list_for_each(function, pci_functions(), link)
	{
		cr_assert_eq(function, machine_function(found[position]), "position %u", position);
		position++;
	}
	cr_assert_eq(position, 5);
	function = machine_function(found[2]);
	cr_assert_eq(function->bdf, CORDON_BDF(0, 1, 0, 0));
	cr_assert_eq(function->parent, machine_function(port));
	cr_assert_eq(function->class_code, 0x010802);
	cr_assert_eq(function->revision, 7);
	cr_assert_eq(function->interrupt_pin, 1);
	cr_assert_eq(function->subsystem_vendor, 0x1af4);
	cr_assert_eq(function->subsystem_device, 0x1100);
	cr_assert_eq(pci_find(CORDON_BDF(0, 1, 0, 0)), function);
	cr_assert_null(pci_find(CORDON_BDF(1, 1, 0, 0)));
	cr_assert(machine_function(found[3])->multifunction &&
	          machine_function(found[4])->multifunction);
	cr_assert_not(function->multifunction);
}

Test(enumerate, functions_1_to_7_only_where_the_device_says_so)
{
	machine_start();
	machine_endpoint(NULL, 3, 0);
	machine_endpoint(NULL, 3, 1); /* a ghost: function 0 does not announce it */
	machine_endpoint(NULL, 4, 1); /* without function 0 there is no device */
	machine_boot();
	cr_assert_eq(function_count(), 1);
}

Test(enumerate, only_slot_0_behind_a_link)
{
	struct device *port;

	machine_start();
	port = machine_port(NULL, 1, 0, PCI_EXPRESS_ROOT_PORT, 0);
	machine_endpoint(port, 0, 0);
	machine_endpoint(port, 1, 0);
	machine_number();
	machine_boot();
	cr_assert_eq(function_count(), 2);
}

Test(enumerate, every_slot_behind_a_conventional_bridge)
{
	struct device *bridge;

	machine_start();
	bridge = machine_bridge(NULL, 1, 0);
	machine_endpoint(bridge, 0, 0);
	machine_endpoint(bridge, 31, 0);
	machine_number();
	machine_boot();
	cr_assert_eq(function_count(), 3);
}

Test(enumerate, a_second_root_bus_is_found)
{
	struct device *far;

	machine_start();
	machine_endpoint(NULL, 0, 0);
	far = machine_endpoint_on(0x40, 3, 0);
	machine_number();
	machine_boot();
	cr_assert_not_null(machine_function(far));
	cr_assert_eq(machine_function(far)->bdf, CORDON_BDF(0, 0x40, 3, 0));
	cr_assert_null(machine_function(far)->parent);
}

/* --- S1 ------------------------------------------------------------------------------------ */

Test(enumerate, S1_no_function_is_left_mastering_or_signalling)
{
	struct device *port, *bridge, *all[4];

	machine_start();
	all[0] = port = machine_port(NULL, 1, 0, PCI_EXPRESS_ROOT_PORT, MACHINE_ACS_ALL);
	all[1] = machine_endpoint(port, 0, 0);
	all[2] = bridge = machine_bridge(NULL, 2, 0);
	all[3] = machine_endpoint(bridge, 4, 0);
	machine_express(all[1], PCI_EXPRESS_ENDPOINT, true);
	machine_msi(all[1]);
	machine_msi(all[3]);
	machine_bar(all[1], 0, 0x4000, PCI_BAR_TYPE_64);
	machine_msix(all[1], 4, 0x2000, 0x3000);
	machine_number();
	for (unsigned int i = 0; i < 4; i++)
		machine_set16(all[i], PCI_COMMAND, 0x0107);
	machine_set16(all[1], all[1]->msi + PCI_MSI_CONTROL, 0x0081);
	machine_set16(all[3], all[3]->msi + PCI_MSI_CONTROL, 0x0081);
	machine_set16(all[1], all[1]->msix + PCI_MSIX_CONTROL, 0x8003);
	machine_boot();
	for (unsigned int i = 0; i < 4; i++) {
		cr_assert_not(machine_get16(all[i], PCI_COMMAND) & PCI_COMMAND_MASTER, "%u", i);
		cr_assert(machine_get16(all[i], PCI_COMMAND) & PCI_COMMAND_INTX_OFF, "%u", i);
		cr_assert_not(all[i]->sized_while_decoding);
	}
	cr_assert_not(machine_get16(all[1], all[1]->msi + PCI_MSI_CONTROL) & 1);
	cr_assert_not(machine_get16(all[3], all[3]->msi + PCI_MSI_CONTROL) & 1);
	cr_assert_not(machine_get16(all[1], all[1]->msix + PCI_MSIX_CONTROL) & 0x8000);
	cr_assert_not(machine_get16(all[1], all[1]->express + PCI_EXPRESS_CONTROL) &
	                      PCI_EXPRESS_NO_SNOOP,
	              "no-snoop is not permitted (S2)");
	/* Endpoints decode nothing until they are opened, bridges forward. */
	cr_assert_not(machine_get16(all[1], PCI_COMMAND) & 3);
	cr_assert_eq(machine_get16(port, PCI_COMMAND) & 3, 3);
}

Test(enumerate, S7_ats_and_sr_iov_are_off)
{
	struct device *device, *stubborn;

	machine_start();
	device = machine_endpoint(NULL, 1, 0);
	stubborn = machine_endpoint(NULL, 2, 0);
	machine_express(device, PCI_EXPRESS_ROOT_ENDPOINT, false);
	machine_express(stubborn, PCI_EXPRESS_ROOT_ENDPOINT, false);
	device->ats = machine_ext(device, PCI_EXT_ATS, 8);
	machine_allow(device, device->ats + 6, 2);
	machine_set16(device, device->ats + 6, 0x8003);
	device->sriov = machine_ext(device, PCI_EXT_SRIOV, 0x40);
	machine_allow(device, device->sriov + 8, 2);
	machine_set16(device, device->sriov + 8, 0x0009);
	stubborn->ats = machine_ext(stubborn, PCI_EXT_ATS, 8);
	machine_set16(stubborn, stubborn->ats + 6, 0x8000);
	machine_boot();
	cr_assert_eq(machine_get16(device, device->ats + 6), 0x0003);
	cr_assert_eq(machine_get16(device, device->sriov + 8), 0);
	cr_assert_null(machine_function(device)->refused);
	cr_assert_str_eq(machine_function(stubborn)->refused,
	                 "ATS, PASID, PRI or SR-IOV cannot be switched off");
}

/* --- bus numbers --------------------------------------------------------------------------- */

/* Every bridge leads to more than its own bus, and the ranges nest without overlap. */
static void assert_tree(void)
{
	const struct pci_function *a, *b;

	list_for_each(a, pci_functions(), link)
	{
		uint8_t bus = (uint8_t)(a->bdf >> 8);

		if (a->parent)
			cr_assert_eq(bus, a->parent->secondary);
		if (a->header_type != PCI_HEADER_BRIDGE)
			continue;
		if (a->secondary == 0) { /* closed: nothing leads through it */
			cr_assert_eq(a->subordinate, 0);
			continue;
		}
		cr_assert(a->secondary > bus && a->secondary <= a->subordinate);
		if (a->parent)
			cr_assert_leq(a->subordinate, a->parent->subordinate);
		list_for_each(b, pci_functions(), link)
		{
			if (b != a && b->secondary != 0 && b->parent == a->parent)
				cr_assert(a->subordinate < b->secondary ||
				          b->subordinate < a->secondary);
		}
	}
}

static struct device *tree[12];

static void build_tree(void)
{
	machine_start();
	tree[0] = machine_port(NULL, 1, 0, PCI_EXPRESS_ROOT_PORT, MACHINE_ACS_ALL);
	tree[1] = machine_port(tree[0], 0, 0, PCI_EXPRESS_UPSTREAM, 0);
	tree[2] = machine_port(tree[1], 0, 0, PCI_EXPRESS_DOWNSTREAM, 0);
	tree[3] = machine_port(tree[1], 1, 0, PCI_EXPRESS_DOWNSTREAM, 0);
	tree[4] = machine_endpoint(tree[2], 0, 0);
	tree[5] = machine_endpoint(tree[3], 0, 0);
	tree[6] = machine_port(NULL, 2, 0, PCI_EXPRESS_ROOT_PORT, MACHINE_ACS_ALL);
	tree[7] = machine_port(tree[6], 0, 0, PCI_EXPRESS_TO_PCI, 0);
	tree[8] = machine_bridge(tree[7], 3, 0);
	tree[9] = machine_endpoint(tree[8], 31, 0);
	tree[10] = machine_endpoint(tree[7], 1, 0);
	tree[11] = machine_endpoint_on(0x80, 0, 0);
}

static void assert_all_found(void)
{
	assert_tree();
	cr_assert_eq(function_count(), ARRAY_SIZE(tree));
	for (size_t i = 0; i < ARRAY_SIZE(tree); i++)
		cr_assert_not_null(machine_function(tree[i]), "device %zu", i);
}

Test(enumerate, good_numbers_of_firmware_are_kept)
{
	build_tree();
	machine_number();
	/* Room that firmware keeps for later. */
	tree[6]->bytes[PCI_SUBORDINATE_BUS] = 0x20;
	machine_boot();
	assert_all_found();
	cr_assert_eq(tree[1]->bytes[PCI_SECONDARY_BUS], 2);
	cr_assert_eq(tree[6]->bytes[PCI_SUBORDINATE_BUS], 0x20);
}

Test(enumerate, buses_without_numbers_get_some)
{
	build_tree();
	machine_boot();
	assert_all_found();
}

Test(enumerate, clashing_numbers_are_given_anew)
{
	build_tree();
	machine_number();
	tree[6]->bytes[PCI_SECONDARY_BUS] = tree[0]->bytes[PCI_SECONDARY_BUS];
	machine_boot();
	assert_all_found();
}

Test(enumerate, random_numbers_always_end_in_a_tree)
{
	struct random random = {99};

	build_tree();
	for (int round = 0; round < 60; round++) {
		machine_number();
		for (uint64_t n = 1 + random_below(&random, 8); n > 0; n--) {
			struct device *device = tree[random_below(&random, ARRAY_SIZE(tree))];

			if (device->bytes[PCI_HEADER] & 1)
				device->bytes[PCI_PRIMARY_BUS + random_below(&random, 3)] =
				        (uint8_t)random_next(&random);
		}
		machine_boot();
		assert_all_found();
		/* As a second boot would: the lists start empty. */
		while (!list_empty(pci_functions())) {
			struct pci_function *function = list_first(pci_functions(),
			                                           struct pci_function, link);

			list_remove(&function->link);
			free(function);
		}
		pci_groups_free(pci_groups());
	}
}

Test(enumerate, a_chain_deeper_than_the_limit_is_left_closed)
{
	struct device *bridge = NULL;

	machine_start();
	for (unsigned int i = 0; i < PCI_DEPTH_MAX + 4; i++)
		bridge = machine_bridge(bridge, 0, 0);
	machine_endpoint(bridge, 0, 0);
	machine_number();
	machine_boot();
	cr_assert_eq(function_count(), PCI_DEPTH_MAX + 1);
	assert_tree();
	cr_assert(strstr(fake_log_text(),
	                 "deeper than 16 bridges: what is below stays out of reach"));
	cr_assert_null(strstr(fake_log_text(), "no bus number left"));
}

Test(enumerate, numbers_are_kept_where_a_chain_is_too_deep)
{
	struct device *first, *bridge, *beside;

	machine_start();
	first = bridge = machine_bridge(NULL, 1, 0);
	for (unsigned int i = 0; i < PCI_DEPTH_MAX; i++)
		bridge = machine_bridge(bridge, 0, 0);
	beside = machine_bridge(NULL, 2, 0);
	machine_number();
	/* Room that firmware keeps for later: new numbers would leave none. */
	beside->bytes[PCI_SUBORDINATE_BUS] = 0x40;
	machine_boot();
	cr_assert_eq(function_count(), PCI_DEPTH_MAX + 2);
	cr_assert_eq(first->bytes[PCI_SECONDARY_BUS], 1);
	cr_assert_eq(beside->bytes[PCI_SUBORDINATE_BUS], 0x40);
	cr_assert_eq(bridge->bytes[PCI_SECONDARY_BUS], 0);
	cr_assert_null(strstr(fake_log_text(), "new numbers"));
}

Test(enumerate, more_bridges_than_buses)
{
	struct mcfg mcfg = machine_mcfg();

	machine_start();
	for (uint8_t slot = 0; slot < 10; slot++)
		machine_bridge(NULL, slot, 0);
	mcfg.areas[0].last_bus = 5;
	cr_assert_eq(pci_init(&mcfg), 0);
	cr_assert_eq(function_count(), 10);
	cr_assert(strstr(fake_log_text(), "no bus number left"));
}

/* --- paths and failures -------------------------------------------------------------------- */

Test(enumerate, paths_of_device_scopes_are_followed)
{
	static const uint8_t path[][2] = {{2, 0}, {0, 0}, {3, 0}, {31, 0}};
	static const uint8_t through_endpoint[][2] = {{2, 0}, {0, 0}, {1, 0}, {0, 0}};

	build_tree();
	machine_number();
	machine_boot();
	cr_assert_eq(pci_find_path(0, 0, path, 1), machine_function(tree[6]));
	cr_assert_eq(pci_find_path(0, 0, path, 3), machine_function(tree[8]));
	cr_assert_eq(pci_find_path(0, 0, path, 4), machine_function(tree[9]));
	cr_assert_eq(pci_find_path(0, 0x80, (const uint8_t[][2]){{0, 0}}, 1),
	             machine_function(tree[11]));
	cr_assert_null(pci_find_path(0, 0, through_endpoint, 4));
	cr_assert_null(pci_find_path(1, 0, path, 1));
	cr_assert_null(pci_find_path(0, 0, (const uint8_t[][2]){{9, 0}}, 1));
	cr_assert_null(pci_find_path(0, 0, (const uint8_t[][2]){{32, 0}}, 1));
	cr_assert_null(pci_find_path(0, 0, path, 0));
}

Test(enumerate, without_ecam_there_are_no_devices)
{
	struct mcfg none = {0}, elsewhere = machine_mcfg();

	machine_start();
	cr_assert_eq(pci_init(&none), -ENODEV);
	elsewhere.areas[0].base = paddr(0x90000000);
	cr_assert_eq(pci_init(&elsewhere), -ENOMEM, "it cannot be mapped");
	cr_assert(list_empty(pci_functions()));
}

Test(enumerate, every_failed_allocation_leaves_nothing)
{
	struct mcfg mcfg = machine_mcfg();
	size_t before = heap_in_use();
	uint64_t count = 0;
	int error;

	build_tree();
	machine_number();
	do {
		fake_heap_fail(++count);
		error = pci_init(&mcfg);
		fake_heap_fail(0);
		if (error) {
			cr_assert_eq(error, -ENOMEM);
			cr_assert_eq(heap_in_use(), before, "after failure %llu",
			             (unsigned long long)count);
			cr_assert(list_empty(pci_functions()) && list_empty(pci_groups()));
		}
	} while (error && count < 1000);
	cr_assert_gt(count, ARRAY_SIZE(tree));
	assert_all_found();
}

Test(enumerate, ecam_is_known_as_taken)
{
	machine_start();
	machine_boot();
	cr_assert(pci_overlaps_ecam(0xb0000000, 1));
	cr_assert(pci_overlaps_ecam(0xbfffffff, 1));
	cr_assert(pci_overlaps_ecam(0xafffffff, 2));
	cr_assert(pci_overlaps_ecam(0, UINT64_MAX));
	cr_assert_not(pci_overlaps_ecam(0xafffffff, 1));
	cr_assert_not(pci_overlaps_ecam(0xc0000000, 0x1000));
}

Test(name, of_a_function)
{
	char name[PCI_NAME_MAX];

	pci_name(CORDON_BDF(0x12u, 0xab, 0x1f, 7), name);
	cr_assert_str_eq(name, "0012:ab:1f.7");
	pci_name(CORDON_BDF(0xffffu, 0xff, 0x1f, 7), name);
	cr_assert_str_eq(name, "ffff:ff:1f.7");
}
