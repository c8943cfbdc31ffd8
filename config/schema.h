/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The JSON Schema (2020-12) of a profile, and of an identity by reference, for
 * editors and device management: config/profile.schema.json and
 * config/asset.schema.json are what this prints. It says what the table of
 * keys says; the rules across keys are told by `adit profile check` alone.
 */
#ifndef ADIT_CONFIG_SCHEMA_H
#define ADIT_CONFIG_SCHEMA_H

#include <stdio.h>

void schema_print_profile(FILE *to);
void schema_print_asset(FILE *to);

#endif
