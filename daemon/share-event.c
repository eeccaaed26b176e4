/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What happens to a share: one event, one step of the table, saved before it is told, and the
 * action that the table asks for.
 */

#include "daemon/clock.h"
#include "daemon/share-private.h"
#include "protocol/limits.h"

/* The user's own word, and a try, may not be undone by an old state file: they count. */
gboolean
tg_share_event_counts(TgEvent event)
{
        return event == TG_EVENT_CANCEL || event == TG_EVENT_DECLINE ||
               event == TG_EVENT_RELINQUISH || event == TG_EVENT_ANSWERED ||
               event == TG_EVENT_PIN_GIVEN || event == TG_EVENT_REVOKED;
}

TgSecret *
tg_share_plan_errand(TgShare *self, TgAction action, const char *reason)
{
        /* Who is told that what follows is deleted hears that it was taken back: one that has only
         * come to nothing is left to the relay. */
        if (action == TG_ACTION_DELETE && self->role == TG_ROLE_INITIATOR &&
            self->predecessor[0] != '\0' && tg_share_has_link(self) &&
            (self->state == TG_STATE_FAILED || self->state == TG_STATE_EXPIRED))
                action = TG_ACTION_NONE;
        return self->carrier->plan_errand(self, action, reason);
}

static gboolean
save_parts(TgShare *self, TgEvent event, TgSecret *body, GError **error)
{
        TgStore *store = self->wallet->store;
        TgArrival arrival = {
                .id = self->credential_id,
                .format = tg_share_format(self),
                .title = self->title,
                .description = self->description,
                .kind = self->kind,
                .issuer = self->issuer,
                .not_before_s = self->not_before_s,
                .not_after_s = self->not_after_s,
                .bounds = self->bounds,
                .details = self->details,
                .attributes = self->item_attributes,
        };
        gboolean takes_uses = event == TG_EVENT_ALLOWED && self->source_id != NULL;

        if (takes_uses && !tg_store_has_key(store)) {
                tg_set_error(error,
                             TG_ERROR_KEYRING_UNAVAILABLE,
                             "the keyring is locked: unlock it to share on what you were given");
                return FALSE;
        }
        if (!tg_share_log_event(self, event, error))
                return FALSE;
        if (self->is_sealed || !tg_store_has_key(store))
                return tg_share_save(self, NULL, error);

        return (!tg_share_event_counts(event) ||
                tg_store_set_count(store, tg_store_count(store) + 1, error)) &&
               (!takes_uses ||
                self->owner->take_uses(
                        self, self->source_id, self->bounds.n_uses, error, self->owner_data)) &&
               (event != TG_EVENT_PROVISIONED ||
                self->owner->arrived(self, &arrival, error, self->owner_data)) &&
               (self->state != TG_STATE_BURNED || event != TG_EVENT_BURNED ||
                tg_share_add_burns(self, error)) &&
               (!tg_share_is_ended(self) || !tg_share_is_link_used(self) ||
                tg_store_add_link(
                        store, self->digest, tg_clock_now_s() + TG_ENDED_LINK_S, error)) &&
               tg_share_save(self, body, error);
}

gboolean
tg_share_save_event(TgShare *self, TgEvent event, TgSecret *body, GError **error)
{
        TgStore *store = self->wallet->store;

        if (!tg_store_begin(store, error))
                return FALSE;
        if (save_parts(self, event, body, error))
                return tg_store_commit(store, error);
        tg_store_rollback(store);
        return FALSE;
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
                self->carrier->watch(self);
                break;
        case TG_ACTION_WRITE:
                self->is_write_doubtful = FALSE;
                self->carrier->write(self);
                break;
        case TG_ACTION_WORK:
                tg_share_work(self);
                break;
        case TG_ACTION_CHARGE:
                tg_share_charge(self);
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
void
tg_share_end_secrets(TgShare *self)
{
        /* Of no use to any errand. */
        g_clear_pointer(&self->given_pin, tg_secret_unref);
        if (tg_share_may_say_again(self)) {
                TgExchange *exchange = g_steal_pointer(&self->exchange);

                tg_share_forget_secrets(self);
                self->exchange = exchange;
        } else if (self->errand != TG_ERRAND_SAY || self->has_message) {
                tg_share_forget_secrets(self);
        }
        if (self->errand == TG_ERRAND_NONE) {
                g_clear_pointer(&self->claim, tg_secret_unref);
                g_clear_pointer(&self->drop, tg_drop_state_free);
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

        if (self->role != TG_ROLE_RECIPIENT || !tg_share_event_counts(event) || self->has_digest ||
            self->key == NULL)
                return;

        link = tg_share_link_identity(self->mailbox_url, self->key, NULL);
        if (link != NULL && tg_store_has_key(store))
                self->has_digest = tg_store_link_digest(store, link, self->digest, NULL);
        else
                self->ended_link = g_steal_pointer(&link);
}

/* What a step takes away or changes before it is saved: put back if it cannot be. */
typedef struct {
        TgState state;
        guint64 version;
        gint64 ended_s;
        TgErrand errand;
        gboolean has_message;
        gboolean has_arrived;
        gboolean is_busy_sealed;
        gboolean is_meant;
        gboolean is_given;
        gboolean said_end;
        TgSecret *key;
        TgSecret *invitation;
        TgSecret *claim;
        TgSecret *content;
        TgSecret *vertical_state;
        GVariant *terms;
        char *subject;
        TgSecret *exchange;
        TgSecret *drop;
        char *mailbox_url;
        char *request_id;
        char *etag;
} Before;

static TgSecret *
ref_or_null(TgSecret *secret)
{
        return secret != NULL ? tg_secret_ref(secret) : NULL;
}

static TgSecret *
exchange_before(const TgShare *self)
{
        if (self->undo != NULL)
                return tg_secret_ref(self->undo);
        return self->exchange != NULL ? tg_exchange_save(self->exchange, NULL) : NULL;
}

static TgSecret *
drop_before(const TgShare *self)
{
        if (self->drop_undo != NULL)
                return tg_secret_ref(self->drop_undo);
        return self->drop != NULL ? tg_drop_state_save(self->drop, NULL) : NULL;
}

static void
remember(const TgShare *self, TgEvent event, Before *ret_before)
{
        *ret_before = (Before){
                .state = self->state,
                .version = self->version,
                .ended_s = self->ended_s,
                .errand = self->errand,
                .has_message = self->has_message,
                .has_arrived = self->has_arrived || event == TG_EVENT_PROVISIONED,
                .is_busy_sealed = self->is_busy_sealed,
                .is_meant = self->is_meant,
                .is_given = self->is_given,
                .said_end = FALSE, /* nobody speaks of his end twice */
                .key = ref_or_null(self->key),
                .invitation = ref_or_null(self->invitation),
                .claim = ref_or_null(self->claim),
                .content = ref_or_null(self->content),
                .vertical_state = ref_or_null(self->vertical_state),
                .terms = self->terms != NULL ? g_variant_ref(self->terms) : NULL,
                .subject = g_strdup(self->subject),
                .exchange = exchange_before(self),
                .drop = drop_before(self),
                .mailbox_url = g_strdup(self->mailbox_url),
                .request_id = g_strdup(self->request_id),
                .etag = g_strdup(self->etag),
        };
}

static void
forget_before(Before *before)
{
        g_clear_pointer(&before->key, tg_secret_unref);
        g_clear_pointer(&before->invitation, tg_secret_unref);
        g_clear_pointer(&before->claim, tg_secret_unref);
        g_clear_pointer(&before->content, tg_secret_unref);
        g_clear_pointer(&before->vertical_state, tg_secret_unref);
        g_clear_pointer(&before->terms, g_variant_unref);
        g_clear_pointer(&before->subject, g_free);
        g_clear_pointer(&before->exchange, tg_secret_unref);
        g_clear_pointer(&before->drop, tg_secret_unref);
        g_clear_pointer(&before->mailbox_url, g_free);
        g_clear_pointer(&before->request_id, g_free);
        g_clear_pointer(&before->etag, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Before, forget_before)

#define PUT_BACK(field, drop)                                                                      \
        do {                                                                                       \
                g_clear_pointer(&self->field, drop);                                               \
                self->field = g_steal_pointer(&before->field);                                     \
        } while (0)

static void
put_back(TgShare *self, Before *before)
{
        self->state = before->state;
        self->version = before->version;
        self->ended_s = before->ended_s;
        self->ended_by = TG_ENDED_NOT;
        self->errand = before->errand;
        self->has_message = before->has_message;
        self->has_arrived = before->has_arrived;
        self->is_busy_sealed = before->is_busy_sealed;
        self->is_meant = before->is_meant;
        self->is_given = before->is_given;
        self->said_end = before->said_end;
        PUT_BACK(key, tg_secret_unref);
        PUT_BACK(invitation, tg_secret_unref);
        PUT_BACK(claim, tg_secret_unref);
        PUT_BACK(content, tg_secret_unref);
        PUT_BACK(vertical_state, tg_secret_unref);
        PUT_BACK(terms, g_variant_unref);
        PUT_BACK(subject, g_free);
        PUT_BACK(mailbox_url, g_free);
        PUT_BACK(request_id, g_free);
        PUT_BACK(etag, g_free);
        tg_share_settle(self);
        g_clear_pointer(&self->exchange, tg_exchange_free);
        g_clear_pointer(&self->drop, tg_drop_state_free);
        self->undo = g_steal_pointer(&before->exchange);
        self->drop_undo = g_steal_pointer(&before->drop);
        tg_share_undo(self);
}

/* The parts of an end that are made ready before it is saved; the body to be saved. */
static TgSecret *
prepare_end(TgShare *self, TgEvent event, TgAction action, const char *reason)
{
        TgSecret *message;

        self->ended_s = tg_clock_now_s();
        note_ended_link(self, event);
        if (self->is_sealed) {
                self->is_busy_sealed = action != TG_ACTION_NONE;
                g_free(self->reason);
                self->reason = g_strdup(reason);
                return NULL;
        }
        message = tg_share_plan_errand(self, action, reason);
        tg_share_end_secrets(self);
        return message != NULL ? message : tg_secret_new("", 0, NULL);
}

gboolean
tg_share_step(TgShare *self, TgEvent event, TgSecret *body, const char *reason, GError **error)
{
        g_autoptr(TgSecret) last_body = NULL;
        g_auto(Before) before = {};
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

        remember(self, event, &before);
        self->state = state;
        self->is_meant |= event == TG_EVENT_ALLOWED;
        if (tg_state_is_end(state)) {
                last_body = prepare_end(self, event, action, reason);
                body = last_body;
                changes |= TG_SHARE_FAILURE | TG_SHARE_CREDENTIAL | TG_SHARE_RECEIPT;
        }

        if (!tg_share_save_event(self, event, body, error)) {
                put_back(self, &before);
                return FALSE;
        }

        tg_share_settle(self);
        log_state(self, before.state);
        if (tg_state_is_end(state) || self->is_given != before.is_given ||
            self->is_meant != before.is_meant)
                changes |= TG_SHARE_LENT;
        if (tg_state_is_end(state)) {
                if (self->errand == TG_ERRAND_NONE)
                        tg_share_disconnect(self);
                else
                        tg_share_drop_pending(self); /* the errand goes by the same connection */
                self->is_waiting_for_keyring = FALSE;
                tg_share_forget_next(self);
                /* Its errand does not wait for what went wrong before. */
                self->n_failures = 0;
        }
        tg_share_tell(self, changes);
        if (tg_share_event_counts(event))
                tg_vault_push_count(self->wallet->vault);
        if (event == TG_EVENT_ALLOWED && self->source_id != NULL)
                self->owner->uses_taken(
                        self, self->source_id, self->bounds.n_uses, self->owner_data);
        if (event == TG_EVENT_ALLOWED)
                g_clear_pointer(&self->source_id, g_free);
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

        return tg_share_step(self, event, body, NULL, error);
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

gboolean
tg_share_is_passing(const GError *error)
{
        TgError code = tg_error_code(error);

        return code != TG_ERROR_NOT_FOUND && code != TG_ERROR_TAMPERED && code != TG_ERROR_INVALID;
}

/* Nothing of it was ever stored: told as ended, and after a restart its row, which holds
 * nothing, ends in the same way. */
static void
give_up(TgShare *self, const GError *error)
{
        if (tg_share_is_ended(self))
                return;
        self->state = TG_STATE_FAILED;
        self->ended_by = TG_ENDED_SELF;
        self->ended_s = tg_clock_now_s();
        self->errand = TG_ERRAND_NONE;
        tg_share_end_secrets(self);
        tg_share_set_failure(self, error);
        tg_share_tell(self, TG_SHARE_STATE);
        self->owner->ended(self, self->owner_data);
}

/*
 * Something could not be saved (a full disk): what is stored is the truth, as
 * after a crash. Where that cannot be read either just now, what is in memory is as
 * it was before. What was never stored in full cannot go on.
 */
void
tg_share_go_back(TgShare *self, const GError *error)
{
        g_auto(TgShareRow) row = {};
        g_autoptr(TgSecret) detail = NULL;
        g_autoptr(GError) failure = NULL;

        g_warning("share %.8s: %s", self->id, error->message);
        tg_share_disconnect(self);

        if (!self->is_sealed &&
            tg_store_load_share(self->wallet->store, self->id, &row, &detail, &failure)) {
                if (detail == NULL) {
                        give_up(self, error);
                        return;
                }
                self->state = row.state;
                self->ended_s = row.ended_s;
                self->version = row.version;
                tg_share_forget_secrets(self);
                tg_share_read_detail(self, detail);
        } else if (failure != NULL && !tg_share_is_passing(failure)) {
                give_up(self, failure);
                return;
        }

        /* What an end was for stays: an errand that is in trouble is tried again. */
        if (!tg_share_is_ended(self))
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
tg_share_later_ms(TgShare *self, guint ms)
{
        if (self->is_stopped)
                return;
        g_clear_handle_id(&self->timer, g_source_remove);
        self->timer = g_timeout_add(ms, on_later, self);
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

        /* Who names a time is not asked before it. */
        tg_share_later_ms(self,
                          tg_clock_jitter_ms(seconds) + (retry_after_s > 0 ? seconds * 500 : 0));
}
