/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "protocol/pin.h"
#include "tests/unit/exchange-fixture.h"
#include "tests/unit/helper.h"

/*
 * The race: who holds the link against the one for whom it is meant, over a relay that is on the
 * attackers' side. It shows any of them any octets that were ever written, in any order, and an
 * attacker answers with any PIN but the right one. The honest recipient types the right one.
 * Every verdict has to be the right one by who wrote the answer, stored in between or not.
 */

#define N_ATTACKERS 4
#define N_STEPS 40
#define DEFAULT_RUNS 10000

typedef struct {
        TgMode mode;
        HelperRandom *random;
        TgSecret *secret;
        TgExchange *alice;
        TgExchange *parties[N_ATTACKERS + 1]; /* the last is Bob */
        gboolean has_info[N_ATTACKERS + 1];
        GPtrArray *seen; /* all that was ever written */
        GArray *writers; /* guint: who wrote it */
        guint n_verdicts;
        gboolean is_over;
} Race;

#define BOB N_ATTACKERS
#define ALICE (BOB + 1)

static void
race_clear(Race *race)
{
        g_clear_pointer(&race->secret, tg_secret_unref);
        g_clear_pointer(&race->alice, tg_exchange_free);
        for (guint i = 0; i <= BOB; i++)
                g_clear_pointer(&race->parties[i], tg_exchange_free);
        g_clear_pointer(&race->seen, g_ptr_array_unref);
        g_clear_pointer(&race->writers, g_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Race, race_clear)

static gboolean
run(TgExchange *side, const TgInput *input, TgOutput *output)
{
        tg_output_clear(output);
        *output = (TgOutput){0};

        return tg_exchange_dispatch(side, input, output, NULL);
}

static gboolean
show(TgExchange *side, const char *text, TgOutput *output)
{
        TgJson payload = helper_json(text);
        const TgInput input = {.kind = TG_INPUT_PAYLOAD, .payload = &payload};

        return run(side, &input, output);
}

/* The relay prefers what is new, but not always. */
static guint
choose_index(const Race *race)
{
        guint n = race->seen->len;
        guint back =
                helper_random_below(race->random, 2) ? 0 : helper_random_below(race->random, n);

        return n - 1 - back;
}

static const char *
choose(const Race *race)
{
        return g_ptr_array_index(race->seen, choose_index(race));
}

static void
written(Race *race, guint who, const TgOutput *output)
{
        if (!output->payload)
                return;
        g_ptr_array_add(race->seen, g_strdup(output->payload));
        g_array_append_val(race->writers, who);
}

/* What the verdict on an answer has to be. Without PIN, who has the link is right. */
static TgOutputKind
right_verdict(const Race *race, guint writer)
{
        if (writer == BOB || race->mode == TG_MODE_T2)
                return TG_OUTPUT_CONFIRMED;

        return race->n_verdicts < 3 ? TG_OUTPUT_WRONG_PIN : TG_OUTPUT_BURNED;
}

/* Whatever is shown to who has burned, it is not even counted. */
static void
see_that_it_is_burned(Race *race)
{
        const TgInput charged = {.kind = TG_INPUT_CHARGED};
        g_auto(TgOutput) output = {0};

        for (guint i = 0; i < race->seen->len; i++) {
                g_assert_true(show(race->alice, g_ptr_array_index(race->seen, i), &output));
                g_assert_cmpint(output.kind, !=, TG_OUTPUT_CHARGE);
        }
        g_assert_false(run(race->alice, &charged, &output));
        g_assert_cmpuint(tg_exchange_attempts_left(race->alice), ==, 0);
        g_assert_null(tg_exchange_pin(race->alice));
}

static void
serve_alice(Race *race)
{
        g_auto(TgOutput) output = {0};
        const TgInput charged = {.kind = TG_INPUT_CHARGED};
        guint index = choose_index(race);

        g_assert_true(show(race->alice, g_ptr_array_index(race->seen, index), &output));
        if (output.kind != TG_OUTPUT_CHARGE)
                return;
        if (helper_random_below(race->random, 4) == 0) { /* she crashes */
                fixture_restart(&race->alice);
                show(race->alice, choose(race), &output);
        }
        g_assert_true(run(race->alice, &charged, &output));
        race->n_verdicts++;
        g_assert_cmpint(
                output.kind, ==, right_verdict(race, g_array_index(race->writers, guint, index)));
        race->is_over = output.kind != TG_OUTPUT_WRONG_PIN;
        written(race, ALICE, &output);
        if (output.kind == TG_OUTPUT_BURNED)
                see_that_it_is_burned(race);
}

static TgSecret *
pin_of(Race *race, guint who)
{
        return who == BOB ? helper_secret(FIXTURE_PIN)
                          : fixture_wrong_pin(helper_random_below(race->random, 10000000));
}

static void
serve_party(Race *race, guint who)
{
        g_auto(TgOutput) output = {0};
        TgExchange *side = race->parties[who];

        g_assert_true(show(side, choose(race), &output));
        if (output.kind == TG_OUTPUT_PIN_NEEDED) {
                g_autoptr(TgSecret) pin = pin_of(race, who);
                const TgInput input = {.kind = TG_INPUT_PIN, .pin = pin};

                g_assert_true(run(side, &input, &output));
        }
        if (output.kind == TG_OUTPUT_WRITE)
                written(race, who, &output);
        if (output.kind == TG_OUTPUT_MESSAGE) {
                fixture_assert_content(&output, FIXTURE_FORMAT, FIXTURE_CONTENT);
                race->has_info[who] = TRUE;
        }
        if (who != BOB && !race->has_info[who] &&
            helper_random_below(race->random, 8) == 0) { /* comes as somebody else */
                g_clear_pointer(&race->parties[who], tg_exchange_free);
                race->parties[who] = fixture_recipient(race->mode, race->secret);
        }
}

static guint
race_once(TgMode mode, HelperRandom *random, gboolean *ret_bob_won)
{
        g_auto(Race) race = {.mode = mode, .random = random};
        g_auto(TgOutput) output = {0};
        guint n_attackers = 0;
        guint n_left = 8; /* steps after the end, for those who still hope */

        race.secret = tg_secret_new_random(32, NULL);
        race.seen = g_ptr_array_new_with_free_func(g_free);
        race.writers = g_array_new(FALSE, FALSE, sizeof(guint));
        race.alice = fixture_initiator(mode, race.secret);
        for (guint i = 0; i <= BOB; i++)
                race.parties[i] = fixture_recipient(mode, race.secret);
        fixture_begin(&race.alice, &output);
        written(&race, ALICE, &output);

        for (guint i = 0; i < N_STEPS && n_left > 0; i++) {
                guint who = helper_random_below(random, N_ATTACKERS + 3);

                if (who > BOB)
                        serve_alice(&race);
                else
                        serve_party(&race, who);
                if (race.is_over)
                        n_left--;
        }
        for (guint i = 0; race.is_over && i <= BOB; i++) /* what was written last is there */
                if (show(race.parties[i],
                         g_ptr_array_index(race.seen, race.seen->len - 1),
                         &output) &&
                    output.kind == TG_OUTPUT_MESSAGE)
                        race.has_info[i] = TRUE;

        g_assert_cmpuint(race.n_verdicts, <=, mode == TG_MODE_T2 ? 1 : 3);
        g_assert_cmpuint(tg_exchange_attempts_used(race.alice), ==, race.n_verdicts);
        for (guint i = 0; i < BOB; i++)
                n_attackers += race.has_info[i];
        *ret_bob_won = race.has_info[BOB];

        return n_attackers;
}

static guint
n_runs(void)
{
        const char *wanted = g_getenv("TIGRESS_RACE_RUNS");

        return wanted ? (guint)strtoul(wanted, NULL, 10) : DEFAULT_RUNS;
}

static void
test_with_pin_no_attacker_ever_wins(void)
{
        HelperRandom random = {4711};
        guint n_bob = 0, n = n_runs();

        for (guint i = 0; i < n; i++) {
                gboolean bob_won;

                g_assert_cmpuint(race_once(TG_MODE_T2_PIN, &random, &bob_won), ==, 0);
                n_bob += bob_won;
        }
        g_test_message("Bob got through in %u of %u races", n_bob, n);
        g_assert_cmpuint(n_bob, >, 0);
        g_assert_cmpuint(n_bob, <, n);
}

static void
test_without_pin_at_most_one_wins(void)
{
        HelperRandom random = {815};
        guint n_bob = 0, n_attacker = 0, n = n_runs() / 5;

        for (guint i = 0; i < n; i++) {
                gboolean bob_won;
                guint n_won = race_once(TG_MODE_T2, &random, &bob_won);

                g_assert_cmpuint(n_won + bob_won, <=, 1);
                n_bob += bob_won;
                n_attacker += n_won;
        }
        g_test_message("Bob won %u, an attacker %u of %u races", n_bob, n_attacker, n);
        g_assert_cmpuint(n_bob, >, 0);
        g_assert_cmpuint(n_attacker, >, 0);
}

/* The honest one, when an attacker had it and has let go: what he finds first is ACCEPT. */
static void
test_who_is_too_late_knows_at_first_sight(void)
{
        g_autoptr(TgSecret) secret = tg_secret_new_random(32, NULL);
        g_autoptr(TgExchange) alice = fixture_initiator(TG_MODE_T2, secret);
        g_autoptr(TgExchange) attacker = fixture_recipient(TG_MODE_T2, secret);
        g_autoptr(TgExchange) bob = fixture_recipient(TG_MODE_T2, secret);
        g_autofree char *offer = NULL;
        g_auto(TgOutput) output = {0};
        const TgInput charged = {.kind = TG_INPUT_CHARGED};

        fixture_begin(&alice, &output);
        offer = g_strdup(output.payload);
        g_assert_true(show(attacker, offer, &output));
        g_autofree char *answer = g_strdup(output.payload);
        g_assert_true(show(alice, answer, &output));
        g_assert_true(run(alice, &charged, &output));
        g_assert_cmpint(output.kind, ==, TG_OUTPUT_CONFIRMED);
        g_autofree char *accept = g_strdup(output.payload);

        g_assert_true(show(bob, accept, &output));
        g_assert_cmpint(output.kind, ==, TG_OUTPUT_IGNORED);
        g_assert_true(output.is_for_another);

        /* Who has answered an offer goes on waiting: a relay may show him anything. */
        g_assert_true(show(bob, offer, &output));
        g_assert_cmpint(output.kind, ==, TG_OUTPUT_WRITE);
        g_assert_true(show(bob, accept, &output));
        g_assert_cmpint(output.kind, ==, TG_OUTPUT_IGNORED);
        g_assert_false(output.is_for_another);
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);

        g_test_add_func("/exchange-race/with-pin-no-attacker-ever-wins",
                        test_with_pin_no_attacker_ever_wins);
        g_test_add_func("/exchange-race/without-pin-at-most-one-wins",
                        test_without_pin_at_most_one_wins);
        g_test_add_func("/exchange-race/too-late", test_who_is_too_late_knows_at_first_sight);

        return g_test_run();
}
