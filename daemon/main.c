/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * tigressd: the wallet of one user, on his session bus.
 */

#include "config.h"

#include <glib-unix.h>
#include <glib/gstdio.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>

#include "daemon/bus-source.h"
#include "daemon/handler-news.h"
#include "daemon/wallet-bus.h"
#include "daemon/workplace.h"
#include "dbus/names.h"
#include "protocol/limits.h"

#define KEYRING_PATIENCE_MS 1000
#define MAX_DESCRIPTORS 4096
#define MMAP_THRESHOLD_BYTES (256 * 1024)

typedef struct {
        GMainLoop *loop;
        TgWallet wallet;
        TgHandlers *handlers;
        TgManager *manager;
        TgHandlerNews *news;
        TgWalletBus *wallet_bus;
        sd_bus *bus;
        GSource *bus_source;
        guint name_timer;
        TgVaultWait *name_wait;
        gboolean has_name;
        gboolean has_failed;
} Daemon;

static void take_name_soon(Daemon *self);

static void
on_settings_changed(TgSettings *settings, gpointer user_data)
{
        Daemon *self = user_data;

        tg_http_set_ca_file(self->wallet.http, tg_settings_ca_file(settings));
        if (self->wallet_bus != NULL)
                tg_wallet_bus_settings_changed(self->wallet_bus);
}

static void
on_handlers_changed(gpointer user_data)
{
        Daemon *self = user_data;

        if (self->wallet_bus != NULL)
                tg_wallet_bus_formats_changed(self->wallet_bus);
}

static void
on_keyring_changed(TgKeyring *keyring, gpointer user_data)
{
        Daemon *self = user_data;

        if (self->wallet_bus == NULL)
                return;
        take_name_soon(self);
        tg_wallet_bus_keyring_changed(self->wallet_bus);
        tg_vault_keyring_changed(self->wallet.vault);
        tg_manager_keyring_changed(self->manager);
}

static void
on_vault_opened(TgVault *vault, TgVaultFinding finding, gpointer user_data)
{
        Daemon *self = user_data;

        tg_manager_vault_opened(self->manager, finding);
}

static void
on_network_back(gpointer user_data)
{
        Daemon *self = user_data;

        tg_manager_network_back(self->manager);
}

static void
on_bus_closed(sd_bus *bus, int r, gpointer user_data)
{
        Daemon *self = user_data;

        /* The session has ended. What was under way is stored. */
        g_message("the session bus is gone: %s", g_strerror(-r));
        g_main_loop_quit(self->loop);
}

static gboolean
on_signal(gpointer user_data)
{
        Daemon *self = user_data;

        g_main_loop_quit(self->loop);
        return G_SOURCE_CONTINUE;
}

static gboolean
open_wallet(Daemon *self, GError **error)
{
        TgWallet *wallet = &self->wallet;
        g_autofree char *system_file =
                g_build_filename(SYSCONFDIR, "tigress", "tigress.conf", NULL);
        g_autofree char *user_file =
                g_build_filename(g_get_user_config_dir(), "tigress", "tigress.conf", NULL);
        g_autofree char *state_file =
                g_build_filename(g_get_user_state_dir(), "tigress", "state.db", NULL);

        wallet->http = tg_http_new();
        wallet->settings = tg_settings_new(system_file, user_file, on_settings_changed, self);
        tg_http_set_ca_file(wallet->http, tg_settings_ca_file(wallet->settings));
        wallet->store = tg_store_open(state_file, error);
        if (wallet->store == NULL)
                return FALSE;
        /* The state file is ours alone, so nobody works there. */
        tg_workplace_clean();
        wallet->keyring = tg_keyring_new(on_keyring_changed, self);
        wallet->vault = tg_vault_new(wallet->store, wallet->keyring, on_vault_opened, self);
        wallet->turns = tg_turns_new(TG_MAX_HELD_REQUESTS, TG_HELD_READ_S);
        wallet->network = tg_network_new(on_network_back, self);
        self->handlers =
                tg_handlers_new(self->bus, g_get_system_data_dirs(), on_handlers_changed, self);
        self->manager = tg_manager_new(wallet, error);
        if (self->manager != NULL)
                self->news = tg_handler_news_new(self->bus, self->handlers, self->manager, error);

        return self->news != NULL;
}

static gboolean
bus_failed(int r, const char *what, GError **error)
{
        if (r >= 0)
                return FALSE;
        tg_set_error(error, TG_ERROR_FAILED, "cannot %s: %s", what, g_strerror(-r));
        return TRUE;
}

static void
take_name(Daemon *self)
{
        int r;

        if (self->has_name)
                return;
        g_clear_handle_id(&self->name_timer, g_source_remove);
        g_clear_pointer(&self->name_wait, tg_vault_wait_cancel);
        self->has_name = TRUE;
        r = sd_bus_request_name(self->bus, TG_BUS_NAME, 0);
        if (r >= 0) {
                sd_notify(FALSE, "READY=1");
                return;
        }
        if (r == -EEXIST || r == -EALREADY)
                g_printerr("tigressd: error: another tigressd serves this session already\n");
        else
                g_printerr("tigressd: error: cannot take the name %s: %s\n",
                           TG_BUS_NAME,
                           g_strerror(-r));
        self->has_failed = TRUE;
        g_main_loop_quit(self->loop);
}

static gboolean
on_name_due(gpointer user_data)
{
        Daemon *self = user_data;

        self->name_timer = 0;
        take_name(self);
        return G_SOURCE_REMOVE;
}

static void
on_vault_settled(gpointer user_data)
{
        Daemon *self = user_data;

        self->name_wait = NULL;
        take_name(self);
}

/* The keyring is known. Where it is unlocked and we have something that is sealed, that is
 * read first: or the first caller would find it closed, who finds it open a moment later. */
static void
take_name_soon(Daemon *self)
{
        if (self->has_name || self->name_wait != NULL)
                return;
        if (tg_store_has_sealed(self->wallet.store))
                self->name_wait = tg_vault_wait(self->wallet.vault, on_vault_settled, self);
        if (self->name_wait == NULL)
                take_name(self);
}

/* Whoever starts us by his call is answered when the name is ours: not before we know
 * what the keyring is, but a keyring that does not answer holds nobody up. */
static gboolean
go_public(Daemon *self, GError **error)
{
        self->wallet_bus = tg_wallet_bus_new(self->bus, self->manager, error);
        if (self->wallet_bus == NULL)
                return FALSE;
        self->bus_source = tg_bus_source_attach(self->bus, on_bus_closed, self);
        tg_manager_start(self->manager);
        self->name_timer = g_timeout_add(KEYRING_PATIENCE_MS, on_name_due, self);
        return TRUE;
}

static void
shut_down(Daemon *self)
{
        TgWallet *wallet = &self->wallet;

        g_clear_handle_id(&self->name_timer, g_source_remove);
        g_clear_pointer(&self->name_wait, tg_vault_wait_cancel);
        g_clear_pointer(&self->wallet_bus, tg_wallet_bus_free);
        if (self->bus_source != NULL) {
                g_source_destroy(self->bus_source);
                g_clear_pointer(&self->bus_source, g_source_unref);
        }
        g_clear_pointer(&self->news, tg_handler_news_free);
        g_clear_pointer(&self->manager, tg_manager_free);
        g_clear_pointer(&self->handlers, tg_handlers_free);
        g_clear_pointer(&wallet->network, tg_network_free);
        g_clear_pointer(&wallet->turns, tg_turns_free);
        g_clear_pointer(&wallet->vault, tg_vault_free);
        g_clear_pointer(&wallet->keyring, tg_keyring_free);
        g_clear_pointer(&wallet->store, tg_store_free);
        g_clear_pointer(&wallet->settings, tg_settings_free);
        g_clear_pointer(&wallet->http, tg_http_free);
        g_clear_pointer(&self->bus, sd_bus_flush_close_unref);
}

static gboolean
run(Daemon *self, GError **error)
{
        if (bus_failed(sd_bus_open_user(&self->bus), "reach the session bus", error) ||
            !open_wallet(self, error) || !go_public(self, error))
                return FALSE;

        g_main_loop_run(self->loop);
        sd_notify(FALSE, "STOPPING=1");
        return TRUE;
}

static gboolean
parse_arguments(int argc, char **argv)
{
        gboolean is_version = FALSE;
        const GOptionEntry entries[] = {
                {"version",
                 0,            0,
                 G_OPTION_ARG_NONE,  &is_version,
                 "print the version and leave",         NULL},
                {NULL,      0, 0, 0, NULL,        NULL, NULL},
        };
        g_autoptr(GOptionContext) context = g_option_context_new(NULL);
        g_autoptr(GError) error = NULL;

        g_option_context_set_summary(context,
                                     "The wallet that shares and accepts digital credentials: one "
                                     "a user, started by the session bus on first use.");
        g_option_context_set_description(context, "See tigressd(8) and tigressctl(1).\n");
        g_option_context_add_main_entries(context, entries, NULL);
        if (!g_option_context_parse(context, &argc, &argv, &error) || argc > 1) {
                g_printerr("tigressd: error: %s\n",
                           error != NULL ? error->message : "there are no arguments");
                exit(2);
        }
        if (is_version)
                g_print("tigressd %s\n", PACKAGE_VERSION);
        return !is_version;
}

/* Each caller, held request and descriptor that is being read takes one. */
static void
allow_descriptors(void)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return;
        limit.rlim_cur = MIN(limit.rlim_max, MAX_DESCRIPTORS);
        setrlimit(RLIMIT_NOFILE, &limit);
}

int
main(int argc, char **argv)
{
        Daemon self = {};
        g_autoptr(GError) error = NULL;
        gboolean is_fine;

        if (!parse_arguments(argc, argv))
                return EXIT_SUCCESS;

        /* GIO would ask NetworkManager, and wait for it: one that hangs would hold us up before the
         * first call is answered. The kernel knows as well whether there is a network. */
        g_setenv("GIO_USE_NETWORK_MONITOR", "netlink", FALSE);
        /* A PIN's scrypt takes 16 MiB for a moment. Left to itself the allocator learns from that
         * to keep them. */
        mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES);
        tg_secret_forbid_dumps();
        switch (tg_secret_init(TG_SECURE_HEAP_BYTES)) {
        case TG_SECRET_HEAP_LOCKED:
                break;
        case TG_SECRET_HEAP_UNLOCKED:
                g_warning("memory for secrets cannot be locked: raise LimitMEMLOCK, or secrets may "
                          "reach the swap space");
                break;
        case TG_SECRET_HEAP_FAILED:
                g_printerr("tigressd: error: there is no memory for secrets\n");
                return EXIT_FAILURE;
        }

        allow_descriptors();
        self.loop = g_main_loop_new(NULL, FALSE);
        g_unix_signal_add(SIGTERM, on_signal, &self);
        g_unix_signal_add(SIGINT, on_signal, &self);
        is_fine = run(&self, &error);
        if (!is_fine)
                g_printerr("tigressd: error: %s\n", error->message);
        shut_down(&self);
        g_main_loop_unref(self.loop);

        return is_fine && !self.has_failed ? EXIT_SUCCESS : EXIT_FAILURE;
}
