/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The initiator's terms as they were checked, and those of the share that follows theirs. */

#include <string.h>

#include "daemon/verticals/offer.h"
#include "daemon/verticals/x509-authority.h"
#include "daemon/verticals/x509.h"
#include "protocol/error.h"

static GVariant *
write_terms(const TgX509Grant *grant, const TgX509Place *place, const char *crl)
{
        g_autoptr(GVariantDict) terms = g_variant_dict_new(NULL);
        g_autofree char *offer = tg_x509_grant_write(grant);

        g_variant_dict_insert(terms, "offer", "s", offer);
        g_variant_dict_insert(terms, "crl", "s", crl);
        if (place->token != NULL)
                g_variant_dict_insert(terms, "token", "s", place->token);
        else
                g_variant_dict_insert(terms, "ca-key", "s", place->file);
        return g_variant_ref_sink(g_variant_dict_end(terms));
}

static gboolean
read_terms(GVariant *terms, TgX509Grant *grant, TgX509Place *place, char **ret_crl, GError **error)
{
        const char *offer;
        TgJson json;

        if (terms == NULL || !g_variant_lookup(terms, "offer", "&s", &offer) ||
            !g_variant_lookup(terms, "crl", "s", ret_crl) ||
            (!g_variant_lookup(terms, "token", "s", &place->token) &&
             !g_variant_lookup(terms, "ca-key", "s", &place->file)))
                return tg_x509_invalid(error, "the stored share is incomplete");
        return tg_json_parse(offer, strlen(offer), strlen(offer), &json, error) &&
               tg_x509_grant_parse(&json, grant, error);
}

GVariant *
tg_x509_terms_write(const TgX509Job *job)
{
        return write_terms(&job->grant, &job->place, job->crl);
}

gboolean
tg_x509_terms_read(GVariant *terms, TgX509Job *job, GError **error)
{
        if (!read_terms(terms, &job->grant, &job->place, &job->crl, error))
                return FALSE;
        job->ca = tg_x509_authority_parse(job->grant.ca, error);
        return job->ca != NULL;
}

void
tg_x509_begin(TgStep *step)
{
        g_auto(TgX509Grant) grant = {};
        g_auto(TgX509Place) place = {};
        g_autofree char *crl = NULL;
        GError *error = NULL;

        if (!read_terms(tg_step_context(step)->terms, &grant, &place, &crl, &error)) {
                tg_step_fail(step, error);
                return;
        }
        tg_x509_grant_show(&grant, step);
        tg_x509_place_show(&place, crl, step);
        tg_offer_begin(step);
}

gboolean
tg_x509_sequel(GVariant *terms, gint64 now_s, TgSequel *ret_sequel)
{
        g_auto(TgX509Grant) grant = {};
        g_auto(TgX509Place) place = {};
        g_autofree char *crl = NULL;
        guint64 begins_s;

        if (!read_terms(terms, &grant, &place, &crl, NULL) || grant.life_s == 0 ||
            grant.n_renewals == 0)
                return FALSE;
        begins_s = tg_x509_grant_begins(&grant, (guint64)now_s);
        if (begins_s + grant.life_s + TG_X509_MIN_LIFE_S > grant.to_s)
                return FALSE;
        tg_x509_grant_number(&grant);
        grant.n_renewals--;
        *ret_sequel = (TgSequel){
                .terms = write_terms(&grant, &place, crl),
                .from_s = (gint64)(begins_s + grant.life_s / 2),
                .until_s = (gint64)grant.to_s,
        };
        return TRUE;
}
