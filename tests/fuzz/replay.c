/* SPDX-License-Identifier: MIT */
/*
 * usage: <target> FILE...
 *
 * Gives each file to a fuzz target, as libFuzzer would, and tells how many there were.
 */
#include <tests/fuzz/fuzz.h>

#define INPUT_MAX (UINT32_C(1) << 20)

static void replay(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *bytes, *input;
	size_t size;

	if (!file) {
		perror(path);
		exit(2);
	}
	bytes = malloc(INPUT_MAX);
	FUZZ_CHECK(bytes);
	size = fread(bytes, 1, INPUT_MAX, file);
	fclose(file);
	/* If it does not come back, the last line of the log says which one it was. */
	fprintf(stderr, "%s\n", path);
	input = fuzz_copy(bytes, size);
	free(bytes);
	LLVMFuzzerTestOneInput(input, size);
	free(input);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	printf("replayed %d inputs\n", argc - 1);
	return argc > 1 ? 0 : 2;
}
