#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A gateway called "gateway": wolfSSL takes a name without a dot for none, so
# adit compares it itself.
set -u
gateway_name=gateway
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

programs_begin
variant other-case 'p["HostName"] = "GateWay"'
variant wrong-name 'p["VendorConfig"]["ServerName"] = "gatewa"'
add_profiles laptop other-case wrong-name
start_gateway
start_aditd

for profile in laptop other-case; do
	expect 0 connect $profile --wait=10
	reaches 10.77.0.1 198.51.100.10
	expect 0 disconnect
done
expect 5 connect wrong-name --wait=10
grep -q "the gateway's certificate is not for \"gatewa\"" "$lab/adit.err" ||
	fail "the reason: $(cat "$lab/adit.err")"
end_aditd "after a refusal"
echo "note: $checks checks"
