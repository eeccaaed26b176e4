/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The initiator's verdict: a try is counted in the file and in the keyring before anything is
 * computed, so that neither a crash nor an old file gives one back; and burned shares are
 * counted per credential.
 */

#include <string.h>

#include "daemon/clock.h"
#include "daemon/share-private.h"
#include "protocol/digest.h"
#include "protocol/limits.h"

/* ---- burned shares of one credential ---- */

/* The same thing is known by its content, by its path where it is an item of the keyring, and
 * by the name that its vertical has for it. */
static gboolean
add_name(TgShare *self, GByteArray *names, const char *kind, const TgSecret *what, GError **error)
{
        gsize n_kind = strlen(kind);
        gsize n_bytes;
        const guint8 *bytes = tg_secret_get(what, &n_bytes);
        g_autoptr(TgSecret) name = NULL;
        guint8 digest[TG_SHA256_BYTES];
        guint8 *buffer;

        name = tg_secret_new_blank(n_kind + n_bytes, &buffer, error);
        if (name == NULL)
                return FALSE;
        memcpy(buffer, kind, n_kind);
        memcpy(buffer + n_kind, bytes, n_bytes);
        if (!tg_store_burn_digest(self->wallet->store, name, digest, error))
                return FALSE;
        g_byte_array_append(names, digest, sizeof digest);
        return TRUE;
}

static gboolean
check_burns(TgShare *self, GError **error)
{
        gsize n_bytes;
        const guint8 *digests = g_bytes_get_data(self->names, &n_bytes);
        gint64 until_s = 0;

        for (gsize at = 0; at < n_bytes; at += TG_SHA256_BYTES)
                until_s = MAX(
                        until_s,
                        tg_store_burned_until(self->wallet->store, digests + at, tg_clock_now_s()));
        if (until_s == 0)
                return TRUE;

        g_autoptr(GDateTime) until = g_date_time_new_from_unix_local(until_s);
        g_autofree char *text = until != NULL ? g_date_time_format(until, "%F %R") : NULL;

        tg_set_error(error,
                     TG_ERROR_LIMIT_REACHED,
                     "%d shares of this credential were ended by wrong PINs within a day: it can "
                     "be shared with a PIN again after %s",
                     TG_MAX_BURNS,
                     text != NULL ? text : "a day");
        return FALSE;
}

gboolean
tg_share_note_names(TgShare *self, GError **error)
{
        g_autoptr(GByteArray) names = g_byte_array_new();
        g_autoptr(TgSecret) path = NULL;
        g_autoptr(TgSecret) subject = NULL;

        if (self->item_path != NULL)
                path = tg_secret_new(self->item_path, strlen(self->item_path), error);
        if (self->subject != NULL)
                subject = tg_secret_new(self->subject, strlen(self->subject), error);
        if ((self->item_path != NULL && path == NULL) ||
            (self->subject != NULL && subject == NULL) ||
            (subject != NULL && !add_name(self, names, "subject:", subject, error)) ||
            (self->content != NULL && !add_name(self, names, "content:", self->content, error)) ||
            (path != NULL && !add_name(self, names, "item:", path, error)))
                return FALSE;

        g_clear_pointer(&self->names, g_bytes_unref);
        self->names = g_byte_array_free_to_bytes(g_steal_pointer(&names));
        return check_burns(self, error);
}

gboolean
tg_share_add_burns(TgShare *self, GError **error)
{
        gsize n_bytes = 0;
        const guint8 *digests =
                self->names != NULL ? g_bytes_get_data(self->names, &n_bytes) : NULL;

        for (gsize at = 0; at + TG_SHA256_BYTES <= n_bytes; at += TG_SHA256_BYTES)
                if (!tg_store_add_burn(
                            self->wallet->store, digests + at, tg_clock_now_s(), TG_BURN_S, error))
                        return FALSE;
        return TRUE;
}

/* ---- the verdict ---- */

static void
burned(TgShare *self)
{
        g_autoptr(GError) error = NULL;

        if (tg_share_has_pin(self))
                error = tg_error_new(TG_ERROR_WRONG_PIN,
                                     "somebody with this link has failed %d times to give the PIN: "
                                     "nothing was sent; share anew, with a new link and a new PIN",
                                     TG_MAX_PIN_TRIES);
        else
                error = tg_error_new(TG_ERROR_WRONG_PIN,
                                     "somebody with this link has answered wrongly: nothing was "
                                     "sent; share anew, with a new link");
        tg_share_ends(self, TG_EVENT_BURNED, TG_ENDED_SELF, error);
}

static void
judge(TgShare *self)
{
        g_auto(TgOutput) output = {0};
        g_autoptr(GError) error = NULL;
        TgInput input = {.kind = TG_INPUT_CHARGED};

        /* The end in time is our own: nothing is judged from then on. */
        tg_share_check_time(self, tg_clock_now_s());
        if (tg_share_is_ended(self))
                return;
        if (!tg_share_dispatch(self, &input, &output, &error)) {
                tg_share_undo(self);
                tg_share_set_failure(self, error);
                tg_share_later(self, -1);
                return;
        }

        g_free(self->request_id);
        self->request_id = tg_share_new_request_id();
        switch (output.kind) {
        case TG_OUTPUT_CONFIRMED:
                tg_share_happens(self, TG_EVENT_PROVED, NULL);
                return;
        case TG_OUTPUT_WRONG_PIN:
                g_message("share %.8s: a wrong PIN was given, %u tries are left",
                          self->id,
                          tg_exchange_attempts_left(self->exchange));
                tg_share_happens(self, TG_EVENT_NOT_PROVED, NULL);
                tg_share_tell(self, TG_SHARE_PIN);
                return;
        case TG_OUTPUT_BURNED:
                burned(self);
                return;
        case TG_OUTPUT_NONE:
        case TG_OUTPUT_IGNORED:
        case TG_OUTPUT_WRITE:
        case TG_OUTPUT_CHARGE:
        case TG_OUTPUT_PIN_NEEDED:
        case TG_OUTPUT_MESSAGE:
        case TG_OUTPUT_END:
        case TG_OUTPUT_SAY_AGAIN:
                break;
        }
        tg_share_settle(self);
        error = tg_error_new(TG_ERROR_FAILED, "the stored share is incomplete");
        tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_SELF, error);
}

static void
on_counted(gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);

        self->count_wait = NULL;
        tg_share_set_waiting(self, FALSE);
        judge(self);
}

/*
 * What was answered is stored, and the try counted in the file. With a PIN the keyring
 * must have the count too before it is judged: a file that is put back would give the
 * try again. Without one there is nothing to be guessed, so a locked keyring holds
 * nothing up; the count follows when it can.
 */
void
tg_share_charge(TgShare *self)
{
        if (!tg_share_has_pin(self)) {
                judge(self);
                return;
        }
        tg_share_set_waiting(self, tg_keyring_state(self->wallet->keyring) != TG_KEYRING_UNLOCKED);
        if (self->count_wait == NULL)
                self->count_wait = tg_vault_wait_count(self->wallet->vault, on_counted, self);
}
