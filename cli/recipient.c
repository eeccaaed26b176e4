/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/recipient.h"

#include <string.h>

#include "cli/interrupt.h"
#include "cli/outcome.h"
#include "cli/output.h"
#include "cli/spoken-pin.h"
#include "cli/terminal.h"
#include "cli/watch.h"
#include "protocol/error.h"

static gboolean
can_ask(const TgReception *self)
{
        return self->may_ask && tg_terminal_is_there();
}

/* Before the first PIN of this command, and after each that was wrong. */
static void
explain(const TgObject *share, gboolean is_wrong)
{
        const char *title = tg_object_text(share, "Title");
        g_autofree char *tries = tg_outcome_tries(share);

        if (is_wrong) {
                tg_output_note("wrong PIN: %s", tries);
                tg_output_say("Either it was mistyped, or somebody interferes. Never type this PIN "
                              "for another");
                tg_output_say("link, whatever you are told: ask for a new link and a new PIN.");
                return;
        }
        tg_output_say(
                "This invitation has a PIN, which the sender tells you by telephone or in person.");
        tg_output_say("Type it for this link only; %s.", tries);
        if (*title && tg_object_flag(share, "TitleVerified"))
                tg_output_say("It is for \"%s\".", title);
}

static gboolean
is_pin_needed(gpointer user_data)
{
        return tg_watch_look(user_data) && tg_watch_is_pin_needed(user_data);
}

/* TRUE also when it is not needed any more: somebody else may have given it, or ended the share. */
static gboolean
hand_over(TgClient *client, TgWatch *watch, const TgSecret *pin, GError **error)
{
        g_autoptr(GError) local = NULL;

        tg_watch_expect_verdict(watch, TRUE);
        if (tg_spoken_pin_give(client, tg_watch_share(watch), pin, &local))
                return TRUE;
        tg_watch_expect_verdict(watch, FALSE);

        if (g_error_matches(local, TG_ERROR, TG_ERROR_BAD_STATE) && tg_watch_look(watch) &&
            !tg_watch_is_pin_needed(watch))
                return TRUE;
        g_propagate_error(error, g_steal_pointer(&local));
        return FALSE;
}

/* TRUE also when it is not needed any more. */
static gboolean
ask_and_give(TgClient *client, TgWatch *watch, GError **error)
{
        for (;;) {
                g_autoptr(TgSecret) pin = NULL;
                g_autoptr(GError) local = NULL;

                pin = tg_terminal_ask_secret_while(
                        "PIN (it is not shown): ", is_pin_needed, watch, &local);
                if (!pin && !local)
                        return TRUE;
                if (!pin && tg_interrupt_signal() == 0 &&
                    g_error_matches(local, TG_ERROR, TG_ERROR_CANCELLED)) {
                        tg_set_error(error,
                                     TG_ERROR_CANCELLED,
                                     "no PIN was given, and the share waits for it\n"
                                     "to give it: tigressctl pin %s",
                                     tg_watch_share(watch)->id);
                        return FALSE;
                }
                if (pin && hand_over(client, watch, pin, &local))
                        return TRUE;
                if (!g_error_matches(local, TG_ERROR, TG_ERROR_INVALID)) {
                        g_propagate_error(error, g_steal_pointer(&local));
                        return FALSE;
                }
                /* Not a PIN at all, or the check digit is wrong. */
                tg_output_note("%s", local->message);
        }
}

static gboolean
refuse(const TgObject *share, gboolean is_wrong, GError **error)
{
        g_autofree char *tries = tg_outcome_tries(share);

        if (is_wrong)
                tg_set_error(error,
                             TG_ERROR_WRONG_PIN,
                             "wrong PIN: %s\nif it was mistyped, give the right one: tigressctl "
                             "pin %s; else somebody interferes: decline, and never use this PIN "
                             "again",
                             tries,
                             share->id);
        else
                tg_set_error(error,
                             TG_ERROR_BAD_STATE,
                             "the share waits for its PIN, and there is nobody to ask\n"
                             "to give it: tigressctl pin %s; to end the share: tigressctl "
                             "decline %s",
                             share->id,
                             share->id);
        return FALSE;
}

/* One PIN into a share that needs it: the one that is there, or the one that is typed. */
static gboolean
give(const TgReception *self, TgClient *client, TgWatch *watch, guint n_given, GError **error)
{
        const TgObject *share = tg_watch_share(watch);
        gboolean is_wrong = n_given > 0;

        if (!is_wrong && self->pin)
                return hand_over(client, watch, self->pin, error);
        if (!can_ask(self))
                return refuse(share, is_wrong, error);

        explain(share, is_wrong);
        return ask_and_give(client, watch, error);
}

/* A PIN that came with the link may have been judged; or it waits to be used, where the share was
 * there before, or the wallet was started anew. */
static guint
count_given(const TgReception *self, const TgObject *share)
{
        const char *name;
        const char *message;

        tg_object_failure(share, &name, &message);
        return self->came_with_pin && strcmp(name, "WrongPin") == 0 ? 1 : 0;
}

/* Until the share has ended, with all the PINs that it takes. */
static gboolean
see_through(const TgReception *self, TgClient *client, TgWatch *watch, GError **error)
{
        for (guint n_given = 0;; n_given++) {
                if (!tg_watch_until_pin(watch, error))
                        return FALSE;
                if (!tg_watch_is_pin_needed(watch))
                        return TRUE;
                if (n_given == 0)
                        n_given = count_given(self, tg_watch_share(watch));
                if (!give(self, client, watch, n_given, error))
                        return FALSE;
        }
}

static int
print_credential(const TgObject *share, GError **error)
{
        const char *credential;

        if (!tg_outcome_check(share, error))
                return -1;
        credential = tg_object_reference(share, "Credential");
        if (*credential == '\0') {
                tg_set_error(error,
                             TG_ERROR_NOT_FOUND,
                             "this invitation was accepted before, and its credential removed\nask "
                             "the sender for a new one");
                return -1;
        }
        tg_output_note("accepted: it is in your keyring");
        if (!tg_output_is_json())
                tg_output_line(credential);

        return 0;
}

int
tg_recipient_follow(const TgReception *self, TgClient *client, const char *path, GError **error)
{
        g_autoptr(TgWatch) watch = tg_watch_new(client, path, error);

        if (!watch)
                return -1;
        if (see_through(self, client, watch, error))
                return print_credential(tg_watch_share(watch), error);
        if (tg_interrupt_signal() == 0)
                return -1;

        g_clear_error(error);
        return tg_watch_interrupted(watch, "decline");
}

gboolean
tg_recipient_give_pin(const TgReception *self, TgClient *client, const char *path, GError **error)
{
        g_autoptr(TgWatch) watch = tg_watch_new(client, path, error);

        if (!watch || !tg_watch_until_pin(watch, error))
                return FALSE;
        if (tg_watch_is_pin_needed(watch))
                return give(self, client, watch, 0, error);

        if (tg_outcome_check(tg_watch_share(watch), error))
                tg_set_error(error, TG_ERROR_BAD_STATE, "the share needed no PIN and is completed");
        return FALSE;
}

int
tg_recipient_print_share(TgClient *client, const char *path, GError **error)
{
        g_autoptr(TgObject) share = tg_object_load(client, path, error);
        TgJsonLine *line;

        if (!share)
                return -1;
        if (!tg_output_is_json()) {
                tg_output_line(share->id);
                return 0;
        }

        line = tg_json_line_begin();
        tg_object_to_json(share, line);
        tg_json_line_end(line);
        return 0;
}
