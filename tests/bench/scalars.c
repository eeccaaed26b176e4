/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the calculations of the exchange cost on P-256, beside a plain key agreement on the same
 * curve (what `openssl speed ecdhp256` counts), in the same process. */

#include <glib.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "protocol/spake2.h"

#define SCALAR_WORK 2000

static double
since_us(gint64 begin_us)
{
        return (double)(g_get_monotonic_time() - begin_us) / SCALAR_WORK;
}

static double
time_agreement(void)
{
        EVP_PKEY *own = EVP_EC_gen("P-256");
        EVP_PKEY *peer = EVP_EC_gen("P-256");
        EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(own, NULL);
        guint8 secret[32];
        gsize n_secret = sizeof secret;
        gint64 begin_us;
        double took_us;

        if (EVP_PKEY_derive_init(context) != 1 || EVP_PKEY_derive_set_peer(context, peer) != 1)
                g_error("key agreement");
        begin_us = g_get_monotonic_time();
        for (guint i = 0; i < SCALAR_WORK; i++)
                if (EVP_PKEY_derive(context, secret, &n_secret) != 1)
                        g_error("key agreement");
        took_us = since_us(begin_us);
        EVP_PKEY_CTX_free(context);
        EVP_PKEY_free(own);
        EVP_PKEY_free(peer);
        return took_us;
}

int
main(void)
{
        g_autoptr(TgSecret) w = NULL;
        g_autoptr(TgSecret) scalar = NULL;
        guint8 share[TG_SPAKE2_SHARE_BYTES];
        double agreement_us;
        double share_us;
        double element_us;
        gint64 begin_us;

        if (tg_secret_init(1024 * 1024) == TG_SECRET_HEAP_FAILED)
                g_error("no memory for secrets");
        w = tg_spake2_scalar_new(NULL);
        scalar = tg_spake2_scalar_new(NULL);

        agreement_us = time_agreement();
        begin_us = g_get_monotonic_time();
        for (guint i = 0; i < SCALAR_WORK; i++)
                if (!tg_spake2_share(TG_SPAKE2_A, w, scalar, share, NULL))
                        g_error("share");
        share_us = since_us(begin_us);
        begin_us = g_get_monotonic_time();
        for (guint i = 0; i < SCALAR_WORK; i++)
                tg_secret_unref(tg_spake2_element(TG_SPAKE2_B, w, scalar, share, NULL));
        element_us = since_us(begin_us);

        g_print("own share %.0f us, common element %.0f us (two multiplications each), key "
                "agreement "
                "%.0f us: ratios %.2f and %.2f\n",
                share_us,
                element_us,
                agreement_us,
                share_us / (2 * agreement_us),
                element_us / (2 * agreement_us));
        return EXIT_SUCCESS;
}
