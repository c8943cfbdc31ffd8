# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the tests share that have tests/lab/logind_mock.c on a bus of their own:
# lines go into the pipe $lab/LABEL.in of a program. Sourced, after
# lib_owners.sh.
if [ -z "${lab_root-}" ]; then
	# shellcheck source=tests/netns/lib.sh
	. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
fi
mock_line=0 # of its log, that mock_says has come to

launch() { # LABEL HOST COMMAND...: reads from the pipe $lab/LABEL.in
	local label=$1 host=$2
	shift 2
	[ -p "$lab/$label.in" ] || mkfifo "$lab/$label.in"
	# shellcheck disable=SC2016
	start "$label" "$host" sh -c 'exec "$@" <>"$0"' "/run/lab/$label.in" "$@"
}

start_mock() { # HOST [COMMAND...]
	local host=$1
	shift
	[ $# -gt 0 ] || set -- /run/lab/logind_mock
	launch mock "$host" "$@"
	mock_line=0
	until_true 5 grep -q '^ready' "$lab/mock.log" || fail "no mock"
}

obeyed() { # HOW-OFTEN
	[ "$(grep -c '^ok' "$lab/mock.log")" -gt "$1" ]
}

mock() { # WORD...: logind does it
	local before
	before=$(grep -c '^ok' "$lab/mock.log")
	echo "$*" >"$lab/mock.in"
	until_true 5 obeyed "$before" || fail "the mock did not obey \"$*\""
}

mock_says() { # LINE: since the last time
	until_true 10 mock_has_said "$1" ||
		fail "the mock did not say \"$1\""
	mock_line=$(wc -l <"$lab/mock.log")
	checks=$((checks + 1))
}

mock_has_said() { # LINE
	tail -n "+$((mock_line + 1))" "$lab/mock.log" | grep -qx "$1"
}
