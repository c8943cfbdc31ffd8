# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the scripts that run in the guest (tests/lab/guest.sh) share: the lab of
# tests/lab/lab.sh, with Wi-Fi. Sourced.
#
# The cafe of that lab is every network: each SSID has an access point there,
# a prefix of its own, and a server for DHCP and names at its .1. The wire to
# the laptop is Ethernet's. The laptop's wlan0 is wpa_supplicant's or iwd's.
#
#   HomeNet  10.21.0.0/24  WPA2, two access points on one bridge
#   CafeNet  10.22.0.0/24  open
#   Hidden   10.23.0.0/24  its name is not in its beacons
#   Quoted   10.24.0.0/24  It's "my" net
#   Utf8     10.25.0.0/24  Büro ☕
#   Raw      10.26.0.0/24  32 bytes that are no text, NUL and newline among them
# shellcheck source=tests/netns/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../netns/lib.sh"

# shellcheck disable=SC2034 # for fail()
lab_logs="aditd gateway hostapd supplicant iwd dhcp"
internet=203.0.113.1

# NAME: device, /24, SSID in hex. HomeNet's device is a bridge.
declare -A net_device=([HomeNet]=br-home [CafeNet]=wlan3 [Hidden]=wlan4
	[Quoted]=wlan4_1 [Utf8]=wlan4_2 [Raw]=wlan4_3)
declare -A net_prefix=([HomeNet]=10.21.0 [CafeNet]=10.22.0 [Hidden]=10.23.0
	[Quoted]=10.24.0 [Utf8]=10.25.0 [Raw]=10.26.0)
declare -A net_ssid=([HomeNet]=486f6d654e6574 [CafeNet]=436166654e6574
	[Hidden]=517569657420506c616365
	[Quoted]=4974277320226d7922206e6574
	[Utf8]=42c3bc726f20e29895
	[Raw]=00010a0d1b5c22277f80ff00fffec0c120202020c3a0efbfbd61000000000000)
net_names=(HomeNet CafeNet Hidden Quoted Utf8 Raw) # wpa_supplicant's 0, 1, ...
home_secret='two words, one secret'

# --- access points ---

# Moves a radio, and nothing else: nobody here is asked for an SSID.
radio() { # NUMBER HOST
	iw phy "phy$1" set netns "${lab_pid[$2]}" || fail "no radio $1 for $2"
}

access_point() { # DEVICE NAME CHANNEL [LINE...]
	printf '%s\n' "interface=$1" driver=nl80211 hw_mode=g "channel=$3" \
		beacon_int=50 ctrl_interface=/run/hostapd "ssid2=${net_ssid[$2]}" \
		"${@:4}" >"$lab/ap-$1.conf"
}

wpa2=(wpa=2 wpa_key_mgmt=WPA-PSK rsn_pairwise=CCMP
	"wpa_passphrase=$home_secret")

access_point_files() {
	local name
	access_point wlan1 HomeNet 1 "${wpa2[@]}" bridge=br-home
	access_point wlan2 HomeNet 6 "${wpa2[@]}" bridge=br-home
	access_point wlan3 CafeNet 6 ieee80211n=1
	access_point wlan4 Hidden 1 ignore_broadcast_ssid=1
	for name in Quoted Utf8 Raw; do
		printf 'bss=%s\nssid2=%s\n' "${net_device[$name]}" \
			"${net_ssid[$name]}"
	done >>"$lab/ap-wlan4.conf"
}

hostapd_is_up() {
	[ "$(grep -c AP-ENABLED "$lab/hostapd.log")" -eq 4 ]
}

start_access_points() {
	local n
	for n in 1 2 3 4; do
		radio "$n" cafe
	done
	access_point_files
	on cafe ip link add br-home type bridge
	start hostapd cafe hostapd -t /run/lab/ap-wlan{1,2,3,4}.conf
	until_true 30 hostapd_is_up || fail "hostapd did not start"
}

# --- networks ---

start_networks() {
	local name device ranges=()
	for name in "${net_names[@]}"; do
		device=${net_device[$name]}
		on cafe ip link set "$device" up &&
			lab_address cafe "$device" "${net_prefix[$name]}.1/24" ||
			fail "no network $name"
		ranges+=("--dhcp-range=${net_prefix[$name]}.50,${net_prefix[$name]}.99,1h")
	done
	on cafe sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
	on gateway ip route add default via 192.0.2.1 ||
		fail "the gateway has no way back"
	start dhcp cafe dnsmasq --no-daemon --user=root --group=root --no-hosts \
		--no-resolv --no-ping --dhcp-authoritative --log-facility=- \
		--dhcp-leasefile=/run/leases --domain=lan.example \
		--address=/example/$internet "${ranges[@]}"
	until_true 10 on cafe sh -c 'ss -Hlun sport = :53 | grep -q . &&
		ss -Hlun sport = :67 | grep -q .' || fail "no DHCP, no names"
}

# As a network configuration tool does it: what udhcpc is told is set.
cat_lease_script() {
	cat <<-'EOF'
		#!/bin/sh
		[ "$1" = bound ] || [ "$1" = renew ] || exit 0
		ip addr replace "$ip/$mask" brd + dev "$interface"
		ip route replace default via "$router" dev "$interface" metric 600
		echo "search $domain" >/etc/resolv.conf.new
		for server in $dns; do
			echo "nameserver $server" >>/etc/resolv.conf.new
		done
		mv /etc/resolv.conf.new /etc/resolv.conf
	EOF
}

lease() { # an address for wlan0
	on laptop busybox udhcpc -i wlan0 -n -q -t 10 -T 1 -s /run/lab/lease.sh \
		>>"$lab/lease.log" 2>&1 || lab_logs="dhcp lease" fail "no lease"
}

no_lease() {
	on laptop ip addr flush dev wlan0
	on laptop ip route flush dev wlan0 2>/dev/null
}

# --- the laptop's end of it ---

supplicant_file() {
	local name
	echo ctrl_interface=/run/supplicant
	for name in "${net_names[@]}"; do
		echo "network={"
		echo "ssid=${net_ssid[$name]}"
		[ "$name" = HomeNet ] && echo "psk=\"$home_secret\"" ||
			echo key_mgmt=NONE
		[ "$name" = Hidden ] && echo scan_ssid=1
		printf '%s\n' "scan_freq=2412 2437" "disabled=1" "}"
	done
}

start_supplicant() {
	supplicant_file >"$lab/supplicant.conf"
	start supplicant laptop wpa_supplicant -t -Dnl80211 -iwlan0 \
		-c /run/lab/supplicant.conf
	until_true 20 supplicant ping || fail "wpa_supplicant did not start"
}

supplicant() { # COMMAND...
	on laptop wpa_cli -p /run/supplicant -i wlan0 "$@"
}

wifi_begin() {
	local why
	if why=$(lab_cannot hostapd wpa_supplicant iw dnsmasq busybox); then
		echo "$why"
		exit 77
	fi
	programs_begin
	radio 0 laptop
	cat_lease_script >"$lab/lease.sh" && chmod +x "$lab/lease.sh"
	start_access_points
	start_networks
}

# --- from one network to another ---

# Between these two a ping may be lost: there is no network.
away_ms=

away_begin() {
	[ "$away_ms" ] || away_ms=$(now_ms)
}

away_end() { # WHY
	[ -z "$away_ms" ] || echo "$away_ms $(now_ms) $*" >>"$lab/away"
	away_ms=
}

devices_of() { # NAME
	[ "$1" = HomeNet ] && echo wlan1 wlan2 || echo "${net_device[$1]}"
}

# What hostapd has said of them since the line $heard.
hostapd_says() { # EVENT DEVICE...
	local event=$1
	shift
	tail -n "+$((heard + 1))" "$lab/hostapd.log" |
		grep -m 1 "\($(printf '%s\|' "$@")-\): $event" >"$lab/news"
}

hostapd_hears() {
	heard=$(wc -l <"$lab/hostapd.log")
}

# Its own line, and the time in it: that of the association.
must_join() { # NAME
	local news
	# shellcheck disable=SC2046
	until_true 40 hostapd_says AP-STA-CONNECTED $(devices_of "$1") ||
		fail "hostapd saw nobody join $1"
	read -r news <"$lab/news"
	echo "hostapd: $news ($1)"
	joined_ms=${news%%:*}
	joined_ms=${joined_ms/./}
	joined_ms=${joined_ms%???}
}

# What is counted from here: no network, or one that was there at once.
happens_now() {
	joined_ms=$(now_ms)
	# shellcheck disable=SC2034 # for who sources this
	leased_ms=$joined_ms
}

join_by_supplicant() { # NAME
	local i
	for i in "${!net_names[@]}"; do
		[ "${net_names[i]}" = "$1" ] || continue
		supplicant select_network "$i" >"$lab/select.log" &&
			grep -q OK "$lab/select.log" || fail "select_network $1"
	done
}

join=join_by_supplicant

# It takes the networks that it knows from files, whose names are the SSIDs.
start_iwd() {
	on laptop sh -c 'mkdir -p /run/dbus /var/lib/iwd /etc/iwd
		printf "[General]\nEnableNetworkConfiguration=false\n" \
			>/etc/iwd/main.conf
		printf "[Security]\nPassphrase=%s\n[Settings]\nAutoConnect=false\n" \
			"$1" >/var/lib/iwd/HomeNet.psk
		mknod /dev/rfkill c 10 242 # it ends without
		printf "[Settings]\nAutoConnect=false\n" >/var/lib/iwd/CafeNet.open
		dbus-daemon --system --fork --nopidfile 2>/dev/null' - "$home_secret" &&
		start iwd laptop /usr/libexec/iwd -i wlan0
	until_true 20 iwd_sees_networks || fail "iwd sees no network"
	join=join_by_iwd
}

# Its object for a network that it sees; one that it knows has a shorter path.
iwd_path() { # NAME
	on laptop timeout 5 busctl --list tree net.connman.iwd |
		grep "/[0-9]*/[0-9]*/${net_ssid[$1]}_"
}

iwd_sees_networks() {
	iwd_path HomeNet && iwd_path CafeNet
}

join_by_iwd() { # NAME
	on laptop timeout 40 busctl --timeout=40 call net.connman.iwd \
		"$(iwd_path "$1")" \
		net.connman.iwd.Network Connect >"$lab/busctl.log" 2>&1 ||
		lab_logs="busctl iwd hostapd" fail "iwd does not join $1"
}

# To a network, whatever it was before.
switch_to() { # NAME
	away_begin
	hostapd_hears
	$join "$1"
	must_join "$1"
	no_lease
	lease
	# shellcheck disable=SC2034 # for who sources this
	leased_ms=$(now_ms)
	on laptop ping -q -c 1 -W 9 "${net_prefix[$1]}.1" >"$lab/answer.log" ||
		lab_logs="answer hostapd" fail "$1 does not answer"
	away_end "a switch to $1"
}

# To the other access point of HomeNet: the same network, the same lease.
roam() {
	local bssid
	bssid=$(supplicant status | sed -n 's/^bssid=//p')
	case $bssid in
	02:00:00:00:01:00) bssid=02:00:00:00:02:00 ;;
	*) bssid=02:00:00:00:01:00 ;;
	esac
	away_begin
	hostapd_hears
	supplicant roam $bssid >/dev/null
	must_join HomeNet
	supplicant status | grep -q "^bssid=$bssid" ||
		fail "no roaming to $bssid"
	away_end "roaming to $bssid"
}

# Nothing is left; the next network ends it.
leave() {
	away_begin
	supplicant disconnect >/dev/null
	no_lease
}

plug_in() {
	on cafe ip link set to-laptop up
	on laptop ip link set up0 up
	lab_address laptop up0 192.0.2.10/24
	on laptop ip route replace default via 192.0.2.1 metric 100
	echo "nameserver 192.0.2.1" | on laptop tee /etc/resolv.conf >/dev/null
	happens_now
	away_end "Ethernet"
}

# Nothing is left, unless Wi-Fi is there.
unplug() {
	on laptop ip route | grep -q "^default .* dev wlan0" || away_begin
	on cafe ip link set to-laptop down
	on laptop ip addr flush dev up0
	on laptop ip route flush dev up0 2>/dev/null
}

# --- 100 pings a second to the internet, as long as the whole test ---

pings_begin() {
	: >"$lab/away"
	start pings laptop ping -D -i 0.01 $internet
	start watch laptop adit status --watch --json
}

# Each gap, with what adit said of itself at that moment.
pings_end() {
	sleep 1
	stop pings INT
	stop watch
	python3 "$lab_root/tests/wifi/ping_gaps.py" "$lab/pings.log" \
		"$lab/watch.log" "$lab/away" || fail "pings were lost (above)"
}
