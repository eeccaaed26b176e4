/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The initiator's signature: of the key whose holder has proved that he holds it, for what was
 * consented to, once. A repeated step signs the same, with the same number; where certificates are
 * renewed, the time of one is known only then, and only the one that is stored goes out. */

#include <string.h>

#include "daemon/clock.h"
#include "daemon/verticals/x509-authority.h"
#include "daemon/verticals/x509-request.h"
#include "daemon/verticals/x509.h"
#include "protocol/error.h"

static gboolean
take_terms(TgX509Job *job, GError **error)
{
        guint64 now_s;
        guint64 begins_s;

        if (!tg_x509_terms_read(tg_step_context(job->step)->terms, job, error))
                return FALSE;
        now_s = (guint64)tg_clock_now_s();
        if (job->grant.to_s > now_s) {
                begins_s = tg_x509_grant_begins(&job->grant, now_s);
                return tg_x509_grant_narrow(&job->grant,
                                            MAX(now_s - TG_X509_SLACK_S, job->grant.from_s),
                                            MIN(begins_s + job->grant.life_s, job->grant.to_s),
                                            error);
        }
        return tg_x509_invalid(error,
                               "the time for which the certificate was to be valid is over: "
                               "nothing was signed");
}

/* When it is valid is known only now. */
static void
show(const TgX509Job *job)
{
        tg_x509_grant_show(&job->grant, job->step);
        tg_x509_place_show(&job->place, job->crl, job->step);
}

static void
on_signed(GBytes *signature, const GError *failure, gpointer user_data)
{
        g_autoptr(TgX509Job) job = user_data;
        g_autoptr(X509_ALGOR) algorithm = tg_x509_algorithm_of(X509_get0_pubkey(job->ca));
        g_autoptr(GBytes) certificate = NULL;
        g_autoptr(TgSecret) content = NULL;
        g_autoptr(TgSecret) receipt = NULL;
        g_autoptr(GError) error = failure != NULL ? g_error_copy(failure) : NULL;
        gsize n_signature;
        const guint8 *octets;

        if (signature != NULL) {
                octets = g_bytes_get_data(signature, &n_signature);
                certificate = tg_x509_wrap(job->part, algorithm, octets, n_signature);
        }
        if (certificate != NULL &&
            tg_x509_certificate_check(certificate, &job->grant, job->ca, job->key, &error)) {
                content = tg_x509_say_octets("certificate", certificate, &error);
                receipt = tg_x509_receipt(job, &error);
        }
        if (content == NULL || receipt == NULL) {
                tg_step_fail(job->step, g_steal_pointer(&error));
                return;
        }
        tg_step_set_receipt(job->step, receipt);
        tg_step_set_over(job->step, job->grant.to_s);
        if (job->grant.life_s != 0)
                show(job);
        tg_step_say(job->step, content, TRUE);
}

static gboolean
take_request(TgX509Job *job, const TgJson *message, GError **error)
{
        g_autofree char *challenge = tg_x509_challenge(tg_step_context(job->step), error);
        g_autoptr(GBytes) request = NULL;

        if (challenge == NULL)
                return FALSE;
        request = tg_x509_get_octets(message, "request", TG_X509_MAX_REQUEST_BYTES, error);
        if (request == NULL)
                return FALSE;
        job->key = tg_x509_request_check(request, job->grant.key, challenge, error);
        return job->key != NULL;
}

void
tg_x509_sign(TgStep *step)
{
        TgX509Job *job = tg_x509_job_new(step);
        GError *error = NULL;

        if (take_terms(job, &error) && take_request(job, tg_step_context(step)->message, &error))
                job->part = tg_x509_certificate_tbs(&job->grant, job->ca, job->key, &error);
        if (job->part != NULL)
                tg_x509_seal(step, job->ca, &job->place, job->part, on_signed, job);
        else
                tg_x509_job_fail(job, error);
}
