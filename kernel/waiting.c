/* SPDX-License-Identifier: MIT */
#include <kernel/waiting.h>

int waiting_look_again(struct waiting *waiting, struct spinlock *lock, uint64_t deadline, int error)
{
	for (;;) {
		bool told;

		spin_lock(lock);
		told = waiting->told;
		if (!told && error)
			list_remove(&waiting->link);
		else if (!told)
			sched_wait_prepare(); /* somebody else's wake */
		spin_unlock(lock);
		if (told || error)
			return told ? 0 : error;
		error = sched_wait(deadline);
	}
}
