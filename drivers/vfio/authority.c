/* SPDX-License-Identifier: MIT */
/* The device authority: an object without state, whose handles are what counts. */
#include <cordon/errno.h>
#include <drivers/vfio/vfio.h>
#include <kernel/heap.h>

static void authority_destroy(struct object *object)
{
	heap_free(object);
}

static const struct object_ops authority_ops = {
        .name = "authority",
        .type = CORDON_OBJECT_AUTHORITY,
        .rights = CORDON_RIGHT_MANAGE | CORDON_RIGHT_INSPECT | CORDON_RIGHT_DUP |
                  CORDON_RIGHT_TRANSFER,
        .destroy = authority_destroy,
};

int authority_create(struct object **out)
{
	struct object *object = heap_alloc(sizeof(*object));

	if (!object)
		return -ENOMEM;
	object_init(object, &authority_ops);
	*out = object;
	return 0;
}
