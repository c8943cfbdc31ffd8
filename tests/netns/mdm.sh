#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A device-management server's way in: nothing but files that are written,
# replaced, cut in two, spoilt and removed in /etc/adit/profiles, with what
# aditd makes of it by itself. Its log is what tells: "profile list" would look
# at the folder itself.
set -u
# shellcheck source=tests/netns/lib.sh
. "$(dirname "$0")/lib.sh"

profiles=/etc/adit/profiles
limit_ms=2000

# The moment from which a file's effect is timed.
act() { # COMMAND... on the laptop
	began=$(now_ms)
	on laptop "$@" || fail "$*"
}

# A look, which takes its time on a busy machine: what it finds was so when it
# began.
looks() { # COMMAND...
	looked=$(took_ms "$began")
	"$@"
}

# What was done acts within 2 s; prints how long it took. On a busy machine some
# may be late, and are told.
late=0
acts() { # WHAT COMMAND...
	local what=$1
	shift
	until_true 10 looks "$@" || fail "$what does not act: $*"
	[ "$looked" -lt $limit_ms ] || late=$((late + 1))
	echo "note: $what acted after $looked ms"
	checks=$((checks + 1)) acts=$((${acts-0} + 1))
}

put() { # NAME [AS]: as one would copy it, not at once
	act install -m 600 "/run/lab/$1.json" "$profiles/${2-$1}.json"
}

# Lines of aditd's log from a mark on.
mark() { marked=$(wc -l <"$lab/aditd.log"); }
logged() { # PATTERN
	tail -n +$((marked + 1)) "$lab/aditd.log" | grep -q "$1"
}
not_logged() { # PATTERN WHILE-WHAT
	if logged "$1"; then
		fail "logged while $2: $(tail -n +$((marked + 1)) \
			"$lab/aditd.log" | grep "$1")"
	fi
	checks=$((checks + 1))
}

has() { # PYTHON over the status as s
	on laptop adit status --json |
		python3 -c "import json, sys
s = json.load(sys.stdin)
sys.exit(not ($1))"
}
has_mtu() { has "s['state'] == 'up' and s['mtu'] == $1"; }
has_problem() { has "any('$1' in p for p in s['problems'])"; }
no_problem() { has "not s['problems']"; }
transitions() {
	on laptop adit status --json |
		python3 -c 'import json, sys
print(len(json.load(sys.stdin)["transitions"]))'
}
list_is_empty() {
	on laptop adit profile list >"$lab/list"
	grep -q '^no profiles' "$lab/list" ||
		fail "profile list: $(cat "$lab/list")"
	checks=$((checks + 1))
}

nothing_of() { # NAME: no file, no state
	local left
	left=$(on laptop sh -c "grep -rls '$1' /etc/adit /var/lib/adit /run/adit
		find /etc/adit /var/lib/adit /run/adit -name '*$1*'")
	[ -z "$left" ] || fail "$1 was removed, and there is $left"
	checks=$((checks + 1))
}

programs_begin python3
variant small 'p["VendorConfig"]["MTU"] = 1300'
variant smaller 'p["VendorConfig"]["MTU"] = 1290'
variant later 'p["VendorConfig"]["Transport"] = "tls"'
variant nobody 'p["HostName"] = "192.0.2.77"'
asset_variant managed 'p["VendorConfig"]["MTU"] = 1310'
start_gateway
start_aditd
mark
on laptop test ! -e $profiles || fail "the folder is there already"

# The folder is made, and a file in it; a name of the greatest length.
act mkdir $profiles
put laptop
acts "the first file in a new folder" logged 'profile laptop$'
long=$(printf 'x%.0s' {1..100})
put laptop "$long"
acts "a second file" logged "profile $long\$"
act rm "$profiles/$long.json"
acts "its removal" logged "profile $long is gone"

# The running tunnel's file: written anew, replaced by rename.
expect 0 connect laptop --wait=10
reaches 10.77.0.1
put small laptop
acts "the running profile, written anew," has_mtu 1300
act sh -c "install -m 600 /run/lab/smaller.json $profiles/.new &&
	mv $profiles/.new $profiles/laptop.json"
acts "the running profile, replaced by rename," has_mtu 1290
reaches 10.77.0.1
# Another content ends the user's word; what was up is kept.
has 's["hold"]["state"] == "none" and s["state"] == "up"' ||
	fail "it is held, or not up any more"

# A bad one: the old one stays, and three places say so. Once.
before=$(transitions)
mark
act sh -c "echo '{ \"Type\": 7 }' >$profiles/laptop.json"
acts "a bad file's problem" has_problem 'laptop.json:1:'
has_problem 'the profile before it stays in force' || fail "not said: stays"
until_true 3 logged 'laptop.json:1:' || fail "a bad file is not logged"
on laptop adit profile list | grep -q 'laptop.*laptop.json:1:' ||
	fail "profile list does not say what is wrong"
on laptop adit status | grep -q 'refused *.*laptop.json:1:' ||
	fail "status does not say what is wrong"
on laptop adit reload >"$lab/reload" 2>"$lab/reload.err"
[ $? = 2 ] && grep -q '^1 profile, 1 refused$' "$lab/reload" &&
	grep -q "^$profiles/laptop.json:1:" "$lab/reload.err" ||
	fail "reload: $(cat "$lab/reload" "$lab/reload.err")"
sleep 1.5
[ "$(tail -n +$((marked + 1)) "$lab/aditd.log" | grep -c 'laptop.json:1:')" = 1 ] ||
	fail "the bad file is logged more than once"
reaches 10.77.0.1
[ "$(transitions)" = "$before" ] || fail "a bad file moved the tunnel"
# It can even be connected again.
expect 0 disconnect
expect 0 connect laptop --wait=10
has_mtu 1290 || fail "not the profile before the bad one"
before=$(transitions)
put smaller laptop
acts "the same good file again" no_problem
[ "$(transitions)" = "$before" ] || fail "the same content moved the tunnel"

# Good, and not to be used on this machine: others may read its key.
act chmod 644 $profiles/laptop.json
acts "a mode that is too open" has_problem 'others may read it'
reaches 10.77.0.1
act chmod 600 $profiles/laptop.json
acts "the right mode" no_problem
[ "$(transitions)" = "$before" ] || fail "a mode moved the tunnel"

# What it names is in another folder, and that is watched, too.
on laptop mkdir /etc/adit/assets
act sh -c 'cp /run/lab/asset.json /etc/adit/assets/laptop.json &&
	install -m 600 /run/lab/managed.json /etc/adit/profiles/laptop.json'
acts "a profile with its identity in an asset" \
	has "s['state'] == 'up' and s['mtu'] == 1310"
before=$(transitions)
act sh -c 'echo "{" >/etc/adit/assets/laptop.json'
acts "a bad asset" has_problem 'IdentityAssetReference'
reaches 10.77.0.1
[ "$(transitions)" = "$before" ] || fail "a bad asset moved the tunnel"
act cp /run/lab/asset.json /etc/adit/assets/laptop.json
acts "a good asset again" no_problem
[ "$(transitions)" = "$before" ] || fail "the same asset moved the tunnel"
put smaller laptop
acts "the identity in the profile again" has_mtu 1290
before=$(transitions)
on laptop rm -r /etc/adit/assets

# The target of a link is in a folder that nobody watches: it acts with the next
# command, or a reload.
on laptop sh -c "mkdir /run/lab/elsewhere
	install -m 600 /run/lab/small.json /run/lab/elsewhere/p"
act ln -sf /run/lab/elsewhere/p $profiles/laptop.json
acts "a link to a profile" has_mtu 1300
on laptop install -m 600 /run/lab/smaller.json /run/lab/elsewhere/p
act adit profile list
acts "the target of a link, after a command," has_mtu 1290
on laptop install -m 600 /run/lab/small.json /run/lab/elsewhere/p
act adit reload
acts "the target of a link, after a reload," has_mtu 1300
act sh -c "install -m 600 /run/lab/smaller.json $profiles/.new &&
	mv $profiles/.new $profiles/laptop.json"
acts "a file in the place of a link" has_mtu 1290
before=$(transitions)

# Written in two halves with a pause, seven times: the first half is bad, and
# nobody hears of it.
halves='import sys, time
text = open(sys.argv[1]).read()
for i in range(int(sys.argv[4])):
    with open(sys.argv[2], "w") as f:
        for at in range(0, len(text), len(text) // 2):
            f.write(text[at:at + len(text) // 2])
            f.flush()
            time.sleep(float(sys.argv[3]))'
written_in_halves() {
	mark
	act python3 -c "$halves" /run/lab/smaller.json $profiles/laptop.json 0.35 5
	act python3 -c "$halves" /run/lab/smaller.json $profiles/laptop.json 0.7 2
	sleep 1.5
}
# A machine that stands still between two halves makes the pause too long: then
# it is done again, three times at most.
for try in 1 2 3; do
	began=$(now_ms)
	written_in_halves
	stood=$(($(now_ms) - began - $(took_ms "$began")))
	logged 'laptop.json:' && [ $stood -gt 200 ] && [ $try -lt 3 ] || break
	echo "note: the machine stood still for $stood ms: written in halves again"
done
not_logged 'laptop.json:' "a file was written in halves"
[ "$(transitions)" = "$before" ] || fail "half a file moved the tunnel"
no_problem || fail "a problem stayed"
act python3 -c "$halves" /run/lab/small.json $profiles/laptop.json 0.35 1
acts "another profile written in two halves (from its first byte)" has_mtu 1300
# Commands in the middle of it look at the folder, and move nothing.
before=$(transitions)
mark
start halves laptop python3 -c "$halves" /run/lab/small.json \
	$profiles/laptop.json 0.3 4
for ((i = 0; i < 20; i++)); do
	on laptop adit profile list >"$lab/list" || fail "profile list"
	grep -q '^laptop .* up' "$lab/list" || fail "list: $(cat "$lab/list")"
done
stop halves 0
[ "$(transitions)" = "$before" ] || fail "a look at half a file moved the tunnel"
# Removed and written again at once, which is how some replace a file.
for ((i = 0; i < 5; i++)); do
	act sh -c "rm $profiles/laptop.json
		adit profile list >/run/lab/list
		install -m 600 /run/lab/small.json $profiles/laptop.json"
	sleep 0.4
done
[ "$(transitions)" = "$before" ] || fail "a file made anew moved the tunnel"

# Somebody never stops writing in the folder.
start writer laptop python3 -c 'import sys, time
end = time.monotonic() + 6
while time.monotonic() < end:
    open(sys.argv[1], "w").write("x" * 100)
    time.sleep(0.02)' $profiles/.busy
put smaller laptop
acts "the running profile, beside endless writing," has_mtu 1290
stop writer
on laptop rm -f $profiles/.busy

# Keys that do nothing yet are in the status of the profile in force.
act sh -c "install -m 600 /run/lab/later.json $profiles/laptop.json"
acts "a profile with a key for later" \
	has "any('/VendorConfig/Transport: warning: accepted, not acted' in w
		for w in s['warnings'])"
on laptop adit status >"$lab/status"
grep -q 'warnings  [0-9]* about its profile' "$lab/status" &&
	[ "$(wc -l <"$lab/status")" -le 12 ] ||
	fail "status: $(cat "$lab/status")"
put smaller laptop
acts "one without" has 'not s["warnings"]'

# The folder goes, comes back, and is replaced as a whole.
until_state 5 up
act rm -r $profiles
acts "the folder's removal" state_is down
has 's["reason"]["code"] == "profile-removed" and
	s["hold"]["state"] == "none"' || fail "down, but why?"
as_before "the folder's removal"
list_is_empty
mark
act sh -c "mkdir $profiles && install -m 600 /run/lab/laptop.json $profiles"
acts "the folder made again" logged 'profile laptop$'
expect 0 connect laptop --wait=10
mark
act sh -c "mkdir -m 755 /etc/adit/new &&
	install -m 600 /run/lab/small.json /etc/adit/new/laptop.json &&
	install -m 600 /run/lab/nobody.json /etc/adit/new/nobody.json &&
	mv $profiles /etc/adit/old && mv /etc/adit/new $profiles"
acts "another folder in its place" has_mtu 1300
logged 'profile nobody$' || fail "the new folder's second file is not seen"
on laptop rm -r /etc/adit/old

# Removed while it is up, connecting and failed: by command, by hand, and by
# both at once.
gone() { # WHILE-WHAT
	acts "removal while $1" state_is down
	as_before "removal while $1"
	nothing_of laptop
	nothing_of nobody
	list_is_empty
}
act rm $profiles/nobody.json
act rm $profiles/laptop.json
gone "up, by hand"
for how in command both; do
	for while in up connecting failed; do
		name=nobody
		[ $while = up ] && name=laptop
		put $name
		expect 0 connect $name
		case $while in
		up) until_state 5 up ;;
		connecting) until_state 5 connecting ;;
		failed) on laptop ip link set up0 down
			until_state 5 failed ;;
		esac
		began=$(now_ms)
		if [ $how = both ]; then
			on laptop rm $profiles/$name.json
			expect 2 profile remove $name
		else
			expect 0 profile remove $name
			list_is_empty
			state_is down || fail "not down after profile remove"
		fi
		[ $while = failed ] && link_back
		gone "$while, by $how"
	done
done
expect 2 profile remove laptop

# Nothing wakes the daemon while nothing happens.
put laptop
sleep 1
switches() {
	awk '/ctxt/ { n += $2 } END { print n }' \
		"/proc/$(program_pid aditd)/status"
}
# The best of three: what came before may not be over on a busy machine.
for try in 1 2 3; do
	idle=$(switches)
	sleep 3
	idle=$(($(switches) - idle))
	[ $idle -gt 2 ] || break
done
[ $idle -le 2 ] || fail "an idle aditd woke up $idle times in 3 s"
end_aditd "all of it"
[ $((late * 4)) -lt "$acts" ] ||
	fail "$late of $acts files acted after more than $limit_ms ms"
echo "note: an idle aditd with its folder watched woke up $idle times in 3 s;" \
	"$checks checks; $late of $acts files acted after 2 s"
