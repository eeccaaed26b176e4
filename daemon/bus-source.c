/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/bus-source.h"

typedef struct {
        GSource source;
        GPollFD poll;
        sd_bus *bus;
} BusSource;

/* sd-bus gives an absolute monotonic time in µs, the clock of GLib too. Rounded up:
 * a turn that comes too early would only come again. */
static int
timeout_ms(sd_bus *bus)
{
        guint64 until_us = 0;
        gint64 now_us;
        guint64 ms;

        if (sd_bus_get_timeout(bus, &until_us) < 0 || until_us == 0)
                return 0;
        if (until_us == UINT64_MAX)
                return -1;

        now_us = g_get_monotonic_time();
        if (until_us <= (guint64)now_us)
                return 0;

        ms = (until_us - (guint64)now_us + 999) / 1000;
        return (int)MIN(ms, (guint64)G_MAXINT);
}

static gboolean
bus_source_prepare(GSource *source, int *ret_timeout_ms)
{
        BusSource *self = (BusSource *)source;
        int events = sd_bus_get_events(self->bus);
        int fd = sd_bus_get_fd(self->bus);

        /* A closed bus: dispatch hears it from sd_bus_process(). */
        if (events < 0 || fd < 0) {
                *ret_timeout_ms = 0;
                return TRUE;
        }

        /* While it connects sd-bus may go on to the next address of its list. */
        if (fd != self->poll.fd) {
                g_source_remove_poll(source, &self->poll);
                self->poll.fd = fd;
                self->poll.revents = 0;
                g_source_add_poll(source, &self->poll);
        }

        /* Not g_source_modify_unix_fd(): it wakes the context each time, so calling it
         * from prepare() turns an idle loop into a busy one. */
        self->poll.events = (gushort)events;
        *ret_timeout_ms = timeout_ms(self->bus);
        return *ret_timeout_ms == 0;
}

static gboolean
bus_source_check(GSource *source)
{
        BusSource *self = (BusSource *)source;

        return self->poll.revents != 0 || timeout_ms(self->bus) == 0;
}

static gboolean
bus_source_dispatch(GSource *source, GSourceFunc callback, gpointer user_data)
{
        BusSource *self = (BusSource *)source;
        /* One message per turn of the loop: other sources get their share, and prepare()
         * brings us straight back while the read queue is not empty. */
        int r = sd_bus_process(self->bus, NULL);

        if (r >= 0)
                return G_SOURCE_CONTINUE;

        if (callback && !g_source_is_destroyed(source))
                ((TgBusClosedFunc)(void (*)(void))callback)(self->bus, r, user_data);
        return G_SOURCE_REMOVE;
}

static void
bus_source_finalize(GSource *source)
{
        BusSource *self = (BusSource *)source;

        self->bus = sd_bus_unref(self->bus);
}

static GSourceFuncs bus_source_funcs = {
        .prepare = bus_source_prepare,
        .check = bus_source_check,
        .dispatch = bus_source_dispatch,
        .finalize = bus_source_finalize,
};

GSource *
tg_bus_source_attach(sd_bus *bus, TgBusClosedFunc on_closed, gpointer user_data)
{
        GSource *source = g_source_new(&bus_source_funcs, sizeof(BusSource));
        BusSource *self = (BusSource *)source;

        self->bus = sd_bus_ref(bus);
        self->poll.fd = sd_bus_get_fd(bus);
        if (self->poll.fd >= 0)
                g_source_add_poll(source, &self->poll);

        g_source_set_name(source, "sd-bus");
        g_source_set_callback(source, (GSourceFunc)(void (*)(void))on_closed, user_data, NULL);
        g_source_attach(source, NULL);

        return source;
}
