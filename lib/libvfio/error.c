/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>

#include <vfio/error.h>

const char *vfio_step_name(int step)
{
	static const char *const names[VFIO_STEP_COUNT + 1] = {
	        [VFIO_STEP_NONE] = "no step",
	        [VFIO_STEP_CONTAINER] = "container",
	        [VFIO_STEP_FIND_GROUP] = "find the group",
	        [VFIO_STEP_OPEN_GROUP] = "open the group",
	        [VFIO_STEP_VIABLE] = "group viable",
	        [VFIO_STEP_ADD_GROUP] = "group into the container",
	        [VFIO_STEP_MAP_MEMORY] = "map DMA memory",
	        [VFIO_STEP_GET_DEVICE] = "get the device",
	        [VFIO_STEP_MAP_BARS] = "map the BARs",
	        [VFIO_STEP_INTERRUPTS] = "describe interrupts",
	        [VFIO_STEP_BUS_MASTER] = "bus mastering",
	};

	if (step < VFIO_STEP_NONE || step > VFIO_STEP_COUNT)
		return "unknown step";
	return names[step];
}

int vfio_error_set(struct vfio_error *error, int step, int err, const char *format, ...)
{
	va_list args;
	int used;

	error->step = step;
	error->error = err;
	error->unavailable = 0;
	used = snprintf(error->text, sizeof(error->text), "step %d (%s): ", step,
	                vfio_step_name(step));
	va_start(args, format);
	vsnprintf(error->text + used, sizeof(error->text) - (size_t)used, format, args);
	va_end(args);
	return err;
}
