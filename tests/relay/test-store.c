/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What each store promises of batches and, on a real file, of forgetting. Beside with-redis it is
 * the one in Redis, which forgets by itself. */

#include "config.h"

#include <sqlite3.h>
#include <string.h>

#include "protocol/digest.h"
#include "protocol/error.h"
#if HAVE_REDIS
#include "tests/relay/redisstore.h"
#endif
#include "tests/relay/storefixture.h"

#define NOW STORE_NOW
#define N_MAILBOXES 400

/* Number @n: all that is in it is told by it. */
static void
make(TgMailbox *mailbox, guint n, gint64 expires_s)
{
        *mailbox = (TgMailbox){
                .expires_s = expires_s,
                .rights = TG_RIGHT_READ,
                .version = 1,
        };
        memset(mailbox->id, 0xd1, sizeof mailbox->id);
        memset(mailbox->creation, 0xc2, sizeof mailbox->creation);
        memset(mailbox->parties[0].claim, 0xa3, TG_DIGEST_BYTES);
        memset(mailbox->parties[0].last_request, 0xb4, TG_ID_BYTES);
        memcpy(mailbox->id, &n, sizeof n);
        memcpy(mailbox->creation, &n, sizeof n);
        memcpy(mailbox->parties[0].claim, &n, sizeof n);
}

static void
insert(StoreFixture *self, guint n, gint64 expires_s, gsize n_payload)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *payload = g_strnfill(n_payload, 'x');
        TgDisplay display = {(char *)"canary-title", (char *)"canary-words", (char *)""};
        TgMailbox mailbox;

        memcpy(payload, "canary-payload", MIN(n_payload, strlen("canary-payload")));
        make(&mailbox, n, expires_s);
        tg_store_insert(self->store, &mailbox, &display, payload, &error);
        g_assert_no_error(error);
        g_assert_true(self->redis || mailbox.row > 0);
}

static gboolean
is_there(TgStore *store, guint n, TgMailbox *ret_mailbox)
{
        g_autoptr(GError) error = NULL;
        TgMailbox wanted;
        gboolean is_found;

        make(&wanted, n, 0);
        tg_store_load(store, wanted.id, &is_found, ret_mailbox, &error);
        g_assert_no_error(error);

        return is_found;
}

/* ---- batches ---- */

static void
test_batch_is_all_or_nothing(StoreFixture *self, gconstpointer data)
{
        TgMailbox mailbox;

        store_begin(self);
        insert(self, 1, NOW + 10, 100);
        insert(self, 2, NOW + 10, 100);
        tg_store_rollback(self->store);
        g_assert_false(is_there(self->store, 1, &mailbox));
        store_begin(self);
        insert(self, 3, NOW + 10, 100);
        store_commit(self);
        tg_store_release(self->store);
        store_reopen(self);
        g_assert_true(is_there(self->store, 3, &mailbox));
        g_assert_false(is_there(self->store, 2, &mailbox));
        tg_store_release(self->store);
}

static void
test_reader_sees_what_is_committed(StoreFixture *self, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(TgStore) reader = tg_store_reader(self->store, &error);
        g_auto(TgContent) content = {0};
        TgMailbox mailbox;

        g_assert_no_error(error);
        g_assert_false(reader->is_writer);
        store_begin(self);
        insert(self, 1, NOW + 10, 50000);
        g_assert_false(is_there(reader, 1, &mailbox));
        store_commit(self);
        g_assert_true(is_there(reader, 1, &mailbox));

        /* one snapshot from load to release, whatever is written meanwhile */
        store_begin(self);
        mailbox.version = 2;
        tg_store_save(self->store, &mailbox, "new", &error);
        g_assert_no_error(error);
        store_commit(self);
        g_assert_true(tg_store_load_content(reader, TRUE, &content, &error));
        g_assert_cmpuint(strlen(content.payload), ==, 50000);
        tg_content_clear(&content);
        tg_store_release(reader);
        g_assert_true(is_there(reader, 1, &mailbox));
        g_assert_cmpuint(mailbox.version, ==, 2);
        g_assert_true(tg_store_load_content(reader, TRUE, &content, &error));
        g_assert_cmpstr(content.payload, ==, "new");
        tg_store_release(reader);
}

static void
test_every_field_comes_back(StoreFixture *self, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        TgDisplay display = {(char *)"T", (char *)"D", (char *)"https://i"};
        TgMailbox mailbox, found;
        gboolean is_found;

        make(&mailbox, 7, NOW + 1);
        mailbox.rights = TG_RIGHT_WRITE | TG_RIGHT_DELETE;
        mailbox.has_verifier = TRUE;
        memset(mailbox.verifier, 5, sizeof mailbox.verifier);
        store_begin(self);
        tg_store_insert(self->store, &mailbox, &display, "P", &error);
        mailbox.version = G_GUINT64_CONSTANT(1) << 40;
        mailbox.writer = TG_SIDE_RECIPIENT;
        memset(&mailbox.parties[1], 9, sizeof mailbox.parties[1]);
        mailbox.parties[1].last_operation = 3;
        mailbox.parties[0].last_operation = 2;
        memset(mailbox.parties[0].last_request, 8, TG_ID_BYTES);
        tg_store_save(self->store, &mailbox, NULL, &error);
        g_assert_no_error(error);
        store_commit(self);

        g_assert_true(is_there(self->store, 7, &found));
        g_assert_true(self->redis || found.row == mailbox.row);
        g_assert_cmpint(found.expires_s, ==, NOW + 1);
        g_assert_cmpuint(found.rights, ==, mailbox.rights);
        g_assert_cmpuint(found.version, ==, mailbox.version);
        g_assert_cmpint(found.writer, ==, TG_SIDE_RECIPIENT);
        g_assert_true(found.has_verifier);
        g_assert_cmpmem(found.verifier, 32, mailbox.verifier, 32);
        g_assert_cmpmem(found.parties, sizeof found.parties, mailbox.parties, sizeof found.parties);
        if (self->redis) /* there a create finds its mailbox otherwise */
                return;
        tg_store_load_creation(self->store, mailbox.creation, FALSE, &is_found, &found, &error);
        g_assert_true(is_found);
        tg_store_release(self->store);
}

static gboolean
spend(StoreFixture *self, guint8 spent_octet, guint8 id_octet)
{
        TgSpent spent = {.expires_s = NOW + 10};
        guint8 id[TG_ID_BYTES];
        g_autoptr(GError) error = NULL;
        gboolean is_first = FALSE;

        memset(spent.id, spent_octet, sizeof spent.id);
        memset(spent.spender, spent_octet + 1, sizeof spent.spender);
        memset(id, id_octet, sizeof id);
        tg_store_spend(self->store, &spent, id, &is_first, &error);
        g_assert_no_error(error);

        return is_first;
}

static void
test_spent_once(StoreFixture *self, gconstpointer data)
{
        store_begin(self);
        g_assert_true(spend(self, 1, 1));
        tg_store_rollback(self->store); /* its mailbox was not made */
        store_begin(self);
        g_assert_true(spend(self, 1, 1));
        insert(self, 1, NOW + 1000, 10);
        store_commit(self);
        store_begin(self);
        g_assert_false(spend(self, 1, 2));
        tg_store_rollback(self->store);
        store_begin(self);
        g_assert_true(spend(self, 2, 2));
        store_commit(self);
}

#if HAVE_REDIS
/* Both have judged the same state; the first to commit is right, the other begins anew. */
static void
test_of_two_that_share_it_one_loses(StoreFixture *self, gconstpointer data)
{
        g_autoptr(TgStore) other = redis_store_open(self->redis, self->database, NOW);
        g_autoptr(GError) error = NULL;
        TgMailbox mine, its;

        store_begin(self);
        insert(self, 1, NOW + 10, 100);
        store_commit(self);
        for (guint i = 0; i < 3; i++) {
                store_begin(self);
                tg_store_begin(other, NULL);
                g_assert_true(is_there(self->store, 1, &mine));
                g_assert_true(is_there(other, 1, &its));
                memset(mine.parties[1].claim, 1, TG_DIGEST_BYTES);
                memset(its.parties[1].claim, 2, TG_DIGEST_BYTES);
                mine.version++;
                its.version++;
                tg_store_save(self->store, &mine, "mine", &error);
                tg_store_save(other, &its, "its", &error);
                g_assert_true(tg_store_commit(i % 2 ? other : self->store, NULL));
                g_assert_false(tg_store_commit(i % 2 ? self->store : other, NULL));
                g_assert_true(is_there(self->store, 1, &mine));
                g_assert_cmpint(mine.parties[1].claim[0], ==, i % 2 ? 2 : 1);
                g_assert_cmpuint(mine.version, ==, i + 2);
        }
}
#endif

/* ---- forgetting ---- */

static void
sweep(StoreFixture *self, gint64 now_s, gint64 told_s)
{
        g_autoptr(GError) error = NULL;
        gboolean is_done = FALSE;

        while (!is_done) {
                store_begin(self);
                tg_store_erase(self->store, now_s, told_s, &is_done, &error);
                g_assert_no_error(error);
                store_commit(self);
                tg_store_maintain(self->store, FALSE);
        }
        tg_store_maintain(self->store, TRUE);
}

/* Long and short ones, in every order, some of which stay: the pages that are
 * shared, split and freed must keep nothing of those that go. */
static void
test_nothing_is_left_of_the_expired(StoreFixture *self, gconstpointer data)
{
        guint8 pattern[8] = {0xd1, 0xd1, 0xd1, 0xd1, 0xd1, 0xd1, 0xd1, 0xd1};
        guint8 creation[8] = {0xc2, 0xc2, 0xc2, 0xc2, 0xc2, 0xc2, 0xc2, 0xc2};
        guint8 claim[8] = {0xa3, 0xa3, 0xa3, 0xa3, 0xa3, 0xa3, 0xa3, 0xa3};
        guint8 request[8] = {0xb4, 0xb4, 0xb4, 0xb4, 0xb4, 0xb4, 0xb4, 0xb4};

        for (guint n = 0; n < N_MAILBOXES; n++) {
                store_begin(self);
                insert(self, n * 2654435761u, NOW + n * 7919 % 100, 20 + n * 104729 % 9000);
                store_commit(self);
        }
        g_assert_cmpuint(store_count_files_with(self, "canary-payload", 14), >, 0);
        g_assert_cmpuint(store_count_files_with(self, "canary-title", 12), >, 0);
        g_assert_cmpuint(store_count_files_with(self, pattern, 8), >, 0);
        g_assert_cmpuint(store_count_files_with(self, creation, 8), >, 0);
        g_assert_cmpuint(store_count_files_with(self, claim, 8), >, 0);
        g_assert_cmpuint(store_count_files_with(self, request, 8), >, 0);

        for (gint64 now_s = NOW; now_s < NOW + 100; now_s += 10)
                sweep(self, now_s, 0);
        g_assert_cmpuint(
                store_count_files_with(self, "canary-payload", 14), >, 0); /* some are left */
        sweep(self, NOW + 100, 0);
        g_assert_cmpuint(store_count_files_with(self, "canary-payload", 14), ==, 0);
        g_assert_cmpuint(store_count_files_with(self, "canary-title", 12), ==, 0);
        g_assert_cmpuint(store_count_files_with(self, "canary-words", 12), ==, 0);
        g_assert_cmpuint(store_count_files_with(self, pattern, 8), ==, 0);
        g_assert_cmpuint(store_count_files_with(self, creation, 8), ==, 0);
        g_assert_cmpuint(store_count_files_with(self, claim, 8), ==, 0);
        g_assert_cmpuint(store_count_files_with(self, request, 8), ==, 0);
}

/* Among others that live on: here no page is freed as a whole. */
static void
test_nothing_is_left_among_the_living(StoreFixture *self, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        TgDisplay display = {(char *)"", (char *)"", (char *)""};

        for (guint n = 0; n < N_MAILBOXES; n++) {
                TgMailbox mailbox;
                g_autofree char *payload =
                        g_strdup_printf(n % 3 == 0 ? "mortal-%04u-%0*d" : "living-%04u-%0*d",
                                        n,
                                        (int)(n * 104729 % 1500),
                                        0);

                make(&mailbox, n * 2654435761u, n % 3 == 0 ? NOW : NOW + 1000);
                store_begin(self);
                tg_store_insert(self->store, &mailbox, &display, payload, &error);
                g_assert_no_error(error);
                store_commit(self);
        }
        g_assert_cmpuint(store_count_files_with(self, "mortal-", 7), >, 0);
        sweep(self, NOW, 0);
        g_assert_cmpuint(store_count_files_with(self, "mortal-", 7), ==, 0);
        g_assert_cmpuint(store_count_files_with(self, "living-", 7), >, 0);
}

static void
test_nothing_is_left_of_a_replaced_payload(StoreFixture *self, gconstpointer data)
{
        static const gsize sizes[] = {30, 3000, 60000};

        for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
                g_autoptr(GError) error = NULL;
                TgMailbox mailbox;

                store_begin(self);
                insert(self, (guint)i, NOW + 1000, sizes[i]);
                store_commit(self);
                g_assert_cmpuint(store_count_files_with(self, "canary-payload", 14), >, 0);
                g_assert_true(is_there(self->store, (guint)i, &mailbox));
                store_begin(self);
                tg_store_save(self->store, &mailbox, "other", &error);
                g_assert_no_error(error);
                store_commit(self);
                sweep(self, NOW, 0);
                g_assert_cmpuint(store_count_files_with(self, "canary-payload", 14), ==, 0);
        }
}

/* What is kept for the hour after is half of each claim's digest, and a number. */
static void
test_word_tells_of_no_mailbox(StoreFixture *self, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        guint8 claim[8] = {0xa3, 0xa3, 0xa3, 0xa3, 0xa3, 0xa3, 0xa3, 0xa3};
        guint8 id[8] = {0xd1, 0xd1, 0xd1, 0xd1, 0xd1, 0xd1, 0xd1, 0xd1};
        TgMailbox mailbox;
        TgEnd word;

        store_begin(self);
        insert(self, 1, NOW, 100);
        store_commit(self);
        sweep(self, NOW + 5, 60);
        g_assert_cmpuint(store_count_files_with(self, id, 8), ==, 0);
        g_assert_cmpuint(store_count_files_with(self, claim, 8), >, 0);
        make(&mailbox, 1, 0);
        g_assert_true(
                tg_store_load_end(self->store, mailbox.parties[0].claim, NOW - 1, &word, &error));
        g_assert_cmpint(word, ==, TG_END_EXPIRED);

        sweep(self, NOW + 60, 60);
        g_assert_cmpuint(store_count_files_with(self, claim, 8), ==, 0);
        g_assert_true(
                tg_store_load_end(self->store, mailbox.parties[0].claim, NOW - 1, &word, &error));
        g_assert_cmpint(word, ==, TG_END_NONE);
}

/* ---- the file ---- */

static void
test_one_process_a_file(StoreFixture *self, gconstpointer data)
{
        g_autoptr(GError) error = NULL;

        g_assert_null(tg_store_sqlite_open(self->path, 0, &error));
        g_assert_error(error, TG_ERROR, TG_ERROR_BAD_STATE);
        g_assert_nonnull(strstr(error->message, "another tigress-relay"));
}

static void
test_foreign_file_is_refused(StoreFixture *self, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        sqlite3 *db;

        g_clear_pointer(&self->store, tg_store_free);
        g_assert_cmpint(sqlite3_open(self->path, &db), ==, SQLITE_OK);
        g_assert_cmpint(
                sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL), ==, SQLITE_OK);
        sqlite3_close(db);
        g_assert_null(tg_store_sqlite_open(self->path, 0, &error));
        g_assert_error(error, TG_ERROR, TG_ERROR_BAD_STATE);
        g_clear_error(&error);

        g_assert_true(g_file_set_contents(self->path, "This is no database at all.", -1, NULL));
        g_assert_null(tg_store_sqlite_open(self->path, 0, &error));
        g_assert_error(error, TG_ERROR, TG_ERROR_UNREACHABLE);
}

/* Full, and then no longer: by the limit on its own size. */
static void
test_full_store_goes_on(StoreFixture *self, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *payload = g_strnfill(50000, 'x');
        TgDisplay display = {(char *)"", (char *)"", (char *)""};
        TgMailbox mailbox;
        guint n = 0;

        g_clear_pointer(&self->store, tg_store_free);
        self->store = tg_store_sqlite_open(self->path, 1024 * 1024, &error);
        g_assert_no_error(error);
        for (; n < 100; n++) {
                store_begin(self);
                make(&mailbox, n, n < 5 ? NOW : NOW + 1000);
                if (!tg_store_insert(self->store, &mailbox, &display, payload, &error))
                        break;
                store_commit(self);
        }
        g_assert_error(error, TG_ERROR, TG_ERROR_UNREACHABLE);
        g_assert_cmpuint(n, >, 10);
        g_assert_cmpuint(n, <, 30);
        tg_store_rollback(self->store);
        g_assert_true(is_there(self->store, n - 1, &mailbox));
        g_assert_false(is_there(self->store, n, &mailbox));

        sweep(self, NOW, 0); /* five are over, and there is room again */
        store_begin(self);
        insert(self, n, NOW + 1000, 50000);
        store_commit(self);
}

/* What was paid with outlives no time in which it could be paid with again, nor the octets of it.
 */
static void
test_spent_is_forgotten(StoreFixture *self, gconstpointer data)
{
        g_autofree char *octets = g_strnfill(TG_DIGEST_BYTES, 'Q');

        store_begin(self);
        g_assert_true(spend(self, 'Q', 1));
        store_commit(self);
        g_assert_cmpuint(store_count_files_with(self, octets, TG_DIGEST_BYTES), >, 0);
        sweep(self, NOW + 9, 0);
        store_begin(self);
        g_assert_false(spend(self, 'Q', 2));
        store_commit(self);
        sweep(self, NOW + 10, 0);
        g_assert_cmpuint(store_count_files_with(self, octets, TG_DIGEST_BYTES), ==, 0);
        store_begin(self);
        g_assert_true(spend(self, 'Q', 3));
        store_commit(self);
}

#define ADD(name, function)                                                                        \
        g_test_add("/store/" name, StoreFixture, NULL, store_set_up, function, store_tear_down)

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        ADD("batch-is-all-or-nothing", test_batch_is_all_or_nothing);
        ADD("every-field-comes-back", test_every_field_comes_back);
        ADD("spent-once", test_spent_once);
#if HAVE_REDIS
        if (g_getenv("TIGRESS_TEST_REDIS")) {
                ADD("of-two-that-share-it-one-loses", test_of_two_that_share_it_one_loses);
                return g_test_run();
        }
#endif
        ADD("reader-sees-what-is-committed", test_reader_sees_what_is_committed);
        ADD("nothing-is-left-of-the-expired", test_nothing_is_left_of_the_expired);
        ADD("nothing-is-left-among-the-living", test_nothing_is_left_among_the_living);
        ADD("nothing-is-left-of-a-replaced-payload", test_nothing_is_left_of_a_replaced_payload);
        ADD("word-tells-of-no-mailbox", test_word_tells_of_no_mailbox);
        ADD("spent-is-forgotten", test_spent_is_forgotten);
        ADD("one-process-a-file", test_one_process_a_file);
        ADD("foreign-file-is-refused", test_foreign_file_is_refused);
        ADD("full-store-goes-on", test_full_store_goes_on);

        return g_test_run();
}
