/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/redis-view.h"

#include <string.h>

#include "protocol/digest.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "relay/push-endpoint.h"

#define VIEW(store) ((TgRedisView *)(store))

static const guint8 nobody[TG_TOLD_BYTES];

static gboolean
want(TgRedisView *self, TgRedisWant what, GError **error)
{
        self->want = what;
        tg_set_error(error, TG_ERROR_UNREACHABLE, "not loaded yet");

        return FALSE;
}

static gboolean
want_id(TgRedisView *self, TgRedisWant what, const guint8 *id, gsize n_bytes, GError **error)
{
        memcpy(self->id, id, n_bytes);
        self->is_loaded = FALSE;

        return want(self, what, error);
}

static gboolean
is_over(const TgRedisView *self, gint64 expires_s)
{
        return expires_s <= self->now_us / G_USEC_PER_SEC;
}

/* ---- mailboxes ---- */

static gboolean
view_load(TgStore *store,
          const guint8 id[TG_ID_BYTES],
          gboolean *ret_found,
          TgMailbox *ret_mailbox,
          GError **error)
{
        TgRedisView *self = VIEW(store);

        if (!self->is_loaded || memcmp(self->id, id, TG_ID_BYTES) != 0)
                return want_id(self, TG_WANT_MAILBOX, id, TG_ID_BYTES, error);
        *ret_found = self->is_found;
        if (self->is_found)
                *ret_mailbox = self->mailbox;

        return TRUE;
}

/* The id that is kept for this create, and whether its mailbox is there. If it is not, it is
 * still to be made: by this request or by its repetition, which ever comes first. If it has been
 * and is over, another takes its place. */
static gboolean
view_load_creation(TgStore *store,
                   const guint8 creation[TG_ID_BYTES],
                   gboolean is_to_be_made,
                   gboolean *ret_found,
                   TgMailbox *ret_mailbox,
                   GError **error)
{
        TgRedisView *self = VIEW(store);
        gboolean has_ended;

        memcpy(self->creation, creation, TG_ID_BYTES);
        self->is_looking = !is_to_be_made;
        *ret_found = FALSE;
        if (self->is_unknown && self->is_looking)
                return TRUE;
        if (!self->is_reserved) {
                tg_random_uuid(self->candidate);
                return want(self, TG_WANT_RESERVATION, error);
        }
        if (!self->is_loaded)
                return want(self, TG_WANT_MAILBOX, error);
        has_ended = self->is_found ? is_over(self, self->mailbox.expires_s) : self->has_end;
        if (has_ended && self->is_looking)
                return TRUE;
        if (has_ended) {
                self->is_reserved = FALSE;
                self->has_given_up = TRUE;
                tg_random_uuid(self->candidate);
                return want(self, TG_WANT_RESERVATION, error);
        }
        *ret_found = self->is_found;
        if (self->is_found)
                *ret_mailbox = self->mailbox;

        return TRUE;
}

static gboolean
view_load_content(TgStore *store, gboolean with_payload, TgContent *ret_content, GError **error)
{
        TgRedisView *self = VIEW(store);
        const TgContent *content = &self->content;

        if (!self->has_content || (with_payload && !content->payload)) {
                self->with_content = TRUE;
                self->with_payload = with_payload;
                self->is_loaded = FALSE;
                return want(self, TG_WANT_MAILBOX, error);
        }
        *ret_content = (TgContent){
                .payload = with_payload ? g_strdup(content->payload) : NULL,
                .display =
                        {
                                  .title = g_strdup(content->display.title),
                                  .description = g_strdup(content->display.description),
                                  .image_url = g_strdup(content->display.image_url),
                                  },
        };

        return TRUE;
}

static void
view_release(TgStore *store)
{
}

static void
view_draw_id(TgStore *store, guint8 ret_id[TG_ID_BYTES])
{
        memcpy(ret_id, VIEW(store)->id, TG_ID_BYTES);
}

/* It is spent for the id that is reserved: if the create is cut off before it has made its mailbox,
 * its repetition gets the same id, and finds that it has paid for it. The digest tells nobody else
 * which id that is, for the spender is not kept. */
static gboolean
view_spend(TgStore *store,
           const TgSpent *spent,
           const guint8 id[TG_ID_BYTES],
           gboolean *ret_is_first,
           GError **error)
{
        TgRedisView *self = VIEW(store);
        guint8 both[TG_DIGEST_BYTES + TG_ID_BYTES], digest[TG_SHA256_BYTES];

        if (!self->has_spent) {
                memcpy(both, spent->spender, TG_DIGEST_BYTES);
                memcpy(both + TG_DIGEST_BYTES, id, TG_ID_BYTES);
                tg_sha256(both, sizeof both, digest);
                memcpy(self->spender, digest, TG_ID_BYTES);
                memcpy(self->spent, spent->id, TG_DIGEST_BYTES);
                self->spent_until_s = spent->expires_s;
                return want(self, TG_WANT_SPENT, error);
        }
        *ret_is_first = self->is_first;

        return TRUE;
}

/* ---- changes of mailboxes ---- */

static void
note_change(TgRedisView *self, TgRedisChange change, const TgMailbox *mailbox)
{
        self->change = change;
        self->mailbox = *mailbox;
        memcpy(self->id, mailbox->id, TG_ID_BYTES);
}

static void
set_end(TgRedisView *self, const TgMailbox *mailbox, TgEnd word, gint64 at_s)
{
        self->has_end = TRUE;
        self->end.word = word;
        self->end.at_s = at_s;
        for (guint i = 0; i < TG_N_SIDES; i++)
                memcpy(self->end.claims[i], mailbox->parties[i].claim, TG_TOLD_BYTES);
}

static void
set_saved(TgRedisView *self, const TgMailbox *mailbox)
{
        note_change(self, TG_CHANGE_SAVE, mailbox);
        self->has_end = self->told_s > 0;
        if (self->has_end)
                set_end(self, mailbox, TG_END_NONE, mailbox->expires_s);
}

static gboolean
view_insert(TgStore *store,
            TgMailbox *mailbox,
            const TgDisplay *display,
            const char *payload,
            GError **error)
{
        TgRedisView *self = VIEW(store);

        set_saved(self, mailbox);
        self->display = *display;
        self->has_display = TRUE;
        self->payload = payload;

        return TRUE;
}

static gboolean
view_save(TgStore *store, const TgMailbox *mailbox, const char *payload, GError **error)
{
        TgRedisView *self = VIEW(store);

        set_saved(self, mailbox);
        if (payload)
                self->payload = payload;

        return TRUE;
}

static gboolean
view_save_token(
        TgStore *store, const TgMailbox *mailbox, TgSide side, const TgToken *token, GError **error)
{
        TgRedisView *self = VIEW(store);

        if (self->change == TG_CHANGE_NONE)
                set_saved(self, mailbox);
        self->tokens[side] = token;
        self->is_token_removed[side] = token == NULL;

        return TRUE;
}

static gboolean
view_load_token(
        TgStore *store, const TgMailbox *mailbox, TgSide side, TgToken *ret_token, GError **error)
{
        TgRedisView *self = VIEW(store);
        const TgToken *token = &self->loaded_tokens[side];

        if (!self->has_tokens) {
                self->with_tokens = TRUE;
                self->is_loaded = FALSE;
                return want(self, TG_WANT_MAILBOX, error);
        }
        *ret_token = (TgToken){g_strdup(token->type), g_strdup(token->data)};

        return TRUE;
}

static gboolean
view_forget_token(TgStore *store,
                  const guint8 id[TG_ID_BYTES],
                  TgSide side,
                  const TgToken *token,
                  GError **error)
{
        TgRedisView *self = VIEW(store);

        memcpy(self->id, id, TG_ID_BYTES);
        self->change = TG_CHANGE_FORGET;
        self->forgotten_side = side;
        self->tokens[side] = token;

        return TRUE;
}

static gboolean
view_end(TgStore *store,
         const TgMailbox *mailbox,
         TgEnd word,
         gint64 at_s,
         gboolean is_told,
         GError **error)
{
        TgRedisView *self = VIEW(store);

        note_change(self, TG_CHANGE_REMOVE, mailbox);
        self->has_end = is_told && self->told_s > 0;
        if (self->has_end)
                set_end(self, mailbox, word, at_s);

        return TRUE;
}

/* Of the mailbox that was looked for before: a claim's digest has its id in it. */
static gboolean
view_load_end(TgStore *store,
              const guint8 claim[TG_DIGEST_BYTES],
              gint64 since_s,
              TgEnd *ret_word,
              GError **error)
{
        TgRedisView *self = VIEW(store);
        const TgEndRecord *end = &self->end;
        gboolean is_bound = FALSE;
        TgEnd word = end->word;

        *ret_word = TG_END_NONE;
        if (!self->has_end || end->at_s <= since_s)
                return TRUE;
        for (guint i = 0; i < TG_N_SIDES; i++)
                is_bound |= memcmp(end->claims[i], nobody, TG_TOLD_BYTES) != 0 &&
                            tg_bytes_equal(end->claims[i], claim, TG_TOLD_BYTES);
        if (word == TG_END_NONE && is_over(self, end->at_s))
                word = TG_END_EXPIRED;
        if (is_bound)
                *ret_word = word;

        return TRUE;
}

/* ---- resources ---- */

static gboolean
need_resource(TgRedisView *self, const guint8 id[TG_RESOURCE_ID_BYTES], GError **error)
{
        if (self->is_loaded && memcmp(self->id, id, TG_RESOURCE_ID_BYTES) == 0)
                return TRUE;

        return want_id(self, TG_WANT_RESOURCE, id, TG_RESOURCE_ID_BYTES, error);
}

static gboolean
has_resource(const TgRedisView *self, gint64 now_s)
{
        return self->is_found && self->resource.expires_s > now_s;
}

static gboolean
view_put_resource(
        TgStore *store, const TgResource *resource, gint64 now_s, TgPut *ret_put, GError **error)
{
        TgRedisView *self = VIEW(store);
        const TgResourceState *state = &self->resource;

        if (!need_resource(self, resource->id, error))
                return FALSE;
        if (has_resource(self, now_s)) {
                gboolean is_same = state->has_request && resource->has_request &&
                                   tg_bytes_equal(state->request, resource->request, TG_UUID_BYTES);

                *ret_put = is_same ? TG_PUT_REPEATED : TG_PUT_TAKEN;
                return TRUE;
        }
        self->resource = (TgResourceState){
                .expires_s = resource->expires_s,
                .lock.is_required = resource->is_lock_required,
                .has_request = resource->has_request,
        };
        if (resource->has_request)
                memcpy(self->resource.request, resource->request, TG_UUID_BYTES);
        self->is_found = self->is_resource = TRUE;
        self->n_state = 0; /* one whose time is up counts as none */
        self->change = TG_CHANGE_SAVE;
        self->new_octets = resource->n_octets > 0 ? resource->octets : (const guint8 *)"";
        self->n_new_octets = resource->n_octets;
        *ret_put = TG_PUT_MADE;

        return TRUE;
}

static gboolean
view_get_resource(TgStore *store,
                  const guint8 id[TG_RESOURCE_ID_BYTES],
                  const guint8 *claim,
                  gint64 now_s,
                  TgGet *ret_get,
                  GBytes **ret_octets,
                  GError **error)
{
        TgRedisView *self = VIEW(store);
        TgLockAnswer answer;

        *ret_get = TG_GET_NOTHING;
        self->with_content = TRUE;
        if (!need_resource(self, id, error))
                return FALSE;
        if (!has_resource(self, now_s))
                return TRUE;
        answer = tg_resource_lock_ask(&self->resource.lock, claim);
        if (answer == TG_LOCK_REFUSES)
                return TRUE;
        if (!self->octets) /* its time was up by the clock that was shown to Redis */
                return want_id(self, TG_WANT_RESOURCE, id, TG_RESOURCE_ID_BYTES, error);
        if (answer == TG_LOCK_TAKES) {
                self->resource.lock.is_locked = TRUE;
                memcpy(self->resource.lock.reader, claim, TG_SHA256_BYTES);
                self->is_resource = TRUE;
                self->change = TG_CHANGE_SAVE;
        }
        *ret_get = TG_GET_FOUND;
        *ret_octets = g_bytes_ref(self->octets);

        return TRUE;
}

static gboolean
view_remove_resource(TgStore *store,
                     const guint8 id[TG_RESOURCE_ID_BYTES],
                     const guint8 *claim,
                     gint64 now_s,
                     gboolean *ret_is_removed,
                     GError **error)
{
        TgRedisView *self = VIEW(store);

        *ret_is_removed = FALSE;
        if (!need_resource(self, id, error))
                return FALSE;
        if (!has_resource(self, now_s) ||
            tg_resource_lock_ask(&self->resource.lock, claim) == TG_LOCK_REFUSES)
                return TRUE;
        self->is_resource = TRUE;
        self->is_found = FALSE;
        self->change = TG_CHANGE_REMOVE;
        *ret_is_removed = TRUE;

        return TRUE;
}

/* ---- */

/* Batches are the caller's, as the view's head says; Redis forgets by itself. */
static const TgStoreClass view_class = {
        .load = view_load,
        .load_creation = view_load_creation,
        .load_content = view_load_content,
        .release = view_release,
        .draw_id = view_draw_id,
        .spend = view_spend,
        .insert = view_insert,
        .save = view_save,
        .save_token = view_save_token,
        .load_token = view_load_token,
        .forget_token = view_forget_token,
        .end = view_end,
        .load_end = view_load_end,
        .put_resource = view_put_resource,
        .get_resource = view_get_resource,
        .remove_resource = view_remove_resource,
};

void
tg_redis_view_init(TgRedisView *self, guint database)
{
        *self = (TgRedisView){
                .base = {.class = &view_class, .is_writer = TRUE},
                .database = database,
        };
}

void
tg_redis_view_clear_tokens(TgRedisView *self)
{
        self->has_tokens = FALSE;
        for (guint i = 0; i < TG_N_SIDES; i++)
                tg_push_token_wipe(&self->loaded_tokens[i]);
}

void
tg_redis_view_clear(TgRedisView *self)
{
        TgRedisView anew = {
                .base = self->base,
                .database = self->database,
                .now_us = self->now_us,
                .told_s = self->told_s,
                .life_end_s = self->life_end_s,
                .with_content = self->with_content,
                .with_payload = self->with_payload,
                .with_tokens = self->with_tokens,
        };

        tg_content_clear(&self->content);
        tg_redis_view_clear_tokens(self);
        g_clear_pointer(&self->octets, g_bytes_unref);
        *self = anew;
}
