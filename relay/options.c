/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay/options.h"

#include "protocol/error.h"

#define DESCRIPTION "The mailbox server through which two wallets share a credential."
#define EXAMPLE                                                                                    \
        "Try it on this machine:\n"                                                                \
        "  tigress-relay --trial --listen 127.0.0.1:8443"

gboolean
tg_options_parse(TgOptions *self, int *argc, char ***argv, GError **error)
{
        const GOptionEntry entries[] = {
                {"trial",
                 0, 0,
                 G_OPTION_ARG_NONE, &self->settings.is_trial,
                 "Loopback only, with a certificate of its own", NULL},
                {"listen",
                 0, 0,
                 G_OPTION_ARG_STRING_ARRAY, &self->settings.listen,
                 "Where to listen; may be repeated", "ADDRESS:PORT"},
                {"public-url",
                 0, 0,
                 G_OPTION_ARG_STRING, &self->settings.public_url,
                 "The address that clients know", "URL"},
                {"certificate",
                 0, 0,
                 G_OPTION_ARG_FILENAME, &self->settings.certificate,
                 "Certificate chain in PEM", "FILE"},
                {"key",                    0, 0, G_OPTION_ARG_FILENAME, &self->settings.key, "Its key in PEM", "FILE"},
                {"store",
                 0, 0,
                 G_OPTION_ARG_STRING, &self->settings.store,
                 "File to keep mailboxes in, or :memory:", "STORE"},
                {"state-directory",
                 0, 0,
                 G_OPTION_ARG_FILENAME, &self->settings.state_directory,
                 "Where the store is by default", "DIR"},
                {"config",
                 0, 0,
                 G_OPTION_ARG_FILENAME, &self->settings.file,
                 "Settings, instead of the system's", "FILE"},
                {"check-config",
                 0, 0,
                 G_OPTION_ARG_NONE, &self->is_check,
                 "Say what is wrong with the settings, or print them all", NULL},
                {"version",                          0, 0, G_OPTION_ARG_NONE, &self->is_version, "Print the version", NULL},
                {0}
        };
        g_autoptr(GOptionContext) context = g_option_context_new(NULL);
        g_autoptr(GError) problem = NULL;

        g_option_context_set_summary(context, DESCRIPTION);
        g_option_context_set_description(context, EXAMPLE);
        g_option_context_add_main_entries(context, entries, NULL);
        if (!g_option_context_parse(context, argc, argv, &problem)) {
                tg_set_error(error, TG_ERROR_INVALID, "%s; try --help", problem->message);
                return FALSE;
        }
        if (*argc > 1) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "\"%s\" is no option of tigress-relay; try --help",
                             (*argv)[1]);
                return FALSE;
        }

        return TRUE;
}

void
tg_options_clear(TgOptions *self)
{
        TgSettingOptions *options = &self->settings;

        g_free(options->file);
        g_strfreev(options->listen);
        g_free(options->public_url);
        g_free(options->certificate);
        g_free(options->key);
        g_free(options->store);
        g_free(options->state_directory);
}
