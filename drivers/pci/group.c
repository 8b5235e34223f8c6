/* SPDX-License-Identifier: MIT */
/*
 * Isolation groups (S4): functions that the IOMMU cannot tell apart, or that can reach each
 * other without passing it, belong together.
 *
 * Every function starts alone; each rule below joins what it finds to be inseparable, and the
 * first rule that joined anything in a group is the group's reason. Rules only ever join, so their
 * order does not change the groups. When in doubt a rule joins.
 *
 *   alias   Behind a conventional bus all requests carry one requester id (PCIe to PCI bridge
 *           specification 2.3): everything behind the bridge, and the bridge.
 *   slot    Functions of one device may talk inside it. Unless all of them redirect requests
 *           and completions (6.12.1.2), they are together, with what is below those that are
 *           bridges.
 *   switch  A downstream port without ACS passes requests of what is below it to its
 *           siblings. ACS acts where a request enters, so the sibling's own does not help: all
 *           downstream ports of that switch are together, with everything below.
 *   port    A port without ACS does not separate what is below it from itself or from one
 *           another.
 */
#include <cordon/errno.h>
#include <drivers/pci/internal.h>
#include <drivers/pci/registers.h>
#include <kernel/heap.h>
#include <kernel/log.h>
#include <kernel/panic.h>
#include <kernel/string.h>

enum rule { RULE_NONE, RULE_ALIAS, RULE_SLOT, RULE_SWITCH, RULE_PORT };

/* A function while groups are being found. Indexed by the position in the list, which
 * pci_function.group holds meanwhile. */
struct node {
	struct pci_function *function;
	uint32_t above; /* towards the root of its set; itself: it is the root, the set's first */
	/* Of a root: how many members, the first rule that joined some and what made it do so, and
	 * whether other rules did as well. */
	uint32_t count;
	enum rule rule;
	const struct pci_function *because;
	bool more;
};

struct builder {
	struct node *nodes;
	uint32_t count;
};

static uint32_t root_of(const struct builder *builder, uint32_t index)
{
	while (builder->nodes[index].above != index)
		index = builder->nodes[index].above;
	return index;
}

/* Notes what joined a set; an earlier rule says more than a later one. */
static void note(struct node *set, enum rule rule, const struct pci_function *because)
{
	if (rule == RULE_NONE)
		return;
	set->more = set->more || (set->rule != RULE_NONE && set->rule != rule);
	if (set->rule == RULE_NONE || rule < set->rule) {
		set->rule = rule;
		set->because = because;
	}
}

static void join(struct builder *builder, const struct pci_function *a,
                 const struct pci_function *b, enum rule rule, const struct pci_function *because)
{
	uint32_t first = root_of(builder, a->group), second = root_of(builder, b->group);
	struct node *keep, *other;

	if (first == second)
		return;
	keep = &builder->nodes[first < second ? first : second];
	other = &builder->nodes[first < second ? second : first];
	other->above = (uint32_t)(keep - builder->nodes);
	keep->count += other->count;
	keep->more = keep->more || other->more;
	note(keep, other->rule, other->because);
	note(keep, rule, because);
}

/* --- what the topology says ---------------------------------------------------------------- */

static bool is_bridge(const struct pci_function *function)
{
	return function->header_type == PCI_HEADER_BRIDGE;
}

/* Whether the bus below a bridge is an express link or the inside of a switch, where every
 * requester keeps its own id. */
static bool keeps_requesters(const struct pci_function *bridge)
{
	return bridge->express_type == PCI_EXPRESS_ROOT_PORT ||
	       bridge->express_type == PCI_EXPRESS_UPSTREAM ||
	       bridge->express_type == PCI_EXPRESS_DOWNSTREAM;
}

static rid_t own_id(const struct pci_function *function)
{
	return (rid_t){(uint16_t)function->bdf};
}

static uint16_t segment_of(const struct pci_function *function)
{
	return (uint16_t)(function->bdf >> 16);
}

/*
 * The id that a function's requests carry when they reach the IOMMU, and the last bridge that put
 * its own there (NULL: none did).
 */
static rid_t requester_of(struct pci_function *function, struct pci_function **taken_by)
{
	rid_t id = own_id(function);

	*taken_by = NULL;
	for (struct pci_function *bridge = function->parent; bridge; bridge = bridge->parent) {
		if (keeps_requesters(bridge))
			continue;
		*taken_by = bridge;
		id = bridge->express_type == PCI_EXPRESS_TO_PCI ? rid(bridge->secondary, 0)
		                                                : own_id(bridge);
	}
	return id;
}

static bool is_below(const struct pci_function *function, const struct pci_function *bridge)
{
	for (function = function->parent; function; function = function->parent)
		if (function == bridge)
			return true;
	return false;
}

static bool port_isolates(const struct pci_function *port)
{
	return (port->acs_enabled & PCI_ACS_ISOLATION) == PCI_ACS_ISOLATION;
}

/* What a function of a multifunction device must do; of ports the whole of it is asked. */
static bool function_redirects(const struct pci_function *function)
{
	const uint16_t redirect = PCI_ACS_REQUEST | PCI_ACS_COMPLETION;

	if (is_bridge(function))
		return port_isolates(function);
	return (function->acs_enabled & redirect) == redirect;
}

static bool same_slot(const struct pci_function *a, const struct pci_function *b)
{
	return a->bdf / PCI_FUNCTIONS == b->bdf / PCI_FUNCTIONS;
}

/* --- rules --------------------------------------------------------------------------------- */

static void join_below(struct builder *builder, const struct pci_function *bridge, enum rule rule,
                       const struct pci_function *because)
{
	for (uint32_t i = bridge->group + 1; i < builder->count; i++)
		if (is_below(builder->nodes[i].function, bridge))
			join(builder, bridge, builder->nodes[i].function, rule, because);
}

static void join_aliases(struct builder *builder)
{
	for (uint32_t i = 0; i < builder->count; i++) {
		struct pci_function *function = builder->nodes[i].function;
		struct pci_function *bridge;

		function->requester = requester_of(function, &bridge);
		if (!bridge)
			continue;
		join(builder, bridge, function, RULE_ALIAS, bridge);
		/* Whoever bears the borrowed id as its own, wherever it is. */
		for (uint32_t j = 0; j < builder->count; j++) {
			struct pci_function *other = builder->nodes[j].function;

			if (own_id(other).raw == function->requester.raw &&
			    segment_of(other) == segment_of(function))
				join(builder, other, function, RULE_ALIAS, bridge);
		}
	}
}

static void join_slot(struct builder *builder, const struct pci_function *first)
{
	bool redirects = true, several = false;

	for (uint32_t i = first->group; i < builder->count; i++) {
		const struct pci_function *function = builder->nodes[i].function;

		if (!same_slot(first, function))
			continue;
		several = several || function != first;
		redirects = redirects && function_redirects(function);
	}
	if (!several || redirects)
		return;
	for (uint32_t i = first->group; i < builder->count; i++) {
		const struct pci_function *function = builder->nodes[i].function;

		if (!same_slot(first, function))
			continue;
		join(builder, first, function, RULE_SLOT, first);
		if (is_bridge(function))
			join_below(builder, function, RULE_SLOT, first);
	}
}

static void join_slots(struct builder *builder)
{
	for (uint32_t i = 0; i < builder->count; i++) {
		const struct pci_function *function = builder->nodes[i].function;
		bool first = true;

		for (uint32_t j = 0; j < i && first; j++)
			first = !same_slot(builder->nodes[j].function, function);
		if (first)
			join_slot(builder, function);
	}
}

static void join_switch(struct builder *builder, const struct pci_function *upstream)
{
	const struct pci_function *first = NULL, *open = NULL;

	for (uint32_t i = upstream->group + 1; i < builder->count; i++) {
		const struct pci_function *port = builder->nodes[i].function;

		if (port->parent != upstream)
			continue;
		if (!first)
			first = port;
		if (!port_isolates(port))
			open = port;
	}
	if (!open)
		return;
	for (uint32_t i = upstream->group + 1; i < builder->count; i++)
		if (is_below(builder->nodes[i].function, upstream))
			join(builder, first, builder->nodes[i].function, RULE_SWITCH, upstream);
}

static void join_switches(struct builder *builder)
{
	for (uint32_t i = 0; i < builder->count; i++)
		if (is_bridge(builder->nodes[i].function) &&
		    builder->nodes[i].function->express_type == PCI_EXPRESS_UPSTREAM)
			join_switch(builder, builder->nodes[i].function);
}

static void join_ports(struct builder *builder)
{
	for (uint32_t i = 0; i < builder->count; i++) {
		const struct pci_function *port = builder->nodes[i].function;

		if (is_bridge(port) &&
		    (port->express_type == PCI_EXPRESS_ROOT_PORT ||
		     port->express_type == PCI_EXPRESS_DOWNSTREAM) &&
		    !port_isolates(port))
			join_below(builder, port, RULE_PORT, port);
	}
}

/* --- words --------------------------------------------------------------------------------- */

static void explain_alone(const struct pci_function *function, struct pci_group *group)
{
	const char *text = "alone: a single function on a root bus";

	if (is_bridge(function) && port_isolates(function))
		text = "alone: it enforces ACS for what is below";
	else if (is_bridge(function) && function->express_type == PCI_EXPRESS_UPSTREAM)
		text = "alone: the only function of the port above its switch";
	else if (is_bridge(function))
		text = "alone: a bridge with nothing below it";
	else if (function->parent)
		text = "alone: every port above enforces ACS";
	else if (function->multifunction && function_redirects(function))
		text = "alone: every function of its device enforces ACS";
	format_text(group->reason, sizeof(group->reason), "%s", text);
}

static void explain_alias(const struct pci_function *bridge, struct pci_group *group)
{
	const struct pci_function *sharing[2] = {NULL, NULL};
	char a[PCI_NAME_MAX], b[PCI_NAME_MAX] = "", cause[PCI_NAME_MAX];
	unsigned int count = 0;
	rid_t id = bridge->express_type == PCI_EXPRESS_TO_PCI ? rid(bridge->secondary, 0)
	                                                      : own_id(bridge);

	for (uint32_t i = 0; i < group->function_count && count < 2; i++)
		if (group->functions[i] != bridge && group->functions[i]->requester.raw == id.raw)
			sharing[count++] = group->functions[i];
	ASSERT(sharing[0]); /* the one that made this bridge a reason */
	pci_name(bridge->bdf, cause);
	pci_name(sharing[0]->bdf, a);
	if (sharing[1])
		pci_name(sharing[1]->bdf, b);
	format_text(group->reason, sizeof(group->reason),
	            "%s%s%s %s requester id %02x:%02x.%x of the conventional bridge %s", a,
	            sharing[1] ? " and " : "", b, sharing[1] ? "share" : "has", id.raw >> 8,
	            id.raw >> 3 & 0x1f, id.raw & 7, cause);
}

static void explain(const struct node *set, struct pci_group *group)
{
	char cause[PCI_NAME_MAX];
	size_t length;

	if (set->rule != RULE_NONE)
		pci_name(set->because->bdf, cause);
	switch (set->rule) {
	case RULE_ALIAS:
		explain_alias(set->because, group);
		break;
	case RULE_SLOT:
		format_text(group->reason, sizeof(group->reason),
		            "functions of device %s can reach each other: not all enforce ACS",
		            cause);
		break;
	case RULE_SWITCH:
		format_text(
		        group->reason, sizeof(group->reason),
		        "devices below switch %s can reach each other: not all ports enforce ACS",
		        cause);
		break;
	case RULE_PORT:
		format_text(group->reason, sizeof(group->reason),
		            "port %s does not enforce ACS: what is below is not separated", cause);
		break;
	case RULE_NONE:
		explain_alone(set->function, group);
		break;
	}
	length = strlen(group->reason);
	if (set->more)
		format_text(group->reason + length, sizeof(group->reason) - length,
		            "; more lacks ACS");
}

/* --- building ------------------------------------------------------------------------------ */

static struct pci_group *group_create(struct builder *builder, uint32_t root)
{
	const struct node *set = &builder->nodes[root];
	struct pci_group *group = heap_alloc(sizeof(*group));

	if (!group)
		return NULL;
	group->functions = heap_alloc_array(set->count, sizeof(struct pci_function *));
	if (!group->functions) {
		heap_free(group);
		return NULL;
	}
	list_init(&group->link);
	group->number = root;
	for (uint32_t i = root; i < builder->count; i++)
		if (root_of(builder, i) == root)
			group->functions[group->function_count++] = builder->nodes[i].function;
	ASSERT(group->function_count == set->count);
	explain(set, group);
	return group;
}

void pci_groups_free(struct list *groups)
{
	struct pci_group *group, *after;

	list_for_each_safe(group, after, groups, link)
	{
		list_remove(&group->link);
		heap_free(group->functions);
		heap_free(group);
	}
}

static int create_groups(struct builder *builder, struct list *groups)
{
	struct pci_group *group;

	for (uint32_t i = 0; i < builder->count; i++) {
		if (root_of(builder, i) != i)
			continue;
		group = group_create(builder, i);
		if (!group) {
			pci_groups_free(groups);
			return -ENOMEM;
		}
		list_append(groups, &group->link);
	}
	/* Until here the member held positions. */
	list_for_each(group, groups, link)
	{
		for (uint32_t i = 0; i < group->function_count; i++)
			group->functions[i]->group = group->number;
	}
	return 0;
}

int pci_groups_build(struct list *functions, struct list *groups)
{
	struct builder builder = {0};
	struct pci_function *function;
	int error;

	list_init(groups);
	list_for_each(function, functions, link)
	{
		builder.count++;
	}
	if (builder.count == 0)
		return 0;
	builder.nodes = heap_alloc_array(builder.count, sizeof(struct node));
	if (!builder.nodes)
		return -ENOMEM;
	builder.count = 0;
	list_for_each(function, functions, link)
	{
		function->group = builder.count;
		builder.nodes[builder.count] = (struct node){
		        .function = function,
		        .above = builder.count,
		        .count = 1,
		};
		builder.count++;
	}
	join_aliases(&builder);
	join_slots(&builder);
	join_switches(&builder);
	join_ports(&builder);
	error = create_groups(&builder, groups);
	heap_free(builder.nodes);
	return error;
}
