#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Bad profiles, each four times: judged by `adit profile check`, offered to
# `adit profile add`, put into the folder of a running aditd as a new file, and
# put there in the place of the profile whose tunnel is up. Each time there is
# one line that says where and what, and nothing is lost: the tunnel goes on
# with the profile that was in force, aditd answers, no file is made.
set -u
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

# case: the text that everybody is told, as an extended regular expression.
declare -A wanted=(
	[empty]=':1:1: the file is empty'
	[blank]=':1:1: the file is empty'
	[big]=': it is bigger than 1024 KiB'
	[deep]=':1:[0-9]+: /Payload/.*nested deeper than 32'
	[utf8]=':[0-9]+:[0-9]+: .*not UTF-8'
	[twice]=':[0-9]+:[0-9]+: .*"Type" stands here twice'
	[type]=':[0-9]+:[0-9]+: /Payload/VendorConfig/Port: must be a whole number'
	[unknown]=':[0-9]+:[0-9]+: /Payload/VendorConfig/Prot: .*did you mean "Port"'
	[trailing]=':[0-9]+:1: more follows the end: one object to a file'
	[bom]=':1:1: a byte order mark: save the file as UTF-8 without one'
	[nul]=':[0-9]+:[0-9]+: .*a zero byte'
	[half]=':[0-9]+:[0-9]+: .*not closed'
	[array]=':1:1: the file must hold one object, and this is an array'
	[writable]=': others may write it \(mode 0666\): chmod go-w'
	[folder]=': it is a folder, not a regular file'
	[fifo]=': it is a FIFO, not a regular file'
	[loop]=': its symbolic links lead in a circle'
	[dangling]=': it is a symbolic link to a file that is not there'
	[device]=': it is a device, not a regular file'
)
# Good in itself, but not on this machine: `check` warns, since the files may be
# on their way; aditd does not use it.
declare -A unfit=(
	[open]=': .*a private key and others may read it \(mode 0644\): chmod go-r'
	[key]='/PrivateKeyFile: .*others may read it \(mode 0644\): chmod go-r'
	[key-writable]='/PrivateKeyFile: .*others may write it \(mode 0622\): chmod go-w'
	[no-ca]='/CAFile: .*there is no such file'
	[ca-fifo]='/CAFile: .*it is a FIFO, not a regular file'
	[ca-device]='/CAFile: .*it is a device, not a regular file'
)

make_bad='
import json, os, sys
good = open("/run/lab/laptop.json", "rb").read()
to = "/run/lab/bad/"
def put(name, data, mode=0o600):
    with open(to + name, "wb") as f:
        f.write(data)
    os.chmod(to + name, mode)
def changed(edit):
    d = json.loads(good)
    exec(edit, {"v": d["Payload"]["VendorConfig"]})
    return json.dumps(d, indent=1).encode()
os.mkdir(to)
put("empty", b"")
put("blank", b" \n\t\n")
put("big", good + b" " * (10 << 20))
put("deep", b"{\"Payload\":" + b"[" * 1000 + b"]" * 1000 + b"}")
put("utf8", good.replace(b"\"Payload\"", b"\"Pay\xff\xfeload\"", 1))
put("twice", good.replace(b"\"Payload\"", b"\"Type\": 1, \"Payload\"", 1))
put("type", changed("v[\"Port\"] = \"443\""))
put("unknown", changed("v[\"Prot\"] = 443"))
put("trailing", good + b"\n{}")
put("bom", b"\xef\xbb\xbf" + good)
put("nul", good.replace(b"\"Type\"", b"\"Ty\0pe\"", 1))
put("half", good[:len(good) // 2])
put("array", b"[]")
put("writable", good, 0o666)
os.mkdir(to + "folder")
os.mkfifo(to + "fifo")
os.symlink("loop", to + "loop")
os.symlink("nowhere", to + "dangling")
os.symlink("/dev/zero", to + "device")
put("open", good, 0o644)
with open("/run/lab/ca.pem", "w") as f:
    f.write(json.loads(good)["Payload"]["VendorConfig"]["CA"])
for name, mode in ("key", 0o644), ("key-writable", 0o622):
    put(name + ".pem", b"-", mode)
    put(name, changed("v[\"Identity\"] = {\"CertificateFile\": "
        "\"/run/lab/ca.pem\", \"PrivateKeyFile\": \"%s%s.pem\"}" % (to, name)))
for name, path in ("no-ca", "/nothing"), ("ca-fifo", to + "fifo"), (
        "ca-device", "/dev/zero"):
    put(name, changed("v.pop(\"CA\"); v[\"CAFile\"] = \"%s\"" % path))'

# Puts the bad file where aditd looks for profiles: by rename, as an MDM does;
# a symbolic link keeps where it leads.
place() { # CASE NAME
	on laptop sh -eu -c 'cd /etc/adit/profiles
		cp -a "/run/lab/bad/$1" ".$2" && mv -fT ".$2" "$2.json"
		[ "$1" != loop ] || ln -sfn "$2.json" "$2.json"' \
		- "$1" "$2" || fail "cannot place $1"
}

# What `adit profile list` says of a profile.
listed() { # NAME REGULAR-EXPRESSION
	on laptop timeout 5 adit profile list |
		grep -E "^$1 " | grep -Eq -- "$2"
}

until_listed() { # NAME REGULAR-EXPRESSION
	until_true 5 listed "$1" "$2" || fail "the list does not say \"$2\" of" \
		"$1: $(on laptop timeout 5 adit profile list)"
	checks=$((checks + 1))
}

says() { # FILE REGULAR-EXPRESSION: its first line, which is all of it
	[ "$(wc -l <"$1")" -eq 1 ] || fail "not one line: $(cat "$1")"
	grep -Eq -- "$2" "$1" || fail "not \"$2\": $(cat "$1")"
}

programs_begin python3
on laptop python3 -c "$make_bad" || fail "no bad profiles"

# Without a daemon, and without a tunnel.
for what in "${!wanted[@]}"; do
	expect_bad=${wanted[$what]}
	on laptop timeout 5 adit profile check "/run/lab/bad/$what" \
		>/dev/null 2>"$lab/adit.err"
	code=$?
	[ $code -eq 2 ] || fail "check $what ended with $code"
	says "$lab/adit.err" "^/run/lab/bad/$what.*$expect_bad"
	expect 2 profile add "/run/lab/bad/$what" --name "$what"
	says "$lab/adit.err" "^/run/lab/bad/$what.*$expect_bad"
done
[ -z "$(on laptop find /etc/adit -mindepth 1)" ] ||
	fail "a refused profile left: $(on laptop find /etc/adit -mindepth 1)"

start_gateway
start_aditd
add_profiles laptop
for what in "${!wanted[@]}"; do
	expect 2 profile add "/run/lab/bad/$what" --name "$what"
	says "$lab/adit.err" "$what.*${wanted[$what]}"
done
[ "$(on laptop ls -A /etc/adit/profiles)" = laptop.json ] ||
	fail "a refused profile left: $(on laptop ls -A /etc/adit/profiles)"
expect 0 connect laptop --wait
reaches 198.51.100.10
start tunnel laptop ping -i 0.02 198.51.100.10

# All of them as new files.
for what in "${!wanted[@]}"; do
	place "$what" "new-$what"
done
signal aditd HUP
for what in "${!wanted[@]}"; do
	until_listed "new-$what" "refused .*${wanted[$what]}"
	expect 2 connect "new-$what"
	says "$lab/adit.err" "${wanted[$what]}"
	grep -Eq -- "new-$what.*${wanted[$what]}.*it is not used" \
		"$lab/aditd.log" || fail "aditd's log does not have $what"
done
on laptop sh -c 'cd /etc/adit/profiles && rm -rf new-*'
signal aditd HUP

# Each in the place of the profile that is in force; rename() puts no folder
# there.
for what in "${!wanted[@]}"; do
	[ "$what" != folder ] || continue
	place "$what" laptop
	signal aditd HUP
	until_listed laptop " up .*${wanted[$what]}"
	state_is up || fail "$what ended the tunnel"
done
grep -q 'the profile before it stays in force' "$lab/aditd.log" ||
	fail "aditd's log does not say what is in force"
for what in "${!unfit[@]}"; do
	expect 0 profile check "/run/lab/bad/$what"
	grep -Eq -- "warning: ${unfit[$what]#*: }" "$lab/adit.err" ||
		grep -Eq -- "${unfit[$what]%%:*}: warning: " "$lab/adit.err" ||
		fail "check $what does not warn: $(cat "$lab/adit.err")"
	place "$what" "$what"
	place "$what" laptop
	signal aditd HUP
	until_listed "$what" " - .*${unfit[$what]}"
	until_true 2 grep -Eq -- \
		"/$what.json.*${unfit[$what]}; it cannot be used on this machine" \
		"$lab/aditd.log" || fail "aditd's log does not have $what"
	on laptop adit reload >"$lab/reload.log" 2>&1
	[ $? -eq 2 ] &&
		grep -Eq -- "/$what.json.*${unfit[$what]}; it cannot be used" \
			"$lab/reload.log" ||
		fail "reload does not refuse $what: $(cat "$lab/reload.log")"
	until_true 2 grep -Eq -- "laptop.json.*${unfit[$what]}; .*stays in force" \
		"$lab/aditd.log" || fail "aditd's log does not have $what"
	expect 2 connect "$what"
	says "$lab/adit.err" "$what.*${unfit[$what]}"
	state_is up || fail "$what ended the tunnel"
done
reaches 198.51.100.10
stop tunnel INT
[ "$(pings_lost "$lab/tunnel.log")" = 0 ] ||
	fail "the tunnel lost packets: $(tail -n 3 "$lab/tunnel.log")"
# What is asked for anew is asked of the file; repaired, it is taken.
expect 0 disconnect
expect 2 connect laptop
on laptop cp -p /run/lab/laptop.json /etc/adit/profiles/laptop.json
signal aditd HUP
until_true 5 on laptop adit connect laptop --wait ||
	fail "a repaired profile is not taken"
reaches 198.51.100.10
# Where others may write, anybody could put a profile: none is taken, what is in
# force stays, and everybody is told.
told='/etc/adit/profiles: others may change what is in it, or it is not ours'
on laptop sh -c 'rm -f /etc/adit/profiles/[!l]*.json
	chmod 0777 /etc/adit/profiles
	cp -p /run/lab/laptop.json /etc/adit/profiles/stranger.json'
until_true 3 grep -q "$told" "$lab/aditd.log" || fail "the log has no open folder"
expect 1 reload
says "$lab/adit.err" "$told"
expect 1 profile list
says "$lab/adit.err" "$told"
grep -q '^laptop .* up' "$lab/adit.out" && ! grep -q stranger "$lab/adit.out" ||
	fail "the list of an open folder: $(cat "$lab/adit.out")"
on laptop adit status | grep -q "$told" || fail "the status has no open folder"
expect 2 connect stranger
expect 1 profile add /run/lab/laptop.json --name=other
says "$lab/adit.err" "$told"
expect 0 connect laptop --wait
reaches 198.51.100.10
[ "$(grep -c "$told" "$lab/aditd.log")" -eq 1 ] || fail "it is told twice"
on laptop chmod 0755 /etc/adit/profiles
until_listed stranger ' -$'
expect 0 disconnect
end_aditd "after bad profiles"
echo "note: ${#wanted[@]} kinds of bad profiles and ${#unfit[@]} that do not fit, $checks answers"
