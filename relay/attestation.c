/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/attestation.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "protocol/digest.h"
#include "protocol/error.h"
#include "relay/credentials.h"

#define TOKEN_KEY_BITS 2048
#define TOKEN_SALT_BYTES 48
#define PEM_NAME "PUBLIC KEY"
#define MIN_SHARED_BYTES 32
#define MAX_SHARED_BYTES 64
#define MAC_BYTES 32
#define MAC_LABEL "tigress attestation"
#define SPENT_LABEL "tigress spent"
#define SPENDER_LABEL "tigress spender"
#define MAX_LABEL_BYTES 32

#define TOKEN_KEY_NEEDED                                                                           \
        "an issuer's key must be one PUBLIC KEY in PEM, of 2,048 bits for RSASSA-PSS with "        \
        "SHA-384 and a salt of 48 octets (RFC 9578)"
#define SHARED_KEY_NEEDED                                                                          \
        "a shared key must be one line with 32 to 64 octets in base64: make it with `openssl "     \
        "rand -base64 32`"

typedef struct {
        guint8 shared[MAX_SHARED_BYTES];
        gsize n_shared;
        EVP_PKEY *issuer;
        guint8 id[TG_SHA256_BYTES]; /* of the issuer's */
        GBytes *encoded;
} Key;

struct TgAttestation {
        TgAttestationRules rules;
        GArray *keys; /* Key */
};

/* The algorithm of a key of token type 2. RFC 4055 has a hash function's parameters absent or
 * NULL, and an issuer's key is known by its octets as they stand, so both. */
static const guint8 algorithm_absent[] = {
        0x30, 0x3d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a,
        0x30, 0x30, 0xa0, 0x0d, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
        0x03, 0x04, 0x02, 0x02, 0xa1, 0x1a, 0x30, 0x18, 0x06, 0x09, 0x2a, 0x86, 0x48,
        0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48,
        0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0xa2, 0x03, 0x02, 0x01, 0x30,
};
static const guint8 algorithm_null[] = {
        0x30, 0x41, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a, 0x30,
        0x34, 0xa0, 0x0f, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
        0x02, 0x02, 0x05, 0x00, 0xa1, 0x1c, 0x30, 0x1a, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
        0xf7, 0x0d, 0x01, 0x01, 0x08, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
        0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0xa2, 0x03, 0x02, 0x01, 0x30,
};
/* SEQUENCE and a length of two octets */
#define SPKI_HEAD_BYTES 4

/* ---- keys ---- */

static void
clear_key(gpointer data)
{
        Key *key = data;

        OPENSSL_cleanse(key->shared, sizeof key->shared);
        EVP_PKEY_free(key->issuer);
        g_clear_pointer(&key->encoded, g_bytes_unref);
}

static gboolean
begins_with(const guint8 *der, gsize n_der, const guint8 *algorithm, gsize n_algorithm)
{
        return n_der >= SPKI_HEAD_BYTES + n_algorithm &&
               memcmp(der + SPKI_HEAD_BYTES, algorithm, n_algorithm) == 0;
}

static EVP_PKEY *
read_issuer_der(const guint8 *der, gsize n_der)
{
        const guint8 *at = der;
        EVP_PKEY *key;

        if (!begins_with(der, n_der, algorithm_absent, sizeof algorithm_absent) &&
            !begins_with(der, n_der, algorithm_null, sizeof algorithm_null))
                return NULL;
        key = d2i_PUBKEY(NULL, &at, (long)n_der);
        if (key && at == der + n_der && EVP_PKEY_is_a(key, "RSA-PSS") &&
            EVP_PKEY_get_bits(key) == TOKEN_KEY_BITS)
                return key;
        EVP_PKEY_free(key);

        return NULL;
}

/* One block, and nothing but it. */
static gboolean
read_issuer_key(const char *text, Key *key)
{
        BIO *bio = BIO_new_mem_buf(text, -1);
        char *name = NULL, *header = NULL, *second_name = NULL, *second_header = NULL;
        guint8 *der = NULL, *second = NULL;
        long n_der = 0, n_second = 0;

        if (bio && PEM_read_bio(bio, &name, &header, &der, &n_der) == 1 &&
            strcmp(name, PEM_NAME) == 0 && *header == '\0' &&
            PEM_read_bio(bio, &second_name, &second_header, &second, &n_second) != 1)
                key->issuer = read_issuer_der(der, (gsize)n_der);
        if (key->issuer) {
                key->encoded = g_bytes_new(der, (gsize)n_der);
                tg_sha256(der, (gsize)n_der, key->id);
        }
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(der);
        OPENSSL_free(second_name);
        OPENSSL_free(second_header);
        OPENSSL_free(second);
        BIO_free(bio);
        ERR_clear_error();

        return key->issuer != NULL;
}

static gboolean
read_shared_key(const char *text, Key *key)
{
        gsize n_chars = strcspn(text, "\r\n");
        gboolean is_one = text[n_chars + strspn(text + n_chars, "\r\n")] == '\0';
        gsize room = tg_base64_decoded_room(n_chars);
        g_autofree guint8 *octets = g_malloc(room + 1);
        gboolean is_read =
                is_one &&
                tg_base64_decode(TG_BASE64_STANDARD, text, n_chars, octets, &key->n_shared) &&
                key->n_shared >= MIN_SHARED_BYTES && key->n_shared <= MAX_SHARED_BYTES;

        if (is_read)
                memcpy(key->shared, octets, key->n_shared);
        OPENSSL_cleanse(octets, room + 1);

        return is_read;
}

gboolean
tg_attestation_add_key(TgAttestation *self, const char *text, GError **error)
{
        gboolean is_token = self->rules.kind == TG_ATTESTATION_TOKEN;
        Key key = {0};

        if (is_token ? read_issuer_key(text, &key) : read_shared_key(text, &key)) {
                g_array_append_val(self->keys, key);
                OPENSSL_cleanse(key.shared, sizeof key.shared);
                return TRUE;
        }
        tg_set_error(error, TG_ERROR_INVALID, is_token ? TOKEN_KEY_NEEDED : SHARED_KEY_NEEDED);

        return FALSE;
}

TgAttestation *
tg_attestation_new(const TgAttestationRules *rules)
{
        TgAttestation *self = g_new0(TgAttestation, 1);

        self->rules = *rules;
        self->rules.issuer = g_strdup(rules->issuer);
        self->rules.origin = g_strdup(rules->origin);
        self->keys = g_array_new(FALSE, TRUE, sizeof(Key));
        g_array_set_clear_func(self->keys, clear_key);

        return self;
}

void
tg_attestation_free(TgAttestation *self)
{
        if (!self)
                return;
        g_array_unref(self->keys);
        g_free(self->rules.issuer);
        g_free(self->rules.origin);
        g_free(self);
}

/* ---- what is used up ---- */

static void
digest_labelled(const char *label, const guint8 *bytes, gsize n_bytes, guint8 ret[TG_SHA256_BYTES])
{
        guint8 all[MAX_LABEL_BYTES + TG_TOKEN_INPUT_BYTES];
        gsize n_label = strlen(label) + 1; /* with its zero: no label begins another */

        g_assert(n_label <= MAX_LABEL_BYTES && n_bytes <= TG_TOKEN_INPUT_BYTES);
        memcpy(all, label, n_label);
        memcpy(all + n_label, bytes, n_bytes);
        tg_sha256(all, n_label + n_bytes, ret);
}

/* Of something that nobody can guess: so neither tells of the other, or of what it was made of.
 * What is good for one relay's clock must be known as spent by all that share a store: so it is
 * remembered for longer than it is good, by as much as clocks may differ. */
static void
set_spent(TgSpent *spent, const guint8 *bytes, gsize n_bytes, gint64 expires_s)
{
        digest_labelled(SPENT_LABEL, bytes, n_bytes, spent->id);
        digest_labelled(SPENDER_LABEL, bytes, n_bytes, spent->spender);
        spent->expires_s = expires_s;
}

/* ---- tokens ---- */

/* Of one time; @ret_context belongs to the caller, with the terms that point to it. */
static TgTokenTerms
terms_of(const TgAttestation *self, gint64 window, guint8 ret_context[TG_SHA256_BYTES])
{
        tg_token_context(window, self->rules.window_s, ret_context);

        return (TgTokenTerms){self->rules.issuer, self->rules.origin, ret_context};
}

/* Which of the two times it was asked for in; -1: neither. */
static gint64
find_window(const TgAttestation *self, const guint8 token[TG_TOKEN_BYTES], gint64 now_s)
{
        gint64 now = now_s / self->rules.window_s, found = -1;

        for (gint64 window = MAX(now - 1, 0); window <= now; window++) {
                guint8 context[TG_SHA256_BYTES], expected[TG_SHA256_BYTES];
                TgTokenTerms terms = terms_of(self, window, context);

                tg_token_challenge_digest(&terms, expected);
                if (tg_bytes_equal(expected, token + TG_TOKEN_CHALLENGE, sizeof expected))
                        found = window;
        }

        return found;
}

static gboolean
is_signed(const Key *key, const guint8 token[TG_TOKEN_BYTES])
{
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        EVP_PKEY_CTX *parameters = NULL; /* the context's */
        gboolean is_right =
                context &&
                EVP_DigestVerifyInit(context, &parameters, EVP_sha384(), NULL, key->issuer) == 1 &&
                EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1 &&
                EVP_PKEY_CTX_set_rsa_mgf1_md(parameters, EVP_sha384()) == 1 &&
                EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, TOKEN_SALT_BYTES) == 1 &&
                EVP_DigestVerify(context,
                                 token + TG_TOKEN_INPUT_BYTES,
                                 TG_TOKEN_SIGNATURE_BYTES,
                                 token,
                                 TG_TOKEN_INPUT_BYTES) == 1;

        EVP_MD_CTX_free(context);
        ERR_clear_error();

        return is_right;
}

gboolean
tg_attestation_has_signed(const TgAttestation *self, const guint8 token[TG_TOKEN_BYTES])
{
        for (guint i = 0; i < self->keys->len; i++) {
                const Key *key = &g_array_index(self->keys, Key, i);

                if (tg_bytes_equal(key->id, token + TG_TOKEN_KEY_ID, sizeof key->id) &&
                    is_signed(key, token))
                        return TRUE;
        }

        return FALSE;
}

static gboolean
judge_token(const TgAttestation *self, const char *text, gint64 now_s, TgSpent *ret_spent)
{
        guint8 token[TG_TOKEN_BYTES];
        gint64 window;

        if (!tg_private_token_read(text, token))
                return FALSE;
        window = find_window(self, token, now_s);
        if (window < 0 || !tg_attestation_has_signed(self, token))
                return FALSE;
        /* One signature or another under the same nonce is the same token. */
        set_spent(ret_spent,
                  token,
                  TG_TOKEN_INPUT_BYTES,
                  (window + 2) * self->rules.window_s + self->rules.skew_s);

        return TRUE;
}

static char *
challenge_token(const TgAttestation *self, gint64 now_s)
{
        gint64 window = now_s / self->rules.window_s;
        guint8 context[TG_SHA256_BYTES];
        TgTokenTerms terms = terms_of(self, window, context);
        g_autoptr(GBytes) challenge = tg_token_challenge(&terms);
        g_autofree char *text = tg_credential_encode(g_bytes_get_data(challenge, NULL),
                                                     g_bytes_get_size(challenge));
        g_autofree char *key = NULL;

        if (self->keys->len > 0) {
                GBytes *encoded = g_array_index(self->keys, Key, 0).encoded;

                key = tg_credential_encode(g_bytes_get_data(encoded, NULL),
                                           g_bytes_get_size(encoded));
        }

        return g_strdup_printf(TG_PRIVATE_TOKEN " challenge=\"%s\", token-key=\"%s\", "
                                                "max-age=%" G_GINT64_FORMAT,
                               text,
                               key ? key : "",
                               (window + 2) * self->rules.window_s - now_s);
}

/* ---- shared keys ---- */

/* Over the body's digest and the time, both of one length. */
static void
make_mac(const Key *key, const guint8 body[TG_SHA256_BYTES], gint64 time_s, guint8 ret[MAC_BYTES])
{
        static const char label[] = MAC_LABEL;
        guint8 all[sizeof label + TG_SHA256_BYTES + sizeof(guint64)];
        guint64 time = GUINT64_TO_BE((guint64)time_s);
        guint n_mac = MAC_BYTES;

        memcpy(all, label, sizeof label);
        memcpy(all + sizeof label, body, TG_SHA256_BYTES);
        memcpy(all + sizeof label + TG_SHA256_BYTES, &time, sizeof time);
        if (!HMAC(EVP_sha256(), key->shared, (int)key->n_shared, all, sizeof all, ret, &n_mac))
                g_error("no HMAC: out of memory");
}

static gboolean
judge_mac(const TgAttestation *self,
          const char *text,
          const char *body,
          gsize n_body,
          gint64 now_s,
          TgSpent *ret_spent)
{
        TgCredential wanted[] = {{.name = "time"}, {.name = "mac"}};
        guint8 mac[MAC_BYTES], digest[TG_SHA256_BYTES];
        gboolean is_right = FALSE;
        gint64 time_s;

        if (!tg_credentials_read(text, TG_SHARED_KEY_SCHEME, wanted, G_N_ELEMENTS(wanted)) ||
            !tg_credential_read_time(&wanted[0], &time_s) ||
            !tg_credential_decode(&wanted[1], mac, sizeof mac) ||
            ABS(now_s - time_s) > self->rules.skew_s)
                return FALSE;
        tg_sha256(body, n_body, digest);
        for (guint i = 0; i < self->keys->len; i++) {
                guint8 expected[MAC_BYTES];

                make_mac(&g_array_index(self->keys, Key, i), digest, time_s, expected);
                is_right |= tg_bytes_equal(expected, mac, sizeof mac);
        }
        if (is_right)
                set_spent(ret_spent, mac, sizeof mac, time_s + 2 * self->rules.skew_s + 1);

        return is_right;
}

/* ---- */

TgAttested
tg_attestation_judge(const TgAttestation *self,
                     const char *credentials,
                     const char *body,
                     gsize n_body,
                     gint64 now_s,
                     TgSpent *ret_spent)
{
        gboolean is_good = FALSE;

        if (!self || self->rules.kind == TG_ATTESTATION_NONE)
                return TG_ATTESTED_NOT_ASKED;
        if (credentials && self->rules.kind == TG_ATTESTATION_TOKEN)
                is_good = judge_token(self, credentials, now_s, ret_spent);
        else if (credentials)
                is_good = judge_mac(self, credentials, body, n_body, now_s, ret_spent);

        return is_good ? TG_ATTESTED_GOOD : TG_ATTESTED_REFUSED;
}

char *
tg_attestation_challenge(const TgAttestation *self, gint64 now_s)
{
        if (self->rules.kind == TG_ATTESTATION_TOKEN)
                return challenge_token(self, now_s);

        return g_strdup_printf(TG_SHARED_KEY_SCHEME " max-skew=%" G_GINT64_FORMAT,
                               self->rules.skew_s);
}

const char *
tg_attestation_scheme(const TgAttestation *self)
{
        if (!self || self->rules.kind == TG_ATTESTATION_NONE)
                return NULL;

        return self->rules.kind == TG_ATTESTATION_TOKEN ? TG_PRIVATE_TOKEN : TG_SHARED_KEY_SCHEME;
}
