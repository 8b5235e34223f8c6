/* SPDX-License-Identifier: MIT */
/* The commands of the nvme program. Each prints what it does; 0 or a negated error number. */
#ifndef NVME_JOBS_H
#define NVME_JOBS_H

#include "nvme.h"

/* DMA memory that the jobs need beside the controller's own, in bytes. */
#define JOBS_DMA_SIZE UINT64_C(0x800000)

/* Prints the controller and its namespaces. */
int job_identify(struct nvme_controller *controller);

/* Reads all of namespace 1, prints "disk: sha256 HEX" and the rate. */
int job_read(struct nvme_controller *controller);

/* Writes the agreed region to namespace 2, reads it back and compares. */
int job_write(struct nvme_controller *controller);

#endif
