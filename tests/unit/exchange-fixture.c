/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/exchange-fixture.h"

#include <string.h>

#include "protocol/pin.h"
#include "tests/unit/helper.h"

#define ALICES_CLAIM "6e16b0d0-c87a-41b7-9ca4-979c74b5c8bd"
#define BOBS_CLAIM "8abc2d25-8136-459b-baa9-420dc7ca40f2"

TgExchange *
fixture_initiator(TgMode mode, const TgSecret *secret)
{
        g_autoptr(TgSecret) pin = mode == TG_MODE_T2_PIN ? helper_secret(FIXTURE_PIN) : NULL;
        g_autoptr(GError) error = NULL;
        const TgExchangeTerms terms = {
                .role = TG_ROLE_INITIATOR,
                .mode = mode,
                .secret = secret,
                .claim = ALICES_CLAIM,
                .pin = pin,
                .is_headerless_allowed = TRUE,
                .scrypt_log2_n = 1,
        };
        TgExchange *side = tg_exchange_new(&terms, &error);

        g_assert_no_error(error);

        return side;
}

TgExchange *
fixture_recipient(TgMode mode, const TgSecret *secret)
{
        g_autoptr(GError) error = NULL;
        const TgExchangeTerms terms = {
                .role = TG_ROLE_RECIPIENT,
                .mode = mode,
                .secret = secret,
                .claim = BOBS_CLAIM,
                .place = FIXTURE_PLACE,
                .is_headerless_allowed = TRUE,
                .scrypt_log2_n = 1,
        };
        TgExchange *side = tg_exchange_new(&terms, &error);

        g_assert_no_error(error);

        return side;
}

void
fixture_init(Fixture *self, TgMode mode)
{
        g_autoptr(GError) error = NULL;

        self->mode = mode;
        self->secret = tg_secret_new_random(32, &error);
        g_assert_no_error(error);
        self->alice = fixture_initiator(mode, self->secret);
        self->bob = fixture_recipient(mode, self->secret);
}

void
fixture_clear(Fixture *self)
{
        g_clear_pointer(&self->secret, tg_secret_unref);
        g_clear_pointer(&self->alice, tg_exchange_free);
        g_clear_pointer(&self->bob, tg_exchange_free);
        g_clear_pointer(&self->slot, g_free);
}

TgSecret *
fixture_wrong_pin(guint32 number)
{
        for (;; number++) {
                g_autofree char *digits = g_strdup_printf("%07u", number % 10000000);
                g_autoptr(TgSecret) typed = helper_secret(digits);
                TgSecret *pin = tg_pin_parse(typed, 7, NULL);

                if (pin && !g_str_equal(digits, FIXTURE_PIN))
                        return pin;
                g_clear_pointer(&pin, tg_secret_unref);
        }
}

void
fixture_restart(TgExchange **side)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(TgSecret) saved = NULL;
        g_autoptr(TgSecret) again = NULL;
        g_auto(TgOutput) before = {0};
        g_auto(TgOutput) after = {0};

        tg_exchange_pending(*side, &before);
        saved = tg_exchange_save(*side, &error);
        g_assert_no_error(error);
        tg_exchange_free(*side);
        *side = tg_exchange_load(saved, &error);
        g_assert_no_error(error);
        again = tg_exchange_save(*side, &error);
        g_assert_no_error(error);
        g_assert_true(tg_secret_equal(saved, again));
        tg_exchange_pending(*side, &after);
        g_assert_cmpint(before.kind, ==, after.kind);
        g_assert_cmpstr(before.payload, ==, after.payload);
        g_assert_cmpint(before.is_again, ==, after.is_again);
}

static TgOutputKind
dispatch(TgExchange **side, const TgInput *input, TgOutput *ret_output)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(TgSecret) before = tg_exchange_save(*side, NULL);
        g_autoptr(TgSecret) after = NULL;

        tg_output_clear(ret_output);
        tg_exchange_dispatch(*side, input, ret_output, &error);
        g_assert_no_error(error);
        after = tg_exchange_save(*side, NULL);
        g_assert_cmpint(ret_output->kind == TG_OUTPUT_IGNORED, ==, ret_output->error != NULL);
        if (ret_output->kind == TG_OUTPUT_IGNORED || ret_output->kind == TG_OUTPUT_NONE)
                g_assert_true(tg_secret_equal(before, after));
        fixture_restart(side);

        return ret_output->kind;
}

TgOutputKind
fixture_begin(TgExchange **side, TgOutput *ret_output)
{
        g_autoptr(TgSecret) content = helper_secret(FIXTURE_CONTENT);
        char title[] = "A key";
        char limits[] = FIXTURE_LIMITS;
        const TgHeader header = {.title = title, .limits = limits, .reads_end = TRUE};
        const TgInput input = {
                .kind = TG_INPUT_BEGIN,
                .format = FIXTURE_FORMAT,
                .content = content,
                .header = &header,
        };
        TgOutputKind kind = dispatch(side, &input, ret_output);

        tg_exchange_set_place(*side, FIXTURE_PLACE, NULL);
        fixture_restart(side);

        return kind;
}

TgOutputKind
fixture_read(TgExchange **side, const char *payload, TgOutput *ret_output)
{
        TgJson value = helper_json(payload);
        const TgInput input = {.kind = TG_INPUT_PAYLOAD, .payload = &value};

        return dispatch(side, &input, ret_output);
}

TgOutputKind
fixture_type(TgExchange **side, const char *pin, TgOutput *ret_output)
{
        g_autoptr(TgSecret) typed = helper_secret(pin);
        const TgInput input = {.kind = TG_INPUT_PIN, .pin = typed};

        return dispatch(side, &input, ret_output);
}

TgOutputKind
fixture_charged(TgExchange **side, TgOutput *ret_output)
{
        const TgInput input = {.kind = TG_INPUT_CHARGED};

        return dispatch(side, &input, ret_output);
}

TgOutputKind
fixture_say(TgExchange **side, const char *format, const char *content, TgOutput *ret_output)
{
        g_autoptr(TgSecret) text = helper_secret(content);
        const TgInput input = {.kind = TG_INPUT_SAY, .format = format, .content = text};

        return dispatch(side, &input, ret_output);
}

void
fixture_refused(TgExchange *side, const TgInput *input, TgError code)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(TgSecret) before = tg_exchange_save(side, NULL);
        g_autoptr(TgSecret) after = NULL;
        g_auto(TgOutput) output = {0};

        g_assert_false(tg_exchange_dispatch(side, input, &output, &error));
        helper_assert_error(error, code, NULL);
        after = tg_exchange_save(side, NULL);
        g_assert_true(tg_secret_equal(before, after));
}

void
fixture_put(Fixture *self, TgExchange *side, const TgOutput *output)
{
        g_assert_nonnull(output->payload);
        g_free(self->slot);
        self->slot = g_strdup(output->payload);
        tg_exchange_written(side);
}

void
fixture_assert_display(const TgOutput *output)
{
        g_assert_cmpstr(output->display.title, ==, "A key");
        g_assert_cmpstr(output->display.limits, ==, FIXTURE_LIMITS);
}

void
fixture_assert_content(const TgOutput *output, const char *format, const char *content)
{
        g_assert_nonnull(output->envelope);
        g_assert_cmpstr(output->envelope->format, ==, format);
        g_assert_cmpuint(output->envelope->content.n_chars, ==, strlen(content));
        g_assert_cmpint(strncmp(output->envelope->content.text, content, strlen(content)), ==, 0);
}
