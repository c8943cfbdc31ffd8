#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Revocation lists of the gateway's CA, made by the openssl program: the one
# that a profile names, and DIR/crl.pem at the gateway.
set -u
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

# crl FILE [CERTIFICATE]: a list of /etc/gw's CA, which may name one.
crl() {
	on gateway sh -eu -c 'mkdir -p /run/ca && cd /run/ca
		touch index.txt
		[ -e crlnumber ] || echo 01 >crlnumber
		printf "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt
crlnumber=crlnumber\ndefault_md=sha256\ndefault_crl_days=30\n" >ca.cnf
		ca="openssl ca -config ca.cnf -cert /etc/gw/ca.pem -keyfile /etc/gw/ca.key"
		[ -z "$2" ] || $ca -revoke "$2"
		$ca -gencrl -out "$1"' - "$1" "${2-}" >"$lab/crl.log" 2>&1 ||
		lab_logs=crl fail "no revocation list"
}

# The certificate in laptop.json's PKCS#12.
laptop_certificate() {
	on gateway python3 -c 'import base64, json, subprocess
i = json.load(open("/run/lab/laptop.json"))["Payload"]["VendorConfig"]["Identity"]
open("/run/ca/laptop.pem", "wb").write(subprocess.run(
    ["openssl", "pkcs12", "-nokeys", "-passin", "pass:" + i["Password"]],
    input=base64.b64decode(i["PKCS12"]), stdout=subprocess.PIPE, check=True).stdout)' ||
		fail "no certificate in laptop.json"
}

says() { # TEXT
	on laptop adit status | grep -q "$1" ||
		fail "adit does not say \"$1\": $(on laptop adit status)"
}

programs_begin python3 openssl
crl /run/lab/good.crl
crl /run/lab/bad.crl /etc/gw/gateway.pem
for name in good bad; do
	variant $name "p['VendorConfig']['RevocationListFile'] = '/run/lab/$name.crl'"
done
start_gateway
start_aditd
add_profiles laptop good bad
expect 0 connect good --wait
reaches 198.51.100.10
expect 5 connect bad --wait
says "the gateway's certificate is revoked"
expect 0 disconnect

laptop_certificate
crl /etc/gw/crl.pem /run/ca/laptop.pem
stop gateway TERM
start_gateway
expect 5 connect laptop --wait
says "the gateway refused this device's certificate"
grep -q 'its certificate is on the revocation list' "$lab/gateway.log" ||
	fail "the gateway's log does not say why"
expect 0 disconnect
on gateway rm /etc/gw/crl.pem
stop gateway TERM
start_gateway
expect 0 connect laptop --wait
expect 0 disconnect
end_aditd "after revocations"
as_before "revocation lists"
echo "note: a revoked gateway is refused, and a revoked device; both logs say so"
