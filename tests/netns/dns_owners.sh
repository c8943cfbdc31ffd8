#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The owners of a host's DNS, the real ones, each on a host of its own (unpacked
# over /usr, not installed), with the cafe's name server as the uplink:
#
#   HOST                               cafe
#   up0 192.0.2.1x ------------- [br0] 192.0.2.1, answers 198.51.100.1
#   127.0.77.53, answers 10.77.1.2: where adit's stub would be
#
# Each is found, told of the stub, asked through libc, changed by another
# program and told again, undone; then told, left by a kill -9 of the holder and
# of the stub, and undone by the journal. From the telling to the undoing no
# name of corp.example may come to the cafe.
set -u
# shellcheck source=tests/netns/lib_owners.sh
. "$(dirname "$0")/lib_owners.sh"

stub=10.77.1.2 outer=198.51.100.1
state=/var/lib/adit
number=10

if why=$(lab_cannot python3 getent); then
	echo "$why"
	exit 77
fi
[ -x "$lab_root/build/linux/lab/dns_owner" ] || {
	echo "FAIL: build/linux/lab/dns_owner is missing: run make lab"
	exit 1
}
only_file=
if why=$(owners_cannot); then
	only_file="$why (the bare file is well)"
else
	unpack_owners
fi

# --- hosts ---

cafe() {
	lab_host cafe
	on cafe ip link add br0 type bridge && on cafe ip link set br0 up &&
		lab_address cafe br0 192.0.2.1/24 || fail "the cafe"
	answerer cafe outer $outer 192.0.2.1:53
}

# A host at the cafe, with what was unpacked of some packages over its /usr.
owner_host() { # HOST PACKAGE...
	lab_host "$1"
	number=$((number + 1))
	lab_cable "$1" up0 cafe "to-$1" &&
		on cafe ip link set "to-$1" master br0 &&
		lab_address "$1" up0 192.0.2.$number/24 &&
		on "$1" ip route add default via 192.0.2.1 || fail "the host $1"
	owner_files "$@"
}

answerer() { # HOST LABEL ANSWER ADDRESS:PORT...
	local host=$1 label=$2
	shift 2
	rm -f "$lab/$label.names"
	start "$label" "$host" python3 /run/lab/answerer.py "$1" \
		"/run/lab/$label.names" "${@:2}"
	until_true 5 grep -q ready "$lab/$label.names" ||
		lab_logs=$label fail "no name server on $host"
}

# --- one owner ---

# All that must be the same afterwards. Generated files carry no times here.
snapshot() { # HOST
	on "$1" sh -c 'readlink /etc/resolv.conf; cat /etc/resolv.conf
		ip -o link | sed "s/^[0-9]*: //"; ip -o addr | sed "s/^[0-9]*: //"
		ip route; ls /run/systemd/resolve/netif 2>/dev/null
		cat /run/resolvconf/interface*/* 2>/dev/null' 2>&1
	more_state "$1"
}

unchanged() { # HOST
	snapshot "$1" >"$lab/$1.now"
	cmp -s "$lab/$1.before" "$lab/$1.now"
}

as_it_was() { # HOST AFTER-WHAT: soon, for an owner may do it a little later
	until_true 3 unchanged "$1" || {
		diff "$lab/$1.before" "$lab/$1.now" >&3
		fail "$1 is not as it was after $2"
	}
	[ ! -e "$lab/$1/lib/adit/undo.journal" ] &&
		on "$1" test ! -e $state/undo.journal ||
		fail "$1: a journal is left after $2"
	checks=$((checks + 1))
}

hold() { # HOST OPTION...: $line is how it was applied
	local host=$1
	shift
	coproc HOLD { on "$host" /run/lab/dns_owner $state hold \
		match=corp.example search=s1.example "$@" \
		2>"$lab/$host.err" 3>&- 4>&-; }
	in=${HOLD[1]} out=${HOLD[0]} holder=$HOLD_PID
	answer owner
	answer uplink
	[[ $line == "uplink 0 192.0.2.1:53 search lan.example" ]] ||
		fail "$host: $line"
	answer applied
}

answer() { # WORD: the next line, in $line, begins with it
	read -r -t 15 line <&"$out" ||
		fail "no answer: $(cat "$lab/$host.err")"
	[[ $line == "$1"* ]] || fail "not $1 but: $line"
	checks=$((checks + 1))
}

tell() { # WORDS ANSWER
	echo "$1" >&"$in"
	answer "$2"
}

let_go() {
	exec {in}>&-
	wait "$holder" || fail "the end of hold: $(cat "$lab/$host.err")"
}

# The coprocess is a shell, its child nsenter, and that one's the program.
kill_holder() {
	kill -9 "$(pgrep -P "$(pgrep -P "$holder")")"
	wait "$holder" 2>/dev/null
	exec {in}>&-
}

resolves() { # HOST NAME ADDRESS
	local got
	got=$(on "$1" timeout 10 getent ahostsv4 "$2" | awk '{ print $1; exit }')
	[ "$got" = "$3" ] || fail "$1: $2 is \"$got\", not $3"
	checks=$((checks + 1))
}

# libc may ask NAME.lan.example when NAME fails: that is no name of ours.
no_leak() { # HOST WHEN
	local names
	names=$(grep -E '(^|\.)(corp|m[23])\.example$' "$lab/outer.names") &&
		fail "$1: $2: $names leaked"
	checks=$((checks + 1))
}

# The functions that an owner brings: outside says who answers names that are
# not ours; more_state, spoil and read_back take the host.
exercise() { # HOST NAME-IN-STATUS
	local host=$1 line="" began
	began=$(now_ms)
	snapshot "$host" >"$lab/$host.before"
	resolves "$host" www.outside.example $outer
	answerer "$host" "stub-$host" $stub 127.0.77.53:53 127.0.77.53:5353
	: >"$lab/outer.names"

	hold "$host"
	local applied=$line
	line=$(on "$host" /run/lab/dns_owner $state detect)
	[[ $line == "owner $2 "* ]] || fail "$host is no $2 but $line"
	echo "note: $line"
	tell verify "verify 1"
	tell uplink "uplink 0 192.0.2.1:53 search lan.example"
	tell "canary canary-$$.corp.example" "canary 0"
	resolves "$host" h1.corp.example $stub
	resolves "$host" www.outside.example "$outside"
	resolves "$host" wiki $stub
	read_back "$host" | sed "s/^/note:   /"
	tell "more m2.example" applied
	tell verify "verify 1"
	spoil "$host"
	tell verify "verify 0"
	local spoilt=$line
	tell "more m3.example" applied
	tell verify "verify 1"
	no_leak "$host" "while it was told"
	let_go
	as_it_was "$host" "undo"

	: >"$lab/outer.names"
	hold "$host"
	kill_holder
	stop "stub-$host" KILL
	on "$host" timeout 3 getent ahostsv4 h2.corp.example >/dev/null &&
		fail "$host: a name of ours was answered without us"
	no_leak "$host" "after a kill -9"
	on "$host" /run/lab/dns_owner $state undo >"$lab/undo.log" 2>&1 ||
		fail "$host: undo: $(cat "$lab/undo.log")"
	as_it_was "$host" "a kill -9 and undo"
	resolves "$host" www.outside.example $outer
	on "$host" /run/lab/dns_owner $state undo >/dev/null 2>&1 ||
		fail "$host: undone twice"
	as_it_was "$host" "undo twice"
	echo "note:   $applied; then $spoilt; $(($(now_ms) - began)) ms in all"
}

# --- systemd-resolved ---

resolved() {
	outside=$outer
	more_state() { resolved_state "$1"; }
	spoil() { on "$1" resolvectl domain adit-dns "~evil.example"; }
	read_back() {
		on "$1" resolvectl status adit-dns | sed 's/^ *//'
	}
	owner_host resolved resolved
	bus resolved
	start_resolved resolved
	resolved_uplink resolved
	exercise resolved systemd-resolved
	# Elsewhere on the same bus it counts as absent.
	line=$(on resolved unshare -n /run/lab/dns_owner $state detect)
	[[ $line == "owner resolv.conf "* ]] ||
		fail "resolved of another network: $line"
	# Another port, and everything.
	answerer resolved again $stub 127.0.77.53:5353
	host=resolved
	hold resolved port=5353 everything
	tell verify "verify 1"
	resolves resolved h3.corp.example $stub
	resolves resolved www.outside.example $stub
	# resolved starts again: the link's settings survive. Its file does not
	# lead to us in the meantime, so it is told.
	stop daemon-resolved TERM
	start_resolved resolved
	tell verify "verify 1"
	resolves resolved h4.corp.example $stub
	on resolved sh -c 'ip link del adit-dns'
	tell verify "verify 0"
	let_go
	as_it_was resolved "a link that was deleted"
	# A bus that hangs costs a few seconds, not the daemon.
	hold resolved
	on resolved sh -c 'kill -STOP $(pidof dbus-daemon)'
	local began took
	began=$(now_ms)
	let_go
	took=$(took_ms "$began")
	on resolved sh -c 'kill -CONT $(pidof dbus-daemon)'
	in_time "$took" 5000 || fail "a bus that hangs held us for $took ms"
	as_it_was resolved "undo without a bus"
	echo "note:   undone in $took ms with a bus that hangs"
}

# --- NetworkManager ---

nm_state() { # HOST
	on "$1" nmcli -t -f NAME,DEVICE,TYPE connection
	on "$1" nmcli -t -f DEVICE,STATE device
	on "$1" busctl get-property org.freedesktop.NetworkManager \
		/org/freedesktop/NetworkManager org.freedesktop.NetworkManager \
		GlobalDnsConfiguration
}

networkmanager() {
	outside=$stub
	more_state() { nm_state "$1"; }
	spoil() {
		on "$1" sh -c 'echo nameserver 192.0.2.1 >/etc/resolv.conf.new
			mv /etc/resolv.conf.new /etc/resolv.conf'
	}
	read_back() {
		on "$1" sh -c 'grep -v "^#" /etc/resolv.conf'
		on "$1" nmcli -f ipv4.dns,ipv4.dns-search,ipv4.dns-priority \
			connection show adit
	}
	owner_host nm networkmanager
	bus nm
	start_nm nm dns=default rc-manager=file
	exercise nm NetworkManager
	# Somebody takes the connection down: it comes up again.
	host="nm"
	hold nm
	on nm nmcli connection down adit >/dev/null
	tell verify "verify 0"
	tell "more m4.example" applied
	tell verify "verify 1"
	let_go
	as_it_was nm "a connection that was down"
}

# In the mode systemd-resolved it tells resolved and leaves resolv.conf alone.
both() {
	outside=$outer
	more_state() {
		resolved_state "$1"
		nm_state "$1"
	}
	spoil() {
		on "$1" nmcli -t -f NAME,DEVICE connection | grep adit >&3 &&
			fail "NetworkManager manages our link"
		on "$1" resolvectl default-route adit-dns yes
	}
	read_back() {
		on "$1" resolvectl status adit-dns | sed 's/^ *//'
		on "$1" nmcli -t -f DEVICE,STATE device
	}
	owner_host both resolved networkmanager
	bus both
	start_resolved both
	start_nm both dns=systemd-resolved
	exercise both systemd-resolved
}

dnsmasq() {
	outside=$outer
	more_state() { nm_state "$1"; }
	spoil() {
		on "$1" busctl set-property org.freedesktop.NetworkManager \
			/org/freedesktop/NetworkManager \
			org.freedesktop.NetworkManager GlobalDnsConfiguration \
			'a{sv}' 2 searches as 0 domains 'a{sv}' 2 \
			'*' 'a{sv}' 1 servers as 1 192.0.2.1 \
			adit.invalid 'a{sv}' 1 servers as 1 127.0.77.53
	}
	read_back() {
		on "$1" busctl get-property org.freedesktop.NetworkManager \
			/org/freedesktop/NetworkManager \
			org.freedesktop.NetworkManager GlobalDnsConfiguration
	}
	owner_host dnsmasq networkmanager
	bus dnsmasq
	start_nm dnsmasq dns=dnsmasq rc-manager=file
	exercise dnsmasq "NetworkManager with dnsmasq"
}

# --- resolvconf, twice ---

edit_file() {
	on "$1" sh -c 'echo nameserver 192.0.2.1 >/etc/resolv.conf'
}

show_file() {
	on "$1" grep '^[a-z]' /etc/resolv.conf
}

openresolv() {
	outside=$stub
	more_state() { on "$1" resolvconf -l; }
	spoil() { edit_file "$1"; }
	read_back() { show_file "$1"; }
	owner_host openresolv openresolv
	on openresolv mkdir -p /run/resolvconf
	line=$(on openresolv /run/lab/dns_owner $state detect)
	[[ $line == "owner resolv.conf "* ]] ||
		fail "openresolv without records: $line"
	uplink_record openresolv
	exercise openresolv resolvconf
}

resolvconf() {
	outside=$stub
	more_state() { on "$1" resolvconf -l; }
	spoil() { edit_file "$1"; }
	read_back() { show_file "$1"; }
	owner_host resolvconf resolvconf
	start_resolvconf resolvconf
	exercise resolvconf resolvconf
}

# --- the file ---

file() {
	outside=$stub
	more_state() { :; }
	spoil() { edit_file "$1"; }
	read_back() { show_file "$1"; }
	owner_host file
	on file sh -c 'printf "nameserver 192.0.2.1\nsearch lan.example\n" \
		>/etc/resolv.conf; echo options edns0 >>/etc/resolv.conf'
	exercise file resolv.conf
}

# As a container has it: mounted over, by a link that leads elsewhere.
mounted() {
	outside=$stub
	more_state() { :; }
	spoil() { edit_file "$1"; }
	read_back() { show_file "$1"; }
	owner_host mounted
	on mounted sh -c 'mkdir /run/elsewhere; cd /run/elsewhere
		printf "nameserver 192.0.2.1\nsearch lan.example\n" >real
		: >resolv.conf; mount --bind real resolv.conf
		ln -sf ../run/elsewhere/resolv.conf /etc/resolv.conf'
	exercise mounted resolv.conf
}

lab_begin
cp "$lab_root/build/linux/lab/dns_owner" "$lab_root/tests/lab/answerer.py" "$lab"
cafe
list=(file mounted)
[ -n "$only_file" ] ||
	list+=(resolved both networkmanager dnsmasq openresolv resolvconf)
[ $# -eq 0 ] || list=("$@") # some only
for owner in "${list[@]}"; do
	$owner
done
echo "note: $checks checks"
[ -z "$only_file" ] || { echo "$only_file"; exit 77; }
