/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The initiator's first request: the content is sealed, stored, and put into a mailbox.
 */

#include <stdlib.h>
#include <string.h>

#include "daemon/clock.h"
#include "daemon/share-private.h"
#include "protocol/crypto.h"
#include "protocol/limits.h"
#include "protocol/mailbox.h"
#include "protocol/pin.h"
#include "protocol/text.h"

#define KEY_BYTES 32
#define NEUTRAL_TITLE "Shared credential"

/* For a T1 link; others are written in an alphabet that nobody mangles. */
static TgSecret *
draw_plain_key(GError **error)
{
        gsize n_chars = tg_base64_encoded_chars(TG_BASE64_STANDARD, KEY_BYTES);

        /* Redrawn until the text reads the same in both alphabets and has no '+', which
         * some programs turn into a space (costs 1.92 of 256 bits). */
        for (;;) {
                g_autoptr(TgSecret) key = tg_secret_new_random(KEY_BYTES, error);
                g_autoptr(TgSecret) text = NULL;
                guint8 *buffer;

                if (key == NULL)
                        return NULL;
                text = tg_secret_new_blank(n_chars, &buffer, error);
                if (text == NULL)
                        return NULL;
                tg_base64_encode_to(
                        TG_BASE64_STANDARD, tg_secret_get(key, NULL), KEY_BYTES, (char *)buffer);
                if (memchr(buffer, '+', n_chars) == NULL && memchr(buffer, '/', n_chars) == NULL)
                        return g_steal_pointer(&key);
        }
}

/* The first message: of T1 the credential, of T2 an offer, which holds nothing but the display; the
 * credential is kept sealed until the answer was right. */
static char *
seal_first_message(TgShare *self, GError **error)
{
        const TgVertical *vertical = tg_vertical_find(self->format);
        g_autoptr(TgSecret) content = NULL;
        g_auto(TgOutput) output = {0};
        TgHeader header = {
                .present = TRUE,
                .reads_end = TRUE,
                .title = self->title,
                .description = self->description,
                .image_url = self->image_url != NULL ? self->image_url : (char *)"",
        };

        content = vertical->encode(self->content, self->label, self->content_type, error);
        if (content == NULL)
                return NULL;

        TgInput input = {
                .kind = TG_INPUT_BEGIN,
                .format = self->format,
                .content = content,
                .header = &header,
        };
        if (!tg_exchange_dispatch(self->exchange, &input, &output, error))
                return NULL;
        return g_steal_pointer(&output.payload);
}

static gboolean
draw_secrets(TgShare *self, GError **error)
{
        g_autoptr(TgSecret) pin = NULL;

        g_clear_pointer(&self->key, tg_secret_unref);
        self->key = tg_share_exchange_mode(self) == TG_MODE_T1
                            ? draw_plain_key(error)
                            : tg_secret_new_random(KEY_BYTES, error);
        if (self->key == NULL)
                return FALSE;
        g_clear_pointer(&self->claim, tg_secret_unref);
        self->claim = tg_share_draw_claim(error);
        if (self->claim == NULL)
                return FALSE;
        if (tg_share_has_pin(self)) {
                pin = tg_pin_new(self->pin_digits, error);
                if (pin == NULL || !tg_share_note_names(self, error))
                        return FALSE;
        }
        return tg_share_begin_exchange(self, pin, error);
}

static TgSecret *
as_body(const char *text, GError **error)
{
        return tg_secret_new(text, strlen(text), error);
}

TgSecret *
tg_share_make_create(TgShare *self, GError **error)
{
        g_autofree char *payload = NULL;
        g_autofree char *body = NULL;
        TgDisplay display = {
                .title = self->has_public_title ? self->title : (char *)NEUTRAL_TITLE,
                .description = self->has_public_title ? self->description : (char *)"",
                .image_url = self->has_public_title && self->image_url != NULL ? self->image_url
                                                                               : (char *)"",
        };

        if (!draw_secrets(self, error))
                return NULL;
        payload = seal_first_message(self, error);
        if (payload == NULL)
                return NULL;

        self->expires_s = tg_clock_now_s() + self->life_s;
        self->request_id = tg_share_new_request_id();
        body = tg_mailbox_format_create(payload,
                                        &display,
                                        TG_RIGHT_READ | TG_RIGHT_WRITE | TG_RIGHT_DELETE,
                                        self->expires_s);
        return as_body(body, error);
}

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
tg_share_take_created(TgShare *self, const TgReply *reply, GError **error)
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
        if (!tg_share_take_created(self, reply, error))
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
                if (!invite(self, reply, &error)) {
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
                                tg_share_create(self);
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

static void
on_item(TgSecret *secret,
        const char *label,
        const char *content_type,
        const GError *error,
        gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);

        self->job = NULL;
        if (g_error_matches(error, TG_ERROR, TG_ERROR_KEYRING_UNAVAILABLE)) {
                tg_share_set_waiting(self, TRUE);
                /* Its collection need not be the one whose unlocking we hear of. */
                tg_share_later(self, -1);
                return;
        }
        if (error != NULL) {
                tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_SELF, error);
                return;
        }

        tg_share_set_waiting(self, FALSE);
        self->content = tg_secret_ref(secret);
        self->label = g_strdup(label);
        self->content_type = g_strdup(content_type);
        if (self->title[0] == '\0') {
                g_free(self->title);
                self->title = tg_text_clean(label, -1, TG_MAX_TITLE_BYTES);
                tg_share_tell(self, TG_SHARE_TITLE);
        }
        tg_share_create(self);
}

static void
fetch_item(TgShare *self)
{
        TgKeyring *keyring = self->wallet->keyring;
        g_autoptr(GError) error = NULL;

        if (self->item_path == NULL && self->attributes == NULL) {
                error = tg_error_new(TG_ERROR_FAILED, "the stored share is incomplete");
                tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_SELF, error);
                return;
        }
        self->job = self->item_path != NULL
                            ? tg_keyring_load_item(keyring, self->item_path, on_item, self)
                            : tg_keyring_find_item(keyring, self->attributes, on_item, self);
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

void
tg_share_create(TgShare *self)
{
        g_autoptr(GBytes) body = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *verifier = NULL;

        if (tg_share_needs_vault(self))
                return;
        if (self->request_id == NULL && self->content == NULL) {
                fetch_item(self);
                return;
        }
        if (self->request_id == NULL && !tg_share_prepare_now(self))
                return;
        g_clear_pointer(&self->content, tg_secret_unref);
        if (tg_share_is_offline(self, self->relay))
                return;

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
