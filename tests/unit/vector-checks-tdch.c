/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/vector-checks-tdch.h"

#include <string.h>

#include "protocol/bytes.h"
#include "protocol/tdch-message.h"
#include "protocol/tdch.h"
#include "tests/unit/helper.h"
#include "tests/unit/vector-compare.h"

static guint16
suite_of(const char *hex)
{
        return (guint16)g_ascii_strtoull(hex, NULL, 16);
}

static const TgTdchSuite *
suite_info(guint16 id)
{
        const TgTdchSuite *suite = tg_tdch_suite(id, NULL);

        g_assert_nonnull(suite);
        return suite;
}

static TgRole
role_of(const Node *vector)
{
        return g_str_equal(node_text(vector, "role"), "s") ? TG_ROLE_INITIATOR : TG_ROLE_RECIPIENT;
}

/* ---- keys ---- */

static char *
compare_derived(const TgTdchSuite *suite,
                const Node *vector,
                const TgSecret *salt,
                const TgSecret *secret)
{
        g_autoptr(TgSecret) prk = NULL;
        g_autoptr(TgSecret) key = NULL;
        g_autoptr(TgSecret) nonce = NULL;
        GError *error = NULL;
        gsize n_salt;
        const guint8 *salt_bytes = tg_secret_get(salt, &n_salt);
        char *wrong;

        prk = tg_hkdf_extract_salted(suite->hash, salt_bytes, n_salt, secret, &error);
        if (!prk || !tg_tdch_derive(suite, salt_bytes, n_salt, secret, &key, &nonce, &error))
                return refused(error);
        wrong = secret_difference("prk", prk, node_text(vector, "prk"));
        if (!wrong)
                wrong = secret_difference("key", key, node_text(vector, "aeadKey"));

        return wrong ? wrong : secret_difference("nonce", nonce, node_text(vector, "aeadNonce"));
}

/* The published example: AES-128-GCM and HKDF-SHA256, which is suite 0x1301. Only its salt
 * begins with the output of a KEM, so opening goes by the parts. */
char *
check_ohttp(const Node *file)
{
        const TgTdchSuite *suite = suite_info(0x1301);
        g_autoptr(TgSecret) salt = secret_of(file, "salt");
        g_autoptr(TgSecret) secret = secret_of(file, "secret");
        g_autoptr(TgSecret) octets = secret_of(file, "encResponse");
        g_autoptr(TgSecret) key = secret_of(file, "aeadKey");
        g_autoptr(TgSecret) nonce = secret_of(file, "aeadNonce");
        g_autoptr(TgSecret) response = NULL;
        gsize n_nonce = tg_tdch_nonce_bytes(suite);
        GError *error = NULL;
        char *wrong = compare_derived(suite, file, salt, secret);

        if (wrong)
                return wrong;
        response = tg_cipher_open(suite->cipher,
                                  key,
                                  nonce,
                                  tg_secret_get(octets, NULL) + n_nonce,
                                  tg_secret_size(octets) - n_nonce,
                                  &error);

        return response ? secret_difference("response", response, node_text(file, "response"))
                        : refused(error);
}

/* ---- runs ---- */

typedef struct {
        guint16 suite;
        const char *template;
        TgTdch *sides[2];
        TgSecret *secret; /* in force */
        GByteArray *transcript;
        gboolean does_restart;
} Run;

static void
run_clear(Run *run)
{
        tg_tdch_free(run->sides[TG_ROLE_INITIATOR]);
        tg_tdch_free(run->sides[TG_ROLE_RECIPIENT]);
        tg_secret_unref(run->secret);
        g_byte_array_unref(run->transcript);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Run, run_clear)

/* Everything goes on from what was stored. */
static char *
restart(Run *run)
{
        for (guint i = 0; i < 2; i++) {
                GError *error = NULL;
                g_autoptr(TgSecret) saved = tg_tdch_save(run->sides[i], &error);
                TgTdch *loaded = saved ? tg_tdch_load(saved, &error) : NULL;

                if (!loaded)
                        return refused(error);
                tg_tdch_free(run->sides[i]);
                run->sides[i] = loaded;
        }

        return NULL;
}

static char *
compare_keys(const Run *run, const Node *message)
{
        const TgTdchSuite *suite = suite_info(run->suite);
        guint8 digest[TG_MAX_HASH_BYTES];
        gsize n_digest = tg_hash(suite->hash, run->transcript->data, run->transcript->len, digest);
        g_autoptr(TgSecret) key = NULL;
        g_autoptr(TgSecret) nonce = secret_of(message, "nonce");
        GError *error = NULL;
        char *wrong =
                difference("transcript", digest, n_digest, node_text(message, "transcriptHash"));

        if (wrong)
                return wrong;
        key = tg_hkdf_expand_label(suite->hash, run->secret, "Key", digest, n_digest, 32, &error);
        if (!key)
                return refused(error);
        wrong = secret_difference("key", key, node_text(message, "key"));

        return wrong ? wrong : compare_derived(suite, message, nonce, key);
}

static char *
compare_place(const Run *run, const Node *message, TgTdch *side, TgTdchSecret which)
{
        char location[TG_TDCH_LOCATION_CHARS + 1];
        g_autofree char *url = NULL;
        GError *error = NULL;
        char *wrong;

        if (!tg_tdch_location(side, which, location, &error))
                return refused(error);
        url = tg_tdch_url(run->template, location);
        wrong = text_difference("location", location, node_text(message, "location"));

        return wrong ? wrong : text_difference("url", url, node_text(message, "url"));
}

static char *
write_one(Run *run, const Node *message, TgTdch *side, GBytes **ret_octets)
{
        g_autoptr(TgSecret) text = secret_of(message, "message");
        g_autoptr(TgSecret) random = secret_of(message, "random");
        g_autoptr(TgSecret) nonce = secret_of(message, "nonce");
        TgTdchChance chance = {
                tg_secret_get(random, NULL), tg_secret_size(random), tg_secret_get(nonce, NULL)};
        char location[TG_TDCH_LOCATION_CHARS + 1];
        g_autoptr(GBytes) octets = NULL;
        GError *error = NULL;
        gsize n_octets;
        const guint8 *bytes;
        char *wrong = compare_place(run, message, side, TG_TDCH_IN_FORCE);

        if (wrong)
                return wrong;
        octets = tg_tdch_write(side, text, &chance, location, &error);
        if (!octets)
                return refused(error);
        wrong = text_difference("written to", location, node_text(message, "location"));
        if (wrong)
                return wrong;
        bytes = g_bytes_get_data(octets, &n_octets);
        wrong = difference("octets", bytes, n_octets, node_text(message, "encapsulated"));
        *ret_octets = g_steal_pointer(&octets);

        return wrong;
}

static char *
read_one(Run *run, const Node *message, TgTdch *side, TgTdchSecret which, GBytes *octets)
{
        gsize n_octets;
        const guint8 *bytes = g_bytes_get_data(octets, &n_octets);
        g_autoptr(TgSecret) text = NULL;
        GError *error = NULL;
        char *wrong = compare_place(run, message, side, which);

        if (wrong)
                return wrong;
        text = tg_tdch_read(side, which, bytes, n_octets, &error);

        return text ? secret_difference("message", text, node_text(message, "message"))
                    : refused(error);
}

static char *
rekey(Run *run, const Node *change)
{
        GError *error = NULL;

        tg_secret_unref(run->secret);
        run->secret = secret_of(change, "secret");
        if (tg_tdch_rekey(run->sides[TG_ROLE_INITIATOR], run->secret, &error) &&
            tg_tdch_expect_rekey(run->sides[TG_ROLE_RECIPIENT], run->secret, &error))
                return run->does_restart ? restart(run) : NULL;

        return refused(error);
}

static char *
run_message(Run *run, const Node *message, gboolean is_rekeyed)
{
        guint writer = g_str_equal(node_text(message, "from"), "s") ? 0 : 1;
        g_autoptr(TgSecret) plaintext = secret_of(message, "plaintext");
        g_autoptr(GBytes) octets = NULL;
        char *wrong = compare_keys(run, message);

        if (!wrong)
                wrong = write_one(run, message, run->sides[writer], &octets);
        if (!wrong)
                wrong = read_one(run,
                                 message,
                                 run->sides[!writer],
                                 is_rekeyed ? TG_TDCH_EXPECTED : TG_TDCH_IN_FORCE,
                                 octets);
        g_byte_array_append(
                run->transcript, tg_secret_get(plaintext, NULL), (guint)tg_secret_size(plaintext));

        return wrong || !run->does_restart ? wrong : restart(run);
}

static char *
run_all(const Node *vector, gboolean does_restart)
{
        const GPtrArray *messages = node_get(vector, "messages")->children;
        const Node *change = node_get(vector, "rekey");
        gint64 rekeyed_at = change->type == NODE_NULL ? -1 : node_number(change, "before");
        g_auto(Run) run = {
                .suite = suite_of(node_text(vector, "suite")),
                .template = node_text(vector, "template"),
                .secret = secret_of(vector, "secret"),
                .transcript = g_byte_array_new(),
                .does_restart = does_restart,
        };

        for (guint i = 0; i < 2; i++)
                run.sides[i] = tg_tdch_new((TgRole)i, run.suite, run.secret, NULL);
        for (guint i = 0; i < messages->len; i++) {
                g_autofree char *wrong = NULL;

                if (i == rekeyed_at)
                        wrong = rekey(&run, change);
                if (!wrong)
                        wrong = run_message(&run, g_ptr_array_index(messages, i), i == rekeyed_at);
                if (wrong)
                        return g_strdup_printf(
                                "message %u%s: %s", i, does_restart ? ", restarted" : "", wrong);
        }

        return NULL;
}

static char *
check_run(const Node *vector)
{
        char *wrong = run_all(vector, FALSE);

        return wrong ? wrong : run_all(vector, TRUE);
}

/* ---- what must be refused ---- */

/* A side that has these plaintexts behind it, as it would have stored itself. */
static TgTdch *
load_side(const Node *vector)
{
        const GPtrArray *plaintexts = node_get(vector, "previousPlaintexts")->children;
        g_autoptr(TgSecret) secret = secret_of(vector, "secret");
        guint16 suite = suite_of(node_text(vector, "suite"));
        guint8 head[] = {1,
                         (guint8)role_of(vector),
                         0,
                         (guint8)(suite >> 8),
                         (guint8)suite,
                         0,
                         0,
                         0,
                         (guint8)plaintexts->len,
                         (guint8)tg_secret_size(secret)};
        g_autoptr(GByteArray) all = g_byte_array_new();
        g_autoptr(TgSecret) saved = NULL;
        g_autoptr(GError) error = NULL;
        TgTdch *side;

        g_byte_array_append(all, head, sizeof head);
        g_byte_array_append(all, tg_secret_get(secret, NULL), (guint)tg_secret_size(secret));
        for (guint i = 0; i < plaintexts->len; i++) {
                const Node *text = g_ptr_array_index(plaintexts, i);
                g_autoptr(TgSecret) plaintext = helper_secret_from_hex(text->text->str);

                g_byte_array_append(
                        all, tg_secret_get(plaintext, NULL), (guint)tg_secret_size(plaintext));
        }
        saved = tg_secret_new(all->data, all->len, NULL);
        side = tg_tdch_load(saved, &error);
        g_assert_no_error(error);

        return side;
}

static char *
check_reject(const Node *vector)
{
        g_autoptr(TgTdch) side = load_side(vector);
        g_autoptr(TgSecret) octets = secret_of(vector, "encapsulated");
        g_autoptr(TgSecret) message = NULL;
        g_autoptr(GError) error = NULL;

        message = tg_tdch_read(side,
                               TG_TDCH_IN_FORCE,
                               tg_secret_get(octets, NULL),
                               tg_secret_size(octets),
                               &error);
        if (message)
                return not_refused(node_text(vector, "error"));
        helper_assert_error(error, TG_ERROR_TAMPERED, NULL);

        return tg_tdch_is_over(side) ? NULL : g_strdup("the exchange goes on");
}

static char *
check_order(const Node *vector)
{
        g_autoptr(TgSecret) secret = helper_secret_filled(1, 32);
        g_autoptr(TgTdch) side = tg_tdch_new(role_of(vector), 0x1301, secret, NULL);
        g_autoptr(GError) error = NULL;
        g_autoptr(TgSecret) message = NULL;
        g_autoptr(GBytes) octets = NULL;
        char location[TG_TDCH_LOCATION_CHARS + 1];

        if (g_str_equal(node_text(vector, "do"), "unprotect"))
                message = tg_tdch_read(
                        side, TG_TDCH_IN_FORCE, (const guint8 *)"out of turn", 11, &error);
        else
                octets = tg_tdch_write(side, secret, NULL, location, &error);
        if (message || octets)
                return not_refused(node_text(vector, "error"));
        helper_assert_error(error, TG_ERROR_BAD_STATE, NULL);

        return NULL;
}

static char *
check_suite(const Node *vector)
{
        g_autoptr(TgSecret) secret = helper_secret_filled(1, 48);
        g_autoptr(TgTdch) side =
                tg_tdch_new(TG_ROLE_INITIATOR, suite_of(vector->text->str), secret, NULL);

        return side ? not_refused("no such suite") : NULL;
}

static char *
check_secret_length(const Node *vector)
{
        gsize n_bytes = (gsize)g_ascii_strtoull(vector->text->str, NULL, 10);
        g_autoptr(TgSecret) secret = helper_secret_filled(1, n_bytes);
        g_autoptr(TgTdch) side = tg_tdch_new(TG_ROLE_INITIATOR, 0x1301, secret, NULL);

        return side ? not_refused("no secret has this length") : NULL;
}

const Section tdch_sections[] = {
        {"runs",                 check_run},
        {"reject",                      check_reject},
        {"order",check_order},
        {"unknownSuites",                check_suite},
        {"secretLengthsRefused",                      check_secret_length},
        {},
};
