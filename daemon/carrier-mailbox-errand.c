/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a mailbox is still told after an end: the end message, the deletion, the
 * letting go.
 */

#include <string.h>

#include "daemon/carrier-mailbox.h"
#include "protocol/limits.h"
#include "protocol/mailbox.h"
#include "protocol/payload.h"

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

static TgSecret *
prepare_message(TgShare *self)
{
        g_autoptr(GError) error = NULL;
        TgSecret *message;

        self->has_message = FALSE;
        self->errand = TG_ERRAND_NONE;
        if (self->mailbox_url == NULL || self->key == NULL)
                return NULL;

        /* Not bound, or nothing read yet that could be opened: first that. */
        self->errand = TG_ERRAND_SAY;
        /* But who could not even claim does not claim only to say so. */
        if (!self->is_bound && self->outcome == TG_OUTCOME_FAILED)
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

TgSecret *
tg_mailbox_plan_errand(TgShare *self, TgAction action, const char *reason)
{
        if (action == TG_ACTION_DELETE && self->mailbox_url == NULL) {
                /* A create request that may have gone out: its id finds the mailbox. */
                self->errand = self->request_id != NULL ? TG_ERRAND_FIND : TG_ERRAND_NONE;
                return NULL;
        }
        g_clear_pointer(&self->request_id, g_free);
        self->request_id = tg_share_new_request_id();

        switch (action) {
        case TG_ACTION_DELETE:
                self->errand = TG_ERRAND_DELETE;
                return NULL;
        case TG_ACTION_LET_GO:
                self->errand = TG_ERRAND_LET_GO;
                return NULL;
        case TG_ACTION_SAY_COMPLETED:
        case TG_ACTION_SAY_DECLINED:
        case TG_ACTION_SAY_FAILED:
                tg_share_note_end(self, action, reason);
                return prepare_message(self);
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
        return NULL;
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
                        tg_share_errand_later(self, reply);
                else
                        tg_share_errand_done(self);
                return;
        case TG_REPLY_LATER:
                tg_share_errand_later(self, reply);
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
        if (tg_share_errand_keep(self, NULL))
                ask(self, TG_ASK_DELETE, NULL, on_done);
}

static void
on_found(const TgReply *reply, gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);

        self->asking = NULL;
        if (reply->kind == TG_REPLY_DONE && tg_mailbox_take_created(self, reply, NULL))
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
                return tg_share_errand_keep(self, message);

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
        if (message != NULL ? keep_message(self, message) : tg_share_errand_keep(self, NULL))
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

        message = prepare_message(self);
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
               tg_share_begin_exchange(self, NULL, NULL) && tg_share_errand_keep(self, NULL);
}

void
tg_mailbox_run_errand(TgShare *self)
{
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
