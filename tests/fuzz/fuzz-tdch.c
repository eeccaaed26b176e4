/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The plain-HTTP transport: two sides and a server that shows whatever it likes. The first octet
 * is the suite, the others are steps, see step(). Every state is saved and loaded.
 */

#include <string.h>

#include "protocol/bytes.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/tdch-message.h"
#include "protocol/tdch.h"
#include "tests/fuzz/fuzz.h"

#define MAX_STEPS 100
#define SAVED_HEAD_BYTES 9

typedef struct {
        char location[TG_TDCH_LOCATION_CHARS + 1];
        GBytes *octets;
        TgSecret *message;   /* NULL: nobody's */
        TgSecret *plaintext; /* what was forged; NULL: an own message, or damaged */
} Seen;

typedef struct {
        FuzzInput input;
        TgTdch *sides[2]; /* by TgRole */
        GPtrArray *seen;  /* of Seen */
        const TgTdchSuite *suite;
        gboolean is_rekeyed[2];
        guint n_fail_at; /* the secret for which the next step finds no memory; 0: none */
} Run;

static void
seen_free(gpointer data)
{
        Seen *seen = data;

        g_bytes_unref(seen->octets);
        tg_secret_unref(seen->message);
        tg_secret_unref(seen->plaintext);
        g_free(seen);
}

static TgSecret *
save(const TgTdch *side)
{
        g_autoptr(GError) error = NULL;
        TgSecret *saved = tg_tdch_save(side, &error);

        g_assert_no_error(error);

        return saved;
}

/* Saved and loaded it is the same; the loaded one goes on. */
static void
keep(TgTdch **side)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(TgSecret) saved = save(*side);
        g_autoptr(TgSecret) again = NULL;
        g_autoptr(TgSecret) cut = tg_secret_slice(saved, 0, tg_secret_size(saved) - 1, NULL);
        TgTdch *loaded = tg_tdch_load(saved, &error);

        g_assert_no_error(error);
        again = save(loaded);
        g_assert_true(tg_secret_equal(saved, again));
        g_assert_null(tg_tdch_load(cut, NULL));
        tg_tdch_free(*side);
        *side = loaded;
}

/* ---- steps ---- */

static Seen *
add_seen(Run *run, const char *location, GBytes *octets, TgSecret *message)
{
        Seen *seen = g_new0(Seen, 1);

        g_strlcpy(seen->location, location, sizeof seen->location);
        seen->octets = octets;
        seen->message = message;
        g_ptr_array_add(run->seen, seen);

        return seen;
}

static void
write_message(Run *run, TgRole role, guint8 n)
{
        g_autoptr(GError) error = NULL;
        TgTdch *side = run->sides[role];
        gsize n_bytes;
        const guint8 *bytes = fuzz_take(&run->input, n, &n_bytes);
        g_autoptr(TgSecret) message = fuzz_secret(bytes, n_bytes);
        g_autoptr(TgSecret) before = save(side);
        char location[TG_TDCH_LOCATION_CHARS + 1], expected[TG_TDCH_LOCATION_CHARS + 1];
        gboolean is_own = tg_tdch_is_own_turn(side);
        guint index = tg_tdch_index(side);
        GBytes *octets;

        if (is_own)
                g_assert_true(tg_tdch_location(side, TG_TDCH_IN_FORCE, expected, NULL));
        fuzz_secrets_fail_at(run->n_fail_at);
        octets = tg_tdch_write(side, message, NULL, location, &error);
        fuzz_secrets_fail_at(0);
        g_assert_true((octets != NULL) == is_own || run->n_fail_at > 0);
        if (!octets) {
                g_autoptr(TgSecret) after = save(side);

                helper_assert_error(
                        error, is_own ? TG_ERROR_LIMIT_REACHED : TG_ERROR_BAD_STATE, NULL);
                g_assert_true(tg_secret_equal(before, after));
                return;
        }
        g_assert_cmpstr(location, ==, expected);
        g_assert_cmpuint(tg_tdch_index(side), ==, index + 1);
        g_assert_false(tg_tdch_is_own_turn(side));
        add_seen(run, location, octets, g_steal_pointer(&message));
}

static void
check_over(const TgTdch *side)
{
        char location[TG_TDCH_LOCATION_CHARS + 1];
        g_autoptr(TgSecret) saved = save(side);

        g_assert_true(tg_tdch_is_over(side));
        g_assert_false(tg_tdch_is_own_turn(side));
        g_assert_false(tg_tdch_location(side, TG_TDCH_IN_FORCE, location, NULL));
        g_assert_false(tg_tdch_location(side, TG_TDCH_EXPECTED, location, NULL));
        g_assert_cmpuint(tg_secret_size(saved), ==, SAVED_HEAD_BYTES); /* nothing secret */
}

/* What a peer wrote, once it was taken: whole, of this number, not to be guessed. */
static void
check_taken(const TgTdch *side, const Seen *seen, const TgSecret *message)
{
        TgTdchStructure structure;
        gsize n_bytes;
        const guint8 *bytes = tg_secret_get(seen->plaintext, &n_bytes);

        g_assert_true(tg_tdch_structure_take(bytes, n_bytes, &structure));
        g_assert_cmpuint(structure.n_all, ==, n_bytes);
        g_assert_cmpuint(structure.id + 1, ==, tg_tdch_index(side));
        g_assert_true(structure.id >= 2 || structure.n_random >= 16);
        g_assert_cmpmem(bytes + structure.offset,
                        structure.n_message,
                        tg_secret_get(message, NULL),
                        tg_secret_size(message));
}

static void
read_message(Run *run, TgRole role, const Seen *seen, TgTdchSecret which)
{
        g_autoptr(GError) error = NULL;
        TgTdch *side = run->sides[role];
        g_autoptr(TgSecret) before = save(side);
        g_autoptr(TgSecret) message = NULL;
        char location[TG_TDCH_LOCATION_CHARS + 1] = "";
        gboolean was_over = tg_tdch_is_over(side);
        gsize n_octets;
        const guint8 *octets = g_bytes_get_data(seen->octets, &n_octets);

        tg_tdch_location(side, which, location, NULL);
        fuzz_secrets_fail_at(run->n_fail_at);
        message = tg_tdch_read(side, which, octets, n_octets, &error);
        fuzz_secrets_fail_at(0);
        fuzz_check_error(error, !message);
        if (message) {
                /* found where it was put, it is what was put there */
                g_assert_true(tg_tdch_is_own_turn(side));
                if (seen->message && g_str_equal(location, seen->location))
                        g_assert_true(tg_secret_equal(message, seen->message));
                if (seen->plaintext)
                        check_taken(side, seen, message);
                run->is_rekeyed[role] |= which == TG_TDCH_EXPECTED;
        } else if (tg_error_code(error) == TG_ERROR_TAMPERED) {
                check_over(side);
        } else {
                g_autoptr(TgSecret) after = save(side);

                g_assert_true(tg_secret_equal(before, after));
                g_assert_cmpint(was_over, ==, tg_tdch_is_over(side));
        }
        if (!message && seen->message && g_str_equal(location, seen->location))
                g_assert_cmpint(tg_error_code(error), !=, TG_ERROR_TAMPERED);
}

static void
read_one(Run *run, TgRole role, guint8 which, TgTdchSecret secret)
{
        if (run->seen->len > 0)
                read_message(
                        run, role, g_ptr_array_index(run->seen, which % run->seen->len), secret);
}

static void
damage(Run *run, guint8 which, guint8 at)
{
        const Seen *seen;
        gsize n_bytes;
        guint8 *copy;

        if (run->seen->len == 0)
                return;
        seen = g_ptr_array_index(run->seen, which % run->seen->len);
        n_bytes = g_bytes_get_size(seen->octets);
        if (n_bytes == 0)
                return;
        copy = g_memdup2(g_bytes_get_data(seen->octets, NULL), n_bytes);
        copy[n_bytes * at / 256] ^= 0x10;
        add_seen(run, "", g_bytes_new_take(copy, n_bytes), NULL);
}

/* Any plaintext, under the key of the message that @role awaits: what a peer may write. */
static void
forge(Run *run, TgRole role, guint8 n)
{
        g_autoptr(TgSecret) saved = save(run->sides[role]);
        g_autoptr(TgSecret) secret = NULL;
        g_autoptr(TgSecret) key = NULL;
        g_autoptr(TgSecret) plaintext = NULL;
        const guint8 *at = tg_secret_get(saved, NULL) + SAVED_HEAD_BYTES;
        const guint8 *end = tg_secret_get(saved, NULL) + tg_secret_size(saved);
        gboolean is_expected = (tg_secret_get(saved, NULL)[2] & 4) != 0;
        guint8 digest[TG_MAX_HASH_BYTES];
        gsize n_digest, n_bytes;
        const guint8 *bytes = fuzz_take(&run->input, 8 * (gsize)n, &n_bytes);
        Seen *seen;

        if (at == end)
                return;
        secret = fuzz_secret(at + 1, *at);
        at += 1 + *at;
        at += is_expected ? 1 + *at : 0;
        n_digest = tg_hash(run->suite->hash, at, (gsize)(end - at), digest);
        key = tg_hkdf_expand_label(run->suite->hash, secret, "Key", digest, n_digest, 32, NULL);
        plaintext = fuzz_secret(bytes, n_bytes);
        seen = add_seen(run, "", tg_tdch_protect(run->suite, key, NULL, plaintext, NULL), NULL);
        seen->plaintext = g_steal_pointer(&plaintext);
}

static void
rekey(Run *run, TgRole role, guint8 octet, gsize n_bytes)
{
        g_autoptr(TgSecret) exporter = fuzz_key(octet, n_bytes);
        g_autoptr(TgSecret) before = save(run->sides[role]);
        g_autoptr(GError) error = NULL;
        gboolean is_done = role == TG_ROLE_INITIATOR
                                   ? tg_tdch_rekey(run->sides[role], exporter, &error)
                                   : tg_tdch_expect_rekey(run->sides[role], exporter, &error);

        fuzz_check_error(error, !is_done);
        if (!is_done) {
                g_autoptr(TgSecret) after = save(run->sides[role]);

                g_assert_true(tg_secret_equal(before, after));
        } else {
                g_assert_true(n_bytes >= 32 && n_bytes <= 255);
                g_assert_false(run->is_rekeyed[role]); /* once */
                run->is_rekeyed[role] = role == TG_ROLE_INITIATOR;
        }
}

/* What is loaded is saved as it was. */
static void
load(Run *run, TgRole role)
{
        g_autoptr(GError) error = NULL;
        gsize n_bytes;
        const guint8 *bytes = fuzz_take(&run->input, G_MAXSIZE, &n_bytes);
        g_autoptr(TgSecret) saved = fuzz_secret(bytes, n_bytes);
        g_autoptr(TgSecret) again = NULL;
        TgTdch *side = tg_tdch_load(saved, &error);

        fuzz_check_error(error, !side);
        if (!side)
                return;
        again = save(side);
        if (!tg_tdch_is_over(side))
                g_assert_true(tg_secret_equal(saved, again));
        tg_tdch_free(run->sides[role]);
        run->sides[role] = side;
        run->is_rekeyed[role] = FALSE;
        for (guint i = 0; i < run->seen->len; i++)
                read_one(run, role, (guint8)i, TG_TDCH_IN_FORCE);
        write_message(run, role, 0);
}

static void
step(Run *run)
{
        guint8 octet = fuzz_take_octet(&run->input);
        TgRole role = octet & 0x80 ? TG_ROLE_RECIPIENT : TG_ROLE_INITIATOR;
        TgTdchSecret which = octet & 0x40 ? TG_TDCH_EXPECTED : TG_TDCH_IN_FORCE;

        switch (octet & 0x07) {
        case 0:
                write_message(run, role, octet >> 3 & 7);
                break;
        case 1:
                read_one(run, role, (guint8)(run->seen->len - 1), which);
                break;
        case 2:
                read_one(run, role, fuzz_take_octet(&run->input), which);
                break;
        case 3:
                damage(run, octet >> 3 & 0x0f, fuzz_take_octet(&run->input));
                break;
        case 4:
                forge(run, role, fuzz_take_octet(&run->input));
                break;
        case 5:
                rekey(run, role, 0x77, 32);
                break;
        case 6:
                if (octet & 0x40) {
                        run->n_fail_at = octet >> 3 & 7;
                        return;
                }
                rekey(run, role, 0x78, fuzz_take_octet(&run->input));
                break;
        case 7:
                load(run, role);
                break;
        }
        run->n_fail_at = 0;
        keep(&run->sides[role]);
}

/* A structure is taken as it would be built. */
static void
check_structure(const guint8 *bytes, gsize n_bytes)
{
        TgTdchStructure structure;
        g_autoptr(TgSecret) message = NULL;
        g_autoptr(TgSecret) built = NULL;

        if (!tg_tdch_structure_take(bytes, n_bytes, &structure))
                return;
        g_assert_cmpuint(structure.n_all, <=, n_bytes);
        g_assert_cmpuint(structure.offset + structure.n_message, ==, structure.n_all);
        message = fuzz_secret(bytes + structure.offset, structure.n_message);
        built = tg_tdch_structure_build(structure.id, bytes + 1, structure.n_random, message, NULL);
        g_assert_cmpmem(tg_secret_get(built, NULL), tg_secret_size(built), bytes, structure.n_all);
}

void
fuzz_one(const guint8 *bytes, gsize n_bytes)
{
        Run run = {
                .input = {bytes, n_bytes}
        };
        guint16 suite = (guint16)(0x1301 + fuzz_take_octet(&run.input) % 3);
        g_autoptr(TgSecret) secret = fuzz_key(0x4b, 32);

        check_structure(run.input.at, run.input.n_left);
        run.suite = tg_tdch_suite(suite, NULL);
        run.seen = g_ptr_array_new_with_free_func(seen_free);
        for (TgRole role = TG_ROLE_INITIATOR; role <= TG_ROLE_RECIPIENT; role++)
                run.sides[role] = tg_tdch_new(role, suite, secret, NULL);
        for (guint i = 0; i < MAX_STEPS && run.input.n_left > 0; i++)
                step(&run);

        for (guint role = 0; role < G_N_ELEMENTS(run.sides); role++)
                tg_tdch_free(run.sides[role]);
        g_ptr_array_unref(run.seen);
}
