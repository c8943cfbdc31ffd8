/* SPDX-License-Identifier: GPL-3.0-or-later */
/* (uv) */
#include "tunnel/daemon/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tunnel/base/clock.h"
#include "tunnel/base/descriptors.h"
#include "tunnel/base/folder.h"
#include "tunnel/base/log.h"
#include "tunnel/base/notify.h"
#include "tunnel/daemon/daemon_private.h"
#include "tunnel/host/dns_owner.h"

enum {
	/* BYE takes 100 ms; a resolver that hangs is not waited for. */
	LAST_MS = 800,
};

static void on_host_notice(void *arg, const char *sentence)
{
	(void)arg;
	log_warning("%s", sentence);
}

/* The journal's lock is what keeps a second daemon away. The config is filled
 * here and must live as long as the host is open. */
static int open_host(const struct daemon_options *o, struct daemon_host *host,
		     struct host **ret_host)
{
	struct host_config *config = &host->config;

	host->files[0] = host->resolv_conf;
	host->files[1] = NULL;
	if (dns_owner_path(host->resolv_conf, sizeof(host->resolv_conf)) < 0)
		host->files[0] = NULL;
	*config = (struct host_config) {
		.files = host->files,
		.state_dir = o->state_dir,
		.device = SESSION_IO_DEVICE,
		.notice = on_host_notice,
		.fault = o->fault,
		.fault_step = o->fault_step,
	};
	pid_t other = 0;
	int r = host_open(config, ret_host, &other);

	if (r == -EBUSY && other > 0)
		log_error("another aditd is running (pid %ld); one is enough",
			  (long)other);
	else if (r == -EBUSY)
		log_error("another aditd is running; one is enough");
	else if (r < 0)
		log_error("%s: %s", o->state_dir, folder_error_text(r));
	return r;
}

int daemon_undo(const struct daemon_options *o)
{
	struct daemon_host files;
	struct host *host;
	int left;

	if (open_host(o, &files, &host) < 0)
		return 1;
	left = host_undo(host, HOST_ALL);
	if (left > 0)
		log_error(HOST_NOT_UNDONE, left, host_error(host));
	host_close(host);
	return left == 0 ? 0 : 1;
}

static void on_changed(void *arg)
{
	struct daemon *d = arg;
	const struct session *s = session_io_session(d->io);
	const char *name = session_io_name(d->io);

	notify_send("STATUS=%s: %s%s%s", name[0] ? name : "no profile",
		    session_state_name(s->state), s->reason ? ", " : "",
		    s->reason ? reason_text(s->reason) : "");
	if (s->state != SESSION_STATE_WAITING &&
	    s->state != SESSION_STATE_CONNECTING)
		d->triggered = false;
	if (!d->stopping) {
		daemon_names_changed(d);
		daemon_presence_changed(d);
		daemon_portal_session(d);
	}
	daemon_wait_changed(d);
	daemon_follow_changed(d);
}

static void on_folder_changed(void *arg)
{
	daemon_folder_changed(arg);
}

/* Any thread. */
static void on_line(void *arg)
{
	struct daemon *d = arg;

	(void)uv_async_send(&d->logged); /* cannot fail */
}

static void on_logged(uv_async_t *async)
{
	daemon_follow_logged(async->data);
}

static void on_last(uv_timer_t *timer)
{
	struct daemon *d = timer->data;

	d->forced = true;
	uv_stop(&d->loop);
}

static void unwatch_profiles(struct daemon *d)
{
	if (d->folder != NULL)
		folder_watch_close(d->folder);
	if (d->assets != NULL)
		folder_watch_close(d->assets);
	d->folder = d->assets = NULL;
}

/* Everything lets go of the loop, which then has nothing left to wait for. */
static void stop(struct daemon *d)
{
	if (d->stopping)
		return;
	d->stopping = true;
	notify_send("STOPPING=1");
	session_io_end(d->io);
	split_dns_end(d->names);
	d->names = NULL;
	ctl_server_close(d->server, NULL, NULL);
	daemon_follow_end(d);
	log_set_wake(NULL, NULL);
	unwatch_profiles(d);
	uv_close((uv_handle_t *)&d->logged, NULL);
	uv_close((uv_handle_t *)&d->grumbling, NULL);
	uv_close((uv_handle_t *)&d->waiting, NULL);
	daemon_presence_end(d);
	daemon_portal_end(d);
	daemon_probes_end(d);
	daemon_network_end(d);
	daemon_engine_end(d);
	uv_close((uv_handle_t *)&d->term, NULL);
	uv_close((uv_handle_t *)&d->intr, NULL);
	uv_close((uv_handle_t *)&d->hangup, NULL);
	/* This one does not keep the loop: it is for when something else does.
	 * It is closed after the loop has run. */
	(void)uv_timer_start(&d->last, on_last, LAST_MS, 0);
	uv_unref((uv_handle_t *)&d->last);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct daemon *d = handle->data;

	if (number == SIGHUP) {
		log_notice("reading the profiles again");
		daemon_reload(d);
		return;
	}
	log_notice("ending on signal %d", number);
	stop(d);
}

static int watch_signals(struct daemon *d)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGHUP };
	uv_signal_t *handles[] = { &d->term, &d->intr, &d->hangup };

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		int r = uv_signal_init(&d->loop, handles[i]);

		handles[i]->data = d;
		if (r == 0)
			r = uv_signal_start(handles[i], on_signal, numbers[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int watch_folder(struct daemon *d, const char *name,
			struct folder_watch **ret_watch)
{
	struct folder_watch_options o = {
		.changed = on_folder_changed,
		.arg = d,
	};
	char *path = NULL;
	int r;

	if (asprintf(&path, "%s/%s", d->options->config_dir, name) < 0)
		return -ENOMEM;
	o.path = path;
	r = folder_watch_create(&d->loop, &o, ret_watch);
	free(path);
	return r;
}

/* The watches first: what changes after the first look is seen. */
static int watch_profiles(struct daemon *d)
{
	int r = watch_folder(d, "profiles", &d->folder);

	if (r == 0)
		r = watch_folder(d, "assets", &d->assets);
	if (r == 0)
		daemon_reload(d);
	return r;
}

static int watch_log(struct daemon *d)
{
	int r = uv_async_init(&d->loop, &d->logged, on_logged);

	if (r == 0)
		log_set_wake(on_line, d);
	return r;
}

static int open_socket(struct daemon *d)
{
	struct ctl_server_options o = {
		.callbacks = &daemon_ctl_callbacks,
		.arg = d,
	};
	char path[CTL_PATH_MAX];
	int r = ctl_socket_path(d->options->runtime_dir, path);

	if (r < 0) {
		log_error(CTL_PATH_TOO_LONG, d->options->runtime_dir);
		return r;
	}
	if (mkdir(d->options->runtime_dir, 0755) < 0 && errno != EEXIST)
		r = -errno;
	else
		r = folder_open(d->options->runtime_dir);
	if (r < 0) {
		log_error("%s: %s", d->options->runtime_dir,
			  folder_error_text(r));
		return r;
	}
	close(r);
	o.path = path;
	r = ctl_server_create(&d->loop, &o, &d->server);
	if (r == -EADDRINUSE)
		log_error("%s: another aditd answers there", path);
	else if (r == -ENOTSOCK)
		log_error("%s: there is a file, not a socket: remove it", path);
	else if (r < 0)
		log_error("%s: %s", path, folder_error_text(r));
	return r;
}

/* 0, or -errno with a line in the log. What was made stays for fini(). */
static int init(struct daemon *d)
{
	struct session_io_options io = {
		.loop = &d->loop,
		.host = d->host,
		.changed = on_changed,
		.arg = d,
	};
	char *folder = NULL;
	int r;

	if (asprintf(&folder, "%s/profiles", d->options->config_dir) < 0)
		return -ENOMEM;
	r = profiles_init(&d->profiles, folder, PROFILE_FOR_CHECK);
	free(folder);
	if (r < 0)
		return r;
	daemon_engine_start(d);
	/* Timers only get their fields set. */
	(void)uv_timer_init(&d->loop, &d->waiting);
	(void)uv_timer_init(&d->loop, &d->grumbling);
	(void)uv_timer_init(&d->loop, &d->last);
	d->waiting.data = d->grumbling.data = d;
	d->last.data = d->logged.data = d;
	d->io = session_io_create(&io);
	if (d->io == NULL || daemon_names_start(d) < 0)
		return -ENOMEM;
	r = daemon_presence_start(d);
	if (r == 0)
		r = watch_profiles(d);
	if (r == 0)
		r = watch_signals(d);
	if (r == 0)
		r = daemon_network_start(d);
	if (r == 0)
		r = watch_log(d);
	if (r < 0) {
		log_error("cannot start: %s", strerror(-r));
		return r;
	}
	return open_socket(d);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

/* After the loop has ended, or could not be filled. */
static void fini(struct daemon *d)
{
	log_set_wake(NULL, NULL);
	unwatch_profiles(d);
	uv_walk(&d->loop, close_handle, NULL);
	uv_run(&d->loop, UV_RUN_DEFAULT);
	session_io_destroy(d->io);
	profiles_fini(&d->profiles);
	daemon_engine_fini(d);
	network_reader_destroy(d->reader);
	(void)uv_loop_close(&d->loop); /* -EBUSY: a handle was forgotten */
}

static void serve(struct daemon *d)
{
	log_notice("aditd " ADIT_VERSION " is ready; %zu profiles in %s",
		   d->profiles.count, d->profiles.folder);
	notify_send("READY=1\nSTATUS=no tunnel was asked for");
	uv_run(&d->loop, UV_RUN_DEFAULT);
	if (!d->forced)
		return;
	log_notice("ended with a name being resolved");
	host_close(d->host);
	/* exit() would wait for libuv's thread in the resolver. */
	_exit(0);
}

/* It could not start. */
static void give_up(struct daemon *d)
{
	d->stopping = true;
	daemon_portal_end(d);
	daemon_probes_end(d);
	uplink_facts_end(d->uplink_facts);
	user_session_close(d->user_session);
	if (d->io != NULL)
		session_io_end(d->io);
	split_dns_end(d->names);
	d->names = NULL;
}

int daemon_run(const struct daemon_options *o)
{
	struct daemon d = { .options = o };
	int r;

	/* Writing to a client that is gone is an error code, not an end. */
	signal(SIGPIPE, SIG_IGN);
	r = descriptors_ensure();
	if (r < 0) {
		log_error("cannot start: %s", folder_error_text(r));
		return 1;
	}
	if (open_host(o, &d.host_files, &d.host) < 0)
		return 1;
	r = uv_loop_init(&d.loop);
	if (r < 0) {
		log_error("cannot start: %s", strerror(-r));
		host_close(d.host);
		return 1;
	}
	r = init(&d);
	if (r == 0)
		serve(&d);
	else
		give_up(&d);
	fini(&d);
	host_close(d.host);
	log_notice("ended");
	return r == 0 ? 0 : 1;
}
