/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who waits for whose dialog, with a polkit that takes any time. */

#include "protocol/error.h"
#include "protocol/limits.h"
#include "tests/bus/fake-polkit.h"

/* ---- the queue ---- */

static void
test_dialogs_come_one_after_the_other(void)
{
        g_autoptr(PolkitWorld) world = polkit_world_new();
        g_auto(CheckOutcome) outcome = {};
        g_auto(CheckOutcome) aside = {};

        for (guint i = 0; i < 3; i++)
                start_check(world, TRUE, &outcome);
        for (guint i = 0; i < 3; i++) {
                sd_bus_message *question = last_question(world, i + 1 + (i > 0));

                test_settle();
                g_assert_cmpuint(world->n_questions, ==, i + 1 + (i > 0)); /* no other yet */

                /* Where nobody is asked nobody has to wait. */
                if (i == 0) {
                        start_check(world, FALSE, &aside);
                        answer_question(world, last_question(world, 2), TRUE, FALSE);
                        test_wait_count(&aside.n, 1);
                        g_assert_no_error(aside.error);
                }

                answer_question(world, question, TRUE, FALSE);
                test_wait_count(&outcome.n, i + 1);
                g_assert_no_error(outcome.error);
        }
}

static void
test_too_many_questions_are_refused(void)
{
        g_autoptr(PolkitWorld) world = polkit_world_new();
        g_auto(CheckOutcome) outcome = {};
        g_auto(CheckOutcome) refused = {};
        g_autoptr(GError) full = NULL;
        TgAuthorityCheck *checks[TG_MAX_WAITING_DIALOGS + 1];

        for (gsize i = 0; i < G_N_ELEMENTS(checks); i++)
                checks[i] = start_check(world, TRUE, &outcome);
        for (gsize i = 0; i < 2; i++) {
                start_check(world, i == 0, &refused); /* asking nobody costs polkit as much */
                test_wait_count(&refused.n, 1);
                g_assert_error(refused.error, TG_ERROR, TG_ERROR_LIMIT_REACHED);
                check_outcome_clear(&refused);
        }
        g_assert_false(tg_authority_has_room(world->authority, world->caller, &full));
        g_assert_error(full, TG_ERROR, TG_ERROR_LIMIT_REACHED);
        last_question(world, 1);
        test_settle();
        g_assert_cmpuint(outcome.n, ==, 0); /* those that wait go on waiting */
        g_assert_cmpuint(world->n_questions, ==, 1);

        /* One less, and there is room again. */
        tg_authority_check_cancel(checks[4]);
        g_assert_true(tg_authority_has_room(world->authority, world->caller, NULL));
        checks[4] = start_check(world, TRUE, &outcome);
        for (guint i = 0; i < G_N_ELEMENTS(checks); i++) {
                answer_question(world, last_question(world, i + 1), i % 2 == 0, FALSE);
                test_wait_count(&outcome.n, i + 1);
        }
        test_settle();
        g_assert_cmpuint(world->n_questions, ==, G_N_ELEMENTS(checks));
}

typedef struct {
        PolkitWorld *world;
        CheckOutcome outcome;
        gboolean is_done;
} Chain;

/* A callback may ask again, or end it all. */
static void
on_first_decided(const GError *error, gpointer user_data)
{
        Chain *chain = user_data;

        g_assert_no_error(error);
        g_clear_pointer(&chain->world->authority, tg_authority_free);
        chain->is_done = TRUE;
}

static void
test_a_callback_may_end_the_authority(void)
{
        g_autoptr(PolkitWorld) world = polkit_world_new();
        Chain chain = {.world = world};

        tg_authority_check(world->authority,
                           world->caller,
                           "org.tigress.wallet.share",
                           TRUE,
                           on_first_decided,
                           &chain);
        answer_question(world, last_question(world, 1), TRUE, FALSE);
        test_wait(&chain.is_done);
}

int
main(int argc, char **argv)
{
        test_init(&argc, &argv);
        g_test_add_func("/dialogs/dialogs-come-one-after-the-other",
                        test_dialogs_come_one_after_the_other);
        g_test_add_func("/dialogs/too-many-questions-are-refused",
                        test_too_many_questions_are_refused);
        g_test_add_func("/dialogs/a-callback-may-end-the-authority",
                        test_a_callback_may_end_the_authority);
        return test_run();
}
