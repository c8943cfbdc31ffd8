/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A certificate as a peer sends it (DER), and as a file has it (PEM). */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/certificate.h"
#include "crypto/pki.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pki_identity identity;
	struct certificate c;
	char *text;

	if (certificate_read(data, size, &c) == 0)
		assert(memchr(c.name, '\0', sizeof(c.name)) != NULL);
	text = malloc(size + 1);
	memcpy(text, data, size);
	text[size] = '\0';
	if (pki_parse(text, text, &identity) == 0)
		pki_wipe(&identity);
	free(text);
	return 0;
}
