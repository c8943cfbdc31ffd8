#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Make before break: what runs over the uplink does not notice a tunnel that
# comes, goes, or cannot come. A ping of 200 a second to a neighbour in the
# cafe loses nothing, and until the tunnel is up nothing of the host changes.
set -u
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

programs_begin
variant nobody 'p["HostName"] = "192.0.2.77"'
variant wrong-name 'p["VendorConfig"]["ServerName"] = "vpn.example.net"'
start_gateway
start_aditd
add_profiles laptop nobody wrong-name

ping_begin
expect 0 connect laptop --wait
reaches 198.51.100.10
expect 0 disconnect
ping_must_be_whole "the tunnel came and went"

ping_begin
expect 5 connect wrong-name --wait
expect 0 disconnect
ping_must_be_whole "a gateway was the wrong one"

ping_begin
start waiter laptop adit connect nobody --wait=20
until_state 2 connecting
as_before "the beginning of connect"
wait "${lab_job[waiter]}"
code=$?
[ $code -eq 6 ] || lab_logs=waiter fail "a gateway that is not there: $code"
state_is failed || fail "not failed: $(on laptop adit status)"
as_before "connecting in vain"
expect 0 disconnect
ping_must_be_whole "a gateway could not be reached"

# A tunnel that is up does not suffer from the uplink's silence about it: the
# gateway goes, the uplink stays as good as before.
expect 0 connect laptop --wait
ping_begin
start chatter laptop ping -q -i 0.1 198.51.100.10
stop gateway KILL
until_true 20 state_is reconnecting || fail "the silence is not noticed"
start_gateway
until_state 20 up
stop chatter INT
ping_must_be_whole "the gateway was away"
expect 0 disconnect
as_before "all of it"
end_aditd down
echo "note: $pings pings on the uplink, none lost"
