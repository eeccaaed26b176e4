/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The PIN between the share and its user: shown to the one who speaks it, typed by the other. */

#include "daemon/share-private.h"
#include "protocol/pin.h"

TgSecret *
tg_share_get_pin(TgShare *self, GError **error)
{
        const TgSecret *pin = self->exchange != NULL ? tg_exchange_pin(self->exchange) : NULL;

        if (self->is_sealed) {
                tg_set_error(error,
                             TG_ERROR_KEYRING_UNAVAILABLE,
                             "the keyring is locked: unlock it to get the PIN");
                return NULL;
        }
        if (self->role != TG_ROLE_INITIATOR || !tg_share_has_pin(self)) {
                tg_set_error(error, TG_ERROR_BAD_STATE, "this share has no PIN to be shown");
                return NULL;
        }
        if (pin == NULL || tg_share_is_ended(self)) {
                tg_set_error(error,
                             TG_ERROR_BAD_STATE,
                             "the PIN is not to be had (any more): the share is in state %s",
                             tg_share_state_name(self));
                return NULL;
        }
        return tg_pin_format(pin, error);
}

static GError *
wrong_pin(const TgShare *self)
{
        guint n_left = tg_exchange_attempts_left(self->exchange);

        return tg_error_new(TG_ERROR_WRONG_PIN,
                            "the PIN was not right: it was mistyped, or somebody interferes; %u %s "
                            "left",
                            n_left,
                            n_left == 1 ? "try is" : "tries are");
}

void
tg_share_is_well(TgShare *self)
{
        g_autoptr(GError) error = NULL;

        if (self->state == TG_STATE_PIN_NEEDED && self->exchange != NULL &&
            tg_exchange_attempts_used(self->exchange) > 0)
                error = wrong_pin(self);
        else if (self->state == TG_STATE_PIN_NEEDED && self->has_failure &&
                 self->failure_code == TG_ERROR_INVALID)
                return; /* what was wrong with the PIN that came with the link */
        tg_share_set_failure(self, error);
}

/* Both steps in one save, where the PIN came with the link. FALSE: it has to be asked for. */
static gboolean
give_at_once(TgShare *self, GError **error)
{
        g_autoptr(TgSecret) pin = g_steal_pointer(&self->given_pin);
        g_auto(TgOutput) output = {0};
        g_autoptr(GError) failure = NULL;
        TgInput input = {.kind = TG_INPUT_PIN, .pin = pin};
        TgState before = self->state;
        TgAction action;

        if (pin == NULL || !tg_share_dispatch(self, &input, &output, error))
                return FALSE;

        g_free(self->request_id);
        self->request_id = tg_share_new_request_id();
        tg_session_step(self->role, &self->state, TG_EVENT_PIN_ASKED, &action);
        if (!tg_share_event(self, TG_EVENT_PIN_GIVEN, NULL, &failure)) {
                self->state = before;
                tg_share_go_back(self, failure);
        }
        return TRUE;
}

void
tg_share_ask_pin(TgShare *self, gboolean is_again)
{
        g_autoptr(GError) error = NULL;

        self->n_failures = 0;
        if (!is_again && give_at_once(self, &error))
                return;
        if (is_again)
                error = wrong_pin(self);
        tg_share_set_failure(self, error);
        tg_share_happens(self, TG_EVENT_PIN_ASKED, NULL);
        tg_share_tell(self, TG_SHARE_PIN);
}

/* The mailbox is being watched meanwhile: that ends, for now there is something to be said. */
static void
stop_watching(TgShare *self)
{
        g_clear_pointer(&self->asking, tg_asking_cancel);
        g_clear_pointer(&self->dropping, tg_drop_cancel);
        g_clear_pointer(&self->turn, tg_turn_end);
        g_clear_handle_id(&self->timer, g_source_remove);
}

gboolean
tg_share_provide_pin(TgShare *self, const TgSecret *typed, GError **error)
{
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);
        g_auto(TgOutput) output = {0};
        TgInput input = {.kind = TG_INPUT_PIN, .pin = typed};

        if (self->state != TG_STATE_PIN_NEEDED || self->exchange == NULL) {
                tg_set_error(error,
                             TG_ERROR_BAD_STATE,
                             "no PIN is asked for now: the share is in state %s",
                             tg_share_state_name(self));
                return FALSE;
        }
        if (!tg_share_dispatch(self, &input, &output, error)) {
                tg_share_settle(self);
                return FALSE;
        }

        stop_watching(self);
        self->n_failures = 0;
        tg_share_set_failure(self, NULL);
        g_free(self->request_id);
        self->request_id = tg_share_new_request_id();
        if (tg_share_event(self, TG_EVENT_PIN_GIVEN, NULL, error))
                return TRUE;

        /* Not saved: not typed. */
        tg_share_is_well(self);
        tg_share_later(self, -1);
        return FALSE;
}
