/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Plain HTTP (draft-rescorla-tigress-http-00) as the carrier of a share: one resource a message,
 * both sides take turns. What goes out is stored before, and goes out again until it is there.
 */

#include "daemon/carrier-drop.h"

#include <string.h>

#include "daemon/clock.h"
#include "protocol/limits.h"
#include "protocol/payload.h"

const TgCarrier *
tg_carrier_find(const char *transport)
{
        static const TgCarrier *const carriers[] = {&tg_carrier_mailbox, &tg_carrier_drop};

        for (gsize i = 0; i < G_N_ELEMENTS(carriers); i++)
                if (g_str_equal(carriers[i]->transport, transport))
                        return carriers[i];

        return NULL;
}

static void
set_terms(const TgShare *self, TgExchangeTerms *terms)
{
        terms->place = self->mailbox_url;
        terms->is_tight = TRUE;
        if (terms->mode == TG_MODE_T1)
                terms->secret = self->drop->seal;
}

/* ---- what travels ---- */

/* Of T2 what it has sealed, of T1 the object itself: here every message has a key of its own. */
static TgSecret *
message_of(const TgShare *self, const char *payload, GError **error)
{
        TgJson json;

        if (!tg_json_parse(payload, strlen(payload), TG_MAX_BODY_BYTES, &json, error))
                return NULL;
        if (tg_exchange_mode(self->exchange) == TG_MODE_T1)
                return tg_payload_open(self->drop->seal, &json, error);

        return tg_payload_octets(&json, error);
}

char *
tg_drop_payload_of(const TgShare *self, const TgSecret *message, GError **error)
{
        if (tg_exchange_mode(self->exchange) == TG_MODE_T1)
                return tg_payload_seal(self->drop->seal, NULL, message, error);

        return tg_payload_from_octets(message, error);
}

gboolean
tg_drop_pack(TgShare *self, const char *payload, GError **error)
{
        TgDropState *drop = self->drop;
        g_autoptr(TgSecret) message = message_of(self, payload, error);
        g_autoptr(GBytes) octets = NULL;
        char location[TG_TDCH_LOCATION_CHARS + 1];

        if (message == NULL)
                return FALSE;
        octets = tg_tdch_write(drop->tdch, message, NULL, location, error);
        if (octets == NULL)
                return FALSE;

        g_free(drop->put_url);
        drop->put_url = tg_tdch_url(self->mailbox_url, location);
        g_clear_pointer(&drop->put_octets, g_bytes_unref);
        drop->put_octets = g_steal_pointer(&octets);
        drop->is_put_fresh = TRUE;
        drop->n_looks = 0;

        return TRUE;
}

/* For how long it may lie there; 0: the server's own time. */
static guint
life_of(const TgShare *self)
{
        if (self->expires_s == 0)
                return 0;

        return (guint)CLAMP(self->expires_s - tg_clock_now_s(), TG_MIN_LIFE_S, TG_MAX_LIFE_S);
}

void
tg_drop_put(TgShare *self, TgReplyFunc func)
{
        TgDropAsk ask = {
                .kind = TG_DROP_PUT,
                .url = self->drop->put_url,
                .request_id = self->request_id,
                .octets = self->drop->put_octets,
                .life_s = life_of(self),
                .may_have_arrived = !self->drop->is_put_fresh,
        };

        self->drop->is_put_fresh = FALSE;
        self->dropping = tg_drop_ask(tg_share_context(self), &ask, func, self);
}

void
tg_drop_note_put(TgShare *self, const TgReply *reply)
{
        gboolean was_unguarded = self->drop->is_unguarded;

        g_clear_pointer(&self->drop->put_octets, g_bytes_unref);
        self->drop->is_unguarded |= !reply->is_guarded;
        if (self->drop->is_unguarded && !was_unguarded) {
                g_message("share %.8s: its server has no reader lock: whoever has the link can "
                          "read along without being noticed",
                          self->id);
                tg_share_tell(self, TG_SHARE_FAILURE);
        }
        self->n_failures = 0;
}

/* ---- the first message ---- */

static TgSecret *
pack_first(TgShare *self, const char *payload, GError **error)
{
        TgDropState *drop = self->drop;

        g_clear_pointer(&drop->tdch, tg_tdch_free);
        drop->tdch = tg_tdch_new(self->role, drop->suite, self->key, error);
        if (drop->tdch == NULL || !tg_drop_pack(self, payload, error) ||
            !tg_drop_draw_claims(self, error))
                return NULL;

        return tg_secret_new("", 0, error);
}

static void
on_first_put(const TgReply *reply, gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);
        g_autoptr(TgSecret) nothing = tg_secret_new("", 0, NULL);
        g_autoptr(GError) error = NULL;

        self->dropping = NULL;
        if (reply->kind == TG_REPLY_LATER) {
                tg_share_try_later(self, reply);
                return;
        }
        if (reply->kind != TG_REPLY_DONE) {
                tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_RELAY, reply->error);
                return;
        }

        g_clear_pointer(&self->invitation, tg_secret_unref);
        self->invitation =
                tg_link_format_tdch(self->mailbox_url, self->drop->suite, self->key, &error);
        if (self->invitation == NULL) {
                tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_SELF, error);
                return;
        }
        tg_share_came_through(self);
        tg_drop_note_put(self, reply);
        g_clear_pointer(&self->request_id, g_free);
        tg_exchange_written(self->exchange);
        tg_share_happens(self, TG_EVENT_UPLOADED, nothing);
}

static gboolean
is_whole(TgShare *self)
{
        g_autoptr(GError) error = NULL;

        if (self->drop != NULL && self->drop->tdch != NULL && self->mailbox_url != NULL)
                return TRUE;
        error = tg_error_new(TG_ERROR_FAILED, "the stored share is incomplete");
        tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_SELF, error);

        return FALSE;
}

static void
send_first(TgShare *self)
{
        if (is_whole(self))
                tg_drop_put(self, on_first_put);
}

/* ---- what follows ---- */

static void
on_put(const TgReply *reply, gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);

        self->dropping = NULL;
        switch (reply->kind) {
        case TG_REPLY_DONE:
                tg_share_is_well(self);
                /* Not saved: after a crash the same octets are looked for, and found or read. */
                tg_exchange_written(self->exchange);
                tg_drop_note_put(self, reply);
                tg_drop_watch(self);
                return;
        case TG_REPLY_CHANGED:
        case TG_REPLY_REFUSED:
        case TG_REPLY_GONE:
        case TG_REPLY_UNAUTHORIZED:
                tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_RELAY, reply->error);
                return;
        case TG_REPLY_NOTHING_NEW:
        case TG_REPLY_LATER:
                tg_share_try_later(self, reply);
                return;
        }
}

/* From ACCEPT on the messages lie where only the two can look for them; so the one who waits for
 * it looks there too. */
static gboolean
change_secret(TgShare *self, TgOutputKind kind, GError **error)
{
        return kind != TG_OUTPUT_CONFIRMED ||
               tg_tdch_rekey(self->drop->tdch, tg_exchange_exporter(self->exchange), error);
}

static gboolean
expect_change(TgShare *self, GError **error)
{
        const TgSecret *exporter = tg_exchange_exporter(self->exchange);

        return self->role == TG_ROLE_INITIATOR || exporter == NULL ||
               tg_exchange_is_confirmed(self->exchange) ||
               tg_tdch_expect_rekey(self->drop->tdch, exporter, error);
}

static gboolean
pack_pending(TgShare *self, const TgOutput *output, GError **error)
{
        self->drop_undo = tg_drop_state_save(self->drop, error);
        if (self->drop_undo == NULL)
                return FALSE;
        if (self->request_id == NULL)
                self->request_id = tg_share_new_request_id();
        if (change_secret(self, output->kind, error) &&
            tg_drop_pack(self, output->payload, error) && expect_change(self, error) &&
            tg_drop_draw_claims(self, error) && tg_share_save(self, NULL, error)) {
                tg_share_settle(self);
                return TRUE;
        }
        tg_share_undo(self);

        return FALSE;
}

static void
not_packed(TgShare *self, const GError *error)
{
        g_warning("share %.8s: %s", self->id, error->message);
        if (g_error_matches(error, TG_ERROR, TG_ERROR_BAD_STATE)) {
                tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_SELF, error);
                return;
        }
        tg_share_set_failure(self, error);
        tg_share_later(self, -1);
}

static void
write_pending(TgShare *self)
{
        g_auto(TgOutput) output = {0};
        g_autoptr(GError) error = NULL;

        if (!is_whole(self))
                return;
        tg_exchange_pending(self->exchange, &output);
        if (self->drop->put_octets == NULL &&
            (output.payload == NULL || !tg_tdch_is_own_turn(self->drop->tdch))) {
                tg_drop_watch(self);
                return;
        }
        /* From the end in time on nothing is written, whatever the alarm does. */
        tg_share_check_time(self, tg_clock_now_s());
        if (tg_share_is_ended(self) || tg_share_is_offline(self, self->relay))
                return;
        if (self->drop->put_octets == NULL && !pack_pending(self, &output, &error)) {
                not_packed(self, error);
                return;
        }
        tg_drop_put(self, on_put);
}

const TgCarrier tg_carrier_drop = {
        .transport = "tdch",
        .is_read_once = TRUE,
        .set_terms = set_terms,
        .pack_first = pack_first,
        .send_first = send_first,
        .prepare_claim = tg_drop_prepare_claim,
        .claim = tg_drop_claim,
        .write = write_pending,
        .watch = tg_drop_watch,
        .plan_errand = tg_drop_plan_errand,
        .run_errand = tg_drop_run_errand,
};
