/* SPDX-License-Identifier: MIT */
/* newlib's <sys/signal.h> with the flags of sigaction that it leaves out. */
#ifndef CORDON_SYS_SIGNAL_H
#define CORDON_SYS_SIGNAL_H

#include_next <sys/signal.h>

#ifndef SA_RESTART
#define SA_RESTART   0x10000000 /* no effect: nothing is interrupted */
#define SA_NODEFER   0x40000000 /* the handler may be entered again */
#define SA_RESETHAND 0x80000000 /* once, then the default */
#endif

#endif
