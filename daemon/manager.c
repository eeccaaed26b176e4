/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "daemon/clock.h"
#include "daemon/manager-private.h"
#include "protocol/crypto.h"
#include "protocol/limits.h"

static const TgShareOwner share_owner;

/* ---- the next end in time ---- */

void
tg_manager_set_alarm(TgManager *self)
{
        GHashTableIter iter;
        gpointer value;
        gint64 expiry_s = tg_manager_credentials_deadline_s(self);
        gint64 next_s = 0;

        g_hash_table_iter_init(&iter, self->shares);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                gint64 deadline_s = tg_share_deadline_s(value);

                if (deadline_s != 0 && (next_s == 0 || deadline_s < next_s))
                        next_s = deadline_s;
        }
        if (expiry_s != 0 && (next_s == 0 || expiry_s < next_s))
                next_s = expiry_s;
        /* An end that could not be saved is tried again, but not without a pause. */
        if (next_s != 0)
                next_s = MAX(next_s, tg_clock_now_s() + 1);
        tg_alarm_set(self->alarm, next_s);
}

/* The shares as they are now: what is called for one may add or remove others. */
GPtrArray *
tg_manager_list(TgManager *self)
{
        GPtrArray *list = g_ptr_array_new_full(g_hash_table_size(self->shares),
                                               (GDestroyNotify)tg_share_unref);
        GHashTableIter iter;
        gpointer value;

        g_hash_table_iter_init(&iter, self->shares);
        while (g_hash_table_iter_next(&iter, NULL, &value))
                g_ptr_array_add(list, tg_share_ref(value));
        return list;
}

static void
on_alarm(gpointer user_data)
{
        TgManager *self = user_data;
        g_autoptr(GPtrArray) list = tg_manager_list(self);
        gint64 now_s = tg_clock_now_s();

        /* The alarm that has gone off must be set again, also to the same time. */
        tg_alarm_set(self->alarm, 0);
        for (guint i = 0; i < list->len; i++)
                tg_share_check_time(list->pdata[i], now_s);
        tg_manager_check_credentials(self, now_s);
        tg_manager_set_alarm(self);
}

/* ---- what shares tell ---- */

static void
on_share_changed(TgShare *share, TgShareChange changes, gpointer user_data)
{
        TgManager *self = user_data;

        if (g_hash_table_lookup(self->shares, tg_share_id(share)) != share)
                return;
        if ((changes & TG_SHARE_EXPIRES) != 0)
                tg_manager_set_alarm(self);
        if (self->observer != NULL)
                self->observer->share_changed(share, changes, self->observer_data);
        if ((changes & TG_SHARE_STATE) != 0 && tg_share_grant(share)[0] != '\0')
                tg_manager_sequel_changed(self, share);
}

/* Shares that were refused go first: a program that is refused ten thousand times has not
 * pushed out what really happened. What is lent goes last: it could not be taken back. */
static int
worth(const TgShare *share)
{
        if (tg_share_state(share) == TG_STATE_REFUSED)
                return 0;
        return tg_share_is_out(share) ? 2 : 1;
}

static gboolean
goes_before(const TgShare *share, const TgShare *other)
{
        int order = worth(share) - worth(other);

        if (order != 0)
                return order < 0;
        return tg_share_ended_s(share) < tg_share_ended_s(other);
}

/* The first share of a grant that goes on is what it is revoked by. */
static GHashTable *
list_grants(TgManager *self)
{
        GHashTable *grants = g_hash_table_new(g_str_hash, g_str_equal);
        GHashTableIter iter;
        gpointer value;

        g_hash_table_iter_init(&iter, self->shares);
        while (g_hash_table_iter_next(&iter, NULL, &value))
                if (!tg_share_is_ended(value) && tg_share_grant(value)[0] != '\0')
                        g_hash_table_add(grants, (gpointer)tg_share_grant(value));
        return grants;
}

static TgShare *
first_to_go(TgManager *self)
{
        g_autoptr(GHashTable) grants = list_grants(self);
        GHashTableIter iter;
        gpointer value;
        TgShare *first = NULL;

        g_hash_table_iter_init(&iter, self->shares);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                if (!tg_share_may_forget(value, NULL) ||
                    g_hash_table_contains(grants, tg_share_id(value)))
                        continue;
                if (first == NULL || goes_before(value, first))
                        first = value;
        }
        return first;
}

/* Counted and not kept: a share may be told of as ended by the clear part of its row, and
 * turn out to run when the sealed part is read. */
static guint
count_running(TgManager *self)
{
        GHashTableIter iter;
        gpointer value;
        guint n_running = 0;

        g_hash_table_iter_init(&iter, self->shares);
        while (g_hash_table_iter_next(&iter, NULL, &value))
                n_running += !tg_share_is_ended(value);
        return n_running;
}

static void
trim_history(TgManager *self)
{
        guint n_ended = g_hash_table_size(self->shares) - count_running(self);

        for (; n_ended > TG_MAX_ENDED_SHARES; n_ended--) {
                TgShare *first = first_to_go(self);

                if (first == NULL || !tg_manager_let_go(self, first))
                        return;
        }
}

static void
on_share_ended(TgShare *share, gpointer user_data)
{
        TgManager *self = user_data;

        if (g_hash_table_lookup(self->shares, tg_share_id(share)) != share)
                return;
        if (self->observer != NULL)
                self->observer->share_ended(share, self->observer_data);
        tg_manager_sequel_ended(self, share);
        trim_history(self);
        tg_manager_set_alarm(self);
}

gboolean
tg_manager_holds_more(const TgManager *self, GError **error)
{
        guint n = g_hash_table_size(self->credentials) + g_hash_table_size(self->imports);

        if (n < TG_MAX_CREDENTIALS)
                return TRUE;
        tg_set_error(error,
                     TG_ERROR_LIMIT_REACHED,
                     "there are %d credentials already: remove some",
                     TG_MAX_CREDENTIALS);
        return FALSE;
}

TgCredential *
tg_manager_new_credential(const TgArrival *arrival, const char *share_id)
{
        TgCredential *credential = tg_credential_new(arrival->id,
                                                     share_id,
                                                     tg_clock_now_s(),
                                                     arrival->format,
                                                     arrival->title,
                                                     arrival->description,
                                                     arrival->kind);

        g_free(credential->issuer);
        credential->issuer = g_strdup(arrival->issuer != NULL ? arrival->issuer : "");
        credential->not_before_s = arrival->not_before_s;
        credential->not_after_s = arrival->not_after_s;
        credential->bounds = arrival->bounds;
        credential->n_uses_left = arrival->bounds.n_uses;
        credential->details = arrival->details != NULL ? g_variant_ref(arrival->details) : NULL;
        credential->attributes =
                arrival->attributes != NULL ? g_variant_ref(arrival->attributes) : NULL;

        return credential;
}

static gboolean
on_arrived(TgShare *share, const TgArrival *arrival, GError **error, gpointer user_data)
{
        TgManager *self = user_data;
        TgCredential *credential = NULL;

        if (tg_share_renews(share) != NULL)
                return tg_manager_renew(self, share, arrival, error);
        if (!tg_manager_holds_more(self, error))
                return FALSE;
        credential = tg_manager_new_credential(arrival, tg_share_id(share));
        if (!tg_credential_save(credential, self->wallet->store, error)) {
                tg_credential_free(credential);
                return FALSE;
        }
        /* In the list only when the transaction has gone through. */
        g_clear_pointer(&self->arriving, tg_credential_free);
        self->arriving = credential;
        return tg_manager_follow(self, share, error);
}

static void
on_arrival_saved(TgShare *share, const char *credential_id, gpointer user_data)
{
        TgManager *self = user_data;
        TgCredential *credential = g_steal_pointer(&self->arriving);
        TgShare *following = g_steal_pointer(&self->following);

        if (credential == NULL)
                return;
        g_hash_table_replace(self->credentials, credential->id, credential);
        if (self->observer != NULL && tg_share_renews(share) != NULL)
                self->observer->credential_changed(credential, self->observer_data);
        else if (self->observer != NULL)
                self->observer->credential_added(credential, self->observer_data);
        if (following != NULL)
                tg_share_go_on(tg_manager_add_share(self, following));
        tg_manager_set_alarm(self);
}

static void
refuse_ended_link(GError **error, const TgShare *share)
{
        TgError code = TG_ERROR_ALREADY_USED;
        const char *text = NULL;

        if (share != NULL)
                tg_share_failure(share, &code, &text);
        tg_set_error(
                error,
                code,
                "this invitation was opened here before and has ended (%s): ask the sender for "
                "a new one",
                share != NULL ? tg_share_state_name(share) : "forgotten");
}

static TgShare *
find_digest(TgManager *self, const guint8 *digest, const TgShare *besides)
{
        GHashTableIter iter;
        gpointer value;
        TgShare *found = NULL;

        g_hash_table_iter_init(&iter, self->shares);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                const guint8 *other = tg_share_link_digest(value);

                if (value == besides || other == NULL ||
                    memcmp(other, digest, TG_SHA256_BYTES) != 0)
                        continue;
                if (!tg_share_is_ended(value) || tg_share_state(value) == TG_STATE_COMPLETED)
                        return value;
                found = value;
        }
        return found;
}

static gboolean
on_may_claim(TgShare *share, const guint8 digest[32], GError **error, gpointer user_data)
{
        TgManager *self = user_data;
        TgShare *other = find_digest(self, digest, share);

        if (other != NULL && !tg_share_is_ended(other)) {
                tg_set_error(error,
                             TG_ERROR_ALREADY_USED,
                             "this invitation is being accepted here already");
                return FALSE;
        }
        if (other != NULL || tg_store_has_link(self->wallet->store, digest, tg_clock_now_s())) {
                refuse_ended_link(error, other);
                return FALSE;
        }
        return TRUE;
}

static const TgShareOwner share_owner = {
        .changed = on_share_changed,
        .ended = on_share_ended,
        .arrived = on_arrived,
        .arrival_saved = on_arrival_saved,
        .take_uses = tg_manager_take_uses,
        .uses_taken = tg_manager_uses_taken,
        .may_claim = on_may_claim,
        .find_sequel = tg_manager_find_sequel,
        .make_sequel = tg_manager_make_sequel,
};

/* ---- the lists ---- */

static void
take_share(TgManager *self, TgShare *share)
{
        g_hash_table_insert(self->shares, (char *)tg_share_id(share), share);
}

static void
load_share(const TgShareRow *row, TgSecret *detail, const GError *error, gpointer user_data)
{
        TgManager *self = user_data;

        take_share(self, tg_share_new_stored(self->wallet, &share_owner, self, row));
}

static void
load_credential(const TgCredentialRow *row, TgSecret *detail, gpointer user_data)
{
        TgManager *self = user_data;
        TgCredential *credential = tg_credential_new_stored(row, detail);

        g_hash_table_replace(self->credentials, credential->id, credential);
}

static void
drop_share(gpointer share)
{
        tg_share_stop(share);
        tg_share_unref(share);
}

TgManager *
tg_manager_new(TgWallet *wallet, GError **error)
{
        TgManager *self = g_new0(TgManager, 1);

        self->wallet = wallet;
        self->shares = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, drop_share);
        self->credentials = g_hash_table_new_full(
                g_str_hash, g_str_equal, NULL, (GDestroyNotify)tg_credential_free);
        self->imports = g_hash_table_new_full(
                g_str_hash, g_str_equal, NULL, (GDestroyNotify)tg_credential_free);
        self->alarm = tg_alarm_new(on_alarm, self);
        self->erasings = tg_manager_new_erasings();

        if (!tg_store_each_share(wallet->store, load_share, self, error) ||
            !tg_store_each_credential(wallet->store, load_credential, self, error)) {
                tg_manager_free(self);
                return NULL;
        }
        return self;
}

void
tg_manager_free(TgManager *self)
{
        if (self == NULL)
                return;
        self->observer = NULL;
        g_clear_pointer(&self->erasings, g_hash_table_unref);
        g_clear_pointer(&self->shares, g_hash_table_unref);
        g_clear_pointer(&self->credentials, g_hash_table_unref);
        g_clear_pointer(&self->arriving, tg_credential_free);
        g_clear_pointer(&self->following, drop_share);
        g_clear_pointer(&self->clearing, tg_keyring_job_cancel);
        g_queue_clear(&self->unfinished);
        g_clear_pointer(&self->imports, g_hash_table_unref);
        tg_alarm_free(self->alarm);
        g_free(self);
}

void
tg_manager_set_observer(TgManager *self, const TgManagerObserver *observer, gpointer user_data)
{
        self->observer = observer;
        self->observer_data = user_data;
}

void
tg_manager_start(TgManager *self)
{
        g_autoptr(GPtrArray) list = tg_manager_list(self);
        g_autoptr(GError) restarted = tg_error_new(
                TG_ERROR_DENIED, "the wallet was restarted before you had decided: start again");

        for (guint i = 0; i < list->len; i++) {
                if (tg_share_state(list->pdata[i]) == TG_STATE_AUTHORIZING)
                        tg_share_decide(list->pdata[i], restarted, FALSE);
        }
        on_alarm(self);
        /* Nothing prompts here: a locked keyring is waited for. */
        if (tg_store_has_sealed(self->wallet->store) || count_running(self) > 0)
                tg_vault_open(self->wallet->vault, FALSE);
}

TgWallet *
tg_manager_wallet(TgManager *self)
{
        return self->wallet;
}

gboolean
tg_manager_has_room(TgManager *self, GError **error)
{
        if (count_running(self) < TG_MAX_RUNNING_SHARES)
                return TRUE;
        tg_set_error(error,
                     TG_ERROR_LIMIT_REACHED,
                     "%d shares are running already: cancel some, or wait for their ends",
                     TG_MAX_RUNNING_SHARES);
        return FALSE;
}

TgShare *
tg_manager_add_share(TgManager *self, TgShare *share)
{
        if (share == NULL)
                return NULL;
        take_share(self, share);
        tg_manager_set_alarm(self);
        if (self->observer != NULL)
                self->observer->share_added(share, self->observer_data);
        return share;
}

TgShare *
tg_manager_offer(TgManager *self, const TgShareOffer *offer, GError **error)
{
        if (!tg_manager_has_room(self, error))
                return NULL;
        return tg_manager_add_share(
                self, tg_share_new_initiator(self->wallet, &share_owner, self, offer, error));
}

TgShare *
tg_manager_accept(TgManager *self,
                  const TgLink *link,
                  const char *own_title,
                  const char *person,
                  TgSecret *pin,
                  GVariant *terms,
                  const char *application,
                  const char *starter,
                  GError **error)
{
        if (!tg_manager_has_room(self, error))
                return NULL;
        return tg_manager_add_share(self,
                                    tg_share_new_recipient(self->wallet,
                                                           &share_owner,
                                                           self,
                                                           link,
                                                           own_title,
                                                           person,
                                                           pin,
                                                           terms,
                                                           application,
                                                           starter,
                                                           error));
}

/* Without a digest, for shares that have none yet: they wait for a decision or the keyring. */
static TgShare *
find_undigested(TgManager *self, const TgLink *link)
{
        GHashTableIter iter;
        gpointer value;

        g_hash_table_iter_init(&iter, self->shares);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                if (tg_share_role(value) == TG_ROLE_RECIPIENT && !tg_share_is_ended(value) &&
                    tg_share_link_digest(value) == NULL && tg_share_is_of(value, link))
                        return value;
        }
        return NULL;
}

TgShare *
tg_manager_find_link(TgManager *self, const TgLink *link, GError **error)
{
        g_autoptr(TgSecret) identity = NULL;
        guint8 digest[TG_SHA256_BYTES];
        TgShare *found;

        found = find_undigested(self, link);
        if (found != NULL || !tg_vault_is_open(self->wallet->vault))
                return found;

        identity = tg_share_link_identity(tg_link_place(link), link->secret, error);
        if (identity == NULL || !tg_store_link_digest(self->wallet->store, identity, digest, error))
                return NULL;

        found = find_digest(self, digest, NULL);
        if (found != NULL &&
            (!tg_share_is_ended(found) || tg_share_state(found) == TG_STATE_COMPLETED))
                return found;
        if (found != NULL || tg_store_has_link(self->wallet->store, digest, tg_clock_now_s()))
                refuse_ended_link(error, found);
        return NULL;
}

TgShare *
tg_manager_share(TgManager *self, const char *id)
{
        return g_hash_table_lookup(self->shares, id);
}

TgCredential *
tg_manager_credential(TgManager *self, const char *id)
{
        return g_hash_table_lookup(self->credentials, id);
}

GHashTable *
tg_manager_shares(TgManager *self)
{
        return self->shares;
}

GHashTable *
tg_manager_credentials(TgManager *self)
{
        return self->credentials;
}

static gboolean
remove_row(TgManager *self, const TgCredential *credential, GError **error)
{
        TgStore *store = self->wallet->store;

        if (!tg_store_begin(store, error))
                return FALSE;
        if (tg_manager_log(self, credential, TG_ACT_REMOVED, NULL, error) &&
            tg_store_remove_credential(store, credential->id, error))
                return tg_store_commit(store, error);
        tg_store_rollback(store);
        return FALSE;
}

gboolean
tg_manager_drop_credential(TgManager *self, TgCredential *credential, GError **error)
{
        g_autoptr(GPtrArray) list = tg_manager_list(self);

        if (!remove_row(self, credential, error))
                return FALSE;
        for (guint i = 0; i < list->len; i++)
                if (g_strcmp0(tg_share_credential_id(list->pdata[i]), credential->id) == 0)
                        tg_share_lose_credential(list->pdata[i]);
        if (self->observer != NULL)
                self->observer->credential_removed(credential, self->observer_data);
        g_hash_table_remove(self->credentials, credential->id);
        return TRUE;
}
