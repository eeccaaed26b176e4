/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "daemon/clock.h"
#include "daemon/share-private.h"
#include "protocol/crypto.h"
#include "protocol/limits.h"
#include "protocol/text.h"

#define NEUTRAL_TITLE "Shared credential"

/* ---- the object ---- */

static void
free_share(TgShare *self)
{
        g_clear_pointer(&self->title, g_free);
        g_clear_pointer(&self->description, g_free);
        g_clear_pointer(&self->failure_text, g_free);
        g_clear_pointer(&self->credential_id, g_free);
        g_clear_pointer(&self->person, g_free);
        g_clear_pointer(&self->starter, g_free);
        g_clear_pointer(&self->source_id, g_free);
        g_clear_pointer(&self->names, g_bytes_unref);
        g_clear_pointer(&self->receipt, tg_secret_unref);
        g_clear_pointer(&self->details, g_variant_unref);
        g_clear_pointer(&self->issuer, g_free);
        g_clear_pointer(&self->item_attributes, g_variant_unref);
        g_clear_pointer(&self->renews, g_free);
        tg_share_forget_next(self);
        tg_share_forget_secrets(self);
        g_clear_pointer(&self->claim, tg_secret_unref);
        g_clear_pointer(&self->drop, tg_drop_state_free);
        g_clear_pointer(&self->mailbox_url, g_free);
        g_clear_pointer(&self->etag, g_free);
        g_clear_pointer(&self->request_id, g_free);
        g_clear_pointer(&self->reason, g_free);
        g_clear_pointer(&self->unsaved_message, g_bytes_unref);
        g_clear_pointer(&self->ended_link, tg_secret_unref);
        g_free(self);
}

static TgShare *
new_share(TgWallet *wallet, const TgShareOwner *owner, gpointer owner_data, TgRole role)
{
        TgShare *self = g_new0(TgShare, 1);

        self->n_refs = 1;
        self->wallet = wallet;
        self->owner = owner;
        self->owner_data = owner_data;
        self->role = role;
        self->carrier = &tg_carrier_mailbox;
        self->title = g_strdup("");
        self->description = g_strdup("");
        self->relay = self->mode = self->kind = self->application = "";

        return self;
}

TgShare *
tg_share_new_blank(TgWallet *wallet, const TgShareOwner *owner, gpointer owner_data, TgRole role)
{
        TgShare *self = new_share(wallet, owner, owner_data, role);
        guint8 bytes[TG_ID_CHARS / 2];
        g_autofree char *id = NULL;

        tg_random(bytes, sizeof bytes);
        id = tg_hex_encode(bytes, sizeof bytes);
        g_strlcpy(self->id, id, sizeof self->id);

        return self;
}

static void
replace_text(char **text, const char *with)
{
        g_free(*text);
        *text = g_strdup(with);
}

/* Plain HTTP: where, and how. */
static gboolean
takes_drop(TgShare *self, const char *template, guint16 suite, GError **error)
{
        self->carrier = &tg_carrier_drop;
        replace_text(&self->mailbox_url, template);
        self->drop = tg_drop_state_new(suite, error);

        return self->drop != NULL;
}

TgShare *
tg_share_new_initiator(TgWallet *wallet,
                       const TgShareOwner *owner,
                       gpointer owner_data,
                       const TgShareOffer *offer,
                       GError **error)
{
        g_autoptr(TgShare) self = tg_share_new_blank(wallet, owner, owner_data, TG_ROLE_INITIATOR);

        self->created_s = tg_clock_now_s();
        self->life_s = offer->life_s;
        self->expires_s = self->created_s + offer->life_s;
        self->format = g_intern_string(offer->vertical->format);
        self->relay = g_intern_string(offer->relay);
        self->mode = offer->is_compat ? "t1" : offer->pin_digits != 0 ? "t2-pin" : "t2";
        self->pin_digits = offer->pin_digits;
        self->kind = g_intern_string(offer->kind);
        self->application = g_intern_string(offer->application);
        replace_text(&self->title, offer->title);
        replace_text(&self->description, offer->description);
        self->is_title_verified = TRUE;
        self->letter = offer->letter;
        self->is_compat = offer->is_compat;
        self->has_public_title = offer->has_public_title;
        self->person = g_strdup(offer->person);
        self->over_s = offer->over_s;
        self->starter = g_strdup(offer->starter);
        self->bounds = offer->bounds;
        if (self->over_s == 0)
                self->over_s = offer->bounds.not_after_s;
        self->source_id = g_strdup(offer->source_id);
        self->image_url = g_strdup(offer->image_url);
        self->label = g_strdup(offer->label);
        self->travel = g_strdupv((char **)offer->travel);
        if (offer->item_attributes != NULL)
                self->item_attributes = g_variant_ref(offer->item_attributes);
        self->content_type = g_strdup(offer->content_type);
        self->item_path = g_strdup(offer->item_path);
        self->terms = offer->terms != NULL ? g_variant_ref(offer->terms) : NULL;
        self->subject = g_strdup(offer->subject);
        self->details = offer->details != NULL ? g_variant_ref(offer->details) : NULL;
        if (offer->content != NULL)
                self->content = tg_secret_ref(offer->content);
        if (offer->attributes != NULL)
                self->attributes = g_hash_table_ref(offer->attributes);

        if (offer->template != NULL && !takes_drop(self, offer->template, TG_DROP_SUITE, error))
                return NULL;

        if (!tg_share_save(self, NULL, error))
                return NULL;
        return g_steal_pointer(&self);
}

TgShare *
tg_share_new_recipient(TgWallet *wallet,
                       const TgShareOwner *owner,
                       gpointer owner_data,
                       const TgLink *link,
                       const char *own_title,
                       const char *person,
                       TgSecret *pin,
                       GVariant *terms,
                       const char *application,
                       const char *starter,
                       GError **error)
{
        g_autoptr(TgShare) self = tg_share_new_blank(wallet, owner, owner_data, TG_ROLE_RECIPIENT);

        self->created_s = tg_clock_now_s();
        self->relay = g_intern_string(link->origin);
        self->mode = link->mode == TG_LINK_T2_PIN ? "t2-pin"
                     : link->mode == TG_LINK_T2   ? "t2"
                     : link->mode == TG_LINK_TDCH ? "" /* the first message tells */
                                                  : "t1";
        self->given_pin = pin != NULL ? tg_secret_ref(pin) : NULL;
        self->terms = terms != NULL ? g_variant_ref(terms) : NULL;
        self->application = g_intern_string(application);
        replace_text(&self->title, own_title != NULL ? own_title : NEUTRAL_TITLE);
        self->is_title_own = self->is_title_verified = own_title != NULL;
        self->person = g_strdup(person);
        self->letter = link->vertical;
        self->mailbox_url = g_strdup(link->mailbox_url);
        self->key = tg_secret_ref(link->secret);
        self->starter = g_strdup(starter);
        if (link->mode == TG_LINK_TDCH && !takes_drop(self, link->template, link->suite, error))
                return NULL;

        if (!tg_share_save(self, NULL, error))
                return NULL;
        return g_steal_pointer(&self);
}

TgShare *
tg_share_new_stored(TgWallet *wallet,
                    const TgShareOwner *owner,
                    gpointer owner_data,
                    const TgShareRow *row)
{
        TgShare *self = new_share(wallet, owner, owner_data, row->role);

        g_strlcpy(self->id, row->id, sizeof self->id);
        self->state = row->state;
        self->created_s = row->created_s;
        self->expires_s = row->expires_s;
        self->ended_s = row->ended_s;
        self->version = row->version;
        self->is_sealed = TRUE;
        /* As far as the clear part tells. */
        self->is_meant = row->state != TG_STATE_AUTHORIZING && row->state != TG_STATE_REFUSED;
        self->is_waiting_for_keyring = !tg_state_is_end(row->state);
        self->is_busy_sealed = tg_state_is_end(row->state) && row->is_busy;

        return self;
}

TgShare *
tg_share_ref(TgShare *self)
{
        self->n_refs++;
        return self;
}

void
tg_share_unref(TgShare *self)
{
        if (--self->n_refs > 0)
                return;
        tg_share_disconnect(self);
        free_share(self);
}

void
tg_share_stop(TgShare *self)
{
        self->is_stopped = TRUE;
        tg_share_drop_revocation(self);
        tg_share_disconnect(self);
}

void
tg_share_drop_pending(TgShare *self)
{
        g_clear_pointer(&self->asking, tg_asking_cancel);
        g_clear_pointer(&self->dropping, tg_drop_cancel);
        g_clear_pointer(&self->turn, tg_turn_end);
        g_clear_pointer(&self->job, tg_keyring_job_cancel);
        g_clear_pointer(&self->step, tg_step_cancel);
        g_clear_pointer(&self->count_wait, tg_vault_wait_cancel);
        g_clear_handle_id(&self->timer, g_source_remove);
        self->is_held = FALSE;
}

void
tg_share_disconnect(TgShare *self)
{
        tg_share_drop_pending(self);
        g_clear_pointer(&self->context, tg_http_context_free);
}

gboolean
tg_share_is_exchanging(const TgShare *self)
{
        return (self->state == TG_STATE_EXCHANGING || self->state == TG_STATE_VERIFYING_PIN) &&
               (self->due_s == 0 || tg_clock_now_s() >= self->due_s);
}

void
tg_share_forget_secrets(TgShare *self)
{
        g_clear_pointer(&self->key, tg_secret_unref);
        g_clear_pointer(&self->invitation, tg_secret_unref);
        g_clear_pointer(&self->exchange, tg_exchange_free);
        tg_share_settle(self);
        if (self->drop != NULL)
                tg_drop_state_erase(self->drop);
        g_clear_pointer(&self->given_pin, tg_secret_unref);
        g_clear_pointer(&self->terms, g_variant_unref);
        g_clear_error(&self->refusal);
        g_clear_pointer(&self->subject, g_free);
        g_clear_pointer(&self->vertical_state, tg_secret_unref);
        g_clear_pointer(&self->first_message, tg_secret_unref);
        g_clear_pointer(&self->content, tg_secret_unref);
        g_clear_pointer(&self->content_type, g_free);
        g_clear_pointer(&self->label, g_free);
        g_clear_pointer(&self->travel, g_strfreev);
        g_clear_pointer(&self->image_url, g_free);
        g_clear_pointer(&self->item_path, g_free);
        g_clear_pointer(&self->attributes, g_hash_table_unref);
}

/* ---- what it is ---- */

const char *
tg_share_id(const TgShare *self)
{
        return self->id;
}

TgRole
tg_share_role(const TgShare *self)
{
        return self->role;
}

TgState
tg_share_state(const TgShare *self)
{
        return self->state;
}

const char *
tg_share_state_name(const TgShare *self)
{
        if (self->is_waiting_for_keyring && !tg_state_is_end(self->state))
                return TG_STATE_NAME_WAITING_FOR_KEYRING;
        /* An answer is judged without a PIN too, but there is none to be verified. */
        if (self->state == TG_STATE_VERIFYING_PIN && !tg_share_has_pin(self))
                return tg_state_name(TG_STATE_EXCHANGING);
        return tg_state_name(self->state);
}

gboolean
tg_share_is_ended(const TgShare *self)
{
        return tg_state_is_end(self->state);
}

gboolean
tg_share_is_busy(const TgShare *self)
{
        return tg_share_is_ended(self) && (self->errand != TG_ERRAND_NONE || self->is_busy_sealed);
}

gboolean
tg_share_is_sealed(const TgShare *self)
{
        return self->is_sealed;
}

const char *
tg_share_format(const TgShare *self)
{
        return self->format != NULL ? self->format : "";
}

const char *
tg_share_title(const TgShare *self)
{
        return self->title;
}

const char *
tg_share_description(const TgShare *self)
{
        return self->description;
}

const char *
tg_share_relay(const TgShare *self)
{
        return self->relay;
}

const char *
tg_share_transport(const TgShare *self)
{
        return self->is_sealed ? "" : self->carrier->transport;
}

const char *
tg_share_mode(const TgShare *self)
{
        return self->mode;
}

gboolean
tg_share_has_pin(const TgShare *self)
{
        return g_str_equal(self->mode, "t2-pin");
}

guint
tg_share_pin_attempts_left(const TgShare *self)
{
        if (!tg_share_has_pin(self) || self->exchange == NULL || tg_share_is_ended(self) ||
            tg_exchange_is_confirmed(self->exchange))
                return 0;
        return tg_exchange_attempts_left(self->exchange);
}

gint64
tg_share_created_s(const TgShare *self)
{
        return self->created_s;
}

gint64
tg_share_expires_s(const TgShare *self)
{
        return self->expires_s;
}

gint64
tg_share_ended_s(const TgShare *self)
{
        return self->ended_s;
}

/* What is always to be said of a server that cannot keep a message for one reader. */
static gboolean
is_open_to_readers(const TgShare *self)
{
        return self->state == TG_STATE_INVITED && self->drop != NULL && self->drop->is_unguarded;
}

gboolean
tg_share_failure(const TgShare *self, TgError *ret_code, const char **ret_text)
{
        if (!self->has_failure && is_open_to_readers(self)) {
                *ret_code = TG_ERROR_FAILED;
                *ret_text = "this server has no reader lock: whoever has the link can read along "
                            "without being noticed, until the recipient has answered";
                return TRUE;
        }
        if (!self->has_failure)
                return FALSE;
        *ret_code = self->failure_code;
        *ret_text = self->failure_text;
        return TRUE;
}

const char *
tg_share_credential_id(const TgShare *self)
{
        return self->state == TG_STATE_COMPLETED ? self->credential_id : NULL;
}

const char *
tg_share_application(const TgShare *self)
{
        return self->application;
}

gboolean
tg_share_is_title_verified(const TgShare *self)
{
        return self->is_title_verified;
}

const char *
tg_share_ended_by(const TgShare *self)
{
        static const char *const names[] = {
                [TG_ENDED_NOT] = "",
                [TG_ENDED_SELF] = "self",
                [TG_ENDED_PEER] = "peer",
                [TG_ENDED_RELAY] = "relay",
                [TG_ENDED_TIME] = "time",
        };

        return names[self->ended_by];
}

GVariant *
tg_share_details(const TgShare *self)
{
        return self->details;
}

const TgBounds *
tg_share_bounds(const TgShare *self)
{
        return &self->bounds;
}

gboolean
tg_share_was_started_by(const TgShare *self, const char *bus_name)
{
        return g_strcmp0(self->starter, bus_name) == 0 && bus_name != NULL;
}

/* Refused, failed or run out before the claim, a link has not ended: it may be opened again. */
gboolean
tg_share_is_link_used(const TgShare *self)
{
        return self->has_digest &&
               (!tg_share_is_ended(self) || self->is_bound || self->state == TG_STATE_DECLINED ||
                self->state == TG_STATE_RELINQUISHED);
}

const guint8 *
tg_share_link_digest(const TgShare *self)
{
        return tg_share_is_link_used(self) ? self->digest : NULL;
}

const char *
tg_share_mailbox_url(const TgShare *self)
{
        return self->mailbox_url;
}

gboolean
tg_share_is_of(const TgShare *self, const TgLink *link)
{
        return g_strcmp0(self->mailbox_url, tg_link_place(link)) == 0 && self->key != NULL &&
               link->secret != NULL && tg_secret_equal(self->key, link->secret);
}

void
tg_share_lose_credential(TgShare *self)
{
        g_clear_pointer(&self->credential_id, g_free);
        tg_share_tell(self, TG_SHARE_CREDENTIAL);
}

/* ---- telling ---- */

void
tg_share_tell(TgShare *self, TgShareChange changes)
{
        self->owner->changed(self, changes, self->owner_data);
}

void
tg_share_set_failure(TgShare *self, const GError *error)
{
        if (error == NULL && !self->has_failure)
                return;
        if (error != NULL && self->has_failure && tg_error_code(error) == self->failure_code &&
            g_strcmp0(error->message, self->failure_text) == 0)
                return;

        self->has_failure = error != NULL;
        g_clear_pointer(&self->failure_text, g_free);
        if (error != NULL) {
                self->failure_code = tg_error_code(error);
                self->failure_text = g_strdup(error->message);
        }
        tg_share_tell(self, TG_SHARE_FAILURE);
}

void
tg_share_set_waiting(TgShare *self, gboolean is_waiting)
{
        if (self->is_waiting_for_keyring == is_waiting)
                return;
        self->is_waiting_for_keyring = is_waiting;
        tg_share_tell(self, TG_SHARE_STATE);
}
