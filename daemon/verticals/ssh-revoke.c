/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A revocation list that sshd reads (RevokedKeys): it only grows, and is replaced as a whole. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "daemon/record.h"
#include "daemon/verticals/ssh.h"
#include "protocol/error.h"

#define MAX_LIST_BYTES (1024 * 1024)
#define LIST_MODE 0644 /* it is for the server's eyes, and holds no secret */

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
        g_autoptr(GError) error = NULL;
        gsize n_bytes;

        if (failure != NULL) {
                tg_step_fail(job->step, g_error_copy(failure));
                return;
        }
        if (g_file_get_contents(made, &list, &n_bytes, &error) &&
            g_file_set_contents_full(job->krl,
                                     list,
                                     (gssize)n_bytes,
                                     G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
                                     (int)job->list_mode,
                                     &error)) {
                tg_step_done(job->step);
                return;
        }
        tg_step_fail(job->step,
                     tg_error_new(TG_ERROR_FAILED,
                                  "the revocation list cannot be written: %s",
                                  error->message));
}

/* Two that read, add and replace at once would lose one. */
static gboolean
lock_folder(TgSshJob *job, GError **error)
{
        g_autofree char *folder = g_path_get_dirname(job->krl);

        g_mkdir_with_parents(folder, 0700);
        job->lock_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (job->lock_fd >= 0 && flock(job->lock_fd, LOCK_EX | LOCK_NB) == 0)
                return TRUE;
        tg_set_error(error,
                     TG_ERROR_FAILED,
                     job->lock_fd < 0 ? "the revocation list's folder cannot be opened: %s"
                                      : "the revocation list is being written: try again (%s)",
                     g_strerror(errno));
        return FALSE;
}

/* FALSE without @error: there is none yet. */
static gboolean
copy_list(TgSshJob *job, GError **error)
{
        g_autofree char *copy = g_build_filename(tg_workplace_path(job->place), "list", NULL);
        g_autofree char *list = NULL;
        struct stat status;
        gsize n_bytes;

        job->list_mode = LIST_MODE;
        if (lstat(job->krl, &status) < 0 && errno == ENOENT)
                return FALSE;
        if (!S_ISREG(status.st_mode) || status.st_size > MAX_LIST_BYTES) {
                tg_set_error(error, TG_ERROR_INVALID, "the revocation list is no plain file");
                return FALSE;
        }
        job->list_mode = status.st_mode & 0777;
        return g_file_get_contents(job->krl, &list, &n_bytes, error) &&
               g_file_set_contents_full(
                       copy, list, (gssize)n_bytes, G_FILE_SET_CONTENTS_NONE, 0600, error);
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
        if (!take_receipt(job, &error) || !lock_folder(job, &error)) {
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
