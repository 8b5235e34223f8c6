/* SPDX-License-Identifier: MIT */
/* The system's units: which there are, what they can do, whether devices can be handed out. */
#include <drivers/iommu/core.h>

#include <arch/mmio.h>
#include <cordon/errno.h>
#include <kernel/cmdline.h>
#include <kernel/mark.h>
#include <kernel/page.h>
#include <kernel/panic.h>
#include <kernel/string.h>

#define LOG_TAG "iommu"
#include <kernel/log.h>

#define IOAPICS_MAX 8

static const char reason_uncovered[] = "no IOMMU covers it";
static const char reason_option[] = "IOMMU off by the kernel option iommu=off";
static const char reason_none[] = "no IOMMU found (no DMAR and no IVRS table)";
static const char reason_dead[] = "its IOMMU stopped answering";
static const char reason_claimed[] = "two IOMMUs claim it";
static const char text_usable[] = "DMA translation and interrupt remapping are on";

const char iommu_reason_unmapped[] = "its registers cannot be mapped";
const char iommu_reason_takeover[] = "what was switched on before us does not go off";
const char iommu_reason_width[] = "DMA translation cannot be switched on: it walks no page tables";
const char iommu_reason_reach[] = "memory lies beyond the width of its addresses";
const char iommu_reason_remapping[] = "interrupt remapping is absent";
const char iommu_reason_memory[] = "out of memory";

static struct list units = LIST_INIT(units);
/* Why there is no unit at all. */
static const char *none_why = reason_none;

static uint64_t bits_wanted;
static bool emulator_translates;

static struct {
	uint8_t id;
	struct iommu_unit *unit;
	rid_t source;
} ioapics[IOAPICS_MAX];
static size_t ioapic_count;

struct list *iommu_units(void)
{
	return &units;
}

/* --- for vendors ----------------------------------------------------------------------------- */

void iommu_unit_translates(struct iommu_unit *unit, const struct pagetable_format *format,
                           unsigned int bits)
{
	bits = (unsigned int)min_u64(bits, bits_wanted);
	unit->format = format;
	unit->levels = pagetable_levels(format, bits);
	unit->address_bits = (uint32_t)min_u64(bits, pagetable_bits(unit->levels));
	for (unsigned int level = 0; level < unit->levels; level++) {
		if (format->leaf_levels >> level & 1)
			unit->page_sizes |= UINT64_C(1) << pagetable_shift(level);
	}
}

int iommu_frame_alloc(const struct iommu_unit *unit, paddr_t *out)
{
	int error = page_alloc_zeroed(out);

	if (!error)
		iommu_publish(unit, phys_to_virt(*out), PAGE_SIZE);
	return error;
}

void iommu_unit_add(struct iommu_unit *unit)
{
	list_init(&unit->attachments);
	list_append(&units, &unit->link);
}

void iommu_unit_dead_locked(struct iommu_unit *unit, const char *why)
{
	struct pci_function *function;

	ASSERT(spin_held(&unit->lock));
	if (unit->dead)
		return;
	unit->dead = true;
	unit->unusable = reason_dead;
	mark_unit_dead();
	log_error("%s is dead: %s; devices behind it lose bus mastering for good", unit->name, why);
	list_for_each(function, pci_functions(), link)
	{
		if (function->iommu != unit)
			continue;
		/* In this order: who switches it on meanwhile finds it refused, or is undone. */
		iommu_refuse(function, reason_dead);
		pci_set_master(function, false);
	}
}

void iommu_cover(struct pci_function *function, struct iommu_unit *unit)
{
	if (function->iommu && function->iommu != unit) {
		iommu_refuse(function, reason_claimed);
		return;
	}
	function->iommu = unit;
}

void iommu_refuse(struct pci_function *function, const char *why)
{
	if (!function->refused)
		function->refused = why;
}

void iommu_ioapic_add(uint8_t ioapic_id, struct iommu_unit *unit, rid_t source)
{
	if (ioapic_count == IOAPICS_MAX) {
		log_warn("more than %u I/O APICs: number %u is left out", IOAPICS_MAX, ioapic_id);
		return;
	}
	ioapics[ioapic_count].id = ioapic_id;
	ioapics[ioapic_count].unit = unit;
	ioapics[ioapic_count].source = source;
	ioapic_count++;
}

/* --- start ----------------------------------------------------------------------------------- */

static bool switched_off(void)
{
	const char *value;
	size_t length;

	if (!cmdline_find("iommu", &value, &length))
		return false;
	if (length == 3 && memcmp(value, "off", 3) == 0)
		return true;
	if (length != 2 || memcmp(value, "on", 2) != 0)
		log_warn("the option iommu= knows on and off; it stays on");
	return false;
}

static void find_units(void)
{
	static const struct iommu_backend *const backends[] = {
	        &intel_iommu_backend,
	        &amd_iommu_backend,
	};

	if (switched_off()) {
		none_why = reason_option;
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(backends); i++) {
		if (backends[i]->probe(&none_why))
			return;
	}
}

/* A function is handed out only with a usable unit above it (S5). */
static void refuse_uncovered(void)
{
	struct pci_function *function;

	list_for_each(function, pci_functions(), link)
	{
		if (!function->iommu) {
			iommu_refuse(function, reason_uncovered);
		} else if (function->iommu->unusable) {
			iommu_refuse(function, function->iommu->unusable);
			function->iommu = NULL;
		}
	}
}

bool iommu_emulator_translates(void)
{
	return emulator_translates;
}

void iommu_init(void)
{
	struct cordon_iommu_desc desc;
	const char *why;

	bits_wanted = cmdline_number("iommu.bits", IOMMU_BITS_MIN, PAGETABLE_BITS_MAX,
	                             IOMMU_BITS_WANTED);
	emulator_translates = cmdline_flag("iommu.dma-remap");
	find_units();
	refuse_uncovered();
	for (size_t i = 0; iommu_describe(i, &desc); i++)
		log_info("%s", desc.text);
	if (!iommu_usable(&why))
		log_warn("no device is handed out: %s", why);
}

/* --- questions ------------------------------------------------------------------------------- */

bool iommu_unit_alive(const struct iommu_unit *unit)
{
	return unit && !unit->unusable;
}

bool iommu_usable(const char **why)
{
	const struct iommu_unit *unit;
	const char *text = none_why;
	bool usable = false;

	list_for_each(unit, &units, link)
	{
		if (!unit->unusable) {
			usable = true;
			text = text_usable;
			break;
		}
		text = unit->unusable;
	}
	if (why)
		*why = text;
	return usable;
}

static void describe_unit(const struct iommu_unit *unit, struct cordon_iommu_desc *out)
{
	out->vendor = unit->vendor;
	out->usable = !unit->unusable;
	out->registers = unit->registers.raw;
	out->address_bits = unit->address_bits;
	out->levels = unit->levels;
	out->translation = unit->translation;
	out->remapping = unit->remapping;
	out->page_sizes = unit->page_sizes;
	out->faults = unit->faults;
	out->reports_faults = !unit->faults_unreported;
	out->reports_addresses = !unit->faults_unreported && !unit->faults_unplaced;
	if (unit->unusable) {
		format_text(out->text, sizeof(out->text), "%s at 0x%llx not usable: %s", unit->name,
		            (unsigned long long)unit->registers.raw, unit->unusable);
		return;
	}
	ASSERT(unit->format);
	format_text(out->text, sizeof(out->text),
	            "%s at 0x%llx: %u-bit IOVA, %u levels, 4K%s%s pages, interrupt remapping, %s%s",
	            unit->name, (unsigned long long)unit->registers.raw, unit->address_bits,
	            out->levels, unit->page_sizes & SIZE_2M ? " 2M" : "",
	            unit->page_sizes & SIZE_1G ? " 1G" : "",
	            unit->format->coherent ? "coherent walks" : "tables written back",
	            unit->faults_unreported ? ", reports no faults"
	            : unit->faults_unplaced ? ", no fault address"
	                                    : "");
}

bool iommu_describe(size_t index, struct cordon_iommu_desc *out)
{
	const struct iommu_unit *unit;
	size_t i = 0;

	*out = (struct cordon_iommu_desc){0};
	list_for_each(unit, &units, link)
	{
		if (i++ == index) {
			describe_unit(unit, out);
			return true;
		}
	}
	if (index != 0 || !list_empty(&units))
		return false;
	out->vendor = CORDON_IOMMU_NONE;
	format_text(out->text, sizeof(out->text), "%s", none_why);
	return true;
}

uint64_t iommu_invalidation_count(void)
{
	const struct iommu_unit *unit;
	uint64_t count = 0;

	list_for_each(unit, &units, link) count += unit->invalidations;
	return count;
}

bool iommu_overlaps_registers(uint64_t base, uint64_t size)
{
	const struct iommu_unit *unit;

	list_for_each(unit, &units, link)
	{
		uint64_t start = unit->registers.raw, end = start + unit->registers_size;

		/* Neither sum can wrap in a comparison of distances. */
		if (base < end && (base >= start || size > start - base))
			return true;
	}
	return false;
}

int iommu_ioapic_source(uint8_t ioapic_id, struct iommu_unit **unit, rid_t *source)
{
	for (size_t i = 0; i < ioapic_count; i++) {
		if (ioapics[i].id == ioapic_id && ioapics[i].unit->remapping) {
			*unit = ioapics[i].unit;
			*source = ioapics[i].source;
			return 0;
		}
	}
	return -ENOENT;
}
