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
        g_clear_pointer(&self->starter, g_free);
        tg_share_forget_secrets(self);
        g_clear_pointer(&self->claim, tg_secret_unref);
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
        self->title = g_strdup("");
        self->description = g_strdup("");
        self->relay = self->mode = self->kind = self->application = "";

        return self;
}

static void
draw_id(TgShare *self)
{
        guint8 bytes[TG_ID_CHARS / 2];
        g_autofree char *id = NULL;

        tg_random(bytes, sizeof bytes);
        id = tg_hex_encode(bytes, sizeof bytes);
        g_strlcpy(self->id, id, sizeof self->id);
}

static void
replace_text(char **text, const char *with)
{
        g_free(*text);
        *text = g_strdup(with);
}

TgShare *
tg_share_new_initiator(TgWallet *wallet,
                       const TgShareOwner *owner,
                       gpointer owner_data,
                       const TgShareOffer *offer,
                       GError **error)
{
        g_autoptr(TgShare) self = new_share(wallet, owner, owner_data, TG_ROLE_INITIATOR);

        draw_id(self);
        self->created_s = tg_clock_now_s();
        self->life_s = offer->life_s;
        self->expires_s = self->created_s + offer->life_s;
        self->format = g_intern_string(offer->vertical->format);
        self->relay = g_intern_string(offer->relay);
        self->mode = "t1";
        self->kind = g_intern_string(offer->kind);
        self->application = g_intern_string(offer->application);
        replace_text(&self->title, offer->title);
        replace_text(&self->description, offer->description);
        self->is_title_verified = TRUE;
        self->letter = offer->letter;
        self->is_compat = offer->is_compat;
        self->has_public_title = offer->has_public_title;
        self->starter = g_strdup(offer->starter);
        self->image_url = g_strdup(offer->image_url);
        self->label = g_strdup(offer->label);
        self->content_type = g_strdup(offer->content_type);
        self->item_path = g_strdup(offer->item_path);
        if (offer->content != NULL)
                self->content = tg_secret_ref(offer->content);
        if (offer->attributes != NULL)
                self->attributes = g_hash_table_ref(offer->attributes);

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
                       const char *application,
                       const char *starter,
                       GError **error)
{
        g_autoptr(TgShare) self = new_share(wallet, owner, owner_data, TG_ROLE_RECIPIENT);

        draw_id(self);
        self->created_s = tg_clock_now_s();
        self->relay = g_intern_string(link->origin);
        self->mode = "t1";
        self->application = g_intern_string(application);
        replace_text(&self->title, own_title != NULL ? own_title : NEUTRAL_TITLE);
        self->is_title_own = self->is_title_verified = own_title != NULL;
        self->letter = link->vertical;
        self->mailbox_url = g_strdup(link->mailbox_url);
        self->key = tg_secret_ref(link->secret);
        self->starter = g_strdup(starter);

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
        tg_share_drop_pending(self);
        free_share(self);
}

void
tg_share_stop(TgShare *self)
{
        self->is_stopped = TRUE;
        tg_share_drop_pending(self);
}

void
tg_share_drop_pending(TgShare *self)
{
        g_clear_pointer(&self->asking, tg_asking_cancel);
        g_clear_pointer(&self->turn, tg_turn_end);
        g_clear_pointer(&self->job, tg_keyring_job_cancel);
        g_clear_pointer(&self->context, tg_http_context_free);
        g_clear_handle_id(&self->timer, g_source_remove);
}

void
tg_share_forget_secrets(TgShare *self)
{
        g_clear_pointer(&self->key, tg_secret_unref);
        g_clear_pointer(&self->invitation, tg_secret_unref);
        g_clear_pointer(&self->thread, tg_thread_free);
        g_clear_pointer(&self->content, tg_secret_unref);
        g_clear_pointer(&self->content_type, g_free);
        g_clear_pointer(&self->label, g_free);
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
tg_share_mode(const TgShare *self)
{
        return self->mode;
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

gboolean
tg_share_failure(const TgShare *self, TgError *ret_code, const char **ret_text)
{
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

gboolean
tg_share_was_started_by(const TgShare *self, const char *bus_name)
{
        return g_strcmp0(self->starter, bus_name) == 0 && bus_name != NULL;
}

/* Refused, failed or run out before the claim, a link has not ended: it may be opened again. */
static gboolean
is_link_used(const TgShare *self)
{
        return self->has_digest &&
               (!tg_share_is_ended(self) || self->is_bound || self->state == TG_STATE_DECLINED ||
                self->state == TG_STATE_RELINQUISHED);
}

const guint8 *
tg_share_link_digest(const TgShare *self)
{
        return is_link_used(self) ? self->digest : NULL;
}

const char *
tg_share_mailbox_url(const TgShare *self)
{
        return self->mailbox_url;
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

/* ---- events ---- */

/* The user's own word may not be undone by an old state file: it counts. */
static gboolean
counts(TgEvent event)
{
        return event == TG_EVENT_CANCEL || event == TG_EVENT_DECLINE ||
               event == TG_EVENT_RELINQUISH;
}

static TgSecret *
plan_errand(TgShare *self, TgAction action, const char *reason)
{
        if (action == TG_ACTION_DELETE && self->mailbox_url == NULL) {
                /* A create request that may have gone out: its id finds the mailbox. */
                self->errand = self->request_id != NULL ? TG_ERRAND_FIND : TG_ERRAND_NONE;
                return NULL;
        }
        g_clear_pointer(&self->request_id, g_free);
        self->request_id = tg_share_new_request_id();

        switch (action) {
        case TG_ACTION_DELETE:
                self->errand = TG_ERRAND_DELETE;
                return NULL;
        case TG_ACTION_LET_GO:
                self->errand = TG_ERRAND_LET_GO;
                return NULL;
        case TG_ACTION_SAY_COMPLETED:
                return tg_share_prepare_message(self, TG_OUTCOME_COMPLETED, NULL);
        case TG_ACTION_SAY_DECLINED:
                return tg_share_prepare_message(self, TG_OUTCOME_DECLINED, reason);
        case TG_ACTION_SAY_FAILED:
                return tg_share_prepare_message(
                        self, TG_OUTCOME_FAILED, self->has_failure ? self->failure_text : NULL);
        case TG_ACTION_NONE:
        case TG_ACTION_CREATE:
        case TG_ACTION_WATCH:
        case TG_ACTION_CLAIM:
        case TG_ACTION_PROVISION:
                break;
        }
        return NULL;
}

static gboolean
save_event(TgShare *self, TgEvent event, TgSecret *body, GError **error)
{
        TgStore *store = self->wallet->store;
        TgArrival arrival = {
                .id = self->credential_id,
                .format = tg_share_format(self),
                .title = self->title,
                .description = self->description,
                .kind = self->kind,
        };

        if (self->is_sealed || !tg_store_has_key(store))
                return tg_share_save(self, NULL, error);

        if (!tg_store_begin(store, error))
                return FALSE;

        if ((counts(event) && !tg_store_set_count(store, tg_store_count(store) + 1, error)) ||
            (event == TG_EVENT_PROVISIONED &&
             !self->owner->arrived(self, &arrival, error, self->owner_data)) ||
            (tg_share_is_ended(self) && self->has_digest &&
             !tg_store_add_link(store, self->digest, tg_clock_now_s() + TG_ENDED_LINK_S, error)) ||
            !tg_share_save(self, body, error)) {
                tg_store_rollback(store);
                return FALSE;
        }
        return tg_store_commit(store, error);
}

static void
perform(TgShare *self, TgAction action)
{
        switch (action) {
        case TG_ACTION_NONE:
                break;
        case TG_ACTION_CREATE:
                tg_share_create(self);
                break;
        case TG_ACTION_WATCH:
                tg_share_watch(self);
                break;
        case TG_ACTION_CLAIM:
                tg_share_claim(self);
                break;
        case TG_ACTION_PROVISION:
                tg_share_provision(self);
                break;
        case TG_ACTION_DELETE:
        case TG_ACTION_SAY_COMPLETED:
        case TG_ACTION_SAY_DECLINED:
        case TG_ACTION_SAY_FAILED:
        case TG_ACTION_LET_GO:
                tg_share_run_errand(self);
                break;
        }
}

static void
log_state(const TgShare *self, TgState from)
{
        g_log_structured(G_LOG_DOMAIN,
                         G_LOG_LEVEL_INFO,
                         "TG_SHARE",
                         self->id,
                         "TG_STATE",
                         tg_state_name(self->state),
                         "MESSAGE",
                         "share %.8s (%s): %s, then %s",
                         self->id,
                         tg_role_name(self->role),
                         tg_state_name(from),
                         tg_state_name(self->state));
}

/* What an ended share still needs: the claim and address for its errand, and the
 * keys only where the message is still to be written. */
static void
end_secrets(TgShare *self)
{
        if (self->errand != TG_ERRAND_SAY || self->has_message)
                tg_share_forget_secrets(self);
        if (self->errand == TG_ERRAND_NONE) {
                g_clear_pointer(&self->claim, tg_secret_unref);
                g_clear_pointer(&self->request_id, g_free);
                g_clear_pointer(&self->mailbox_url, g_free);
                g_clear_pointer(&self->etag, g_free);
        }
}

/* The user has said no to a link that has no digest yet: it was not allowed yet, or the
 * keyring is locked. */
static void
note_ended_link(TgShare *self, TgEvent event)
{
        TgStore *store = self->wallet->store;
        g_autoptr(TgSecret) link = NULL;

        if (self->role != TG_ROLE_RECIPIENT || !counts(event) || self->has_digest ||
            self->key == NULL)
                return;

        link = tg_share_link_identity(self->mailbox_url, self->key, NULL);
        if (link != NULL && tg_store_has_key(store))
                self->has_digest = tg_store_link_digest(store, link, self->digest, NULL);
        else
                self->ended_link = g_steal_pointer(&link);
}

static gboolean
step(TgShare *self, TgEvent event, TgSecret *body, const char *reason, GError **error)
{
        g_autoptr(TgSecret) message = NULL;
        g_autoptr(TgSecret) nothing = NULL;
        TgState from = self->state;
        TgState state = self->state;
        TgAction action;
        TgShareChange changes = TG_SHARE_STATE;

        if (!tg_session_step(self->role, &state, event, &action)) {
                tg_set_error(error,
                             TG_ERROR_BAD_STATE,
                             "the share is in state %s: that cannot be done now",
                             tg_share_state_name(self));
                return FALSE;
        }

        self->state = state;
        if (tg_state_is_end(state)) {
                self->ended_s = tg_clock_now_s();
                note_ended_link(self, event);
                if (self->is_sealed) {
                        self->is_busy_sealed = action != TG_ACTION_NONE;
                        replace_text(&self->reason, reason);
                } else {
                        message = plan_errand(self, action, reason);
                        nothing = tg_secret_new("", 0, NULL);
                        body = message != NULL ? message : nothing;
                        end_secrets(self);
                }
                changes |= TG_SHARE_FAILURE | TG_SHARE_CREDENTIAL;
        }

        if (!save_event(self, event, body, error))
                return FALSE;

        log_state(self, from);
        if (tg_state_is_end(state)) {
                tg_share_drop_pending(self);
                self->is_waiting_for_keyring = FALSE;
        }
        tg_share_tell(self, changes);
        if (counts(event))
                tg_vault_push_count(self->wallet->vault);
        if (event == TG_EVENT_PROVISIONED)
                self->owner->arrival_saved(self, self->credential_id, self->owner_data);
        if (tg_state_is_end(state))
                self->owner->ended(self, self->owner_data);

        if (!self->is_stopped)
                perform(self, action);
        return TRUE;
}

gboolean
tg_share_event(TgShare *self, TgEvent event, TgSecret *body, GError **error)
{
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);

        return step(self, event, body, NULL, error);
}

void
tg_share_happens(TgShare *self, TgEvent event, TgSecret *body)
{
        g_autoptr(GError) error = NULL;

        if (!tg_share_event(self, event, body, &error))
                tg_share_go_back(self, error);
}

void
tg_share_ends(TgShare *self, TgEvent event, TgEndedBy by, const GError *error)
{
        if (!tg_session_allows(self->role, self->state, event))
                return;
        self->ended_by = by;
        if (error != NULL)
                tg_share_set_failure(self, error);
        tg_share_happens(self, event, NULL);
}

/*
 * Something could not be saved (a full disk): what is stored is the truth, as
 * after a crash. What was never stored in full cannot go on.
 */
void
tg_share_go_back(TgShare *self, const GError *error)
{
        g_auto(TgShareRow) row = {};
        g_autoptr(TgSecret) detail = NULL;
        g_autoptr(GError) failure = NULL;

        g_warning("share %.8s: %s", self->id, error->message);
        tg_share_drop_pending(self);

        if (self->is_sealed ||
            !tg_store_load_share(self->wallet->store, self->id, &row, &detail, &failure) ||
            (detail == NULL && !tg_state_is_end(row.state))) {
                gboolean was_ended = tg_share_is_ended(self);

                /* Told as ended without being saved as such: after a restart the row, which
                 * holds nothing, ends the same way. */
                self->state = TG_STATE_FAILED;
                self->ended_by = TG_ENDED_SELF;
                self->ended_s = tg_clock_now_s();
                self->errand = TG_ERRAND_NONE;
                end_secrets(self);
                tg_share_set_failure(self, error);
                tg_share_tell(self, TG_SHARE_STATE);
                if (!was_ended)
                        self->owner->ended(self, self->owner_data);
                return;
        }

        self->state = row.state;
        self->ended_s = row.ended_s;
        self->version = row.version;
        tg_share_forget_secrets(self);
        if (detail != NULL)
                tg_share_read_detail(self, detail);
        tg_share_set_failure(self, error);
        tg_share_tell(self, TG_SHARE_ALL);
        tg_share_later(self, -1);
}

gboolean
tg_share_needs_vault(TgShare *self)
{
        TgWallet *wallet = self->wallet;
        gboolean is_unlocked = tg_keyring_state(wallet->keyring) == TG_KEYRING_UNLOCKED;

        if (tg_vault_is_open(wallet->vault)) {
                tg_share_set_waiting(self, FALSE);
                return FALSE;
        }

        tg_share_set_waiting(self, !is_unlocked);
        tg_vault_open(wallet->vault, self->is_interactive);
        self->is_interactive = FALSE;
        /* Opening takes a moment. If it fails with the keyring unlocked nothing would
         * call us again. */
        if (is_unlocked) {
                tg_share_set_failure(self, tg_vault_trouble(wallet->vault));
                tg_share_later(self, -1);
        }
        return TRUE;
}

static gboolean
on_later(gpointer user_data)
{
        TgShare *self = user_data;

        self->timer = 0;
        tg_share_go_on(self);
        return G_SOURCE_REMOVE;
}

void
tg_share_later(TgShare *self, gint64 retry_after_s)
{
        guint seconds = TG_MIN_POLL_S;

        if (self->is_stopped)
                return;
        for (guint i = 0; i < self->n_failures && seconds < TG_MAX_POLL_S; i++)
                seconds *= 2;
        seconds = MIN(seconds, TG_MAX_POLL_S);
        self->n_failures++;
        if (retry_after_s >= 0)
                seconds = MAX(
                        seconds,
                        (guint)CLAMP(retry_after_s, TG_MIN_RETRY_AFTER_S, TG_MAX_RETRY_AFTER_S));

        g_clear_handle_id(&self->timer, g_source_remove);
        self->timer =
                g_timeout_add(tg_clock_jitter_ms(seconds) + (retry_after_s > 0 ? seconds * 500 : 0),
                              on_later,
                              self);
}

/* ---- what may be done to it ---- */

void
tg_share_decide(TgShare *self, const GError *error, gboolean is_interactive)
{
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);
        g_autoptr(TgSecret) body = NULL;
        g_autoptr(GError) failure = NULL;

        if (self->state != TG_STATE_AUTHORIZING)
                return;
        if (error != NULL) {
                tg_share_ends(self, TG_EVENT_DENIED, TG_ENDED_SELF, error);
                return;
        }
        self->is_interactive = is_interactive;
        if (tg_vault_is_open(self->wallet->vault) && !tg_share_prepare(self, &body, &failure)) {
                tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_SELF, failure);
                return;
        }
        tg_share_happens(self, TG_EVENT_ALLOWED, body);
}

TgSecret *
tg_share_get_invitation(TgShare *self, GError **error)
{
        if (self->is_sealed) {
                tg_set_error(error,
                             TG_ERROR_KEYRING_UNAVAILABLE,
                             "the keyring is locked: unlock it to get the invitation");
                return NULL;
        }
        if (self->role != TG_ROLE_INITIATOR || self->invitation == NULL ||
            tg_share_is_ended(self)) {
                tg_set_error(error,
                             TG_ERROR_BAD_STATE,
                             "there is no invitation to be had: the share is in state %s",
                             tg_share_state_name(self));
                return NULL;
        }
        return tg_secret_ref(self->invitation);
}

/* What an end is called that came in state @from without a word of the other side's;
 * NULL where it says enough by itself. */
static GError *
sentence_of(const TgShare *self, TgState from, TgEvent event)
{
        gboolean was_sent =
                from != TG_STATE_AUTHORIZING &&
                (from != TG_STATE_UPLOADING || self->is_sealed || self->request_id != NULL);

        if (event == TG_EVENT_TIME_UP)
                return tg_error_new(TG_ERROR_EXPIRED, "nobody finished it in time");
        if (event != TG_EVENT_CANCEL && event != TG_EVENT_DECLINE)
                return NULL;
        if (self->role == TG_ROLE_RECIPIENT)
                return tg_error_new(TG_ERROR_DECLINED, "declined here");
        return tg_error_new(TG_ERROR_CANCELLED,
                            was_sent ? "cancelled, but it may have been received before: what was "
                                       "read cannot be taken back"
                                     : "cancelled before anything was sent");
}

/* The user's word. @event is stored before this returns. */
static gboolean
end_by_user(TgShare *self, TgEvent event, const char *reason, GError **error)
{
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);
        g_autoptr(GError) failure = sentence_of(self, self->state, event);
        g_autoptr(GError) refused = NULL;

        if (!tg_text_is_clean(reason, TG_MAX_REASON_BYTES)) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "the reason must be one line of at most %d octets",
                             TG_MAX_REASON_BYTES);
                return FALSE;
        }
        if (!tg_session_allows(self->role, self->state, event)) {
                tg_set_error(error,
                             TG_ERROR_BAD_STATE,
                             "the share is in state %s: that cannot be done now",
                             tg_share_state_name(self));
                return FALSE;
        }

        self->ended_by = TG_ENDED_SELF;
        tg_share_set_failure(self, failure);
        if (step(self, event, NULL, reason, &refused))
                return TRUE;

        tg_share_go_back(self, refused);
        g_propagate_error(error, g_steal_pointer(&refused));
        return FALSE;
}

gboolean
tg_share_cancel(TgShare *self, const char *reason, GError **error)
{
        return end_by_user(self, TG_EVENT_CANCEL, reason, error);
}

gboolean
tg_share_decline(TgShare *self, const char *reason, GError **error)
{
        return end_by_user(self, TG_EVENT_DECLINE, reason, error);
}

gboolean
tg_share_relinquish(TgShare *self, GError **error)
{
        return end_by_user(self, TG_EVENT_RELINQUISH, "", error);
}

gboolean
tg_share_may_forget(const TgShare *self, GError **error)
{
        if (!tg_share_is_ended(self)) {
                tg_set_error(error,
                             TG_ERROR_BAD_STATE,
                             "the share is still running: cancel or decline it first");
                return FALSE;
        }
        if (tg_share_is_busy(self)) {
                tg_set_error(error,
                             TG_ERROR_BAD_STATE,
                             "the relay has not been told of the end yet: try again later");
                return FALSE;
        }
        return TRUE;
}

TgSecret *
tg_share_link_identity(const char *mailbox_url, const TgSecret *secret, GError **error)
{
        gsize n_url = strlen(mailbox_url);
        gsize n_secret;
        const guint8 *bytes = tg_secret_get(secret, &n_secret);
        guint8 *buffer;
        TgSecret *identity = tg_secret_new_blank(n_url + n_secret, &buffer, error);

        if (identity == NULL)
                return NULL;
        memcpy(buffer, mailbox_url, n_url);
        memcpy(buffer + n_url, bytes, n_secret);
        return identity;
}

/* ---- what happens around it ---- */

void
tg_share_remember_link(TgShare *self)
{
        g_autoptr(TgSecret) link = g_steal_pointer(&self->ended_link);
        g_autoptr(GError) error = NULL;
        TgStore *store = self->wallet->store;

        if (link == NULL)
                return;
        self->has_digest = tg_store_link_digest(store, link, self->digest, &error);
        if (!self->has_digest ||
            !tg_store_add_link(store, self->digest, tg_clock_now_s() + TG_ENDED_LINK_S, &error) ||
            !tg_share_save(self, NULL, &error))
                g_warning(
                        "share %.8s: its link cannot be remembered: %s", self->id, error->message);
}

/* An end that was written without the key: now the rest of it can be done. */
static void
finish_clear_end(TgShare *self, TgState sealed_state, const char *reason)
{
        g_autoptr(TgSecret) body = NULL;
        g_autoptr(GError) sentence = NULL;
        g_autoptr(GError) error = NULL;
        TgState state = sealed_state;
        TgAction action = TG_ACTION_NONE;
        TgEvent event = TG_EVENT_TIME_UP;

        if (self->state == TG_STATE_CANCELLED)
                event = TG_EVENT_CANCEL;
        else if (self->state == TG_STATE_DECLINED)
                event = TG_EVENT_DECLINE;
        else if (self->state == TG_STATE_RELINQUISHED)
                event = TG_EVENT_RELINQUISH;
        else if (self->state != TG_STATE_EXPIRED)
                event = TG_EVENT_BROKEN;

        if (!tg_session_step(self->role, &state, event, &action))
                action = TG_ACTION_NONE;
        self->ended_by = event == TG_EVENT_TIME_UP ? TG_ENDED_TIME : TG_ENDED_SELF;
        sentence = sentence_of(self, sealed_state, event);
        if (sentence != NULL)
                tg_share_set_failure(self, sentence);
        body = plan_errand(self, action, reason);
        if (body == NULL)
                body = tg_secret_new("", 0, NULL);
        end_secrets(self);
        if (!save_event(self, event, body, &error))
                g_warning("share %.8s: %s", self->id, error->message);
        else if (counts(event))
                tg_vault_push_count(self->wallet->vault);
}

static void
take_detail(TgShare *self, const TgShareRow *row, TgSecret *detail, const GError *error)
{
        TgState clear_state = row != NULL ? row->state : self->state;
        g_autofree char *reason = g_steal_pointer(&self->reason);
        g_autoptr(GError) gone = NULL;

        self->is_sealed = FALSE;
        self->is_busy_sealed = FALSE;
        self->is_waiting_for_keyring = FALSE;
        if (row != NULL)
                self->version = row->version;
        if (detail != NULL)
                tg_share_read_detail(self, detail);
        /* Not of one that has ended before, and in its own way. */
        if (error != NULL && !tg_share_is_ended(self))
                tg_share_set_failure(self, error);

        if (tg_state_is_end(clear_state) && !tg_share_is_ended(self)) {
                TgState sealed_state = self->state;

                self->state = clear_state;
                /* The vault may have written it since the row was read first. */
                self->ended_s = row->ended_s;
                finish_clear_end(self, sealed_state, reason);
        } else if (!tg_share_is_ended(self) && (detail == NULL || error != NULL)) {
                if (error == NULL)
                        gone = tg_error_new(TG_ERROR_FAILED,
                                            "the wallet was restarted before the keyring was "
                                            "unlocked: start again");
                tg_share_ends(self, TG_EVENT_BROKEN, TG_ENDED_SELF, error != NULL ? error : gone);
        }
}

void
tg_share_unsealed(TgShare *self,
                  const TgShareRow *row,
                  TgSecret *detail,
                  const GError *error,
                  gboolean is_alone)
{
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);
        TgState before = self->state;
        gboolean was_sealed = self->is_sealed;

        if (was_sealed) {
                take_detail(self, row, detail, error);
                tg_share_tell(self, TG_SHARE_ALL);
                /* An end that nobody has been told of: written by the vault. */
                if (!tg_state_is_end(before) && row != NULL && tg_state_is_end(row->state))
                        self->owner->ended(self, self->owner_data);
        }
        tg_share_check_time(self, tg_clock_now_s());
        if (was_sealed)
                tg_share_resume(self, is_alone);
        else
                tg_share_go_on(self); /* it was begun just now, by somebody who waits */
}

void
tg_share_keyring_changed(TgShare *self)
{
        if (self->is_waiting_for_keyring)
                tg_share_go_on(self);
}

void
tg_share_resume(TgShare *self, gboolean is_alone)
{
        if (self->is_stopped || self->timer != 0)
                return;
        if (is_alone || self->has_arrived)
                tg_share_go_on(self);
        else
                self->timer = g_timeout_add(
                        (guint)g_random_int_range(0, TG_SPREAD_S * 1000), on_later, self);
}

void
tg_share_go_on(TgShare *self)
{
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);

        if (self->is_stopped || self->is_sealed || self->asking != NULL || self->turn != NULL ||
            self->job != NULL)
                return;
        g_clear_handle_id(&self->timer, g_source_remove);

        if (tg_share_is_ended(self)) {
                if (self->errand != TG_ERRAND_NONE)
                        tg_share_run_errand(self);
                return;
        }

        switch (self->state) {
        case TG_STATE_UPLOADING:
                tg_share_create(self);
                break;
        case TG_STATE_CLAIMING:
                tg_share_claim(self);
                break;
        case TG_STATE_INVITED:
                tg_share_watch(self);
                break;
        case TG_STATE_EXCHANGING:
        case TG_STATE_PROVISIONING:
                if (self->has_arrived)
                        tg_share_provision(self);
                else
                        tg_share_watch(self);
                break;
        case TG_STATE_AUTHORIZING:
        case TG_STATE_VERIFYING_PIN:
        case TG_STATE_PIN_NEEDED:
        case TG_STATE_COMPLETED:
        case TG_STATE_CANCELLED:
        case TG_STATE_DECLINED:
        case TG_STATE_EXPIRED:
        case TG_STATE_REFUSED:
        case TG_STATE_BURNED:
        case TG_STATE_FAILED:
        case TG_STATE_REVOKED:
        case TG_STATE_RELINQUISHED:
                break;
        }
}

/* What has arrived is not lost because its keyring was locked too long; and an errand looks at
 * the clock by itself. */
gint64
tg_share_deadline_s(const TgShare *self)
{
        if (self->has_arrived || !tg_session_allows(self->role, self->state, TG_EVENT_TIME_UP))
                return 0;
        return self->expires_s != 0 ? self->expires_s : self->created_s + TG_MAX_LIFE_S;
}

void
tg_share_check_time(TgShare *self, gint64 now_s)
{
        G_GNUC_UNUSED g_autoptr(TgShare) alive = tg_share_ref(self);
        g_autoptr(GError) late = NULL;
        gint64 deadline_s = tg_share_deadline_s(self);

        if (deadline_s == 0 || now_s < deadline_s)
                return;
        late = tg_error_new(TG_ERROR_EXPIRED,
                            self->is_shortened ? "the relay has ended it before the time that was "
                                                 "asked for"
                                               : "nobody finished it in time");
        tg_share_ends(
                self, TG_EVENT_TIME_UP, self->is_shortened ? TG_ENDED_RELAY : TG_ENDED_TIME, late);
}
