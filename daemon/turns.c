/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/turns.h"

#define MAX_URGENT_IN_A_ROW 3

struct TgTurns {
        GQueue waiting;     /* TgTurn */
        GList *last_urgent; /* of those in front; NULL: none waits */
        guint n_urgent;     /* in a row, the last ones that began */
        guint n_running;
        guint n_at_once;
        guint longest_s;
        guint source;
};

struct TgTurn {
        TgTurns *turns;
        GList link;
        gboolean is_running;
        gboolean is_urgent;
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

static void
leave_queue(TgTurns *self, TgTurn *turn)
{
        if (self->last_urgent == &turn->link)
                self->last_urgent = turn->link.prev;
        g_queue_unlink(&self->waiting, &turn->link);
}

/* In front of those who only wait, behind whoever has waited like him. */
static void
join_queue(TgTurns *self, TgTurn *turn)
{
        if (!turn->is_urgent) {
                g_queue_push_tail_link(&self->waiting, &turn->link);
                return;
        }
        if (self->last_urgent != NULL)
                g_queue_insert_after_link(&self->waiting, self->last_urgent, &turn->link);
        else
                g_queue_push_head_link(&self->waiting, &turn->link);
        self->last_urgent = &turn->link;
}

/* Of MAX_URGENT_IN_A_ROW + 1 turns one is for those who only wait. */
static TgTurn *
next_turn(TgTurns *self)
{
        GList *ordinary = self->last_urgent != NULL ? self->last_urgent->next : NULL;

        if (self->last_urgent == NULL) {
                self->n_urgent = 0;
        } else if (self->n_urgent < MAX_URGENT_IN_A_ROW || ordinary == NULL) {
                self->n_urgent++;
        } else {
                self->n_urgent = 0;
                return ordinary->data;
        }
        return self->waiting.head->data;
}

static gboolean
on_begin(gpointer user_data)
{
        TgTurns *self = user_data;

        self->source = 0;
        while (self->n_running < self->n_at_once && self->waiting.length > 0) {
                guint hold_s = length_of_turn(self);
                TgTurn *turn = next_turn(self);

                leave_queue(self, turn);
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
tg_turns_ask(TgTurns *self, gboolean is_urgent, TgTurnFunc func, gpointer user_data)
{
        TgTurn *turn = g_new0(TgTurn, 1);

        turn->turns = self;
        turn->link.data = turn;
        turn->func = func;
        turn->user_data = user_data;
        turn->is_urgent = is_urgent;
        join_queue(self, turn);
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
                leave_queue(self, turn);
        g_free(turn);
        begin_soon(self);
}

gboolean
tg_turns_are_scarce(const TgTurns *self)
{
        return self->n_running + self->waiting.length > self->n_at_once;
}
