/* SPDX-License-Identifier: MIT */
/* newlib's <sys/param.h> with the arithmetic that programs expect there. */
#ifndef CORDON_SYS_PARAM_H
#define CORDON_SYS_PARAM_H

#include_next <sys/param.h>

#ifndef roundup
#define roundup(value, step) (((value) + ((step)-1)) / (step) * (step))
#endif
#ifndef powerof2
#define powerof2(value) ((((value)-1) & (value)) == 0)
#endif

#endif
