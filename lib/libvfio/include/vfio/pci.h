/* SPDX-License-Identifier: MIT */
/* Names of the PCI configuration space that a driver meets, and how a device is named. */
#ifndef VFIO_PCI_H
#define VFIO_PCI_H

#include <stddef.h>
#include <stdint.h>

#include <cordon/vfio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* PCI Local Bus Specification 3.0, section 6.1: offsets in the header. */
enum vfio_pci_offset {
	VFIO_PCI_VENDOR = 0x00,
	VFIO_PCI_DEVICE = 0x02,
	VFIO_PCI_COMMAND = 0x04,
	VFIO_PCI_STATUS = 0x06,
	VFIO_PCI_REVISION = 0x08,
	VFIO_PCI_CLASS = 0x09,
	VFIO_PCI_CAPABILITIES = 0x34,
	VFIO_PCI_HEADER_SIZE = 0x40,
	VFIO_PCI_CONFIG_SIZE = 0x100,
	VFIO_PCI_EXTENDED_SIZE = 0x1000,
};

/* Section 6.2.2, command register. */
#define VFIO_PCI_COMMAND_IO     0x0001u
#define VFIO_PCI_COMMAND_MEMORY 0x0002u
#define VFIO_PCI_COMMAND_MASTER 0x0004u

/* Section 6.2.3, status register. */
#define VFIO_PCI_STATUS_CAPABILITIES 0x0010u

/* Capability ids (PCI Code and ID Assignment Specification, section 2). */
enum vfio_pci_capability {
	VFIO_PCI_CAP_POWER = 0x01,
	VFIO_PCI_CAP_MSI = 0x05,
	VFIO_PCI_CAP_VENDOR = 0x09,
	VFIO_PCI_CAP_EXPRESS = 0x10,
	VFIO_PCI_CAP_MSIX = 0x11,
};

/* Which device a program wants. A field whose bit is not set matches everything. */
#define VFIO_MATCH_BDF   0x1u
#define VFIO_MATCH_ID    0x2u
#define VFIO_MATCH_CLASS 0x4u
struct vfio_match {
	uint32_t fields; /* VFIO_MATCH_*; 0: any function that is no bridge */
	cordon_bdf_t bdf;
	uint16_t vendor;
	uint16_t device;
	uint32_t class_code; /* class << 16 | subclass << 8 | programming interface */
};

static inline struct vfio_match vfio_match_bdf(cordon_bdf_t bdf)
{
	struct vfio_match match = {VFIO_MATCH_BDF, bdf, 0, 0, 0};
	return match;
}

static inline struct vfio_match vfio_match_id(uint16_t vendor, uint16_t device)
{
	struct vfio_match match = {VFIO_MATCH_ID, 0, vendor, device, 0};
	return match;
}

static inline struct vfio_match vfio_match_class(uint32_t class_code)
{
	struct vfio_match match = {VFIO_MATCH_CLASS, 0, 0, 0, class_code};
	return match;
}

/* 1 when the function is what match wants. Bridges never are. */
int vfio_match_device(const struct vfio_match *match, const struct cordon_device_desc *desc);

/* "device 1234:11e8", "class 010802", "0000:00:05.0", ... Returns text. */
#define VFIO_MATCH_TEXT 64
char *vfio_match_text(const struct vfio_match *match, char text[VFIO_MATCH_TEXT]);

/* "0000:00:05.0". Returns text. */
#define VFIO_BDF_TEXT 16
char *vfio_bdf_text(cordon_bdf_t bdf, char text[VFIO_BDF_TEXT]);

#ifdef __cplusplus
}
#endif
#endif
