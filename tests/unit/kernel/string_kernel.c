/* SPDX-License-Identifier: MIT */
/* The kernel's string functions under other names, beside those of the host. */
#define memcpy  kernel_memcpy
#define memmove kernel_memmove
#define memset  kernel_memset
#define memcmp  kernel_memcmp
#define strlen  kernel_strlen
#define strnlen kernel_strnlen
#define strcmp  kernel_strcmp
#define strncmp kernel_strncmp
#define CORDON_STRING_ALL
/* The source itself, because the names change. */
#include "../../../kernel/string.c" /* NOLINT(bugprone-suspicious-include) */
