/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A revocation list that sshd reads (RevokedKeys): it only grows, and is replaced as a whole. */

#include <string.h>

#include "daemon/record.h"
#include "daemon/verticals/revocation-list.h"
#include "daemon/verticals/ssh.h"
#include "protocol/error.h"

/* Numbers are stored: never use one again for something else. */
enum {
        FIELD_SERIAL = 1,
        FIELD_CA = 2,
        FIELD_LIST = 3,
};

TgSecret *
tg_ssh_receipt(const TgSshGrant *grant, guint64 serial, const char *krl, GError **error)
{
        g_autoptr(TgRecord) record = tg_record_new();

        tg_record_put_number(record, FIELD_SERIAL, serial);
        tg_record_put_text(record, FIELD_CA, grant->ca);
        tg_record_put_text(record, FIELD_LIST, krl);
        return tg_record_write(record, error);
}

static void
on_listed(const char *output, const GError *failure, gpointer user_data)
{
        g_autoptr(TgSshJob) job = user_data;
        g_autofree char *made = g_build_filename(tg_workplace_path(job->place), "list", NULL);
        g_autofree char *list = NULL;
        g_autoptr(GBytes) octets = NULL;
        g_autoptr(GError) unread = NULL;
        GError *error = NULL;
        gsize n_bytes;

        if (failure != NULL)
                error = g_error_copy(failure);
        else if (!g_file_get_contents(made, &list, &n_bytes, &unread))
                error = tg_error_new(TG_ERROR_FAILED, "%s", unread->message);
        else
                octets = g_bytes_new_take(g_steal_pointer(&list), n_bytes);
        if (octets != NULL && tg_revocation_list_replace(job->krl, octets, job->list_mode, &error))
                tg_step_done(job->step);
        else
                tg_step_fail(job->step, error);
}

/* FALSE without @error: there is none yet. */
static gboolean
copy_list(TgSshJob *job, GError **error)
{
        g_autofree char *copy = g_build_filename(tg_workplace_path(job->place), "list", NULL);
        g_autoptr(GBytes) list = NULL;

        job->lock_fd = tg_revocation_list_lock(job->krl, error);
        if (job->lock_fd < 0 || !tg_revocation_list_read(job->krl, &list, &job->list_mode, error) ||
            list == NULL)
                return FALSE;
        return g_file_set_contents_full(copy,
                                        g_bytes_get_data(list, NULL),
                                        (gssize)g_bytes_get_size(list),
                                        G_FILE_SET_CONTENTS_NONE,
                                        0600,
                                        error);
}

static gboolean
take_receipt(TgSshJob *job, GError **error)
{
        const TgSecret *receipt = tg_step_context(job->step)->receipt;
        g_autofree char *ca = receipt != NULL ? tg_record_get_text(receipt, FIELD_CA) : NULL;
        g_autofree char *ca_file = g_strconcat(ca != NULL ? ca : "", "\n", NULL);
        g_autofree char *what = NULL;

        job->krl = receipt != NULL ? tg_record_get_text(receipt, FIELD_LIST) : NULL;
        if (ca == NULL || job->krl == NULL) {
                tg_set_error(error, TG_ERROR_INVALID, "the stored share is incomplete");
                return FALSE;
        }
        job->serial = tg_record_get_number(receipt, FIELD_SERIAL, 0);
        what = g_strdup_printf("serial: %" G_GUINT64_FORMAT "\n", job->serial);
        return tg_workplace_write(job->place, "ca.pub", ca_file, error) &&
               tg_workplace_write(job->place, "what", what, error);
}

void
tg_ssh_revoke(TgStep *step)
{
        TgSshJob *job = tg_ssh_job_new(step);
        GError *error = NULL;
        gboolean is_there;

        if (job == NULL)
                return;
        if (!take_receipt(job, &error)) {
                tg_ssh_job_fail(job, error);
                return;
        }
        is_there = copy_list(job, &error);
        if (error != NULL) {
                tg_ssh_job_fail(job, tg_error_new(TG_ERROR_FAILED, "%s", error->message));
                g_error_free(error);
                return;
        }
        const char *const more[] = {
                "ssh-keygen", "-q", "-k", "-u", "-f", "list", "-s", "ca.pub", "what", NULL};
        const char *const first[] = {
                "ssh-keygen", "-q", "-k", "-f", "list", "-s", "ca.pub", "what", NULL};
        tg_ssh_job_run(job, is_there ? more : first, NULL, on_listed);
}
