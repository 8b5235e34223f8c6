# SPDX-License-Identifier: MIT
#
# What C++ programs built with the SDK are given: new and delete, guards of local statics, an
# end for what would be an exception, and what the headers of libstdc++ leave to its library.

LIBCXX_SRCS += lib/cxx/runtime.c \
	       lib/cxx/tree.c \
	       lib/cxx/containers.c \
	       lib/cxx/threads.c
