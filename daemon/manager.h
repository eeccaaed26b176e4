/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Owns the shares and credentials and their quotas, loads them from the store, and
 * keeps the alarm of the next end in time. Holds lists and nothing else; knows no bus.
 */

#include <glib.h>

#include "daemon/credential.h"
#include "daemon/share.h"

typedef struct TgManager TgManager;

/* Whoever shows what is here: the bus. */
typedef struct {
        void (*share_added)(TgShare *share, gpointer user_data);
        void (*share_changed)(TgShare *share, TgShareChange changes, gpointer user_data);
        void (*share_ended)(TgShare *share, gpointer user_data);
        void (*share_removed)(TgShare *share, gpointer user_data);
        void (*credential_added)(TgCredential *credential, gpointer user_data);
        void (*credential_changed)(TgCredential *credential, gpointer user_data);
        void (*credential_removed)(TgCredential *credential, gpointer user_data);
} TgManagerObserver;

/* Loads what is stored. @wallet outlives the manager. */
TgManager *tg_manager_new(TgWallet *wallet, GError **error);
void tg_manager_free(TgManager *self);
void
tg_manager_set_observer(TgManager *self, const TgManagerObserver *observer, gpointer user_data);
/* Goes on with what was stored; after the observer is there. */
void tg_manager_start(TgManager *self);

TgWallet *tg_manager_wallet(TgManager *self);

/* New shares, in state authorizing, owned by the manager. TG_ERROR_LIMIT_REACHED
 * above the quota. */
TgShare *tg_manager_offer(TgManager *self, const TgShareOffer *offer, GError **error);
TgShare *tg_manager_accept(TgManager *self,
                           const TgLink *link,
                           const char *own_title,
                           const char *person,
                           TgSecret *pin,
                           GVariant *terms,
                           const char *application,
                           const char *starter,
                           GError **error);

/* The share of @link that runs or is completed: not a new reference. NULL without error:
 * there is none; NULL with @error: it was claimed here and has ended. */
TgShare *tg_manager_find_link(TgManager *self, const TgLink *link, GError **error);

TgShare *tg_manager_share(TgManager *self, const char *id);           /* NULL: unknown */
TgCredential *tg_manager_credential(TgManager *self, const char *id); /* NULL: unknown */
GHashTable *tg_manager_shares(TgManager *self);                       /* id → TgShare */
GHashTable *tg_manager_credentials(TgManager *self);                  /* id → TgCredential */

/* The user's word; it is entered in the log. */
gboolean tg_manager_forget(TgManager *self, TgShare *share, GError **error);
/* Enters in the log, before it is done, what is done with @credential; @text NULL: no more is to be
 * said. In the store's transaction that is open, or one of its own. */
gboolean tg_manager_log(TgManager *self,
                        const TgCredential *credential,
                        TgLogAct act,
                        const char *text,
                        GError **error);
/* After its content has been removed from the keyring. */
gboolean tg_manager_drop_credential(TgManager *self, TgCredential *credential, GError **error);

/* ---- manager-credential.c ---- */

/* What came by the share with this id, as its vertical knows it: not a new reference. NULL:
 * nothing, or its detail cannot be read (yet). */
TgCredential *tg_manager_find_came_by(TgManager *self, const char *share_id);
/* Its vertical has learnt that it was taken back: stored when this returns TRUE, and then told.
 * Once is enough, and there is no way back. */
gboolean tg_manager_set_revoked(TgManager *self, TgCredential *credential, GError **error);
/* A credential that came without a share, in three steps: saved here, and shown to nobody yet; put
 * into the keyring by the caller; and there. Or dropped, with what the keyring may have of it. */
TgCredential *tg_manager_import(TgManager *self, const TgArrival *arrival, GError **error);
gboolean tg_manager_imported(TgManager *self, TgCredential *credential, GError **error);
void tg_manager_drop_import(TgManager *self, TgCredential *credential);

/* The content of this credential is about to be handed out, or put to use: judged
 * (tg_credential_judge()), and where its uses are limited this one is stored as taken; it is
 * entered in the log as
 * @act, with @how (NULL: no more is to be said). Called when
 * all else is there, and before anything is made of the content. TG_ERROR_NOT_FOUND: it is gone. */
gboolean tg_manager_charge(
        TgManager *self, const char *credential_id, TgLogAct act, const char *how, GError **error);

/* ---- manager-sequel.c ---- */

/* What was lent with @share, and with all that followed it, is taken back, and nothing follows any
 * more; as tg_share_revoke(). */
void tg_manager_revoke(TgManager *self,
                       TgShare *share,
                       TgRevokedFunc func,
                       gpointer user_data,
                       GDestroyNotify destroy);
/* Its user gives it up. FALSE: it is being renewed at this moment. */
gboolean tg_manager_end_renewals(TgManager *self, const TgCredential *credential, GError **error);

/* What happens around it. */
void tg_manager_vault_opened(TgManager *self, TgVaultFinding finding);
void tg_manager_keyring_changed(TgManager *self);
void tg_manager_network_back(TgManager *self);
