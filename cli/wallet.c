/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/wallet.h"

#include <string.h>

#include "dbus/names.h"
#include "protocol/error.h"

GVariant *
tg_wallet_property(TgClient *client, const char *name, const char *type, GError **error)
{
        g_autoptr(GVariant) properties =
                tg_client_get_all(client, TG_ROOT_PATH, TG_MANAGER_INTERFACE, error);
        GVariant *value;

        if (!properties)
                return NULL;
        value = g_variant_lookup_value(properties, name, G_VARIANT_TYPE(type));
        if (!value)
                tg_set_error(
                        error,
                        TG_ERROR_FAILED,
                        "the running wallet is of another version than tigressctl\nrestart it: "
                        "systemctl --user restart tigressd");

        return value;
}

char **
tg_wallet_relays(TgClient *client, GError **error)
{
        g_autoptr(GVariant) relays = tg_wallet_property(client, "Relays", "as", error);

        return relays ? g_variant_dup_strv(relays, NULL) : NULL;
}

gboolean
tg_wallet_pin_rule(TgClient *client,
                   const char *format,
                   const char *kind,
                   TgWalletPin *ret_rule,
                   GError **error)
{
        g_autoptr(GVariant) rules = tg_wallet_property(client, "PinRules", "a(sss)", error);
        GVariantIter iter;
        const char *row_format, *row_kind, *row_rule;

        if (!rules)
                return FALSE;

        *ret_rule = TG_WALLET_PIN_OPTIONAL;
        g_variant_iter_init(&iter, rules);
        while (g_variant_iter_next(&iter, "(&s&s&s)", &row_format, &row_kind, &row_rule)) {
                if (strcmp(row_format, format) != 0 || (kind && strcmp(row_kind, kind) != 0))
                        continue;
                if (strcmp(row_rule, "required") == 0)
                        *ret_rule = TG_WALLET_PIN_REQUIRED;
                else if (strcmp(row_rule, "optional") != 0)
                        *ret_rule = TG_WALLET_PIN_DEFAULT;
                break;
        }

        return TRUE;
}
