/* SPDX-License-Identifier: MIT */
/*
 * Proof, when this file is compiled, that the kernel's error numbers are newlib's. First the
 * kernel's branch of <cordon/errno.h> is read, then newlib's <errno.h>.
 */
#define CORDON_ERRNO_KERNEL
#include <cordon/errno.h>

/* clang-format off */
#define SHARED_ERRORS(X) \
	X(EPERM) X(ENOENT) X(EINTR) X(EIO) X(ENXIO) X(E2BIG) \
	X(ENOEXEC) X(EBADF) X(EAGAIN) X(ENOMEM) X(EACCES) X(EFAULT) \
	X(EBUSY) X(EEXIST) X(EXDEV) X(ENODEV) X(EINVAL) X(EMFILE) \
	X(ENOTTY) X(EFBIG) X(ENOSPC) X(EPIPE) X(ERANGE) X(ENOSYS) \
	X(ENAMETOOLONG) X(ELOOP) X(EOPNOTSUPP) X(ECANCELED) X(ETIMEDOUT) X(EALREADY) X(EMSGSIZE) \
	X(EOVERFLOW)
/* clang-format on */

#define KERNEL_NUMBER(name) KERNEL_##name = name,
enum { SHARED_ERRORS(KERNEL_NUMBER) };

#undef EPERM
#undef ENOENT
#undef EINTR
#undef EIO
#undef ENXIO
#undef E2BIG
#undef ENOEXEC
#undef EBADF
#undef EAGAIN
#undef ENOMEM
#undef EACCES
#undef EFAULT
#undef EBUSY
#undef EEXIST
#undef EXDEV
#undef ENODEV
#undef EINVAL
#undef EMFILE
#undef ENOTTY
#undef EFBIG
#undef ENOSPC
#undef EPIPE
#undef ERANGE
#undef ENOSYS
#undef ENAMETOOLONG
#undef ELOOP
#undef EOPNOTSUPP
#undef ECANCELED
#undef ETIMEDOUT
#undef EALREADY
#undef EMSGSIZE
#undef EOVERFLOW

#include <errno.h>

#define SAME_NUMBER(name) _Static_assert(KERNEL_##name == name, #name " differs from newlib's");
SHARED_ERRORS(SAME_NUMBER)
