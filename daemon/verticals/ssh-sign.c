/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The initiator's signature: of the key whose holder has proved that he holds it, for what was
 * consented to, once. A repeated step makes the same certificate, with the same serial. */

#include <string.h>

#include "daemon/clock.h"
#include "daemon/verticals/ssh-certificate.h"
#include "daemon/verticals/ssh.h"
#include "protocol/bytes.h"
#include "protocol/digest.h"
#include "protocol/error.h"

static gboolean
take_terms(TgSshJob *job, GError **error)
{
        GVariant *terms = tg_step_context(job->step)->terms;
        const char *offer;
        TgJson json;

        if (terms == NULL || !g_variant_lookup(terms, "offer", "&s", &offer) ||
            !g_variant_lookup(terms, "serial", "t", &job->serial) ||
            !g_variant_lookup(terms, "krl", "s", &job->krl)) {
                tg_set_error(error, TG_ERROR_INVALID, "the stored share is incomplete");
                return FALSE;
        }
        g_variant_lookup(terms, "agent", "s", &job->agent);
        if (!tg_json_parse(offer, strlen(offer), strlen(offer), &json, error) ||
            !tg_ssh_grant_parse(&json, &job->grant, error))
                return FALSE;
        if (job->grant.valid_before > (guint64)tg_clock_now_s())
                return TRUE;
        tg_set_error(error,
                     TG_ERROR_INVALID,
                     "the time for which the certificate was to be valid is over: nothing was "
                     "signed");
        return FALSE;
}

/* ---- the token ---- */

static gboolean
has_pin(const TgSshJob *job)
{
        return g_variant_lookup(
                tg_step_context(job->step)->terms, "pkcs11-pin", "&s", &(const char *){NULL});
}

/* Of this process, by what their shares have stored: a try that was noted, and not made. */
static GHashTable *tries;

/* A wrong PIN is tried once, though the process may end before anybody has heard that it is wrong:
 * it is stored beforehand that it may have been tried. */
static gboolean
may_try(const TgSshJob *job, GError **error)
{
        const TgSecret *state = tg_step_context(job->step)->state;
        gsize n_bytes;
        const char *text = (const char *)tg_secret_get(state, &n_bytes);
        g_autofree char *try = g_strndup(text, n_bytes);

        if (tries != NULL && g_hash_table_remove(tries, try))
                return TRUE;
        tg_set_error(error,
                     TG_ERROR_INVALID,
                     "the token's PIN may have been tried already, and is not tried twice: nothing "
                     "was signed");
        return FALSE;
}

static void
note_try(TgSshJob *job)
{
        guint8 octets[16];
        g_autofree char *try = NULL;
        g_autoptr(TgSecret) state = NULL;
        GError *error = NULL;

        tg_random(octets, sizeof octets);
        try = tg_hex_encode(octets, sizeof octets);
        state = tg_secret_new(try, strlen(try), &error);
        if (state == NULL) {
                tg_ssh_job_fail(job, error);
                return;
        }
        if (tries == NULL)
                tries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_hash_table_add(tries, g_steal_pointer(&try));
        tg_step_set_state(job->step, state);
        tg_step_note(job->step);
        tg_ssh_job_free(job);
}

static TgSecret *
read_pin(const TgSshJob *job, GError **error)
{
        const char *path = NULL;

        g_variant_lookup(tg_step_context(job->step)->terms, "pkcs11-pin", "&s", &path);
        return tg_ssh_read_pin(path, error);
}

/* ---- the certificate ---- */

static gboolean
is_as_consented(const TgSshJob *job, const char *line, GError **error)
{
        g_auto(TgSshCertificate) certificate = {};

        if (!tg_ssh_certificate_parse(line, &certificate, error))
                return FALSE;
        if (tg_ssh_grant_equal(&certificate.grant, &job->grant) &&
            certificate.serial == job->serial && g_str_equal(certificate.key, job->key))
                return TRUE;
        tg_set_error(error,
                     TG_ERROR_INVALID,
                     "what was signed is not what was consented to (was the authority's key "
                     "changed?): it stays here");
        return FALSE;
}

/* A wrong PIN is not tried again: after a few the token takes none. */
static GError *
not_signed(const TgSshJob *job, const GError *failure)
{
        if (!has_pin(job))
                return g_error_copy(failure);
        return tg_error_new(TG_ERROR_INVALID,
                            "the token has not signed (%s): is the PIN right? nothing was signed",
                            failure->message);
}

static void
on_signed(const char *output, const GError *failure, gpointer user_data)
{
        g_autoptr(TgSshJob) job = user_data;
        g_autofree char *line = NULL;
        g_autoptr(GString) json = g_string_new("{\"certificate\":");
        g_autoptr(TgSecret) content = NULL;
        g_autoptr(TgSecret) receipt = NULL;
        g_autoptr(GError) error = NULL;

        if (failure != NULL)
                error = not_signed(job, failure);
        else
                line = tg_workplace_read(
                        job->place, "key-cert.pub", TG_SSH_MAX_CERTIFICATE_CHARS, &error);
        if (line != NULL && is_as_consented(job, line, &error)) {
                tg_json_append_string(json, g_strchomp(line));
                g_string_append_c(json, '}');
                content = tg_secret_new(json->str, json->len, &error);
                receipt = tg_ssh_receipt(&job->grant, job->serial, job->krl, &error);
        }
        if (content == NULL || receipt == NULL) {
                tg_step_fail(job->step, g_steal_pointer(&error));
                return;
        }
        tg_step_set_receipt(job->step, receipt);
        tg_step_say(job->step, content, TRUE);
}

static char *
utc(guint64 time_s)
{
        g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc((gint64)time_s);

        return g_date_time_format(time, "%Y%m%d%H%M%S");
}

static void
add(GPtrArray *argv, const char *option, char *value)
{
        g_ptr_array_add(argv, g_strdup(option));
        if (value != NULL)
                g_ptr_array_add(argv, value);
}

static void
add_authority(GPtrArray *argv, const TgSshJob *job)
{
        GVariant *terms = tg_step_context(job->step)->terms;
        char *path = NULL;

        if (g_variant_lookup(terms, "pkcs11", "s", &path))
                add(argv, "-D", path);
        if (job->agent != NULL)
                add(argv, "-U", NULL);
        path = NULL;
        if (job->agent != NULL || g_variant_lookup(terms, "pkcs11", "&s", &(const char *){NULL}))
                path = g_strdup("ca.pub");
        else
                g_variant_lookup(terms, "ca", "s", &path);
        add(argv, "-s", path);
}

static void
sign(TgSshJob *job)
{
        g_autoptr(TgSecret) pin = NULL;
        const TgSshGrant *grant = &job->grant;
        g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
        g_autofree char *from = utc(grant->valid_after);
        g_autofree char *to = utc(grant->valid_before);
        GError *error = NULL;

        add(argv, "ssh-keygen", NULL);
        add(argv, "-q", NULL);
        add_authority(argv, job);
        add(argv, "-I", g_strdup(grant->key_id));
        add(argv, "-n", g_strjoinv(",", grant->principals));
        add(argv, "-V", g_strconcat(from, ":", to, NULL));
        add(argv, "-z", g_strdup_printf("%" G_GUINT64_FORMAT, job->serial));
        add(argv, "-O", g_strdup("clear"));
        for (guint i = 0; tg_ssh_extensions[i] != NULL; i++)
                if ((grant->permits & 1u << i) != 0)
                        add(argv, "-O", g_strdup(tg_ssh_extensions[i]));
        if (grant->force_command != NULL)
                add(argv, "-O", g_strconcat("force-command=", grant->force_command, NULL));
        if (grant->source_address != NULL)
                add(argv, "-O", g_strconcat("source-address=", grant->source_address, NULL));
        add(argv, "key.pub", NULL);
        g_ptr_array_add(argv, NULL);

        if (has_pin(job) && (!may_try(job, &error) || (pin = read_pin(job, &error)) == NULL))
                tg_ssh_job_fail(job, error);
        else
                tg_ssh_job_run_with_pin(job, (const char *const *)argv->pdata, pin, on_signed);
}

/* ---- the request ---- */

static void
on_proved(const char *output, const GError *failure, gpointer user_data)
{
        TgSshJob *job = user_data;

        if (failure == NULL && has_pin(job) && tg_step_context(job->step)->state == NULL) {
                note_try(job);
                return;
        }
        if (failure == NULL) {
                sign(job);
                return;
        }
        tg_ssh_job_fail(job,
                        tg_error_new(TG_ERROR_INVALID,
                                     "the other side has not proved that it holds the key that it "
                                     "wants to be signed (%s): nothing was signed",
                                     failure->message));
}

static gboolean
take_request(TgSshJob *job, const TgJson *message, GError **error)
{
        g_autofree char *line = tg_json_dup_text(message, "publicKey", TG_SSH_MAX_KEY_CHARS);
        g_autofree char *proof = tg_json_dup_text(message, "proof", TG_SSH_MAX_PROOF_CHARS);
        g_autofree char *allowed = NULL;
        g_autofree char *key_file = NULL;
        g_autofree char *ca_file = g_strconcat(job->grant.ca, "\n", NULL);

        if (line != NULL && g_str_has_prefix(line, TG_SSH_KEY_TYPE))
                job->key = tg_ssh_key_of_line(line);
        if (job->key == NULL || proof == NULL) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "the other side asks for no signature of an Ed25519 key: nothing was "
                             "signed");
                return FALSE;
        }
        allowed = g_strconcat("holder namespaces=\"" TG_SSH_FORMAT "\" ", job->key, "\n", NULL);
        key_file = g_strconcat(job->key, "\n", NULL);
        return tg_workplace_write(job->place, "allowed", allowed, error) &&
               tg_workplace_write(job->place, "proof", proof, error) &&
               tg_workplace_write(job->place, "key.pub", key_file, error) &&
               tg_workplace_write(job->place, "ca.pub", ca_file, error);
}

void
tg_ssh_sign(TgStep *step)
{
        static const char *const argv[] = {"ssh-keygen",
                                           "-Y",
                                           "verify",
                                           "-f",
                                           "allowed",
                                           "-I",
                                           "holder",
                                           "-n",
                                           TG_SSH_FORMAT,
                                           "-s",
                                           "proof",
                                           NULL};
        const TgStepContext *context = tg_step_context(step);
        TgSshJob *job = tg_ssh_job_new(step);
        g_autofree char *statement = NULL;
        GError *error = NULL;

        if (job == NULL)
                return;
        statement = tg_ssh_statement(context, &error);
        if (statement == NULL || !take_terms(job, &error) ||
            !take_request(job, context->message, &error)) {
                tg_ssh_job_fail(job, error);
                return;
        }
        tg_ssh_job_run(job, argv, statement, on_proved);
}
