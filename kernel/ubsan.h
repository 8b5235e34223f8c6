/* SPDX-License-Identifier: MIT */
/*
 * What a kernel built with -fsanitize=undefined calls when it does what C does not define: each
 * ends in a panic with the place in the source. Names and layouts are those of gcc 12 and
 * clang 14 (compiler-rt, lib/ubsan, with -fno-sanitize-recover).
 */
#ifndef KERNEL_UBSAN_H
#define KERNEL_UBSAN_H

#include <kernel/types.h>

struct ubsan_location {
	const char *file;
	uint32_t line;
	uint32_t column;
};
_Static_assert(sizeof(struct ubsan_location) == 16, "SourceLocation");

struct ubsan_type {
	uint16_t kind; /* 0: integer */
	uint16_t info; /* bit 0: signed; above: log2 of the bits */
	char name[];   /* quoted */
};

/* Values of at most 64 bits are passed as they are, others by address. */
typedef uint64_t ubsan_value_t;

struct ubsan_overflow {
	struct ubsan_location place;
	const struct ubsan_type *type;
};

struct ubsan_shift {
	struct ubsan_location place;
	const struct ubsan_type *left;
	const struct ubsan_type *right;
};

struct ubsan_bounds {
	struct ubsan_location place;
	const struct ubsan_type *array;
	const struct ubsan_type *index;
};

struct ubsan_access {
	struct ubsan_location place;
	const struct ubsan_type *type;
	uint8_t align_log2;
	uint8_t kind; /* load, store, ... */
};

/* Others begin with their place and need no more than that. */
struct ubsan_other {
	struct ubsan_location place;
};

_Noreturn void __ubsan_handle_add_overflow_abort(const struct ubsan_overflow *data,
                                                 ubsan_value_t left, ubsan_value_t right);
_Noreturn void __ubsan_handle_sub_overflow_abort(const struct ubsan_overflow *data,
                                                 ubsan_value_t left, ubsan_value_t right);
_Noreturn void __ubsan_handle_mul_overflow_abort(const struct ubsan_overflow *data,
                                                 ubsan_value_t left, ubsan_value_t right);
_Noreturn void __ubsan_handle_divrem_overflow_abort(const struct ubsan_overflow *data,
                                                    ubsan_value_t left, ubsan_value_t right);
_Noreturn void __ubsan_handle_negate_overflow_abort(const struct ubsan_overflow *data,
                                                    ubsan_value_t value);
_Noreturn void __ubsan_handle_shift_out_of_bounds_abort(const struct ubsan_shift *data,
                                                        ubsan_value_t left, ubsan_value_t right);
_Noreturn void __ubsan_handle_out_of_bounds_abort(const struct ubsan_bounds *data,
                                                  ubsan_value_t index);
_Noreturn void __ubsan_handle_type_mismatch_v1_abort(const struct ubsan_access *data,
                                                     uintptr_t address);
_Noreturn void __ubsan_handle_pointer_overflow_abort(const struct ubsan_other *data, uintptr_t base,
                                                     uintptr_t result);
_Noreturn void __ubsan_handle_load_invalid_value_abort(const struct ubsan_overflow *data,
                                                       ubsan_value_t value);
_Noreturn void __ubsan_handle_vla_bound_not_positive_abort(const struct ubsan_overflow *data,
                                                           ubsan_value_t bound);
_Noreturn void __ubsan_handle_nonnull_arg_abort(const struct ubsan_other *data);
_Noreturn void __ubsan_handle_nonnull_return_v1_abort(const void *data,
                                                      const struct ubsan_location *place);
_Noreturn void __ubsan_handle_invalid_builtin_abort(const struct ubsan_other *data);
_Noreturn void __ubsan_handle_builtin_unreachable(const struct ubsan_other *data);

#endif
