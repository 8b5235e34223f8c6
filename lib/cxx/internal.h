/* SPDX-License-Identifier: MIT */
/* What the parts of the C++ runtime share. */
#ifndef CXX_INTERNAL_H
#define CXX_INTERNAL_H

/* Ends the program with a message, where others would throw. */
void cxx_end(const char *why) __attribute__((noreturn));

#endif
