/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Text from outside, made safe to judge and to show: UTF-8, what a terminal
 * may print, and the known name that somebody meant. Pure; any thread.
 */
#ifndef ADIT_CONFIG_TEXT_H
#define ADIT_CONFIG_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The offset of the first byte that is not UTF-8 (RFC 3629: no overlong forms,
 * no surrogates), or len. */
size_t text_utf8_prefix(const char *text, size_t len);
/* Writes one code point as UTF-8: 1 to 4 bytes. */
size_t text_utf8_put(uint32_t code, char to[static 4]);

/* Control and direction-changing characters become '?', and half a character
 * at the end is cut off: what a file says must not steer a terminal. */
void text_make_printable(char *text);

/* How far `name` is from `known`: 0 when they differ in case alone, else the
 * number of letters to insert, delete, replace or swap (restricted
 * Damerau-Levenshtein distance, without case). Long names are far away. */
unsigned int text_distance(const char *name, const char *known);
/* Is a name at this distance one that somebody may have meant? */
bool text_is_near(unsigned int distance, const char *name);

#endif
