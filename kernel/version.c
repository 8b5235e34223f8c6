/* SPDX-License-Identifier: MIT */
#include <kernel/version.h>

/* From the Makefile (tools/version.sh), for this file alone: nothing else is compiled anew for it.
 */
#ifndef CORDON_VERSION
#define CORDON_VERSION "without a version"
#endif

#if defined(CORDON_ASAN) && CORDON_ASAN
#define BUILD "debug, with the address sanitizer"
#elif defined(CORDON_DEBUG) && CORDON_DEBUG
#define BUILD "debug"
#else
#define BUILD "release"
#endif

#if defined(__clang__)
#define COMPILER "compiled by" /* the version begins with the name */
#else
#define COMPILER "compiled by gcc"
#endif

const char version_text[] = "Cordon " CORDON_VERSION ", " BUILD ", " COMPILER " " __VERSION__;
