/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A key that the recipient has already, in place of one that is made: looked at before anything is
 * claimed, and never kept. */

#include <string.h>

#include "daemon/verticals/ssh.h"
#include "protocol/error.h"

const TgTermKey tg_ssh_own_terms[] = {
        {"key",   "p",  4096},
        {"agent", "p",  1024},
        {NULL,    NULL, 0   },
};

static void
answer(TgSshJob *job)
{
        GVariant *terms = tg_step_context(job->step)->terms;
        const char *path;
        GVariantDict checked;

        if (job->key == NULL || !g_str_has_prefix(job->key, TG_SSH_KEY_TYPE)) {
                tg_ssh_job_fail(job,
                                tg_error_new(TG_ERROR_INVALID,
                                             "\"key\" is no Ed25519 key, and no other is signed"));
                return;
        }
        g_variant_lookup(terms, "key", "&s", &path);
        g_variant_dict_init(&checked, NULL);
        g_variant_dict_insert(&checked, "key", "s", path);
        g_variant_dict_insert(&checked, "public", "s", job->key);
        if (job->agent != NULL)
                g_variant_dict_insert(&checked, "agent", "s", job->agent);
        tg_step_checked(job->step, g_variant_dict_end(&checked), NULL);
        tg_ssh_job_free(job);
}

/* ---- the public part is named: an agent has the private one ---- */

static void
on_listed(const char *output, const GError *failure, gpointer user_data)
{
        TgSshJob *job = user_data;

        if (failure == NULL && strstr(output, job->key) != NULL)
                answer(job);
        else
                tg_ssh_job_fail(job,
                                tg_error_new(TG_ERROR_INVALID,
                                             "the ssh-agent does not have the key: ssh-add it, or "
                                             "name its private file"));
}

static void
ask_agent(TgSshJob *job)
{
        static const char *const argv[] = {"ssh-add", "-L", NULL};
        GError *error = NULL;

        if (tg_ssh_take_agent(job, &error))
                tg_ssh_job_run(job, argv, NULL, on_listed);
        else
                tg_ssh_job_fail(job, error);
}

/* ---- its file is named ---- */

static void
on_public_key(const char *output, const GError *failure, gpointer user_data)
{
        TgSshJob *job = user_data;

        if (failure == NULL) {
                job->key = tg_ssh_key_of_line(output);
                answer(job);
                return;
        }
        tg_ssh_job_fail(job,
                        tg_error_new(TG_ERROR_INVALID,
                                     "\"key\" cannot be used (%s): if it has a passphrase, put it "
                                     "into the ssh-agent and name its public part",
                                     failure->message));
}

void
tg_ssh_check_own(TgStep *step)
{
        TgSshJob *job = tg_ssh_job_new(step);
        const char *path = NULL;

        if (job == NULL)
                return;
        g_variant_lookup(tg_step_context(step)->terms, "key", "&s", &path);
        if (path == NULL || !tg_ssh_is_regular(path)) {
                tg_ssh_job_fail(job, tg_error_new(TG_ERROR_INVALID, "\"key\" names no file"));
                return;
        }
        job->key = tg_ssh_read_public_key(path);
        if (job->key != NULL) {
                ask_agent(job);
                return;
        }
        const char *const argv[] = {"ssh-keygen", "-y", "-P", "", "-f", path, NULL};
        tg_ssh_job_run(job, argv, NULL, on_public_key);
}
