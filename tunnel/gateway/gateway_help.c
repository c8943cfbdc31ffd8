/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What adit-gateway says about itself. Lines are broken as a person sees them.
 */
#include "tunnel/gateway/gateway_command.h"

/* clang-format off */

const char gateway_help_overview[] =
"Usage: adit-gateway COMMAND DIR ...\n"
"\n"
"The far end of adit's tunnels. A gateway is a directory DIR, with a CA of its\n"
"own, its configuration, and the list of the devices that may come in.\n"
"\n"
"  init DIR --name NAME    make a gateway\n"
"  add DIR CLIENT          let a device in: prints its profile\n"
"  list DIR                the devices, their addresses and state\n"
"  revoke DIR CLIENT       shut a device out, at once\n"
"  run DIR                 answer clients, until SIGTERM (as root)\n"
"  status DIR              how the gateway is that runs there\n"
"\n"
"A first gateway, with an office network behind it:\n"
"\n"
"  adit-gateway init /etc/adit-gateway --name vpn.example.com \\\n"
"      --route 192.168.7.0/24\n"
"  adit-gateway add /etc/adit-gateway laptop --output laptop.json\n"
"  adit-gateway run /etc/adit-gateway\n"
"\n"
"and on the laptop: adit profile add laptop.json; adit connect\n"
"\n"
"\"adit-gateway COMMAND --help\" tells more, \"adit-gateway version\" which one\n"
"this is. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no gateway runs there.\n";

const char gateway_help_init[] =
"Makes the directory DIR (mode 0700; it must be new or empty) with a CA of its\n"
"own, the gateway's certificate, and gateway.json, its configuration. That file\n"
"may be changed by hand later; run reads it when it starts, and is strict.\n"
"\n"
"  --name NAME   the DNS name or IP address that clients dial; it stands in the\n"
"                certificate and in the profiles\n"
"  --port N      UDP port (443)\n"
"  --pool P      inner IPv4 addresses (" GATEWAY_POOL_DEFAULT "); the first one is the\n"
"                gateway's own\n"
"  --pool6 P     inner IPv6 addresses (a random fd..::/64), or none\n"
"  --route P     a network that clients reach through the tunnel; as often as\n"
"                needed (the pools); 0.0.0.0/0 and ::/0 are everything\n"
"  --dns A       a DNS server behind the gateway; as often as needed\n"
"  --match D     a domain whose names are asked of these servers\n"
"  --search D    a domain that completes names of a single label\n"
"  --nat         clients reach other networks with the gateway's own address\n"
"                (see run)\n"
"  --keys KIND   p256 (the default) or ed25519: the keys of CA and gateway\n";

const char gateway_help_add[] =
"Makes a certificate for the device CLIENT and prints its profile: one file with\n"
"everything the device needs, its private key inside. A name that was revoked\n"
"may be added again, and keeps its address.\n"
"\n"
"  --output FILE    write the profile to FILE (mode 0600) instead\n";

const char gateway_help_list[] =
"Lists the clients with their inner addresses, the day they were added, and until\n"
"when they may come in.\n";

const char gateway_help_revoke[] =
"Takes CLIENT's certificate off the list. A running gateway ends its session\n"
"within a second, and refuses it from then on.\n";

const char gateway_help_run[] =
"Answers clients until SIGTERM or SIGINT; needs root, or CAP_NET_ADMIN and\n"
"CAP_NET_BIND_SERVICE. Opens a TUN device with the pool's first address, switches\n"
"forwarding on, and undoes all that it changed at its end (what a crash left, the\n"
"next run undoes). Clients that are added or revoked meanwhile are seen within a\n"
"second. Prints one line when it is ready, and logs to standard error.\n"
"\n"
"  --listen A:P     address and UDP port (all addresses, the configured port)\n"
"  --device NAME    the TUN device (" GATEWAY_DEVICE_DEFAULT "); another one for a second gateway\n"
"  --lanes N        worker threads that carry data, 1 to 64 (as many as there are\n"
"                   CPUs, up to four)\n"
"  --nat            what clients send to other networks leaves with an address of\n"
"                   this machine (masquerade, IPv4 and IPv6), in an nftables\n"
"                   table of its own, adit-nat-DEVICE; needs the program nft.\n"
"                   \"NAT\": true in gateway.json says the same for every run\n"
"  --metrics A:P    answer GET /metrics for Prometheus there: a loopback address,\n"
"                   like 127.0.0.1:9464; tunnel/gateway/METRICS.md explains them\n"
"\n"
"Each client is answered from the address that it dialled. The gateway forwards\n"
"all that its clients send: a --route of init tells them what to send, and is no\n"
"access control. Clients reach each other. A firewall on the TUN device can say\n"
"otherwise; the gateway's own rules filter nothing.\n"
"\n"
"DIR/crl.pem, if it is there when run starts, is a revocation list of the CA:\n"
"for certificates that others issue. What revoke does needs none.\n"
"\n"
"Without --nat, hosts behind the gateway need a route to the pool through it.\n"
"Forwarding makes Linux ignore router advertisements: where the gateway's own IPv6\n"
"comes by them, its uplink needs the sysctl net.ipv6.conf.UPLINK.accept_ra=2.\n";

const char gateway_help_status[] =
"Asks the gateway that runs on DIR, as the user that runs it or as root: since\n"
"when, traffic, what was dropped and why, and each connected client with its\n"
"addresses, when it was heard last, its traffic, and how it is sealed. Exit code 3\n"
"says that no gateway runs there.\n"
"\n"
"  --json    the same for programs (\"version\": 1); times in seconds since 1970\n"
"\n"
"tunnel/gateway/METRICS.md explains the causes of drops.\n";
