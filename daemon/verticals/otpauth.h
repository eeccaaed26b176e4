/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A time-based one-time password (RFC 6238), in the two forms in which it is passed on: the
 * otpauth: address of QR codes (the "Key Uri Format" of Google Authenticator), and the TOTP
 * dictionary of the FIDO Alliance's Credential Exchange Format 1.0, section 3.3.
 */

#include "protocol/json.h"
#include "protocol/secret.h"

typedef struct {
        TgSecret *key; /* base32 (RFC 4648 section 6) in capitals, without padding */
        char *issuer;  /* who is logged in to; NULL: not said. Cleaned. */
        char *account; /* as whom; NULL: not said. Cleaned. */
        guint algorithm;
        guint n_digits; /* 6 to 8 */
        guint period_s; /* 1 to 3,600 */
} TgOtp;

void tg_otp_clear(TgOtp *otp);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TgOtp, tg_otp_clear)

/* TG_ERROR_INVALID with a sentence for what is none. Parameters that are not the password's (a
 * picture, a colour) are left out. */
gboolean tg_otp_parse_address(const TgSecret *address, TgOtp *ret_otp, GError **error);
gboolean tg_otp_parse_json(const TgJson *object, TgOtp *ret_otp, GError **error);

/* Both say everything, defaults too. */
TgSecret *tg_otp_format_address(const TgOtp *self, GError **error);
TgSecret *tg_otp_format_json(const TgOtp *self, GError **error);

/* Its hash as the dictionary calls it: "sha1". */
const char *tg_otp_algorithm_word(const TgOtp *self);
/* For people: "Issuer: account", what there is of it; NULL: nothing. */
char *tg_otp_name(const TgOtp *self);
/* "6 digits, a new one every 30 s, SHA-1" */
char *tg_otp_describe(const TgOtp *self);
