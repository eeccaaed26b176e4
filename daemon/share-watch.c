/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reading the mailbox, on both sides: what is there is judged by the thread's rules, and each
 * outcome is one event; the table decides.
 */

#include "daemon/clock.h"
#include "daemon/share-private.h"
#include "protocol/limits.h"
#include "protocol/mailbox.h"
#include "protocol/text.h"

static void
end_of_peer(TgShare *self, const TgEnvelope *envelope)
{
        g_autofree char *reason = NULL;
        g_autoptr(GError) error = NULL;
        TgOutcome outcome;

        tg_end_parse(&envelope->content, &outcome, &reason);
        switch (outcome) {
        case TG_OUTCOME_COMPLETED:
                tg_share_set_failure(self, NULL);
                tg_share_ends(self, TG_EVENT_PEER_COMPLETED, TG_ENDED_PEER, NULL);
                return;
        case TG_OUTCOME_DECLINED:
                error = tg_error_new(TG_ERROR_DECLINED,
                                     reason != NULL && reason[0] != '\0'
                                             ? "the recipient declined: %s"
                                             : "the recipient declined%s",
                                     reason != NULL ? reason : "");
                tg_share_ends(self, TG_EVENT_PEER_DECLINED, TG_ENDED_PEER, error);
                return;
        case TG_OUTCOME_FAILED:
                error = tg_error_new(TG_ERROR_FAILED,
                                     reason != NULL && reason[0] != '\0'
                                             ? "the recipient could not take it: %s"
                                             : "the recipient could not take it%s",
                                     reason != NULL ? reason : "");
                tg_share_ends(self, TG_EVENT_PEER_FAILED, TG_ENDED_PEER, error);
                return;
        }
}

/* Nothing that counts as news: the relay is asked less and less often, whatever its
 * entity tags say. */
static void
ignored(TgShare *self, const GError *error)
{
        self->n_ignored++;
        if (error != NULL) {
                g_debug("share %.8s: payload ignored: %s", self->id, error->message);
                if (self->n_ignored == TG_IGNORED_PAYLOADS_WARNING)
                        g_warning("share %.8s: %u payloads in a row had to be ignored: somebody "
                                  "interferes with its mailbox",
                                  self->id,
                                  self->n_ignored);
        }
        tg_share_later(self, -1);
}

/* Not judged for a reason of our own: as if it had not been read. */
static void
read_again(TgShare *self, GBytes *thread)
{
        gsize n_bytes;
        const guint8 *bytes = g_bytes_get_data(thread, &n_bytes);

        g_clear_pointer(&self->thread, tg_thread_free);
        self->thread = tg_thread_load(bytes, n_bytes, NULL);
        g_clear_pointer(&self->etag, g_free);
        tg_share_later(self, -1);
}

static void
accepted(TgShare *self, const TgEnvelope *envelope, GBytes *thread_before)
{
        self->n_ignored = 0;
        if (self->role == TG_ROLE_RECIPIENT) {
                if (!tg_share_arrived(self, envelope))
                        read_again(self, thread_before);
        } else if (g_str_equal(envelope->format, TG_END_FORMAT)) {
                end_of_peer(self, envelope);
        } else {
                ignored(self, NULL);
        }
}

static void
judge(TgShare *self, const TgJson *payload, gboolean is_first_tag)
{
        g_autoptr(TgEnvelope) envelope = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) before = tg_thread_save(self->thread);
        TgReading reading = tg_thread_read(self->thread, self->key, payload, &envelope, &error);

        switch (reading) {
        case TG_READ_NONE:
                /* Our own message with a tag to wait by: now the answer can be held. */
                if (is_first_tag && self->n_failures == 0) {
                        self->n_failures = 1;
                        tg_share_watch(self);
                        return;
                }
                ignored(self, NULL);
                return;
        case TG_READ_REFUSED:
                if (tg_error_code(error) == TG_ERROR_LIMIT_REACHED) {
                        tg_share_set_failure(self, error);
                        read_again(self, before);
                        return;
                }
                if (self->state == TG_STATE_CLAIMING)
                        tg_share_happens(self, TG_EVENT_CLAIMED, NULL);
                if (!tg_share_is_ended(self) && self->asking == NULL && self->turn == NULL)
                        ignored(self, error);
                return;
        case TG_READ_LEGACY:
                self->mode = "plain";
                break;
        case TG_READ_OK:
        case TG_READ_OVERTAKEN:
                break;
        }
        accepted(self, envelope, before);
}

static void
take_relay_display(TgShare *self, const TgDisplay *display)
{
        g_autofree char *title = NULL;

        if (self->is_title_verified)
                return;
        title = tg_text_clean(display->title, -1, TG_MAX_TITLE_BYTES);
        if (title[0] != '\0') {
                g_free(self->title);
                self->title = g_steal_pointer(&title);
        }
        g_free(self->description);
        self->description = tg_text_clean(display->description, -1, TG_MAX_DESCRIPTION_BYTES);
        tg_share_tell(self, TG_SHARE_TITLE);
}

void
tg_share_take_content(TgShare *self, const TgReply *reply)
{
        g_auto(TgMailboxContent) content = {};
        g_autoptr(GError) error = NULL;
        gboolean is_first_tag = self->etag == NULL && reply->etag != NULL;
        gsize n_bytes;
        const char *text = g_bytes_get_data(reply->body, &n_bytes);

        if (!tg_mailbox_parse_content(text, n_bytes, &content, &error)) {
                tg_share_set_failure(self, error);
                ignored(self, error);
                return;
        }

        g_free(self->etag);
        self->etag = g_strdup(reply->etag);
        tg_share_note_expiration(self, content.expiration_s, reply->clock_skew_s);
        if (self->role == TG_ROLE_RECIPIENT) {
                self->is_bound = TRUE;
                take_relay_display(self, &content.display);
        }
        tg_share_set_failure(self, NULL);
        judge(self, &content.payload, is_first_tag);
        /* An end that the relay has put into the past is not waited for. */
        tg_share_check_time(self, tg_clock_now_s());
}

/* The relay's clock may be a little ahead of ours: then its word comes before our time. */
static gboolean
is_about_time(const TgShare *self, const char *word)
{
        gint64 left_s = self->expires_s - tg_clock_now_s();

        if (self->expires_s == 0 || g_str_equal(word, "completed") ||
            g_str_equal(word, "cancelled"))
                return FALSE;
        return left_s <= (g_str_equal(word, "expired") ? TG_MAX_CLOCK_SKEW_S : TG_CLOCK_SLACK_S);
}

static void
gone(TgShare *self, const TgReply *reply)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *word = tg_text_clean(reply->word, -1, TG_MAX_TITLE_BYTES);
        gboolean is_told = g_str_equal(word, "completed") || g_str_equal(word, "cancelled") ||
                           g_str_equal(word, "expired");

        if (reply->kind == TG_REPLY_GONE && is_about_time(self, word)) {
                tg_share_time_is_up(self);
                return;
        }
        if (self->role == TG_ROLE_INITIATOR) {
                tg_share_set_failure(self, NULL);
                tg_share_ends(self, TG_EVENT_GONE, TG_ENDED_RELAY, NULL);
                return;
        }
        error = tg_error_new(TG_ERROR_CANCELLED,
                             is_told ? "the relay says that the invitation is gone (%s)"
                                     : "the relay says that the invitation is gone%s",
                             is_told ? word : "");
        tg_share_ends(self, TG_EVENT_GONE, TG_ENDED_RELAY, error);
}

static void
on_watched(const TgReply *reply, gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);
        gint64 took_us = g_get_monotonic_time() - self->asked_at_us;

        self->asking = NULL;
        g_clear_pointer(&self->turn, tg_turn_end);
        if (tg_turns_are_scarce(self->wallet->turns))
                g_clear_pointer(&self->context, tg_http_context_free);

        switch (reply->kind) {
        case TG_REPLY_DONE:
                tg_share_take_content(self, reply);
                return;
        case TG_REPLY_NOTHING_NEW:
                tg_share_set_failure(self, NULL);
                /* An answer that was really held costs nothing; one that comes too soon is
                 * a relay that would have us spin. */
                if (self->held_s > 0 &&
                    took_us >= MIN(self->held_s, TG_MIN_HELD_S) * G_USEC_PER_SEC) {
                        self->n_failures = 0;
                        tg_share_watch(self);
                } else {
                        tg_share_later(self, -1);
                }
                return;
        case TG_REPLY_GONE:
        case TG_REPLY_UNAUTHORIZED:
                gone(self, reply);
                return;
        case TG_REPLY_CHANGED:
        case TG_REPLY_REFUSED:
        case TG_REPLY_LATER:
                tg_share_try_later(self, reply);
                return;
        }
}

static void
on_turn(guint hold_s, gpointer user_data)
{
        tg_share_ask_to_read(user_data, MIN(hold_s, TG_MAX_WAIT_S), NULL, on_watched);
}

void
tg_share_watch(TgShare *self)
{
        if (self->thread == NULL || self->key == NULL || self->mailbox_url == NULL ||
            self->claim == NULL) {
                g_autoptr(GError) error =
                        tg_error_new(TG_ERROR_FAILED, "the stored share is incomplete");

                tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_SELF, error);
                return;
        }
        if (tg_share_is_offline(self, self->mailbox_url))
                return;
        self->turn = tg_turns_ask(self->wallet->turns, on_turn, self);
        /* An idle connection costs 50 KiB here, and something at the relay. */
        if (tg_turns_are_scarce(self->wallet->turns))
                g_clear_pointer(&self->context, tg_http_context_free);
}
