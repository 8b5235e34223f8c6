/* SPDX-License-Identifier: MIT */
/*
 * Bus numbers (7.5.1.3.3 to 7.5.1.3.5): finding root buses, checking the numbers that firmware
 * gave, giving new ones where they do not make a tree.
 *
 * All of it works on config space itself: functions have no structure yet, because their address
 * is what is being decided.
 */
#include <arch/mmio.h>
#include <drivers/pci/internal.h>
#include <drivers/pci/registers.h>
#include <kernel/string.h>

#define LOG_TAG "pci"
#include <kernel/log.h>

/* A bridge that nothing leads through yet. */
#define UNNUMBERED 0

struct numbering {
	const struct pci_area *area;
	struct pci_bus_set reached; /* buses that some bridge leads to, or roots */
	bool sound;                 /* of the root bus that is being walked */
};

/* A function without a structure: this code calls itself once a level, so frames are kept small. */
struct place {
	volatile uint8_t *config;
	cordon_bdf_t bdf;
};

/* What is done with each bridge of a bus, in order of slots. */
typedef void (*bridge_visitor_t)(void *context, const struct place *bridge);

bool pci_present(volatile uint8_t *config, uint8_t *header_type)
{
	uint16_t vendor = mmio_read16(config + PCI_VENDOR);

	if (vendor == PCI_VENDOR_NONE || vendor == PCI_VENDOR_RETRY)
		return false;
	*header_type = mmio_read8(config + PCI_HEADER);
	return true;
}

uint8_t pci_last_slot(const struct pci_function *bridge)
{
	uint16_t express;
	enum pci_express_type type;

	if (!bridge)
		return PCI_SLOTS - 1;
	express = pci_capability_next(bridge, PCI_CAP_EXPRESS, 0);
	if (!express)
		return PCI_SLOTS - 1;
	type = (enum pci_express_type)PCI_EXPRESS_TYPE(
	        pci_read16(bridge, express + PCI_EXPRESS_CAPS));
	return type == PCI_EXPRESS_ROOT_PORT || type == PCI_EXPRESS_DOWNSTREAM ? 0 : PCI_SLOTS - 1;
}

static __attribute__((noinline)) uint8_t last_slot_below(const struct place *bridge)
{
	const struct pci_function function = {
	        .header_type = PCI_HEADER_BRIDGE,
	        .config = bridge->config,
	};

	return pci_last_slot(&function);
}

/* Visits the bridges of a bus. above: the bridge that leads to it, NULL on a root bus. */
static void visit_bridges(const struct pci_area *area, uint8_t bus, const struct place *above,
                          bridge_visitor_t visit, void *context)
{
	uint8_t last = above ? last_slot_below(above) : PCI_SLOTS - 1;

	for (uint8_t slot = 0; slot <= last; slot++) {
		for (uint8_t number = 0; number < PCI_FUNCTIONS; number++) {
			const struct place place = {
			        .config = pci_ecam(area, bus, (uint8_t)(slot << 3 | number)),
			        .bdf = CORDON_BDF((uint32_t)area->segment, bus, slot, number),
			};
			uint8_t type;
			bool present = pci_present(place.config, &type);

			if (number == 0 && !present)
				break;
			if (present && (type & PCI_HEADER_TYPE) == PCI_HEADER_BRIDGE)
				visit(context, &place);
			if (number == 0 && !(type & PCI_HEADER_MULTI))
				break;
		}
	}
}

static bool bus_answers(const struct pci_area *area, uint8_t bus)
{
	uint8_t type;

	for (uint8_t slot = 0; slot < PCI_SLOTS; slot++)
		if (pci_present(pci_ecam(area, bus, (uint8_t)(slot << 3)), &type))
			return true;
	return false;
}

static void bridge_set(const struct place *bridge, uint8_t primary, uint8_t secondary,
                       uint8_t subordinate)
{
	mmio_write8(bridge->config + PCI_PRIMARY_BUS, primary);
	mmio_write8(bridge->config + PCI_SECONDARY_BUS, secondary);
	mmio_write8(bridge->config + PCI_SUBORDINATE_BUS, subordinate);
}

/* Before any bridge of a bus gets a number, none of them may lead to it. */
static void close_bridge(void *context, const struct place *bridge)
{
	(void)context;
	bridge_set(bridge, UNNUMBERED, UNNUMBERED, UNNUMBERED);
}

/* A message of its own frame: what calls this calls itself once a level. */
static __attribute__((noinline)) void leave_closed(const struct place *bridge, unsigned int depth)
{
	char name[PCI_NAME_MAX];

	close_bridge(NULL, bridge);
	pci_name(bridge->bdf, name);
	if (depth == PCI_DEPTH_MAX)
		log_warn("%s: deeper than %d bridges: what is below stays out of reach", name,
		         PCI_DEPTH_MAX);
	else
		log_warn("%s: no bus number left: what is below stays out of reach", name);
}

/* --- checking ------------------------------------------------------------------------------ */

struct check {
	struct numbering *numbering;
	uint8_t bus;
	uint8_t first, last; /* buses that bridges here may lead to; empty when first > last */
	unsigned int depth;
};

static void check_bus(const struct check *check, const struct place *above);

static void check_bridge(void *context, const struct place *bridge)
{
	struct check *check = context;
	struct numbering *numbering = check->numbering;
	uint8_t primary = mmio_read8(bridge->config + PCI_PRIMARY_BUS);
	uint8_t secondary = mmio_read8(bridge->config + PCI_SECONDARY_BUS);
	uint8_t subordinate = mmio_read8(bridge->config + PCI_SUBORDINATE_BUS);
	bool clash = false;

	/* Closed it needs no numbers: those of the others may stay. */
	if (check->depth == PCI_DEPTH_MAX) {
		leave_closed(bridge, check->depth);
		return;
	}
	for (unsigned int bus = secondary; bus <= subordinate; bus++)
		clash = clash || pci_bus_in(&numbering->reached, (uint8_t)bus);
	if (primary != check->bus || secondary <= check->bus || secondary > subordinate ||
	    secondary < check->first || subordinate > check->last || clash) {
		char name[PCI_NAME_MAX];

		pci_name(bridge->bdf, name);
		log_info("%s: leads from bus %u to buses %u-%u: all get new numbers", name, primary,
		         secondary, subordinate);
		numbering->sound = false;
		return;
	}
	const struct check below = {
	        .numbering = numbering,
	        .bus = secondary,
	        .first = (uint8_t)(secondary < UINT8_MAX ? secondary + 1 : secondary),
	        .last = subordinate,
	        .depth = check->depth + 1,
	};
	pci_bus_add(&numbering->reached, secondary);
	check_bus(&below, bridge);
	for (unsigned int bus = secondary; bus <= subordinate; bus++) {
		/* Room for later is fine, but a root bus in it would be hidden. */
		if (!pci_bus_in(&numbering->reached, (uint8_t)bus) &&
		    bus_answers(numbering->area, (uint8_t)bus))
			numbering->sound = false;
		pci_bus_add(&numbering->reached, (uint8_t)bus);
	}
}

static void check_bus(const struct check *check, const struct place *above)
{
	struct check here = *check;

	visit_bridges(check->numbering->area, check->bus, above, check_bridge, &here);
}

/* --- numbering anew ------------------------------------------------------------------------ */

struct renumber {
	const struct pci_area *area;
	uint8_t bus;
	unsigned int next; /* the lowest free number */
	uint8_t limit;     /* the highest that may be used */
	unsigned int depth;
};

static void renumber_bus(struct renumber *renumber, const struct place *above);

static void renumber_bridge(void *context, const struct place *bridge)
{
	struct renumber *renumber = context;
	struct renumber below = *renumber;

	if (renumber->next > renumber->limit || renumber->depth == PCI_DEPTH_MAX) {
		leave_closed(bridge, renumber->depth);
		return;
	}
	below.bus = (uint8_t)renumber->next;
	below.next = renumber->next + 1;
	below.depth = renumber->depth + 1;
	/* While it is being walked, the bridge takes everything that is still free. */
	bridge_set(bridge, renumber->bus, below.bus, renumber->limit);
	renumber_bus(&below, bridge);
	bridge_set(bridge, renumber->bus, (uint8_t)renumber->next, (uint8_t)(below.next - 1));
	renumber->next = below.next;
}

static void renumber_bus(struct renumber *renumber, const struct place *above)
{
	visit_bridges(renumber->area, renumber->bus, above, close_bridge, NULL);
	visit_bridges(renumber->area, renumber->bus, above, renumber_bridge, renumber);
}

/* --- an area ------------------------------------------------------------------------------- */

static bool check_root(struct numbering *numbering, uint8_t root)
{
	const struct check check = {
	        .numbering = numbering,
	        .bus = root,
	        .first = (uint8_t)(root < UINT8_MAX ? root + 1 : root),
	        .last = numbering->area->last_bus,
	};

	numbering->sound = true;
	pci_bus_add(&numbering->reached, root);
	check_bus(&check, NULL);
	return numbering->sound;
}

/* The highest bus that may lie below a root: the one before the next root. */
static uint8_t root_limit(const struct pci_area *area, const struct pci_bus_set *roots,
                          uint8_t root)
{
	unsigned int bus = root;

	while (bus < area->last_bus && !pci_bus_in(roots, (uint8_t)(bus + 1)))
		bus++;
	return (uint8_t)bus;
}

/*
 * With every bridge of every root closed, only roots answer. The first pass may meet buses that
 * answer through a bridge with wrong numbers; closing what lies there does no harm.
 */
static void find_roots(const struct pci_area *area, struct pci_bus_set *roots)
{
	for (unsigned int bus = area->first_bus; bus <= area->last_bus; bus++)
		if (bus_answers(area, (uint8_t)bus))
			visit_bridges(area, (uint8_t)bus, NULL, close_bridge, NULL);
	memset(roots, 0, sizeof(*roots));
	for (unsigned int bus = area->first_bus; bus <= area->last_bus; bus++)
		if (bus_answers(area, (uint8_t)bus))
			pci_bus_add(roots, (uint8_t)bus);
}

void pci_number_buses(const struct pci_area *area, struct pci_bus_set *roots)
{
	struct numbering numbering = {.area = area};
	bool sound = true;

	memset(roots, 0, sizeof(*roots));
	for (unsigned int bus = area->first_bus; bus <= area->last_bus && sound; bus++) {
		if (pci_bus_in(&numbering.reached, (uint8_t)bus) ||
		    !bus_answers(area, (uint8_t)bus))
			continue;
		pci_bus_add(roots, (uint8_t)bus);
		sound = check_root(&numbering, (uint8_t)bus);
	}
	if (sound)
		return;
	/* A number that one tree holds by mistake may be what another one needs: all are done. */
	find_roots(area, roots);
	for (unsigned int bus = area->first_bus; bus <= area->last_bus; bus++) {
		if (!pci_bus_in(roots, (uint8_t)bus))
			continue;
		struct renumber renumber = {
		        .area = area,
		        .bus = (uint8_t)bus,
		        .next = bus + 1,
		        .limit = root_limit(area, roots, (uint8_t)bus),
		};
		renumber_bus(&renumber, NULL);
	}
}
