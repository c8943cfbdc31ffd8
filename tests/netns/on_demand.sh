#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Rules on demand with the real programs, on two wires: the cafe's (up0) and
# home's (up1). The user's hand is above the rules: the rows U of profile.md are
# in brackets.
# shellcheck source=tests/netns/lib_demand.sh
. "$(dirname "$0")/lib_demand.sh"

demand_begin
start_gateway
start_aditd
with_rules work "$rules"
add_profiles work

until_says "no network decides nothing [R19]" \
	's["state"] == "down" and s["rule"]["outcome"] == "no-network"'
go_to cafe
until_says "the cafe connects" \
	's["state"] == "up" and s["rule"]["index"] == 1'
go_to home
until_says "home disconnects [R44]" \
	's["state"] == "down" and s["rule"]["index"] == 0'
go_to cafe
until_says "the cafe connects again" 's["state"] == "up"'

expect 0 disconnect
until_says "down, because the user said so [U1]" \
	's["state"] == "down" and s["hold"]["state"] == "held-down" and
		s["rule"]["index"] == 1 and s["hold"]["ends"] == "network"'
on laptop ping -qc 2 -i 0.1 192.0.2.2 >/dev/null
stays "traffic starts nothing [U1]" 's["state"] == "down"'
on laptop ip addr change 192.0.2.10/24 dev up0 valid_lft 300 preferred_lft 300
stays "a renewal is no other network [U2]" 's["state"] == "down"'
go_to nowhere
stays "no network is no other network" 's["hold"]["state"] == "held-down"'
go_to cafe
stays "it is the same network" 's["state"] == "down" and
	s["hold"]["state"] == "held-down"'
restart TERM
stays "the hold outlives aditd" 's["state"] == "down" and
	s["hold"]["state"] == "held-down"'
restart KILL
stays "the hold outlives a kill -9" 's["hold"]["state"] == "held-down"'
expect 0 connect
until_says "the user connects [U4]" 's["state"] == "up" and
	s["hold"]["state"] == "held-up"'
expect 0 disconnect
go_to home
until_says "another network ends a hold" 's["state"] == "down" and
	s["hold"]["state"] == "none" and s["rule"]["action"] == "Disconnect"'
expect 0 connect --wait
until_says "held up where a rule says Disconnect [U7]" 's["state"] == "up" and
	s["hold"]["state"] == "held-up" and s["rule"]["action"] == "Disconnect"'
go_to cafe
until_says "until the network changes [U7]" 's["state"] == "up" and
	s["hold"]["state"] == "none"'
go_to home
until_says "and then the rules decide" 's["state"] == "down"'
stop aditd TERM || fail "aditd ended with $?"
on laptop sh -c 'ls /var/lib/adit/hold-* 2>/dev/null' && fail "a hold is left"
echo "note: $checks checks"
