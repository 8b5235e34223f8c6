/* SPDX-License-Identifier: MIT */
/* The C library's heap and streams, used by several threads at once. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tests/guest/pthread/shared.h>
#include <tests/guest/support/tap.h>

#define THREADS 6

static void *use_heap(void *argument)
{
	unsigned int random = (unsigned int)(uintptr_t)argument * 2654435761u + 1;
	unsigned char *blocks[16] = {0}, tag = (unsigned char)(uintptr_t)argument;
	size_t sizes[16] = {0};
	intptr_t wrong = 0;

	for (int i = 0; i < 1500; i++) {
		unsigned int slot = (random = random * 1103515245u + 12345u) >> 16 & 15;

		for (size_t n = 0; n < sizes[slot]; n += 7)
			wrong |= blocks[slot][n] != tag;
		free(blocks[slot]);
		sizes[slot] = (random >> 8) % 700 + 1;
		blocks[slot] = malloc(sizes[slot]);
		if (!blocks[slot]) {
			wrong = 1;
			break;
		}
		memset(blocks[slot], tag, sizes[slot]);
	}
	for (int i = 0; i < 16; i++)
		free(blocks[i]);
	return (void *)wrong;
}

static void *format_numbers(void *argument)
{
	char text[64], again[64];
	intptr_t wrong = 0;

	for (int i = 0; i < 150; i++) {
		double value = (double)(intptr_t)argument + i / 8.0, back = 0;

		snprintf(text, sizeof(text), "%.4f", value);
		sscanf(text, "%lf", &back);
		snprintf(again, sizeof(again), "%.4f", back);
		wrong |= strcmp(text, again) != 0;
	}
	return (void *)wrong;
}

static void *print_lines(void *argument)
{
	for (int i = 0; i < 10; i++)
		printf("# line %d of thread %d, in one piece\n", i, (int)(intptr_t)argument);
	return NULL;
}

static intptr_t together(void *(*function)(void *))
{
	pthread_t threads[THREADS];
	intptr_t wrong = 0;
	void *result;

	for (intptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, function, (void *)(i + 1));
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &result);
		wrong |= (intptr_t)result;
	}
	return wrong;
}

void test_library(void)
{
	tap_is(together(use_heap), 0, "the heap serves several threads");
	tap_is(together(format_numbers), 0, "so do formatting and scanning");
	tap_is(together(print_lines), 0, "and a stream");
}
