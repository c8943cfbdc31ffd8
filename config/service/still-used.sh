#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# still-used.sh UNITDIR: ends with 1 while a service of this folder runs or is
# enabled, and says how to change that.
ours='aditd.service|adit-gateway(@[^/]*)?\.service'
used=$({
	systemctl list-units --plain --no-legend \
		--state=active,activating,reloading,deactivating |
		grep -oE "^($ours)" | while read -r unit; do
		case $(systemctl show -P FragmentPath "$unit") in
		"$1"/*) echo "$unit" ;;
		esac
	done
	find /etc/systemd/system/*.wants -type l -lname "$1/adit*" \
		-printf '%f\n'
} 2>/dev/null | sort -u | tr '\n' ' ')
[ -z "$used" ] && exit
echo "uninstall: in use; first, as root: systemctl disable --now $used" >&2
exit 1
