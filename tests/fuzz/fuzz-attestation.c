/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What comes in the header of an attestation: any text. Nobody can make a signature or a MAC here,
 * so none may be found good but those that were made. */

#include <string.h>

#include "relay/attestation.h"
#include "relay/credentials.h"
#include "tests/fuzz/fuzz.h"
#include "tests/relay/token-vectors.h"

#define BODY "{}"
#define NOW 1800000000
#define SHARED_KEY "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
#define MAC "Obb37g9QBTr55X1ssdKizyJOCKU0H5eBxRPTvSLklL8=" /* of BODY and NOW */

static TgAttestation *
make_attestation(TgAttestationKind kind, const char *key)
{
        const TgAttestationRules rules = {
                .kind = kind,
                .skew_s = 300,
                .issuer = (char *)VECTOR_ISSUER,
                .origin = (char *)VECTOR_ORIGIN,
                .window_s = 3600,
        };
        TgAttestation *attestation = tg_attestation_new(&rules);

        g_assert_true(tg_attestation_add_key(attestation, key, NULL));

        return attestation;
}

static char *
issuer_key(void)
{
        g_autoptr(GBytes) der = tg_hex_decode(VECTOR_KEY);
        g_autofree char *text = g_base64_encode(g_bytes_get_data(der, NULL), g_bytes_get_size(der));

        return g_strdup_printf("-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n", text);
}

/* What was found is there. */
static void
check_parameters(const char *text)
{
        TgCredential wanted[] = {
                {.name = "token"}, {.name = "time"}, {.name = "mac"}, {.name = "x"}};
        const char *const schemes[] = {TG_PRIVATE_TOKEN, TG_SHARED_KEY_SCHEME, "x"};

        for (guint i = 0; i < G_N_ELEMENTS(schemes); i++) {
                if (!tg_credentials_read(text, schemes[i], wanted, G_N_ELEMENTS(wanted)))
                        continue;
                g_assert_true(g_ascii_strncasecmp(text, schemes[i], strlen(schemes[i])) == 0);
                for (guint j = 0; j < G_N_ELEMENTS(wanted); j++) {
                        const TgCredential *one = &wanted[j];

                        if (!one->value)
                                continue;
                        g_assert_true(one->value > text &&
                                      one->value + one->n_chars <= text + strlen(text));
                        g_assert_null(memchr(one->value, '\\', one->n_chars));
                        g_assert_null(memchr(one->value, '"', one->n_chars));
                }
        }
}

static gboolean
is_vector(const guint8 token[TG_TOKEN_BYTES])
{
        g_autoptr(GBytes) first = tg_hex_decode(VECTOR1_TOKEN);
        g_autoptr(GBytes) second = tg_hex_decode(VECTOR2_TOKEN);

        return memcmp(g_bytes_get_data(first, NULL), token, TG_TOKEN_BYTES) == 0 ||
               memcmp(g_bytes_get_data(second, NULL), token, TG_TOKEN_BYTES) == 0;
}

static void
check_token(const TgAttestation *attestation, const char *text)
{
        guint8 token[TG_TOKEN_BYTES], again[TG_TOKEN_BYTES];
        g_autofree char *encoded = NULL, *written = NULL;
        TgSpent spent;

        /* The vectors are for no time at all. */
        g_assert_cmpint(tg_attestation_judge(attestation, text, BODY, strlen(BODY), NOW, &spent),
                        ==,
                        TG_ATTESTED_REFUSED);
        if (!tg_private_token_read(text, token))
                return;
        g_assert_cmpint(tg_attestation_has_signed(attestation, token), ==, is_vector(token));
        encoded = tg_credential_encode(token, sizeof token);
        written = g_strdup_printf(TG_PRIVATE_TOKEN " token=%s", encoded);
        g_assert_true(tg_private_token_read(written, again));
        g_assert_cmpmem(token, sizeof token, again, sizeof again);
        g_assert_nonnull(strstr(text, encoded)); /* there is one way to write it */
}

static void
check_mac(const TgAttestation *attestation, const char *text)
{
        TgSpent spent;
        TgAttested attested =
                tg_attestation_judge(attestation, text, BODY, strlen(BODY), NOW, &spent);

        if (attested == TG_ATTESTED_GOOD)
                g_assert_true(strstr(text, MAC) && strstr(text, G_STRINGIFY(NOW)));
        g_assert_cmpint(tg_attestation_judge(attestation, text, BODY " ", 3, NOW, &spent),
                        ==,
                        TG_ATTESTED_REFUSED);
}

void
fuzz_one(const guint8 *bytes, gsize n_bytes)
{
        g_autofree char *text = g_strndup((const char *)bytes, n_bytes);
        g_autofree char *key = issuer_key();
        g_autoptr(TgAttestation) tokens = make_attestation(TG_ATTESTATION_TOKEN, key);
        g_autoptr(TgAttestation) macs = make_attestation(TG_ATTESTATION_SHARED_KEY, SHARED_KEY);
        g_autoptr(GError) error = NULL;

        check_parameters(text);
        check_token(tokens, text);
        check_mac(macs, text);
        if (!tg_attestation_add_key(macs, text, &error))
                fuzz_check_error(error, TRUE);
        g_clear_error(&error);
        if (!tg_attestation_add_key(tokens, text, &error))
                fuzz_check_error(error, TRUE);
}
