/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The initiator's terms: what is consented to, whole, before anybody is asked; and the offer that
 * tells it to the other side. */

#include <string.h>

#include "daemon/clock.h"
#include "daemon/verticals/ssh.h"
#include "protocol/bytes.h"
#include "protocol/digest.h"
#include "protocol/error.h"

#define DEFAULT_VALID_S (8 * 3600)
#define MIN_VALID_S 10
#define SLACK_S 60 /* of two right clocks */

static gboolean
invalid(GError **error, const char *what)
{
        tg_set_error(error, TG_ERROR_INVALID, "%s", what);
        return FALSE;
}

static gboolean
take_permits(GVariant *terms, TgSshGrant *grant, GError **error)
{
        g_autofree const char **names = NULL;

        if (!g_variant_lookup(terms, "permit", "^a&s", &names)) {
                grant->permits = 1u << 2; /* a terminal, and nothing that reaches further */
                return TRUE;
        }
        if (tg_ssh_permits_of(names, &grant->permits))
                return TRUE;
        return invalid(error,
                       "\"permit\" knows agent-forwarding, port-forwarding, pty, user-rc and "
                       "x11-forwarding");
}

/* Absolute, so that what is consented to does not grow with the time until it is signed. */
static gboolean
take_times(GVariant *terms, TgSshGrant *grant, GError **error)
{
        guint64 now_s = (guint64)tg_clock_now_s();
        guint32 valid_for_s = DEFAULT_VALID_S;
        gboolean has_span = g_variant_lookup(terms, "valid-for", "u", &valid_for_s);
        gboolean has_end = g_variant_lookup(terms, "not-after", "t", &grant->valid_before);

        if (has_span && has_end)
                return invalid(error, "give one of \"valid-for\" and \"not-after\"");
        if (!g_variant_lookup(terms, "not-before", "t", &grant->valid_after))
                grant->valid_after = now_s - SLACK_S;
        if (!has_end)
                grant->valid_before = MAX(grant->valid_after + SLACK_S, now_s) + valid_for_s;
        if (grant->valid_before < now_s + MIN_VALID_S)
                return invalid(error, "the certificate would be over before it could be used");
        return TRUE;
}

static char *
lookup_text(GVariant *terms, const char *name)
{
        char *text = NULL;

        return g_variant_lookup(terms, name, "s", &text) ? text : NULL;
}

static gboolean
take_terms(GVariant *terms, TgSshJob *job, GError **error)
{
        TgSshGrant *grant = &job->grant;
        g_autofree char *pkcs11 = lookup_text(terms, "pkcs11");
        g_autofree char *pin = lookup_text(terms, "pkcs11-pin");
        g_autoptr(TgSecret) secret = NULL; /* is it there? */

        tg_random(&job->serial, sizeof job->serial);
        job->serial >>= 1; /* databases like them signed */
        job->agent = lookup_text(terms, "agent");
        job->krl = lookup_text(terms, "krl");
        if (job->krl == NULL)
                job->krl = g_build_filename(
                        g_get_user_data_dir(), "tigress", "revoked-keys.krl", NULL);
        g_variant_lookup(terms, "principals", "^as", &grant->principals);
        grant->source_address = lookup_text(terms, "source-address");
        grant->force_command = lookup_text(terms, "force-command");
        grant->key_id = lookup_text(terms, "key-id");
        if (grant->key_id == NULL)
                grant->key_id = g_strdup_printf("tigress-%016" G_GINT64_MODIFIER "x", job->serial);

        if (!g_variant_lookup(terms, "ca", "&s", &(const char *){NULL}))
                return invalid(error, "the key \"ca\" is missing: the authority's key");
        if (job->agent != NULL && pkcs11 != NULL)
                return invalid(error, "give one of \"agent\" and \"pkcs11\"");
        if (pin != NULL && pkcs11 == NULL)
                return invalid(error, "\"pkcs11-pin\" is of a token: give \"pkcs11\" as well");
        if (pin != NULL && (secret = tg_ssh_read_pin(pin, error)) == NULL)
                return FALSE;
        return take_permits(terms, grant, error) && take_times(terms, grant, error);
}

/* ---- the answer ---- */

static void
copy_term(GVariantDict *checked, GVariant *terms, const char *name)
{
        g_autoptr(GVariant) value = g_variant_lookup_value(terms, name, NULL);

        if (value != NULL)
                g_variant_dict_insert_value(checked, name, value);
}

static void
answer(TgSshJob *job)
{
        GVariant *terms = tg_step_context(job->step)->terms;
        g_autoptr(GVariantDict) checked = g_variant_dict_new(NULL);
        g_autoptr(GString) offer = g_string_new("{");
        g_autofree char *subject = tg_ssh_fingerprint(job->grant.ca);
        g_autofree char *where = NULL;
        g_autofree char *ca = lookup_text(terms, "ca");
        GError *error = NULL;

        if (!tg_ssh_grant_check(&job->grant, &error)) {
                tg_ssh_job_fail(job, error);
                return;
        }
        tg_ssh_grant_append(&job->grant, offer);
        g_string_append_c(offer, '}');
        g_variant_dict_insert(checked, "offer", "s", offer->str);
        g_variant_dict_insert(checked, "serial", "t", job->serial);
        g_variant_dict_insert(checked, "krl", "s", job->krl);
        copy_term(checked, terms, "ca");
        copy_term(checked, terms, "agent");
        copy_term(checked, terms, "pkcs11");
        copy_term(checked, terms, "pkcs11-pin");

        tg_ssh_grant_show(&job->grant, job->step);
        where = g_strconcat(ca,
                            job->agent != NULL ? ", in the ssh-agent" : "",
                            g_variant_lookup(terms, "pkcs11", "&s", &(const char *){NULL})
                                    ? ", in a token"
                                    : "",
                            NULL);
        tg_step_show(job->step, "Authority's key", where);
        tg_step_show(job->step, "Revocation list", job->krl);
        tg_step_checked(job->step, g_variant_dict_end(checked), subject);
        tg_ssh_job_free(job);
}

static void
on_public_key(const char *output, const GError *error, gpointer user_data)
{
        TgSshJob *job = user_data;

        if (error != NULL) {
                tg_ssh_job_fail(job,
                                tg_error_new(TG_ERROR_INVALID,
                                             "the authority's key cannot be used (%s): if it has a "
                                             "passphrase, put it into the ssh-agent and name that",
                                             error->message));
                return;
        }
        job->grant.ca = tg_ssh_key_of_line(output);
        answer(job);
}

void
tg_ssh_check(TgStep *step)
{
        GVariant *terms = tg_step_context(step)->terms;
        TgSshJob *job = tg_ssh_job_new(step);
        g_autofree char *ca = lookup_text(terms, "ca");
        g_autofree char *pkcs11 = lookup_text(terms, "pkcs11");
        GError *error = NULL;

        if (job == NULL)
                return;
        if (!take_terms(terms, job, &error)) {
                tg_ssh_job_fail(job, error);
                return;
        }
        if (pkcs11 != NULL && !tg_ssh_is_regular(pkcs11)) {
                tg_ssh_job_fail(job,
                                tg_error_new(TG_ERROR_INVALID,
                                             "\"pkcs11\" names no file: the token's library"));
                return;
        }
        if (job->agent != NULL || pkcs11 != NULL) {
                job->grant.ca = tg_ssh_read_public_key(ca);
                answer(job);
                return;
        }
        if (!tg_ssh_is_regular(ca)) {
                tg_ssh_job_fail(job,
                                tg_error_new(TG_ERROR_INVALID,
                                             "\"ca\" names no file: the authority's key"));
                return;
        }
        const char *const argv[] = {"ssh-keygen", "-y", "-P", "", "-f", ca, NULL};
        tg_ssh_job_run(job, argv, NULL, on_public_key);
}
