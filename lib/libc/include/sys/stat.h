/* SPDX-License-Identifier: MIT */
/* newlib's <sys/stat.h>, which leaves lstat out. There are no symbolic links: lstat is stat. */
#ifndef CORDON_SYS_STAT_H
#define CORDON_SYS_STAT_H

#include_next <sys/stat.h>

#ifdef __cplusplus
extern "C" {
#endif

int lstat(const char *__restrict path, struct stat *__restrict out);

#ifdef __cplusplus
}
#endif
#endif
