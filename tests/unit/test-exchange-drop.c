/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What an exchange needs when its messages travel over plain HTTP: they fit, they go without
 * the payload's clothes, and the first one tells the mode. */

#include <string.h>

#include "protocol/limits.h"
#include "protocol/link.h"
#include "protocol/payload.h"
#include "protocol/tdch.h"
#include "tests/unit/exchange-fixture.h"
#include "tests/unit/helper.h"

#define TEMPLATE "https://drop.example/v1/t/{tigress_location}"
#define CLAIM "6e16b0d0-c87a-41b7-9ca4-979c74b5c8bd"
#define HEADER_ROOM 400

static TgExchange *
tight(TgRole role, TgMode mode, const TgSecret *secret)
{
        g_autoptr(TgSecret) pin = mode == TG_MODE_T2_PIN && role == TG_ROLE_INITIATOR
                                          ? helper_secret(FIXTURE_PIN)
                                          : NULL;
        g_autoptr(GError) error = NULL;
        const TgExchangeTerms terms = {
                .role = role,
                .mode = mode,
                .secret = secret,
                .claim = CLAIM,
                .place = TEMPLATE,
                .pin = pin,
                .is_tight = TRUE,
                .scrypt_log2_n = 1,
        };
        TgExchange *side = tg_exchange_new(&terms, &error);

        g_assert_no_error(error);

        return side;
}

static TgSecret *
content_of(gsize n_chars)
{
        g_autofree char *letters = g_strnfill(n_chars - strlen("{\"a\":\"\"}"), 'x');
        g_autofree char *text = g_strdup_printf("{\"a\":\"%s\"}", letters);

        return helper_secret(text);
}

static gboolean
begin(TgExchange *side, gsize n_content, TgOutput *output, GError **error)
{
        g_autoptr(TgSecret) content = content_of(n_content);
        TgInput input = {.kind = TG_INPUT_BEGIN, .format = FIXTURE_FORMAT, .content = content};

        return tg_exchange_dispatch(side, &input, output, error);
}

/* As a carrier does: T1 goes as the object itself, T2 as what it has sealed. */
static TgSecret *
message_of(TgMode mode, const TgSecret *secret, const char *payload)
{
        TgJson json = helper_json(payload);
        g_autoptr(GError) error = NULL;
        TgSecret *message = mode == TG_MODE_T1 ? tg_payload_open(secret, &json, &error)
                                               : tg_payload_octets(&json, &error);

        g_assert_no_error(error);

        return message;
}

static TgOutputKind
read_payload(TgExchange *side, const char *payload, TgOutput *output)
{
        g_autofree char *copy = g_strdup(payload); /* it may be the output's */
        TgJson json = helper_json(copy);
        TgInput input = {.kind = TG_INPUT_PAYLOAD, .payload = &json};
        g_autoptr(GError) error = NULL;

        tg_output_clear(output);
        tg_exchange_dispatch(side, &input, output, &error);
        g_assert_no_error(error);

        return output->kind;
}

/* ---- that it fits ---- */

static void
fits(TgMode mode, const TgSecret *message)
{
        g_autoptr(TgSecret) r = helper_secret_filled(7, 32);
        g_autoptr(TgTdch) tdch = tg_tdch_new(TG_ROLE_INITIATOR, 0x1301, r, NULL);
        g_autoptr(GBytes) octets = NULL;
        g_autoptr(GError) error = NULL;
        char location[TG_TDCH_LOCATION_CHARS + 1];

        g_assert_cmpuint(tg_secret_size(message),
                         ==,
                         TG_MAX_TIGHT_BYTES + (mode == TG_MODE_T1 ? 0 : TG_MIN_SEALED_BYTES));
        octets = tg_tdch_write(tdch, message, NULL, location, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(g_bytes_get_size(octets), <=, TG_MAX_TDCH_BODY_BYTES);
}

static void
test_the_largest_padding_fits(gconstpointer data)
{
        TgMode mode = (TgMode)GPOINTER_TO_INT(data);
        g_autoptr(TgSecret) secret = tg_secret_new_random(32, NULL);
        g_autoptr(TgExchange) alice = tight(TG_ROLE_INITIATOR, mode, secret);
        g_autoptr(TgExchange) bob = tight(TG_ROLE_RECIPIENT, mode, secret);
        g_autoptr(TgSecret) message = NULL;
        g_auto(TgOutput) output = {0};
        g_autoptr(GError) error = NULL;

        g_assert_true(begin(alice, TG_MAX_TIGHT_BYTES - HEADER_ROOM, &output, &error));
        if (mode != TG_MODE_T1) {
                g_assert_cmpint(read_payload(bob, output.payload, &output), ==, TG_OUTPUT_WRITE);
                fixture_restart(&alice); /* what was promised holds after a crash */
                g_assert_cmpint(read_payload(alice, output.payload, &output), ==, TG_OUTPUT_CHARGE);
                tg_output_clear(&output);
                g_assert_true(tg_exchange_dispatch(
                        alice, &(TgInput){.kind = TG_INPUT_CHARGED}, &output, &error));
                g_assert_cmpint(output.kind, ==, TG_OUTPUT_CONFIRMED);
        }
        g_assert_no_error(error);
        message = message_of(mode, secret, output.payload);
        fits(mode, message);
        g_assert_cmpint(read_payload(bob, output.payload, &output), ==, TG_OUTPUT_MESSAGE);
}

static void
test_more_is_refused_at_once(gconstpointer data)
{
        TgMode mode = (TgMode)GPOINTER_TO_INT(data);
        g_autoptr(TgSecret) secret = tg_secret_new_random(32, NULL);
        g_autoptr(TgExchange) alice = tight(TG_ROLE_INITIATOR, mode, secret);
        g_autoptr(TgExchange) roomy = fixture_initiator(mode, secret);
        g_auto(TgOutput) output = {0};
        g_autoptr(GError) error = NULL;

        g_assert_false(begin(alice, TG_MAX_TIGHT_BYTES, &output, &error));
        helper_assert_error(error, TG_ERROR_LIMIT_REACHED, NULL);
        g_clear_error(&error);
        /* in a mailbox there is that much room */
        g_assert_true(begin(roomy, TG_MAX_TIGHT_BYTES - HEADER_ROOM + 40, &output, &error));
}

/* ---- without the payload's clothes ---- */

static void
test_octets_and_payload_are_the_same(void)
{
        g_autoptr(TgSecret) key = helper_secret_filled(3, 32);
        g_autoptr(TgSecret) short_key = helper_secret_filled(3, 16);
        g_autoptr(TgSecret) plaintext = helper_secret("the plaintext");
        g_autofree char *payload = tg_payload_seal(key, NULL, plaintext, NULL);
        g_autofree char *other = tg_payload_seal(short_key, NULL, plaintext, NULL);
        g_autofree char *again = NULL;
        g_autoptr(TgSecret) octets = NULL;
        g_autoptr(TgSecret) nothing = helper_secret_filled(0, TG_MIN_SEALED_BYTES - 1);
        g_autoptr(GError) error = NULL;
        TgJson json = helper_json(payload);
        TgJson other_json = helper_json(other);

        octets = tg_payload_octets(&json, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(tg_secret_size(octets), ==, strlen("the plaintext") + 28);
        again = tg_payload_from_octets(octets, &error);
        g_assert_cmpstr(again, ==, payload);

        g_assert_null(tg_payload_octets(&other_json, &error));
        helper_assert_error(error, TG_ERROR_TAMPERED, NULL);
        g_clear_error(&error);
        g_assert_null(tg_payload_from_octets(nothing, &error));
        helper_assert_error(error, TG_ERROR_TAMPERED, NULL);
}

/* ---- the mode ---- */

static void
test_the_first_message_tells_the_mode(gconstpointer data)
{
        TgMode mode = (TgMode)GPOINTER_TO_INT(data);
        g_autoptr(TgSecret) secret = tg_secret_new_random(32, NULL);
        g_autoptr(TgSecret) other = tg_secret_new_random(32, NULL);
        g_autoptr(TgSecret) longer = tg_secret_new_random(48, NULL);
        g_autoptr(TgExchange) alice = tight(TG_ROLE_INITIATOR, mode, secret);
        g_auto(TgOutput) output = {0};
        TgMode told = TG_MODE_T1;
        TgJson json;

        g_assert_true(begin(alice, 100, &output, NULL));
        json = helper_json(output.payload);
        g_assert_cmpint(tg_exchange_peek(secret, &json, &told), ==, mode != TG_MODE_T1);
        g_assert_cmpint(told, ==, mode);
        g_assert_false(tg_exchange_peek(other, &json, &told));
        g_assert_false(tg_exchange_peek(longer, &json, &told));
}

/* ---- templates ---- */

static void
test_a_template_has_an_origin(void)
{
        static const char *const wrong[] = {
                "http://drop.example/{tigress_location}",
                "https://drop.example/",
                "https://drop.example/{tigress_location}/{tigress_location}",
                "https://drop.example/{other}/{tigress_location}",
                "https://drop.example/#{tigress_location}",
                "https://u@drop.example/{tigress_location}",
                "https://{tigress_location}.example/",
                "https://drop.example/a b/{tigress_location}",
        };
        g_autofree char *origin =
                tg_template_origin("https://Drop.Example:443/?a={tigress_location}", NULL);

        g_assert_cmpstr(origin, ==, "https://drop.example");
        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
                g_autoptr(GError) error = NULL;

                g_assert_null(tg_template_origin(wrong[i], &error));
                helper_assert_error(error, TG_ERROR_INVALID, NULL);
        }
}

static void
test_a_link_has_one_place(void)
{
        static const char mailbox[] =
                "https://relay.example/v1/m/0b1e5f0a-3c0f-4f1c-9a55-8f6a6c2b7d10";
        g_autoptr(TgLink) plain = tg_link_parse(mailbox, strlen(mailbox), FALSE, NULL);
        g_autoptr(TgSecret) r = helper_secret_filled(9, 32);
        g_autoptr(TgSecret) text = tg_link_format_tdch(TEMPLATE, 0x1301, r, NULL);
        g_autoptr(TgLink) drop = NULL;
        gsize n_chars;
        const char *chars = (const char *)tg_secret_get(text, &n_chars);

        drop = tg_link_parse(chars, n_chars, FALSE, NULL);
        g_assert_cmpstr(tg_link_place(plain), ==, mailbox);
        g_assert_cmpstr(tg_link_place(drop), ==, TEMPLATE);
}

int
main(int argc, char **argv)
{
        static const struct {
                TgMode mode;
                const char *name;
        } modes[] = {
                {TG_MODE_T1,     "t1"    },
                {TG_MODE_T2,     "t2"    },
                {TG_MODE_T2_PIN, "t2-pin"},
        };

        helper_init(&argc, &argv);
        for (gsize i = 0; i < G_N_ELEMENTS(modes); i++) {
                gconstpointer data = GINT_TO_POINTER(modes[i].mode);
                g_autofree char *more = g_strconcat("/drop/more-is-refused/", modes[i].name, NULL);
                g_autofree char *tells = g_strconcat("/drop/mode/", modes[i].name, NULL);
                g_autofree char *largest = g_strconcat("/drop/largest/", modes[i].name, NULL);

                g_test_add_data_func(more, data, test_more_is_refused_at_once);
                g_test_add_data_func(tells, data, test_the_first_message_tells_the_mode);
                if (modes[i].mode != TG_MODE_T2_PIN)
                        g_test_add_data_func(largest, data, test_the_largest_padding_fits);
        }
        g_test_add_func("/drop/octets", test_octets_and_payload_are_the_same);
        g_test_add_func("/drop/template", test_a_template_has_an_origin);
        g_test_add_func("/drop/place", test_a_link_has_one_place);

        return g_test_run();
}
