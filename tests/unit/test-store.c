/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The store on a real file: what it keeps, and what it refuses when somebody has
 * changed the file.
 */

#include <string.h>
#include <unistd.h>

#include "tests/unit/flushes.h"
#include "tests/unit/store-fixture.h"

/* ---- keeping ---- */

static void
test_what_was_saved_is_there_after_a_restart(StoreFixture *f, gconstpointer data)
{
        g_auto(TgShareRow) row = store_row_new(ID_A, TG_STATE_CLAIMING);
        g_auto(TgShareRow) loaded = {0};
        g_autoptr(TgSecret) detail = NULL;
        g_autoptr(GError) error = NULL;

        store_save(f, &row, "first", "the body");
        store_save_new(f, ID_B, TG_STATE_COMPLETED, "done", NULL);
        row.state = TG_STATE_EXCHANGING;
        store_save(f, &row, "second", NULL);
        g_assert_cmpuint(row.version, ==, 2);

        g_assert_cmpint(store_reopen(f), ==, TG_STORE_KEY_FITS);
        store_assert_rows(f, "00 exchanging second 2;f0 completed done 1;");
        store_assert_body(f, ID_A, "the body");
        store_assert_body(f, ID_B, NULL);

        g_assert_true(tg_store_load_share(f->store, ID_A, &loaded, &detail, &error));
        g_assert_cmpint(loaded.role, ==, TG_ROLE_RECIPIENT);
        g_assert_cmpint(loaded.created_s, ==, 1000);
        g_assert_cmpint(loaded.expires_s, ==, 2000);
        g_assert_cmpstr((const char *)tg_secret_get(detail, NULL), ==, "second");
}

static void
test_a_body_is_replaced_removed_and_goes_with_the_end(StoreFixture *f, gconstpointer data)
{
        g_auto(TgShareRow) row = store_row_new(ID_A, TG_STATE_CLAIMING);

        store_save(f, &row, "x", "one");
        store_save(f, &row, "x", "two");
        store_assert_body(f, ID_A, "two");
        store_save(f, &row, "x", "");
        store_assert_body(f, ID_A, NULL);
        store_save(f, &row, "x", "three");
        row.state = TG_STATE_COMPLETED;
        row.ended_s = 1500;
        row.is_busy = TRUE;
        store_save(f, &row, "x", NULL);
        store_reopen(f);
        store_assert_body(f, ID_A, "three");
        row.is_busy = FALSE;
        store_save(f, &row, "x", NULL);
        store_assert_body(f, ID_A, NULL);
        store_tamper(f,
                     "CREATE TABLE t (n CHECK (n = 0)); INSERT INTO t SELECT count(*) FROM body");
}

static void
test_a_save_is_one_flush(StoreFixture *f, gconstpointer data)
{
        g_auto(TgShareRow) row = store_row_new(ID_A, TG_STATE_CLAIMING);

        store_save(f, &row, "x", "body"); /* the first after the log was emptied is two */
        n_flushes = 0;
        for (guint i = 0; i < 10; i++)
                store_save(f, &row, "x", i % 2 ? "body" : NULL);
        g_assert_cmpuint(n_flushes, ==, 10);
}

static void
test_calls_nest_into_a_transaction(StoreFixture *f, gconstpointer data)
{
        g_autoptr(TgSecret) detail = helper_secret("x");
        g_auto(TgShareRow) row = store_row_new(ID_A, TG_STATE_CLAIMING);
        TgCredentialRow credential = {.id = (char *)ID_B, .share_id = (char *)ID_A};
        g_autoptr(GError) error = NULL;

        g_assert_true(tg_store_begin(f->store, &error));
        g_assert_true(tg_store_save_share(f->store, &row, detail, detail, &error));
        g_assert_true(tg_store_save_credential(f->store, &credential, detail, &error));
        g_assert_true(tg_store_set_count(f->store, 7, &error));
        tg_store_rollback(f->store);
        g_assert_cmpuint(tg_store_count(f->store), ==, 0);
        store_assert_rows(f, "");
        store_assert_body(f, ID_A, NULL);

        n_flushes = 0;
        g_assert_true(tg_store_begin(f->store, &error));
        g_assert_true(tg_store_save_share(f->store, &row, detail, detail, &error));
        g_assert_true(tg_store_set_count(f->store, 7, &error));
        g_assert_true(tg_store_commit(f->store, &error));
        store_reopen(f);
        g_assert_cmpuint(tg_store_count(f->store), ==, 7);
        store_assert_rows(f, "00 claiming x 2;");
}

static guint n_credentials;

static void
check_credential(const TgCredentialRow *row, TgSecret *detail, gpointer user_data)
{
        const char *expected = user_data;

        n_credentials++;
        g_assert_cmpstr(row->share_id, ==, ID_A);
        g_assert_cmpint(row->received_s, ==, 5);
        if (expected)
                g_assert_cmpstr((const char *)tg_secret_get(detail, NULL), ==, expected);
        else
                g_assert_null(detail);
}

static void
test_credentials_are_kept_and_removed(StoreFixture *f, gconstpointer data)
{
        g_autoptr(TgSecret) first = helper_secret("one");
        g_autoptr(TgSecret) second = helper_secret("two");
        TgCredentialRow row = {.id = (char *)ID_B, .share_id = (char *)ID_A, .received_s = 5};
        g_autoptr(GError) error = NULL;

        g_assert_true(tg_store_save_credential(f->store, &row, first, &error));
        g_assert_true(tg_store_save_credential(f->store, &row, second, &error));
        g_assert_true(tg_store_has_sealed(f->store));
        g_assert_cmpint(store_reopen(f), ==, TG_STORE_KEY_FITS);
        n_credentials = 0;
        g_assert_true(
                tg_store_each_credential(f->store, check_credential, (gpointer) "two", &error));
        g_assert_cmpuint(n_credentials, ==, 1);

        store_tamper(f, "UPDATE credential SET id = '" ID_A "'");
        store_open(f);
        tg_store_set_key(f->store, f->key);
        g_assert_true(tg_store_each_credential(f->store, check_credential, NULL, &error));
        g_assert_true(tg_store_remove_credential(f->store, ID_A, &error));
        n_credentials = 0;
        g_assert_true(tg_store_each_credential(f->store, check_credential, NULL, &error));
        g_assert_cmpuint(n_credentials, ==, 0);
}

static void
test_an_ended_link_is_known_for_its_time(StoreFixture *f, gconstpointer data)
{
        gint64 now_s = g_get_real_time() / G_USEC_PER_SEC;
        g_autoptr(TgSecret) link = helper_secret("https://relay.example/" CANARY);
        g_autoptr(TgSecret) other = helper_secret("https://relay.example/other");
        g_autoptr(GError) error = NULL;
        guint8 digest[32];
        guint8 again[32];

        g_assert_true(tg_store_link_digest(f->store, link, digest, &error));
        g_assert_true(tg_store_add_link(f->store, digest, now_s + 100, &error));
        store_reopen(f);
        g_assert_true(tg_store_link_digest(f->store, link, again, &error));
        g_assert_cmpmem(digest, 32, again, 32);
        g_assert_true(tg_store_has_link(f->store, again, now_s + 99));
        g_assert_false(tg_store_has_link(f->store, again, now_s + 100));
        g_assert_true(tg_store_link_digest(f->store, other, again, &error));
        g_assert_false(tg_store_has_link(f->store, again, now_s));

        /* A shorter time later does not shorten the first; what is past is dropped. */
        g_assert_true(tg_store_add_link(f->store, digest, now_s + 50, &error));
        g_assert_true(tg_store_has_link(f->store, digest, now_s + 99));
        g_assert_true(tg_store_add_link(f->store, again, now_s - 1, &error));
        g_assert_true(tg_store_add_link(f->store, digest, now_s, &error));
        store_tamper(f,
                     "CREATE TABLE t (n CHECK (n = 1)); INSERT INTO t SELECT count(*) FROM link");
}

/* ---- the key ---- */

static void
test_without_the_key_only_the_clear_part_is_read(StoreFixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        store_save_new(f, ID_A, TG_STATE_CLAIMING, "x", "body");
        store_close(f);
        store_open(f);
        g_assert_false(tg_store_has_key(f->store));
        g_assert_true(tg_store_has_sealed(f->store));
        store_assert_rows(f, "00 claiming - 1;");

        /* Nothing sealed is lost by a save without the key. */
        {
                g_auto(TgShareRow) row = store_row_new(ID_A, TG_STATE_CLAIMING);

                g_assert_false(tg_store_save_share(f->store, &row, NULL, NULL, &error));
                g_assert_error(error, TG_ERROR, TG_ERROR_FAILED);
        }
        tg_store_set_key(f->store, f->key);
        store_assert_rows(f, "00 claiming x 1;");
}

static void
test_a_share_ends_without_the_key(StoreFixture *f, gconstpointer data)
{
        g_auto(TgShareRow) row = store_row_new(ID_A, TG_STATE_CANCELLED);
        g_autoptr(GError) error = NULL;

        store_save_new(f, ID_A, TG_STATE_CLAIMING, "x", "body");
        store_close(f);
        store_open(f);
        row.is_busy = TRUE;
        g_assert_true(tg_store_end_share(f->store, &row, &error));
        store_close(f);
        store_open(f);
        store_assert_rows(f, "00 cancelled - 1;");
        tg_store_set_key(f->store, f->key);
        store_assert_rows(f, "00 cancelled x 1;");
        store_assert_body(f, ID_A, "body");
}

/* Of what stands in the clear an end counts, and nothing else. */
static void
test_the_clear_column_cannot_revive_or_complete(StoreFixture *f, gconstpointer data)
{
        store_save_new(f, ID_A, TG_STATE_CLAIMING, "x", NULL);
        store_save_new(f, ID_B, TG_STATE_CANCELLED, "y", NULL);
        store_tamper(f,
                     "UPDATE share SET state = 'completed', ended = 9 WHERE id = '" ID_A "';"
                     "UPDATE share SET state = 'claiming', ended = 0 WHERE id = '" ID_B "'");
        store_open(f);
        tg_store_set_key(f->store, f->key);
        store_assert_rows(f, "00 claiming x 1;f0 cancelled y 1;");
}

static void
test_another_key_opens_nothing(StoreFixture *f, gconstpointer data)
{
        g_autoptr(TgSecret) other = helper_secret_filled('o', 32);
        g_autoptr(TgSecret) detail = helper_secret("x");
        TgCredentialRow credential = {
                .id = (char *)ID_B, .share_id = (char *)ID_A, .received_s = 5};
        g_autoptr(GError) error = NULL;
        guint8 digest[32];

        store_save_new(f, ID_A, TG_STATE_CLAIMING, "x", "body");
        store_save_new(f, ID_B, TG_STATE_COMPLETED, "y", NULL);
        g_assert_true(tg_store_save_credential(f->store, &credential, detail, &error));
        g_assert_true(tg_store_link_digest(f->store, detail, digest, &error));
        g_assert_true(tg_store_add_link(f->store, digest, G_MAXINT64, &error));
        store_close(f);
        store_open(f);
        g_assert_cmpint(tg_store_set_key(f->store, other), ==, TG_STORE_KEY_OTHER);
        g_assert_false(tg_store_has_key(f->store));

        g_assert_true(tg_store_start_over(f->store, TG_STATE_FAILED, &error));
        g_assert_true(tg_store_has_key(f->store));
        store_assert_rows(f, "00 failed - 1;f0 completed - 1;");
        store_assert_body(f, ID_A, NULL);
        g_assert_false(tg_store_has_link(f->store, digest, 0));
        g_assert_true(tg_store_each_credential(f->store, check_credential, NULL, &error));

        g_assert_cmpint(
                store_reopen(f), ==, TG_STORE_KEY_OTHER); /* the first key is the other now */
        g_assert_cmpint(tg_store_set_key(f->store, other), ==, TG_STORE_KEY_FITS);
        store_assert_rows(f, "00 failed - 1;f0 completed - 1;");
}

static void
test_starting_over_keeps_the_history_of_the_same_key(StoreFixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        store_save_new(f, ID_A, TG_STATE_CLAIMING, "x", "body");
        store_save_new(f, ID_B, TG_STATE_COMPLETED, "y", NULL);
        g_assert_true(tg_store_start_over(f->store, TG_STATE_FAILED, &error));
        g_assert_cmpint(store_reopen(f), ==, TG_STORE_KEY_FITS);
        store_assert_rows(f, "00 failed - 1;f0 completed y 1;");
}

/* ---- tampering ---- */

static void
check_tampering(StoreFixture *f, const char *sql, const char *expected)
{
        store_tamper(f, sql);
        store_open(f);
        g_assert_cmpint(tg_store_set_key(f->store, f->key), ==, TG_STORE_KEY_FITS);
        store_assert_rows(f, expected);
}

static void
test_swapped_rows_are_refused(StoreFixture *f, gconstpointer data)
{
        store_save_new(f, ID_A, TG_STATE_CLAIMING, "x", NULL);
        store_save_new(f, ID_B, TG_STATE_CLAIMING, "y", NULL);
        check_tampering(f,
                        "CREATE TABLE t AS SELECT id, detail FROM share;"
                        "UPDATE share SET detail ="
                        " (SELECT detail FROM t WHERE t.id <> share.id)",
                        "00 claiming ! 1;f0 claiming ! 1;");
}

static void
test_swapped_history_is_refused(StoreFixture *f, gconstpointer data)
{
        store_save_new(f, ID_A, TG_STATE_CANCELLED, "x", NULL);
        store_save_new(f, ID_B, TG_STATE_COMPLETED, "y", NULL);
        check_tampering(f,
                        "CREATE TABLE t AS SELECT id, detail FROM share;"
                        "UPDATE share SET detail ="
                        " (SELECT detail FROM t WHERE t.id <> share.id)",
                        "00 cancelled ! 1;f0 completed ! 1;");
}

static void
test_a_row_under_another_id_is_refused(StoreFixture *f, gconstpointer data)
{
        store_save_new(f, ID_A, TG_STATE_CLAIMING, "x", NULL);
        check_tampering(f, "UPDATE share SET id = '" ID_B "'", "f0 claiming ! 1;00 failed ! 1;");
}

static void
test_a_missing_row_is_noticed(StoreFixture *f, gconstpointer data)
{
        store_save_new(f, ID_A, TG_STATE_CLAIMING, "x", NULL);
        check_tampering(f, "DELETE FROM share", "00 failed ! 1;");
}

static void
test_a_missing_seal_is_noticed(StoreFixture *f, gconstpointer data)
{
        store_save_new(f, ID_A, TG_STATE_CLAIMING, "x", NULL);
        check_tampering(f, "UPDATE share SET detail = NULL", "00 claiming ! 1;");
}

static void
test_changed_clear_columns_are_refused(StoreFixture *f, gconstpointer data)
{
        static const char *const changes[] = {
                "role = 0", "created = 1001", "expires = 2001", "version = version + 1"};

        for (gsize i = 0; i < G_N_ELEMENTS(changes); i++) {
                g_autofree char *sql = g_strconcat("UPDATE share SET ", changes[i], NULL);
                g_autoptr(GString) rows = g_string_new(NULL);

                store_save_new(f, ID_A, TG_STATE_CLAIMING, "x", NULL);
                store_tamper(f, sql);
                store_open(f);
                tg_store_set_key(f->store, f->key);
                g_assert_true(tg_store_each_share(f->store, store_add_row, rows, NULL));
                g_assert_nonnull(strstr(rows->str, "!"));
                g_assert_true(tg_store_forget_share(f->store, ID_A, NULL));
        }
}

/* A row as it was, in every column: its seal opens, but the head knows better. */
static void
test_an_old_row_is_refused(StoreFixture *f, gconstpointer data)
{
        g_auto(TgShareRow) row = store_row_new(ID_A, TG_STATE_CLAIMING);

        store_save(f, &row, "old", "old body");
        store_tamper(f,
                     "CREATE TABLE a AS SELECT * FROM share; CREATE TABLE b AS SELECT * FROM body");
        store_open(f);
        tg_store_set_key(f->store, f->key);
        store_save(f, &row, "new", "new body");
        check_tampering(f,
                        "PRAGMA foreign_keys = OFF;"
                        "REPLACE INTO share SELECT * FROM a;",
                        "00 claiming ! 2;");
        store_assert_body(f, ID_A, "new body");
        check_tampering(f, "REPLACE INTO body SELECT * FROM b", "00 claiming ! 2;");
        store_assert_body_refused(f, ID_A);
}

static void
test_an_ended_share_is_not_revived_by_its_old_row(StoreFixture *f, gconstpointer data)
{
        g_auto(TgShareRow) row = store_row_new(ID_A, TG_STATE_CLAIMING);

        store_save(f, &row, "x", NULL);
        store_tamper(f, "CREATE TABLE a AS SELECT * FROM share");
        store_open(f);
        tg_store_set_key(f->store, f->key);
        row.state = TG_STATE_CANCELLED;
        row.ended_s = 1500;
        store_save(f, &row, "x", NULL);
        check_tampering(f, "REPLACE INTO share SELECT * FROM a", "00 claiming ! 1;");
}

static void
test_swapped_bodies_are_refused(StoreFixture *f, gconstpointer data)
{
        store_save_new(f, ID_A, TG_STATE_CLAIMING, "x", "body of a");
        store_save_new(f, ID_B, TG_STATE_CLAIMING, "y", "body of b");
        check_tampering(f,
                        "CREATE TABLE t AS SELECT share_id, sealed FROM body;"
                        "UPDATE body SET sealed ="
                        " (SELECT sealed FROM t WHERE t.share_id <> body.share_id)",
                        "00 claiming x 1;f0 claiming y 1;");
        store_assert_body_refused(f, ID_A);
        store_assert_body_refused(f, ID_B);
        store_tamper(f, "DELETE FROM body");
        store_open(f);
        tg_store_set_key(f->store, f->key);
        store_assert_body_refused(f, ID_A);
}

static void
test_a_changed_head_fits_no_key(StoreFixture *f, gconstpointer data)
{
        store_save_new(f, ID_A, TG_STATE_CLAIMING, "x", NULL);
        store_tamper(f, "UPDATE head SET version = version + 1");
        store_open(f);
        g_assert_cmpint(tg_store_set_key(f->store, f->key), ==, TG_STORE_KEY_OTHER);
        store_tamper(f, "DELETE FROM head");
        store_open(f);
        g_assert_cmpint(tg_store_set_key(f->store, f->key), ==, TG_STORE_KEY_OTHER);
}

/* The head of an older time with the rows of now: what was saved since is in doubt. */
static void
test_an_old_head_fits_no_new_row(StoreFixture *f, gconstpointer data)
{
        g_auto(TgShareRow) row = store_row_new(ID_A, TG_STATE_CLAIMING);

        store_save(f, &row, "old", NULL);
        store_tamper(f, "CREATE TABLE a AS SELECT * FROM head");
        store_open(f);
        tg_store_set_key(f->store, f->key);
        store_save(f, &row, "new", NULL);
        check_tampering(f, "REPLACE INTO head SELECT * FROM a", "00 claiming ! 2;");
}

/* The caller compares the count with the keyring's. */
static void
test_an_old_file_has_an_old_count(StoreFixture *f, gconstpointer data)
{
        g_autofree char *old = NULL;
        gsize n_old;
        g_autoptr(GError) error = NULL;

        store_save_new(f, ID_A, TG_STATE_CLAIMING, "x", NULL);
        g_assert_true(tg_store_set_count(f->store, 1, &error));
        store_close(f);
        g_assert_true(g_file_get_contents(f->path, &old, &n_old, &error));
        g_assert_cmpint(store_reopen(f), ==, TG_STORE_KEY_FITS);
        g_assert_true(tg_store_set_count(f->store, 2, &error));
        store_close(f);
        g_assert_true(g_file_set_contents_full(
                f->path, old, (gssize)n_old, G_FILE_SET_CONTENTS_NONE, 0600, &error));
        g_assert_cmpint(store_reopen(f), ==, TG_STORE_KEY_FITS);
        g_assert_cmpuint(tg_store_count(f->store), ==, 1);
}

/* A change that failed inside a transaction is not kept with the rest of it. */
static void
test_a_failed_call_dooms_its_transaction(StoreFixture *f, gconstpointer data)
{
        g_auto(TgShareRow) row = store_row_new(ID_A, TG_STATE_CLAIMING);
        g_auto(TgShareRow) bare = store_row_new(ID_B, TG_STATE_CLAIMING);
        g_autoptr(TgSecret) detail = helper_secret("x");
        g_autoptr(GError) error = NULL;

        store_save(f, &bare, "y", NULL);
        g_assert_true(tg_store_begin(f->store, NULL));
        g_assert_true(tg_store_save_share(f->store, &row, detail, NULL, NULL));
        g_assert_false(tg_store_save_share(f->store, &bare, NULL, NULL, NULL));
        g_assert_false(tg_store_commit(f->store, &error));
        g_assert_error(error, TG_ERROR, TG_ERROR_FAILED);
        tg_store_rollback(f->store); /* allowed, and nothing */
        store_assert_rows(f, "f0 claiming y 1;");
        store_reopen(f);
        store_assert_rows(f, "f0 claiming y 1;");
}

/* ---- much ---- */

static void
count_row(const TgShareRow *row, TgSecret *detail, const GError *error, gpointer user_data)
{
        guint *n_rows = user_data;

        g_assert_no_error(error);
        g_assert_nonnull(detail);
        ++*n_rows;
}

static void
test_ten_thousand_ended_shares_are_read(StoreFixture *f, gconstpointer data)
{
        g_autofree char *detail = g_strnfill(400, 'd');
        guint n_rows = 0;
        gint64 start_us;

        g_assert_true(tg_store_begin(f->store, NULL));
        for (guint i = 0; i < 10000; i++) {
                g_autofree char *id = g_strdup_printf("%032x", i);

                store_save_new(
                        f, id, i < 1000 ? TG_STATE_CLAIMING : TG_STATE_COMPLETED, detail, NULL);
        }
        g_assert_true(tg_store_commit(f->store, NULL));
        store_close(f);
        start_us = g_get_monotonic_time();
        store_reopen(f);
        g_assert_true(tg_store_each_share(f->store, count_row, &n_rows, NULL));
        g_assert_cmpuint(n_rows, ==, 10000);
        g_test_message("opened and read in %.1f ms",
                       (double)(g_get_monotonic_time() - start_us) / 1000);
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);

        STORE_ADD("what-was-saved-is-there-after-a-restart",
                  test_what_was_saved_is_there_after_a_restart);
        STORE_ADD("a-body-is-replaced-removed-and-goes-with-the-end",
                  test_a_body_is_replaced_removed_and_goes_with_the_end);
        STORE_ADD("a-save-is-one-flush", test_a_save_is_one_flush);
        STORE_ADD("calls-nest-into-a-transaction", test_calls_nest_into_a_transaction);
        STORE_ADD("credentials-are-kept-and-removed", test_credentials_are_kept_and_removed);
        STORE_ADD("an-ended-link-is-known-for-its-time", test_an_ended_link_is_known_for_its_time);
        STORE_ADD("without-the-key-only-the-clear-part-is-read",
                  test_without_the_key_only_the_clear_part_is_read);
        STORE_ADD("a-share-ends-without-the-key", test_a_share_ends_without_the_key);
        STORE_ADD("the-clear-column-cannot-revive-or-complete",
                  test_the_clear_column_cannot_revive_or_complete);
        STORE_ADD("another-key-opens-nothing", test_another_key_opens_nothing);
        STORE_ADD("starting-over-keeps-the-history-of-the-same-key",
                  test_starting_over_keeps_the_history_of_the_same_key);
        STORE_ADD("swapped-rows-are-refused", test_swapped_rows_are_refused);
        STORE_ADD("swapped-history-is-refused", test_swapped_history_is_refused);
        STORE_ADD("a-row-under-another-id-is-refused", test_a_row_under_another_id_is_refused);
        STORE_ADD("a-missing-row-is-noticed", test_a_missing_row_is_noticed);
        STORE_ADD("a-missing-seal-is-noticed", test_a_missing_seal_is_noticed);
        STORE_ADD("changed-clear-columns-are-refused", test_changed_clear_columns_are_refused);
        STORE_ADD("an-old-row-is-refused", test_an_old_row_is_refused);
        STORE_ADD("an-ended-share-is-not-revived-by-its-old-row",
                  test_an_ended_share_is_not_revived_by_its_old_row);
        STORE_ADD("swapped-bodies-are-refused", test_swapped_bodies_are_refused);
        STORE_ADD("a-changed-head-fits-no-key", test_a_changed_head_fits_no_key);
        STORE_ADD("an-old-head-fits-no-new-row", test_an_old_head_fits_no_new_row);
        STORE_ADD("an-old-file-has-an-old-count", test_an_old_file_has_an_old_count);
        STORE_ADD("a-failed-call-dooms-its-transaction", test_a_failed_call_dooms_its_transaction);
        STORE_ADD("ten-thousand-ended-shares-are-read", test_ten_thousand_ended_shares_are_read);

        return g_test_run();
}
