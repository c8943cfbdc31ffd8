/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/gateway/gateway_cli.h"

int main(int argc, char **argv)
{
	return gateway_cli(argc, argv, stdout, stderr);
}
