/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The store on a real file: what it keeps, what it refuses, what a crash and a full
 * disk leave. Whoever changes the file behind its back here does so with SQLite.
 */

#include <errno.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/store.h"
#include "tests/unit/helper.h"

#define ID_A "000102030405060708090a0b0c0d0e0f"
#define ID_B "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
#define CANARY "CANARY-title-link-relay"

static guint n_flushes;

/* SQLite finds these first. */
int fdatasync(int fd);
int fsync(int fd);

int
fdatasync(int fd)
{
        n_flushes++;
        return 0;
}

int
fsync(int fd)
{
        n_flushes++;
        return 0;
}

typedef struct {
        char *top;
        char *folder;
        char *path;
        TgSecret *key;
        TgStore *store;
} Fixture;

static void
open_store(Fixture *f)
{
        g_autoptr(GError) error = NULL;

        g_assert_null(f->store);
        f->store = tg_store_open(f->path, &error);
        g_assert_no_error(error);
}

static void
close_store(Fixture *f)
{
        g_clear_pointer(&f->store, tg_store_free);
}

static TgStoreKeyFit
reopen(Fixture *f)
{
        close_store(f);
        open_store(f);
        return tg_store_set_key(f->store, f->key);
}

static void
set_up(Fixture *f, gconstpointer data)
{
        f->top = g_dir_make_tmp("tigress-store-XXXXXX", NULL);
        f->folder = g_build_filename(f->top, "state", "tigress", NULL);
        f->path = g_build_filename(f->folder, "state.db", NULL);
        f->key = helper_secret_filled('k', 32);
        open_store(f);
        g_assert_cmpint(tg_store_set_key(f->store, f->key), ==, TG_STORE_KEY_NEW);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
        char *command[] = {(char *)"rm", (char *)"-rf", f->top, NULL};

        close_store(f);
        g_spawn_sync(NULL,
                     (char **)command,
                     NULL,
                     G_SPAWN_SEARCH_PATH,
                     NULL,
                     NULL,
                     NULL,
                     NULL,
                     NULL,
                     NULL);
        tg_secret_unref(f->key);
        g_free(f->path);
        g_free(f->folder);
        g_free(f->top);
}

/* ---- rows ---- */

static TgShareRow
row_new(const char *id, TgState state)
{
        TgShareRow row = {
                .id = g_strdup(id),
                .role = TG_ROLE_RECIPIENT,
                .state = state,
                .created_s = 1000,
                .expires_s = 2000,
                .ended_s = tg_state_is_end(state) ? 1500 : 0,
        };

        return row;
}

static void
save(Fixture *f, TgShareRow *row, const char *detail, const char *body)
{
        g_autoptr(TgSecret) sealed = helper_secret(detail);
        g_autoptr(TgSecret) octets = body ? helper_secret(body) : NULL;
        g_autoptr(GError) error = NULL;

        tg_store_save_share(f->store, row, sealed, octets, &error);
        g_assert_no_error(error);
}

static void
save_new(Fixture *f, const char *id, TgState state, const char *detail, const char *body)
{
        g_auto(TgShareRow) row = row_new(id, state);

        save(f, &row, detail, body);
}

/* "ID STATE DETAIL VERSION;" of each row, "!" in the place of the detail of a row that is
 * refused, "-" where there is none. */
static void
add_row(const TgShareRow *row, TgSecret *detail, const GError *error, gpointer user_data)
{
        GString *text = user_data;

        if (error)
                helper_assert_error(error, TG_ERROR_TAMPERED, CANARY);
        g_string_append_printf(text,
                               "%.2s %s %s %" G_GUINT64_FORMAT ";",
                               row->id,
                               tg_state_name(row->state),
                               error    ? "!"
                               : detail ? (const char *)tg_secret_get(detail, NULL)
                                        : "-",
                               row->version);
}

static void
assert_rows(Fixture *f, const char *expected)
{
        g_autoptr(GString) text = g_string_new(NULL);
        g_autoptr(GError) error = NULL;

        tg_store_each_share(f->store, add_row, text, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(text->str, ==, expected);
}

static void
assert_body(Fixture *f, const char *id, const char *expected)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(TgSecret) body = tg_store_load_body(f->store, id, &error);

        if (expected) {
                g_assert_no_error(error);
                g_assert_cmpstr((const char *)tg_secret_get(body, NULL), ==, expected);
        } else {
                helper_assert_error(error, TG_ERROR_NOT_FOUND, NULL);
        }
}

static void
assert_body_refused(Fixture *f, const char *id)
{
        g_autoptr(GError) error = NULL;

        g_assert_null(tg_store_load_body(f->store, id, &error));
        g_assert_error(error, TG_ERROR, TG_ERROR_TAMPERED);
}

/* Somebody with a database program, while the daemon is not there. */
static void
tamper(Fixture *f, const char *sql)
{
        sqlite3 *db = NULL;

        close_store(f);
        g_assert_cmpint(sqlite3_open(f->path, &db), ==, SQLITE_OK);
        g_assert_cmpint(sqlite3_exec(db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
        g_assert_cmpint(sqlite3_close(db), ==, SQLITE_OK);
}

static void
assert_open_refused(Fixture *f, const char *remedy)
{
        g_autoptr(GError) error = NULL;

        g_assert_null(tg_store_open(f->path, &error));
        g_assert_error(error, TG_ERROR, TG_ERROR_FAILED);
        g_assert_nonnull(strstr(error->message, remedy));
}

/* ---- keeping ---- */

static void
test_what_was_saved_is_there_after_a_restart(Fixture *f, gconstpointer data)
{
        g_auto(TgShareRow) row = row_new(ID_A, TG_STATE_CLAIMING);
        g_auto(TgShareRow) loaded = {0};
        g_autoptr(TgSecret) detail = NULL;
        g_autoptr(GError) error = NULL;

        save(f, &row, "first", "the body");
        save_new(f, ID_B, TG_STATE_COMPLETED, "done", NULL);
        row.state = TG_STATE_EXCHANGING;
        save(f, &row, "second", NULL);
        g_assert_cmpuint(row.version, ==, 2);

        g_assert_cmpint(reopen(f), ==, TG_STORE_KEY_FITS);
        assert_rows(f, "00 exchanging second 2;f0 completed done 1;");
        assert_body(f, ID_A, "the body");
        assert_body(f, ID_B, NULL);

        g_assert_true(tg_store_load_share(f->store, ID_A, &loaded, &detail, &error));
        g_assert_cmpint(loaded.role, ==, TG_ROLE_RECIPIENT);
        g_assert_cmpint(loaded.created_s, ==, 1000);
        g_assert_cmpint(loaded.expires_s, ==, 2000);
        g_assert_cmpstr((const char *)tg_secret_get(detail, NULL), ==, "second");
}

static void
test_a_body_is_replaced_removed_and_goes_with_the_end(Fixture *f, gconstpointer data)
{
        g_auto(TgShareRow) row = row_new(ID_A, TG_STATE_CLAIMING);

        save(f, &row, "x", "one");
        save(f, &row, "x", "two");
        assert_body(f, ID_A, "two");
        save(f, &row, "x", "");
        assert_body(f, ID_A, NULL);
        save(f, &row, "x", "three");
        row.state = TG_STATE_COMPLETED;
        row.ended_s = 1500;
        row.is_busy = TRUE;
        save(f, &row, "x", NULL);
        reopen(f);
        assert_body(f, ID_A, "three");
        row.is_busy = FALSE;
        save(f, &row, "x", NULL);
        assert_body(f, ID_A, NULL);
        tamper(f, "CREATE TABLE t (n CHECK (n = 0)); INSERT INTO t SELECT count(*) FROM body");
}

static void
test_a_save_is_one_flush(Fixture *f, gconstpointer data)
{
        g_auto(TgShareRow) row = row_new(ID_A, TG_STATE_CLAIMING);

        save(f, &row, "x", "body"); /* the first after the log was emptied is two */
        n_flushes = 0;
        for (guint i = 0; i < 10; i++)
                save(f, &row, "x", i % 2 ? "body" : NULL);
        g_assert_cmpuint(n_flushes, ==, 10);
}

static void
test_calls_nest_into_a_transaction(Fixture *f, gconstpointer data)
{
        g_autoptr(TgSecret) detail = helper_secret("x");
        g_auto(TgShareRow) row = row_new(ID_A, TG_STATE_CLAIMING);
        TgCredentialRow credential = {.id = (char *)ID_B, .share_id = (char *)ID_A};
        g_autoptr(GError) error = NULL;

        g_assert_true(tg_store_begin(f->store, &error));
        g_assert_true(tg_store_save_share(f->store, &row, detail, detail, &error));
        g_assert_true(tg_store_save_credential(f->store, &credential, detail, &error));
        g_assert_true(tg_store_set_count(f->store, 7, &error));
        tg_store_rollback(f->store);
        g_assert_cmpuint(tg_store_count(f->store), ==, 0);
        assert_rows(f, "");
        assert_body(f, ID_A, NULL);

        n_flushes = 0;
        g_assert_true(tg_store_begin(f->store, &error));
        g_assert_true(tg_store_save_share(f->store, &row, detail, detail, &error));
        g_assert_true(tg_store_set_count(f->store, 7, &error));
        g_assert_true(tg_store_commit(f->store, &error));
        reopen(f);
        g_assert_cmpuint(tg_store_count(f->store), ==, 7);
        assert_rows(f, "00 claiming x 2;");
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
test_credentials_are_kept_and_removed(Fixture *f, gconstpointer data)
{
        g_autoptr(TgSecret) first = helper_secret("one");
        g_autoptr(TgSecret) second = helper_secret("two");
        TgCredentialRow row = {.id = (char *)ID_B, .share_id = (char *)ID_A, .received_s = 5};
        g_autoptr(GError) error = NULL;

        g_assert_true(tg_store_save_credential(f->store, &row, first, &error));
        g_assert_true(tg_store_save_credential(f->store, &row, second, &error));
        g_assert_true(tg_store_has_sealed(f->store));
        g_assert_cmpint(reopen(f), ==, TG_STORE_KEY_FITS);
        n_credentials = 0;
        g_assert_true(
                tg_store_each_credential(f->store, check_credential, (gpointer) "two", &error));
        g_assert_cmpuint(n_credentials, ==, 1);

        tamper(f, "UPDATE credential SET id = '" ID_A "'");
        open_store(f);
        tg_store_set_key(f->store, f->key);
        g_assert_true(tg_store_each_credential(f->store, check_credential, NULL, &error));
        g_assert_true(tg_store_remove_credential(f->store, ID_A, &error));
        n_credentials = 0;
        g_assert_true(tg_store_each_credential(f->store, check_credential, NULL, &error));
        g_assert_cmpuint(n_credentials, ==, 0);
}

static void
test_an_ended_link_is_known_for_its_time(Fixture *f, gconstpointer data)
{
        gint64 now_s = g_get_real_time() / G_USEC_PER_SEC;
        g_autoptr(TgSecret) link = helper_secret("https://relay.example/" CANARY);
        g_autoptr(TgSecret) other = helper_secret("https://relay.example/other");
        g_autoptr(GError) error = NULL;
        guint8 digest[32];
        guint8 again[32];

        g_assert_true(tg_store_link_digest(f->store, link, digest, &error));
        g_assert_true(tg_store_add_link(f->store, digest, now_s + 100, &error));
        reopen(f);
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
        tamper(f, "CREATE TABLE t (n CHECK (n = 1)); INSERT INTO t SELECT count(*) FROM link");
}

/* ---- the key ---- */

static void
test_without_the_key_only_the_clear_part_is_read(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        save_new(f, ID_A, TG_STATE_CLAIMING, "x", "body");
        close_store(f);
        open_store(f);
        g_assert_false(tg_store_has_key(f->store));
        g_assert_true(tg_store_has_sealed(f->store));
        assert_rows(f, "00 claiming - 1;");

        /* Nothing sealed is lost by a save without the key. */
        {
                g_auto(TgShareRow) row = row_new(ID_A, TG_STATE_CLAIMING);

                g_assert_false(tg_store_save_share(f->store, &row, NULL, NULL, &error));
                g_assert_error(error, TG_ERROR, TG_ERROR_FAILED);
        }
        tg_store_set_key(f->store, f->key);
        assert_rows(f, "00 claiming x 1;");
}

static void
test_a_share_ends_without_the_key(Fixture *f, gconstpointer data)
{
        g_auto(TgShareRow) row = row_new(ID_A, TG_STATE_CANCELLED);
        g_autoptr(GError) error = NULL;

        save_new(f, ID_A, TG_STATE_CLAIMING, "x", "body");
        close_store(f);
        open_store(f);
        row.is_busy = TRUE;
        g_assert_true(tg_store_end_share(f->store, &row, &error));
        close_store(f);
        open_store(f);
        assert_rows(f, "00 cancelled - 1;");
        tg_store_set_key(f->store, f->key);
        assert_rows(f, "00 cancelled x 1;");
        assert_body(f, ID_A, "body");
}

/* Of what stands in the clear an end counts, and nothing else. */
static void
test_the_clear_column_cannot_revive_or_complete(Fixture *f, gconstpointer data)
{
        save_new(f, ID_A, TG_STATE_CLAIMING, "x", NULL);
        save_new(f, ID_B, TG_STATE_CANCELLED, "y", NULL);
        tamper(f,
               "UPDATE share SET state = 'completed', ended = 9 WHERE id = '" ID_A "';"
               "UPDATE share SET state = 'claiming', ended = 0 WHERE id = '" ID_B "'");
        open_store(f);
        tg_store_set_key(f->store, f->key);
        assert_rows(f, "00 claiming x 1;f0 cancelled y 1;");
}

static void
test_another_key_opens_nothing(Fixture *f, gconstpointer data)
{
        g_autoptr(TgSecret) other = helper_secret_filled('o', 32);
        g_autoptr(TgSecret) detail = helper_secret("x");
        TgCredentialRow credential = {
                .id = (char *)ID_B, .share_id = (char *)ID_A, .received_s = 5};
        g_autoptr(GError) error = NULL;
        guint8 digest[32];

        save_new(f, ID_A, TG_STATE_CLAIMING, "x", "body");
        save_new(f, ID_B, TG_STATE_COMPLETED, "y", NULL);
        g_assert_true(tg_store_save_credential(f->store, &credential, detail, &error));
        g_assert_true(tg_store_link_digest(f->store, detail, digest, &error));
        g_assert_true(tg_store_add_link(f->store, digest, G_MAXINT64, &error));
        close_store(f);
        open_store(f);
        g_assert_cmpint(tg_store_set_key(f->store, other), ==, TG_STORE_KEY_OTHER);
        g_assert_false(tg_store_has_key(f->store));

        g_assert_true(tg_store_start_over(f->store, TG_STATE_FAILED, &error));
        g_assert_true(tg_store_has_key(f->store));
        assert_rows(f, "00 failed - 1;f0 completed - 1;");
        assert_body(f, ID_A, NULL);
        g_assert_false(tg_store_has_link(f->store, digest, 0));
        g_assert_true(tg_store_each_credential(f->store, check_credential, NULL, &error));

        g_assert_cmpint(reopen(f), ==, TG_STORE_KEY_OTHER); /* the first key is the other now */
        g_assert_cmpint(tg_store_set_key(f->store, other), ==, TG_STORE_KEY_FITS);
        assert_rows(f, "00 failed - 1;f0 completed - 1;");
}

static void
test_starting_over_keeps_the_history_of_the_same_key(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        save_new(f, ID_A, TG_STATE_CLAIMING, "x", "body");
        save_new(f, ID_B, TG_STATE_COMPLETED, "y", NULL);
        g_assert_true(tg_store_start_over(f->store, TG_STATE_FAILED, &error));
        g_assert_cmpint(reopen(f), ==, TG_STORE_KEY_FITS);
        assert_rows(f, "00 failed - 1;f0 completed y 1;");
}

/* ---- tampering ---- */

static void
check_tampering(Fixture *f, const char *sql, const char *expected)
{
        tamper(f, sql);
        open_store(f);
        g_assert_cmpint(tg_store_set_key(f->store, f->key), ==, TG_STORE_KEY_FITS);
        assert_rows(f, expected);
}

static void
test_swapped_rows_are_refused(Fixture *f, gconstpointer data)
{
        save_new(f, ID_A, TG_STATE_CLAIMING, "x", NULL);
        save_new(f, ID_B, TG_STATE_CLAIMING, "y", NULL);
        check_tampering(f,
                        "CREATE TABLE t AS SELECT id, detail FROM share;"
                        "UPDATE share SET detail ="
                        " (SELECT detail FROM t WHERE t.id <> share.id)",
                        "00 claiming ! 1;f0 claiming ! 1;");
}

static void
test_swapped_history_is_refused(Fixture *f, gconstpointer data)
{
        save_new(f, ID_A, TG_STATE_CANCELLED, "x", NULL);
        save_new(f, ID_B, TG_STATE_COMPLETED, "y", NULL);
        check_tampering(f,
                        "CREATE TABLE t AS SELECT id, detail FROM share;"
                        "UPDATE share SET detail ="
                        " (SELECT detail FROM t WHERE t.id <> share.id)",
                        "00 cancelled ! 1;f0 completed ! 1;");
}

static void
test_a_row_under_another_id_is_refused(Fixture *f, gconstpointer data)
{
        save_new(f, ID_A, TG_STATE_CLAIMING, "x", NULL);
        check_tampering(f, "UPDATE share SET id = '" ID_B "'", "f0 claiming ! 1;00 failed ! 1;");
}

static void
test_a_missing_row_is_noticed(Fixture *f, gconstpointer data)
{
        save_new(f, ID_A, TG_STATE_CLAIMING, "x", NULL);
        check_tampering(f, "DELETE FROM share", "00 failed ! 1;");
}

static void
test_a_missing_seal_is_noticed(Fixture *f, gconstpointer data)
{
        save_new(f, ID_A, TG_STATE_CLAIMING, "x", NULL);
        check_tampering(f, "UPDATE share SET detail = NULL", "00 claiming ! 1;");
}

static void
test_changed_clear_columns_are_refused(Fixture *f, gconstpointer data)
{
        static const char *const changes[] = {
                "role = 0", "created = 1001", "expires = 2001", "version = version + 1"};

        for (gsize i = 0; i < G_N_ELEMENTS(changes); i++) {
                g_autofree char *sql = g_strconcat("UPDATE share SET ", changes[i], NULL);
                g_autoptr(GString) rows = g_string_new(NULL);

                save_new(f, ID_A, TG_STATE_CLAIMING, "x", NULL);
                tamper(f, sql);
                open_store(f);
                tg_store_set_key(f->store, f->key);
                g_assert_true(tg_store_each_share(f->store, add_row, rows, NULL));
                g_assert_nonnull(strstr(rows->str, "!"));
                g_assert_true(tg_store_forget_share(f->store, ID_A, NULL));
        }
}

/* A row as it was, in every column: its seal opens, but the head knows better. */
static void
test_an_old_row_is_refused(Fixture *f, gconstpointer data)
{
        g_auto(TgShareRow) row = row_new(ID_A, TG_STATE_CLAIMING);

        save(f, &row, "old", "old body");
        tamper(f, "CREATE TABLE a AS SELECT * FROM share; CREATE TABLE b AS SELECT * FROM body");
        open_store(f);
        tg_store_set_key(f->store, f->key);
        save(f, &row, "new", "new body");
        check_tampering(f,
                        "PRAGMA foreign_keys = OFF;"
                        "REPLACE INTO share SELECT * FROM a;",
                        "00 claiming ! 2;");
        assert_body(f, ID_A, "new body");
        check_tampering(f, "REPLACE INTO body SELECT * FROM b", "00 claiming ! 2;");
        assert_body_refused(f, ID_A);
}

static void
test_an_ended_share_is_not_revived_by_its_old_row(Fixture *f, gconstpointer data)
{
        g_auto(TgShareRow) row = row_new(ID_A, TG_STATE_CLAIMING);

        save(f, &row, "x", NULL);
        tamper(f, "CREATE TABLE a AS SELECT * FROM share");
        open_store(f);
        tg_store_set_key(f->store, f->key);
        row.state = TG_STATE_CANCELLED;
        row.ended_s = 1500;
        save(f, &row, "x", NULL);
        check_tampering(f, "REPLACE INTO share SELECT * FROM a", "00 claiming ! 1;");
}

static void
test_swapped_bodies_are_refused(Fixture *f, gconstpointer data)
{
        save_new(f, ID_A, TG_STATE_CLAIMING, "x", "body of a");
        save_new(f, ID_B, TG_STATE_CLAIMING, "y", "body of b");
        check_tampering(f,
                        "CREATE TABLE t AS SELECT share_id, sealed FROM body;"
                        "UPDATE body SET sealed ="
                        " (SELECT sealed FROM t WHERE t.share_id <> body.share_id)",
                        "00 claiming x 1;f0 claiming y 1;");
        assert_body_refused(f, ID_A);
        assert_body_refused(f, ID_B);
        tamper(f, "DELETE FROM body");
        open_store(f);
        tg_store_set_key(f->store, f->key);
        assert_body_refused(f, ID_A);
}

static void
test_a_changed_head_fits_no_key(Fixture *f, gconstpointer data)
{
        save_new(f, ID_A, TG_STATE_CLAIMING, "x", NULL);
        tamper(f, "UPDATE head SET version = version + 1");
        open_store(f);
        g_assert_cmpint(tg_store_set_key(f->store, f->key), ==, TG_STORE_KEY_OTHER);
        tamper(f, "DELETE FROM head");
        open_store(f);
        g_assert_cmpint(tg_store_set_key(f->store, f->key), ==, TG_STORE_KEY_OTHER);
}

/* The head of an older time with the rows of now: what was saved since is in doubt. */
static void
test_an_old_head_fits_no_new_row(Fixture *f, gconstpointer data)
{
        g_auto(TgShareRow) row = row_new(ID_A, TG_STATE_CLAIMING);

        save(f, &row, "old", NULL);
        tamper(f, "CREATE TABLE a AS SELECT * FROM head");
        open_store(f);
        tg_store_set_key(f->store, f->key);
        save(f, &row, "new", NULL);
        check_tampering(f, "REPLACE INTO head SELECT * FROM a", "00 claiming ! 2;");
}

/* The caller compares the count with the keyring's. */
static void
test_an_old_file_has_an_old_count(Fixture *f, gconstpointer data)
{
        g_autofree char *old = NULL;
        gsize n_old;
        g_autoptr(GError) error = NULL;

        save_new(f, ID_A, TG_STATE_CLAIMING, "x", NULL);
        g_assert_true(tg_store_set_count(f->store, 1, &error));
        close_store(f);
        g_assert_true(g_file_get_contents(f->path, &old, &n_old, &error));
        g_assert_cmpint(reopen(f), ==, TG_STORE_KEY_FITS);
        g_assert_true(tg_store_set_count(f->store, 2, &error));
        close_store(f);
        g_assert_true(g_file_set_contents_full(
                f->path, old, (gssize)n_old, G_FILE_SET_CONTENTS_NONE, 0600, &error));
        g_assert_cmpint(reopen(f), ==, TG_STORE_KEY_FITS);
        g_assert_cmpuint(tg_store_count(f->store), ==, 1);
}

/* ---- whose it is ---- */

static void
assert_mode(const char *path, mode_t mode)
{
        struct stat status;

        g_assert_cmpint(stat(path, &status), ==, 0);
        g_assert_cmpint(status.st_mode & 07777, ==, mode);
}

static void
test_folder_and_files_are_the_users_alone(Fixture *f, gconstpointer data)
{
        g_autofree char *log = g_strconcat(f->path, "-wal", NULL);
        mode_t mask = umask(0);

        close_store(f);
        g_assert_cmpint(g_remove(f->path), ==, 0);
        reopen(f);
        save_new(f, ID_A, TG_STATE_CLAIMING, "x", NULL);
        umask(mask);
        assert_mode(f->folder, 0700);
        assert_mode(f->path, 0600);
        assert_mode(log, 0600);
}

static void
test_a_place_that_others_may_use_is_refused(Fixture *f, gconstpointer data)
{
        close_store(f);
        g_assert_cmpint(g_chmod(f->folder, 0750), ==, 0);
        assert_open_refused(f, "chmod go=");
        g_assert_cmpint(g_chmod(f->folder, 0700), ==, 0);
        g_assert_cmpint(g_chmod(f->path, 0604), ==, 0);
        assert_open_refused(f, "chmod go=");
        g_assert_cmpint(g_chmod(f->path, 0600), ==, 0);
        open_store(f);
}

static void
test_a_place_of_another_user_is_refused(Fixture *f, gconstpointer data)
{
        close_store(f);
        if (chown(f->path, 12345, 12345) < 0) {
                g_test_skip("only root can give a file away");
                return;
        }
        assert_open_refused(f, "another user");
        g_assert_cmpint(chown(f->path, 0, 0), ==, 0);
        g_assert_cmpint(chown(f->folder, 12345, 12345), ==, 0);
        assert_open_refused(f, "another user");
        g_assert_cmpint(chown(f->folder, 0, 0), ==, 0);
}

static void
test_what_is_no_file_is_refused(Fixture *f, gconstpointer data)
{
        g_autofree char *elsewhere = g_strconcat(f->path, ".elsewhere", NULL);

        close_store(f);
        g_assert_cmpint(g_rename(f->path, elsewhere), ==, 0);
        g_assert_cmpint(symlink(elsewhere, f->path), ==, 0);
        assert_open_refused(f, "is not a file");
        g_assert_cmpint(g_remove(f->path), ==, 0);
        g_assert_cmpint(g_mkdir(f->path, 0700), ==, 0);
        assert_open_refused(f, "is not a file");
        g_assert_cmpint(g_rmdir(f->path), ==, 0);
}

static void
test_a_second_daemon_is_refused(Fixture *f, gconstpointer data)
{
        assert_open_refused(f, "another tigressd");
        save_new(f, ID_A, TG_STATE_CLAIMING, "x", NULL);
        reopen(f);
        assert_rows(f, "00 claiming x 1;");
}

static void
test_foreign_newer_and_damaged_files_are_refused(Fixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        tamper(f, "PRAGMA user_version = 2");
        assert_open_refused(f, "newer tigressd");
        tamper(f, "PRAGMA user_version = 1; PRAGMA application_id = 5");
        assert_open_refused(f, "not of tigressd");
        g_assert_true(g_file_set_contents_full(
                f->path, "no database", -1, G_FILE_SET_CONTENTS_NONE, 0600, &error));
        assert_open_refused(f, "damaged");
}

/* A log that was left beside a file that is gone is not written into the new one. */
static void
test_a_new_file_takes_nothing_from_an_old_log(Fixture *f, gconstpointer data)
{
        g_autofree char *log = g_strconcat(f->path, "-wal", NULL);
        g_autofree char *octets = NULL;
        gsize n_octets;
        g_autoptr(GError) error = NULL;

        save_new(f, ID_A, TG_STATE_CLAIMING, "x", NULL);
        g_assert_true(g_file_get_contents(log, &octets, &n_octets, &error));
        g_assert_cmpuint(n_octets, >, 0);
        close_store(f);
        g_assert_cmpint(g_remove(f->path), ==, 0);
        g_assert_true(g_file_set_contents_full(
                log, octets, (gssize)n_octets, G_FILE_SET_CONTENTS_NONE, 0600, &error));
        g_assert_cmpint(reopen(f), ==, TG_STORE_KEY_NEW);
        assert_rows(f, "");
}

/* ---- what is on the disk ---- */

static gboolean
file_holds(const char *path, const void *octets, gsize n_octets)
{
        g_autofree char *text = NULL;
        gsize n_text;

        return g_file_get_contents(path, &text, &n_text, NULL) &&
               memmem(text, n_text, octets, n_octets) != NULL;
}

static gboolean
store_holds(Fixture *f, const void *octets, gsize n_octets)
{
        g_autofree char *log = g_strconcat(f->path, "-wal", NULL);

        return file_holds(f->path, octets, n_octets) || file_holds(log, octets, n_octets);
}

static void
test_file_and_log_hold_no_canary(Fixture *f, gconstpointer data)
{
        g_autoptr(TgSecret) detail = helper_secret(CANARY);
        TgCredentialRow credential = {.id = (char *)ID_B, .share_id = (char *)ID_A};

        save_new(f, ID_A, TG_STATE_CLAIMING, CANARY, CANARY);
        g_assert_true(tg_store_save_credential(f->store, &credential, detail, NULL));
        g_assert_true(store_holds(f, ID_A, strlen(ID_A))); /* so we do look at the right octets */
        g_assert_false(store_holds(f, CANARY, strlen(CANARY)));
        g_assert_false(store_holds(f, tg_secret_get(f->key, NULL), 32));
        close_store(f);
        g_assert_true(store_holds(f, ID_A, strlen(ID_A)));
        g_assert_false(store_holds(f, CANARY, strlen(CANARY)));
}

static GBytes *
sealed_octets(Fixture *f, const char *table)
{
        g_autofree char *sql = g_strconcat("SELECT ", table, NULL);
        sqlite3_stmt *statement = NULL;
        sqlite3 *db = NULL;
        GBytes *octets;

        close_store(f);
        g_assert_cmpint(sqlite3_open(f->path, &db), ==, SQLITE_OK);
        g_assert_cmpint(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), ==, SQLITE_OK);
        g_assert_cmpint(sqlite3_step(statement), ==, SQLITE_ROW);
        octets = g_bytes_new(sqlite3_column_blob(statement, 0),
                             (gsize)sqlite3_column_bytes(statement, 0));
        sqlite3_finalize(statement);
        sqlite3_close(db);
        reopen(f);
        return octets;
}

static gboolean
on_deadline(gpointer user_data)
{
        g_error("nothing came within a minute");
        return G_SOURCE_REMOVE;
}

/* Also while the daemon runs on. */
static void
test_a_forgotten_share_leaves_file_and_log(Fixture *f, gconstpointer data)
{
        g_autoptr(GBytes) detail = NULL;
        g_autoptr(GBytes) body = NULL;
        g_autofree char *text = g_strnfill(30000, 'x');
        guint deadline = g_timeout_add_seconds(60, on_deadline, NULL);

        save_new(f, ID_A, TG_STATE_CLAIMING, "x", text);
        detail = sealed_octets(f, "detail FROM share");
        body = sealed_octets(f, "sealed FROM body");
        g_assert_true(store_holds(f, g_bytes_get_data(detail, NULL), g_bytes_get_size(detail)));
        g_assert_true(store_holds(f, g_bytes_get_data(body, NULL), 64));

        g_assert_true(tg_store_forget_share(f->store, ID_A, NULL));
        while (store_holds(f, g_bytes_get_data(detail, NULL), 32) ||
               store_holds(f, g_bytes_get_data(body, NULL), 64) ||
               store_holds(f, ID_A, strlen(ID_A)))
                g_main_context_iteration(NULL, TRUE);
        g_source_remove(deadline);
}

/* ---- crashes ---- */

/* Runs @func in a process that is killed after it, whatever it holds. */
static void
crash_in(void (*func)(Fixture *f), Fixture *f)
{
        pid_t pid = fork();
        int status;

        g_assert_cmpint(pid, >=, 0);
        if (pid == 0) {
                open_store(f);
                tg_store_set_key(f->store, f->key);
                func(f);
                raise(SIGKILL);
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void
save_half(Fixture *f)
{
        g_auto(TgShareRow) row = row_new(ID_A, TG_STATE_EXCHANGING);

        row.version = 1;
        g_assert_true(tg_store_begin(f->store, NULL));
        save(f, &row, "half", "half");
}

static void
save_whole(Fixture *f)
{
        g_auto(TgShareRow) row = row_new(ID_A, TG_STATE_EXCHANGING);

        row.version = 1;
        save(f, &row, "whole", "whole");
}

static void
test_a_crash_leaves_all_of_a_change_or_nothing(Fixture *f, gconstpointer data)
{
        save_new(f, ID_A, TG_STATE_CLAIMING, "before", "before");
        close_store(f);
        crash_in(save_half, f);
        reopen(f);
        assert_rows(f, "00 claiming before 1;");
        assert_body(f, ID_A, "before");
        close_store(f);
        crash_in(save_whole, f);
        reopen(f);
        assert_rows(f, "00 exchanging whole 2;");
        assert_body(f, ID_A, "whole");
}

static void
read_version(const TgShareRow *row, TgSecret *detail, const GError *error, gpointer user_data)
{
        guint64 *version = user_data;

        g_assert_no_error(error);
        *version = row->version;
}

/* What was said to be saved is there, wherever the axe falls. */
static void
test_what_was_told_survives_kill_9(Fixture *f, gconstpointer data)
{
        g_autoptr(GRand) random = g_rand_new_with_seed(1);

        close_store(f);
        for (guint i = 0; i < 20; i++) {
                guint64 told = 0;
                guint64 found = 0;
                int ends[2];
                pid_t pid;

                g_assert_cmpint(pipe(ends), ==, 0);
                pid = fork();
                if (pid == 0) {
                        g_auto(TgShareRow) row = row_new(ID_A, TG_STATE_CLAIMING);

                        open_store(f);
                        tg_store_set_key(f->store, f->key);
                        tg_store_each_share(f->store, read_version, &row.version, NULL);
                        for (;;) {
                                save(f, &row, "x", row.version % 3 ? NULL : "body");
                                g_assert_cmpint(write(ends[1], &row.version, 8), ==, 8);
                        }
                }
                close(ends[1]);
                for (guint n = g_rand_int_range(random, 1, 300); n > 0; n--)
                        g_assert_cmpint(read(ends[0], &told, 8), ==, 8);
                kill(pid, SIGKILL);
                waitpid(pid, NULL, 0);
                while (read(ends[0], &told, 8) == 8)
                        ;
                close(ends[0]);

                g_assert_cmpint(reopen(f), ==, TG_STORE_KEY_FITS);
                tg_store_each_share(f->store, read_version, &found, NULL);
                g_assert_cmpuint(found, >=, told);
                close_store(f);
        }
}

/* A crash while the file is made leaves one that the next start makes anew. */
static void
test_half_a_new_file_is_made_again(Fixture *f, gconstpointer data)
{
        g_autofree char *half = g_strconcat(f->path, ".new", NULL);

        close_store(f);
        g_assert_cmpint(g_remove(f->path), ==, 0);
        g_assert_true(g_file_set_contents(half, "half a database", -1, NULL));
        open_store(f);
        g_assert_false(g_file_test(half, G_FILE_TEST_EXISTS));
}

/* ---- a full disk ---- */

/* A save fails with a sentence, nothing changes, and when there is room again the same
 * store goes on. */
static void
check_full_disk(Fixture *f, void (*fill)(Fixture *f), void (*make_room)(Fixture *f))
{
        g_auto(TgShareRow) row = row_new(ID_A, TG_STATE_CLAIMING);
        g_autofree char *text = g_strnfill(40000, 'x');
        g_autoptr(TgSecret) detail = helper_secret("after");
        g_autoptr(TgSecret) body = helper_secret(text);
        g_autoptr(GError) error = NULL;
        guint64 version;

        save(f, &row, "before", "body");
        fill(f);
        for (version = row.version; tg_store_save_share(f->store, &row, detail, body, &error);
             version = row.version)
                ;
        g_assert_cmpuint(row.version, ==, version);
        helper_assert_error(error, TG_ERROR_FAILED, CANARY);
        g_assert_cmpstr(
                error->message, ==, "cannot save the share: the disk is full; free some space");
        g_assert_false(tg_store_save_share(f->store, &row, detail, body, NULL));

        make_room(f);
        row.state = TG_STATE_EXCHANGING;
        save(f, &row, "room", "new body");
        reopen(f);
        assert_body(f, ID_A, "new body");
        close_store(f);
}

static void
limit_files(rlim_t n_bytes)
{
        struct rlimit limit = {.rlim_cur = n_bytes, .rlim_max = RLIM_INFINITY};

        g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
}

static void
fill_limit(Fixture *f)
{
        signal(SIGXFSZ, SIG_IGN);
        limit_files(200 * 1024);
}

static void
lift_limit(Fixture *f)
{
        limit_files(RLIM_INFINITY);
}

static void
test_a_limit_is_outlived(Fixture *f, gconstpointer data)
{
        check_full_disk(f, fill_limit, lift_limit);
}

static void
fill_disk(Fixture *f)
{
        g_autofree char *path = g_build_filename(f->folder, "ballast", NULL);
        g_autofree char *block = g_malloc0(4096);
        FILE *file = g_fopen(path, "w");

        while (fwrite(block, 1, 4096, file) == 4096 && fflush(file) == 0)
                ;
        fclose(file);
}

static void
free_disk(Fixture *f)
{
        g_autofree char *path = g_build_filename(f->folder, "ballast", NULL);

        g_assert_cmpint(g_remove(path), ==, 0);
}

static void
test_a_full_disk_is_outlived(Fixture *f, gconstpointer data)
{
        close_store(f);
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("small", f->folder, "tmpfs", 0, "size=1m,mode=0700") < 0) {
                g_test_skip("a small disk needs the right to mount");
                return;
        }
        reopen(f);
        check_full_disk(f, fill_disk, free_disk);
        g_assert_cmpint(umount2(f->folder, MNT_DETACH), ==, 0);
}

/* A change that failed inside a transaction is not kept with the rest of it. */
static void
test_a_failed_call_dooms_its_transaction(Fixture *f, gconstpointer data)
{
        g_auto(TgShareRow) row = row_new(ID_A, TG_STATE_CLAIMING);
        g_auto(TgShareRow) bare = row_new(ID_B, TG_STATE_CLAIMING);
        g_autoptr(TgSecret) detail = helper_secret("x");
        g_autoptr(GError) error = NULL;

        save(f, &bare, "y", NULL);
        g_assert_true(tg_store_begin(f->store, NULL));
        g_assert_true(tg_store_save_share(f->store, &row, detail, NULL, NULL));
        g_assert_false(tg_store_save_share(f->store, &bare, NULL, NULL, NULL));
        g_assert_false(tg_store_commit(f->store, &error));
        g_assert_error(error, TG_ERROR, TG_ERROR_FAILED);
        tg_store_rollback(f->store); /* allowed, and nothing */
        assert_rows(f, "f0 claiming y 1;");
        reopen(f);
        assert_rows(f, "f0 claiming y 1;");
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
test_ten_thousand_ended_shares_are_read(Fixture *f, gconstpointer data)
{
        g_autofree char *detail = g_strnfill(400, 'd');
        guint n_rows = 0;
        gint64 start_us;

        g_assert_true(tg_store_begin(f->store, NULL));
        for (guint i = 0; i < 10000; i++) {
                g_autofree char *id = g_strdup_printf("%032x", i);

                save_new(f, id, i < 1000 ? TG_STATE_CLAIMING : TG_STATE_COMPLETED, detail, NULL);
        }
        g_assert_true(tg_store_commit(f->store, NULL));
        close_store(f);
        start_us = g_get_monotonic_time();
        reopen(f);
        g_assert_true(tg_store_each_share(f->store, count_row, &n_rows, NULL));
        g_assert_cmpuint(n_rows, ==, 10000);
        g_test_message("opened and read in %.1f ms",
                       (double)(g_get_monotonic_time() - start_us) / 1000);
}

#define ADD(name, func) g_test_add("/store/" name, Fixture, NULL, set_up, func, tear_down)

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);

        ADD("what-was-saved-is-there-after-a-restart",
            test_what_was_saved_is_there_after_a_restart);
        ADD("a-body-is-replaced-removed-and-goes-with-the-end",
            test_a_body_is_replaced_removed_and_goes_with_the_end);
        ADD("a-save-is-one-flush", test_a_save_is_one_flush);
        ADD("calls-nest-into-a-transaction", test_calls_nest_into_a_transaction);
        ADD("credentials-are-kept-and-removed", test_credentials_are_kept_and_removed);
        ADD("an-ended-link-is-known-for-its-time", test_an_ended_link_is_known_for_its_time);
        ADD("without-the-key-only-the-clear-part-is-read",
            test_without_the_key_only_the_clear_part_is_read);
        ADD("a-share-ends-without-the-key", test_a_share_ends_without_the_key);
        ADD("the-clear-column-cannot-revive-or-complete",
            test_the_clear_column_cannot_revive_or_complete);
        ADD("another-key-opens-nothing", test_another_key_opens_nothing);
        ADD("starting-over-keeps-the-history-of-the-same-key",
            test_starting_over_keeps_the_history_of_the_same_key);
        ADD("swapped-rows-are-refused", test_swapped_rows_are_refused);
        ADD("swapped-history-is-refused", test_swapped_history_is_refused);
        ADD("a-row-under-another-id-is-refused", test_a_row_under_another_id_is_refused);
        ADD("a-missing-row-is-noticed", test_a_missing_row_is_noticed);
        ADD("a-missing-seal-is-noticed", test_a_missing_seal_is_noticed);
        ADD("changed-clear-columns-are-refused", test_changed_clear_columns_are_refused);
        ADD("an-old-row-is-refused", test_an_old_row_is_refused);
        ADD("an-ended-share-is-not-revived-by-its-old-row",
            test_an_ended_share_is_not_revived_by_its_old_row);
        ADD("swapped-bodies-are-refused", test_swapped_bodies_are_refused);
        ADD("a-changed-head-fits-no-key", test_a_changed_head_fits_no_key);
        ADD("an-old-head-fits-no-new-row", test_an_old_head_fits_no_new_row);
        ADD("an-old-file-has-an-old-count", test_an_old_file_has_an_old_count);
        ADD("folder-and-files-are-the-users-alone", test_folder_and_files_are_the_users_alone);
        ADD("a-place-that-others-may-use-is-refused", test_a_place_that_others_may_use_is_refused);
        ADD("a-place-of-another-user-is-refused", test_a_place_of_another_user_is_refused);
        ADD("what-is-no-file-is-refused", test_what_is_no_file_is_refused);
        ADD("a-second-daemon-is-refused", test_a_second_daemon_is_refused);
        ADD("foreign-newer-and-damaged-files-are-refused",
            test_foreign_newer_and_damaged_files_are_refused);
        ADD("a-new-file-takes-nothing-from-an-old-log",
            test_a_new_file_takes_nothing_from_an_old_log);
        ADD("file-and-log-hold-no-canary", test_file_and_log_hold_no_canary);
        ADD("a-forgotten-share-leaves-file-and-log", test_a_forgotten_share_leaves_file_and_log);
        ADD("a-crash-leaves-all-of-a-change-or-nothing",
            test_a_crash_leaves_all_of_a_change_or_nothing);
        ADD("what-was-told-survives-kill-9", test_what_was_told_survives_kill_9);
        ADD("half-a-new-file-is-made-again", test_half_a_new_file_is_made_again);
        ADD("a-limit-is-outlived", test_a_limit_is_outlived);
        ADD("a-full-disk-is-outlived", test_a_full_disk_is_outlived);
        ADD("a-failed-call-dooms-its-transaction", test_a_failed_call_dooms_its_transaction);
        ADD("ten-thousand-ended-shares-are-read", test_ten_thousand_ended_shares_are_read);

        return g_test_run();
}
