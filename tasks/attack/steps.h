/* SPDX-License-Identifier: MIT */
/* The steps of an attack. Each returns 0 when the device did as told, whatever came of it. */
#ifndef ATTACK_STEPS_H
#define ATTACK_STEPS_H

#include <tasks/edu/edu.h>

struct attacker {
	struct edu edu;
	struct vfio_dma scratch; /* of the pool */
	cordon_handle_t page;
};

/* Runs one step, "NAME" or "NAME=ADDRESS". -EINVAL: there is no such step; -ETIMEDOUT or the
 * error of a system call otherwise. */
int attack_step(struct attacker *attacker, const char *step);

#endif
