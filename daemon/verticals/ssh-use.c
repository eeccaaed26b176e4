/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The target `ssh-agent`: key and certificate go into the user's own agent, which forgets them when
 * the certificate is over. ssh-add does it, with the key as a file of the step's folder.
 */

#include <string.h>

#include "daemon/clock.h"
#include "daemon/verticals/ssh-certificate.h"
#include "daemon/verticals/ssh.h"
#include "protocol/error.h"

#define MARGIN_S 2
#define END_OF_KEY "-----END OPENSSH PRIVATE KEY-----\n"

const TgTermKey tg_ssh_agent_options[] = {
        {"agent",    "p",  1024},
        {"lifetime", "u",  0   },
        {"confirm",  "b",  0   },
        {NULL,       NULL, 0   },
};

/* ---- what is kept: the private key, and a line with the certificate ---- */

static gsize
key_size(const char *text, gsize n_bytes)
{
        const gsize n_end = strlen(END_OF_KEY);

        for (gsize i = 0; i + n_end <= n_bytes; i++)
                if (memcmp(text + i, END_OF_KEY, n_end) == 0)
                        return i + n_end;
        return 0;
}

static gboolean
take_content(TgSshJob *job, TgSshCertificate *ret_certificate, GError **error)
{
        const TgSecret *content = tg_step_context(job->step)->given;
        gsize n_bytes;
        const char *text = (const char *)tg_secret_get(content, &n_bytes);
        gsize n_key = key_size(text, n_bytes);
        g_autofree char *line = NULL;
        g_autofree char *file = NULL;
        g_autoptr(TgSecret) key = NULL;

        if (n_key == 0 && g_str_has_prefix(text, "ssh-")) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "the certificate is for a key of your own, which is not kept here: "
                             "write it into a file, and name that to ssh as CertificateFile");
                return FALSE;
        }
        if (n_key == 0 || n_bytes - n_key > TG_SSH_MAX_CERTIFICATE_CHARS) {
                tg_set_error(error, TG_ERROR_INVALID, "what is kept is no key with a certificate");
                return FALSE;
        }
        line = g_strndup(text + n_key, n_bytes - n_key);
        if (!tg_ssh_certificate_parse(g_strchomp(line), ret_certificate, error))
                return FALSE;
        file = g_strconcat(line, "\n", NULL);
        key = tg_secret_slice(content, 0, n_key, error);
        return key != NULL && tg_workplace_write_secret(job->place, "key", key, error) &&
               tg_workplace_write(job->place, "key-cert.pub", file, error);
}

static gboolean
take_lifetime(TgSshJob *job, GError **error)
{
        GVariant *options = tg_step_context(job->step)->terms;
        guint64 now_s = (guint64)tg_clock_now_s();
        guint32 wanted_s = G_MAXINT32;

        if (g_variant_lookup(options, "lifetime", "u", &wanted_s) && wanted_s == 0) {
                tg_set_error(error, TG_ERROR_INVALID, "\"lifetime\" is at least a second");
                return FALSE;
        }
        if (job->grant.valid_before <= now_s + job->margin_s) {
                tg_set_error(error,
                             TG_ERROR_EXPIRED,
                             "the certificate is over: ask whoever lent it for another");
                return FALSE;
        }
        job->lifetime_s =
                MIN(MIN(wanted_s, G_MAXINT32), job->grant.valid_before - now_s - job->margin_s);
        return TRUE;
}

/* ---- ssh-add ---- */

/* It also says that all is well where the certificate is not for the key, and was left out. */
static void
on_listed(const char *output, const GError *failure, gpointer user_data)
{
        g_autoptr(TgSshJob) job = user_data;
        g_autoptr(GError) error = failure != NULL ? g_error_copy(failure) : NULL;
        g_autofree char *line = NULL;
        g_autofree char *bare = NULL;
        GVariantDict result;

        if (error == NULL)
                line = tg_workplace_read(
                        job->place, "key-cert.pub", TG_SSH_MAX_CERTIFICATE_CHARS, &error);
        if (line != NULL)
                bare = tg_ssh_key_of_line(line);
        if (error == NULL && (bare == NULL || strstr(output, bare) == NULL))
                error = tg_error_new(TG_ERROR_FAILED, "the agent has not taken the certificate");
        if (error != NULL) {
                tg_step_fail(job->step, g_steal_pointer(&error));
                return;
        }
        g_variant_dict_init(&result, NULL);
        g_variant_dict_insert(&result, "agent", "s", job->agent);
        g_variant_dict_insert(&result, "until", "t", (guint64)tg_clock_now_s() + job->lifetime_s);
        tg_step_used(job->step, g_variant_dict_end(&result));
}

static void on_added(const char *output, const GError *failure, gpointer user_data);

static void
add(TgSshJob *job)
{
        GVariant *options = tg_step_context(job->step)->terms;
        g_autofree char *lifetime = NULL;
        gboolean does_confirm = FALSE;
        const char *argv[] = {"ssh-add", "-q", "-t", NULL, "key", NULL, NULL};
        GError *error = NULL;

        if (!take_lifetime(job, &error)) {
                tg_ssh_job_fail(job, error);
                return;
        }
        argv[3] = lifetime = g_strdup_printf("%u", job->lifetime_s);
        g_variant_lookup(options, "confirm", "b", &does_confirm);
        if (does_confirm) {
                argv[4] = "-c";
                argv[5] = "key";
        }
        tg_ssh_job_run(job, argv, NULL, on_added);
}

/* The agent counts from when it got the key, which may have been late: then it gets it again, for
 * a time that is shorter by more. */
static void
on_added(const char *output, const GError *failure, gpointer user_data)
{
        static const char *const argv[] = {"ssh-add", "-L", NULL};
        TgSshJob *job = user_data;

        if (failure != NULL) {
                tg_ssh_job_fail(job, g_error_copy(failure));
                return;
        }
        job->until_s = (guint64)tg_clock_now_s() + job->lifetime_s;
        if (job->until_s < job->grant.valid_before) {
                tg_ssh_job_run(job, argv, NULL, on_listed);
                return;
        }
        job->margin_s += MARGIN_S;
        add(job);
}

void
tg_ssh_use_agent(TgStep *step)
{
        TgSshJob *job = tg_ssh_job_new(step);
        g_auto(TgSshCertificate) certificate = {};
        GError *error = NULL;

        if (job == NULL)
                return;
        if (!tg_ssh_take_agent(job, &error) || !take_content(job, &certificate, &error)) {
                tg_ssh_job_fail(job, error);
                return;
        }
        job->grant = certificate.grant;
        certificate.grant = (TgSshGrant){};
        job->margin_s = MARGIN_S;
        add(job);
}
