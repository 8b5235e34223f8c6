/* SPDX-License-Identifier: MIT */
/* Files and folders that can be written. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <tests/guest/posix/posix.h>
#include <unistd.h>

#define LARGE 20000
#define MAPS  1000

static int made(const char *path, int flags)
{
	int fd = open(path, flags | O_CREAT, 0644);

	if (fd < 0)
		tap_bail("%s cannot be made: errno %d", path, errno);
	return fd;
}

static off_t size_of(const char *path)
{
	struct stat info;

	return stat(path, &info) == 0 ? info.st_size : -1;
}

static void test_open(void)
{
	char text[8] = "";
	struct stat info;
	int fd;

	FAILS(open("a", O_RDONLY), ENOENT, "open: not there");
	FAILS(open("", O_RDONLY), ENOENT, "open: no path");
	fd = made("a", O_RDWR | O_EXCL);
	FAILS(open("a", O_RDWR | O_CREAT | O_EXCL, 0644), EEXIST, "open: O_EXCL");
	tap_is(write(fd, "hello", 5), 5, "write");
	tap_is(lseek(fd, 1, SEEK_SET), 1, "lseek");
	tap_is(read(fd, text, 8), 4, "read to the end");
	tap_ok(memcmp(text, "ello", 4) == 0, "what was written");
	tap_is(read(fd, text, 8), 0, "the end of file");
	tap_is(lseek(fd, -2, SEEK_CUR), 3, "lseek from here");
	tap_is(lseek(fd, 2, SEEK_END), 7, "lseek behind the end");
	FAILS(lseek(fd, -1, SEEK_SET), EINVAL, "lseek before the start");
	FAILS(lseek(fd, 0, 77), EINVAL, "lseek from nowhere");
	tap_is(write(fd, "x", 1), 1, "write behind the end");
	tap_ok(pread(fd, text, 8, 4) == 4 && memcmp(text, "o\0\0x", 4) == 0, "zeros between");
	tap_is(pwrite(fd, "HE", 2, 0), 2, "pwrite");
	tap_is(lseek(fd, 0, SEEK_CUR), 8, "leaves the position");
	FAILS(pread(fd, text, 1, -1), EINVAL, "pread before the start");
	tap_ok(fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size == 8 &&
	               info.st_nlink == 1 && (info.st_mode & 0777) == 0644,
	       "fstat");
	close(fd);
	fd = open("a", O_RDONLY);
	FAILS(write(fd, "x", 1), EBADF, "O_RDONLY does not write");
	FAILS(ftruncate(fd, 0), EINVAL, "nor truncate");
	close(fd);
	fd = open("a", O_WRONLY | O_APPEND);
	FAILS(read(fd, text, 1), EBADF, "O_WRONLY does not read");
	tap_is(lseek(fd, 0, SEEK_SET), 0, "at the start");
	tap_is(write(fd, "yz", 2), 2, "O_APPEND");
	tap_is(lseek(fd, 0, SEEK_CUR), 10, "writes at the end");
	close(fd);
	fd = open("a", O_WRONLY | O_TRUNC);
	tap_is(size_of("a"), 0, "O_TRUNC");
	close(fd);
	FAILS(open("a/b", O_RDONLY), ENOTDIR, "a file is no folder");
	FAILS(open("a/", O_RDONLY), ENOTDIR, "not with a slash either");
	FAILS(open("a", O_RDONLY | O_DIRECTORY), ENOTDIR, "O_DIRECTORY");
	FAILS(open("b/c", O_RDWR | O_CREAT, 0644), ENOENT, "O_CREAT in a folder that is not there");
	FAILS(open("b/", O_RDWR | O_CREAT, 0644), EISDIR, "O_CREAT of a folder");
	tap_is(unlink("a"), 0, "unlink");
	FAILS(unlink("a"), ENOENT, "once");
}

static void test_names(void)
{
	char name[NAME_MAX + 2], path[PATH_MAX + 8];
	int fd;

	memset(name, 'n', sizeof(name));
	name[NAME_MAX + 1] = '\0';
	FAILS(open(name, O_RDWR | O_CREAT, 0644), ENAMETOOLONG, "a name of NAME_MAX + 1");
	name[NAME_MAX] = '\0';
	fd = made(name, O_RDWR);
	tap_is(size_of(name), 0, "a name of NAME_MAX");
	close(fd);
	unlink(name);
	memset(path, '/', sizeof(path));
	path[PATH_MAX] = '\0';
	FAILS(open(path, O_RDONLY), ENAMETOOLONG, "a path of PATH_MAX");
	path[PATH_MAX - 1] = '\0';
	tap_ok(access(path, F_OK) == 0, "one byte less is a path");
}

static void test_sharing(void)
{
	char text[4] = "";
	int a = made("shared", O_RDWR), b = open("shared", O_RDWR), c = dup(a);

	tap_is(write(a, "abcdef", 6), 6, "one description writes");
	tap_is(read(b, text, 2), 2, "another has a position of its own");
	lseek(a, 1, SEEK_SET);
	tap_ok(read(c, text, 1) == 1 && text[0] == 'b', "a copy shares it");
	tap_is(unlink("shared"), 0, "unlink of an open file");
	FAILS(open("shared", O_RDONLY), ENOENT, "takes the name");
	tap_ok(pread(b, text, 3, 3) == 3 && memcmp(text, "def", 3) == 0, "and leaves the contents");
	close(a);
	close(b);
	close(c);
}

static unsigned char expected(size_t i)
{
	return (unsigned char)(i * 7 % 253);
}

static void test_large(void)
{
	static unsigned char bytes[LARGE];
	struct iovec parts[2] = {{bytes, 5000}, {bytes + 5000, LARGE - 5000}};
	int fd = made("large", O_RDWR);
	size_t wrong = 0;

	for (size_t i = 0; i < LARGE; i++)
		bytes[i] = expected(i);
	tap_is(pwritev(fd, parts, 2, 1000), LARGE, "pwritev over several blocks");
	memset(bytes, 0xff, LARGE);
	tap_is(preadv(fd, parts, 2, 1000), LARGE, "preadv");
	for (size_t i = 0; i < LARGE; i++)
		wrong += bytes[i] != expected(i);
	tap_is((int64_t)wrong, 0, "every byte");
	tap_is(ftruncate(fd, 1003), 0, "ftruncate shortens");
	tap_is(ftruncate(fd, 9000), 0, "ftruncate lengthens");
	tap_is(pread(fd, bytes, LARGE, 0), 9000, "to that size");
	for (size_t i = 0; i < 9000; i++)
		wrong += bytes[i] != (i >= 1000 && i < 1003 ? expected(i - 1000) : 0);
	tap_is((int64_t)wrong, 0, "with zeros, and nothing of the old contents");
	FAILS(ftruncate(fd, -1), EINVAL, "ftruncate to a negative size");
	tap_is(truncate("large", 5), 0, "truncate");
	tap_is(size_of("large"), 5, "sets the size");
	close(fd);
	unlink("large");
}

/* A file that one thread maps while another looks at its position. */
struct mapped {
	int fd;
	unsigned int wrong; /* how often its second page had not what is there */
	atomic_bool done;
};

static void *map_often(void *argument)
{
	struct mapped *mapped = argument;

	for (unsigned int i = 0; i < MAPS; i++) {
		char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, mapped->fd, 4096);

		mapped->wrong += page == MAP_FAILED || page[0] != 'b' || page[4095] != 'b';
		if (page != MAP_FAILED)
			munmap(page, 4096);
	}
	mapped->done = true;
	return NULL;
}

static void test_mapped(void)
{
	static char bytes[8192];
	struct mapped mapped = {.fd = made("mapped", O_RDWR)};
	unsigned int moved = 0;
	pthread_t thread;

	memset(bytes, 'a', 4096);
	memset(bytes + 4096, 'b', 4096);
	tap_is(write(mapped.fd, bytes, sizeof(bytes)), sizeof(bytes), "two pages");
	tap_is(lseek(mapped.fd, 17, SEEK_SET), 17, "the position is in the first");
	tap_is(pthread_create(&thread, NULL, map_often, &mapped), 0, "a thread maps the second");
	while (!mapped.done)
		moved += lseek(mapped.fd, 0, SEEK_CUR) != 17;
	tap_is(pthread_join(thread, NULL), 0, "and ends");
	tap_is(mapped.wrong, 0, "having found its contents each time");
	tap_is(moved, 0, "while the position stayed where it was");
	close(mapped.fd);
	unlink("mapped");
}

static void test_folders(void)
{
	char temporary[] = "temp-XXXXXX";
	struct stat info;
	int fd;

	tap_is(mkdir("d", 0755), 0, "mkdir");
	FAILS(mkdir("d", 0755), EEXIST, "mkdir: twice");
	FAILS(mkdir("x/y", 0755), ENOENT, "mkdir: in nothing");
	tap_is(mkdir("d/e/", 0755), 0, "mkdir: with a slash");
	tap_ok(mkdtemp(temporary) == temporary && strcmp(temporary, "temp-XXXXXX") != 0 &&
	               rmdir(temporary) == 0,
	       "mkdtemp: %s", temporary);
	tap_ok(stat("d", &info) == 0 && S_ISDIR(info.st_mode) && info.st_nlink == 3,
	       "stat: a folder, two names and one folder in it");
	FAILS(open("d", O_RDWR), EISDIR, "a folder is not written");
	FAILS(open("d", O_RDONLY | O_CREAT, 0644), EISDIR, "nor made by open");
	FAILS(open("d", O_RDONLY | O_CREAT | O_EXCL, 0644), EEXIST, "O_EXCL comes first");
	fd = open("d", O_RDONLY | O_DIRECTORY);
	tap_ok(fd >= 0, "it opens for reading");
	FAILS(read(fd, &info, 1), EISDIR, "but is not read");
	close(made("d/f", O_RDWR));
	tap_is(size_of("d/../d/./e/..//f"), 0, "dots lead up and nowhere");
	FAILS(stat("d/none/../f", &info), ENOENT, "dots do not hide what is not there");
	FAILS(stat("d/f/../f", &info), ENOTDIR, "nor a file");
	tap_ok(faccessat(fd, "f", W_OK, 0) == 0, "faccessat");
	tap_ok(fstatat(fd, "e", &info, 0) == 0 && S_ISDIR(info.st_mode), "fstatat");
	FAILS(rmdir("d"), ENOTEMPTY, "rmdir: not empty");
	FAILS(rmdir("d/f"), ENOTDIR, "rmdir: a file");
	FAILS(rmdir("d/."), EINVAL, "rmdir: itself");
	FAILS(rmdir("d/e/.."), ENOTEMPTY, "rmdir: its parent");
	FAILS(unlink("d/e"), EISDIR, "unlink: a folder");
	tap_is(renameat(fd, "f", fd, "e/f"), 0, "renameat");
	tap_is(renameat(fd, "e/f", AT_FDCWD, "d/f"), 0, "renameat: from one folder to another");
	FAILS(renameat(3000, "f", fd, "g"), EBADF, "renameat: from a closed one");
	tap_is(unlinkat(fd, "e", AT_REMOVEDIR), 0, "unlinkat: a folder");
	tap_is(unlinkat(fd, "f", 0), 0, "unlinkat: a file");
	FAILS(openat(fd, "g", O_RDONLY), ENOENT, "openat");
	FAILS(openat(3000, "g", O_RDONLY), EBADF, "openat: in a closed one");
	close(fd);
	tap_is(rmdir("d"), 0, "rmdir");
}

static void test_rename(void)
{
	int fd = made("one", O_RDWR);

	tap_is(write(fd, "1", 1), 1, "a file");
	close(fd);
	close(made("two", O_RDWR));
	tap_is(rename("one", "two"), 0, "rename replaces a file");
	tap_is(size_of("two"), 1, "with the contents");
	FAILS(stat("one", &(struct stat){0}), ENOENT, "and the old name is gone");
	tap_is(rename("two", "two"), 0, "rename to itself");
	FAILS(rename("none", "two"), ENOENT, "rename of nothing");
	mkdir("d", 0755);
	mkdir("d/e", 0755);
	FAILS(rename("d", "two"), ENOTDIR, "a folder does not replace a file");
	FAILS(rename("two", "d/e"), EISDIR, "nor a file a folder");
	FAILS(rename("d", "d/e/f"), EINVAL, "a folder does not go into itself");
	FAILS(rename("d/e", "d"), ENOTEMPTY, "nor replaces one that is not empty");
	FAILS(rename("two", "none/x"), ENOENT, "nor goes where nothing is");
	tap_is(rename("two", "d/e/two"), 0, "rename into a folder");
	mkdir("g", 0755);
	tap_is(rename("d/e", "g"), 0, "a folder replaces an empty one");
	tap_is(size_of("g/two"), 1, "and keeps what is in it");
	unlink("g/two");
	rmdir("g");
	rmdir("d");
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void test_listing(void)
{
	int numbers[20] = {0}, count = 0, dots = 0, twice = 0;
	struct dirent **names;
	struct dirent *entry;
	char path[NAME_MAX + 8];
	glob_t found;
	DIR *folder;
	long place;

	mkdir("list", 0755);
	for (int i = 0; i < 20; i++) {
		snprintf(path, sizeof(path), "list/%d", i);
		close(made(path, O_RDWR));
	}
	folder = opendir("list");
	if (folder == NULL)
		tap_bail("no listing");
	while ((entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] == '.') {
			dots += entry->d_type == DT_DIR;
			continue;
		}
		if (count < 20)
			numbers[count] = atoi(entry->d_name);
		count++;
		snprintf(path, sizeof(path), "list/%s", entry->d_name);
		if (atoi(entry->d_name) % 2)
			unlink(path); /* what was told may go meanwhile */
	}
	tap_is(dots, 2, "readdir gives . and ..");
	tap_is(count, 20, "and every name, although some go meanwhile");
	qsort(numbers, 20, sizeof(int), by_number);
	for (int i = 0; i < 20; i++)
		twice += numbers[i] != i;
	tap_is(twice, 0, "each once");
	rewinddir(folder);
	for (count = 0; readdir(folder) != NULL; count++)
		continue;
	tap_is(count, 12, "rewinddir");
	rewinddir(folder);
	(void)readdir(folder);
	place = telldir(folder);
	entry = readdir(folder);
	snprintf(path, sizeof(path), "%s", entry != NULL ? entry->d_name : "?");
	seekdir(folder, place);
	entry = readdir(folder);
	tap_ok(entry != NULL && strcmp(path, entry->d_name) == 0, "telldir and seekdir");
	tap_ok(dirfd(folder) >= 0, "dirfd");
	tap_is(closedir(folder), 0, "closedir");
	tap_is(scandir("list", &names, NULL, alphasort), 12, "scandir");
	tap_ok(strcmp(names[0]->d_name, ".") == 0 && strcmp(names[11]->d_name, "8") == 0,
	       "in order");
	for (int i = 0; i < 12; i++)
		free(names[i]);
	free(names);
	tap_is(glob("list/1*", 0, NULL, &found), 0, "glob");
	tap_is((int64_t)found.gl_pathc, 5, "finds them: 10 12 14 16 18");
	globfree(&found);
	for (int i = 0; i < 20; i += 2) {
		snprintf(path, sizeof(path), "list/%d", i);
		unlink(path);
	}
	tap_ok(opendir("none") == NULL && errno == ENOENT, "opendir of nothing");
	tap_is(rmdir("list"), 0, "the folder is empty again");
}

static void test_working_folder(void)
{
	char before[PATH_MAX], path[PATH_MAX], want[PATH_MAX + 8];
	char *real;

	tap_ok(getcwd(before, sizeof(before)) == before, "getcwd");
	mkdir("w", 0755);
	tap_is(chdir("w"), 0, "chdir");
	snprintf(want, sizeof(want), "%s/w", before);
	tap_ok(getcwd(path, sizeof(path)) && strcmp(path, want) == 0, "getcwd after it");
	tap_ok(getcwd(path, 3) == NULL && errno == ERANGE, "getcwd: too small");
	tap_ok(getcwd(path, 0) == NULL && errno == EINVAL, "getcwd: nothing");
	real = realpath(".././/w/..", NULL);
	tap_ok(real && strcmp(real, before) == 0, "realpath");
	free(real);
	tap_ok(realpath("none", NULL) == NULL && errno == ENOENT, "realpath of nothing");
	tap_is(rmdir("../w"), 0, "the working folder can be removed");
	tap_ok(getcwd(path, sizeof(path)) == NULL && errno == ENOENT, "then it has no path");
	FAILS(open("x", O_RDWR | O_CREAT, 0644), ENOENT, "and nothing can be made in it");
	FAILS(chdir("/none"), ENOENT, "chdir to nothing");
	tap_is(chdir(before), 0, "back");
}

static void test_streams(void)
{
	char line[32] = "";
	FILE *file = fopen("stream", "w+");
	int temporary;
	char name[] = "fileXXXXXX";

	if (file == NULL) {
		tap_bail("fopen gives nothing");
		return;
	}
	fprintf(file, "first %d\nsecond\n", 1);
	rewind(file);
	tap_ok(fgets(line, sizeof(line), file) && strcmp(line, "first 1\n") == 0, "stdio reads");
	fseek(file, 0, SEEK_END);
	tap_is(ftell(file), 15, "and tells the size");
	fclose(file);
	file = fopen("stream", "a");
	fputs("third\n", file);
	fclose(file);
	tap_is(size_of("stream"), 21, "stdio appends");
	tap_is(remove("stream"), 0, "remove");
	temporary = mkstemp(name);
	tap_ok(temporary >= 0 && strcmp(name, "fileXXXXXX") != 0, "mkstemp");
	close(temporary);
	unlink(name);
}

static void test_modes(void)
{
	struct stat info;
	mode_t before = umask(027);
	int fd = open("mode", O_RDWR | O_CREAT, 0666);

	tap_ok(fstat(fd, &info) == 0 && (info.st_mode & 0777) == 0640, "umask");
	umask(before);
	tap_is(umask(before), (int64_t)before, "umask gives the one before");
	tap_is(chmod("mode", 0600), 0, "chmod");
	FAILS(access("mode", X_OK), EACCES, "access: not executable");
	tap_is(access("mode", R_OK | W_OK), 0, "access: readable and writable");
	FAILS(access("none", F_OK), ENOENT, "access: not there");
	FAILS(access("mode", 64), EINVAL, "access: no such right");
	FAILS(readlink("mode", (char[4]){0}, 4), EINVAL, "readlink: no link");
	tap_ok(lstat("mode", &info) == 0 && (info.st_mode & 0777) == 0600, "lstat");
	tap_is(fsync(fd), 0, "fsync");
	close(fd);
	unlink("mode");
}

static void test_devices(void)
{
	unsigned char bytes[16], more[16];
	int fd = open("/dev/null", O_RDWR | O_CREAT | O_TRUNC, 0644);
	struct stat info;
	int zeros = 0;

	tap_is(read(fd, bytes, 16), 0, "/dev/null is empty");
	memset(bytes, 1, sizeof(bytes));
	tap_is(write(fd, bytes, 16), 16, "/dev/null takes everything");
	tap_ok(fstat(fd, &info) == 0 && S_ISCHR(info.st_mode), "it is a device");
	close(fd);
	fd = open("/dev/zero", O_RDONLY);
	tap_is(read(fd, bytes, 16), 16, "/dev/zero has no end");
	for (int i = 0; i < 16; i++)
		zeros += bytes[i] == 0;
	tap_is(zeros, 16, "and gives zeros");
	FAILS(write(fd, bytes, 1), EBADF, "opened for reading it is not written");
	close(fd);
	fd = open("/dev/urandom", O_RDONLY);
	tap_ok(read(fd, bytes, 16) == 16 && read(fd, more, 16) == 16 &&
	               memcmp(bytes, more, 16) != 0,
	       "/dev/urandom gives other bytes each time");
	close(fd);
	tap_is(access("/dev/null", R_OK | W_OK), 0, "they are readable and writable");
	FAILS(open("/dev/null/x", O_RDONLY), ENOTDIR, "and no folders");
}

static void test_read_only(void)
{
	struct stat info;

	if (!root_is_read_only) {
		tap_skip("the host's root is not the image's", "what is read-only");
		return;
	}
	tap_ok(stat("/etc/manifest", &info) == 0 && S_ISREG(info.st_mode), "a file of the image");
	FAILS(open("/etc/manifest", O_WRONLY), EROFS, "it is not written");
	FAILS(open("/etc/manifest", O_RDONLY | O_TRUNC), EROFS, "nor cut");
	FAILS(open("/etc/new", O_WRONLY | O_CREAT, 0644), EROFS, "nothing is made beside it");
	FAILS(open("/etc/manifest", O_WRONLY | O_CREAT | O_EXCL, 0644), EEXIST,
	      "O_EXCL comes first");
	FAILS(mkdir("/etc/new", 0755), EROFS, "mkdir");
	FAILS(mkdir("/etc", 0755), EEXIST, "mkdir of what is there");
	FAILS(unlink("/etc/manifest"), EROFS, "unlink");
	FAILS(rmdir("/etc"), EROFS, "rmdir");
	FAILS(rename("/etc/manifest", "/etc/new"), EROFS, "rename");
	FAILS(rename("/etc/manifest", "/tmp/new"), EXDEV, "rename to /tmp");
	FAILS(chmod("/etc/manifest", 0777), EROFS, "chmod");
	FAILS(access("/etc/manifest", W_OK), EROFS, "access for writing");
	FAILS(truncate("/etc/manifest", 0), EROFS, "truncate");
	FAILS(rmdir("/tmp"), EBUSY, "/tmp stays");
	FAILS(rmdir("/"), EBUSY, "/ stays");
	tap_ok(access("/bin/demo", X_OK) == 0, "a program is executable");
	tap_ok(stat("/..", &info) == 0 && S_ISDIR(info.st_mode), "above the root is the root");
}

int main(int argc, char **argv)
{
	if (chdir(argc > 1 ? argv[1] : scratch) != 0)
		tap_bail("no folder to write in");
	test_open();
	test_names();
	test_sharing();
	test_large();
	test_mapped();
	test_folders();
	test_rename();
	test_listing();
	test_working_folder();
	test_streams();
	test_modes();
	test_devices();
	test_read_only();
	return tap_done();
}
