/* SPDX-License-Identifier: MIT */
#include <cordon/errno.h>
#include <drivers/vfio/interrupt.h>

/* MSI message control (PCI Express base specification 5.0, 7.7.1.2). */
#define MSI_CONTROL        0x02
#define MSI_CAPABLE_SHIFT  1 /* log2 of the vectors the function can use */
#define MSI_CAPABLE_MASK   0x7u
#define MSI_CAPABLE_MAX    5       /* 32 vectors; above is reserved */
#define MSI_CONTROL_MASKED 0x0100u /* per-vector masking */

static void describe_msi(const struct pci_function *function, struct cordon_irq_info *out)
{
	uint32_t control, log2_vectors;

	if (!function->caps.msi)
		return;
	control = pci_read16(function, function->caps.msi + MSI_CONTROL);
	log2_vectors = control >> MSI_CAPABLE_SHIFT & MSI_CAPABLE_MASK;
	if (log2_vectors > MSI_CAPABLE_MAX)
		return;
	out->count = 1u << log2_vectors;
	out->flags = CORDON_IRQ_FLAG_NORESIZE;
	if (control & MSI_CONTROL_MASKED)
		out->flags |= CORDON_IRQ_FLAG_MASKABLE;
}

int interrupt_describe(const struct pci_function *function, uint32_t msix_vectors, uint32_t index,
                       struct cordon_irq_info *out)
{
	*out = (struct cordon_irq_info){0};
	switch (index) {
	case CORDON_IRQ_INTX:
		if (function->interrupt_pin) {
			out->count = 1;
			out->flags = CORDON_IRQ_FLAG_MASKABLE | CORDON_IRQ_FLAG_AUTOMASK;
		}
		return 0;
	case CORDON_IRQ_MSI:
		describe_msi(function, out);
		return 0;
	case CORDON_IRQ_MSIX:
		out->count = msix_vectors;
		if (msix_vectors)
			out->flags = CORDON_IRQ_FLAG_MASKABLE;
		return 0;
	case CORDON_IRQ_ERR:
		out->count = function->express_type != PCI_EXPRESS_NONE;
		out->flags = out->count ? CORDON_IRQ_FLAG_NORESIZE : 0;
		return 0;
	case CORDON_IRQ_REQ:
		out->count = 1;
		out->flags = CORDON_IRQ_FLAG_NORESIZE;
		return 0;
	default:
		return -EINVAL;
	}
}
