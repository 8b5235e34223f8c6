// Threads, processes, and what passes between them, as tasks/bench/threads.c and channels.c.
#include "bench.h"
#include <sys/socket.h>

enum {
	N = 1000,
	WARM = 50, // rounds before the first that counts
	LIVES = 200
};
static u64 A[N];

// One side of a ping-pong: where it reads and writes, and whether a descriptor travels.
struct side {
	int in, out;
	bool carries;
};

static void send_fd(int socket, int fd)
{
	u64 value = 1;
	char control[CMSG_SPACE(sizeof fd)] = {0};
	struct iovec io = {&value, sizeof value};
	struct msghdr message = {.msg_iov = &io,
	                         .msg_iovlen = 1,
	                         .msg_control = control,
	                         .msg_controllen = sizeof control};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(header), &fd, sizeof fd);
	must(sendmsg(socket, &message, 0));
}

static int receive_fd(int socket)
{
	u64 value;
	int fd;
	char control[CMSG_SPACE(sizeof fd)];
	struct iovec io = {&value, sizeof value};
	struct msghdr message = {.msg_iov = &io,
	                         .msg_iovlen = 1,
	                         .msg_control = control,
	                         .msg_controllen = sizeof control};

	if (recvmsg(socket, &message, 0) != sizeof value || !CMSG_FIRSTHDR(&message))
		die("recvmsg");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
	return fd;
}

static void *answer(void *argument)
{
	struct side *side = argument;
	u64 value;

	for (int i = 0; i < N + WARM; i++) {
		if (side->carries) {
			int fd = receive_fd(side->in);
			send_fd(side->out, fd);
			close(fd);
		} else {
			must(read(side->in, &value, sizeof value));
			must(write(side->out, &value, sizeof value));
		}
	}
	return NULL;
}

// One round trip, in ticks; closing what came back does not count.
static u64 round_trip(const struct side *side, int carried)
{
	u64 value = 1, ticks = tick();

	if (side->carries) {
		send_fd(side->out, carried);
		int fd = receive_fd(side->in);
		ticks = tick() - ticks;
		close(fd);
		return ticks;
	}
	must(write(side->out, &value, sizeof value));
	must(read(side->in, &value, sizeof value));
	return tick() - ticks;
}

static void play(const char *name, struct side ours)
{
	int carried = must(eventfd(0, 0));

	for (int i = 0; i < WARM; i++)
		round_trip(&ours, carried);
	for (int i = 0; i < N; i++)
		A[i] = round_trip(&ours, carried);
	close(carried);
	stats(name, A, N);
}

static void with_process(const char *name, struct side ours, struct side theirs)
{
	fflush(stdout); // or the child has it, too
	pid_t child = must(fork());

	if (!child) {
		answer(&theirs);
		_exit(0);
	}
	play(name, ours);
	waitpid(child, NULL, 0);
}

static void with_thread(const char *name, struct side ours, struct side theirs)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, answer, &theirs))
		die("pthread_create");
	play(name, ours);
	pthread_join(thread, NULL);
}

static void *nothing(void *argument)
{
	return argument;
}

static void thread_life(void)
{
	for (int i = 0; i < N; i++) {
		pthread_t thread;
		u64 start = tick();

		if (pthread_create(&thread, NULL, nothing, NULL) || pthread_join(thread, NULL))
			die("a thread's life");
		A[i] = tick() - start;
	}
	stats("thread.create_join", A, N);
}

static void process_life(void)
{
	fflush(stdout);
	for (int i = 0; i < LIVES; i++) {
		u64 start = tick();
		pid_t child = must(fork());

		if (!child)
			_exit(0);
		must(waitpid(child, NULL, 0));
		A[i] = tick() - start;
	}
	stats("sys.spawn_exit_wait", A, LIVES);
}

int ipc_main(void)
{
	int ping = must(eventfd(0, 0)), pong = must(eventfd(0, 0)), ends[2];

	memset(A, 1, sizeof A); // no page faults inside the loops
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	process_life();
	thread_life();
	with_process("ipc.event_pingpong_tasks", (struct side){pong, ping, false},
	             (struct side){ping, pong, false});
	with_thread("ipc.event_pingpong_threads", (struct side){pong, ping, false},
	            (struct side){ping, pong, false});
	with_process("ipc.channel_call", (struct side){ends[0], ends[0], false},
	             (struct side){ends[1], ends[1], false});
	with_process("ipc.handle_pass_pingpong", (struct side){ends[0], ends[0], true},
	             (struct side){ends[1], ends[1], true});
	return 0;
}
