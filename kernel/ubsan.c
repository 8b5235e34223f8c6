/* SPDX-License-Identifier: MIT */
#include <kernel/panic.h>
#include <kernel/ubsan.h>

#define PLACE(data)  (data)->place.file, (data)->place.line, (data)->place.column
#define VALUE(value) ((unsigned long long)(value))

#define OVERFLOW(operation)                                                                 \
	_Noreturn void __ubsan_handle_##operation##_overflow_abort(                         \
	        const struct ubsan_overflow *data, ubsan_value_t left, ubsan_value_t right) \
	{                                                                                   \
		panic("%s:%u:%u: undefined: " #operation " of 0x%llx and 0x%llx overflows " \
		      "%s",                                                                 \
		      PLACE(data), VALUE(left), VALUE(right), data->type->name);            \
	}

OVERFLOW(add)
OVERFLOW(sub)
OVERFLOW(mul)
OVERFLOW(divrem)

_Noreturn void __ubsan_handle_negate_overflow_abort(const struct ubsan_overflow *data,
                                                    ubsan_value_t value)
{
	panic("%s:%u:%u: undefined: negation of 0x%llx overflows %s", PLACE(data), VALUE(value),
	      data->type->name);
}

_Noreturn void __ubsan_handle_shift_out_of_bounds_abort(const struct ubsan_shift *data,
                                                        ubsan_value_t left, ubsan_value_t right)
{
	panic("%s:%u:%u: undefined: shift of 0x%llx of type %s by 0x%llx", PLACE(data), VALUE(left),
	      data->left->name, VALUE(right));
}

_Noreturn void __ubsan_handle_out_of_bounds_abort(const struct ubsan_bounds *data,
                                                  ubsan_value_t index)
{
	panic("%s:%u:%u: undefined: index 0x%llx of %s", PLACE(data), VALUE(index),
	      data->array->name);
}

_Noreturn void __ubsan_handle_type_mismatch_v1_abort(const struct ubsan_access *data,
                                                     uintptr_t address)
{
	const char *what = "too small an object";

	if (address == 0)
		what = "null";
	else if (!is_aligned(address, UINT64_C(1) << data->align_log2))
		what = "not aligned";
	panic("%s:%u:%u: undefined: use of address 0x%llx as %s: %s", PLACE(data), VALUE(address),
	      data->type->name, what);
}

_Noreturn void __ubsan_handle_pointer_overflow_abort(const struct ubsan_other *data, uintptr_t base,
                                                     uintptr_t result)
{
	panic("%s:%u:%u: undefined: pointer 0x%llx moved to 0x%llx", PLACE(data), VALUE(base),
	      VALUE(result));
}

_Noreturn void __ubsan_handle_load_invalid_value_abort(const struct ubsan_overflow *data,
                                                       ubsan_value_t value)
{
	panic("%s:%u:%u: undefined: 0x%llx is no value of %s", PLACE(data), VALUE(value),
	      data->type->name);
}

_Noreturn void __ubsan_handle_vla_bound_not_positive_abort(const struct ubsan_overflow *data,
                                                           ubsan_value_t bound)
{
	panic("%s:%u:%u: undefined: array of 0x%llx elements", PLACE(data), VALUE(bound));
}

_Noreturn void __ubsan_handle_nonnull_arg_abort(const struct ubsan_other *data)
{
	panic("%s:%u:%u: undefined: null as an argument that must not be", PLACE(data));
}

_Noreturn void __ubsan_handle_nonnull_return_v1_abort(const void *data,
                                                      const struct ubsan_location *place)
{
	(void)data;
	panic("%s:%u:%u: undefined: null returned where it must not be", place->file, place->line,
	      place->column);
}

_Noreturn void __ubsan_handle_invalid_builtin_abort(const struct ubsan_other *data)
{
	panic("%s:%u:%u: undefined: count of zeros of zero", PLACE(data));
}

_Noreturn void __ubsan_handle_builtin_unreachable(const struct ubsan_other *data)
{
	panic("%s:%u:%u: undefined: the unreachable was reached", PLACE(data));
}
