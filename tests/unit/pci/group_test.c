/* SPDX-License-Identifier: MIT */
/*
 * Groups (S4) over recorded topologies: those that were read out of QEMU 7.2 with Linux 6.1 as an
 * oracle, where we differ from it on purpose, and shapes that no emulator offers. Functions are
 * written down by hand, so nothing here depends on enumeration.
 */
#include <cordon/errno.h>
#include <criterion/criterion.h>
#include <kernel/heap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tests/unit/fake/fake.h>
#include <tests/random.h>
#include <tests/unit/pci/machine.h>

#define ACS_ALL (PCI_ACS_ISOLATION)
#define ROOT    (-1)
#define MAX     24

enum kind { END, EP, RCIEP, CONV, RP, UP, DN, TO_PCI, FROM_PCI, PCI_PCI };

/* One function. expected: row of the first function of its group. */
struct row {
	enum kind kind;
	int parent; /* row, or ROOT */
	uint8_t slot, function;
	uint16_t acs;
	int expected;
};

static struct pci_function functions[MAX];
static struct list list, groups;
static int count;

static enum pci_express_type type_of(enum kind kind)
{
	static const enum pci_express_type types[] = {
	        [EP] = PCI_EXPRESS_ENDPOINT,   [RCIEP] = PCI_EXPRESS_ROOT_ENDPOINT,
	        [CONV] = PCI_EXPRESS_NONE,     [RP] = PCI_EXPRESS_ROOT_PORT,
	        [UP] = PCI_EXPRESS_UPSTREAM,   [DN] = PCI_EXPRESS_DOWNSTREAM,
	        [TO_PCI] = PCI_EXPRESS_TO_PCI, [FROM_PCI] = PCI_EXPRESS_FROM_PCI,
	        [PCI_PCI] = PCI_EXPRESS_NONE,
	};

	return types[kind];
}

/* Rows stand in enumeration order; buses are numbered in the order of the bridges. */
static void load(const struct row *rows, uint16_t segment)
{
	uint8_t next_bus = 1;

	list_init(&list);
	memset(functions, 0, sizeof(functions));
	for (count = 0; rows[count].kind != END; count++) {
		const struct row *row = &rows[count];
		struct pci_function *function = &functions[count];
		struct pci_function *parent = row->parent == ROOT ? NULL : &functions[row->parent];
		uint8_t bus = parent ? parent->secondary : 0;

		cr_assert_lt(count, MAX);
		function->bdf = CORDON_BDF((uint32_t)segment, (uint32_t)bus, (uint32_t)row->slot,
		                           row->function);
		function->parent = parent;
		function->express_type = type_of(row->kind);
		function->header_type = row->kind >= RP;
		function->acs_enabled = row->acs;
		if (row->kind >= RP)
			function->secondary = function->subordinate = next_bus++;
		list_append(&list, &function->link);
	}
}

static const struct pci_group *group_of(int row)
{
	const struct pci_group *group;

	list_for_each(group, &groups, link)
	{
		for (uint32_t i = 0; i < group->function_count; i++)
			if (group->functions[i] == &functions[row])
				return group;
	}
	return NULL;
}

static void free_groups(void)
{
	size_t before = heap_in_use();

	pci_groups_free(&groups);
	cr_assert(list_empty(&groups) && heap_in_use() < before);
}

/* Builds the groups and compares all of them with what the rows expect. */
static void check(const char *name, const struct row *rows)
{
	int total = 0;

	load(rows, 0);
	cr_assert_eq(pci_groups_build(&list, &groups), 0);
	for (int i = 0; i < count; i++) {
		const struct pci_group *group = group_of(i);

		cr_assert_not_null(group);
		cr_assert_eq(group->number, rows[i].expected,
		             "%s: function %d is in group %u (%s), not in %d", name, i,
		             group->number, group->reason, rows[i].expected);
		cr_assert_eq(functions[i].group, group->number);
		cr_assert(strlen(group->reason) > 10 && strlen(group->reason) < 127);
	}
	const struct pci_group *group;
	uint32_t last = 0;

	list_for_each(group, &groups, link)
	{
		total += (int)group->function_count;
		cr_assert(group == list_first(&groups, struct pci_group, link) ||
		                  group->number > last,
		          "in order");
		last = group->number;
	}
	cr_assert_eq(total, count, "each function is in one group");
}

static const char *reason(int row)
{
	return group_of(row)->reason;
}

/* --- recorded in QEMU ---------------------------------------------------------------------- */

Test(groups, S4_endpoint_behind_a_root_port_with_acs)
{
	check("RP+EP",
	      (const struct row[]){{RP, ROOT, 1, 0, ACS_ALL, 0}, {EP, 0, 0, 0, 0, 1}, {0}});
	cr_assert_str_eq(reason(0), "alone: it enforces ACS for what is below");
	cr_assert_str_eq(reason(1), "alone: every port above enforces ACS");
	cr_assert_eq(functions[1].requester.raw, 0x0100);
	free_groups();
}

Test(groups, S4_endpoint_behind_a_root_port_without_acs)
{
	check("RP(disable-acs)+EP",
	      (const struct row[]){{RP, ROOT, 1, 0, 0, 0}, {EP, 0, 0, 0, 0, 0}, {0}});
	cr_assert_str_eq(reason(0),
	                 "port 0000:00:01.0 does not enforce ACS: what is below is not separated");
	free_groups();
}

Test(groups, S4_every_bit_of_acs_counts)
{
	for (unsigned int missing = 1; missing < 0x80; missing <<= 1) {
		bool needed = missing & ACS_ALL;
		const struct row rows[] = {
		        {RP, ROOT, 1, 0, (uint16_t)(0x7f & ~missing), 0},
		        {EP, 0, 0, 0, 0, needed ? 0 : 1},
		        {0},
		};

		check("RP lacks a bit", rows);
		free_groups();
	}
}

Test(groups, S4_multifunction_endpoint_without_acs)
{
	check("RP+2 functions",
	      (const struct row[]){
	              {RP, ROOT, 1, 0, ACS_ALL, 0}, {EP, 0, 0, 0, 0, 1}, {EP, 0, 0, 1, 0, 1}, {0}});
	cr_assert_str_eq(
	        reason(1),
	        "functions of device 0000:01:00.0 can reach each other: not all enforce ACS");
	free_groups();
}

Test(groups, S4_root_ports_with_acs_in_one_slot)
{
	check("two RPs in a slot", (const struct row[]){{RP, ROOT, 1, 0, ACS_ALL, 0},
	                                                {EP, 0, 0, 0, 0, 1},
	                                                {RP, ROOT, 1, 1, ACS_ALL, 2},
	                                                {EP, 2, 0, 0, 0, 3},
	                                                {0}});
	free_groups();
}

Test(groups, S4_root_ports_without_acs_in_one_slot)
{
	check("two ioh3420", (const struct row[]){{RP, ROOT, 1, 0, 0, 0},
	                                          {EP, 0, 0, 0, 0, 0},
	                                          {RP, ROOT, 1, 1, 0, 0},
	                                          {EP, 2, 0, 0, 0, 0},
	                                          {0}});
	free_groups();
}

Test(groups, S4_root_ports_without_acs_in_two_slots)
{
	check("two ioh3420, two slots", (const struct row[]){{RP, ROOT, 1, 0, 0, 0},
	                                                     {EP, 0, 0, 0, 0, 0},
	                                                     {RP, ROOT, 2, 0, 0, 2},
	                                                     {EP, 2, 0, 0, 0, 2},
	                                                     {0}});
	free_groups();
}

Test(groups, S4_siblings_below_a_switch_without_acs_are_together)
{
	/* Linux 6.1 makes {upstream}, {downstream, endpoint}, {downstream, endpoint} of this. */
	check("x3130", (const struct row[]){{RP, ROOT, 1, 0, ACS_ALL, 0},
	                                    {UP, 0, 0, 0, 0, 1},
	                                    {DN, 1, 0, 0, 0, 2},
	                                    {EP, 2, 0, 0, 0, 2},
	                                    {DN, 1, 1, 0, 0, 2},
	                                    {EP, 4, 0, 0, 0, 2},
	                                    {0}});
	cr_assert_str_eq(
	        reason(2),
	        "devices below switch 0000:01:00.0 can reach each other: not all ports enforce ACS");
	cr_assert_eq(functions[5].requester.raw, 0x0400, "each keeps its own id");
	free_groups();
}

Test(groups, S4_devices_behind_a_pcie_to_pci_bridge)
{
	check("pcie-pci-bridge", (const struct row[]){{RP, ROOT, 1, 0, ACS_ALL, 0},
	                                              {TO_PCI, 0, 0, 0, 0, 1},
	                                              {CONV, 1, 0, 0, 0, 1},
	                                              {CONV, 1, 1, 0, 0, 1},
	                                              {0}});
	cr_assert_eq(functions[2].requester.raw, 0x0200);
	cr_assert_eq(functions[3].requester.raw, 0x0200);
	cr_assert_eq(functions[1].requester.raw, 0x0100);
	cr_assert_str_eq(reason(1),
	                 "0000:02:00.0 and 0000:02:01.0 share requester id 02:00.0 of the "
	                 "conventional bridge 0000:01:00.0");
	free_groups();
}

Test(groups, S4_devices_behind_a_conventional_bridge)
{
	check("i82801b11", (const struct row[]){{PCI_PCI, ROOT, 0x1e, 0, 0, 0},
	                                        {CONV, 0, 1, 0, 0, 0},
	                                        {CONV, 0, 2, 0, 0, 0},
	                                        {0}});
	cr_assert_eq(functions[1].requester.raw, 0x00f0);
	cr_assert_eq(functions[2].requester.raw, 0x00f0);
	cr_assert_str_eq(reason(0),
	                 "0000:01:01.0 and 0000:01:02.0 share requester id 00:1e.0 of the "
	                 "conventional bridge 0000:00:1e.0");
	free_groups();
}

Test(groups, S4_multifunction_device_on_the_root_bus)
{
	check("edu multifunction", (const struct row[]){{CONV, ROOT, 3, 0, 0, 0},
	                                                {CONV, ROOT, 3, 1, 0, 0},
	                                                {CONV, ROOT, 4, 0, 0, 2},
	                                                {0}});
	free_groups();
}

Test(groups, S4_a_whole_q35)
{
	check("q35", (const struct row[]){{CONV, ROOT, 0, 0, 0, 0},
	                                  {CONV, ROOT, 1, 0, 0, 1},
	                                  {RP, ROOT, 2, 0, ACS_ALL, 2},
	                                  {EP, 2, 0, 0, 0, 3},
	                                  {RCIEP, ROOT, 3, 0, 0, 4},
	                                  {CONV, ROOT, 0x1f, 0, 0, 5},
	                                  {CONV, ROOT, 0x1f, 2, 0, 5},
	                                  {CONV, ROOT, 0x1f, 3, 0, 5},
	                                  {0}});
	cr_assert_str_eq(reason(1), "alone: a single function on a root bus");
	free_groups();
}

/* --- what no emulator offers --------------------------------------------------------------- */

Test(groups, S4_one_port_without_acs_opens_the_whole_switch)
{
	/* ACS acts where a request enters: port 4 cannot keep out what port 2 lets in. */
	check("mixed switch", (const struct row[]){{RP, ROOT, 1, 0, ACS_ALL, 0},
	                                           {UP, 0, 0, 0, 0, 1},
	                                           {DN, 1, 0, 0, 0, 2},
	                                           {EP, 2, 0, 0, 0, 2},
	                                           {DN, 1, 1, 0, ACS_ALL, 2},
	                                           {EP, 4, 0, 0, 0, 2},
	                                           {0}});
	free_groups();
}

Test(groups, S4_a_switch_with_acs_separates)
{
	check("good switch", (const struct row[]){{RP, ROOT, 1, 0, ACS_ALL, 0},
	                                          {UP, 0, 0, 0, 0, 1},
	                                          {DN, 1, 0, 0, ACS_ALL, 2},
	                                          {EP, 2, 0, 0, 0, 3},
	                                          {DN, 1, 1, 0, ACS_ALL, 4},
	                                          {EP, 4, 0, 0, 0, 5},
	                                          {0}});
	free_groups();
}

Test(groups, S4_an_open_root_port_joins_even_a_good_switch)
{
	check("open root port", (const struct row[]){{RP, ROOT, 1, 0, 0, 0},
	                                             {UP, 0, 0, 0, 0, 0},
	                                             {DN, 1, 0, 0, ACS_ALL, 0},
	                                             {EP, 2, 0, 0, 0, 0},
	                                             {DN, 1, 1, 0, ACS_ALL, 0},
	                                             {EP, 4, 0, 0, 0, 0},
	                                             {0}});
	free_groups();
}

Test(groups, S4_downstream_ports_as_functions_of_one_slot)
{
	check("ports in a slot", (const struct row[]){{RP, ROOT, 1, 0, ACS_ALL, 0},
	                                              {UP, 0, 0, 0, 0, 1},
	                                              {DN, 1, 0, 0, ACS_ALL, 2},
	                                              {EP, 2, 0, 0, 0, 3},
	                                              {DN, 1, 0, 1, ACS_ALL, 4},
	                                              {EP, 4, 0, 0, 0, 5},
	                                              {0}});
	free_groups();
}

Test(groups, S4_an_endpoint_beside_the_upstream_port_reaches_below_it)
{
	check("multifunction upstream port", (const struct row[]){{RP, ROOT, 1, 0, ACS_ALL, 0},
	                                                          {UP, 0, 0, 0, 0, 1},
	                                                          {DN, 1, 0, 0, ACS_ALL, 1},
	                                                          {EP, 2, 0, 0, 0, 1},
	                                                          {EP, 0, 0, 1, 0, 1},
	                                                          {0}});
	free_groups();
}

Test(groups, S4_one_function_without_acs_opens_the_whole_device)
{
	check("mixed functions", (const struct row[]){{RP, ROOT, 1, 0, ACS_ALL, 0},
	                                              {EP, 0, 0, 0, 0x0c, 1},
	                                              {EP, 0, 0, 1, 0, 1},
	                                              {EP, 0, 0, 2, 0x0c, 1},
	                                              {0}});
	free_groups();
	check("redirecting functions", (const struct row[]){{RP, ROOT, 1, 0, ACS_ALL, 0},
	                                                    {EP, 0, 0, 0, 0x0c, 1},
	                                                    {EP, 0, 0, 1, 0x0c, 2},
	                                                    {0}});
	free_groups();
	check("only requests redirected", (const struct row[]){{RP, ROOT, 1, 0, ACS_ALL, 0},
	                                                       {EP, 0, 0, 0, 0x04, 1},
	                                                       {EP, 0, 0, 1, 0x0c, 1},
	                                                       {0}});
	free_groups();
}

Test(groups, S4_a_port_without_acs_in_a_slot_opens_its_neighbour)
{
	check("mixed root ports", (const struct row[]){{RP, ROOT, 1, 0, ACS_ALL, 0},
	                                               {EP, 0, 0, 0, 0, 0},
	                                               {RP, ROOT, 1, 1, 0, 0},
	                                               {EP, 2, 0, 0, 0, 0},
	                                               {0}});
	free_groups();
}

Test(groups, S4_conventional_bridges_in_a_row_take_the_id_of_the_outermost)
{
	check("nested conventional", (const struct row[]){{PCI_PCI, ROOT, 5, 0, 0, 0},
	                                                  {PCI_PCI, 0, 1, 0, 0, 0},
	                                                  {CONV, 1, 9, 0, 0, 0},
	                                                  {CONV, 0, 2, 0, 0, 0},
	                                                  {0}});
	cr_assert_eq(functions[2].requester.raw, 0x0028);
	cr_assert_eq(functions[1].requester.raw, 0x0028);
	free_groups();
	check("conventional below express", (const struct row[]){{RP, ROOT, 5, 0, ACS_ALL, 0},
	                                                         {TO_PCI, 0, 0, 0, 0, 1},
	                                                         {PCI_PCI, 1, 1, 0, 0, 1},
	                                                         {CONV, 2, 9, 0, 0, 1},
	                                                         {0}});
	cr_assert_eq(functions[3].requester.raw, 0x0200, "the secondary bus of the express bridge");
	cr_assert_eq(functions[2].requester.raw, 0x0200);
	free_groups();
	check("express below conventional", (const struct row[]){{FROM_PCI, ROOT, 5, 0, 0, 0},
	                                                         {UP, 0, 0, 0, 0, 0},
	                                                         {DN, 1, 0, 0, ACS_ALL, 0},
	                                                         {EP, 2, 0, 0, 0, 0},
	                                                         {0}});
	cr_assert_eq(functions[3].requester.raw, 0x0028);
	free_groups();
}

Test(groups, S4_one_device_behind_a_bridge_is_still_with_it)
{
	check("a single device", (const struct row[]){{RP, ROOT, 1, 0, ACS_ALL, 0},
	                                              {TO_PCI, 0, 0, 0, 0, 1},
	                                              {CONV, 1, 4, 0, 0, 1},
	                                              {0}});
	cr_assert_str_eq(reason(1),
	                 "0000:02:04.0 has requester id 02:00.0 of the conventional bridge "
	                 "0000:01:00.0");
	free_groups();
}

Test(groups, S4_a_slot_with_a_conventional_bridge_joins_what_is_behind)
{
	check("bridge and sibling", (const struct row[]){{CONV, ROOT, 6, 0, 0, 0},
	                                                 {PCI_PCI, ROOT, 6, 1, 0, 0},
	                                                 {CONV, 1, 1, 0, 0, 0},
	                                                 {0}});
	cr_assert(strstr(reason(0), "; more lacks ACS"));
	free_groups();
}

Test(groups, S4_segments_never_mix)
{
	static const struct row rows[] = {
	        {PCI_PCI, ROOT, 5, 0, 0, 0}, {CONV, 0, 1, 0, 0, 0}, {CONV, ROOT, 9, 0, 0, 2}, {0}};

	load(rows, 0);
	/* The same address in another segment, equal to the borrowed id. */
	functions[2].bdf = CORDON_BDF(1u, 0, 5, 0);
	cr_assert_eq(pci_groups_build(&list, &groups), 0);
	cr_assert_eq(functions[1].group, 0);
	cr_assert_eq(functions[2].group, 2);
	free_groups();
}

/* --- properties ---------------------------------------------------------------------------- */

/* Who reaches whom without passing the IOMMU, written down by the paths that a request can take and
 * not by the rules of the builder: from a function up to a meeting place that lets it down again.
 */
static bool acs_full(const struct pci_function *port)
{
	return (port->acs_enabled & ACS_ALL) == ACS_ALL;
}

static bool acs_redirects(const struct pci_function *function)
{
	return function->header_type ? acs_full(function) : (function->acs_enabled & 0x0c) == 0x0c;
}

/* The path from a function to the root, itself first. */
static int path_of(const struct pci_function *function, const struct pci_function *out[])
{
	int length = 0;

	for (; function; function = function->parent)
		out[length++] = function;
	return length;
}

/*
 * Whether a request of a reaches b. It climbs through the functions above a; where one of them, a
 * root or downstream port, has ACS it goes on to the root; otherwise it may turn into any sibling
 * function of the same device, any sibling port of the same switch, or stay below a port.
 */
static bool reaches(const struct pci_function *a, const struct pci_function *b)
{
	const struct pci_function *up[MAX], *to[MAX];
	int ups = path_of(a, up), tos = path_of(b, to);

	for (int i = 0; i < ups; i++) {
		const struct pci_function *at = up[i];
		bool port = at->express_type == PCI_EXPRESS_ROOT_PORT ||
		            at->express_type == PCI_EXPRESS_DOWNSTREAM;

		for (int j = 0; j < tos; j++) {
			const struct pci_function *turn = to[j];
			bool slot = turn != at && turn->bdf / 8 == at->bdf / 8;
			bool sibling = turn != at && at->express_type == PCI_EXPRESS_DOWNSTREAM &&
			               turn->parent == at->parent;
			bool down_again = turn == at && i > 0 && port;
			bool shared = turn == at && at->header_type && !port &&
			              at->express_type != PCI_EXPRESS_UPSTREAM;

			if ((slot && !acs_redirects(at)) ||
			    ((sibling || down_again) && !acs_full(at)) || shared)
				return true;
		}
	}
	return false;
}

static int random_topology(struct random *random, struct row *rows)
{
	int total = 2 + (int)random_below(random, 10);
	int made = 0;

	/* Depth first, so that rows stand in enumeration order. */
	int stack[MAX] = {ROOT}, depth = 1;
	uint8_t next_slot[MAX + 1] = {0};

	while (made < total) {
		int parent = stack[depth - 1];
		enum kind above = parent == ROOT ? END : rows[parent].kind;
		bool link = above == RP || above == DN;
		enum kind kind;
		uint8_t slot = next_slot[parent + 1], function = 0;

		if (depth > 1 && (random_below(random, 3) == 0 || (link && slot > 2))) {
			depth--;
			continue;
		}
		if (above == UP)
			kind = DN;
		else if (above == PCI_PCI || above == TO_PCI)
			kind = random_below(random, 4) ? CONV : PCI_PCI;
		else if (link)
			kind = (enum kind[]){EP, EP, UP, TO_PCI}[random_below(random, 4)];
		else
			kind = (enum kind[]){CONV, RCIEP, RP, RP, PCI_PCI}[random_below(random, 5)];
		next_slot[parent + 1]++;
		/* Behind a link everything is in slot 0; elsewhere sometimes two share one. */
		function = link ? slot : slot % 2;
		slot = link ? 0 : slot / 2;
		if (!link && random_below(random, 2)) {
			slot = (uint8_t)(next_slot[parent + 1] + 8);
			function = 0;
		}
		rows[made] = (struct row){
		        kind, parent, slot, function, random_below(random, 3) ? ACS_ALL : 0, 0};
		if (kind >= RP && depth < 6)
			stack[depth++] = made;
		made++;
	}
	rows[made].kind = END;
	return made;
}

Test(groups, S4_who_reaches_another_is_with_it_in_random_topologies)
{
	struct random random = {5};
	int split = 0, joined = 0;

	for (int round = 0; round < 5000; round++) {
		struct row rows[MAX] = {{0}};

		random_topology(&random, rows);
		load(rows, 0);
		cr_assert_eq(pci_groups_build(&list, &groups), 0);
		for (int i = 0; i < count; i++) {
			for (int j = 0; j < count; j++) {
				bool together = functions[i].group == functions[j].group;

				if (i == j)
					continue;
				split += !together;
				joined += together;
				/* A bridge issues no requests of its own. */
				if (!functions[i].header_type &&
				    reaches(&functions[i], &functions[j]))
					cr_assert(together, "round %d: %d reaches %d", round, i, j);
				if (functions[i].requester.raw == functions[j].requester.raw)
					cr_assert(together, "round %d: one requester id", round);
			}
			cr_assert_eq(functions[i].group, group_of(i)->number);
		}
		pci_groups_free(&groups);
	}
	cr_assert(split > 10000 && joined > 10000);
}

Test(groups, nothing_and_no_memory)
{
	static const struct row rows[] = {
	        {RP, ROOT, 1, 0, 0, 0}, {EP, 0, 0, 0, 0, 0}, {CONV, ROOT, 2, 0, 0, 2}, {0}};
	size_t before = heap_in_use();
	int error;

	list_init(&list);
	cr_assert_eq(pci_groups_build(&list, &groups), 0);
	cr_assert(list_empty(&groups));
	load(rows, 0);
	for (uint64_t fail = 1;; fail++) {
		fake_heap_fail(fail);
		error = pci_groups_build(&list, &groups);
		fake_heap_fail(0);
		if (error == 0)
			break;
		cr_assert_eq(error, -ENOMEM);
		cr_assert_eq(heap_in_use(), before);
		cr_assert(list_empty(&groups));
	}
	free_groups();
	cr_assert_eq(heap_in_use(), before);
}
