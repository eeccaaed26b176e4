/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What is still to be sent after an end. Each is repeated, the same octets under the same
 * id, until it is done or the share is past its time; restarts do not end it.
 */

#include "daemon/clock.h"
#include "daemon/share-private.h"
#include "protocol/limits.h"

gint64
tg_share_errand_deadline_s(const TgShare *self)
{
        gint64 expires_s = self->expires_s != 0 ? self->expires_s : self->created_s + TG_MAX_LIFE_S;

        return expires_s + TG_MAX_CLOCK_SKEW_S;
}

void
tg_share_errand_done(TgShare *self)
{
        g_autoptr(TgSecret) nothing = tg_secret_new("", 0, NULL);
        g_autoptr(GError) error = NULL;

        self->errand = TG_ERRAND_NONE;
        self->has_message = FALSE;
        g_clear_pointer(&self->unsaved_message, g_bytes_unref);
        tg_share_disconnect(self);
        tg_share_forget_secrets(self);
        g_clear_pointer(&self->claim, tg_secret_unref);
        g_clear_pointer(&self->drop, tg_drop_state_free);
        g_clear_pointer(&self->request_id, g_free);
        g_clear_pointer(&self->mailbox_url, g_free);
        g_clear_pointer(&self->etag, g_free);
        g_clear_pointer(&self->reason, g_free);

        if (!tg_store_has_key(self->wallet->store))
                return;
        if (!tg_share_save(self, nothing, &error))
                g_warning("share %.8s: %s", self->id, error->message);
}

/* Writes what is changed about the errand, before it is sent. */
gboolean
tg_share_errand_keep(TgShare *self, TgSecret *body)
{
        g_autoptr(GError) error = NULL;

        /* Without the key nothing is stored: then it is tried as long as we live. */
        if (!tg_store_has_key(self->wallet->store) || tg_share_save(self, body, &error))
                return TRUE;
        g_warning("share %.8s: %s", self->id, error->message);
        tg_share_later(self, -1);
        return FALSE;
}

void
tg_share_errand_later(TgShare *self, const TgReply *reply)
{
        if (tg_clock_now_s() >= tg_share_errand_deadline_s(self))
                tg_share_errand_done(self);
        else
                tg_share_later(self, reply->retry_after_s);
}

void
tg_share_note_end(TgShare *self, TgAction action, const char *reason)
{
        self->outcome = TG_OUTCOME_DECLINED;
        if (action == TG_ACTION_SAY_COMPLETED) {
                self->outcome = TG_OUTCOME_COMPLETED;
                reason = NULL;
        } else if (action == TG_ACTION_SAY_FAILED) {
                self->outcome = TG_OUTCOME_FAILED;
                reason = self->has_failure ? self->failure_text : NULL;
        }
        if (reason != self->reason) {
                g_free(self->reason);
                self->reason = g_strdup(reason);
        }
}

gboolean
tg_share_may_say_again(const TgShare *self)
{
        return self->errand == TG_ERRAND_SAY && self->has_message && self->exchange != NULL &&
               !self->carrier->is_read_once && self->outcome != TG_OUTCOME_COMPLETED &&
               tg_exchange_mode(self->exchange) != TG_MODE_T1;
}

void
tg_share_run_errand(TgShare *self)
{
        if (tg_share_is_asking(self) || self->is_sealed || self->errand == TG_ERRAND_NONE)
                return;
        if ((self->mailbox_url == NULL && self->errand != TG_ERRAND_FIND) ||
            tg_clock_now_s() >= tg_share_errand_deadline_s(self)) {
                tg_share_errand_done(self);
                return;
        }
        if (!tg_network_reaches(self->wallet->network, self->relay))
                return;
        self->carrier->run_errand(self);
}
