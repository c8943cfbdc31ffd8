#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""errors.py [--list | --near]: holds config/ERRORS.md to the sources.

Each sentence in the programs is an error that has its row on that page, unless
it is known here to be something else (news, help, a noun); so a new one cannot
be forgotten. --list prints the sentences and where they are said, --near those
that are alike, for a look at whether they mean the same.

A row is "| `words` | what to do |". The words are the fixed part of the line:
what is filled in is "…", and what often stands around them (a place before, a
reason after, "see ...", "did you mean ...") is left out. A comment
"<!-- from FOLDER... -->" below a heading says whose words are in its rows.
"""
import collections
import difflib
import glob
import re
import sys

PAGE = "config/ERRORS.md"
REASONS = "tunnel/base/reason.c"
HOLE = "…"
FOLDERS = ("tunnel/**/", "config/", "crypto/", "dns/")

# Files, and functions of files, that say no error; and what they say.
OTHER_PLACES = {
    "config/ondemand_connection.c:ondemand_why_text": "an answer",
    "config/ondemand_print.c": "an answer",
    "config/profile_print.c": "a profile",
    "config/schema.c": "the schema",
    "crypto/certificate.c:certificate_text": "which certificate it is about",
    "crypto/wolfssl_probe.c": "what the compiler is to try",
    "dns/policy.c": "why a name goes where it goes: an answer",
    "dns/explain.c": "an answer",
    "tunnel/base/fallback.c": "a status",
    "tunnel/base/human.c": "a duration or size",
    "tunnel/cli/cli_explain.c:servers_text": "an answer",
    "tunnel/daemon/hold.c": "why a hold ended: a status; and its JSON",
    "tunnel/daemon/split_dns_status.c:put_servers": "a status",
    "tunnel/host/logind_linux.c:settle_lock": "what logind lists",
    "tunnel/daemon/split_dns_status.c:split_dns_explain": "an answer",
    "tunnel/cli/cli_help.c": "help",
    "tunnel/cli/cli_status.c": "a status",
    "tunnel/cli/cli_status_demand.c": "a status",
    "tunnel/daemon/daemon_demand.c:reply_down": "what came of a command",
    "tunnel/daemon/daemon_engine_status.c": "a status",
    "tunnel/gateway/gateway_help.c": "help",
    "tunnel/gateway/gateway_http.c": "HTTP, for programs",
    "tunnel/gateway/gateway_metrics.c": "what each metric counts",
    "tunnel/gateway/gateway_start.c:want_nat": "rules for nft",
    "tunnel/gateway/gateway_status.c": "a status, as text and as JSON",
    "tunnel/host/journal_entry.c": "names of things of the host",
    "tunnel/host/undo_linux.c": "rules for nft",
}
# What these are told is news, a noun or a label.
OTHER_CALLS = {"log_notice", "log_info", "log_debug", "notify_send", "assert",
               "static_assert", "_Static_assert", "TEXT_KIND", "expected",
               "step_fail", "puts", "put_fallback", "put_remark", "SLEEP_KEY"}
# Nouns that complete a sentence, and the descriptions of keys.
NOUNS = re.compile(r"(an?|one|the) [a-zA-Z ]+( such as .*)?|an?.* such as .*"
                   r"|[A-Z].*[.?]|an array, each|true or false"
                   r"|a whole number from … to|true, false, 1 or 0")
NOUN_FILES = re.compile(r"config/")
# Results, and parts of one.
NEWS = set(filter(None, """
is valid
invalid, … error…
is added
is removed
is up
is down
is down already
its rules decide
the key of the trusted host
something else
profile list
profile show
profile check
profile add
profile remove
no profiles: "adit profile add FILE" adds one
is added; aditd is not running
is removed; aditd is not running
"systemctl start aditd"
"aditd", as root
a user's command
asking for the name …
no clients yet: adit-gateway add … CLIENT
revoked; a running gateway ends its session within a second
the client's name
the tunnel
the network of this machine
a gateway for …, UDP port …   pool    … and …, room for … clients
no IPv6
adit disconnect needs --reason TEXT.
a whole number from … to …
an array, each …
adit CA of …
adit-gateway: … on …, pool …, … client…
, metrics on
profile…, … refused
explain dns
explain network
wrong key
true or false
inet adit-nat-…
and … more
add table … delete table … table … { …}
NetworkManager with dnsmasq
Debian resolvconf
our connection
our domains
our stub
nobody else answers for it…
, and it is mounted, so written in place
it has records of the uplink
resolv.conf is a link into its folder
""".split("\n")))
# Their beginning tells: arguments, help, what to do next, labels, PEM, HTTP.
NEWS_BEGIN = re.compile(r"Usage: |DIR |aditd …|adit …|adit-gateway…|secret  "
                        r"|dns [a-z]+$|# adit's, for as |it answers on the bus "
                        r"|the profile of …; it holds|adit-gateway … "
                        r"|adit1 |-----(BEGIN|END) |PRIVATE KEY-|base64 of |64 hexa"
                        r"|GET |HTTP/1|text/plain")

TOKEN = re.compile(r"""(?P<comment>/\*.*?\*/)|(?P<string>"(?:\\.|[^"\\\n])*")
    |(?P<char>'(?:\\.|[^'\\])+')|(?P<cpp>^[ \t]*\#(?:\\\n|[^\n])*)
    |(?P<word>\w+)|(?P<other>\S)""", re.S | re.M | re.X)
DIRECTIVE = re.compile(r"%(?:<\w+>|[-+ #0]*[\d*]*(?:\.[\d*]+)?"
                       r"(?:hh|ll|[hlzjt])?[diouxXeEfgGcsp])|<[A-Z]\w+>")
ESCAPES = {r"\"": '"', r"\\": "\\", r"\n": " ", r"\t": " ", r"\r": ""}
DEFINE = re.compile(r'^#define ([A-Z]\w+)((?:[ \t]|\\\n|[A-Z]\w+'
                    r'|"(?:\\.|[^"\\\n])*")+)$', re.M)


def files(suffix):
    return sorted(p for f in FOLDERS for p in
                  glob.glob(f + "*." + suffix, recursive=True))


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def string_macros():
    """Name: text, of each macro that is made of strings and others such."""
    values = {name: re.findall(r'"((?:\\.|[^"\\])*)"|([A-Z]\w+)', value)
              for path in files("h") + files("c")
              for name, value in DEFINE.findall(read(path))}

    def text(name):
        return "".join(text(n) if n in values else s + n
                       for s, n in values[name])

    return {name: text(name) for name, parts in values.items()
            if any(s for s, _ in parts)}


def tokens(text):
    return [(m.lastgroup, m.group(), text.count("\n", 0, m.start()) + 1)
            for m in TOKEN.finditer(text)
            if m.lastgroup not in ("comment", "cpp")]


def part(t, i, macros):
    """What a token adds to the literal that it is a part of; None: nothing."""
    if i >= len(t) or t[i][0] not in ("string", "word"):
        return None
    if t[i][0] == "string":
        return t[i][1][1:-1]
    if t[i][1] in macros:
        return macros[t[i][1]]
    beside = "string" in (t[i - 1][0], t[i + 1][0] if i + 1 < len(t) else "")
    return "<%s>" % t[i][1] if beside and t[i][1].isupper() or (
        beside and t[i][1].startswith("PRI")) else None


def literals(path, macros):
    """(text, nearest call, function, line) of each string of a file."""
    t, calls, function, i = tokens(read(path)), [], "", 0
    while i < len(t):
        if part(t, i, macros) is not None:
            text, line = "", t[i][2]
            while part(t, i, macros) is not None:
                text += part(t, i, macros)
                i += 1
            yield text, next((c for c in reversed(calls) if c), ""), \
                function, line
            continue
        if t[i][0] == "other" and t[i][1] in "({[":
            before = t[i - 1][1] if t[i][1] == "(" else ""
            calls.append(before if before not in ("if", "while", "return") and
                         re.fullmatch(r"\w+", before) else "")
            if len(calls) == 1 and calls[0]:
                function = calls[0]
        elif t[i][0] == "other" and t[i][1] in ")}]" and calls:
            calls.pop()
            if not calls and t[i][1] == "}":
                function = ""
        i += 1


def fixed_words(text):
    """The part of a line that is always the same."""
    text = DIRECTIVE.sub(HOLE, text)
    text = re.sub(r"\\.", lambda m: ESCAPES.get(m.group(), m.group()), text)
    text = re.sub("(%s)+" % HOLE, HOLE, text.replace("%%", "%"))
    text = re.sub(r" ?\((did you mean .*\?|\w* ?…)\)", "", text)
    text = re.sub(r"[:;,.] (see|try|See) [^()]*$", "", text)
    text = re.sub(r'^(\s|[:;]|"…"|…\S*:|…(?=[\s;]))+', "", text)
    return re.sub(r"([\s:;]|(?<=: )…)+$", "", text)


def bare(text):
    return tuple(re.findall(r"[a-z0-9']+", text.lower()))


def is_error(path, words, call, function):
    if not re.search(r"[A-Za-z].* \S*[A-Za-z]{2}", words) or words in NEWS:
        return False
    if path in OTHER_PLACES or path + ":" + function in OTHER_PLACES or \
            call in OTHER_CALLS or NEWS_BEGIN.match(words):
        return False
    return call == "fail" or not (NOUN_FILES.match(path) and
                                  NOUNS.fullmatch(words))


def sources():
    """words: the places where they are said."""
    found, macros = collections.defaultdict(list), string_macros()
    for path in files("c"):
        for text, call, function, line in literals(path, macros):
            words = fixed_words(text)
            if is_error(path, words, call, function):
                found[words].append("%s:%d" % (path, line))
    return found


def reasons():
    """sentence: (code, exit code), from the table of reasons."""
    strings = r'\{\s*"([^"]*)",\s*((?:"[^"]*"\s*)+),\s*(\d)\s*\}'
    return {"".join(re.findall(r'"([^"]*)"', text)): (code, exit_code)
            for code, text, exit_code in re.findall(strings, read(REASONS))}


def rows():
    """(line, folders, words, what to do) of each row of the page."""
    folders = ()
    for number, line in enumerate(read(PAGE).split("\n"), 1):
        if line.startswith("#"):
            folders = ()
        from_ = re.fullmatch(r"<!-- from (.*) -->", line)
        if from_:
            folders = tuple(from_.group(1).split())
        row = re.fullmatch(r"\| `` ?(.+?) ?`` \| ?(.*?) ?\|", line) or \
            re.fullmatch(r"\| `(.+?)` \| ?(.*?) ?\|", line)
        if row and folders:
            yield number, folders, row.group(1), row.group(2)


def check():
    found, table, seen, wrong = sources(), reasons(), {}, []
    for number, folders, words, advice in rows():
        place = "%s:%d: " % (PAGE, number)
        if words in seen:
            wrong.append(place + '"%s" is in line %d' % (words, seen[words]))
        seen[words] = number
        if words not in found:
            wrong.append(place + 'no program says "%s"' % words)
        elif not any(p.startswith(folders) for p in found[words]):
            wrong.append(place + '"%s" is said by %s' % (words,
                                                         found[words][0]))
        if len(advice) < 8:
            wrong.append(place + '"%s": what to do?' % words)
        code, exit_code = table.get(words, ("", ""))
        if code and not advice.startswith("`%s`, %s: " % (code, exit_code)):
            wrong.append(place + "begins with `%s`, %s: " % (code, exit_code))
    for words in found:
        if words not in seen:
            wrong.append('%s: "%s" has no row in %s' %
                         (found[words][0], words, PAGE))
    said = {}
    for words in found:
        other = said.setdefault(bare(words), words)
        if other != words:
            wrong.append('%s: "%s" is said as "%s" in %s' % (
                found[words][0], words, other, found[other][0]))
    print("\n".join(wrong) if wrong else "note: %d errors, each with its row" %
          len(found))
    return 1 if wrong else 0


def print_near():
    all_words = sorted(sources())
    for i, a in enumerate(all_words):
        for b in all_words[i + 1:]:
            ratio = difflib.SequenceMatcher(None, bare(a), bare(b)).ratio()
            if ratio > 0.75 and min(len(bare(a)), len(bare(b))) > 3:
                print("%s\n    %s" % (a, b))


def main():
    option = sys.argv[1] if len(sys.argv) > 1 else ""
    if option == "--list":
        for words, places in sources().items():
            print("%s | %s" % (places[0], words))
    elif option == "--near":
        print_near()
    else:
        return check()
    return 0


if __name__ == "__main__":
    sys.exit(main())
