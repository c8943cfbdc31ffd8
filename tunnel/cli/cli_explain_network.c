/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * adit explain network: which on-demand rule decides, and why, by the code that
 * the daemon runs. With --profile and --facts it needs no daemon, no root and
 * no network; else aditd says what it is on this one.
 */
#include <stdlib.h>
#include <string.h>

#include "config/facts.h"
#include "config/file.h"
#include "tunnel/cli/cli.h"

/* A file that was refused: each finding, or the system's own word. */
static int fail_report(const struct cli *c, const char *path, int error,
		       const struct config_report *report)
{
	config_report_print(report, path, c->err);
	if (report->errors == 0)
		cli_fail(c, CTL_EXIT_USAGE, "%s: %s", path, strerror(-error));
	return CTL_EXIT_USAGE;
}

struct question {
	struct profile *profile;
	struct config_report profile_report;
	char *text; /* of the facts */
	struct facts facts;
	struct config_report facts_report;
};

static void question_destroy(struct question *q)
{
	facts_fini(&q->facts);
	free(q->text);
	profile_destroy(q->profile);
	free(q);
}

static int read_facts(const struct cli *c, struct question *q)
{
	char why[FILE_WHY_MAX];
	uint8_t *text;
	size_t len;
	int r = file_read(c->facts, FACTS_FILE_MAX, FILE_ANY, &text, &len, why);

	if (r < 0) {
		fprintf(c->err, "%s: %s\n", c->facts, why);
		return CTL_EXIT_USAGE;
	}
	q->text = (char *)text;
	r = facts_parse(q->text, len, &q->facts, &q->facts_report);
	return r < 0 ? fail_report(c, c->facts, r, &q->facts_report)
		     : CTL_EXIT_DONE;
}

static int read_question(const struct cli *c, struct question *q)
{
	int r = profile_load(c->profile, PROFILE_FOR_CHECK, &q->profile,
			     &q->profile_report);

	if (r < 0)
		return fail_report(c, c->profile, r, &q->profile_report);
	return read_facts(c, q);
}

static int put_text(struct cli *c, const struct ondemand_explanation *e)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	if (to == NULL)
		return cli_fail(c, CTL_EXIT_FAILED, "out of memory");
	ondemand_print_text(e, to);
	if (fclose(to) != 0) {
		free(text);
		return cli_fail(c, CTL_EXIT_FAILED, "out of memory");
	}
	cli_put_clean_lines(c->out, text);
	free(text);
	return CTL_EXIT_DONE;
}

static int answer(struct cli *c, struct question *q)
{
	struct ondemand o;
	struct ondemand_explanation e = {
		.ondemand = &o,
		.facts = &q->facts.network,
		.attempt = &q->facts.attempt,
		.profile_report = &q->profile_report,
		.facts_report = &q->facts_report,
	};
	int code = CTL_EXIT_DONE;

	if (ondemand_init(&o, q->profile, 0) < 0)
		return cli_fail(c, CTL_EXIT_FAILED, "out of memory");
	facts_answer(&q->facts, &o, &q->facts_report);
	e.decision = ondemand_evaluate(&o, e.facts);
	if (c->json)
		ondemand_print_json(&e, c->out);
	else
		code = put_text(c, &e);
	ondemand_fini(&o);
	return code;
}

static int explain_live(struct cli *c)
{
	struct ctl_request request = {
		.command = CTL_COMMAND_EXPLAIN_NETWORK,
		.profile = (char *)(uintptr_t)c->word[1], /* only read */
		.json = c->json,
	};
	struct ctl_reply reply;
	int code = cli_ask(c, &request, NULL, &reply);

	if (code != CTL_EXIT_DONE)
		return code;
	if (reply.exit != CTL_EXIT_DONE || reply.body == NULL)
		return cli_finish(c, &reply);
	if (c->json)
		fputs(reply.body, c->out);
	else
		cli_put_clean_lines(c->out, reply.body);
	ctl_reply_fini(&reply);
	return CTL_EXIT_DONE;
}

int cli_explain_network(struct cli *c)
{
	struct question *q;
	int code;

	c->command = "explain network";
	if (c->full || c->system_search != NULL)
		return cli_fail(c, CTL_EXIT_USAGE,
				"--full and --system-search go with \"adit "
				"explain dns\"");
	if (c->profile == NULL && c->facts == NULL)
		return explain_live(c);
	if (c->word[1] != NULL)
		return cli_fail(c, CTL_EXIT_USAGE,
				"\"%s\" is one argument too many: see \"adit "
				"help explain\"",
				c->word[1]);
	if (c->profile == NULL)
		return cli_fail(c, CTL_EXIT_USAGE,
				"--profile FILE is missing: the rules that are "
				"to be explained");
	if (c->facts == NULL)
		return cli_fail(c, CTL_EXIT_USAGE,
				"--facts FILE is missing: the network that the "
				"rules of --profile are to be judged on; "
				"without both, aditd judges the one that is "
				"there");
	q = calloc(1, sizeof(*q)); /* reports are large for a stack */
	if (q == NULL)
		return cli_fail(c, CTL_EXIT_FAILED, "out of memory");
	code = read_question(c, q);
	if (code == CTL_EXIT_DONE)
		code = answer(c, q);
	question_destroy(q);
	return code;
}
