/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) */
#include "tunnel/daemon/dns_host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "dns/name.h"
#include "tunnel/base/log.h"
#include "tunnel/daemon/folder_watch.h"
#include "tunnel/host/apply.h"

enum {
	LOOK_MS = 30000,
	/* Whoever owns the names may be in the midst of something. */
	AGAIN_MS = 2000,
	/* Another program that writes its own again and again is left alone
	 * after so many times; from then on each of these looks is one more
	 * try, until one finds that all is well. */
	REPAIRS_MAX = 3,
	FILE_MAX = 64 * 1024,
};

/* Looks after the network moved, each so long after the one before. */
static const unsigned int after_ms[] = { 500, 1500, 3000, 10000 };

/*
 * The next thing to do, until there is none:
 *
 *   wanted    known   applied
 *   a plan    no      -           DETECT
 *   a plan    yes     another     APPLY, then CANARY
 *   a plan    yes     the same    LOOK, when the network moved or in time
 *   nothing   -       a plan      UNDO
 *
 * What failed is tried again when something else is wanted, the network moves,
 * or it is time for a look.
 */
enum job {
	JOB_NONE,
	JOB_DETECT,
	JOB_APPLY,
	JOB_CANARY,
	JOB_LOOK,
	JOB_UNDO,
};

struct dns_host {
	struct dns_host_options o;
	struct dns_host_view view;
	struct dns_plan *want, *applied; /* held */
	bool failed, look, closing;
	unsigned int repairs; /* since the last look in time */
	unsigned int fails;   /* since the last that was applied */
	char *original;	      /* the bare file, before it was ours */
	/* /etc, and where resolv.conf leads: the file, or what an owner writes
	 * when it starts and when it is told something; its records. */
	struct folder_watch *watch[3];
	uv_timer_t timer, after;
	unsigned int handles; /* that libuv still has */
	size_t afters;	      /* looks after the network moved */

	/* What is under way. The thread has these until it is done. */
	uv_work_t work;
	enum job job;
	struct dns_owner owner;
	struct dns_owner_uplink uplink;
	struct dns_plan *plan; /* held */
	char canary[DNS_NAME_MAX + 1];
	char error[DNS_OWNER_TEXT_MAX];
	int result;
};

static void step(struct dns_host *h);
static void on_timer(uv_timer_t *timer);

static bool is_file(const struct dns_host *h)
{
	return h->view.owner.kind == DNS_OWNER_FILE;
}

static void tell(struct dns_host *h)
{
	h->view.settled = h->job == JOB_NONE &&
			  (h->failed || dns_plan_same(h->want, h->applied));
	h->o.changed(h->o.arg);
}

/* The file that no owner keeps: the journal is the control thread's, and so is
 * this. */

/* NULL: it is not there, or cannot be read. */
static char *read_file(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = f ? malloc(FILE_MAX + 1) : NULL;

	if (text != NULL)
		text[fread(text, 1, FILE_MAX, f)] = '\0';
	if (f != NULL)
		fclose(f);
	return text;
}

/* `anew`: another program wrote it since, and that is what it was now. */
static int write_file(struct dns_host *h, const struct dns_plan *plan,
		      bool anew)
{
	struct host_file f = {
		.path = h->view.owner.path,
		.mode = 0644,
		.in_place = h->view.owner.in_place,
	};
	char *text;
	int r;

	if (anew && host_restore_file(h->o.host, f.path) == 0)
		anew = false; /* it was ours after all */
	if (h->original == NULL || anew) {
		free(h->original);
		h->original = read_file(f.path);
	}
	text = dns_owner_file(&plan->owner, h->original ? h->original : "");
	if (text == NULL)
		return -ENOMEM;
	f.content = (uint8_t *)text;
	f.len = strlen(text);
	r = host_put_file(h->o.host, &f);
	if (r < 0)
		snprintf(h->error, sizeof(h->error), "%s",
			 host_error(h->o.host));
	free(text);
	return r;
}

static int restore_file(struct dns_host *h)
{
	free(h->original);
	h->original = NULL;
	return host_restore_file(h->o.host, h->view.owner.path);
}

/* The thread. */

static void on_work(uv_work_t *work)
{
	struct dns_host *h = work->data;

	switch (h->job) {
	case JOB_DETECT:
		h->result = dns_owner_detect(&h->owner);
		if (h->result == 0)
			(void)dns_owner_read_uplink(
				&h->owner, &h->plan->owner.stub, &h->uplink);
		break;
	case JOB_APPLY:
		h->result =
			dns_owner_apply(&h->owner, &h->plan->owner, h->error);
		break;
	case JOB_CANARY:
		h->result = dns_owner_canary(h->canary, h->error);
		break;
	case JOB_LOOK:
		h->result =
			dns_owner_verify(&h->owner, &h->plan->owner, h->error);
		/* A file that is ours tells nothing, nor does an owner that is
		 * away: what it told stays. */
		if (h->owner.kind != DNS_OWNER_FILE && h->result >= 0)
			(void)dns_owner_read_uplink(
				&h->owner, &h->plan->owner.stub, &h->uplink);
		break;
	case JOB_UNDO:
		h->result = dns_owner_undo(dns_owner_undo_text(&h->owner));
		break;
	case JOB_NONE:
		break;
	}
}

static void on_worked(uv_work_t *work, int status);

/* With a plan that is held until it is done. */
static void begin(struct dns_host *h, enum job job, struct dns_plan *plan)
{
	h->job = job;
	h->plan = dns_plan_hold(plan);
	h->owner = h->view.owner;
	h->uplink = h->view.uplink;
	h->error[0] = '\0';
	h->work.data = h;
	/* Only a missing callback is an error. */
	(void)uv_queue_work(h->o.loop, &h->work, on_work, on_worked);
}

/* What became of it. */

static void set_applied(struct dns_host *h, struct dns_plan *plan)
{
	dns_plan_hold(plan);
	dns_plan_release(h->applied);
	h->applied = plan;
}

static void fail(struct dns_host *h, const char *text)
{
	h->failed = true;
	h->view.applied = false;
	if (h->fails++ == 0)
		(void)uv_timer_start(&h->timer, on_timer, AGAIN_MS, LOOK_MS);
	snprintf(h->view.problem, sizeof(h->view.problem), "%s", text);
	log_warning("this machine's DNS is not changed: %s", text);
}

static void begin_canary(struct dns_host *h, struct dns_plan *plan)
{
	uint32_t label[2] = { 0 };

	/* One that is in nobody's cache. */
	(void)getentropy(label, sizeof(label));
	snprintf(h->canary, sizeof(h->canary), "adit-%08x%08x.%s", label[0],
		 label[1], plan->canary_domain);
	h->o.canary(h->o.arg, h->canary);
	begin(h, JOB_CANARY, plan);
}

/* Whoever owns it is recorded first. */
static void begin_apply(struct dns_host *h)
{
	int r;

	if (!is_file(h)) {
		r = host_call_expected(h->o.host,
				       dns_owner_undo_text(&h->view.owner));
		if (r < 0)
			fail(h, host_error(h->o.host));
		else
			begin(h, JOB_APPLY, h->want);
		return;
	}
	r = dns_owner_apply(&h->view.owner, &h->want->owner, h->error);
	if (r == 0)
		r = write_file(h, h->want, false);
	if (r < 0) {
		fail(h, h->error);
		return;
	}
	set_applied(h, h->want);
	begin_canary(h, h->want);
}

static void begin_undo(struct dns_host *h)
{
	int r;

	h->view.applied = false;
	if (!is_file(h)) {
		begin(h, JOB_UNDO, NULL);
		return;
	}
	r = restore_file(h);
	if (r == -ESTALE)
		log_notice("%s was written by another program, and is left "
			   "alone",
			   h->view.owner.path);
	else if (r < 0)
		log_warning("%s", host_error(h->o.host));
	set_applied(h, NULL);
	h->view.known = false;
}

static void detected(struct dns_host *h)
{
	if (h->result < 0) {
		fail(h, h->owner.because);
		return;
	}
	h->view.known = true;
	h->view.owner = h->owner;
	h->view.uplink = h->uplink;
	log_info("this machine's DNS is kept by %s%s%s: %s",
		 dns_owner_name(h->owner.kind), h->owner.version[0] ? " " : "",
		 h->owner.version, h->owner.because);
	/* The uplink's search list is part of what the host is to be told: it
	 * is told once. */
	tell(h);
}

static void applied(struct dns_host *h, struct dns_plan *plan)
{
	if (h->result == 0) {
		set_applied(h, plan);
		begin_canary(h, plan);
		return;
	}
	host_call_undone(h->o.host, dns_owner_undo_text(&h->owner));
	set_applied(h, NULL);
	fail(h, h->error);
}

static void canary_asked(struct dns_host *h, const struct dns_plan *plan)
{
	h->o.canary(h->o.arg, NULL);
	if (h->result < 0) {
		fail(h, h->error);
		return; /* and step() undoes it */
	}
	if (!h->view.applied)
		log_notice("this machine's DNS asks us now, by way of %s (%zu "
			   "domains)",
			   dns_owner_name(h->owner.kind), plan->domain_count);
	h->view.applied = true;
	h->view.problem[0] = '\0';
	h->fails = 0;
}

/* Somebody replaced the link, or put a file in its place. */
static bool leads_elsewhere(const struct dns_owner *o)
{
	char path[sizeof(o->path)];

	return dns_owner_path(path, sizeof(path)) == 0 &&
	       strcmp(path, o->path) != 0;
}

/* Somebody else wrote it: made again, but not for ever. */
static void drifted(struct dns_host *h)
{
	snprintf(h->view.problem, sizeof(h->view.problem), "%s", h->error);
	h->view.applied = false;
	if (++h->repairs > REPAIRS_MAX) {
		if (h->repairs == REPAIRS_MAX + 1)
			log_warning("%s; it is left so for a while",
				    h->view.problem);
		return;
	}
	h->view.repairs++;
	log_notice("%s; it is put right", h->view.problem);
	if (leads_elsewhere(&h->view.owner)) {
		begin_undo(h); /* and step() finds out whose it is now */
		return;
	}
	if (!is_file(h)) {
		begin(h, JOB_APPLY, h->applied);
		return;
	}
	if (write_file(h, h->applied, true) < 0) {
		fail(h, h->error);
		return;
	}
	h->view.applied = true;
	if (h->original != NULL)
		dns_owner_parse_file(h->original, &h->view.uplink);
}

static void looked(struct dns_host *h)
{
	bool gone = h->result == 0 || h->result == -ENOENT;

	h->view.uplink = h->uplink;
	if (h->applied == NULL)
		return;
	if (gone) {
		drifted(h);
	} else if (h->result > 0) {
		h->view.applied = true;
		h->view.problem[0] = '\0';
	}
}

static void undone(struct dns_host *h)
{
	if (h->result < 0)
		log_warning("%s could not be told that we are gone: %s",
			    dns_owner_name(h->owner.kind),
			    strerror(-h->result));
	else
		host_call_undone(h->o.host, dns_owner_undo_text(&h->owner));
	set_applied(h, NULL);
	h->view.known = false; /* it may be another the next time */
}

static void on_closed(uv_handle_t *handle)
{
	struct dns_host *h = handle->data;

	if (--h->handles > 0)
		return;
	dns_plan_release(h->want);
	dns_plan_release(h->applied);
	free(h->original);
	free(h);
}

/* What happens in the folder may be our own doing: then the look finds that all
 * is well. What failed is not tried again for it, else it would be for ever. */
static void on_folder(void *arg)
{
	struct dns_host *h = arg;

	if (h->applied == NULL || h->failed || h->closing)
		return;
	h->look = true;
	step(h);
}

static void watch_folder(struct dns_host *h, const char *path,
			 struct folder_watch **ret_watch)
{
	const struct folder_watch_options o = {
		.path = path,
		.changed = on_folder,
		.arg = h,
	};

	if (folder_watch_create(h->o.loop, &o, ret_watch) < 0)
		log_warning("%s is only looked at every %d s", path,
			    LOOK_MS / 1000);
}

/* For as long as the host's DNS is ours. */
static void follow(struct dns_host *h, bool ours)
{
	char folder[sizeof(h->view.owner.path)], *slash;

	if (ours == (h->watch[0] != NULL))
		return;
	if (ours) {
		snprintf(folder, sizeof(folder), "%s", h->view.owner.path);
		slash = strrchr(folder, '/');
		if (slash != NULL) /* a file that leads nowhere has none */
			*slash = '\0';
		watch_folder(h, "/etc", &h->watch[0]);
		if (*folder && strcmp(folder, "/etc") != 0)
			watch_folder(h, folder, &h->watch[1]);
		if (h->view.owner.records[0] != '\0')
			watch_folder(h, h->view.owner.records, &h->watch[2]);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(h->watch); i++) {
		if (h->watch[i] != NULL)
			folder_watch_close(h->watch[i]);
		h->watch[i] = NULL;
	}
}

/* Nothing is under way: the host is put back at once. */
static void close_now(struct dns_host *h)
{
	follow(h, false);
	if (h->applied != NULL && is_file(h))
		(void)restore_file(h);
	else if (h->applied != NULL &&
		 dns_owner_undo(dns_owner_undo_text(&h->view.owner)) == 0)
		host_call_undone(h->o.host,
				 dns_owner_undo_text(&h->view.owner));
	uv_close((uv_handle_t *)&h->timer, on_closed);
	uv_close((uv_handle_t *)&h->after, on_closed);
}

static void on_worked(uv_work_t *work, int status)
{
	struct dns_host *h = work->data;
	struct dns_plan *plan = h->plan;
	enum job job = h->job;

	(void)status; /* nobody cancels it */
	h->job = JOB_NONE;
	h->plan = NULL;
	if (h->closing) {
		if (job == JOB_APPLY && h->result == 0)
			set_applied(h, plan);
		dns_plan_release(plan);
		close_now(h);
		return;
	}
	switch (job) {
	case JOB_DETECT:
		detected(h);
		break;
	case JOB_APPLY:
		applied(h, plan);
		break;
	case JOB_CANARY:
		canary_asked(h, plan);
		break;
	case JOB_LOOK:
		looked(h);
		break;
	case JOB_UNDO:
		undone(h);
		break;
	case JOB_NONE:
		break;
	}
	dns_plan_release(plan);
	step(h);
}

static void step(struct dns_host *h)
{
	if (h->job != JOB_NONE)
		return;
	/* Also what a canary did not come through. */
	if (h->applied != NULL &&
	    (h->want == NULL || (h->failed && !h->view.applied)))
		begin_undo(h);
	else if (h->want == NULL || h->failed)
		h->look = false;
	else if (!h->view.known)
		begin(h, JOB_DETECT, h->want);
	else if (!dns_plan_same(h->want, h->applied))
		begin_apply(h);
	else if (h->look) {
		h->look = false;
		begin(h, JOB_LOOK, h->applied);
	}
	follow(h, h->applied != NULL);
	if (h->want != NULL && !uv_is_active((const uv_handle_t *)&h->timer))
		(void)uv_timer_start(&h->timer, on_timer, LOOK_MS, LOOK_MS);
	else if (h->want == NULL && h->applied == NULL)
		uv_timer_stop(&h->timer);
	tell(h);
}

static void look(struct dns_host *h)
{
	h->look = true;
	h->failed = false;
	step(h);
}

static void on_timer(uv_timer_t *timer)
{
	struct dns_host *h = timer->data;

	h->repairs = h->repairs > REPAIRS_MAX ? REPAIRS_MAX - 1 : 0;
	look(h);
}

/* DHCP tells the owner of new servers a while after the address is there. */
static void on_after(uv_timer_t *timer)
{
	struct dns_host *h = timer->data;

	if (h->want == NULL)
		return;
	if (h->afters < ARRAY_SIZE(after_ms))
		(void)uv_timer_start(timer, on_after, after_ms[h->afters++], 0);
	if (h->failed) /* as it was a moment ago */
		return;
	h->look = true;
	step(h);
}

void dns_host_look(struct dns_host *h)
{
	if (h->want != NULL)
		(void)uv_timer_start(&h->after, on_after, after_ms[0], 0);
	h->afters = 1;
	look(h);
}

void dns_host_want(struct dns_host *h, struct dns_plan *plan)
{
	if (dns_plan_same(h->want, plan))
		return;
	dns_plan_release(h->want);
	h->want = dns_plan_hold(plan);
	h->failed = false;
	h->fails = 0;
	if (plan == NULL) {
		h->view.problem[0] = '\0';
		h->repairs = 0;
	}
	step(h);
}

void dns_host_give_up(struct dns_host *h, const char *why)
{
	if (h->applied == NULL)
		return;
	fail(h, why);
	step(h);
}

const struct dns_host_view *dns_host_view(const struct dns_host *h)
{
	return &h->view;
}

struct dns_host *dns_host_create(const struct dns_host_options *o)
{
	struct dns_host *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->o = *o;
	h->view.settled = true;
	/* A timer only gets its fields set. */
	(void)uv_timer_init(o->loop, &h->timer);
	(void)uv_timer_init(o->loop, &h->after);
	h->timer.data = h->after.data = h;
	h->handles = 2;
	return h;
}

void dns_host_end(struct dns_host *h)
{
	if (h == NULL)
		return;
	h->closing = true;
	if (h->job == JOB_NONE)
		close_now(h);
}
