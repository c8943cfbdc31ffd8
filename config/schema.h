/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The JSON Schema (2020-12) of a profile, for editors and device management:
 * config/profile.schema.json is what this prints. It says what the table of
 * keys says; the rules across keys are told by `adit profile check` alone.
 */
#ifndef ADIT_CONFIG_SCHEMA_H
#define ADIT_CONFIG_SCHEMA_H

#include <stdio.h>

void schema_print(FILE *to);

#endif
