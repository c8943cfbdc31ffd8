/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What of the DNS owners needs no system: resolv.conf, and the journal's texts.
 * tests/netns/dns_owners.sh has the owners themselves. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/suite.h"
#include "tunnel/host/dns_owner_ops.h"
#include "tunnel/host/program.h"
#include "tunnel/host/undo.h"

enum { LONG_COUNT = 40 };

static const char *const search[] = { "s1.example", "s2.example" };
static struct dns_owner_plan plan = { .search = search, .search_count = 2 };

static void setup(void)
{
	ck_assert_int_eq(endpoint_parse("127.0.77.53:53", &plan.stub), 0);
}

/* "SERVER... / DOMAIN..." */
static const char *show(const struct dns_owner_uplink *u)
{
	static char text[4096];
	char e[ENDPOINT_TEXT_MAX];
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < u->server_count; i++)
		len += (size_t)sprintf(text + len, "%s ",
				       endpoint_text(&u->servers[i].at, e));
	len += (size_t)sprintf(text + len, "/");
	for (size_t i = 0; i < u->search_count; i++)
		len += (size_t)sprintf(text + len, " %s", u->search[i]);
	return text;
}

static const struct {
	const char *text;
	const char *read;
} files[] = {
	{ "", "/" },
	{ "nameserver 192.0.2.1\n", "192.0.2.1:53 /" },
	{ "nameserver 192.0.2.1", "192.0.2.1:53 /" },
	{ "\tnameserver\t192.0.2.1 # first\r\nnameserver 2001:db8::1\r\n",
	  "192.0.2.1:53 [2001:db8::1]:53 /" },
	{ "nameserver 192.0.2.1\nnameserver 192.0.2.1\n", "192.0.2.1:53 /" },
	{ "nameserver fe80::1%nowhere\nnameserver nonsense\nnameserver\n",
	  "/" },
	{ "nameserver fe80::1\nnameserver fe80::1%\nnameserver fe80::1%0\n",
	  "/" },
	{ "nameserver fe80::1%lo\nnameserver fe80::1%7\nnameserver "
	  "fe80::1%lo\n",
	  "[fe80::1]:53 [fe80::1]:53 /" },
	{ "nameserver 192.0.2.1%lo\n", "192.0.2.1:53 /" },
	{ "#nameserver 192.0.2.1\n;nameserver 192.0.2.1\n", "/" },
	{ "nameservers 192.0.2.1\n", "/" },
	{ "domain lan.example\n", "/ lan.example" },
	{ "search A.Example b.example. \n", "/ a.example b.example" },
	{ "search a.example\nsearch b.example\n", "/ b.example" },
	{ "domain a.example\nsearch\n", "/" },
	{ "search .\n", "/" },
	{ "search a..example a.example a.example\n", "/ a.example" },
	{ "search \xff\x01 ok.example\n", "/ ok.example" },
};

START_TEST(reads_a_resolv_conf)
{
	static struct dns_owner_uplink u;

	dns_owner_parse_file(files[_i].text, &u);
	ck_assert_str_eq(show(&u), files[_i].read);
}
END_TEST

START_TEST(keeps_no_more_than_it_has_room_for)
{
	static struct dns_owner_uplink u;
	char text[16384];
	size_t len = 0;

	for (int i = 1; i < 200; i++)
		len += (size_t)sprintf(text + len, "nameserver 192.0.2.%d\n",
				       i);
	len += (size_t)sprintf(text + len, "search");
	for (int i = 0; i < 200; i++)
		len += (size_t)sprintf(text + len, " d%d.example", i);
	dns_owner_parse_file(text, &u);
	ck_assert_uint_eq(u.server_count, DNS_OWNER_SERVERS_MAX);
	ck_assert_uint_eq(u.search_count, DNS_OWNER_DOMAINS_MAX);
}
END_TEST

/* The lines behind the comment. */
static char *file_of(const char *old)
{
	char *text = dns_owner_file(&plan, old), *body;

	ck_assert_ptr_nonnull(text);
	body = strstr(text, "nameserver");
	ck_assert_ptr_nonnull(body);
	memmove(text, body, strlen(body) + 1);
	return text;
}

static const struct {
	const char *old;
	const char *ours;
} written[] = {
	{ "", "nameserver 127.0.77.53\nsearch s1.example s2.example\n" },
	{ "nameserver 192.0.2.1\nnameserver 192.0.2.2\nsearch lan.example\n",
	  "nameserver 127.0.77.53\n"
	  "search s1.example s2.example lan.example\n" },
	{ "search S2.example lan.example\n",
	  "nameserver 127.0.77.53\n"
	  "search s1.example s2.example lan.example\n" },
	{ "search .\noptions ndots:2\n",
	  "nameserver 127.0.77.53\nsearch s1.example s2.example\n"
	  "options ndots:2\n" },
	{ "sortlist 192.0.2.0\n options edns0 trust-ad",
	  "nameserver 127.0.77.53\nsearch s1.example s2.example\n"
	  "sortlist 192.0.2.0\n options edns0 trust-ad\n" },
};

START_TEST(writes_our_stub_and_keeps_what_is_not_ours)
{
	char *text = file_of(written[_i].old);

	ck_assert_str_eq(text, written[_i].ours);
	free(text);
}
END_TEST

START_TEST(without_search_domains_there_is_no_search_line)
{
	struct dns_owner_plan p = { .stub = plan.stub };
	char *text = dns_owner_file(&p, "nameserver 192.0.2.1\n");

	ck_assert_ptr_nonnull(text);
	ck_assert_ptr_null(strstr(text, "\nsearch"));
	free(text);
}
END_TEST

/* musl drops the whole list of a line that it cannot take. */
START_TEST(the_search_line_ends_where_musl_ends)
{
	const char *many[LONG_COUNT];
	struct dns_owner_plan p = { .stub = plan.stub,
				    .search = many,
				    .search_count = LONG_COUNT };
	char names[LONG_COUNT][32], *text, *line;
	static struct dns_owner_uplink u;

	for (int i = 0; i < LONG_COUNT; i++) {
		snprintf(names[i], sizeof(names[i]), "domain%02d.example", i);
		many[i] = names[i];
	}
	text = dns_owner_file(&p, "search lan.example x.y\n");
	ck_assert_ptr_nonnull(text);
	line = strstr(text, "search ");
	ck_assert_ptr_nonnull(line);
	ck_assert_uint_le(strcspn(line, "\n") + 1, DNS_OWNER_LINE_MAX);
	/* Ours in order, and nothing overtakes what did not fit. */
	dns_owner_parse_file(text, &u);
	ck_assert_uint_ge(u.search_count, 10);
	for (size_t i = 0; i < u.search_count; i++)
		ck_assert_str_eq(u.search[i], many[i]);
	printf("note: %zu of %d domains fit into %d bytes\n", u.search_count,
	       LONG_COUNT, DNS_OWNER_LINE_MAX);
	free(text);
}
END_TEST

static int check_text(const char *text, char *error)
{
	char path[] = "/tmp/adit-resolv-XXXXXX";
	int fd = mkstemp(path), r;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	r = dns_owner_check_file(path, &plan, error);
	unlink(path);
	return r;
}

static const struct {
	int result;
	const char *text;
	const char *why; /* a part of it */
} checked[] = {
	{ 1, "nameserver 127.0.77.53\nsearch s1.example s2.example x.y\n", "" },
	{ 0, "nameserver 192.0.2.1\n", "names 192.0.2.1, not our 127.0.77.53" },
	{ 0, "", "names no server" },
	{ 0, "nameserver 127.0.77.53\nnameserver 192.0.2.1\n",
	  "names 192.0.2.1, beside our" },
	{ 0, "nameserver 192.0.2.1\nnameserver 127.0.77.53\n",
	  "names 192.0.2.1, beside our" },
	{ 0, "nameserver 127.0.77.53\nsearch s2.example s1.example\n",
	  "does not search s1.example as number 1" },
	{ 0, "nameserver 127.0.77.53\nsearch s1.example\n",
	  "does not search s2.example as number 2" },
};

START_TEST(says_what_somebody_changed)
{
	char error[DNS_OWNER_TEXT_MAX] = "";

	ck_assert_int_eq(check_text(checked[_i].text, error),
			 checked[_i].result);
	ck_assert_msg(strstr(error, checked[_i].why) != NULL, "\"%s\"", error);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_no_answer)
{
	char error[DNS_OWNER_TEXT_MAX] = "";

	ck_assert_int_eq(dns_owner_check_file("/nowhere/x", &plan, error),
			 -ENOENT);
	ck_assert_ptr_nonnull(strstr(error, "/nowhere/x cannot be read"));
}
END_TEST

/* None of these reaches a bus, a program or a link. */
static const char *const hostile[] = {
	"",
	"dns",
	"dns ",
	"dns file ",
	" dns file",
	"dns filex",
	"DNS FILE",
	"dns resolved eth0",
	"dns resolvconf; reboot",
	"dns resolvconf\n",
	"resolved 7",
	"%s%s%n",
};

START_TEST(refuses_a_text_that_is_not_ours)
{
	struct netlink nl = { .fd = -1 };
	struct host_config config = { .device = "adit0" };
	struct entry e = { .kind = ENTRY_CALL,
			   .text = (char *)(uintptr_t)hostile[_i] };

	ck_assert_int_eq(dns_owner_undo(hostile[_i]), -EINVAL);
	ck_assert_int_eq(undo_entry(&nl, &config, 0, &e), -ENOTSUP);
}
END_TEST

START_TEST(each_owner_has_a_text_that_the_journal_keeps)
{
	struct dns_owner o = { .kind = (enum dns_owner_kind)_i };
	struct entry e = { .kind = ENTRY_CALL }, back;
	char *line;

	e.text = (char *)(uintptr_t)dns_owner_undo_text(&o);
	for (int i = 0; i < _i; i++) {
		struct dns_owner other = { .kind = (enum dns_owner_kind)i };

		ck_assert_str_ne(e.text, dns_owner_undo_text(&other));
		ck_assert_str_ne(dns_owner_name(o.kind),
				 dns_owner_name(other.kind));
	}
	line = entry_format(&e);
	ck_assert_ptr_nonnull(line);
	ck_assert_int_eq(entry_parse(line, strlen(line) - 1, &back), 0);
	ck_assert_str_eq(back.text, e.text);
	entry_fini(&back);
	free(line);
}
END_TEST

START_TEST(a_port_is_only_for_who_can_be_told)
{
	struct dns_owner o = { .kind = DNS_OWNER_RESOLVCONF };
	struct dns_owner_plan p = plan;
	char error[DNS_OWNER_TEXT_MAX];

	p.stub.port = 5353;
	ck_assert_int_eq(dns_owner_apply(&o, &p, error), -EINVAL);
	ck_assert_str_eq(error, "resolvconf cannot be told of port 5353");
	ck_assert_int_eq(endpoint_parse("[::1]:53", &p.stub), 0);
	ck_assert_int_eq(dns_owner_apply(&o, &p, error), -EAFNOSUPPORT);
}
END_TEST

static int run(const char *script, const char *input, char *said, size_t size)
{
	const char *const argv[] = { "/bin/sh", "-c", script, NULL };

	return program_run(argv, input, said, size, 500);
}

START_TEST(a_program_gets_its_input_and_is_bounded)
{
	char said[16] = "x", path[64];

	ck_assert_int_eq(run("cat; exit 3", "hello", said, sizeof(said)), 3);
	ck_assert_str_eq(said, "hello");
	ck_assert_int_eq(run("yes | head -c 100000", NULL, said, sizeof(said)),
			 0);
	ck_assert_uint_eq(strlen(said), sizeof(said) - 1);
	ck_assert_int_eq(run("kill -9 $$", NULL, said, sizeof(said)),
			 -ECANCELED);
	ck_assert_int_eq(run("sleep 60", NULL, said, sizeof(said)), -ETIMEDOUT);
	/* What it leaves in the background does not hold us. */
	ck_assert_int_eq(run("sleep 2 & echo done", NULL, said, sizeof(said)),
			 0);
	ck_assert_str_eq(said, "done\n");
	ck_assert_int_eq(program_run((const char *const[]) { "/nowhere", NULL },
				     NULL, said, sizeof(said), 500),
			 -ENOENT);
	ck_assert_str_eq(program_find("sh", path, sizeof(path)) ? "yes" : "no",
			 "yes");
	ck_assert_ptr_null(program_find("adit-no-such", path, sizeof(path)));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("dns_owner");
	TCase *t = tcase_create("dns_owner");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_loop_test(t, reads_a_resolv_conf, 0, ARRAY_SIZE(files));
	tcase_add_test(t, keeps_no_more_than_it_has_room_for);
	tcase_add_loop_test(t, writes_our_stub_and_keeps_what_is_not_ours, 0,
			    ARRAY_SIZE(written));
	tcase_add_test(t, without_search_domains_there_is_no_search_line);
	tcase_add_test(t, the_search_line_ends_where_musl_ends);
	tcase_add_loop_test(t, says_what_somebody_changed, 0,
			    ARRAY_SIZE(checked));
	tcase_add_test(t, a_file_that_cannot_be_read_is_no_answer);
	tcase_add_loop_test(t, refuses_a_text_that_is_not_ours, 0,
			    ARRAY_SIZE(hostile));
	tcase_add_loop_test(t, each_owner_has_a_text_that_the_journal_keeps, 0,
			    DNS_OWNER_RESOLVCONF + 1);
	tcase_add_test(t, a_port_is_only_for_who_can_be_told);
	tcase_add_test(t, a_program_gets_its_input_and_is_bounded);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return suite_run(suite());
}
