/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "cli/check.h"
#include "cli/settings-file.h"
#include "cli/times.h"
#include "cli/wallet.h"
#include "dbus/names.h"
#include "protocol/error.h"
#include "protocol/limits.h"

#define KEYRING_DEADLINE_US (1 * G_USEC_PER_SEC)

static const struct {
        const char *state;
        TgCheckStatus status;
        const char *finding;
        const char *remedy;
} keyrings[] = {
        {"unlocked", TG_CHECK_OK, "it is there and unlocked",                              NULL},
        {"locked",
         TG_CHECK_WARNING,        "it is locked: shares wait until it is unlocked",
         "unlock it in your desktop's password manager, or log out and in"                     },
        {"absent",
         TG_CHECK_FAILURE,        "no program offers a keyring (org.freedesktop.secrets)",
         "install and start one: apt install gnome-keyring"                                    },
        {"silent",
         TG_CHECK_FAILURE,        "it does not answer",
         "restart it: systemctl --user restart gnome-keyring-daemon"                           },
};

static gboolean
is_interrupted(GError *local, GError **error)
{
        if (tg_error_code(local) != TG_ERROR_CANCELLED)
                return FALSE;
        g_propagate_error(error, g_error_copy(local));
        return TRUE;
}

/* An error as a finding and its hint as the remedy. */
static void
report_error(const char *name, const GError *problem, const char *remedy)
{
        g_auto(GStrv) parts = g_strsplit(problem->message, "\n", 2);

        tg_check_report(TG_CHECK_FAILURE, name, parts[0], parts[1] ? parts[1] : remedy);
}

static gboolean
check_version(TgClient *client, gboolean *ret_is_there, GError **error)
{
        g_autoptr(GError) local = NULL;
        g_autoptr(GVariant) version = tg_wallet_property(client, "Version", "s", &local);
        g_autofree char *finding = NULL;

        *ret_is_there = version != NULL;
        if (!version) {
                if (is_interrupted(local, error))
                        return FALSE;
                report_error("wallet", local, "see: systemctl --user status tigressd");
                return TRUE;
        }

        finding = g_strdup_printf("it runs, version %s", g_variant_get_string(version, NULL));
        if (strcmp(g_variant_get_string(version, NULL), PACKAGE_VERSION) == 0)
                tg_check_report(TG_CHECK_OK, "wallet", finding, NULL);
        else
                tg_check_report(TG_CHECK_WARNING,
                                "wallet",
                                finding,
                                "tigressctl is " PACKAGE_VERSION
                                "; restart it: systemctl --user restart tigressd");

        return TRUE;
}

static void
on_signal(const TgClientSignal *signal, gpointer user_data)
{
        gboolean *has_changed = user_data;

        *has_changed = TRUE;
}

/* A wallet that this very question has started needs a moment to find its keyring. */
static GVariant *
settled_keyring_state(TgClient *client, GError **error)
{
        gint64 deadline_us = g_get_monotonic_time() + KEYRING_DEADLINE_US;
        gboolean has_changed = FALSE;
        GVariant *state = NULL;
        gint64 left_us;

        if (!tg_client_watch(client, TG_ROOT_PATH, on_signal, &has_changed, error))
                return NULL;
        state = tg_wallet_property(client, "KeyringState", "s", error);
        for (;;) {
                left_us = deadline_us - g_get_monotonic_time();
                if (!state || left_us <= 0 ||
                    strcmp(g_variant_get_string(state, NULL), "unlocked") == 0)
                        break;
                if (!has_changed && !tg_client_turn(client, (int)(left_us / 1000) + 1, error)) {
                        g_clear_pointer(&state, g_variant_unref);
                        break;
                }
                if (!has_changed)
                        continue;
                has_changed = FALSE;
                g_variant_unref(state);
                state = tg_wallet_property(client, "KeyringState", "s", error);
        }
        tg_client_unwatch(client);

        return state;
}

static gboolean
check_keyring(TgClient *client, GError **error)
{
        g_autoptr(GError) local = NULL;
        g_autoptr(GVariant) state = settled_keyring_state(client, &local);

        if (!state) {
                if (is_interrupted(local, error))
                        return FALSE;
                report_error("keyring", local, NULL);
                return TRUE;
        }
        for (gsize i = 0; i < G_N_ELEMENTS(keyrings); i++)
                if (strcmp(keyrings[i].state, g_variant_get_string(state, NULL)) == 0)
                        tg_check_report(keyrings[i].status,
                                        "keyring",
                                        keyrings[i].finding,
                                        keyrings[i].remedy);

        return TRUE;
}

static void
check_time(gint64 offset)
{
        guint64 size = (guint64)(offset < 0 ? -offset : offset);
        g_autofree char *length = tg_times_duration(size);
        g_autofree char *finding = g_strdup_printf("this machine's clock is %s %s the relay's",
                                                   length,
                                                   offset < 0 ? "ahead of" : "behind");

        if (size <= TG_MAX_CLOCK_SKEW_S)
                tg_check_report(TG_CHECK_OK,
                                "time",
                                size < 2 ? "this machine's clock and the relay's agree" : finding,
                                NULL);
        else
                tg_check_report(TG_CHECK_WARNING,
                                "time",
                                finding,
                                "set the clock by the network: timedatectl set-ntp true");
}

static const char *
relay_remedy(TgError code)
{
        switch ((int)code) {
        case TG_ERROR_INVALID:
        case TG_ERROR_UNTRUSTED_RELAY:
                return "name one: tigressctl relays add https://relay.example --default";
        case TG_ERROR_TAMPERED:
                return "if its authority is your own: CaFile= in tigress.conf(5); else do not use "
                       "this "
                       "network";
        case TG_ERROR_FAILED:
                return "name another: tigressctl relays add https://relay.example --default";
        default:
                return "check the network, and the relay's address: tigressctl relays";
        }
}

static gboolean
check_relay(TgClient *client, GError **error)
{
        const TgClientCall call = {
                .interface = TG_MANAGER_INTERFACE,
                .method = "CheckRelay",
                .arguments = g_variant_new("(s)", ""),
                .kind = TG_CALL_SLOW,
        };
        g_autoptr(GError) local = NULL;
        g_autoptr(GVariant) reply = tg_client_call(client, &call, &local);
        g_autoptr(GVariant) facts = NULL;
        g_autofree char *finding = NULL;
        const char *relay = "";
        guint32 round_trip_ms = 0;
        gint64 offset = 0;
        gboolean wants_attestation = FALSE;

        if (!reply) {
                g_auto(GStrv) parts = g_strsplit(local->message, "\n", 2);

                if (is_interrupted(local, error))
                        return FALSE;
                tg_check_report(
                        TG_CHECK_FAILURE, "relay", parts[0], relay_remedy(tg_error_code(local)));
                return TRUE;
        }

        facts = g_variant_get_child_value(reply, 0);
        (void)g_variant_lookup(facts, "relay", "&s", &relay);
        (void)g_variant_lookup(facts, "round-trip-ms", "u", &round_trip_ms);
        finding = g_strdup_printf("%s answers, after %u ms", relay, round_trip_ms);
        tg_check_report(TG_CHECK_OK, "relay", finding, NULL);
        if (g_variant_lookup(facts, "wants-attestation", "b", &wants_attestation) &&
            wants_attestation)
                tg_check_report(TG_CHECK_FAILURE,
                                "attestation",
                                "the relay wants one with each new share, and the wallet has none",
                                "name another relay: `tigressctl relays add --default "
                                "https://RELAY`");
        if (g_variant_lookup(facts, "clock-offset", "x", &offset))
                check_time(offset);

        return TRUE;
}

gboolean
tg_check_wallet(TgClient *client, GError **error)
{
        gboolean is_there;

        if (!check_version(client, &is_there, error))
                return FALSE;
        if (!is_there)
                return TRUE;

        return check_keyring(client, error) && check_relay(client, error);
}

void
tg_check_configuration(void)
{
        g_autofree char *user_path = tg_settings_file_user_path();
        const char *paths[] = {tg_settings_file_system_path(), user_path};
        gboolean is_fine = TRUE;

        for (gsize i = 0; i < G_N_ELEMENTS(paths); i++) {
                g_autoptr(GError) local = NULL;
                g_autoptr(TgSettingsFile) file = tg_settings_file_load(paths[i], &local);

                if (file)
                        continue;
                report_error("settings", local, NULL);
                is_fine = FALSE;
        }
        if (is_fine)
                tg_check_report(
                        TG_CHECK_OK, "settings", "the configuration files can be read", NULL);
}
