/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A mailbox at a relay (draft-vinokurov-tigress-http-00) as the carrier of a share: it is created
 * with the first message, bound by the first read, and written to by both sides.
 */

#include "daemon/carrier-mailbox.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/clock.h"
#include "protocol/limits.h"
#include "protocol/mailbox.h"

#define NEUTRAL_TITLE "Shared credential"

static void
set_terms(const TgShare *self, TgExchangeTerms *terms)
{
        /* An initiator learns it from the relay. */
        terms->place = self->role == TG_ROLE_RECIPIENT ? self->mailbox_url : NULL;
}

/* ---- the first message ---- */

static TgSecret *
as_body(const char *text, GError **error)
{
        return tg_secret_new(text, strlen(text), error);
}

static TgSecret *
pack_first(TgShare *self, const char *payload, GError **error)
{
        g_autofree char *body = NULL;
        TgDisplay display = {
                .title = self->has_public_title ? self->title : (char *)NEUTRAL_TITLE,
                .description = self->has_public_title ? self->description : (char *)"",
                .image_url = self->has_public_title && self->image_url != NULL ? self->image_url
                                                                               : (char *)"",
        };

        body = tg_mailbox_format_create(payload,
                                        &display,
                                        TG_RIGHT_READ | TG_RIGHT_WRITE | TG_RIGHT_DELETE,
                                        self->expires_s);
        return as_body(body, error);
}

static void send_first(TgShare *self);

/* The same payload, asked to live as long by the relay's clock. */
static gboolean
correct_create(TgShare *self, const TgReply *reply, GError **error)
{
        g_autoptr(TgSecret) old = tg_store_load_body(self->wallet->store, self->id, error);
        g_auto(TgMailboxRequest) request = {};
        g_autoptr(TgSecret) body = NULL;
        g_autofree char *text = NULL;
        gsize n_bytes;
        const guint8 *octets;

        if (old == NULL)
                return FALSE;
        octets = tg_secret_get(old, &n_bytes);
        if (!tg_mailbox_parse_create(
                    (const char *)octets, n_bytes, &tg_mailbox_limits_default, &request, error))
                return FALSE;

        text = tg_mailbox_format_create(request.payload,
                                        &request.display,
                                        request.rights,
                                        self->expires_s + reply->clock_skew_s);
        body = as_body(text, error);
        if (body == NULL)
                return FALSE;
        g_free(self->request_id);
        self->request_id = tg_share_new_request_id();
        self->is_clock_corrected = TRUE;

        return tg_share_save(self, body, error);
}

gboolean
tg_mailbox_take_created(TgShare *self, const TgReply *reply, GError **error)
{
        g_auto(TgMailboxCreated) created = {};
        gsize n_bytes;
        const char *text = g_bytes_get_data(reply->body, &n_bytes);

        if (!tg_mailbox_parse_created(text, n_bytes, &created, error))
                return FALSE;
        g_free(self->mailbox_url);
        self->mailbox_url = tg_link_check_url_link(created.url_link, self->relay, FALSE, error);
        if (self->mailbox_url == NULL)
                return FALSE;

        if (!created.has_claim_proof && !self->is_compat && !tg_share_is_ended(self))
                g_message("share %.8s: its relay does not know claim proofs: whoever knows the "
                          "address can bind the mailbox",
                          self->id);
        if (!reply->is_repeat) {
                g_free(self->etag);
                self->etag = g_strdup(reply->etag);
        }
        return TRUE;
}

/* The address is known: with it the link, and what the exchange is bound to. */
static gboolean
invite(TgShare *self, const TgReply *reply, GError **error)
{
        if (!tg_mailbox_take_created(self, reply, error))
                return FALSE;
        g_clear_pointer(&self->invitation, tg_secret_unref);
        self->invitation = tg_link_format(
                self->mailbox_url, self->letter, tg_share_link_mode(self), self->key, error);
        if (self->invitation == NULL)
                return FALSE;

        self->undo = tg_exchange_save(self->exchange, error);
        if (self->undo == NULL || !tg_exchange_set_place(self->exchange, self->mailbox_url, error))
                return FALSE;
        tg_exchange_written(self->exchange);
        return TRUE;
}

/* Refused for good: there is no mailbox to be deleted. */
static void
not_created(TgShare *self, const TgReply *reply)
{
        g_clear_pointer(&self->request_id, g_free);
        tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_RELAY, reply->error);
}

static void
on_created(const TgReply *reply, gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);
        g_autoptr(TgSecret) nothing = tg_secret_new("", 0, NULL);
        g_autoptr(GError) error = NULL;

        self->asking = NULL;
        tg_share_note_clock(self, reply);
        switch (reply->kind) {
        case TG_REPLY_DONE:
                if (!invite(self, reply, &error) && tg_share_is_passing(error)) {
                        tg_share_go_back(self, error);
                        return;
                }
                if (error != NULL) {
                        /* Asking once more would bring the same answer. */
                        g_clear_pointer(&self->request_id, g_free);
                        tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_SELF, error);
                        return;
                }
                tg_share_came_through(self);
                g_clear_pointer(&self->request_id, g_free);
                tg_share_happens(self, TG_EVENT_UPLOADED, nothing);
                return;
        case TG_REPLY_REFUSED:
                if (llabs(reply->clock_skew_s) > TG_MAX_CLOCK_SKEW_S && !self->is_clock_corrected) {
                        if (correct_create(self, reply, &error))
                                send_first(self);
                        else
                                tg_share_go_back(self, error);
                        return;
                }
                not_created(self, reply);
                return;
        case TG_REPLY_UNAUTHORIZED:
        case TG_REPLY_GONE:
                not_created(self, reply);
                return;
        case TG_REPLY_NOTHING_NEW:
        case TG_REPLY_CHANGED:
        case TG_REPLY_LATER:
                tg_share_try_later(self, reply);
                return;
        }
}

static GBytes *
stored_body(TgShare *self, GError **error)
{
        g_autoptr(TgSecret) body = tg_store_load_body(self->wallet->store, self->id, error);
        gsize n_bytes;
        const guint8 *octets;

        if (body == NULL)
                return NULL;
        /* Ciphertext for the relay: no secret any more. */
        octets = tg_secret_get(body, &n_bytes);
        return g_bytes_new(octets, n_bytes);
}

static void
send_first(TgShare *self)
{
        g_autoptr(GBytes) body = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *verifier = NULL;

        body = stored_body(self, &error);
        if (body == NULL) {
                tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_SELF, error);
                return;
        }
        verifier = self->is_compat ? NULL : tg_share_proof(self, TRUE);

        TgAsk ask = {
                .kind = TG_ASK_CREATE,
                .target = self->relay,
                .claim = tg_share_claim_text(self),
                .request_id = self->request_id,
                .proof = verifier,
                .body = body,
        };
        self->asking = tg_transport_ask(tg_share_context(self), &ask, on_created, self);
}

/* ---- reading ---- */

void
tg_mailbox_ask_to_read(TgShare *self, guint hold_s, const char *proof, TgReplyFunc func)
{
        TgAsk ask = {
                .kind = TG_ASK_READ,
                .target = self->mailbox_url,
                .claim = tg_share_claim_text(self),
                .etag = self->etag,
                .proof = proof,
                .wait_s = self->etag != NULL ? hold_s : 0,
        };

        self->held_s = ask.wait_s;
        self->asked_at_us = g_get_monotonic_time();
        self->asking = tg_transport_ask(tg_share_context(self), &ask, func, self);
}

static void
on_claimed(const TgReply *reply, gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);
        g_autoptr(GError) error = NULL;

        self->asking = NULL;
        tg_share_note_clock(self, reply);
        switch (reply->kind) {
        case TG_REPLY_DONE:
                tg_mailbox_take_content(self, reply);
                return;
        case TG_REPLY_UNAUTHORIZED:
                error = tg_error_new(TG_ERROR_ALREADY_USED,
                                     "this invitation was already used on another device; ask the "
                                     "sender to cancel it");
                tg_share_ends(self, TG_EVENT_ALREADY_USED, TG_ENDED_RELAY, error);
                return;
        case TG_REPLY_GONE:
                error = tg_error_new(TG_ERROR_EXPIRED,
                                     "the relay knows no such invitation (any more): ask the "
                                     "sender for a new one");
                tg_share_ends(self, TG_EVENT_NO_MAILBOX, TG_ENDED_RELAY, error);
                return;
        case TG_REPLY_REFUSED:
                tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_RELAY, reply->error);
                return;
        case TG_REPLY_NOTHING_NEW:
        case TG_REPLY_CHANGED:
        case TG_REPLY_LATER:
                tg_share_try_later(self, reply);
                return;
        }
}

static gboolean
prepare_claim(TgShare *self, GError **error)
{
        return tg_share_begin_exchange(self, NULL, error);
}

static void
claim(TgShare *self)
{
        g_autofree char *proof = tg_share_proof(self, FALSE);

        tg_mailbox_ask_to_read(self, 0, proof, on_claimed);
}

/* ---- writing: the octets that the exchange keeps go out under an id that was stored with them,
 * and again, the same ones, until they are there ---- */

static void
on_written(const TgReply *reply, gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);

        self->asking = NULL;
        switch (reply->kind) {
        case TG_REPLY_DONE:
                tg_share_is_well(self);
                self->n_failures = 0;
                self->is_write_doubtful = FALSE;
                /* Not saved: after a crash the same octets go out under the same id, and are
                 * answered without being written twice. */
                tg_exchange_written(self->exchange);
                g_free(self->etag);
                self->etag = g_strdup(reply->etag);
                tg_mailbox_watch(self);
                return;
        case TG_REPLY_CHANGED:
                /* Somebody wrote in between: perhaps an answer to these very octets, perhaps we
                 * ourselves in another life. What is there is read; if it is no news, they go
                 * out again. */
                self->is_write_doubtful = TRUE;
                g_clear_pointer(&self->etag, g_free);
                g_free(self->request_id);
                self->request_id = tg_share_new_request_id();
                tg_mailbox_watch(self);
                return;
        case TG_REPLY_GONE:
        case TG_REPLY_UNAUTHORIZED:
                tg_mailbox_gone(self, reply);
                return;
        case TG_REPLY_REFUSED:
                tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_RELAY, reply->error);
                return;
        case TG_REPLY_NOTHING_NEW:
        case TG_REPLY_LATER:
                self->is_write_doubtful = TRUE;
                tg_share_try_later(self, reply);
                return;
        }
}

static void
write_pending(TgShare *self)
{
        g_auto(TgOutput) output = {0};
        g_autoptr(GBytes) body = NULL;
        char *text;

        tg_exchange_pending(self->exchange, &output);
        if (output.payload == NULL || self->mailbox_url == NULL || self->claim == NULL) {
                tg_mailbox_watch(self);
                return;
        }
        /* From the end in time on nothing is written, whatever the alarm does. */
        tg_share_check_time(self, tg_clock_now_s());
        if (tg_share_is_ended(self) || tg_share_is_offline(self, self->mailbox_url))
                return;
        if (self->request_id == NULL)
                self->request_id = tg_share_new_request_id();

        text = tg_mailbox_format_update(output.payload);
        body = g_bytes_new_take(text, strlen(text));
        TgAsk ask = {
                .kind = TG_ASK_WRITE,
                .target = self->mailbox_url,
                .claim = tg_share_claim_text(self),
                .request_id = self->request_id,
                .etag = self->etag,
                .body = body,
        };
        self->asking = tg_transport_ask(tg_share_context(self), &ask, on_written, self);
}

const TgCarrier tg_carrier_mailbox = {
        .transport = "mailbox",
        .can_let_go = TRUE,
        .set_terms = set_terms,
        .pack_first = pack_first,
        .send_first = send_first,
        .prepare_claim = prepare_claim,
        .claim = claim,
        .write = write_pending,
        .watch = tg_mailbox_watch,
        .plan_errand = tg_mailbox_plan_errand,
        .run_errand = tg_mailbox_run_errand,
};
