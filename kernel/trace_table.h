/* SPDX-License-Identifier: MIT */
/* Made by tools/mktrace.py from include/cordon/; `make docs` writes it. */
/* clang-format off */
#ifndef KERNEL_TRACE_TABLE_H
#define KERNEL_TRACE_TABLE_H

#include <cordon/syscall.h>
#include <kernel/trace_format.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define MEMBER(type, member, kind, table) \
	{#member, offsetof(struct type, member), sizeof(((struct type *)0)->member), TRACE_##kind, table}

static const struct trace_name names_object_type_list[] = {
	{"NONE", CORDON_OBJECT_NONE},
	{"AUTHORITY", CORDON_OBJECT_AUTHORITY},
	{"CONSOLE", CORDON_OBJECT_CONSOLE},
	{"MEMORY", CORDON_OBJECT_MEMORY},
	{"TASK", CORDON_OBJECT_TASK},
	{"THREAD", CORDON_OBJECT_THREAD},
	{"EVENT", CORDON_OBJECT_EVENT},
	{"CHANNEL", CORDON_OBJECT_CHANNEL},
	{"CONTAINER", CORDON_OBJECT_CONTAINER},
	{"GROUP", CORDON_OBJECT_GROUP},
	{"DEVICE", CORDON_OBJECT_DEVICE},
	{"TYPES", CORDON_OBJECT_TYPES},
};

static const struct trace_names names_object_type = {false, LENGTH(names_object_type_list), names_object_type_list};

static const struct trace_name names_right_list[] = {
	{"READ", CORDON_RIGHT_READ},
	{"WRITE", CORDON_RIGHT_WRITE},
	{"EXEC", CORDON_RIGHT_EXEC},
	{"MAP", CORDON_RIGHT_MAP},
	{"DUP", CORDON_RIGHT_DUP},
	{"TRANSFER", CORDON_RIGHT_TRANSFER},
	{"WAIT", CORDON_RIGHT_WAIT},
	{"MANAGE", CORDON_RIGHT_MANAGE},
	{"INSPECT", CORDON_RIGHT_INSPECT},
};

static const struct trace_names names_right = {true, LENGTH(names_right_list), names_right_list};

static const struct trace_name names_signal_list[] = {
	{"READABLE", CORDON_SIGNAL_READABLE},
	{"WRITABLE", CORDON_SIGNAL_WRITABLE},
	{"TERMINATED", CORDON_SIGNAL_TERMINATED},
	{"PEER_CLOSED", CORDON_SIGNAL_PEER_CLOSED},
	{"EDGE", CORDON_SIGNAL_EDGE},
};

static const struct trace_names names_signal = {true, LENGTH(names_signal_list), names_signal_list};

static const struct trace_name names_memory_list[] = {
	{"CONTIGUOUS", CORDON_MEMORY_CONTIGUOUS},
	{"HUGE", CORDON_MEMORY_HUGE},
	{"SCATTER", CORDON_MEMORY_SCATTER},
	{"HUGE_1G", CORDON_MEMORY_HUGE_1G},
};

static const struct trace_names names_memory = {true, LENGTH(names_memory_list), names_memory_list};

static const struct trace_name names_prot_list[] = {
	{"READ", CORDON_PROT_READ},
	{"WRITE", CORDON_PROT_WRITE},
	{"EXEC", CORDON_PROT_EXEC},
};

static const struct trace_names names_prot = {true, LENGTH(names_prot_list), names_prot_list};

static const struct trace_name names_map_list[] = {
	{"FIXED", CORDON_MAP_FIXED},
	{"REPLACE", CORDON_MAP_REPLACE},
	{"GROW", CORDON_MAP_GROW},
};

static const struct trace_names names_map = {true, LENGTH(names_map_list), names_map_list};

static const struct trace_name names_region_memory_list[] = {
	{"RESERVED", CORDON_REGION_RESERVED},
	{"PRIVATE", CORDON_REGION_PRIVATE},
	{"GROWS", CORDON_REGION_GROWS},
};

static const struct trace_names names_region_memory = {true, LENGTH(names_region_memory_list), names_region_memory_list};

static const struct trace_name names_task_state_list[] = {
	{"RUNNING", CORDON_TASK_RUNNING},
	{"ENDING", CORDON_TASK_ENDING},
	{"ENDED", CORDON_TASK_ENDED},
};

static const struct trace_names names_task_state = {false, LENGTH(names_task_state_list), names_task_state_list};

static const struct trace_name names_task_cause_list[] = {
	{"NONE", CORDON_CAUSE_NONE},
	{"EXIT", CORDON_CAUSE_EXIT},
	{"KILL", CORDON_CAUSE_KILL},
	{"FAULT", CORDON_CAUSE_FAULT},
	{"DMA", CORDON_CAUSE_DMA},
	{"STACK", CORDON_CAUSE_STACK},
};

static const struct trace_names names_task_cause = {false, LENGTH(names_task_cause_list), names_task_cause_list};

static const struct trace_name names_dma_list[] = {
	{"READ", CORDON_DMA_READ},
	{"WRITE", CORDON_DMA_WRITE},
};

static const struct trace_names names_dma = {true, LENGTH(names_dma_list), names_dma_list};

static const struct trace_name names_dma_op_list[] = {
	{"MAP", CORDON_DMA_OP_MAP},
	{"UNMAP", CORDON_DMA_OP_UNMAP},
};

static const struct trace_names names_dma_op = {false, LENGTH(names_dma_op_list), names_dma_op_list};

static const struct trace_name names_fault_reason_list[] = {
	{"NOT_PRESENT", CORDON_FAULT_NOT_PRESENT},
	{"READ_DENIED", CORDON_FAULT_READ_DENIED},
	{"WRITE_DENIED", CORDON_FAULT_WRITE_DENIED},
	{"BLOCKED", CORDON_FAULT_BLOCKED},
	{"ADDRESS", CORDON_FAULT_ADDRESS},
	{"INTERRUPT", CORDON_FAULT_INTERRUPT},
	{"TABLE", CORDON_FAULT_TABLE},
	{"OTHER", CORDON_FAULT_OTHER},
};

static const struct trace_names names_fault_reason = {false, LENGTH(names_fault_reason_list), names_fault_reason_list};

static const struct trace_name names_group_list[] = {
	{"VIABLE", CORDON_GROUP_VIABLE},
	{"CONTAINER", CORDON_GROUP_CONTAINER},
	{"LOCKED", CORDON_GROUP_LOCKED},
};

static const struct trace_names names_group = {true, LENGTH(names_group_list), names_group_list};

static const struct trace_name names_device_list[] = {
	{"BRIDGE", CORDON_DEVICE_BRIDGE},
	{"FLR", CORDON_DEVICE_FLR},
	{"OPEN", CORDON_DEVICE_OPEN},
	{"QUARANTINE", CORDON_DEVICE_QUARANTINE},
	{"REFUSED", CORDON_DEVICE_REFUSED},
};

static const struct trace_names names_device = {true, LENGTH(names_device_list), names_device_list};

static const struct trace_name names_device_flag_list[] = {
	{"PCI", CORDON_DEVICE_FLAG_PCI},
	{"RESET", CORDON_DEVICE_FLAG_RESET},
	{"RESET_TRUSTED", CORDON_DEVICE_FLAG_RESET_TRUSTED},
};

static const struct trace_names names_device_flag = {true, LENGTH(names_device_flag_list), names_device_flag_list};

static const struct trace_name names_region_vfio_list[] = {
	{"READ", CORDON_REGION_READ},
	{"WRITE", CORDON_REGION_WRITE},
	{"MMAP", CORDON_REGION_MMAP},
	{"IO", CORDON_REGION_IO},
	{"64BIT", CORDON_REGION_64BIT},
	{"PREFETCH", CORDON_REGION_PREFETCH},
};

static const struct trace_names names_region_vfio = {true, LENGTH(names_region_vfio_list), names_region_vfio_list};

static const struct trace_name names_irq_flag_list[] = {
	{"MASKABLE", CORDON_IRQ_FLAG_MASKABLE},
	{"AUTOMASK", CORDON_IRQ_FLAG_AUTOMASK},
	{"NORESIZE", CORDON_IRQ_FLAG_NORESIZE},
};

static const struct trace_names names_irq_flag = {true, LENGTH(names_irq_flag_list), names_irq_flag_list};

static const struct trace_name names_thread_set_list[] = {
	{"NAME", CORDON_THREAD_SET_NAME},
	{"CPUS", CORDON_THREAD_SET_CPUS},
	{"CLASS", CORDON_THREAD_SET_CLASS},
};

static const struct trace_names names_thread_set = {true, LENGTH(names_thread_set_list), names_thread_set_list};

static const struct trace_name names_futex_list[] = {
	{"SHARED", CORDON_FUTEX_SHARED},
};

static const struct trace_names names_futex = {true, LENGTH(names_futex_list), names_futex_list};

static const struct trace_name names_inject_list[] = {
	{"HEAP", CORDON_INJECT_HEAP},
	{"FRAMES", CORDON_INJECT_FRAMES},
	{"BUDGET", CORDON_INJECT_BUDGET},
	{"SLOT", CORDON_INJECT_SLOT},
	{"WAIT", CORDON_INJECT_WAIT},
	{"FLUSH", CORDON_INJECT_FLUSH},
};

static const struct trace_names names_inject = {true, LENGTH(names_inject_list), names_inject_list};

static const struct trace_member members_handle_info[] = {
	MEMBER(cordon_handle_info, type, NAMES, &names_object_type),
	MEMBER(cordon_handle_info, rights, NAMES, &names_right),
	MEMBER(cordon_handle_info, id, NUMBER, 0),
};

static const struct trace_type type_handle_info = {LENGTH(members_handle_info), members_handle_info};

static const struct trace_member members_wait[] = {
	MEMBER(cordon_wait, handle, HANDLE, 0),
	MEMBER(cordon_wait, signals, NAMES, &names_signal),
	MEMBER(cordon_wait, pending, NAMES, &names_signal),
	MEMBER(cordon_wait, sequence, NUMBER, 0),
};

static const struct trace_type type_wait = {LENGTH(members_wait), members_wait};

static const struct trace_member members_memory_info[] = {
	MEMBER(cordon_memory_info, size, NUMBER, 0),
	MEMBER(cordon_memory_info, flags, NAMES, &names_memory),
	MEMBER(cordon_memory_info, extents, NUMBER, 0),
	MEMBER(cordon_memory_info, mappings, NUMBER, 0),
};

static const struct trace_type type_memory_info = {LENGTH(members_memory_info), members_memory_info};

static const struct trace_member members_memory_map[] = {
	MEMBER(cordon_memory_map, address, NUMBER, 0),
	MEMBER(cordon_memory_map, offset, NUMBER, 0),
	MEMBER(cordon_memory_map, size, NUMBER, 0),
	MEMBER(cordon_memory_map, prot, NAMES, &names_prot),
	MEMBER(cordon_memory_map, flags, NAMES, &names_map),
};

static const struct trace_type type_memory_map = {LENGTH(members_memory_map), members_memory_map};

static const struct trace_member members_memory_region[] = {
	MEMBER(cordon_memory_region, address, NUMBER, 0),
	MEMBER(cordon_memory_region, size, NUMBER, 0),
	MEMBER(cordon_memory_region, memory, NUMBER, 0),
	MEMBER(cordon_memory_region, offset, NUMBER, 0),
	MEMBER(cordon_memory_region, prot, NAMES, &names_prot),
	MEMBER(cordon_memory_region, flags, NAMES, &names_region_memory),
};

static const struct trace_type type_memory_region = {LENGTH(members_memory_region), members_memory_region};

static const struct trace_member members_budget[] = {
	MEMBER(cordon_budget, frames, NUMBER, 0),
	MEMBER(cordon_budget, kernel, NUMBER, 0),
	MEMBER(cordon_budget, handles, NUMBER, 0),
	MEMBER(cordon_budget, threads, NUMBER, 0),
	MEMBER(cordon_budget, mappings, NUMBER, 0),
	MEMBER(cordon_budget, objects, NUMBER, 0),
	MEMBER(cordon_budget, cpu, NUMBER, 0),
};

static const struct trace_type type_budget = {LENGTH(members_budget), members_budget};

static const struct trace_member members_spawn[] = {
	MEMBER(cordon_spawn, image, HANDLE, 0),
	MEMBER(cordon_spawn, handle_count, NUMBER, 0),
	MEMBER(cordon_spawn, image_offset, NUMBER, 0),
	MEMBER(cordon_spawn, image_size, NUMBER, 0),
	MEMBER(cordon_spawn, argv, NUMBER, 0),
	MEMBER(cordon_spawn, envp, NUMBER, 0),
	MEMBER(cordon_spawn, argv_bytes, NUMBER, 0),
	MEMBER(cordon_spawn, envp_bytes, NUMBER, 0),
	MEMBER(cordon_spawn, handles, NUMBER, 0),
	MEMBER(cordon_spawn, budget, STRUCT, &type_budget),
	MEMBER(cordon_spawn, name, TEXT, 0),
};

static const struct trace_type type_spawn = {LENGTH(members_spawn), members_spawn};

static const struct trace_member members_task_info[] = {
	MEMBER(cordon_task_info, id, NUMBER, 0),
	MEMBER(cordon_task_info, state, NAMES, &names_task_state),
	MEMBER(cordon_task_info, cause, NAMES, &names_task_cause),
	MEMBER(cordon_task_info, code, SIGNED, 0),
	MEMBER(cordon_task_info, frames, NUMBER, 0),
	MEMBER(cordon_task_info, handles, NUMBER, 0),
	MEMBER(cordon_task_info, threads, NUMBER, 0),
	MEMBER(cordon_task_info, mappings, NUMBER, 0),
	MEMBER(cordon_task_info, objects, NUMBER, 0),
	MEMBER(cordon_task_info, cpu_ns, NUMBER, 0),
	MEMBER(cordon_task_info, fault_address, NUMBER, 0),
	MEMBER(cordon_task_info, name, TEXT, 0),
	MEMBER(cordon_task_info, kernel, NUMBER, 0),
	MEMBER(cordon_task_info, budget, STRUCT, &type_budget),
	MEMBER(cordon_task_info, lent, STRUCT, &type_budget),
	MEMBER(cordon_task_info, refused, STRUCT, &type_budget),
};

static const struct trace_type type_task_info = {LENGTH(members_task_info), members_task_info};

static const struct trace_member members_thread[] = {
	MEMBER(cordon_thread, entry, NUMBER, 0),
	MEMBER(cordon_thread, stack, NUMBER, 0),
	MEMBER(cordon_thread, argument, NUMBER, 0),
	MEMBER(cordon_thread, fs_base, NUMBER, 0),
	MEMBER(cordon_thread, name, TEXT, 0),
};

static const struct trace_type type_thread = {LENGTH(members_thread), members_thread};

static const struct trace_member members_message[] = {
	MEMBER(cordon_message, bytes, NUMBER, 0),
	MEMBER(cordon_message, handles, NUMBER, 0),
	MEMBER(cordon_message, id, NUMBER, 0),
	MEMBER(cordon_message, size, NUMBER, 0),
	MEMBER(cordon_message, handle_count, NUMBER, 0),
};

static const struct trace_type type_message = {LENGTH(members_message), members_message};

static const struct trace_member members_container_info[] = {
	MEMBER(cordon_container_info, page_sizes, NUMBER, 0),
	MEMBER(cordon_container_info, address_bits, NUMBER, 0),
	MEMBER(cordon_container_info, groups, NUMBER, 0),
	MEMBER(cordon_container_info, mappings, NUMBER, 0),
	MEMBER(cordon_container_info, mappings_max, NUMBER, 0),
	MEMBER(cordon_container_info, range_count, NUMBER, 0),
	MEMBER(cordon_container_info, coherent, NUMBER, 0),
	MEMBER(cordon_container_info, mapped_bytes, NUMBER, 0),
};

static const struct trace_type type_container_info = {LENGTH(members_container_info), members_container_info};

static const struct trace_member members_dma_map[] = {
	MEMBER(cordon_dma_map, memory, HANDLE, 0),
	MEMBER(cordon_dma_map, flags, NAMES, &names_dma),
	MEMBER(cordon_dma_map, offset, NUMBER, 0),
	MEMBER(cordon_dma_map, iova, NUMBER, 0),
	MEMBER(cordon_dma_map, size, NUMBER, 0),
};

static const struct trace_type type_dma_map = {LENGTH(members_dma_map), members_dma_map};

static const struct trace_member members_dma_op[] = {
	MEMBER(cordon_dma_op, op, NAMES, &names_dma_op),
	MEMBER(cordon_dma_op, result, SIGNED, 0),
	MEMBER(cordon_dma_op, map, STRUCT, &type_dma_map),
};

static const struct trace_type type_dma_op = {LENGTH(members_dma_op), members_dma_op};

static const struct trace_member members_fault[] = {
	MEMBER(cordon_fault, sequence, NUMBER, 0),
	MEMBER(cordon_fault, time_ns, NUMBER, 0),
	MEMBER(cordon_fault, address, NUMBER, 0),
	MEMBER(cordon_fault, device, BDF, 0),
	MEMBER(cordon_fault, reason, NAMES, &names_fault_reason),
	MEMBER(cordon_fault, hardware_code, NUMBER, 0),
	MEMBER(cordon_fault, write, NUMBER, 0),
	MEMBER(cordon_fault, group, NUMBER, 0),
	MEMBER(cordon_fault, task, NUMBER, 0),
	MEMBER(cordon_fault, task_name, TEXT, 0),
};

static const struct trace_type type_fault = {LENGTH(members_fault), members_fault};

static const struct trace_member members_group_status[] = {
	MEMBER(cordon_group_status, number, NUMBER, 0),
	MEMBER(cordon_group_status, flags, NAMES, &names_group),
	MEMBER(cordon_group_status, device_count, NUMBER, 0),
	MEMBER(cordon_group_status, blocker, BDF, 0),
	MEMBER(cordon_group_status, reason, TEXT, 0),
};

static const struct trace_type type_group_status = {LENGTH(members_group_status), members_group_status};

static const struct trace_member members_device_desc[] = {
	MEMBER(cordon_device_desc, bdf, BDF, 0),
	MEMBER(cordon_device_desc, flags, NAMES, &names_device),
	MEMBER(cordon_device_desc, vendor, NUMBER, 0),
	MEMBER(cordon_device_desc, device, NUMBER, 0),
	MEMBER(cordon_device_desc, subsystem_vendor, NUMBER, 0),
	MEMBER(cordon_device_desc, subsystem_device, NUMBER, 0),
	MEMBER(cordon_device_desc, class_code, NUMBER, 0),
	MEMBER(cordon_device_desc, group, NUMBER, 0),
};

static const struct trace_type type_device_desc = {LENGTH(members_device_desc), members_device_desc};

static const struct trace_member members_device_info[] = {
	MEMBER(cordon_device_info, flags, NAMES, &names_device_flag),
	MEMBER(cordon_device_info, regions, NUMBER, 0),
	MEMBER(cordon_device_info, irqs, NUMBER, 0),
	MEMBER(cordon_device_info, bdf, BDF, 0),
	MEMBER(cordon_device_info, desc, STRUCT, &type_device_desc),
};

static const struct trace_type type_device_info = {LENGTH(members_device_info), members_device_info};

static const struct trace_member members_region_info[] = {
	MEMBER(cordon_region_info, size, NUMBER, 0),
	MEMBER(cordon_region_info, flags, NAMES, &names_region_vfio),
	MEMBER(cordon_region_info, area_count, NUMBER, 0),
};

static const struct trace_type type_region_info = {LENGTH(members_region_info), members_region_info};

static const struct trace_member members_region_map[] = {
	MEMBER(cordon_region_map, address, NUMBER, 0),
	MEMBER(cordon_region_map, offset, NUMBER, 0),
	MEMBER(cordon_region_map, size, NUMBER, 0),
	MEMBER(cordon_region_map, prot, NAMES, &names_prot),
	MEMBER(cordon_region_map, flags, NUMBER, 0),
};

static const struct trace_type type_region_map = {LENGTH(members_region_map), members_region_map};

static const struct trace_member members_irq_info[] = {
	MEMBER(cordon_irq_info, count, NUMBER, 0),
	MEMBER(cordon_irq_info, flags, NAMES, &names_irq_flag),
};

static const struct trace_type type_irq_info = {LENGTH(members_irq_info), members_irq_info};

static const struct trace_member members_thread_settings[] = {
	MEMBER(cordon_thread_settings, what, NAMES, &names_thread_set),
	MEMBER(cordon_thread_settings, scheduling, NUMBER, 0),
	MEMBER(cordon_thread_settings, cpus, NUMBER, 0),
	MEMBER(cordon_thread_settings, name, TEXT, 0),
};

static const struct trace_type type_thread_settings = {LENGTH(members_thread_settings), members_thread_settings};

static const struct trace_member members_thread_info[] = {
	MEMBER(cordon_thread_info, id, NUMBER, 0),
	MEMBER(cordon_thread_info, cpu_ns, NUMBER, 0),
	MEMBER(cordon_thread_info, cpus, NUMBER, 0),
	MEMBER(cordon_thread_info, cpu, NUMBER, 0),
	MEMBER(cordon_thread_info, scheduling, NUMBER, 0),
	MEMBER(cordon_thread_info, name, TEXT, 0),
};

static const struct trace_type type_thread_info = {LENGTH(members_thread_info), members_thread_info};

static const struct trace_argument call_handle_close[] = {
	{"handle", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
};

static const struct trace_argument call_handle_dup[] = {
	{"handle", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"rights", TRACE_VALUE, TRACE_NAMES, &names_right, sizeof(uint32_t), 0, 1},
	{"out", TRACE_OUT, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
};

static const struct trace_argument call_handle_info[] = {
	{"handle", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"out", TRACE_OUT, TRACE_STRUCT, &type_handle_info, sizeof(struct cordon_handle_info), 0, 1},
};

static const struct trace_argument call_object_wait[] = {
	{"items", TRACE_BOTH, TRACE_STRUCT, &type_wait, sizeof(struct cordon_wait), 1, 1},
	{"count", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint32_t), 0, 1},
	{"deadline", TRACE_VALUE, TRACE_DEADLINE, 0, sizeof(uint64_t), 0, 1},
};

static const struct trace_argument call_console_write[] = {
	{"console", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"bytes", TRACE_IN, TRACE_BYTES, 0, 1, 2, 1},
	{"size", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint64_t), 0, 1},
};

static const struct trace_argument call_console_read[] = {
	{"console", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"bytes", TRACE_OUT, TRACE_BYTES, 0, 1, 2, 1},
	{"size", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint64_t), 0, 1},
};

static const struct trace_argument call_clock_get[] = {
	{"clock", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint32_t), 0, 1},
	{"nanoseconds", TRACE_OUT, TRACE_NUMBER, 0, sizeof(uint64_t), 0, 1},
};

static const struct trace_argument call_clock_sleep[] = {
	{"deadline", TRACE_VALUE, TRACE_DEADLINE, 0, sizeof(uint64_t), 0, 1},
};

static const struct trace_argument call_handle_dup_from[] = {
	{"handle", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"rights", TRACE_VALUE, TRACE_NAMES, &names_right, sizeof(uint32_t), 0, 1},
	{"lowest", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint32_t), 0, 1},
	{"out", TRACE_OUT, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
};

static const struct trace_argument call_memory_create[] = {
	{"size", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint64_t), 0, 1},
	{"flags", TRACE_VALUE, TRACE_NAMES, &names_memory, sizeof(uint32_t), 0, 1},
	{"out", TRACE_OUT, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
};

static const struct trace_argument call_memory_info[] = {
	{"memory", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"out", TRACE_OUT, TRACE_STRUCT, &type_memory_info, sizeof(struct cordon_memory_info), 0, 1},
};

static const struct trace_argument call_memory_map[] = {
	{"memory", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"args", TRACE_BOTH, TRACE_STRUCT, &type_memory_map, sizeof(struct cordon_memory_map), 0, 1},
};

static const struct trace_argument call_memory_unmap[] = {
	{"address", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint64_t), 0, 1},
	{"size", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint64_t), 0, 1},
};

static const struct trace_argument call_memory_protect[] = {
	{"address", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint64_t), 0, 1},
	{"size", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint64_t), 0, 1},
	{"prot", TRACE_VALUE, TRACE_NAMES, &names_prot, sizeof(uint32_t), 0, 1},
};

static const struct trace_argument call_memory_map_new[] = {
	{"address", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint64_t), 0, 1},
	{"size", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint64_t), 0, 1},
	{"prot", TRACE_VALUE, TRACE_NAMES, &names_prot, sizeof(uint32_t), 0, 1},
	{"map_flags", TRACE_VALUE, TRACE_NAMES, &names_map, sizeof(uint32_t), 0, 1},
	{"memory_flags", TRACE_VALUE, TRACE_NAMES, &names_memory, sizeof(uint32_t), 0, 1},
};

static const struct trace_argument call_memory_query[] = {
	{"address", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint64_t), 0, 1},
	{"out", TRACE_OUT, TRACE_STRUCT, &type_memory_region, sizeof(struct cordon_memory_region), 0, 1},
};

static const struct trace_argument call_task_spawn[] = {
	{"args", TRACE_IN, TRACE_STRUCT, &type_spawn, sizeof(struct cordon_spawn), 0, 1},
	{"out", TRACE_OUT, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
};

static const struct trace_argument call_task_kill[] = {
	{"task", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"code", TRACE_VALUE, TRACE_SIGNED, 0, sizeof(int64_t), 0, 1},
};

static const struct trace_argument call_task_info[] = {
	{"task", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"out", TRACE_OUT, TRACE_STRUCT, &type_task_info, sizeof(struct cordon_task_info), 0, 1},
};

static const struct trace_argument call_task_exit[] = {
	{"code", TRACE_VALUE, TRACE_SIGNED, 0, sizeof(int64_t), 0, 1},
};

static const struct trace_argument call_thread_create[] = {
	{"args", TRACE_IN, TRACE_STRUCT, &type_thread, sizeof(struct cordon_thread), 0, 1},
	{"out", TRACE_OUT, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
};

static const struct trace_argument call_thread_set_pointer[] = {
	{"fs_base", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint64_t), 0, 1},
};

static const struct trace_argument call_futex_wait[] = {
	{"address", TRACE_IN, TRACE_NUMBER, 0, sizeof(uint32_t), 0, 1},
	{"expected", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint32_t), 0, 1},
	{"deadline", TRACE_VALUE, TRACE_DEADLINE, 0, sizeof(uint64_t), 0, 1},
	{"flags", TRACE_VALUE, TRACE_NAMES, &names_futex, sizeof(uint32_t), 0, 1},
};

static const struct trace_argument call_futex_wake[] = {
	{"address", TRACE_IN, TRACE_NUMBER, 0, sizeof(uint32_t), 1, 1},
	{"count", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint32_t), 0, 1},
	{"flags", TRACE_VALUE, TRACE_NAMES, &names_futex, sizeof(uint32_t), 0, 1},
};

static const struct trace_argument call_event_create[] = {
	{"initial", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint64_t), 0, 1},
	{"out", TRACE_OUT, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
};

static const struct trace_argument call_event_signal[] = {
	{"event", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"add", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint64_t), 0, 1},
};

static const struct trace_argument call_event_take[] = {
	{"event", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"value", TRACE_OUT, TRACE_NUMBER, 0, sizeof(uint64_t), 0, 1},
};

static const struct trace_argument call_event_wait[] = {
	{"event", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"deadline", TRACE_VALUE, TRACE_DEADLINE, 0, sizeof(uint64_t), 0, 1},
	{"value", TRACE_OUT, TRACE_NUMBER, 0, sizeof(uint64_t), 0, 1},
};

static const struct trace_argument call_channel_create[] = {
	{"out", TRACE_OUT, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 2},
};

static const struct trace_argument call_channel_send[] = {
	{"channel", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"message", TRACE_IN, TRACE_STRUCT, &type_message, sizeof(struct cordon_message), 0, 1},
};

static const struct trace_argument call_channel_receive[] = {
	{"channel", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"message", TRACE_BOTH, TRACE_STRUCT, &type_message, sizeof(struct cordon_message), 0, 1},
	{"deadline", TRACE_VALUE, TRACE_DEADLINE, 0, sizeof(uint64_t), 0, 1},
};

static const struct trace_argument call_channel_call[] = {
	{"channel", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"request", TRACE_IN, TRACE_STRUCT, &type_message, sizeof(struct cordon_message), 0, 1},
	{"reply", TRACE_BOTH, TRACE_STRUCT, &type_message, sizeof(struct cordon_message), 0, 1},
	{"deadline", TRACE_VALUE, TRACE_DEADLINE, 0, sizeof(uint64_t), 0, 1},
};

static const struct trace_argument call_container_create[] = {
	{"out", TRACE_OUT, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
};

static const struct trace_argument call_container_add_group[] = {
	{"container", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"group", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
};

static const struct trace_argument call_container_remove_group[] = {
	{"container", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"group", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
};

static const struct trace_argument call_container_info[] = {
	{"container", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"out", TRACE_OUT, TRACE_STRUCT, &type_container_info, sizeof(struct cordon_container_info), 0, 1},
};

static const struct trace_argument call_container_map[] = {
	{"container", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"args", TRACE_IN, TRACE_STRUCT, &type_dma_map, sizeof(struct cordon_dma_map), 0, 1},
};

static const struct trace_argument call_container_unmap[] = {
	{"container", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"iova", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint64_t), 0, 1},
	{"size", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint64_t), 0, 1},
	{"unmapped", TRACE_OUT, TRACE_NUMBER, 0, sizeof(uint64_t), 0, 1},
};

static const struct trace_argument call_container_batch[] = {
	{"container", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"ops", TRACE_BOTH, TRACE_STRUCT, &type_dma_op, sizeof(struct cordon_dma_op), 2, 1},
	{"count", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint32_t), 0, 1},
};

static const struct trace_argument call_container_faults[] = {
	{"container", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"out", TRACE_OUT, TRACE_STRUCT, &type_fault, sizeof(struct cordon_fault), 2, 1},
	{"count", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint32_t), 0, 1},
	{"lost", TRACE_OUT, TRACE_NUMBER, 0, sizeof(uint64_t), 0, 1},
};

static const struct trace_argument call_group_open[] = {
	{"authority", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"number", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint32_t), 0, 1},
	{"out", TRACE_OUT, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
};

static const struct trace_argument call_group_status[] = {
	{"group", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"out", TRACE_OUT, TRACE_STRUCT, &type_group_status, sizeof(struct cordon_group_status), 0, 1},
};

static const struct trace_argument call_group_function[] = {
	{"group", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"index", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint32_t), 0, 1},
	{"out", TRACE_OUT, TRACE_STRUCT, &type_device_desc, sizeof(struct cordon_device_desc), 0, 1},
};

static const struct trace_argument call_group_device[] = {
	{"group", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"bdf", TRACE_VALUE, TRACE_BDF, 0, sizeof(cordon_bdf_t), 0, 1},
	{"out", TRACE_OUT, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
};

static const struct trace_argument call_group_trust_reset[] = {
	{"authority", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"group", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"bdf", TRACE_VALUE, TRACE_BDF, 0, sizeof(cordon_bdf_t), 0, 1},
};

static const struct trace_argument call_device_info[] = {
	{"device", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"out", TRACE_OUT, TRACE_STRUCT, &type_device_info, sizeof(struct cordon_device_info), 0, 1},
};

static const struct trace_argument call_device_region_info[] = {
	{"device", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"region", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint32_t), 0, 1},
	{"out", TRACE_OUT, TRACE_STRUCT, &type_region_info, sizeof(struct cordon_region_info), 0, 1},
};

static const struct trace_argument call_device_region_read[] = {
	{"device", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"region", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint32_t), 0, 1},
	{"offset", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint64_t), 0, 1},
	{"bytes", TRACE_OUT, TRACE_BYTES, 0, 1, 4, 1},
	{"size", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint64_t), 0, 1},
};

static const struct trace_argument call_device_region_write[] = {
	{"device", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"region", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint32_t), 0, 1},
	{"offset", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint64_t), 0, 1},
	{"bytes", TRACE_IN, TRACE_BYTES, 0, 1, 4, 1},
	{"size", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint64_t), 0, 1},
};

static const struct trace_argument call_device_region_map[] = {
	{"device", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"region", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint32_t), 0, 1},
	{"args", TRACE_BOTH, TRACE_STRUCT, &type_region_map, sizeof(struct cordon_region_map), 0, 1},
};

static const struct trace_argument call_device_irq_info[] = {
	{"device", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"irq", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint32_t), 0, 1},
	{"out", TRACE_OUT, TRACE_STRUCT, &type_irq_info, sizeof(struct cordon_irq_info), 0, 1},
};

static const struct trace_argument call_device_reset[] = {
	{"device", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
};

static const struct trace_argument call_system_info[] = {
	{"authority", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"topic", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint32_t), 0, 1},
	{"index", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint32_t), 0, 1},
	{"out", TRACE_OUT, TRACE_BYTES, 0, 1, 4, 1},
	{"size", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint64_t), 0, 1},
};

static const struct trace_argument call_system_cmdline[] = {
	{"authority", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"out", TRACE_OUT, TRACE_BYTES, 0, 1, 2, 1},
	{"size", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint64_t), 0, 1},
};

static const struct trace_argument call_system_memory_address[] = {
	{"authority", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"memory", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"offset", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint64_t), 0, 1},
	{"address", TRACE_OUT, TRACE_NUMBER, 0, sizeof(uint64_t), 0, 1},
};

static const struct trace_argument call_system_memory_read[] = {
	{"authority", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"address", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint64_t), 0, 1},
	{"out", TRACE_OUT, TRACE_BYTES, 0, 1, 3, 1},
	{"size", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint64_t), 0, 1},
};

static const struct trace_argument call_system_canary[] = {
	{"authority", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"address", TRACE_OUT, TRACE_NUMBER, 0, sizeof(uint64_t), 0, 1},
};

static const struct trace_argument call_system_poweroff[] = {
	{"authority", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"code", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint32_t), 0, 1},
};

static const struct trace_argument call_system_inject[] = {
	{"authority", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"task", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint64_t), 0, 1},
	{"points", TRACE_VALUE, TRACE_NAMES, &names_inject, sizeof(uint32_t), 0, 1},
	{"nth", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint64_t), 0, 1},
};

static const struct trace_argument call_system_state[] = {
	{"authority", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
};

static const struct trace_argument call_system_trace[] = {
	{"authority", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"name", TRACE_IN, TRACE_BYTES, 0, 1, 2, 1},
	{"size", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint64_t), 0, 1},
	{"on", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint32_t), 0, 1},
};

static const struct trace_argument call_system_log[] = {
	{"text", TRACE_IN, TRACE_BYTES, 0, 1, 1, 1},
	{"size", TRACE_VALUE, TRACE_NUMBER, 0, sizeof(uint64_t), 0, 1},
};

static const struct trace_argument call_thread_set[] = {
	{"thread", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"settings", TRACE_IN, TRACE_STRUCT, &type_thread_settings, sizeof(struct cordon_thread_settings), 0, 1},
};

static const struct trace_argument call_thread_info[] = {
	{"thread", TRACE_VALUE, TRACE_HANDLE, 0, sizeof(cordon_handle_t), 0, 1},
	{"out", TRACE_OUT, TRACE_STRUCT, &type_thread_info, sizeof(struct cordon_thread_info), 0, 1},
};

static const struct trace_call trace_calls[] = {
	[0] = {0, 0},
	[1] = {1, call_handle_close},
	[2] = {3, call_handle_dup},
	[3] = {2, call_handle_info},
	[4] = {3, call_object_wait},
	[5] = {3, call_console_write},
	[6] = {3, call_console_read},
	[7] = {2, call_clock_get},
	[8] = {1, call_clock_sleep},
	[9] = {4, call_handle_dup_from},
	[10] = {3, call_memory_create},
	[11] = {2, call_memory_info},
	[12] = {2, call_memory_map},
	[13] = {2, call_memory_unmap},
	[14] = {3, call_memory_protect},
	[15] = {5, call_memory_map_new},
	[16] = {2, call_memory_query},
	[20] = {2, call_task_spawn},
	[21] = {2, call_task_kill},
	[22] = {2, call_task_info},
	[23] = {1, call_task_exit},
	[24] = {2, call_thread_create},
	[25] = {0, 0},
	[26] = {0, 0},
	[27] = {1, call_thread_set_pointer},
	[28] = {4, call_futex_wait},
	[29] = {3, call_futex_wake},
	[30] = {2, call_event_create},
	[31] = {2, call_event_signal},
	[32] = {2, call_event_take},
	[33] = {3, call_event_wait},
	[90] = {1, call_channel_create},
	[91] = {2, call_channel_send},
	[92] = {3, call_channel_receive},
	[93] = {4, call_channel_call},
	[40] = {1, call_container_create},
	[41] = {2, call_container_add_group},
	[42] = {2, call_container_remove_group},
	[43] = {2, call_container_info},
	[44] = {2, call_container_map},
	[45] = {4, call_container_unmap},
	[46] = {3, call_container_batch},
	[47] = {4, call_container_faults},
	[50] = {3, call_group_open},
	[51] = {2, call_group_status},
	[52] = {3, call_group_function},
	[53] = {3, call_group_device},
	[54] = {3, call_group_trust_reset},
	[60] = {2, call_device_info},
	[61] = {3, call_device_region_info},
	[62] = {5, call_device_region_read},
	[63] = {5, call_device_region_write},
	[64] = {3, call_device_region_map},
	[65] = {3, call_device_irq_info},
	[66] = {1, call_device_reset},
	[70] = {5, call_system_info},
	[71] = {3, call_system_cmdline},
	[72] = {4, call_system_memory_address},
	[73] = {4, call_system_memory_read},
	[74] = {2, call_system_canary},
	[75] = {2, call_system_poweroff},
	[77] = {4, call_system_inject},
	[79] = {1, call_system_state},
	[78] = {4, call_system_trace},
	[76] = {2, call_system_log},
	[80] = {2, call_thread_set},
	[81] = {2, call_thread_info},
};

static const struct trace_name trace_errors[] = {
	{"EPERM", 1},
	{"ENOENT", 2},
	{"EINTR", 4},
	{"EIO", 5},
	{"ENXIO", 6},
	{"E2BIG", 7},
	{"ENOEXEC", 8},
	{"EBADF", 9},
	{"EAGAIN", 11},
	{"ENOMEM", 12},
	{"EACCES", 13},
	{"EFAULT", 14},
	{"EBUSY", 16},
	{"EEXIST", 17},
	{"EXDEV", 18},
	{"ENODEV", 19},
	{"EINVAL", 22},
	{"EMFILE", 24},
	{"ENOTTY", 25},
	{"EFBIG", 27},
	{"ENOSPC", 28},
	{"EPIPE", 32},
	{"ERANGE", 34},
	{"ENOSYS", 88},
	{"ENAMETOOLONG", 91},
	{"ELOOP", 92},
	{"EOPNOTSUPP", 95},
	{"ECANCELED", 140},
	{"ETIMEDOUT", 116},
	{"EALREADY", 120},
	{"EMSGSIZE", 122},
	{"EOVERFLOW", 139},
};

#endif
