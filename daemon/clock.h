/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The wall clock: what time it is, and an alarm that goes off at a time of the
 * wall clock also after a suspend or when the clock is set.
 */

#include <glib.h>

gint64 tg_clock_now_s(void);

/* Between half of @seconds and @seconds, in milliseconds: no two shares tick
 * together. */
guint tg_clock_jitter_ms(guint seconds);

typedef struct TgAlarm TgAlarm;

/* @func is called from the loop when the time set has come, and whenever
 * somebody sets the clock while an alarm is armed; it looks at the clock itself and sets
 * the alarm anew. */
TgAlarm *tg_alarm_new(void (*func)(gpointer user_data), gpointer user_data);
void tg_alarm_free(TgAlarm *self);
/* @at_s 0: no alarm, no wake-up. */
void tg_alarm_set(TgAlarm *self, gint64 at_s);
