/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <wolfssl/options.h>

#include "tests/lib/hooks.h"

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

bool alpn_hook_silent;

int __real_wolfSSL_UseALPN(WOLFSSL *ssl, char *names, unsigned int len,
			   unsigned char options);
int __wrap_wolfSSL_UseALPN(WOLFSSL *ssl, char *names, unsigned int len,
			   unsigned char options);

int __wrap_wolfSSL_UseALPN(WOLFSSL *ssl, char *names, unsigned int len,
			   unsigned char options)
{
	if (alpn_hook_silent)
		return WOLFSSL_SUCCESS;
	return __real_wolfSSL_UseALPN(ssl, names, len, options);
}

bool hello_hook_open;

bool __real_envelope_is_hello(const uint8_t *dtls, size_t len);
bool __wrap_envelope_is_hello(const uint8_t *dtls, size_t len);

bool __wrap_envelope_is_hello(const uint8_t *dtls, size_t len)
{
	return hello_hook_open || __real_envelope_is_hello(dtls, len);
}
