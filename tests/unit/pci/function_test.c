/* SPDX-License-Identifier: MIT */
/* What is done with single functions: bus mastering, quiescing, resets, ACS, refusals. */
#include <cordon/errno.h>
#include <criterion/criterion.h>
#include <arch/percpu.h>
#include <kernel/clock.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <tests/unit/fake/fake.h>
#include <tests/unit/pci/machine.h>

/* The IOMMU layer's unit; only its presence matters here. */
static struct iommu_unit *const some_unit = (struct iommu_unit *)0x1000;

static bool masters(const struct device *device)
{
	return machine_get16(device, PCI_COMMAND) & PCI_COMMAND_MASTER;
}

/* --- bus mastering ------------------------------------------------------------------------- */

Test(master, S1_bridges_forward_only_while_a_function_below_masters)
{
	struct device *port, *up, *down[2], *end[2];

	machine_start();
	port = machine_port(NULL, 1, 0, PCI_EXPRESS_ROOT_PORT, MACHINE_ACS_ALL);
	up = machine_port(port, 0, 0, PCI_EXPRESS_UPSTREAM, 0);
	for (uint8_t i = 0; i < 2; i++) {
		down[i] = machine_port(up, i, 0, PCI_EXPRESS_DOWNSTREAM, 0);
		end[i] = machine_endpoint(down[i], 0, 0);
	}
	machine_number();
	machine_boot();
	struct pci_function *a = machine_function(end[0]), *b = machine_function(end[1]);

	a->iommu = b->iommu = some_unit;
	pci_set_master(a, true);
	cr_assert(masters(end[0]) && masters(down[0]) && masters(up) && masters(port));
	cr_assert_not(masters(end[1]) || masters(down[1]));
	pci_set_master(a, true);
	pci_set_master(b, true);
	pci_set_master(a, false);
	cr_assert(masters(end[1]) && masters(down[1]) && masters(up) && masters(port));
	cr_assert_not(masters(end[0]) || masters(down[0]), "asked twice, taken back once");
	pci_set_master(a, false);
	cr_assert(masters(port), "taking it back twice does not count twice");
	pci_set_master(b, false);
	cr_assert_not(masters(end[1]) || masters(down[1]) || masters(up) || masters(port));
}

Test(master, S1_S5_refused_and_uncovered_functions_never_master)
{
	struct device *device, *bridge;

	machine_start();
	device = machine_endpoint(NULL, 1, 0);
	bridge = machine_bridge(NULL, 2, 0);
	machine_number();
	machine_boot();
	pci_set_master(machine_function(device), true);
	cr_assert_not(masters(device), "no IOMMU covers it");
	machine_function(device)->iommu = some_unit;
	machine_function(device)->refused = "a test says so";
	pci_set_master(machine_function(device), true);
	cr_assert_not(masters(device), "it is refused");
	machine_function(bridge)->iommu = some_unit;
	pci_set_master(machine_function(bridge), true);
	cr_assert_not(masters(bridge), "bridges are not asked for");
	machine_function(device)->refused = NULL;
	pci_set_master(machine_function(device), true);
	cr_assert(masters(device));
}

Test(master, S1_off_means_off_even_if_it_was_set_behind_our_back)
{
	struct device *device;

	machine_start();
	device = machine_endpoint(NULL, 1, 0);
	machine_boot();
	machine_set16(device, PCI_COMMAND, PCI_COMMAND_MASTER);
	pci_set_master(machine_function(device), false);
	cr_assert_not(masters(device));
}

/* A second CPU that asks for bus mastering while the first one has COMMAND registers locked. One of
 * the two runs at a time. */
static struct {
	struct percpu percpu;
	struct pci_function *function;
	pthread_t thread;
	sem_t turn, other_turn;
} second;

static void second_waits(void *context)
{
	(void)context;
	fake_on_relax(NULL, NULL);
	fake_percpu_here = &fake_percpu;
	sem_post(&second.other_turn);
	sem_wait(&second.turn);
	fake_percpu_here = &second.percpu;
}

static void *second_asks(void *context)
{
	(void)context;
	fake_percpu_here = &second.percpu;
	pci_set_master(second.function, true);
	fake_percpu_here = &fake_percpu;
	sem_post(&second.other_turn);
	return NULL;
}

/* Runs it until it waits for the lock; meanwhile its function is refused. */
static void second_begins(void)
{
	fake_on_relax(second_waits, NULL);
	cr_assert_eq(pthread_create(&second.thread, NULL, second_asks, NULL), 0);
	sem_wait(&second.other_turn);
	second.function->refused = "its unit died";
}

Test(master, S1_refused_while_another_cpu_asks_never_masters)
{
	struct device *device, *beside;

	machine_start();
	device = machine_endpoint(NULL, 1, 0);
	beside = machine_endpoint(NULL, 2, 0);
	machine_number();
	machine_boot();
	second.percpu.self = &second.percpu;
	second.percpu.number = 1;
	second.function = machine_function(device);
	sem_init(&second.turn, 0, 0);
	sem_init(&second.other_turn, 0, 0);
	second.function->iommu = machine_function(beside)->iommu = some_unit;
	beside->on_command = second_begins;
	pci_set_master(machine_function(beside), true);
	sem_post(&second.turn);
	sem_wait(&second.other_turn);
	pthread_join(second.thread, NULL);
	cr_expect(masters(beside), "the other one is not refused");
	cr_expect_not(masters(device) || second.function->master);
}

Test(master, command_updates_never_touch_it)
{
	struct device *device;

	machine_start();
	device = machine_endpoint(NULL, 1, 0);
	machine_boot();
	pci_update_command(machine_function(device), 0, 0xffff);
	cr_assert_eq(machine_get16(device, PCI_COMMAND), 0x0547 & ~PCI_COMMAND_MASTER);
	machine_function(device)->iommu = some_unit;
	pci_set_master(machine_function(device), true);
	pci_update_command(machine_function(device), 0xffff, 0);
	cr_assert_eq(machine_get16(device, PCI_COMMAND), PCI_COMMAND_MASTER);
}

/* --- quiescing and resets ------------------------------------------------------------------ */

static struct device *resettable(bool flr)
{
	struct device *port, *device;

	machine_start();
	port = machine_port(NULL, 1, 0, PCI_EXPRESS_ROOT_PORT, MACHINE_ACS_ALL);
	device = machine_endpoint(port, 0, 0);
	machine_multifunction(device);
	machine_express(device, PCI_EXPRESS_ENDPOINT, flr);
	machine_msi(device);
	machine_msix(device, 4, 0x2000, 0x3000);
	machine_bar(device, 0, 0x4000, PCI_BAR_TYPE_64);
	machine_bar(device, 2, 0x100000, PCI_BAR_TYPE_64 | PCI_BAR_PREFETCH);
	machine_rom(device, 0x1000);
	machine_acs(device, 0x0c);
	memcpy(device->reset, device->bytes, sizeof(device->reset));
	machine_number();
	machine_boot();
	machine_function(device)->iommu = some_unit;
	return device;
}

/* As a task leaves it. */
static void disturb(struct device *device)
{
	pci_set_master(machine_function(device), true);
	pci_update_command(machine_function(device), PCI_COMMAND_INTX_OFF, PCI_COMMAND_MEMORY);
	machine_set16(device, device->msi + PCI_MSI_CONTROL, 0x0081);
	machine_set16(device, device->msix + PCI_MSIX_CONTROL, 0x8003);
	device->bytes[PCI_CACHE_LINE] = 16;
	device->bytes[PCI_INTERRUPT_LINE] = 11;
}

Test(quiesce, S8_stops_dma_and_interrupts)
{
	struct device *device = resettable(true);

	disturb(device);
	cr_assert_eq(pci_quiesce(machine_function(device)), 0);
	cr_assert_eq(machine_get16(device, PCI_COMMAND) &
	                     (PCI_COMMAND_MASTER | PCI_COMMAND_INTX_OFF),
	             PCI_COMMAND_INTX_OFF);
	cr_assert_not(masters(device->parent));
	cr_assert_eq(machine_get16(device, device->msi + PCI_MSI_CONTROL) & PCI_MSI_ENABLE, 0);
	cr_assert_eq(machine_get16(device, device->msix + PCI_MSIX_CONTROL) & 0xc000,
	             PCI_MSIX_MASK_ALL);
}

Test(quiesce, S8_pending_transactions_are_waited_for_but_not_for_ever)
{
	struct device *device = resettable(true);
	uint64_t start = clock_now(), waited;

	device->pending_for_ever = true;
	cr_assert_eq(pci_quiesce(machine_function(device)), -EIO);
	waited = clock_now() - start;
	cr_assert(waited >= 100000000 && waited < 200000000);
	cr_assert_not(masters(device));
}

static struct device *finishing;

static void finish(void *context)
{
	(void)context;
	finishing->bytes[finishing->express + PCI_EXPRESS_DEVICE_STATUS] = 0;
}

Test(quiesce, S8_transactions_that_end_are_enough)
{
	struct device *device = resettable(true);

	finishing = device;
	device->bytes[device->express + PCI_EXPRESS_DEVICE_STATUS] = PCI_EXPRESS_PENDING;
	fake_on_relax(finish, NULL);
	cr_assert_eq(pci_quiesce(machine_function(device)), 0);
}

Test(reset, S8_a_confirmed_reset_restores_what_enumeration_set)
{
	struct device *device = resettable(true);
	struct pci_function *function = machine_function(device);
	uint64_t bar0 = function->bars[0].base, bar2 = function->bars[2].base;
	uint16_t control = machine_get16(device, device->express + PCI_EXPRESS_CONTROL);

	disturb(device);
	cr_assert(pci_has_flr(function));
	cr_assert_eq(pci_reset(function), 0);
	cr_assert_eq(device->resets, 1);
	cr_assert_eq(machine_get16(device, PCI_COMMAND), PCI_COMMAND_INTX_OFF);
	cr_assert_eq(machine_get32(device, PCI_BARS), (uint32_t)bar0 | PCI_BAR_TYPE_64);
	cr_assert_eq(machine_get32(device, PCI_BARS + 12), bar2 >> 32);
	cr_assert_eq(machine_get32(device, PCI_ROM_ENDPOINT), function->rom.base);
	cr_assert_eq(machine_get16(device, device->msi + PCI_MSI_CONTROL) & 1, 0);
	cr_assert_eq(machine_get16(device, device->msix + PCI_MSIX_CONTROL) & 0x8000, 0);
	cr_assert_eq(device->bytes[PCI_CACHE_LINE], 16);
	cr_assert_eq(device->bytes[PCI_INTERRUPT_LINE], 11);
	cr_assert_eq(machine_get16(device, device->express + PCI_EXPRESS_CONTROL), control,
	             "and no-snoop stays forbidden");
	cr_assert_eq(machine_get16(device, device->acs + PCI_ACS_CONTROL), 0x0c,
	             "ACS is on again (S4)");
	cr_assert_not(function->master || masters(device->parent));
}

Test(reset, S8_the_function_is_not_touched_for_100_ms)
{
	struct device *device = resettable(true);
	uint64_t start = clock_now();

	cr_assert_eq(pci_reset(machine_function(device)), 0);
	cr_assert_geq(clock_now() - start, 100000000);
}

Test(reset, S8_a_function_that_promises_it_is_not_waited_for)
{
	struct device *device = resettable(true);
	uint64_t start = clock_now();

	device->bytes[PCI_STATUS] |= PCI_STATUS_IMMEDIATE;
	cr_assert_eq(pci_reset(machine_function(device)), 0);
	cr_assert_lt(clock_now() - start, 100000000);
}

Test(reset, S8_a_reset_that_did_not_happen_is_noticed)
{
	struct device *device = resettable(true);

	device->flr_does_nothing = true;
	cr_assert_eq(pci_reset(machine_function(device)), -EIO);
	cr_assert_eq(device->resets, 1);
	cr_assert_not(masters(device));
}

Test(reset, S8_a_reset_that_keeps_bars_is_noticed)
{
	struct device *device = resettable(true);

	device->flr_forgets_bars = true;
	cr_assert_eq(pci_reset(machine_function(device)), -EIO);
}

Test(reset, S8_a_function_that_never_comes_back)
{
	struct device *device = resettable(true);
	struct pci_function *function = machine_function(device);
	uint64_t start = clock_now();

	/* Gone from the moment of the reset on. */
	finishing = device;
	device->parent->bytes[PCI_SECONDARY_BUS] = 0;
	cr_assert_neq(pci_reset(function), 0);
	cr_assert_lt(clock_now() - start, UINT64_C(2000000000));
}

Test(reset, S4_acs_that_does_not_come_back_is_noticed)
{
	struct device *device = resettable(true);

	device->acs_is_a_lie = true;
	cr_assert_eq(pci_reset(machine_function(device)), -EIO);
}

Test(reset, a_function_without_one)
{
	struct device *device = resettable(false);

	cr_assert_not(pci_has_flr(machine_function(device)));
	cr_assert_eq(pci_reset(machine_function(device)), -ENOTTY);
	cr_assert_eq(device->resets, 0);
}

Test(reset, bars_are_restored_on_demand)
{
	struct device *device = resettable(true);
	struct pci_function *function = machine_function(device);

	machine_set_bar(device, 0, 0x40000000);
	machine_set_bar(device, 2, 0x40000000);
	pci_restore_bars(function);
	cr_assert_eq(machine_get32(device, PCI_BARS) & ~15u, (uint32_t)function->bars[0].base);
	cr_assert_eq(machine_get32(device, PCI_BARS + 12), function->bars[2].base >> 32);
}

/* --- ACS ----------------------------------------------------------------------------------- */

Test(acs, S4_what_is_offered_is_switched_on_and_read_back)
{
	struct device *full, *some, *liar;

	machine_start();
	full = machine_port(NULL, 1, 0, PCI_EXPRESS_ROOT_PORT, MACHINE_ACS_ALL);
	some = machine_port(NULL, 2, 0, PCI_EXPRESS_ROOT_PORT, 0x05);
	liar = machine_port(NULL, 3, 0, PCI_EXPRESS_ROOT_PORT, MACHINE_ACS_ALL);
	liar->acs_is_a_lie = true;
	/* Firmware allowed direct translated requests. */
	machine_set16(full, full->acs + PCI_ACS_CONTROL, 0x0040);
	machine_number();
	machine_boot();
	cr_assert_eq(machine_function(full)->acs_enabled, 0x1f,
	             "direct translated requests are off");
	cr_assert_eq(machine_get16(full, full->acs + PCI_ACS_CONTROL), 0x1f);
	cr_assert_eq(machine_function(some)->acs_enabled, 0x05);
	cr_assert_eq(machine_function(liar)->acs_enabled, 0);
}

Test(acs, S4_groups_follow_what_read_back)
{
	struct device *port, *below;

	machine_start();
	port = machine_port(NULL, 1, 0, PCI_EXPRESS_ROOT_PORT, MACHINE_ACS_ALL);
	port->acs_is_a_lie = true;
	below = machine_endpoint(port, 0, 0);
	machine_number();
	machine_boot();
	cr_assert_eq(machine_function(below)->group, machine_function(port)->group);
	cr_assert_eq(pci_group_find(machine_function(port)->group)->function_count, 2);
	cr_assert_null(pci_group_find(99));
}

/* --- refusals (S5) ------------------------------------------------------------------------- */

static const char *refusal_of_class(uint32_t class_code)
{
	struct device *device;

	machine_start();
	device = machine_endpoint(NULL, 1, 0);
	machine_class(device, class_code);
	machine_boot();
	return machine_function(device)->refused;
}

#define CLASS_TEST(name, code, expected)                            \
	Test(refuse, S5_##name)                                     \
	{                                                           \
		cr_assert_str_eq(refusal_of_class(code), expected); \
	}

CLASS_TEST(host_bridge, 0x060000, "it is a host bridge")
CLASS_TEST(isa_bridge, 0x060100, "it is the bridge to legacy devices")
CLASS_TEST(other_bridge, 0x068000, "it is a bridge of an unknown kind")
CLASS_TEST(iommu, 0x080600, "it is an IOMMU")
CLASS_TEST(event_collector, 0x080700, "it collects errors of other functions")

Test(refuse, S5_a_plain_device_is_not)
{
	cr_assert_null(refusal_of_class(0x010802));
}

static struct device *endpoint_with_id(uint8_t slot, uint16_t vendor, uint16_t id)
{
	struct device *device = machine_endpoint(NULL, slot, 0);

	machine_id(device, vendor, id);
	return device;
}

Test(refuse, S5_devices_that_are_known_to_bypass)
{
	struct device *rings, *first, *last;

	machine_start();
	rings = endpoint_with_id(1, 0x15ad, 0x07c0);
	first = endpoint_with_id(2, 0x1000, 0x0001);
	last = endpoint_with_id(3, 0x1000, 0x0013);
	machine_boot();
	cr_assert_str_eq(machine_function(rings)->refused, "its rings bypass the IOMMU");
	cr_assert_str_eq(machine_function(first)->refused,
	                 "its scripts reach I/O ports, which no IOMMU checks");
	cr_assert_str_eq(machine_function(last)->refused, machine_function(first)->refused);
}

Test(refuse, S5_their_neighbours_are_not)
{
	static const uint16_t ids[][2] = {
	        {0x15ad, 0x07bf}, {0x15ad, 0x07c1}, {0x1000, 0x0014}, {0x1001, 0x0012}};
	struct device *devices[ARRAY_SIZE(ids)];

	machine_start();
	for (uint8_t i = 0; i < ARRAY_SIZE(ids); i++)
		devices[i] = endpoint_with_id(i + 1, ids[i][0], ids[i][1]);
	machine_boot();
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		cr_assert_null(machine_function(devices[i])->refused, "%zu", i);
}

Test(refuse, S5_an_iommu_with_a_broken_list_is_named_as_what_it_is)
{
	struct device *device;

	machine_start();
	device = machine_endpoint(NULL, 1, 0);
	machine_class(device, 0x080600);
	machine_msi(device);
	machine_cap(device, PCI_CAP_MSI, 4);
	machine_boot();
	cr_assert_str_eq(machine_function(device)->refused, "it is an IOMMU");
}

Test(refuse, S5_malformed_capability_lists_and_what_is_below_them)
{
	struct device *device, *bridge, *below;

	machine_start();
	device = machine_endpoint(NULL, 1, 0);
	machine_msi(device);
	device->bytes[device->msi + 1] = (uint8_t)device->msi;
	bridge = machine_port(NULL, 2, 0, PCI_EXPRESS_ROOT_PORT, 0);
	machine_msi(bridge);
	bridge->bytes[bridge->msi + 1] = (uint8_t)bridge->msi;
	below = machine_endpoint(bridge, 0, 0);
	machine_number();
	machine_boot();
	cr_assert_str_eq(machine_function(device)->refused, "its capability list is malformed");
	cr_assert_str_eq(machine_function(below)->refused, "the bridge above it is not sound");
}

static const char *refusal_of_msix(unsigned int vectors, uint32_t table, uint32_t pending)
{
	struct device *device;

	machine_start();
	device = machine_endpoint(NULL, 1, 0);
	machine_bar(device, 0, 0x2000, PCI_BAR_TYPE_64);
	machine_bar(device, 2, 0x1000, PCI_BAR_SPACE_IO);
	machine_msix(device, vectors, table, pending);
	machine_boot();
	return machine_function(device)->refused;
}

#define MSIX_TEST(name, ...)                                                        \
	Test(refuse, S7_msix_##name)                                                \
	{                                                                           \
		const char *refused = refusal_of_msix(__VA_ARGS__);                 \
		cr_assert_not_null(refused);                                        \
		cr_assert_str_eq(refused, "its MSI-X table lies outside its BARs"); \
	}

MSIX_TEST(in_a_bar_that_is_not_there, 4, 0x0004, 0x1000)
MSIX_TEST(in_the_upper_half_of_a_bar, 4, 0x0001, 0x1000)
MSIX_TEST(in_an_io_bar, 4, 0x0002, 0x1000)
MSIX_TEST(in_a_reserved_bar, 4, 0x0007, 0x1000)
MSIX_TEST(table_beyond_the_end, 4, 0x2000, 0x1000)
MSIX_TEST(table_across_the_end, 129, 0x1800, 0x1000)
MSIX_TEST(pending_across_the_end, 65, 0x0000, 0x1ff8)

Test(refuse, S7_msix_at_the_very_end_is_sound)
{
	cr_assert_null(refusal_of_msix(128, 0x1800, 0x17f0));
}

/* --- virtio (S5) --------------------------------------------------------------------------- */

static uint32_t feature_select, feature_words[2];

static uint64_t virtio_read(void *context, uint64_t offset, unsigned int width)
{
	(void)context;
	cr_assert_eq(width, 4);
	if (offset == 4)
		return feature_select < 2 ? feature_words[feature_select] : 0;
	return feature_select;
}

static void virtio_write(void *context, uint64_t offset, unsigned int width, uint64_t value)
{
	(void)context;
	cr_assert(width == 4 && offset == 0, "only the selection is written");
	feature_select = (uint32_t)value;
}

#define VIRTIO_BAR 0xfe000000

static struct device *virtio(uint16_t id, bool modern)
{
	static const struct fake_device model = {virtio_read, virtio_write, NULL};
	struct device *device;

	machine_start();
	fake_mmio_add(paddr(VIRTIO_BAR + 0x1000), 0x1000, &model);
	device = machine_endpoint(NULL, 1, 0);
	machine_id(device, 0x1af4, id);
	machine_bar(device, 4, 0x4000, PCI_BAR_TYPE_64);
	machine_set_bar(device, 4, VIRTIO_BAR);
	machine_cap(device, PCI_CAP_VENDOR, 20);
	device->bytes[0x43] = 4; /* device configuration: not this one */
	if (modern) {
		uint16_t at = machine_cap(device, PCI_CAP_VENDOR, 16);

		device->bytes[at + 3] = 1;
		device->bytes[at + 4] = 4;
		machine_set32(device, (uint16_t)(at + 8), 0x1000);
		machine_set32(device, (uint16_t)(at + 12), 0x1000);
	}
	return device;
}

Test(virtio, S5_with_access_platform_is_handed_out)
{
	struct device *device = virtio(0x1042, true);

	feature_words[1] = 0x3;
	machine_boot();
	cr_assert_null(machine_function(device)->refused);
	cr_assert_eq(feature_select, 0);
	cr_assert_eq(machine_get16(device, PCI_COMMAND) & 7, 0, "decoding is off again");
}

Test(virtio, S5_without_access_platform_is_refused)
{
	struct device *device = virtio(0x1042, true);

	feature_words[0] = 0xffffffff;
	feature_words[1] = 0xfffffffd;
	machine_boot();
	cr_assert_str_eq(machine_function(device)->refused,
	                 "virtio without ACCESS_PLATFORM bypasses the IOMMU");
}

/* The refusal of a device that accepts ACCESS_PLATFORM. */
static const char *refusal_of_virtio(uint16_t id)
{
	struct device *device = virtio(id, true);

	feature_words[1] = 0x3;
	machine_boot();
	return machine_function(device)->refused;
}

Test(virtio, S5_a_balloon_takes_pages_whatever_it_accepts)
{
	cr_assert_str_eq(refusal_of_virtio(0x1045), "virtio that takes pages of memory away");
}

Test(virtio, S5_so_does_a_memory_device)
{
	cr_assert_str_eq(refusal_of_virtio(0x1058), "virtio that takes pages of memory away");
}

Test(virtio, S5_the_types_beside_them_do_not)
{
	cr_assert_null(refusal_of_virtio(0x1044));
}

Test(virtio, S5_persistent_memory_does_not)
{
	cr_assert_null(refusal_of_virtio(0x105b));
}

Test(virtio, S5_with_a_legacy_interface_is_refused)
{
	struct device *device = virtio(0x1001, true);

	feature_words[1] = 0x3;
	machine_boot();
	cr_assert_str_eq(machine_function(device)->refused,
	                 "virtio with a legacy interface can bypass the IOMMU");
}

Test(virtio, S5_without_a_common_configuration_is_refused)
{
	struct device *device = virtio(0x1042, false);

	machine_boot();
	cr_assert_str_eq(machine_function(device)->refused,
	                 "virtio without a common configuration");
}

Test(virtio, S5_with_a_configuration_outside_its_bar_is_refused)
{
	struct device *device = virtio(0x1042, true);

	feature_words[1] = 0x3;
	machine_set32(device, 0x54 + 8, 0x3ffc);
	machine_boot();
	cr_assert_str_eq(machine_function(device)->refused,
	                 "virtio without a common configuration");
}

Test(virtio, S5_other_devices_of_the_vendor_are_not_asked)
{
	struct device *device = virtio(0x1110, false);

	machine_boot();
	cr_assert_null(machine_function(device)->refused);
}
