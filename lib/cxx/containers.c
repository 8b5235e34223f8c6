/* SPDX-License-Identifier: MIT */
/*
 * What libstdc++'s headers leave to its library of std::list (bits/stl_list.h) and of
 * std::unordered_map and std::unordered_set (bits/hashtable_policy.h, bits/functional_hash.h).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "internal.h"

/* --- lists: rings with a node that stands for the end ------------------------------------- */

struct link {
	struct link *next;
	struct link *previous;
};

void cxx_list_hook(struct link *link,
                   struct link *before) __asm__("_ZNSt8__detail15_List_node_base7_M_hookEPS0_");
void cxx_list_hook(struct link *link, struct link *before)
{
	link->next = before;
	link->previous = before->previous;
	before->previous->next = link;
	before->previous = link;
}

void cxx_list_unhook(struct link *link) __asm__("_ZNSt8__detail15_List_node_base9_M_unhookEv");
void cxx_list_unhook(struct link *link)
{
	link->previous->next = link->next;
	link->next->previous = link->previous;
}

/* Moves [first, end), of whatever list, before a link that is not among them. */
void cxx_list_transfer(struct link *before, struct link *first, struct link *end) __asm__(
        "_ZNSt8__detail15_List_node_base11_M_transferEPS0_S1_");
void cxx_list_transfer(struct link *before, struct link *first, struct link *end)
{
	struct link *last = end->previous;

	if (before == end || first == end)
		return;
	first->previous->next = end;
	end->previous = first->previous;
	before->previous->next = first;
	first->previous = before->previous;
	last->next = before;
	before->previous = last;
}

void cxx_list_reverse(struct link *end) __asm__("_ZNSt8__detail15_List_node_base10_M_reverseEv");
void cxx_list_reverse(struct link *end)
{
	struct link *link = end;

	do {
		struct link *next = link->next;

		link->next = link->previous;
		link->previous = next;
		link = next;
	} while (link != end);
}

void cxx_list_swap(struct link *a,
                   struct link *b) __asm__("_ZNSt8__detail15_List_node_base4swapERS0_S1_");
void cxx_list_swap(struct link *a, struct link *b)
{
	struct link mark;

	/* Each ring stands still while the mark holds its place. */
	mark.next = mark.previous = &mark;
	cxx_list_transfer(&mark, a->next, a);
	cxx_list_transfer(a, b->next, b);
	cxx_list_transfer(b, mark.next, &mark);
}

/* --- hash tables: how many buckets -------------------------------------------------------- */

struct policy {
	float load;   /* elements in a bucket at most, on average */
	size_t limit; /* with more elements than this there have to be more buckets */
};

struct decision {
	bool grow;
	size_t buckets;
};

/* The greatest prime below each power of two from 4 on (OEIS A014234), by its distance: up to 2^63.
 */
static const uint8_t prime_below[] = {
        1,  1,  3,  1,   3,  1,  5,  3,   3,  9,   3,  1,  3,  19, 15, 1,  5,  1,  3,  9,  3,
        15, 3,  39, 5,   39, 57, 3,  35,  1,  5,   9,  41, 31, 5,  25, 45, 7,  87, 21, 11, 57,
        17, 55, 21, 115, 59, 81, 27, 129, 47, 111, 33, 55, 5,  13, 27, 55, 93, 1,  57, 25,
};

size_t cxx_hash_next(struct policy *policy,
                     size_t wanted) __asm__("_ZNKSt8__detail20_Prime_rehash_policy11_M_next_bktEm");
size_t cxx_hash_next(struct policy *policy, size_t wanted)
{
	size_t buckets = 0;

	if (wanted == 0)
		return 1; /* the table without memory of its own: the first element asks again */
	for (size_t i = 0; i < sizeof(prime_below) && buckets < wanted; i++)
		buckets = ((size_t)4 << i) - prime_below[i];
	if (buckets < wanted)
		cxx_end("too many buckets in a hash table");
	policy->limit = (size_t)((double)buckets * (double)policy->load);
	return buckets;
}

/* Whether a table with so many buckets and elements takes that many more. */
struct decision cxx_hash_grow(
        struct policy *policy, size_t buckets, size_t elements,
        size_t more) __asm__("_ZNKSt8__detail20_Prime_rehash_policy14_M_need_rehashEmmm");
struct decision cxx_hash_grow(struct policy *policy, size_t buckets, size_t elements, size_t more)
{
	size_t all = elements + more;
	double needed;

	if (all <= policy->limit)
		return (struct decision){false, 0};
	/* The first is to last for a while. */
	if (policy->limit == 0 && all < 11)
		all = 11;
	needed = (double)all / (double)policy->load;
	if (needed < (double)buckets) {
		policy->limit = (size_t)((double)buckets * (double)policy->load);
		return (struct decision){false, 0};
	}
	all = (size_t)needed + 1;
	return (struct decision){true,
	                         cxx_hash_next(policy, all > 2 * buckets ? all : 2 * buckets)};
}

/* --- hashes of bytes ---------------------------------------------------------------------- */

/* FNV-1a, 64 bits; the last lines spread what the last bytes did to all bits. */
size_t cxx_hash_bytes(const void *bytes, size_t size,
                      size_t seed) __asm__("_ZSt11_Hash_bytesPKvmm");
size_t cxx_hash_bytes(const void *bytes, size_t size, size_t seed)
{
	const uint8_t *byte = bytes;
	uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ seed;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
	hash ^= hash >> 32;
	hash *= UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 29;
}
