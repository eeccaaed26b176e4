/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The log in the store: what it keeps, and what is noticed when somebody has changed the file.
 */

#include <glib/gstdio.h>
#include <string.h>

#include "protocol/limits.h"
#include "tests/unit/flushes.h"
#include "tests/unit/store-fixture.h"

static void
enter(StoreFixture *f, const char *title)
{
        g_autoptr(GError) error = NULL;
        TgLogEntry entry = {
                .time_s = 1700000000,
                .act = (char *)"shared",
                .share = (char *)ID_A,
                .title = (char *)title,
        };

        tg_store_log(f->store, &entry, &error);
        g_assert_no_error(error);
}

static void
enter_some(StoreFixture *f, guint n_entries)
{
        g_autoptr(GError) error = NULL;

        tg_store_begin(f->store, &error);
        for (guint i = 1; i <= n_entries; i++) {
                g_autofree char *title = g_strdup_printf("%s %u", CANARY, i);

                enter(f, title);
        }
        tg_store_commit(f->store, &error);
        g_assert_no_error(error);
}

/* ---- the chain, as whoever gets the entries checks it ---- */

typedef struct {
        TgLogMark at;
        GString *found; /* numbers of what does not fit */
} Check;

static void
check_entry(guint64 number,
            const TgLogEntry *entry,
            const guint8 hash[TG_LOG_HASH_BYTES],
            gpointer user_data)
{
        Check *check = user_data;
        guint8 expected[TG_LOG_HASH_BYTES] = {0};

        for (check->at.number++; check->at.number < number; check->at.number++)
                g_string_append_printf(
                        check->found, "%" G_GUINT64_FORMAT " is missing;", check->at.number);
        if (entry)
                tg_log_entry_hash(entry, check->at.hash, expected);
        if (!entry)
                g_string_append_printf(check->found, "%" G_GUINT64_FORMAT " is shut;", number);
        else if (entry->number != number || memcmp(expected, hash, sizeof expected) != 0)
                g_string_append_printf(
                        check->found, "%" G_GUINT64_FORMAT " does not follow;", number);
        memcpy(check->at.hash, hash, sizeof check->at.hash);
}

/* "" where all is well. */
static char *
check_chain(StoreFixture *f)
{
        g_autoptr(GError) error = NULL;
        Check check = {.found = g_string_new(NULL)};
        TgLogMark last;

        tg_store_log_marks(f->store, &check.at, &last);
        tg_store_each_log(f->store, 0, G_MAXUINT, check_entry, &check, &error);
        g_assert_no_error(error);
        if (check.at.number != last.number)
                g_string_append_printf(check.found,
                                       "ends with %" G_GUINT64_FORMAT " and not %" G_GUINT64_FORMAT
                                       ";",
                                       check.at.number,
                                       last.number);
        else if (memcmp(check.at.hash, last.hash, sizeof last.hash) != 0)
                g_string_append(check.found, "does not end as the head says;");
        return g_string_free(check.found, FALSE);
}

static void
assert_chain(StoreFixture *f, const char *expected)
{
        g_autofree char *found = check_chain(f);

        g_assert_cmpstr(found, ==, expected);
}

static guint64
last_number(StoreFixture *f)
{
        TgLogMark base;
        TgLogMark last;

        tg_store_log_marks(f->store, &base, &last);
        return last.number;
}

static guint64
base_number(StoreFixture *f)
{
        TgLogMark base;
        TgLogMark last;

        tg_store_log_marks(f->store, &base, &last);
        return base.number;
}

static void
tamper(StoreFixture *f, const char *sql)
{
        store_tamper(f, sql);
        store_open(f);
        g_assert_cmpint(tg_store_set_key(f->store, f->key), ==, TG_STORE_KEY_FITS);
}

/* ---- keeping ---- */

static void
count_entries(guint64 number,
              const TgLogEntry *entry,
              const guint8 hash[TG_LOG_HASH_BYTES],
              gpointer user_data)
{
        g_assert_cmpstr(entry->act, ==, "shared");
        (*(guint *)user_data)++;
}

static void
test_entries_are_there_after_a_restart(StoreFixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        guint n_entries = 0;

        enter_some(f, 5);
        store_reopen(f);
        enter(f, "after it");
        assert_chain(f, "");
        g_assert_cmpuint(last_number(f), ==, 6);
        g_assert_true(tg_store_each_log(f->store, 2, 3, count_entries, &n_entries, &error));
        g_assert_cmpuint(n_entries, ==, 3);
        n_entries = 0;
        g_assert_true(tg_store_each_log(f->store, 6, 3, count_entries, &n_entries, &error));
        g_assert_cmpuint(n_entries, ==, 0);
}

static void
test_nothing_of_it_stands_in_the_file(StoreFixture *f, gconstpointer data)
{
        g_autofree char *octets = NULL;
        gsize n_octets;

        enter_some(f, 3);
        store_close(f);
        g_assert_true(g_file_get_contents(f->path, &octets, &n_octets, NULL));
        g_assert_null(memmem(octets, n_octets, CANARY, strlen(CANARY)));
        g_assert_null(memmem(octets, n_octets, ID_A, strlen(ID_A)));
}

/* An entry costs no flush of its own, and comes and goes with the act. */
static void
test_an_entry_and_its_act_are_one_flush(StoreFixture *f, gconstpointer data)
{
        g_auto(TgShareRow) row = store_row_new(ID_A, TG_STATE_CLAIMING);
        g_autoptr(GError) error = NULL;

        store_save(f, &row, "x", "body"); /* the first after the log was emptied is two */
        n_flushes = 0;
        for (guint i = 0; i < 10; i++) {
                g_assert_true(tg_store_begin(f->store, &error));
                store_save(f, &row, "x", NULL);
                enter(f, "an act");
                g_assert_true(tg_store_commit(f->store, &error));
        }
        g_assert_cmpuint(n_flushes, ==, 10);

        g_assert_true(tg_store_begin(f->store, &error));
        enter(f, "no act");
        tg_store_rollback(f->store);
        g_assert_cmpuint(last_number(f), ==, 10);
        assert_chain(f, "");
        enter(f, "an act");
        assert_chain(f, "");
        store_reopen(f);
        assert_chain(f, "");
        g_assert_cmpuint(last_number(f), ==, 11);
}

static void
test_the_oldest_go_and_the_chain_goes_on(StoreFixture *f, gconstpointer data)
{
        enter_some(f, TG_MAX_LOG_ENTRIES);
        g_assert_cmpuint(base_number(f), ==, 0);
        enter(f, "one more");
        g_assert_cmpuint(base_number(f), ==, TG_LOG_LOT);
        assert_chain(f, "");
        store_reopen(f);
        g_assert_cmpuint(base_number(f), ==, TG_LOG_LOT);
        assert_chain(f, "");

        /* What somebody has changed is not dropped: that would do away with the traces. */
        tamper(f, "UPDATE log SET sealed = x'00' WHERE number = 2000");
        enter_some(f, TG_LOG_LOT + 1);
        g_assert_cmpuint(base_number(f), ==, TG_LOG_LOT);
        assert_chain(f, "2000 is shut;2001 does not follow;");
}

/* ---- noticing ---- */

static void
test_a_changed_entry_is_noticed(StoreFixture *f, gconstpointer data)
{
        enter_some(f, 5);
        tamper(f, "UPDATE log SET sealed = CAST(sealed || 'x' AS BLOB) WHERE number = 3");
        assert_chain(f, "3 is shut;4 does not follow;");
}

static void
test_swapped_entries_are_noticed(StoreFixture *f, gconstpointer data)
{
        enter_some(f, 5);
        tamper(f,
               "UPDATE log SET number = 99 WHERE number = 2;"
               "UPDATE log SET number = 2 WHERE number = 3;"
               "UPDATE log SET number = 3 WHERE number = 99");
        assert_chain(f, "2 is shut;3 is shut;4 does not follow;");
}

static void
test_a_missing_entry_is_noticed(StoreFixture *f, gconstpointer data)
{
        enter_some(f, 5);
        tamper(f, "DELETE FROM log WHERE number = 3");
        assert_chain(f, "3 is missing;4 does not follow;");
        tamper(f, "DELETE FROM log WHERE number < 3");
        assert_chain(f, "1 is missing;2 is missing;3 is missing;4 does not follow;");
}

static void
test_a_cut_off_end_is_noticed(StoreFixture *f, gconstpointer data)
{
        enter_some(f, 5);
        tamper(f, "DELETE FROM log WHERE number > 3");
        assert_chain(f, "ends with 3 and not 5;");
        enter(f, "as if nothing had been");
        assert_chain(f, "4 is missing;5 is missing;6 does not follow;");
}

/* Sealed by us under this number, and of another time: an entry of the file before it was
 * put back. */
static void
test_an_entry_of_another_time_is_noticed(StoreFixture *f, gconstpointer data)
{
        g_autofree char *copy = g_strconcat(f->top, "/copy.db", NULL);
        g_autofree char *sql = NULL;
        g_autofree char *put_back = NULL;

        enter_some(f, 3);
        put_back = g_strdup_printf("VACUUM INTO '%s'", copy);
        tamper(f, put_back);
        enter(f, "the truth");
        enter(f, "what followed");
        sql = g_strdup_printf("ATTACH '%s' AS copy;"
                              "CREATE TABLE copy.newer AS SELECT * FROM log WHERE number > 3;"
                              "DETACH copy",
                              copy);
        store_tamper(f, sql);
        g_free(f->path);
        f->path = g_steal_pointer(&copy);
        g_assert_cmpint(g_chmod(f->path, 0600), ==, 0);
        g_assert_cmpint(g_chmod(f->top, 0700), ==, 0);
        store_open(f);
        g_assert_cmpint(tg_store_set_key(f->store, f->key), ==, TG_STORE_KEY_FITS);
        enter(f, "a lie");
        enter(f, "another");
        assert_chain(f, "");
        tamper(f,
               "UPDATE log SET sealed = (SELECT sealed FROM newer WHERE number = 4)"
               " WHERE number = 4");
        assert_chain(f, "5 does not follow;");
        tamper(f,
               "UPDATE log SET sealed = (SELECT sealed FROM newer WHERE number = 5)"
               " WHERE number = 5");
        assert_chain(f, "does not end as the head says;");
        /* What lies behind the end, as if it were to come, is nothing. */
        tamper(f, "INSERT INTO log SELECT number + 3, sealed FROM newer");
        assert_chain(f, "does not end as the head says;");
        enter(f, "goes on");
        g_assert_cmpuint(last_number(f), ==, 6);
}

static void
test_with_another_key_it_begins_anew(StoreFixture *f, gconstpointer data)
{
        g_autoptr(TgSecret) other = helper_secret_filled('o', 32);
        g_autoptr(GError) error = NULL;

        enter_some(f, 5);
        store_close(f);
        store_open(f);
        g_assert_cmpint(tg_store_set_key(f->store, other), ==, TG_STORE_KEY_OTHER);
        g_assert_true(tg_store_start_over(f->store, TG_STATE_FAILED, &error));
        g_assert_cmpuint(last_number(f), ==, 0);
        enter(f, "the first");
        assert_chain(f, "");
        g_assert_cmpuint(last_number(f), ==, 1);
}

static void
test_an_old_copy_keeps_its_log(StoreFixture *f, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        enter_some(f, 5);
        g_assert_true(tg_store_start_over(f->store, TG_STATE_FAILED, &error));
        enter(f, "that it was put back");
        assert_chain(f, "");
        g_assert_cmpuint(last_number(f), ==, 6);
}

/* ---- without the key ---- */

static void
add_late(const char *id, const char *act, gint64 time_s, gpointer user_data)
{
        g_string_append_printf(user_data, "%.2s %s %d;", id, act, (int)time_s);
}

static void
test_what_happened_without_the_key_is_noted(StoreFixture *f, gconstpointer data)
{
        g_autoptr(GString) late = g_string_new(NULL);
        g_autoptr(GError) error = NULL;

        enter_some(f, 1);
        store_close(f);
        store_open(f);
        g_assert_true(tg_store_log_late(f->store, ID_A, TG_ACT_CANCELLED, 7, &error));
        g_assert_true(tg_store_log_late(f->store, ID_B, TG_ACT_DECLINED, 8, &error));
        store_reopen(f);
        g_assert_true(tg_store_has_late(f->store, ID_A, TG_ACT_CANCELLED));
        g_assert_false(tg_store_has_late(f->store, ID_A, TG_ACT_DECLINED));
        g_assert_true(tg_store_each_late(f->store, add_late, late, &error));
        g_assert_cmpstr(late->str, ==, "00 cancelled 7;f0 declined 8;");
        g_assert_true(tg_store_begin(f->store, &error));
        enter(f, "late");
        g_assert_true(tg_store_drop_late(f->store, &error));
        tg_store_rollback(f->store);
        g_assert_true(tg_store_has_late(f->store, ID_B, TG_ACT_DECLINED));
        g_assert_true(tg_store_drop_late(f->store, &error));
        g_assert_false(tg_store_has_late(f->store, ID_B, TG_ACT_DECLINED));
        assert_chain(f, "");
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);
        STORE_ADD("log-entries-are-there-after-a-restart", test_entries_are_there_after_a_restart);
        STORE_ADD("nothing-of-the-log-stands-in-the-file", test_nothing_of_it_stands_in_the_file);
        STORE_ADD("an-entry-and-its-act-are-one-flush", test_an_entry_and_its_act_are_one_flush);
        STORE_ADD("the-oldest-go-and-the-chain-goes-on", test_the_oldest_go_and_the_chain_goes_on);
        STORE_ADD("a-changed-entry-is-noticed", test_a_changed_entry_is_noticed);
        STORE_ADD("swapped-entries-are-noticed", test_swapped_entries_are_noticed);
        STORE_ADD("a-missing-entry-is-noticed", test_a_missing_entry_is_noticed);
        STORE_ADD("a-cut-off-end-is-noticed", test_a_cut_off_end_is_noticed);
        STORE_ADD("an-entry-of-another-time-is-noticed", test_an_entry_of_another_time_is_noticed);
        STORE_ADD("with-another-key-the-log-begins-anew", test_with_another_key_it_begins_anew);
        STORE_ADD("an-old-copy-keeps-its-log", test_an_old_copy_keeps_its_log);
        STORE_ADD("what-happened-without-the-key-is-noted",
                  test_what_happened_without_the_key_is_noted);

        return g_test_run();
}
