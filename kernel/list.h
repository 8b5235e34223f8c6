/* SPDX-License-Identifier: MIT */
/* Doubly linked lists through a member of the elements. */
#ifndef KERNEL_LIST_H
#define KERNEL_LIST_H

#include <kernel/types.h>

struct list {
	struct list *next;
	struct list *prev;
};

#define LIST_INIT(head)          \
	{                        \
		&(head), &(head) \
	}

static inline void list_init(struct list *head)
{
	head->next = head;
	head->prev = head;
}

static inline bool list_empty(const struct list *head)
{
	return head->next == head;
}

static inline void list_insert_(struct list *node, struct list *prev, struct list *next)
{
	node->next = next;
	node->prev = prev;
	prev->next = node;
	next->prev = node;
}

/* Adds after the head: first to come out. */
static inline void list_push(struct list *head, struct list *node)
{
	list_insert_(node, head, head->next);
}

/* Adds before the head: last to come out. */
static inline void list_append(struct list *head, struct list *node)
{
	list_insert_(node, head->prev, head);
}

/* Takes a node out; it is then an empty list, so taking it out twice is harmless. */
static inline void list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

#define list_entry(node, type, member) container_of(node, type, member)
#define list_first(head, type, member) list_entry((head)->next, type, member)
#define list_last(head, type, member)  list_entry((head)->prev, type, member)

#define list_for_each(item, head, member)                                    \
	for ((item) = list_entry((head)->next, __typeof__(*(item)), member); \
	     &(item)->member != (head);                                      \
	     (item) = list_entry((item)->member.next, __typeof__(*(item)), member))

/* The same, when the loop may remove the current item. */
#define list_for_each_safe(item, after, head, member)                               \
	for ((item) = list_entry((head)->next, __typeof__(*(item)), member),        \
	    (after) = list_entry((item)->member.next, __typeof__(*(item)), member); \
	     &(item)->member != (head); (item) = (after),                           \
	    (after) = list_entry((after)->member.next, __typeof__(*(after)), member))

#endif
