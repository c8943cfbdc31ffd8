/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lookup NAME: the addresses that this libc finds, one a line. Built twice by
 * the tests: with the machine's libc, and static with musl. */
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list;
	char text[64];
	int r = argc == 2 ? getaddrinfo(argv[1], NULL, &hints, &list)
			  : EAI_NONAME;

	if (r != 0) {
		fprintf(stderr, "%s\n", gai_strerror(r));
		return 1;
	}
	for (const struct addrinfo *a = list; a != NULL; a = a->ai_next)
		if (getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof(text),
				NULL, 0, NI_NUMERICHOST) == 0)
			puts(text);
	freeaddrinfo(list);
	return 0;
}
