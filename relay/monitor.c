/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/monitor.h"

#include <microhttpd.h>
#include <string.h>
#include <unistd.h>

#include "protocol/digest.h"
#include "protocol/error.h"
#include "relay/metrics.h"

#define TEXT_TYPE "text/plain; charset=utf-8"
#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define MAX_CONNECTIONS 16
#define CONNECTION_MEMORY_BYTES 4096
#define IDLE_TIMEOUT_S 10

struct TgMonitor {
        GPtrArray *daemons;
        GMutex mutex; /* of the reader: each socket has a thread */
        TgStore *reader;
        TgWriter *writer;
};

typedef struct {
        guint status;
        const char *type;
        char *text;
} Page;

/* ---- what is asked ---- */

static gboolean
is_healthy(TgMonitor *self, const char **ret_why)
{
        gint64 now_us = g_get_monotonic_time();
        gint64 since_us = tg_metrics_get(TG_GAUGE_BUSY_SINCE_US);

        *ret_why = NULL;
        if (since_us > 0 && now_us - since_us > TG_STUCK_US)
                *ret_why = "the loop is stuck\n";
        else if (tg_writer_busy_us(self->writer, now_us) > TG_STUCK_US)
                *ret_why = "the store is stuck\n";

        return *ret_why == NULL;
}

/* A mailbox that there is not, which costs as much as one that there is. */
static gboolean
has_answering_store(TgMonitor *self)
{
        g_autoptr(GError) error = NULL;
        guint8 id[TG_ID_BYTES];
        TgMailbox mailbox;
        gboolean is_found, is_answered;

        if (!self->reader)
                return TRUE; /* the writer's word has to do */
        tg_random_uuid(id);
        g_mutex_lock(&self->mutex);
        is_answered = tg_store_load(self->reader, id, &is_found, &mailbox, &error);
        tg_store_release(self->reader);
        tg_store_rest(self->reader);
        g_mutex_unlock(&self->mutex);

        return is_answered;
}

static Page
judge(TgMonitor *self, gboolean is_ready_asked)
{
        const char *why = NULL;

        if (is_healthy(self, &why) && is_ready_asked) {
                if (tg_metrics_get(TG_GAUGE_STOPPING))
                        why = "stopping\n";
                else if (tg_metrics_get(TG_GAUGE_STORE_IN_DOUBT) || !has_answering_store(self))
                        why = "the store is in doubt\n";
        }

        return (Page){why ? 503 : 200, TEXT_TYPE, g_strdup(why ? why : "ok\n")};
}

static Page
measure(TgMonitor *self)
{
        TgStoreSize size;
        gboolean is_known;

        g_mutex_lock(&self->mutex);
        is_known = self->reader && tg_store_measure(self->reader, &size, NULL);
        if (self->reader)
                tg_store_rest(self->reader);
        g_mutex_unlock(&self->mutex);

        return (Page){200, METRICS_TYPE, tg_metrics_format(is_known ? &size : NULL)};
}

static Page
find_page(TgMonitor *self, const char *method, const char *path)
{
        if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
                return (Page){405, TEXT_TYPE, g_strdup("only GET and HEAD\n")};
        if (strcmp(path, "/metrics") == 0)
                return measure(self);
        if (strcmp(path, "/healthz") == 0)
                return judge(self, FALSE);
        if (strcmp(path, "/readyz") == 0)
                return judge(self, TRUE);

        return (Page){404, TEXT_TYPE, g_strdup("/metrics, /healthz or /readyz\n")};
}

/* ---- the sockets ---- */

static enum MHD_Result
on_request(void *user_data,
           struct MHD_Connection *mhd,
           const char *path,
           const char *method,
           const char *version,
           const char *upload,
           size_t *n_upload,
           void **request_context)
{
        struct MHD_Response *response;
        enum MHD_Result result;
        Page page;

        if (!*request_context) { /* headers only so far: what comes after them is dropped */
                *request_context = mhd;
                return MHD_YES;
        }
        if (*n_upload > 0) {
                *n_upload = 0;
                return MHD_YES;
        }
        page = find_page(user_data, method, path);
        response = MHD_create_response_from_buffer(
                strlen(page.text), page.text, MHD_RESPMEM_MUST_FREE);
        if (!response) {
                g_free(page.text);
                return MHD_NO;
        }
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, page.type);
        MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
        if (page.status == 405)
                MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
        result = MHD_queue_response(mhd, page.status, response);
        MHD_destroy_response(response);

        return result;
}

TgMonitor *
tg_monitor_new(TgStore *reader, TgWriter *writer)
{
        TgMonitor *self = g_new0(TgMonitor, 1);

        self->daemons = g_ptr_array_new_with_free_func((GDestroyNotify)MHD_stop_daemon);
        g_mutex_init(&self->mutex);
        self->reader = reader;
        self->writer = writer;

        return self;
}

void
tg_monitor_free(TgMonitor *self)
{
        if (!self)
                return;
        g_ptr_array_unref(self->daemons); /* their threads end */
        g_mutex_clear(&self->mutex);
        g_free(self);
}

gboolean
tg_monitor_listen(TgMonitor *self, int fd, GError **error)
{
        /* poll, not epoll: with 16 connections there is no difference but the library's bugs. */
        struct MHD_Daemon *daemon = MHD_start_daemon(MHD_USE_POLL_INTERNAL_THREAD,
                                                     0,
                                                     NULL,
                                                     NULL,
                                                     on_request,
                                                     self,
                                                     MHD_OPTION_LISTEN_SOCKET,
                                                     fd,
                                                     MHD_OPTION_CONNECTION_LIMIT,
                                                     (unsigned int)MAX_CONNECTIONS,
                                                     MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                                     (size_t)CONNECTION_MEMORY_BYTES,
                                                     MHD_OPTION_CONNECTION_TIMEOUT,
                                                     (unsigned int)IDLE_TIMEOUT_S,
                                                     MHD_OPTION_END);

        if (!daemon) {
                close(fd);
                tg_set_error(error, TG_ERROR_FAILED, "cannot start the listener for metrics");
                return FALSE;
        }
        g_ptr_array_add(self->daemons, daemon);

        return TRUE;
}
