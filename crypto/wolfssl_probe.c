/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Does this wolfSSL have everything adit uses? Compiled and run by
 * config/deps.sh against each candidate; never part of a program. A missing
 * feature is a compile or link error, or exit status 1 with its name.
 */
#include <wolfssl/options.h>

#include <stdio.h>
#include <wolfssl/ssl.h>
#include <wolfssl/version.h>
#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/chacha20_poly1305.h>
#include <wolfssl/wolfcrypt/hmac.h>
#include <wolfssl/wolfcrypt/pkcs12.h>

#if LIBWOLFSSL_VERSION_HEX < 0x05009002
#error "wolfSSL 5.9.2 or newer is needed (CVE-2026-6679 and others)"
#endif
#if !defined(WOLFSSL_DTLS13) || !defined(WOLFSSL_DTLS_CH_FRAG)
#error "--enable-dtls13 --enable-dtls-frag-ch"
#endif
#if !defined(WOLFSSL_HAVE_MLKEM) || !defined(WOLFSSL_PQC_HYBRIDS)
#error "--enable-mlkem --enable-pqc-hybrids"
#endif
#if !defined(HAVE_KEYING_MATERIAL) || !defined(HAVE_HKDF)
#error "--enable-keying-material --enable-hkdf"
#endif
#if !defined(KEEP_PEER_CERT) || !defined(WOLFSSL_ALWAYS_VERIFY_CB)
#error "-DKEEP_PEER_CERT -DWOLFSSL_ALWAYS_VERIFY_CB"
#endif
#ifndef WOLFSSL_IP_ALT_NAME
#error "-DWOLFSSL_IP_ALT_NAME"
#endif
#if !defined(HAVE_ED25519) || !defined(WOLFSSL_CERT_GEN) || \
	!defined(WOLFSSL_CERT_EXT) || !defined(HAVE_CRL) || \
	!defined(HAVE_ALPN) || !defined(HAVE_SNI)
#error "--enable-ed25519 --enable-certgen --enable-certext --enable-crl ..."
#endif
#if !defined(WC_RC2) || defined(NO_DES3)
#error "--enable-des3 --enable-rc2 (PKCS#12 as device management exports it)"
#endif

/* Referenced so that the link fails when the library lacks one of them. */
static const void *needed[] = {
	(const void *)wolfDTLS_accept_stateless,
	(const void *)wolfSSL_dtls13_allow_ch_frag,
	(const void *)wolfSSL_dtls_set_timeout_max,
	(const void *)wolfSSL_export_keying_material,
	(const void *)wolfSSL_get_peer_certificate,
	(const void *)wolfSSL_check_ip_address,
	(const void *)wc_PKCS12_parse,
	(const void *)wc_PKCS12_create,
	(const void *)wc_HKDF_Expand,
	(const void *)wc_AesGcmEncrypt,
	(const void *)wc_ChaCha20Poly1305_Encrypt,
	(const void *)wc_MakeCert,
	(const void *)wc_ForceZero,
};

int main(void)
{
	int groups[] = { WOLFSSL_X25519MLKEM768, WOLFSSL_SECP256R1MLKEM768,
			 WOLFSSL_SECP384R1MLKEM1024 };
	WOLFSSL_CTX *ctx;

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (needed[i] == NULL)
			return 1;
	if (wolfSSL_Init() != WOLFSSL_SUCCESS)
		return 1;
	ctx = wolfSSL_CTX_new(wolfDTLSv1_3_client_method());
	if (ctx == NULL) {
		puts("no DTLS 1.3");
		return 1;
	}
	if (wolfSSL_CTX_set_groups(ctx, groups, 3) != WOLFSSL_SUCCESS) {
		puts("a hybrid group is missing");
		return 1;
	}
	wolfSSL_CTX_free(ctx);
	return 0;
}
