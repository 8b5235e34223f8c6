/* SPDX-License-Identifier: MIT */
/*
 * Machine types for newlib. Its generic x86-64 defaults give 16-bit device, inode and user
 * numbers; these widen them. This folder is searched before newlib's own headers, when
 * newlib is built and when a task is.
 */
#ifndef CORDON_OVERLAY_MACHINE_TYPES_H
#define CORDON_OVERLAY_MACHINE_TYPES_H

#include_next <machine/_types.h>

#define __machine_dev_t_defined
#define __machine_ino_t_defined
#define __machine_uid_t_defined
#define __machine_gid_t_defined
typedef unsigned long __dev_t;
typedef unsigned long __ino_t;
typedef unsigned int __uid_t;
typedef unsigned int __gid_t;

#endif
