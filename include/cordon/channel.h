/* SPDX-License-Identifier: MIT */
/* Channels: messages of bytes and handles between two ends. */
#ifndef CORDON_CHANNEL_H
#define CORDON_CHANNEL_H

#include <cordon/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CORDON_MESSAGE_BYTES   4096u /* contents of one message at most */
#define CORDON_MESSAGE_HANDLES 16u   /* handles in one message at most */
#define CORDON_CHANNEL_DEPTH   32u   /* messages on their way to one end at most */

/* A handle on its way. Sending moves it: when the message is sent, the sender has it no more. */
struct cordon_message_handle {
	cordon_handle_t handle; /* send: the sender's; receive: the receiver's */
	uint32_t rights;        /* send: those to keep, 0 for all; receive: those it has */
	uint32_t type;          /* receive: enum cordon_object_type; send: zero */
	uint32_t reserved;      /* zero */
};
CORDON_STATIC_ASSERT(sizeof(struct cordon_message_handle) == 16, "cordon_message_handle layout");

/* What is sent, or where a message is received. */
struct cordon_message {
	uint64_t bytes;   /* address of the contents */
	uint64_t handles; /* address of struct cordon_message_handle [handle_count] */
	/* Receive: not 0 when the sender waits in channel_call for an answer. Send: 0, or that
	 * number to answer. */
	uint64_t id;
	uint32_t size;         /* receive: in: room, out: size of the contents, in bytes */
	uint32_t handle_count; /* receive: in: room, out: number of handles */
};
CORDON_STATIC_ASSERT(sizeof(struct cordon_message) == 32, "cordon_message layout");

#ifdef __cplusplus
}
#endif
#endif
