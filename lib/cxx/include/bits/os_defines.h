/* SPDX-License-Identifier: MIT */
/*
 * libstdc++ keeps what it knows of the operating system in a header of this name. The host's
 * speaks of the host's C library. Here there is one thing to say: templates are instantiated
 * where they are used, because the library that usually holds them is not there.
 */
#ifndef _GLIBCXX_OS_DEFINES
#define _GLIBCXX_OS_DEFINES 1

#undef _GLIBCXX_EXTERN_TEMPLATE
#define _GLIBCXX_EXTERN_TEMPLATE 0

#endif
