/* SPDX-License-Identifier: MIT */
/* One AMD-Vi unit: what it is, taking it over, bringing it up. */
#include <drivers/iommu/amd/amd.h>

#include <arch/irq.h>
#include <cordon/errno.h>
#include <kernel/clock.h>
#include <kernel/page.h>
#include <kernel/panic.h>

#define LOG_TAG "amd-vi"
#include <kernel/log.h>

static const struct iommu_ops amd_ops = {
        .attach = amd_attach,
        .block = amd_block,
        .invalidate = amd_invalidate,
        .fault_read = amd_fault_read,
        .fault_silence = amd_fault_silence,
        .fault_interrupt_mask = amd_fault_interrupt_mask,
        .remap_write = amd_remap_write,
};

static const char reason_malformed[] = "its registers make no sense";
static const char reason_unsure[] =
        "an emulated one translates only with its property dma-remap=on, and does "
        "not tell: say iommu.dma-remap=on when it is (docs/options.md)";
static const char reason_on[] = "it was switched on, but stays off";
static const char reason_events_on[] = "its event log does not work";
static const char reason_pair[] = "the processor cannot store an entry at once (no CMPXCHG16B)";
static const char reason_queue_on[] = "its command buffer does not work";

/* Addresses for HyperTransport's own purposes: never translated (2.1.4.1). */
#define HT_FIRST UINT64_C(0xfd00000000)
#define HT_LAST  UINT64_C(0xffffffffff)

/* What the unit of QEMU 7.2 reports: its features, those that the firmware table has, and a device
 * id that is the function's own place on the bus. */
#define EARLY_FEATURES UINT64_C(0x29d3)
#define EARLY_REPORTED 0x44u
#define EARLY_TYPE     0x10u
#define VENDOR_AMD     0x1022u

/* What that unit remembers a translation under: beyond it IOVAs, also of two devices, are one. */
#define EARLY_BITS 48u

/* Who made the function of an emulated unit, in the words of its subsystem. */
#define VENDOR_QEMU 0x1af4u

/* --- switches (3.4.4) ------------------------------------------------------------------------ */

void amd_control(struct amd_unit *unit, uint64_t bits, bool on)
{
	uint64_t state = amd_read(unit->registers, AMD_CONTROL);

	amd_write(unit->registers, AMD_CONTROL, on ? state | bits : state & ~bits);
}

bool amd_switch(struct amd_unit *unit, uint64_t bits, uint64_t run, bool on)
{
	amd_control(unit, bits, on);
	return clock_wait_until(!(amd_read(unit->registers, AMD_STATUS) & run) == !on,
	                        IOMMU_SWITCH_TIMEOUT);
}

/* --- take-over (S1) -------------------------------------------------------------------------- */

/* A buffer that hangs on an error does not get empty; it is told to go off all the same, and what
 * comes of it is seen there. */
static bool commands_off(struct amd_unit *unit)
{
	if (amd_read(unit->registers, AMD_STATUS) & AMD_STATUS_COMMANDS_RUN)
		(void)clock_wait_until(amd_read(unit->registers, AMD_COMMAND_HEAD) ==
		                               amd_read(unit->registers, AMD_COMMAND_TAIL),
		                       IOMMU_SWITCH_TIMEOUT);
	return amd_switch(unit, AMD_CONTROL_COMMANDS, AMD_STATUS_COMMANDS_RUN, false);
}

/* Memory that firmware let devices reach untranslated. */
static bool release_exclusion(struct amd_unit *unit)
{
	amd_write(unit->registers, AMD_EXCLUSION_BASE, 0);
	amd_write(unit->registers, AMD_EXCLUSION_LIMIT, 0);
	return !(amd_read(unit->registers, AMD_EXCLUSION_BASE) &
	         (AMD_EXCLUSION_ENABLE | AMD_EXCLUSION_ALLOW));
}

/*
 * Firmware or a kernel before us may have left the unit on, with tables we know nothing about. No
 * function masters the bus now, so nothing is exposed while it is off. Interrupt remapping has no
 * switch of its own: it goes with the unit, and comes with our device table. The logs of page
 * requests and of guest interrupts go off and stay off: no device may make the former, there are
 * none of the latter.
 */
static bool take_over(struct amd_unit *unit)
{
	uint64_t before = amd_read(unit->registers, AMD_CONTROL);

	/* Nothing is to raise anybody's old vectors. */
	amd_control(unit,
	            AMD_CONTROL_EVENT_IRQ | AMD_CONTROL_WAIT_IRQ | AMD_CONTROL_PPR_IRQ |
	                    AMD_CONTROL_GA_IRQ,
	            false);
	if (!commands_off(unit) ||
	    !amd_switch(unit, AMD_CONTROL_PPR | AMD_CONTROL_PPR_LOG, AMD_STATUS_PPR_RUN, false) ||
	    !amd_switch(unit, AMD_CONTROL_GA_LOG, AMD_STATUS_GA_RUN, false) ||
	    !amd_switch(unit, AMD_CONTROL_EVENTS, AMD_STATUS_EVENTS_RUN, false))
		return false;
	amd_write(unit->registers, AMD_CONTROL, 0);
	if (!clock_wait_until(!(amd_read(unit->registers, AMD_CONTROL) & AMD_CONTROL_ENABLE),
	                      IOMMU_SWITCH_TIMEOUT) ||
	    !release_exclusion(unit))
		return false;
	if (before & AMD_CONTROL_ENABLE)
		log_info("%s was on (control 0x%llx): taken over", unit->unit.name,
		         (unsigned long long)before);
	return true;
}

/* --- what it is ------------------------------------------------------------------------------ */

/* The capability of the unit's own function (3.2.1); 0: not where the firmware table says. */
static uint32_t capability_header(const struct amd_unit *unit)
{
	uint32_t header;

	if (!unit->function)
		return 0;
	header = pci_read32(unit->function, unit->description->capability);
	if ((header & 0xff) != AMD_CAPABILITY_ID ||
	    AMD_CAPABILITY_TYPE(header) != AMD_CAPABILITY_TYPE_IOMMU)
		return 0;
	return header;
}

static bool is_emulated_early(const struct amd_unit *unit)
{
	return unit->features == EARLY_FEATURES && unit->description->type == EARLY_TYPE &&
	       unit->description->features == EARLY_REPORTED && unit->function &&
	       unit->function->vendor == VENDOR_AMD &&
	       unit->function->device == (unit->function->bdf & 0xff);
}

static bool is_emulated(const struct amd_unit *unit)
{
	return unit->function && unit->function->subsystem_vendor == VENDOR_QEMU;
}

static unsigned int levels_max(const struct amd_unit *unit)
{
	const struct ivrs_unit *description = unit->description;

	if (description->type >= IVRS_TYPE_FEATURE_IMAGE &&
	    (description->features & IVRS_NO_TRANSLATION))
		return 0;
	return amd_feature_levels(unit->features);
}

static const char *identify(struct amd_unit *unit)
{
	struct iommu_unit *base = &unit->unit;
	uint32_t header;

	base->registers_size = AMD_REGISTERS_SIZE;
	unit->registers = mmio_map(base->registers, AMD_REGISTERS_SIZE);
	if (!unit->registers)
		return iommu_reason_unmapped;
	/* A bus without a device behind it reads as ones. */
	if (amd_read(unit->registers, AMD_CONTROL) == UINT64_MAX)
		return reason_malformed;
	unit->function = pci_find((cordon_bdf_t)base->segment << 16 | unit->description->device_id);
	header = capability_header(unit);
	if (!header)
		log_warn("%s: no capability in PCI config space; the least is assumed", base->name);
	else if (header & AMD_CAPABILITY_FEATURES)
		unit->features = amd_read(unit->registers, AMD_FEATURES);
	if (unit->features & AMD_FEATURE_COUNTERS)
		base->registers_size = AMD_REGISTERS_SIZE_LONG;
	unit->levels_max = levels_max(unit);
	unit->caches_absent = !header || (header & AMD_CAPABILITY_NP_CACHE);
	base->coherent = unit->description->flags & IVRS_FLAG_COHERENT;
	unit->wide_entries = unit->features & AMD_FEATURE_WIDE_ENTRIES;
	unit->emulated_early = is_emulated_early(unit);
	unit->emulated = !unit->emulated_early && is_emulated(unit);
	base->faults_unreported = unit->emulated_early;
	base->faults_unplaced = unit->emulated;
	return NULL;
}

static void describe_translation(struct amd_unit *unit, const struct ivrs *ivrs)
{
	uint64_t bits = ivrs->virtual_bits ? ivrs->virtual_bits : 64;
	struct iommu_unit *base = &unit->unit;

	amd_format_init(unit);
	if (unit->emulated_early)
		bits = min_u64(bits, EARLY_BITS);
	iommu_unit_translates(base, &unit->format, (unsigned int)bits);
	base->hole_first = HT_FIRST;
	base->hole_last = HT_LAST;
	/* Leaves have the bit that says so. */
	base->snoop_enforced = true;
}

/* --- bringing it up -------------------------------------------------------------------------- */

static const char *allocate(struct amd_unit *unit, bool remapping)
{
	struct iommu_unit *base = &unit->unit;

	/* Domain id 0 is that of blocked entries: never used. */
	if (amd_queue_create(unit) || amd_fault_create(unit) || amd_table_create(unit, remapping) ||
	    ids_init(&base->domains, 1, IOMMU_DOMAINS_MAX) ||
	    ids_init(&base->remap_entries, 0, AMD_IRTE_COUNT))
		return iommu_reason_memory;
	return NULL;
}

/* What the firmware table says of the fabric (5.2.2.1), and our own wishes. */
static uint64_t control_bits(const struct amd_unit *unit)
{
	uint8_t flags = unit->description->flags;

	return AMD_CONTROL_COHERENT | (flags & IVRS_FLAG_HT_TUNNEL ? AMD_CONTROL_HT_TUNNEL : 0) |
	       (flags & IVRS_FLAG_PASS_PW ? AMD_CONTROL_PASS_PW : 0) |
	       (flags & IVRS_FLAG_RES_PASS_PW ? AMD_CONTROL_RES_PASS_PW : 0) |
	       (flags & IVRS_FLAG_ISOCHRONOUS ? AMD_CONTROL_ISOCHRONOUS : 0) |
	       (unit->wide_entries ? AMD_CONTROL_WIDE_ENTRIES : 0) |
	       (unit->unit.remap_extended ? AMD_CONTROL_EXTENDED : 0);
}

static const char *start_locked(struct amd_unit *unit, bool remapping)
{
	struct iommu_unit *base = &unit->unit;

	/* The format of remapping entries before the table that leads to them. */
	amd_write(unit->registers, AMD_CONTROL, control_bits(unit));
	amd_write(unit->registers, AMD_DEVICE_TABLE,
	          virt_to_phys(unit->devices).raw | AMD_DEVICE_TABLE_SIZE);
	amd_queue_start(unit);
	amd_fault_start(unit);
	amd_control(unit, AMD_CONTROL_ENABLE, true);
	if (!clock_wait_until(amd_read(unit->registers, AMD_CONTROL) & AMD_CONTROL_ENABLE,
	                      IOMMU_SWITCH_TIMEOUT))
		return reason_on;
	if (!amd_switch(unit, AMD_CONTROL_COMMANDS, AMD_STATUS_COMMANDS_RUN, true) ||
	    amd_flush_all(unit))
		return reason_queue_on;
	base->translation = unit->levels_max != 0;
	base->remapping = remapping;
	base->remap_by_vector = true;
	if (!amd_switch(unit, AMD_CONTROL_EVENTS, AMD_STATUS_EVENTS_RUN, true))
		return reason_events_on;
	amd_fault_route(unit);
	return NULL;
}

static const char *start(struct amd_unit *unit, const struct ivrs *ivrs, bool remapping)
{
	const char *why;

	if (!take_over(unit))
		return iommu_reason_takeover;
	if (unit->levels_max)
		describe_translation(unit, ivrs);
	why = allocate(unit, remapping);
	if (why)
		return why;
	/* Also when devices are not going to be handed out: blocked is better than open. */
	spin_lock(&unit->unit.lock);
	why = start_locked(unit, remapping);
	spin_unlock(&unit->unit.lock);
	if (why)
		return why;
	if (!unit->levels_max)
		return iommu_reason_width;
	if (!arch_can_store_pair())
		return reason_pair;
	if (ivrs->physical_bits && ivrs->physical_bits < 64 &&
	    page_ram_end().raw >> ivrs->physical_bits)
		return iommu_reason_reach;
	if (unit->emulated && !iommu_emulator_translates())
		return reason_unsure;
	return remapping ? NULL : iommu_reason_remapping;
}

void amd_unit_identify(struct amd_unit *unit, bool remapping)
{
	struct iommu_unit *base = &unit->unit;

	spin_init(&base->lock, RANK_UNIT, "iommu unit");
	base->ops = &amd_ops;
	base->vendor = CORDON_IOMMU_AMD;
	base->unusable = identify(unit);
	base->remap_extended = !base->unusable && remapping && unit->wide_entries &&
	                       (unit->features & AMD_FEATURE_EXTENDED);
}

void amd_unit_start(struct amd_unit *unit, const struct ivrs *ivrs, bool remapping)
{
	struct iommu_unit *base = &unit->unit;
	const char *why;

	if (base->unusable)
		return;
	why = start(unit, ivrs, remapping);
	/* A unit that died meanwhile has said so. */
	if (why && !base->unusable)
		base->unusable = why;
	log_debug("%s: features 0x%llx, %s remapping entries%s", base->name,
	          (unsigned long long)unit->features, unit->wide_entries ? "wide" : "narrow",
	          unit->emulated_early ? ", the early emulated unit" : "");
}
