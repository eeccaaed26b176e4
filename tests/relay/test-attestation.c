/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What an attestation is: how it is spelled, who has signed it, when it is good. Knows no mailbox.
 */

#include <string.h>

#include "protocol/bytes.h"
#include "protocol/error.h"
#include "relay/attestation.h"
#include "relay/credentials.h"
#include "tests/relay/issuer.h"
#include "tests/relay/token-vectors.h"

#define NAME "issuer.example:8443"
#define HERE "relay.example"
#define WINDOW_S 3600
#define NOW 1800000000
#define WINDOW (NOW / WINDOW_S)
#define SKEW_S 300

/* 32 times the octet 1, and of it, BODY and NOW what hmac.new() of Python's makes. */
#define SHARED "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
#define SHARED2 "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI="
#define BODY "{\"payload\":{}}"
#define MAC "JD2u38xOlhJYvrOtEROr36VV5v4pz8jtheoBhQ17Sfs="

static void
decode_hex(const char *hex, guint8 *ret, gsize n_bytes)
{
        g_autoptr(GBytes) bytes = tg_hex_decode(hex);

        g_assert_nonnull(bytes);
        g_assert_cmpuint(g_bytes_get_size(bytes), ==, n_bytes);
        memcpy(ret, g_bytes_get_data(bytes, NULL), n_bytes);
}

static TgAttestation *
make_token_attestation(const char *issuer, const char *origin)
{
        const TgAttestationRules rules = {
                .kind = TG_ATTESTATION_TOKEN,
                .skew_s = SKEW_S,
                .issuer = (char *)issuer,
                .origin = (char *)origin,
                .window_s = WINDOW_S,
        };

        return tg_attestation_new(&rules);
}

static void
add_key(TgAttestation *attestation, const char *text)
{
        g_autoptr(GError) error = NULL;

        tg_attestation_add_key(attestation, text, &error);
        g_assert_no_error(error);
}

static TgAttested
judge_at(const TgAttestation *attestation, const char *text, gint64 now_s, TgSpent *ret_spent)
{
        TgSpent spent;

        return tg_attestation_judge(
                attestation, text, BODY, strlen(BODY), now_s, ret_spent ? ret_spent : &spent);
}

#define assert_good(attestation, text, now_s)                                                      \
        g_assert_cmpint(judge_at(attestation, text, now_s, NULL), ==, TG_ATTESTED_GOOD)
#define assert_refused(attestation, text, now_s)                                                   \
        g_assert_cmpint(judge_at(attestation, text, now_s, NULL), ==, TG_ATTESTED_REFUSED)

/* ---- credentials ---- */

static void
test_credentials(void)
{
        static const struct {
                const char *text, *a, *b; /* a "!": refused */
        } cases[] = {
                {"Scheme a=1",                       "1",   NULL},
                {"sCHEME   A=1,b=2",                 "1",   "2" },
                {"Scheme a = \"1\" , b\t=\t2",       "1",   "2" },
                {"Scheme b=2",                       NULL,  "2" },
                {"Scheme c=\"x\\\"y, a=9\", a=\"\"", "",    NULL},
                {"Scheme c=3, d=4, a=\"=,;\"",       "=,;", NULL},
                {"Scheme a=\"1\" ",                  "1",   NULL},
                {"Scheme",                           "!",   NULL},
                {"Scheme ",                          "!",   NULL},
                {"Scheme,a=1",                       "!",   NULL},
                {"Scheme\ta=1",                      "!",   NULL},
                {" Scheme a=1",                      "!",   NULL},
                {"Schemes a=1",                      "!",   NULL},
                {"Schem a=1",                        "!",   NULL},
                {"Scheme a",                         "!",   NULL},
                {"Scheme a=",                        "!",   NULL},
                {"Scheme =1",                        "!",   NULL},
                {"Scheme a=1=",                      "!",   NULL},
                {"Scheme a=1,",                      "!",   NULL},
                {"Scheme ,a=1",                      "!",   NULL},
                {"Scheme a=1,,b=2",                  "!",   NULL},
                {"Scheme a=1 b=2",                   "!",   NULL},
                {"Scheme a=1;b=2",                   "!",   NULL},
                {"Scheme a=1, a=1",                  "!",   NULL},
                {"Scheme a=1, A=2",                  "!",   NULL},
                {"Scheme a=\"1",                     "!",   NULL},
                {"Scheme a=\"1\\",                   "!",   NULL},
                {"Scheme a=\"1\\\"",                 "!",   NULL},
                {"Scheme a=\"\\1\"",                 "!",   NULL},
                {"Scheme a=\"1\"2",                  "!",   NULL},
                {"Scheme a=\"1\n\"",                 "!",   NULL},
                {"Scheme a=1\r\n",                   "!",   NULL},
                {"",                                 "!",   NULL},
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                TgCredential wanted[] = {{.name = "a"}, {.name = "b"}};
                gboolean is_read = tg_credentials_read(cases[i].text, "Scheme", wanted, 2);
                g_autofree char *a = g_strndup(wanted[0].value, wanted[0].n_chars);
                g_autofree char *b = g_strndup(wanted[1].value, wanted[1].n_chars);

                g_test_message("%s", cases[i].text);
                g_assert_cmpint(is_read, ==, g_strcmp0(cases[i].a, "!") != 0);
                if (!is_read)
                        continue;
                g_assert_cmpstr(a, ==, cases[i].a);
                g_assert_cmpstr(b, ==, cases[i].b);
        }
}

static gboolean
decode(const char *text, guint8 *buffer, gsize n_bytes)
{
        TgCredential value = {.name = "x", .value = text, .n_chars = strlen(text)};

        return tg_credential_decode(&value, buffer, n_bytes);
}

static void
test_base64(void)
{
        static const guint8 octets[] = {0xfb, 0xef, 0xff, 0x01, 0x02};
        guint8 found[5];

        for (gsize n = 1; n <= sizeof octets; n++) {
                g_autofree char *text = tg_credential_encode(octets, n);

                g_assert_cmpuint(strlen(text) % 4, ==, 0);
                g_assert_true(decode(text, found, n));
                g_assert_cmpmem(found, n, octets, n);
                g_assert_false(decode(text, found, n - 1));
                g_assert_false(decode(text, found, n + 1));
        }
        g_assert_true(decode("--__AQI=", found, 5));
        g_assert_false(decode("--__AQI", found, 5)); /* RFC 9577: with its padding */
        g_assert_false(decode("--__AQI==", found, 5));
        g_assert_false(decode("--__AQJ=", found, 5)); /* bits that mean nothing */
        g_assert_false(decode("++//AQI=", found, 5));
        g_assert_false(decode("--__AQ I", found, 5));
}

static void
test_times(void)
{
        static const struct {
                const char *text;
                gint64 s; /* 0: none */
        } cases[] = {
                {"1",             1           },
                {"1800000000",    NOW         },
                {"999999999999",  999999999999},
                {"0",             0           },
                {"",              0           },
                {"01",            0           },
                {"-1",            0           },
                {"+1",            0           },
                {"1.0",           0           },
                {"0x1",           0           },
                {"1000000000000", 0           },
                {" 1",            0           },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                TgCredential value = {"t", cases[i].text, strlen(cases[i].text)};
                gint64 s = 0;

                g_assert_cmpint(tg_credential_read_time(&value, &s), ==, cases[i].s != 0);
                g_assert_cmpint(s, ==, cases[i].s);
        }
}

/* ---- what the RFC has ---- */

static char *
vector_key(void)
{
        g_autoptr(GBytes) der = tg_hex_decode(VECTOR_KEY);
        g_autofree char *text = g_base64_encode(g_bytes_get_data(der, NULL), g_bytes_get_size(der));

        return g_strdup_printf("-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n", text);
}

static void
check_vector(const TgTokenTerms *terms, const char *challenge_hex, const char *token_hex)
{
        g_autoptr(TgAttestation) attestation = make_token_attestation(NAME, HERE);
        g_autofree char *key = vector_key();
        g_autoptr(GBytes) expected = tg_hex_decode(challenge_hex);
        g_autoptr(GBytes) challenge = tg_token_challenge(terms);
        guint8 token[TG_TOKEN_BYTES], read[TG_TOKEN_BYTES], digest[TG_SHA256_BYTES];
        g_autofree char *text = NULL;

        g_assert_true(g_bytes_equal(challenge, expected));
        decode_hex(token_hex, token, sizeof token);
        tg_token_challenge_digest(terms, digest);
        g_assert_cmpmem(digest, sizeof digest, token + TG_TOKEN_CHALLENGE, sizeof digest);

        text = token_format(token);
        g_assert_true(tg_private_token_read(text, read));
        g_assert_cmpmem(read, sizeof read, token, sizeof token);
        g_assert_false(tg_attestation_has_signed(attestation, token));
        add_key(attestation, key);
        g_assert_true(tg_attestation_has_signed(attestation, token));
        for (gsize i = 0; i < sizeof token; i++) {
                token[i] ^= 1;
                g_assert_false(tg_attestation_has_signed(attestation, token));
                token[i] ^= 1;
        }
        /* Whoever has it signed for another relay has nothing here. */
        assert_refused(attestation, text, NOW);
}

static void
test_vectors(void)
{
        guint8 context[TG_SHA256_BYTES];
        const TgTokenTerms first = {VECTOR_ISSUER, VECTOR_ORIGIN, context};
        const TgTokenTerms second = {VECTOR_ISSUER, VECTOR_ORIGIN, NULL};

        decode_hex(VECTOR1_CONTEXT, context, sizeof context);
        check_vector(&first, VECTOR1_CHALLENGE, VECTOR1_TOKEN);
        check_vector(&second, VECTOR2_CHALLENGE, VECTOR2_TOKEN);
}

/* ---- tokens ---- */

typedef struct {
        Issuer *issuer;
        TgAttestation *attestation;
} Tokens;

static void
tokens_set_up(Tokens *self, gconstpointer data)
{
        g_autofree char *key = NULL;

        self->issuer = issuer_new();
        self->attestation = make_token_attestation(NAME, HERE);
        key = issuer_dup_key(self->issuer);
        add_key(self->attestation, key);
}

static void
tokens_tear_down(Tokens *self, gconstpointer data)
{
        tg_attestation_free(self->attestation);
        issuer_free(self->issuer);
}

static void
test_token_times(Tokens *self, gconstpointer data)
{
        g_autofree char *text = issuer_make(self->issuer, NAME, HERE, WINDOW, WINDOW_S, 1);
        const gint64 begin_s = (gint64)WINDOW * WINDOW_S;
        TgSpent spent;

        assert_refused(self->attestation, text, begin_s - 1);
        assert_good(self->attestation, text, begin_s);
        assert_good(self->attestation, text, begin_s + 2 * WINDOW_S - 1);
        assert_refused(self->attestation, text, begin_s + 2 * WINDOW_S);

        judge_at(self->attestation, text, begin_s, &spent);
        g_assert_cmpint(spent.expires_s, ==, begin_s + 2 * WINDOW_S + SKEW_S);
}

static void
test_token_names(Tokens *self, gconstpointer data)
{
        g_autofree char *other_issuer =
                issuer_make(self->issuer, "issuer.example", HERE, WINDOW, WINDOW_S, 1);
        g_autofree char *other_origin =
                issuer_make(self->issuer, NAME, "relay.example:444", WINDOW, WINDOW_S, 1);
        g_autofree char *other_window = issuer_make(self->issuer, NAME, HERE, NOW / 7200, 7200, 1);

        assert_refused(self->attestation, other_issuer, NOW);
        assert_refused(self->attestation, other_origin, NOW);
        assert_refused(self->attestation, other_window, NOW);
        assert_refused(self->attestation, NULL, NOW);
        assert_refused(self->attestation, "", NOW);
        assert_refused(self->attestation, "PrivateToken token=\"\"", NOW);
        assert_refused(self->attestation, "Basic AAAA", NOW);
}

static void
test_token_octets(Tokens *self, gconstpointer data)
{
        g_autofree char *text = issuer_make(self->issuer, NAME, HERE, WINDOW, WINDOW_S, 1);
        guint8 token[TG_TOKEN_BYTES];

        g_assert_true(tg_private_token_read(text, token));
        for (gsize i = 0; i < sizeof token; i++) {
                g_autofree char *changed = NULL;

                token[i] ^= 0x10;
                changed = token_format(token);
                assert_refused(self->attestation, changed, NOW);
                token[i] ^= 0x10;
        }
        for (gsize i = 0; text[i]; i++) {
                char c = text[i];

                text[i] = c == 'A' ? 'B' : 'A';
                /* the scheme and the parameter's name know no case */
                if (g_ascii_toupper(c) != text[i])
                        assert_refused(self->attestation, text, NOW);
                text[i] = c;
        }
        assert_good(self->attestation, text, NOW);
}

/* Both are good while the old one's tokens may be about. */
static void
test_token_keys(Tokens *self, gconstpointer data)
{
        Issuer *next = issuer_new();
        g_autofree char *key = issuer_dup_key(next);
        g_autofree char *old = issuer_make(self->issuer, NAME, HERE, WINDOW, WINDOW_S, 1);
        g_autofree char *new = issuer_make(next, NAME, HERE, WINDOW, WINDOW_S, 1);
        g_autofree char *before = tg_attestation_challenge(self->attestation, NOW);
        g_autofree char *after = NULL;

        assert_refused(self->attestation, new, NOW);
        add_key(self->attestation, key);
        assert_good(self->attestation, new, NOW);
        assert_good(self->attestation, old, NOW);
        after = tg_attestation_challenge(self->attestation, NOW);
        g_assert_cmpstr(before, ==, after);
        issuer_free(next);
}

static void
test_token_spent(Tokens *self, gconstpointer data)
{
        g_autofree char *one = issuer_make(self->issuer, NAME, HERE, WINDOW, WINDOW_S, 1);
        g_autofree char *again = issuer_make(self->issuer, NAME, HERE, WINDOW, WINDOW_S, 1);
        g_autofree char *two = issuer_make(self->issuer, NAME, HERE, WINDOW, WINDOW_S, 2);
        TgSpent first, second, third;

        judge_at(self->attestation, one, NOW, &first);
        judge_at(self->attestation, again, NOW + 1, &second);
        judge_at(self->attestation, two, NOW, &third);
        /* another signature (its salt is drawn anew), but the same nonce */
        g_assert_cmpstr(one, !=, again);
        g_assert_cmpmem(first.id, sizeof first.id, second.id, sizeof second.id);
        g_assert_true(memcmp(first.id, third.id, sizeof first.id) != 0);
        g_assert_true(memcmp(first.id, first.spender, sizeof first.id) != 0);
        g_assert_true(memcmp(first.spender, third.spender, sizeof first.spender) != 0);
}

static void
test_token_challenge(Tokens *self, gconstpointer data)
{
        g_autofree char *text = tg_attestation_challenge(self->attestation, NOW);
        g_autofree char *later = tg_attestation_challenge(self->attestation, NOW + 1);
        g_autofree char *next = tg_attestation_challenge(self->attestation, NOW + WINDOW_S);
        TgCredential wanted[] = {{.name = "challenge"}, {.name = "token-key"}, {.name = "max-age"}};
        guint8 context[TG_SHA256_BYTES];
        const TgTokenTerms terms = {NAME, HERE, context};
        g_autoptr(GBytes) expected = NULL;
        g_autofree guint8 *challenge = NULL;
        gsize n_challenge;
        gint64 max_age_s;

        tg_token_context(WINDOW, WINDOW_S, context);
        expected = tg_token_challenge(&terms);
        n_challenge = g_bytes_get_size(expected);
        challenge = g_malloc(n_challenge);
        g_assert_true(tg_credentials_read(text, TG_PRIVATE_TOKEN, wanted, 3));
        g_assert_true(tg_credential_decode(&wanted[0], challenge, n_challenge));
        g_assert_cmpmem(challenge, n_challenge, g_bytes_get_data(expected, NULL), n_challenge);
        g_assert_cmpuint(wanted[1].n_chars, >, 450);
        g_assert_true(tg_credential_read_time(&wanted[2], &max_age_s));
        g_assert_cmpint(max_age_s, ==, (WINDOW + 2) * (gint64)WINDOW_S - NOW);
        /* the same for everybody, and another in the next time */
        g_assert_cmpint(strncmp(text, later, 60), ==, 0);
        g_assert_cmpint(strcmp(text, next), !=, 0);
        g_assert_cmpstr(tg_attestation_scheme(self->attestation), ==, "PrivateToken");
}

static void
assert_no_key(TgAttestation *attestation, const char *text)
{
        g_autoptr(GError) error = NULL;

        g_assert_false(tg_attestation_add_key(attestation, text, &error));
        g_assert_error(error, TG_ERROR, TG_ERROR_INVALID);
        g_assert_false(*text && strstr(error->message, text));
}

static void
test_token_key_files(void)
{
        g_autoptr(TgAttestation) attestation = make_token_attestation(NAME, HERE);
        g_autofree char *good = vector_key();
        g_autofree char *twice = g_strconcat(good, good, NULL);
        g_autofree char *cut = g_strndup(good, strlen(good) / 2);
        g_autofree char *plain = make_key("RSA", 2048, FALSE, FALSE);
        g_autofree char *unbound = make_key("RSA-PSS", 2048, FALSE, FALSE);
        g_autofree char *long_key = make_key("RSA-PSS", 3072, FALSE, TRUE);
        g_autofree char *private_key = make_key("RSA-PSS", 2048, TRUE, TRUE);
        g_autofree char *other = make_key("ED25519", 0, FALSE, FALSE);
        const char *const bad[] = {
                "", "x", SHARED, twice, cut, plain, unbound, long_key, private_key, other};

        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
                assert_no_key(attestation, bad[i]);
        add_key(attestation, good);
}

/* ---- shared keys ---- */

static TgAttestation *
make_shared_attestation(const char *key)
{
        const TgAttestationRules rules = {.kind = TG_ATTESTATION_SHARED_KEY, .skew_s = SKEW_S};
        TgAttestation *attestation = tg_attestation_new(&rules);

        add_key(attestation, key);

        return attestation;
}

static void
test_mac(void)
{
        g_autoptr(TgAttestation) attestation = make_shared_attestation(SHARED);
        g_autoptr(TgAttestation) other = make_shared_attestation(SHARED2);
        g_autofree char *challenge = tg_attestation_challenge(attestation, NOW);
        g_autofree char *text = g_strdup("Tigress-HMAC-SHA256 time=1800000000, mac=\"" MAC "\"");
        TgSpent spent;

        assert_good(attestation, text, NOW);
        assert_good(attestation, text, NOW + SKEW_S);
        assert_good(attestation, text, NOW - SKEW_S);
        assert_refused(attestation, text, NOW + SKEW_S + 1);
        assert_refused(attestation, text, NOW - SKEW_S - 1);
        assert_refused(other, text, NOW);
        add_key(other, SHARED "\n");
        assert_good(other, text, NOW);
        g_assert_cmpint(
                tg_attestation_judge(attestation, text, BODY " ", strlen(BODY) + 1, NOW, &spent),
                ==,
                TG_ATTESTED_REFUSED);
        judge_at(attestation, text, NOW, &spent);
        g_assert_cmpint(spent.expires_s, >, NOW + 2 * SKEW_S);
        g_assert_cmpstr(challenge, ==, "Tigress-HMAC-SHA256 max-skew=300");

        for (gsize i = 0; text[i]; i++) {
                char c = text[i];

                text[i] = c == 'A' ? 'B' : 'A';
                if (g_ascii_toupper(c) != text[i] ||
                    i > strlen("Tigress-HMAC-SHA256 time=1800000000, mac=\""))
                        assert_refused(attestation, text, NOW);
                text[i] = c;
        }
        assert_good(attestation, text, NOW);
        assert_refused(attestation, "Tigress-HMAC-SHA256 time=1800000000", NOW);
        assert_refused(attestation, "Tigress-HMAC-SHA256 mac=\"" MAC "\"", NOW);
        assert_refused(attestation, NULL, NOW);
}

static void
test_shared_key_files(void)
{
        g_autoptr(TgAttestation) attestation = make_shared_attestation(SHARED);
        g_autofree char *cert = make_key("ED25519", 0, FALSE, FALSE);
        const char *const bad[] = {"",
                                   "\n",
                                   "AQEB",
                                   "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE",
                                   SHARED " ",
                                   SHARED "\n" SHARED2 "\n",
                                   "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"
                                   "BAQEBAQEBAQEBAQEBAQEBAQE=",
                                   cert};

        for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
                assert_no_key(attestation, bad[i]);
}

static void
test_none(void)
{
        g_assert_cmpint(judge_at(NULL, NULL, NOW, NULL), ==, TG_ATTESTED_NOT_ASKED);
        g_assert_null(tg_attestation_scheme(NULL));
}

#define TOKENS(name, function)                                                                     \
        g_test_add("/attestation/token/" name,                                                     \
                   Tokens,                                                                         \
                   NULL,                                                                           \
                   tokens_set_up,                                                                  \
                   function,                                                                       \
                   tokens_tear_down)

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);

        g_test_add_func("/attestation/credentials", test_credentials);
        g_test_add_func("/attestation/base64", test_base64);
        g_test_add_func("/attestation/times", test_times);
        g_test_add_func("/attestation/none", test_none);
        g_test_add_func("/attestation/token/rfc9578", test_vectors);
        g_test_add_func("/attestation/token/key-files", test_token_key_files);
        TOKENS("times", test_token_times);
        TOKENS("names", test_token_names);
        TOKENS("octets", test_token_octets);
        TOKENS("keys", test_token_keys);
        TOKENS("spent", test_token_spent);
        TOKENS("challenge", test_token_challenge);
        g_test_add_func("/attestation/mac", test_mac);
        g_test_add_func("/attestation/shared-key-files", test_shared_key_files);

        return g_test_run();
}
