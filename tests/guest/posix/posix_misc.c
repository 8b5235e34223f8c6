/* SPDX-License-Identifier: MIT */
/* What is small: addresses as text, byte order, signals, limits, lines, random bytes. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <byteswap.h>
#include <endian.h>
#include <err.h>
#include <getopt.h>
#include <fnmatch.h>
#include <libgen.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sys/queue.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <syslog.h>
#include <tests/guest/posix/posix.h>
#include <unistd.h>

static void test_order(void)
{
	uint8_t bytes[8] = {1, 2, 3, 4, 5, 6, 7, 8};
	uint16_t half;
	uint32_t word;
	uint64_t whole;

	memcpy(&half, bytes, sizeof(half));
	memcpy(&word, bytes, sizeof(word));
	memcpy(&whole, bytes, sizeof(whole));
	tap_ok(be16toh(half) == 0x0102 && be32toh(word) == 0x01020304 &&
	               be64toh(whole) == 0x0102030405060708,
	       "big-endian values");
	tap_ok(le16toh(half) == 0x0201 && le32toh(word) == 0x04030201 &&
	               le64toh(whole) == 0x0807060504030201,
	       "little-endian values");
	tap_ok(htobe32(htole32(0x12345678)) == bswap_32(0x12345678u) && bswap_16(0x1234) == 0x3412,
	       "swapped bytes");
	tap_ok(ntohs(half) == 0x0102 && ntohl(word) == 0x01020304 && htons(1) == 0x100 &&
	               htonl(1) == 0x1000000,
	       "the order of the network");
	tap_ok(BYTE_ORDER == LITTLE_ENDIAN, "BYTE_ORDER");
	tap_ok(roundup(13, 8) == 16 && powerof2(64) && !powerof2(65) && MIN(1, 2) == 1,
	       "sys/param.h");
}

static void test_ipv4(void)
{
	static const char *const strict[] = {"192.0.2.1", "0.0.0.0", "255.255.255.255"};
	static const char *const wrong[] = {"",       "1.2.3",     "1.2.3.4.5", "1.2.3.256",
	                                    "1.2.3.", "01.2.3.4",  "1.2.3.4 ",  "a.b.c.d",
	                                    "1..2.3", "1.2.3.0x4", "1.2.3.-4",  ".1.2.3.4"};
	static const struct {
		const char *text;
		uint32_t value;
	} loose[] = {{"127.1", 0x7f000001},   {"0x7f.0.0.1", 0x7f000001}, {"010.0.0.1", 0x08000001},
	             {"16909060", 0x1020304}, {"1.2.772", 0x1020304},     {"1.2.3.4 x", 0x1020304}};
	static const char *const refused[] = {"",  "256.1",    "1.2.3.256", "1.2.65536",
	                                      "x", "1.2.3.4x", "4294967296"};
	struct in_addr address;
	char text[INET_ADDRSTRLEN];
	int right = 0;

	for (unsigned int i = 0; i < 3; i++)
		right += inet_pton(AF_INET, strict[i], &address) == 1 &&
		         inet_ntop(AF_INET, &address, text, sizeof(text)) == text &&
		         strcmp(text, strict[i]) == 0;
	tap_is(right, 3, "IPv4: to a number and back");
	right = 0;
	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (inet_pton(AF_INET, wrong[i], &address) == 0)
			right++;
		else
			tap_note("taken: %s", wrong[i]);
	}
	tap_is(right, 12, "IPv4: inet_pton refuses what is not one");
	right = 0;
	for (unsigned int i = 0; i < 6; i++) {
		if (inet_aton(loose[i].text, &address) && ntohl(address.s_addr) == loose[i].value)
			right++;
		else
			tap_note("not so: %s", loose[i].text);
	}
	tap_is(right, 6, "IPv4: inet_aton takes what C takes as numbers");
	right = 0;
	for (unsigned int i = 0; i < 7; i++) {
		if (inet_aton(refused[i], &address) == 0)
			right++;
		else
			tap_note("taken: %s", refused[i]);
	}
	tap_is(right, 7, "IPv4: and no more");
	tap_ok(inet_addr("192.0.2.1") == htonl(0xc0000201) && inet_addr("x") == INADDR_NONE,
	       "inet_addr");
	address.s_addr = htonl(0x0a0b0c0d);
	tap_ok(strcmp(inet_ntoa(address), "10.11.12.13") == 0, "inet_ntoa");
	tap_ok(inet_ntop(AF_INET, &address, text, 11) == NULL && errno == ENOSPC,
	       "no room: ENOSPC");
	FAILS(inet_pton(77, "1.2.3.4", &address), EAFNOSUPPORT, "no such family");
}

static void test_ipv6(void)
{
	static const char *const pairs[][2] = {
	        {"::", "::"},
	        {"::1", "::1"},
	        {"1::", "1::"},
	        {"2001:db8::1", "2001:db8::1"},
	        {"2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
	        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
	        {"0:0:1:0:0:0:1:0", "0:0:1::1:0"},
	        {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
	        {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
	        {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
	        {"::192.0.2.1", "::192.0.2.1"},
	        {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
	        {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
	        {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
	         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	};
	static const char *const wrong[] = {
	        "",
	        ":",
	        ":::",
	        "1",
	        "1:2:3:4:5:6:7",
	        "1:2:3:4:5:6:7:8:9",
	        "1::2::3",
	        "12345::",
	        "1:2:3:4:5:6:7:",
	        ":1:2:3:4:5:6:7",
	        "g::",
	        "::1.2.3",
	        "1.2.3.4",
	        "::1.2.3.4:1",
	        "1:2:3:4:5:6:7:1.2.3.4",
	        "1:2:3:4::5:6:7:8",
	        "::1 ",
	};
	struct in6_addr address;
	char text[INET6_ADDRSTRLEN];
	unsigned int right = 0;

	for (unsigned int i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (inet_pton(AF_INET6, pairs[i][0], &address) == 1 &&
		    inet_ntop(AF_INET6, &address, text, sizeof(text)) != NULL &&
		    strcmp(text, pairs[i][1]) == 0)
			right++;
		else
			tap_note("%s is not %s", pairs[i][0], pairs[i][1]);
	}
	tap_is(right, 14, "IPv6: to an address and to its shortest text");
	right = 0;
	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (inet_pton(AF_INET6, wrong[i], &address) == 0)
			right++;
		else
			tap_note("taken: %s", wrong[i]);
	}
	tap_is(right, 17, "IPv6: inet_pton refuses what is not one");
}

static volatile int handled;

static void count_signal(int number)
{
	handled += number;
}

static void raise_again(int number)
{
	handled++;
	if (handled < 3)
		raise(number);
}

static void test_signals(void)
{
	struct sigaction action = {.sa_handler = count_signal, .sa_flags = SA_RESTART}, before;
	sigset_t set, old;

	sigemptyset(&action.sa_mask);
	tap_is(sigaction(SIGUSR1, &action, NULL), 0, "sigaction");
	raise(SIGUSR1);
	raise(SIGUSR1);
	tap_is(handled, 2 * SIGUSR1, "a handler stays");
	tap_ok(sigaction(SIGUSR1, NULL, &before) == 0 && before.sa_handler == count_signal,
	       "sigaction tells it");
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	handled = 0;
	tap_is(sigprocmask(SIG_BLOCK, &set, &old), 0, "sigprocmask");
	raise(SIGUSR1);
	tap_is(handled, 0, "a blocked signal waits");
	tap_ok(sigpending(&set) == 0 && sigismember(&set, SIGUSR1) == 1, "sigpending tells it");
	sigprocmask(SIG_SETMASK, &old, NULL);
	tap_is(handled, SIGUSR1, "and comes when it is unblocked");
	handled = 0;
	signal(SIGUSR2, raise_again);
	raise(SIGUSR2);
	tap_is(handled, 3, "a signal raised by its handler comes after it");
	action.sa_flags = (int)SA_RESETHAND;
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	sigaction(SIGUSR1, NULL, &before);
	tap_ok(before.sa_handler == SIG_DFL, "SA_RESETHAND");
	FAILS(sigaction(SIGKILL, &action, NULL), EINVAL, "SIGKILL has no handler");
	FAILS(sigaction(0, &action, NULL), EINVAL, "no such signal");
	FAILS(sigprocmask(77, &set, NULL), EINVAL, "no such way to change the mask");
	tap_is(raise(SIGCHLD), 0, "some signals do nothing by default");
}

static void test_limits(void)
{
	struct rlimit limit;
	struct rusage usage;
	struct utsname name;

	tap_is(sysconf(_SC_PAGESIZE), getpagesize(), "the size of a page");
	tap_ok(sysconf(_SC_NPROCESSORS_ONLN) >= 1, "processors");
	tap_ok(sysconf(_SC_OPEN_MAX) >= 64 && sysconf(_SC_IOV_MAX) >= 16, "sysconf");
	FAILS(sysconf(99999), EINVAL, "sysconf: no such name");
	tap_ok(pathconf("/", _PC_NAME_MAX) == NAME_MAX, "pathconf");
	FAILS(pathconf("/none", _PC_NAME_MAX), ENOENT, "pathconf of nothing");
	tap_ok(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= 64 &&
	               limit.rlim_cur <= limit.rlim_max,
	       "getrlimit");
	tap_is(setrlimit(RLIMIT_NOFILE, &limit), 0, "setrlimit to what it is");
	limit.rlim_cur = limit.rlim_max + 1;
	FAILS(setrlimit(RLIMIT_NOFILE, &limit), EINVAL, "setrlimit: more than the most");
	FAILS(getrlimit(77, &limit), EINVAL, "no such limit");
	tap_ok(getrusage(RUSAGE_SELF, &usage) == 0 &&
	               usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec +
	                               usage.ru_stime.tv_sec * 1000000 + usage.ru_stime.tv_usec >
	                       0,
	       "getrusage");
	FAILS(getrusage(77, &usage), EINVAL, "getrusage of nobody");
	tap_ok(uname(&name) == 0 && strcmp(name.machine, "x86_64") == 0, "uname");
}

static void test_text(void)
{
	static const char *const paths[][3] = {
	        {"/usr/lib", "lib", "/usr"},
	        {"/usr/", "usr", "/"},
	        {"usr", "usr", "."},
	        {"/", "/", "/"},
	        {"", ".", "."},
	        {"//a//b//", "b", "//a"},
	};
	char copy[16], *line = NULL;
	FILE *file;
	size_t room = 0;
	int right = 0;

	for (unsigned int i = 0; i < 6; i++) {
		right += strcmp(basename(strcpy(copy, paths[i][0])), paths[i][1]) == 0;
		if (strcmp(dirname(strcpy(copy, paths[i][0])), paths[i][2]) == 0)
			right++;
		else
			tap_note("dirname of %s: %s", paths[i][0], copy);
	}
	tap_is(right, 12, "basename and dirname");
	file = chdir(scratch) == 0 ? fopen("lines", "w+") : NULL;
	if (file == NULL) {
		tap_bail("no file");
		return;
	}
	fputs("one\na second line, which is longer\nend", file);
	rewind(file);
	tap_ok(getline(&line, &room, file) == 4 && strcmp(line, "one\n") == 0, "getline");
	tap_is(getdelim(&line, &room, ',', file), 14, "getdelim");
	while (getline(&line, &room, file) > 0)
		continue;
	tap_ok(feof(file) && strcmp(line, "end") == 0, "to the end");
	free(line);
	fclose(file);
	unlink("lines");
	tap_ok(fnmatch("*.[ch]", "file.c", 0) == 0 && fnmatch("*.[ch]", "file.o", 0) == FNM_NOMATCH,
	       "fnmatch");
}

static void test_random(void)
{
	uint8_t a[37] = {0}, b[37] = {0};
	int zeros = 0;

	tap_is(getrandom(a, sizeof(a), 0), sizeof(a), "getrandom");
	tap_is(getentropy(b, sizeof(b)), 0, "getentropy");
	for (size_t i = 0; i < sizeof(a); i++)
		zeros += a[i] == 0;
	tap_ok(memcmp(a, b, sizeof(a)) != 0 && zeros < 10, "different bytes");
	FAILS(getrandom(a, 1, 1u << 20), EINVAL, "getrandom: unknown flags");
	FAILS(getentropy((char[300]){0}, 300), EIO, "getentropy: too much");
}

static void test_messages(void)
{
	char *words[] = {(char *)"program", (char *)"-v", (char *)"--name=x", (char *)"rest", NULL};
	static const struct option options[] = {{"name", required_argument, NULL, 'n'}, {0}};
	int mask = setlogmask(LOG_UPTO(LOG_ERR));

	tap_is(mask, LOG_UPTO(LOG_DEBUG), "setlogmask");
	openlog("posix_misc", LOG_NDELAY, LOG_USER);
	syslog(LOG_DEBUG, "this is masked");
	errno = ENOENT;
	syslog(LOG_ERR, "%d per cent %s: %m", 100, "done");
	tap_is(errno, ENOENT, "syslog leaves errno alone");
	closelog();
	errno = EBUSY;
	warn("a warning with %s", "errno");
	warnx("a warning without");
	tap_is(getopt_long(4, words, "v", options, NULL), 'v', "getopt_long");
	tap_ok(getopt_long(4, words, "v", options, NULL) == 'n' && strcmp(optarg, "x") == 0,
	       "a long option");
	tap_ok(getopt_long(4, words, "v", options, NULL) == -1 && optind == 3, "the rest");
}

struct item {
	int number;
	TAILQ_ENTRY(item) link;
};

TAILQ_HEAD(item_list, item);

static void test_queue(void)
{
	struct item_list head = TAILQ_HEAD_INITIALIZER(head);
	struct item items[3] = {{.number = 1}, {.number = 2}, {.number = 3}}, *item;
	int sum = 0;

	for (int i = 0; i < 3; i++)
		TAILQ_INSERT_TAIL(&head, &items[i], link);
	TAILQ_REMOVE(&head, &items[1], link);
	TAILQ_FOREACH(item, &head, link)
	sum = 10 * sum + item->number;
	tap_is(sum, 13, "sys/queue.h");
}

int main(void)
{
	test_order();
	test_ipv4();
	test_ipv6();
	test_signals();
	test_limits();
	test_text();
	test_random();
	test_messages();
	test_queue();
	return tap_done();
}
