#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What tests/lab/network_watch says of the network, change by change, without
# Wi-Fi (that is the guest's): no uplink, a cable with both families, a second
# one, other VPNs, our own tunnel's tables, bridges, VLANs and bonds, a storm of
# messages, a router that tells of a captive portal; a modem, a price, and a
# portal that DHCP tells of, by small mocks on a bus of the host's own.
#
#   laptop                          router
#   up0 192.0.2.10/24 ------------- to-laptop 192.0.2.1, 2001:db8:1::1
#   up1 198.51.100.10/24 ---------- to-second 198.51.100.1
set -u
# shellcheck source=tests/netns/lib_owners.sh
. "$(dirname "$0")/lib_owners.sh"

lab_logs="watch mocks"
checks=0

if why=$(lab_cannot python3 dbus-daemon); then
	echo "$why"
	exit 77
fi
for program in network_watch bus_mocks; do
	[ -x "$lab_root/build/linux/lab/$program" ] || {
		echo "FAIL: build/linux/lab/$program is missing: run make lab"
		exit 1
	}
done

# --- the watcher ---

watch() { # [told]
	rm -f "$lab/watch.in"
	mkfifo "$lab/watch.in"
	# shellcheck disable=SC2016
	start watch laptop sh -c 'exec "$@" </run/lab/watch.in' - \
		/run/lab/network_watch adit0 "$@"
	exec {in}>"$lab/watch.in"
	until_true 5 test -s "$lab/watch.log" || fail "network_watch is silent"
}

last() {
	grep -vx 'quiet\|looked' "$lab/watch.log" | tail -n 1
}

last_is() { # PATTERN
	last | grep -qxE "$1"
}

# It comes to say this by itself.
says() { # PATTERN
	until_true 10 last_is "$1" || fail "not \"$1\" but \"$(last)\""
	checks=$((checks + 1))
}

answered() { # COUNT
	[ "$(grep -cx 'quiet\|looked' "$lab/watch.log")" -ge "$1" ]
}

# All that the kernel has told is read: $heard is "quiet" or "looked".
ask() {
	local n
	n=$(($(grep -cx 'quiet\|looked' "$lab/watch.log") + 1))
	echo >&"$in"
	until_true 10 answered $n || fail "network_watch does not answer"
	heard=$(grep -x 'quiet\|looked' "$lab/watch.log" | tail -n 1)
}

# Nothing is said of it.
silent() { # COMMAND...
	local before
	ask
	before=$(grep -cvx 'quiet\|looked' "$lab/watch.log")
	on laptop "$@" || fail "$*"
	ask
	[ "$(grep -cvx 'quiet\|looked' "$lab/watch.log")" = "$before" ] ||
		fail "it says of $*: $(last)"
	checks=$((checks + 1))
}

# Another program's tunnel: the device has a carrier while it lives.
hold() { # DEVICE
	start "hold-$1" laptop python3 -c '
import fcntl, os, struct, sys
fd = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(fd, 0x400454ca, struct.pack("16sH", sys.argv[1].encode(), 0x1001))
print("held", flush=True)
while True:
    os.read(fd, 2000)' "$1"
	until_true 5 grep -q held "$lab/hold-$1.log" || fail "no device $1"
	do_it ip link set "$1" up
}

do_it() { # COMMAND...
	on laptop "$@" || fail "$*"
}

# --- hosts ---

lab_begin
cp "$lab_root"/build/linux/lab/{network_watch,bus_mocks} \
	"$lab_root/tests/lab/advertise.py" "$lab"
for host in laptop router; do
	lab_host $host
done
lab_cable laptop up0 router to-laptop
lab_cable laptop up1 router to-second
on router ip link set to-laptop address 02:ad:17:00:00:01
on router ip link set to-second address 02:ad:17:00:00:02
lab_address router to-laptop 192.0.2.1/24 2001:db8:1::1/64 &&
	lab_address router to-second 198.51.100.1/24 || fail "the router"
at1='=02:ad:17:00:00:01' at2='=02:ad:17:00:00:02'

# --- one cable ---

watch
says 'same none'
do_it ip addr add 192.0.2.10/24 dev up0
ask
[ "$heard" = looked ] && last_is 'same none' || fail "an address: $(last)"
do_it ip route add default via 192.0.2.1
says 'same Ethernet up0 ipv4=192.0.2.1 192.0.2.0/24'
do_it ping -q -c 1 -W 5 192.0.2.1 >"$lab/ping"
ask
lab_address laptop up0 2001:db8:1::10/64
do_it ip -6 route add default via 2001:db8:1::1
eth4="Ethernet up0 ipv4=192.0.2.1 at$at1 192.0.2.0/24"
eth6="ipv6=2001:db8:1::1 2001:db8:1::/64"
says "same $eth4 $eth6"

# What is renewed, and what is no news.
silent ip addr change 192.0.2.10/24 dev up0 valid_lft 3600 preferred_lft 3600
silent ip addr add 192.0.2.77/24 dev up0
silent ip addr add 2001:db8:1::77/64 dev up0
silent ip route add 10.0.0.0/8 via 192.0.2.1
silent ip link add other0 type veth peer name other1
silent ip addr add 172.17.0.1/16 dev other0
silent ip rule add from 172.17.0.0/16 lookup 100
silent ip neigh flush dev up0
silent ip neigh replace 192.0.2.200 lladdr 02:00:00:00:00:33 nud stale dev up0
[ "$heard" = quiet ] || fail "a neighbour that is no gateway is a change"
do_it ip link del other0

# The gateway's link address becomes known, and then another one: a change of
# the network, although nothing else is one.
do_it ip neigh flush dev up0
do_it ip addr del 192.0.2.77/24 dev up0
ask
do_it ip neigh replace 192.0.2.1 lladdr 02:ad:17:00:00:01 nud stale dev up0
ask
[ "$heard" = looked ] || fail "a gateway's link address is not heard of"
do_it ip neigh replace 192.0.2.1 lladdr 02:ad:17:00:00:01 nud stale dev up0
ask
[ "$heard" = quiet ] || fail "a gateway that is known is a change"
do_it ip neigh replace 192.0.2.1 lladdr 02:00:00:00:00:44 nud stale dev up0
says 'other Ethernet up0 ipv4=192.0.2.1 at=02:00:00:00:00:44 .*'
do_it ip neigh replace 192.0.2.1 lladdr 02:ad:17:00:00:01 nud stale dev up0
says "other $eth4 $eth6"
checks=$((checks + 4))

# A family that goes, and comes back.
do_it ip -6 route del default
says "same $eth4 ipv6=link 2001:db8:1::/64"
do_it ip -6 route add default via 2001:db8:1::1
says "same $eth4 $eth6"
do_it ip route del default
says "same Ethernet up0 ipv4=link 192.0.2.0/24 $eth6"
do_it ip route add default via 192.0.2.1
says "same $eth4 $eth6"

# Unplugged: the route is still there, and leads nowhere.
on router ip link set to-laptop down
says 'same none'
on router ip link set to-laptop up
lab_address router to-laptop 2001:db8:1::1/64 2>/dev/null
says 'same Ethernet up0 ipv4=192.0.2.1( at=.*)? 192.0.2.0/24.*'
do_it ping -q -c 1 -W 5 192.0.2.1 >"$lab/ping"

# --- a second cable ---

do_it ip addr add 198.51.100.10/24 dev up1
silent ip route add default via 198.51.100.1 dev up1 metric 200
do_it ip neigh replace 198.51.100.1 lladdr 02:ad:17:00:00:02 nud stale dev up1
do_it ip route del default via 192.0.2.1
do_it ip route add default via 192.0.2.1 metric 300
says "other Ethernet up1 ipv4=198.51.100.1 at$at2 198.51.100.0/24"
do_it ip route add default via 192.0.2.1
says 'other Ethernet up0 ipv4=192.0.2.1 .*'
do_it ip route del default via 192.0.2.1 metric 300
do_it ip route del default via 198.51.100.1 dev up1
do_it ping -q -c 1 -W 5 192.0.2.1 >"$lab/ping"
ask

# --- other VPNs (R18) ---

hold tun0
silent ip addr add 10.8.0.2/24 dev tun0
silent ip route add default dev tun0 metric 50
do_it ip route add default dev tun0 metric 0 table 99
silent ip rule add fwmark 0x7 lookup 99
do_it ip rule add priority 30000 lookup 99
says 'same VPN tun0'
do_it ip rule del priority 30000
says 'same Ethernet up0 .*'
# OpenVPN's def1: two halves.
silent ip route add 0.0.0.0/1 via 10.8.0.1
do_it ip route add 128.0.0.0/1 via 10.8.0.1
says 'same VPN tun0'
do_it ip route del 0.0.0.0/1
says 'same Ethernet up0 .*'
do_it ip route del 128.0.0.0/1
# wg-quick's rules.
do_it ip route add default dev tun0 table 51820
silent ip rule add priority 20001 lookup main suppress_prefixlength 0
do_it ip rule add priority 20002 not fwmark 51820 lookup 51820
says 'same VPN tun0'
stop hold-tun0 KILL
says 'same Ethernet up0 .*'
do_it ip rule del priority 20001
do_it ip rule del priority 20002
# Its program ends while it has the default route.
do_it ip route add default via 192.0.2.1 metric 10
do_it ip route del default via 192.0.2.1 metric 0
hold tun1
do_it ip route add default dev tun1
says 'same VPN tun1'
stop hold-tun1 KILL
says 'same Ethernet up0 .*'

# One of the kernel's own that carries Ethernet.
do_it ip link add vx0 type vxlan id 5 remote 192.0.2.1 dstport 4789 dev up0
do_it ip link set vx0 up
do_it ip route add default dev vx0
says 'same VPN vx0'
do_it ip link del vx0
says 'same Ethernet up0 .*'

# --- our own full tunnel, as plan.h makes it ---

hold adit0
silent ip addr add 10.77.0.2/32 dev adit0
do_it ip route add default dev adit0 table 21004
do_it ip -6 route add unreachable default table 21004
do_it ip route add throw 192.0.2.0/24 table 21004
silent ip rule add priority 21004 not fwmark 0x2a17 lookup 21004
silent ip -6 rule add priority 21004 not fwmark 0x2a17 lookup 21004
# And with another's behind it.
hold tun2
do_it ip route add default dev tun2
says 'same VPN tun2'
stop hold-tun2 KILL
says 'same Ethernet up0 .*'
stop hold-adit0 KILL
do_it ip rule del priority 21004
do_it ip -6 rule del priority 21004
# The links that carry our names.
do_it ip link add adit-dns type veth peer name adit-dnsp
do_it ip link set adit-dns up
do_it ip link set adit-dnsp up
do_it ip addr add 169.254.77.53/32 dev adit-dns
silent ip route add default dev adit-dns metric 1
do_it ip link del adit-dns

# --- what is built on a cable ---

do_it ip link add br0 type bridge
do_it ip link set up1 master br0
do_it ip link set br0 up
do_it ip addr flush dev up1
do_it ip addr add 198.51.100.10/24 dev br0
do_it ip route add default via 198.51.100.1 metric 5
says 'other Ethernet br0 ipv4=198.51.100.1.* 198.51.100.0/24'
do_it ip link del br0
says 'other Ethernet up0 .*'
do_it ip link set up1 up
if on laptop ip link add link up1 name up1.7 type vlan id 7 2>/dev/null; then
	do_it ip link set up1.7 up
	do_it ip addr add 203.0.113.10/24 dev up1.7
	do_it ip route add default via 203.0.113.1 metric 5
	says 'other Ethernet up1.7 ipv4=203.0.113.1 203.0.113.0/24'
	do_it ip link del up1.7
	says 'other Ethernet up0 .*'
else
	echo "note: this kernel has no VLAN"
fi
if on laptop ip link add bond0 type bond mode active-backup 2>/dev/null; then
	do_it ip link set up1 down
	do_it ip link set up1 master bond0
	do_it ip link set bond0 up
	do_it ip addr add 198.51.100.10/24 dev bond0
	do_it ip route add default via 198.51.100.1 metric 5
	says 'other Ethernet bond0 ipv4=198.51.100.1.* 198.51.100.0/24'
	do_it ip link del bond0
	says 'other Ethernet up0 .*'
	do_it ip link set up1 up
else
	echo "note: this kernel has no bond"
fi

# --- a captive portal (RFC 8910) ---

on laptop sh -c 'echo 2 >/proc/sys/net/ipv6/conf/up0/accept_ra'
on router python3 /run/lab/advertise.py to-laptop https://portal.example/api
says 'same Ethernet up0 .* portal=https://portal.example/api'
before=$(wc -l <"$lab/watch.log")
on router python3 /run/lab/advertise.py to-laptop https://portal.example/api
on router python3 /run/lab/advertise.py to-laptop
on router python3 /run/lab/advertise.py to-laptop https://two.example/
says 'same Ethernet up0 .* portal=https://two.example/'
[ "$(wc -l <"$lab/watch.log")" = $((before + 1)) ] ||
	fail "said again: $(tail -n 3 "$lab/watch.log")"
on router python3 /run/lab/advertise.py to-laptop \
	urn:ietf:params:capport:unrestricted
says 'same Ethernet up0 .*/64'
on router python3 /run/lab/advertise.py to-laptop https://two.example/
says 'same Ethernet up0 .* portal=https://two.example/'
on router ip link set to-laptop down
says 'same none'
on router ip link set to-laptop up
says 'same Ethernet up0 ipv4=192.0.2.1( at=.*)? 192.0.2.0/24.*'
! last | grep -q portal || fail "the old network's portal: $(last)"

# --- a storm that no socket's buffer holds ---

# The watcher stands still meanwhile, so that messages are lost.
program=$(program_pid watch)
kill -STOP "$program"
on laptop sh -c '
	i=0
	while [ $i -lt 3000 ]; do
		echo "route add 10.$((i / 250)).$((i % 250)).0/24 via 192.0.2.1"
		i=$((i + 1))
	done >/run/lab/storm
	ip -batch /run/lab/storm
	sed s/add/del/ /run/lab/storm | ip -batch -
	ip route add default via 198.51.100.1 dev up1 onlink metric 1'
lost=$(awk -v ns="$(readlink /proc/self/ns/net)" '
	NR > 1 { n += $9 } END { print n + 0 }' "/proc/$program/net/netlink")
[ "$lost" -gt 0 ] || fail "the storm fills no buffer"
kill -CONT "$program" "${lab_job[watch]}" # nsenter stops with its child
says 'other Ethernet up1 ipv4=198.51.100.1.*'
echo "note: $lost messages lost in a storm, and the last change is seen"
on laptop ip route del default via 198.51.100.1 dev up1 metric 1
says 'other Ethernet up0 .*'
exec {in}>&-
stop watch
last_is 'read [0-9]* times, 0 errors' || fail "the end: $(last)"
echo "note: $(last)"

# --- what others know of it ---

mock() { # ARGUMENTS...
	start "mock-$1" laptop /run/lab/bus_mocks "$@"
	until_true 5 grep -q ready "$lab/mock-$1.log" ||
		lab_logs=mock-$1 fail "no mock of $1"
}

# One line with what is known now.
told() { # PATTERN
	local line
	line=$(on laptop /run/lab/network_watch adit0 told </dev/null |
		head -n 1)
	grep -qxE "$1" <<<"$line" || fail "not \"$1\" but \"$line\""
	checks=$((checks + 1))
}

owner_files laptop
on laptop sh -c 'mkdir -p /etc/dbus-1/system.d
	cat >/etc/dbus-1/system.d/mocks.conf' <<'POLICY'
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><policy user="root">
 <allow own="org.freedesktop.NetworkManager"/>
 <allow own="org.freedesktop.ModemManager1"/>
 <allow send_destination="*"/>
</policy></busconfig>
POLICY
told 'same Ethernet up0 .*/64' # no bus
bus laptop
told 'same Ethernet up0 .*/64' # nobody there
mock nm up0 0 0
told 'same Ethernet up0 .*/64' # it does not know
stop mock-nm
mock nm up0 1 2
told 'same Ethernet up0 .* metered=yes by NetworkManager'
stop mock-nm
mock nm up0 4 1
told 'same Ethernet up0 .* metered=no by NetworkManager'
stop mock-nm
mock nm up0 0 3
told 'same Ethernet up0 .* metered=yes by NetworkManager'
stop mock-nm
mock nm other0 2 1
told 'same Ethernet up0 .* metered=yes by NetworkManager'
stop mock-nm
# A modem with PPP looks like another tunnel, until ModemManager has spoken.
hold ppp0
do_it ip route add default dev ppp0
told 'same VPN ppp0'
mock mm ppp0
told 'same Cellular ppp0 metered=yes by ModemManager'
mock nm ppp0 2 1
told 'same Cellular ppp0 metered=no by NetworkManager'
stop mock-nm
watch told
says 'same Cellular ppp0 metered=yes by ModemManager'
stop mock-mm
stop hold-ppp0 KILL
says 'other Ethernet up0 .*/64'
exec {in}>&-
stop watch

# A captive portal by DHCP (RFC 8910, option 114): NetworkManager's lease, or
# the file of a link that systemd-networkd writes. Not what is no address of an
# API, and not where a router has told of another one.
via_dhcp() { # VALUE PATTERN
	mock nm up0 0 0 "$1"
	told "same Ethernet up0 .*/64$2"
	stop mock-nm
}
via_networkd() { # TEXT PATTERN
	printf '%b' "$1" | on laptop sh -c 'cat >"$1"' - "$state"
	told "same Ethernet up0 .*/64$2"
}
state=/run/systemd/netif/links/$(on laptop cat /sys/class/net/up0/ifindex)
on laptop mkdir -p "${state%/*}"
long=https://portal.example/$(printf '%0300d' 0)
via_dhcp https://portal.example/api ' portal=https://portal.example/api'
for value in http://portal.example/ 'https://a b.example/' https:// '' \
	urn:ietf:params:capport:unrestricted $'https://a.example/\033[2J' \
	"$long" 'u 7' 'https://ü.example/'; do
	via_dhcp "$value" ''
	via_networkd "ADMIN_STATE=configured\nCAPTIVE_PORTAL=$value\nDNS=\n" ''
done
via_networkd 'CAPTIVE_PORTAL=https://n.example/?a=b' \
	' portal=https://n.example/\?a=b'
via_networkd 'OPER_STATE=routable\nCAPTIVE_PORTAL=https://n.example/\nDNS=\n' \
	' portal=https://n.example/'
via_dhcp https://portal.example/api ' portal=https://n.example/'
watch told
says 'same Ethernet up0 .* portal=https://n.example/'
on router python3 /run/lab/advertise.py to-laptop https://router.example/
says 'same Ethernet up0 .* portal=https://router.example/'
on router python3 /run/lab/advertise.py to-laptop \
	urn:ietf:params:capport:unrestricted
says 'same Ethernet up0 .* portal=https://n.example/'
silent ip route add 10.1.0.0/16 via 192.0.2.1
exec {in}>&-
stop watch
on laptop sh -c 'rm "$1" && mkfifo "$1"' - "$state"
told 'same Ethernet up0 .*/64'
on laptop sh -c 'rm "$1" && truncate -s 1M "$1" && chmod 644 "$1"' - "$state"
told 'same Ethernet up0 .*/64'
on laptop rm "$state"

# It hangs: two thirds of a second in all, and the network is told.
mock hang org.freedesktop.NetworkManager
began=$(now_ms)
told 'same Ethernet up0 .*/64'
took=$(took_ms "$began")
in_time "$took" 5000 || fail "a service that hangs holds it up for $took ms"
echo "note: with a NetworkManager that hangs it takes $took ms"

echo "note: $checks checks"
