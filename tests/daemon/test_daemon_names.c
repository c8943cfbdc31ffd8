/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) What each state of the session is to the host's names: as long as the
 * tunnel is wanted they are never as if adit were not there. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/suite.h"
#include "tunnel/base/attr.h"
#include "tunnel/daemon/daemon_private.h"

static struct session session;
static enum dns_mode mode;
static char reason[256];

/* --- what the archive would have --- */

const struct session *session_io_session(const struct session_io *io)
{
	(void)io;
	return &session;
}

const struct profile *session_io_profile(const struct session_io *io)
{
	(void)io;
	return NULL;
}

const struct lease *session_io_lease(const struct session_io *io)
{
	(void)io;
	return NULL;
}

const char *session_io_name(const struct session_io *io)
{
	(void)io;
	return "work";
}

void split_dns_update(struct split_dns *d, const struct split_dns_input *in)
{
	(void)d;
	mode = in->mode;
	strcpy(reason, in->reason);
	ck_assert(!in->hold);
}

struct split_dns *split_dns_create(const struct split_dns_options *o)
{
	(void)o;
	return NULL;
}

char *split_dns_explain(struct split_dns *d, struct dns_explanation *e,
			bool json)
{
	(void)d;
	(void)e;
	(void)json;
	return NULL;
}

void daemon_wait_changed(struct daemon *d)
{
	(void)d;
}

void daemon_network_names_changed(struct daemon *d)
{
	(void)d;
}

bool daemon_engine_trigger(struct daemon *d)
{
	(void)d;
	return false;
}

void daemon_probe_for_names(struct daemon *d, uint64_t generation,
			    const char *url)
{
	(void)d;
	(void)generation;
	(void)url;
}

void daemon_reply(struct ctl_peer *peer, bool final, enum ctl_exit code,
		  const char *fmt, ...)
{
	(void)peer;
	(void) final;
	(void)code;
	(void)fmt;
}

/* --- the test --- */

static const struct {
	enum session_state state;
	enum dns_mode mode;
} modes[] = {
	{ SESSION_STATE_DOWN, DNS_MODE_OFF },
	{ SESSION_STATE_WAITING, DNS_MODE_ARMED },
	{ SESSION_STATE_CONNECTING, DNS_MODE_WAITING },
	{ SESSION_STATE_UP, DNS_MODE_UP },
	{ SESSION_STATE_SUSPECT, DNS_MODE_UP },
	{ SESSION_STATE_RECONNECTING, DNS_MODE_WAITING },
	{ SESSION_STATE_FAILED, DNS_MODE_WAITING },
};

START_TEST(follows_the_session)
{
	struct daemon *d = calloc(1, sizeof(*d));
	char wanted[64];

	ck_assert_ptr_nonnull(d);
	session.state = modes[_i].state;
	daemon_names_changed(d);
	ck_assert_int_eq(mode, modes[_i].mode);
	snprintf(wanted, sizeof(wanted), "the tunnel work is %s",
		 session_state_name(modes[_i].state));
	ck_assert_str_eq(reason, wanted);
	session.reason = REASON_BUSY;
	daemon_names_changed(d);
	ck_assert_ptr_nonnull(strstr(reason, reason_text(REASON_BUSY)));
	session.reason = REASON_NONE;
	free(d);
}
END_TEST

START_TEST(knows_every_state)
{
	ck_assert_uint_eq(ARRAY_SIZE(modes), SESSION_STATE_COUNT);
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		ck_assert_uint_eq(modes[i].state, i);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("daemon_names");
	TCase *t = tcase_create("modes");

	tcase_add_loop_test(t, follows_the_session, 0, ARRAY_SIZE(modes));
	tcase_add_test(t, knows_every_state);
	suite_add_tcase(s, t);
	return suite_run(s);
}
