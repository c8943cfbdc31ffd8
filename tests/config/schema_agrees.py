#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""schema_agrees.py ADIT: do the published schemas and `adit profile check`
judge alike? Every example, every broken profile of repair/, and odd values at
each key of the test profiles, through a validator that is not ours."""
import collections
import copy
import glob
import json
import subprocess
import sys
import tempfile

import jsonschema

ADIT = sys.argv[1]
ODD = [16, {}, [], "", None, True, -1, 1.0, 1.5, "x", ["x"], [{}], {"x": 1}]

# What only check can know, by a part of its text: rules across keys and the
# inside of a value. The schema may accept such a profile.
BEYOND_SCHEMA = {
    "one key needs another": ["is missing: CA or", "is missing: PKCS12",
                              "is missing: CertificateFile",
                              "is missing: PrivateKeyFile",
                              "is missing: EvaluateConnection",
                              "is missing: after how many", "needs it",
                              "is empty: PKCS12"],
    "keys exclude each other": ["exclude each other", "belongs to PKCS12",
                                "a payload that is off"],
    "the inside of a text": ["is not a", "is not an", "has a ", "is not base64",
                             "is neither", "has no ", "is longer", "has bits",
                             "holds a", "is a ", "is no ", "has brackets",
                             "has its", "has more than one", "has letters",
                             "matches nothing", "names a host"],
    "what an identity or a CA holds": ["password is wrong", "PKCS#12 file",
                                       "readable PEM", "does not fit the"],
    # A schema takes 1.0 for 1.
    "1.0 is no whole number": ["must be a whole number",
                               "must be true, false, 1 or 0"],
}


def fail(*words):
    print("FAIL:", *words)
    sys.exit(1)


def schema(name):
    with open(f"config/{name}.schema.json", encoding="utf-8") as f:
        text = json.load(f)
    jsonschema.Draft202012Validator.check_schema(text)
    return jsonschema.Draft202012Validator(text)


def check(path):
    """The exit code, and the errors without the warnings."""
    done = subprocess.run([ADIT, "profile", "check", path],
                          capture_output=True, text=True, check=False)
    if done.returncode not in (0, 2):
        fail(path, "ended with", done.returncode, done.stderr)
    return done.returncode == 0, [line for line in done.stderr.splitlines()
                                  if " warning: " not in line
                                  and not line.endswith(" more warnings")]


def reasons(errors):
    for error in errors:
        for name, parts in BEYOND_SCHEMA.items():
            if any(part in error for part in parts):
                yield name
                break
        else:
            yield None


def places(node, path=()):
    """Every key, at any depth, and in the first item of each array."""
    members = node.items() if isinstance(node, dict) else enumerate(node[:1])
    for key, value in members:
        yield path + (key,)
        if isinstance(value, (dict, list)):
            yield from places(value, path + (key,))


def put(tree, path, value):
    for key in path[:-1]:
        tree = tree[key]
    tree[path[-1]] = value


def no_key_twice(pairs):
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


counted = collections.Counter()


def compare(tree, path, name):
    by_check, errors = check(path)
    by_schema = profiles.is_valid(tree)
    if by_check == by_schema:
        counted["agreements"] += 1
        return
    if by_check:
        fail(f"{name}: check accepts what the schema refuses:",
             next(profiles.iter_errors(tree)).message)
    why = set(reasons(errors))
    if None in why:
        fail(f"{name}: the schema accepts what check refuses:", *errors)
    counted[sorted(why)[0]] += 1


profiles, assets = schema("profile"), schema("asset")
wholes = sorted(glob.glob("tests/config/data/declaration*.json") +
                glob.glob("tests/config/data/payload*.json"))
for path in sorted(glob.glob("config/examples/*.json")) + wholes:
    with open(path, encoding="utf-8") as f:
        tree = json.load(f)
    if not profiles.is_valid(tree) or not check(path)[0]:
        fail(path, "is refused")
    counted["examples"] += 1
for path in ["tests/config/data/asset.json", "tests/config/data/credential.json"]:
    with open(path, encoding="utf-8") as f:
        assets.validate(json.load(f))
    counted["examples"] += 1

for path in sorted(glob.glob("tests/config/repair/*.json")):
    with open(path, encoding="utf-8") as f:
        try:
            tree = json.loads(f.read(), object_pairs_hook=no_key_twice)
        except ValueError:
            continue  # no JSON to another parser either
    compare(tree, path, path)

with tempfile.NamedTemporaryFile("w", suffix=".json") as odd:
    for path in wholes:
        with open(path, encoding="utf-8") as f:
            whole = json.load(f)
        for place in places(whole):
            for value in ODD:
                tree = copy.deepcopy(whole)
                put(tree, place, value)
                odd.seek(0)
                odd.truncate()
                json.dump(tree, odd)
                odd.flush()
                compare(tree, odd.name, f"{path} {place} = {value!r}")

print("note: schemas are valid 2020-12;", counted.pop("examples"),
      "examples accepted by schema and check")
print("note:", counted.pop("agreements"), "verdicts agree;",
      sum(counted.values()), "times check knows more than a schema can say:",
      ", ".join(f"{name} {n}" for name, n in sorted(counted.items())))
