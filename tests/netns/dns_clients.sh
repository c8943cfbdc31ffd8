#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Every client gets the same answers, whatever it does by itself: glibc and
# musl, which search, dig and kdig, which do not, busybox, which asks for all
# completions at once, and one that asks as a browser does.
set -u
# shellcheck source=tests/netns/lib_dns.sh
. "$(dirname "$0")/lib_dns.sh"
routes=(--route 198.51.100.0/24 --dns 198.51.100.10 --match corp.example
	--search s1.example)

dns_cannot kdig dig busybox
programs_begin
cp "$lab_root/tests/lab/dns_client.py" "$lab_root/build/linux/lab/lookup" "$lab/"
start_answerers
start_gateway
start_aditd
add_profiles laptop
clients=(glibc python getent dig kdig busybox browser)
if musl-gcc -static -o "$lab/lookup-musl" "$lab_root/tests/lab/lookup.c" \
	2>"$lab/musl.log"; then
	clients+=(musl)
else
	echo "note: without musl: $(tail -n 1 "$lab/musl.log")"
fi

client() { # NAME-OF-CLIENT NAME: the addresses
	case $1 in
	glibc) on laptop /run/lab/lookup "$2" ;;
	musl) on laptop /run/lab/lookup-musl "$2" ;;
	python) on laptop python3 -c 'import socket, sys
for a in socket.getaddrinfo(sys.argv[1], 80): print(a[4][0])' "$2" ;;
	getent) on laptop getent ahosts "$2" | sed 's/ .*//' ;;
	dig | kdig)
		on laptop "$1" +short "$2" A
		on laptop "$1" +short "$2" AAAA
		;;
	busybox) on laptop busybox nslookup "$2" |
		sed -n '/^Name:/,$ s/^Address[^:]*: *//p' ;;
	browser) on laptop python3 /run/lab/dns_client.py browser "$2" |
		sed '/^0001/d' ;;
	esac 2>&1 | grep -v '\.$' | sort -u | tr '\n' ' ' | sed 's/ $//'
}

gets() { # NAME ADDRESSES
	local c found
	for c in "${clients[@]}"; do
		found=$(client "$c" "$1")
		[ "$found" = "$2" ] || fail "$c finds $1 at $found, not at $2"
		checks=$((checks + 1))
	done
}

finds_nothing() { # NAME
	local c found
	for c in "${clients[@]}"; do
		found=$(client "$c" "$1")
		! grep -qE '10\.9\.|203\.0|fd00:9|db8:f' <<<"$found" ||
			fail "$c finds $1 at $found"
		checks=$((checks + 1))
	done
}

outside=$(printf '%s\n' $outer4 $outer6 | sort | xargs)
inside=$(printf '%s\n' $inner4 $inner6 | sort | xargs)

gets www.corp.example "$outside" # before there is a tunnel
expect 0 connect --wait=10
gets www.corp.example "$inside"
gets WWW.Corp.Example "$inside"
gets www.outside.example "$outside"
for name in www.corp.example www.outside.example wiki; do
	on laptop python3 /run/lab/dns_client.py browser $name |
		grep -q ^0001 || fail "no HTTPS record of $name"
done
# In the first domain of the search list; then only in the second; in none.
gets wiki "$inside"
rule inner "s1.example nx"
expect 0 reload # a cache that forgets
gets docs "$inside"
asked inner docs.corp.example || fail "docs.corp.example was not asked for"
rule inner "s1.example nx" "corp.example nx"
finds_nothing nowhere
! asked outer nowhere || fail "the label alone was asked of a public server"
rule inner
expect 0 disconnect
gets www.corp.example "$outside"
end_aditd down
echo "note: ${#clients[@]} clients agree (${clients[*]}), $checks checks"
