#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# run.sh unit DIR | net | all
#
# Runs the test programs and prints, at the end, one line that counts them:
# "N passed, N failed, N skipped". A unit program is run whole (its own
# closing line counts its checks); a network test is a script under
# tests/netns/, which needs root and skips by name without it (exit 77).
set -u
cd "$(dirname "$0")/.." || exit 2

passed=0 failed=0 skipped=0
log=build/test-log
mkdir -p "$log"

# Prints at most the last 60 lines of a failure, and where the rest is.
show_failure() {
	tail -n 60 "$1" | sed 's/^/    /'
	echo "    (all of it: $1)"
}

run_unit() { # PROGRAM
	local name=${1#build/} out checks
	out=$log/$(echo "$name" | tr / _).log
	# One report of a sanitizer covers the whole program.
	# A busy machine is no failure: check's own four seconds are too few.
	if CK_DEFAULT_TIMEOUT=60 CK_FORK=$([[ $1 == *linux-* ]] && echo no || echo yes) \
		timeout 300 "$1" >"$out" 2>&1; then
		checks=$(sed -n 's/.*Checks: \([0-9]*\), Failures.*/\1/p' "$out" |
			awk '{ n += $1 } END { print n + 0 }')
		passed=$((passed + checks))
		printf '  ok    %-52s %4d checks\n' "$name" "$checks"
		# What a test counted is part of the result.
		sed -n 's/^note: /          /p' "$out"
		if [ "$checks" -eq 0 ]; then
			failed=$((failed + 1))
			echo "  FAIL  $name: it ran no check"
		fi
	else
		failed=$((failed + 1))
		echo "  FAIL  $name"
		show_failure "$out"
	fi
}

run_units() { # DIR
	local t
	while IFS= read -r t; do
		run_unit "$t"
	done < <(find "$1/tests" -type f -name 'test_*' -perm -u+x | sort)
}

run_net() {
	local t out name began
	for t in tests/netns/*.sh; do
		[ -e "$t" ] || continue
		name=$(basename "$t" .sh)
		[[ $name == lib* ]] && continue
		out=$log/netns_$name.log
		began=$(date +%s)
		timeout 600 "$t" >"$out" 2>&1
		case $? in
		0)
			passed=$((passed + 1))
			printf '  ok    %-52s %4d s\n' "netns/$name" \
				$(($(date +%s) - began))
			sed -n 's/^note: /          /p' "$out"
			;;
		77)
			skipped=$((skipped + 1))
			echo "  SKIP  netns/$name: $(tail -n 1 "$out")"
			;;
		*)
			failed=$((failed + 1))
			echo "  FAIL  netns/$name"
			show_failure "$out"
			;;
		esac
	done
}

case ${1-} in
unit) run_units "$2" ;;
net) run_net ;;
all)
	for d in build/linux build/linux-address-undefined build/linux-thread; do
		[ -d "$d/tests" ] && run_units "$d"
	done
	run_net
	;;
*)
	echo "usage: run.sh unit DIR | net | all" >&2
	exit 2
	;;
esac
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
