/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Every parser of foreign octets meets right inputs cut at each place and changed
 * at random: always the same changes, in memory that ends where the input ends. What
 * is looked for is found by the sanitizers and by what must hold of any answer.
 */

#include <string.h>

#include "protocol/bytes.h"
#include "protocol/envelope.h"
#include "protocol/limits.h"
#include "protocol/link.h"
#include "protocol/mailbox.h"
#include "protocol/opengraph.h"
#include "protocol/payload.h"
#include "protocol/text.h"
#include "tests/unit/helper.h"

#define N_ROUNDS 10000

/* TRUE when it was accepted. */
typedef gboolean (*Parse)(const char *text, gsize n_chars);

/* Octets that mean something to one parser or another. */
static const char spice[] = "{}[]\",:\\/u0123456789abcdefdD8-+.eE \n\t=&;<>#?%@tfnvAZ_\xc3\xed\xff";

static void
mutate(GString *text, HelperRandom *random)
{
        gsize at = helper_random_below(random, (guint32)text->len);
        gsize n_left = text->len - at;
        gsize n = helper_random_below(random, 40);
        g_autofree char *part = NULL;
        char octet = (char)helper_random_below(random, 256);

        if (helper_random_below(random, 4))
                octet = spice[helper_random_below(random, sizeof spice)];

        switch (helper_random_below(random, 4)) {
        case 0:
                text->str[at] = octet;
                break;
        case 1:
                g_string_insert_c(text, (gssize)at, octet);
                break;
        case 2:
                g_string_erase(text, (gssize)at, (gssize)MIN(n_left, n / 4));
                break;
        default: /* a part once more: duplicates, depth */
                n = MIN(n_left, n);
                part = g_strndup(text->str + at, n);
                g_string_insert_len(text, (gssize)at, part, (gssize)strlen(part));
        }
}

static guint
try_all(Parse parse, const char *text, gsize n_chars, HelperRandom *random)
{
        guint n_accepted = 0;

        for (gsize n = 0; n <= n_chars; n++) {
                g_autofree char *cut = g_memdup2(text, n);

                n_accepted += parse(cut ? cut : "", n);
        }
        for (guint round = 0; round < N_ROUNDS; round++) {
                g_autoptr(GString) mutant = g_string_new_len(text, (gssize)n_chars);
                g_autofree char *exact = NULL;

                for (guint i = helper_random_below(random, 4); i-- > 0 && mutant->len > 0;)
                        mutate(mutant, random);
                exact = g_memdup2(mutant->str, mutant->len);
                n_accepted += parse(exact ? exact : "", mutant->len);
        }

        return n_accepted;
}

static void
run(Parse parse, const char *const *seeds, gsize n_seeds)
{
        HelperRandom random = {0};

        for (gsize i = 0; i < n_seeds; i++) {
                /* a seed that is refused exercises nothing */
                g_assert_true(parse(seeds[i], strlen(seeds[i])));
                g_assert_cmpuint(try_all(parse, seeds[i], strlen(seeds[i]), &random), >, 0);
        }
}

/* Looks at all of a value, as a reader may. */
static void
walk(const TgJson *value, guint depth)
{
        TgJson name, child, again;
        TgJsonIter iter;

        g_assert_cmpuint(depth, <=, TG_MAX_JSON_DEPTH);
        g_assert_true(tg_json_parse(value->text, value->n_chars, G_MAXINT32, &again, NULL));
        g_assert_cmpint(again.type, ==, value->type);
        g_assert_cmpuint(again.n_chars, ==, value->n_chars);
        if (value->type == TG_JSON_STRING) {
                g_autofree char *text = tg_json_dup_string(value);

                g_assert_true(g_utf8_validate(text, -1, NULL));
                g_assert_cmpuint(strlen(text), ==, tg_json_string_bytes(value));
                g_assert_true(tg_json_string_equal(value, text));
        }
        if (value->type != TG_JSON_ARRAY && value->type != TG_JSON_OBJECT)
                return;

        tg_json_iter_init(&iter, value);
        while (tg_json_iter_next(&iter, value->type == TG_JSON_OBJECT ? &name : NULL, &child)) {
                walk(&child, depth + 1);
                if (value->type == TG_JSON_OBJECT) {
                        g_autofree char *text = tg_json_dup_string(&name);

                        g_assert_true(tg_json_get(value, text, &again));
                        g_assert_true(again.text == child.text);
                }
        }
}

static gboolean
parse_json(const char *text, gsize n_chars)
{
        TgJson value;
        g_autoptr(GError) error = NULL;

        if (!tg_json_parse(text, n_chars, TG_MAX_BODY_BYTES, &value, &error)) {
                helper_assert_error(error, TG_ERROR_INVALID, NULL);
                return FALSE;
        }
        walk(&value, 0);

        return TRUE;
}

static void
test_json(void)
{
        static const char *const seeds[] = {
                "{\"a\":[1,-2.5e+7,true,false,null,\"\\ud83d\\ude00\\n\\u00e9\"],\"b\":{\"c\":{}}}",
                "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]",
                "{\"a\":0,\"b\":0,\"c\":0,\"d\":0,\"e\":0,\"f\":0,\"g\":0,\"h\":0,\"\\u0069\":0}",
                " \"\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80\" ",
        };

        run(parse_json, seeds, G_N_ELEMENTS(seeds));
}

static gboolean
parse_link(const char *text, gsize n_chars)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(TgLink) link = tg_link_parse(text, n_chars, TRUE, &error);

        if (!link) {
                helper_assert_error(error, TG_ERROR_INVALID, NULL);
                return FALSE;
        }
        g_assert_nonnull(link->origin);
        g_assert_cmpint(link->secret == NULL, ==, link->mode == TG_LINK_NO_SECRET);
        if (link->mode != TG_LINK_TDCH)
                g_assert_true(g_str_has_prefix(link->mailbox_url, link->origin));

        return TRUE;
}

static void
test_link(void)
{
        static const char *const seeds[] = {
                "tigress:https://relay.example:8443/v1/m/6d1c2b9a-a15e-45f1-b0ce-3e61ead95a0b?x=1"
                "&v=c#th0DcoNti18LUA%2fD7Z0kA/u+k7lLYQWrzhuWhV3m3mE%3D",
                "http://[::1]:80/m/6d1c2b9a-a15e-45f1-b0ce-3e61ead95a0b#"
                "AbYdA3KDbYtfC1APw-2dJAP7vpO5S2EFq84bloVd5t5h",
                "https://relay.example.net/t#EBMBIL0t5EoCQ-KIuUWjuI7d6kb9bv04_"
                "C_FntTwnpRHdyvPADFodHRwczovL3JlbGF5LmV4YW1wbGUubmV0L3YxL3Qve3RpZ3Jlc3NfbG9jYXRpb"
                "259",
        };

        run(parse_link, seeds, G_N_ELEMENTS(seeds));
}

static gboolean
parse_origin(const char *text, gsize n_chars)
{
        g_autofree char *copy = g_strndup(text, n_chars);
        g_autofree char *origin = tg_origin_parse(copy, TRUE, NULL);
        g_autofree char *again = NULL;

        if (!origin)
                return FALSE;
        again = tg_origin_parse(origin, TRUE, NULL);
        g_assert_cmpstr(again, ==, origin); /* one spelling */

        return TRUE;
}

static void
test_origin(void)
{
        static const char *const seeds[] = {
                "HTTPS://Relay.Example:443/", "http://127.0.0.1:8080", "https://[2001:DB8::7]:1"};

        run(parse_origin, seeds, G_N_ELEMENTS(seeds));
}

static gboolean
parse_request(const char *text, gsize n_chars)
{
        g_auto(TgMailboxRequest) create = {0};
        g_auto(TgMailboxRequest) update = {0};
        g_auto(TgMailboxRequest) read = {0};
        g_autoptr(GError) error = NULL;

        tg_mailbox_parse_update(text, n_chars, &tg_mailbox_limits_default, &update, NULL);
        tg_mailbox_parse_read(text, n_chars, &tg_mailbox_limits_default, &read, NULL);
        if (!tg_mailbox_parse_create(text, n_chars, &tg_mailbox_limits_default, &create, &error)) {
                g_assert_true(error->domain == TG_ERROR);
                return FALSE;
        }

        /* what is stored is itself a right payload, and the same as by an update */
        g_assert_true(parse_json(create.payload, strlen(create.payload)));
        g_assert_cmpstr(create.payload, ==, update.payload);

        return TRUE;
}

static void
test_request(void)
{
        static const char *const seeds[] = {
                "{\"payload\":{\"type\":\"AEAD_AES_256_GCM\",\"data\":\"AAECAwQF\"},"
                "\"displayInformation\":{\"title\":\"t\",\"description\":\"\\u00e9\",\"imageURL\":"
                "\"\"},\"notificationToken\":{\"type\":\"a\",\"tokenData\":\"b\"},"
                "\"mailboxConfiguration\":{\"accessRights\":\"RWD\",\"expiration\":"
                "\"2030-01-31T23:59:59Z\"}}",
        };

        run(parse_request, seeds, G_N_ELEMENTS(seeds));
}

static gboolean
parse_answer(const char *text, gsize n_chars)
{
        g_auto(TgMailboxCreated) created = {0};
        g_auto(TgMailboxContent) content = {0};
        g_auto(TgDisplay) display = {0};
        g_autofree char *type = tg_mailbox_parse_problem(text, n_chars);
        gint64 expiration_s;
        gboolean is_right = tg_mailbox_parse_content(text, n_chars, &content, NULL);

        g_assert_true(!type || !strchr(type, '/'));
        tg_mailbox_parse_created(text, n_chars, &created, NULL);
        tg_mailbox_parse_preview(text, n_chars, TRUE, &display, &expiration_s, NULL);

        return is_right;
}

static void
test_answer(void)
{
        static const char *const seeds[] = {
                "{\"payload\":{\"type\":\"X\",\"data\":\"AAAA\"},\"displayInformation\":{\"title\":"
                "\"t\"},\"expiration\":\"2030-01-31T23:59:59Z\",\"urlLink\":\"https://a\","
                "\"extensions\":[\"x\",7,\"claim-proof\"],\"type\":\"https://x/cancelled\"}",
        };

        run(parse_answer, seeds, G_N_ELEMENTS(seeds));
}

static gboolean
parse_html(const char *text, gsize n_chars)
{
        g_autofree char *title = tg_opengraph_get(text, n_chars, "og:title");

        return title != NULL;
}

static void
test_html(void)
{
        static const char *const seeds[] = {
                "<head><meta property=\"og:title\" content=\"a &amp; &#x41;&#66; 'x' \"/></head>",
                "<meta content='x' name=og:title><meta property=og:title content=y>",
        };

        run(parse_html, seeds, G_N_ELEMENTS(seeds));
}

static gboolean
parse_payload(const char *text, gsize n_chars)
{
        g_autoptr(TgSecret) key = helper_secret_filled(7, 16);
        g_autoptr(TgSecret) opened = NULL;
        g_autofree char *scratch = NULL;
        TgJson payload, type, data;
        guint8 digest[32];

        if (!tg_json_parse(text, n_chars, TG_MAX_BODY_BYTES, &payload, NULL) ||
            !tg_payload_split(&payload, &scratch, &type, &data, NULL))
                return FALSE;
        g_assert_true(tg_payload_digest(&payload, digest, NULL));
        opened = tg_payload_open(key, &payload, NULL);
        g_assert_null(opened); /* it was sealed by nobody */

        return TRUE;
}

static void
test_payload(void)
{
        static const char *const seeds[] = {
                "{\"type\":\"AEAD_AES_128_GCM\",\"data\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw=="
                "\"}",
                "\"{\\\"type\\\":\\\"AEAD_AES_128_GCM\\\",\\\"data\\\":"
                "\\\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw==\\\"}\"",
        };

        run(parse_payload, seeds, G_N_ELEMENTS(seeds));
}

static gboolean
parse_plaintext(const char *text, gsize n_chars)
{
        g_autoptr(TgSecret) plaintext = tg_secret_new(text, n_chars, NULL);
        g_autoptr(GError) error = NULL;
        g_autoptr(TgEnvelope) envelope = tg_envelope_parse(plaintext, &error);
        g_autofree char *reason = NULL;
        TgOutcome outcome;

        if (!envelope) {
                helper_assert_error(error, TG_ERROR_TAMPERED, NULL);
                return FALSE;
        }
        tg_end_parse(&envelope->content, &outcome, &reason);
        g_assert_true(!reason || tg_text_is_clean(reason, TG_MAX_REASON_BYTES));

        return TRUE;
}

static void
test_plaintext(void)
{
        static const char *const seeds[] = {
                "{\"format\":\"tigress.end\",\"content\":{\"outcome\":\"declined\",\"reason\":"
                "\"\\u202eno\"},\"tigress\":{\"v\":1,\"sid\":\"O4tzD7e6xxGp0eMPLzaIcA\",\"role\":"
                "\"s\",\"seq\":0,\"ack\":7,\"end\":1,\"display\":{\"title\":\"x\"},\"pad\":\"000\"}"
                "}",
        };

        run(parse_plaintext, seeds, G_N_ELEMENTS(seeds));
}

static gboolean
parse_thread(const char *text, gsize n_chars)
{
        g_autoptr(TgThread) thread = tg_thread_load((const guint8 *)text, n_chars, NULL);
        g_autoptr(GBytes) saved = NULL;

        if (!thread)
                return FALSE;
        saved = tg_thread_save(thread);
        g_assert_cmpmem(g_bytes_get_data(saved, NULL), g_bytes_get_size(saved), text, n_chars);

        return TRUE;
}

static void
test_thread(void)
{
        HelperRandom random = {0};
        g_autoptr(TgSecret) key = helper_secret_filled(7, 16);
        g_autoptr(TgThread) thread =
                tg_thread_new(TG_ROLE_INITIATOR, (const guint8 *)"0123456789abcdef", TRUE);
        g_autofree char *text =
                tg_thread_write(thread, key, "f", (const guint8 *)"{}", 2, NULL, NULL);
        g_autoptr(GBytes) saved = tg_thread_save(thread);

        g_assert_nonnull(text);
        g_assert_cmpuint(try_all(parse_thread,
                                 g_bytes_get_data(saved, NULL),
                                 g_bytes_get_size(saved),
                                 &random),
                         >,
                         0);
}

static gboolean
parse_small(const char *text, gsize n_chars)
{
        g_autofree char *copy = g_strndup(text, n_chars);
        g_autofree guint8 *room = g_malloc(tg_base64_decoded_room(n_chars));
        guint8 uuid[TG_UUID_BYTES];
        gboolean is_right = FALSE;
        guint64 version;
        gint64 unix_s;
        gsize n_bytes;

        for (guint form = TG_BASE64_STANDARD; form <= TG_BASE64_ANY; form++)
                is_right |= tg_base64_decode((TgBase64)form, text, n_chars, room, &n_bytes);
        is_right |= tg_uuid_parse(text, n_chars, uuid);
        is_right |= tg_etag_parse(copy, &version);
        if (tg_time_parse(text, n_chars, &unix_s)) {
                g_autofree char *again = tg_time_format(unix_s);

                g_assert_cmpmem(again, strlen(again), text, n_chars);
                is_right = TRUE;
        }

        return is_right;
}

static void
test_small_ones(void)
{
        static const char *const seeds[] = {
                "SGVsbG8gd29ybGQ=",
                "6d1c2b9a-a15e-45f1-b0ce-3e61ead95a0b",
                "\"1234567890\"",
                "2030-01-31T23:59:59Z",
        };

        run(parse_small, seeds, G_N_ELEMENTS(seeds));
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);
        g_test_add_func("/mutations/json", test_json);
        g_test_add_func("/mutations/link", test_link);
        g_test_add_func("/mutations/origin", test_origin);
        g_test_add_func("/mutations/request", test_request);
        g_test_add_func("/mutations/answer", test_answer);
        g_test_add_func("/mutations/html", test_html);
        g_test_add_func("/mutations/payload", test_payload);
        g_test_add_func("/mutations/plaintext", test_plaintext);
        g_test_add_func("/mutations/thread", test_thread);
        g_test_add_func("/mutations/small-ones", test_small_ones);

        return g_test_run();
}
