/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What is still to be sent after an end: the end message, the deletion, the
 * letting go. Each is repeated, the same octets under the same id, until it is done
 * or the mailbox is past its time; restarts do not end it.
 */

#include <string.h>

#include "daemon/clock.h"
#include "daemon/share-private.h"
#include "protocol/limits.h"
#include "protocol/mailbox.h"
#include "protocol/payload.h"

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
        tg_share_drop_pending(self);
        tg_share_forget_secrets(self);
        g_clear_pointer(&self->claim, tg_secret_unref);
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
static gboolean
keep(TgShare *self, TgSecret *body)
{
        g_autoptr(GError) error = NULL;

        /* Without the key nothing is stored: then it is tried as long as we live. */
        if (!tg_store_has_key(self->wallet->store) || tg_share_save(self, body, &error))
                return TRUE;
        g_warning("share %.8s: %s", self->id, error->message);
        tg_share_later(self, -1);
        return FALSE;
}

/* The update request with the end message, as it must be said now. */
static TgSecret *
make_message(TgShare *self, GError **error)
{
        g_autofree char *content = tg_end_content(self->outcome, self->reason);
        g_autoptr(TgSecret) secret = tg_secret_new(content, strlen(content), error);
        g_autofree char *body = NULL;
        g_auto(TgOutput) output = {0};
        TgInput input = {.kind = TG_INPUT_SAY, .format = TG_END_FORMAT, .content = secret};

        if (secret == NULL || !tg_exchange_dispatch(self->exchange, &input, &output, error))
                return NULL;
        body = tg_mailbox_format_update(output.payload);
        return tg_secret_new(body, strlen(body), error);
}

gboolean
tg_share_may_say_again(const TgShare *self)
{
        return self->errand == TG_ERRAND_SAY && self->has_message && self->exchange != NULL &&
               self->outcome != TG_OUTCOME_COMPLETED &&
               tg_exchange_mode(self->exchange) != TG_MODE_T1;
}

TgSecret *
tg_share_prepare_message(TgShare *self, TgOutcome outcome, const char *reason)
{
        g_autoptr(GError) error = NULL;
        TgSecret *message;

        self->outcome = outcome;
        if (reason != self->reason) {
                g_free(self->reason);
                self->reason = g_strdup(reason);
        }
        self->has_message = FALSE;
        self->errand = TG_ERRAND_NONE;
        if (self->mailbox_url == NULL || self->key == NULL)
                return NULL;

        /* Not bound, or nothing read yet that could be opened: first that. */
        self->errand = TG_ERRAND_SAY;
        /* But who could not even claim does not claim only to say so. */
        if (!self->is_bound && outcome == TG_OUTCOME_FAILED)
                self->errand = TG_ERRAND_NONE;
        if (!self->is_bound || self->exchange == NULL || tg_exchange_count(self->exchange) == 0)
                return NULL;

        if (!tg_exchange_peer_reads_end(self->exchange)) {
                self->errand = TG_ERRAND_DELETE;
                return NULL;
        }

        message = make_message(self, &error);
        if (message == NULL) {
                g_warning("share %.8s: cannot write the end message: %s", self->id, error->message);
                self->errand = TG_ERRAND_DELETE;
                return NULL;
        }

        self->has_message = TRUE;
        return message;
}

static void
try_again(TgShare *self, const TgReply *reply)
{
        if (tg_clock_now_s() >= tg_share_errand_deadline_s(self))
                tg_share_errand_done(self);
        else
                tg_share_later(self, reply->retry_after_s);
}

static void
on_done(const TgReply *reply, gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);

        self->asking = NULL;
        switch (reply->kind) {
        case TG_REPLY_DONE:
        case TG_REPLY_GONE:
        case TG_REPLY_UNAUTHORIZED: /* a repeated letting-go; or there is nothing we may do */
                tg_share_errand_done(self);
                return;
        case TG_REPLY_NOTHING_NEW:
        case TG_REPLY_CHANGED:
        case TG_REPLY_REFUSED:
                /* A refusal of a deletion may pass (a guard in front of the relay), and a
                 * mailbox that is there can still be opened. */
                if (self->errand == TG_ERRAND_DELETE)
                        try_again(self, reply);
                else
                        tg_share_errand_done(self);
                return;
        case TG_REPLY_LATER:
                try_again(self, reply);
                return;
        }
}

static void
ask(TgShare *self, TgAskKind kind, GBytes *body, TgReplyFunc func)
{
        TgAsk question = {
                .kind = kind,
                .target = kind == TG_ASK_CREATE ? self->relay : self->mailbox_url,
                .claim = (const char *)tg_secret_get(self->claim, NULL),
                .request_id = kind == TG_ASK_READ ? NULL : self->request_id,
                .etag = kind == TG_ASK_WRITE ? self->etag : NULL,
                .body = body,
        };

        self->asking = tg_transport_ask(tg_share_context(self), &question, func, self);
}

static void
turn_into_delete(TgShare *self)
{
        self->errand = TG_ERRAND_DELETE;
        g_free(self->request_id);
        self->request_id = tg_share_new_request_id();
        if (keep(self, NULL))
                ask(self, TG_ASK_DELETE, NULL, on_done);
}

static void
on_found(const TgReply *reply, gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);

        self->asking = NULL;
        if (reply->kind == TG_REPLY_DONE && tg_share_take_created(self, reply, NULL))
                turn_into_delete(self);
        else
                on_done(reply, user_data);
}

/* The create request may have reached the relay, its answer did not reach us. The same
 * id brings the answer again, whatever the request says: so it says nothing. If it is
 * the first to arrive it makes a mailbox of no content, which is deleted like the other. */
static void
find(TgShare *self)
{
        TgDisplay display = {
                .title = (char *)"", .description = (char *)"", .image_url = (char *)""};
        g_autoptr(TgSecret) key = tg_secret_new_random(32, NULL);
        g_autoptr(TgSecret) nothing = tg_secret_new("", 0, NULL);
        g_autoptr(GBytes) octets = NULL;
        g_autofree char *payload = NULL;
        char *body;

        payload = key != NULL ? tg_payload_seal(key, NULL, nothing, NULL) : NULL;
        if (payload == NULL) {
                tg_share_later(self, -1);
                return;
        }
        body = tg_mailbox_format_create(payload,
                                        &display,
                                        TG_RIGHT_READ | TG_RIGHT_WRITE | TG_RIGHT_DELETE,
                                        self->expires_s);
        octets = g_bytes_new_take(body, strlen(body));
        ask(self, TG_ASK_CREATE, octets, on_found);
}

/* Without the state key nothing can be saved: the message lives as long as we do. */
static gboolean
keep_message(TgShare *self, TgSecret *message)
{
        gsize n_bytes;
        const guint8 *bytes;

        if (tg_store_has_key(self->wallet->store))
                return keep(self, message);

        bytes = tg_secret_get(message, &n_bytes);
        g_clear_pointer(&self->unsaved_message, g_bytes_unref);
        self->unsaved_message = g_bytes_new(bytes, n_bytes);
        return TRUE;
}

/* What is there was written before our word could be, and its writer could not open that any
 * more. FALSE: nothing of the kind; the octets hold. */
static gboolean
must_say_again(TgShare *self, const TgReply *reply)
{
        g_auto(TgMailboxContent) content = {};
        g_auto(TgOutput) output = {0};
        TgInput input = {.kind = TG_INPUT_PAYLOAD, .payload = &content.payload};
        gsize n_bytes;
        const char *text = g_bytes_get_data(reply->body, &n_bytes);

        return tg_share_may_say_again(self) &&
               tg_mailbox_parse_content(text, n_bytes, &content, NULL) &&
               tg_exchange_dispatch(self->exchange, &input, &output, NULL) &&
               output.kind == TG_OUTPUT_SAY_AGAIN;
}

/* The slot was written to in between: where the message still holds, the same octets go
 * out under a new id with the tag that is there now. */
static void
on_read_again(const TgReply *reply, gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);
        g_autoptr(TgSecret) message = NULL;
        g_autoptr(GError) error = NULL;

        if (reply->kind != TG_REPLY_DONE) {
                on_done(reply, user_data);
                return;
        }

        self->asking = NULL;
        if (must_say_again(self, reply)) {
                message = make_message(self, &error);
                if (message == NULL) {
                        tg_share_go_back(self, error);
                        return;
                }
        }
        g_free(self->etag);
        self->etag = g_strdup(reply->etag);
        g_free(self->request_id);
        self->request_id = tg_share_new_request_id();
        if (message != NULL ? keep_message(self, message) : keep(self, NULL))
                tg_share_later(self, -1);
        else
                self->must_reload = message != NULL;
}

static void
on_said(const TgReply *reply, gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);

        self->asking = NULL;
        switch (reply->kind) {
        case TG_REPLY_CHANGED:
                ask(self, TG_ASK_READ, NULL, on_read_again);
                return;
        case TG_REPLY_UNAUTHORIZED: /* no right to write */
        case TG_REPLY_REFUSED:
                turn_into_delete(self);
                return;
        case TG_REPLY_DONE:
        case TG_REPLY_NOTHING_NEW:
        case TG_REPLY_GONE:
        case TG_REPLY_LATER:
                on_done(reply, user_data);
                return;
        }
}

static GBytes *
message_of(TgShare *self, GError **error)
{
        g_autoptr(TgSecret) body = NULL;
        gsize n_bytes;
        const guint8 *bytes;

        if (self->unsaved_message != NULL)
                return g_bytes_ref(self->unsaved_message);
        body = tg_store_load_body(self->wallet->store, self->id, error);
        if (body == NULL)
                return NULL;
        bytes = tg_secret_get(body, &n_bytes);
        return g_bytes_new(bytes, n_bytes);
}

static void
say(TgShare *self)
{
        g_autoptr(GBytes) octets = NULL;
        g_autoptr(GError) error = NULL;

        octets = message_of(self, &error);
        if (octets == NULL) {
                g_warning("share %.8s: %s", self->id, error->message);
                turn_into_delete(self);
                return;
        }
        ask(self, TG_ASK_WRITE, octets, on_said);
}

/* Declined before it was claimed: the sender's header tells how to say so. */
static void
on_claimed_to_say(const TgReply *reply, gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);
        g_auto(TgMailboxContent) content = {};
        g_auto(TgOutput) output = {0};
        g_autoptr(TgSecret) message = NULL;
        TgInput input = {.kind = TG_INPUT_PAYLOAD, .payload = &content.payload};
        const char *text;
        gsize n_bytes;

        if (reply->kind != TG_REPLY_DONE) {
                on_done(reply, user_data);
                return;
        }

        self->asking = NULL;
        text = g_bytes_get_data(reply->body, &n_bytes);
        self->is_bound = TRUE;
        g_free(self->etag);
        self->etag = g_strdup(reply->etag);
        if (!tg_mailbox_parse_content(text, n_bytes, &content, NULL) ||
            !tg_exchange_dispatch(self->exchange, &input, &output, NULL) ||
            output.kind == TG_OUTPUT_IGNORED) {
                turn_into_delete(self);
                return;
        }

        message = tg_share_prepare_message(self, self->outcome, self->reason);
        if (self->errand == TG_ERRAND_DELETE) {
                turn_into_delete(self);
        } else if (message == NULL) {
                tg_share_errand_done(self);
        } else if (keep_message(self, message)) {
                tg_share_forget_secrets(self);
                say(self);
        }
}

static void
claim_to_say(TgShare *self)
{
        g_autofree char *proof = tg_share_proof(self, FALSE);

        TgAsk question = {
                .kind = TG_ASK_READ,
                .target = self->mailbox_url,
                .claim = (const char *)tg_secret_get(self->claim, NULL),
                .proof = proof,
        };
        self->asking = tg_transport_ask(tg_share_context(self), &question, on_claimed_to_say, self);
}

static gboolean
draw_claim_to_say(TgShare *self)
{
        g_autofree char *claim = tg_share_new_request_id(); /* a UUID as good as any */

        if (self->claim != NULL && self->exchange != NULL)
                return TRUE;
        if (self->claim == NULL)
                self->claim = tg_secret_new(claim, strlen(claim), NULL);
        return self->claim != NULL && self->key != NULL &&
               tg_share_begin_exchange(self, NULL, NULL) && keep(self, NULL);
}

void
tg_share_run_errand(TgShare *self)
{
        if (self->asking != NULL || self->is_sealed || self->errand == TG_ERRAND_NONE)
                return;
        if ((self->mailbox_url == NULL && self->errand != TG_ERRAND_FIND) ||
            tg_clock_now_s() >= tg_share_errand_deadline_s(self)) {
                tg_share_errand_done(self);
                return;
        }
        if (!tg_network_reaches(self->wallet->network,
                                self->mailbox_url != NULL ? self->mailbox_url : self->relay))
                return;

        switch (self->errand) {
        case TG_ERRAND_NONE:
                return;
        case TG_ERRAND_SAY:
                if (self->has_message)
                        say(self);
                else if (draw_claim_to_say(self))
                        claim_to_say(self);
                return;
        case TG_ERRAND_FIND:
        case TG_ERRAND_DELETE:
        case TG_ERRAND_LET_GO:
                if (self->claim == NULL) {
                        tg_share_errand_done(self);
                        return;
                }
                if (self->errand == TG_ERRAND_FIND)
                        find(self);
                else
                        ask(self,
                            self->errand == TG_ERRAND_DELETE ? TG_ASK_DELETE : TG_ASK_LET_GO,
                            NULL,
                            on_done);
                return;
        }
}
