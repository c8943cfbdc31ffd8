#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The published schemas against `adit profile check`, judged by the
# distribution's JSON Schema validator. Needs no namespace; it stands here for
# what it needs beside the programs.
set -u
cd "$(dirname "$0")/../.." || exit 1
python3 -c 'import jsonschema; jsonschema.Draft202012Validator' 2>/dev/null || {
	echo "no python3-jsonschema with draft 2020-12"
	exit 77
}
[ -x build/bin/adit ] || {
	echo "FAIL: build/bin/adit is missing: run make"
	exit 1
}
python3 tests/config/schema_agrees.py build/bin/adit
