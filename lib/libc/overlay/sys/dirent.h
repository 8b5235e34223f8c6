/* SPDX-License-Identifier: MIT */
/*
 * Directory entries: what newlib's <dirent.h> and the functions built on it (glob) need in
 * order to compile.
 */
#ifndef CORDON_OVERLAY_SYS_DIRENT_H
#define CORDON_OVERLAY_SYS_DIRENT_H

#include <sys/types.h>

#define MAXNAMLEN 255

struct dirent {
	ino_t d_ino;
	unsigned short d_reclen;
	unsigned char d_type;
	unsigned char d_namlen;
	char d_name[MAXNAMLEN + 1];
};
#define _DIRENT_HAVE_D_NAMLEN

#define DT_UNKNOWN 0
#define DT_DIR     4
#define DT_REG     8

typedef struct cordon_directory DIR;

#endif
