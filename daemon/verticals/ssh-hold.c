/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The recipient: a key is made for this share, or he has named one of his own (ssh-own.c); its
 * public part is sent with a proof; the certificate that comes back must be for it, and grant what
 * was offered, all of it and nothing else. */

#include <string.h>

#include "daemon/clock.h"
#include "daemon/record.h"
#include "daemon/verticals/ssh-certificate.h"
#include "daemon/verticals/ssh.h"
#include "protocol/error.h"

#define MAX_PRIVATE_KEY_CHARS 4096
#define CONTENT_TYPE "text/plain"

/* Numbers are stored: never use one again for something else. */
enum {
        FIELD_PRIVATE_KEY = 1,
        FIELD_PUBLIC_KEY = 2,
        FIELD_OFFER = 3,
};

static gboolean
is_current(const TgSshGrant *grant, GError **error)
{
        if (grant->valid_before > (guint64)tg_clock_now_s())
                return TRUE;
        tg_set_error(error, TG_ERROR_INVALID, "the certificate that is offered is over already");
        return FALSE;
}

/* NULL: one is made. */
static const char *
own_key(const TgSshJob *job)
{
        GVariant *terms = tg_step_context(job->step)->terms;
        const char *key = NULL;

        if (terms != NULL)
                g_variant_lookup(terms, "public", "&s", &key);
        return key;
}

static void
show(TgSshJob *job)
{
        GVariant *terms = tg_step_context(job->step)->terms;
        const char *path;

        tg_ssh_grant_show(&job->grant, job->step);
        if (own_key(job) != NULL && g_variant_lookup(terms, "key", "&s", &path))
                tg_step_show(job->step, "Key of your own", path);
}

/* ---- the request ---- */

static TgSecret *
request_of(TgSshJob *job, const char *proof, GError **error)
{
        g_autoptr(GString) json = g_string_new("{\"publicKey\":");

        tg_json_append_string(json, job->key);
        g_string_append(json, ",\"proof\":");
        tg_json_append_string(json, proof);
        g_string_append_c(json, '}');
        return tg_secret_new(json->str, json->len, error);
}

static TgSecret *
state_of(TgSshJob *job, GError **error)
{
        const TgJson *offer = tg_step_context(job->step)->message;
        g_autoptr(TgRecord) record = tg_record_new();
        g_autoptr(TgSecret) key = NULL;

        if (own_key(job) == NULL) {
                key = tg_workplace_read_secret(job->place, "key", MAX_PRIVATE_KEY_CHARS, error);
                if (key == NULL)
                        return NULL;
                tg_record_put_secret(record, FIELD_PRIVATE_KEY, key);
        }
        tg_record_put_text(record, FIELD_PUBLIC_KEY, job->key);
        tg_record_put_bytes(record, FIELD_OFFER, offer->text, offer->n_chars);
        return tg_record_write(record, error);
}

static void
on_proof(const char *output, const GError *failure, gpointer user_data)
{
        g_autoptr(TgSshJob) job = user_data;
        g_autoptr(TgSecret) request = NULL;
        g_autoptr(TgSecret) state = NULL;
        g_autoptr(GError) error = failure != NULL ? g_error_copy(failure) : NULL;

        if (error == NULL)
                request = request_of(job, output, &error);
        if (request != NULL)
                state = state_of(job, &error);
        if (state == NULL) {
                tg_step_fail(job->step, g_steal_pointer(&error));
                return;
        }
        tg_step_set_state(job->step, state);
        show(job);
        tg_step_say(job->step, request, FALSE);
}

static void
prove(TgSshJob *job, const char *file)
{
        const char *const argv[] = {
                "ssh-keygen", "-q", "-Y", "sign", "-f", file, "-n", TG_SSH_FORMAT, NULL};
        GError *error = NULL;
        g_autofree char *statement = tg_ssh_statement(tg_step_context(job->step), &error);

        if (statement == NULL)
                tg_ssh_job_fail(job, error);
        else
                tg_ssh_job_run(job, argv, statement, on_proof);
}

static void
on_made(const char *output, const GError *failure, gpointer user_data)
{
        TgSshJob *job = user_data;
        g_autofree char *line = NULL;
        GError *error = failure != NULL ? g_error_copy(failure) : NULL;

        if (error == NULL)
                line = tg_workplace_read(job->place, "key.pub", TG_SSH_MAX_KEY_CHARS, &error);
        if (line == NULL) {
                tg_ssh_job_fail(job, error);
                return;
        }
        job->key = tg_ssh_key_of_line(line);
        prove(job, "key");
}

/* An agent is told by the public part which key is meant. */
static void
prove_own(TgSshJob *job)
{
        GVariant *terms = tg_step_context(job->step)->terms;
        const char *path = NULL;
        g_autofree char *file = NULL;
        GError *error = NULL;

        job->key = g_strdup(own_key(job));
        g_variant_lookup(terms, "key", "&s", &path);
        if (!g_variant_lookup(terms, "agent", "s", &job->agent)) {
                prove(job, path);
                return;
        }
        file = g_strconcat(job->key, "\n", NULL);
        if (tg_workplace_write(job->place, "key.pub", file, &error))
                prove(job, "key.pub");
        else
                tg_ssh_job_fail(job, error);
}

static void
begin(TgStep *step)
{
        static const char *const argv[] = {
                "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "tigress", "-f", "key", NULL};
        TgSshJob *job = tg_ssh_job_new(step);
        GError *error = NULL;

        if (job == NULL)
                return;
        if (!tg_ssh_grant_parse(tg_step_context(step)->message, &job->grant, &error) ||
            !is_current(&job->grant, &error))
                tg_ssh_job_fail(job, error);
        else if (own_key(job) != NULL)
                prove_own(job);
        else
                tg_ssh_job_run(job, argv, NULL, on_made);
}

/* ---- the certificate ---- */

/* The private key as OpenSSH writes it, unless it is the user's own, and after it the certificate,
 * on a line. */
static TgSecret *
content_of(const TgSshJob *job, const char *certificate, GError **error)
{
        const TgSecret *state = tg_step_context(job->step)->state;
        const guint8 *key = (const guint8 *)"";
        gsize n_key = 0;
        gsize n_certificate = strlen(certificate);
        TgSecret *content;
        guint8 *at;

        if (own_key(job) == NULL && !tg_record_get_slice(state, FIELD_PRIVATE_KEY, &key, &n_key)) {
                tg_set_error(error, TG_ERROR_INVALID, "the stored share is incomplete");
                return NULL;
        }
        content = tg_secret_new_blank(n_key + n_certificate + 1, &at, error);
        if (content == NULL)
                return NULL;
        memcpy(at, key, n_key);
        memcpy(at + n_key, certificate, n_certificate);
        at[n_key + n_certificate] = '\n';
        return content;
}

static void
on_verified(const char *output, const GError *failure, gpointer user_data)
{
        g_autoptr(TgSshJob) job = user_data;
        g_autofree char *line = NULL;
        g_autofree char *principals = g_strjoinv(", ", job->grant.principals);
        g_auto(TgProvision) provision = {
                .content_type = g_strdup(CONTENT_TYPE),
                .title = g_strconcat("SSH certificate for ", principals, NULL),
                .issuer = tg_ssh_fingerprint(job->grant.ca),
                .not_before_s = (gint64)job->grant.valid_after,
                .not_after_s = (gint64)job->grant.valid_before,
        };
        g_autoptr(GError) error = NULL;

        if (failure != NULL)
                error = tg_error_new(TG_ERROR_INVALID,
                                     "the certificate is not signed as it says (%s)",
                                     failure->message);
        else
                line = tg_workplace_read(
                        job->place, "key-cert.pub", TG_SSH_MAX_CERTIFICATE_CHARS, &error);
        if (line != NULL)
                provision.content = content_of(job, g_strchomp(line), &error);
        if (provision.content == NULL) {
                tg_step_fail(job->step, g_steal_pointer(&error));
                return;
        }
        show(job);
        tg_step_keep(job->step, &provision);
}

static gboolean
is_as_offered(TgSshJob *job, const char *line, GError **error)
{
        g_auto(TgSshCertificate) certificate = {};
        const char *why = NULL;

        if (!tg_ssh_certificate_parse(line, &certificate, error))
                return FALSE;
        if (g_strcmp0(certificate.key, job->key) != 0)
                why = "the certificate is for another key than the one that was sent";
        else if (!tg_ssh_grant_equal(&certificate.grant, &job->grant))
                why = "the certificate does not grant what was offered, or more than that";
        if (why == NULL)
                return is_current(&certificate.grant, error);
        tg_set_error(error, TG_ERROR_INVALID, "%s", why);
        return FALSE;
}

static gboolean
take_state(TgSshJob *job, GError **error)
{
        const TgSecret *state = tg_step_context(job->step)->state;
        const guint8 *offer;
        gsize n_offer;
        TgJson json;

        if (state == NULL || !tg_record_get_slice(state, FIELD_OFFER, &offer, &n_offer)) {
                tg_set_error(error, TG_ERROR_INVALID, "the stored share is incomplete");
                return FALSE;
        }
        job->key = tg_record_get_text(state, FIELD_PUBLIC_KEY);
        return tg_json_parse((const char *)offer, n_offer, n_offer, &json, error) &&
               tg_ssh_grant_parse(&json, &job->grant, error);
}

static void
take_certificate(TgStep *step)
{
        static const char *const argv[] = {"ssh-keygen", "-L", "-f", "key-cert.pub", NULL};
        TgSshJob *job = tg_ssh_job_new(step);
        g_autofree char *line = NULL;
        g_autofree char *bare = NULL;
        g_autofree char *file = NULL;
        GError *error = NULL;

        if (job == NULL)
                return;
        line = tg_json_dup_text(
                tg_step_context(step)->message, "certificate", TG_SSH_MAX_CERTIFICATE_CHARS);
        bare = line != NULL ? tg_ssh_key_of_line(line) : NULL;
        if (bare == NULL)
                tg_set_error(&error, TG_ERROR_INVALID, "what has arrived is no certificate");
        else
                file = g_strconcat(bare, "\n", NULL);
        if (bare != NULL && take_state(job, &error) && is_as_offered(job, bare, &error) &&
            tg_workplace_write(job->place, "key-cert.pub", file, &error))
                tg_ssh_job_run(job, argv, NULL, on_verified);
        else
                tg_ssh_job_fail(job, error);
}

void
tg_ssh_hold(TgStep *step)
{
        if (tg_step_context(step)->number == 0)
                begin(step);
        else
                take_certificate(step);
}
