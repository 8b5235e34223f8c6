/* SPDX-License-Identifier: MIT */
/*
 * Config space as a task sees it (S7). A table says for each bit of the first 256 bytes who owns
 * it: the hardware and readable only (the default), the hardware and writable, or the table itself
 * (virtual), writable or not. Everything above, and every capability that is not known here, can
 * be read and not written. Sections are of the PCI Express base specification 5.0.
 *
 * This part touches no hardware: the caller reads and writes it, and acts on the effects.
 */
#ifndef DRIVERS_VFIO_CONFIG_H
#define DRIVERS_VFIO_CONFIG_H

#include <drivers/pci/pci.h>
#include <kernel/types.h>

#define CONFIG_TABLE_SIZE 256 /* bytes that the table covers: the space of conventional PCI */

struct config_space {
	uint32_t size;              /* bytes of config space the function has */
	uint16_t express;           /* offset of the PCI Express capability, 0: none */
	uint16_t advanced_features; /* likewise */
	bool has_flr;

	uint8_t is_virtual[CONFIG_TABLE_SIZE]; /* bits that the table owns */
	uint8_t writable[CONFIG_TABLE_SIZE];   /* bits that a write changes */
	uint8_t value[CONFIG_TABLE_SIZE];      /* of the virtual bits */
};

/* What the table is made from. */
struct config_layout {
	uint32_t size;                /* 256 or 4096 */
	const struct pci_bar *bars;   /* six */
	struct pci_capabilities caps; /* offsets */
	uint8_t express_version;      /* of the capability, 7.5.3.2 */
	bool has_flr;
	bool no_snoop; /* the domain is coherent whatever the device asks: it may ask */
};

/* COMMAND bits (7.5.1.1.3) that a task may set, all virtual: the kernel applies them. */
#define CONFIG_COMMAND_PARITY 0x0040
#define CONFIG_COMMAND_SERR   0x0100

/* What a write asks the kernel to do. */
struct config_effects {
	bool command; /* the virtual COMMAND changed: apply config_command() */
	bool reset;   /* function-level reset was asked for */
};

/* Builds the table, as after a reset: COMMAND and BARs zero. */
void config_init(struct config_space *config, const struct config_layout *layout);

/* Back to the state after a reset. */
void config_reset(struct config_space *config);

/* What a read gives, from what the hardware gives. width 1, 2 or 4, offset aligned to it and
 * offset + width <= size. */
uint32_t config_read(const struct config_space *config, uint32_t offset, unsigned int width,
                     uint32_t hardware);

/* The bits of a register that a write passes on to the hardware; the others keep what they have.
 * Arguments as config_read. */
uint32_t config_passes(const struct config_space *config, uint32_t offset, unsigned int width);

/* Takes a write into the virtual bits and tells its effects. Arguments as config_read. */
void config_write(struct config_space *config, uint32_t offset, unsigned int width, uint32_t value,
                  struct config_effects *effects);

/* The virtual COMMAND register, and changes of it by the kernel. */
uint16_t config_command(const struct config_space *config);
void config_set_command(struct config_space *config, uint16_t command);

/* DevCtl bits (7.5.3.4) that are switched off on a function in a task's hands: extended tags and
 * phantom functions would change the ids its requests carry, and no-snoop asks for incoherence. */
#define CONFIG_DEVCTL             0x08 /* in the PCI Express capability */
#define CONFIG_DEVCTL_EXT_TAG     0x0100
#define CONFIG_DEVCTL_PHANTOM     0x0200
#define CONFIG_DEVCTL_NO_SNOOP    0x0800
#define CONFIG_DEVCTL_FLR         0x8000
#define CONFIG_EXPRESS_FLAGS      0x02
#define CONFIG_EXPRESS_VERSION(f) ((f)&0xf)

/* Power management control and status (7.5.2.2). */
#define CONFIG_POWER_CONTROL 0x04 /* in the power management capability */
#define CONFIG_POWER_STATE   0x0003

#endif
