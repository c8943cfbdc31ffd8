/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/base/output.h"
#include "tunnel/gateway/gateway_cli.h"

int main(int argc, char **argv)
{
	return output_finish("adit-gateway",
			     gateway_cli(argc, argv, stdout, stderr));
}
