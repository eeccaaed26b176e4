/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reading the mailbox, on both sides: what the relay answers, and the waiting in between.
 */

#include "daemon/carrier-mailbox.h"
#include "daemon/clock.h"
#include "protocol/limits.h"
#include "protocol/mailbox.h"
#include "protocol/text.h"

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
tg_mailbox_take_content(TgShare *self, const TgReply *reply)
{
        g_auto(TgMailboxContent) content = {};
        g_autoptr(GError) error = NULL;
        gboolean is_first_tag = self->etag == NULL && reply->etag != NULL;
        gsize n_bytes;
        const char *text = g_bytes_get_data(reply->body, &n_bytes);

        if (!tg_mailbox_parse_content(text, n_bytes, &content, &error)) {
                tg_share_set_failure(self, error);
                tg_share_ignored(self, error);
                return;
        }

        g_free(self->etag);
        self->etag = g_strdup(reply->etag);
        tg_share_note_expiration(self, content.expiration_s, reply->clock_skew_s);
        if (self->role == TG_ROLE_RECIPIENT) {
                self->is_bound = TRUE;
                take_relay_display(self, &content.display);
        }
        tg_share_is_well(self);
        tg_share_judge(self, &content.payload, is_first_tag);
        /* An end that the relay has put into the past is not waited for. */
        tg_share_check_time(self, tg_clock_now_s());
}

/* Of what would renew a credential: that it is gone is taken for a revocation only where nothing
 * else can be the reason. An initiator whose clock is ahead deletes it when it is over for him. */
static gboolean
is_no_revocation(const TgShare *self, const char *word)
{
        if (g_str_equal(word, "expired"))
                return TRUE;
        if (self->expires_s == 0) /* not read once: only who has it can have deleted it in time */
                return !g_str_equal(word, "cancelled");
        return self->expires_s - tg_clock_now_s() <= TG_MAX_CLOCK_SKEW_S;
}

/* The relay's clock may be a little ahead of ours: then its word comes before our time. */
static gboolean
is_about_time(const TgShare *self, const char *word)
{
        gint64 left_s = self->expires_s - tg_clock_now_s();

        if (self->renews != NULL)
                return is_no_revocation(self, word);
        if (self->expires_s == 0 || g_str_equal(word, "completed") ||
            g_str_equal(word, "cancelled"))
                return FALSE;
        return left_s <= (g_str_equal(word, "expired") ? TG_MAX_CLOCK_SKEW_S : TG_CLOCK_SLACK_S);
}

/* Whether all that it takes to get the credential may have been in the mailbox. */
static gboolean
may_be_given(const TgShare *self)
{
        g_auto(TgOutput) output = {0};

        if (!tg_share_is_given(self))
                return FALSE;
        /* Made, but refused at the first time of asking: it never was there. */
        tg_exchange_pending(self->exchange, &output);
        return (output.kind != TG_OUTPUT_CONFIRMED && output.kind != TG_OUTPUT_WRITE) ||
               self->is_write_doubtful;
}

static void
gone_for_initiator(TgShare *self)
{
        g_autoptr(GError) error = NULL;

        if (may_be_given(self)) {
                tg_share_set_failure(self, NULL);
                tg_share_ends(self, TG_EVENT_GONE, TG_ENDED_RELAY, NULL);
                return;
        }
        error = tg_error_new(TG_ERROR_DECLINED,
                             "the relay says that the invitation is gone; nothing was sent");
        tg_share_ends(self, TG_EVENT_GONE_BEFORE, TG_ENDED_RELAY, error);
}

static gboolean
was_last_try(const TgShare *self)
{
        return tg_share_has_pin(self) && self->state == TG_STATE_EXCHANGING &&
               !tg_exchange_is_confirmed(self->exchange) &&
               tg_exchange_attempts_used(self->exchange) > 0 &&
               tg_exchange_attempts_left(self->exchange) == 0;
}

void
tg_mailbox_gone(TgShare *self, const TgReply *reply)
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
                gone_for_initiator(self);
                return;
        }
        if (was_last_try(self)) {
                error = tg_error_new(
                        TG_ERROR_WRONG_PIN,
                        "the invitation is gone after the last try: the PIN was wrong, "
                        "or the sender has cancelled; ask for a new link and a new "
                        "PIN");
                tg_share_ends(self, TG_EVENT_BURNED, TG_ENDED_RELAY, error);
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
                tg_mailbox_take_content(self, reply);
                return;
        case TG_REPLY_NOTHING_NEW:
                tg_share_is_well(self);
                /* An answer that was really held costs nothing; one that comes too soon is
                 * a relay that would have us spin. */
                if (self->held_s > 0 &&
                    took_us >= MIN(self->held_s, TG_MIN_HELD_S) * G_USEC_PER_SEC) {
                        self->n_failures = 0;
                        tg_mailbox_watch(self);
                } else {
                        tg_share_later(self, -1);
                }
                return;
        case TG_REPLY_GONE:
        case TG_REPLY_UNAUTHORIZED:
                tg_mailbox_gone(self, reply);
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
        tg_mailbox_ask_to_read(user_data, MIN(hold_s, TG_MAX_WAIT_S), NULL, on_watched);
}

void
tg_mailbox_watch(TgShare *self)
{
        if (self->exchange == NULL || self->mailbox_url == NULL || self->claim == NULL) {
                g_autoptr(GError) error =
                        tg_error_new(TG_ERROR_FAILED, "the stored share is incomplete");

                tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_SELF, error);
                return;
        }
        if (tg_share_is_offline(self, self->mailbox_url))
                return;
        self->turn = tg_turns_ask(self->wallet->turns, tg_share_is_exchanging(self), on_turn, self);
        /* An idle connection costs 50 KiB here, and something at the relay. */
        if (tg_turns_are_scarce(self->wallet->turns))
                g_clear_pointer(&self->context, tg_http_context_free);
}
