/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/suite.h"
#include "tunnel/base/attr.h"
#include "tunnel/gateway/gateway_metrics.h"

#define PREFIX "adit_gateway_"
#define PAGE "tunnel/gateway/METRICS.md"

static struct gateway_snapshot snapshot;
static char *text;

static void print(void)
{
	size_t len;
	FILE *to;

	free(text);
	text = NULL;
	to = open_memstream(&text, &len);
	gateway_metrics_print(&snapshot, to);
	fclose(to);
}

/* How often does it stand there? */
static unsigned int count(const char *where, const char *what)
{
	unsigned int n = 0;

	for (const char *p = where; (p = strstr(p, what)); p += strlen(what))
		n++;
	return n;
}

static char *read_page(void)
{
	static char page[1 << 16];
	FILE *f = fopen(PAGE, "r");

	ck_assert_msg(f != NULL, PAGE " is not here");
	page[fread(page, 1, sizeof(page) - 1, f)] = '\0';
	fclose(f);
	return page;
}

/* Names, labels, values: Prometheus' own grammar (text format 0.0.4). */
static size_t span_name(const char *p)
{
	size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyz_0123456789");

	return isdigit((unsigned char)*p) ? 0 : n;
}

static const char *check_labels(const char *p)
{
	size_t n;

	do {
		p++;
		n = span_name(p);
		ck_assert_uint_gt(n, 0);
		ck_assert_msg(strncmp(p + n, "=\"", 2) == 0, "%s", p);
		p += n + 2;
		p += strcspn(p, "\"\\\n");
		ck_assert_msg(*p++ == '"', "%s", p);
	} while (*p == ',');
	ck_assert_msg(*p == '}', "%s", p);
	return p + 1;
}

static void check_sample(const char *line, const char *family)
{
	const char *p = line;
	size_t n = span_name(p);
	char *end;

	ck_assert_msg(n == strlen(family) && strncmp(p, family, n) == 0,
		      "\"%s\" does not belong to %s", line, family);
	p += n;
	if (*p == '{')
		p = check_labels(p);
	ck_assert_msg(*p == ' ', "%s", line);
	ck_assert(isdigit((unsigned char)p[1]));
	(void)strtoull(p + 1, &end, 10);
	ck_assert_msg(*end == '\0', "%s", line);
}

START_TEST(speaks_the_text_format)
{
	unsigned int families = 0, samples = 0;
	char family[128] = "", other[128], type[16], *line;
	int n;

	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		if (line[0] != '#') {
			check_sample(line, family);
			samples++;
			continue;
		}
		ck_assert_int_eq(sscanf(line, "# HELP %127s %n", family, &n),
				 1);
		ck_assert(line[n] && !strchr(line, '\\'));
		ck_assert(strncmp(family, PREFIX, strlen(PREFIX)) == 0);
		line = strtok(NULL, "\n");
		ck_assert_int_eq(sscanf(line, "# TYPE %127s %15s", other, type),
				 2);
		ck_assert_str_eq(family, other);
		n = strlen(family) > 6 &&
		    strcmp(family + strlen(family) - 6, "_total") == 0;
		ck_assert_str_eq(type, n ? "counter" : "gauge");
		families++;
	}
	ck_assert_uint_eq(families, gateway_metrics_count + 1);
	printf("note: %u metrics, %u samples\n", families, samples);
}
END_TEST

START_TEST(has_each_name_and_cause_once)
{
	char line[256], *end;

	for (char *p = text; *p; p = end + 1) {
		end = strchr(p, '\n');
		if (*p == '#')
			continue;
		snprintf(line, sizeof(line), "\n%.*s",
			 (int)(strcspn(p, "}\n ")), p);
		/* The first line of all is a comment. */
		ck_assert_msg(count(text, line) == 1 || !strchr(line, '{'),
			      "twice:%s", line);
	}
}
END_TEST

/* A number that nobody can read is a cause that nobody learns of: each field
 * gets a value of its own, and each must come out. */
static void must_show_all(const void *fields, size_t size, const char *what)
{
	uint64_t value;
	char line[64];

	for (size_t at = 0; at < size; at += sizeof(value)) {
		memcpy(&value, (const char *)fields + at, sizeof(value));
		snprintf(line, sizeof(line), " %" PRIu64 "\n", value);
		ck_assert_msg(count(text, line) == 1,
			      "%s: the number at %zu is shown %u times", what,
			      at, count(text, line));
	}
}

START_TEST(shows_every_counter_there_is)
{
	struct server_counters *c = &snapshot.server;
	uint64_t n = 1000001, value;

	for (size_t at = 0; at < sizeof(*c); at += sizeof(n), n++)
		memcpy((char *)c + at, &n, sizeof(n));
	for (size_t i = 0; i < COUNTER_COUNT; i++)
		snapshot.data[i] = n++;
	print();
	/* There is no refusal without a reason. */
	value = c->refused_by[REFUSAL_NONE];
	c->refused_by[REFUSAL_NONE] = c->refused_by[REFUSAL_UNKNOWN];
	must_show_all(c, sizeof(*c), "server");
	c->refused_by[REFUSAL_NONE] = value;
	must_show_all(snapshot.data, sizeof(snapshot.data), "data");
}
END_TEST

static bool page_has(const char *page, const char *word)
{
	char quoted[160];

	snprintf(quoted, sizeof(quoted), "`%s`", word);
	return strstr(page, quoted) != NULL;
}

/* As a metric, a label, or a label's value. */
static bool text_has(const char *word)
{
	char line[160], label[160], value[160];

	snprintf(line, sizeof(line), "# HELP %s ", word);
	snprintf(label, sizeof(label), "%s=", word);
	snprintf(value, sizeof(value), "\"%s\"", word);
	return strstr(text, line) || strstr(text, label) || strstr(text, value);
}

START_TEST(is_what_the_page_says)
{
	const char *page = read_page(), *p = page;
	char word[128];

	for (size_t i = 0; i < gateway_metrics_count; i++) {
		const struct gateway_metric *m = &gateway_metrics[i];

		snprintf(word, sizeof(word), PREFIX "%s", m->name);
		ck_assert_msg(page_has(page, word), PAGE " lacks %s", word);
		for (size_t k = 0; k < ARRAY_SIZE(m->label); k++)
			ck_assert(!m->label[k] || page_has(page, m->label[k]));
		for (size_t k = 0; k < 2 * m->sample_count; k++) {
			const char *v = m->samples[k / 2].value[k % 2];

			ck_assert_msg(!v || page_has(page, v), PAGE " lacks %s",
				      v);
		}
	}
	/* And nothing that is not. */
	while ((p = strchr(p, '`')) != NULL) {
		size_t n = strcspn(++p, "`");

		snprintf(word, sizeof(word), "%.*s", (int)n, p);
		p += n + 1;
		if (span_name(word) != n)
			continue; /* a command, or DIR */
		ck_assert_msg(text_has(word),
			      PAGE " has %s, and the program has not", word);
	}
}
END_TEST

static void set_up(void)
{
	snapshot = (struct gateway_snapshot) { .name = "gw.test" };
	print();
}

static void tear_down(void)
{
	free(text);
	text = NULL;
}

int main(void)
{
	Suite *s = suite_create("gateway_metrics");
	TCase *t = tcase_create("metrics");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, speaks_the_text_format);
	tcase_add_test(t, has_each_name_and_cause_once);
	tcase_add_test(t, shows_every_counter_there_is);
	tcase_add_test(t, is_what_the_page_says);
	suite_add_tcase(s, t);
	return suite_run(s);
}
