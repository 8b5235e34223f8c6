/* SPDX-License-Identifier: MIT */
/*
 * Config-space registers and their fields, as far as drivers/pci uses them. Offsets of a
 * capability count from its own start. Sections are of the PCI Express base specification 5.0
 * unless said otherwise; "bridge" is the PCI-to-PCI bridge architecture specification 1.2.
 */
#ifndef DRIVERS_PCI_REGISTERS_H
#define DRIVERS_PCI_REGISTERS_H

/* --- header, both types (7.5.1.1) -------------------------------------------------------- */

#define PCI_VENDOR         0x00
#define PCI_DEVICE         0x02
#define PCI_STATUS         0x06
#define PCI_REVISION       0x08
#define PCI_CLASS          0x09 /* three bytes: interface, subclass, class */
#define PCI_CACHE_LINE     0x0c
#define PCI_LATENCY        0x0d
#define PCI_HEADER         0x0e
#define PCI_BARS           0x10
#define PCI_SUBSYS_VENDOR  0x2c
#define PCI_SUBSYS_DEVICE  0x2e
#define PCI_CAPS           0x34
#define PCI_INTERRUPT_LINE 0x3c
#define PCI_INTERRUPT_PIN  0x3d

#define PCI_VENDOR_NONE         0xffffu
#define PCI_VENDOR_RETRY        0x0001u /* 2.3.2: the function is not ready yet */
#define PCI_STATUS_IMMEDIATE    0x0001u /* Immediate Readiness, 7.5.1.1.4 */
#define PCI_STATUS_CAPS         0x0010u
#define PCI_HEADER_TYPE         0x7fu
#define PCI_HEADER_MULTI        0x80u
#define PCI_HEADER_ENDPOINT     0
#define PCI_HEADER_BRIDGE       1
#define PCI_HEADER_CARDBUS      2
#define PCI_CAPS_POINTER        0xfcu /* 7.5.1.1.11: the low two bits are reserved */
#define PCI_CAPS_FIRST          0x40u
#define PCI_CONFIG_CONVENTIONAL 256u
#define PCI_CONFIG_EXPRESS      4096u
#define PCI_INTERRUPT_PIN_MAX   4

/* --- base address registers (7.5.1.2.1) -------------------------------------------------- */

#define PCI_BAR_SPACE_IO    0x1u
#define PCI_BAR_TYPE        0x6u
#define PCI_BAR_TYPE_32     0x0u
#define PCI_BAR_TYPE_1M     0x2u /* PCI 2.x: below 1 MiB; a 32-bit register */
#define PCI_BAR_TYPE_64     0x4u
#define PCI_BAR_PREFETCH    0x8u
#define PCI_BAR_MEMORY_BITS 0xfu
#define PCI_BAR_IO_BITS     0x3u
#define PCI_BARS_ENDPOINT   6
#define PCI_BARS_BRIDGE     2
#define PCI_ROM_ENDPOINT    0x30
#define PCI_ROM_BRIDGE      0x38
#define PCI_ROM_ENABLE      0x1u   /* 7.5.1.2.4 */
#define PCI_ROM_BITS        0x7ffu /* below the address */

/* --- bridges (7.5.1.3) ------------------------------------------------------------------- */

#define PCI_PRIMARY_BUS       0x18
#define PCI_SECONDARY_BUS     0x19
#define PCI_SUBORDINATE_BUS   0x1a
#define PCI_IO_BASE           0x1c
#define PCI_IO_LIMIT          0x1d
#define PCI_MEMORY_BASE       0x20
#define PCI_MEMORY_LIMIT      0x22
#define PCI_PREFETCH_BASE     0x24
#define PCI_PREFETCH_LIMIT    0x26
#define PCI_PREFETCH_BASE_HI  0x28
#define PCI_PREFETCH_LIMIT_HI 0x2c
#define PCI_IO_BASE_HI        0x30
#define PCI_IO_LIMIT_HI       0x32

#define PCI_IO_WINDOW_BITS       0xf0u /* address bits 15:12 */
#define PCI_IO_WINDOW_32         0x01u
#define PCI_MEMORY_WINDOW_BITS   0xfff0u /* address bits 31:20 */
#define PCI_PREFETCH_WINDOW_TYPE 0x000fu
#define PCI_PREFETCH_WINDOW_64   0x0001u
#define PCI_IO_WINDOW_UNIT       UINT64_C(0x1000)
#define PCI_MEMORY_WINDOW_UNIT   UINT64_C(0x100000)

/* --- capabilities (7.5.3, 7.7, 7.9; PCI 3.0 appendix H) ---------------------------------- */

#define PCI_CAP_ID   0
#define PCI_CAP_NEXT 1

#define PCI_CAP_POWER   0x01
#define PCI_CAP_VPD     0x03
#define PCI_CAP_MSI     0x05
#define PCI_CAP_VENDOR  0x09
#define PCI_CAP_EXPRESS 0x10
#define PCI_CAP_MSIX    0x11
#define PCI_CAP_AF      0x13
#define PCI_CAP_ABSENT  0xff

#define PCI_POWER_CONTROL 0x04 /* 7.5.2.2 */
#define PCI_POWER_STATE   0x0003u
#define PCI_POWER_SIZE    8

#define PCI_MSI_CONTROL    0x02 /* 7.7.1.2 */
#define PCI_MSI_ENABLE     0x0001u
#define PCI_MSI_64         0x0080u
#define PCI_MSI_MASKS      0x0100u
#define PCI_MSI_SIZE       10
#define PCI_MSI_SIZE_64    14
#define PCI_MSI_SIZE_MASKS 10 /* what per-vector masking adds */

#define PCI_MSIX_CONTROL    0x02    /* 7.7.2.2 */
#define PCI_MSIX_VECTORS    0x07ffu /* table size - 1 */
#define PCI_MSIX_MASK_ALL   0x4000u
#define PCI_MSIX_ENABLE     0x8000u
#define PCI_MSIX_TABLE      0x04
#define PCI_MSIX_PENDING    0x08
#define PCI_MSIX_BIR        0x7u
#define PCI_MSIX_ENTRY_SIZE 16u
#define PCI_MSIX_SIZE       12

#define PCI_EXPRESS_CAPS          0x02 /* 7.5.3.2 */
#define PCI_EXPRESS_TYPE(caps)    ((caps) >> 4 & 0xfu)
#define PCI_EXPRESS_VERSION(caps) ((caps)&0xfu)
#define PCI_EXPRESS_DEVICE_CAPS   0x04 /* 7.5.3.3 */
#define PCI_EXPRESS_FLR           (1u << 28)
#define PCI_EXPRESS_CONTROL       0x08 /* 7.5.3.4 */
#define PCI_EXPRESS_PHANTOM       0x0200u
#define PCI_EXPRESS_NO_SNOOP      0x0800u
#define PCI_EXPRESS_START_FLR     0x8000u /* bridges: configuration retry enable */
#define PCI_EXPRESS_DEVICE_STATUS 0x0a    /* 7.5.3.5 */
#define PCI_EXPRESS_PENDING       0x0020u
#define PCI_EXPRESS_CONTROL2      0x28 /* 7.5.3.16 */
#define PCI_EXPRESS_ARI_FORWARD   0x0020u
#define PCI_EXPRESS_SIZE_1        0x14 /* least that version 1 has */
#define PCI_EXPRESS_SIZE_2        0x3c

#define PCI_AF_CAPS    0x03 /* PCI 3.0, advanced features ECN */
#define PCI_AF_FLR     0x02u
#define PCI_AF_CONTROL 0x04
#define PCI_AF_START   0x01u
#define PCI_AF_STATUS  0x05
#define PCI_AF_PENDING 0x01u
#define PCI_AF_SIZE    6

#define PCI_VPD_SIZE 8

/* --- extended capabilities (7.6.3) ------------------------------------------------------- */

#define PCI_EXT_FIRST        0x100u
#define PCI_EXT_ID(header)   ((header)&0xffffu)
#define PCI_EXT_NEXT(header) ((header) >> 20 & 0xffcu)
#define PCI_EXT_NONE         0xffffffffu

#define PCI_EXT_AER    0x0001
#define PCI_EXT_SERIAL 0x0003
#define PCI_EXT_ACS    0x000d
#define PCI_EXT_ARI    0x000e
#define PCI_EXT_ATS    0x000f
#define PCI_EXT_SRIOV  0x0010
#define PCI_EXT_PRI    0x0013
#define PCI_EXT_REBAR  0x0015
#define PCI_EXT_PASID  0x001b
#define PCI_EXT_DPC    0x001d

#define PCI_ACS_CAPS       0x04 /* 7.7.8.2 */
#define PCI_ACS_CONTROL    0x06 /* 7.7.8.3 */
#define PCI_ACS_VALIDATION 0x0001u
#define PCI_ACS_BLOCKING   0x0002u
#define PCI_ACS_REQUEST    0x0004u
#define PCI_ACS_COMPLETION 0x0008u
#define PCI_ACS_UPSTREAM   0x0010u

#define PCI_ATS_CONTROL     0x06 /* 10.5.1.3 */
#define PCI_ATS_ENABLE      0x8000u
#define PCI_SRIOV_CONTROL   0x08 /* 9.3.3.3 */
#define PCI_SRIOV_VF_ENABLE 0x0001u
#define PCI_SRIOV_VF_MEMORY 0x0008u
#define PCI_PRI_CONTROL     0x04 /* 10.5.2.2 */
#define PCI_PRI_ENABLE      0x0001u
#define PCI_PASID_CONTROL   0x06 /* 7.8.8.3 */
#define PCI_PASID_ENABLE    0x0001u

/* --- class codes (PCI code and ID assignment specification 1.11) ------------------------- */

#define PCI_CLASS_OF(code)    ((code) >> 16)
#define PCI_SUBCLASS_OF(code) ((code) >> 8)
#define PCI_CLASS_BRIDGE      0x06u
#define PCI_SUBCLASS_HOST     0x0600u
#define PCI_SUBCLASS_ISA      0x0601u
#define PCI_SUBCLASS_IOMMU    0x0806u
#define PCI_SUBCLASS_RCEC     0x0807u

#endif
