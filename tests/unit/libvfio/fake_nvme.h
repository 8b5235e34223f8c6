/* SPDX-License-Identifier: MIT */
/*
 * An NVMe controller in memory. It does its work whenever the driver looks at the clock, so a
 * test runs in one thread and always the same way; it completes commands in any order, and
 * does on request what a broken or hostile controller would do. It follows the NVM Express
 * Base Specification 1.4 and shares only the layouts of commands with the driver.
 */
#ifndef FAKE_NVME_H
#define FAKE_NVME_H

#include <stdbool.h>
#include <stdint.h>

#include <vfio/device.h>

struct fake_nvme {
	/* What a test sets. */
	bool never_ready;        /* CSTS.RDY never follows CC.EN */
	bool fatal;              /* CSTS.CFS instead of RDY */
	bool silent;             /* commands are taken and never completed */
	uint16_t wrong_cid;      /* added to the command's number in completions */
	unsigned int fail_io_at; /* the nth read or write gets fail_status */
	uint16_t fail_status;
	uint8_t mdts;
	uint64_t blocks[3]; /* of namespaces 1 (512 bytes), 2 (4096) and 3 (with metadata) */
	bool in_order;

	/* What happened. */
	unsigned int io_commands;
	unsigned int flushes;
	unsigned int most_waiting; /* largest number of commands in flight */
	uint64_t now;
};

extern struct fake_nvme fake_nvme;

/* A fresh controller behind a device with a pool; nothing is broken. */
void fake_nvme_setup(struct vfio_device *device);
void fake_nvme_teardown(struct vfio_device *device);

/* Byte at an offset of a namespace as the controller has it. */
uint8_t fake_nvme_byte(uint32_t nsid, uint64_t offset);

#endif
