/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a person types for a PIN: any octets. */

#include <string.h>

#include "protocol/error.h"
#include "protocol/pin.h"
#include "tests/fuzz/fuzz.h"

static void
check_refused(const guint8 *digits, gsize n_digits)
{
        g_autoptr(TgSecret) typed = fuzz_secret(digits, n_digits);
        g_autoptr(GError) error = NULL;
        g_autoptr(TgSecret) pin = tg_pin_parse(typed, 0, &error);

        g_assert_null(pin);
        helper_assert_error(error, TG_ERROR_INVALID, NULL);
}

/* Each single wrong digit and each swap of neighbours is seen. */
static void
check_digit(const TgSecret *pin)
{
        gsize n_digits;
        const guint8 *digits = tg_secret_get(pin, &n_digits);
        guint8 other[TG_PIN_MAX_DIGITS];

        for (gsize i = 0; i < n_digits; i++) {
                memcpy(other, digits, n_digits);
                other[i] = (guint8)('0' + (digits[i] - '0' + 1 + i % 9) % 10);
                check_refused(other, n_digits);
                if (i == 0 || digits[i] == digits[i - 1])
                        continue;
                memcpy(other, digits, n_digits);
                other[i] = digits[i - 1];
                other[i - 1] = digits[i];
                check_refused(other, n_digits);
        }
}

static void
check_pin(const TgSecret *pin)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(TgSecret) shown = tg_pin_format(pin, &error);
        g_autoptr(TgSecret) again = NULL;
        guint n_digits = (guint)tg_secret_size(pin);

        g_assert_no_error(error);
        g_assert_true(n_digits >= TG_PIN_MIN_DIGITS && n_digits <= TG_PIN_MAX_DIGITS);
        for (guint i = 0; i < n_digits; i++)
                g_assert_true(g_ascii_isdigit(tg_secret_get(pin, NULL)[i]));
        again = tg_pin_parse(shown, n_digits, &error);
        g_assert_no_error(error);
        g_assert_true(tg_secret_equal(pin, again));
        g_assert_null(tg_pin_parse(shown, n_digits - 1, NULL));
        check_digit(pin);
}

void
fuzz_one(const guint8 *bytes, gsize n_bytes)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(TgSecret) typed = NULL;
        g_autoptr(TgSecret) pin = NULL;
        guint n_digits = n_bytes > 0 ? bytes[0] % 16 : 0;

        if (n_bytes > 65536)
                return;
        typed = fuzz_secret(bytes, n_bytes);
        pin = tg_pin_parse(typed, 0, &error);
        if (pin) {
                check_pin(pin);
        } else {
                helper_assert_error(error, TG_ERROR_INVALID, NULL);
                g_assert_null(tg_pin_parse(typed, n_digits, NULL)); /* as little */
        }

        if (n_digits >= TG_PIN_MIN_DIGITS && n_digits <= TG_PIN_MAX_DIGITS) {
                g_autoptr(TgSecret) drawn = tg_pin_new(n_digits, NULL);

                g_assert_cmpuint(tg_secret_size(drawn), ==, n_digits);
                check_pin(drawn);
        }
}
