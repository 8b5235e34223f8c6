/* SPDX-License-Identifier: MIT */
/* Internet addresses to and from text. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROUPS 8 /* of 16 bits in an IPv6 address */

/* --- IPv4 --- */

/* One part of inet_aton's text: a number as in C, and a digit first. */
static bool part_read(const char **text, uint64_t *out)
{
	char *end;

	if (**text < '0' || **text > '9')
		return false;
	errno = 0;
	*out = strtoull(*text, &end, 0);
	if (errno != 0 || end == *text)
		return false;
	*text = end;
	return true;
}

static bool is_end(char c)
{
	return c == '\0' || c == ' ' || (c >= '\t' && c <= '\r');
}

/* The last part holds all the bytes that are left. */
static bool address_read(const char *text, uint32_t *out)
{
	uint64_t value = 0;
	uint64_t part;
	int bytes = 4;

	for (;;) {
		if (!part_read(&text, &part))
			return false;
		if (*text != '.')
			break;
		if (part > 255 || --bytes == 0)
			return false;
		value = value << 8 | part;
		text++;
	}
	if (!is_end(*text) || part >> (8 * bytes) != 0)
		return false;
	*out = (uint32_t)(value << (8 * bytes) | part);
	return true;
}

int inet_aton(const char *text, struct in_addr *out)
{
	int before = errno;
	uint32_t address;
	bool good = address_read(text, &address);

	errno = before;
	if (good && out != NULL)
		out->s_addr = htonl(address);
	return good;
}

in_addr_t inet_addr(const char *text)
{
	struct in_addr address;

	return inet_aton(text, &address) ? address.s_addr : INADDR_NONE;
}

char *inet_ntoa(struct in_addr address)
{
	static char text[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &address, text, sizeof(text));
	return text;
}

/* Four decimal numbers without leading zeros. */
static bool dotted_read(const char *text, uint8_t out[4])
{
	for (int i = 0; i < 4; i++) {
		unsigned int value = 0;
		int digits = 0;

		for (; *text >= '0' && *text <= '9' && digits < 3; digits++)
			value = 10 * value + (unsigned int)(*text++ - '0');
		if (digits == 0 || value > 255 || (digits > 1 && text[-digits] == '0'))
			return false;
		if (*text++ != (i < 3 ? '.' : '\0'))
			return false;
		out[i] = (uint8_t)value;
	}
	return true;
}

/* --- IPv6 --- */

struct reader {
	uint16_t groups[GROUPS];
	int count;
	int gap; /* where "::" is; -1: nowhere */
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* One to four digits. Returns what is behind them, or NULL. */
static const char *group_read(struct reader *reader, const char *text)
{
	unsigned int value = 0;
	int digits = 0;

	for (; digits < 4 && hex_digit(*text) >= 0; digits++)
		value = value << 4 | (unsigned int)hex_digit(*text++);
	if (digits == 0 || reader->count == GROUPS)
		return NULL;
	reader->groups[reader->count++] = (uint16_t)value;
	return text;
}

/* An IPv4 address at the end stands for two groups. */
static bool tail_read(struct reader *reader, const char *text)
{
	uint8_t bytes[4];

	if (reader->count > GROUPS - 2 || !dotted_read(text, bytes))
		return false;
	reader->groups[reader->count++] = (uint16_t)(bytes[0] << 8 | bytes[1]);
	reader->groups[reader->count++] = (uint16_t)(bytes[2] << 8 | bytes[3]);
	return true;
}

static bool groups_read(struct reader *reader, const char *text)
{
	if (text[0] == ':' && text[1] != ':')
		return false;
	while (*text != '\0') {
		const char *start;

		if (text[0] == ':' && text[1] == ':') {
			if (reader->gap >= 0 || text[2] == ':')
				return false;
			reader->gap = reader->count;
			text += 2;
			continue;
		}
		if (*text == ':')
			text++;
		start = text;
		text = group_read(reader, start);
		if (text == NULL)
			return false;
		if (*text == '.') {
			reader->count--;
			return tail_read(reader, start);
		}
		if (*text != ':' && *text != '\0')
			return false;
	}
	return true;
}

static int groups_place(const struct reader *reader, struct in6_addr *out)
{
	int behind = reader->gap >= 0 ? reader->count - reader->gap : 0;

	if (reader->gap >= 0 ? reader->count == GROUPS : reader->count != GROUPS)
		return 0;
	memset(out, 0, sizeof(*out));
	for (int i = 0; i < reader->count - behind; i++)
		out->s6_addr16[i] = htons(reader->groups[i]);
	for (int i = 0; i < behind; i++)
		out->s6_addr16[GROUPS - behind + i] = htons(reader->groups[reader->gap + i]);
	return 1;
}

/* The longest run of zero groups, at least two: *first and its length, or 0. */
static int longest_run(const struct in6_addr *address, int *first)
{
	int best = 1;

	*first = -1;
	for (int i = 0; i < GROUPS; i++) {
		int length = 0;

		while (i + length < GROUPS && address->s6_addr16[i + length] == 0)
			length++;
		if (length > best) {
			best = length;
			*first = i;
		}
	}
	return *first >= 0 ? best : 0;
}

/* ::a.b.c.d and ::ffff:a.b.c.d, with so many zero groups first, show their IPv4 part. */
static bool shows_ipv4(const struct in6_addr *address, int run)
{
	return run == 6 || (run == 5 && address->s6_addr16[5] == 0xffff);
}

static void ipv6_write(const struct in6_addr *address, char out[INET6_ADDRSTRLEN])
{
	int first;
	int run = longest_run(address, &first);
	bool ipv4 = first == 0 && shows_ipv4(address, run);
	const uint8_t *last = &address->s6_addr[12];

	for (int i = 0; i < (ipv4 ? GROUPS - 2 : GROUPS); i++) {
		if (i == first) {
			*out++ = ':';
			i += run - 1;
			continue;
		}
		if (i > 0)
			*out++ = ':';
		out += sprintf(out, "%x", ntohs(address->s6_addr16[i]));
	}
	if (first >= 0 && first + run == GROUPS)
		*out++ = ':';
	*out = '\0';
	if (ipv4)
		sprintf(out, ":%u.%u.%u.%u", last[0], last[1], last[2], last[3]);
}

/* --- both --- */

int inet_pton(int family, const char *text, void *out)
{
	struct reader reader = {.gap = -1};
	uint8_t bytes[4];

	switch (family) {
	case AF_INET:
		if (!dotted_read(text, bytes))
			return 0;
		memcpy(out, bytes, sizeof(bytes));
		return 1;
	case AF_INET6:
		return groups_read(&reader, text) ? groups_place(&reader, out) : 0;
	default:
		errno = EAFNOSUPPORT;
		return -1;
	}
}

const char *inet_ntop(int family, const void *address, char *out, socklen_t size)
{
	char text[INET6_ADDRSTRLEN];
	const uint8_t *bytes = address;
	struct in6_addr copy;

	if (family == AF_INET) {
		sprintf(text, "%u.%u.%u.%u", bytes[0], bytes[1], bytes[2], bytes[3]);
	} else if (family == AF_INET6) {
		memcpy(&copy, address, sizeof(copy));
		ipv6_write(&copy, text);
	} else {
		errno = EAFNOSUPPORT;
		return NULL;
	}
	if (strlen(text) >= size) {
		errno = ENOSPC;
		return NULL;
	}
	return strcpy(out, text);
}
