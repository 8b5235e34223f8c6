/* SPDX-License-Identifier: MIT */
#define LOG_TAG "task"
#include <cordon/errno.h>
#include <kernel/heap.h>
#include <kernel/log.h>
#include <kernel/mark.h>
#include <kernel/panic.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/task.h>
#include <kernel/trace.h>

static struct spinlock task_list_lock = SPINLOCK_INIT(RANK_TASK_LIST, "tasks");
static struct list task_list = LIST_INIT(task_list);

static void task_destroy(struct object *object)
{
	struct task *task = task_from(object);
	struct account *account = task->account;

	spin_lock(&task_list_lock);
	list_remove(&task->link);
	spin_unlock(&task_list_lock);
	handle_table_close(&task->handles);
	if (task->aspace)
		aspace_unref(task->aspace);
	account_free(account, task, sizeof(*task));
	account_unref(account);
}

static const struct object_ops task_ops = {
        .name = "task",
        .type = CORDON_OBJECT_TASK,
        .rights = CORDON_RIGHT_READ | CORDON_RIGHT_DUP | CORDON_RIGHT_TRANSFER | CORDON_RIGHT_WAIT |
                  CORDON_RIGHT_MANAGE,
        .destroy = task_destroy,
};

int task_create(const char *name, struct account *account, struct task **out)
{
	struct task *task = account_alloc(account, sizeof(*task));
	int error = -ENOMEM;

	if (!task)
		return error;
	error = aspace_create(account, &task->aspace);
	if (error)
		goto free;
	task->paging = &task->aspace->paging;
	error = handle_table_init(&task->handles, account);
	if (error)
		goto aspace;
	account_ref(account);
	task->account = account;
	object_init(&task->object, &task_ops);
	task->id = task->object.id;
	string_copy(task->name, name, sizeof(task->name));
	spin_init(&task->lock, RANK_TASK, "task");
	list_init(&task->threads);
	spin_lock(&task_list_lock);
	list_append(&task_list, &task->link);
	spin_unlock(&task_list_lock);
	trace_task_begins(task);
	*out = task;
	return 0;

aspace:
	aspace_unref(task->aspace);
free:
	account_free(account, task, sizeof(*task));
	return error;
}

void task_end(struct task *task, enum cordon_task_cause cause, int64_t code, uint64_t fault_address)
{
	struct thread *thread;

	spin_lock(&task->lock);
	if (!task->ending && task->state == CORDON_TASK_RUNNING) {
		task->ending = true;
		task->state = CORDON_TASK_ENDING;
		task->cause = cause;
		task->code = code;
		task->fault_address = fault_address;
		list_for_each(thread, &task->threads, task_link) sched_kick(thread);
	}
	spin_unlock(&task->lock);
}

/* Nobody would start, restart or end another task, and the devices of those that go on would be
 * looked after by nobody: better a report than a machine that only seems to run. */
static _Noreturn void vital_task_ended(const struct task *task)
{
	static const char *const causes[] = {
	        [CORDON_CAUSE_NONE] = "no cause", [CORDON_CAUSE_EXIT] = "exit",
	        [CORDON_CAUSE_KILL] = "kill",     [CORDON_CAUSE_FAULT] = "fault",
	        [CORDON_CAUSE_DMA] = "DMA fault", [CORDON_CAUSE_STACK] = "stack limit",
	};

	panic("%s has ended: %s, code %lld", task->name, causes[task->cause],
	      (long long)task->code);
}

void task_finish(struct task *task)
{
	struct aspace *aspace = task->aspace;

	/* This CPU left it already. What follows lets others run, and whoever else has a reference
	 * may drop the last one anywhere: no CPU may be on it when this thread goes on. */
	task->paging = NULL;
	/* A thread that simply left, the last one, is an exit with 0. */
	task_end(task, CORDON_CAUSE_EXIT, 0, 0);
	handle_table_close(&task->handles);
	aspace_clear(aspace);
	spin_lock(&task->lock);
	task->aspace = NULL;
	task->state = CORDON_TASK_ENDED;
	spin_unlock(&task->lock);
	aspace_unref(aspace);
	account_close(task->account); /* whoever waits for the end can spend it again */
	log_debug("%s (%llu) ended: cause %u code %lld", task->name, (unsigned long long)task->id,
	          task->cause, (long long)task->code);
	mark_task_end(task->id);
	if (task->vital)
		vital_task_ended(task);
	object_signal(&task->object, 0, CORDON_SIGNAL_TERMINATED);
}

void task_describe(struct task *task, struct cordon_task_info *out)
{
	struct account *account = task->account;
	struct thread *thread;

	memset(out, 0, sizeof(*out));
	out->id = task->id;
	string_copy(out->name, task->name, sizeof(out->name));
	spin_lock(&task->lock);
	out->state = task->state;
	out->cause = task->state == CORDON_TASK_RUNNING ? CORDON_CAUSE_NONE : task->cause;
	out->code = task->code;
	out->fault_address = task->fault_address;
	out->threads = task->thread_count;
	out->cpu_ns = task->cpu_ns;
	list_for_each(thread, &task->threads, task_link) out->cpu_ns += thread_cpu_time(thread);
	spin_unlock(&task->lock);
	out->frames = account_used(account, CHARGE_FRAMES);
	out->kernel = account_used(account, CHARGE_KERNEL);
	out->handles = (uint32_t)account_used(account, CHARGE_HANDLES);
	out->mappings = (uint32_t)account_used(account, CHARGE_MAPPINGS);
	out->objects = (uint32_t)account_used(account, CHARGE_OBJECTS);
	account_describe(account, &out->budget, &out->lent, &out->refused);
}

struct task *task_at(uint32_t index)
{
	struct task *found = NULL, *task;

	spin_lock(&task_list_lock);
	list_for_each(task, &task_list, link)
	{
		/* One whose last reference is going is on its way out of the list. */
		if (index == 0 && object_ref_if_alive(&task->object)) {
			found = task;
			break;
		}
		if (__atomic_load_n(&task->object.references, __ATOMIC_RELAXED))
			index--;
	}
	spin_unlock(&task_list_lock);
	return found;
}
