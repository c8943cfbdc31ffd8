/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs a fuzz target over its seed corpus, without libFuzzer: the program is
 * called test_NAME, the corpus tests/fuzz/corpus/NAME. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SEED_MAX = 1 << 20,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void replay(const char *path)
{
	uint8_t *data = malloc(SEED_MAX), *exact;
	FILE *f = fopen(path, "r");
	size_t n;

	if (f == NULL || data == NULL) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	n = fread(data, 1, SEED_MAX, f);
	fclose(f);
	/* Of its own size, so that a sanitizer sees the first byte beyond. */
	exact = malloc(n + (n == 0));
	if (exact == NULL)
		exit(EXIT_FAILURE);
	memcpy(exact, data, n);
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	free(data);
}

int main(int argc, char **argv)
{
	const char *name = strstr(argv[0], "/test_");
	char path[512];
	struct dirent *e;
	unsigned int n = 0;
	DIR *d;

	(void)argc;
	if (name == NULL)
		return EXIT_FAILURE;
	snprintf(path, sizeof(path), "tests/fuzz/corpus/%s", name + 6);
	d = opendir(path);
	if (d == NULL) {
		perror(path);
		return EXIT_FAILURE;
	}
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "tests/fuzz/corpus/%s/%s",
			 name + 6, e->d_name);
		replay(path);
		n++;
	}
	closedir(d);
	printf("100%%: Checks: %u, Failures: 0, Errors: 0\n", n);
	return n > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
