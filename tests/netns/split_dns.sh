#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Split DNS through the real programs: whose each name is, as it is told and as
# two name servers see it.
set -u
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/netns/lib_dns.sh
. "$(dirname "$0")/lib_dns.sh"

# All there is: each profile takes of it what its case needs.
routes=(--route 0.0.0.0/0 --route ::/0 --dns 198.51.100.10)
gateway_name=vpn.gateway.test
pool=172.31.0.0/16 # none of the cases'
ttl=0

dns_cannot kdig
programs_begin
start_answerers
start_gateway
start_aditd

# The tables of search and match domains.
rows() {
	cp "$lab_root/tests/lab/dns_rows.py" "$lab_root/tests/dns/cases.json" \
		"$lab/"
	on laptop python3 /run/lab/dns_rows.py /run/lab/cases.json \
		/run/lab/laptop.json /run/lab $stub >"$lab/rows.out" 2>&1 ||
		fail "$(cat "$lab/rows.out")"
	cat "$lab/rows.out"
}

rows
