#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A hostile wire under the real programs: a man in the middle (tests/lab/
# relay.c, in the cafe) sends pieces, changed, longer, repeated and copied
# datagrams, in both directions. Each is dropped and moves the counter of its
# cause and no other; the tunnel's ping loses nothing; at the end the gateway
# remembers one session and no handshake. Then all of it with the programs
# that have sanitizers, if they are built.
#
#   laptop 192.0.2.10 --> cafe 192.0.2.1, the relay --> gateway 192.0.2.2
set -u
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

web=198.51.100.10 metrics=127.0.0.1:9464
acts=0 datagrams=0

relay_has_answered() { # LINES-BEFORE
	[ "$(wc -l <"$lab/relay.log")" -gt "$1" ]
}

# One line to the relay; its answer is in $answer.
relay() { # COMMAND...
	local lines
	lines=$(wc -l <"$lab/relay.log")
	echo "$*" >"$lab/relay.fifo"
	until_true 5 relay_has_answered "$lines" ||
		fail "the relay does not answer: $*"
	answer=$(tail -n 1 "$lab/relay.log")
}

begin() {
	programs_begin curl python3
	variant relayed 'p["HostName"] = "192.0.2.1"
p["VendorConfig"]["ServerName"] = "vpn.example.com"'
	mkfifo "$lab/relay.fifo"
	start relay cafe "$lab_root/build/linux/lab/relay" 192.0.2.1 192.0.2.2 \
		/run/lab/relay.fifo
	until_true 5 grep -q ready "$lab/relay.log" || fail "no relay"
	start gateway gateway adit-gateway run /etc/gw --metrics $metrics
	until_true 5 on gateway curl -sf http://$metrics/metrics ||
		fail "the gateway does not start"
	start_aditd
	add_profiles relayed
}

metric() { # NAME
	on gateway curl -sf http://$metrics/metrics |
		sed -n "s/^adit_gateway_$1 //p"
}

# All that came to an end and was dropped, one "cause=count" a line.
drops() { # gateway|client
	if [ "$1" = client ]; then
		on laptop adit status --json | python3 -c 'import json, sys
for d in json.load(sys.stdin)["drops"]:
    print("%s=%d" % (d["cause"], d["count"]))'
	else
		on gateway curl -sf http://$metrics/metrics | sed -n \
			's/^adit_gateway_.*_dropped_total{\(.*\)} /\1 /p' |
			sed 's/[a-z]*="\([a-z_]*\)"/\1/g; s/ /=/; /=0$/d; /^tx/d'
	fi
}

# What has moved since $before, as "cause=how-much ...".
moved() { # gateway|client
	drops "$1" | awk -F= -v before="$before" 'BEGIN {
		n = split(before, lines, "\n")
		for (i = 1; i <= n; i++) {
			split(lines[i], f, "=")
			was[f[1]] = f[2]
		}
	}
	$2 != was[$1] { printf "%s=%d ", $1, $2 - was[$1] }' | sed 's/ $//'
}

moved_by() { # gateway|client COUNT
	[ "$(moved "$1" | tr ' ' '\n' | awk -F= '{ n += $2 }
		END { print n + 0 }')" -ge "$2" ]
}

# The relay does something to the last datagram of a sort, and these counters
# move by as much as it sent: "=CAUSE" stands for one cause and all of it.
does() { # END SORT ACT A B CAUSE=COUNT...
	local end=$1 want=$6 sent got before
	before=$(drops "$end")
	relay "$1 $2 $3 $4 $5"
	sent=${answer#sent } sent=${sent%% *}
	[ "$sent" -gt 0 ] || fail "$1 $2 $3: nothing was sent: $answer"
	[ "${want#=}" = "$want" ] || want=${want#=}=$sent
	until_true 3 moved_by "$end" "$sent" || true
	got=$(moved "$end")
	[ "$got" = "$want" ] ||
		fail "$1 $2 $3 $4 $5: \"$got\" moved, not \"$want\" ($answer)"
	acts=$((acts + 1)) datagrams=$((datagrams + sent))
}

# Every position of a data record's header, its inside and its end.
data_to_gateway() {
	does gateway data cut 0 2 =control,short
	does gateway data cut 2 32 =data,short
	does gateway data cut 32 9999 =data,not_authentic
	does gateway data flip 1 2 =control,wrong_lane
	does gateway data flip 2 4 =data,not_authentic
	does gateway data flip 4 8 =data,unknown_session
	does gateway data flip 8 12 =data,counter_far_ahead
	does gateway data flip 12 13 \
		"data,counter_far_ahead=4 data,not_authentic=4"
	does gateway data flip 13 0 =data,not_authentic
	does gateway data again 100 0 =data,replayed
	does gateway data grow 1 0 =data,not_authentic
	does gateway data grow 1200 0 =data,not_authentic
	does gateway data grow 60000 0 =data,not_authentic
	does gateway data counter 40 0 =data,counter_far_ahead
	does gateway data copy 100 0 =data,replayed
}

control_to_gateway() {
	does gateway control cut 1 32 =control,short
	does gateway control cut 32 9999 =control,not_authentic
	does gateway control flip 1 2 =control,wrong_lane
	does gateway control flip 2 4 =control,not_authentic
	does gateway control flip 4 8 =control,unknown_session
	does gateway control flip 8 12 =control,counter_far_ahead
	does gateway control flip 13 0 =control,not_authentic
	does gateway control again 100 0 =control,replayed
	does gateway control grow 60000 0 =control,not_authentic
	does gateway control counter 40 0 =control,counter_far_ahead
	does gateway control copy 100 0 =control,replayed
}

handshake_to_gateway() {
	does gateway handshake cut 1 13 =control,short
	does gateway handshake flip 2 3 =handshake,bad_padding
	does gateway handshake flip 4 0 =handshake,not_padded
	does gateway handshake again 100 0 =handshake,not_padded
	does gateway handshake copy 100 0 =handshake,not_padded
	does gateway handshake grow 900 0 =handshake,no_hello
	does gateway handshake grow 1200 0 =handshake,oversized
	does gateway handshake grow 60000 0 =handshake,oversized
}

to_client() {
	does client data cut 0 2 =control_short
	does client data cut 2 32 =drop_short
	does client data cut 32 9999 =drop_forged
	does client data flip 1 2 =control_index
	does client data flip 2 4 =drop_forged
	does client data flip 4 8 =drop_index
	does client data flip 8 12 =drop_epoch
	does client data flip 13 0 =drop_forged
	does client data again 100 0 =drop_replayed
	does client data grow 60000 0 =drop_forged
	does client data counter 40 0 =drop_epoch
	does client data copy 100 0 =drop_replayed
	does client control cut 1 32 =control_short
	does client control cut 32 9999 =control_forged
	does client control flip 4 8 =control_index
	does client control flip 8 12 =control_epoch
	does client control flip 13 0 =control_forged
	does client control again 100 0 =control_replayed
	does client control copy 100 0 =control_elsewhere
	does client control grow 60000 0 =control_forged
	does client handshake cut 1 13 =control_short
	does client handshake again 100 0 =control_token
	does client handshake flip 4 0 =control_token
}

# Seven of eight bits make the first byte another protocol's, and the eighth
# makes a handshake datagram of a record.
first_bytes() {
	local end before
	for end in gateway client; do
		before=$(drops $end)
		relay "$end data flip 0 1"
		until_true 3 moved_by $end 8 || fail "$end: $(moved $end) of 8"
		[[ " $(moved $end)" =~ \ control[,_](unknown_first_byte|foreign)=7 ]] ||
			fail "first byte, $end: $(moved $end)"
	done
	acts=$((acts + 2)) datagrams=$((datagrams + 16))
}

pings() { # HOW-MANY WHILE-WHAT: all of them come back, once
	on laptop ping -c "$1" -i 0.005 -w 20 $web >"$lab/pings" 2>&1
	[ "$(pings_lost "$lab/pings")" = 0 ] &&
		[ "$(pings_came "$lab/pings")" -ge "$1" ] &&
		! grep -q DUP "$lab/pings" ||
		fail "while $2: $(tail -n 4 "$lab/pings")"
}

passed() { # how many data records to the gateway, and to that other port
	relay tell
	read -r _ to_gateway _ _ to_other <<<"$answer"
}

all_twice() {
	local were_to_gateway before was
	passed
	were_to_gateway=$to_gateway before=$(drops gateway)
	relay mode twice
	pings 100 "each datagram comes two times"
	relay mode plain
	passed
	was=$((to_gateway - were_to_gateway))
	until_true 3 moved_by gateway $was
	# What both ends report meanwhile comes twice as well.
	[[ "$(moved gateway)" =~ \
		^(control,replayed=[0-9]+ )?data,replayed=$was( control,replayed=[0-9]+)?$ ]] ||
		fail "$was came twice, but $(moved gateway)"
}

out_of_order() {
	local before
	before=$(drops gateway)
	relay mode swap
	pings 100 "each two datagrams change places"
	relay mode plain
	[ -z "$(moved gateway)" ] || fail "out of order: $(moved gateway)"
}

# What is authentic counts, wherever it comes from; but the session stays
# where it was.
from_elsewhere() {
	local before
	before=$(drops gateway)
	relay mode elsewhere
	pings 50 "records leave from another port"
	relay mode plain
	passed
	[ "$to_other" = 0 ] || fail "the session moved: $to_other came"
	[ -z "$(moved gateway)" ] || fail "from elsewhere: $(moved gateway)"
}

# Cut, changed and longer copies stand in front of each datagram of the
# handshake.
connects_through_it() {
	local began
	expect 0 disconnect
	relay mode spoil
	began=$(now_ms)
	expect 0 connect relayed --wait=5
	connect_ms=$(took_ms "$began")
	pings 20 "bad copies go in front"
	relay mode plain
	in_time "$connect_ms" 1000 || fail "connecting took $connect_ms ms"
}

resident_kb() { # LABEL
	awk '/^VmRSS/ { print $2 }' "/proc/$(program_pid "$1")/status"
}

attack() {
	expect 0 connect relayed --wait=5
	pings 50 "nothing happens"
	kb=$(resident_kb gateway)
	start inner laptop ping -i 0.02 -W 2 $web
	data_to_gateway
	control_to_gateway
	handshake_to_gateway
	to_client
	first_bytes
	stop inner INT
	kb=$(($(resident_kb gateway) - kb))
	inner=$(grep 'packets transmitted' "$lab/inner.log")
	[ "$(pings_lost "$lab/inner.log")" = 0 ] || fail "the tunnel's ping: $inner"
	all_twice
	out_of_order
	from_elsewhere
	connects_through_it
	[ "$(metric sessions)" = 1 ] || fail "$(metric sessions) sessions"
	[ "$(metric handshakes_remembered)" = 0 ] ||
		fail "$(metric handshakes_remembered) handshakes are remembered"
}

finish() {
	local log
	expect 0 disconnect
	stop aditd || fail "aditd ended with $?"
	stop gateway || fail "adit-gateway ended with $?"
	for log in aditd gateway; do
		! grep -E 'Sanitizer|runtime error' "$lab/$log.log" >&3 ||
			fail "$log: a sanitizer has something to say"
	done
	as_before "a hostile wire"
}

begin
attack
finish
if [ -z "${lab_programs-}" ]; then
	[ $kb -lt 512 ] || fail "the gateway grew by $kb KiB"
	echo "note: $acts acts, $datagrams hostile datagrams: each moved its" \
		"counter and no other; gateway's memory grew by $kb KiB;" \
		"${inner%%,*} through the tunnel meanwhile, none lost"
	echo "note: connect with bad copies in front of each datagram:" \
		"$connect_ms ms"
	sanitized=$lab_root/build/linux-address-undefined/bin
	if [ -x "$sanitized/aditd" ]; then
		lab_programs=$sanitized "$0" || exit 1
	fi
else
	echo "note: the same with sanitizers: $acts acts, nothing found"
fi
