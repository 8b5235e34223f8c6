/* SPDX-License-Identifier: MIT */
/*
 * From the boot entry to the first task, in the order that safety asks for: no function may master
 * a bus before translation is on, and no interrupt is enabled before remapping decides on it.
 */
#include <arch/boot.h>
#include <arch/console.h>
#include <arch/irq.h>
#include <arch/mmio.h>
#include <arch/percpu.h>
#include <arch/smp.h>
#include <cordon/errno.h>
#include <drivers/acpi/acpi.h>
#include <drivers/iommu/iommu.h>
#include <drivers/pci/pci.h>
#include <drivers/vfio/vfio.h>
#include <kernel/asan.h>
#include <kernel/cmdline.h>
#include <kernel/console.h>
#include <kernel/heap.h>
#include <kernel/inject.h>
#include <kernel/lock_stats.h>
#include <kernel/log.h>
#include <kernel/mark.h>
#include <kernel/page.h>
#include <kernel/panic.h>
#include <kernel/sched.h>
#include <kernel/selftest.h>
#include <kernel/string.h>
#include <kernel/syscall.h>
#include <kernel/system.h>
#include <kernel/task.h>
#include <kernel/version.h>
#include <kernel/trace.h>
#include <kernel/trap.h>
#include <lib/cpio/cpio.h>

#define CONSOLE_IRQ 4 /* COM1 */

static void log_options(void)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	const char *value;
	size_t length;

	if (!cmdline_find("log", &value, &length))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (length == strlen(names[i]) && strncmp(value, names[i], length) == 0) {
			log_set_level((enum log_level)i);
			return;
		}
	log_warn("option log: not one of error, warn, info, debug");
}

static void memory_start(const struct boot_info *boot)
{
	paddr_t smp_page = arch_smp_page(boot);
	const struct memory_range reserved[] = {
	        {.start = boot_kernel_start(),
	         .size = boot_kernel_end().raw - boot_kernel_start().raw},
	        {.start = smp_page, .size = PAGE_SIZE},
	};

	page_init(boot->ranges, boot->range_count, reserved,
	          smp_page.raw ? ARRAY_SIZE(reserved) : 1);
	arch_init_memory(boot);
	asan_start();
	if (sched_init(percpu()))
		panic("no memory for the first thread");
	log_info("%s", version_text);
	log_info("memory: %llu MiB, %llu MiB free", (unsigned long long)(page_total_count() >> 8),
	         (unsigned long long)(page_free_count() >> 8));
}

static bool exit_is_debug(void)
{
	static const char debug[] = "debug";
	const char *value;
	size_t length;

	if (!cmdline_find("exit", &value, &length))
		return false;
	if (length == sizeof(debug) - 1 && strncmp(value, debug, length) == 0)
		return true;
	log_warn("option exit: not debug");
	return false;
}

/* Finds the ACPI power-off registers and how to write S5 to them. */
static void power_start(const struct fadt *fadt)
{
	const struct acpi_bytes *dsdt = NULL;
	struct acpi_bytes table;
	uint8_t slp_typ = 0;

	if (acpi_find("DSDT", 0, &table))
		dsdt = &table;
	bool known = dsdt && dsdt_find_s5(*dsdt, &slp_typ);
	arch_poweroff_setup(exit_is_debug(), known ? (uint16_t)fadt->pm1a_control : 0,
	                    known ? (uint16_t)fadt->pm1b_control : 0, slp_typ);
}

static void platform_start(const struct boot_info *boot, struct madt *madt)
{
	struct arch_platform platform = {.local_apic = paddr(0xfee00000)};
	struct acpi_bytes table;
	struct fadt fadt = {0};
	const char *failed;

	if (acpi_init(boot->acpi_rsdp))
		log_error("no usable ACPI tables");
	if (acpi_find("APIC", 0, &table) && madt_parse(table, madt) == 0)
		platform.local_apic = madt->local_apic;
	if (acpi_find("FACP", 0, &table) && fadt_parse(table, &fadt) == 0) {
		platform.pm_timer_port = fadt.pm_timer_port;
		platform.pm_timer_32bit = fadt.pm_timer_32bit;
	}
	if (acpi_find("HPET", 0, &table) && hpet_parse(table, &platform.hpet))
		platform.hpet = paddr(0);
	power_start(&fadt);
	failed = arch_init_interrupts(&platform);
	if (failed)
		panic("%s", failed);
}

static void devices_start(const struct boot_info *boot)
{
	static struct mcfg mcfg;
	struct acpi_bytes table;
	int error;

	/* Where firmware says there is something else, no BAR is put. */
	for (size_t i = 0; i < boot->range_count; i++)
		if (!boot->ranges[i].usable)
			pci_exclude(boot->ranges[i].start, boot->ranges[i].size);
	if (acpi_find("MCFG", 0, &table) && mcfg_parse(table, &mcfg))
		mcfg.count = 0;
	error = pci_init(&mcfg);
	if (error)
		log_error("PCI: not usable, no devices%s",
		          error == -ENOMEM ? ": out of memory" : "");
	iommu_init();
	if (iommu_interrupts_extended())
		irq_x2apic_enable();
	vfio_init();
}

static void console_interrupt(void *context)
{
	(void)context;
	console_receive();
}

/* The serial line's interrupt, through interrupt remapping where that is on. */
static int console_route(const struct madt *madt)
{
	struct ioapic_info ioapics[MADT_IOAPICS_MAX];
	bool level = false, active_low = false;
	struct iommu_unit *unit;
	uint32_t gsi = CONSOLE_IRQ, index;
	int32_t remapped = -1;
	vector_t vector;
	rid_t source;
	int error;

	for (size_t i = 0; i < madt->ioapic_count; i++)
		ioapics[i] = (struct ioapic_info){madt->ioapics[i].id, madt->ioapics[i].gsi_base,
		                                  madt->ioapics[i].base};
	error = ioapic_init(ioapics, madt->ioapic_count);
	if (error)
		return error;
	for (size_t i = 0; i < madt->override_count; i++)
		if (madt->overrides[i].irq == CONSOLE_IRQ) {
			gsi = madt->overrides[i].gsi;
			level = madt->overrides[i].level;
			active_low = madt->overrides[i].active_low;
		}
	error = irq_vector_alloc(console_interrupt, NULL, &vector);
	if (error)
		return error;
	if (madt->ioapic_count && iommu_ioapic_source(madt->ioapics[0].id, &unit, &source) == 0) {
		error = iommu_remap_alloc(unit, source, vector, level, &index);
		if (error)
			return error;
		if (!iommu_remap_by_vector(unit))
			remapped = (int32_t)index;
	}
	error = ioapic_route(gsi, vector, remapped, level, active_low);
	if (error)
		return error;
	console_enable_receive();
	return ioapic_mask(gsi, false);
}

/* One handle of the first task; the object's reference is the array's. */
static void give(struct spawn_handle *to, struct object *object, const char *name)
{
	to->object = object;
	to->rights = object->ops->rights;
	string_copy(to->name, name, sizeof(to->name));
}

/*
 * The budget of init, from which every other is taken. Most of memory is for tasks; a part is for
 * what the kernel holds on their behalf, and a small one for itself: what system calls need until
 * they return, the heap's frames that are not full. The other kinds cost kernel memory; of stacks
 * there are so many places.
 */
static int machine_account(struct account **out)
{
	uint64_t frames = page_free_count() - page_free_count() / 32;
	const struct cordon_budget budget = {
	        .frames = frames - frames / 8,
	        .kernel = frames / 8 * PAGE_SIZE,
	        .handles = 1 << 18,
	        .threads = 1 << 13,
	        .mappings = 1 << 22,
	        .objects = 1 << 20,
	        .cpu = CORDON_CPU_PARTS,
	};

	return account_create(&budget, out);
}

/* Starts init from the initramfs, with the authority and the archive. */
static void first_task(void)
{
	static const char argv[] = "init";
	struct spawn_handle handles[5];
	struct cordon_cpio_entry entry;
	struct memory *initramfs;
	struct object *authority;
	struct account *account;
	struct task *task;
	uint64_t size;
	paddr_t base;

	boot_initramfs(&base, &size);
	if (cordon_cpio_find(phys_to_virt(base), size, "/init", &entry))
		panic("no /init in the initramfs");
	if (memory_create_static(base, align_up(size, PAGE_SIZE), &initramfs) ||
	    authority_create(&authority) || machine_account(&account))
		panic("no memory for the first task");
	give(&handles[0], console_object(), "stdin");
	give(&handles[1], console_object(), "stdout");
	give(&handles[2], console_object(), "stderr");
	give(&handles[3], authority, "authority");
	give(&handles[4], &initramfs->object, "initramfs");
	const struct spawn spawn = {
	        .name = "init",
	        .image = initramfs,
	        .image_offset = entry.offset,
	        .image_size = entry.size,
	        .argv = argv,
	        .argv_bytes = sizeof(argv),
	        .envp = "",
	        .handles = handles,
	        .handle_count = ARRAY_SIZE(handles),
	        .account = account,
	        .vital = true,
	};
	int error = task_spawn(&spawn, &task);
	if (error)
		panic("init cannot be started: %s", error == -ENOMEM ? "out of memory"
		                                    : error == -EMFILE
		                                            ? "no room for its handles"
		                                            : "its program cannot be used");
	selftest_first_task(task);
	for (size_t i = 0; i < ARRAY_SIZE(handles); i++)
		object_unref(handles[i].object);
	object_unref(&task->object);
	account_unref(account);
}

static uint64_t heap_counter(void)
{
	heap_settle();
	return heap_in_use();
}

/* With those that are kept for the next thread's stack. */
static uint64_t pages_free(void)
{
	heap_settle();
	return page_free_count() + arch_stack_kept_frames();
}

static uint64_t cpus_running(void)
{
	return arch_cpu_count();
}

/* name_all(): the sum of a counter that each CPU keeps for itself. */
#define SUM_OF_CPUS(name)                                           \
	static uint64_t name##_all(void)                            \
	{                                                           \
		uint64_t sum = 0;                                   \
                                                                    \
		for (unsigned int i = 0; i < arch_cpu_count(); i++) \
			sum += arch_cpu(i)->name;                   \
		return sum;                                         \
	}
SUM_OF_CPUS(kicks)
SUM_OF_CPUS(switches)
SUM_OF_CPUS(interrupts)
SUM_OF_CPUS(shootdowns)

static uint64_t entry_timestamp;

static uint64_t boot_ticks(void)
{
	return thread_first_entry() - entry_timestamp;
}

/* What budgets refused, of each kind. */
static void refusals_at(uint32_t kind, struct cordon_counter *out)
{
	format_text(out->name, sizeof(out->name), "refused.%s", account_kind_name(kind));
	out->value = account_refusals(kind);
}

static void counters_start(void)
{
	system_counter("boot.ticks_to_init", boot_ticks);
	system_counter("pages.total", page_total_count);
	system_counter("pages.free", pages_free);
	system_counter("pages.kernel_tables", arch_kernel_tables);
	system_counter("heap.bytes", heap_counter);
	system_counter("heap.frames", heap_frames);
	system_counter("irq.spurious", irq_spurious_count);
	system_counter("cpus.running", cpus_running);
	system_counter("cpus.switches", switches_all);
	system_counter("cpus.interrupts", interrupts_all);
	system_counter("cpus.kicks", kicks_all);
	system_counter("cpus.shootdowns", shootdowns_all);
	system_counter("tasks.faults", trap_fault_count);
	system_counter("stacks.grown", trap_growth_count);
	system_counter_table(CHARGE_KINDS, refusals_at);
	system_counter_table(lock_stats_count(), lock_stats_at);
}

void kernel_main(const struct boot_info *boot)
{
	static struct madt madt;

	entry_timestamp = boot->entry_timestamp;
	cmdline_init(boot->command_line);
	arch_poweroff_setup(exit_is_debug(), 0, 0, 0); /* for a panic before ACPI is known */
	arch_init_early();
	log_options();
	inject_init();
	mark_init();
	syscall_watch_start();
	trace_init();
	memory_start(boot);
	selftest_run();
	console_init();
	platform_start(boot, &madt);
	if (system_init())
		panic("no memory for system objects");
	devices_start(boot);
	if (console_route(&madt))
		log_warn("console: no receive interrupt, nothing can be typed");
	counters_start();
	arch_smp_start(arch_smp_page(boot), madt.cpu_apic_ids, madt.cpu_count);
	first_task();
	inject_boot_done();
	cmdline_report_unknown();
	mark_step_leave(MARK_STEP_BOOT);
	sched_idle();
}
