/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * How a share goes on: after a restart, when the state key is there, when keyring or network
 * have come back, and when its time is up.
 */

#include "daemon/clock.h"
#include "daemon/share-private.h"
#include "protocol/limits.h"

void
tg_share_remember_link(TgShare *self)
{
        g_autoptr(TgSecret) link = g_steal_pointer(&self->ended_link);
        g_autoptr(GError) error = NULL;
        TgStore *store = self->wallet->store;

        if (link == NULL)
                return;
        self->has_digest = tg_store_link_digest(store, link, self->digest, &error);
        if (!self->has_digest ||
            !tg_store_add_link(store, self->digest, tg_clock_now_s() + TG_ENDED_LINK_S, &error) ||
            !tg_share_save(self, NULL, &error))
                g_warning(
                        "share %.8s: its link cannot be remembered: %s", self->id, error->message);
}

/* An end that was written without the key: now the rest of it can be done. @is_noted: it is in the
 * log, or on its way there. */
static void
finish_clear_end(TgShare *self, TgState sealed_state, const char *reason, gboolean is_noted)
{
        g_autoptr(TgSecret) body = NULL;
        g_autoptr(GError) sentence = NULL;
        g_autoptr(GError) error = NULL;
        TgState state = sealed_state;
        TgAction action = TG_ACTION_NONE;
        TgEvent event = TG_EVENT_TIME_UP;

        if (self->state == TG_STATE_CANCELLED)
                event = TG_EVENT_CANCEL;
        else if (self->state == TG_STATE_DECLINED)
                event = TG_EVENT_DECLINE;
        else if (self->state == TG_STATE_RELINQUISHED)
                event = TG_EVENT_RELINQUISH;
        else if (self->state != TG_STATE_EXPIRED)
                event = TG_EVENT_BROKEN;

        if (!tg_session_step(self->role, &state, event, &action))
                action = TG_ACTION_NONE;
        self->is_end_noted = is_noted;
        self->log_text = "found so in the clear part of the state file: if nobody here said so, "
                         "somebody has changed it";
        self->ended_by = event == TG_EVENT_TIME_UP ? TG_ENDED_TIME : TG_ENDED_SELF;
        sentence = tg_share_sentence_of(self, sealed_state, event);
        if (sentence != NULL)
                tg_share_set_failure(self, sentence);
        body = tg_share_plan_errand(self, action, reason);
        if (body == NULL)
                body = tg_secret_new("", 0, NULL);
        tg_share_end_secrets(self);
        if (!tg_share_save_event(self, event, body, &error))
                g_warning("share %.8s: %s", self->id, error->message);
        else if (tg_share_event_counts(event))
                tg_vault_push_count(self->wallet->vault);
        self->is_end_noted = FALSE;
        self->log_text = NULL;
}

static void
take_detail(TgShare *self, const TgShareRow *row, TgSecret *detail, const GError *error)
{
        TgState clear_state = row != NULL ? row->state : self->state;
        g_autofree char *reason = g_steal_pointer(&self->reason);
        g_autoptr(GError) gone = NULL;

        self->is_sealed = FALSE;
        self->is_busy_sealed = FALSE;
        self->is_waiting_for_keyring = FALSE;
        if (row != NULL)
                self->version = row->version;
        if (detail != NULL)
                tg_share_read_detail(self, detail);
        /* The clear columns may say anything. */
        if (detail != NULL && !tg_share_is_ended(self))
                self->ended_s = 0;
        /* Not of one that has ended before, and in its own way. */
        if (error != NULL && !tg_share_is_ended(self))
                tg_share_set_failure(self, error);

        if (tg_state_is_end(clear_state) && !tg_share_is_ended(self)) {
                TgState sealed_state = self->state;

                self->state = clear_state;
                /* The vault may have written it since the row was read first. */
                self->ended_s = row->ended_s;
                /* Whose seal is gone, the vault has ended and entered (finding.h). */
                finish_clear_end(
                        self, sealed_state, reason, detail == NULL || tg_share_was_noted(self));
        } else if (!tg_share_is_ended(self) && (detail == NULL || error != NULL)) {
                if (error == NULL)
                        gone = tg_error_new(TG_ERROR_FAILED,
                                            "the wallet was restarted before the keyring was "
                                            "unlocked: start again");
                tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_SELF, error != NULL ? error : gone);
        }
}

void
tg_share_unsealed(TgShare *self,
                  const TgShareRow *row,
                  TgSecret *detail,
                  const GError *error,
                  gboolean is_alone)
{
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);
        TgState before = self->state;
        gboolean was_sealed = self->is_sealed;

        if (was_sealed && row == NULL && error != NULL && tg_share_is_passing(error)) {
                tg_share_set_failure(self, error);
                tg_share_later(self, -1);
                return;
        }
        if (was_sealed) {
                take_detail(self, row, detail, error);
                tg_share_tell(self, TG_SHARE_ALL);
                /* An end that nobody has been told of: written by the vault. */
                if (!tg_state_is_end(before) && row != NULL && tg_state_is_end(row->state))
                        self->owner->ended(self, self->owner_data);
        }
        tg_share_check_time(self, tg_clock_now_s());
        if (was_sealed)
                tg_share_resume(self, is_alone);
        else
                tg_share_go_on(self); /* it was begun just now, by somebody who waits */
}

void
tg_share_keyring_changed(TgShare *self)
{
        if (self->is_waiting_for_keyring || self->count_wait != NULL)
                tg_share_go_on(self);
}

void
tg_share_resume(TgShare *self, gboolean is_alone)
{
        if (self->is_stopped || self->timer != 0)
                return;
        if (is_alone || self->has_arrived)
                tg_share_go_on(self);
        else
                tg_share_later_ms(self, (guint)g_random_int_range(0, TG_SPREAD_S * 1000));
}

/* Its row could not be read when the key came. */
static void
unseal_again(TgShare *self)
{
        g_auto(TgShareRow) row = {};
        g_autoptr(TgSecret) detail = NULL;
        g_autoptr(GError) error = NULL;
        gboolean is_there =
                tg_store_load_share(self->wallet->store, self->id, &row, &detail, &error);

        tg_share_unsealed(self, is_there ? &row : NULL, detail, error, TRUE);
}

void
tg_share_go_on(TgShare *self)
{
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);

        if (self->is_stopped || tg_share_is_asking(self) || self->turn != NULL ||
            self->job != NULL || self->step != NULL)
                return;
        g_clear_handle_id(&self->timer, g_source_remove);
        if (self->is_sealed) {
                if (tg_vault_is_open(self->wallet->vault))
                        unseal_again(self);
                return;
        }

        if (self->must_reload) {
                g_autoptr(GError) error =
                        tg_error_new(TG_ERROR_LIMIT_REACHED, "no memory is left for secrets now");

                tg_share_go_back(self, error);
                return;
        }
        if (tg_share_is_ended(self)) {
                if (self->errand != TG_ERRAND_NONE)
                        tg_share_run_errand(self);
                return;
        }

        switch (self->state) {
        case TG_STATE_UPLOADING:
                tg_share_create(self);
                break;
        case TG_STATE_CLAIMING:
                tg_share_claim(self);
                break;
        case TG_STATE_INVITED:
        case TG_STATE_VERIFYING_PIN:
        case TG_STATE_PIN_NEEDED:
                tg_share_go_on_exchanging(self);
                break;
        case TG_STATE_EXCHANGING:
        case TG_STATE_PROVISIONING:
                if (self->has_arrived)
                        tg_share_provision(self);
                else if (self->has_work)
                        tg_share_work(self);
                else
                        tg_share_go_on_exchanging(self);
                break;
        case TG_STATE_AUTHORIZING:
        case TG_STATE_COMPLETED:
        case TG_STATE_CANCELLED:
        case TG_STATE_DECLINED:
        case TG_STATE_EXPIRED:
        case TG_STATE_REFUSED:
        case TG_STATE_BURNED:
        case TG_STATE_FAILED:
        case TG_STATE_REVOKED:
        case TG_STATE_RELINQUISHED:
                break;
        }
}

/* What has arrived is not lost because its keyring was locked too long; and an errand looks at
 * the clock by itself. */
static gint64
end_s(const TgShare *self)
{
        if (self->has_arrived || !tg_session_allows(self->role, self->state, TG_EVENT_TIME_UP))
                return 0;
        /* Before it is unsealed nobody knows whether it has. */
        if (self->is_sealed && self->state == TG_STATE_EXCHANGING)
                return 0;
        return self->expires_s != 0 ? self->expires_s : self->created_s + TG_MAX_LIFE_S;
}

gint64
tg_share_deadline_s(const TgShare *self)
{
        const gint64 moments_s[] = {
                end_s(self),
                tg_share_held_until_s(self),
                tg_share_lapse_s(self),
        };
        gint64 next_s = 0;

        for (gsize i = 0; i < G_N_ELEMENTS(moments_s); i++)
                if (moments_s[i] != 0 && (next_s == 0 || moments_s[i] < next_s))
                        next_s = moments_s[i];
        return next_s;
}

/* By way of the loop: nobody who looks at the clock expects a step to begin meanwhile. */
static void
let_go_on(TgShare *self)
{
        tg_share_disconnect(self);
        tg_share_later_ms(self, 0);
}

void
tg_share_time_is_up(TgShare *self)
{
        g_autoptr(GError) late = NULL;

        late = tg_error_new(TG_ERROR_EXPIRED,
                            self->is_shortened ? "the relay has ended it before the time that was "
                                                 "asked for"
                                               : "nobody finished it in time");
        tg_share_ends(
                self, TG_EVENT_TIME_UP, self->is_shortened ? TG_ENDED_RELAY : TG_ENDED_TIME, late);
}

void
tg_share_check_time(TgShare *self, gint64 now_s)
{
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);
        gint64 ends_s = end_s(self);
        gint64 due_s = tg_share_held_until_s(self);

        tg_share_check_lapse(self, now_s);
        if (ends_s != 0 && now_s >= ends_s)
                tg_share_time_is_up(self);
        else if (due_s != 0 && now_s >= due_s)
                let_go_on(self);
}
