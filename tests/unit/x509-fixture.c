/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "x509-fixture.h"

#include <string.h>

#include "daemon/vertical.h"
#include "daemon/verticals/x509-authority.h"
#include "daemon/verticals/x509-request.h"
#include "daemon/verticals/x509.h"
#include "helper.h"

void
x509_assert_says(const GError *error, TgError code, const char *part)
{
        helper_assert_error(error, code, NULL);
        if (strstr(error->message, part) == NULL)
                g_error("\"%s\" does not say \"%s\"", error->message, part);
}

void
x509_add_extension(X509 *certificate, int nid, const char *text)
{
        X509V3_CTX context;
        X509_EXTENSION *extension;

        X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
        extension = X509V3_EXT_conf_nid(NULL, &context, nid, text);
        g_assert_nonnull(extension);
        X509_add_ext(certificate, extension, -1);
        X509_EXTENSION_free(extension);
}

GBytes *
x509_new_authority(EVP_PKEY *key, const X509Wrong *wrong)
{
        g_autoptr(X509) ca = X509_new();
        gint64 now_s = g_get_real_time() / G_USEC_PER_SEC;
        X509_NAME *name = X509_get_subject_name(ca);
        const EVP_MD *digest = EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? NULL : EVP_sha256();

        X509_set_version(ca, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(ca), 1);
        X509_NAME_add_entry_by_txt(
                name, "CN", MBSTRING_UTF8, (const unsigned char *)"Example CA", -1, -1, 0);
        X509_set_issuer_name(ca, name);
        ASN1_TIME_set(X509_getm_notBefore(ca), now_s - DAY_S);
        ASN1_TIME_set(X509_getm_notAfter(ca),
                      now_s + (wrong->ends_in_s != 0 ? wrong->ends_in_s : 365 * DAY_S));
        X509_set_pubkey(ca, key);
        x509_add_extension(ca,
                           NID_basic_constraints,
                           wrong->is_no_ca ? "critical,CA:FALSE" : "critical,CA:TRUE");
        x509_add_extension(ca,
                           NID_key_usage,
                           wrong->signs_no_lists ? "critical,keyCertSign"
                                                 : "critical,keyCertSign,cRLSign");
        x509_add_extension(ca, NID_subject_key_identifier, "hash");
        g_assert_cmpint(X509_sign(ca, key, digest), >, 0);
        return TG_X509_ENCODE(X509, ca);
}

void
x509_fill_grant(TgX509Grant *grant, GBytes *ca, TgX509Key key)
{
        gint64 now_s = g_get_real_time() / G_USEC_PER_SEC;

        grant->ca = g_bytes_ref(ca);
        grant->subject = g_strdup("CN=alice,O=Example");
        grant->names = g_strsplit("email:alice@example.org,uri:https://example.org/alice", ",", -1);
        grant->key = key;
        grant->from_s = (guint64)now_s - 60;
        grant->to_s = (guint64)now_s + 3600;
        memset(grant->serial, 0x5a, sizeof grant->serial);
}

static void
set_up(X509Fixture *self, gconstpointer data)
{
        TgX509Key kind = (TgX509Key)GPOINTER_TO_INT(data);
        g_autoptr(GBytes) ca = NULL;
        g_autoptr(GError) error = NULL;

        self->ca_key = tg_x509_key_new(kind, &error);
        g_assert_no_error(error);
        ca = x509_new_authority(self->ca_key, &(X509Wrong){});
        self->ca = tg_x509_authority_parse(ca, &error);
        g_assert_no_error(error);
        x509_fill_grant(&self->grant, ca, kind);
        self->key = tg_x509_key_new(kind, &error);
        g_assert_no_error(error);
}

static void
tear_down(X509Fixture *self, gconstpointer data)
{
        EVP_PKEY_free(self->ca_key);
        EVP_PKEY_free(self->key);
        X509_free(self->ca);
        tg_x509_grant_clear(&self->grant);
}

GBytes *
x509_sign_part(GBytes *part, EVP_PKEY *key)
{
        g_autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new();
        guint8 signature[1024];
        gsize n_signature = sizeof signature;
        const EVP_MD *digest;
        gsize n_bytes;
        const guint8 *octets = g_bytes_get_data(part, &n_bytes);

        g_assert_true(tg_x509_digest_of(key, &digest));
        g_assert_cmpint(EVP_DigestSignInit(context, NULL, digest, NULL, key), ==, 1);
        g_assert_cmpint(EVP_DigestSign(context, signature, &n_signature, octets, n_bytes), ==, 1);
        return g_bytes_new(signature, n_signature);
}

GBytes *
x509_issue(X509Fixture *self, const TgX509Grant *grant, EVP_PKEY *key, EVP_PKEY *signer)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) part = tg_x509_certificate_tbs(grant, self->ca, key, &error);
        g_autoptr(X509_ALGOR) algorithm = tg_x509_algorithm_of(X509_get0_pubkey(self->ca));
        g_autoptr(GBytes) signature = NULL;
        gsize n_bytes;
        const guint8 *octets;

        g_assert_no_error(error);
        signature = x509_sign_part(part, signer);
        octets = g_bytes_get_data(signature, &n_bytes);
        return tg_x509_wrap(part, algorithm, octets, n_bytes);
}

void
x509_add_test(const char *name, void (*test)(X509Fixture *self, gconstpointer data))
{
        static const char *const kinds[] = {"p256", "ed25519"};

        for (gsize kind = 0; kind < G_N_ELEMENTS(kinds); kind++) {
                g_autofree char *path = g_strdup_printf("/x509/%s/%s", name, kinds[kind]);

                g_test_add(path, X509Fixture, GINT_TO_POINTER((int)kind), set_up, test, tear_down);
        }
}

void
x509_run_recipient(guint number,
                   TgSecret *binding,
                   TgSecret *state,
                   TgSecret *inherited,
                   const char *message,
                   TgStepAnswer *ret_answer)
{
        TgJson json;
        TgStepContext context = {
                .kind = TG_STEP_RECEIVE,
                .role = TG_ROLE_RECIPIENT,
                .number = number,
                .binding = binding,
                .state = state,
                .inherited = inherited,
                .message = &json,
        };

        g_assert_true(tg_json_parse(message, strlen(message), strlen(message), &json, NULL));
        tg_step_run(tg_vertical_find(TG_X509_FORMAT)->receive, &context, ret_answer);
}

GBytes *
x509_request_of(const TgStepAnswer *answer)
{
        g_autoptr(GError) error = NULL;
        const char *text = (const char *)tg_secret_get(answer->content, NULL);
        GBytes *octets;
        TgJson json;

        g_assert_true(tg_json_parse(text, strlen(text), strlen(text), &json, NULL));
        octets = tg_x509_get_octets(&json, "request", TG_X509_MAX_REQUEST_BYTES, &error);
        g_assert_no_error(error);
        return octets;
}
