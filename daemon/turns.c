/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/turns.h"

struct TgTurns {
        GQueue waiting; /* TgTurn */
        guint n_running;
        guint n_at_once;
        guint longest_s;
        guint source;
};

struct TgTurn {
        TgTurns *turns;
        GList link;
        gboolean is_running;
        TgTurnFunc func;
        gpointer user_data;
};

TgTurns *
tg_turns_new(guint n_at_once, guint longest_s)
{
        TgTurns *self = g_new0(TgTurns, 1);

        g_queue_init(&self->waiting);
        self->n_at_once = n_at_once;
        self->longest_s = longest_s;

        return self;
}

void
tg_turns_free(TgTurns *self)
{
        if (self == NULL)
                return;
        g_warn_if_fail(self->n_running == 0 && self->waiting.length == 0);
        g_clear_handle_id(&self->source, g_source_remove);
        g_free(self);
}

/* As long as possible while everybody comes round within the longest turn. */
static guint
length_of_turn(const TgTurns *self)
{
        guint n_all = self->n_running + self->waiting.length;

        if (n_all <= self->n_at_once)
                return self->longest_s;
        return MAX(2, self->longest_s * self->n_at_once / n_all);
}

static gboolean
on_begin(gpointer user_data)
{
        TgTurns *self = user_data;

        self->source = 0;
        while (self->n_running < self->n_at_once && self->waiting.length > 0) {
                guint hold_s = length_of_turn(self);
                TgTurn *turn = g_queue_pop_head_link(&self->waiting)->data;

                turn->is_running = TRUE;
                self->n_running++;
                turn->func(hold_s, turn->user_data);
        }

        return G_SOURCE_REMOVE;
}

static void
begin_soon(TgTurns *self)
{
        if (self->source == 0 && self->waiting.length > 0 && self->n_running < self->n_at_once)
                self->source = g_idle_add_full(G_PRIORITY_DEFAULT, on_begin, self, NULL);
}

TgTurn *
tg_turns_ask(TgTurns *self, TgTurnFunc func, gpointer user_data)
{
        TgTurn *turn = g_new0(TgTurn, 1);

        turn->turns = self;
        turn->link.data = turn;
        turn->func = func;
        turn->user_data = user_data;
        g_queue_push_tail_link(&self->waiting, &turn->link);
        begin_soon(self);

        return turn;
}

void
tg_turn_end(TgTurn *turn)
{
        TgTurns *self;

        if (turn == NULL)
                return;

        self = turn->turns;
        if (turn->is_running)
                self->n_running--;
        else
                g_queue_unlink(&self->waiting, &turn->link);
        g_free(turn);
        begin_soon(self);
}

gboolean
tg_turns_are_scarce(const TgTurns *self)
{
        return self->n_running + self->waiting.length > self->n_at_once;
}
