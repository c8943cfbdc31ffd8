/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The end of each test program's main. */
#ifndef ADIT_TESTS_SUITE_H
#define ADIT_TESTS_SUITE_H

#include <check.h>

/* Consumes the suite. The program's exit code. */
int suite_run(Suite *s);

#endif
