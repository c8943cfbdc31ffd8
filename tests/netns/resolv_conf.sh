#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The bare resolv.conf while the tunnel is up, and other programs that write it
# too, as DHCP clients do: in place, by a rename, by a link to somewhere else,
# by removing it. Ours is back in seconds, theirs is what the uplink's servers
# are from then on, and what comes back in the end; and who does not stop is
# left alone, and that is said.
set -u
# shellcheck source=tests/netns/lib_dns.sh
. "$(dirname "$0")/lib_dns.sh"
routes=(--route 198.51.100.0/24 --dns 198.51.100.10 --match corp.example)
slowest=0

dns_cannot kdig
programs_begin
start_answerers
on cafe ip addr add 192.0.2.3/24 dev br0 || fail "a second server's address"
answerer second cafe 203.0.113.83 192.0.2.3
start_gateway
start_aditd
add_profiles laptop

status_has() { # PATTERN
	on laptop adit status --json | grep -q "$1"
}

is_ours() {
	on laptop cat /etc/resolv.conf 2>/dev/null |
		grep -q "^nameserver $stub\$"
}

is_well() { # and it says so
	is_ours && status_has '"applied":[[:space:]]*true'
}

comes_back() { # AFTER-WHAT
	local began took
	began=$(now_ms)
	until_true 5 is_well || fail "not ours after $1:" \
		"$(on laptop cat /etc/resolv.conf; on laptop adit status)"
	took=$(($(now_ms) - began))
	[ $took -gt $slowest ] && slowest=$took
	finds www.corp.example $inner4
	checks=$((checks + 1))
}

finds() { # NAME ADDRESS
	[ "$(on laptop getent ahostsv4 "$1" | sed -n '1s/ .*//p')" = "$2" ] ||
		fail "$1 is not $2: $(on laptop getent ahostsv4 "$1")"
	checks=$((checks + 1))
}

# Quiet, so that the next change is another's first.
come_up() {
	expect 0 connect --wait=10
	is_well || fail "not ours when up"
}

go_down() { # THE-FILE
	expect 0 disconnect
	[ "$(on laptop cat /etc/resolv.conf)" = "$1" ] ||
		fail "not \"$1\": $(on laptop cat /etc/resolv.conf)"
	checks=$((checks + 1))
}

write() { # TEXT
	on laptop sh -c 'printf "%s\n" "$1" >/etc/resolv.conf' - "$1"
}

replace() { # TEXT
	on laptop sh -c 'printf "%s\n" "$1" >/etc/resolv.conf.new
		mv /etc/resolv.conf.new /etc/resolv.conf' - "$1"
}

first=$'# of a DHCP client\nnameserver 192.0.2.3\nsearch lan2.example'
# In place, and what it says is followed: servers, and the search list.
come_up
finds www.outside.example $outer4
write "$first"
comes_back "a write"
finds www.outside.example 203.0.113.83
on laptop grep -q '^search corp.example lan2.example$' /etc/resolv.conf ||
	fail "the search list: $(on laptop cat /etc/resolv.conf)"
status_has '"192.0.2.3"' || fail "status: $(on laptop adit status --json)"
status_has '"repairs":[[:space:]]*1' || fail "the repair is not counted"
go_down "$first"
finds www.corp.example 203.0.113.83

# By a rename.
come_up
second=$'nameserver 192.0.2.1\n# another one'
replace "$second"
comes_back "a rename"
finds www.outside.example $outer4
go_down "$second"

# By a link to a folder of its own, and then in that folder.
come_up
on laptop sh -c 'mkdir -p /run/dhcp; echo "nameserver 192.0.2.3" >/run/dhcp/r
	ln -sf /run/dhcp/r /etc/resolv.conf'
comes_back "a link"
finds www.outside.example 203.0.113.83
on laptop sh -c 'echo "nameserver 192.0.2.1" >/run/dhcp/new
	mv /run/dhcp/new /run/dhcp/r'
comes_back "a rename behind the link"
finds www.outside.example $outer4
go_down "nameserver 192.0.2.1"
[ "$(on laptop readlink /etc/resolv.conf)" = /run/dhcp/r ] ||
	fail "the link is gone"

# Removed.
come_up
on laptop rm /run/dhcp/r
comes_back "a removal"
expect 0 disconnect
on laptop rm -f /etc/resolv.conf
write "$second"

# Again and again: three times put right, then left alone, and said.
come_up
for n in 1 2 3; do
	write "$first"
	comes_back "write number $n"
done
write "$first"
until_true 5 status_has '"applied":[[:space:]]*false' ||
	fail "status says that it is ours"
status_has 'names 192.0.2.3, not our' || fail "why: $(on laptop adit status)"
status_has '"repairs":[[:space:]]*8' || fail "repairs: $(on laptop adit status --json)"
write "$second"
sleep 1.5 # longer than a burst of changes may last
[ "$(on laptop cat /etc/resolv.conf)" = "$second" ] || fail "it is fought over"
# ... until the next look in time.
until_true 35 is_well || fail "never ours again: $(on laptop adit status)"
go_down "$second"

# A crash after another program's write brings back the other's.
come_up
write "$first"
comes_back "a write before a crash"
stop aditd KILL
on laptop aditd --undo 2>"$lab/undo.log" || fail "$(cat "$lab/undo.log")"
[ "$(on laptop cat /etc/resolv.conf)" = "$first" ] ||
	fail "after --undo: $(on laptop cat /etc/resolv.conf)"

echo "note: $checks checks; at most $slowest ms until it was ours again"
