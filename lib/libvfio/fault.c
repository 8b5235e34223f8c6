/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>

#include <cordon/rt.h>
#include <cordon/syscall.h>
#include <vfio/device.h>

int vfio_faults_read(const struct vfio_device *device, struct cordon_fault *faults, uint32_t count,
                     uint64_t *lost)
{
	uint64_t dropped = 0;
	int64_t result = cordon_container_faults(device->container, faults, count, &dropped);

	if (result >= 0 && lost)
		*lost = dropped;
	return (int)result;
}

char *vfio_fault_text(const struct cordon_fault *fault, char text[VFIO_FAULT_TEXT])
{
	char bdf[VFIO_BDF_TEXT], where[24] = "";

	if (fault->address != CORDON_FAULT_NO_ADDRESS)
		snprintf(where, sizeof(where), " of 0x%" PRIx64, fault->address);
	snprintf(text, VFIO_FAULT_TEXT, "%s%s by %s refused: %s (%s%.*s)",
	         fault->write ? "write" : "read", where, vfio_bdf_text(fault->device, bdf),
	         cordon_fault_reason_name(fault->reason), fault->task ? "task " : "no task",
	         fault->task ? (int)sizeof(fault->task_name) : 0, fault->task_name);
	return text;
}
