/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/verdict.h"

#include <string.h>

#include "protocol/error.h"
#include "protocol/text.h"

#define MAX_REASON_BYTES 256

typedef struct {
        gboolean is_authorized;
        gboolean is_challenge; /* somebody would have to be asked */
        gboolean is_dismissed;
} Verdict;

static gboolean
read_verdict(sd_bus_message *reply, Verdict *ret_verdict)
{
        Verdict verdict = {};
        int is_authorized, is_challenge, r;
        const char *key, *value;

        if (g_strcmp0(sd_bus_message_get_signature(reply, 1), "(bba{ss})") != 0)
                return FALSE;
        if (sd_bus_message_enter_container(reply, SD_BUS_TYPE_STRUCT, "bba{ss}") <= 0 ||
            sd_bus_message_read(reply, "bb", &is_authorized, &is_challenge) <= 0 ||
            sd_bus_message_enter_container(reply, SD_BUS_TYPE_ARRAY, "{ss}") < 0)
                return FALSE;

        while ((r = sd_bus_message_read(reply, "{ss}", &key, &value)) > 0)
                if (strcmp(key, "polkit.dismissed") == 0 && *value != '\0')
                        verdict.is_dismissed = TRUE;
        if (r < 0 || sd_bus_message_exit_container(reply) < 0 ||
            sd_bus_message_exit_container(reply) < 0)
                return FALSE;

        /* Yes and "would have to ask" at once is no answer. */
        if (is_authorized && (is_challenge || verdict.is_dismissed))
                return FALSE;

        verdict.is_authorized = is_authorized;
        verdict.is_challenge = is_challenge;
        *ret_verdict = verdict;
        return TRUE;
}

static GError *
error_of_verdict(const Verdict *verdict, const char *action, gboolean is_interactive)
{
        if (verdict->is_dismissed)
                return tg_error_new(TG_ERROR_DENIED,
                                    "the question for permission was dismissed: "
                                    "repeat the request to be asked again");

        if (verdict->is_challenge && is_interactive)
                return tg_error_new(TG_ERROR_DENIED,
                                    "nobody could be asked for permission: run tigressctl on a "
                                    "terminal, or start a polkit authentication agent (the "
                                    "desktop's own, lxpolkit, pkttyagent)");

        if (verdict->is_challenge)
                return tg_error_new(TG_ERROR_DENIED,
                                    "permission has to be asked for, and this call does not "
                                    "allow that: repeat it with interactive authorization");

        if (is_interactive)
                return tg_error_new(TG_ERROR_DENIED,
                                    "permission was refused: the password was wrong, or the "
                                    "polkit rules of this machine do not allow %s",
                                    action);

        return tg_error_new(TG_ERROR_DENIED,
                            "permission was refused: the polkit rules of this machine do not "
                            "allow %s",
                            action);
}

GError *
tg_verdict_none(void)
{
        return tg_error_new(TG_ERROR_DENIED,
                            "polkit gave no answer: see that polkitd runs, then repeat the "
                            "request");
}

/* Told by name: sd-bus turns every error of polkit into EIO. */
static GError *
error_of_failure(const sd_bus_error *error)
{
        g_autofree char *reason = NULL;

        if (sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
            sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
                return tg_error_new(TG_ERROR_DENIED,
                                    "permission cannot be asked for, because polkit is not "
                                    "running: install or start polkitd");

        if (g_str_has_prefix(error->name, "org.freedesktop.DBus.Error.Spawn."))
                return tg_error_new(TG_ERROR_DENIED,
                                    "permission cannot be asked for, because polkit cannot be "
                                    "started: see the log of polkit.service");

        if (sd_bus_error_has_name(error, SD_BUS_ERROR_NO_REPLY) ||
            sd_bus_error_has_name(error, SD_BUS_ERROR_DISCONNECTED) ||
            sd_bus_error_has_name(error, SD_BUS_ERROR_TIMEOUT))
                return tg_verdict_none();

        reason = tg_text_clean(error->message, -1, MAX_REASON_BYTES);
        return tg_error_new(TG_ERROR_DENIED,
                            "polkit could not decide: see that the policy file of Tigress is "
                            "installed (polkit says: %s)",
                            *reason ? reason : "nothing");
}

GError *
tg_verdict_judge(sd_bus_message *reply, const char *action, gboolean is_interactive)
{
        Verdict verdict;

        if (sd_bus_message_is_method_error(reply, NULL))
                return error_of_failure(sd_bus_message_get_error(reply));

        if (!read_verdict(reply, &verdict))
                return tg_error_new(TG_ERROR_DENIED,
                                    "polkit gave an answer that cannot be understood: "
                                    "see that polkitd is the system's own");

        if (!verdict.is_authorized)
                return error_of_verdict(&verdict, action, is_interactive);

        return NULL;
}
