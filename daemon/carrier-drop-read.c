/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Messages in: looked for under a claim that was stored before, stored as they were read, deleted
 * from where they lay, and only then looked at. Whoever was killed in between looks again with the
 * same claim, deletes again, and reads what is stored.
 */

#include <string.h>

#include "daemon/carrier-drop.h"
#include "daemon/clock.h"
#include "protocol/limits.h"
#include "protocol/payload.h"

#define FIRST_HOLD_S 2u /* where there are two places to look at, for the one that is held */
#define MAX_DOUBLINGS 5u

static char *
url_of(const TgShare *self, TgTdchSecret place, GError **error)
{
        char location[TG_TDCH_LOCATION_CHARS + 1];

        if (!tg_tdch_location(self->drop->tdch, place, location, error))
                return NULL;
        return tg_tdch_url(self->mailbox_url, location);
}

static gboolean
is_expecting(const TgShare *self)
{
        char location[TG_TDCH_LOCATION_CHARS + 1];

        return tg_tdch_location(self->drop->tdch, TG_TDCH_EXPECTED, location, NULL);
}

/* Whether the peer may write under the secret in force: else only under the one expected. */
static gboolean
may_be_in_force(const TgShare *self)
{
        return !is_expecting(self) ||
               (tg_share_has_pin(self) && tg_exchange_attempts_left(self->exchange) > 0);
}

gboolean
tg_drop_draw_claims(TgShare *self, GError **error)
{
        for (guint i = 0; i < TG_N_PLACES; i++) {
                if (self->drop->claims[i] == NULL)
                        self->drop->claims[i] = tg_share_draw_claim(error);
                if (self->drop->claims[i] == NULL)
                        return FALSE;
        }
        return TRUE;
}

gboolean
tg_drop_prepare_claim(TgShare *self, GError **error)
{
        TgDropState *drop = self->drop;

        /* The exchange is made when its first message tells of what mode it is. */
        g_clear_pointer(&drop->tdch, tg_tdch_free);
        drop->tdch = tg_tdch_new(self->role, drop->suite, self->key, error);

        return drop->tdch != NULL && tg_drop_draw_claims(self, error);
}

/* ---- requests ---- */

static void
ask(TgShare *self, TgDropKind kind, TgTdchSecret place, guint wait_s, TgReplyFunc func)
{
        g_autofree char *url = url_of(self, place, NULL);
        TgDropAsk question = {
                .kind = kind,
                .url = url,
                .claim = (const char *)tg_secret_get(self->drop->claims[place], NULL),
                .wait_s = wait_s,
        };

        self->dropping = tg_drop_ask(tg_share_context(self), &question, func, self);
}

void
tg_drop_get(TgShare *self, TgTdchSecret place, guint wait_s, TgReplyFunc func)
{
        ask(self, TG_DROP_GET, place, wait_s, func);
}

void
tg_drop_delete(TgShare *self, TgReplyFunc func)
{
        ask(self, TG_DROP_DELETE, self->drop->got_at, 0, func);
}

gboolean
tg_drop_keep_got(TgShare *self, const TgReply *reply, TgTdchSecret place, GError **error)
{
        gboolean was_bound = self->is_bound;

        self->drop->got = g_bytes_ref(reply->body);
        self->drop->got_at = place;
        self->is_bound = TRUE;
        if (!tg_store_has_key(self->wallet->store) || tg_share_save(self, NULL, error))
                return TRUE;

        g_clear_pointer(&self->drop->got, g_bytes_unref);
        self->is_bound = was_bound;

        return FALSE;
}

/* ---- what was read ---- */

static GError *
broken(void)
{
        return tg_error_new(TG_ERROR_TAMPERED,
                            "what lay at the server was not written by the other side, or was "
                            "changed: somebody interferes; share anew, with a new link");
}

/* The link does not tell what is inside; the first message does. */
static gboolean
recognise(TgShare *self, const TgSecret *message, GError **error)
{
        g_autofree char *payload = tg_payload_from_octets(message, NULL);
        TgMode mode = TG_MODE_T1;
        TgJson json;

        if (payload != NULL &&
            tg_json_parse(payload, strlen(payload), TG_MAX_BODY_BYTES, &json, NULL) &&
            !tg_exchange_peek(self->key, &json, &mode))
                mode = TG_MODE_T1;
        self->mode = mode == TG_MODE_T2_PIN ? "t2-pin" : mode == TG_MODE_T2 ? "t2" : "t1";
        if (!tg_share_begin_exchange(self, NULL, error)) {
                self->mode = "";
                return FALSE;
        }
        tg_share_tell(self, TG_SHARE_MODE | TG_SHARE_PIN);

        return TRUE;
}

char *
tg_drop_take_in(TgShare *self, GError **error)
{
        TgDropState *drop = self->drop;
        g_autoptr(TgSecret) message = NULL;
        char *payload;
        gsize n_bytes;
        const guint8 *bytes = g_bytes_get_data(drop->got, &n_bytes);

        if (self->drop_undo == NULL)
                self->drop_undo = tg_drop_state_save(drop, error);
        if (self->drop_undo == NULL)
                return NULL;
        message = tg_tdch_read(drop->tdch, drop->got_at, bytes, n_bytes, error);
        if (message == NULL)
                return NULL;
        if (self->exchange == NULL && !recognise(self, message, error))
                return NULL;
        payload = tg_drop_payload_of(self, message, error);
        if (payload == NULL)
                return NULL;

        g_clear_pointer(&drop->got, g_bytes_unref);
        for (guint i = 0; i < TG_N_PLACES; i++)
                g_clear_pointer(&drop->claims[i], tg_secret_unref);
        drop->n_looks = 0;

        return payload;
}

/* A PIN that was given with the link is not forgotten because a message says that it wants none:
 * whoever has the link could have written that. */
static gboolean
is_pin_left_over(TgShare *self)
{
        g_autoptr(GError) error = NULL;

        if (self->given_pin == NULL || tg_share_has_pin(self))
                return FALSE;
        tg_share_settle(self);
        error = tg_error_new(TG_ERROR_INVALID,
                             "a PIN was given, but this share has none: ask the sender, for "
                             "somebody may have put another in its place");
        tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_SELF, error);

        return TRUE;
}

static void
take_in(TgShare *self)
{
        g_autofree char *payload = NULL;
        g_autoptr(GError) error = NULL;
        TgJson json;

        payload = tg_drop_take_in(self, &error);
        if (payload == NULL && g_error_matches(error, TG_ERROR, TG_ERROR_TAMPERED)) {
                g_autoptr(GError) sentence = broken();

                g_message("share %.8s: %s", self->id, error->message);
                tg_share_settle(self);
                tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_SELF, sentence);
                return;
        }
        if (payload == NULL ||
            !tg_json_parse(payload, strlen(payload), TG_MAX_BODY_BYTES, &json, &error)) {
                tg_share_undo(self);
                tg_share_set_failure(self, error);
                tg_share_later(self, -1);
                return;
        }
        if (is_pin_left_over(self))
                return;
        tg_share_is_well(self);
        tg_share_judge(self, &json, FALSE);
        tg_share_check_time(self, tg_clock_now_s());
}

static void
on_deleted(const TgReply *reply, gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);

        self->dropping = NULL;
        if (reply->kind == TG_REPLY_LATER) {
                tg_share_try_later(self, reply);
                return;
        }
        if (reply->kind != TG_REPLY_DONE)
                g_warning("share %.8s: its server does not delete what was read: %s",
                          self->id,
                          reply->error != NULL ? reply->error->message : "");
        self->n_failures = 0;
        take_in(self);
}

static void
got(TgShare *self, const TgReply *reply, TgTdchSecret place)
{
        g_autoptr(GError) error = NULL;

        if (!tg_drop_keep_got(self, reply, place, &error)) {
                tg_share_set_failure(self, error);
                tg_share_later(self, -1);
                return;
        }
        tg_drop_delete(self, on_deleted);
}

/* ---- looking ---- */

static gboolean
is_ready(TgShare *self)
{
        g_autoptr(GError) error = NULL;
        gboolean is_whole =
                self->drop != NULL && self->drop->tdch != NULL && self->mailbox_url != NULL;

        if (is_whole && !tg_drop_draw_claims(self, &error)) {
                tg_share_set_failure(self, error);
                tg_share_later(self, -1);
                return FALSE;
        }
        if (is_whole)
                return TRUE;
        error = tg_error_new(TG_ERROR_FAILED, "the stored share is incomplete");
        tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_SELF, error);

        return FALSE;
}

static void
end_turn(TgShare *self)
{
        g_clear_pointer(&self->turn, tg_turn_end);
        if (tg_turns_are_scarce(self->wallet->turns))
                g_clear_pointer(&self->context, tg_http_context_free);
}

static void
not_there(TgShare *self)
{
        gint64 took_us = g_get_monotonic_time() - self->asked_at_us;

        tg_share_is_well(self);
        self->drop->n_looks++;
        /* An answer that was really held costs nothing; one that comes too soon is a server that
         * does not know how, or would have us spin. */
        if (self->held_s > 0 && took_us >= MIN(self->held_s, TG_MIN_HELD_S) * G_USEC_PER_SEC) {
                self->n_failures = 0;
                tg_drop_watch(self);
        } else {
                tg_share_later(self, -1);
        }
}

static void
looked(TgShare *self, const TgReply *reply, TgTdchSecret place)
{
        end_turn(self);
        switch (reply->kind) {
        case TG_REPLY_DONE:
                got(self, reply, place);
                return;
        case TG_REPLY_NOTHING_NEW:
                not_there(self);
                return;
        case TG_REPLY_GONE:
        case TG_REPLY_UNAUTHORIZED:
        case TG_REPLY_CHANGED:
        case TG_REPLY_REFUSED:
        case TG_REPLY_LATER:
                tg_share_try_later(self, reply);
                return;
        }
}

static void
on_looked_at_expected(const TgReply *reply, gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);

        self->dropping = NULL;
        looked(self, reply, TG_TDCH_EXPECTED);
}

static void
look_at_expected(TgShare *self)
{
        self->held_s = self->drop->hold_s;
        self->asked_at_us = g_get_monotonic_time();
        tg_drop_get(self, TG_TDCH_EXPECTED, self->held_s, on_looked_at_expected);
}

static void
on_looked(const TgReply *reply, gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);

        self->dropping = NULL;
        if (reply->kind == TG_REPLY_NOTHING_NEW && is_expecting(self))
                look_at_expected(self);
        else
                looked(self, reply, TG_TDCH_IN_FORCE);
}

static void
on_turn(guint hold_s, gpointer user_data)
{
        TgShare *self = user_data;
        gboolean has_two = is_expecting(self) && may_be_in_force(self);

        self->drop->hold_s = MIN(hold_s, TG_MAX_WAIT_S);
        /* The longer it takes the less it matters to hear soon of a wrong PIN. */
        if (has_two)
                self->drop->hold_s = MIN(self->drop->hold_s,
                                         FIRST_HOLD_S << MIN(self->drop->n_looks, MAX_DOUBLINGS));
        if (!may_be_in_force(self)) {
                look_at_expected(self);
                return;
        }
        self->held_s = has_two ? 0 : self->drop->hold_s;
        self->asked_at_us = g_get_monotonic_time();
        tg_drop_get(self, TG_TDCH_IN_FORCE, self->held_s, on_looked);
}

/* What is drawn here, because it is not there, has to be stored before it is used. */
static gboolean
has_claims(TgShare *self)
{
        g_autoptr(GError) error = NULL;
        gboolean had_all = self->drop->claims[0] != NULL && self->drop->claims[1] != NULL;

        if (had_all)
                return TRUE;
        if (tg_drop_draw_claims(self, &error) && tg_share_save(self, NULL, &error))
                return TRUE;
        tg_share_set_failure(self, error);
        tg_share_later(self, -1);

        return FALSE;
}

void
tg_drop_watch(TgShare *self)
{
        if (self->drop == NULL || self->drop->tdch == NULL) {
                is_ready(self);
                return;
        }
        if (tg_tdch_is_own_turn(self->drop->tdch))
                return; /* it waits for our user, or for our keyring */
        if (!has_claims(self) || tg_share_is_offline(self, self->relay))
                return;
        if (self->drop->got != NULL) {
                tg_drop_delete(self, on_deleted);
                return;
        }
        self->turn = tg_turns_ask(self->wallet->turns, tg_share_is_exchanging(self), on_turn, self);
        if (tg_turns_are_scarce(self->wallet->turns))
                g_clear_pointer(&self->context, tg_http_context_free);
}

/* ---- the first message ---- */

static void
on_claimed(const TgReply *reply, gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);
        g_autoptr(GError) error = NULL;

        self->dropping = NULL;
        switch (reply->kind) {
        case TG_REPLY_DONE:
                got(self, reply, TG_TDCH_IN_FORCE);
                return;
        case TG_REPLY_NOTHING_NEW:
                /* It was there before there was a link. */
                error = tg_error_new(TG_ERROR_ALREADY_USED,
                                     "there is nothing (any more) for this invitation: somebody "
                                     "has read it before, or it was taken back, or has run out; "
                                     "ask the sender to cancel it and to share anew");
                tg_share_ends(self, TG_EVENT_ALREADY_USED, TG_ENDED_RELAY, error);
                return;
        case TG_REPLY_GONE:
        case TG_REPLY_UNAUTHORIZED:
        case TG_REPLY_CHANGED:
        case TG_REPLY_REFUSED:
                tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_RELAY, reply->error);
                return;
        case TG_REPLY_LATER:
                tg_share_try_later(self, reply);
                return;
        }
}

void
tg_drop_claim(TgShare *self)
{
        if (!is_ready(self))
                return;
        if (self->drop->got != NULL)
                tg_drop_delete(self, on_deleted);
        else
                tg_drop_get(self, TG_TDCH_IN_FORCE, 0, on_claimed);
}
