/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Doors that only test programs have: they are linked with --wrap, the
 * programs are not (Makefile, HOOKS). All are shut unless a test opens them.
 */
#ifndef ADIT_TESTS_HOOKS_H
#define ADIT_TESTS_HOOKS_H

#include <stdbool.h>

#include "crypto/keys.h"

/* The last secret that a handshake gave to the key schedule, so that another
 * decoder can open a capture. */
extern uint8_t keys_hook_secret[KEYS_SECRET_LEN];
/* wolfSSL's exporter fails, and leaves the buffer as it was. */
extern bool export_hook_fails;
/* Handshakes that begin now offer and ask for no ALPN. */
extern bool alpn_hook_silent;
/* The CPU is one without AES. */
extern bool cpu_hook_no_aes;
/* The gateway's filter for strangers lets everything pass. */
extern bool hello_hook_open;

#endif
