/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/http-private.h"

/* A socket that curl waits for. */
typedef struct {
        curl_socket_t fd;
        gpointer tag;
} Socket;

/* ---- the loop ---- */

static void
update_ready_time(TgHttp *self)
{
        g_source_set_ready_time(&self->source, self->finished.length > 0 ? 0 : self->due_us);
}

static int
on_timer_wanted(CURLM *multi, long timeout_ms, void *user_data)
{
        TgHttp *self = user_data;

        self->due_us = timeout_ms < 0 ? -1 : g_get_monotonic_time() + timeout_ms * 1000;
        update_ready_time(self);
        return 0;
}

static int
on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *user_data, void *socket_data)
{
        static const GIOCondition conditions[] = {
                [CURL_POLL_IN] = G_IO_IN | G_IO_ERR | G_IO_HUP,
                [CURL_POLL_OUT] = G_IO_OUT | G_IO_ERR | G_IO_HUP,
                [CURL_POLL_INOUT] = G_IO_IN | G_IO_OUT | G_IO_ERR | G_IO_HUP,
        };
        TgHttp *self = user_data;
        Socket *socket = socket_data;

        if (what == CURL_POLL_REMOVE) {
                if (socket) {
                        g_source_remove_unix_fd(&self->source, socket->tag);
                        g_ptr_array_remove_fast(self->sockets, socket);
                }
        } else if (socket) {
                g_source_modify_unix_fd(&self->source, socket->tag, conditions[what]);
        } else {
                socket = g_new0(Socket, 1);
                socket->fd = fd;
                socket->tag = g_source_add_unix_fd(&self->source, fd, conditions[what]);
                g_ptr_array_add(self->sockets, socket);
                curl_multi_assign(self->multi, fd, socket);
        }

        return 0;
}

/* What the loop has found ready, noted before curl is called: it changes the list. */
typedef struct {
        curl_socket_t fd;
        int mask;
} Ready;

static GArray *
ready_sockets(TgHttp *self)
{
        GArray *ready = g_array_new(FALSE, FALSE, sizeof(Ready));

        for (guint i = 0; i < self->sockets->len; i++) {
                Socket *socket = g_ptr_array_index(self->sockets, i);
                GIOCondition found = g_source_query_unix_fd(&self->source, socket->tag);
                Ready entry = {.fd = socket->fd};

                if (found & (G_IO_IN | G_IO_HUP))
                        entry.mask |= CURL_CSELECT_IN;
                if (found & G_IO_OUT)
                        entry.mask |= CURL_CSELECT_OUT;
                if (found & G_IO_ERR)
                        entry.mask |= CURL_CSELECT_ERR;
                if (entry.mask)
                        g_array_append_val(ready, entry);
        }

        return ready;
}

void
tg_http_finish(TgHttpTransfer *transfer, CURLcode result)
{
        TgHttp *http = transfer->context->http;

        transfer->is_finished = TRUE;
        transfer->result = result;
        g_queue_push_tail_link(&http->finished, &transfer->in_finished);
        update_ready_time(http);
}

/* All of them: curl says only once that there is something. */
static void
collect_finished(TgHttp *self)
{
        CURLMsg *message;
        int n_left;

        while ((message = curl_multi_info_read(self->multi, &n_left))) {
                TgHttpTransfer *transfer;

                if (message->msg != CURLMSG_DONE)
                        continue;
                curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
                tg_http_finish(transfer, message->data.result);
        }
}

static gboolean
dispatch(GSource *source, GSourceFunc callback, gpointer user_data)
{
        TgHttp *self = (TgHttp *)source;
        g_autoptr(GArray) ready = ready_sockets(self);
        GList *link;
        int n_running;

        if (self->due_us >= 0 && self->due_us <= g_source_get_time(source)) {
                self->due_us = -1;
                curl_multi_socket_action(self->multi, CURL_SOCKET_TIMEOUT, 0, &n_running);
        }
        for (guint i = 0; i < ready->len; i++) {
                Ready *entry = &g_array_index(ready, Ready, i);

                curl_multi_socket_action(self->multi, entry->fd, entry->mask, &n_running);
        }
        if (self->multi)
                collect_finished(self);

        while ((link = g_queue_peek_head_link(&self->finished))) {
                tg_http_deliver(link->data);
                /* A callback may have freed us; GLib holds this memory until we return. */
                if (g_source_is_destroyed(source))
                        return G_SOURCE_REMOVE;
        }
        update_ready_time(self);
        return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = {.dispatch = dispatch};

/* ---- object ---- */

gboolean
tg_http_start_curl(TgHttp *self)
{
        if (self->multi)
                return TRUE;
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
                return FALSE;

        self->multi = curl_multi_init();
        curl_multi_setopt(self->multi, CURLMOPT_SOCKETFUNCTION, on_socket_wanted);
        curl_multi_setopt(self->multi, CURLMOPT_SOCKETDATA, self);
        curl_multi_setopt(self->multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted);
        curl_multi_setopt(self->multi, CURLMOPT_TIMERDATA, self);
        curl_multi_setopt(self->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
        return TRUE;
}

TgHttp *
tg_http_new(void)
{
        TgHttp *self = (TgHttp *)g_source_new(&source_funcs, sizeof(TgHttp));

        g_source_set_static_name(&self->source, "http");
        self->sockets = g_ptr_array_new_with_free_func(g_free);
        self->due_us = -1;
        g_queue_init(&self->finished);
        g_source_attach(&self->source, g_main_context_get_thread_default());
        return self;
}

static void
forget_ca_file(TgHttp *self)
{
        g_clear_pointer(&self->ca_file, g_free);
        g_clear_pointer(&self->ca_directory, g_free);
        g_clear_pointer(&self->ca_blob, g_byte_array_unref);
}

void
tg_http_free(TgHttp *self)
{
        if (!self)
                return;
        g_return_if_fail(self->n_contexts == 0);

        if (self->multi) {
                curl_multi_cleanup(self->multi);
                curl_global_cleanup();
        }
        g_source_destroy(&self->source);
        g_clear_pointer(&self->sockets, g_ptr_array_unref);
        forget_ca_file(self);
        g_source_unref(&self->source);
}

void
tg_http_set_ca_file(TgHttp *self, const char *ca_file)
{
        forget_ca_file(self);
        self->ca_file = g_strdup(ca_file);
}

TgHttpContext *
tg_http_context_new(TgHttp *http)
{
        TgHttpContext *self = g_new0(TgHttpContext, 1);

        self->http = http;
        g_queue_init(&self->transfers);
        http->n_contexts++;
        return self;
}

void
tg_http_context_rest(TgHttpContext *self)
{
        if (self->transfers.length == 0)
                g_clear_pointer(&self->share, curl_share_cleanup);
}

void
tg_http_context_free(TgHttpContext *self)
{
        GList *link;

        if (!self)
                return;

        while ((link = g_queue_peek_head_link(&self->transfers)))
                tg_http_transfer_cancel(link->data);
        tg_http_context_rest(self);
        self->http->n_contexts--;
        g_free(self);
}

CURLSH *
tg_http_context_connections(TgHttpContext *context)
{
        if (!context->share) {
                context->share = curl_share_init();
                curl_share_setopt(context->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT);
        }

        return context->share;
}
