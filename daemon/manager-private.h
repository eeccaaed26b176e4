/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The inside of the manager, for manager.c, manager-forget.c, manager-import.c, manager-log.c,
 * manager-resume.c and manager-sequel.c. */

#include "daemon/clock.h"
#include "daemon/manager.h"

struct TgManager {
        TgWallet *wallet;
        GHashTable *shares;
        GHashTable *credentials;
        TgCredential *arriving; /* in a transaction that is not through yet */
        TgShare *following;     /* likewise: the share that is to renew it; NULL: none */
        GHashTable *imports;    /* id → TgCredential: those that are not shown yet, or no more */
        GQueue unfinished;      /* of them, what is to be cleared away */
        TgKeyringJob *clearing;
        TgAlarm *alarm;
        GHashTable *erasings; /* credential id → what erases its content (manager-credential.c) */
        const TgManagerObserver *observer;
        gpointer observer_data;
};

/* ---- manager-credential.c ---- */

GHashTable *tg_manager_new_erasings(void);
/* When tg_manager_check_credentials() is to be called; 0: never. */
gint64 tg_manager_credentials_deadline_s(TgManager *self);
/* Tells what has expired, and erases what has come to the end of its limits. */
void tg_manager_check_credentials(TgManager *self, gint64 now_s);
gboolean tg_manager_take_uses(TgShare *share,
                              const char *credential_id,
                              guint32 n_uses,
                              GError **error,
                              gpointer user_data);
void tg_manager_uses_taken(TgShare *share,
                           const char *credential_id,
                           guint32 n_uses,
                           gpointer user_data);

/* To the next end in time. */
void tg_manager_set_alarm(TgManager *self);
/* References to all shares as they are now: what is called for one may add or remove others. */
GPtrArray *tg_manager_list(TgManager *self);
/* TG_ERROR_LIMIT_REACHED above the quota. */
gboolean tg_manager_has_room(TgManager *self, GError **error);
/* @share is taken; NULL: nothing, and NULL is returned. */
TgShare *tg_manager_add_share(TgManager *self, TgShare *share);

/* ---- manager-sequel.c ---- */

/* As a share's owner (TgShareOwner): @user_data is the manager. */
TgShare *tg_manager_find_sequel(TgShare *share, gpointer user_data);
gboolean tg_manager_make_sequel(
        TgShare *share, const TgSequel *sequel, guint life_s, GError **error, gpointer user_data);
/* In the transaction of an arrival: a credential gets its new content, and what is to renew one is
 * made where @share was told of it. */
gboolean
tg_manager_renew(TgManager *self, TgShare *share, const TgArrival *arrival, GError **error);
gboolean tg_manager_follow(TgManager *self, TgShare *share, GError **error);
/* The state of @share has changed; it has ended. */
void tg_manager_sequel_changed(TgManager *self, TgShare *share);
void tg_manager_sequel_ended(TgManager *self, TgShare *share);
/* All is read: what a crash has left undone among them is done. */
void tg_manager_resume_sequels(TgManager *self);
/* Initiator: shares that cannot be read yet run still, and may follow @share. */
gboolean tg_manager_may_hide_sequels(TgManager *self, const TgShare *share);
/* Initiator: shares that follow @share run still. */
gboolean tg_manager_has_sequels(TgManager *self, const TgShare *share);
/* Not saved. @share_id NULL: it came without one. */
TgCredential *tg_manager_new_credential(const TgArrival *arrival, const char *share_id);
/* For one credential more, with the imports that are under way. TG_ERROR_LIMIT_REACHED. */
gboolean tg_manager_holds_more(const TgManager *self, GError **error);
/* Of imports that were cut short. */
void tg_manager_drop_unfinished(TgManager *self);

/* ---- manager-forget.c ---- */

/* As tg_manager_forget(), and without the user's word: the log does not tell. */
gboolean tg_manager_let_go(TgManager *self, TgShare *share);

/* ---- manager-log.c ---- */

/* Saves @credential and enters what was done with it, in one transaction. */
gboolean tg_manager_save_logged(TgManager *self,
                                const TgCredential *credential,
                                TgLogAct act,
                                const char *text,
                                GError **error);
/* What happened without the state key is entered in the log now. */
void tg_manager_log_late(TgManager *self);
/* Somebody has taken the row of a running share out of the file. */
gboolean tg_manager_log_lost(TgManager *self, const char *share_id, GError **error);
