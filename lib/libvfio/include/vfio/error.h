/* SPDX-License-Identifier: MIT */
/* Which of the ten steps of opening a device failed, and why, in words. */
#ifndef VFIO_ERROR_H
#define VFIO_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

/* The steps of vfio_device_open, in their order. docs/drivers.md explains each. */
enum vfio_step {
	VFIO_STEP_NONE = 0,
	VFIO_STEP_CONTAINER = 1,   /* create a container, or check the given one */
	VFIO_STEP_FIND_GROUP = 2,  /* which group has the device */
	VFIO_STEP_OPEN_GROUP = 3,  /* a handle to that group */
	VFIO_STEP_VIABLE = 4,      /* may the group be handed out */
	VFIO_STEP_ADD_GROUP = 5,   /* group into container */
	VFIO_STEP_MAP_MEMORY = 6,  /* the program's DMA memory, all at once */
	VFIO_STEP_GET_DEVICE = 7,  /* the device from the group */
	VFIO_STEP_MAP_BARS = 8,    /* registers into the address space */
	VFIO_STEP_INTERRUPTS = 9,  /* what interrupts there are; none is armed */
	VFIO_STEP_BUS_MASTER = 10, /* let the device access memory */
	VFIO_STEP_COUNT = 10,
};

#define VFIO_ERROR_TEXT 160 /* bytes, with the terminating zero */

struct vfio_error {
	int step;        /* enum vfio_step; VFIO_STEP_NONE: no error */
	int error;       /* negated error number */
	int unavailable; /* 1: the device is not ours to use: skip it, nothing is broken */
	char text[VFIO_ERROR_TEXT];
};

/* A step in words, "add the group to the container"; never null. */
const char *vfio_step_name(int step);

/*
 * Fills *error with "step N (name): " and the formatted text, cut where it is full.
 * Returns err (a negated error number), so that a failing step is one line.
 */
int vfio_error_set(struct vfio_error *error, int step, int err, const char *format, ...)
        __attribute__((format(printf, 4, 5)));

#ifdef __cplusplus
}
#endif
#endif
