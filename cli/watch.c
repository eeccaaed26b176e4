/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/watch.h"

#include <string.h>
#include <unistd.h>

#include "cli/interrupt.h"
#include "cli/outcome.h"
#include "cli/output.h"
#include "protocol/error.h"

/* How often the time that is left is written anew. */
#define REDRAW_MS 1000

/* Taken in at one look: a turn of the client is one of them, or one look at the bus. */
#define MAX_MESSAGES 32

struct TgWatch {
        TgClient *client;
        TgObject *share;
        char *printed_state;  /* the last one that stood in a JSON line */
        gboolean must_reload; /* the wallet has been started anew */
        guint64 n_tries;      /* of an initiator's PIN, when it was last open; 0: not known */
        gboolean is_pin_given;
        guint64 n_tries_given; /* that were left when it was */
};

static gboolean
is_in_state(const TgWatch *self, const char *state)
{
        return strcmp(tg_object_text(self->share, "State"), state) == 0;
}

static void
on_signal(const TgClientSignal *signal, gpointer user_data)
{
        TgWatch *self = user_data;
        g_autoptr(GVariant) changed = NULL;
        const char *text;

        if (strcmp(signal->member, "NameOwnerChanged") == 0) {
                self->must_reload = TRUE;
                return;
        }
        if (!self->share || strcmp(signal->path, self->share->path) != 0)
                return;

        if (strcmp(signal->member, "PropertiesChanged") == 0 &&
            g_variant_is_of_type(signal->body, G_VARIANT_TYPE("(sa{sv}as)"))) {
                g_variant_get(signal->body, "(&s@a{sv}as)", &text, &changed, NULL);
                tg_object_merge(self->share, changed);
                /* Here, for this state may be over when the watcher looks. */
                if (!is_in_state(self, "pin-needed"))
                        self->is_pin_given = FALSE;
        }
        if (strcmp(signal->member, "Finished") == 0 &&
            g_variant_is_of_type(signal->body, G_VARIANT_TYPE("(s)"))) {
                g_variant_get(signal->body, "(&s)", &text);
                if (strcmp(text, tg_object_text(self->share, "State")) != 0)
                        self->must_reload = TRUE;
        }
}

static gboolean
reload(TgWatch *self, const char *path, GError **error)
{
        TgObject *share;

        self->must_reload = FALSE;
        share = tg_object_load(self->client, path, error);
        if (!share)
                return FALSE;

        tg_object_free(self->share);
        self->share = share;
        if (!is_in_state(self, "pin-needed") ||
            tg_object_number(share, "PinAttemptsLeft") < self->n_tries_given)
                self->is_pin_given = FALSE;
        return TRUE;
}

TgWatch *
tg_watch_new(TgClient *client, const char *path, GError **error)
{
        g_autoptr(TgWatch) self = g_new0(TgWatch, 1);

        self->client = client;
        /* Signals first, then the state: what changes in between is heard. */
        if (!tg_client_watch(client, path, on_signal, self, error) || !reload(self, path, error))
                return NULL;

        return g_steal_pointer(&self);
}

void
tg_watch_free(TgWatch *self)
{
        if (!self)
                return;

        tg_client_unwatch(self->client);
        tg_object_free(self->share);
        g_free(self->printed_state);
        g_free(self);
}

const TgObject *
tg_watch_share(const TgWatch *self)
{
        return self->share;
}

static void
print_state(TgWatch *self)
{
        const char *state = tg_object_text(self->share, "State");
        TgJsonLine *line;

        if (!tg_output_is_json() || g_strcmp0(state, self->printed_state) == 0)
                return;

        g_free(self->printed_state);
        self->printed_state = g_strdup(state);
        line = tg_json_line_begin();
        tg_object_to_json(self->share, line);
        tg_json_line_end(line);
}

static gboolean
is_before_invitation(const TgWatch *self)
{
        /* waiting-for-keyring hides which of them it is, so it counts as one. */
        static const char *const states[] = {"authorizing", "uploading", "waiting-for-keyring"};

        for (gsize i = 0; i < G_N_ELEMENTS(states); i++)
                if (is_in_state(self, states[i]))
                        return TRUE;

        return FALSE;
}

static void
show_progress(const TgWatch *self)
{
        g_autofree char *text = NULL;

        /* It has the PIN, and has not said so yet. */
        if (self->is_pin_given)
                return;
        text = tg_outcome_progress(self->share, isatty(STDERR_FILENO));
        tg_output_progress("%s", text);
}

/* Somebody has the link: the sender should hear of it, and not only for a moment. While an answer
 * is judged, its try is counted already. */
static void
note_tries(TgWatch *self)
{
        guint64 n_tries = tg_object_number(self->share, "PinAttemptsLeft");
        g_autofree char *text = NULL;

        if (!is_in_state(self, "invited") || !tg_object_flag(self->share, "PinRequired"))
                return;
        if (n_tries < self->n_tries) {
                text = tg_outcome_tries(self->share);
                tg_output_note("somebody has the link and gave a wrong PIN: %s", text);
                tg_output_hint("if that was not your recipient: tigressctl cancel %s",
                               self->share->id);
        }
        self->n_tries = n_tries;
}

typedef gboolean (*GoesOn)(const TgWatch *self);

static gboolean
watch_while(TgWatch *self, GoesOn goes_on, gboolean prints, GError **error)
{
        gboolean is_live = isatty(STDERR_FILENO);
        gboolean is_there = TRUE;

        while (is_there) {
                if (prints)
                        print_state(self);
                note_tries(self);
                if (tg_outcome_is_end(tg_object_text(self->share, "State")) || !goes_on(self))
                        break;
                show_progress(self);
                if (self->must_reload)
                        is_there = reload(self, self->share->path, error);
                else
                        is_there = tg_client_turn(self->client, is_live ? REDRAW_MS : -1, error);
        }
        tg_output_progress_end();

        return is_there;
}

gboolean
tg_watch_until_invited(TgWatch *self, GError **error)
{
        return watch_while(self, is_before_invitation, FALSE, error);
}

static gboolean
is_anything(const TgWatch *self)
{
        return TRUE;
}

gboolean
tg_watch_until_end(TgWatch *self, GError **error)
{
        return watch_while(self, is_anything, TRUE, error);
}

gboolean
tg_watch_is_pin_needed(const TgWatch *self)
{
        return is_in_state(self, "pin-needed") && !self->is_pin_given;
}

static gboolean
is_before_pin(const TgWatch *self)
{
        return !tg_watch_is_pin_needed(self);
}

gboolean
tg_watch_until_pin(TgWatch *self, GError **error)
{
        return watch_while(self, is_before_pin, TRUE, error);
}

void
tg_watch_expect_verdict(TgWatch *self, gboolean is_pin_given)
{
        self->is_pin_given = is_pin_given;
        self->n_tries_given = tg_object_number(self->share, "PinAttemptsLeft");
}

gboolean
tg_watch_look(TgWatch *self)
{
        for (guint i = 0; i < MAX_MESSAGES; i++)
                if (!tg_client_turn(self->client, 0, NULL))
                        return FALSE;
        return !self->must_reload || reload(self, self->share->path, NULL);
}

int
tg_watch_interrupted(const TgWatch *self, const char *verb)
{
        int number = tg_interrupt_signal();

        tg_output_note("stopped watching; the share lives on");
        if (is_in_state(self, "pin-needed"))
                tg_output_hint("to give the PIN: tigressctl pin %s", self->share->id);
        tg_output_hint("to end it: tigressctl %s %s; to look: tigressctl show %s",
                       verb,
                       self->share->id,
                       self->share->id);

        return 128 + number;
}
