/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <valgrind/memcheck.h>

#include "protocol/bytes.h"
#include "protocol/exchange-private.h"
#include "protocol/json.h"
#include "protocol/pin.h"
#include "protocol/spake2.h"

/*
 * No jump and no memory index of ours depends on a secret. Run under valgrind by
 * check-secrets-ct.sh, with the secrets marked as undefined: what depends on them is then an error,
 * unless it was declassified (protocol/declassify.h) or happens inside libcrypto.
 */

#define N_SCRYPT 1
#define PLACE "https://relay.example.net/v1/m/0b1e5f0a-3c0f-4f1c-9a55-8f6a6c2b7d10"

static TgSecret *
secret(const void *bytes, gsize n_bytes)
{
        g_autoptr(GError) error = NULL;
        TgSecret *self = tg_secret_new(bytes, n_bytes, &error);

        g_assert_no_error(error);

        return self;
}

static const TgSecret *
taint(const TgSecret *self)
{
        gsize n_bytes;
        const guint8 *bytes = tg_secret_get(self, &n_bytes);

        (void)VALGRIND_MAKE_MEM_UNDEFINED(bytes, n_bytes);

        return self;
}

static TgSecret *
typed(const char *digits)
{
        TgSecret *self = secret(digits, strlen(digits));

        taint(self);

        return self;
}

static void
check_pins(void)
{
        static const char *const texts[] = {"1234566", "123-456 6", "1234567", "12x", "0000000"};
        g_autoptr(TgSecret) pin = tg_pin_new(TG_PIN_DEFAULT_DIGITS, NULL);
        g_autoptr(TgSecret) shown = tg_pin_format(taint(pin), NULL);

        g_assert_nonnull(shown);
        for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
                g_autoptr(TgSecret) text = typed(texts[i]);
                g_autoptr(TgSecret) parsed = tg_pin_parse(text, 0, NULL);

                g_assert_cmpint(parsed != NULL, ==, i != 2 && i != 3);
        }
}

static void
check_spake2(void)
{
        guint8 octets[40], marks[TG_SHA256_BYTES];
        guint8 share_a[TG_SPAKE2_SHARE_BYTES], share_b[TG_SPAKE2_SHARE_BYTES];
        const TgSpake2Parties parties = {"a", "b", 1, 1, share_a, share_b};
        g_autoptr(TgSecret) wide = NULL;
        g_autoptr(TgSecret) w = NULL;
        g_autoptr(TgSecret) x = tg_spake2_scalar_new(NULL);
        g_autoptr(TgSecret) y = tg_spake2_scalar_new(NULL);
        g_autoptr(TgSecret) element = NULL;
        g_autoptr(TgSecret) transcript = NULL;
        g_auto(TgSpake2Keys) keys = {0};

        memset(octets, 0x5a, sizeof octets);
        wide = secret(octets, sizeof octets);
        taint(x);
        taint(y);
        w = tg_spake2_scalar_reduce(taint(wide), NULL);
        g_assert_true(tg_spake2_share(TG_SPAKE2_A, w, x, share_a, NULL));
        g_assert_true(tg_spake2_share(TG_SPAKE2_B, w, y, share_b, NULL));
        element = tg_spake2_element(TG_SPAKE2_A, w, x, share_b, NULL);
        transcript = tg_spake2_transcript(&parties, element, w, NULL);
        g_assert_true(tg_spake2_keys(transcript, "", 0, &keys, NULL));

        /* of the test itself: the marks did reach the end */
        (void)VALGRIND_GET_VBITS(tg_secret_get(keys.confirm_a, NULL), marks, sizeof marks);
        for (gsize i = 0; i < sizeof marks; i++)
                g_assert_cmpuint(marks[i], ==, 0xff);
}

/* ---- both sides of an exchange ---- */

static TgExchange *
side(TgRole role, const TgSecret *link, const TgSecret *pin)
{
        const TgExchangeTerms terms = {
                .role = role,
                .mode = TG_MODE_T2_PIN,
                .secret = link,
                .claim = "8abc2d25-8136-459b-baa9-420dc7ca40f2",
                .place = PLACE,
                .pin = role == TG_ROLE_INITIATOR ? pin : NULL,
                .scrypt_log2_n = N_SCRYPT,
        };
        TgExchange *self = tg_exchange_new(&terms, NULL);

        g_assert_nonnull(self);

        return self;
}

static TgOutputKind
dispatch(TgExchange *exchange, const TgInput *input, char **slot)
{
        g_auto(TgOutput) output = {0};
        g_autoptr(GError) error = NULL;

        tg_exchange_dispatch(exchange, input, &output, &error);
        g_assert_no_error(error);
        if (output.payload) {
                g_free(*slot);
                *slot = g_steal_pointer(&output.payload);
        }

        return output.kind;
}

static TgOutputKind
read_slot(TgExchange *exchange, char **slot)
{
        g_autofree char *text = g_strdup(*slot);
        TgJson payload;
        const TgInput input = {.kind = TG_INPUT_PAYLOAD, .payload = &payload};

        g_assert_true(tg_json_parse(text, strlen(text), G_MAXINT32, &payload, NULL));

        return dispatch(exchange, &input, slot);
}

static void
check_exchange(const char *entered, TgOutputKind verdict)
{
        g_autoptr(TgSecret) link = secret("thirty-two octets of a link text", 32);
        g_autoptr(TgSecret) spoken = typed("1234566");
        g_autoptr(TgSecret) entry = typed(entered);
        g_autoptr(TgSecret) content = secret("{}", 2);
        g_autoptr(TgExchange) alice = side(TG_ROLE_INITIATOR, link, spoken);
        g_autoptr(TgExchange) bob = side(TG_ROLE_RECIPIENT, link, NULL);
        g_autofree char *slot = NULL;
        const TgInput begin = {.kind = TG_INPUT_BEGIN, .format = "x", .content = content};
        const TgInput pin = {.kind = TG_INPUT_PIN, .pin = entry};
        const TgInput charged = {.kind = TG_INPUT_CHARGED};

        g_assert_cmpint(dispatch(alice, &begin, &slot), ==, TG_OUTPUT_WRITE);
        taint(alice->scalar);
        taint(alice->w);
        g_assert_cmpint(read_slot(bob, &slot), ==, TG_OUTPUT_PIN_NEEDED);
        g_assert_cmpint(dispatch(bob, &pin, &slot), ==, TG_OUTPUT_WRITE);
        g_assert_cmpint(read_slot(alice, &slot), ==, TG_OUTPUT_CHARGE);
        g_assert_cmpint(dispatch(alice, &charged, &slot), ==, verdict);
        if (verdict != TG_OUTPUT_CONFIRMED)
                return;

        /* what the key opens is parsed: of this message only the confirmation is under test */
        (void)VALGRIND_MAKE_MEM_DEFINED(tg_secret_get(bob->app_peer, NULL), 32);
        taint(bob->confirm);
        g_assert_cmpint(read_slot(bob, &slot), ==, TG_OUTPUT_MESSAGE);
}

int
main(void)
{
        g_assert_cmpint(tg_secret_init(1024 * 1024), !=, TG_SECRET_HEAP_FAILED);
        if (!RUNNING_ON_VALGRIND) {
                g_printerr("skipped: this says something under valgrind alone\n");
                return 77;
        }
        check_pins();
        check_spake2();
        check_exchange("1234566", TG_OUTPUT_CONFIRMED);
        check_exchange("7654325", TG_OUTPUT_WRONG_PIN);

        return 0;
}
