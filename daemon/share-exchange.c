/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the exchange of messages says about what is in the mailbox, on both sides: each outcome is
 * one event; the table decides.
 */

#include "daemon/share-private.h"
#include "protocol/limits.h"
#include "protocol/text.h"

/* ---- the exchange ---- */

TgMode
tg_share_exchange_mode(const TgShare *self)
{
        if (tg_share_has_pin(self))
                return TG_MODE_T2_PIN;
        return g_str_equal(self->mode, "t2") ? TG_MODE_T2 : TG_MODE_T1;
}

TgLinkMode
tg_share_link_mode(const TgShare *self)
{
        switch (tg_share_exchange_mode(self)) {
        case TG_MODE_T1:
                return TG_LINK_T1;
        case TG_MODE_T2:
                return TG_LINK_T2;
        case TG_MODE_T2_PIN:
                return TG_LINK_T2_PIN;
        }
        return TG_LINK_T1;
}

gboolean
tg_share_begin_exchange(TgShare *self, const TgSecret *pin, GError **error)
{
        TgExchangeTerms terms = {
                .role = self->role,
                .mode = tg_share_exchange_mode(self),
                .secret = self->key,
                .claim = tg_share_claim_text(self),
                .pin = pin,
                .is_headerless_allowed = TRUE,
        };

        self->carrier->set_terms(self, &terms);
        g_clear_pointer(&self->exchange, tg_exchange_free);
        self->exchange = tg_exchange_new(&terms, error);
        return self->exchange != NULL;
}

gboolean
tg_share_dispatch(TgShare *self, const TgInput *input, TgOutput *output, GError **error)
{
        if (self->undo == NULL)
                self->undo = tg_exchange_save(self->exchange, error);
        return self->undo != NULL && tg_exchange_dispatch(self->exchange, input, output, error);
}

/* What was dispatched and not saved has not happened: where there is no memory to go back, what
 * is stored is read again later, and nothing is done until then. */
void
tg_share_undo(TgShare *self)
{
        g_autoptr(TgSecret) undo = g_steal_pointer(&self->undo);
        g_autoptr(TgSecret) drop_undo = g_steal_pointer(&self->drop_undo);

        if (drop_undo != NULL) {
                tg_drop_state_free(self->drop);
                self->drop = tg_drop_state_load(drop_undo, NULL);
                self->must_reload = self->drop == NULL;
        }
        if (undo == NULL)
                return;
        g_clear_pointer(&self->exchange, tg_exchange_free);
        self->exchange = tg_exchange_load(undo, NULL);
        self->must_reload |= self->exchange == NULL;
}

void
tg_share_settle(TgShare *self)
{
        g_clear_pointer(&self->undo, tg_secret_unref);
        g_clear_pointer(&self->drop_undo, tg_secret_unref);
}

/* ---- what the peer shows ---- */

void
tg_share_take_display(TgShare *self, const TgHeader *display)
{
        g_autofree char *title = tg_text_clean(display->title, -1, TG_MAX_TITLE_BYTES);

        if (self->role != TG_ROLE_RECIPIENT)
                return;
        if (!self->is_title_own && title[0] != '\0') {
                g_free(self->title);
                self->title = g_steal_pointer(&title);
                self->is_title_verified = TRUE;
        }
        if (display->title != NULL || display->description != NULL) {
                g_free(self->description);
                self->description =
                        tg_text_clean(display->description, -1, TG_MAX_DESCRIPTION_BYTES);
        }
        tg_share_tell(self, TG_SHARE_TITLE);
}

/* ---- what the peer says of its end ---- */

static GError *
peer_failed(const char *sentence, const char *reason)
{
        gboolean has_reason = reason != NULL && reason[0] != '\0';

        return tg_error_new(TG_ERROR_FAILED,
                            "%s%s%s",
                            sentence,
                            has_reason ? ": " : "",
                            has_reason ? reason : "");
}

static void
end_of_peer(TgShare *self, const TgOutput *output, gboolean was_given)
{
        /* Of the one who can open ACCEPT it would be the word; this is anybody's with the link. */
        TgEndedBy by = output->is_late ? TG_ENDED_RELAY : TG_ENDED_PEER;
        const char *but = output->is_late ? "; but it may have been received" : "";
        g_autofree char *reason = NULL;
        g_autoptr(GError) error = NULL;
        TgOutcome outcome;

        tg_end_parse(&output->envelope->content, &outcome, &reason);
        switch (outcome) {
        case TG_OUTCOME_COMPLETED:
                if (!was_given || output->is_late) {
                        /* Who has the link can say so; what was never sent was not received. */
                        error = peer_failed("somebody with the link ended it before it was known "
                                            "to be received",
                                            NULL);
                        tg_share_ends(self, TG_EVENT_PEER_FAILED, by, error);
                        return;
                }
                tg_share_set_failure(self, NULL);
                tg_share_take_receipt(self, outcome);
                tg_share_ends(self, TG_EVENT_PEER_COMPLETED, TG_ENDED_PEER, NULL);
                return;
        case TG_OUTCOME_DECLINED:
                error = tg_error_new(TG_ERROR_DECLINED,
                                     reason != NULL && reason[0] != '\0'
                                             ? "the recipient declined: %s%s"
                                             : "the recipient declined%s%s",
                                     reason != NULL ? reason : "",
                                     but);
                if (!output->is_late)
                        tg_share_take_receipt(self, outcome);
                tg_share_ends(self, TG_EVENT_PEER_DECLINED, by, error);
                return;
        case TG_OUTCOME_FAILED:
                error = peer_failed("the recipient could not take it", reason);
                if (!output->is_late)
                        tg_share_take_receipt(self, outcome);
                tg_share_ends(self, TG_EVENT_PEER_FAILED, by, error);
                return;
        }
}

/* ---- a payload ---- */

/* The relay is asked less and less often, whatever its entity tags say. */
void
tg_share_ignored(TgShare *self, const GError *error)
{
        self->n_ignored++;
        if (error != NULL) {
                g_debug("share %.8s: payload ignored: %s", self->id, error->message);
                if (self->n_ignored == TG_IGNORED_PAYLOADS_WARNING)
                        g_warning("share %.8s: %u payloads in a row had to be ignored: somebody "
                                  "interferes with its mailbox",
                                  self->id,
                                  self->n_ignored);
        }
        tg_share_later(self, -1);
}

/* Not judged for a reason of our own: as if it had not been read. */
static void
read_again(TgShare *self)
{
        tg_share_undo(self);
        g_clear_pointer(&self->etag, g_free);
        tg_share_later(self, -1);
}

/* An initiator of another make may offer more tries than a device gives. */
static gboolean
has_typed_all(const TgShare *self)
{
        return self->role == TG_ROLE_RECIPIENT && tg_share_has_pin(self) &&
               tg_exchange_attempts_used(self->exchange) >= TG_MAX_PIN_TRIES;
}

/* Who had it first may let go of the mailbox again with the sender's acceptance in it: then the
 * relay lets us in, and there will never be anything for us. */
static void
is_for_another(TgShare *self)
{
        g_autoptr(GError) error =
                tg_error_new(TG_ERROR_ALREADY_USED,
                             "nothing that is there can be opened with this link: it was already "
                             "used on another device; ask the sender to cancel it");

        tg_share_settle(self);
        tg_share_ends(self, TG_EVENT_ALREADY_USED, TG_ENDED_RELAY, error);
}

/* @error NULL: nothing new. */
static void
refused(TgShare *self, const GError *error)
{
        tg_share_settle(self);
        if (has_typed_all(self) && error != NULL &&
            tg_error_code(error) == TG_ERROR_LIMIT_REACHED) {
                g_autoptr(GError) wrong = tg_error_new(TG_ERROR_WRONG_PIN, "%s", error->message);

                tg_share_ends(self, TG_EVENT_BURNED, TG_ENDED_SELF, wrong);
                return;
        }
        if (self->carrier->is_read_once) {
                g_autoptr(GError) wrong = NULL;

                wrong = tg_error_new(TG_ERROR_TAMPERED,
                                     "what arrived is not what the other side may say now (%s): "
                                     "somebody interferes, or its program is at fault",
                                     error != NULL ? error->message : "out of place");
                tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_SELF, wrong);
                return;
        }
        if (tg_error_code(error) == TG_ERROR_LIMIT_REACHED)
                tg_share_set_failure(self, error);
        if (self->state == TG_STATE_CLAIMING)
                tg_share_happens(self, TG_EVENT_CLAIMED, NULL);
        if (!tg_share_is_ended(self) && !tg_share_is_asking(self) && self->turn == NULL)
                tg_share_ignored(self, error);
}

static void
nothing_new(TgShare *self, gboolean is_first_tag)
{
        if (self->carrier->is_read_once) {
                refused(self, NULL);
                return;
        }
        tg_share_settle(self);
        /* Our own message with a tag to wait by: now the answer can be held. */
        if (is_first_tag && self->n_failures == 0) {
                self->n_failures = 1;
                tg_share_go_on_exchanging(self);
                return;
        }
        tg_share_ignored(self, NULL);
}

/* Each offer says all of it anew, and the one that is answered counts. */
static gboolean
takes_offer(TgShare *self, const TgOutput *output)
{
        g_autoptr(GError) error = NULL;

        if (self->role == TG_ROLE_RECIPIENT)
                self->bounds = (TgBounds){0};
        if (tg_share_take_bounds(self, &output->display, &error)) {
                tg_share_take_display(self, &output->display);
                return TRUE;
        }
        tg_share_refuse(self, error);
        return FALSE;
}

/* A message of the exchange itself, which is answered or judged. */
static void
steps(TgShare *self, TgEvent event)
{
        self->n_ignored = 0;
        tg_share_came_through(self);
        g_free(self->request_id);
        self->request_id = tg_share_new_request_id();
        tg_share_happens(self, event, NULL);
}

static gboolean
may_ask(const TgShare *self)
{
        return !self->has_said_last && tg_exchange_is_given(self->exchange);
}

static void
take_message(TgShare *self, const TgOutput *output)
{
        /* One answer a share: who has got it all is not heard any more. */
        if (self->role == TG_ROLE_INITIATOR && !may_ask(self)) {
                refused(self, NULL);
                return;
        }
        self->n_ignored = 0;
        if (output->is_headerless)
                self->mode = "plain";
        if (!tg_share_arrived(self, output))
                read_again(self);
}

void
tg_share_judge(TgShare *self, const TgJson *payload, gboolean is_first_tag)
{
        g_auto(TgOutput) output = {0};
        g_autoptr(GError) error = NULL;
        TgInput input = {.kind = TG_INPUT_PAYLOAD, .payload = payload};
        gboolean was_given = tg_share_is_given(self);

        if (!tg_share_dispatch(self, &input, &output, &error)) {
                tg_share_set_failure(self, error);
                read_again(self);
                return;
        }

        switch (output.kind) {
        case TG_OUTPUT_NONE:
                nothing_new(self, is_first_tag);
                return;
        case TG_OUTPUT_IGNORED:
                if (output.is_for_another && self->state == TG_STATE_CLAIMING &&
                    !self->carrier->is_read_once)
                        is_for_another(self);
                else
                        refused(self, output.error);
                return;
        case TG_OUTPUT_WRITE:
                if (takes_offer(self, &output))
                        steps(self, TG_EVENT_OFFERED);
                return;
        case TG_OUTPUT_PIN_NEEDED:
                self->n_ignored = 0;
                if (takes_offer(self, &output))
                        tg_share_ask_pin(self, output.is_again);
                return;
        case TG_OUTPUT_CHARGE:
                steps(self, TG_EVENT_ANSWERED);
                return;
        case TG_OUTPUT_MESSAGE:
                take_message(self, &output);
                return;
        case TG_OUTPUT_END:
                self->n_ignored = 0;
                end_of_peer(self, &output, was_given);
                return;
        case TG_OUTPUT_CONFIRMED:
        case TG_OUTPUT_WRONG_PIN:
        case TG_OUTPUT_BURNED:
        case TG_OUTPUT_SAY_AGAIN:
                break; /* come of judging, or after an end, not of reading while it runs */
        }
        tg_share_ignored(self, NULL);
}

/* ---- what is next ---- */

void
tg_share_go_on_exchanging(TgShare *self)
{
        g_auto(TgOutput) output = {0};

        if (self->exchange != NULL)
                tg_exchange_pending(self->exchange, &output);
        switch (output.kind) {
        case TG_OUTPUT_WRITE:
        case TG_OUTPUT_CONFIRMED:
        case TG_OUTPUT_WRONG_PIN:
                self->carrier->write(self);
                return;
        case TG_OUTPUT_CHARGE:
                tg_share_charge(self);
                return;
        case TG_OUTPUT_NONE:
        case TG_OUTPUT_IGNORED:
        case TG_OUTPUT_BURNED:
        case TG_OUTPUT_PIN_NEEDED:
        case TG_OUTPUT_MESSAGE:
        case TG_OUTPUT_END:
        case TG_OUTPUT_SAY_AGAIN:
                self->carrier->watch(self);
                return;
        }
}
