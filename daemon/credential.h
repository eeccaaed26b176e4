/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An accepted credential: what is known of it. Its content is in the keyring and
 * nowhere else.
 */

#include <glib.h>

#include "daemon/store.h"
#include "protocol/bounds.h"

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
        gint64 not_before_s; /* as its vertical has it; 0: not limited */
        gint64 not_after_s;
        TgBounds bounds;      /* what the initiator lets be done with it */
        guint32 n_uses_left;  /* where the uses are limited */
        gboolean is_over;     /* their end has been seen here: no clock takes that back */
        gboolean has_content; /* FALSE: the keyring's item was removed at that end */
        gboolean is_revoked;  /* as far as its vertical has learnt it */
        GVariant *details;    /* a(ss); NULL: none */
        GVariant *attributes; /* a{ss} that came with an item, of nothing yet; NULL: none */
        /* Nothing of it was told yet, and its keyring item may not be there. */
        gboolean is_unfinished;
        gboolean is_shown_expired; /* as was told last; only in memory */
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
/* NULL and TG_ERROR_LIMIT_REACHED without memory. */
TgCredential *tg_credential_copy(const TgCredential *self, GError **error);

/* ---- credential-bounds.c ---- */

/* Its vertical's validity and the initiator's limits in one; 0: not limited. */
gint64 tg_credential_not_before_s(const TgCredential *self);
gint64 tg_credential_not_after_s(const TgCredential *self);
gboolean tg_credential_is_expired(const TgCredential *self, gint64 now_s);
/* The initiator's limits have come to their end, in time or in uses. */
gboolean tg_credential_is_spent(const TgCredential *self, gint64 now_s);
/* Its format can be shared on, and who gave it lets it be. */
gboolean tg_credential_may_reshare(const TgCredential *self);
/* Whether its content may be handed out, put to use or shared on now; else the sentence that says
 * why not: TG_ERROR_EXPIRED, TG_ERROR_LIMIT_REACHED, or TG_ERROR_BAD_STATE (revoked, too early). */
gboolean tg_credential_judge(const TgCredential *self, gint64 now_s, GError **error);
/* The limits under which it may be shared on: @wanted, as the user has them, and never wider than
 * its own. @wanted->n_uses 0: he has not said. TG_ERROR_DENIED where it is not to be shared on,
 * TG_ERROR_INVALID where he wants more than he has. */
gboolean tg_credential_narrow(const TgCredential *self,
                              TgBounds *wanted,
                              gboolean is_compat,
                              GError **error);
void tg_credential_free(TgCredential *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgCredential, tg_credential_free)
