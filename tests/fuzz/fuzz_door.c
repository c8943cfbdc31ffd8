/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A whole gateway, and a datagram of a stranger: never answered by more than
 * it had, nothing is kept, and no handshake begins without a cookie. */
#include <assert.h>
#include <string.h>
#include <time.h>

#include "crypto/credentials.h"
#include "crypto/pki.h"
#include "crypto/server.h"
#include "crypto/wolf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t answered;

static void on_send(void *arg, const struct path *to, const uint8_t *datagram,
		    size_t len)
{
	(void)arg;
	(void)to;
	(void)datagram;
	answered += len;
}

static struct server *open_door(void)
{
	static const struct server_callbacks callbacks = { .send = on_send };
	const struct pki_request r = { .use = PKI_CA,
				       .name = "gw.test",
				       .not_after = 4102444800 };
	char why[CREDENTIALS_ERROR_MAX], pem[2][PKI_PEM_MAX];
	struct credentials_source s = { .certificate = pem[0],
					.key = pem[1],
					.ca = pem[0] };
	struct server_options o = { .lanes_max = 1 };
	struct pki_identity id;

	assert(wolf_init() == 0 && pki_issue(&r, NULL, &id) == 0);
	assert(pki_certificate_pem(&id, pem[0]) == 0);
	assert(pki_key_pem(&id, pem[1]) == 0);
	s.certificate_len = s.ca_len = strlen(pem[0]);
	s.key_len = strlen(pem[1]);
	o.credentials = credentials_create(CREDENTIALS_GATEWAY, &s, why);
	return server_create(&o, &callbacks, NULL, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct path from = { .remote = { { AF_INET }, 1 } };
	static struct server *door;
	struct server_counters c;
	uint8_t datagram[2048];

	if (!door)
		door = open_door();
	if (size > sizeof(datagram))
		return 0;
	memcpy(datagram, data, size);
	answered = 0;
	server_input(door, &from, datagram, size, 1);
	server_counters(door, &c);
	assert(answered <= size && c.handshakes_now == 0);
	return 0;
}
