/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * After an end over plain HTTP: the end message is the next message, where it is ours to speak.
 * Where it is not, the own last message is taken back if nobody has read it yet.
 */

#include <string.h>

#include "daemon/carrier-drop.h"
#include "protocol/limits.h"

/* ---- planning ---- */

static TgSecret *
plan_nothing(TgShare *self)
{
        self->errand = TG_ERRAND_NONE;
        return NULL;
}

static TgSecret *
plan_taking_back(TgShare *self)
{
        TgDropState *drop = self->drop;
        gboolean may_lie_there = drop->put_url != NULL && !drop->is_put_fresh &&
                                 drop->got == NULL && drop->tdch != NULL &&
                                 !tg_tdch_is_own_turn(drop->tdch);

        if (!may_lie_there)
                return plan_nothing(self);
        g_clear_pointer(&drop->put_octets, g_bytes_unref);
        if (drop->back_claim == NULL)
                drop->back_claim = tg_share_draw_claim(NULL);
        if (drop->back_claim == NULL)
                return plan_nothing(self);
        drop->was_given = tg_share_is_given(self);
        self->errand = TG_ERRAND_DELETE;

        return NULL;
}

/* The end message, packed. FALSE: none can be said. */
static gboolean
pack_end(TgShare *self)
{
        g_autofree char *content = tg_end_content(self->outcome, self->reason);
        g_autoptr(TgSecret) secret = NULL;
        g_auto(TgOutput) output = {0};
        g_autoptr(GError) error = NULL;
        TgInput input = {.kind = TG_INPUT_SAY, .format = TG_END_FORMAT};

        if (self->exchange == NULL || self->drop->tdch == NULL ||
            !tg_tdch_is_own_turn(self->drop->tdch) || tg_exchange_count(self->exchange) == 0 ||
            !tg_exchange_peer_reads_end(self->exchange))
                return FALSE;

        input.content = secret = tg_secret_new(content, strlen(content), &error);
        if (secret != NULL && tg_exchange_dispatch(self->exchange, &input, &output, &error) &&
            tg_drop_pack(self, output.payload, &error)) {
                self->has_message = TRUE;
                self->errand = TG_ERRAND_SAY;
                return TRUE;
        }
        g_warning("share %.8s: cannot write the end message: %s", self->id, error->message);

        return FALSE;
}

static TgSecret *
plan_end(TgShare *self)
{
        TgTdch *tdch = self->drop->tdch;

        self->has_message = FALSE;
        self->errand = TG_ERRAND_NONE;
        if (pack_end(self))
                return NULL;
        if (self->key != NULL && (tdch == NULL || tg_tdch_index(tdch) == 0)) {
                /* Declined unread: it is read to say so. But who could not even claim does not
                 * claim only to say so. */
                if (self->outcome == TG_OUTCOME_DECLINED)
                        self->errand = TG_ERRAND_SAY;
                return NULL;
        }

        return plan_taking_back(self);
}

TgSecret *
tg_drop_plan_errand(TgShare *self, TgAction action, const char *reason)
{
        if (self->drop == NULL)
                return plan_nothing(self);
        switch (action) {
        case TG_ACTION_DELETE:
                return plan_taking_back(self);
        case TG_ACTION_SAY_COMPLETED:
        case TG_ACTION_SAY_DECLINED:
        case TG_ACTION_SAY_FAILED:
                g_clear_pointer(&self->request_id, g_free);
                self->request_id = tg_share_new_request_id();
                tg_share_note_end(self, action, reason);
                return plan_end(self);
        case TG_ACTION_LET_GO:
        case TG_ACTION_NONE:
        case TG_ACTION_CREATE:
        case TG_ACTION_WATCH:
        case TG_ACTION_WRITE:
        case TG_ACTION_CHARGE:
        case TG_ACTION_WORK:
        case TG_ACTION_CLAIM:
        case TG_ACTION_PROVISION:
                break;
        }
        return plan_nothing(self);
}

/* ---- taking back ---- */

static void ask_back(TgShare *self, TgDropKind kind, TgReplyFunc func);

/* What became of it, where the user was told that nobody knows. */
static void
tell_taken_back(TgShare *self, gboolean was_unread)
{
        g_autoptr(GError) error = NULL;

        if (self->state == TG_STATE_CANCELLED && self->drop->was_given) {
                if (!was_unread)
                        error = tg_error_new(TG_ERROR_CANCELLED,
                                             "cancelled, but it was read before: what was read "
                                             "cannot be taken back");
                else if (!self->drop->is_unguarded)
                        error = tg_error_new(TG_ERROR_CANCELLED,
                                             "cancelled: it was taken back before anybody had "
                                             "read it");
        }
        if (error != NULL)
                tg_share_set_failure(self, error);
        tg_share_errand_done(self);
}

static void
on_deleted_back(const TgReply *reply, gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);

        self->dropping = NULL;
        if (reply->kind == TG_REPLY_DONE)
                tell_taken_back(self, TRUE);
        else
                tg_share_errand_later(self, reply);
}

/* With a claim of our own it is ours alone, if it was nobody's. */
static void
on_got_back(const TgReply *reply, gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);

        self->dropping = NULL;
        if (reply->kind == TG_REPLY_NOTHING_NEW) {
                tell_taken_back(self, FALSE);
                return;
        }
        if (reply->kind != TG_REPLY_DONE) {
                tg_share_errand_later(self, reply);
                return;
        }
        self->drop->is_taken_back = TRUE;
        if (tg_share_errand_keep(self, NULL))
                ask_back(self, TG_DROP_DELETE, on_deleted_back);
}

static void
ask_back(TgShare *self, TgDropKind kind, TgReplyFunc func)
{
        TgDropAsk question = {
                .kind = kind,
                .url = self->drop->put_url,
                .claim = (const char *)tg_secret_get(self->drop->back_claim, NULL),
        };

        self->dropping = tg_drop_ask(tg_share_context(self), &question, func, self);
}

/* ---- saying ---- */

static void
on_said(const TgReply *reply, gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);

        self->dropping = NULL;
        if (reply->kind == TG_REPLY_LATER) {
                tg_share_errand_later(self, reply);
                return;
        }
        if (reply->kind != TG_REPLY_DONE)
                g_warning("share %.8s: the end message could not be written: %s",
                          self->id,
                          reply->error != NULL ? reply->error->message : "");
        tg_share_errand_done(self);
}

/* ---- declined before it was read ---- */

static void
take_in_to_say(TgShare *self)
{
        g_autofree char *payload = NULL;
        g_auto(TgOutput) output = {0};
        TgJson json;
        TgInput input = {.kind = TG_INPUT_PAYLOAD, .payload = &json};

        payload = tg_drop_take_in(self, NULL);
        tg_share_settle(self);
        if (payload == NULL ||
            !tg_json_parse(payload, strlen(payload), TG_MAX_BODY_BYTES, &json, NULL) ||
            !tg_exchange_dispatch(self->exchange, &input, &output, NULL) ||
            output.kind == TG_OUTPUT_IGNORED || !pack_end(self)) {
                tg_share_errand_done(self);
                return;
        }
        if (!tg_share_errand_keep(self, NULL))
                return;
        tg_share_forget_secrets(self);
        tg_drop_put(self, on_said);
}

static void
on_deleted_to_say(const TgReply *reply, gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);

        self->dropping = NULL;
        if (reply->kind == TG_REPLY_LATER)
                tg_share_errand_later(self, reply);
        else
                take_in_to_say(self);
}

static void
on_got_to_say(const TgReply *reply, gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);

        self->dropping = NULL;
        if (reply->kind == TG_REPLY_DONE && tg_drop_keep_got(self, reply, TG_TDCH_IN_FORCE, NULL))
                tg_drop_delete(self, on_deleted_to_say);
        else if (reply->kind == TG_REPLY_DONE || reply->kind == TG_REPLY_LATER)
                tg_share_errand_later(self, reply);
        else
                tg_share_errand_done(self);
}

static void
read_to_say(TgShare *self)
{
        if (self->key == NULL || (self->drop->tdch == NULL && !tg_drop_prepare_claim(self, NULL)) ||
            !tg_drop_draw_claims(self, NULL)) {
                tg_share_errand_done(self);
                return;
        }
        if (self->claim == NULL)
                self->claim = tg_share_draw_claim(NULL);
        if (self->claim == NULL || !tg_share_errand_keep(self, NULL))
                return;
        if (self->drop->got != NULL)
                tg_drop_delete(self, on_deleted_to_say);
        else
                tg_drop_get(self, TG_TDCH_IN_FORCE, 0, on_got_to_say);
}

void
tg_drop_run_errand(TgShare *self)
{
        TgDropState *drop = self->drop;

        if (drop == NULL) {
                tg_share_errand_done(self);
                return;
        }
        if (self->errand == TG_ERRAND_DELETE && drop->back_claim != NULL)
                ask_back(self,
                         drop->is_taken_back ? TG_DROP_DELETE : TG_DROP_GET,
                         drop->is_taken_back ? on_deleted_back : on_got_back);
        else if (self->errand == TG_ERRAND_SAY && self->has_message && drop->put_octets != NULL)
                tg_drop_put(self, on_said);
        else if (self->errand == TG_ERRAND_SAY && !self->has_message)
                read_to_say(self);
        else
                tg_share_errand_done(self);
}
