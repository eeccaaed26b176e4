/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Items in a real keyring: what is stored, found, replaced and left alone.
 */

#include <string.h>

#include "tests/bus/keyring-fixture.h"

#define SCHEMA "org.tigress.Wallet1.Credential"

/* ---- storing and finding ---- */

static void
test_a_credential_is_one_item_with_these_attributes(KeyringFixture *f, gconstpointer data)
{
        const char *const pairs[] = {"tigress", "credential", NULL};
        g_auto(GStrv) paths = NULL;
        g_autoptr(GVariant) attributes = NULL;
        g_autoptr(GVariant) label = NULL;
        const char *value;
        g_auto(KeyringAnswer) answer = {0};

        keyring_store(f, ID_A, "Alice's 🗝 key", "s3cret");
        paths = keyring_search(pairs);
        g_assert_cmpuint(g_strv_length(paths), ==, 1);
        g_assert_true(g_str_has_prefix(paths[0], LOGIN "/"));
        label = keyring_property(paths[0], "org.freedesktop.Secret.Item", "Label");
        g_assert_cmpstr(g_variant_get_string(label, NULL), ==, "Alice's 🗝 key");
        attributes = keyring_property(paths[0], "org.freedesktop.Secret.Item", "Attributes");
        g_assert_cmpuint(g_variant_n_children(attributes), ==, 3);
        g_assert_true(g_variant_lookup(attributes, "xdg:schema", "&s", &value));
        g_assert_cmpstr(value, ==, SCHEMA);
        g_assert_true(g_variant_lookup(attributes, "tigress", "&s", &value));
        g_assert_cmpstr(value, ==, "credential");
        g_assert_true(g_variant_lookup(attributes, "id", "&s", &value));
        g_assert_cmpstr(value, ==, ID_A);

        keyring_assert_found(
                tg_keyring_load_credential(f->keyring, ID_A, keyring_on_answer, &answer),
                &answer,
                "s3cret");
        g_assert_cmpstr(answer.content_type, ==, "text/plain");
}

static void
test_storing_again_replaces_and_makes_no_second_item(KeyringFixture *f, gconstpointer data)
{
        const char *const pairs[] = {"tigress", "credential", NULL};

        keyring_store(f, ID_A, "a", "one");
        keyring_store(f, ID_B, "b", "other");
        keyring_store(f, ID_A, "a", "one");
        keyring_store(f, ID_A, "a", "two");
        g_assert_cmpuint(keyring_count(pairs), ==, 2);
        FOUND("two", tg_keyring_load_credential, ID_A);
        FOUND("other", tg_keyring_load_credential, ID_B);
        DONE(tg_keyring_remove_credential, ID_A);
        FAILED(TG_ERROR_NOT_FOUND, tg_keyring_load_credential, ID_A);
        FOUND("other", tg_keyring_load_credential, ID_B);
        DONE(tg_keyring_remove_credential, ID_A); /* none: fine too */
}

static void
test_items_of_other_programs_are_left_alone(KeyringFixture *f, gconstpointer data)
{
        const char *const near[][9] = {
                {"xdg:schema", SCHEMA,     "id",                  ID_A, NULL},
                {"xdg:schema",        SCHEMA,                  "tigress",                            "credential", "id", ID_B, NULL},
                {"xdg:schema",   SCHEMA,"tigress","other", "id", ID_A, NULL},
                {"tigress",        "credential",                  "id",                            "other", NULL},
                {"id",   ID_A,                       NULL                                                                  },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(near); i++)
                g_free(keyring_make_item("theirs", "theirs", near[i]));
        keyring_store(f, ID_A, "ours", "ours");
        keyring_store(f, ID_A, "ours", "ours again");
        FOUND("ours again", tg_keyring_load_credential, ID_A);
        DONE(tg_keyring_remove_credential, ID_A);

        for (gsize i = 0; i < G_N_ELEMENTS(near); i++) {
                g_auto(GStrv) paths = keyring_search(near[i]);

                g_assert_cmpuint(g_strv_length(paths), >=, 1);
                for (char **path = paths; *path; path++)
                        FOUND("theirs", tg_keyring_load_item, *path);
        }
}

static void
test_any_octets_come_back(KeyringFixture *f, gconstpointer data)
{
        static const gsize sizes[] = {0, 1, 31, 32, 45056};

        for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
                g_autofree guint8 *octets = g_malloc(sizes[i] + 1);
                g_autoptr(TgSecret) secret = NULL;
                g_auto(KeyringAnswer) answer = {0};

                for (gsize n = 0; n < sizes[i]; n++)
                        octets[n] = (guint8)(n * 7);
                secret = tg_secret_new(octets, sizes[i], NULL);
                DONE(tg_keyring_store_credential, ID_A, "x", "application/octet-stream", secret);
                keyring_wait_for(
                        &answer,
                        tg_keyring_load_credential(f->keyring, ID_A, keyring_on_answer, &answer));
                g_assert_no_error(answer.error);
                g_assert_cmpmem(answer.secret, answer.n_secret, octets, sizes[i]);
                /* gnome-keyring keeps no content type: all is text/plain to it. */
                g_assert_nonnull(answer.content_type);
        }
}

static void
test_key_and_count_are_kept(KeyringFixture *f, gconstpointer data)
{
        const char *const key_pairs[] = {
                "xdg:schema", "org.tigress.Wallet1.StateKey", "tigress", "state-key", NULL};
        const char *const count_pairs[] = {
                "xdg:schema", "org.tigress.Wallet1.TryCounter", "tigress", "try-counter", NULL};
        g_autoptr(TgSecret) key = keyring_secret_of("0123456789abcdef0123456789abcdef");

        FAILED(TG_ERROR_NOT_FOUND, tg_keyring_load_key);
        FAILED(TG_ERROR_NOT_FOUND, tg_keyring_load_count);
        DONE(tg_keyring_store_key, key);
        FOUND("0123456789abcdef0123456789abcdef", tg_keyring_load_key);
        DONE(tg_keyring_store_count, 7);
        DONE(tg_keyring_store_count, G_MAXUINT64);
        FOUND("18446744073709551615", tg_keyring_load_count);
        g_assert_cmpuint(keyring_count(key_pairs), ==, 1);
        g_assert_cmpuint(keyring_count(count_pairs), ==, 1);
}

/* ---- the user's items ---- */

static void
test_an_item_is_found_by_path(KeyringFixture *f, gconstpointer data)
{
        const char *const pairs[] = {"server", "mail.example", NULL};
        g_autofree char *path = keyring_make_item("Mail", "word", pairs);
        g_auto(KeyringAnswer) answer = {0};

        keyring_assert_found(tg_keyring_load_item(f->keyring, path, keyring_on_answer, &answer),
                             &answer,
                             "word");
        g_assert_cmpstr(answer.label, ==, "Mail");
        g_assert_cmpstr(answer.content_type, ==, "text/plain");
        FAILED(TG_ERROR_NOT_FOUND, tg_keyring_load_item, LOGIN "/9999");
        FAILED(TG_ERROR_NOT_FOUND, tg_keyring_load_item, "/org/example");
        FAILED(TG_ERROR_INVALID, tg_keyring_load_item, "Mail");
        FAILED(TG_ERROR_INVALID, tg_keyring_load_item, "");
}

static void
test_attributes_must_match_exactly_one(KeyringFixture *f, gconstpointer data)
{
        const char *const one[] = {"server", "a.example", "user", "alice", NULL};
        const char *const two[] = {"server", "a.example", "user", "bob", NULL};
        G_GNUC_UNUSED g_autofree char *first = keyring_make_item("First", "1", one);
        G_GNUC_UNUSED g_autofree char *second = keyring_make_item("Second", "2", two);
        g_autoptr(GHashTable) attributes = g_hash_table_new(g_str_hash, g_str_equal);
        g_auto(KeyringAnswer) several = {0};

        g_hash_table_insert(attributes, (gpointer) "server", (gpointer) "a.example");
        keyring_assert_failed(
                tg_keyring_find_item(f->keyring, attributes, keyring_on_answer, &several),
                &several,
                TG_ERROR_INVALID);
        g_assert_nonnull(strstr(several.error->message, "2 items"));
        g_hash_table_insert(attributes, (gpointer) "user", (gpointer) "bob");
        FOUND("2", tg_keyring_find_item, attributes);
        g_hash_table_insert(attributes, (gpointer) "user", (gpointer) "carol");
        FAILED(TG_ERROR_NOT_FOUND, tg_keyring_find_item, attributes);
}

static void
test_our_own_keys_are_not_shared(KeyringFixture *f, gconstpointer data)
{
        const char *const pairs[] = {"tigress", "state-key", NULL};
        g_autoptr(GHashTable) attributes = g_hash_table_new(g_str_hash, g_str_equal);
        g_autoptr(TgSecret) key = keyring_secret_of("0123456789abcdef0123456789abcdef");
        g_auto(GStrv) paths = NULL;

        DONE(tg_keyring_store_key, key);
        DONE(tg_keyring_store_count, 7);
        paths = keyring_search(pairs);
        FAILED(TG_ERROR_INVALID, tg_keyring_load_item, paths[0]);
        g_hash_table_insert(attributes, (gpointer) "tigress", (gpointer) "state-key");
        FAILED(TG_ERROR_INVALID, tg_keyring_find_item, attributes);
        g_hash_table_insert(attributes, (gpointer) "tigress", (gpointer) "try-counter");
        FAILED(TG_ERROR_INVALID, tg_keyring_find_item, attributes);
}

int
main(int argc, char **argv)
{
        keyring_init(&argc, &argv);

        KEYRING_ADD("a-credential-is-one-item-with-these-attributes",
                    keyring_set_up_unlocked,
                    test_a_credential_is_one_item_with_these_attributes);
        KEYRING_ADD("storing-again-replaces-and-makes-no-second-item",
                    keyring_set_up_unlocked,
                    test_storing_again_replaces_and_makes_no_second_item);
        KEYRING_ADD("items-of-other-programs-are-left-alone",
                    keyring_set_up_unlocked,
                    test_items_of_other_programs_are_left_alone);
        KEYRING_ADD("any-octets-come-back", keyring_set_up_unlocked, test_any_octets_come_back);
        KEYRING_ADD("key-and-count-are-kept", keyring_set_up_unlocked, test_key_and_count_are_kept);
        KEYRING_ADD(
                "an-item-is-found-by-path", keyring_set_up_unlocked, test_an_item_is_found_by_path);
        KEYRING_ADD("attributes-must-match-exactly-one",
                    keyring_set_up_unlocked,
                    test_attributes_must_match_exactly_one);
        KEYRING_ADD("our-own-keys-are-not-shared",
                    keyring_set_up_unlocked,
                    test_our_own_keys_are_not_shared);

        return keyring_run();
}
