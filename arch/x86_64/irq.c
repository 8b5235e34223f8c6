/* SPDX-License-Identifier: MIT */
/* Vectors and their handlers. */
#include <arch/irq.h>
#include <arch/percpu.h>
#include <arch/smp.h>
#include <cordon/errno.h>
#include <kernel/inject.h>
#include <kernel/mark.h>
#include <kernel/panic.h>

#include "apic.h"
#include "clock.h"
#include "paging.h"
#include "trap.h"

static struct {
	irq_handler_t handler; /* NULL: free */
	void *context;
} vectors[VECTOR_LAST + 1];

static struct spinlock lock = SPINLOCK_INIT(RANK_VECTORS, "vectors");
static uint64_t spurious;

int irq_vector_alloc(irq_handler_t handler, void *context, vector_t *out)
{
	int error = -ENOSPC;

	if (inject_fails(CORDON_INJECT_SLOT))
		return error;
	spin_lock(&lock);
	for (unsigned int i = VECTOR_FIRST; i <= VECTOR_LAST; i++) {
		if (vectors[i].handler != NULL)
			continue;
		vectors[i].context = context;
		/* The handler last: an interrupt reads it without the lock. */
		__atomic_store_n(&vectors[i].handler, handler, __ATOMIC_RELEASE);
		out->raw = (uint8_t)i;
		error = 0;
		break;
	}
	spin_unlock(&lock);
	return error;
}

void irq_vector_free(vector_t vector)
{
	spin_lock(&lock);
	ASSERT(vector.raw >= VECTOR_FIRST && vector.raw <= VECTOR_LAST &&
	       vectors[vector.raw].handler != NULL);
	__atomic_store_n(&vectors[vector.raw].handler, NULL, __ATOMIC_RELEASE);
	spin_unlock(&lock);
}

void irq_count_spurious(void)
{
	__atomic_add_fetch(&spurious, 1, __ATOMIC_RELAXED);
}

uint64_t irq_spurious_count(void)
{
	return __atomic_load_n(&spurious, __ATOMIC_RELAXED);
}

/* Only what is in service is ended: what the local APIC makes up and what the 8259 sends never is,
 * and ending something else in their name would lose it. A message that a device forged for the
 * spurious vector is in service like any other, and would hold everything back for ever. */
static void unexpected(uint8_t vector)
{
	irq_count_spurious();
	if (apic_in_service(vector))
		apic_end_of_interrupt();
}

void irq_dispatch(uint8_t vector)
{
	irq_handler_t handler;

	percpu()->interrupts++;
	if (vector == VECTOR_TIMER) {
		apic_end_of_interrupt();
		timer_interrupt();
		return;
	}
	if (vector == VECTOR_KICK) {
		apic_end_of_interrupt();
		percpu()->kicks++;
		arch_smp_poll();
		trap_kick();
		return;
	}
	handler = vector <= VECTOR_LAST
	                  ? __atomic_load_n(&vectors[vector].handler, __ATOMIC_ACQUIRE)
	                  : NULL;
	if (handler == NULL) {
		unexpected(vector);
		return;
	}
	handler(vectors[vector].context);
	mark_step_leave(MARK_STEP_INTERRUPT);
	apic_end_of_interrupt();
}
