/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Wake-ups between the table of who is to be woken (push.h) and the store. */

#include "relay/server-core.h"

/* What the store has said of a token, or that it is in doubt. */
static void
take_found(TgServer *self, TgApiCall *call)
{
        gint64 now_us = g_get_monotonic_time();

        if (call->answer.status == 503)
                tg_push_not_found(self->options.push, call->id, call->side, now_us);
        else
                tg_push_found(self->options.push, call->id, call->side, &call->token, now_us);
}

/* Here and now if the loop has something to read with; else, and what writes, by the writer. */
static void
run_own(TgServer *self, TgApiCall *call)
{
        TgVerdict verdict = TG_VERDICT_WRITE;
        TgJob job = {.call = call};

        g_queue_push_tail(&self->own, call);
        if (self->options.reader)
                verdict = tg_api_execute(&self->rules.api,
                                         call,
                                         self->options.reader,
                                         g_get_real_time() / G_USEC_PER_SEC,
                                         NULL);
        if (verdict == TG_VERDICT_DOUBT)
                tg_api_fail(call);
        if (verdict == TG_VERDICT_WRITE)
                g_array_append_val(self->pending, job);
        else
                tg_server_take_own(self, call);
}

void
tg_server_take_own(TgServer *self, TgApiCall *call)
{
        g_queue_remove(&self->own, call);
        if (call->operation == TG_OPERATION_FIND_TOKEN)
                take_found(self, call);
        tg_api_call_free(call);
}

void
tg_server_note_woken(TgServer *self, TgApiCall *call)
{
        gint64 now_us = g_get_monotonic_time();

        if (call->woken == TG_SIDE_NOBODY)
                return;
        if (call->is_end)
                tg_push_note_end(self->options.push, call->id, call->woken, &call->token, now_us);
        else
                tg_push_note(self->options.push, call->id, call->woken, now_us);
}

void
tg_server_run_push(TgServer *self, gint64 now_us)
{
        TgPush *push = self->options.push;
        guint8 id[TG_ID_BYTES];
        TgPushJob *gone;
        TgSide side;

        while ((gone = tg_push_take_gone(push, now_us))) {
                run_own(self,
                        tg_api_call_new_own(
                                TG_OPERATION_FORGET_TOKEN, gone->id, gone->side, &gone->token));
                tg_push_job_free(gone);
        }
        while (tg_push_take_due(push, now_us, id, &side))
                run_own(self, tg_api_call_new_own(TG_OPERATION_FIND_TOKEN, id, side, NULL));
}

void
tg_server_drop_own(TgServer *self)
{
        while (self->own.length > 0)
                tg_api_call_free(g_queue_pop_head(&self->own));
}
