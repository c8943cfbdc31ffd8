/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "tunnel/cli/cli.h"

static const char overview[] =
	"adit " ADIT_VERSION ": a packet-tunnel VPN\n"
	"\n"
	"  adit connect [PROFILE]      bring the tunnel up\n"
	"  adit disconnect             take it down, and keep it down\n"
	"  adit status                 is it up, and if not, why\n"
	"  adit status --watch         each change of that, as it happens\n"
	"  adit log [-f]               what aditd has logged last\n"
	"  adit reload                 read the profiles again\n"
	"\n"
	"  adit profile list           what this machine can connect to\n"
	"  adit profile show PROFILE   one of them, secrets hidden\n"
	"  adit profile check FILE     is this file a good profile?\n"
	"  adit profile add FILE       check it and keep it\n"
	"  adit profile remove PROFILE forget it\n"
	"\n"
	"  adit explain dns NAME       where a name is asked, and why\n"
	"\n"
	"  adit help COMMAND           more on each of these\n"
	"  adit version\n"
	"\n"
	"A first connection: take the profile that your gateway's operator\n"
	"gave you (adit-gateway add writes one), then\n"
	"\n"
	"  adit profile add laptop.json\n"
	"  adit connect --wait\n"
	"\n"
	"adit talks to aditd, the service that owns the tunnel. Root and\n"
	"members of the group \"adit\" may connect; anyone may ask for the\n"
	"status. --runtime-dir DIR (or ADIT_RUNTIME_DIR) says where aditd's\n"
	"socket is; the default is /run/adit.\n"
	"\n"
	"Exit codes: 0 done, 1 failed, 2 usage or invalid profile, 3 aditd is\n"
	"not running, 4 not permitted, 5 authentication refused, 6 the "
	"gateway\n"
	"cannot be reached, 7 timed out.\n";

static const struct {
	const char *topic;
	const char *text;
} topics[] = {
	{ "connect",
	  "adit connect [PROFILE] [--wait[=SECONDS]]\n"
	  "\n"
	  "Brings the tunnel up and holds it up: it is tried again until it\n"
	  "is up, until \"adit disconnect\", or until the gateway refuses\n"
	  "this device. Until it is up nothing of this machine's network\n"
	  "changes.\n"
	  "\n"
	  "PROFILE is a name from \"adit profile list\" and may be left out\n"
	  "when there is only one. One tunnel is up at a time: connecting to\n"
	  "another profile takes the first one down.\n"
	  "\n"
	  "Without --wait the command returns at once, and \"adit status\"\n"
	  "tells how it goes. With --wait it returns when an authenticated\n"
	  "packet has come and the routes are set (exit code 0), or when the\n"
	  "attempt has failed: 5 the gateway refused us or is not the right\n"
	  "one, 6 it cannot be reached, 7 it took longer than SECONDS (30\n"
	  "when not given). A tunnel that failed because of the network is\n"
	  "tried again all the same.\n"
	  "\n"
	  "  adit connect --wait && ping -c 1 10.77.0.1\n" },
	{ "disconnect",
	  "adit disconnect [PROFILE]\n"
	  "\n"
	  "Takes the tunnel down and puts the machine's network back as it\n"
	  "was. It stays down until \"adit connect\".\n" },
	{ "status",
	  "adit status [--json] [--watch]\n"
	  "\n"
	  "Says whether the tunnel is up and since when, or why it is not\n"
	  "and when it is tried again; the gateway, the keys' algorithms,\n"
	  "the addresses and routes inside, what was carried and what was\n"
	  "dropped. Everything in force that is less than it should be (a\n"
	  "fallback) is named.\n"
	  "\n"
	  "With --json all of it for programs, and the last 100 changes of\n"
	  "state with their causes. \"version\" is 1 and changes when a field\n"
	  "changes its meaning; fields may be added. The states are down,\n"
	  "waiting, connecting, up, suspect (no answer in time),\n"
	  "reconnecting and failed. \"problems\" are profiles that are\n"
	  "refused, \"warnings\" what the profile in force says in vain.\n"
	  "\n"
	  "With --watch the state as it is now and then each change of it, a\n"
	  "line each with time and reason, until it is interrupted; with\n"
	  "--json as well, one object a line with at_ms, profile, state, was,\n"
	  "event, reason, reason_text, detail and missed (changes that are\n"
	  "lost because nobody read them). When aditd ends a line says so\n"
	  "(\"event\": \"daemon-gone\"), and another that it is back\n"
	  "(\"daemon-back\"); when it is not in 10 s, exit code 3. A user may\n"
	  "follow twice at a time.\n" },
	{ "log",
	  "adit log [-f]\n"
	  "\n"
	  "Prints what aditd has logged last, with time and level: it keeps\n"
	  "128 KiB of it in memory, from its start on. With -f (--follow) it\n"
	  "goes on until it is interrupted, through a restart of aditd. The\n"
	  "level is aditd's --log-level. Only for root and members of the\n"
	  "group \"adit\"; others get exit code 4.\n" },
	{ "reload",
	  "adit reload\n"
	  "\n"
	  "Reads the profiles again, as SIGHUP does, with the files that the\n"
	  "running one names. aditd does so by itself when the folder of the\n"
	  "profiles changes; this is for files elsewhere (certificates, and\n"
	  "the target of a symbolic link), and to be told what came of it:\n"
	  "\n"
	  "  added: office\n"
	  "  /etc/adit/profiles/work.json:3:5: /Payload/...: what is wrong\n"
	  "  2 profiles, 1 refused\n"
	  "\n"
	  "What is refused is a line each on standard error, the rest is on\n"
	  "standard output. Exit code 0: every profile is good and in force.\n"
	  "2: at least one is refused, newly or still; what was in force\n"
	  "before stays, and what is good is applied all the same.\n"
	  "1: the folder cannot be read.\n"
	  "\n"
	  "  cp new.json /etc/adit/profiles/ && adit reload || report\n" },
	{ "profile",
	  "adit profile list\n"
	  "adit profile show PROFILE\n"
	  "adit profile check FILE\n"
	  "adit profile add FILE [--name NAME] [--replace]\n"
	  "adit profile remove PROFILE\n"
	  "\n"
	  "A profile is a JSON file that says which gateway to use and who\n"
	  "this machine is. aditd keeps them in /etc/adit/profiles\n"
	  "(--config-dir DIR or ADIT_CONFIG_DIR when not /etc/adit), where a\n"
	  "device-management server may put them as well: a file that is\n"
	  "written, replaced or removed acts within 2 s (the target of a\n"
	  "symbolic link with \"adit reload\", or the next command that reads\n"
	  "profiles). One that is refused leaves in force what was there\n"
	  "before, and \"adit status\" and \"adit profile list\" say why. So\n"
	  "they do of one that cannot be used on this machine, and of a\n"
	  "folder that others may write, from which nothing is taken.\n"
	  "\n"
	  "list    name, gateway and state of each, and what is wrong with\n"
	  "        one that is refused or cannot be used\n"
	  "show    everything that was understood, defaults included; keys\n"
	  "        and passwords are hidden\n"
	  "check   FILE:LINE:COL: /pointer: what is wrong. It tries what the\n"
	  "        profile holds (PKCS12 with Password, CA), and the files\n"
	  "        that it names as far as they are here: of these it warns.\n"
	  "        Needs no aditd, no root and no network; exit code 2 when\n"
	  "        invalid\n"
	  "add     checks FILE and keeps a copy under its name without\n"
	  "        \".json\", or under NAME; --replace allows one that is\n"
	  "        there. aditd gets the text (at most 1 MiB) over its socket\n"
	  "        and writes it. When aditd is not running, root writes it\n"
	  "        directly\n"
	  "remove  deletes it; a tunnel that uses it goes down\n"
	  "\n"
	  "PROFILE is the file's name without \".json\", or its "
	  "VisibleName.\n" },
	{ "explain",
	  "adit explain dns NAME [--json]\n"
	  "adit explain dns NAME --profile FILE [--full]\n"
	  "                 [--system-search DOMAIN,..] [--json]\n"
	  "\n"
	  "Says which full names are asked for NAME, of whom (the tunnel's\n"
	  "servers, the uplink's, nobody), and by which rule: by aditd as it\n"
	  "is now, with what it keeps of the answers; or, with --profile,\n"
	  "once the tunnel of that profile is up, which needs no aditd, no\n"
	  "root and no network.\n"
	  "\n"
	  "A NAME of one label is completed: by the profile's search domains,\n"
	  "its match domains, then the uplink's domains, which\n"
	  "--system-search gives. A final dot (\"wiki.\") says that it is\n"
	  "complete. --full says that the tunnel has the default route, which\n"
	  "else follows from IncludeAllNetworks and Routes.\n"
	  "\n"
	  "--json prints {\"asked\": [names in order], \"server\": "
	  "\"tunnel\",\n"
	  "\"uplink\", \"blocked\" or \"fixed\" (for the first name), "
	  "\"match\":\n"
	  "the suffix that decided, or null, \"because\": a sentence}.\n"
	  "Of aditd there may be \"cached\" beside: [{\"name\", \"rcode\",\n"
	  "\"age\", \"ttl\"}].\n"
	  "\n"
	  "  adit explain dns wiki\n"
	  "  adit explain dns wiki --profile work.json --system-search lan\n" },
	{ "version", "adit version\n"
		     "\n"
		     "Prints the version of this program.\n" },
	{ "help", "adit help [COMMAND]\n"
		  "\n"
		  "Prints the overview, or the page of one command.\n" },
};

bool cli_print_help(FILE *to, const char *topic)
{
	if (topic == NULL) {
		fputs(overview, to);
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(topics); i++) {
		if (strcmp(topics[i].topic, topic) == 0) {
			fputs(topics[i].text, to);
			return true;
		}
	}
	return false;
}
