/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include <vfio/pci.h>

int vfio_match_device(const struct vfio_match *match, const struct cordon_device_desc *desc)
{
	if (desc->flags & CORDON_DEVICE_BRIDGE)
		return 0;
	if (match->fields & VFIO_MATCH_BDF && match->bdf != desc->bdf)
		return 0;
	if (match->fields & VFIO_MATCH_ID &&
	    (match->vendor != desc->vendor || match->device != desc->device))
		return 0;
	if (match->fields & VFIO_MATCH_CLASS && match->class_code != desc->class_code)
		return 0;
	return 1;
}

char *vfio_bdf_text(cordon_bdf_t bdf, char text[VFIO_BDF_TEXT])
{
	snprintf(text, VFIO_BDF_TEXT, "%04x:%02x:%02x.%x", (unsigned int)(bdf >> 16 & 0xffff),
	         (unsigned int)(bdf >> 8 & 0xff), (unsigned int)(bdf >> 3 & 0x1f),
	         (unsigned int)(bdf & 7));
	return text;
}

char *vfio_match_text(const struct vfio_match *match, char text[VFIO_MATCH_TEXT])
{
	char bdf[VFIO_BDF_TEXT];
	int used = snprintf(text, VFIO_MATCH_TEXT, "device");

	if (match->fields & VFIO_MATCH_BDF)
		used += snprintf(text + used, VFIO_MATCH_TEXT - (size_t)used, " %s",
		                 vfio_bdf_text(match->bdf, bdf));
	if (match->fields & VFIO_MATCH_ID)
		used += snprintf(text + used, VFIO_MATCH_TEXT - (size_t)used, " %04x:%04x",
		                 match->vendor, match->device);
	if (match->fields & VFIO_MATCH_CLASS)
		snprintf(text + used, VFIO_MATCH_TEXT - (size_t)used, " of class %06x",
		         (unsigned int)match->class_code);
	return text;
}
