/* SPDX-License-Identifier: MIT */
/* newlib's <sys/select.h> with sets as large as programs expect them. A descriptor is a slot of the
 * handle table, of which there are 4096; sets of that size want FD_SETSIZE defined before. */
#ifndef CORDON_SYS_SELECT_H
#define CORDON_SYS_SELECT_H

#ifndef FD_SETSIZE
#define FD_SETSIZE 1024
#endif

#include_next <sys/select.h>

#endif
