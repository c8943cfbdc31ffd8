/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <wolfssl/options.h>

#include "tests/lib/keys_hook.h"

#include <wolfssl/ssl.h>

bool export_hook_fails;

int __real_wolfSSL_export_keying_material(WOLFSSL *ssl, unsigned char *out,
					  size_t out_len, const char *label,
					  size_t label_len,
					  const unsigned char *context,
					  size_t context_len, int use_context);
int __wrap_wolfSSL_export_keying_material(WOLFSSL *ssl, unsigned char *out,
					  size_t out_len, const char *label,
					  size_t label_len,
					  const unsigned char *context,
					  size_t context_len, int use_context);

int __wrap_wolfSSL_export_keying_material(WOLFSSL *ssl, unsigned char *out,
					  size_t out_len, const char *label,
					  size_t label_len,
					  const unsigned char *context,
					  size_t context_len, int use_context)
{
	if (export_hook_fails)
		return 0; /* and, as wolfSSL does, leaves the buffer as it was
			   */
	return __real_wolfSSL_export_keying_material(ssl, out, out_len, label,
						     label_len, context,
						     context_len, use_context);
}
