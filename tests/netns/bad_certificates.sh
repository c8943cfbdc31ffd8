#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Certificates that are not the right ones, at both ends: whoever finds it says
# which certificate, of which CA, valid when, and what is wrong; the other end
# says what it was told. `adit connect --wait` ends with 5, nothing is changed.
# Then legacy identities, end to end.
set -u
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

# kind: what the end says that refuses it.
name='"(laptop|vpn.example.com)"'
declare -A fault=(
	[expired]="has expired.*: $name, issued by \"CA\", valid from 20.* to 20"
	[early]="is not valid yet.*: $name, issued by \"CA\", valid from 20"
	[other-ca]='signed by another CA than .*, issued by "another CA"'
	[revoked]="is (revoked|on the revocation list): $name"
	[wrong-use]="is not meant for (servers|clients): $name"
	[no-use]='is not meant for (servers|clients)'
	[no-sign]="may not sign handshakes: $name"
	[v1]='(is of X.509 version 1|has no subject alternative name)'
	[not-ca]='signed by another CA than .*, issued by "not a CA"'
	[path]='a CA that its own CA does not allow.*: "one.too.deep", issued by "middle"'
)
# What an end says of its own certificate, before anybody is asked.
declare -A own_fault=(
	[long]='more than 8 intermediate certificates come with the certificate: leave out'
	[rsa1024]='its key is too weak \(RSA below 2048 bits\): have a new'
	[other-key]='the private key does not fit the certificate'
)

make_pki='
import datetime, json, os, subprocess
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID as EKU, NameOID
now = datetime.datetime.utcnow()
day = datetime.timedelta(days=1)
to = "/run/lab/pki/"
os.makedirs(to, exist_ok=True)
def name(cn):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)])
def pem(c):
    return c.public_bytes(serialization.Encoding.PEM)
def put(path, key, *chain):
    with open(to + path + ".pem", "wb") as f:
        f.write(b"".join(pem(c) for c in chain))
    with open(os.open(to + path + ".key", os.O_WRONLY | os.O_CREAT, 0o600), "wb") as f:
        f.write(key.private_bytes(serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption()))
def new_key():
    return ec.generate_private_key(ec.SECP256R1())
def issue(cn, issuer, key, ca=False, path=None, begin=-1, end=100,
          use=None, sign=True, san=None):
    usage = dict.fromkeys(("content_commitment", "key_encipherment",
        "data_encipherment", "key_agreement", "encipher_only",
        "decipher_only"), False)
    usage["key_agreement"] = not sign
    b = x509.CertificateBuilder().subject_name(name(cn)) \
        .issuer_name(issuer[0].subject if issuer else name(cn)) \
        .public_key(key.public_key()).serial_number(x509.random_serial_number()) \
        .not_valid_before(now + begin * day).not_valid_after(now + end * day) \
        .add_extension(x509.BasicConstraints(ca, path if ca else None), True) \
        .add_extension(x509.KeyUsage(digital_signature=sign and not ca,
            key_cert_sign=ca, crl_sign=ca, **usage), True) \
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(
            key.public_key()), False)
    if issuer:
        b = b.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
            issuer[0].public_key()), False)
    if use:
        b = b.add_extension(x509.ExtendedKeyUsage([use]), False)
    if san:
        b = b.add_extension(x509.SubjectAlternativeName([x509.DNSName(san)]), False)
    return b.sign(issuer[1] if issuer else key, hashes.SHA256())
def root(cn):
    key = new_key()
    return issue(cn, None, key, ca=True, end=1000), key
ca, other = root("CA"), root("another CA")
put("ca", ca[1], ca[0])
middle_key = new_key()
middle = issue("middle", ca, middle_key, ca=True, path=0)
deep_key = new_key()
deep = issue("one too deep", (middle, middle_key), deep_key, ca=True)
no_ca_key = new_key()
no_ca = issue("not a CA", ca, no_ca_key)
chain, above = [], ca
for i in range(20):
    k = new_key()
    above = issue("middle %d" % i, above, k, ca=True), k
    chain.insert(0, above[0])
for who, cn, right, wrong, san in (
        ("gateway", "vpn.example.com", EKU.SERVER_AUTH, EKU.CLIENT_AUTH,
         "vpn.example.com"),
        ("client", "laptop", EKU.CLIENT_AUTH, EKU.SERVER_AUTH, None)):
    def leaf(kind, issuer=ca, key=None, behind=[], **more):
        key = key or new_key()
        more = dict(dict(use=right, san=san), **more)
        put(who + "-" + kind, key, issue(cn, issuer, key, **more), *behind)
    leaf("good")
    leaf("middle", (middle, middle_key), behind=[middle])
    leaf("expired", begin=-100, end=-3)
    leaf("early", begin=3)
    leaf("other-ca", other)
    leaf("revoked")
    leaf("wrong-use", use=wrong)
    leaf("no-use", use=None)
    leaf("no-sign", sign=False)
    leaf("long", above, behind=chain)
    leaf("not-ca", (no_ca, no_ca_key), behind=[no_ca])
    leaf("path", (deep, deep_key), behind=[deep, middle])
    leaf("rsa1024", key=rsa.generate_private_key(65537, 1024))
    leaf("wrong-name", san="vpn.example.net")
    leaf("other-key")
    put(who + "-other-key", new_key(), x509.load_pem_x509_certificate(
        open(to + who + "-other-key.pem", "rb").read()))
    # The builder makes version 3 only.
    key = new_key()
    put(who + "-v1", key)
    subprocess.run("openssl req -new -key %s.key -subj /CN=%s | openssl x509 "
        "-req -CA ca.pem -CAkey ca.key -set_serial 77 -days 9 -out %s.pem"
        % (who + "-v1", cn, who + "-v1"), shell=True, check=True, cwd=to,
        stderr=subprocess.DEVNULL)
# On the list of the gateway are those that nothing is wrong with.
for slot, kind in (10, "good"), (11, "middle"):
    c = x509.load_pem_x509_certificate(open(to + "client-%s.pem" % kind, "rb").read())
    with open("/etc/gw/clients/laptop.json") as f:
        d = json.load(f)
    d.update(Name=kind, Slot=slot, Fingerprint=c.fingerprint(hashes.SHA256()).hex())
    with open("/etc/gw/clients/%s.json" % kind, "w") as f:
        json.dump(d, f)
crl = x509.CertificateRevocationListBuilder().issuer_name(ca[0].subject) \
    .last_update(now - day).next_update(now + 9 * day)
for who in "gateway", "client":
    c = x509.load_pem_x509_certificate(open(to + who + "-revoked.pem", "rb").read())
    crl = crl.add_revoked_certificate(x509.RevokedCertificateBuilder()
        .serial_number(c.serial_number).revocation_date(now - day).build())
with open(to + "crl.pem", "wb") as f:
    f.write(crl.add_extension(x509.CRLNumber(1), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
            ca[1].public_key()), False)
        .sign(ca[1], hashes.SHA256()).public_bytes(serialization.Encoding.PEM))'

programs_begin python3 openssl
on gateway /usr/bin/python3 -W ignore -c "$make_pki" >"$lab/pki.log" 2>&1 ||
	lab_logs=pki fail "no certificates (needs python3-cryptography)"

# The gateway of everybody's CA, where every client but the bad ones may in.
use_gateway() { # KIND
	on gateway sh -eu -c 'cd /etc/gw
		cp /run/lab/pki/ca.pem ca.pem; cp /run/lab/pki/ca.key ca.key
		cp "/run/lab/pki/gateway-$1.pem" gateway.pem
		cp "/run/lab/pki/gateway-$1.key" gateway.key' - "$1" ||
		fail "no gateway with $1"
}

client_profile() { # NAME KIND
	variant "$1" "v = p['VendorConfig']
v.pop('CA')
v['CAFile'] = '/run/lab/pki/ca.pem'
if '$2' != 'middle': # of whose issuer there is no list
    v['RevocationListFile'] = '/run/lab/pki/crl.pem'
v['Identity'] = {'CertificateFile': '/run/lab/pki/client-$2.pem',
    'PrivateKeyFile': '/run/lab/pki/client-$2.key'}"
	add_profiles "$1"
}

says() { # REGULAR-EXPRESSION: the last error of expect
	grep -Eq -- "$1" "$lab/adit.err" || fail "says: $(cat "$lab/adit.err")"
}

# The gateway has a line about it. It tells one refusal in a second.
logged() { # REGULAR-EXPRESSION
	until_true 2 grep -Eq -- "$1" "$lab/gateway.log" ||
		fail "the gateway's log does not say \"$1\""
}

# The client's certificate, at a gateway that is as it should be. Each time a
# new gateway, whose first refusal is told.
start_aditd
on gateway cp /run/lab/pki/crl.pem /etc/gw/crl.pem
use_gateway good
for kind in good middle "${!fault[@]}" "${!own_fault[@]}"; do
	client_profile "$kind" "$kind"
done
for kind in "${!fault[@]}"; do
	start_gateway
	expect 5 connect "$kind" --wait=5
	says 'this device|the certificate is not meant for clients'
	case $kind in
	early | expired) says 'has expired or is not valid yet' ;;
	no-use) ;;
	other-ca | not-ca | path) says 'signed by another CA' ;;
	*) says "its log says which" ;;
	esac
	logged "refused, from 192.0.2.10:.*${fault[$kind]}"
	expect 0 disconnect
	stop gateway TERM || fail "the gateway ends with $?"
done
for kind in "${!own_fault[@]}"; do
	expect 2 connect "$kind" --wait=5
	says "profiles/$kind.json:[0-9:]*: /Payload/VendorConfig/Identity: .*${own_fault[$kind]}"
	expect 0 disconnect
done
as_before "refused devices"

# The gateway's certificate.
fault[wrong-name]='is not for "vpn.example.com", the profile.*: "vpn.example.com"'
for kind in "${!fault[@]}"; do
	use_gateway "$kind"
	start_gateway
	expect 5 connect good --wait=5
	says "the gateway's certificate.*${fault[$kind]}"
	case $kind in
	no-use | v1) ;; # found after the handshake, in which nothing was wrong
	*) logged 'from 192.0.2.10:.*(the client .* this gateway.s)' ;;
	esac
	expect 0 disconnect
	stop gateway TERM || fail "the gateway ends with $?"
done
for kind in "${!own_fault[@]}"; do
	use_gateway "$kind"
	on gateway timeout 5 adit-gateway run /etc/gw >"$lab/own.log" 2>&1
	code=$?
	[ $code -eq 1 ] && [ "$(wc -l <"$lab/own.log")" -eq 1 ] &&
		grep -Eq -- "/etc/gw: ${own_fault[$kind]}" "$lab/own.log" ||
		fail "a gateway with $kind: $code, $(cat "$lab/own.log")"
	checks=$((checks + 1))
done
as_before "refused gateways"

# Both with an intermediate, and then as device management exports it: one bag
# with old ciphers, the chain in any order, and what does not belong to it.
use_gateway middle
on gateway rm /etc/gw/crl.pem
start_gateway
expect 0 connect middle --wait=5
reaches 198.51.100.10
expect 0 disconnect
bag() { # NAME OPENSSL-PKCS12-OPTIONS...
	local name=$1
	shift
	on laptop sh -c 'cd /run/lab/pki && name=$1 && shift &&
		openssl pkcs12 -export -out "$name.p12" "$@"' - "$name" "$@" \
		>"$lab/openssl.log" 2>&1 || lab_logs=openssl fail "no bag $name"
}
bag_profile() { # NAME BAG PYTHON-PASSWORD
	variant "$1" "import base64
v = p['VendorConfig']
v.pop('CA')
v['CAFile'] = '/run/lab/pki/ca.pem'
b = base64.b64encode(open('/run/lab/pki/$2.p12', 'rb').read()).decode()
v['Identity'] = {'PKCS12': b}
w = $3
if w is not None:
    v['Identity']['Password'] = w"
}
on laptop sh -c 'cd /run/lab/pki && cat other-ca.pem ca.pem client-good.pem \
	client-middle.pem >any-order.pem' 2>/dev/null
old=(-legacy -macalg sha1 -keypbe PBE-SHA1-3DES)
identity=(-inkey client-middle.key -in any-order.pem)
bag rc2-40 "${old[@]}" -certpbe PBE-SHA1-RC2-40 "${identity[@]}" -passout pass:geheim
bag 3des "${old[@]}" -certpbe PBE-SHA1-3DES "${identity[@]}" -passout pass:geheim
bag new "${identity[@]}" -passout pass:geheim
bag empty "${identity[@]}" -passout pass:
bag no-mac -nomac "${identity[@]}" -passout pass:geheim
bag no-key -nokeys -in client-middle.pem -passout pass:geheim
bag no-leaf -nocerts -inkey client-middle.key -passout pass:geheim
for name in rc2-40 3des new no-mac; do
	bag_profile "$name" "$name" "'geheim'"
done
bag_profile empty empty "''"
bag_profile no-password empty None
bag_profile wrong rc2-40 "'falsch'"
bag_profile blank rc2-40 "''"
for name in no-key no-leaf; do
	bag_profile "$name" "$name" "'geheim'"
done
# shellcheck disable=SC2016 # Python
variant cut 'import base64
b = open("/run/lab/pki/rc2-40.p12", "rb").read()
p["VendorConfig"]["Identity"] = {"PKCS12": base64.b64encode(
    b[:len(b) // 3 * 2]).decode(), "Password": "geheim"}'
variant torn 'p["VendorConfig"]["Identity"]["PKCS12"] = p["VendorConfig"]["Identity"]["PKCS12"][:-2]'
for name in rc2-40 3des new no-mac empty no-password; do
	add_profiles "$name"
	expect 0 connect "$name" --wait=5
	reaches 198.51.100.10
	expect 0 disconnect
done
# Wherever it is met, it is refused with its place; written past adit, too.
refused_bag() { # NAME KEY TEXT
	local said="/Payload/VendorConfig/Identity/$2: $3"
	expect 2 profile check "/run/lab/$1.json"
	says "^/run/lab/$1.json:[0-9:]*: $said"
	expect 2 profile add "/run/lab/$1.json"
	says "$said"
	on laptop install -m 0600 "/run/lab/$1.json" /etc/adit/profiles/
	expect 2 connect "$1" --wait=5
	says "/etc/adit/profiles/$1.json:[0-9:]*: $said"
}
refused_bag wrong Password 'the PKCS#12 password is wrong'
refused_bag blank Password 'the PKCS#12 password is wrong'
refused_bag no-key PKCS12 'the PKCS#12 file holds no private key'
refused_bag no-leaf PKCS12 'the PKCS#12 file holds no certificate'
refused_bag cut PKCS12 'the identity is not a PKCS#12 file'
expect 2 profile add /run/lab/torn.json
says '/Payload/VendorConfig/Identity/PKCS12: .*base64'
end_aditd "after bad certificates"
echo "note: ${#fault[@]} kinds of bad certificates at each end, 6 kinds of" \
	"PKCS#12 that work and 6 that do not; $checks checks"
