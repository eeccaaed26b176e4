/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/hint.h"

#include <string.h>

static const char *const hints[] = {
        [TG_ERROR_NOT_FOUND] =
                "\"tigressctl list --all\" and \"tigressctl credentials\" show what there is",
        [TG_ERROR_BAD_STATE] = "\"tigressctl show ID\" tells how things stand",
        [TG_ERROR_DENIED] = "nothing was done; try again and agree when you are asked "
                            "(\"tigressctl doctor\" checks whether you can be asked)",
        [TG_ERROR_EXPIRED] = "ask the sender for a new invitation",
        [TG_ERROR_UNREACHABLE] = "check the network, then: tigressctl doctor",
        [TG_ERROR_TAMPERED] = "do not try again on this network; tell the sender by another way",
        [TG_ERROR_LIMIT_REACHED] = "end or forget what is not needed: tigressctl cancel ID, "
                                   "tigressctl forget --ended",
        [TG_ERROR_KEYRING_UNAVAILABLE] =
                "unlock the keyring, then try again; \"tigressctl doctor\" "
                "says what is wrong with it",
        [TG_ERROR_ALREADY_USED] = "if that was not you on another device, tell the sender; either "
                                  "way ask for a new invitation",
        [TG_ERROR_WRONG_PIN] =
                "never type this PIN again, whatever you are told; ask the sender for "
                "a new link and a new PIN",
        [TG_ERROR_CANCELLED] = NULL, /* also gives the table its length */
};
G_STATIC_ASSERT(G_N_ELEMENTS(hints) == TG_N_ERRORS);

char *
tg_hint_add(const char *message, const char *hint)
{
        return g_strdup_printf("%s\n%s", message, hint);
}

char *
tg_hint_complete(const char *message, TgError code, gboolean may_ask)
{
        if (code == TG_ERROR_DENIED && !may_ask)
                return tg_hint_add(message, "with --no-ask nobody can agree: leave it out");
        if (!hints[code] || strstr(message, ": "))
                return g_strdup(message);

        return tg_hint_add(message, hints[code]);
}
