/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) */
#include "tunnel/daemon/portal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "config/json.h"
#include "tunnel/daemon/probe.h"

enum {
	STATUS_OK = 200,
	STATUS_NO_CONTENT = 204,
};

struct portal {
	const struct probe_options *options; /* borrowed */
	char *api, *page;		     /* NULL: not known */
	portal_done_cb done;
	void *arg;

	uv_timer_t begin;
	bool closing;
	struct probe *probe; /* under way, or NULL */
	struct portal_result result;
};

/* The API. */

int portal_read(const char *json, size_t len, struct portal_result *ret_result)
{
	struct portal_result result = { .source = PORTAL_SOURCE_API,
					.why = "" };
	const struct json_node *root, *captive, *url;
	struct config_report report = { 0 };
	char why[VALUE_WHY_MAX];
	struct json *j;
	struct url u;
	int r = json_parse(json, len, &j, &report);

	if (r < 0)
		return r;
	root = &j->nodes[0];
	captive = json_member(j, root, "captive");
	url = json_member(j, root, "user-portal-url");
	if (captive != NULL && captive->type == JSON_TRUE)
		result.state = PORTAL_CAPTIVE;
	else if (captive != NULL && captive->type == JSON_FALSE)
		result.state = PORTAL_FREE;
	else
		r = -EINVAL;
	/* A URL that is of no use is left out: the rest stands. */
	if (r == 0 && url != NULL && url->type == JSON_STRING) {
		r = url_parse(url->text, &u, why);
		if (r == 0)
			snprintf(result.url, sizeof(result.url), "%s",
				 url->text);
		else if (r == -EINVAL)
			r = 0;
	}
	json_destroy(j);
	if (r == 0)
		*ret_result = result;
	return r;
}

/* The end. */

static void on_closed(uv_handle_t *handle)
{
	struct portal *p = handle->data;

	free(p->api);
	free(p->page);
	free(p);
}

static void portal_end(struct portal *p)
{
	p->closing = true;
	probe_cancel(p->probe);
	p->probe = NULL;
	uv_close((uv_handle_t *)&p->begin, on_closed);
}

void portal_cancel(struct portal *p)
{
	if (p != NULL && !p->closing)
		portal_end(p);
}

static void portal_finish(struct portal *p)
{
	portal_end(p);
	p->done(p->arg, &p->result);
}

/* Asking. */

static void on_page(void *arg, const struct probe_result *r)
{
	struct portal *p = arg;

	p->probe = NULL;
	p->result.why = r->why;
	if (r->answer.probe == ONDEMAND_PROBE_STATUS) {
		bool empty = r->answer.status == STATUS_NO_CONTENT &&
			     !r->has_content;

		p->result.state = empty ? PORTAL_FREE : PORTAL_CAPTIVE;
		p->result.source = PORTAL_SOURCE_PAGE;
	}
	portal_finish(p);
}

static void ask_page(struct portal *p)
{
	const struct probe_target t = { .url = p->page };
	int r;

	if (p->page == NULL) {
		portal_finish(p);
		return;
	}
	r = probe_start(p->options, &t, on_page, p, &p->probe);
	if (r < 0) {
		p->result.why = strerror(-r);
		portal_finish(p);
	}
}

static void on_api(void *arg, const struct probe_result *r)
{
	struct portal *p = arg;

	p->probe = NULL;
	p->result.why = r->why;
	if (r->answer.probe == ONDEMAND_PROBE_STATUS) {
		p->result.why = "the portal's API does not say";
		if (r->answer.status == STATUS_OK &&
		    portal_read(r->body, r->body_len, &p->result) == 0) {
			portal_finish(p);
			return;
		}
	}
	ask_page(p);
}

static void ask_api(struct portal *p)
{
	const struct probe_target t = {
		.url = p->api,
		.accept = "application/captive+json",
		.body = true,
	};
	char why[VALUE_WHY_MAX];
	struct url u;
	int r = url_parse(p->api, &u, why);

	/* It has to prove itself (RFC 8908, 4). */
	if (r == 0 && !u.tls)
		r = -EINVAL;
	if (r == 0)
		r = probe_start(p->options, &t, on_api, p, &p->probe);
	if (r == 0)
		return;
	p->result.why = r == -EINVAL ? "the portal's API is no https URL"
				     : strerror(-r);
	ask_page(p);
}

static void on_begin(uv_timer_t *timer)
{
	struct portal *p = timer->data;

	if (p->api == NULL) {
		ask_page(p);
	} else if (strcmp(p->api, PORTAL_UNRESTRICTED) == 0) {
		p->result.state = PORTAL_FREE;
		p->result.source = PORTAL_SOURCE_API;
		portal_finish(p);
	} else {
		ask_api(p);
	}
}

/* NULL stays NULL. False: out of memory. */
static bool copy_text(const char *from, char **ret_to)
{
	*ret_to = from ? strdup(from) : NULL;
	return from == NULL || *ret_to != NULL;
}

int portal_start(const struct portal_options *o, portal_done_cb done, void *arg,
		 struct portal **ret_portal)
{
	struct portal *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -ENOMEM;
	if (!copy_text(o->api, &p->api) || !copy_text(o->page, &p->page)) {
		free(p->api);
		free(p->page);
		free(p);
		return -ENOMEM;
	}
	p->options = o->probe;
	p->done = done;
	p->arg = arg;
	p->result.why = "";
	/* It only gets its fields set. */
	(void)uv_timer_init(o->probe->loop, &p->begin);
	p->begin.data = p;
	(void)uv_timer_start(&p->begin, on_begin, 0, 0);
	*ret_portal = p;
	return 0;
}
