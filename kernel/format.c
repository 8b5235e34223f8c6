/* SPDX-License-Identifier: MIT */
#include <kernel/log.h>
#include <kernel/string.h>
#include <stdbool.h>
#include <stdint.h>

/* Where the text goes. used counts on when the room is full, as snprintf reports it. */
struct output {
	char *buffer;
	size_t size;
	size_t used;
};

/* One conversion: what stood between the per cent sign and its letter. */
struct conversion {
	bool left;   /* flag - */
	bool zero;   /* flag 0 */
	bool prefix; /* flag # */
	int width;
	int precision;       /* -1: none */
	unsigned int length; /* bytes of the integer argument */
};

static void output_char(struct output *output, char c)
{
	if (output->used + 1 < output->size)
		output->buffer[output->used] = c;
	output->used++;
}

static void output_repeat(struct output *output, char c, int count)
{
	for (; count > 0; count--)
		output_char(output, c);
}

static void output_bytes(struct output *output, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		output_char(output, text[i]);
}

/* Fills a field: sign or prefix, then the body, with room before, between or behind. */
static void output_field(struct output *output, const struct conversion *conversion,
                         const char *prefix, const char *body, size_t length)
{
	size_t prefix_length = strlen(prefix);
	int fill = conversion->width - (int)(prefix_length + length);

	if (!conversion->left && !conversion->zero)
		output_repeat(output, ' ', fill);
	output_bytes(output, prefix, prefix_length);
	if (!conversion->left && conversion->zero)
		output_repeat(output, '0', fill);
	output_bytes(output, body, length);
	if (conversion->left)
		output_repeat(output, ' ', fill);
}

static void output_number(struct output *output, const struct conversion *conversion,
                          const char *prefix, uint64_t value, unsigned int base, const char *digits)
{
	char body[20]; /* 2^64 has 20 decimal digits */
	size_t at = sizeof(body);

	do {
		body[--at] = digits[value % base];
		value /= base;
	} while (value != 0);
	output_field(output, conversion, prefix, body + at, sizeof(body) - at);
}

static void output_string(struct output *output, const struct conversion *conversion,
                          const char *text)
{
	struct conversion field = *conversion;
	size_t max = conversion->precision < 0 ? SIZE_MAX : (size_t)conversion->precision;

	if (!text)
		text = "(null)";
	field.zero = false;
	output_field(output, &field, "", text, strnlen(text, max));
}

static int parse_number(const char **format)
{
	int value = 0;

	for (; **format >= '0' && **format <= '9'; (*format)++)
		if (value < 100000)
			value = value * 10 + (**format - '0');
	return value;
}

static void parse_flags(const char **format, struct conversion *conversion)
{
	for (;; (*format)++) {
		if (**format == '-')
			conversion->left = true;
		else if (**format == '0')
			conversion->zero = true;
		else if (**format == '#')
			conversion->prefix = true;
		else
			return;
	}
}

static void parse_length(const char **format, struct conversion *conversion)
{
	char letter = **format;

	conversion->length = sizeof(int);
	if (letter != 'h' && letter != 'l' && letter != 'z')
		return;
	(*format)++;
	conversion->length = letter == 'h' ? sizeof(short) : sizeof(long);
	if (letter != 'z' && **format == letter) {
		(*format)++;
		conversion->length = letter == 'h' ? sizeof(char) : sizeof(long long);
	}
}

static uint64_t unsigned_value(uint64_t value, unsigned int length)
{
	return length == 8 ? value : value & ((UINT64_C(1) << (length * 8)) - 1);
}

static int64_t signed_value(uint64_t value, unsigned int length)
{
	unsigned int unused = 64 - length * 8;

	return (int64_t)(value << unused) >> unused;
}

/* A list of arguments that can be passed on by address. */
struct arguments {
	va_list list;
};

static uint64_t argument_integer(struct arguments *arguments, unsigned int length)
{
	if (length == 8)
		return va_arg(arguments->list, unsigned long);
	return va_arg(arguments->list, unsigned int);
}

static void parse_width(const char **format, struct conversion *conversion,
                        struct arguments *arguments)
{
	if (**format == '*') {
		(*format)++;
		conversion->width = va_arg(arguments->list, int);
		if (conversion->width < 0) {
			conversion->left = true;
			conversion->width = -conversion->width;
		}
	} else {
		conversion->width = parse_number(format);
	}
	conversion->precision = -1;
	if (**format != '.')
		return;
	(*format)++;
	if (**format == '*') {
		(*format)++;
		conversion->precision = va_arg(arguments->list, int);
	} else {
		conversion->precision = parse_number(format);
	}
}

/* Writes one conversion; format points to its letter. */
static void convert(struct output *output, char letter, const struct conversion *conversion,
                    struct arguments *arguments)
{
	static const char lower[] = "0123456789abcdef";
	static const char upper[] = "0123456789ABCDEF";
	struct conversion plain = *conversion;
	uint64_t value;
	int64_t number;
	char c;

	switch (letter) {
	case 'd':
	case 'i':
		value = argument_integer(arguments, conversion->length);
		number = signed_value(value, conversion->length);
		output_number(output, conversion, number < 0 ? "-" : "",
		              number < 0 ? -(uint64_t)number : (uint64_t)number, 10, lower);
		break;
	case 'u':
	case 'x':
	case 'X':
		value = argument_integer(arguments, conversion->length);
		value = unsigned_value(value, conversion->length);
		if (letter == 'u')
			output_number(output, conversion, "", value, 10, lower);
		else
			output_number(output, conversion,
			              !conversion->prefix || value == 0 ? ""
			              : letter == 'x'                   ? "0x"
			                                                : "0X",
			              value, 16, letter == 'x' ? lower : upper);
		break;
	case 'p':
		output_number(output, conversion, "0x", (uintptr_t)va_arg(arguments->list, void *),
		              16, lower);
		break;
	case 'c':
		plain.zero = false;
		c = (char)va_arg(arguments->list, int);
		output_field(output, &plain, "", &c, 1);
		break;
	case 's':
		output_string(output, conversion, va_arg(arguments->list, const char *));
		break;
	default:
		/* Not ours: shown as it stands, so that it is noticed. */
		output_char(output, '%');
		output_char(output, letter);
		break;
	}
}

int format_text_v(char *buffer, size_t size, const char *format, va_list list)
{
	struct output output = {.buffer = buffer, .size = size};
	struct arguments arguments;

	va_copy(arguments.list, list);
	for (; *format != '\0'; format++) {
		struct conversion conversion = {0};

		if (*format != '%') {
			output_char(&output, *format);
			continue;
		}
		format++;
		if (*format == '%') {
			output_char(&output, '%');
			continue;
		}
		parse_flags(&format, &conversion);
		parse_width(&format, &conversion, &arguments);
		parse_length(&format, &conversion);
		if (*format == '\0')
			break;
		convert(&output, *format, &conversion, &arguments);
	}
	va_end(arguments.list);
	if (size > 0)
		buffer[output.used < size ? output.used : size - 1] = '\0';
	return (int)output.used;
}

int format_text(char *buffer, size_t size, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = format_text_v(buffer, size, format, arguments);
	va_end(arguments);
	return length;
}
