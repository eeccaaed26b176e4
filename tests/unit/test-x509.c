/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <openssl/err.h>
#include <string.h>

#include "daemon/verticals/x509-authority.h"
#include "daemon/verticals/x509-request.h"
#include "helper.h"
#include "x509-fixture.h"

static void
assert_certificate(X509Fixture *self, GBytes *der, const char *part)
{
        g_autoptr(GError) error = NULL;
        gboolean is_right =
                tg_x509_certificate_check(der, &self->grant, self->ca, self->key, &error);

        g_assert_true(is_right == (part == NULL));
        if (part == NULL)
                g_assert_no_error(error);
        else
                x509_assert_says(error, TG_ERROR_INVALID, part);
        g_assert_cmpuint(ERR_peek_error(), ==, 0);
}

static void
test_a_certificate_is_for_logging_in_and_nothing_else(X509Fixture *self, gconstpointer data)
{
        g_autoptr(GBytes) der = x509_issue(self, &self->grant, self->key, self->ca_key);
        const unsigned char *at = g_bytes_get_data(der, NULL);
        g_autoptr(X509) certificate = d2i_X509(NULL, &at, (long)g_bytes_get_size(der));
        g_autofree char *subject = NULL;

        assert_certificate(self, der, NULL);
        g_assert_cmpint(X509_check_ca(certificate), ==, 0);
        g_assert_cmpuint(X509_get_key_usage(certificate), ==, KU_DIGITAL_SIGNATURE);
        g_assert_cmpuint(X509_get_extended_key_usage(certificate), ==, XKU_SSL_CLIENT);
        g_assert_cmpint(X509_check_purpose(certificate, X509_PURPOSE_SSL_CLIENT, 0), ==, 1);
        g_assert_cmpint(X509_check_purpose(certificate, X509_PURPOSE_SSL_SERVER, 0), ==, 0);
        g_assert_cmpint(X509_check_issued(self->ca, certificate), ==, X509_V_OK);
        g_assert_cmpint(X509_check_email(certificate, "alice@example.org", 0, 0), ==, 1);
        subject = tg_x509_authority_name(certificate);
        g_assert_cmpstr(subject, ==, "CN=alice,O=Example");
}

static void
test_a_certificate_for_another_key_or_by_another_is_refused(X509Fixture *self, gconstpointer data)
{
        g_autoptr(EVP_PKEY) other = tg_x509_key_new(self->grant.key, NULL);
        g_autoptr(GBytes) foreign = x509_issue(self, &self->grant, other, self->ca_key);
        g_autoptr(GBytes) forged = x509_issue(self, &self->grant, self->key, other);

        assert_certificate(self, foreign, "another key");
        assert_certificate(self, forged, "not signed by its authority");
}

static void
test_a_certificate_that_grants_more_is_refused(X509Fixture *self, gconstpointer data)
{
        static const char why[] = "does not grant what was offered";
        g_auto(TgX509Grant) more = {};
        g_autoptr(GBytes) longer = NULL;
        g_autoptr(GBytes) earlier = NULL;
        g_autoptr(GBytes) named = NULL;
        g_autoptr(GBytes) nameless = NULL;
        g_autoptr(GBytes) numbered = NULL;

        x509_fill_grant(&more, self->grant.ca, self->grant.key);
        more.from_s = self->grant.from_s;
        more.to_s = self->grant.to_s + 1;
        longer = x509_issue(self, &more, self->key, self->ca_key);
        assert_certificate(self, longer, why);

        more.to_s = self->grant.to_s;
        more.from_s--;
        earlier = x509_issue(self, &more, self->key, self->ca_key);
        assert_certificate(self, earlier, why);

        more.from_s++;
        more.serial[15] ^= 1;
        numbered = x509_issue(self, &more, self->key, self->ca_key);
        assert_certificate(self, numbered, why);

        more.serial[15] ^= 1;
        g_strfreev(more.names);
        more.names = g_strsplit("email:root@example.org", ",", -1);
        named = x509_issue(self, &more, self->key, self->ca_key);
        assert_certificate(self, named, why);
        g_strfreev(more.names);
        more.names = g_new0(char *, 1);
        nameless = x509_issue(self, &more, self->key, self->ca_key);
        assert_certificate(self, nameless, why);
}

/* One by the authority's own hand, changed in one place after what is right. */
typedef void (*Change)(X509 *certificate);

static void
be_authority(X509 *certificate)
{
        int place = X509_get_ext_by_NID(certificate, NID_basic_constraints, -1);

        X509_EXTENSION_free(X509_delete_ext(certificate, place));
        x509_add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
}

static void
be_server(X509 *certificate)
{
        int place = X509_get_ext_by_NID(certificate, NID_ext_key_usage, -1);

        X509_EXTENSION_free(X509_delete_ext(certificate, place));
        x509_add_extension(certificate, NID_ext_key_usage, "clientAuth,serverAuth");
}

static void
sign_others(X509 *certificate)
{
        int place = X509_get_ext_by_NID(certificate, NID_key_usage, -1);

        X509_EXTENSION_free(X509_delete_ext(certificate, place));
        x509_add_extension(certificate, NID_key_usage, "critical,digitalSignature,keyCertSign");
}

static void
be_surprising(X509 *certificate)
{
        x509_add_extension(certificate, NID_tlsfeature, "critical,status_request");
}

static void
have_comment(X509 *certificate)
{
        x509_add_extension(certificate, NID_netscape_comment, "hello");
}

static void
be_somebody(X509 *certificate)
{
        X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate),
                                   "OU",
                                   MBSTRING_UTF8,
                                   (const unsigned char *)"Admins",
                                   -1,
                                   -1,
                                   0);
}

static void
come_from_elsewhere(X509 *certificate)
{
        X509_NAME_add_entry_by_txt(X509_get_issuer_name(certificate),
                                   "OU",
                                   MBSTRING_UTF8,
                                   (const unsigned char *)"Other",
                                   -1,
                                   -1,
                                   0);
}

static void
be_old(X509 *certificate)
{
        X509_set_version(certificate, 0);
}

static void
test_each_change_of_a_certificate_is_refused(X509Fixture *self, gconstpointer data)
{
        static const Change changes[] = {be_authority,
                                         be_server,
                                         sign_others,
                                         be_surprising,
                                         have_comment,
                                         be_somebody,
                                         come_from_elsewhere,
                                         be_old};
        const EVP_MD *digest;

        g_assert_true(tg_x509_digest_of(self->ca_key, &digest));
        for (gsize i = 0; i < G_N_ELEMENTS(changes); i++) {
                g_autoptr(GBytes) der = x509_issue(self, &self->grant, self->key, self->ca_key);
                const unsigned char *at = g_bytes_get_data(der, NULL);
                g_autoptr(X509) certificate = d2i_X509(NULL, &at, (long)g_bytes_get_size(der));
                g_autoptr(GBytes) changed = NULL;

                changes[i](certificate);
                g_assert_cmpint(X509_sign(certificate, self->ca_key, digest), >, 0);
                changed = TG_X509_ENCODE(X509, certificate);
                assert_certificate(self, changed, "does not grant what was offered");
        }
}

/* Each octet of it, in each way that matters to a reader of DER. */
static void
test_no_octet_of_a_certificate_can_be_changed(X509Fixture *self, gconstpointer data)
{
        g_autoptr(GBytes) der = x509_issue(self, &self->grant, self->key, self->ca_key);
        gsize n_bytes;
        const guint8 *octets = g_bytes_get_data(der, &n_bytes);

        for (gsize i = 0; i < n_bytes; i++) {
                g_autofree guint8 *copy = g_memdup2(octets, n_bytes + 1);
                g_autoptr(GBytes) cut = g_bytes_new(octets, i);
                g_autoptr(GBytes) changed = NULL;

                copy[i] ^= (guint8)(1 + i % 255);
                changed = g_bytes_new(copy, n_bytes);
                assert_certificate(self, changed, "");
                assert_certificate(self, cut, "");
        }
}

static void
test_what_is_no_certificate_is_refused(X509Fixture *self, gconstpointer data)
{
        g_autoptr(GBytes) der = x509_issue(self, &self->grant, self->key, self->ca_key);
        g_autofree guint8 *longer = g_malloc0(TG_X509_MAX_CERTIFICATE_BYTES + 1);
        g_autoptr(GBytes) followed = NULL;
        g_autoptr(GBytes) large = NULL;
        g_autoptr(GBytes) text = g_bytes_new_static("-----BEGIN", 10);

        memcpy(longer, g_bytes_get_data(der, NULL), g_bytes_get_size(der));
        followed = g_bytes_new(longer, g_bytes_get_size(der) + 1);
        large = g_bytes_new(longer, TG_X509_MAX_CERTIFICATE_BYTES + 1);
        assert_certificate(self, followed, "no certificate");
        assert_certificate(self, large, "no certificate");
        assert_certificate(self, text, "no certificate");
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);
        x509_add_test("certificate", test_a_certificate_is_for_logging_in_and_nothing_else);
        x509_add_test("certificate/foreign",
                      test_a_certificate_for_another_key_or_by_another_is_refused);
        x509_add_test("certificate/more", test_a_certificate_that_grants_more_is_refused);
        x509_add_test("certificate/changes", test_each_change_of_a_certificate_is_refused);
        x509_add_test("certificate/octets", test_no_octet_of_a_certificate_can_be_changed);
        x509_add_test("certificate/none", test_what_is_no_certificate_is_refused);
        return g_test_run();
}
