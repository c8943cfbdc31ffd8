/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Of a person's status, the part that is on demand: who decided, how long that
 * holds, and what the rules say of which network. cli_status.c has the rest.
 * Nothing of it is there for a profile without rules, but a login page that is
 * in the way of everybody.
 */
#ifndef ADIT_CLI_STATUS_H
#define ADIT_CLI_STATUS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct ctl_status;

/* Is there a "why", and does the first line tell it, since the state is as it
 * is for no other reason? */
bool cli_status_is_as_wanted(const struct ctl_status *s);
/* "you said so at 14:02; ends when this network changes. Rule 2 (WiFi) would
 * connect." */
void cli_status_why(FILE *to, const struct ctl_status *s, uint64_t now_s);
/* The lines below the first. */
void cli_status_demand(FILE *to, bool colour, const struct ctl_status *s,
		       uint64_t now_s);
/* "14:02", with the day if it is another. */
void cli_status_time(FILE *to, uint64_t when_s, uint64_t now_s);
void cli_status_label(FILE *to, bool colour, const char *label);

#endif
