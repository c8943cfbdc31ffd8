#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# An identity by reference, as device management delivers one: the profile
# names an asset declaration in /etc/adit/assets, and that a file with the
# PKCS#12 and its password.
set -u
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

refused_with() { # TEXT: adit connect ends with 2 and says so
	expect 2 connect managed --wait
	grep -q -- "$1" "$lab/adit.err" ||
		fail "adit does not say \"$1\": $(cat "$lab/adit.err")"
}

programs_begin python3
# The asset is written first, and put in place later.
asset_variant managed
expect 0 profile check /run/lab/managed.json
grep -q 'IdentityAssetReference: warning: no asset declaration in ' \
	"$lab/adit.err" || fail "no warning: $(cat "$lab/adit.err")"

start_gateway
start_aditd
add_profiles managed
refused_with '/Payload/Authentication/IdentityAssetReference: no asset declaration in /etc/adit/assets has this identifier'
on laptop sh -c 'mkdir /etc/adit/assets && cp /run/lab/asset.json /etc/adit/assets/laptop.json'
on laptop chmod 0644 /run/lab/identity.json
refused_with '/run/lab/identity.json: it holds a private key and others may read it'
on laptop chmod 0600 /run/lab/identity.json
expect 0 connect managed --wait
reaches 198.51.100.10
expect 0 disconnect
as_before "disconnect"
on laptop sh -c 'echo >>/run/lab/identity.json'
refused_with '/run/lab/identity.json: has [0-9]* bytes, and Size says'
end_aditd "no tunnel"
echo "note: $checks checks of an identity by reference"
