#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The user's hand above the rules, with everything that a command or a profile
# may say about it; what `adit status` and `adit explain network` tell of it;
# rules with a probe; and two profiles, of which one has the tunnel.
# shellcheck source=tests/netns/lib_demand.sh
. "$(dirname "$0")/lib_demand.sh"

# A line of `adit status` is this expression, from its begin to its end.
shows() { # REGEX
	on laptop adit status >"$lab/status"
	grep -qxE -- "$1" "$lab/status" ||
		fail "no line is \"$1\": $(cat "$lab/status")"
	checks=$((checks + 1))
}

# What a command printed.
printed() { # FILE REGEX
	grep -qE -- "$2" "$lab/$1" || fail "\"$2\" is not in: $(cat "$lab/$1")"
	checks=$((checks + 1))
}

has_hold() { # NAME
	on laptop test -e "/var/lib/adit/hold-$1.json"
}

no_hold() { # NAME
	until_true 5 on laptop test ! -e "/var/lib/adit/hold-$1.json" ||
		fail "the hold of $1 is left"
	checks=$((checks + 1))
}

# For whoever asks, this machine was started anew.
reboot() {
	stop aditd TERM
	echo "$RANDOM$RANDOM-0000-4000-8000-000000000000" >"$lab/boot"
	on laptop mount --bind /run/lab/boot /proc/sys/kernel/random/boot_id ||
		fail "no other boot id"
	start_aditd
	began=$(now_ms)
}

demand_begin setpriv
# shellcheck disable=SC2016
on laptop sh -c 'sed "/^adit:/d; \$a adit:x:4242:" /etc/group >/run/lab/group &&
	mount --bind /run/lab/group /etc/group' || fail "no group"
start_gateway
start_aditd
with_rules work "$rules"
add_profiles work
on laptop adit status --watch >"$lab/watch" 2>&1 &
watcher=$!

# --- What is said, and shown. ---

clock='([0-9-]{10} )?[0-9]{2}:[0-9]{2}'
cafe='Rule 1 \(DNS server 192\.0\.2\.0/24\) would connect'
go_to cafe
until_says "the cafe connects" 's["state"] == "up"'
shows 'work is up, for .*: rule 1 \(DNS server 192\.0\.2\.0/24\) says Connect'
shows '  network   Ethernet on up0, gateway 192\.0\.2\.1'
expect 0 disconnect
printed adit.out '^work is down until this network changes$'
shows "work is down: you said so at $clock; ends when this network changes\. $cafe\."
shows '  to end it "adit auto work": its rules decide again'
expect 0 explain network
printed adit.out 'rule 1'
expect 0 explain network work --json
python3 -c 'import json, sys
e = json.load(open(sys.argv[1]))
assert e["rule"] == 1 and e["action"] == "Connect", e
assert [b["matches"] for b in e["because"]] == [False, True], e
assert e["because"][1]["criteria"][0]["found"] == ["192.0.2.1"], e' \
	"$lab/adit.out" || fail "explain network: $(cat "$lab/adit.out")"
expect 2 explain network other
printed adit.err 'there is no profile "other"'
expect 0 auto
printed adit.out '^work: its rules decide: up$'
until_says "auto gives it back to the rules" 's["state"] == "up" and
	s["hold"]["state"] == "none"'
no_hold work

# --- Until when. ---

expect 0 disconnect --for 4s
printed adit.out '^work is down for [1-5] s, or until this network changes$'
until_says "its time is over" 's["state"] == "up" and
	s["hold"]["state"] == "none" and s["hold"]["ended"] == "its time was over"'
shows '  your word holds no more: its time was over'
expect 0 disconnect --until-reboot
printed adit.out '^work is down until the next reboot$'
shows "work is down: you said so at $clock; ends at the next reboot\. $cafe\."
go_to home
until_says "another network does not end it" \
	's["rule"]["index"] == 0 and s["hold"]["state"] == "held-down"'
shows "work is down: .*; ends at the next reboot\. Rule 0 .* would disconnect, too\."
go_to cafe
until_says "nor does the one before" \
	's["rule"]["index"] == 1 and s["hold"]["state"] == "held-down"'
restart KILL
stays "nor a kill -9" 's["state"] == "down" and
	s["hold"]["ends"] == "reboot"'
reboot
until_says "but a reboot does" 's["state"] == "up" and
	s["hold"]["state"] == "none"'
no_hold work
on laptop adit status --watch >>"$lab/watch" 2>&1 &
watcher2=$!

# --- What the profile says about it. ---

expect 0 disconnect
has_hold work || fail "no hold is written"
with_rules work "$rules" 'p["VendorConfig"].update(
	RequireReason=True, ReconnectAfter=60)'
replace work
until_says "another profile ends the hold" 's["state"] == "up" and
	s["hold"]["ended"] == "it ended when the profile changed"'
no_hold work
expect 2 disconnect
printed adit.err 'RequireReason.*: add --reason TEXT'
state_is up || fail "it went down all the same"
expect 0 disconnect --for 1d --reason 'lunch, "long"'
until_says "ReconnectAfter limits the hold" 's["state"] == "down" and
	59 <= s["hold"]["until"] - s["hold"]["since"] <= 61 and
	s["hold"]["reason"] == "lunch, \"long\""'
shows "work is down: you said so at $clock; ends at $clock or when this network changes\. $cafe\."
shows '  reason    "lunch, "long""'
on laptop adit log >"$lab/log"
printed log 'disconnect work, because: lunch, "long"'

with_rules work "$rules" 'p["OnDemand"]["DisableUserOverride"] = True'
replace work
until_says "a locked profile is up" 's["state"] == "up"'
expect 4 disconnect
printed adit.err 'DisableUserOverride'
expect 4 disconnect --until-reboot --reason urgent
stays "and stays so [U6]" 's["state"] == "up" and
	s["hold"]["state"] == "none"'
expect 0 connect
until_says "but may be held up" 's["hold"]["state"] == "held-up"'
shows "work is up, .*: you said so at $clock; ends when this network changes\. $cafe, too\."
# A member of the group adit, and no more.
member() { # WANT ARGUMENT...
	local want=$1 got=0
	shift
	on laptop setpriv --reuid 65534 --regid 4242 --clear-groups \
		adit "$@" >"$lab/adit.out" 2>"$lab/adit.err" || got=$?
	[ "$got" = "$want" ] || fail "a member's adit $*: exit $got: $(
		cat "$lab/adit.err")"
	checks=$((checks + 1))
}

member 0 explain network
member 4 disconnect
member 4 profile remove work
printed adit.err 'work: only root may remove or replace it'
with_rules other '[{"Action": "Ignore"}]'
on laptop install -D -m 0644 /run/lab/other.json /run/member/work.json
member 4 profile add --replace --name work /run/member/work.json
stays "a locked profile stays, too" 's["state"] == "up" and
	s["profile"] == "work" and s["hold"]["state"] == "held-up"'
variant other ''
on laptop install -D -m 0644 /run/lab/other.json /run/member/other.json
member 0 profile add /run/member/other.json
member 4 connect other
member 0 profile remove other
add_profiles other
expect 4 connect other
printed adit.err 'the profile of work does not let you take its tunnel \(DisableUserOverride\)'
stays "and no other one is connected" 's["state"] == "up" and
	s["profile"] == "work" and s["hold"]["state"] == "held-up"'
go_to home
until_says "where its rules do not want it" 's["state"] == "down"'
expect 0 connect other --wait
go_to cafe
until_says "a locked one takes the tunnel back" 's["state"] == "up" and
	s["profile"] == "work" and s["hold"]["state"] == "none"'
expect 0 profile remove other

# --- Ignore. ---

with_rules work '[{"Action": "Ignore"}]'
replace work
until_says "Ignore keeps what is up [R43]" 's["state"] == "up" and
	s["rule"]["action"] == "Ignore" and s["hold"]["state"] == "none"'
shows 'work is up, .*: it was started, and nothing has ended it\. Rule 0 \(any network\) leaves it as it is\.'
expect 0 disconnect
expect 0 auto
on laptop ping -qc 2 -i 0.1 192.0.2.2 >/dev/null
stays "and starts nothing [R43]" 's["state"] == "down" and
	s["hold"]["state"] == "none"'

# --- A probe. ---

cat >"$lab/probed.py" <<'PY'
import http.server

class Probed(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(open("/run/lab/code").read()))
        self.send_header("Content-Length", "0")
        self.end_headers()

http.server.HTTPServer(("192.0.2.1", 8080), Probed).serve_forever()
PY
echo 204 >"$lab/code"
start probed cafe python3 -u /run/lab/probed.py
until_true 5 on cafe sh -c 'ss -Hltn sport = :8080 | grep -q .' ||
	fail "the web server does not start"
with_rules work '[{"Action": "Connect",
	"URLStringProbe": "http://192.0.2.1:8080/ok"}, {"Action": "Disconnect"}]'
replace work
until_says "a probe that 204 answers is none [R35]" 's["state"] == "down" and
	s["rule"]["index"] == 1 and s["rule"]["action"] == "Disconnect"'
expect 0 explain network
printed adit.out '204'
echo 200 >"$lab/code"
stays "a network is asked once" 's["state"] == "down"'
go_to nowhere
until_says "gone" 's["rule"]["outcome"] == "no-network"'
go_to cafe
until_says "one that 200 answers is one [R33]" 's["state"] == "up" and
	s["rule"]["index"] == 0'
requests=$(grep -c 'GET /ok' "$lab/probed.log")
[ "$requests" -ge 2 ] || fail "$requests requests in two networks"
echo "note: $requests requests in two networks"
shows 'work is up, .*: rule 0 \(probe http://192\.0\.2\.1:8080/ok\) says Connect'

# --- A refusal. ---

attempts() {
	on laptop adit log | grep -c 'work: connecting, was'
}

more_attempts() { # THAN
	[ "$(attempts)" -gt "$1" ]
}

on gateway adit-gateway init /etc/stranger --name "$gateway_name" >/dev/null &&
	on gateway adit-gateway add /etc/stranger laptop \
		--output /run/lab/stranger.json >/dev/null ||
	fail "no other authority"
with_rules work '[{"Action": "Connect"}]' 'p["VendorConfig"]["CA"] = json.load(
	open("/run/lab/stranger.json"))["Payload"]["VendorConfig"]["CA"]'
replace work
until_says "another gateway's key is refused" 's["state"] == "failed" and
	s["reason"]["code"] == "gateway-certificate"'
asked=$(attempts)
for _ in 1 2; do
	sleep 6
	go_to nowhere
	until_says "no network" 's["rule"]["outcome"] == "no-network"'
	go_to cafe
	until_says "the same one" 's["rule"]["outcome"] == "match"'
done
stays "no attempt on the same network [U8]" 's["state"] == "failed"'
[ "$(attempts)" = "$asked" ] || fail "$(attempts) attempts, not $asked"
go_to home
until_true 20 more_attempts "$asked" || fail "no attempt on another network"
until_says "one on another, to be refused" 's["state"] == "failed" and
	s["reason"]["code"] == "gateway-certificate"'
go_to cafe
with_rules work '[{"Action": "Connect",
	"URLStringProbe": "http://192.0.2.1:8080/ok"}, {"Action": "Disconnect"}]'
replace work
until_says "another profile ends it" 's["state"] == "up"'

# --- Two profiles. ---

with_rules zed '[{"Action": "Connect"}]'
add_profiles zed
until_says "the one that is up keeps it" 's["state"] == "up" and
	s["profile"] == "work" and len(s["on_demand"]) == 2 and
	s["on_demand"][1]["want"] == "up"'
shows '  zed       wants the tunnel, too: rule 0 \(any network\) says Connect; work has it'
expect 0 connect zed --wait
until_says "a held one wins" 's["state"] == "up" and s["profile"] == "zed" and
	s["hold"]["state"] == "held-up"'
shows '  work      wants the tunnel, too: rule 0 .* says Connect; zed has it'
expect 0 auto zed
stays "and keeps it" 's["state"] == "up" and s["profile"] == "zed"'
expect 0 disconnect
printed adit.out '^zed is down until this network changes; now it is the turn of work$'
until_says "the turn of the other one" 's["state"] == "up" and
	s["profile"] == "work"'
shows '  zed       is held down: you said so'
has_hold zed || fail "no hold of zed is written"
expect 0 profile remove zed
no_hold zed
until_says "one is left" 's["state"] == "up" and s["profile"] == "work" and
	len(s["on_demand"]) == 1'

stop aditd TERM || fail "aditd ended with $?"
on laptop sh -c 'ls /var/lib/adit/hold-* 2>/dev/null' && fail "a hold is left"
kill $watcher $watcher2 2>/dev/null
wait $watcher $watcher2 2>/dev/null
printed watch 'work is down, was up \(asked down\): you said so'
printed watch 'work is up, was connecting \(host changed\)'
printed watch 'zed is connecting, was down \(asked up\)'
echo "note: $checks checks"
