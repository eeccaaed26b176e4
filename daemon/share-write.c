/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Writing a message while the share runs: the octets that the exchange keeps go out under an id
 * that was stored with them, and again, the same ones, until they are there.
 */

#include <string.h>

#include "daemon/clock.h"
#include "daemon/share-private.h"
#include "protocol/mailbox.h"

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
                tg_share_watch(self);
                return;
        case TG_REPLY_CHANGED:
                /* Somebody wrote in between: perhaps an answer to these very octets, perhaps we
                 * ourselves in another life. What is there is read; if it is no news, they go
                 * out again. */
                self->is_write_doubtful = TRUE;
                g_clear_pointer(&self->etag, g_free);
                g_free(self->request_id);
                self->request_id = tg_share_new_request_id();
                tg_share_watch(self);
                return;
        case TG_REPLY_GONE:
        case TG_REPLY_UNAUTHORIZED:
                tg_share_gone(self, reply);
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

void
tg_share_write(TgShare *self)
{
        g_auto(TgOutput) output = {0};
        g_autoptr(GBytes) body = NULL;
        char *text;

        tg_exchange_pending(self->exchange, &output);
        if (output.payload == NULL || self->mailbox_url == NULL || self->claim == NULL) {
                tg_share_watch(self);
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
