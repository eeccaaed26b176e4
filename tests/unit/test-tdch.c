/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "protocol/limits.h"
#include "protocol/tdch-message.h"
#include "protocol/tdch.h"
#include "tests/unit/helper.h"
#include "tests/unit/tdch-fixture.h"

/* ---- turns and places ---- */

static void
test_a_conversation_arrives(gconstpointer data)
{
        g_auto(Pair) pair = {0};
        g_autoptr(GHashTable) places = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

        pair_init(&pair, (guint16)GPOINTER_TO_UINT(data));
        for (guint i = 0; i < 10; i++) {
                TgTdch *writer = i % 2 ? pair.bob : pair.alice;
                TgTdch *reader = i % 2 ? pair.alice : pair.bob;
                char before[TG_TDCH_LOCATION_CHARS + 1];

                g_assert_true(tg_tdch_is_own_turn(writer));
                g_assert_false(tg_tdch_is_own_turn(reader));
                g_assert_true(tg_tdch_location(reader, TG_TDCH_IN_FORCE, before, NULL));
                put(&pair, writer, "the same each time");
                g_assert_cmpstr(pair.location, ==, before);
                g_assert_true(g_hash_table_add(places, g_strdup(pair.location)));
                get(&pair, reader, TG_TDCH_IN_FORCE, "the same each time");
                g_assert_cmpuint(tg_tdch_index(writer), ==, i + 1);
                g_assert_cmpuint(tg_tdch_index(reader), ==, i + 1);
        }
}

static void
test_out_of_turn_changes_nothing(void)
{
        g_auto(Pair) pair = {0};
        g_autoptr(TgSecret) message = helper_secret("too early");
        char location[TG_TDCH_LOCATION_CHARS + 1];

        pair_init(&pair, 0x1301);
        for (guint i = 0; i < 4; i++) {
                TgTdch *writer = i % 2 ? pair.bob : pair.alice;
                TgTdch *reader = i % 2 ? pair.alice : pair.bob;
                g_autoptr(TgSecret) writing = save(writer);
                g_autoptr(TgSecret) reading = save(reader);
                g_autoptr(GError) error = NULL;

                g_assert_null(tg_tdch_write(reader, message, NULL, location, &error));
                helper_assert_error(error, TG_ERROR_BAD_STATE, "too early");
                assert_unchanged(reader, reading);
                if (i > 0) /* its own, and the one before */
                        g_assert_null(look(&pair, writer, TG_TDCH_IN_FORCE, TG_ERROR_BAD_STATE));
                assert_unchanged(writer, writing);
                say(&pair, writer, reader, "in turn");
        }
}

/* The link alone does not tell where anything but the first message lies. */
static void
test_the_first_messages_are_not_to_be_guessed(void)
{
        g_auto(Pair) one = {0}, other = {0};

        pair_init(&one, 0x1301);
        pair_init(&other, 0x1301);
        assert_location(one.bob, TG_TDCH_IN_FORCE, "", FALSE);
        for (guint i = 0; i < 6; i++) {
                g_autoptr(TgSecret) saved = NULL;
                gsize n_before, n_random = i < 2 ? 32 : 16;

                saved = save(one.alice);
                n_before = tg_secret_size(saved);
                put(&one, i % 2 ? one.bob : one.alice, "the same");
                put(&other, i % 2 ? other.bob : other.alice, "the same");
                g_assert_cmpint(strcmp(one.location, other.location) == 0, ==, i == 0);
                get(&one, i % 2 ? one.alice : one.bob, TG_TDCH_IN_FORCE, "the same");
                get(&other, i % 2 ? other.alice : other.bob, TG_TDCH_IN_FORCE, "the same");
                tg_secret_unref(saved);
                saved = save(one.alice);
                g_assert_cmpuint(tg_secret_size(saved), ==, n_before + 7 + n_random + 8);
                g_assert_cmpuint(tg_secret_get(saved, NULL)[n_before], ==, n_random);
        }
}

static void
test_locations_go_into_the_template(void)
{
        static const struct {
                const char *template, *url;
        } cases[] = {
                {"https://a.example/v1/t/{tigress_location}",       "https://a.example/v1/t/LOC"},
                {"https://a.example/x?at={tigress_location}&b=%7B",
                 "https://a.example/x?at=LOC&b=%7B"                                             },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *url = tg_tdch_url(cases[i].template, "LOC");

                g_assert_cmpstr(url, ==, cases[i].url);
        }
}

/* ---- what is not right ends it ---- */

static void
test_each_changed_bit_ends_it(gconstpointer data)
{
        g_auto(Pair) pair = {0};
        g_autoptr(TgSecret) bob = NULL;
        g_autofree guint8 *octets = NULL;
        gsize n_octets;

        pair_init(&pair, (guint16)GPOINTER_TO_UINT(data));
        bob = save(pair.bob);
        put(&pair, pair.alice, "hello");
        octets = g_memdup2(g_bytes_get_data(pair.octets, &n_octets), g_bytes_get_size(pair.octets));
        n_octets = g_bytes_get_size(pair.octets);
        for (gsize bit = 0; bit < n_octets * 8; bit++) {
                g_autoptr(TgTdch) reader = tg_tdch_load(bob, NULL);
                g_autoptr(GError) error = NULL;

                octets[bit / 8] ^= (guint8)(1 << bit % 8);
                g_assert_null(tg_tdch_read(reader, TG_TDCH_IN_FORCE, octets, n_octets, &error));
                helper_assert_error(error, TG_ERROR_TAMPERED, "hello");
                octets[bit / 8] ^= (guint8)(1 << bit % 8);
                /* the right octets come too late */
                g_assert_null(look(&pair, reader, TG_TDCH_IN_FORCE, TG_ERROR_BAD_STATE));
                assert_erased(reader);
        }
        for (gsize n = 0; n < n_octets; n++) {
                g_autoptr(TgTdch) reader = tg_tdch_load(bob, NULL);
                g_autofree guint8 *cut = g_memdup2(octets, n);

                g_assert_null(tg_tdch_read(reader, TG_TDCH_IN_FORCE, cut, n, NULL));
                assert_erased(reader);
        }
}

/* Seals @plaintext as message 0 of the pair, whatever it holds. */
static GBytes *
forge(const TgSecret *plaintext)
{
        const TgTdchSuite *suite = tg_tdch_suite(0x1301, NULL);
        g_autoptr(TgSecret) secret = helper_secret_filled(7, 32);
        guint8 digest[TG_MAX_HASH_BYTES];
        gsize n_digest = tg_hash(suite->hash, "", 0, digest);
        g_autoptr(TgSecret) key =
                tg_hkdf_expand_label(suite->hash, secret, "Key", digest, n_digest, 32, NULL);

        return tg_tdch_protect(suite, key, NULL, plaintext, NULL);
}

static void
test_only_the_whole_structure_is_taken(void)
{
        static const struct {
                gsize n_random, n_after;
                guint id;
                gboolean is_right;
        } cases[] = {
                {16,  0, 0, TRUE },
                {255, 0, 0, TRUE },
                {15,  0, 0, FALSE},
                {0,   0, 0, FALSE},
                {32,  1, 0, FALSE},
                {32,  0, 1, FALSE},
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_auto(Pair) pair = {0};
                g_autoptr(TgSecret) text = helper_secret("hi");
                g_autoptr(TgSecret) right =
                        tg_tdch_structure_build(cases[i].id, NULL, cases[i].n_random, text, NULL);
                g_autoptr(TgSecret) plaintext = NULL;
                g_autoptr(TgSecret) message = NULL;
                guint8 *room;

                plaintext =
                        tg_secret_new_blank(tg_secret_size(right) + cases[i].n_after, &room, NULL);
                memcpy(room, tg_secret_get(right, NULL), tg_secret_size(right));
                pair_init(&pair, 0x1301);
                pair.octets = forge(plaintext);
                message = look(&pair, pair.bob, TG_TDCH_IN_FORCE, TG_ERROR_TAMPERED);
                g_assert_cmpint(message != NULL, ==, cases[i].is_right);
                if (!message)
                        assert_erased(pair.bob);
        }
}

/* ---- limits ---- */

static TgSecret *
filled(gsize n_bytes)
{
        return helper_secret_filled('x', n_bytes);
}

static void
test_the_longest_message_fits_and_no_longer_one(void)
{
        for (guint suite = 0x1301; suite <= 0x1303; suite++) {
                g_auto(Pair) pair = {0};
                g_autoptr(TgSecret) longest = filled(TG_MAX_TDCH_MESSAGE_BYTES);
                g_autoptr(TgSecret) longer = filled(TG_MAX_TDCH_MESSAGE_BYTES + 1);
                g_autoptr(TgSecret) arrived = NULL;
                g_autoptr(TgSecret) before = NULL;
                g_autoptr(GError) error = NULL;

                pair_init(&pair, (guint16)suite);
                before = save(pair.alice);
                g_assert_null(tg_tdch_write(pair.alice, longer, NULL, pair.location, &error));
                helper_assert_error(error, TG_ERROR_LIMIT_REACHED, NULL);
                assert_unchanged(pair.alice, before);
                pair.octets = tg_tdch_write(pair.alice, longest, NULL, pair.location, NULL);
                g_assert_cmpuint(g_bytes_get_size(pair.octets), <=, TG_MAX_TDCH_BODY_BYTES);
                g_assert_cmpint(g_bytes_get_size(pair.octets) == TG_MAX_TDCH_BODY_BYTES,
                                ==,
                                suite != 0x1301);
                arrived = look(&pair, pair.bob, TG_TDCH_IN_FORCE, TG_ERROR_FAILED);
                g_assert_true(tg_secret_equal(arrived, longest));
        }
}

static void
test_an_exchange_has_an_end(void)
{
        g_auto(Pair) pair = {0};
        g_autoptr(TgSecret) longest = filled(TG_MAX_TDCH_MESSAGE_BYTES);
        /* 7 of them and their fixed octets, the first two with 32 random ones, the others with 16
         */
        gsize n_left = TG_MAX_TDCH_TRANSCRIPT_BYTES - 7 * (TG_MAX_TDCH_MESSAGE_BYTES + 7) - 2 * 32 -
                       5 * 16 - (7 + 16);
        g_autoptr(TgSecret) last = filled(n_left);
        g_autoptr(TgSecret) too_long = filled(n_left + 1);
        g_autoptr(TgSecret) before = NULL;
        g_autoptr(GError) error = NULL;

        pair_init(&pair, 0x1301);
        for (guint i = 0; i < 7; i++) {
                g_autoptr(TgSecret) arrived = NULL;

                g_clear_pointer(&pair.octets, g_bytes_unref);
                pair.octets = tg_tdch_write(
                        i % 2 ? pair.bob : pair.alice, longest, NULL, pair.location, NULL);
                arrived = look(
                        &pair, i % 2 ? pair.alice : pair.bob, TG_TDCH_IN_FORCE, TG_ERROR_FAILED);
                g_assert_nonnull(arrived);
        }
        before = save(pair.bob);
        g_assert_null(tg_tdch_write(pair.bob, too_long, NULL, pair.location, &error));
        helper_assert_error(error, TG_ERROR_LIMIT_REACHED, NULL);
        assert_unchanged(pair.bob, before);
        g_clear_pointer(&pair.octets, g_bytes_unref);
        pair.octets = tg_tdch_write(pair.bob, last, NULL, pair.location, NULL);
        g_assert_nonnull(pair.octets);
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);
        for (guint suite = 0x1301; suite <= 0x1303; suite++) {
                g_autofree char *arrives =
                        g_strdup_printf("/tdch/a-conversation-arrives/%x", suite);
                g_autofree char *ends = g_strdup_printf("/tdch/each-changed-bit-ends-it/%x", suite);

                g_test_add_data_func(arrives, GUINT_TO_POINTER(suite), test_a_conversation_arrives);
                g_test_add_data_func(ends, GUINT_TO_POINTER(suite), test_each_changed_bit_ends_it);
        }
        g_test_add_func("/tdch/out-of-turn-changes-nothing", test_out_of_turn_changes_nothing);
        g_test_add_func("/tdch/the-first-messages-are-not-to-be-guessed",
                        test_the_first_messages_are_not_to_be_guessed);
        g_test_add_func("/tdch/locations-go-into-the-template",
                        test_locations_go_into_the_template);
        g_test_add_func("/tdch/only-the-whole-structure-is-taken",
                        test_only_the_whole_structure_is_taken);
        g_test_add_func("/tdch/the-longest-message-fits-and-no-longer-one",
                        test_the_longest_message_fits_and_no_longer_one);
        g_test_add_func("/tdch/an-exchange-has-an-end", test_an_exchange_has_an_end);

        return g_test_run();
}
