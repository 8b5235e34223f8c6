/* SPDX-License-Identifier: MIT */
/* The name of the system. */
#ifndef CORDON_SYS_UTSNAME_H
#define CORDON_SYS_UTSNAME_H

#ifdef __cplusplus
extern "C" {
#endif

struct utsname {
	char sysname[16];  /* "Cordon" */
	char nodename[16]; /* "cordon" */
	char release[16];
	char version[16];
	char machine[16]; /* "x86_64" */
};

/* Returns 0. */
int uname(struct utsname *out);

#ifdef __cplusplus
}
#endif
#endif
