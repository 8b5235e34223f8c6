/* SPDX-License-Identifier: MIT */
/* The list of functions, and the order in which pci_init makes them safe and usable. */
#include <cordon/errno.h>
#include <drivers/pci/internal.h>
#include <drivers/pci/registers.h>
#include <kernel/heap.h>
#include <kernel/panic.h>

#define LOG_TAG "pci"
#include <kernel/log.h>

static struct list functions = LIST_INIT(functions);
static struct list groups = LIST_INIT(groups);

static struct pci_function *function_create(const struct pci_area *area, uint8_t bus, uint8_t devfn,
                                            struct pci_function *parent, uint8_t header_type)
{
	struct pci_function *function = heap_alloc(sizeof(*function));

	if (!function)
		return NULL;
	list_init(&function->link);
	function->bdf = (uint32_t)area->segment << 16 | (uint32_t)bus << 8 | devfn;
	function->config = pci_ecam(area, bus, devfn);
	function->parent = parent;
	function->header_type = header_type & PCI_HEADER_TYPE;
	function->requester = rid(bus, devfn);
	function->express_type = PCI_EXPRESS_NONE;
	/* The first thing that happens to a function (S1). */
	pci_write16(function, PCI_COMMAND,
	            pci_read16(function, PCI_COMMAND) & (uint16_t)~PCI_COMMAND_MASTER);
	return function;
}

static void read_identity(struct pci_function *function)
{
	function->vendor = pci_read16(function, PCI_VENDOR);
	function->device = pci_read16(function, PCI_DEVICE);
	function->revision = pci_read8(function, PCI_REVISION);
	function->class_code = pci_read32(function, PCI_REVISION) >> 8;
	function->interrupt_pin = pci_read8(function, PCI_INTERRUPT_PIN);
	if (function->interrupt_pin > PCI_INTERRUPT_PIN_MAX)
		function->interrupt_pin = 0;
	if (function->header_type == PCI_HEADER_ENDPOINT) {
		function->subsystem_vendor = pci_read16(function, PCI_SUBSYS_VENDOR);
		function->subsystem_device = pci_read16(function, PCI_SUBSYS_DEVICE);
	} else if (function->header_type == PCI_HEADER_BRIDGE) {
		function->secondary = pci_read8(function, PCI_SECONDARY_BUS);
		function->subordinate = pci_read8(function, PCI_SUBORDINATE_BUS);
	}
	if (!pci_capabilities_read(function))
		pci_refuse_for(function, "its capability list is malformed");
}

static int scan_bus(const struct pci_area *area, uint8_t bus, struct pci_function *parent,
                    unsigned int depth);

/* A bridge that got no bus number leads nowhere. */
static bool leads_on(const struct pci_area *area, const struct pci_function *function,
                     unsigned int depth)
{
	return function->header_type == PCI_HEADER_BRIDGE && depth < PCI_DEPTH_MAX &&
	       function->secondary > (uint8_t)(function->bdf >> 8) &&
	       function->secondary <= area->last_bus;
}

/* *present: whether function 0 is there, whose header says whether there are more. */
static int scan_function(const struct pci_area *area, uint8_t bus, uint8_t devfn,
                         struct pci_function *parent, unsigned int depth, bool *multifunction)
{
	struct pci_function *function;
	uint8_t type;

	if (!pci_present(pci_ecam(area, bus, devfn), &type))
		return 0;
	if (devfn % PCI_FUNCTIONS == 0)
		*multifunction = type & PCI_HEADER_MULTI;
	function = function_create(area, bus, devfn, parent, type);
	if (!function)
		return -ENOMEM;
	list_append(&functions, &function->link);
	function->multifunction = *multifunction;
	read_identity(function);
	if (leads_on(area, function, depth))
		return scan_bus(area, function->secondary, function, depth + 1);
	return 0;
}

static int scan_bus(const struct pci_area *area, uint8_t bus, struct pci_function *parent,
                    unsigned int depth)
{
	for (uint8_t slot = 0; slot <= pci_last_slot(parent); slot++) {
		bool multifunction = false;

		for (uint8_t number = 0; number < PCI_FUNCTIONS; number++) {
			int error = scan_function(area, bus, (uint8_t)(slot << 3 | number), parent,
			                          depth, &multifunction);

			if (error)
				return error;
			if (!multifunction)
				break;
		}
	}
	return 0;
}

static int scan_area(const struct pci_area *area)
{
	struct pci_bus_set roots;

	pci_number_buses(area, &roots);
	for (unsigned int bus = area->first_bus; bus <= area->last_bus; bus++) {
		int error = 0;

		if (pci_bus_in(&roots, (uint8_t)bus))
			error = scan_bus(area, (uint8_t)bus, NULL, 0);
		if (error)
			return error;
	}
	return 0;
}

static void functions_free(void)
{
	struct pci_function *function, *after;

	pci_groups_free(&groups);
	list_for_each_safe(function, after, &functions, link)
	{
		list_remove(&function->link);
		heap_free(function);
	}
}

static void log_bars(const struct pci_function *function, const char *name)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(function->bars); i++) {
		const struct pci_bar *bar = &function->bars[i];

		if (bar->kind != PCI_BAR_NONE)
			log_debug("%s BAR %u: %s at 0x%llx, 0x%llx bytes", name, i,
			          bar->kind == PCI_BAR_IO ? "ports" : "memory",
			          (unsigned long long)bar->base, (unsigned long long)bar->size);
	}
}

static void log_functions(void)
{
	const struct pci_function *function;
	char name[PCI_NAME_MAX];

	list_for_each(function, &functions, link)
	{
		pci_name(function->bdf, name);
		log_debug("%s %04x:%04x class %06x group %u%s%s", name, function->vendor,
		          function->device, function->class_code, function->group,
		          function->refused ? ": " : "",
		          function->refused ? function->refused : "");
		log_bars(function, name);
	}
}

int pci_init(const struct mcfg *mcfg)
{
	struct pci_function *function;
	int error;

	error = pci_ecam_init(mcfg);
	for (size_t i = 0; !error && i < pci_area_count(); i++)
		error = scan_area(pci_area(i));
	if (error)
		goto failed;
	list_for_each(function, &functions, link)
	{
		if (!pci_silence(function))
			pci_refuse_for(function,
			               "ATS, PASID, PRI or SR-IOV cannot be switched off");
		if (!pci_bars_read(function))
			pci_refuse_for(function, "a base address register is malformed");
		if (function->header_type == PCI_HEADER_BRIDGE)
			pci_windows_read(function);
	}
	pci_assign(&functions);
	list_for_each(function, &functions, link)
	{
		pci_acs_enable(function);
		pci_refuse(function);
	}
	error = pci_groups_build(&functions, &groups);
	if (error)
		goto failed;
	log_functions();
	return 0;

failed:
	functions_free();
	return error;
}

struct list *pci_functions(void)
{
	return &functions;
}

struct list *pci_groups(void)
{
	return &groups;
}

struct pci_group *pci_group_find(uint32_t number)
{
	struct pci_group *group;

	list_for_each(group, &groups, link)
	{
		if (group->number == number)
			return group;
	}
	return NULL;
}

struct pci_function *pci_find(cordon_bdf_t bdf)
{
	struct pci_function *function;

	list_for_each(function, &functions, link)
	{
		if (function->bdf == bdf)
			return function;
	}
	return NULL;
}

struct pci_function *pci_find_path(uint16_t segment, uint8_t start_bus, const uint8_t (*path)[2],
                                   size_t length)
{
	struct pci_function *function = NULL;
	uint8_t bus = start_bus;

	for (size_t i = 0; i < length; i++) {
		if (i > 0 && function->header_type != PCI_HEADER_BRIDGE)
			return NULL;
		if (i > 0)
			bus = function->secondary;
		if (path[i][0] >= PCI_SLOTS || path[i][1] >= PCI_FUNCTIONS)
			return NULL;
		function = pci_find(CORDON_BDF((uint32_t)segment, (uint32_t)bus,
		                               (uint32_t)path[i][0], path[i][1]));
		if (!function)
			return NULL;
	}
	return function;
}
