/* SPDX-License-Identifier: MIT */
/*
 * Who decodes which addresses. What firmware assigned is kept where it is sound; the rest gets
 * addresses here, so that a machine whose firmware assigned nothing works as well.
 *
 * Three address spaces: I/O ports, memory below 4 GiB ("low"), and memory wherever 64 bits reach
 * ("high", for 64-bit prefetchable BARs under bridges that all forward them). Items are the BARs on
 * a bus and the windows of the bridges on it. An empty window gets exactly the room that what is
 * below needs, in descending order of alignment, and is filled in the same order, so that it
 * always suffices. A window that firmware opened is never resized.
 */
#include <drivers/pci/internal.h>
#include <drivers/pci/registers.h>
#include <kernel/page.h>
#include <kernel/panic.h>

#define LOG_TAG "pci"
#include <kernel/log.h>

/* Ports above those that chip sets and legacy devices decode on their own. */
#define IO_START UINT64_C(0xc000)
#define IO_END   UINT64_C(0x10000)
#define IO_LEAST UINT64_C(0x1000) /* a BAR that firmware put below this is moved */

#define FIRST_MIB UINT64_C(0x100000)
#define FIXED_START                                                                  \
	UINT64_C(0xfec00000) /* I/O APICs, timers, remapping units, interrupts, ROM: \
	                      * never a BAR */
#define FIXED_END    UINT64_C(0x100000000)
#define LOW_STEP     (UINT64_C(16) << 20) /* with which the end of low RAM is looked for */
#define HIGH_END     (UINT64_C(1) << 39)  /* what every CPU with an IOMMU can address */
#define EXCLUDE_MAX  64
#define PHYSICAL_END (UINT64_C(1) << 52) /* no CPU reaches further (Intel SDM 3, 4.1.4) */

struct range {
	uint64_t start, end;
};

/* Where items below one bridge, or on root buses, may go. */
struct space {
	struct list *functions;
	const struct pci_function *bridge; /* NULL: root buses */
	enum pci_window_kind kind;
	struct range range;
	bool downwards;
};

static struct range excluded[EXCLUDE_MAX];
static size_t excluded_count;

void pci_exclude(paddr_t base, uint64_t size)
{
	if (size == 0 || base.raw > UINT64_MAX - size)
		return;
	if (excluded_count == EXCLUDE_MAX) {
		log_warn("more than %d reserved ranges", EXCLUDE_MAX);
		return;
	}
	excluded[excluded_count++] = (struct range){base.raw, base.raw + size};
}

static bool overlaps(const struct range *a, const struct range *b)
{
	return a->start < b->end && b->start < a->end;
}

static bool contains(const struct range *outer, const struct range *inner)
{
	return outer->start <= inner->start && inner->end <= outer->end;
}

/* --- items --------------------------------------------------------------------------------- */

#define SLOT_ROM   6 /* after the six BARs */
#define SLOT_COUNT 7

static struct pci_bar *bar_at(struct pci_function *function, unsigned int slot)
{
	return slot == SLOT_ROM ? &function->rom : &function->bars[slot];
}

static struct range bar_range(const struct pci_bar *bar)
{
	return (struct range){bar->base, bar->base + bar->size};
}

static struct range window_range(const struct pci_window *window)
{
	return (struct range){window->base, window->base + window->size};
}

static bool in_io(enum pci_window_kind kind)
{
	return kind == PCI_WINDOW_IO;
}

static uint64_t kind_limit(enum pci_window_kind kind)
{
	switch (kind) {
	case PCI_WINDOW_IO:
		return IO_END;
	case PCI_WINDOW_LOW:
		return FIXED_START;
	default:
		return HIGH_END;
	}
}

static enum pci_window_kind bar_kind(const struct pci_function *function, const struct pci_bar *bar)
{
	const struct pci_function *bridge;

	if (bar->kind == PCI_BAR_IO)
		return PCI_WINDOW_IO;
	if (bar->kind != PCI_BAR_MEMORY64 || !bar->prefetchable)
		return PCI_WINDOW_LOW;
	for (bridge = function->parent; bridge; bridge = bridge->parent)
		if (!bridge->windows[PCI_WINDOW_HIGH].usable)
			return PCI_WINDOW_LOW;
	return PCI_WINDOW_HIGH;
}

static bool is_above(const struct pci_function *bridge, const struct pci_function *function)
{
	for (; function; function = function->parent)
		if (function == bridge)
			return true;
	return false;
}

static bool decodes(const struct pci_function *function, bool io)
{
	return pci_read16(function, PCI_COMMAND) & (io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY);
}

/* --- checking what firmware did ------------------------------------------------------------ */

/* Addresses that no BAR may ever have (S7). */
static bool is_forbidden(const struct range *range)
{
	static const struct range fixed = {FIXED_START, FIXED_END};
	uint64_t size = range->end - range->start;

	return range->start < FIRST_MIB || overlaps(range, &fixed) ||
	       page_overlaps_ram(paddr(range->start), size) ||
	       pci_overlaps_ecam(range->start, size);
}

static bool is_beyond_reach(const struct range *range)
{
	return range->end <= range->start || range->end > PHYSICAL_END;
}

/* Whether a range lies in a window that leads to a function's bus. */
static bool is_forwarded(const struct pci_function *function, const struct range *range, bool io)
{
	const struct pci_function *bridge = function->parent;

	if (!bridge)
		return true;
	for (unsigned int kind = 0; kind < PCI_WINDOWS; kind++) {
		const struct pci_window *window = &bridge->windows[kind];
		struct range open = window_range(window);

		if (in_io(kind) == io && window->size != 0 && contains(&open, range))
			return true;
	}
	return false;
}

/*
 * Finds what stands in a function's way at a range, among everything before it in the list:
 * windows of bridges that do not lead to it, and BARs. *bar: the BAR that it is, NULL: a window.
 */
static struct pci_function *find_conflict(struct list *functions, struct pci_function *function,
                                          const struct pci_bar *self, const struct range *range,
                                          bool io, struct pci_bar **bar)
{
	struct pci_function *other;

	list_for_each(other, functions, link)
	{
		for (unsigned int kind = 0; kind < PCI_WINDOWS; kind++) {
			struct range open = window_range(&other->windows[kind]);

			*bar = NULL;
			if (in_io(kind) == io && other->windows[kind].size != 0 &&
			    !is_above(other, function) && overlaps(&open, range))
				return other;
		}
		for (unsigned int slot = 0; slot < SLOT_COUNT; slot++) {
			struct range taken;

			*bar = bar_at(other, slot);
			taken = bar_range(*bar);
			if (*bar == self)
				return NULL;
			if ((*bar)->kind != PCI_BAR_NONE && (*bar)->base != 0 &&
			    ((*bar)->kind == PCI_BAR_IO) == io && overlaps(&taken, range))
				return other;
		}
		if (other == function && !self)
			return NULL;
	}
	return NULL;
}

static void check_bar(struct list *functions, struct pci_function *function, struct pci_bar *bar)
{
	struct range range = bar_range(bar);
	struct pci_function *other;
	struct pci_bar *other_bar;
	bool io = bar->kind == PCI_BAR_IO;
	/* A ROM is not decoded even when firmware left an address in it. */
	bool decoded = bar != &function->rom && decodes(function, io);

	if (bar->kind == PCI_BAR_NONE || bar->base == 0)
		return;
	if (is_beyond_reach(&range)) {
		bar->base = 0;
		return;
	}
	if (io ? range.start < IO_LEAST || range.end > IO_END : is_forbidden(&range)) {
		if (decoded && !io)
			pci_refuse_for(function, "a BAR overlaps RAM, config space or interrupt "
			                         "controllers");
		bar->base = 0;
		return;
	}
	other = find_conflict(functions, function, bar, &range, io, &other_bar);
	if (other) {
		/* Nobody can say which of the two answered until now: neither is trusted. */
		if (decoded && !io && other != function) {
			pci_refuse_for(function, "a BAR overlaps another function's addresses");
			if (other_bar && other_bar != &other->rom && decodes(other, io))
				pci_refuse_for(other,
				               "a BAR overlaps another function's addresses");
		}
		bar->base = 0;
	} else if (!is_forwarded(function, &range, io)) {
		bar->base = 0;
	}
}

static void check_window(struct list *functions, struct pci_function *bridge,
                         enum pci_window_kind kind)
{
	struct pci_window *window = &bridge->windows[kind];
	struct range range = window_range(window);
	struct pci_bar *bar;
	bool bad;

	if (window->size == 0)
		return;
	bad = is_beyond_reach(&range) ||
	      (in_io(kind) ? range.start < IO_LEAST || range.end > IO_END : is_forbidden(&range));
	/* Its own earlier windows count too, and those are not excused as leading to it. */
	for (unsigned int earlier = 0; earlier < kind && !bad; earlier++) {
		struct range open = window_range(&bridge->windows[earlier]);

		bad = in_io(earlier) == in_io(kind) && bridge->windows[earlier].size != 0 &&
		      overlaps(&open, &range);
	}
	bad = bad || !is_forwarded(bridge, &range, in_io(kind));
	if (bad || find_conflict(functions, bridge, NULL, &range, in_io(kind), &bar))
		window->size = 0;
}

static void check_all(struct list *functions)
{
	struct pci_function *function;

	/* Bridges stand before what is below them. */
	list_for_each(function, functions, link)
	{
		for (unsigned int slot = 0; slot < SLOT_COUNT; slot++)
			check_bar(functions, function, bar_at(function, slot));
		for (unsigned int kind = 0; kind < PCI_WINDOWS; kind++)
			check_window(functions, function, kind);
	}
}

/* --- finding room -------------------------------------------------------------------------- */

/* Calls for an item of a bus that has no address and wants one of this kind. */
struct wanted {
	uint64_t *base;
	uint64_t size, alignment;
	struct pci_window *window; /* NULL: a BAR */
};

static bool bar_wants(const struct pci_function *function, const struct pci_bar *bar,
                      enum pci_window_kind kind)
{
	return bar->kind != PCI_BAR_NONE && bar->base == 0 && !function->refused &&
	       bar->size <= kind_limit(kind) && bar_kind(function, bar) == kind;
}

/*
 * The slot-th item of a function: its BARs, the ROM, then the window of this kind. Memory BARs get
 * pages of their own, because a page with two of them is never mapped to a task (S7).
 */
static bool item_wants(struct pci_function *function, unsigned int slot, enum pci_window_kind kind,
                       struct wanted *out)
{
	struct pci_window *window;
	struct pci_bar *bar;
	uint64_t size;

	if (slot < SLOT_COUNT) {
		bar = bar_at(function, slot);
		size = bar->kind == PCI_BAR_IO ? bar->size : max_u64(bar->size, PAGE_SIZE);
		*out = (struct wanted){&bar->base, size, size, NULL};
		return bar_wants(function, bar, kind);
	}
	window = &function->windows[kind];
	*out = (struct wanted){&window->base, window->need, window->alignment, window};
	return function->header_type == PCI_HEADER_BRIDGE && window->size == 0 && window->need != 0;
}

/* Something that is in the way of [start, end) within a space. */
static bool find_block(const struct space *space, const struct range *range, struct range *block)
{
	struct pci_function *function;

	list_for_each(function, space->functions, link)
	{
		if (function->parent != space->bridge)
			continue;
		for (unsigned int kind = 0; kind < PCI_WINDOWS; kind++) {
			*block = window_range(&function->windows[kind]);
			if (in_io(kind) == in_io(space->kind) &&
			    function->windows[kind].size != 0 && overlaps(block, range))
				return true;
		}
		for (unsigned int slot = 0; slot < SLOT_COUNT; slot++) {
			const struct pci_bar *bar = bar_at(function, slot);

			*block = bar_range(bar);
			if (bar->kind != PCI_BAR_NONE && bar->base != 0 &&
			    (bar->kind == PCI_BAR_IO) == in_io(space->kind) &&
			    overlaps(block, range))
				return true;
		}
	}
	if (space->bridge || in_io(space->kind))
		return false;
	for (size_t i = 0; i < excluded_count; i++) {
		*block = excluded[i];
		if (overlaps(block, range))
			return true;
	}
	for (size_t i = 0; i < pci_area_count(); i++) {
		const struct pci_area *area = pci_area(i);

		*block = (struct range){area->base.raw, area->base.raw + area->size};
		if (overlaps(block, range))
			return true;
	}
	return false;
}

/* The first free place. Each round leaves one block behind, so it ends. */
static bool find_room(const struct space *space, uint64_t size, uint64_t alignment, uint64_t *base)
{
	const struct range *in = &space->range;
	struct range try, block;

	if (size > in->end - in->start)
		return false;
	try.start = space->downwards ? align_down(in->end - size, alignment)
	                             : align_up(in->start, alignment);
	while (try.start >= in->start && try.start <= in->end - size) {
		try.end = try.start + size;
		if (!find_block(space, &try, &block)) {
			*base = try.start;
			return true;
		}
		if (!space->downwards)
			try.start = align_up(block.end, alignment);
		else if (block.start < size)
			return false;
		else
			try.start = align_down(block.start - size, alignment);
	}
	return false;
}

static uint64_t low_ram_end(void)
{
	uint64_t end = FIXED_START;

	while (end > LOW_STEP && !page_overlaps_ram(paddr(end - LOW_STEP), LOW_STEP))
		end -= LOW_STEP;
	return end;
}

static struct space root_space(struct list *functions, enum pci_window_kind kind)
{
	struct space space = {.functions = functions, .kind = kind};

	switch (kind) {
	case PCI_WINDOW_IO:
		space.range = (struct range){IO_START, IO_END};
		break;
	case PCI_WINDOW_LOW:
		/* From the top: what firmware keeps for itself lies next to RAM. */
		space.range = (struct range){low_ram_end(), FIXED_START};
		space.downwards = true;
		break;
	default:
		space.range.start = align_up(max_u64(page_ram_end().raw, FIXED_END), SIZE_1G);
		space.range.end = max_u64(space.range.start, HIGH_END);
		break;
	}
	return space;
}

static struct space bridge_space(struct list *functions, const struct pci_function *bridge,
                                 enum pci_window_kind kind)
{
	const struct pci_window *window = &bridge->windows[kind];

	return (struct space){
	        .functions = functions,
	        .bridge = bridge,
	        .kind = kind,
	        .range = {window->base, window->base + window->size},
	};
}

/* --- giving addresses ---------------------------------------------------------------------- */

static uint64_t window_unit(enum pci_window_kind kind)
{
	return in_io(kind) ? PCI_IO_WINDOW_UNIT : PCI_MEMORY_WINDOW_UNIT;
}

/* Counts items of a bus: what a closed window of its bridge must hold. No sum wraps: no item is
 * larger than kind_limit, and a bus has at most 256 functions. */
static void measure(struct list *functions, struct pci_function *bridge, enum pci_window_kind kind)
{
	struct pci_window *window = &bridge->windows[kind];
	struct pci_function *function;
	struct wanted item;
	uint64_t end = 0;

	window->need = 0;
	window->alignment = window_unit(kind);
	if (!window->usable || window->size != 0)
		return;
	for (uint64_t alignment = HIGH_END; alignment != 0; alignment >>= 1) {
		list_for_each(function, functions, link)
		{
			if (function->parent != bridge)
				continue;
			for (unsigned int slot = 0; slot <= SLOT_COUNT; slot++) {
				if (!item_wants(function, slot, kind, &item) ||
				    item.alignment != alignment)
					continue;
				window->alignment = max_u64(window->alignment, alignment);
				end = align_up(end, alignment) + item.size;
			}
		}
	}
	window->need = align_up(end, window_unit(kind));
	if (window->need > kind_limit(kind))
		window->need = 0;
}

static void fill(const struct space *space)
{
	struct pci_function *function;
	struct wanted item;

	if (space->range.start == space->range.end)
		return;
	for (uint64_t alignment = HIGH_END; alignment != 0; alignment >>= 1) {
		list_for_each(function, space->functions, link)
		{
			if (function->parent != space->bridge)
				continue;
			for (unsigned int slot = 0; slot <= SLOT_COUNT; slot++) {
				if (item_wants(function, slot, space->kind, &item) &&
				    item.alignment == alignment &&
				    find_room(space, item.size, item.alignment, item.base) &&
				    item.window)
					item.window->size = item.size;
			}
		}
	}
}

static bool anything_wanted(struct list *functions)
{
	struct pci_function *function;
	struct wanted item;

	list_for_each(function, functions, link)
	{
		for (unsigned int slot = 0; slot < SLOT_COUNT; slot++)
			for (unsigned int kind = 0; kind < PCI_WINDOWS; kind++)
				if (item_wants(function, slot, kind, &item))
					return true;
	}
	return false;
}

static void assign_missing(struct list *functions)
{
	struct pci_function *function;

	if (!anything_wanted(functions))
		return;
	/* From the leaves up: a bridge's windows hold those of the bridges below. */
	for (struct list *node = functions->prev; node != functions; node = node->prev) {
		function = list_entry(node, struct pci_function, link);
		for (unsigned int kind = 0; kind < PCI_WINDOWS; kind++)
			if (function->header_type == PCI_HEADER_BRIDGE)
				measure(functions, function, kind);
	}
	for (unsigned int kind = 0; kind < PCI_WINDOWS; kind++) {
		struct space space = root_space(functions, kind);

		fill(&space);
	}
	list_for_each(function, functions, link)
	{
		for (unsigned int kind = 0; kind < PCI_WINDOWS; kind++) {
			struct space space = bridge_space(functions, function, kind);

			if (function->header_type == PCI_HEADER_BRIDGE)
				fill(&space);
		}
	}
}

/* Writes it all down. Decoding is off until every register of the function is right. */
static void program(struct pci_function *function)
{
	const uint16_t decode = PCI_COMMAND_IO | PCI_COMMAND_MEMORY;

	/* Host and ISA bridges decode what chip sets decode, whatever this says: left alone. */
	if (function->header_type == PCI_HEADER_ENDPOINT &&
	    PCI_CLASS_OF(function->class_code) == PCI_CLASS_BRIDGE)
		return;
	pci_update_command(function, decode, 0);
	pci_restore_bars(function);
	if (function->header_type != PCI_HEADER_BRIDGE)
		return;
	for (unsigned int kind = 0; kind < PCI_WINDOWS; kind++)
		pci_window_write(function, kind);
	pci_update_command(function, 0, decode);
}

/* BARs without a place. Memory is what drivers need, most functions work without I/O ports. */
static void report(struct pci_function *function)
{
	char name[PCI_NAME_MAX];
	bool ports = true;

	for (unsigned int i = 0; i < ARRAY_SIZE(function->bars); i++) {
		const struct pci_bar *bar = &function->bars[i];

		if (bar->kind == PCI_BAR_NONE || bar->base != 0)
			continue;
		if (bar->kind == PCI_BAR_IO)
			ports = false;
		else
			pci_refuse_for(function, "no addresses are free for a BAR");
	}
	if (!ports) {
		pci_name(function->bdf, name);
		log_warn("%s: no I/O ports are free for a BAR", name);
	}
}

void pci_assign(struct list *functions)
{
	struct pci_function *function;

	check_all(functions);
	assign_missing(functions);
	list_for_each(function, functions, link)
	{
		program(function);
		/* A bridge forwards without BARs of its own. */
		if (function->header_type != PCI_HEADER_BRIDGE)
			report(function);
	}
}
