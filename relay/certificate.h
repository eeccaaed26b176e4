/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The certificate of a trial: self-signed, P-256, for this machine's loopback
 * addresses and nothing else. It can sign no other certificate, so trusting it
 * trusts this one key for those names.
 */

#include <glib.h>

typedef struct {
        char *certificate_path;
        char *certificate; /* PEM */
        char *key;         /* PEM */
} TgCertificate;

void tg_certificate_clear(TgCertificate *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TgCertificate, tg_certificate_clear)

/* The one in @directory (ca.pem, and key.pem with mode 0600); a new one when there
 * is none, or it has less than a day to go. */
gboolean tg_certificate_get_trial(const char *directory,
                                  gint64 now_s,
                                  TgCertificate *ret_certificate,
                                  GError **error);
