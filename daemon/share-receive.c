/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The recipient's way: claim the mailbox, check wholly what has arrived, store it, and put it
 * into the keyring.
 */

#include <string.h>

#include "daemon/clock.h"
#include "daemon/share-private.h"
#include "protocol/digest.h"
#include "protocol/limits.h"
#include "protocol/text.h"

/* ---- recipient: claim ---- */

/* A keyed digest is what keeps an ended link from being opened again. */
static gboolean
make_digest(TgShare *self, guint8 ret_digest[TG_SHA256_BYTES], GError **error)
{
        g_autoptr(TgSecret) link = tg_share_link_identity(self->mailbox_url, self->key, error);

        return link != NULL && tg_store_link_digest(self->wallet->store, link, ret_digest, error);
}

gboolean
tg_share_prepare_claim(TgShare *self, GError **error)
{
        guint8 digest[TG_SHA256_BYTES];

        if (!make_digest(self, digest, error))
                return FALSE;
        /* Another share of this link may be there, or let go of it for another device: then it
         * is not this one's to end, and nothing is said to anybody. */
        if (!self->owner->may_claim(self, digest, error, self->owner_data)) {
                g_clear_pointer(&self->key, tg_secret_unref);
                return FALSE;
        }

        memcpy(self->digest, digest, sizeof digest);
        self->has_digest = TRUE;
        self->claim = tg_share_draw_claim(error);

        return self->claim != NULL && self->carrier->prepare_claim(self, error);
}

void
tg_share_claim(TgShare *self)
{
        if (tg_share_needs_vault(self))
                return;
        if (self->claim == NULL && !tg_share_prepare_now(self))
                return;
        if (tg_share_is_offline(self, self->mailbox_url))
                return;

        self->carrier->claim(self);
}

/* ---- what has arrived ---- */

void
tg_share_take_title(TgShare *self, const char *title)
{
        if (self->is_title_verified || title == NULL || title[0] == '\0')
                return;
        g_free(self->title);
        self->title = g_strdup(title);
        self->is_title_verified = TRUE;
        tg_share_tell(self, TG_SHARE_TITLE);
}

gboolean
tg_share_take_bounds(TgShare *self, const TgHeader *display, GError **error)
{
        TgBounds bounds;

        if (self->role != TG_ROLE_RECIPIENT || display->limits == NULL)
                return TRUE;
        if (!tg_bounds_parse(display->limits, &bounds, error))
                return FALSE;
        if (bounds.not_after_s != 0 && bounds.not_after_s < tg_clock_now_s()) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "the time in which this was to be used is over: ask for a new one");
                return FALSE;
        }
        self->bounds = bounds;
        tg_share_tell(self, TG_SHARE_DETAILS);
        return TRUE;
}

void
tg_share_refuse(TgShare *self, const GError *error)
{
        if (self->role == TG_ROLE_INITIATOR) {
                tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_SELF, error);
                return;
        }
        if (self->state == TG_STATE_CLAIMING)
                tg_share_happens(self, TG_EVENT_CLAIMED, NULL);
        if (self->state == TG_STATE_EXCHANGING)
                tg_share_ends(self, TG_EVENT_UNACCEPTABLE, TG_ENDED_SELF, error);
}

/* What the first message says of itself; the later ones are of its kind. */
static const TgVertical *
check_format(TgShare *self, const TgEnvelope *envelope, GError **error)
{
        const TgVertical *vertical = tg_vertical_find(envelope->format);
        const char *promised;

        if (vertical == NULL) {
                if (g_strcmp0(self->format, envelope->format) == 0)
                        tg_share_set_absent(error);
                else
                        tg_vertical_set_unknown(envelope->format, error);
                return NULL;
        }
        if ((self->letter != 0 && self->letter != vertical->letter) ||
            (self->format != NULL && !g_str_equal(self->format, vertical->format))) {
                tg_set_error(error,
                             TG_ERROR_TAMPERED,
                             self->format != NULL
                                     ? "the other side has changed the kind of credential"
                                     : "the link promised another kind of credential than what "
                                       "arrived");
                return NULL;
        }
        if (self->role == TG_ROLE_RECIPIENT && self->terms != NULL &&
            g_variant_lookup(self->terms, "format", "&s", &promised) &&
            !g_str_equal(promised, vertical->format)) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "what you have said of it is for %s, and this is %s",
                             promised,
                             vertical->format);
                return NULL;
        }
        /* Else who can change the link would replace one with a PIN by one without, and with a
         * credential of his own. The link of a sequel came where a PIN was asked for. */
        if (!tg_share_has_pin(self) && self->renews == NULL &&
            (tg_vertical_requires_pin(vertical) ||
             tg_settings_requires_pin(self->wallet->settings, vertical->format))) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "this kind of credential is taken with a PIN only: ask the sender to "
                             "share it with one");
                return NULL;
        }
        return vertical;
}

/* Before anything is made of it: what it is answered with may be worth something, and the same
 * message gets the same answer. */
static gboolean
store_message(TgShare *self, const TgEnvelope *envelope, GError **error)
{
        g_autoptr(TgSecret) content =
                tg_secret_new(envelope->content.text, envelope->content.n_chars, error);

        self->has_work = TRUE;
        if (content != NULL && tg_share_event(self, TG_EVENT_MESSAGE, content, error))
                return TRUE;
        self->has_work = FALSE;
        return FALSE;
}

static gboolean
take_envelope(TgShare *self, const TgVertical *vertical, const TgOutput *output, GError **error)
{
        g_auto(TgStepAnswer) answer = {};

        if (!tg_share_take_bounds(self, &output->display, error) ||
            !tg_share_take_next(self, &output->envelope->header, error))
                return FALSE;
        if (vertical->is_prompt &&
            !tg_share_receive_at_once(self, vertical, &output->envelope->content, &answer, error))
                return FALSE;

        self->format = g_intern_string(vertical->format);
        if (self->role == TG_ROLE_RECIPIENT)
                self->kind = g_intern_string(vertical->kinds[0]);
        tg_share_take_display(self, &output->display);
        tg_share_tell(self, TG_SHARE_FORMAT | TG_SHARE_MODE | TG_SHARE_PIN);
        tg_share_came_through(self);
        if (self->state == TG_STATE_CLAIMING) {
                TgAction action;

                /* One save for both steps: nothing in between is worth a flush. */
                tg_session_step(self->role, &self->state, TG_EVENT_CLAIMED, &action);
        }
        return vertical->is_prompt ? tg_share_take_answer(self, &answer, error)
                                   : store_message(self, output->envelope, error);
}

gboolean
tg_share_arrived(TgShare *self, const TgOutput *output)
{
        g_autoptr(GError) error = NULL;
        const TgVertical *vertical = check_format(self, output->envelope, &error);
        const char *format = self->format;
        TgState before = self->state;

        if (vertical != NULL && take_envelope(self, vertical, output, &error)) {
                tg_share_settle(self);
                return TRUE;
        }
        if (!tg_share_is_passing(error)) {
                tg_share_refuse(self, error);
                return TRUE;
        }
        self->state = before;
        self->format = format;
        tg_share_set_failure(self, error);
        g_warning("share %.8s: %s", self->id, error->message);
        return FALSE;
}

/* ---- into the keyring ---- */

/* What was stored when it arrived. */
static gboolean
read_arrived(TgShare *self, TgProvision *ret_provision, GError **error)
{
        g_autoptr(TgSecret) saved = tg_store_load_body(self->wallet->store, self->id, error);

        return saved != NULL && tg_provision_load(saved, ret_provision, error);
}

/* A shortage passes; only a finding about the data itself may end what has arrived. */
static void
not_readable(TgShare *self, const GError *error)
{
        if (!tg_share_is_passing(error)) {
                tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_SELF, error);
                return;
        }
        tg_share_set_failure(self, error);
        tg_share_later(self, -1);
}

static void
on_stored(TgSecret *secret,
          const char *label,
          const char *content_type,
          const GError *error,
          gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);
        g_auto(TgProvision) provision = {};
        g_autoptr(GError) failure = NULL;

        self->job = NULL;
        if (g_error_matches(error, TG_ERROR, TG_ERROR_KEYRING_UNAVAILABLE)) {
                tg_share_set_waiting(self, TRUE);
                /* A service that does not answer may come back without a sign. */
                tg_share_later(self, -1);
                return;
        }
        if (error != NULL) {
                tg_share_set_failure(self, error);
                tg_share_later(self, -1);
                return;
        }

        tg_share_set_failure(self, NULL);
        if (read_arrived(self, &provision, &failure))
                tg_share_provision_vertical(self, &provision);
        else
                not_readable(self, failure);
}

void
tg_share_provisioned(TgShare *self)
{
        tg_share_set_failure(self, NULL);
        self->has_arrived = FALSE;
        self->ended_by = TG_ENDED_SELF;
        tg_share_happens(self, TG_EVENT_PROVISIONED, NULL);
}

static void
on_unlocked(TgSecret *secret,
            const char *label,
            const char *content_type,
            const GError *error,
            gpointer user_data)
{
        TgShare *self = user_data;
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);

        self->job = NULL;
        /* Refused: it waits for the user to unlock the keyring in his own time. */
        if (error == NULL)
                tg_share_provision(self);
}

void
tg_share_provision(TgShare *self)
{
        TgKeyring *keyring = self->wallet->keyring;
        g_auto(TgProvision) provision = {};
        g_autoptr(GError) error = NULL;

        if (tg_keyring_state(keyring) != TG_KEYRING_UNLOCKED) {
                gboolean may_ask = self->is_interactive;

                self->is_interactive = FALSE;
                tg_share_set_waiting(self, TRUE);
                if (may_ask)
                        self->job = tg_keyring_unlock(keyring, on_unlocked, self);
                return;
        }
        tg_share_set_waiting(self, FALSE);
        if (self->state == TG_STATE_EXCHANGING) {
                tg_share_happens(self, TG_EVENT_RECEIVED, NULL);
                return;
        }

        if (!read_arrived(self, &provision, &error)) {
                not_readable(self, error);
                return;
        }

        g_free(self->issuer);
        self->issuer = g_strdup(provision.issuer);
        g_clear_pointer(&self->item_attributes, g_variant_unref);
        self->item_attributes = g_steal_pointer(&provision.attributes);
        self->not_before_s = provision.not_before_s;
        self->not_after_s = provision.not_after_s;
        self->job = tg_keyring_store_credential(keyring,
                                                self->credential_id,
                                                self->title,
                                                provision.content_type,
                                                provision.content,
                                                on_stored,
                                                self);
}
