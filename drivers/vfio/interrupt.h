/* SPDX-License-Identifier: MIT */
/* Interrupts of a device, described. */
#ifndef DRIVERS_VFIO_INTERRUPT_H
#define DRIVERS_VFIO_INTERRUPT_H

#include <cordon/vfio.h>
#include <drivers/pci/pci.h>

/* Tells how many vectors of a kind (enum cordon_irq_index) a function has. msix_vectors: as
 * region_msix tells. Returns 0 or -EINVAL (no such index). */
int interrupt_describe(const struct pci_function *function, uint32_t msix_vectors, uint32_t index,
                       struct cordon_irq_info *out);

#endif
