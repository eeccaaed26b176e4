/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What comes back to a view. */

#include <string.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "relay/push-endpoint.h"
#include "relay/redis-view.h"

static TgTaken
refuse(GError **error, const char *what)
{
        tg_set_error(error, TG_ERROR_UNREACHABLE, "%s", what);
        return TG_TAKEN_REFUSED;
}

static gboolean
is_nil(const TgReply *reply)
{
        return reply && tg_reply_get_kind(reply) == TG_REPLY_NIL;
}

static gboolean
take_content(TgRedisView *self, const TgReply *reply, guint n_fields)
{
        TgContent content = {
                .display =
                        {
                                  .title = tg_record_dup_text(tg_reply_get_child(reply, 2),
                                  TG_MAX_BODY_BYTES),
                                  .description = tg_record_dup_text(tg_reply_get_child(reply, 3),
                                  TG_MAX_BODY_BYTES),
                                  .image_url = tg_record_dup_text(tg_reply_get_child(reply, 4),
                                  TG_MAX_BODY_BYTES),
                                  },
        };

        if (n_fields > 3)
                content.payload = tg_record_dup_payload(tg_reply_get_child(reply, 5));
        tg_content_clear(&self->content);
        self->content = content;
        self->has_content = content.display.title && content.display.description &&
                            content.display.image_url && (n_fields <= 3 || content.payload);

        return self->has_content;
}

/* What makes no sense is none: nobody's mailbox ends because of it. */
static void
take_tokens(TgRedisView *self, const TgReply *reply, guint at)
{
        for (guint i = 0; i < TG_N_SIDES; i++) {
                TgToken *token = &self->loaded_tokens[i];

                token->type = tg_record_dup_text(tg_reply_get_child(reply, at + 2 * i),
                                                 TG_MAX_BODY_BYTES);
                token->data = tg_record_dup_text(tg_reply_get_child(reply, at + 2 * i + 1),
                                                 TG_MAX_BODY_BYTES);
                if (!token->type || !token->data)
                        tg_push_token_wipe(token);
        }
        self->has_tokens = TRUE;
}

static gboolean
take_octets(TgRedisView *self, const TgReply *reply)
{
        gsize n_octets;
        const guint8 *octets = tg_reply_get_bytes(reply, &n_octets);

        g_clear_pointer(&self->octets, g_bytes_unref);
        if (octets && n_octets <= TG_MAX_BODY_BYTES)
                self->octets = g_bytes_new(octets, n_octets);

        return self->octets != NULL;
}

/* What stays after the end, the state, and the fields that were asked for unless there is no
 * state or its time is up. */
static TgTaken
take_loaded(TgRedisView *self, const TgReply *reply, GError **error)
{
        gboolean is_resource = self->want == TG_WANT_RESOURCE, is_read;
        guint n_fields = !self->with_content ? 0 : is_resource ? 1 : self->with_payload ? 4 : 3;
        guint n_tokens = self->with_tokens && !is_resource ? 2 * TG_N_SIDES : 0;
        const TgReply *end = tg_reply_get_child(reply, 0), *state = tg_reply_get_child(reply, 1);
        const guint8 *bytes = tg_reply_get_bytes(state, &self->n_state);
        gsize n_children = tg_reply_count(reply);

        self->has_content = FALSE;
        self->is_found = bytes != NULL;
        self->has_end = !is_nil(end);
        tg_redis_view_clear_tokens(self);
        if ((n_children != 2 && n_children != 2 + n_fields + n_tokens) ||
            (!bytes && !is_nil(state)) || (self->has_end && !tg_end_record_read(end, &self->end)))
                return refuse(error, "the store holds what is no mailbox");
        if (self->is_found) {
                is_read = is_resource ? tg_resource_state_read(state, &self->resource)
                                      : tg_mailbox_state_read(state, &self->mailbox);
                if (!is_read)
                        return refuse(error, "the store holds what is no mailbox");
                memcpy(self->state, bytes, self->n_state);
                memcpy(self->mailbox.id, self->id, TG_ID_BYTES);
        }
        if (self->is_found && n_children > 2 && n_tokens > 0)
                take_tokens(self, reply, 2 + n_fields);
        if (self->is_found && n_children > 2 && n_fields > 0 &&
            !(is_resource ? take_octets(self, tg_reply_get_child(reply, 2))
                          : take_content(self, reply, n_fields)))
                return refuse(error, "the store holds a mailbox without its content");
        self->is_loaded = TRUE;
        self->want = TG_WANT_NOTHING;

        return TG_TAKEN_GO_ON;
}

static TgTaken
take_reservation(TgRedisView *self, const TgReply *reply, GError **error)
{
        gsize n_bytes;
        const guint8 *id = tg_reply_get_bytes(reply, &n_bytes);

        self->is_unknown = self->is_looking && id && n_bytes == 0;
        if (self->is_unknown) {
                self->want = TG_WANT_NOTHING;
                return TG_TAKEN_GO_ON;
        }
        if (!id || n_bytes != TG_ID_BYTES)
                return refuse(error, "the store holds what is no mailbox's id");
        memcpy(self->id, id, TG_ID_BYTES);
        self->is_reserved = TRUE;
        self->has_given_up = FALSE;
        self->want = TG_WANT_NOTHING;
        /* Nobody else has it, so there is nothing at it. */
        self->is_loaded = memcmp(id, self->candidate, TG_ID_BYTES) == 0;
        if (self->is_loaded) {
                self->is_found = self->has_end = FALSE;
                self->n_state = 0;
        }

        return TG_TAKEN_GO_ON;
}

/* Whether it is this create's, or whether the change was made. */
static TgTaken
take_answer(TgRedisView *self, const TgReply *reply, GError **error)
{
        gint64 answer =
                tg_reply_get_kind(reply) == TG_REPLY_INTEGER ? tg_reply_get_integer(reply) : -1;

        if (answer != 0 && answer != 1)
                return refuse(error, "the store answers what was not asked");
        if (self->want == TG_WANT_NOTHING)
                return answer == 1 ? TG_TAKEN_DONE : TG_TAKEN_LOST;
        self->has_spent = TRUE;
        self->is_first = answer == 1;
        self->want = TG_WANT_NOTHING;

        return TG_TAKEN_GO_ON;
}

TgTaken
tg_redis_view_take(TgRedisView *self, const TgReply *reply, GError **error)
{
        g_autofree char *code = tg_reply_dup_error_word(reply);
        gboolean was_text = self->is_text;

        self->is_text = FALSE;
        if (code && strcmp(code, "NOSCRIPT") == 0 && !was_text) {
                self->is_text = TRUE;
                return TG_TAKEN_UNKNOWN;
        }
        if (code) {
                tg_set_error(error, TG_ERROR_UNREACHABLE, "the store answers %s", code);
                return TG_TAKEN_REFUSED;
        }
        switch (self->want) {
        case TG_WANT_MAILBOX:
        case TG_WANT_RESOURCE:
                return take_loaded(self, reply, error);
        case TG_WANT_RESERVATION:
                return take_reservation(self, reply, error);
        case TG_WANT_SPENT:
        case TG_WANT_NOTHING:
                break;
        }

        return take_answer(self, reply, error);
}
