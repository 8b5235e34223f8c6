/* SPDX-License-Identifier: MIT */
/*
 * Opening, closing and resetting devices, and the order in which a device is taken back (S8):
 *
 *   BAR mappings gone on every CPU, interrupts masked, bus mastering off, transactions pending
 *   waited for, requester blocked with drain, reset; only then frames and device are free.
 *
 * The steps are in device_stop and device_close_locked and nowhere else.
 */
#include <cordon/errno.h>
#include <drivers/vfio/container.h>
#include <drivers/vfio/device.h>
#include <drivers/vfio/group.h>
#include <drivers/vfio/vfio.h>
#include <kernel/aspace.h>
#include <kernel/clock.h>
#include <kernel/heap.h>
#include <kernel/panic.h>
#include <kernel/sched.h>
#include <kernel/task.h>

#define LOG_TAG "vfio"
#include <kernel/log.h>

/* From D3hot to D0 (PCI Express base specification 5.0, 5.9, table 5-13). When it has passed and
 * the function does not tell D0, the reset that follows or the first access shows it. */
#define POWER_UP_TIMEOUT_NS UINT64_C(10000000)

/* --- the function ---------------------------------------------------------------------------- */

static void function_power_up(const struct pci_function *pci)
{
	uint32_t control = pci->caps.power + CONFIG_POWER_CONTROL;
	uint16_t state;

	if (!pci->caps.power)
		return;
	state = pci_read16(pci, control);
	if (!(state & CONFIG_POWER_STATE))
		return;
	pci_write16(pci, control, (uint16_t)(state & ~CONFIG_POWER_STATE));
	sched_poll(!(pci_read16(pci, control) & CONFIG_POWER_STATE), POWER_UP_TIMEOUT_NS);
}

/* Switches off what a function may do by itself once it masters the bus; see config.h. A reset
 * switches some of it on again. */
static void function_harden(const struct pci_function *pci, bool no_snoop)
{
	uint32_t offset = pci->caps.express + CONFIG_DEVCTL;
	uint16_t off = CONFIG_DEVCTL_EXT_TAG | CONFIG_DEVCTL_PHANTOM;

	if (!pci->caps.express)
		return;
	if (!no_snoop)
		off |= CONFIG_DEVCTL_NO_SNOOP;
	pci_write16(pci, offset, (uint16_t)(pci_read16(pci, offset) & ~off));
}

/* Makes COMMAND follow, but for bus mastering, which has a counted way of its own. INTx stays off:
 * no task gets one yet. */
static void function_decode(struct pci_function *pci, uint16_t command)
{
	const uint16_t bits = PCI_COMMAND_IO | PCI_COMMAND_MEMORY | CONFIG_COMMAND_PARITY |
	                      CONFIG_COMMAND_SERR;
	const uint16_t on = command & bits;

	pci_update_command(pci, bits & (uint16_t)~on, on | PCI_COMMAND_INTX_OFF);
}

static void function_quarantine(struct function *function, const char *reason, bool stuck)
{
	char name[PCI_NAME_MAX];

	pci_name(function->pci->bdf, name);
	log_warn("%s is in quarantine: %s", name, reason);
	function->quarantine = reason;
	function->stuck |= stuck;
}

/* Stops a function that no task uses any more, or not yet, and resets it where it can be. Puts it
 * into quarantine when it does not obey. */
static int function_clean(struct function *function, bool no_snoop)
{
	struct pci_function *pci = function->pci;
	int error = 0;

	if (pci_has_flr(pci)) {
		error = pci_reset(pci);
		if (error)
			function_quarantine(function, "its reset was not confirmed", true);
	}
	function_harden(pci, no_snoop);
	function_decode(pci, 0);
	return error;
}

/* --- states of a device ---------------------------------------------------------------------- */

/* Makes the hardware follow the virtual COMMAND. BAR mappings are there only while memory decoding
 * is on: without it an access would hang some platforms, and reads as ones on others. */
static void device_apply_command_locked(struct device *device, uint16_t command)
{
	struct pci_function *pci = device->function->pci;
	bool memory = command & PCI_COMMAND_MEMORY;
	/* Behind a unit that stopped answering nothing masters the bus again (S3). */
	bool master = (command & PCI_COMMAND_MASTER) && iommu_unit_alive(pci->iommu);

	DEBUG_ASSERT(mutex_held(&device->lock));
	if (device->memory && !memory)
		region_revoke(device->bars);
	function_decode(pci, command);
	if (memory && !device->memory)
		region_restore(device->bars);
	device->memory = memory;
	pci_set_master(pci, master);
}

/* Resets the function for the task that holds it: as before but for bus mastering. */
static int device_reset_locked(struct device *device)
{
	struct pci_function *pci = device->function->pci;
	uint16_t command = config_command(&device->config);
	int error;

	DEBUG_ASSERT(mutex_held(&device->lock));
	if (!pci_has_flr(pci))
		return -ENOTTY;
	device_apply_command_locked(device, 0);
	config_reset(&device->config);
	/* Pending transactions that do not end are what a reset is for. */
	pci_quiesce(pci);
	error = pci_reset(pci);
	function_harden(pci, device->no_snoop);
	if (error)
		return error;
	config_set_command(&device->config, (uint16_t)(command & ~PCI_COMMAND_MASTER));
	device_apply_command_locked(device, config_command(&device->config));
	return 0;
}

/* The first half of S8: no CPU reaches the device, and the device does nothing new. */
static int device_stop(struct device *device)
{
	int error;

	mutex_lock(&device->lock);
	device->open = false;
	region_revoke(device->bars);
	/* Interrupts masked, bus mastering off, pending transactions waited for. */
	error = pci_quiesce(device->function->pci);
	region_release(device->bars);
	mutex_unlock(&device->lock);
	return error;
}

static bool requester_in_use(const struct group *group, const struct requester *requester)
{
	for (uint32_t i = 0; i < group->function_count; i++) {
		if (group->functions[i].requester == requester && group->functions[i].device)
			return true;
	}
	return false;
}

/* Blocks the requester of a device that was closed, unless another open device has the same. It is
 * attached again when a device is opened. */
static void device_block_requester(struct group *group, struct requester *requester)
{
	struct container *container = group->container;

	if (!container || requester_in_use(group, requester))
		return;
	if (group_detach_locked(group, requester, container->domain))
		container->unconfirmed = true;
	iommu_poll_faults();
}

/* The whole of S8 for one device; also when it never had a handle, so that nobody used it. */
static void device_close_locked(struct device *device, bool used)
{
	struct function *function = device->function;
	struct group *group = device->group;
	int error;

	DEBUG_ASSERT(mutex_held(&vfio_lock));
	error = device_stop(device);
	function->device = NULL;
	group->open_devices--;
	group->container->open_devices--;
	device_block_requester(group, function->requester);

	if (error)
		function_quarantine(function, "its transactions did not end", true);
	if (!function_clean(function, false) && used && !pci_has_flr(function->pci) &&
	    !function->reset_trusted && !function->quarantine)
		function_quarantine(function, "it was used, and no reset reaches it", false);
	group_settle_locked(group);
}

/* Only the opening and closing of this very device change whether the function points to it, so
 * that much can be looked at without the lock. */
static void device_end(struct device *device, bool used)
{
	if (device->function->device != device)
		return;
	mutex_lock(&vfio_lock);
	device_close_locked(device, used);
	mutex_unlock(&vfio_lock);
}

static void device_unreachable(struct object *object)
{
	device_end(device_from(object), true);
}

static void device_destroy(struct object *object)
{
	struct device *device = device_from(object);

	device_end(device, false); /* it may never have had a handle */
	account_free_object(device->account, device, sizeof(*device));
}

static const struct object_ops device_ops = {
        .name = "device",
        .type = CORDON_OBJECT_DEVICE,
        .rights = CORDON_RIGHT_READ | CORDON_RIGHT_WRITE | CORDON_RIGHT_MAP | CORDON_RIGHT_DUP |
                  CORDON_RIGHT_TRANSFER | CORDON_RIGHT_WAIT,
        .unreachable = device_unreachable,
        .destroy = device_destroy,
};

/* --- opening --------------------------------------------------------------------------------- */

static void device_init_config(struct device *device)
{
	const struct pci_function *pci = device->function->pci;
	struct config_layout layout = {
	        .size = pci_config_size(pci),
	        .bars = pci->bars,
	        .caps = pci->caps,
	        .has_flr = pci_has_flr(pci),
	        .no_snoop = device->no_snoop,
	};

	if (pci->caps.express)
		layout.express_version = CONFIG_EXPRESS_VERSION(
		        pci_read16(pci, pci->caps.express + CONFIG_EXPRESS_FLAGS));
	config_init(&device->config, &layout);
}

static int device_create(struct group *group, struct function *function, struct account *account,
                         struct device **out)
{
	struct device *device = account_alloc_object(account, sizeof(*device));

	if (!device)
		return -ENOMEM;
	object_init(&device->object, &device_ops);
	mutex_init(&device->lock, RANK_DEVICE, "device");
	device->account = account;
	device->group = group;
	device->function = function;
	device->no_snoop = iommu_domain_coherent(group->container->domain);
	*out = device;
	return 0;
}

/* Checks everything that keeps a device from being opened. */
static int device_admit(struct group *group, cordon_bdf_t bdf, struct task *task,
                        struct function **out)
{
	struct function *function = group_function_find(group, bdf);

	if (!group->container)
		return -EINVAL;
	if (!container_admits(group->container, task))
		return -EPERM;
	if (!function || function_is_bridge(function->pci) || function->refused)
		return -ENODEV;
	if (function->device || group_requester_quarantined(group, function->requester) ||
	    group_blocker(group, NULL))
		return -EBUSY;
	*out = function;
	return 0;
}

int device_open_locked(struct group *group, cordon_bdf_t bdf, struct task *task,
                       struct device **out)
{
	struct container *container = group->container;
	struct function *function = NULL;
	struct device *device;
	int error = device_admit(group, bdf, task, &function);

	DEBUG_ASSERT(mutex_held(&vfio_lock));
	if (error)
		return error;
	error = device_create(group, function, task->account, &device);
	if (error)
		return error;

	/* The requester is still, or again, able to translate while the function is cleaned: it
	 * belongs to this container either way. */
	error = pci_quiesce(function->pci);
	if (error) {
		function_quarantine(function, "its transactions did not end", true);
		goto fail;
	}
	function_power_up(function->pci);
	error = function_clean(function, device->no_snoop);
	if (error)
		goto fail;
	error = group_attach_locked(group, function->requester, container->domain);
	if (error)
		goto fail;

	region_msix_read(function->pci, &device->msix);
	region_init(function->pci, &device->msix, device->bars);
	device_init_config(device);
	device->open = true;
	function->device = device;
	group->open_devices++;
	container->open_devices++;
	group_set_holder_locked(group, function->requester, task);
	spin_lock(&container->lock);
	container_bind_locked(container, task);
	spin_unlock(&container->lock);
	*out = device;
	return 0;

fail:
	object_unref(&device->object);
	return error;
}

/* --- use ------------------------------------------------------------------------------------- */

void device_describe(struct device *device, struct cordon_device_info *out)
{
	const struct function *function = device->function;

	*out = (struct cordon_device_info){
	        .flags = CORDON_DEVICE_FLAG_PCI,
	        .regions = CORDON_REGION_COUNT,
	        .irqs = CORDON_IRQ_COUNT,
	        .bdf = function->pci->bdf,
	};
	if (pci_has_flr(function->pci))
		out->flags |= CORDON_DEVICE_FLAG_RESET;
	mutex_lock(&vfio_lock);
	if (function->reset_trusted)
		out->flags |= CORDON_DEVICE_FLAG_RESET_TRUSTED;
	function_describe_locked(device->group, function, &out->desc);
	mutex_unlock(&vfio_lock);
}

uint64_t device_region_size(const struct device *device, uint32_t region)
{
	if (region == CORDON_REGION_CONFIG)
		return device->config.size;
	return region < REGION_BARS ? device->bars[region].size : 0;
}

int device_region_info(struct device *device, uint32_t region, struct cordon_region_info *out)
{
	*out = (struct cordon_region_info){0};
	if (region >= CORDON_REGION_COUNT)
		return -EINVAL;
	if (region == CORDON_REGION_CONFIG) {
		out->size = device->config.size;
		out->flags = CORDON_REGION_READ | CORDON_REGION_WRITE;
	} else if (region < REGION_BARS) {
		region_describe(&device->bars[region], out);
	}
	return 0;
}

int device_region_map(struct device *device, uint32_t region, struct cordon_region_map *args,
                      uint32_t prot_max, struct aspace *aspace)
{
	uaddr_t address = uaddr(args->address);
	struct region_bar *bar;
	struct memory *memory;
	int error;

	if (region >= REGION_BARS || device->bars[region].kind == PCI_BAR_NONE)
		return -EINVAL;
	bar = &device->bars[region];
	if (!region_mappable(bar, args->offset, args->size))
		return -EACCES;
	mutex_lock(&device->lock);
	error = -ENODEV;
	if (!device->open)
		goto out;
	error = -EIO;
	if (!(config_command(&device->config) & PCI_COMMAND_MEMORY))
		goto out;
	error = region_memory(bar, &memory);
	if (!error)
		error = aspace_map(aspace, memory, args->offset, args->size, args->prot, prot_max,
		                   args->flags, &address);
	args->address = address.raw;
out:
	mutex_unlock(&device->lock);
	return error;
}

uint32_t device_access_width(uint32_t region, uint64_t offset, uint64_t size)
{
	uint32_t width = region < REGION_BARS ? 8 : 4;

	while (width > 1 && (width > size || !is_aligned(offset, width)))
		width /= 2;
	return width;
}

/* Checks an access and finds its width. Decoding is checked for BARs. */
static int device_access_locked(struct device *device, uint32_t region, uint64_t offset,
                                uint64_t size, uint32_t *width)
{
	const struct region_bar *bar;
	uint16_t decode;

	DEBUG_ASSERT(mutex_held(&device->lock));
	if (!device->open)
		return -ENODEV;
	*width = device_access_width(region, offset, size);
	if (region == CORDON_REGION_CONFIG)
		return offset < device->config.size ? 0 : -ERANGE;
	if (region >= REGION_BARS)
		return -EINVAL;
	bar = &device->bars[region];
	if (bar->kind == PCI_BAR_NONE)
		return -EINVAL;
	if (offset >= bar->size)
		return -ERANGE;
	if (bar->kind == PCI_BAR_IO && *width > 4)
		*width = 4;
	decode = bar->kind == PCI_BAR_IO ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;
	return config_command(&device->config) & decode ? 0 : -EIO;
}

static uint32_t config_hardware_read(const struct pci_function *pci, uint32_t offset,
                                     unsigned int width)
{
	switch (width) {
	case 1:
		return pci_read8(pci, offset);
	case 2:
		return pci_read16(pci, offset);
	default:
		return pci_read32(pci, offset);
	}
}

/* Writes one register of at most two bytes: so no write ever reaches the register beside it, some
 * of whose bits are cleared by writing ones. */
static int device_config_write_locked(struct device *device, uint32_t offset, unsigned int width,
                                      uint32_t value)
{
	const struct pci_function *pci = device->function->pci;
	uint32_t passes = config_passes(&device->config, offset, width);
	struct config_effects effects;

	DEBUG_ASSERT(mutex_held(&device->lock) && width <= 2);
	if (passes) {
		uint32_t hardware = config_hardware_read(pci, offset, width);

		hardware = (hardware & ~passes) | (value & passes);
		if (width == 1)
			pci_write8(pci, offset, (uint8_t)hardware);
		else
			pci_write16(pci, offset, (uint16_t)hardware);
	}
	config_write(&device->config, offset, width, value, &effects);
	if (effects.command)
		device_apply_command_locked(device, config_command(&device->config));
	return effects.reset ? device_reset_locked(device) : 0;
}

int device_region_read(struct device *device, uint32_t region, uint64_t offset, uint64_t size,
                       void *bytes, uint32_t *width)
{
	uint64_t value = 0;
	int error;

	mutex_lock(&device->lock);
	error = device_access_locked(device, region, offset, size, width);
	if (error)
		goto out;
	if (region == CORDON_REGION_CONFIG)
		value = config_read(
		        &device->config, (uint32_t)offset, *width,
		        config_hardware_read(device->function->pci, (uint32_t)offset, *width));
	else
		error = region_read(&device->bars[region], offset, *width, &value);
	__builtin_memcpy(bytes, &value, sizeof(value));
out:
	mutex_unlock(&device->lock);
	return error;
}

int device_region_write(struct device *device, uint32_t region, uint64_t offset, uint64_t size,
                        const void *bytes, uint32_t *width)
{
	uint64_t value;
	int error;

	__builtin_memcpy(&value, bytes, sizeof(value));
	mutex_lock(&device->lock);
	error = device_access_locked(device, region, offset, size, width);
	if (error)
		goto out;
	if (region != CORDON_REGION_CONFIG) {
		error = region_write(&device->bars[region], offset, *width, value);
		goto out;
	}
	for (uint32_t done = 0; done < *width && !error;) {
		uint32_t part = *width - done > 2 ? 2 : *width - done;

		error = device_config_write_locked(device, (uint32_t)offset + done, part,
		                                   (uint32_t)(value >> (8 * done)));
		done += part;
	}
out:
	mutex_unlock(&device->lock);
	return error;
}

int device_reset(struct device *device)
{
	int error = -ENODEV;

	mutex_lock(&device->lock);
	if (device->open)
		error = device_reset_locked(device);
	mutex_unlock(&device->lock);
	return error;
}
