/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Three hashes, each for what it is good at: FNV-1a and MurmurHash3 for the
 * block lists' filter, which another program must be able to repeat, SipHash
 * for the cache: its names are chosen by strangers, and MurmurHash3 has
 * collisions that hold for every seed. Pure; any thread.
 */
#ifndef ADIT_DNS_HASH_H
#define ADIT_DNS_HASH_H

#include <stddef.h>
#include <stdint.h>

/* 64 bits; Fowler, Noll, Vo. */
uint64_t hash_fnv1a(const void *bytes, size_t len);
/* MurmurHash3_x64_128; Appleby. */
void hash_murmur3(const void *bytes, size_t len, uint32_t seed,
		  uint64_t ret_hash[static 2]);
/* SipHash-2-4; Aumasson, Bernstein. */
uint64_t hash_siphash(const void *bytes, size_t len,
		      const uint64_t key[static 2]);

#endif
