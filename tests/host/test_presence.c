/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/host/presence.h"

#include <check.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/lib/suite.h"
#include "tunnel/base/attr.h"

#define S(n) ((uint64_t)(n)*NS_PER_S)

/* What was told, as one text. */
static char told[4096];

static void on_event(void *arg ATTR_UNUSED, const struct presence_event *e)
{
	static const char *const names[] = {
		[PRESENCE_SLEEP] = "sleep",   [PRESENCE_WAKE] = "wake",
		[PRESENCE_LOGIN] = "login",   [PRESENCE_LOGOUT] = "logout",
		[PRESENCE_SWITCH] = "switch",
	};
	size_t len = strlen(told);

	len += (size_t)snprintf(told + len, sizeof(told) - len, "%s%s",
				len ? ", " : "", names[e->kind]);
	if (e->kind == PRESENCE_WAKE)
		snprintf(told + len, sizeof(told) - len, " %g",
			 (double)e->slept_ns / NS_PER_S);
	else if (e->kind == PRESENCE_SWITCH)
		snprintf(told + len, sizeof(told) - len, " %u-%u", e->before,
			 e->uid);
	else if (e->kind != PRESENCE_SLEEP)
		snprintf(told + len, sizeof(told) - len, " %u%s of %zu", e->uid,
			 e->was_in_front ? "*" : "", e->users);
}

static void is_told(const char *expected)
{
	ck_assert_str_eq(told, expected);
	told[0] = '\0';
}

static void begin(struct presence *p, uint64_t asleep_ns)
{
	told[0] = '\0';
	presence_start(p, asleep_ns, on_event, NULL);
}

/* --- sleep --- */

START_TEST(tells_an_announced_sleep_and_how_long_it_was)
{
	struct presence p;

	begin(&p, S(100));
	presence_sleep_announced(&p, S(100));
	is_told("sleep");
	/* To go from suspend to hibernation it wakes for a moment. */
	presence_look(&p, S(3700));
	is_told("");
	presence_sleep_ended(&p, S(7300));
	is_told("wake 7200");
	presence_look(&p, S(7300));
	presence_sleep_ended(&p, S(7300));
	is_told("");
}
END_TEST

START_TEST(tells_a_sleep_that_nobody_announced_once)
{
	struct presence p;

	begin(&p, S(5));
	for (int i = 0; i < 1000; i++)
		presence_look(&p, S(5) + (uint64_t)i);
	is_told("");
	presence_look(&p, S(65));
	is_told("wake 60");
	presence_look(&p, S(65));
	/* What is told afterwards is the same sleep. */
	presence_sleep_ended(&p, S(65));
	is_told("");
	/* The one before comes first. */
	presence_sleep_announced(&p, S(70));
	is_told("wake 5, sleep");
}
END_TEST

START_TEST(tells_the_end_of_a_sleep_that_was_called_off)
{
	struct presence p;

	begin(&p, 0);
	presence_sleep_announced(&p, 0);
	presence_sleep_announced(&p, 0);
	is_told("sleep");
	presence_sleep_ended(&p, 20);
	is_told("wake 0");
}
END_TEST

START_TEST(wakes_when_nobody_will_say_so)
{
	struct presence p;

	begin(&p, 0);
	presence_lost(&p, 0);
	is_told("");
	presence_sleep_announced(&p, 0);
	presence_lost(&p, S(9));
	is_told("sleep, wake 9");
}
END_TEST

/* The readings of two clocks differ by what passes between them. */
START_TEST(takes_no_hiccup_for_a_sleep)
{
	struct presence p;

	begin(&p, S(50));
	presence_look(&p, S(50) - 10 * NS_PER_MS);
	presence_look(&p, S(50) + 900 * NS_PER_MS);
	presence_look(&p, S(50) - 1);
	is_told("");
	/* Below zero at the start, in a time namespace. */
	begin(&p, 0 - S(50));
	presence_look(&p, 0 - S(50) + 1);
	is_told("");
	presence_look(&p, S(10));
	is_told("wake 60");
}
END_TEST

/* --- users --- */

/* "1000 1001*": in front is the one with a star. */
static void seen(struct presence *p, const char *who)
{
	struct presence_users now = { .in_front = PRESENCE_NOBODY };
	unsigned int uid;
	int used;

	while (sscanf(who, " %u%n", &uid, &used) == 1) {
		ck_assert_int_eq(presence_users_add(&now, uid), 0);
		who += used;
		if (*who == '*') {
			now.in_front = uid;
			who++;
		}
	}
	presence_users_seen(p, &now);
}

struct step {
	const char *seen, *told;
};

static const struct {
	const char *name;
	struct step steps[10];
} stories[] = {
	{ "who was there before is not told",
	  { { "1000* 1001", "" }, { "1000* 1001", "" } } },
	{ "in and out",
	  { { "", "" },
	    { "1000", "login 1000 of 1" },
	    { "1000*", "" },
	    { "", "logout 1000* of 0" } } },
	{ "all of them at once",
	  { { "1 2 3*", "" },
	    { "", "logout 1 of 0, logout 2 of 0, logout 3* of 0" } } },
	{ "taking turns",
	  { { "1000*", "" },
	    { "1000", "" },
	    { "1000 1001*", "login 1001 of 2, switch 1000-1001" },
	    { "1000* 1001", "switch 1001-1000" } } },
	{ "the greeter locks the screen",
	  { { "1000*", "" }, { "1000", "" }, { "1000*", "" } } },
	{ "one after the other",
	  { { "1000*", "" },
	    { "", "logout 1000* of 0" },
	    { "1001*", "login 1001 of 1" } } },
	{ "the other one goes, who is not there",
	  { { "1000* 1001", "" }, { "1000*", "logout 1001 of 1" } } },
	{ "the one goes who had locked the screen",
	  { { "1000* 1001", "" },
	    { "1000 1001", "" },
	    { "1001", "logout 1000* of 1" },
	    { "", "logout 1001 of 0" } } },
	{ "one instead of the other",
	  { { "1000*", "" },
	    { "1001*", "logout 1000* of 1, login 1001 of 1" } } },
	{ "back to the one who stayed, after a logout",
	  { { "1000 1001*", "" },
	    { "1000*", "logout 1001* of 1" },
	    { "1000 1002*", "login 1002 of 2, switch 1000-1002" } } },
};

START_TEST(tells_each_story)
{
	struct presence p;

	begin(&p, 0);
	for (const struct step *s = stories[_i].steps; s->seen; s++) {
		seen(&p, s->seen);
		ck_assert_msg(strcmp(told, s->told) == 0,
			      "%s: \"%s\" told \"%s\"", stories[_i].name,
			      s->seen, told);
		told[0] = '\0';
	}
}
END_TEST

START_TEST(keeps_who_was_there_while_nobody_tells)
{
	struct presence p;

	begin(&p, 0);
	seen(&p, "1000* 1001");
	presence_lost(&p, 0);
	is_told("");
	seen(&p, "1001*");
	is_told("logout 1000* of 1");
}
END_TEST

START_TEST(takes_so_many_users_and_no_more)
{
	struct presence_users u = { .in_front = PRESENCE_NOBODY };

	for (uint32_t i = 0; i < PRESENCE_USERS_MAX; i++)
		ck_assert_int_eq(presence_users_add(&u, i), 0);
	ck_assert_int_eq(presence_users_add(&u, 7), 0);
	ck_assert_int_eq(presence_users_add(&u, 1000), -ENOSPC);
	ck_assert_uint_eq(u.count, PRESENCE_USERS_MAX);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("presence");
	TCase *tc = tcase_create("presence");

	tcase_add_test(tc, tells_an_announced_sleep_and_how_long_it_was);
	tcase_add_test(tc, tells_a_sleep_that_nobody_announced_once);
	tcase_add_test(tc, tells_the_end_of_a_sleep_that_was_called_off);
	tcase_add_test(tc, wakes_when_nobody_will_say_so);
	tcase_add_test(tc, takes_no_hiccup_for_a_sleep);
	tcase_add_loop_test(tc, tells_each_story, 0, ARRAY_SIZE(stories));
	tcase_add_test(tc, keeps_who_was_there_while_nobody_tells);
	tcase_add_test(tc, takes_so_many_users_and_no_more);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
