/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/pin.h"

#include "protocol/declassify.h"
#include "protocol/error.h"

/*
 * Time and memory accesses depend on how a PIN is written and on whether it is right, never on
 * which digits it has.
 */

/* H. M. Damm, "Total anti-symmetrische Quasigruppen", 2004: row the interim digit, column the next
 * one. The check digit is the last interim digit, so that a right number ends at 0. */
static const char damm_table[] = "0317598642"
                                 "7092154863"
                                 "4206871359"
                                 "1750983426"
                                 "6123045978"
                                 "3674209581"
                                 "5869720134"
                                 "8945362017"
                                 "9438617205"
                                 "2581436790";

/* All ones if equal, else zero; both below 2^31. */
static guint32
mask_if_equal(guint32 a, guint32 b)
{
        guint32 difference = a ^ b;

        return (guint32)((gint32)(difference - 1) >> 31);
}

/* Looks at each entry, whichever it takes. */
static guint32
damm_step(guint32 interim, guint32 digit)
{
        guint32 wanted = interim * 10 + digit;
        guint32 result = 0;

        for (guint32 i = 0; i < sizeof damm_table - 1; i++)
                result |= (guint32)(damm_table[i] - '0') & mask_if_equal(i, wanted);

        return result;
}

static guint32
damm(const guint8 *digits, gsize n_digits)
{
        guint32 interim = 0;

        for (gsize i = 0; i < n_digits; i++)
                interim = damm_step(interim, (guint32)digits[i] - '0');

        return interim;
}

static guint8 *
new_digits(gsize n_digits, TgSecret **ret_pin, GError **error)
{
        guint8 *digits = NULL;

        *ret_pin = tg_secret_new_blank(n_digits, &digits, error);

        return *ret_pin ? digits : NULL;
}

/* Octets from 250 on are thrown away: 256 is no multiple of ten. */
static gboolean
draw_digits(guint8 *digits, guint n_digits, GError **error)
{
        while (n_digits > 0) {
                g_autoptr(TgSecret) octets = tg_secret_new_random(32, error);
                const guint8 *bytes;
                gsize n_bytes;

                if (!octets)
                        return FALSE;
                bytes = tg_secret_get(octets, &n_bytes);
                for (gsize i = 0; i < n_bytes && n_digits > 0; i++) {
                        gboolean is_fair = bytes[i] < 250;

                        tg_declassify(&is_fair, sizeof is_fair);
                        if (!is_fair)
                                continue;
                        *digits++ = (guint8)('0' + bytes[i] % 10);
                        n_digits--;
                }
        }

        return TRUE;
}

TgSecret *
tg_pin_new(guint n_digits, GError **error)
{
        g_autoptr(TgSecret) pin = NULL;
        guint8 *digits;

        g_return_val_if_fail(n_digits >= TG_PIN_MIN_DIGITS && n_digits <= TG_PIN_MAX_DIGITS, NULL);

        digits = new_digits(n_digits, &pin, error);
        if (!digits || !draw_digits(digits, n_digits - 1, error))
                return NULL;
        digits[n_digits - 1] = (guint8)('0' + damm(digits, n_digits - 1));

        return g_steal_pointer(&pin);
}

static TgSecret *
refuse(GError **error, const char *why)
{
        tg_set_error(error, TG_ERROR_INVALID, "%s", why);
        return NULL;
}

/* Where the digits are, and where what groups them, is no secret. */
typedef enum { KIND_DIGIT, KIND_GROUPING, KIND_WRONG } Kind;

static Kind
kind_of(guint8 octet)
{
        gboolean is_digit = (guint8)(octet - '0') < 10;
        gboolean is_grouping = (octet == ' ') | (octet == '-');

        tg_declassify(&is_digit, sizeof is_digit);
        tg_declassify(&is_grouping, sizeof is_grouping);

        return is_digit ? KIND_DIGIT : is_grouping ? KIND_GROUPING : KIND_WRONG;
}

/* How many digits @text has, or that it has something else. */
static gboolean
count_digits(const guint8 *text, gsize n_bytes, gsize *ret_n_digits)
{
        gsize n_digits = 0;

        for (gsize i = 0; i < n_bytes; i++) {
                Kind kind = kind_of(text[i]);

                if (kind == KIND_WRONG)
                        return FALSE;
                n_digits += kind == KIND_DIGIT;
        }
        *ret_n_digits = n_digits;

        return TRUE;
}

TgSecret *
tg_pin_parse(const TgSecret *typed, guint n_digits, GError **error)
{
        g_autoptr(TgSecret) pin = NULL;
        gsize n_bytes, n_found;
        const guint8 *text = tg_secret_get(typed, &n_bytes);
        guint8 *digits, *at;
        gboolean is_right;

        if (!count_digits(text, n_bytes, &n_found))
                return refuse(error, "a PIN has digits only: type it as it was said");
        if (n_digits != 0 && n_found != n_digits) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "this PIN has %u digits: type all of them",
                             n_digits);
                return NULL;
        }
        if (n_found < TG_PIN_MIN_DIGITS || n_found > TG_PIN_MAX_DIGITS)
                return refuse(error, "a PIN has 7 to 13 digits: type all of them");

        at = digits = new_digits(n_found, &pin, error);
        if (!digits)
                return NULL;
        for (gsize i = 0; i < n_bytes; i++)
                if (kind_of(text[i]) == KIND_DIGIT)
                        *at++ = text[i];

        is_right = damm(digits, n_found) == 0;
        tg_declassify(&is_right, sizeof is_right);
        if (!is_right)
                return refuse(error, "the PIN was mistyped, no try was used: type it again");

        return g_steal_pointer(&pin);
}

TgSecret *
tg_pin_format(const TgSecret *pin, GError **error)
{
        g_autoptr(TgSecret) text = NULL;
        gsize n_digits;
        const guint8 *digits = tg_secret_get(pin, &n_digits);
        guint8 *at;

        g_return_val_if_fail(n_digits > 0, NULL);

        text = tg_secret_new_blank(n_digits + (n_digits - 1) / 3, &at, error);
        if (!text)
                return NULL;
        for (gsize i = 0; i < n_digits; i++) {
                if (i > 0 && i % 3 == 0)
                        *at++ = '-';
                *at++ = digits[i];
        }

        return g_steal_pointer(&text);
}
