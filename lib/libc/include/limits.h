/* SPDX-License-Identifier: MIT */
/* newlib's <limits.h>, with what POSIX has there beyond it: PATH_MAX, NAME_MAX, PIPE_BUF, IOV_MAX
 * and others, which newlib keeps apart. */
#ifndef CORDON_LIMITS_H
#define CORDON_LIMITS_H

#include <sys/syslimits.h>
#include_next <limits.h>

#ifndef SSIZE_MAX
#define SSIZE_MAX LONG_MAX
#endif

#endif
