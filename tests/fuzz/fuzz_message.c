/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The plaintext of a control record: its messages lie within it, and a text
 * for people is printable whatever was sent. */
#include <assert.h>
#include <string.h>

#include "crypto/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes run = bytes_read(data, size);
	struct message_refuse ending;
	struct message_report report;
	struct message_hello hello;
	struct message m;

	while (message_next(&run, &m) == 1) {
		assert(m.body + m.len <= data + size);
		(void)message_parse_hello(&m, &hello);
		(void)message_parse_report(&m, &report);
		if (message_parse_ending(&m, &ending) < 0)
			continue;
		assert(strlen(ending.text) <= MESSAGE_TEXT_MAX);
		for (const char *c = ending.text; *c != '\0'; c++)
			assert(*c >= ' ' && *c <= '~');
	}
	return 0;
}
