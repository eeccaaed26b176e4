/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * org.tigress.totp.secret: a copy of the key of time-based one-time passwords. What is given,
 * and what is kept, is its otpauth: address; what travels is the TOTP dictionary of the
 * Credential Exchange Format 1.0, so that nobody parses an address that a stranger wrote.
 */

#include "daemon/vertical.h"
#include "daemon/verticals/copy.h"
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
        g_autofree char *name = NULL;
        GError *error = NULL;
        TgSecret *content = NULL;

        if (tg_otp_parse_address(tg_step_context(step)->given, &otp, &error)) {
                name = tg_otp_name(&otp);
                show(step, &otp);
                content = tg_otp_format_json(&otp, &error);
        }
        tg_copy_say(step, content, name, error);
}

static void
receive(TgStep *step)
{
        g_auto(TgOtp) otp = {};
        g_autofree char *name = NULL;
        GError *error = NULL;
        TgSecret *content = NULL;

        if (tg_otp_parse_json(tg_step_context(step)->message, &otp, &error)) {
                name = tg_otp_name(&otp);
                show(step, &otp);
                content = tg_otp_format_address(&otp, &error);
        }
        tg_copy_keep(step, content, "text/plain", name, error);
}

static TgSecret *
to_cxf(TgSecret *content, const TgCxfLabel *label, GError **error)
{
        g_auto(TgOtp) otp = {};
        TgCxfMember members[6];
        gsize n = 0;

        if (!tg_otp_parse_address(content, &otp, error))
                return NULL;
        members[n++] = (TgCxfMember){.name = "secret", .secret = otp.key};
        members[n++] = (TgCxfMember){.name = "period", .number = (gint)otp.period_s};
        members[n++] = (TgCxfMember){.name = "digits", .number = (gint)otp.n_digits};
        members[n++] = (TgCxfMember){.name = "algorithm", .text = tg_otp_algorithm_word(&otp)};
        if (otp.account != NULL)
                members[n++] = (TgCxfMember){.name = "username", .text = otp.account};
        if (otp.issuer != NULL)
                members[n++] = (TgCxfMember){.name = "issuer", .text = otp.issuer};
        return tg_cxf_item_write(label, "totp", members, n, error);
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
        .to_cxf = to_cxf,
};
