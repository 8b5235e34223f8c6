/* SPDX-License-Identifier: MIT */
/*
 * What the host's libstdc++ found out about the host when it was built, without what is true
 * there and not here.
 */
#include_next <bits/c++config.h>

#undef _GLIBCXX_HAVE_LINUX_FUTEX
#undef _GLIBCXX_USE_PTHREAD_MUTEX_CLOCKLOCK
#undef _GLIBCXX_USE_PTHREAD_RWLOCK_CLOCKLOCK
