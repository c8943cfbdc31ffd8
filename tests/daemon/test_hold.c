/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/daemon/hold.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/text.h"
#include "tests/lib/allocation.h"
#include "tests/lib/suite.h"
#include "tunnel/base/attr.h"
#include "tunnel/base/clock.h"

#define BOOT "0b1c9b6e-7f0e-4f6e-9d3b-0f1a2b3c4d5e"
#define OTHER_BOOT "ffffffff-7f0e-4f6e-9d3b-0f1a2b3c4d5e"

enum {
	RANDOM_HOLDS = 2000,
};

static char folder[64];

static void set_up(void)
{
	strcpy(folder, "/tmp/adit-hold-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void tear_down(void)
{
	char line[128];

	snprintf(line, sizeof(line), "rm -rf %s", folder);
	ck_assert_int_eq(system(line), 0);
}

/* --- Holds. --- */

static void fill_random(void *to, size_t len, unsigned int *seed)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)to)[i] = (uint8_t)(rand_r(seed) >> 8);
}

static struct ip_addr random_addr(uint8_t family, unsigned int *seed)
{
	struct ip_addr a = { .family = family };

	fill_random(a.bytes, addr_size(&a), seed);
	return a;
}

static struct network_path random_path(uint8_t family, unsigned int *seed)
{
	struct network_path p = { 0 };

	if (rand_r(seed) % 2)
		p.gateway = random_addr(family, seed);
	p.has_link_address = rand_r(seed) % 2;
	if (p.has_link_address)
		fill_random(p.link_address, sizeof(p.link_address), seed);
	p.prefix_count = (size_t)rand_r(seed) % (NETWORK_PREFIXES_MAX + 1);
	for (size_t i = 0; i < p.prefix_count; i++) {
		p.prefixes[i].addr = random_addr(family, seed);
		p.prefixes[i].len =
			(uint8_t)(rand_r(seed) %
				  (addr_bits(&p.prefixes[i].addr) + 1));
	}
	return p;
}

static uint64_t random_u64(unsigned int *seed)
{
	uint64_t n;

	fill_random(&n, sizeof(n), seed);
	return n;
}

static struct hold random_hold(unsigned int *seed)
{
	struct hold h = {
		.state = rand_r(seed) % 2 ? HOLD_DOWN : HOLD_UP,
		.until_reboot = rand_r(seed) % 2,
		.until_ns = rand_r(seed) % 2 ? CLOCK_NEVER : random_u64(seed),
		.since_ms = (int64_t)(random_u64(seed) % 1000000000000000),
		.until_ms = (int64_t)(random_u64(seed) % 1000000000000000),
		.fingerprint = random_u64(seed),
		.place.type = (enum network_type)(rand_r(seed) %
						  (NETWORK_CELLULAR + 1)),
		.place.ssid_len = (size_t)rand_r(seed) % (NETWORK_SSID_MAX + 1),
		.place.ipv4 = random_path(AF_INET, seed),
		.place.ipv6 = random_path(AF_INET6, seed),
	};

	fill_random(h.place.ssid, h.place.ssid_len, seed);
	fill_random(h.reason, (size_t)rand_r(seed) % HOLD_REASON_MAX, seed);
	text_make_printable(h.reason);
	return h;
}

static void assert_same_path(const struct network_path *a,
			     const struct network_path *b)
{
	ck_assert_mem_eq(&a->gateway, &b->gateway, sizeof(a->gateway));
	ck_assert(a->has_link_address == b->has_link_address);
	ck_assert_mem_eq(a->link_address, b->link_address,
			 sizeof(a->link_address));
	ck_assert_uint_eq(a->prefix_count, b->prefix_count);
	for (size_t i = 0; i < a->prefix_count; i++)
		ck_assert(prefix_equal(&a->prefixes[i], &b->prefixes[i]));
}

static void assert_same(const struct hold *a, const struct hold *b)
{
	ck_assert_int_eq(a->state, b->state);
	ck_assert(a->until_reboot == b->until_reboot);
	ck_assert_uint_eq(a->until_ns, b->until_ns);
	ck_assert_int_eq(a->since_ms, b->since_ms);
	ck_assert_int_eq(a->until_ms, b->until_ms);
	ck_assert_str_eq(a->reason, b->reason);
	ck_assert_uint_eq(a->fingerprint, b->fingerprint);
	ck_assert_int_eq(a->place.type, b->place.type);
	ck_assert_uint_eq(a->place.ssid_len, b->place.ssid_len);
	ck_assert_mem_eq(a->place.ssid, b->place.ssid, a->place.ssid_len);
	assert_same_path(&a->place.ipv4, &b->place.ipv4);
	assert_same_path(&a->place.ipv6, &b->place.ipv6);
}

static struct hold any_hold(void)
{
	unsigned int seed = 4;
	struct hold h = random_hold(&seed);

	h.state = HOLD_DOWN;
	return h;
}

/* --- The text. --- */

START_TEST(reads_what_it_has_written)
{
	char boot[HOLD_BOOT_MAX];
	unsigned int seed = 11;
	struct hold h, again;
	size_t longest = 0;

	for (int i = 0; i < RANDOM_HOLDS; i++) {
		char *text;

		h = random_hold(&seed);
		text = hold_text(&h, BOOT);
		ck_assert_ptr_nonnull(text);
		ck_assert_uint_le(strlen(text), HOLD_FILE_MAX);
		longest = strlen(text) > longest ? strlen(text) : longest;
		ck_assert_int_eq(hold_parse(text, strlen(text), &again, boot),
				 0);
		ck_assert_str_eq(boot, BOOT);
		assert_same(&h, &again);
		free(text);
	}
	printf("note: %d random holds, the longest has %zu bytes\n",
	       RANDOM_HOLDS, longest);
}
END_TEST

START_TEST(refuses_a_text_that_was_cut)
{
	struct hold h = any_hold(), again;
	char boot[HOLD_BOOT_MAX], *text = hold_text(&h, BOOT);

	/* Without the newline at the end it is whole. */
	for (size_t len = 0; len + 1 < strlen(text); len++)
		ck_assert_int_eq(hold_parse(text, len, &again, boot), -EBADMSG);
	free(text);
}
END_TEST

/* Each byte, by each bit: no hold, or one that is written the same way. */
START_TEST(takes_no_damaged_text_for_more_than_it_says)
{
	struct hold h = any_hold(), again;
	char boot[HOLD_BOOT_MAX], *text = hold_text(&h, BOOT);
	size_t len = strlen(text), refused = 0;

	for (size_t i = 0; i < len * 8; i++) {
		text[i / 8] = (char)(text[i / 8] ^ 1 << i % 8);
		if (hold_parse(text, len, &again, boot) < 0) {
			refused++;
		} else {
			char *second = hold_text(&again, boot);

			ck_assert_ptr_nonnull(second);
			free(second);
		}
		text[i / 8] = (char)(text[i / 8] ^ 1 << i % 8);
	}
	printf("note: %zu of %zu damaged texts are refused\n", refused,
	       len * 8);
	ck_assert_uint_gt(refused, len);
	free(text);
}
END_TEST

/* What replaces what in a good text. */
static const struct {
	const char *old, *new;
} damages[] = {
	{ "\"version\": 1", "\"version\": 2" },
	{ "\"version\": 1", "\"version\": 0" },
	{ "\"version\": 1", "\"version\": \"1\"" },
	{ "\"version\": 1, ", "" },
	{ "\"version\": 1, ", "\"version\": 1, \"more\": 1, " },
	{ "\"version\": 1, ", "\"version\": 1, \"version\": 1, " },
	{ "held-down", "none" },
	{ "held-down", "held-sideways" },
	{ "\"until_reboot\": ", "\"until_reboot\": 1, \"x\": " },
	{ "\"since_ms\": ", "\"since_ms\": 1.5, \"x\": " },
	{ "\"ssid\": \"", "\"ssid\": \"0" },
	{ "\"ssid\": \"", "\"ssid\": \"zz" },
	{ "\"prefixes\": [", "\"prefixes\": [7, " },
	{ "\"prefixes\": [", "\"prefixes\": [\"::/129\", " },
	{ "\"gateway\"", "\"gate\"" },
	{ "\"ipv6\"", "\"ipv7\"" },
	{ "{", "[{" },
};

START_TEST(refuses_what_is_no_hold)
{
	struct hold h = any_hold(), again;
	char boot[HOLD_BOOT_MAX], *text = hold_text(&h, BOOT), *bad = NULL;
	const char *at = strstr(text, damages[_i].old);

	ck_assert_ptr_nonnull(at);
	ck_assert_int_gt(asprintf(&bad, "%.*s%s%s", (int)(at - text), text,
				  damages[_i].new,
				  at + strlen(damages[_i].old)),
			 0);
	ck_assert_int_eq(hold_parse(bad, strlen(bad), &again, boot), -EBADMSG);
	free(bad);
	free(text);
}
END_TEST

START_TEST(has_a_word_for_everything)
{
	ck_assert_str_eq(hold_state_name(HOLD_NONE), "none");
	ck_assert_str_eq(hold_state_name(HOLD_DOWN), "held-down");
	ck_assert_str_eq(hold_state_name(HOLD_UP), "held-up");
	for (int i = HOLD_END_NONE; i <= HOLD_END_LOGOUT; i++)
		for (int k = HOLD_END_NONE; k < i; k++)
			ck_assert_str_ne(hold_end_text((enum hold_end)i),
					 hold_end_text((enum hold_end)k));
}
END_TEST

/* --- The file. --- */

static size_t count_files(void)
{
	DIR *d = opendir(folder);
	size_t n = 0;

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n - 2; /* "." and ".." */
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	ck_assert_int_eq(fchmod(fd, mode), 0);
	close(fd);
}

START_TEST(outlives_the_daemon)
{
	struct hold h = any_hold(), again;
	char path[128];
	struct stat st;

	ck_assert_int_eq(hold_load(folder, "work", BOOT, &again), -ENOENT);
	ck_assert_int_eq(hold_save(folder, "work", &h, BOOT), 0);
	ck_assert_int_eq(hold_load(folder, "work", BOOT, &again), 0);
	assert_same(&h, &again);
	snprintf(path, sizeof(path), "%s/hold-work.json", folder);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0600);
	h.state = HOLD_UP;
	ck_assert_int_eq(hold_save(folder, "work", &h, BOOT), 0);
	ck_assert_int_eq(hold_load(folder, "work", BOOT, &again), 0);
	ck_assert_int_eq(again.state, HOLD_UP);
	ck_assert_uint_eq(count_files(), 1);
}
END_TEST

START_TEST(is_gone_when_there_is_none)
{
	struct hold h = any_hold(), none = { 0 };

	ck_assert_int_eq(hold_save(folder, "work", &none, BOOT), 0);
	ck_assert_int_eq(hold_save(folder, "work", &h, BOOT), 0);
	ck_assert_int_eq(hold_save(folder, "work", &none, BOOT), 0);
	ck_assert_int_eq(hold_load(folder, "work", BOOT, &h), -ENOENT);
	ck_assert_uint_eq(count_files(), 0);
}
END_TEST

START_TEST(ends_with_the_boot_it_was_said_in)
{
	struct hold h = any_hold();

	ck_assert_int_eq(hold_save(folder, "work", &h, BOOT), 0);
	ck_assert_int_eq(hold_load(folder, "work", OTHER_BOOT, &h), 0);
	ck_assert_int_eq(h.state, HOLD_NONE);
	ck_assert_uint_eq(h.until_ns, CLOCK_NEVER);
}
END_TEST

START_TEST(takes_the_longest_name)
{
	struct hold h = any_hold(), again;
	char name[128];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ck_assert_int_eq(hold_save(folder, name, &h, BOOT), 0);
	ck_assert_int_eq(hold_load(folder, name, BOOT, &again), 0);
	assert_same(&h, &again);
}
END_TEST

START_TEST(trusts_no_file_that_others_may_write)
{
	struct hold h = any_hold();
	char *text = hold_text(&h, BOOT);

	write_file("hold-work.json", text, 0666);
	ck_assert_int_eq(hold_load(folder, "work", BOOT, &h), -EPERM);
	free(text);
	ck_assert_int_eq(chmod(folder, 0777), 0);
	ck_assert_int_eq(hold_save(folder, "work", &h, BOOT), -EPERM);
}
END_TEST

START_TEST(says_when_a_file_is_no_hold)
{
	char big[HOLD_FILE_MAX + 2];
	struct hold h;

	memset(big, ' ', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	write_file("hold-a.json", "", 0600);
	write_file("hold-b.json", big, 0600);
	ck_assert_int_eq(hold_load(folder, "a", BOOT, &h), -EBADMSG);
	ck_assert_int_eq(hold_load(folder, "b", BOOT, &h), -EBADMSG);
	ck_assert_int_eq(hold_save("/nonexistent", "a", &h, BOOT), -ENOENT);
}
END_TEST

static bool is_work(void *arg, const char *name)
{
	(*(int *)arg)++;
	return strcmp(name, "work") == 0;
}

START_TEST(goes_with_its_profile)
{
	struct hold h = any_hold();
	int asked = 0;

	ck_assert_int_eq(hold_prune("/nonexistent", is_work, &asked), -ENOENT);
	ck_assert_int_eq(hold_save(folder, "work", &h, BOOT), 0);
	ck_assert_int_eq(hold_save(folder, "home", &h, BOOT), 0);
	write_file("undo.journal", "", 0600);
	write_file("hold-.json", "", 0600);
	ck_assert_int_eq(hold_prune(folder, is_work, &asked), 0);
	ck_assert_int_eq(asked, 2);
	ck_assert_int_eq(hold_load(folder, "home", BOOT, &h), -ENOENT);
	ck_assert_int_eq(hold_load(folder, "work", BOOT, &h), 0);
	ck_assert_uint_eq(count_files(), 3);
}
END_TEST

/* The old one would say the opposite: none is better, and nothing is left. */
static void assert_not_written(int error)
{
	struct hold h = any_hold();

	h.state = HOLD_UP;
	ck_assert_int_eq(hold_save(folder, "work", &h, BOOT), error);
	ck_assert_int_eq(hold_load(folder, "work", BOOT, &h), -ENOENT);
	ck_assert_uint_eq(count_files(), 0);
}

START_TEST(leaves_none_when_a_file_may_not_grow)
{
	struct rlimit before, small;
	struct hold h = any_hold();

	ck_assert_int_eq(hold_save(folder, "work", &h, BOOT), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 100;
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_not_written(-EFBIG);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
}
END_TEST

/* One page is the first hold's. */
START_TEST(leaves_none_when_the_disk_is_full)
{
	struct hold h = any_hold();

	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", folder, "tmpfs", 0, "size=4k,mode=0700") < 0) {
		printf("note: no disk to fill: %s\n", strerror(errno));
		return;
	}
	ck_assert_int_eq(hold_save(folder, "work", &h, BOOT), 0);
	assert_not_written(-ENOSPC);
	ck_assert_int_eq(umount(folder), 0);
}
END_TEST

static int save_again(void)
{
	struct hold h = any_hold();

	return hold_save(folder, "work", &h, BOOT);
}

static int load_again(void)
{
	struct hold h;

	return hold_load(folder, "work", BOOT, &h);
}

START_TEST(says_when_memory_runs_out)
{
	allocation_walk("hold_save", save_again, false);
	allocation_walk("hold_load", load_again, false);
	ck_assert_uint_eq(count_files(), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hold");
	TCase *tc = tcase_create("hold");

	tcase_set_timeout(tc, 60); /* a sanitizer on a busy machine */
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, reads_what_it_has_written);
	tcase_add_test(tc, refuses_a_text_that_was_cut);
	tcase_add_test(tc, takes_no_damaged_text_for_more_than_it_says);
	tcase_add_loop_test(tc, refuses_what_is_no_hold, 0,
			    ARRAY_SIZE(damages));
	tcase_add_test(tc, has_a_word_for_everything);
	tcase_add_test(tc, outlives_the_daemon);
	tcase_add_test(tc, is_gone_when_there_is_none);
	tcase_add_test(tc, ends_with_the_boot_it_was_said_in);
	tcase_add_test(tc, takes_the_longest_name);
	tcase_add_test(tc, goes_with_its_profile);
	tcase_add_test(tc, trusts_no_file_that_others_may_write);
	tcase_add_test(tc, says_when_a_file_is_no_hold);
	tcase_add_test(tc, leaves_none_when_a_file_may_not_grow);
	tcase_add_test(tc, leaves_none_when_the_disk_is_full);
	tcase_add_test(tc, says_when_memory_runs_out);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
