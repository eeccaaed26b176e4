/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/clock.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct TgAlarm {
        int fd;
        guint source;
        gint64 at_s;
        void (*func)(gpointer user_data);
        gpointer user_data;
};

gint64
tg_clock_now_s(void)
{
        return g_get_real_time() / G_USEC_PER_SEC;
}

guint
tg_clock_jitter_ms(guint seconds)
{
        guint half_ms = seconds * 500;

        return half_ms + (half_ms > 0 ? (guint)g_random_int_range(0, (gint32)half_ms + 1) : 0);
}

static void
arm(TgAlarm *self)
{
        struct itimerspec when = {.it_value.tv_sec = self->at_s};

        /* CANCEL_ON_SET: setting the clock wakes us (read fails with ECANCELED),
         * for an end that has suddenly come must not wait for the old time. */
        if (timerfd_settime(self->fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &when, NULL) < 0)
                g_critical("cannot set the alarm: %s", g_strerror(errno));
}

static gboolean
on_ring(int fd, GIOCondition condition, gpointer user_data)
{
        TgAlarm *self = user_data;
        guint64 n_times;
        ssize_t n = read(fd, &n_times, sizeof n_times);

        if (n < 0 && errno != ECANCELED)
                return G_SOURCE_CONTINUE;

        self->func(self->user_data);
        return G_SOURCE_CONTINUE;
}

TgAlarm *
tg_alarm_new(void (*func)(gpointer user_data), gpointer user_data)
{
        TgAlarm *self = g_new0(TgAlarm, 1);

        self->fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
        if (self->fd < 0)
                g_error("cannot make a timer: %s", g_strerror(errno));
        self->func = func;
        self->user_data = user_data;
        self->source = g_unix_fd_add(self->fd, G_IO_IN, on_ring, self);

        return self;
}

void
tg_alarm_free(TgAlarm *self)
{
        if (self == NULL)
                return;
        g_source_remove(self->source);
        close(self->fd);
        g_free(self);
}

void
tg_alarm_set(TgAlarm *self, gint64 at_s)
{
        if (self->at_s == at_s)
                return;
        self->at_s = at_s;
        arm(self);
}
