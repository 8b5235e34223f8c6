# SPDX-License-Identifier: MIT
#
# What C++ programs built with the SDK are given: new and delete, guards of local statics, an
# end for what would be an exception.

LIBCXX_SRCS += lib/cxx/runtime.c
