// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include <tests/unit/iommu/machine.h>

#include <arch/irq.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FUNCTIONS_MAX 64

static struct pci_function functions[FUNCTIONS_MAX];
static unsigned int master_calls[FUNCTIONS_MAX][2];
static unsigned int off_when_refused[FUNCTIONS_MAX];
static size_t function_count;
static struct list all = LIST_INIT(all);

static uint8_t configs[FUNCTIONS_MAX][256];

struct ivrs machine_ivrs;
int machine_ivrs_error;
struct dmar machine_dmar;
int machine_dmar_error;
bool machine_has_dmar;
bool machine_has_ivrs;
void (*machine_irq_handler)(void *context);
void *machine_irq_context;
int machine_irq_error;
bool machine_x2apic;

struct pci_function *machine_function(uint16_t segment, uint8_t bus, uint8_t device,
                                      uint8_t function, struct pci_function *parent)
{
	struct pci_function *added = &functions[function_count++];

	added->bdf = CORDON_BDF((cordon_bdf_t)segment, bus, device, function);
	added->requester = (rid_t){(uint16_t)added->bdf};
	added->parent = parent;
	list_append(&all, &added->link);
	return added;
}

pid_t machine_fork(void)
{
	pid_t child = fork();

	/* Criterion does not know the child: it would wait for the runner's answer for ever. */
	if (child == 0)
		close_range(STDERR_FILENO + 1, ~0U, 0);
	return child;
}

unsigned int machine_master_calls(const struct pci_function *function, bool on)
{
	return master_calls[function - functions][on];
}

unsigned int machine_master_off_when_refused(const struct pci_function *function)
{
	return off_when_refused[function - functions];
}

struct list *pci_functions(void)
{
	return &all;
}

struct pci_function *pci_find(cordon_bdf_t bdf)
{
	for (size_t i = 0; i < function_count; i++) {
		if (functions[i].bdf == bdf)
			return &functions[i];
	}
	return NULL;
}

struct pci_function *pci_find_path(uint16_t segment, uint8_t start_bus, const uint8_t (*path)[2],
                                   size_t length)
{
	struct pci_function *found = NULL;
	uint8_t bus = start_bus;

	for (size_t i = 0; i < length; i++) {
		found = pci_find(CORDON_BDF((cordon_bdf_t)segment, bus, path[i][0], path[i][1]));
		if (!found)
			return NULL;
		bus = found->secondary;
	}
	return found;
}

uint8_t *machine_config(const struct pci_function *function)
{
	return configs[function - functions];
}

uint8_t pci_read8(const struct pci_function *function, uint32_t offset)
{
	return machine_config(function)[offset];
}

uint16_t pci_read16(const struct pci_function *function, uint32_t offset)
{
	uint16_t value;

	memcpy(&value, machine_config(function) + offset, sizeof(value));
	return value;
}

uint32_t pci_read32(const struct pci_function *function, uint32_t offset)
{
	uint32_t value;

	memcpy(&value, machine_config(function) + offset, sizeof(value));
	return value;
}

void pci_write16(const struct pci_function *function, uint32_t offset, uint16_t value)
{
	memcpy(machine_config(function) + offset, &value, sizeof(value));
}

void pci_write32(const struct pci_function *function, uint32_t offset, uint32_t value)
{
	memcpy(machine_config(function) + offset, &value, sizeof(value));
}

void pci_set_master(struct pci_function *function, bool on)
{
	master_calls[function - functions][on]++;
	if (!on && function->refused)
		off_when_refused[function - functions]++;
}

void pci_name(cordon_bdf_t bdf, char out[PCI_NAME_MAX])
{
	snprintf(out, PCI_NAME_MAX, "%04x:%02x:%02x.%x", bdf >> 16 & 0xffff, bdf >> 8 & 0xff,
	         bdf >> 3 & 0x1f, bdf & 7);
}

bool acpi_find(const char signature[4], size_t index, struct acpi_bytes *out)
{
	static const uint8_t byte;

	*out = (struct acpi_bytes){&byte, 0};
	if (index != 0)
		return false;
	return (machine_has_dmar && memcmp(signature, "DMAR", 4) == 0) ||
	       (machine_has_ivrs && memcmp(signature, "IVRS", 4) == 0);
}

int dmar_parse(struct acpi_bytes table, struct dmar *out)
{
	(void)table;
	*out = machine_dmar;
	return machine_dmar_error;
}

int ivrs_parse(struct acpi_bytes table, struct ivrs *out)
{
	(void)table;
	*out = machine_ivrs;
	return machine_ivrs_error;
}

int irq_vector_alloc(irq_handler_t handler, void *context, vector_t *out)
{
	if (machine_irq_error)
		return machine_irq_error;
	machine_irq_handler = handler;
	machine_irq_context = context;
	*out = (vector_t){MACHINE_FIRST_VECTOR};
	return 0;
}

void irq_message(vector_t vector, uint32_t *address, uint32_t *data)
{
	*address = 0xfee00000u | MACHINE_APIC_ID << 12;
	*data = vector.raw;
}

bool irq_x2apic_possible(void)
{
	return machine_x2apic;
}

uint32_t irq_boot_apic_id(void)
{
	return machine_x2apic ? MACHINE_X2APIC_ID : MACHINE_APIC_ID;
}
