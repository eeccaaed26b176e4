/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/error.h"

#include <string.h>

/* Spelled as in dbus/names.h, which this folder may not include: a test compares them. */
#define BUS_PREFIX "org.tigress.Wallet1.Error."

typedef struct {
        TgError code;
        int exit_status;
        const char *bus_name;
} ErrorInfo;

#define NAME(name) BUS_PREFIX name

static const ErrorInfo error_infos[] = {
        {TG_ERROR_FAILED,              1,  NAME("Failed")            },
        {TG_ERROR_INVALID,             2,  NAME("Invalid")           },
        {TG_ERROR_NOT_FOUND,           3,  NAME("NotFound")          },
        {TG_ERROR_BAD_STATE,           4,  NAME("BadState")          },
        {TG_ERROR_DENIED,              5,  NAME("Denied")            },
        {TG_ERROR_EXPIRED,             6,  NAME("Expired")           },
        {TG_ERROR_UNREACHABLE,         7,  NAME("Unreachable")       },
        {TG_ERROR_TAMPERED,            8,  NAME("Tampered")          },
        {TG_ERROR_LIMIT_REACHED,       9,  NAME("LimitReached")      },
        {TG_ERROR_UNTRUSTED_RELAY,     10, NAME("UntrustedRelay")    },
        {TG_ERROR_KEYRING_UNAVAILABLE, 11, NAME("KeyringUnavailable")},
        {TG_ERROR_ALREADY_USED,        12, NAME("AlreadyUsed")       },
        {TG_ERROR_WRONG_PIN,           13, NAME("WrongPin")          },
        {TG_ERROR_DECLINED,            14, NAME("Declined")          },
        {TG_ERROR_CANCELLED,           15, NAME("Cancelled")         },
};
G_STATIC_ASSERT(G_N_ELEMENTS(error_infos) == TG_N_ERRORS);

G_DEFINE_QUARK(tg_error, tg_error)

static const ErrorInfo *
info_of(TgError code)
{
        g_return_val_if_fail((guint)code < TG_N_ERRORS, &error_infos[TG_ERROR_FAILED]);

        return &error_infos[code];
}

void
tg_set_error(GError **error, TgError code, const char *format, ...)
{
        va_list arguments;

        if (!error)
                return;

        va_start(arguments, format);
        g_return_if_fail(*error == NULL);
        *error = g_error_new_valist(TG_ERROR, info_of(code)->code, format, arguments);
        va_end(arguments);
}

GError *
tg_error_new(TgError code, const char *format, ...)
{
        GError *error;
        va_list arguments;

        va_start(arguments, format);
        error = g_error_new_valist(TG_ERROR, info_of(code)->code, format, arguments);
        va_end(arguments);

        return error;
}

TgError
tg_error_code(const GError *error)
{
        if (!error || error->domain != TG_ERROR || (guint)error->code >= TG_N_ERRORS)
                return TG_ERROR_FAILED;

        return (TgError)error->code;
}

const char *
tg_error_name(TgError code)
{
        return info_of(code)->bus_name + strlen(BUS_PREFIX);
}

const char *
tg_error_bus_name(TgError code)
{
        return info_of(code)->bus_name;
}

int
tg_error_exit_status(TgError code)
{
        return info_of(code)->exit_status;
}

gboolean
tg_error_from_name(const char *name, TgError *ret_code)
{
        for (gsize i = 0; i < TG_N_ERRORS; i++) {
                if (g_strcmp0(name, tg_error_name((TgError)i)) != 0)
                        continue;
                *ret_code = (TgError)i;
                return TRUE;
        }

        return FALSE;
}

gboolean
tg_error_from_bus_name(const char *bus_name, TgError *ret_code)
{
        if (!bus_name || !g_str_has_prefix(bus_name, BUS_PREFIX))
                return FALSE;

        return tg_error_from_name(bus_name + strlen(BUS_PREFIX), ret_code);
}
