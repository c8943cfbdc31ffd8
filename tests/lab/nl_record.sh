#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Netlink messages for the tests of the codecs, tests/host/data/nl80211/*.bin.
# Run by hand, when there is a reason to have new ones; they go into FOLDER:
#
#   guest_share=FOLDER tests/lab/guest.sh tests/lab/nl_record.sh
set -u
# shellcheck source=tests/wifi/lib.sh
. "$(dirname "$0")/../wifi/lib.sh"

record() { # WHAT FILE [DEVICE]
	on laptop /run/lab/nl_record "$1" "/run/lab/out/$2.bin" "${3-wlan0}" ||
		fail "nl_record $1"
	echo "recorded $2: $(stat -c %s "$lab/out/$2.bin") bytes"
}

both() { # FILE
	record scan "scan-$1"
	record interface "interface-$1"
}

events_begin() { # FILE
	start mlme laptop /run/lab/nl_record mlme "/run/lab/out/mlme-$1.bin"
	start rtnl laptop /run/lab/nl_record rtnl "/run/lab/out/rtnl-$1.bin"
	until_true 5 on laptop test -e "/run/lab/out/mlme-$1.bin" &&
		sleep 0.3
}

events_end() {
	stop mlme
	stop rtnl
}

refused_by_home() {
	supplicant set_network 0 psk '"not the secret"' >/dev/null
	supplicant select_network 0 >/dev/null
	until_true 30 grep -q 'WRONG_KEY\|4-Way Handshake failed' \
		"$lab/supplicant.log" || fail "a wrong secret is not refused"
	supplicant disconnect >/dev/null
	supplicant set_network 0 psk "\"$home_secret\"" >/dev/null
}

refused_by_cafe() { # HOW HOSTAPD'S-SETTING
	on cafe hostapd_cli -p /run/hostapd -i wlan3 set "$2" 1 >/dev/null
	supplicant select_network 1 >/dev/null
	until_true 30 grep -q "CTRL-EVENT-$1-REJECT" "$lab/supplicant.log" ||
		lab_logs="supplicant hostapd" fail "nothing is refused"
	supplicant disconnect >/dev/null
	on cafe hostapd_cli -p /run/hostapd -i wlan3 set "$2" 0 >/dev/null
}

wifi_begin
mkdir "$lab/out"
cp "$lab_root/build/linux/lab/nl_record" "$lab/"
start_supplicant
record family family
both none
for name in "${net_names[@]}"; do
	events_begin "join-${name,,}"
	switch_to "$name"
	events_end
	both "${name,,}"
done
for what in link addr route neigh rule; do
	record $what rtnl-$what
done
events_begin disconnect
leave
sleep 0.5
events_end
both left
events_begin wrong-key
refused_by_home
events_end
events_begin auth-refused
refused_by_cafe AUTH macaddr_acl
events_end
events_begin connect-failed
supplicant set_network 1 disable_ht 1 >/dev/null
refused_by_cafe ASSOC require_ht
events_end
switch_to HomeNet
events_begin roam
roam
sleep 0.5
events_end
both roamed
cp "$lab"/out/*.bin /guest/
