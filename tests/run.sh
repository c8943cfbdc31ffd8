#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# run.sh unit DIR | net | wifi | all
#
# Runs the test programs and prints, at the end, one line that counts them:
# "N passed, N failed, N skipped, N unsteady". A unit program is run whole (its
# own closing line counts its checks); a network test is a script under
# tests/netns/, which needs root and skips by name without it (exit 77); one
# with Wi-Fi is a script under tests/wifi/, which has a guest to itself.
#
# As many run side by side as there are CPUs. A network test whose first lines
# say "# Alone: WHY" is run when nothing else is.
#
# What failed is run once more when all others are done, alone. If it passes
# then, it is no failure of the program alone, and no good test: it is
# "unsteady", said loudly with what it said the first time. One or two of those
# do not stop a change that has nothing to do with them, on a machine that
# others use; three are no accident, and the run fails.
set -u
cd "$(dirname "$0")/.." || exit 2
# shellcheck source=tests/lab/measure.sh
. tests/lab/measure.sh

passed=0 failed=0 skipped=0 unsteady=0
unsteady_max=2
log=build/test-log
again=()     # those that failed
durations=() # "ms name"
declare -A running=() # process: name
mkdir -p "$log"

# Prints at most the last 60 lines of a failure, and where the rest is.
show_failure() { # FILE
	tail -n 60 "$1" | sed 's/^/    /'
	echo "    (all of it: $1)"
}

log_of() { # NAME
	echo "$log/${1//\//_}.log"
}

# A name is a program below build/, or a script below tests/.
execute() { # NAME
	local began out forks=yes
	began=$(now_ms)
	out=$(log_of "$1")
	# One report of a sanitizer covers the whole program.
	[[ $1 == linux-* ]] && forks=no
	if [[ $1 == netns/* ]]; then
		timeout 900 "tests/$1.sh"
	elif [[ $1 == wifi/* ]]; then
		tests/lab/guest.sh "tests/$1.sh"
	else
		# A busy machine is no failure, and a test that hangs hangs for
		# longer than these.
		CK_DEFAULT_TIMEOUT=60 CK_TIMEOUT_MULTIPLIER=5 CK_FORK=$forks \
			timeout 600 "build/$1"
	fi >"$out" 2>&1 </dev/null
	echo "$? $(($(now_ms) - began))" >"$out.end"
}

# Counts one that was executed; false: it failed.
count() { # NAME
	local out code ms checks=1 how
	out=$(log_of "$1")
	read -r code ms <"$out.end"
	durations+=("$ms $1")
	how=$(printf '%4d s' $(((ms + 500) / 1000)))
	if [[ $1 != linux* && $code -eq 77 ]]; then
		skipped=$((skipped + 1))
		echo "  SKIP  $1: $(tail -n 1 "$out")"
		return
	fi
	[ "$code" -eq 0 ] || return
	if [[ $1 == linux* ]]; then
		checks=$(sed -n 's/.*Checks: \([0-9]*\), Failures.*/\1/p' "$out" |
			awk '{ n += $1 } END { print n + 0 }')
		how=$(printf '%4d checks' "$checks")
		[ "$checks" -gt 0 ] || {
			echo "it ran no check" >>"$out"
			return 1
		}
	fi
	passed=$((passed + checks))
	printf '  ok    %-52s %s\n' "$1" "$how"
	# What a test counted is part of the result.
	sed -n 's/^note: /          /p' "$out"
}

finish_one() {
	local pid
	wait -n -p pid
	count "${running[$pid]}" || {
		echo "  ...   ${running[$pid]} failed: once more, at the end"
		again+=("${running[$pid]}")
	}
	unset "running[$pid]"
}

run() { # HOW-MANY-AT-ONCE NAME...
	local slots=$1 name
	shift
	for name in "$@"; do
		[ ${#running[@]} -lt "$slots" ] || finish_one
		execute "$name" &
		running[$!]=$name
	done
	while [ ${#running[@]} -gt 0 ]; do
		finish_one
	done
}

run_again() {
	local name out
	for name in "${again[@]}"; do
		out=$(log_of "$name")
		mv "$out" "${out%.log}.first.log"
		execute "$name"
		if count "$name"; then
			unsteady=$((unsteady + 1))
			echo "  UNSTEADY  $name: it failed, and passed alone;" \
				"at first it said:"
			show_failure "${out%.log}.first.log"
		else
			failed=$((failed + 1))
			echo "  FAIL  $name (two times)"
			show_failure "$out"
		fi
	done
}

units() { # DIR...
	local dir
	for dir in "$@"; do
		[ ! -d "$dir/tests" ] ||
			find "$dir/tests" -type f -name 'test_*' -perm -u+x | sort
	done | sed 's:^build/::'
}

net_tests() { # alone | together
	local t which
	for t in tests/netns/*.sh; do
		[[ $t == */lib*.sh ]] && continue
		which=together
		head -n 20 "$t" | grep -q '^# Alone: ' && which=alone
		[ $which != "$1" ] || echo "netns/$(basename "$t" .sh)"
	done
}

run_units() { # DIR...
	local names
	mapfile -t names < <(units "$@")
	run "$(nproc)" "${names[@]}"
}

run_net() {
	local together alone
	mapfile -t together < <(net_tests together)
	mapfile -t alone < <(net_tests alone)
	run "$(nproc)" "${together[@]}"
	run 1 "${alone[@]}"
}

# Each alone: a guest's clock goes on while others have the CPUs.
run_wifi() {
	local tests
	mapfile -t tests < <(cd tests && find wifi -name '*.sh' ! -name 'lib*' | sort)
	run 1 "${tests[@]%.sh}"
}

began=$(now_ms)
case ${1-} in
unit) run_units "$2" ;;
net) run_net ;;
wifi) run_wifi ;;
all)
	run_units build/linux build/linux-address-undefined build/linux-thread
	run_net
	run_wifi
	;;
*)
	echo "usage: run.sh unit DIR | net | wifi | all" >&2
	exit 2
	;;
esac
run_again
printf 'in %d s; the slowest, in s:' $((($(now_ms) - began) / 1000))
printf '%s\n' "${durations[@]}" | sort -rn | head -n 5 |
	awk '{ printf "%s %s %.0f", (NR > 1) ? "," : "", $2, $1 / 1000 }'
echo
[ $unsteady -le $unsteady_max ] ||
	echo "more than $unsteady_max are unsteady: the run fails"
echo "$passed passed, $failed failed, $skipped skipped, $unsteady unsteady"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ] && [ $unsteady -le $unsteady_max ]
