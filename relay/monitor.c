/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/monitor.h"

#include <microhttpd.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "protocol/digest.h"
#include "protocol/error.h"
#include "relay/door.h"
#include "relay/metrics.h"

#define TEXT_TYPE "text/plain; charset=utf-8"
#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define MAX_CONNECTIONS 16
#define CONNECTION_MEMORY_BYTES 4096
#define IDLE_TIMEOUT_S 10
#define MAX_SLEEP_US (60 * G_USEC_PER_SEC)

struct TgMonitor {
        struct MHD_Daemon *daemon; /* has a thread; NULL: nobody may ask */
        TgDoor *door;
        GThread *thread; /* at the door */
        int stop_fd;
        GMutex mutex; /* of the reader */
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

/* Those who come between two looks are too many all the same, and turned away by the library. */
static gboolean
has_room(gpointer user_data)
{
        TgMonitor *self = user_data;
        const union MHD_DaemonInfo *info =
                MHD_get_daemon_info(self->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

        return info->num_connections < MAX_CONNECTIONS;
}

static void
on_enter(gpointer user_data, gpointer tag, int fd, const struct sockaddr *source)
{
        TgMonitor *self = user_data;

        /* The address is of no interest. */
        MHD_add_connection(self->daemon, fd, source, sizeof source->sa_family);
}

static gpointer
keep_door(gpointer data)
{
        TgMonitor *self = data;
        struct pollfd fds[] = {
                {tg_door_get_fd(self->door), POLLIN, 0},
                {self->stop_fd,              POLLIN, 0},
        };

        while (!fds[1].revents) {
                gint64 next_us = tg_door_next_us(self->door, g_get_monotonic_time());

                if (next_us < 0)
                        next_us = MAX_SLEEP_US;
                poll(fds, G_N_ELEMENTS(fds), (int)((next_us + 999) / 1000));
                tg_door_run(self->door, g_get_monotonic_time(), 0);
        }

        return NULL;
}

/* ---- ---- */

TgMonitor *
tg_monitor_new(TgStore *reader, TgWriter *writer)
{
        TgMonitor *self = g_new0(TgMonitor, 1);

        self->stop_fd = -1;
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
        if (self->thread) {
                eventfd_write(self->stop_fd, 1);
                g_thread_join(self->thread);
        }
        tg_door_free(self->door);
        if (self->daemon)
                MHD_stop_daemon(self->daemon); /* its thread ends */
        if (self->stop_fd >= 0)
                close(self->stop_fd);
        g_mutex_clear(&self->mutex);
        g_free(self);
}

static gboolean
set_up(TgMonitor *self)
{
        if (self->daemon)
                return TRUE;
        self->stop_fd = eventfd(0, EFD_CLOEXEC);
        /* poll, not epoll: with 16 connections there is no difference but the library's bugs. */
        self->daemon = MHD_start_daemon(MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ITC |
                                                MHD_USE_NO_LISTEN_SOCKET,
                                        0,
                                        NULL,
                                        NULL,
                                        on_request,
                                        self,
                                        MHD_OPTION_CONNECTION_LIMIT,
                                        (unsigned int)MAX_CONNECTIONS,
                                        MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                        (size_t)CONNECTION_MEMORY_BYTES,
                                        MHD_OPTION_CONNECTION_TIMEOUT,
                                        (unsigned int)IDLE_TIMEOUT_S,
                                        MHD_OPTION_END);
        self->door = tg_door_new(&(TgDoorOptions){
                .has_room = has_room,
                .on_enter = on_enter,
                .user_data = self,
        });

        return self->stop_fd >= 0 && self->daemon;
}

gboolean
tg_monitor_listen(TgMonitor *self, int fd, GError **error)
{
        if (set_up(self))
                return tg_door_listen(self->door, fd, NULL, error);
        close(fd);
        tg_set_error(error, TG_ERROR_FAILED, "cannot start the listener for metrics");

        return FALSE;
}

void
tg_monitor_start(TgMonitor *self)
{
        if (self->daemon)
                self->thread = g_thread_new("monitor", keep_door, self);
}
