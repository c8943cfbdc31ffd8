/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tunnel/data/tactics.h"

static void begin(struct tactics *t, const struct record_counts *sent,
		  const struct record_counts *received)
{
	t->sent = *sent;
	t->received = *received;
	t->begun = true;
}

static uint64_t sent_of(const struct tactics *t, enum record_place place,
			const struct record_counts *sent)
{
	return sent->of[place] - t->sent.of[place];
}

/* What was on its way when counting began makes it negative: that is none. */
static unsigned int lost_percent(const struct tactics *t,
				 enum record_place place,
				 const struct record_counts *sent,
				 const struct record_counts *received)
{
	uint64_t out = sent_of(t, place, sent);
	uint64_t in = received->of[place] - t->received.of[place];

	return in < out ? (unsigned int)((out - in) * 100 / out) : 0;
}

/* Do tails get lost, and why not others? *ret_tails and *ret_others are what is
 * lost of each, in percent. */
static bool looks_bad(const struct tactics *t, const struct record_counts *sent,
		      const struct record_counts *received,
		      unsigned int *ret_tails, unsigned int *ret_others)
{
	bool few = sent_of(t, RECORD_TAIL, sent) < TACTICS_ENOUGH;
	unsigned int tails = lost_percent(t, RECORD_TAIL, sent, received);
	unsigned int among = lost_percent(t, RECORD_AMONG, sent, received);
	unsigned int alone = lost_percent(t, RECORD_ALONE, sent, received);

	*ret_tails = tails;
	*ret_others = among;
	if (tails >= among + (few ? TACTICS_FEW_MORE_PERCENT
				  : TACTICS_MORE_PERCENT) &&
	    tails >= TACTICS_TIMES * among)
		return true;
	/* Whole runs: a crowded way loses them before single ones, too, but not
	 * nearly all. */
	*ret_others = alone;
	return tails >= TACTICS_NEARLY_ALL_PERCENT &&
	       tails >= TACTICS_TIMES * alone &&
	       sent_of(t, RECORD_ALONE, sent) >= TACTICS_FEW;
}

static void give_up_whole(struct tactics *t, uint64_t now_ns)
{
	t->again_wait_ns =
		t->again_wait_ns == 0 ? TACTICS_AGAIN_NS : 2 * t->again_wait_ns;
	if (t->again_wait_ns > TACTICS_AGAIN_MAX_NS)
		t->again_wait_ns = TACTICS_AGAIN_MAX_NS;
	t->again_ns = now_ns + t->again_wait_ns;
	t->since_ns = now_ns;
	t->left++;
}

static void next(struct tactics *t, uint64_t now_ns)
{
	t->blind_ns = now_ns + TACTICS_BLIND_NS;
	switch (t->tactic) {
	case TACTIC_WHOLE:
		give_up_whole(t, now_ns);
		t->tactic = TACTIC_ENDED;
		break;
	case TACTIC_ENDED:
		t->tactic = TACTIC_SINGLY;
		break;
	case TACTIC_SINGLY:
		t->tactic = TACTIC_WHOLE;
		t->blind_ns = t->again_ns;
		break;
	}
	t->begun = false;
	t->suspect = false;
}

static bool went_back(const struct tactics *t,
		      const struct record_counts *received)
{
	for (int i = 0; i < RECORD_PLACES; i++)
		if (received->of[i] < t->received.of[i])
			return true;
	return false;
}

bool tactics_judge(struct tactics *t, const struct record_counts *sent,
		   const struct record_counts *received, uint64_t now_ns)
{
	unsigned int tails_lost, others_lost;
	uint64_t tails;
	bool bad;

	if (t->tactic != TACTIC_WHOLE && now_ns >= t->again_ns) {
		t->tactic = TACTIC_WHOLE;
		t->begun = t->suspect = false;
		return true;
	}
	if (now_ns < t->blind_ns)
		return false;
	if (!t->begun) {
		begin(t, sent, received);
		return false;
	}
	/* A report that was overtaken, or a peer that is mad. */
	if (went_back(t, received))
		return false;
	tails = sent_of(t, RECORD_TAIL, sent);
	if (tails < TACTICS_FEW)
		return false;
	bad = looks_bad(t, sent, received, &tails_lost, &others_lost);
	if (!bad && tails < TACTICS_ENOUGH)
		return false;
	begin(t, sent, received);
	if (bad && t->suspect) {
		t->tails_lost = tails_lost;
		t->others_lost = others_lost;
		next(t, now_ns);
		return true;
	}
	t->suspect = bad;
	return false;
}

bool tactics_fallback(const struct tactics *t, struct fallback *ret_fallback)
{
	if (t->tactic == TACTIC_WHOLE)
		return false;
	*ret_fallback = (struct fallback) {
		.way = t->tactic == TACTIC_ENDED ? FALLBACK_ENDED
						 : FALLBACK_SINGLY,
		.since_ns = t->since_ns,
		.times = t->left,
		.tails_lost = t->tails_lost,
		.others_lost = t->others_lost,
	};
	return true;
}
