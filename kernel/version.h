/* SPDX-License-Identifier: MIT */
/* What the kernel calls itself, and how it was built: a report of a bug begins with it. */
#ifndef KERNEL_VERSION_H
#define KERNEL_VERSION_H

/* "Cordon 0.1-0123456789ab, release, compiled by gcc 12.2.0" */
extern const char version_text[];

#endif
