/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The recipient: a key is made for this share, its public part sent with a proof; the certificate
 * that comes back must be what was offered, to the octet. The authority is kept beside it, and
 * trusted by nobody for that. */

#include <openssl/pem.h>
#include <string.h>

#include "daemon/clock.h"
#include "daemon/record.h"
#include "daemon/verticals/x509-authority.h"
#include "daemon/verticals/x509-request.h"
#include "daemon/verticals/x509.h"
#include "protocol/error.h"
#include "protocol/limits.h"

#define CONTENT_TYPE "application/x-pem-file"
#define END "end" /* in what is left to a renewal */

/* Numbers are stored: never use one again for something else. */
enum {
        FIELD_PRIVATE_KEY = 1,
        FIELD_OFFER = 2,
};

static gboolean
is_current(const TgX509Grant *grant, GError **error)
{
        return grant->to_s > (guint64)tg_clock_now_s() ||
               tg_x509_invalid(error, "the certificate that is offered is over already");
}

/* ---- the request ---- */

static TgSecret *
state_of(EVP_PKEY *key, const TgJson *offer, GError **error)
{
        g_autoptr(TgRecord) record = tg_record_new();
        g_autoptr(TgSecret) pem = tg_x509_key_save(key, error);

        if (pem == NULL)
                return NULL;
        tg_record_put_secret(record, FIELD_PRIVATE_KEY, pem);
        tg_record_put_bytes(record, FIELD_OFFER, offer->text, offer->n_chars);
        return tg_record_write(record, error);
}

/* What was accepted with the share before this one holds for it too. */
static gboolean
is_granted(const TgSecret *inherited, const TgX509Grant *next, GError **error)
{
        g_auto(TgX509Grant) grant = {};
        gsize n_bytes;
        const char *text;
        TgJson json;

        if (inherited == NULL)
                return TRUE;
        text = (const char *)tg_secret_get(inherited, &n_bytes);
        if (!tg_json_parse(text, n_bytes, n_bytes, &json, error) ||
            !tg_x509_grant_parse(&json, &grant, error))
                return FALSE;
        return tg_x509_grant_goes_on(&grant, next) ||
               tg_x509_invalid(error,
                               "what is offered for the renewal is not what was accepted before");
}

static gboolean
ask(TgStep *step, GError **error)
{
        const TgStepContext *context = tg_step_context(step);
        g_auto(TgX509Grant) grant = {};
        g_autoptr(EVP_PKEY) key = NULL;
        g_autofree char *challenge = NULL;
        g_autoptr(GBytes) request = NULL;
        g_autoptr(TgSecret) content = NULL;
        g_autoptr(TgSecret) state = NULL;

        if (!tg_x509_grant_parse(context->message, &grant, error) || !is_current(&grant, error) ||
            !is_granted(context->inherited, &grant, error))
                return FALSE;
        challenge = tg_x509_challenge(context, error);
        if (challenge != NULL)
                key = tg_x509_key_new(grant.key, error);
        if (key != NULL)
                request = tg_x509_request_new(key, challenge, error);
        if (request != NULL)
                content = tg_x509_say_octets("request", request, error);
        if (content != NULL)
                state = state_of(key, context->message, error);
        if (state == NULL)
                return FALSE;
        tg_step_set_state(step, state);
        tg_x509_grant_show(&grant, step);
        tg_step_say(step, content, FALSE);
        return TRUE;
}

/* ---- the certificate ---- */

/* Private key, certificate, authority: a file that curl and openssl read. */
static TgSecret *
content_of(const TgSecret *pem, GBytes *certificate, GBytes *ca, GError **error)
{
        g_autoptr(GBytes) first = tg_x509_pem(PEM_STRING_X509, certificate);
        g_autoptr(GBytes) second = tg_x509_pem(PEM_STRING_X509, ca);
        gsize n_key;
        gsize n_first = 0;
        gsize n_second = 0;
        const guint8 *key = tg_secret_get(pem, &n_key);
        const guint8 *octets;
        TgSecret *content;
        guint8 *at;

        if (first == NULL || second == NULL) {
                tg_set_error(error, TG_ERROR_LIMIT_REACHED, "there is no room for a certificate");
                return NULL;
        }
        content = tg_secret_new_blank(
                n_key + g_bytes_get_size(first) + g_bytes_get_size(second), &at, error);
        if (content == NULL)
                return NULL;
        memcpy(at, key, n_key);
        octets = g_bytes_get_data(first, &n_first);
        memcpy(at + n_key, octets, n_first);
        octets = g_bytes_get_data(second, &n_second);
        memcpy(at + n_key + n_first, octets, n_second);
        return content;
}

static gboolean
take_state(const TgSecret *state, TgSecret **ret_pem, TgX509Grant *ret_grant, GError **error)
{
        const guint8 *offer;
        gsize n_offer;
        TgJson json;

        if (state == NULL || !tg_record_get_slice(state, FIELD_OFFER, &offer, &n_offer))
                return tg_x509_invalid(error, "the stored share is incomplete");
        *ret_pem = tg_record_get_secret(state, FIELD_PRIVATE_KEY);
        if (*ret_pem == NULL)
                return tg_x509_invalid(error, "the stored share is incomplete");
        return tg_json_parse((const char *)offer, n_offer, n_offer, &json, error) &&
               tg_x509_grant_parse(&json, ret_grant, error);
}

/* What was accepted, and when the certificate ends that came with it. */
static TgSecret *
heritage_of(const TgX509Grant *grant, guint64 end_s, GError **error)
{
        g_autofree char *offer = tg_x509_grant_write(grant);
        g_autofree char *text =
                g_strdup_printf("{\"" END "\":%" G_GUINT64_FORMAT ",%s", end_s, offer + 1);

        return tg_secret_new(text, strlen(text), error);
}

/* A renewal is of use: it begins now, by clocks that may differ, and ends later than what it takes
 * the place of, which works. */
static gboolean
is_better(const TgSecret *inherited, guint64 from_s, guint64 to_s, GError **error)
{
        gsize n_bytes;
        const char *text;
        guint32 end_s;
        TgJson json;
        TgJson end;

        if (inherited == NULL)
                return TRUE;
        text = (const char *)tg_secret_get(inherited, &n_bytes);
        if (!tg_json_parse(text, n_bytes, n_bytes, &json, error))
                return FALSE;
        return (tg_json_get(&json, END, &end) && tg_json_get_uint(&end, &end_s) && to_s > end_s &&
                from_s <= (guint64)tg_clock_now_s() + TG_MAX_CLOCK_SKEW_S) ||
               tg_x509_invalid(error,
                               "the renewal ends no later than what is there, or is not valid "
                               "yet: what is there is kept");
}

/* Of what is renewed the certificate itself says when it is valid, inside of what was offered. */
static gboolean
take_period(TgStep *step, GBytes *certificate, TgX509Grant *grant, GError **error)
{
        g_autoptr(TgSecret) heritage = NULL;
        guint64 from_s;
        guint64 to_s;

        if (grant->life_s == 0)
                return TRUE;
        if (!tg_x509_certificate_period(certificate, &from_s, &to_s, error))
                return FALSE;
        heritage = heritage_of(grant, to_s, error);
        if (heritage == NULL || !tg_x509_grant_narrow(grant, from_s, to_s, error) ||
            !is_current(grant, error) ||
            !is_better(tg_step_context(step)->inherited, from_s, to_s, error))
                return FALSE;
        if (grant->n_renewals > 0)
                tg_step_bequeath(step, heritage);
        return TRUE;
}

static gboolean
take_certificate(TgStep *step, GError **error)
{
        const TgStepContext *context = tg_step_context(step);
        g_auto(TgX509Grant) grant = {};
        g_auto(TgProvision) provision = {.content_type = g_strdup(CONTENT_TYPE)};
        g_autofree char *person = NULL;
        g_autoptr(TgSecret) pem = NULL;
        g_autoptr(EVP_PKEY) key = NULL;
        g_autoptr(X509) ca = NULL;
        g_autoptr(GBytes) certificate = NULL;

        if (!take_state(context->state, &pem, &grant, error) || !is_current(&grant, error))
                return FALSE;
        certificate = tg_x509_get_octets(
                context->message, "certificate", TG_X509_MAX_CERTIFICATE_BYTES, error);
        if (certificate != NULL)
                key = tg_x509_key_load(pem, error);
        if (key != NULL)
                ca = tg_x509_authority_parse(grant.ca, error);
        if (ca == NULL || !take_period(step, certificate, &grant, error) ||
            !tg_x509_certificate_check(certificate, &grant, ca, key, error))
                return FALSE;
        provision.content = content_of(pem, certificate, grant.ca, error);
        if (provision.content == NULL)
                return FALSE;
        person = tg_x509_grant_person(&grant);
        provision.title = g_strconcat("Client certificate for ", person, NULL);
        provision.issuer = tg_x509_authority_name(ca);
        provision.not_before_s = (gint64)grant.from_s;
        provision.not_after_s = (gint64)grant.to_s;
        tg_x509_grant_show(&grant, step);
        tg_step_keep(step, &provision);
        return TRUE;
}

void
tg_x509_hold(TgStep *step)
{
        GError *error = NULL;
        gboolean is_done = tg_step_context(step)->number == 0 ? ask(step, &error)
                                                              : take_certificate(step, &error);

        if (!is_done)
                tg_step_fail(step, error);
}
