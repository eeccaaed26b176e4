/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The keyring in all its states: locked, without a collection, frozen, wiped,
 * restarted, absent; and its prompts, on a fake.
 */

#include <signal.h>

#include "tests/bus/keyring-fixture.h"

/* ---- states ---- */

/* Every job but unlocking; none of them may wait, prompt, or say that nothing is there. */
static void
check_unavailable(KeyringFixture *f)
{
        g_autoptr(GHashTable) attributes = g_hash_table_new(g_str_hash, g_str_equal);
        g_autoptr(TgSecret) secret = keyring_secret_of("x");

        g_hash_table_insert(attributes, (gpointer) "server", (gpointer) "a.example");
        LOCKED(tg_keyring_load_key);
        LOCKED(tg_keyring_store_key, secret);
        LOCKED(tg_keyring_load_count);
        LOCKED(tg_keyring_store_count, 1);
        LOCKED(tg_keyring_store_credential, ID_A, "x", "text/plain", secret);
        LOCKED(tg_keyring_load_credential, ID_A);
        LOCKED(tg_keyring_remove_credential, ID_A);
        LOCKED(tg_keyring_load_item, LOGIN "/1");
        LOCKED(tg_keyring_find_item, attributes);
}

static void
test_a_keyring_locked_while_we_run_is_waited_for(KeyringFixture *f, gconstpointer data)
{
        keyring_wait_for_state(f, TG_KEYRING_UNLOCKED);
        keyring_store(f, ID_A, "a", "one");
        keyring_lock();
        keyring_wait_for_state(f, TG_KEYRING_LOCKED);
        check_unavailable(f);
        keyring_unlock("password");
        keyring_wait_for_state(f, TG_KEYRING_UNLOCKED);
        FOUND("one", tg_keyring_load_credential, ID_A);
        g_assert_cmpuint(f->n_changes, ==, 3);
}

/* The lock is turned before its signal has been read: what is asked of the service
 * counts, not what was known. */
static void
test_a_lock_that_was_not_noticed_yet_is_no_empty_keyring(KeyringFixture *f, gconstpointer data)
{
        keyring_wait_for_state(f, TG_KEYRING_UNLOCKED);
        keyring_store(f, ID_A, "a", "one");
        keyring_lock();
        LOCKED(tg_keyring_load_credential, ID_B);
        keyring_unlock("password");
        keyring_wait_for_state(f, TG_KEYRING_UNLOCKED);
        FAILED(TG_ERROR_NOT_FOUND, tg_keyring_load_credential, ID_B);
        keyring_lock();
        LOCKED(tg_keyring_load_key);
}

static void
test_a_keyring_locked_from_the_start_is_locked(KeyringFixture *f, gconstpointer data)
{
        keyring_store(f, ID_A, "a", "one");
        g_clear_pointer(&f->keyring, tg_keyring_free);
        keyring_stop_service(f);
        keyring_start_service(f, NULL);
        keyring_start_client(f);
        LOCKED(tg_keyring_load_credential, ID_A); /* asked before the state is known */
        g_assert_cmpint(tg_keyring_state(f->keyring), ==, TG_KEYRING_LOCKED);
        check_unavailable(f);
        keyring_unlock("password");
        keyring_wait_for_state(f, TG_KEYRING_UNLOCKED);
        FOUND("one", tg_keyring_load_credential, ID_A);
}

static void
test_without_a_collection_nothing_is_made(KeyringFixture *f, gconstpointer data)
{
        g_autoptr(GVariant) collections = NULL;

        keyring_start_service(f, NULL); /* a fresh home */
        keyring_start_client(f);
        check_unavailable(f);
        g_assert_cmpint(tg_keyring_state(f->keyring), ==, TG_KEYRING_LOCKED);
        collections = keyring_property(PATH, "org.freedesktop.Secret.Service", "Collections");
        g_assert_cmpuint(g_variant_n_children(collections), ==, 1); /* "session" */
}

static void
test_a_wiped_keyring_is_no_empty_one(KeyringFixture *f, gconstpointer data)
{
        keyring_wait_for_state(f, TG_KEYRING_UNLOCKED);
        keyring_store(f, ID_A, "a", "one");
        g_variant_unref(keyring_call(LOGIN, "org.freedesktop.Secret.Collection", "Delete", NULL));
        LOCKED(tg_keyring_load_credential, ID_A);
        keyring_wait_for_state(f, TG_KEYRING_LOCKED);
        check_unavailable(f);
}

static void
test_a_keyring_that_was_restarted_is_used_again(KeyringFixture *f, gconstpointer data)
{
        keyring_store(f, ID_A, "a", "one");
        for (guint i = 0; i < 3; i++) {
                keyring_stop_service(f);
                keyring_wait_for_state(f, TG_KEYRING_ABSENT);
                check_unavailable(f);
                keyring_start_service(f, "password");
                keyring_wait_for_state(f, TG_KEYRING_UNLOCKED);
                FOUND("one", tg_keyring_load_credential, ID_A);
                keyring_store(f, ID_B, "b", "two");
        }
}

/* It dies with calls on the way. */
static void
test_a_keyring_that_dies_answers_every_job(KeyringFixture *f, gconstpointer data)
{
        KeyringAnswer answers[8] = {0};

        keyring_store(f, ID_A, "a", "one");
        kill(f->service, SIGSTOP);
        for (guint i = 0; i < G_N_ELEMENTS(answers); i++)
                tg_keyring_load_credential(f->keyring, ID_A, keyring_on_answer, &answers[i]);
        test_settle();
        kill(f->service, SIGKILL);
        for (guint i = 0; i < G_N_ELEMENTS(answers); i++) {
                test_wait(&answers[i].is_done);
                g_assert_error(answers[i].error, TG_ERROR, TG_ERROR_KEYRING_UNAVAILABLE);
                keyring_answer_clear(&answers[i]);
        }
}

/* Debian's service file would start a second, locked keyring in the place of the one
 * that the login has yet to start. */
static void
test_only_unlocking_starts_a_service(KeyringFixture *f, gconstpointer data)
{
        keyring_start_client(f);
        check_unavailable(f);
        g_assert_cmpint(tg_keyring_state(f->keyring), ==, TG_KEYRING_ABSENT);
        g_assert_false(keyring_is_marked());
        LOCKED(tg_keyring_unlock);
        g_assert_true(keyring_is_marked());
}

/* Frozen, in the middle of everything: a deadline, a state, and no asking again until
 * it answers. */
static void
test_a_frozen_keyring_is_silent_until_it_thaws(KeyringFixture *f, gconstpointer data)
{
        g_autoptr(TgSecret) secret = keyring_secret_of("two");

        keyring_store(f, ID_A, "a", "one");
        kill(f->service, SIGSTOP);
        LOCKED(tg_keyring_store_credential, ID_A, "a", "text/plain", secret);
        g_assert_cmpint(tg_keyring_state(f->keyring), ==, TG_KEYRING_SILENT);
        check_unavailable(f); /* at once, or this would take minutes */
        kill(f->service, SIGCONT);
        keyring_wait_for_state(f, TG_KEYRING_UNLOCKED);
        keyring_store(f, ID_A, "a", "three");
        FOUND("three", tg_keyring_load_credential, ID_A);
}

static void
test_a_keyring_frozen_from_the_start_is_silent(KeyringFixture *f, gconstpointer data)
{
        g_clear_pointer(&f->keyring, tg_keyring_free);
        kill(f->service, SIGSTOP);
        keyring_start_client(f);
        keyring_wait_for_state(f, TG_KEYRING_SILENT); /* though no job has asked for anything */
        LOCKED(tg_keyring_load_key);
        kill(f->service, SIGCONT);
        keyring_wait_for_state(f, TG_KEYRING_UNLOCKED);
        FAILED(TG_ERROR_NOT_FOUND, tg_keyring_load_key);
}

static void
test_without_a_prompter_unlocking_fails_soon(KeyringFixture *f, gconstpointer data)
{
        keyring_wait_for_state(f, TG_KEYRING_UNLOCKED);
        keyring_lock();
        keyring_wait_for_state(f, TG_KEYRING_LOCKED);
        LOCKED(tg_keyring_unlock);
        g_assert_cmpint(tg_keyring_state(f->keyring), ==, TG_KEYRING_LOCKED);
        keyring_unlock("password");
        DONE(tg_keyring_unlock);
        g_assert_cmpint(tg_keyring_state(f->keyring), ==, TG_KEYRING_UNLOCKED);
}

static void
test_a_cancelled_job_is_never_heard_of(KeyringFixture *f, gconstpointer data)
{
        KeyringAnswer answer = {0};
        TgKeyringJob *job;

        tg_keyring_job_cancel(tg_keyring_load_key(f->keyring, keyring_on_answer, &answer));
        keyring_wait_for_state(f, TG_KEYRING_UNLOCKED);
        kill(f->service, SIGSTOP);
        job = tg_keyring_load_key(f->keyring, keyring_on_answer, &answer);
        test_settle();
        tg_keyring_job_cancel(job);
        tg_keyring_load_key(f->keyring, keyring_on_answer, &answer);
        test_settle();
        tg_keyring_free(f->keyring); /* with a job on the way */
        kill(f->service, SIGCONT);
        keyring_start_client(f);
        FAILED(TG_ERROR_NOT_FOUND, tg_keyring_load_key);
        g_assert_false(answer.is_done);
}

/* ---- prompts, on the fake ---- */

static void
test_unlocking_shows_the_prompt_and_waits(KeyringFixture *f, gconstpointer data)
{
        f->fake->is_locked = TRUE;
        f->fake->wants_prompt = TRUE;
        DONE(tg_keyring_unlock);
        g_assert_cmpuint(f->fake->n_prompts, ==, 1);
        g_assert_cmpint(tg_keyring_state(f->keyring), ==, TG_KEYRING_UNLOCKED);
        DONE(tg_keyring_unlock); /* it is: nobody is asked */
        g_assert_cmpuint(f->fake->n_prompts, ==, 1);
}

static void
test_a_dismissed_prompt_is_a_no(KeyringFixture *f, gconstpointer data)
{
        f->fake->is_locked = TRUE;
        f->fake->wants_prompt = TRUE;
        f->fake->prompt = FAKE_PROMPT_IS_DISMISSED;
        LOCKED(tg_keyring_unlock);
        g_assert_cmpuint(f->fake->n_prompts, ==, 1);
        g_assert_cmpuint(f->fake->n_dismissed, ==, 0);
}

/* The real service aborts when an open dialog is dismissed. */
static void
test_an_open_prompt_outlives_its_job(KeyringFixture *f, gconstpointer data)
{
        KeyringAnswer answer = {0};
        KeyringAnswer next = {0};
        TgKeyringJob *job;

        f->fake->is_locked = TRUE;
        f->fake->wants_prompt = TRUE;
        f->fake->prompt = FAKE_PROMPT_STAYS_OPEN;
        job = tg_keyring_unlock(f->keyring, keyring_on_answer, &answer);
        test_wait_count(&f->fake->n_prompts, 1);
        tg_keyring_job_cancel(job);

        /* What comes later on the same connection has been overtaken by nothing. */
        f->fake->prompt = FAKE_PROMPT_IS_DISMISSED;
        tg_keyring_unlock(f->keyring, keyring_on_answer, &next);
        test_wait(&next.is_done);
        g_assert_cmpuint(f->fake->n_prompts, ==, 2);
        g_assert_cmpuint(f->fake->n_dismissed, ==, 0);
        g_assert_false(answer.is_done);
        keyring_answer_clear(&next);
}

static void
test_a_late_yes_counts(KeyringFixture *f, gconstpointer data)
{
        g_auto(KeyringAnswer) answer = {0};

        f->fake->is_locked = TRUE;
        f->fake->wants_prompt = TRUE;
        f->fake->prompt = FAKE_PROMPT_STAYS_OPEN;
        tg_keyring_unlock(f->keyring, keyring_on_answer, &answer);
        test_wait_count(&f->fake->n_prompts, 1);
        LOCKED(tg_keyring_load_key); /* others do not wait for a person */
        fake_keyring_complete_prompt(f->fake, FALSE);
        test_wait(&answer.is_done);
        g_assert_no_error(answer.error);
}

/* A dialog that was closed in favour of the login screen's, say. */
static void
test_a_service_that_dies_at_the_prompt_is_a_no(KeyringFixture *f, gconstpointer data)
{
        g_auto(KeyringAnswer) answer = {0};

        f->fake->is_locked = TRUE;
        f->fake->wants_prompt = TRUE;
        f->fake->prompt = FAKE_PROMPT_STAYS_OPEN;
        tg_keyring_unlock(f->keyring, keyring_on_answer, &answer);
        test_wait_count(&f->fake->n_prompts, 1);
        g_clear_pointer(&f->fake, fake_keyring_free);
        test_wait(&answer.is_done);
        g_assert_error(answer.error, TG_ERROR, TG_ERROR_KEYRING_UNAVAILABLE);
}

static void
test_a_missing_collection_is_made_by_the_user_alone(KeyringFixture *f, gconstpointer data)
{
        f->fake->has_collection = FALSE;
        f->fake->wants_prompt = TRUE;
        check_unavailable(f);
        g_assert_cmpuint(f->fake->n_prompts + f->fake->n_collections, ==, 0);
        DONE(tg_keyring_unlock);
        g_assert_cmpuint(f->fake->n_collections, ==, 1);
        g_assert_cmpuint(f->fake->n_prompts, ==, 1);
}

/* A service may want to ask before it stores or removes. Not when nobody acted. */
static void
test_a_prompt_that_nobody_asked_for_is_dismissed(KeyringFixture *f, gconstpointer data)
{
        static const FakeItem items[] = {
                {"x", 1}
        };
        g_autoptr(TgSecret) secret = keyring_secret_of("x");

        f->fake->wants_prompt = TRUE;
        f->fake->items = items;
        f->fake->n_items = G_N_ELEMENTS(items);
        LOCKED(tg_keyring_store_credential, ID_A, "x", "text/plain", secret);
        LOCKED(tg_keyring_remove_credential, ID_A);
        test_wait_count(&f->fake->n_dismissed, 2);
        g_assert_cmpuint(f->fake->n_prompts, ==, 0);
}

static void
test_of_several_keys_the_oldest_counts(KeyringFixture *f, gconstpointer data)
{
        static const FakeItem items[] = {
                {"new",   2000},
                {"old",   1000},
                {"newer", 3000}
        };

        f->fake->items = items;
        f->fake->n_items = G_N_ELEMENTS(items);
        FOUND("old", tg_keyring_load_key);
}

int
main(int argc, char **argv)
{
        keyring_init(&argc, &argv);

        KEYRING_ADD("a-keyring-locked-while-we-run-is-waited-for",
                    keyring_set_up_unlocked,
                    test_a_keyring_locked_while_we_run_is_waited_for);
        KEYRING_ADD("a-lock-that-was-not-noticed-yet-is-no-empty-keyring",
                    keyring_set_up_unlocked,
                    test_a_lock_that_was_not_noticed_yet_is_no_empty_keyring);
        KEYRING_ADD("a-keyring-locked-from-the-start-is-locked",
                    keyring_set_up_unlocked,
                    test_a_keyring_locked_from_the_start_is_locked);
        KEYRING_ADD("without-a-collection-nothing-is-made",
                    keyring_set_up,
                    test_without_a_collection_nothing_is_made);
        KEYRING_ADD("a-wiped-keyring-is-no-empty-one",
                    keyring_set_up_unlocked,
                    test_a_wiped_keyring_is_no_empty_one);
        KEYRING_ADD("a-keyring-that-was-restarted-is-used-again",
                    keyring_set_up_unlocked,
                    test_a_keyring_that_was_restarted_is_used_again);
        KEYRING_ADD("a-keyring-that-dies-answers-every-job",
                    keyring_set_up_unlocked,
                    test_a_keyring_that_dies_answers_every_job);
        KEYRING_ADD("only-unlocking-starts-a-service",
                    keyring_set_up,
                    test_only_unlocking_starts_a_service);
        KEYRING_ADD("a-frozen-keyring-is-silent-until-it-thaws",
                    keyring_set_up_unlocked,
                    test_a_frozen_keyring_is_silent_until_it_thaws);
        KEYRING_ADD("a-keyring-frozen-from-the-start-is-silent",
                    keyring_set_up_unlocked,
                    test_a_keyring_frozen_from_the_start_is_silent);
        KEYRING_ADD("without-a-prompter-unlocking-fails-soon",
                    keyring_set_up_unlocked,
                    test_without_a_prompter_unlocking_fails_soon);
        KEYRING_ADD("a-cancelled-job-is-never-heard-of",
                    keyring_set_up_unlocked,
                    test_a_cancelled_job_is_never_heard_of);
        KEYRING_ADD("unlocking-shows-the-prompt-and-waits",
                    keyring_set_up_fake,
                    test_unlocking_shows_the_prompt_and_waits);
        KEYRING_ADD(
                "a-dismissed-prompt-is-a-no", keyring_set_up_fake, test_a_dismissed_prompt_is_a_no);
        KEYRING_ADD("an-open-prompt-outlives-its-job",
                    keyring_set_up_fake,
                    test_an_open_prompt_outlives_its_job);
        KEYRING_ADD("a-late-yes-counts", keyring_set_up_fake, test_a_late_yes_counts);
        KEYRING_ADD("a-service-that-dies-at-the-prompt-is-a-no",
                    keyring_set_up_fake,
                    test_a_service_that_dies_at_the_prompt_is_a_no);
        KEYRING_ADD("a-missing-collection-is-made-by-the-user-alone",
                    keyring_set_up_fake,
                    test_a_missing_collection_is_made_by_the_user_alone);
        KEYRING_ADD("a-prompt-that-nobody-asked-for-is-dismissed",
                    keyring_set_up_fake,
                    test_a_prompt_that_nobody_asked_for_is_dismissed);
        KEYRING_ADD("of-several-keys-the-oldest-counts",
                    keyring_set_up_fake,
                    test_of_several_keys_the_oldest_counts);

        return keyring_run();
}
