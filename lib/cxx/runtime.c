/* SPDX-License-Identifier: MIT */
/*
 * What a C++ compiler calls (Itanium C++ ABI), and what the headers of libstdc++ call where a
 * hosted system would throw. There are no exceptions: such a program ends with a message. The
 * functions carry their C++ names as the linker sees them; the comment before each says which.
 */
#include <malloc.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cordon/rt.h>

#include "internal.h"

void cxx_end(const char *why)
{
	fprintf(stderr, "C++: %s\n", why);
	abort();
}

/* --- new and delete --------------------------------------------------------------------- */

static void *allocate(size_t size, size_t align)
{
	void *memory = size == 0 ? malloc(1) : align == 0 ? malloc(size) : memalign(align, size);

	if (!memory)
		cxx_end("out of memory in operator new");
	return memory;
}

#define CXX_NEW(name, mangled)                    \
	void *name(size_t size) __asm__(mangled); \
	void *name(size_t size)                   \
	{                                         \
		return allocate(size, 0);         \
	}
#define CXX_NEW_ALIGNED(name, mangled)                          \
	void *name(size_t size, size_t align) __asm__(mangled); \
	void *name(size_t size, size_t align)                   \
	{                                                       \
		return allocate(size, align);                   \
	}
#define CXX_NEW_NOTHROW(name, mangled)                                 \
	void *name(size_t size, const void *nothrow) __asm__(mangled); \
	void *name(size_t size, const void *nothrow)                   \
	{                                                              \
		(void)nothrow;                                         \
		return malloc(size == 0 ? 1 : size);                   \
	}
/* std::nothrow, by whose type such a new is chosen */
extern const char cxx_nothrow __asm__("_ZSt7nothrow");
const char cxx_nothrow;

/* The sized and aligned forms have more parameters, which free() does not need. */
#define CXX_DELETE(name, mangled)                 \
	void name(void *memory) __asm__(mangled); \
	void name(void *memory)                   \
	{                                         \
		free(memory);                     \
	}

CXX_NEW(cxx_new, "_Znwm")                                      /* new(size) */
CXX_NEW(cxx_new_array, "_Znam")                                /* new[](size) */
CXX_NEW_ALIGNED(cxx_new_aligned, "_ZnwmSt11align_val_t")       /* new(size, align) */
CXX_NEW_ALIGNED(cxx_new_array_aligned, "_ZnamSt11align_val_t") /* new[](size, align) */
CXX_NEW_NOTHROW(cxx_new_nothrow, "_ZnwmRKSt9nothrow_t")        /* new(size, nothrow) */
CXX_NEW_NOTHROW(cxx_new_array_nothrow, "_ZnamRKSt9nothrow_t")  /* new[](size, nothrow) */
CXX_DELETE(cxx_delete, "_ZdlPv")                               /* delete(p) */
CXX_DELETE(cxx_delete_array, "_ZdaPv")                         /* delete[](p) */
CXX_DELETE(cxx_delete_sized, "_ZdlPvm")                        /* delete(p, size) */
CXX_DELETE(cxx_delete_array_sized, "_ZdaPvm")                  /* delete[](p, size) */
CXX_DELETE(cxx_delete_aligned, "_ZdlPvSt11align_val_t")        /* delete(p, align) */
CXX_DELETE(cxx_delete_array_aligned, "_ZdaPvSt11align_val_t")  /* delete[](p, align) */
CXX_DELETE(cxx_delete_both, "_ZdlPvmSt11align_val_t")          /* delete(p, size, align) */
CXX_DELETE(cxx_delete_array_both, "_ZdaPvmSt11align_val_t")    /* delete[](p, size, align) */

/* --- the compiler's own calls ------------------------------------------------------------ */

/* The call of a pure virtual function (section 3.2.6). */
void cxx_pure_virtual(void) __asm__("__cxa_pure_virtual");
void cxx_pure_virtual(void)
{
	cxx_end("a pure virtual function was called");
}

/* Names the program among shared libraries when destructors are registered (section 3.3.5). */
extern void *const cxx_dso_handle __asm__("__dso_handle");
__attribute__((visibility("hidden"))) void *const cxx_dso_handle = NULL;

/*
 * Local statics (section 3.3.3): the compiler reads byte 0 of the guard, not 0: constructed.
 * Byte 1 is ours: somebody is constructing.
 */
int cxx_guard_acquire(uint8_t *guard) __asm__("__cxa_guard_acquire");
int cxx_guard_acquire(uint8_t *guard)
{
	while (!__atomic_load_n(&guard[0], __ATOMIC_ACQUIRE)) {
		if (!__atomic_exchange_n(&guard[1], 1, __ATOMIC_ACQUIRE)) {
			if (!__atomic_load_n(&guard[0], __ATOMIC_ACQUIRE))
				return 1;
			__atomic_store_n(&guard[1], 0, __ATOMIC_RELEASE);
			return 0;
		}
		cordon_thread_yield();
	}
	return 0;
}

void cxx_guard_release(uint8_t *guard) __asm__("__cxa_guard_release");
void cxx_guard_release(uint8_t *guard)
{
	__atomic_store_n(&guard[0], 1, __ATOMIC_RELEASE);
	__atomic_store_n(&guard[1], 0, __ATOMIC_RELEASE);
}

/* --- what libstdc++'s headers would throw ------------------------------------------------ */

#define CXX_THROW(name, mangled)                      \
	void name(const char *what) __asm__(mangled); \
	void name(const char *what)                   \
	{                                             \
		cxx_end(what);                        \
	}
#define CXX_THROW_PLAIN(name, mangled, what) \
	void name(void) __asm__(mangled);    \
	void name(void)                      \
	{                                    \
		cxx_end(what);               \
	}

CXX_THROW(cxx_logic_error, "_ZSt19__throw_logic_errorPKc")
CXX_THROW(cxx_length_error, "_ZSt20__throw_length_errorPKc")
CXX_THROW(cxx_out_of_range, "_ZSt20__throw_out_of_rangePKc")
CXX_THROW(cxx_invalid_argument, "_ZSt24__throw_invalid_argumentPKc")
CXX_THROW(cxx_domain_error, "_ZSt20__throw_domain_errorPKc")
CXX_THROW(cxx_range_error, "_ZSt19__throw_range_errorPKc")
CXX_THROW(cxx_overflow_error, "_ZSt22__throw_overflow_errorPKc")
CXX_THROW(cxx_runtime_error, "_ZSt21__throw_runtime_errorPKc")
CXX_THROW_PLAIN(cxx_bad_alloc, "_ZSt17__throw_bad_allocv", "bad_alloc")
CXX_THROW_PLAIN(cxx_bad_length, "_ZSt28__throw_bad_array_new_lengthv", "bad_array_new_length")
CXX_THROW_PLAIN(cxx_bad_cast, "_ZSt16__throw_bad_castv", "bad_cast")
CXX_THROW_PLAIN(cxx_bad_call, "_ZSt25__throw_bad_function_callv", "bad_function_call")

/* std::__throw_out_of_range_fmt(const char *, ...) */
void cxx_out_of_range_format(const char *format, ...) __asm__("_ZSt24__throw_out_of_range_fmtPKcz");
void cxx_out_of_range_format(const char *format, ...)
{
	char text[128];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	cxx_end(text);
}

/* std::_Sp_make_shared_tag::_S_eq(const type_info &): what std::make_shared asks for goes by
 * address where there are no types at run time, and that was compared before. */
_Bool cxx_is_make_shared(const void *type) __asm__(
        "_ZNSt19_Sp_make_shared_tag5_S_eqERKSt9type_info");
_Bool cxx_is_make_shared(const void *type)
{
	(void)type;
	return 0;
}
