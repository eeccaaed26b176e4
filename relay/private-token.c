/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/private-token.h"

#include <string.h>

#include "relay/credentials.h"

#define CONTEXT_LABEL "tigress token window"

gboolean
tg_private_token_read(const char *text, guint8 ret_token[TG_TOKEN_BYTES])
{
        TgCredential token = {.name = "token"};

        return tg_credentials_read(text, TG_PRIVATE_TOKEN, &token, 1) &&
               tg_credential_decode(&token, ret_token, TG_TOKEN_BYTES) && ret_token[0] == 0 &&
               ret_token[1] == TG_TOKEN_TYPE;
}

/* Anybody may know it beforehand: who hoards tokens for a coming time can spend them no more often
 * than others, and relays that share a store need no further secret to agree. */
void
tg_token_context(gint64 window, gint64 window_s, guint8 ret_context[TG_SHA256_BYTES])
{
        static const char label[] = CONTEXT_LABEL;
        guint8 all[sizeof label + 2 * sizeof(guint64)];
        guint64 numbers[] = {GUINT64_TO_BE((guint64)window_s), GUINT64_TO_BE((guint64)window)};

        memcpy(all, label, sizeof label);
        memcpy(all + sizeof label, numbers, sizeof numbers);
        tg_sha256(all, sizeof all, ret_context);
}

static void
append_number(GByteArray *bytes, gsize number)
{
        const guint8 octets[] = {(guint8)(number >> 8), (guint8)number};

        g_byte_array_append(bytes, octets, sizeof octets);
}

static void
append_name(GByteArray *bytes, const char *name)
{
        append_number(bytes, strlen(name));
        g_byte_array_append(bytes, (const guint8 *)name, (guint)strlen(name));
}

GBytes *
tg_token_challenge(const TgTokenTerms *terms)
{
        GByteArray *bytes = g_byte_array_new();
        const guint8 n_context = terms->context ? TG_SHA256_BYTES : 0;

        append_number(bytes, TG_TOKEN_TYPE);
        append_name(bytes, terms->issuer);
        g_byte_array_append(bytes, &n_context, 1);
        if (terms->context)
                g_byte_array_append(bytes, terms->context, n_context);
        append_name(bytes, terms->origin);

        return g_byte_array_free_to_bytes(bytes);
}

void
tg_token_challenge_digest(const TgTokenTerms *terms, guint8 ret[TG_SHA256_BYTES])
{
        g_autoptr(GBytes) challenge = tg_token_challenge(terms);
        gsize n_bytes;
        const void *bytes = g_bytes_get_data(challenge, &n_bytes);

        tg_sha256(bytes, n_bytes, ret);
}
