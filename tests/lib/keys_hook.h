/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The last secret that a handshake gave to the key schedule, for tests that
 * let another decoder open a capture. Test programs are linked with
 * --wrap; the programs are not, and have no such hook.
 */
#ifndef ADIT_TESTS_KEYS_HOOK_H
#define ADIT_TESTS_KEYS_HOOK_H

#include <stdbool.h>

#include "crypto/keys.h"

extern uint8_t keys_hook_secret[KEYS_SECRET_LEN];
/* While true, wolfSSL's exporter fails. */
extern bool export_hook_fails;

#endif
