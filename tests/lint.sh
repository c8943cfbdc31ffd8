#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The rules of .github/CONTRIBUTING.md that a program can check.
set -u
cd "$(dirname "$0")/.." || exit 2
found=$(mktemp)
trap 'rm -f "$found"' EXIT

complain() { # RULE, then lines on standard input
	local lines
	lines=$(cat)
	[ -z "$lines" ] && return
	echo "lint: $1"
	sed 's/^/  /' <<<"$lines"
	echo "$1" >>"$found"
}

mapfile -t sources < <(git ls-files --cached --others --exclude-standard \
	'*.c' '*.h')
mapfile -t scripts < <(git ls-files --cached --others --exclude-standard \
	'*.sh' .ci/run)

clang-format --dry-run -Werror "${sources[@]}" 2>&1 | grep -m 20 'error:' |
	complain "clang-format would change this (make format)"

grep -nE '^[^"]*(^|[^:"])//' "${sources[@]}" | grep -v 'http' |
	complain "comments are /* */; a // line is a debugging leftover"

grep -LE 'SPDX-License-Identifier: GPL-3.0-or-later' "${sources[@]}" \
	"${scripts[@]}" Makefile | complain "no SPDX line"

# Who may include whom: the table of CONTRIBUTING.md, both ways.
grep -HE '^#include "[^"]*/' "${sources[@]}" | grep -v '^tests/' | awk -F'|' '
	NR == FNR {
		if ($0 !~ /^\| `/)
			next
		gsub(/[` ]/, "", $2)
		may[$2] = $3
		n = split($3, names, "`")
		for (i = 2; i <= n; i += 2)
			unused[$2 " " names[i]] = 1
		next
	}
	{
		split($0, part, /:#include "|"/)
		from = part[1]
		sub(/[^\/]*$/, "", from)
		to = dir = part[2]
		sub(/[^\/]*$/, "", dir)
		if (part[1] ~ /^tunnel\/main_/)
			from = "tunnel/main_*.c"
		delete unused[from " " to]
		delete unused[from " " dir]
		if (dir != from && dir != "tunnel/base/" &&
		    !index(may[from], "`" dir "`") &&
		    !index(may[from], "`" to "`"))
			print part[1] ": " to
	}
	END {
		for (i in unused)
			print i ": is in the table, and nobody includes it"
	}' .github/CONTRIBUTING.md - |
	complain "an include that the table of CONTRIBUTING.md does not know"

# Each outside library has its home.
outside() { # HEADER-PATTERN ALLOWED-PATTERN
	grep -nE "#include [<\"]($1)" "${sources[@]}" | grep -vE "^($2)" |
		complain "$1 is included outside its home ($2)"
}
outside 'intel-ipsec-mb' 'crypto/aead_ipsec_mb.c'
outside 'wolfssl/' 'crypto/|tests/crypto/|tests/lib/|tests/lab/signature.c'
outside 'cjson/' 'tunnel/ctl|tunnel/gateway/gateway_store|tests/'
outside 'check.h' 'tests/'
outside 'libmnl/' 'tunnel/host/|tests/host/|tests/lab/nl_record.c'
outside 'systemd/' 'tunnel/host/|tests/lab/logind_mock.c'
grep -lE '#include <uv.h>' "${sources[@]}" | while read -r f; do
	grep -q '(uv)' "$f" || echo "$f"
done | complain "uv.h in a file whose top comment is not marked (uv)"
grep -nE '#include <uv.h>|malloc\(|log_(error|info|debug)|pthread_mutex|snprintf' \
	tunnel/data/*.c 2>/dev/null | grep -vE 'allocated at creation' |
	complain "tunnel/data/: no libuv, no log, no lock, no malloc on the path"

grep -rnE '^[[:space:]]*#[[:space:]]*if.*(__linux__|__APPLE__)' tunnel/[!b]*/ \
	config crypto dns 2>/dev/null |
	complain "platforms are chosen by file, not by #if"

grep -nE '(deb|npmjs|pypi)[a-z.]*\.(org|com)/' -r Makefile config tests .ci \
	tunnel crypto dns README.md 2>/dev/null |
	complain "a registry's host is named"

wc -l "${sources[@]}" | awk '$2 != "total" && $2 ~ /\.c$/ && $1 > 800' |
	complain "a file over 800 lines is split by noun"

shellcheck -S warning "${scripts[@]}" 2>&1 | head -40 | complain "shellcheck"

cppcheck --quiet --std=c11 --enable=warning,portability --inline-suppr \
	--suppress=missingIncludeSystem -I. -D_GNU_SOURCE --error-exitcode=0 \
	--suppress=unknownMacro --suppress=nullPointerRedundantCheck \
	-i crypto/wolfssl_probe.c -j"$(nproc)" tunnel config crypto dns 2>&1 | head -40 | complain "cppcheck"

tests/errors.py 2>&1 | grep -v '^note: ' |
	complain "an error has one wording, and its row in config/ERRORS.md"

if [ -s "$found" ]; then
	echo "lint: $(wc -l <"$found") rules are broken"
	exit 1
fi
echo "lint: ${#sources[@]} C files, ${#scripts[@]} scripts: clean"
