/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The initiator's first message: the content is fetched where need be, sealed, and stored.
 */

#include <string.h>

#include "daemon/attributes.h"
#include "daemon/clock.h"
#include "daemon/share-private.h"
#include "protocol/crypto.h"
#include "protocol/limits.h"
#include "protocol/pin.h"
#include "protocol/text.h"

#define KEY_BYTES 32

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
        g_autofree char *limits = tg_bounds_write(&self->bounds);
        g_auto(TgOutput) output = {0};
        TgHeader header = {
                .present = TRUE,
                .reads_end = TRUE,
                .title = self->title,
                .description = self->description,
                .image_url = self->image_url != NULL ? self->image_url : (char *)"",
                .limits = limits,
        };

        TgInput input = {
                .kind = TG_INPUT_BEGIN,
                .format = self->format,
                .content = self->first_message,
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

TgSecret *
tg_share_make_first(TgShare *self, GError **error)
{
        g_autofree char *payload = NULL;

        if (!tg_share_begin_vertical(self, error) || !draw_secrets(self, error))
                return NULL;
        payload = seal_first_message(self, error);
        if (payload == NULL)
                return NULL;

        self->expires_s = tg_clock_now_s() + self->life_s;
        self->request_id = tg_share_new_request_id();
        return self->carrier->pack_first(self, payload, error);
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
        g_autoptr(GError) failure = NULL;

        g_clear_pointer(&self->item_attributes, g_variant_unref);
        if (error == NULL)
                self->item_attributes = tg_attributes_pick(tg_keyring_job_attributes(self->job),
                                                           (const char *const *)self->travel,
                                                           &failure);
        self->job = NULL;
        if (g_error_matches(error, TG_ERROR, TG_ERROR_KEYRING_UNAVAILABLE)) {
                tg_share_set_waiting(self, TRUE);
                /* Its collection need not be the one whose unlocking we hear of. */
                tg_share_later(self, -1);
                return;
        }
        if (error != NULL || failure != NULL) {
                tg_share_ends(
                        self, TG_EVENT_BROKEN, TG_ENDED_SELF, error != NULL ? error : failure);
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

/* A shortage passes: the step comes again, with what was stored when the user said yes. */
static void
begin_slowly(TgShare *self)
{
        g_autoptr(GError) error = NULL;

        if (self->step != NULL)
                return;
        if (self->terms == NULL && self->content == NULL)
                self->content = tg_store_load_body(self->wallet->store, self->id, &error);
        if (error != NULL || (!tg_share_begin_vertical(self, &error) && error != NULL))
                tg_share_not_done(self, error);
}

void
tg_share_create(TgShare *self)
{
        if (tg_share_needs_vault(self))
                return;
        if (self->request_id == NULL && self->first_message == NULL && tg_share_is_slow(self)) {
                begin_slowly(self);
                return;
        }
        if (self->request_id == NULL && self->terms == NULL && self->content == NULL) {
                fetch_item(self);
                return;
        }
        if (self->request_id == NULL && !tg_share_prepare_now(self))
                return;
        g_clear_pointer(&self->content, tg_secret_unref);
        g_clear_pointer(&self->first_message, tg_secret_unref);
        if (tg_share_is_offline(self, self->relay))
                return;
        self->carrier->send_first(self);
}
