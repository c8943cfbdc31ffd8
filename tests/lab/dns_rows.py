#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""dns_rows.py CASES PROFILE DIR STUB

The rows of tests/dns/cases.json against a running aditd, on the host that it
serves. PROFILE is one that connects; each case changes it. DIR has what the two
name servers write down (answerer.py: inner.names, outer.names), and the rules
by which they answer. For each case:

  offline  `adit explain dns NAME --profile FILE --json` is what the row says
  live     so is `adit explain dns NAME --json` with this profile up
  denied   both servers say "no such name": kdig at the stub makes them be asked
           just these names, each on its side, in this order
  given    both servers answer: only the first of these is asked, and the answer
           is of its side, behind a CNAME where a short name was completed
"""
import json
import os
import subprocess
import sys

INNER, OUTER = "10.9.9.9", "203.0.113.80"
SERVER = "198.51.100.10"  # inside the tunnel
SKIP = {  # what this gateway's certificate does not let in
    "host": "another gateway's name",
    "ServerName": "another name in the certificate",
}


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def must(*command):
    code, out, err = run(*command)
    if code:
        raise SystemExit("%s: %d: %s%s" % (" ".join(command), code, out, err))
    return out


def skipped(case):
    vendor = case.get("vendor", {})
    return next((why for key, why in SKIP.items()
                 if key in case or key in vendor), None)


def profile_key(case):
    return json.dumps([case.get(key) for key in (
        "match", "no_search", "search", "domain_name", "dns", "everything",
        "routes", "full", "vendor", "list", "system")])


class Rows:
    def __init__(self, profile, folder, stub):
        self.profile, self.folder, self.stub = profile, folder, stub
        self.failed = self.passed = 0

    def say(self, case, what, *why):
        self.failed += 1
        print("row %s, %s, %s: %s" % (
            case["row"], {k: v for k, v in case.items()
                          if k not in ("row", "asked", "server", "suffix")},
            what, " ".join(str(w) for w in why)))

    def expect(self, case, what, wanted, found):
        if wanted == found:
            self.passed += 1
        else:
            self.say(case, what, "wanted", wanted, "found", found)

    # The profile of a case, and the uplink's search list.

    def write_profile(self, case, name):
        with open(self.profile) as f:
            d = json.load(f)
        p = d["Payload"]
        d["Identifier"] += "." + name
        p["VisibleName"] = name
        v = p["VendorConfig"]
        if case.get("dns", True):
            p["DNS"] = {"Protocol": "Cleartext", "ServerAddresses": [SERVER]}
            for key, to in (("match", "SupplementalMatchDomains"),
                            ("no_search", "SupplementalMatchDomainsNoSearch"),
                            ("search", "SearchDomains"),
                            ("domain_name", "DomainName")):
                if key in case:
                    p["DNS"][to] = case[key]
        if case.get("everything"):
            p["NetworkRouting"] = {"IncludeAllNetworks": True}
        # The lease has all; the way to the server must be in what is left.
        routes = case.get("routes", [])
        if case.get("full"):
            routes = ["0.0.0.0/0", "::/0"]
        if not case.get("everything"):
            v["Routes"] = routes + [SERVER + "/32"]
        v.update(case.get("vendor", {}))
        if "list" in case:
            path = os.path.join(self.folder, name + ".list")
            with open(path, "w") as f:
                f.write(case["list"])
            v["BlockLists"] = [{"File": path, "Format": "domains"}]
        path = os.path.join(self.folder, name + ".json")
        with open(path, "w") as f:
            json.dump(d, f)
        return path

    def write_resolv_conf(self, case):
        with open("/etc/resolv.conf", "w") as f:
            f.write("nameserver 192.0.2.1\n")
            if "system" in case:
                f.write("search %s\n" % case["system"].replace(",", " "))

    # What the two servers were asked.

    def rules(self, *lines):
        for side in "inner", "outer":
            path = os.path.join(self.folder, side + ".rules")
            with open(path + ".new", "w") as f:
                f.writelines(line + "\n" for line in lines)
            os.replace(path + ".new", path)

    def forget(self):
        for side in "inner", "outer":
            open(os.path.join(self.folder, side + ".names"), "w").close()

    def asked(self):
        seen = []
        for side, server in ("inner", "tunnel"), ("outer", "uplink"):
            with open(os.path.join(self.folder, side + ".names")) as f:
                for line in f:
                    at, _, name = line.split()
                    seen.append((float(at), name, server))
        rows = [(name, server) for _, name, server in sorted(seen)]
        # A server that is slow, as on a busy machine, is asked again.
        return [row for i, row in enumerate(rows) if i == 0 or
                row != rows[i - 1]]

    def kdig(self, name, sort):
        return must("kdig", "+norec", "+retry=0", "+time=3", "@" + self.stub,
                    "-t", sort, "-q", name)

    def explain(self, name, *more):
        # `adit explain` puts options before the word.
        got = json.loads(must("adit", "explain", "dns", *more, name, "--json"))
        return got

    # One case.

    def sides(self, case):
        """Whose each name is that may be asked, by what is in force."""
        own = case["asked"][1:]
        first = case["asked"][:1]
        return [(name, case["server"]) for name in first] + [
            (name, self.explain(name + ".")["server"]) for name in own]

    def check_explained(self, case, path):
        wanted = [case["asked"], case["server"], case["suffix"]]
        options = ["--profile", path]
        if case.get("full"):
            options.append("--full")
        if "system" in case:
            options += ["--system-search", case["system"]]
        for what, more in ("offline", options), ("live", []):
            got = self.explain(case["name"], *more)
            self.expect(case, what, wanted,
                        [got["asked"], got["server"], got["match"]])

    def check_asked(self, case, sort):
        wanted = self.sides(case) if case["server"] in ("tunnel", "uplink") \
            else []
        # A list has the first: nobody is asked for the others.
        self.rules(". nx")
        self.forget()
        out = self.kdig(case["name"], sort)
        self.expect(case, "denied", wanted, self.asked())
        if "localhost" not in case["name"].lower():
            self.expect(case, "denied status", True, "NXDOMAIN" in out)
        self.rules()
        self.forget()
        out = self.kdig(case["name"], sort)
        self.expect(case, "given", wanted[:1], self.asked())
        self.check_answer(case, sort, out)

    def check_answer(self, case, sort, out):
        if sort != "A" or not case["asked"]:
            return
        answer = {"tunnel": INNER, "uplink": OUTER,
                  "fixed": "127.0.0.1"}.get(case["server"])
        if answer is None:
            self.expect(case, "EDE", True, "EDE: 15" in out or
                        "NXDOMAIN" in out)
            return
        self.expect(case, "answer", True, answer in out)
        short = case["name"].rstrip(".").lower()
        if case["asked"][0] != short:
            self.expect(case, "CNAME", True, "CNAME" in out)

    def group(self, cases, name):
        self.write_resolv_conf(cases[0])
        path = self.write_profile(cases[0], name)
        must("adit", "profile", "add", path)
        must("adit", "connect", name, "--wait=10")
        for case in cases:
            # A single label with a final dot: only a question about a zone
            # keeps it on the wire.
            plain = case["name"].rstrip(".")
            full = "." not in plain and case["name"].endswith(".")
            self.check_explained(case, path)
            if plain.lower() == "localhost":
                full = False
            self.check_asked(case, "NS" if full else "A")
        must("adit", "disconnect")
        must("adit", "profile", "remove", name)


def main():
    cases_path, profile, folder, stub = sys.argv[1:]
    with open(cases_path) as f:
        cases = json.load(f)
    rows, groups, skips = Rows(profile, folder, stub), {}, []
    for case in cases:
        why = skipped(case)
        if why:
            skips.append(why)
        else:
            groups.setdefault(profile_key(case), []).append(case)
    for number, group in enumerate(groups.values()):
        rows.group(group, "rows-%d" % number)
    print("note: %d of %d cases of split DNS, in %d profiles, %d checks" % (
        len(cases) - len(skips), len(cases), len(groups), rows.passed))
    print("note: %d cases not here (%s)" % (
        len(skips), ", ".join(sorted(set(skips)))))
    sys.exit(rows.failed > 0)


main()
