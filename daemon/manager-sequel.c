/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Shares of one grant (sequel.h), and what they are to one another: who waits for whom, who goes
 * with whom, and what is left of those that are over.
 */

#include <string.h>

#include "daemon/manager-private.h"
#include "daemon/vertical.h"
#include "protocol/error.h"

static gboolean
is_text(const char *text, const char *other)
{
        return text[0] != '\0' && g_str_equal(text, other);
}

/* The first of the grant that @share is of; itself where there are no others. */
static const char *
grant_of(const TgShare *share)
{
        return tg_share_grant(share)[0] != '\0' ? tg_share_grant(share) : tg_share_id(share);
}

/* Without the first. */
static gboolean
is_sequel_of(const TgShare *share, const char *grant)
{
        return is_text(tg_share_grant(share), grant);
}

TgShare *
tg_manager_find_sequel(TgShare *share, gpointer user_data)
{
        TgManager *self = user_data;
        GHashTableIter iter;
        gpointer value;

        g_hash_table_iter_init(&iter, self->shares);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                if (!tg_share_is_ended(value) &&
                    is_text(tg_share_predecessor(value), tg_share_id(share)))
                        return value;
        }
        return NULL;
}

gboolean
tg_manager_make_sequel(
        TgShare *share, const TgSequel *sequel, guint life_s, GError **error, gpointer user_data)
{
        TgManager *self = user_data;
        TgShare *next;

        if (!tg_manager_has_room(self, error))
                return FALSE;
        next = tg_share_new_sequel(share, sequel, life_s, error);
        if (next == NULL)
                return FALSE;
        tg_manager_add_share(self, next);
        tg_share_go_on(next);
        return TRUE;
}

/* ---- the recipient's next one ---- */

gboolean
tg_manager_follow(TgManager *self, TgShare *share, GError **error)
{
        g_autoptr(GError) failure = NULL;

        if (self->following != NULL) { /* of a transaction that did not go through */
                tg_share_stop(self->following);
                g_clear_pointer(&self->following, tg_share_unref);
        }
        self->following = tg_share_new_renewal(share, &failure);
        if (failure == NULL)
                return TRUE;
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
}

gboolean
tg_manager_renew(TgManager *self, TgShare *share, const TgArrival *arrival, GError **error)
{
        const TgCredential *there = tg_manager_credential(self, arrival->id);
        g_autoptr(TgCredential) renewed = NULL;

        if (there == NULL) {
                tg_set_error(error,
                             TG_ERROR_FAILED,
                             "the credential that this share renews is not there any more");
                return FALSE;
        }
        renewed = tg_credential_copy(there, error);
        if (renewed == NULL)
                return FALSE;
        renewed->not_before_s = arrival->not_before_s;
        renewed->not_after_s = arrival->not_after_s;
        g_clear_pointer(&renewed->details, g_variant_unref);
        renewed->details = arrival->details != NULL ? g_variant_ref(arrival->details) : NULL;
        if (!tg_credential_save(renewed, self->wallet->store, error))
                return FALSE;
        g_clear_pointer(&self->arriving, tg_credential_free);
        self->arriving = g_steal_pointer(&renewed);
        return tg_manager_follow(self, share, error);
}

/* ---- who hears of whom ---- */

void
tg_manager_sequel_changed(TgManager *self, TgShare *share)
{
        TgShare *before = tg_manager_share(self, tg_share_predecessor(share));

        if (before != NULL && tg_share_role(share) == TG_ROLE_INITIATOR &&
            tg_share_state(share) == TG_STATE_INVITED)
                tg_share_go_on(before);
}

/* What has ended so has given something that may go on. */
static gboolean
may_go_on_after(const TgShare *share)
{
        TgState state = tg_share_state(share);

        return state == TG_STATE_COMPLETED ||
               (state == TG_STATE_EXPIRED && tg_share_has_lent(share));
}

/* By however many steps: who has got what @share gave may never say so, and it runs on while others
 * come and go. */
static gboolean
follows(const TgShare *other, const TgShare *share)
{
        return is_text(tg_share_predecessor(other), tg_share_id(share)) ||
               (tg_share_has_lent(share) && is_sequel_of(other, grant_of(share)) &&
                tg_share_created_s(other) > tg_share_created_s(share));
}

static void
end_orphans(TgManager *self, TgShare *share)
{
        g_autoptr(GPtrArray) list = NULL;

        if (tg_share_role(share) != TG_ROLE_INITIATOR || may_go_on_after(share))
                return;
        list = tg_manager_list(self);
        for (guint i = 0; i < list->len; i++) {
                TgShare *next = list->pdata[i];
                g_autoptr(GError) error = NULL;

                if (!tg_share_is_ended(next) && follows(next, share) &&
                    !tg_share_cancel(next, "", &error))
                        g_warning("share %.8s: %s", tg_share_id(next), error->message);
        }
}

/* The relay's word for it that the other side has deleted the mailbox. What is over by itself needs
 * no taking back. */
static void
note_taken_back(TgManager *self, TgShare *share)
{
        const char *renews = tg_share_renews(share);
        TgCredential *credential = renews != NULL ? tg_manager_credential(self, renews) : NULL;
        g_autoptr(GError) error = NULL;

        if (credential != NULL && tg_share_state(share) == TG_STATE_CANCELLED &&
            tg_clock_now_s() < credential->not_after_s &&
            !tg_manager_set_revoked(self, credential, &error))
                g_warning("credential %.8s: %s", renews, error->message);
}

/* All that is left of a share that has done what it was for is what revoking needs. */
static gboolean
is_over(const TgShare *share, gint64 now_s)
{
        gint64 over_s = tg_share_over_s(share);
        TgState state = tg_share_state(share);

        if (state != TG_STATE_COMPLETED && state != TG_STATE_REVOKED)
                return FALSE;
        return tg_share_role(share) == TG_ROLE_RECIPIENT || (over_s != 0 && over_s <= now_s);
}

/* History does not grow with a grant. */
static void
tidy(TgManager *self, const char *grant)
{
        g_autoptr(GPtrArray) list = tg_manager_list(self);
        gint64 now_s = tg_clock_now_s();

        for (guint i = 0; i < list->len; i++)
                if (is_sequel_of(list->pdata[i], grant) && is_over(list->pdata[i], now_s))
                        tg_manager_let_go(self, list->pdata[i]);
}

void
tg_manager_sequel_ended(TgManager *self, TgShare *share)
{
        TgShare *before = tg_manager_share(self, tg_share_predecessor(share));
        g_autofree char *grant = g_strdup(tg_share_grant(share));

        end_orphans(self, share);
        if (grant[0] == '\0')
                return;
        if (before != NULL)
                tg_share_sequel_failed(before, tg_share_state(share) != TG_STATE_FAILED);
        note_taken_back(self, share);
        tidy(self, grant);
}

void
tg_manager_resume_sequels(TgManager *self)
{
        g_autoptr(GPtrArray) list = tg_manager_list(self);

        for (guint i = 0; i < list->len; i++) {
                if (!tg_share_is_ended(list->pdata[i]))
                        continue;
                end_orphans(self, list->pdata[i]);
                note_taken_back(self, list->pdata[i]);
        }
}

/* ---- forgetting ---- */

/* What has not been read may belong to any grant. */
gboolean
tg_manager_may_hide_sequels(TgManager *self, const TgShare *share)
{
        const TgVertical *vertical = tg_vertical_find(tg_share_format(share));
        GHashTableIter iter;
        gpointer value;

        if (tg_share_role(share) != TG_ROLE_INITIATOR ||
            (!tg_share_is_sealed(share) && (vertical == NULL || vertical->sequel == NULL)))
                return FALSE;
        g_hash_table_iter_init(&iter, self->shares);
        while (g_hash_table_iter_next(&iter, NULL, &value))
                if (value != share && tg_share_role(value) == TG_ROLE_INITIATOR &&
                    tg_share_is_sealed(value) && !tg_share_is_ended(value))
                        return TRUE;
        return FALSE;
}

gboolean
tg_manager_has_sequels(TgManager *self, const TgShare *share)
{
        GHashTableIter iter;
        gpointer value;

        if (tg_share_role(share) != TG_ROLE_INITIATOR || tg_share_grant(share)[0] != '\0')
                return FALSE;
        g_hash_table_iter_init(&iter, self->shares);
        while (g_hash_table_iter_next(&iter, NULL, &value))
                if (is_sequel_of(value, tg_share_id(share)) && !tg_share_is_ended(value))
                        return TRUE;
        return FALSE;
}

/* ---- the recipient gives up what he holds ---- */

gboolean
tg_manager_end_renewals(TgManager *self, const TgCredential *credential, GError **error)
{
        g_autoptr(GPtrArray) list = tg_manager_list(self);

        for (guint i = 0; i < list->len; i++) {
                const char *renews = tg_share_renews(list->pdata[i]);

                if (renews != NULL && g_str_equal(renews, credential->id) &&
                    !tg_share_is_ended(list->pdata[i]) &&
                    !tg_share_decline(list->pdata[i], "", error))
                        return FALSE;
        }
        return TRUE;
}

/* ---- taking back ---- */

typedef struct {
        GPtrArray *shares;
        guint n_done;
        GError *error;
        TgRevokedFunc func;
        gpointer user_data;
        GDestroyNotify destroy;
} Revoking;

static void
free_revoking(gpointer data)
{
        Revoking *self = data;

        g_clear_error(&self->error);
        for (guint i = 0; i < self->shares->len; i++)
                tg_share_end_revoking(self->shares->pdata[i]);
        g_ptr_array_unref(self->shares);
        self->destroy(self->user_data);
}

static void
release(gpointer self)
{
        g_rc_box_release_full(self, free_revoking);
}

static void revoke_next(Revoking *self);

/* One that could not be is no reason to leave the others. */
static void
on_revoked(const GError *error, gpointer user_data)
{
        Revoking *self = user_data;

        if (error != NULL && self->error == NULL)
                self->error = g_error_copy(error);
        self->n_done++;
        revoke_next(self);
}

static void
revoke_next(Revoking *self)
{
        if (self->n_done < self->shares->len)
                tg_share_revoke(self->shares->pdata[self->n_done],
                                on_revoked,
                                g_rc_box_acquire(self),
                                release);
        else
                self->func(self->error, self->user_data);
}

static void
add(GPtrArray *shares, TgShare *share)
{
        tg_share_begin_revoking(share);
        g_ptr_array_add(shares, tg_share_ref(share));
}

static void
add_lent(TgManager *self, const char *grant, GPtrArray *shares)
{
        g_autoptr(GPtrArray) list = tg_manager_list(self);

        for (guint i = 0; i < list->len; i++)
                if (g_str_equal(grant_of(list->pdata[i]), grant) &&
                    tg_share_is_ended(list->pdata[i]) && tg_share_has_lent(list->pdata[i]))
                        add(shares, list->pdata[i]);
}

/* Nothing more of @grant is given from now on. */
static gboolean
end_all(TgManager *self, const char *grant, guint *ret_n_ended, GError **error)
{
        g_autoptr(GPtrArray) list = tg_manager_list(self);

        for (guint i = 0; i < list->len; i++) {
                if (!g_str_equal(grant_of(list->pdata[i]), grant) ||
                    tg_share_is_ended(list->pdata[i]))
                        continue;
                if (!tg_share_cancel(list->pdata[i], "", error))
                        return FALSE;
                (*ret_n_ended)++;
        }
        return TRUE;
}

void
tg_manager_revoke(TgManager *self,
                  TgShare *share,
                  TgRevokedFunc func,
                  gpointer user_data,
                  GDestroyNotify destroy)
{
        g_autofree char *grant = g_strdup(grant_of(share));
        guint n_ended = 0;
        Revoking *revoking = g_rc_box_new0(Revoking);

        revoking->shares = g_ptr_array_new_with_free_func((GDestroyNotify)tg_share_unref);
        revoking->func = func;
        revoking->user_data = user_data;
        revoking->destroy = destroy;
        if (tg_manager_may_hide_sequels(self, share)) {
                tg_set_error(&revoking->error,
                             TG_ERROR_KEYRING_UNAVAILABLE,
                             "the keyring is locked: unlock it to revoke all that was given");
                func(revoking->error, user_data);
                release(revoking);
                return;
        }
        if (tg_share_role(share) == TG_ROLE_INITIATOR &&
            (tg_share_is_ended(share) || tg_share_grant(share)[0] != '\0')) {
                if (!end_all(self, grant, &n_ended, &revoking->error)) {
                        func(revoking->error, user_data);
                        release(revoking);
                        return;
                }
                add_lent(self, grant, revoking->shares);
        }
        /* That it cannot be is for the share itself to say. */
        if (revoking->shares->len == 0 && n_ended == 0)
                add(revoking->shares, share);
        revoke_next(revoking);
        release(revoking);
}
