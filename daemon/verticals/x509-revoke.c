/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What was lent is put on the authority's list, which servers read. */

#include <string.h>

#include "daemon/clock.h"
#include "daemon/record.h"
#include "daemon/verticals/revocation-list.h"
#include "daemon/verticals/x509-authority.h"
#include "daemon/verticals/x509-list.h"
#include "daemon/verticals/x509.h"
#include "protocol/error.h"

/* Numbers are stored: never use one again for something else. */
enum {
        FIELD_SERIAL = 1,
        FIELD_CA = 2,
        FIELD_LIST = 3,
        FIELD_KEY_FILE = 4,
        FIELD_TOKEN = 5,
};

TgSecret *
tg_x509_receipt(const TgX509Job *job, GError **error)
{
        g_autoptr(TgRecord) record = tg_record_new();
        gsize n_ca;
        const guint8 *ca = g_bytes_get_data(job->grant.ca, &n_ca);

        tg_record_put_bytes(record, FIELD_SERIAL, job->grant.serial, sizeof job->grant.serial);
        tg_record_put_bytes(record, FIELD_CA, ca, n_ca);
        tg_record_put_text(record, FIELD_LIST, job->crl);
        tg_record_put_text(record, FIELD_KEY_FILE, job->place.file);
        tg_record_put_text(record, FIELD_TOKEN, job->place.token);
        return tg_record_write(record, error);
}

static gboolean
take_receipt(TgX509Job *job, GError **error)
{
        const TgSecret *receipt = tg_step_context(job->step)->receipt;
        const guint8 *serial;
        const guint8 *ca;
        gsize n_serial;
        gsize n_ca;

        if (receipt == NULL || !tg_record_get_slice(receipt, FIELD_SERIAL, &serial, &n_serial) ||
            !tg_record_get_slice(receipt, FIELD_CA, &ca, &n_ca) ||
            n_serial != sizeof job->grant.serial)
                return tg_x509_invalid(error, "the stored share is incomplete");
        memcpy(job->grant.serial, serial, n_serial);
        job->grant.ca = g_bytes_new(ca, n_ca);
        job->crl = tg_record_get_text(receipt, FIELD_LIST);
        job->place.file = tg_record_get_text(receipt, FIELD_KEY_FILE);
        job->place.token = tg_record_get_text(receipt, FIELD_TOKEN);
        if (job->crl == NULL || (job->place.file == NULL && job->place.token == NULL))
                return tg_x509_invalid(error, "the stored share is incomplete");
        job->ca = tg_x509_authority_parse(job->grant.ca, error);
        return job->ca != NULL;
}

static void
on_signed(GBytes *signature, const GError *failure, gpointer user_data)
{
        g_autoptr(TgX509Job) job = user_data;
        g_autoptr(GBytes) pem = NULL;
        g_autoptr(GError) error = failure != NULL ? g_error_copy(failure) : NULL;

        if (signature != NULL)
                pem = tg_x509_list_write(job->part, job->ca, signature);
        if (pem != NULL && tg_revocation_list_replace(job->crl, pem, job->list_mode, &error)) {
                tg_step_done(job->step);
                return;
        }
        if (error == NULL)
                error = tg_error_new(TG_ERROR_FAILED, "a revocation list cannot be made");
        tg_step_fail(job->step, g_steal_pointer(&error));
}

static gboolean
read_list(TgX509Job *job, GError **error)
{
        g_autoptr(GBytes) there = NULL;

        job->lock_fd = tg_revocation_list_lock(job->crl, error);
        if (job->lock_fd < 0 || !tg_revocation_list_read(job->crl, &there, &job->list_mode, error))
                return FALSE;
        if (there != NULL)
                job->list = tg_x509_list_parse(there, job->ca, error);
        return there == NULL || job->list != NULL;
}

void
tg_x509_revoke(TgStep *step)
{
        TgX509Job *job = tg_x509_job_new(step);
        const TgX509Grant *grant = &job->grant;
        GError *error = NULL;

        if (!take_receipt(job, &error) || !read_list(job, &error)) {
                tg_x509_job_fail(job, error);
                return;
        }
        if (job->list != NULL && tg_x509_list_has(job->list, grant->serial, sizeof grant->serial)) {
                tg_step_done(step);
                tg_x509_job_free(job);
                return;
        }
        job->part = tg_x509_list_add(
                job->list, job->ca, grant->serial, sizeof grant->serial, tg_clock_now_s(), &error);
        if (job->part != NULL)
                tg_x509_seal(step, job->ca, &job->place, job->part, on_signed, job);
        else
                tg_x509_job_fail(job, error);
}
