/* SPDX-License-Identifier: MIT */
/* Internet addresses as text. */
#ifndef CORDON_ARPA_INET_H
#define CORDON_ARPA_INET_H

#include <netinet/in.h>

#ifdef __cplusplus
extern "C" {
#endif

/* "192.0.2.1", also with fewer parts, octal and hexadecimal as in C. Returns 1, or 0 for other
 * text. */
int inet_aton(const char *text, struct in_addr *out);

/* The same as a number in the order of the network; INADDR_NONE for other text. */
in_addr_t inet_addr(const char *text);

/* As text in memory that the next call uses again. */
char *inet_ntoa(struct in_addr address);

/* Exactly four decimal parts (AF_INET, to a struct in_addr), or an IPv6 address (RFC 4291, 2.2; to
 * a struct in6_addr). Returns 1, 0 for other text, or -1 and errno EAFNOSUPPORT. */
int inet_pton(int family, const char *text, void *out);

/* As text of at most size bytes (RFC 5952 for IPv6). Returns out, or NULL and errno: EAFNOSUPPORT,
 * ENOSPC. */
const char *inet_ntop(int family, const void *address, char *out, socklen_t size);

#ifdef __cplusplus
}
#endif
#endif
