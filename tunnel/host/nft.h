/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nftables through the nft program: its library's licence does not go with
 * wolfSSL's, and a script is one transaction. Waits for the program; control
 * thread.
 */
#ifndef ADIT_HOST_NFT_H
#define ADIT_HOST_NFT_H

#include "tunnel/base/attr.h"

enum {
	NFT_WHY_MAX = 160,
};

/* 0; -ENOENT: there is no nft; -EIO: it refused, and nothing has changed. Then
 * `ret_why` says what to do, or what nft said. */
int nft_run(const char *script,
	    char ret_why[static NFT_WHY_MAX]) ATTR_MUST_CHECK;
/* A table ("inet adit") as nft prints it, without counters; to be freed. An
 * empty text: there is no such table. NULL: nft cannot be asked. */
char *nft_list(const char *table);

#endif
