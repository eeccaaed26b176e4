/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What of a share is entered in the log, in the transaction of the act; and its receipt: the end
 * message of the other side, which is the only word of his.
 */

#include "daemon/clock.h"
#include "daemon/share-private.h"

/* FALSE: this end is none to be entered. */
static gboolean
act_of_end(TgState state, TgLogAct *ret_act)
{
        switch (state) {
        case TG_STATE_COMPLETED:
                *ret_act = TG_ACT_COMPLETED;
                return TRUE;
        case TG_STATE_CANCELLED:
                *ret_act = TG_ACT_CANCELLED;
                return TRUE;
        case TG_STATE_DECLINED:
                *ret_act = TG_ACT_DECLINED;
                return TRUE;
        case TG_STATE_EXPIRED:
                *ret_act = TG_ACT_EXPIRED;
                return TRUE;
        case TG_STATE_BURNED:
                *ret_act = TG_ACT_BURNED;
                return TRUE;
        case TG_STATE_FAILED:
                *ret_act = TG_ACT_FAILED;
                return TRUE;
        case TG_STATE_REVOKED:
                *ret_act = TG_ACT_REVOKED;
                return TRUE;
        case TG_STATE_RELINQUISHED:
                *ret_act = TG_ACT_RELINQUISHED;
                return TRUE;
        case TG_STATE_AUTHORIZING:
        case TG_STATE_UPLOADING:
        case TG_STATE_INVITED:
        case TG_STATE_VERIFYING_PIN:
        case TG_STATE_CLAIMING:
        case TG_STATE_PIN_NEEDED:
        case TG_STATE_EXCHANGING:
        case TG_STATE_PROVISIONING:
        case TG_STATE_REFUSED:
                break;
        }
        return FALSE;
}

/* The state is the new one. FALSE: nothing that matters to whoever looks back. */
static gboolean
act_of(const TgShare *self, TgEvent event, TgLogAct *ret_act)
{
        gboolean is_initiator = self->role == TG_ROLE_INITIATOR;

        switch ((int)event) {
        case TG_EVENT_ALLOWED:
                *ret_act = is_initiator ? TG_ACT_SHARED : TG_ACT_ACCEPTED;
                return TRUE;
        case TG_EVENT_UPLOADED:
        case TG_EVENT_PROVED:
        case TG_EVENT_REPLIED:
                *ret_act = TG_ACT_GIVEN;
                return is_initiator && tg_share_is_given(self);
        case TG_EVENT_NOT_PROVED:
                *ret_act = TG_ACT_WRONG_PIN;
                return tg_share_has_pin(self);
        case TG_EVENT_PROVISIONED:
                *ret_act = TG_ACT_RECEIVED;
                return TRUE;
        default:
                return act_of_end(self->state, ret_act);
        }
}

static const char *
word_behind(const TgShare *self, TgLogAct act)
{
        if (act == TG_ACT_WRONG_PIN || act == TG_ACT_LAPSED)
                return "";
        return act == TG_ACT_REVOKED || !tg_share_is_ended(self) ? "self" : tg_share_ended_by(self);
}

gboolean
tg_share_enter(const TgShare *self, TgLogAct act, const char *text, GError **error)
{
        TgStore *store = self->wallet->store;
        gboolean is_end = tg_share_is_ended(self) && act != TG_ACT_REVOKED;
        /* Borrowed for the call. */
        TgLogEntry entry = {
                .time_s = tg_clock_now_s(),
                .act = (char *)tg_log_act_name(act),
                .by = (char *)word_behind(self, act),
                .share = (char *)self->id,
                .credential = act == TG_ACT_RECEIVED ? self->credential_id
                              : act == TG_ACT_SHARED ? self->source_id
                                                     : NULL,
                .format = (char *)tg_share_format(self),
                .title = self->title,
                .person = self->person,
        };

        if (text == NULL)
                text = self->log_text;
        if (text == NULL && self->grant[0] != '\0' &&
            (act == TG_ACT_GIVEN || act == TG_ACT_RECEIVED))
                text = "renewed, as was agreed when it was lent";
        if (text == NULL && is_end && self->has_failure)
                text = self->failure_text;
        entry.text = (char *)text;

        /* Also where the key is there and the row could not be read: its name is not known. */
        if (self->is_sealed || !tg_store_has_key(store))
                return tg_store_log_late(store, self->id, act, entry.time_s, error);
        return tg_store_log(store, &entry, error);
}

gboolean
tg_share_log_event(TgShare *self, TgEvent event, GError **error)
{
        TgLogAct act;

        /* Before the user's yes nothing is kept: else any program could fill the log. */
        if (!self->is_meant || self->is_end_noted || !act_of(self, event, &act))
                return TRUE;
        if (act == TG_ACT_GIVEN)
                self->is_given = TRUE;
        return tg_share_enter(self, act, NULL, error);
}

gboolean
tg_share_was_noted(const TgShare *self)
{
        TgLogAct act;

        return act_of_end(self->state, &act) &&
               tg_store_has_late(self->wallet->store, self->id, act);
}

gboolean
tg_share_log_forgotten(const TgShare *self, GError **error)
{
        return !self->is_meant || tg_share_enter(self, TG_ACT_FORGOTTEN, "", error);
}

/* ---- receipts ---- */

void
tg_share_take_receipt(TgShare *self, TgOutcome outcome)
{
        self->said_end = TRUE;
        self->said_outcome = outcome;
        self->said_end_s = tg_clock_now_s();
}

const char *
tg_share_receipt(const TgShare *self, gint64 *ret_time_s)
{
        *ret_time_s = self->said_end ? self->said_end_s : 0;
        if (!self->said_end)
                return "";
        switch (self->said_outcome) {
        case TG_OUTCOME_COMPLETED:
                return "completed";
        case TG_OUTCOME_DECLINED:
                return "declined";
        case TG_OUTCOME_FAILED:
                return "failed";
        }
        return "";
}
