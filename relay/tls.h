/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The certificate that new connections are shown, and its key. It can be replaced at any time:
 * connections that are there go on with what they have agreed on.
 *
 * One for the process, because the library's callback is told nothing of its own. Used on the
 * server's loop alone.
 */

#include <glib.h>

typedef struct TgTls TgTls;

/* PEM. Refused unless the key is the first certificate's. */
TgTls *tg_tls_new(const char *certificate, const char *key, GError **error);
void tg_tls_free(TgTls *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgTls, tg_tls_free)

/* Unix seconds at which the first certificate of the chain ends. */
gint64 tg_tls_end_s(const TgTls *self);

/* Takes @self (NULL: none) and shows it from now on. The one before stays until @free_us, for
 * handshakes that are under way with it. */
void tg_tls_show(TgTls *self, gint64 free_us);
/* Frees those that had to stay, and need not any more. */
void tg_tls_sweep(gint64 now_us);

/* For MHD_OPTION_HTTPS_CERT_CALLBACK: a gnutls_certificate_retrieve_function2. */
gpointer tg_tls_callback(void);
