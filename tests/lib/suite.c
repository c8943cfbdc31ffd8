/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/lib/suite.h"

#include <stdlib.h>

int suite_run(Suite *s)
{
	SRunner *r = srunner_create(s);
	int failed;

	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
