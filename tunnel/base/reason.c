/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/base/reason.h"

static const struct {
	const char *code, *text;
	int exit_code;
} table[REASON_COUNT] = {
	[REASON_NONE] = { "none", "nothing is wrong", 0 },
	[REASON_USER] = { "user", "you said so", 1 },
	[REASON_SHUTDOWN] = { "shutdown", "aditd is ending", 1 },
	[REASON_REPLACED] = { "replaced", "another profile was asked for", 1 },
	[REASON_RULE] = { "rule", "a rule of its profile says so", 1 },
	[REASON_METERED] = { "metered",
			     "its profile starts nothing on a metered network",
			     1 },
	[REASON_IDLE] = { "idle", "nothing went through it", 1 },
	[REASON_SLEEP] = { "sleep", "this machine slept", 1 },
	[REASON_LOGOUT] = { "logout", "the user went away", 1 },
	[REASON_NAME_UNRESOLVED] = { "name-unresolved",
				     "the gateway's name has no address", 6 },
	[REASON_UNREACHABLE] = { "unreachable", "the gateway cannot be reached",
				 6 },
	[REASON_TIMEOUT] = { "timeout",
			     "the gateway answered but did not finish", 7 },
	[REASON_GATEWAY_CERTIFICATE] = { "gateway-certificate",
					 "the gateway's certificate is not "
					 "the right one",
					 5 },
	[REASON_DEVICE_CERTIFICATE] = { "device-certificate",
					"the gateway refused this device's "
					"certificate",
					5 },
	[REASON_REFUSED] = { "refused", "the gateway refused this device", 5 },
	[REASON_BUSY] = { "busy", "the gateway has no place for this device",
			  1 },
	[REASON_VERSION] = { "version",
			     "the gateway speaks no protocol that we do", 1 },
	[REASON_LEASE] = { "lease", "the gateway's offer cannot be used", 1 },
	[REASON_PROFILE] = { "profile", "the profile cannot be used", 2 },
	[REASON_PROFILE_REMOVED] = { "profile-removed",
				     "its profile was removed", 1 },
	[REASON_HOST] = { "host", "the machine refused a change", 1 },
	[REASON_GATEWAY_ENDED] = { "gateway-ended",
				   "the gateway closed the session", 1 },
	[REASON_SILENT] = { "silent", "the gateway stopped answering", 6 },
	[REASON_INTERNAL] = { "internal", "aditd could not go on", 1 },
};

const char *reason_code(enum reason r)
{
	return table[r].code;
}

const char *reason_text(enum reason r)
{
	return table[r].text;
}

int reason_exit_code(enum reason r)
{
	return table[r].exit_code;
}
