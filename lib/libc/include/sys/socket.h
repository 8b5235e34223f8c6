/* SPDX-License-Identifier: MIT */
/* Types of socket addresses, for programs that keep or print them. There are no sockets. */
#ifndef CORDON_SYS_SOCKET_H
#define CORDON_SYS_SOCKET_H

#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define AF_UNSPEC 0
#define AF_UNIX   1
#define AF_LOCAL  AF_UNIX
#define AF_INET   2
#define AF_INET6  10

typedef uint16_t sa_family_t;
#ifndef _SOCKLEN_T_DECLARED
#define _SOCKLEN_T_DECLARED
typedef uint32_t socklen_t;
#endif

struct sockaddr {
	sa_family_t sa_family;
	char sa_data[14];
};

/* As large as any address, and aligned for it. */
struct sockaddr_storage {
	sa_family_t ss_family;
	char cordon_data[118];
	uint64_t cordon_align;
};

#ifdef __cplusplus
}
#endif
#endif
