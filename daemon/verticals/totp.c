/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * org.tigress.totp.secret: a copy of the key of time-based one-time passwords. What is given,
 * and what is kept, is its otpauth: address; what travels is the TOTP dictionary of the
 * Credential Exchange Format 1.0, so that nobody parses an address that a stranger wrote.
 */

#include "daemon/vertical.h"
#include "daemon/verticals/otpauth.h"

static const char *const kinds[] = {"copy", NULL};
static const TgPinRule pins[] = {TG_PIN_DEFAULT};

static void
show(TgStep *step, const TgOtp *otp)
{
        g_autofree char *passwords = tg_otp_describe(otp);

        tg_step_show(step, "Issuer", otp->issuer != NULL ? otp->issuer : "");
        tg_step_show(step, "Account", otp->account != NULL ? otp->account : "");
        tg_step_show(step, "Passwords", passwords);
}

static void
begin(TgStep *step)
{
        g_auto(TgOtp) otp = {};
        g_autoptr(GError) error = NULL;
        g_autoptr(TgSecret) content = NULL;
        g_autofree char *name = NULL;

        if (tg_otp_parse_address(tg_step_context(step)->given, &otp, &error))
                content = tg_otp_format_json(&otp, &error);
        if (content == NULL) {
                tg_step_fail(step, g_steal_pointer(&error));
                return;
        }
        name = tg_otp_name(&otp);
        tg_step_name(step, name);
        show(step, &otp);
        tg_step_say(step, content, TRUE);
}

static void
receive(TgStep *step)
{
        g_auto(TgOtp) otp = {};
        g_auto(TgProvision) provision = {};
        g_autoptr(GError) error = NULL;

        if (tg_otp_parse_json(tg_step_context(step)->message, &otp, &error))
                provision.content = tg_otp_format_address(&otp, &error);
        if (provision.content == NULL) {
                tg_step_fail(step, g_steal_pointer(&error));
                return;
        }
        provision.content_type = g_strdup("text/plain");
        provision.title = tg_otp_name(&otp);
        show(step, &otp);
        tg_step_keep(step, &provision);
}

const TgVertical tg_vertical_totp = {
        .format = "org.tigress.totp.secret",
        .name = "Key of one-time passwords (TOTP)",
        .kinds = kinds,
        .pins = pins,
        .letter = 'a',
        .source = TG_SOURCE_CONTENT,
        .is_prompt = TRUE,
        .begin = begin,
        .receive = receive,
};
