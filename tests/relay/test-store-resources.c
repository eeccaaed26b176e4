/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Resources in each store: batches and, on a real file, readers and forgetting. */

#include <string.h>

#include "tests/relay/storefixture.h"

#define NOW STORE_NOW
#define N_RESOURCES 400
#define PATIENCE_US (30 * G_USEC_PER_SEC)

static void
make_id(guint8 id[TG_RESOURCE_ID_BYTES], guint n)
{
        memset(id, 0xd1, TG_RESOURCE_ID_BYTES);
        memcpy(id, &n, sizeof n);
}

/* Number @n: all that is in it is told by it. */
static TgPut
put(StoreFixture *self, guint n, gint64 expires_s, const char *text)
{
        TgResource resource = {
                .expires_s = expires_s,
                .is_lock_required = TRUE,
                .has_request = TRUE,
                .octets = (const guint8 *)text,
                .n_octets = strlen(text),
        };
        g_autoptr(GError) error = NULL;
        TgPut put;

        make_id(resource.id, n);
        memset(resource.request, 0xb4, sizeof resource.request);
        tg_store_put_resource(self->store, &resource, NOW, &put, &error);
        g_assert_no_error(error);

        return put;
}

/* The text, for a claim all of @octet (0: none); NULL when there is nothing for it. */
static char *
get_from(TgStore *store, guint n, guint8 octet, TgGet *ret_get)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) octets = NULL;
        guint8 id[TG_RESOURCE_ID_BYTES], claim[TG_SHA256_BYTES];
        gsize n_octets;
        const char *text;

        make_id(id, n);
        memset(claim, octet, sizeof claim);
        tg_store_get_resource(store, id, octet ? claim : NULL, NOW, ret_get, &octets, &error);
        g_assert_no_error(error);
        g_assert_cmpint(*ret_get == TG_GET_FOUND, ==, octets != NULL);
        text = octets ? g_bytes_get_data(octets, &n_octets) : NULL;

        return octets ? g_strndup(text, n_octets) : NULL;
}

static void
assert_got(TgStore *store, guint n, guint8 octet, const char *wanted)
{
        TgGet get;
        g_autofree char *text = get_from(store, n, octet, &get);

        g_assert_cmpstr(text, ==, wanted);
        if (!text)
                g_assert_cmpint(get, ==, TG_GET_NOTHING);
}

static void
test_batch_is_all_or_nothing(StoreFixture *self, gconstpointer data)
{
        store_begin(self);
        g_assert_cmpint(put(self, 1, NOW + 10, "one"), ==, TG_PUT_MADE);
        tg_store_rollback(self->store);
        assert_got(self->store, 1, 7, NULL);

        store_begin(self);
        g_assert_cmpint(put(self, 1, NOW + 10, "again"), ==, TG_PUT_MADE);
        g_assert_cmpint(put(self, 1, NOW + 10, "twice"), ==, TG_PUT_REPEATED);
        store_commit(self);
        store_begin(self);
        assert_got(self->store, 1, 7, "again");
        tg_store_rollback(self->store); /* nobody has locked it */
        store_begin(self);
        assert_got(self->store, 1, 8, "again");
        store_commit(self);
        store_reopen(self);
        store_begin(self);
        assert_got(self->store, 1, 7, NULL);
        assert_got(self->store, 1, 8, "again");
        store_commit(self);
}

static void
test_a_reader_cannot_lock(StoreFixture *self, gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(TgStore) reader = tg_store_reader(self->store, &error);
        g_autofree char *text = NULL;
        TgGet get;

        g_assert_no_error(error);
        store_begin(self);
        put(self, 1, NOW + 10, "one");
        assert_got(reader, 1, 7, NULL); /* not committed */
        store_commit(self);
        text = get_from(reader, 1, 7, &get);
        g_assert_cmpint(get, ==, TG_GET_WRITE);
        g_assert_null(text);
        assert_got(reader, 1, 0, NULL);

        store_begin(self);
        assert_got(self->store, 1, 7, "one");
        store_commit(self);
        assert_got(reader, 1, 7, "one");
        assert_got(reader, 1, 8, NULL);
}

/* ---- forgetting ---- */

static void
sweep(StoreFixture *self, gint64 now_s)
{
        g_autoptr(GError) error = NULL;
        gboolean is_done = FALSE;

        while (!is_done) {
                store_begin(self);
                tg_store_erase(self->store, now_s, 3600, &is_done, &error);
                g_assert_no_error(error);
                store_commit(self);
        }
        tg_store_maintain(self->store, TRUE);
}

/* How many of the things that are in a resource are in the files. */
static guint
count_left(StoreFixture *self)
{
        static const guint8 octets[] = {0xd1, 0xb4, 0xa3};
        guint n_left = store_count_files_with(self, "canary", 6) > 0;

        for (gsize i = 0; i < G_N_ELEMENTS(octets); i++) {
                guint8 pattern[8];

                memset(pattern, octets[i], sizeof pattern);
                n_left += store_count_files_with(self, pattern, sizeof pattern) > 0;
        }

        return n_left;
}

/* The log is not cut while the other thread is at work on it, but at the next occasion. */
static void
assert_none_left(StoreFixture *self)
{
        gint64 end_us = g_get_monotonic_time() + PATIENCE_US;

        do
                tg_store_maintain(self->store, TRUE);
        while (count_left(self) > 0 && g_get_monotonic_time() < end_us);
        g_assert_cmpuint(count_left(self), ==, 0);
}

/* Long and short ones, some of which outlive others. What a process before may have left is
 * out of the way first: from here on the log is cut only when the store knows why. */
static void
fill(StoreFixture *self)
{
        tg_store_maintain(self->store, TRUE);
        for (guint n = 0; n < N_RESOURCES; n++) {
                g_autofree char *text =
                        g_strdup_printf("canary-%0*d", (int)(20 + n * 104729 % 9000), 0);

                store_begin(self);
                put(self, n * 2654435761u, NOW + 1 + n * 7919 % 100, text);
                assert_got(self->store, n * 2654435761u, 0xa3, text);
                store_commit(self);
        }
        g_assert_cmpuint(count_left(self), ==, 4);
}

static void
test_nothing_is_left_of_the_expired(StoreFixture *self, gconstpointer data)
{
        fill(self);
        for (gint64 now_s = NOW; now_s < NOW + 100; now_s += 10)
                sweep(self, now_s);
        g_assert_cmpuint(store_count_files_with(self, "canary", 6), >, 0);
        sweep(self, NOW + 101);
        assert_none_left(self);
}

static void
test_nothing_is_left_of_the_removed(StoreFixture *self, gconstpointer data)
{
        guint8 claim[TG_SHA256_BYTES];

        memset(claim, 0xa3, sizeof claim);
        fill(self);
        for (guint n = 0; n < N_RESOURCES; n++) {
                guint8 id[TG_RESOURCE_ID_BYTES];
                gboolean is_removed;

                make_id(id, n * 2654435761u);
                store_begin(self);
                g_assert_true(
                        tg_store_remove_resource(self->store, id, claim, NOW, &is_removed, NULL));
                g_assert_true(is_removed);
                store_commit(self);
        }
        assert_none_left(self);
}

static void
test_nothing_is_left_of_the_replaced(StoreFixture *self, gconstpointer data)
{
        gint64 end_us = g_get_monotonic_time() + PATIENCE_US;

        tg_store_maintain(self->store, TRUE);
        store_begin(self);
        put(self, 1, NOW - 1, "canary-of-yesterday");
        store_commit(self);
        g_assert_cmpuint(store_count_files_with(self, "canary", 6), >, 0);
        store_begin(self);
        g_assert_cmpint(put(self, 1, NOW + 10, "new"), ==, TG_PUT_MADE);
        store_commit(self);
        do
                tg_store_maintain(self->store, TRUE);
        while (store_count_files_with(self, "canary", 6) > 0 && g_get_monotonic_time() < end_us);
        g_assert_cmpuint(store_count_files_with(self, "canary", 6), ==, 0);
}

#define ADD(name, function)                                                                        \
        g_test_add("/store-resources/" name,                                                       \
                   StoreFixture,                                                                   \
                   NULL,                                                                           \
                   store_set_up,                                                                   \
                   function,                                                                       \
                   store_tear_down)

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        ADD("batch-is-all-or-nothing", test_batch_is_all_or_nothing);
        if (g_getenv("TIGRESS_TEST_REDIS"))
                return g_test_run();
        ADD("a-reader-cannot-lock", test_a_reader_cannot_lock);
        ADD("nothing-is-left-of-the-expired", test_nothing_is_left_of_the_expired);
        ADD("nothing-is-left-of-the-removed", test_nothing_is_left_of_the_removed);
        ADD("nothing-is-left-of-the-replaced", test_nothing_is_left_of_the_replaced);

        return g_test_run();
}
