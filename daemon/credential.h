/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An accepted credential: what is known of it. Its content is in the keyring and
 * nowhere else.
 */

#include <glib.h>

#include "daemon/store.h"

typedef struct {
        char *id;
        char *share_id; /* of the share it came by; NULL: forgotten */
        gint64 received_s;
        /* sealed at rest */
        char *title;
        char *description;
        const char *format; /* interned */
        const char *kind;   /* interned */
        char *came_by; /* the share's id, as its vertical knows it; stays when that is forgotten */
        char *issuer;  /* "": nobody */
        gint64 not_before_s; /* 0: not limited */
        gint64 not_after_s;
        gboolean is_revoked; /* as far as its vertical has learnt it */
        GVariant *details;   /* a(ss); NULL: none */
        /* Nothing of it was told yet, and its keyring item may not be there. */
        gboolean is_unfinished;
} TgCredential;

TgCredential *tg_credential_new(const char *id,
                                const char *share_id,
                                gint64 received_s,
                                const char *format,
                                const char *title,
                                const char *description,
                                const char *kind);
/* @detail NULL: not readable (yet); what is sealed is empty. */
TgCredential *tg_credential_new_stored(const TgCredentialRow *row, TgSecret *detail);
void tg_credential_read_detail(TgCredential *self, TgSecret *detail);
gboolean tg_credential_save(const TgCredential *self, TgStore *store, GError **error);
/* Whether its content may be handed out, put to use or shared on; else the sentence that says why
 * not. */
gboolean tg_credential_judge(const TgCredential *self, GError **error);
/* NULL and TG_ERROR_LIMIT_REACHED without memory. */
TgCredential *tg_credential_copy(const TgCredential *self, GError **error);
void tg_credential_free(TgCredential *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgCredential, tg_credential_free)
