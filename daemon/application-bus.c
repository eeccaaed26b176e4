/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * org.freedesktop.Application (Desktop Entry Specification, "D-Bus Activation"): how a click
 * on a link reaches us without standing in anybody's arguments. Opening only inspects: what
 * the link says is shown as a notification, and nothing is claimed, accepted or kept.
 */

#include <string.h>

#include "daemon/inspection.h"
#include "daemon/wallet-bus.h"
#include "dbus/names.h"
#include "protocol/limits.h"
#include "protocol/text.h"

#define NEUTRAL_TITLE "Shared credential"

#define MAX_LINKS 4
#define MAX_OPENINGS 8 /* at a time, whoever asks */
#define APPLICATION_INTERFACE "org.freedesktop.Application"

#define PIN_NEEDED " The sender tells you its PIN by telephone or in person."

typedef struct {
        TgWalletBus *bus;
        TgInspection *inspection;
        char *origin;
        gboolean has_pin;
} TgOpening;

static void
free_opening(gpointer data)
{
        TgOpening *self = data;

        g_clear_pointer(&self->inspection, tg_inspection_cancel);
        self->bus->n_openings--;
        g_free(self->origin);
        g_free(self);
}

/* Nobody is there to be told of a failure: a session without notifications shows none. */
static void
notify(TgWalletBus *self, const char *summary, const char *body)
{
        g_autofree char *escaped = g_markup_escape_text(body, -1);
        sd_bus_message *message = NULL;

        if (sd_bus_message_new_method_call(self->bus,
                                           &message,
                                           "org.freedesktop.Notifications",
                                           "/org/freedesktop/Notifications",
                                           "org.freedesktop.Notifications",
                                           "Notify") < 0)
                return;
        sd_bus_message_append(message,
                              "susssasa{sv}i",
                              "Tigress",
                              (guint32)0,
                              TG_BUS_NAME,
                              summary,
                              escaped,
                              0,
                              1,
                              "desktop-entry",
                              "s",
                              TG_BUS_NAME,
                              (gint32)-1);
        sd_bus_message_set_expect_reply(message, FALSE);
        sd_bus_send(self->bus, message, NULL);
        sd_bus_message_unref(message);
}

static void
notify_error(TgWalletBus *self, const GError *error)
{
        notify(self, "This invitation cannot be opened", error->message);
}

static void
notify_invitation(TgWalletBus *self, const char *title, const char *origin, const char *more)
{
        g_autofree char *body = g_strdup_printf("%s\nFrom %s; not verified. To accept it, "
                                                "run \u201ctigressctl accept\u201d "
                                                "and paste the link.%s",
                                                title,
                                                origin,
                                                more);

        notify(self, "Invitation to a credential", body);
}

static void
on_inspected(const TgDisplay *display, gint64 expires_s, const GError *error, gpointer user_data)
{
        TgOpening *self = user_data;

        self->inspection = NULL;
        if (error != NULL) {
                notify_error(self->bus, error);
        } else {
                g_autofree char *title = tg_text_clean(display->title, -1, TG_MAX_TITLE_BYTES);

                notify_invitation(self->bus, title, self->origin, self->has_pin ? PIN_NEEDED : "");
        }
        tg_pending_take(self->bus, self);
        free_opening(self);
}

static void
open_link(TgWalletBus *bus, const char *text)
{
        TgWallet *wallet = tg_manager_wallet(bus->manager);
        g_autoptr(GError) error = NULL;
        g_autoptr(TgLink) link = tg_link_parse(text, strlen(text), FALSE, &error);
        TgOpening *self;

        if (error == NULL)
                tg_inspection_is_allowed(wallet, link, &error);
        if (error != NULL) {
                notify_error(bus, error);
                return;
        }

        if (link->mode == TG_LINK_TDCH) {
                /* Looking would be reading. */
                notify_invitation(bus, NEUTRAL_TITLE, link->origin, "");
                return;
        }

        self = g_new0(TgOpening, 1);
        self->bus = bus;
        self->origin = g_strdup(link->origin);
        self->has_pin = link->mode == TG_LINK_T2_PIN;
        bus->n_openings++;
        tg_pending_add(bus, self, free_opening);
        self->inspection = tg_inspection_start(wallet, link, on_inspected, self);
}

static int
on_open(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        TgWalletBus *self = userdata;
        g_autoptr(TgCall) call = NULL;
        g_autoptr(GError) refused = NULL;
        const char *text;
        guint n = 0;
        int r = sd_bus_message_enter_container(message, 'a', "s");

        if (r < 0)
                return r;
        /* Whoever calls is one of ours, and within his limits. */
        call = tg_call_new(self->callers, message, &refused);
        if (call == NULL)
                return tg_reply_error(message, refused);
        if (self->n_openings >= MAX_OPENINGS) {
                refused = tg_error_new(TG_ERROR_LIMIT_REACHED,
                                       "too many links are being looked at: try again later");
                tg_call_fail(call, refused);
                return 1;
        }
        while (n < MAX_LINKS && sd_bus_message_read(message, "s", &text) > 0) {
                open_link(self, text);
                n++;
        }
        tg_call_return(call, NULL);
        return 1;
}

static int
on_activate(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        notify(userdata,
               "Tigress is running",
               "It has no window. Run \u201ctigressctl\u201d to share or accept a credential.");
        return sd_bus_reply_method_return(message, NULL);
}

static int
on_activate_action(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        g_autoptr(GError) refused = tg_error_new(TG_ERROR_NOT_FOUND, "there are no actions");

        return tg_reply_error(message, refused);
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Activate",
                                SD_BUS_ARGS("a{sv}", platform_data),
                                SD_BUS_NO_RESULT,
                                on_activate,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Open",
                                SD_BUS_ARGS("as", uris, "a{sv}", platform_data),
                                SD_BUS_NO_RESULT,
                                on_open,
                                SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_METHOD_WITH_ARGS(
                "ActivateAction",
                SD_BUS_ARGS("s", action_name, "av", parameter, "a{sv}", platform_data),
                SD_BUS_NO_RESULT,
                on_activate_action,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

int
tg_application_bus_add(TgWalletBus *self, sd_bus_slot **ret_slot)
{
        return sd_bus_add_object_vtable(
                self->bus, ret_slot, TG_ROOT_PATH, APPLICATION_INTERFACE, vtable, self);
}
