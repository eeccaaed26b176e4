/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/tls.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>

#include "protocol/error.h"

#define MAX_CHAIN 16
#define KEY_ID_BYTES 64

struct TgTls {
        gnutls_pcert_st chain[MAX_CHAIN];
        unsigned int n_chain;
        gnutls_privkey_t key;
        gint64 end_s;
        gint64 free_us; /* once it is no longer shown */
};

static TgTls *shown;
static GSList *retired; /* TgTls: a handshake may still use them */

static gboolean
refuse(GError **error, const char *what, int r)
{
        tg_set_error(error,
                     TG_ERROR_INVALID,
                     "%s%s%s: check Certificate= and Key=",
                     what,
                     r < 0 ? ": " : "",
                     r < 0 ? gnutls_strerror(r) : "");
        return FALSE;
}

static gboolean
take_chain(TgTls *self, const char *pem, GError **error)
{
        gnutls_datum_t datum = {(unsigned char *)pem, (unsigned int)strlen(pem)};
        gnutls_x509_crt_t certificates[MAX_CHAIN];
        unsigned int n = MAX_CHAIN;
        int r = gnutls_x509_crt_list_import(certificates,
                                            &n,
                                            &datum,
                                            GNUTLS_X509_FMT_PEM,
                                            GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED);

        if (r < 0)
                return refuse(error, "the certificate is no chain in PEM", r);
        self->end_s = n > 0 ? gnutls_x509_crt_get_expiration_time(certificates[0]) : 0;
        for (unsigned int i = 0; i < n; i++) {
                if (r >= 0)
                        r = gnutls_pcert_import_x509(&self->chain[i], certificates[i], 0);
                if (r >= 0)
                        self->n_chain = i + 1;
                gnutls_x509_crt_deinit(certificates[i]);
        }

        return (r >= 0 && n > 0) || refuse(error, "cannot use the certificate", r);
}

static gboolean
take_key(TgTls *self, const char *pem, GError **error)
{
        gnutls_datum_t datum = {(unsigned char *)pem, (unsigned int)strlen(pem)};
        gnutls_pubkey_t public = NULL;
        unsigned char own[KEY_ID_BYTES], certified[KEY_ID_BYTES];
        size_t n_own = sizeof own, n_certified = sizeof certified;
        int r = gnutls_privkey_init(&self->key);

        if (r >= 0)
                r = gnutls_privkey_import_x509_raw(self->key, &datum, GNUTLS_X509_FMT_PEM, NULL, 0);
        if (r < 0)
                return refuse(error, "the key is none in PEM", r);
        r = gnutls_pubkey_init(&public);
        if (r >= 0)
                r = gnutls_pubkey_import_privkey(public, self->key, 0, 0);
        if (r >= 0)
                r = gnutls_pubkey_get_key_id(public, GNUTLS_KEYID_USE_SHA256, own, &n_own);
        if (r >= 0)
                r = gnutls_pubkey_get_key_id(
                        self->chain[0].pubkey, GNUTLS_KEYID_USE_SHA256, certified, &n_certified);
        gnutls_pubkey_deinit(public);
        if (r < 0)
                return refuse(error, "cannot use the key", r);

        return (n_own == n_certified && memcmp(own, certified, n_own) == 0) ||
               refuse(error, "the key is not the certificate's", 0);
}

TgTls *
tg_tls_new(const char *certificate, const char *key, GError **error)
{
        g_autoptr(TgTls) self = g_new0(TgTls, 1);

        if (!take_chain(self, certificate, error) || !take_key(self, key, error))
                return NULL;

        return g_steal_pointer(&self);
}

void
tg_tls_free(TgTls *self)
{
        if (!self)
                return;
        for (unsigned int i = 0; i < self->n_chain; i++)
                gnutls_pcert_deinit(&self->chain[i]);
        if (self->key)
                gnutls_privkey_deinit(self->key);
        g_free(self);
}

gint64
tg_tls_end_s(const TgTls *self)
{
        return self->end_s;
}

void
tg_tls_show(TgTls *self, gint64 free_us)
{
        if (shown) {
                shown->free_us = free_us;
                retired = g_slist_prepend(retired, shown);
        }
        shown = self;
}

void
tg_tls_sweep(gint64 now_us)
{
        GSList *kept = NULL;

        for (GSList *at = retired; at; at = at->next) {
                TgTls *one = at->data;

                if (one->free_us > now_us)
                        kept = g_slist_prepend(kept, one);
                else
                        tg_tls_free(one);
        }
        g_slist_free(retired);
        retired = kept;
}

static int
retrieve(gnutls_session_t session,
         const gnutls_datum_t *names,
         int n_names,
         const gnutls_pk_algorithm_t *algorithms,
         int n_algorithms,
         gnutls_pcert_st **ret_chain,
         unsigned int *ret_n_chain,
         gnutls_privkey_t *ret_key)
{
        if (!shown)
                return -1;
        *ret_chain = shown->chain;
        *ret_n_chain = shown->n_chain;
        *ret_key = shown->key;

        return 0;
}

gpointer
tg_tls_callback(void)
{
        gnutls_certificate_retrieve_function2 *callback = retrieve;

        return (gpointer)callback;
}
