#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# In the guest (tests/lab/guest.sh): real Wi-Fi, and the rules of a profile.
# From HomeNet to CafeNet to Ethernet to nothing to HomeNet, the user's word
# above the rules, two access points of one network, and SSIDs of all kinds. At
# each step hostapd's own line about it, and how long the daemon's answer took
# from then on. A ping of 100 a second to the internet goes on all the time:
# nothing of it is lost but where there is no network.
set -u
# shellcheck source=tests/wifi/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# From the time when the laptop has an address there: how long the emulated
# radio, wpa_supplicant and DHCP take until then is the machine's affair.
limit_ms=5000
moved_ms=15000 # where a tunnel that is up has to move
declare -a slowest_ms=() # by the limit

rules='p["OnDemand"] = {"Enabled": True, "Rules": [
	{"Action": "Disconnect", "InterfaceTypeMatch": "WiFi",
	 "SSIDMatch": ["HomeNet"]},
	{"Action": "Connect", "InterfaceTypeMatch": "WiFi",
	 "SSIDMatch": ["CafeNet"]},
	{"Action": "Connect", "InterfaceTypeMatch": "Ethernet"}]}'

# --- what the daemon says ---

# A word of an object in $json, which may be on many lines.
word() { # NAME OBJECT KEY
	local found=none
	[[ $json =~ \"$2\":[[:space:]]*\{([^{}]*) &&
		${BASH_REMATCH[1]} =~ \"$3\":[[:space:]]*\"?([^\",[:space:]]+) ]] &&
		found=${BASH_REMATCH[1]}
	said+=" $1=$found"
}

# $said: words of its status. An interpreter for each would be the slowest part.
status() {
	local json
	json=$(on laptop adit status --json)
	[[ $json =~ \"state\":[[:space:]]*\"([a-z]*)\" ]]
	said=state=${BASH_REMATCH[1]-none}
	word hold hold state
	word rule rule index
	word action rule action
	word on network type
	word dev network device
	word ssid network ssid_hex
}

says() { # PATTERN...: each of them is one of the words, now
	local pattern
	status
	for pattern in "$@"; do
		# shellcheck disable=SC2027,SC2086 # it is a pattern
		[[ " $said " == *" "$pattern" "* ]] || return 1
	done
}

# The same of a tunnel that was up on another network or device.
must_move() { # WHEN PATTERN...
	local limit_ms=$moved_ms
	must_say "$@"
}

# In time, and how long after the association, or what the user said, it was.
must_say() { # WHEN PATTERN...
	local when=$1 took
	shift
	until says "$@"; do
		[ $(($(now_ms) - leased_ms)) -lt $limit_ms ] ||
			fail "$when: \"$said\" after $limit_ms ms, not \"$*\":" \
				"$(on laptop adit status)"
	done
	took=$(($(now_ms) - joined_ms))
	[ $took -le "${slowest_ms[limit_ms]-0}" ] || slowest_ms[limit_ms]=$took
	checks=$((checks + 1))
	echo "adit:    $said ($when, $took ms," \
		"$((joined_ms + took - leased_ms)) of them with an address)"
}

# It is so now, and still is when everything that came of it had its time.
must_stay() { # WHEN PATTERN...
	local when=$1 i
	shift
	for ((i = 0; i < 5; i++)); do
		says "$@" || fail "$when: \"$said\", not \"$*\""
		sleep 0.2
	done
	checks=$((checks + 1))
	echo "adit:    $said (still, $when)"
}

user() { # CODE ARGUMENTS...: what the user says
	happens_now
	expect "$@"
}

home=ssid=${net_ssid[HomeNet]}
cafe=ssid=${net_ssid[CafeNet]}
alive="state=@(up|suspect)" # a path is probed when links change

# --- the steps ---

from_network_to_network() {
	switch_to HomeNet
	must_say "HomeNet" on=WiFi "$home" rule=0 action=Disconnect state=down
	switch_to CafeNet
	must_say "CafeNet" on=WiFi "$cafe" rule=1 action=Connect state=up
	reaches 198.51.100.10
	plug_in
	must_say "Ethernet" on=Ethernet dev=up0 rule=2 action=Connect state=up
	reaches 198.51.100.10
	supplicant disconnect >/dev/null
	no_lease
	happens_now
	must_move "Ethernet alone" on=Ethernet dev=up0 rule=2 state=up
	unplug
	happens_now
	must_say "nothing" on=none rule=null action=none
	switch_to HomeNet
	must_say "HomeNet again" on=WiFi "$home" rule=0 action=Disconnect \
		state=down
}

# Rows of table 5.5: what the user said, and what ends it.
users_word() {
	user 0 connect --wait=10 # U7
	must_say "U7: connect at home" hold=held-up rule=0 state=up
	hostapd_hears
	roam
	must_stay "another access point" hold=held-up rule=0 "$home" "$alive"
	reaches 198.51.100.10
	switch_to CafeNet
	must_move "U7: another network" hold=none rule=1 state=up
	user 0 disconnect # U1
	must_say "U1: disconnect at the cafe" hold=held-down rule=1 state=down
	on laptop ping -q -c 3 198.51.100.10 >/dev/null 2>&1
	must_stay "U1: with traffic" hold=held-down rule=1 state=down
	lease # U2
	must_stay "U2: a lease is renewed" hold=held-down state=down
	leave
	switch_to CafeNet
	must_say "the same network again" hold=held-down rule=1 state=down
	must_stay "it is" hold=held-down rule=1 state=down
	user 0 connect --wait=10 # U4
	must_say "U4: connect" hold=held-up state=up
	user 0 disconnect
	switch_to HomeNet
	must_say "the hold ends" hold=none rule=0 state=down
}

# No rule is about them: nothing is done, and their names are told.
odd_names() {
	local name
	for name in Hidden Quoted Utf8 Raw; do
		switch_to "$name"
		must_say "$name" on=WiFi "ssid=${net_ssid[$name]}" rule=null \
			state=down
	done
}

# The other program that joins networks, which tells the kernel other things.
with_iwd() {
	stop supplicant
	start_iwd
	away_begin
	switch_to CafeNet
	must_say "CafeNet by iwd" on=WiFi "$cafe" rule=1 state=up
	switch_to HomeNet
	must_say "HomeNet by iwd" on=WiFi "$home" rule=0 state=down
}

wifi_begin
start_gateway
start_aditd
variant laptop-rules "$rules"
add_profiles laptop-rules
start_supplicant
pings_begin
unplug
from_network_to_network
users_word
odd_names
with_iwd
pings_end
stop aditd || fail "aditd ended with $?"
echo "note: $checks checks; the slowest answer came ${slowest_ms[limit_ms]} ms" \
	"after hostapd's line, of a tunnel that moved ${slowest_ms[moved_ms]} ms"
