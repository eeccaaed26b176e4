/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <sys/timerfd.h>

#include "protocol/error.h"
#include "relay/doubt.h"
#include "relay/metrics.h"
#include "relay/redis-core.h"

/* Each race that is lost is one that somebody has won. */
#define MAX_TRIES 200

/* ---- the end of a call ---- */

void
tg_redis_note_doubt(TgRedis *self, const GError *error)
{
        tg_note_doubt(&self->is_in_doubt, error);
        if (!error && self->has_let_wait) {
                self->has_let_wait = FALSE;
                tg_redis_note_changed(self, NULL);
        }
}

void
tg_redis_set_timer(TgRedis *self, gint64 in_us)
{
        struct itimerspec at = {
                .it_value.tv_sec = in_us / G_USEC_PER_SEC,
                .it_value.tv_nsec = in_us % G_USEC_PER_SEC * 1000,
        };

        if (in_us == 0)
                at.it_value.tv_nsec = 1;
        timerfd_settime(self->timer_fd, 0, &at, NULL);
}

static void
finish(TgRedis *self, TgRedisTask *task)
{
        TgJob job = {.call = task->call, .verdict = task->verdict};
        TgJob again = {.call = NULL};

        if (self->finished->len == 0)
                tg_redis_set_timer(self, 0);
        g_array_append_val(self->finished, job);
        if (task->is_stale && task->verdict == TG_VERDICT_HELD) {
                memcpy(again.id, task->call->id, TG_ID_BYTES);
                g_array_append_val(self->finished, again);
        }
        if (task->is_looking)
                g_queue_unlink(&self->looking, &task->link);
        tg_redis_view_clear(&task->view);
        g_free(task);
}

/* Who was only looking again, after he has waited and before his time is over, waits on: he will
 * look once more when the doubt is over. */
void
tg_redis_call_fail(TgRedis *self, TgRedisTask *task, const GError *error)
{
        if (error)
                tg_redis_note_doubt(self, error);
        task->verdict = TG_VERDICT_HELD;
        if (!task->call->is_held || task->call->is_wait_over) {
                tg_api_fail(task->call);
                task->verdict = TG_VERDICT_ANSWERED;
        }
        self->has_let_wait |= task->verdict == TG_VERDICT_HELD;
        finish(self, task);
}

void
tg_redis_note_changed(TgRedis *self, const guint8 *id)
{
        TgJob job = {.is_any = id == NULL};

        for (GList *at = self->looking.head; at; at = at->next) {
                TgRedisTask *task = at->data;

                if (!id || memcmp(task->call->id, id, TG_ID_BYTES) == 0)
                        task->is_stale = TRUE;
        }
        if (id)
                memcpy(job.id, id, TG_ID_BYTES);
        if (self->finished->len == 0)
                tg_redis_set_timer(self, 0);
        g_array_append_val(self->finished, job);
}

/* ---- a call, step by step ---- */

void
tg_redis_call_ask(TgRedis *self, TgRedisTask *task)
{
        TgRedisConnection *connection = tg_redis_choose(self);
        TgRedisCommand command;

        if (!connection && self->is_away) {
                g_autoptr(GError) error =
                        tg_error_new(TG_ERROR_UNREACHABLE, "there is no connection to Redis");

                tg_redis_call_fail(self, task, error);
                return;
        }
        if (!connection) {
                if (task->is_looking)
                        g_queue_unlink(&self->looking, &task->link);
                task->is_looking = FALSE;
                task->since_us = g_get_monotonic_time();
                g_queue_push_tail_link(&self->waiting, &task->link);
                return;
        }
        if (!task->is_looking && task->call->wait_s > 0) {
                g_queue_push_tail_link(&self->looking, &task->link);
                task->is_looking = TRUE;
        }
        task->view.now_us = self->wall_us();
        command.n_words = 0;
        tg_redis_view_ask(&task->view, &command);
        tg_redis_append(connection, &command, task);
}

/* Runs it on what is here; asks for what is not, or for the change to be made. */
static void
run(TgRedis *self, TgRedisTask *task)
{
        g_autoptr(GError) error = NULL;
        TgRedisView *view = &task->view;

        view->now_us = self->wall_us();
        view->told_s = self->api->told_s;
        view->life_end_s = task->call->expires_s;
        view->change = TG_CHANGE_NONE;
        task->verdict = tg_api_execute(
                self->api, task->call, &view->base, view->now_us / G_USEC_PER_SEC, &error);
        view->is_told = task->call->has_changed;
        if (task->verdict == TG_VERDICT_DOUBT && view->want == TG_WANT_NOTHING)
                tg_redis_call_fail(self, task, error);
        else if (task->verdict == TG_VERDICT_DOUBT || view->change != TG_CHANGE_NONE)
                tg_redis_call_ask(self, task);
        else
                finish(self, task);
}

void
tg_redis_call_begin(TgRedis *self, TgApiCall *call)
{
        TgRedisTask *task = g_new0(TgRedisTask, 1);

        task->call = call;
        task->link.data = task;
        tg_redis_view_init(&task->view, self->address->database);
        /* Whoever says what he has seen already will mostly not be sent it again. */
        task->view.with_content =
                call->operation == TG_OPERATION_PREVIEW ||
                (call->operation == TG_OPERATION_READ && !(call->if_none_match && !call->is_held));
        task->view.with_payload = call->operation == TG_OPERATION_READ;
        task->view.with_tokens = call->operation == TG_OPERATION_FIND_TOKEN ||
                                 (call->operation == TG_OPERATION_DELETE && call->is_push_on);
        run(self, task);
}

static void
begin_anew(TgRedis *self, TgRedisTask *task)
{
        g_autoptr(GError) error = NULL;

        tg_redis_view_clear(&task->view);
        if (++task->n_tries < MAX_TRIES) {
                run(self, task);
                return;
        }
        error = tg_error_new(TG_ERROR_UNREACHABLE, "others are always faster");
        tg_redis_call_fail(self, task, error);
}

static void
complete(TgRedis *self, TgRedisConnection *connection, TgRedisTask *task)
{
        TgRedisCommand command;

        tg_redis_note_doubt(self, NULL);
        tg_metrics_count(TG_COUNT_COMMITS, 1);
        if (tg_redis_view_leave(&task->view, &command) && connection->pipe)
                tg_redis_append(connection, &command, NULL);
        finish(self, task);
}

/* Nobody's reply: of a probe, or to what was removed besides, which is as good. */
static void
take_probe(TgRedis *self, const TgReply *reply)
{
        if (tg_reply_get_kind(reply) != TG_REPLY_ERROR)
                tg_redis_note_doubt(self, NULL);
}

/* A change that means nothing: else, where nobody sends requests to a relay in doubt, nothing
 * would ever show that all is well again. */
void
tg_redis_call_probe(TgRedis *self)
{
        TgRedisConnection *connection = tg_redis_choose(self);
        TgRedisCommand command = {.n_words = 0};

        if (!connection)
                return;
        tg_redis_command_add_text(&command, "SET");
        tg_redis_command_add_text(&command, "tigress:probe");
        tg_redis_command_add_text(&command, "");
        tg_redis_command_add_text(&command, "PX");
        tg_redis_command_add_text(&command, "1000");
        tg_redis_append(connection, &command, NULL);
}

void
tg_redis_call_take(TgRedis *self, TgRedisConnection *connection, const TgReply *reply)
{
        TgRedisTask *task = g_queue_pop_head(&connection->asked);
        g_autoptr(GError) error = NULL;

        connection->alive_us = g_get_monotonic_time();
        if (!task) {
                take_probe(self, reply);
                return;
        }
        switch (tg_redis_view_take(&task->view, reply, &error)) {
        case TG_TAKEN_GO_ON:
                run(self, task);
                return;
        case TG_TAKEN_UNKNOWN:
                tg_redis_call_ask(self, task);
                return;
        case TG_TAKEN_LOST:
                begin_anew(self, task);
                return;
        case TG_TAKEN_DONE:
                complete(self, connection, task);
                return;
        case TG_TAKEN_REFUSED:
                break;
        }
        tg_redis_call_fail(self, task, error);
        /* It is no longer the one to ask, or not yet: look for another. */
        if (g_str_has_suffix(error->message, "READONLY") ||
            g_str_has_suffix(error->message, "NOAUTH"))
                tg_redis_break(connection);
}
