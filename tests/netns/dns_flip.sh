#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The tunnel comes and goes 100 times while 50 clients ask for one name that has
# one answer inside and another outside, both good for a minute. An answer to a
# question that was asked, and answered, between two edges is of that side.
set -u
# shellcheck source=tests/netns/lib_dns.sh
. "$(dirname "$0")/lib_dns.sh"
routes=(--route 198.51.100.0/24 --dns 198.51.100.10 --match corp.example)
ttl=60

dns_cannot
programs_begin
cp "$lab_root/tests/lab/dns_client.py" "$lab/"
start_answerers
start_gateway
start_aditd
add_profiles laptop
# The stub is there from now on.
expect 0 connect --wait=10
expect 0 disconnect
on laptop timeout 120 python3 /run/lab/dns_client.py flip 100 www.corp.example \
	$inner4 $outer4 $stub >"$lab/flip" 2>&1 || fail "$(cat "$lab/flip")"
echo "note: $(cat "$lab/flip")"
end_aditd down
