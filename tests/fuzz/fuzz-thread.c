/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * T1: two sides, and a relay that shows whatever it likes of what it has seen. Octets are
 * steps, see step(); the first one has the initial flags. Every state is saved and loaded.
 */

#include <string.h>

#include "protocol/crypto.h"
#include "protocol/envelope.h"
#include "protocol/limits.h"
#include "protocol/payload.h"
#include "tests/fuzz/fuzz.h"

#define MAX_STEPS 200
#define FORMAT "digitalwallet.generic.authorizationToken"

typedef struct {
        TgThread *thread;
        GPtrArray *known;    /* data texts that it has sent or accepted: never accepted again */
        gboolean is_foreign; /* was loaded from octets of nobody's making */
} Side;

typedef struct {
        FuzzInput input;
        TgSecret *key;
        Side sides[2];   /* by TgRole */
        GPtrArray *seen; /* of char: payloads */
} Run;

static char *
dup_data(const TgJson *payload)
{
        g_autofree char *scratch = NULL;
        TgJson type, data;

        g_assert_true(tg_payload_split(payload, &scratch, &type, &data, NULL));

        return tg_json_dup_string(&data);
}

/* Saved and loaded it is the same; the loaded one goes on. */
static void
keep(Side *side)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) saved = tg_thread_save(side->thread);
        g_autoptr(GBytes) again = NULL;
        gsize n_bytes;
        const guint8 *bytes = g_bytes_get_data(saved, &n_bytes);
        TgThread *loaded = tg_thread_load(bytes, n_bytes, &error);

        g_assert_no_error(error);
        again = tg_thread_save(loaded);
        g_assert_true(g_bytes_equal(saved, again));
        g_assert_null(tg_thread_load(bytes, n_bytes - 1, NULL));
        g_assert_cmpuint(tg_thread_count(loaded), ==, tg_thread_count(side->thread));
        tg_thread_free(side->thread);
        side->thread = loaded;
}

static void
write_message(Run *run, TgRole role, guint8 flags)
{
        static const char content[] = "{\"token\":\"s3cret\"}";
        g_autoptr(GError) error = NULL;
        TgHeader extra = {
                .reads_end = flags & 1,
                .title = flags & 2 ? (char *)"Key" : NULL,
        };
        Side *side = &run->sides[role];
        TgJson payload;
        char *text;

        if (side->is_foreign)
                return;
        text = tg_thread_write(side->thread,
                               run->key,
                               FORMAT,
                               (const guint8 *)content,
                               strlen(content),
                               &extra,
                               &error);
        g_assert_no_error(error);
        payload = helper_json(text);
        g_ptr_array_add(side->known, dup_data(&payload));
        g_ptr_array_add(run->seen, text);
}

static void
check_reading(Side *side, const TgJson *payload, TgReading reading, const TgEnvelope *envelope)
{
        gboolean is_taken =
                reading == TG_READ_OK || reading == TG_READ_OVERTAKEN || reading == TG_READ_LEGACY;

        g_assert_cmpint(is_taken, ==, envelope != NULL);
        if (is_taken) {
                g_autofree char *data = dup_data(payload);

                g_assert_false(
                        g_ptr_array_find_with_equal_func(side->known, data, g_str_equal, NULL));
                g_assert_cmpint(envelope->header.present, ==, reading != TG_READ_LEGACY);
                g_ptr_array_add(side->known, g_steal_pointer(&data));
        }
}

static void
read_message(Run *run, TgRole role, guint8 which)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(TgEnvelope) envelope = NULL;
        g_autoptr(GBytes) before = NULL;
        g_autoptr(GBytes) after = NULL;
        Side *side = &run->sides[role];
        TgReading reading;
        TgJson payload;
        const char *text;

        if (run->seen->len == 0)
                return;
        text = g_ptr_array_index(run->seen, which % run->seen->len);
        if (!tg_json_parse(text, strlen(text), TG_MAX_BODY_BYTES, &payload, NULL))
                return;

        before = tg_thread_save(side->thread);
        reading = tg_thread_read(side->thread, run->key, &payload, &envelope, &error);
        after = tg_thread_save(side->thread);
        fuzz_check_error(error, reading == TG_READ_REFUSED);
        g_assert_true(!error || reading == TG_READ_REFUSED);
        if (reading == TG_READ_REFUSED || reading == TG_READ_NONE)
                g_assert_true(g_bytes_equal(before, after));
        else
                g_assert_cmpuint(
                        g_bytes_get_size(before) + TG_SHA256_BYTES, ==, g_bytes_get_size(after));
        check_reading(side, &payload, reading, envelope);
        keep(side);
}

/* What somebody with the key may write. */
static void
forge(Run *run, guint8 n)
{
        gsize n_bytes;
        const guint8 *bytes = fuzz_take(&run->input, 16 * (gsize)n, &n_bytes);
        g_autoptr(TgSecret) plaintext = fuzz_secret(bytes, n_bytes);
        char *text = tg_payload_seal(run->key, NULL, plaintext, NULL);

        g_assert_nonnull(text);
        g_ptr_array_add(run->seen, text);
}

/* What somebody without it may. */
static void
damage(Run *run, guint8 which, guint8 at)
{
        char *text;

        if (run->seen->len == 0)
                return;
        text = g_strdup(g_ptr_array_index(run->seen, which % run->seen->len));
        text[strlen(text) * at / 256] ^= 1;
        g_ptr_array_add(run->seen, text);
}

/* Whatever is loaded is saved as it was. */
static void
load(Run *run, TgRole role)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) saved = NULL;
        gsize n_bytes;
        const guint8 *bytes = fuzz_take(&run->input, G_MAXSIZE, &n_bytes);
        TgThread *thread = tg_thread_load(bytes, n_bytes, &error);

        fuzz_check_error(error, !thread);
        if (!thread)
                return;
        saved = tg_thread_save(thread);
        g_assert_cmpmem(bytes, n_bytes, g_bytes_get_data(saved, NULL), g_bytes_get_size(saved));
        tg_thread_free(run->sides[role].thread);
        run->sides[role].thread = thread;
        run->sides[role].is_foreign = TRUE;
        for (guint i = 0; i < run->seen->len; i++)
                read_message(run, role, (guint8)i);
}

static void
step(Run *run)
{
        guint8 octet = fuzz_take_octet(&run->input);
        TgRole role = octet & 0x80 ? TG_ROLE_RECIPIENT : TG_ROLE_INITIATOR;

        switch (octet & 0x07) {
        case 0:
        case 1:
                write_message(run, role, octet >> 4 & 3);
                break;
        case 2:
        case 3:
                read_message(run, role, fuzz_take_octet(&run->input));
                break;
        case 4: /* the newest, as an honest relay would show it */
                read_message(run, role, (guint8)(run->seen->len - 1));
                break;
        case 5:
                forge(run, fuzz_take_octet(&run->input));
                break;
        case 6:
                damage(run, octet >> 3 & 0x0f, fuzz_take_octet(&run->input));
                break;
        case 7:
                load(run, role);
                break;
        }
}

void
fuzz_one(const guint8 *bytes, gsize n_bytes)
{
        static const guint8 sid[TG_SID_BYTES] = {1, 2, 3};
        Run run = {
                .input = {bytes, n_bytes},
                  .key = fuzz_key(0x4b, 32)
        };
        guint8 flags = fuzz_take_octet(&run.input);

        run.seen = g_ptr_array_new_with_free_func(g_free);
        for (TgRole role = TG_ROLE_INITIATOR; role <= TG_ROLE_RECIPIENT; role++)
                run.sides[role] = (Side){
                        .thread = tg_thread_new(
                                role, role == TG_ROLE_INITIATOR ? sid : NULL, (flags >> role) & 1),
                        .known = g_ptr_array_new_with_free_func(g_free),
                };
        for (guint i = 0; i < MAX_STEPS && run.input.n_left > 0; i++)
                step(&run);

        for (guint role = 0; role < G_N_ELEMENTS(run.sides); role++) {
                tg_thread_free(run.sides[role].thread);
                g_ptr_array_unref(run.sides[role].known);
        }
        g_ptr_array_unref(run.seen);
        tg_secret_unref(run.key);
}
