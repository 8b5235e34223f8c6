/* SPDX-License-Identifier: MIT */
/* The real scheduler on processors that are played (cpu_sim.h). */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <cordon/errno.h>
#include <kernel/clock.h>
#include <kernel/sched_queue.h>
#include <kernel/waiting.h>
#include <tests/random.h>
#include <tests/unit/fake/fake.h>
#include <tests/unit/kernel/cpu_sim.h>

#define FOREVER  UINT64_MAX
#define SECOND   (1000 * SIM_MS)
#define SLICE_MS (SCHED_SLICE_NS / SIM_MS)

static uint64_t began;

static void start(unsigned int cpus)
{
	fake_clock_set(SECOND);
	sim_start(cpus, 1);
	began = clock_now();
}

static void run_for(uint64_t ms)
{
	sim_run(clock_now() + ms * SIM_MS, NULL);
}

/* --- bodies of threads ------------------------------------------------------------------------ */

static void loop(void *argument)
{
	(void)argument;
	for (;;)
		sim_user(SIM_MS);
}

/* Runs for so many milliseconds, and notes when it began and ended, and where. */
struct job {
	uint64_t ms;
	uint64_t first, last;
	unsigned int cpu;
	bool done;
};

static void work(void *argument)
{
	struct job *job = argument;

	job->first = clock_now();
	sim_user(job->ms * SIM_MS);
	job->last = clock_now();
	job->cpu = sim_cpu();
	job->done = true;
}

/* Sleeps until a time, or until it is woken. */
struct sleep {
	uint64_t deadline;
	int result;
	uint64_t woke;
	bool done;
};

static void sleeps(void *argument)
{
	struct sleep *sleep = argument;

	sched_wait_prepare();
	sleep->result = sched_wait(sleep->deadline);
	sleep->woke = clock_now();
	sleep->done = true;
}

/* --- one CPU ---------------------------------------------------------------------------------- */

Test(sched, who_comes_first_runs_first_and_a_slice_at_a_time)
{
	struct job jobs[3] = {{.ms = 3}, {.ms = 25}, {.ms = 3}};

	start(1);
	for (int i = 0; i < 3; i++)
		sim_thread(sim_task("task"), "thread", work, &jobs[i]);
	run_for(100);
	for (int i = 0; i < 3; i++)
		cr_assert(jobs[i].done);
	cr_assert_lt(jobs[0].first, jobs[1].first);
	cr_assert_lt(jobs[1].first, jobs[2].first);
	/* The long one is stopped after its slice, the short ones are not. */
	cr_assert_lt(jobs[2].first, jobs[1].last);
	cr_assert_leq(jobs[0].last - jobs[0].first, 4 * SIM_MS);
	cr_assert_leq(jobs[2].first - began, (3 + SLICE_MS + 2) * SIM_MS);
}

Test(sched, S10_tasks_share_however_many_threads_they_have)
{
	struct task *many = sim_task("many"), *one = sim_task("one");
	struct thread *alone;

	start(1);
	for (int i = 0; i < 5; i++)
		sim_thread(many, "looper", loop, NULL);
	alone = sim_thread(one, "looper", loop, NULL);
	run_for(1000);
	cr_assert_geq(alone->cpu_ns, 480 * SIM_MS, "%llu", (unsigned long long)alone->cpu_ns);
	cr_assert_leq(alone->cpu_ns, 520 * SIM_MS, "%llu", (unsigned long long)alone->cpu_ns);
}

Test(sched, S10_tasks_get_time_by_their_shares)
{
	struct task *tasks[3] = {sim_task("whole"), sim_task("third"), sim_task("whole")};
	struct thread *threads[3];

	start(1);
	sim_slow(tasks[1], 3);
	for (int i = 0; i < 3; i++)
		threads[i] = sim_thread(tasks[i], "looper", loop, NULL);
	run_for(1400);
	cr_assert_geq(threads[1]->cpu_ns, 180 * SIM_MS, "1 of 7 parts of 1400 ms is 200");
	cr_assert_leq(threads[1]->cpu_ns, 220 * SIM_MS);
	cr_assert_geq(threads[0]->cpu_ns, 570 * SIM_MS, "3 of 7 are 600");
	cr_assert_geq(threads[2]->cpu_ns, 570 * SIM_MS);
}

Test(sched, S10_who_slept_long_does_not_run_long)
{
	struct job late = {.ms = 100};
	struct thread *other;

	start(1);
	other = sim_thread(sim_task("other"), "looper", loop, NULL);
	run_for(500);
	sim_thread(sim_task("late"), "worker", work, &late);
	run_for(30);
	uint64_t before = other->cpu_ns;
	run_for(100);
	cr_assert_geq(other->cpu_ns - before, 35 * SIM_MS, "it has its share");
	run_for(200);
	cr_assert(late.done);
}

static void naps(void *argument)
{
	struct job *job = argument;

	for (;;) {
		uint64_t deadline = clock_now() + 5 * SIM_MS;

		sched_wait_prepare();
		sched_wait(deadline);
		job->last = max_u64(job->last, clock_now() - deadline);
		sim_user(job->ms * SIM_MS / 10);
	}
}

Test(sched, realtime_thread_runs_as_soon_as_it_wakes)
{
	struct job job = {.ms = 1};

	start(1);
	sim_thread(sim_task("other"), "looper", loop, NULL);
	sched_set_realtime(sim_thread(sim_task("driver"), "interrupts", naps, &job), true);
	run_for(20);
	job.last = 0;
	run_for(500);
	cr_assert_leq(job.last, SIM_MS / 5, "%llu ns late", (unsigned long long)job.last);
}

/* In the kernel all the time, but for the places where others may run. */
static void works_long(void *argument)
{
	(void)argument;
	for (;;)
		sched_point();
}

Test(sched, S10_long_operation_lets_a_realtime_thread_and_others_run)
{
	struct job job = {.ms = 1}, other = {.ms = 10};

	start(1);
	sim_thread(sim_task("hoarder"), "unmaps", works_long, NULL);
	sched_set_realtime(sim_thread(sim_task("driver"), "interrupts", naps, &job), true);
	sim_thread(sim_task("other"), "worker", work, &other);
	run_for(20);
	job.last = 0;
	run_for(500);
	cr_assert_leq(job.last, SIM_MS / 5, "%llu ns late", (unsigned long long)job.last);
	cr_assert(other.done);
}

Test(sched, S10_realtime_thread_that_loops_has_its_share_and_no_more)
{
	struct thread *other, *greedy;

	start(1);
	other = sim_thread(sim_task("other"), "looper", loop, NULL);
	greedy = sim_thread(sim_task("greedy"), "looper", loop, NULL);
	sched_set_realtime(greedy, true);
	run_for(1000);
	cr_assert_geq(other->cpu_ns, 450 * SIM_MS, "%llu", (unsigned long long)other->cpu_ns);
	cr_assert_geq(greedy->cpu_ns, 450 * SIM_MS, "%llu", (unsigned long long)greedy->cpu_ns);
}

Test(sched, lone_thread_and_idle_get_no_timer)
{
	start(1);
	run_for(100);
	cr_assert_eq(sim_counts(0)->timers, 0, "idle");
	cr_assert_eq(sim_timer(0), UINT64_MAX);
	sim_thread(sim_task("task"), "looper", loop, NULL);
	run_for(1000);
	cr_assert_leq(sim_counts(0)->timers, 1, "alone");
	cr_assert_eq(sim_timer(0), UINT64_MAX);
}

Test(sched, two_threads_get_one_timer_for_each_slice)
{
	start(1);
	sim_thread(sim_task("a"), "looper", loop, NULL);
	sim_thread(sim_task("b"), "looper", loop, NULL);
	run_for(1000);
	cr_assert_leq(sim_counts(0)->timers, 1000 / SLICE_MS + 2);
	cr_assert_geq(sim_counts(0)->timers, 1000 / SLICE_MS - 20);
}

Test(sched, deadlines_are_kept_in_any_order)
{
	struct sleep sleep[4] = {{.deadline = SECOND + 30 * SIM_MS},
	                         {.deadline = SECOND + 10 * SIM_MS},
	                         {.deadline = SECOND + 20 * SIM_MS},
	                         {.deadline = SECOND - 1}};

	start(1);
	for (int i = 0; i < 4; i++)
		sim_thread(sim_task("task"), "sleeper", sleeps, &sleep[i]);
	run_for(100);
	for (int i = 0; i < 4; i++) {
		uint64_t due = max_u64(sleep[i].deadline, began);

		cr_assert(sleep[i].done);
		cr_assert_eq(sleep[i].result, -ETIMEDOUT);
		cr_assert_geq(sleep[i].woke, due);
		cr_assert_leq(sleep[i].woke, due + SIM_MS / 4);
	}
}

static void wakes(void *argument)
{
	sim_user(5 * SIM_MS);
	thread_wake(argument);
}

Test(sched, wake_comes_before_the_deadline)
{
	struct sleep sleep = {.deadline = SECOND + 50 * SIM_MS};
	struct thread *sleeper;

	start(1);
	sleeper = sim_thread(sim_task("task"), "sleeper", sleeps, &sleep);
	run_for(1);
	sim_thread(sim_task("other"), "waker", wakes, sleeper);
	run_for(20);
	cr_assert(sleep.done);
	cr_assert_eq(sleep.result, 0);
	run_for(100);
	cr_assert_leq(sim_counts(0)->timers, 1, "nobody sleeps any more");
}

Test(sched, who_waits_hears_that_its_task_ends)
{
	struct sleep sleep = {.deadline = FOREVER};
	struct task *task = sim_task("task");

	start(1);
	sim_thread(task, "sleeper", sleeps, &sleep);
	sim_thread(task, "looper", loop, NULL);
	run_for(30);
	cr_assert_not(sleep.done);
	sim_end(task);
	run_for(30);
	cr_assert(sleep.done);
	cr_assert_eq(sleep.result, -EINTR);
	cr_assert_eq(sim_released, 2, "both are gone, once each");
}

/* Two that take turns: each tells the other, and waits to be told. */
struct turns {
	struct spinlock lock;
	struct list line[2];
	bool token[2];
	uint64_t rounds;
	bool done;
};

struct player {
	struct turns *turns;
	int self;
};

static void take_turn(struct turns *turns, int self)
{
	struct waiting waiting;

	spin_lock(&turns->lock);
	if (turns->token[self]) {
		turns->token[self] = false;
		spin_unlock(&turns->lock);
		return;
	}
	waiting_enter_locked(&waiting, &turns->line[self]);
	spin_unlock(&turns->lock);
	cr_assert_eq(waiting_block(&waiting, &turns->lock, FOREVER), 0);
}

static void give_turn(struct turns *turns, int to)
{
	spin_lock(&turns->lock);
	if (list_empty(&turns->line[to]))
		turns->token[to] = true;
	else
		waiting_tell_locked(&list_first(&turns->line[to], struct waiting, link)[0]);
	spin_unlock(&turns->lock);
}

static void play(void *argument)
{
	struct player *player = argument;
	struct turns *turns = player->turns;

	for (uint64_t i = 0; i < turns->rounds; i++) {
		take_turn(turns, player->self);
		give_turn(turns, !player->self);
	}
	turns->done = player->self == 1;
}

static void turns_init(struct turns *turns, uint64_t rounds)
{
	*turns = (struct turns){.rounds = rounds, .token = {true, false}};
	spin_init(&turns->lock, RANK_CONSOLE, "turns");
	list_init(&turns->line[0]);
	list_init(&turns->line[1]);
}

Test(sched, who_wakes_another_and_waits_switches_straight_to_it)
{
	struct turns turns;
	struct player players[2] = {{&turns, 0}, {&turns, 1}};
	uint64_t idles, sets;

	start(1);
	turns_init(&turns, 1000);
	for (int i = 0; i < 2; i++)
		sim_thread(sim_task("task"), "player", play, &players[i]);
	idles = sim_counts(0)->idles;
	sets = sim_counts(0)->timer_sets;
	sim_run(clock_now() + SECOND, &turns.done);
	cr_assert(turns.done);
	cr_assert_leq(sim_counts(0)->switches, 2 * 1000 + 10, "one switch for each turn");
	cr_assert_leq(sim_counts(0)->idles - idles, 2, "nothing comes between");
	cr_assert_leq(sim_counts(0)->timer_sets - sets, 2, "nor does the timer move");
}

/* --- several CPUs ----------------------------------------------------------------------------- */

Test(sched, threads_go_to_cpus_that_idle)
{
	struct job jobs[4];

	start(4);
	for (int i = 0; i < 4; i++) {
		jobs[i] = (struct job){.ms = 20};
		sim_thread(sim_task("task"), "thread", work, &jobs[i]);
	}
	run_for(25);
	for (int i = 0; i < 4; i++) {
		cr_assert(jobs[i].done, "each had a CPU of its own");
		for (int j = 0; j < i; j++)
			cr_assert_neq(jobs[i].cpu, jobs[j].cpu);
	}
}

Test(sched, cpu_without_work_takes_what_waits_elsewhere)
{
	struct job brief = {.ms = 5}, rest[3] = {{.ms = 20}, {.ms = 20}, {.ms = 20}};

	start(2);
	sim_thread(sim_task("brief"), "thread", work, &brief);
	for (int i = 0; i < 3; i++)
		sim_thread(sim_task("rest"), "thread", work, &rest[i]);
	run_for(45);
	for (int i = 0; i < 3; i++)
		cr_assert(rest[i].done, "65 ms of work on two CPUs");
}

struct stay {
	uint64_t cpus;
	bool strayed;
};

static void stays(void *argument)
{
	struct stay *stay = argument;

	for (;;) {
		sim_user(SIM_MS / 10);
		if (!(stay->cpus & UINT64_C(1) << sim_cpu()))
			stay->strayed = true;
		sched_wait_prepare();
		sched_wait(clock_now() + SIM_MS / 10);
		/* In the kernel it may still be where it was; from the next return on not. */
	}
}

Test(sched, affinity_is_kept_while_others_idle)
{
	struct stay stay[3] = {{1 << 1, false}, {1 << 1, false}, {1 << 2 | 1 << 3, false}};

	start(4);
	for (int i = 0; i < 3; i++) {
		struct thread *thread = sim_thread(sim_task("task"), "thread", stays, &stay[i]);

		cr_assert_eq(sched_set_cpus(thread, stay[i].cpus), 0);
		cr_assert_eq(sched_set_cpus(thread, UINT64_C(1) << 40), -EINVAL);
	}
	run_for(300);
	for (int i = 0; i < 3; i++)
		cr_assert_not(stay[i].strayed);
}

Test(sched, running_thread_moves_when_it_must)
{
	struct thread *thread;

	start(2);
	thread = sim_thread(sim_task("task"), "looper", loop, NULL);
	run_for(5);
	for (int i = 0; i < 10; i++) {
		uint32_t here = thread->queue->cpu->number;

		cr_assert_eq(sched_set_cpus(thread, UINT64_C(1) << !here), 0);
		run_for(2);
		cr_assert_eq(thread->queue->cpu->number, !here);
		cr_assert_eq(thread->state, THREAD_RUNNING);
	}
}

/* In the kernel, where it goes on for now, it is sent elsewhere; then it sleeps. */
static void sleeps_where_it_may_not(void *argument)
{
	bool *strayed = argument;

	for (;;) {
		uint32_t here = sim_cpu();

		cr_assert_eq(sched_set_cpus(thread_current(), UINT64_C(1) << !here), 0);
		sched_wait_prepare();
		sched_wait(clock_now() + SIM_MS);
		while (percpu()->need_return)
			sched_return();
		if (sim_cpu() == here)
			*strayed = true;
	}
}

Test(sched, sleeper_that_was_sent_elsewhere_wakes_there)
{
	bool strayed = false;

	start(2);
	sim_thread(sim_task("task"), "sleeper", sleeps_where_it_may_not, &strayed);
	run_for(50);
	cr_assert_not(strayed);
}

/* The last thread of a task, in task_finish. */
static void finishes(void *argument)
{
	struct task *task = task_current();
	bool *loaded = argument;

	sim_user(5 * SIM_MS);
	arch_paging_switch(NULL);
	task->paging = NULL;
	for (int i = 0; i < 1000; i++) {
		sched_point();
		if (sim_is_loaded(task))
			*loaded = true;
	}
}

Test(sched, ending_task_is_loaded_by_no_cpu_again)
{
	struct task *task = sim_task("ending");
	struct job job = {.ms = 1};
	bool loaded = false;
	uint64_t switches;

	start(2);
	sched_set_realtime(sim_thread(sim_task("driver"), "interrupts", naps, &job), true);
	for (int i = 0; i < 2; i++)
		sim_thread(sim_task("other"), "looper", loop, NULL);
	run_for(20);
	switches = sim_counts(0)->switches + sim_counts(1)->switches;
	sim_thread(task, "last", finishes, &loaded);
	run_for(500);
	cr_assert_eq(sim_released, 1);
	cr_assert_gt(sim_counts(0)->switches + sim_counts(1)->switches, switches + 100);
	cr_assert_not(loaded);
}

/* --- every interleaving that a seed finds ----------------------------------------------------- */

#define PAIRS 6
#define SEEDS 25

struct crowd {
	struct turns turns[PAIRS];
	struct player players[PAIRS][2];
	struct thread *threads[PAIRS][2];
	struct turns *last;
	bool stop;
};

/* Wakes whoever it likes for no reason, and sends them about. */
static void disturb(void *argument)
{
	struct crowd *crowd = argument;
	uint64_t step = 0;

	while (!crowd->stop) {
		struct thread *thread = crowd->threads[step % PAIRS][step / PAIRS % 2];

		sim_user(SIM_MS / 20);
		if (step++ % 3 == 0)
			sched_set_cpus(thread, step % 7 == 0 ? UINT64_MAX : 1 + step % 15);
		else
			thread_wake(thread);
	}
}

/* Undisturbed, nobody makes up for a wake that was lost. */
static void crowd_run(unsigned int cpus, uint64_t seed, bool disturbed)
{
	static struct crowd crowd;
	bool all = false;

	fake_clock_set(SECOND);
	sim_start(cpus, seed);
	crowd = (struct crowd){.stop = false};
	for (int i = 0; i < PAIRS; i++) {
		struct task *task = sim_task("pair");

		turns_init(&crowd.turns[i], 50);
		for (int j = 0; j < 2; j++) {
			crowd.players[i][j] = (struct player){&crowd.turns[i], j};
			crowd.threads[i][j] = sim_thread(task, "player", play,
			                                 &crowd.players[i][j]);
			object_ref(&crowd.threads[i][j]
			                    ->object); /* it is disturbed after its end, too */
			sched_set_realtime(crowd.threads[i][j], i % 3 == 0);
		}
	}
	if (disturbed)
		sim_thread(sim_task("disturber"), "disturber", disturb, &crowd);
	sim_interleave(3);
	for (int i = 0; i < 4000 && !all; i++) {
		run_for(5);
		all = true;
		for (int j = 0; j < PAIRS; j++)
			all = all && crowd.turns[j].done;
	}
	cr_assert(all, "seed %llu on %u CPUs: a wake was lost", (unsigned long long)seed, cpus);
	crowd.stop = true;
	run_for(100);
	cr_assert_eq(sim_released, disturbed, "the others are still referenced");
	for (int i = 0; i < PAIRS * 2; i++)
		cr_assert_eq(crowd.threads[i / 2][i % 2]->state, THREAD_DEAD);
}

struct setting {
	unsigned int cpus;
	uint64_t seed;
	bool disturbed;
};

static struct criterion_test_params settings(void)
{
	static const unsigned int cpus[] = {1, 2, 3, 4, 8};
	static struct setting all[SEEDS];

	for (unsigned int i = 0; i < SEEDS; i++)
		all[i] = (struct setting){cpus[i % ARRAY_SIZE(cpus)],
		                          (i + 1) * UINT64_C(0x9e3779b97f4a7c15), i % 2};
	return cr_make_param_array(struct setting, all, SEEDS);
}

ParameterizedTestParameters(sched, no_wake_is_lost_whoever_overtakes_whom)
{
	return settings();
}

ParameterizedTest(struct setting *setting, sched, no_wake_is_lost_whoever_overtakes_whom)
{
	crowd_run(setting->cpus, setting->seed, setting->disturbed);
}

/* --- threads that others send about ----------------------------------------------------------- */

#define SENT    3
#define SENDERS 4

struct sent {
	struct thread *threads[SENT];
	unsigned int cpus;
	uint64_t seed;
	bool stop;
};

/* Sends them to one CPU after the other, as often as it is its turn. */
static void send_about(void *argument)
{
	struct sent *sent = argument;
	struct random dice = random_of(sent->seed++);

	while (!sent->stop) {
		struct thread *thread = sent->threads[random_below(&dice, SENT)];

		cr_assert_eq(sched_set_cpus(thread, UINT64_C(1) << random_below(&dice, sent->cpus)),
		             0);
		sched_point();
	}
}

static void naps_briefly(void *argument)
{
	(void)argument;
	for (;;) {
		sim_user(SIM_MS / 20);
		sched_wait_prepare();
		sched_wait(clock_now() + SIM_MS / 20);
	}
}

/* Each queue that nobody has locked holds threads of its own that may run there, and as many as it
 * counts. */
static void queues_are_whole(unsigned int cpus)
{
	for (unsigned int i = 0; i < cpus; i++) {
		struct run_queue *queue = &sched_queues[i];
		uint32_t count = 0;
		struct thread *thread;

		if (queue->lock.next != queue->lock.owner)
			continue;
		list_for_each(thread, &queue->ready, run_link)
		{
			cr_assert_eq(thread->queue, queue, "%s is in the list of CPU %u",
			             thread->name, i);
			cr_assert_eq(thread->state, THREAD_READY);
			cr_assert(thread->cpus & queue->bit, "%s may not run on CPU %u",
			          thread->name, i);
			cr_assert_leq(++count, SENT + SENDERS);
		}
		cr_assert_eq(count, queue->ready_count);
	}
}

/* Two in the kernel at once wish the same thread to different CPUs, while it waits for one. */
ParameterizedTestParameters(sched, queues_stay_whole_whoever_sends_a_thread_about)
{
	return settings();
}

ParameterizedTest(struct setting *setting, sched, queues_stay_whole_whoever_sends_a_thread_about)
{
	static struct sent sent;
	struct task *task = sim_task("sent"), *senders = sim_task("senders");

	fake_clock_set(SECOND);
	sim_start(setting->cpus, setting->seed);
	sent = (struct sent){.cpus = setting->cpus, .seed = setting->seed};
	for (int i = 0; i < SENT; i++)
		sent.threads[i] = sim_thread(task, "sent", i ? loop : naps_briefly, NULL);
	for (int i = 0; i < SENDERS; i++)
		sim_thread(senders, "sender", send_about, &sent);
	sim_interleave(3);
	sim_interleave_steps(5);
	for (int i = 0; i < 2000; i++) {
		sim_run(clock_now() + SIM_MS / 20, NULL);
		queues_are_whole(setting->cpus);
	}
	/* Nobody sends them any more: each is where it was sent last. */
	sent.stop = true;
	run_for(100);
	for (int i = 0; i < SENT; i++)
		cr_assert(sent.threads[i]->cpus & sent.threads[i]->queue->bit);
	cr_assert_eq(sim_released, SENDERS);
}
