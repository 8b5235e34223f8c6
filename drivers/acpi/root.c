/* SPDX-License-Identifier: MIT */
/* Finding the tables: RSDP, then XSDT or RSDT (5.2.5 to 5.2.8), and the DSDT through the FADT. */
#include <arch/mmio.h>
#include <cordon/errno.h>
#include <drivers/acpi/table.h>
#include <kernel/string.h>

#define LOG_TAG "acpi"
#include <kernel/log.h>

struct acpi_rsdp { /* 5.2.5.3 */
	char signature[8];
	uint8_t checksum; /* over the first RSDP_SIZE_1 bytes */
	char oem_id[6];
	uint8_t revision;
	uint32_t rsdt;
	/* from revision 2 on */
	uint32_t length;
	uint64_t xsdt;
	uint8_t extended_checksum; /* over length bytes */
	uint8_t reserved[3];
} __attribute__((packed));
_Static_assert(sizeof(struct acpi_rsdp) == 36, "ACPI 5.2.5.3");
#define RSDP_SIZE_1    offsetof(struct acpi_rsdp, length)
#define RSDP_ALIGNMENT 16
static const char rsdp_signature[8] = {'R', 'S', 'D', ' ', 'P', 'T', 'R', ' '};

/* Where a BIOS may put it (5.2.5.1). */
#define BIOS_AREA_START 0xe0000
#define BIOS_AREA_SIZE  0x20000
#define EBDA_POINTER    0x40e /* real-mode segment, two bytes */
#define EBDA_SIZE       1024
#define EBDA_LOWEST     0x400
#define EBDA_HIGHEST    0xa0000

#define ACPI_TABLES_MAX     64
#define ACPI_TABLE_SIZE_MAX (UINT32_C(4) << 20) /* a larger one is taken for a broken length */

static struct acpi_bytes tables[ACPI_TABLES_MAX];
static size_t table_count;

/* Checks an RSDP at the start of size bytes; on success *root is the XSDT or RSDT. */
static bool rsdp_check(const uint8_t *bytes, size_t size, uint64_t *root, bool *extended)
{
	struct acpi_rsdp rsdp = {0};

	if (size < RSDP_SIZE_1)
		return false;
	memcpy(&rsdp, bytes, size < sizeof(rsdp) ? RSDP_SIZE_1 : sizeof(rsdp));
	if (memcmp(rsdp.signature, rsdp_signature, sizeof(rsdp_signature)) != 0 ||
	    acpi_sum((struct acpi_bytes){bytes, RSDP_SIZE_1}) != 0)
		return false;
	*extended = rsdp.revision >= 2 && rsdp.xsdt != 0;
	if (rsdp.revision >= 2 && (rsdp.length < sizeof(rsdp) || rsdp.length > size ||
	                           acpi_sum((struct acpi_bytes){bytes, rsdp.length}) != 0))
		return false;
	*root = *extended ? rsdp.xsdt : rsdp.rsdt;
	return *root != 0;
}

/* A part of a table or where one is looked for; NULL without memory for it, which is then told: the
 * system must not miss a table silently. */
static const void *bytes_map(uint64_t address, uint64_t size)
{
	const void *bytes = mmio_map_cached(paddr(address), size);

	if (!bytes)
		log_error("no memory to look at firmware's table at 0x%llx: it is left out",
		          (unsigned long long)address);
	return bytes;
}

static bool rsdp_search(paddr_t base, size_t size, uint64_t *root, bool *extended)
{
	const uint8_t *bytes = bytes_map(base.raw, size);
	bool found = false;

	if (!bytes)
		return false;
	for (size_t i = 0; i < size && !found; i += RSDP_ALIGNMENT)
		found = rsdp_check(bytes + i, size - i, root, extended);
	mmio_unmap((void *)bytes, size);
	return found;
}

static bool rsdp_search_bios(uint64_t *root, bool *extended)
{
	const uint8_t *pointer = bytes_map(EBDA_POINTER, sizeof(uint16_t));
	uint64_t ebda = 0;

	if (pointer) {
		ebda = (uint64_t)(pointer[0] | pointer[1] << 8) << 4;
		mmio_unmap((void *)pointer, sizeof(uint16_t));
	}
	if (ebda >= EBDA_LOWEST && ebda <= EBDA_HIGHEST - EBDA_SIZE &&
	    rsdp_search(paddr(ebda), EBDA_SIZE, root, extended))
		return true;
	return rsdp_search(paddr(BIOS_AREA_START), BIOS_AREA_SIZE, root, extended);
}

/* Maps a whole table and checks it. signature NULL: any. */
static int table_map(uint64_t address, const char *signature, struct acpi_bytes *out)
{
	const struct acpi_header *header;
	struct acpi_bytes body;
	char found[4];
	uint32_t length;
	const void *mapping;

	header = bytes_map(address, sizeof(*header));
	if (!header)
		return -ENOMEM;
	length = header->length;
	memcpy(found, header->signature, sizeof(found));
	mmio_unmap((void *)header, sizeof(*header));
	if (length < sizeof(*header) || length > ACPI_TABLE_SIZE_MAX ||
	    address > UINT64_MAX - length) {
		log_warn("table at 0x%llx: length %u", (unsigned long long)address, length);
		return -EINVAL;
	}
	mapping = bytes_map(address, length);
	if (!mapping)
		return -ENOMEM;
	*out = (struct acpi_bytes){mapping, length};
	/* The length was read twice: acpi_open checks the second one against the mapping. */
	if (acpi_open(*out, signature ? signature : found, &body)) {
		mmio_unmap((void *)mapping, length);
		return -EINVAL;
	}
	return 0;
}

static void table_add(uint64_t address, const char *signature)
{
	if (table_count == ACPI_TABLES_MAX) {
		log_warn("more than %d tables: the one at 0x%llx is left out", ACPI_TABLES_MAX,
		         (unsigned long long)address);
		return;
	}
	if (table_map(address, signature, &tables[table_count]) == 0) {
		log_debug("%.4s at 0x%llx, %zu bytes", (const char *)tables[table_count].data,
		          (unsigned long long)address, tables[table_count].size);
		table_count++;
	}
}

/* The DSDT is named by the FADT, not by the root table (5.2.8). */
static void add_dsdt(void)
{
	struct acpi_bytes bytes;
	struct fadt fadt;

	if (acpi_find("FACP", 0, &bytes) && fadt_parse(bytes, &fadt) == 0 && fadt.dsdt.raw != 0)
		table_add(fadt.dsdt.raw, "DSDT");
}

int acpi_init(paddr_t rsdp)
{
	struct acpi_bytes root, cursor;
	uint64_t address = 0;
	bool extended = false, found;
	int error;

	table_count = 0;
	/* A given RSDP is trusted no further than a found one: its place is just searched first. */
	found = rsdp.raw != 0 && rsdp_search(rsdp, sizeof(struct acpi_rsdp), &address, &extended);
	if (!found && rsdp.raw != 0)
		log_warn("no valid RSDP at 0x%llx", (unsigned long long)rsdp.raw);
	if (!found && !rsdp_search_bios(&address, &extended)) {
		log_warn("no RSDP");
		return -ENOENT;
	}
	error = table_map(address, extended ? "XSDT" : "RSDT", &root);
	if (error)
		return error;
	error = acpi_open(root, extended ? "XSDT" : "RSDT", &cursor);
	if (error)
		goto out;
	for (;;) {
		uint64_t wide = 0;
		uint32_t narrow = 0;

		if (extended ? !acpi_take(&cursor, &wide, sizeof(wide))
		             : !acpi_take(&cursor, &narrow, sizeof(narrow)))
			break;
		address = extended ? wide : narrow;
		if (address != 0)
			table_add(address, NULL);
	}
	if (cursor.size != 0)
		log_warn("the root table ends within an entry");
	add_dsdt();
out:
	mmio_unmap((void *)root.data, root.size);
	return error;
}

bool acpi_find(const char signature[4], size_t index, struct acpi_bytes *out)
{
	for (size_t i = 0; i < table_count; i++) {
		if (memcmp(tables[i].data, signature, 4) == 0 && index-- == 0) {
			*out = tables[i];
			return true;
		}
	}
	return false;
}
