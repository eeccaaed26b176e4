/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/outcome.h"

#include <string.h>

#include "cli/hint.h"
#include "cli/times.h"
#include "protocol/error.h"

static const struct {
        const char *state;
        TgError code;
        const char *sentence; /* where Failure has none */
} ends[] = {
        {"completed",    TG_ERROR_FAILED,    ""                                                      },
        {"cancelled",    TG_ERROR_CANCELLED, "the share was cancelled"                               },
        {"declined",     TG_ERROR_DECLINED,  "the invitation was declined"                           },
        {"expired",      TG_ERROR_EXPIRED,   "the time of the invitation is up"                      },
        {"refused",      TG_ERROR_DENIED,    "you did not agree, or could not be asked"              },
        {"burned",       TG_ERROR_WRONG_PIN, "somebody failed with this link three times: it is void"},
        {"failed",       TG_ERROR_FAILED,    "the share failed"                                      },
        {"revoked",      TG_ERROR_CANCELLED, "the credential was taken back"                         },
        {"relinquished", TG_ERROR_CANCELLED, "the invitation was left to another device"             },
};

static const struct {
        const char *role; /* NULL: either */
        const char *state;
        const char *sentence;
} running[] = {
        {NULL,        "authorizing",         "waiting for your consent"                            },
        {NULL,        "waiting-for-keyring", "waiting for the keyring (if it is locked, unlock it)"},
        {"initiator", "uploading",           "handing the invitation to the relay"                 },
        {"initiator", "invited",             "waiting for the recipient"                           },
        {"initiator", "verifying-pin",       "checking the PIN"                                    },
        {"initiator", "exchanging",          "the recipient is there; handing over"                },
        {"recipient", "claiming",            "opening the invitation"                              },
        {"recipient", "pin-needed",          "waiting for the PIN"                                 },
        {"recipient", "exchanging",          "waiting for the sender"                              },
        {"recipient", "provisioning",        "storing the credential"                              },
};

static const char burned_hint[] =
        "ask the recipient whether it was him; if not, somebody else reads your messages: make a "
        "new link, with a new PIN, and send it by another way";

gboolean
tg_outcome_is_end(const char *state)
{
        for (gsize i = 0; i < G_N_ELEMENTS(ends); i++)
                if (strcmp(state, ends[i].state) == 0)
                        return TRUE;

        return FALSE;
}

gboolean
tg_outcome_check(const TgObject *share, GError **error)
{
        const char *state = tg_object_text(share, "State");
        TgError code = TG_ERROR_FAILED;
        const char *sentence = "the share ended in a way that tigressctl does not know";
        const char *name;
        const char *message;
        g_autofree char *full = NULL;

        if (strcmp(state, "completed") == 0)
                return TRUE;

        tg_object_failure(share, &name, &message);
        for (gsize i = 0; i < G_N_ELEMENTS(ends); i++) {
                if (strcmp(state, ends[i].state) != 0)
                        continue;
                code = ends[i].code;
                sentence = ends[i].sentence;
        }
        if (strcmp(state, "failed") == 0)
                (void)tg_error_from_name(name, &code);

        if (strcmp(state, "burned") == 0)
                full = tg_hint_add(*message ? message : sentence, burned_hint);
        else
                full = tg_hint_complete(*message ? message : sentence, code, TRUE);
        tg_set_error(error, code, "%s", full);
        return FALSE;
}

const char *
tg_outcome_mode(const char *mode)
{
        static const struct {
                const char *mode;
                const char *meaning;
        } modes[] = {
                {"plain",  "link only: whoever opens it first gets it, later readers may as well"},
                {"t1",     "link only: whoever opens it first gets it, later readers may as well"},
                {"t2",     "link only: whoever opens it first gets it, and nobody after"         },
                {"t2-pin", "link and PIN: nobody gets it with the link alone"                    },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(modes); i++)
                if (strcmp(mode, modes[i].mode) == 0)
                        return modes[i].meaning;

        return mode;
}

char *
tg_outcome_tries(const TgObject *share)
{
        guint64 n_tries = tg_object_number(share, "PinAttemptsLeft");

        return n_tries == 1 ? g_strdup("1 try is left")
                            : g_strdup_printf("%" G_GUINT64_FORMAT " tries are left", n_tries);
}

/* What the table does not know: how it stands with the PIN. */
static void
add_pin(GString *text, const TgObject *share, const char *role, const char *state)
{
        g_autofree char *tries = tg_outcome_tries(share);

        if (!tg_object_flag(share, "PinRequired"))
                return;
        if (strcmp(role, "recipient") == 0 && strcmp(state, "exchanging") == 0)
                g_string_assign(text, "waiting for the sender's wallet to check the PIN");
        if (strcmp(state, "pin-needed") == 0 || strcmp(state, "invited") == 0)
                g_string_append_printf(text, " (%s)", tries);
}

char *
tg_outcome_progress(const TgObject *share, gboolean with_times)
{
        const char *state = tg_object_text(share, "State");
        const char *role = tg_object_text(share, "Role");
        GString *text = g_string_new(NULL);
        guint64 expires = tg_object_number(share, "Expires");
        guint64 now = tg_times_now();
        const char *name;
        const char *message;

        for (gsize i = 0; i < G_N_ELEMENTS(running); i++)
                if (strcmp(state, running[i].state) == 0 &&
                    (!running[i].role || strcmp(role, running[i].role) == 0))
                        g_string_assign(text, running[i].sentence);
        if (text->len == 0)
                g_string_assign(text, state);
        add_pin(text, share, role, state);

        tg_object_failure(share, &name, &message);
        /* Of a wrong PIN the number of tries tells; nobody tries again by himself. What has just
         * failed is a thing to know, and no time makes it better. */
        if (*message && strcmp(name, "WrongPin") != 0)
                g_string_append_printf(text,
                                       " (%s%s)",
                                       message,
                                       strcmp(name, "Failed") == 0 ? "" : "; trying again");
        if (with_times && expires > now) {
                g_autofree char *left = tg_times_relative(expires, now);

                g_string_append_printf(text, "; ends %s", left);
        }

        return g_string_free(text, FALSE);
}
