/* SPDX-License-Identifier: MIT */
/*
 * Stopping and resetting functions (6.6.2, S8). A reset counts only when it is verified, because
 * the next user of the function trusts that nothing is left of the last one.
 */
#include <cordon/errno.h>
#include <drivers/pci/internal.h>
#include <drivers/pci/registers.h>
#include <kernel/clock.h>
#include <kernel/sched.h>

#define LOG_TAG "pci"
#include <kernel/log.h>

#define MILLISECOND UINT64_C(1000000)

/* Requests in flight end within the completion timeout, 50 ms by default (7.5.3.16). After it:
 * -EIO, and the caller must not take the function for stopped. */
#define PCI_PENDING_TIMEOUT (100 * MILLISECOND)

/* How long a function-level reset may take; the function is not touched meanwhile (6.6.2). */
#define PCI_RESET_TIME (100 * MILLISECOND)

/* How long a function may then ask for retries (6.6.1). After it: -EIO. */
#define PCI_READY_TIMEOUT (1000 * MILLISECOND)

/* COMMAND as a reset leaves it. */
#define COMMAND_RESET_BITS \
	(PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_OFF)

static bool has_express_flr(const struct pci_function *function)
{
	return function->caps.express && function->header_type == PCI_HEADER_ENDPOINT &&
	       pci_read32(function, function->caps.express + PCI_EXPRESS_DEVICE_CAPS) &
	               PCI_EXPRESS_FLR;
}

static bool has_af_flr(const struct pci_function *function)
{
	return function->caps.advanced_features && function->header_type == PCI_HEADER_ENDPOINT &&
	       pci_read8(function, function->caps.advanced_features + PCI_AF_CAPS) & PCI_AF_FLR;
}

bool pci_has_flr(const struct pci_function *function)
{
	return has_express_flr(function) || has_af_flr(function);
}

/* A function that has no such bit cannot tell: nothing is waited for. */
static bool is_pending(const struct pci_function *function)
{
	const struct pci_capabilities *caps = &function->caps;

	if (caps->express &&
	    pci_read16(function, caps->express + PCI_EXPRESS_DEVICE_STATUS) & PCI_EXPRESS_PENDING)
		return true;
	return caps->advanced_features &&
	       pci_read8(function, caps->advanced_features + PCI_AF_STATUS) & PCI_AF_PENDING;
}

static void disable_interrupts(struct pci_function *function)
{
	const struct pci_capabilities *caps = &function->caps;

	pci_update_command(function, 0, PCI_COMMAND_INTX_OFF);
	if (caps->msi)
		pci_write16(function, caps->msi + PCI_MSI_CONTROL,
		            pci_read16(function, caps->msi + PCI_MSI_CONTROL) &
		                    (uint16_t)~PCI_MSI_ENABLE);
	if (caps->msix)
		pci_write16(function, caps->msix + PCI_MSIX_CONTROL,
		            (pci_read16(function, caps->msix + PCI_MSIX_CONTROL) &
		             (uint16_t)~PCI_MSIX_ENABLE) |
		                    PCI_MSIX_MASK_ALL);
}

int pci_quiesce(struct pci_function *function)
{
	disable_interrupts(function);
	pci_set_master(function, false);
	if (sched_poll(!is_pending(function), PCI_PENDING_TIMEOUT))
		return 0;
	char name[PCI_NAME_MAX];

	pci_name(function->bdf, name);
	log_error("%s: transactions stay pending", name);
	return -EIO;
}

/* --- reset --------------------------------------------------------------------------------- */

/* What enumeration or firmware set up and a reset clears, besides the BARs. */
struct saved {
	uint8_t cache_line, latency, interrupt_line;
	uint16_t control, control2;
	bool has_control2;
};

static void save(const struct pci_function *function, struct saved *saved)
{
	uint16_t express = function->caps.express;

	saved->cache_line = pci_read8(function, PCI_CACHE_LINE);
	saved->latency = pci_read8(function, PCI_LATENCY);
	saved->interrupt_line = pci_read8(function, PCI_INTERRUPT_LINE);
	saved->has_control2 = express && PCI_EXPRESS_VERSION(pci_read16(
	                                         function, express + PCI_EXPRESS_CAPS)) >= 2;
	if (express)
		saved->control = pci_read16(function, express + PCI_EXPRESS_CONTROL) &
		                 (uint16_t)~PCI_EXPRESS_START_FLR;
	if (saved->has_control2)
		saved->control2 = pci_read16(function, express + PCI_EXPRESS_CONTROL2);
}

static void restore(struct pci_function *function, const struct saved *saved)
{
	uint16_t express = function->caps.express;

	pci_update_command(function, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 0);
	pci_write8(function, PCI_CACHE_LINE, saved->cache_line);
	pci_write8(function, PCI_LATENCY, saved->latency);
	pci_write8(function, PCI_INTERRUPT_LINE, saved->interrupt_line);
	if (express)
		pci_write16(function, express + PCI_EXPRESS_CONTROL, saved->control);
	if (saved->has_control2)
		pci_write16(function, express + PCI_EXPRESS_CONTROL2, saved->control2);
	pci_restore_bars(function);
}

static void start_flr(struct pci_function *function)
{
	uint16_t express = function->caps.express;

	if (has_express_flr(function))
		pci_write16(function, express + PCI_EXPRESS_CONTROL,
		            pci_read16(function, express + PCI_EXPRESS_CONTROL) |
		                    PCI_EXPRESS_START_FLR);
	else
		pci_write8(function, function->caps.advanced_features + PCI_AF_CONTROL,
		           PCI_AF_START);
}

static bool is_ready(const struct pci_function *function)
{
	uint16_t vendor = pci_read16(function, PCI_VENDOR);

	return vendor != PCI_VENDOR_NONE && vendor != PCI_VENDOR_RETRY;
}

static bool bars_are_clear(const struct pci_function *function)
{
	for (unsigned int i = 0; i < PCI_BARS_ENDPOINT; i++) {
		uint32_t value = pci_read32(function, PCI_BARS + 4 * i);
		bool upper = i > 0 && function->bars[i - 1].kind == PCI_BAR_MEMORY64;
		bool io = function->bars[i].kind == PCI_BAR_IO;

		if (value & (upper ? UINT32_MAX : io ? ~PCI_BAR_IO_BITS : ~PCI_BAR_MEMORY_BITS))
			return false;
	}
	return true;
}

static const char *find_remains(const struct pci_function *function)
{
	const struct pci_capabilities *caps = &function->caps;

	if (pci_read16(function, PCI_COMMAND) & COMMAND_RESET_BITS)
		return "COMMAND is not clear";
	if (!bars_are_clear(function))
		return "a BAR is not clear";
	if (caps->msi && pci_read16(function, caps->msi + PCI_MSI_CONTROL) & PCI_MSI_ENABLE)
		return "MSI is still enabled";
	if (caps->msix && pci_read16(function, caps->msix + PCI_MSIX_CONTROL) & PCI_MSIX_ENABLE)
		return "MSI-X is still enabled";
	return NULL;
}

/* Waits out the reset and looks at what it left. NULL: it happened. */
static const char *wait_and_verify(struct pci_function *function, bool immediate)
{
	if (!immediate)
		sched_sleep(clock_now() + PCI_RESET_TIME);
	if (!sched_poll(is_ready(function), PCI_READY_TIMEOUT))
		return "the function does not come back";
	return find_remains(function);
}

int pci_reset(struct pci_function *function)
{
	bool immediate = pci_read16(function, PCI_STATUS) & PCI_STATUS_IMMEDIATE;
	uint16_t acs_before = function->acs_enabled;
	const char *failure;
	struct saved saved = {0};
	char name[PCI_NAME_MAX];

	if (!pci_has_flr(function))
		return -ENOTTY;
	/* A function whose requests stay pending is reset all the same: it needs it most. */
	pci_quiesce(function);
	save(function, &saved);
	start_flr(function);
	failure = wait_and_verify(function, immediate);
	/* Also after a failure: what a reset cleared must not stay cleared. */
	restore(function, &saved);
	if (!pci_silence(function) && !failure)
		failure = "ATS, PASID, PRI or SR-IOV came on";
	pci_acs_enable(function);
	if (function->acs_enabled != acs_before && !failure)
		failure = "ACS is not what it was";
	if (!failure)
		return 0;
	pci_name(function->bdf, name);
	log_error("%s: reset not confirmed: %s", name, failure);
	return -EIO;
}
