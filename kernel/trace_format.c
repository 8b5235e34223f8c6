/* SPDX-License-Identifier: MIT */
#include <kernel/trace_format.h>

#include <arch/percpu.h>

#include <kernel/log.h>
#include <kernel/string.h>
#include <kernel/syscall.h>
#include <kernel/trace_table.h>
#include <kernel/user.h>

#define ELEMENTS_MAX 4u   /* of a list that are shown */
#define BYTES_MAX    32u  /* of a string */
#define STRUCT_MAX   256u /* the largest structure that is read */
#define DECIMAL_MAX  4096u

#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_US UINT64_C(1000)

static const char cut[] = "...";

struct text {
	char *bytes;
	size_t size;
	size_t used;
};

static void put(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Once something did not fit, nothing is added any more. */
static void put(struct text *text, const char *format, ...)
{
	size_t room = text->size - text->used;
	va_list arguments;
	int length;

	if (room == 0)
		return;
	va_start(arguments, format);
	length = format_text_v(text->bytes + text->used, room, format, arguments);
	va_end(arguments);
	text->used += (size_t)length < room ? (size_t)length : room;
}

/* Ends the text; returns its length. */
static size_t finish(struct text *text)
{
	if (text->used == text->size) {
		memcpy(text->bytes + text->size - sizeof(cut), cut, sizeof(cut));
		text->used = text->size - 1;
	}
	return text->used;
}

static uint64_t number_at(const void *at, size_t size)
{
	uint64_t value = 0;

	memcpy(&value, at, size);
	return value;
}

static int64_t sign_extended(uint64_t value, size_t size)
{
	return size == sizeof(uint32_t) ? (int32_t)value : (int64_t)value;
}

/* The names of the bits that are set, and the rest as a number. */
static void put_flags(struct text *text, const struct trace_names *names, uint64_t value)
{
	const char *between = "";

	if (value == 0)
		put(text, "0");
	for (uint32_t i = 0; i < names->count; i++) {
		if (!(value & names->list[i].value))
			continue;
		put(text, "%s%s", between, names->list[i].text);
		value &= ~(uint64_t)names->list[i].value;
		between = "|";
	}
	if (value)
		put(text, "%s%#llx", between, (unsigned long long)value);
}

static void put_names(struct text *text, const struct trace_names *names, uint64_t value)
{
	if (names->flags) {
		put_flags(text, names, value);
		return;
	}
	for (uint32_t i = 0; i < names->count; i++)
		if (names->list[i].value == value) {
			put(text, "%s", names->list[i].text);
			return;
		}
	put(text, "%llu", (unsigned long long)value);
}

static void put_deadline(struct text *text, uint64_t deadline)
{
	if (deadline == CORDON_TIME_POLL)
		put(text, "POLL");
	else if (deadline == CORDON_TIME_FOREVER)
		put(text, "FOREVER");
	else
		put(text, "%llu.%06llu", (unsigned long long)(deadline / NS_PER_S),
		    (unsigned long long)(deadline % NS_PER_S / NS_PER_US));
}

static void put_bdf(struct text *text, uint32_t bdf)
{
	if (bdf == CORDON_BDF_NONE)
		put(text, "NONE");
	else
		put(text, "%04x:%02x:%02x.%u", bdf >> 16, bdf >> 8 & 0xff, bdf >> 3 & 0x1f,
		    bdf & 7);
}

static void put_number(struct text *text, enum trace_kind kind, const void *table, uint64_t value,
                       size_t size)
{
	switch (kind) {
	case TRACE_NAMES:
		put_names(text, table, value);
		break;
	case TRACE_DEADLINE:
		put_deadline(text, value);
		break;
	case TRACE_BDF:
		put_bdf(text, (uint32_t)value);
		break;
	case TRACE_HANDLE:
		if ((int32_t)value == CORDON_HANDLE_NONE)
			put(text, "NONE");
		else
			put(text, "%d", (int32_t)value);
		break;
	case TRACE_SIGNED:
		put(text, "%lld", (long long)sign_extended(value, size));
		break;
	default:
		put(text, value < DECIMAL_MAX ? "%llu" : "%#llx", (unsigned long long)value);
	}
}

static void put_bytes(struct text *text, const char *bytes, size_t size)
{
	put(text, "\"");
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] == '\n')
			put(text, "\\n");
		else if (bytes[i] == '"' || bytes[i] == '\\')
			put(text, "\\%c", bytes[i]);
		else if (bytes[i] < ' ' || bytes[i] > '~')
			put(text, "\\x%02x", (uint8_t)bytes[i]);
		else
			put(text, "%c", bytes[i]);
	}
	put(text, "\"");
}

/* A structure's members but those that are zero; structures within it, too. */
static void put_struct(struct text *text, const struct trace_type *type, const uint8_t *at)
{
	static const uint8_t zeros[STRUCT_MAX];
	const char *between = "";

	put(text, "{");
	for (uint32_t i = 0; i < type->count; i++) {
		const struct trace_member *member = &type->members[i];
		const uint8_t *value = at + member->offset;

		if (memcmp(value, zeros, member->size) == 0)
			continue;
		put(text, "%s%s=", between, member->name);
		between = ", ";
		if (member->kind == TRACE_STRUCT)
			put_struct(text, member->table, value);
		else if (member->kind == TRACE_TEXT)
			put_bytes(text, (const char *)value,
			          strnlen((const char *)value, member->size));
		else
			put_number(text, member->kind, member->table,
			           number_at(value, member->size), member->size);
	}
	put(text, "}");
}

/* --- arguments ------------------------------------------------------------------------------- */

static void put_string(struct text *text, uint64_t address, uint64_t size)
{
	char bytes[BYTES_MAX];
	uint64_t shown = min_u64(size, sizeof(bytes));

	if (user_read(bytes, uaddr(address), shown)) {
		put(text, "%#llx", (unsigned long long)address);
		return;
	}
	put_bytes(text, bytes, shown);
	if (shown < size)
		put(text, "%s", cut);
}

static void put_element(struct text *text, const struct trace_argument *argument, uint64_t address)
{
	uint8_t element[STRUCT_MAX];

	if (argument->size > sizeof(element) || user_read(element, uaddr(address), argument->size))
		put(text, "%#llx", (unsigned long long)address);
	else if (argument->kind == TRACE_STRUCT)
		put_struct(text, argument->table, element);
	else
		put_number(text, (enum trace_kind)argument->kind, argument->table,
		           number_at(element, argument->size), argument->size);
}

static void put_elements(struct text *text, const struct trace_argument *argument, uint64_t address,
                         uint64_t count)
{
	put(text, "[");
	for (uint64_t i = 0; i < count; i++) {
		if (i == ELEMENTS_MAX) {
			put(text, ", %s", cut);
			break;
		}
		put(text, "%s", i ? ", " : "");
		put_element(text, argument, address + i * argument->size);
	}
	put(text, "]");
}

/* What a pointer leads to; count: elements or bytes. */
static void put_contents(struct text *text, const struct trace_argument *argument, uint64_t address,
                         uint64_t count)
{
	if (address == 0)
		put(text, "0");
	else if (argument->kind == TRACE_BYTES)
		put_string(text, address, count);
	else if (argument->counted || argument->elements > 1)
		put_elements(text, argument, address, count);
	else
		put_element(text, argument, address);
}

/* The value of an argument: an upper half that the call does not see is left out. */
static uint64_t value_of(const struct trace_argument *argument, uint64_t value)
{
	return argument->size == sizeof(uint32_t) ? (uint32_t)value : value;
}

static uint64_t count_of(const struct trace_call *call, const struct trace_argument *argument,
                         const uint64_t arguments[TRACE_ARGUMENTS])
{
	uint32_t index = argument->counted;

	return index ? value_of(&call->arguments[index], arguments[index]) : argument->elements;
}

/* Neither traced bytes nor structures may make a stack grow: a trace changes nothing. */
static bool copies_begin(void)
{
	bool before = percpu()->copies_grow_nothing;

	percpu()->copies_grow_nothing = true;
	return before;
}

static void copies_end(bool before)
{
	percpu()->copies_grow_nothing = before;
}

static const struct trace_call *call_of(uint64_t number)
{
	static const struct trace_call none;

	return number < LENGTH(trace_calls) ? &trace_calls[number] : &none;
}

size_t trace_format_call(char *bytes, size_t size, uint64_t number,
                         const uint64_t arguments[TRACE_ARGUMENTS])
{
	const struct trace_call *call = call_of(number);
	struct text text = {.bytes = bytes, .size = size};
	const char *name = syscall_name(number);
	bool before = copies_begin();

	if (name)
		put(&text, "%s(", name);
	else
		put(&text, "call %llu(", (unsigned long long)number);
	for (uint32_t i = 0; i < call->count; i++) {
		const struct trace_argument *argument = &call->arguments[i];

		put(&text, "%s%s=", i ? ", " : "", argument->name);
		if (argument->way == TRACE_VALUE)
			put_number(&text, (enum trace_kind)argument->kind, argument->table,
			           value_of(argument, arguments[i]), argument->size);
		else if (argument->way == TRACE_OUT)
			put(&text, "%#llx", (unsigned long long)arguments[i]);
		else
			put_contents(&text, argument, arguments[i],
			             count_of(call, argument, arguments));
	}
	put(&text, ")");
	copies_end(before);
	return finish(&text);
}

static void put_error(struct text *text, int64_t result)
{
	for (size_t i = 0; i < LENGTH(trace_errors); i++)
		if (trace_errors[i].value == (uint64_t)-result) {
			put(text, "-%s", trace_errors[i].text);
			return;
		}
	put(text, "%lld", (long long)result);
}

/* How much of what an argument leads to was stored by a call that returned result. */
static uint64_t count_stored(const struct trace_call *call, const struct trace_argument *argument,
                             const uint64_t arguments[TRACE_ARGUMENTS], int64_t result)
{
	uint64_t count = count_of(call, argument, arguments);

	/* Bytes and records that only go out: as many as the call says. */
	if (argument->counted && argument->way == TRACE_OUT)
		return min_u64(count, (uint64_t)result);
	return count;
}

size_t trace_format_result(char *bytes, size_t size, uint64_t number,
                           const uint64_t arguments[TRACE_ARGUMENTS], int64_t result)
{
	const struct trace_call *call = call_of(number);
	struct text text = {.bytes = bytes, .size = size};
	const char *between = " (";
	bool before = copies_begin();

	if (result < 0)
		put_error(&text, result);
	else
		put(&text, result < DECIMAL_MAX ? "%llu" : "%#llx", (unsigned long long)result);
	for (uint32_t i = 0; result >= 0 && i < call->count; i++) {
		const struct trace_argument *argument = &call->arguments[i];
		uint64_t count = count_stored(call, argument, arguments, result);

		if (argument->way < TRACE_OUT || arguments[i] == 0 || count == 0)
			continue;
		put(&text, "%s%s=", between, argument->name);
		between = ", ";
		put_contents(&text, argument, arguments[i], count);
	}
	if (between[0] == ',')
		put(&text, ")");
	copies_end(before);
	return finish(&text);
}

bool trace_may_wait(uint64_t number, const uint64_t arguments[TRACE_ARGUMENTS])
{
	const struct trace_call *call = call_of(number);

	for (uint32_t i = 0; i < call->count; i++)
		if (call->arguments[i].kind == TRACE_DEADLINE)
			return arguments[i] != CORDON_TIME_POLL;
	return false;
}
