/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "tunnel/base/output.h"
#include "tunnel/cli/cli.h"

int main(int argc, char **argv)
{
	return output_finish("adit", cli_main(argc, argv, stdout, stderr));
}
