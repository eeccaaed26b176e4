/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the user may do to a share, and what he gets to see of it.
 */

#include <string.h>

#include "daemon/share-private.h"
#include "protocol/limits.h"
#include "protocol/text.h"

void
tg_share_decide(TgShare *self, const GError *error, gboolean is_interactive)
{
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);
        g_autoptr(TgSecret) body = NULL;
        g_autoptr(GError) failure = NULL;

        if (self->state != TG_STATE_AUTHORIZING)
                return;
        if (error != NULL) {
                tg_share_ends(self, TG_EVENT_DENIED, TG_ENDED_SELF, error);
                return;
        }
        self->is_interactive = is_interactive;
        if (tg_vault_is_open(self->wallet->vault) && !tg_share_prepare(self, &body, &failure)) {
                tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_SELF, failure);
                return;
        }
        tg_share_happens(self, TG_EVENT_ALLOWED, body);
}

TgSecret *
tg_share_get_invitation(TgShare *self, GError **error)
{
        if (self->is_sealed) {
                tg_set_error(error,
                             TG_ERROR_KEYRING_UNAVAILABLE,
                             "the keyring is locked: unlock it to get the invitation");
                return NULL;
        }
        if (self->role != TG_ROLE_INITIATOR || self->invitation == NULL ||
            tg_share_is_ended(self)) {
                tg_set_error(error,
                             TG_ERROR_BAD_STATE,
                             "there is no invitation to be had: the share is in state %s",
                             tg_share_state_name(self));
                return NULL;
        }
        if (self->predecessor[0] != '\0') {
                tg_set_error(error,
                             TG_ERROR_BAD_STATE,
                             "this share renews what was given with another one: its invitation "
                             "is for who has got that, and for nobody else");
                return NULL;
        }
        return tg_secret_ref(self->invitation);
}

/* What an end is called that came in state @from without a word of the other side's;
 * NULL where it says enough by itself. */
GError *
tg_share_sentence_of(const TgShare *self, TgState from, TgEvent event)
{
        gboolean was_sent = from != TG_STATE_AUTHORIZING &&
                            (self->is_sealed || self->must_reload || tg_share_is_given(self));

        if (event == TG_EVENT_TIME_UP)
                return tg_error_new(TG_ERROR_EXPIRED, "nobody finished it in time");
        if (event != TG_EVENT_CANCEL && event != TG_EVENT_DECLINE)
                return NULL;
        if (self->role == TG_ROLE_RECIPIENT)
                return tg_error_new(TG_ERROR_DECLINED, "declined here");
        return tg_error_new(TG_ERROR_CANCELLED,
                            was_sent ? "cancelled, but it may have been received before: what was "
                                       "read cannot be taken back"
                                     : "cancelled before the credential was sent");
}

/* The user's word. @event is stored before this returns. */
static gboolean
end_by_user(TgShare *self, TgEvent event, const char *reason, GError **error)
{
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);
        g_autoptr(GError) failure = tg_share_sentence_of(self, self->state, event);
        g_autoptr(GError) refused = NULL;

        if (!tg_text_is_clean(reason, TG_MAX_REASON_BYTES)) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "the reason must be one line of at most %d octets",
                             TG_MAX_REASON_BYTES);
                return FALSE;
        }
        if (!tg_session_allows(self->role, self->state, event)) {
                tg_set_error(error,
                             TG_ERROR_BAD_STATE,
                             "the share is in state %s: that cannot be done now",
                             tg_share_state_name(self));
                return FALSE;
        }

        self->ended_by = TG_ENDED_SELF;
        tg_share_set_failure(self, failure);
        if (tg_share_step(self, event, NULL, reason, &refused))
                return TRUE;

        /* It goes on as if nothing had been said. */
        tg_share_set_failure(self, NULL);
        g_propagate_error(error, g_steal_pointer(&refused));
        return FALSE;
}

gboolean
tg_share_cancel(TgShare *self, const char *reason, GError **error)
{
        return end_by_user(self, TG_EVENT_CANCEL, reason, error);
}

gboolean
tg_share_decline(TgShare *self, const char *reason, GError **error)
{
        return end_by_user(self, TG_EVENT_DECLINE, reason, error);
}

/* A message of its vertical's; what has arrived and is to be kept is none. */
static gboolean
has_answered(const TgShare *self)
{
        return self->n_steps > (self->has_arrived ? 1 : 0);
}

gboolean
tg_share_relinquish(TgShare *self, GError **error)
{
        if (!tg_share_is_ended(self) && !self->carrier->can_let_go) {
                tg_set_error(error,
                             TG_ERROR_BAD_STATE,
                             "what was read over plain HTTP is gone from the server: this "
                             "invitation cannot be left to another device; decline it");
                return FALSE;
        }
        /* Before the row is read nobody knows; then the relay refuses it. */
        if (!tg_share_is_ended(self) && self->exchange != NULL &&
            (tg_exchange_attempts_used(self->exchange) > 0 || has_answered(self))) {
                tg_set_error(error,
                             TG_ERROR_BAD_STATE,
                             "the sender has been answered already: this invitation cannot be "
                             "left to another device; cancel it");
                return FALSE;
        }
        return end_by_user(self, TG_EVENT_RELINQUISH, "", error);
}

gboolean
tg_share_may_forget(const TgShare *self, GError **error)
{
        if (!tg_share_is_ended(self)) {
                tg_set_error(error,
                             TG_ERROR_BAD_STATE,
                             "the share is still running: cancel or decline it first");
                return FALSE;
        }
        if (tg_share_is_busy(self)) {
                tg_set_error(error,
                             TG_ERROR_BAD_STATE,
                             "the relay has not been told of the end yet: try again later");
                return FALSE;
        }
        if (self->revocation != NULL || self->n_revokings > 0) {
                tg_set_error(error,
                             TG_ERROR_BAD_STATE,
                             "what was lent with this share is being revoked: try again later");
                return FALSE;
        }
        return TRUE;
}

TgSecret *
tg_share_link_identity(const char *mailbox_url, const TgSecret *secret, GError **error)
{
        gsize n_url = strlen(mailbox_url);
        gsize n_secret;
        const guint8 *bytes = tg_secret_get(secret, &n_secret);
        guint8 *buffer;
        TgSecret *identity = tg_secret_new_blank(n_url + n_secret, &buffer, error);

        if (identity == NULL)
                return NULL;
        memcpy(buffer, mailbox_url, n_url);
        memcpy(buffer + n_url, bytes, n_secret);
        return identity;
}
