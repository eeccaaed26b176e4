/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The initiator's terms: what is consented to, whole, before anybody is asked; and the offer that
 * tells it to the other side. */

#include <string.h>

#include "daemon/clock.h"
#include "daemon/verticals/x509-authority.h"
#include "daemon/verticals/x509-name.h"
#include "daemon/verticals/x509.h"
#include "protocol/error.h"

#define DEFAULT_VALID_S (8 * 3600)
#define FINGERPRINT_CHARS 16
#define MAX_WAIT_S (3 * 86400) /* and half of a certificate's life, at most three days too */

/* Signed to see whose key a token has. No certificate and no list begins so. */
#define TRIAL "tigress: does this key belong to its certificate?\n"

static char *
lookup_text(GVariant *terms, const char *name)
{
        char *text = NULL;

        return g_variant_lookup(terms, name, "s", &text) ? text : NULL;
}

/* No next one before half of a certificate's life is over. */
static guint64
most_renewals(const TgX509Grant *grant)
{
        return (grant->to_s - grant->from_s) / MAX(grant->life_s / 2, 1) + 1;
}

static gboolean
take_renewals(GVariant *terms, TgX509Grant *grant, guint32 life_s, gboolean has_end, GError **error)
{
        guint64 until_s;
        guint64 n_renewals;

        if (!g_variant_lookup(terms, "renew-until", "t", &until_s))
                return TRUE;
        if (has_end)
                return tg_x509_invalid(error,
                                       "give \"valid-for\" with \"renew-until\": for how long "
                                       "each certificate is valid");
        if (until_s <= grant->to_s)
                return tg_x509_invalid(error,
                                       "\"renew-until\" is before the end of the first "
                                       "certificate: there would be nothing to renew");
        grant->to_s = until_s;
        grant->life_s = life_s;
        n_renewals = most_renewals(grant);
        grant->n_renewals = (guint32)MIN(n_renewals, G_MAXINT32);
        return grant->from_s <= (guint64)tg_clock_now_s() + MAX_WAIT_S ||
               tg_x509_invalid(error,
                               "what is renewed begins within three days: the relay keeps the "
                               "mailbox of the next one for a week");
}

/* Absolute, so that what is consented to does not grow with the time until it is signed. */
static gboolean
take_times(GVariant *terms, TgX509Grant *grant, GError **error)
{
        guint64 now_s = (guint64)tg_clock_now_s();
        guint32 valid_for_s = DEFAULT_VALID_S;
        gboolean has_span = g_variant_lookup(terms, "valid-for", "u", &valid_for_s);
        gboolean has_end = g_variant_lookup(terms, "not-after", "t", &grant->to_s);

        if (has_span && has_end)
                return tg_x509_invalid(error, "give one of \"valid-for\" and \"not-after\"");
        if (!g_variant_lookup(terms, "not-before", "t", &grant->from_s))
                grant->from_s = now_s - TG_X509_SLACK_S;
        if (!has_end)
                grant->to_s =
                        MAX(MIN(grant->from_s, G_MAXUINT32) + TG_X509_SLACK_S, now_s) + valid_for_s;
        if (grant->to_s < now_s + TG_X509_MIN_LIFE_S)
                return tg_x509_invalid(error,
                                       "the certificate would be over before it could be used");
        return take_renewals(terms, grant, valid_for_s, has_end, error);
}

/* It becomes an argument of a program, which every user of the machine may read. */
static gboolean
is_token(const char *uri, GError **error)
{
        g_autofree char *lower = uri != NULL ? g_ascii_strdown(uri, -1) : NULL;

        if (uri == NULL)
                return TRUE;
        if (!g_str_has_prefix(uri, "pkcs11:"))
                return tg_x509_invalid(error, "\"token\" is a URI that begins with pkcs11:");
        if (strstr(lower, "pin-value") != NULL || strchr(lower, '%') != NULL)
                return tg_x509_invalid(error,
                                       "\"token\" may not hold a PIN, nor characters that are "
                                       "written as %: name a file with it, pin-source=file:PATH");
        return TRUE;
}

static gboolean
take_place(GVariant *terms, TgX509Job *job, GError **error)
{
        g_autofree char *ca = lookup_text(terms, "ca");

        job->place.token = lookup_text(terms, "token");
        job->place.file = lookup_text(terms, "ca-key");
        if (ca == NULL)
                return tg_x509_invalid(error,
                                       "the key \"ca\" is missing: the authority's certificate");
        if (job->place.token != NULL && job->place.file != NULL)
                return tg_x509_invalid(error, "give one of \"ca-key\" and \"token\"");
        if (job->place.file == NULL && job->place.token == NULL)
                job->place.file = g_strdup(ca);
        if (!is_token(job->place.token, error))
                return FALSE;
        job->grant.ca = tg_x509_authority_read(ca, error);
        if (job->grant.ca == NULL)
                return FALSE;
        job->ca = tg_x509_authority_parse(job->grant.ca, error);
        return job->ca != NULL;
}

/* One list an authority. */
static char *
default_list(GBytes *ca)
{
        g_autofree char *fingerprint = tg_x509_authority_fingerprint(ca);
        g_autofree char *name = NULL;

        fingerprint[FINGERPRINT_CHARS] = '\0';
        name = g_strconcat("revoked-", fingerprint, ".crl", NULL);
        return g_build_filename(g_get_user_data_dir(), "tigress", name, NULL);
}

static gboolean
take_terms(GVariant *terms, TgX509Job *job, GError **error)
{
        TgX509Grant *grant = &job->grant;
        g_autofree char *subject = lookup_text(terms, "subject");
        g_autofree char *key = lookup_text(terms, "key-type");

        if (key != NULL && !tg_x509_key_parse(key, &grant->key))
                return tg_x509_invalid(error, "\"key-type\" is p256 (the default) or ed25519");
        if (subject == NULL)
                return tg_x509_invalid(error,
                                       "the key \"subject\" is missing: CN=alice, for example");
        grant->subject = tg_x509_subject_tidy(subject);
        if (!g_variant_lookup(terms, "alt-names", "^as", &grant->names))
                grant->names = g_new0(char *, 1);
        tg_x509_grant_number(grant);
        job->crl = lookup_text(terms, "crl");
        if (!take_times(terms, grant, error) || !take_place(terms, job, error))
                return FALSE;
        /* Not before its authority, which may be a new one. */
        if (!g_variant_lookup(terms, "not-before", "t", &(guint64){0}))
                grant->from_s = MAX(grant->from_s, tg_x509_authority_begins(job->ca));
        if (!tg_x509_grant_check(grant, error))
                return FALSE;
        if (job->crl == NULL)
                job->crl = default_list(grant->ca);
        return TRUE;
}

/* ---- the answer ---- */

static void
answer(TgX509Job *job)
{
        g_autofree char *subject = tg_x509_authority_fingerprint(job->grant.ca);
        g_autoptr(GVariant) terms = tg_x509_terms_write(job);

        tg_x509_grant_show(&job->grant, job->step);
        tg_x509_place_show(&job->place, job->crl, job->step);
        tg_step_checked(job->step, terms, subject);
        tg_x509_job_free(job);
}

static void
on_tried(GBytes *signature, const GError *error, gpointer user_data)
{
        TgX509Job *job = user_data;

        if (signature != NULL)
                answer(job);
        else
                tg_x509_job_fail(job, tg_error_new(TG_ERROR_INVALID, "%s", error->message));
}

void
tg_x509_check(TgStep *step)
{
        TgX509Job *job = tg_x509_job_new(step);
        g_autoptr(GBytes) trial = g_bytes_new_static(TRIAL, strlen(TRIAL));
        GError *error = NULL;

        if (take_terms(tg_step_context(step)->terms, job, &error)) {
                tg_x509_seal(step, job->ca, &job->place, trial, on_tried, job);
                return;
        }
        /* What cannot be read now is not waited for before anybody has said yes. */
        if (tg_error_code(error) == TG_ERROR_FAILED)
                error->code = TG_ERROR_INVALID;
        tg_x509_job_fail(job, error);
}
