/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/tdch-fixture.h"

#include <string.h>

#include "tests/unit/helper.h"

#define SAVED_HEAD_BYTES 9 /* version, role, flags, suite, index */

void
pair_init(Pair *pair, guint16 suite)
{
        g_autoptr(TgSecret) secret = helper_secret_filled(7, suite == 0x1302 ? 48 : 32);

        pair->alice = tg_tdch_new(TG_ROLE_INITIATOR, suite, secret, NULL);
        pair->bob = tg_tdch_new(TG_ROLE_RECIPIENT, suite, secret, NULL);
        g_assert_nonnull(pair->alice);
        g_assert_nonnull(pair->bob);
}

void
pair_clear(Pair *pair)
{
        tg_tdch_free(pair->alice);
        tg_tdch_free(pair->bob);
        g_clear_pointer(&pair->octets, g_bytes_unref);
}
void
put(Pair *pair, TgTdch *writer, const char *text)
{
        g_autoptr(TgSecret) message = helper_secret(text);
        g_autoptr(GError) error = NULL;

        g_clear_pointer(&pair->octets, g_bytes_unref);
        pair->octets = tg_tdch_write(writer, message, NULL, pair->location, &error);
        g_assert_no_error(error);
}

/* What @reader makes of the last message; NULL when it refuses. */
TgSecret *
look(const Pair *pair, TgTdch *reader, TgTdchSecret which, TgError wanted)
{
        g_autoptr(GError) error = NULL;
        gsize n_octets;
        const guint8 *octets = g_bytes_get_data(pair->octets, &n_octets);
        TgSecret *message = tg_tdch_read(reader, which, octets, n_octets, &error);

        if (!message)
                helper_assert_error(error, wanted, NULL);

        return message;
}

void
get(const Pair *pair, TgTdch *reader, TgTdchSecret which, const char *text)
{
        g_autoptr(TgSecret) message = look(pair, reader, which, TG_ERROR_FAILED);
        g_autoptr(TgSecret) wanted = helper_secret(text);

        g_assert_nonnull(message);
        g_assert_true(tg_secret_equal(message, wanted));
}

void
say(Pair *pair, TgTdch *writer, TgTdch *reader, const char *text)
{
        put(pair, writer, text);
        get(pair, reader, TG_TDCH_IN_FORCE, text);
}

void
assert_location(const TgTdch *side, TgTdchSecret which, const char *location, gboolean is_it)
{
        char found[TG_TDCH_LOCATION_CHARS + 1];

        g_assert_true(tg_tdch_location(side, which, found, NULL));
        g_assert_cmpint(strcmp(found, location) == 0, ==, is_it);
}

TgSecret *
save(const TgTdch *side)
{
        TgSecret *saved = tg_tdch_save(side, NULL);

        g_assert_nonnull(saved);
        return saved;
}

void
assert_unchanged(const TgTdch *side, const TgSecret *before)
{
        g_autoptr(TgSecret) after = save(side);

        g_assert_true(tg_secret_equal(before, after));
}

/* Over, for good, and nothing is left of it. */
void
assert_erased(TgTdch *side)
{
        g_autoptr(TgSecret) saved = save(side);
        g_autoptr(TgTdch) loaded = tg_tdch_load(saved, NULL);
        g_autoptr(TgSecret) message = helper_secret("more");
        TgTdch *sides[] = {side, loaded};

        g_assert_cmpuint(tg_secret_size(saved), ==, SAVED_HEAD_BYTES);
        for (guint i = 0; i < G_N_ELEMENTS(sides); i++) {
                char location[TG_TDCH_LOCATION_CHARS + 1];

                g_assert_true(tg_tdch_is_over(sides[i]));
                g_assert_false(tg_tdch_is_own_turn(sides[i]));
                g_assert_false(tg_tdch_location(sides[i], TG_TDCH_IN_FORCE, location, NULL));
                g_assert_null(tg_tdch_write(sides[i], message, NULL, location, NULL));
                g_assert_null(
                        tg_tdch_read(sides[i], TG_TDCH_IN_FORCE, (const guint8 *)"", 0, NULL));
                g_assert_false(tg_tdch_rekey(sides[i], message, NULL));
        }
}

void
answer(Pair *pair, guint16 suite)
{
        pair_init(pair, suite);
        say(pair, pair->alice, pair->bob, "offer");
        say(pair, pair->bob, pair->alice, "response");
}
