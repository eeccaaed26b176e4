/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/inspection.h"

#include "daemon/transport.h"
#include "protocol/error.h"

struct TgInspection {
        TgHttpContext *context;
        TgAsking *asking;
        TgInspectionFunc func;
        gpointer user_data;
};

gboolean
tg_inspection_is_trusted(TgWallet *wallet, const char *origin, GError **error)
{
        if (tg_settings_is_trusted(wallet->settings, origin))
                return TRUE;
        tg_set_error(error,
                     TG_ERROR_UNTRUSTED_RELAY,
                     "the relay %s is not trusted, so it was not asked: run `tigressctl relays add "
                     "%s` if you want to trust it",
                     origin,
                     origin);
        return FALSE;
}

gboolean
tg_inspection_is_allowed(TgWallet *wallet, const TgLink *link, GError **error)
{
        return tg_inspection_is_trusted(wallet, link->origin, error);
}

void
tg_inspection_cancel(TgInspection *self)
{
        if (self == NULL)
                return;
        g_clear_pointer(&self->asking, tg_asking_cancel);
        g_clear_pointer(&self->context, tg_http_context_free);
        g_free(self);
}

static void
on_preview(const TgReply *reply, gpointer user_data)
{
        TgInspection *self = user_data;
        g_auto(TgDisplay) display = {};
        g_autoptr(GError) error = NULL;
        gint64 expires_s = 0;
        gsize n_bytes;
        const char *body = g_bytes_get_data(reply->body, &n_bytes);

        self->asking = NULL;
        if (reply->kind == TG_REPLY_GONE)
                error = tg_error_new(TG_ERROR_EXPIRED,
                                     "the relay knows no such invitation (any more): ask the "
                                     "sender for a new one");
        else if (reply->kind != TG_REPLY_DONE)
                error = g_error_copy(reply->error);
        else
                tg_mailbox_parse_preview(
                        body, n_bytes, reply->is_json, &display, &expires_s, &error);

        self->func(error == NULL ? &display : NULL, expires_s, error, self->user_data);
        tg_inspection_cancel(self);
}

TgInspection *
tg_inspection_start(TgWallet *wallet, const TgLink *link, TgInspectionFunc func, gpointer user_data)
{
        TgInspection *self = g_new0(TgInspection, 1);
        TgAsk ask = {.kind = TG_ASK_PREVIEW, .target = link->mailbox_url};

        self->func = func;
        self->user_data = user_data;
        self->context = tg_http_context_new(wallet->http);
        self->asking = tg_transport_ask(self->context, &ask, on_preview, self);

        return self;
}
