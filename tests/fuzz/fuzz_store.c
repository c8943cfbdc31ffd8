/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The files of a gateway's directory: gateway.json and a client's. What was
 * taken is printed as a file that is taken. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tunnel/gateway/gateway_store_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_config(const char *text, size_t size, int depth)
{
	struct gateway_config config;
	struct gateway_error error;
	char *again;

	if (gateway_config_parse(text, size, "gateway.json", &config, &error)) {
		assert(depth == 0);
		return;
	}
	again = gateway_config_print(&config);
	gateway_config_fini(&config);
	if (depth == 0)
		check_config(again, strlen(again), 1);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gateway_client client = { 0 };
	struct gateway_error error;
	char *text;

	check_config((const char *)data, size, 0);
	if (gateway_client_parse((const char *)data, size, "x.json", &client,
				 &error) == 0) {
		text = gateway_client_print(&client);
		assert(gateway_client_parse(text, strlen(text), "x.json",
					    &client, &error) == 0);
		free(text);
	}
	return 0;
}
