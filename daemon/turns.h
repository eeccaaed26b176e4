/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Held requests, so many at a time: shares that wait for their peer take turns.
 * Who is alone waits long; the more there are, the shorter a turn.
 */

#include <glib.h>

typedef struct TgTurns TgTurns;
typedef struct TgTurn TgTurn;

TgTurns *tg_turns_new(guint n_at_once, guint longest_s);
void tg_turns_free(TgTurns *self);

/* @is_urgent: goes before those who are not, but for one turn in four.
 * @func is called once from the loop, when the turn begins; it lasts until
 * tg_turn_end(), which also withdraws a turn that has not begun. */
typedef void (*TgTurnFunc)(guint hold_s, gpointer user_data);
TgTurn *tg_turns_ask(TgTurns *self, gboolean is_urgent, TgTurnFunc func, gpointer user_data);
void tg_turn_end(TgTurn *turn);

/* Whether somebody has to wait: then connections are not kept between turns. */
gboolean tg_turns_are_scarce(const TgTurns *self);
