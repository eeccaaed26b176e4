/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Opening:
 *
 *      begin            unlock, if we may and must
 *      key_loaded       take the key, or make one where none can exist
 *      key_stored       …which counts only once the keyring has it
 *      count_loaded     compare with the file's
 *
 * One job at a time; whatever fails leaves the vault shut, and the next change of
 * the keyring, or the next act of the user, tries again.
 */

#include "daemon/vault.h"

#include "daemon/finding.h"
#include "protocol/error.h"
#include "protocol/limits.h"

#define KEY_BYTES 32
#define MAX_COUNT G_MAXINT64 /* nobody counts so far */
#define UNREADABLE G_MAXUINT64

struct TgVaultWait {
        TgVault *vault;
        TgVaultWaitFunc func;
        gpointer user_data;
        guint64 count; /* of a wait for the count */
};

struct TgVault {
        TgStore *store;
        TgKeyring *keyring;
        TgVaultFunc on_opened;
        gpointer user_data;

        TgKeyringJob *job;
        TgSecret *new_key;
        TgVaultFinding finding;
        gboolean is_open;
        gboolean is_wanted;
        GError *trouble;
        guint retry;
        guint n_troubles; /* in a row */
        GQueue waits;

        TgKeyringJob *count_job;
        guint64 count_pushed; /* the keyring has it */
        guint64 count_on_its_way;
        gboolean is_count_behind;
        GQueue count_waits;
        guint count_retry;
        guint settling;
};

static void
key_loaded(TgSecret *key, const char *label, const char *type, const GError *error, gpointer data);
static void
key_stored(TgSecret *key, const char *label, const char *type, const GError *error, gpointer data);
static void count_loaded(
        TgSecret *count, const char *label, const char *type, const GError *error, gpointer data);

/* Open, or in trouble: it is known. Who is called may begin to wait anew. */
static void
settle(TgVault *self)
{
        for (guint n = self->waits.length; n > 0 && self->waits.length > 0; n--) {
                g_autofree TgVaultWait *wait = g_queue_pop_head(&self->waits);

                wait->func(wait->user_data);
        }
}

static gboolean
on_retry(gpointer user_data)
{
        TgVault *self = user_data;

        self->retry = 0;
        tg_vault_keyring_changed(self);
        return G_SOURCE_REMOVE;
}

/* Where the keyring is unlocked and yet it does not work (the key is in another collection,
 * say), no change of state would call us again. */
static void
retry_later(TgVault *self)
{
        guint seconds = TG_MIN_POLL_S << MIN(self->n_troubles, 7);

        self->n_troubles++;
        if (self->retry == 0 && tg_keyring_state(self->keyring) == TG_KEYRING_UNLOCKED)
                self->retry = g_timeout_add_seconds(seconds, on_retry, self);
}

static void
in_trouble(TgVault *self, const char *what, const GError *error)
{
        retry_later(self);
        g_clear_error(&self->trouble);
        self->trouble = tg_error_new(tg_error_code(error), "%s: %s", what, error->message);
        g_message("%s", self->trouble->message);
        settle(self);
}

static void
unlocked(TgSecret *key, const char *label, const char *type, const GError *error, gpointer data)
{
        TgVault *self = data;

        self->job = NULL;
        if (error != NULL) {
                in_trouble(self, "the keyring stays locked", error);
                return;
        }
        self->job = tg_keyring_load_key(self->keyring, key_loaded, self);
}

static void
begin(TgVault *self, gboolean is_interactive)
{
        if (tg_keyring_state(self->keyring) == TG_KEYRING_UNLOCKED)
                self->job = tg_keyring_load_key(self->keyring, key_loaded, self);
        else if (is_interactive)
                self->job = tg_keyring_unlock(self->keyring, unlocked, self);
}

static void
take_key(TgVault *self, TgSecret *key)
{
        if (tg_store_set_key(self->store, key) == TG_STORE_KEY_OTHER)
                self->finding = TG_VAULT_KEY_GONE;

        self->job = tg_keyring_load_count(self->keyring, count_loaded, self);
}

static void
make_key(TgVault *self, gboolean is_there)
{
        g_autoptr(GError) error = NULL;

        g_clear_pointer(&self->new_key, tg_secret_unref);
        self->new_key = tg_secret_new_random(KEY_BYTES, &error);
        if (self->new_key == NULL) {
                in_trouble(self, "cannot make a state key", error);
                return;
        }
        self->job = is_there
                            ? tg_keyring_replace_key(self->keyring, self->new_key, key_stored, self)
                            : tg_keyring_store_key(self->keyring, self->new_key, key_stored, self);
}

static void
key_is_malformed(TgVault *self)
{
        g_autoptr(GError) error =
                tg_error_new(TG_ERROR_KEYRING_UNAVAILABLE,
                             "remove the item \"Tigress: key of running shares\" from the keyring "
                             "to start with a new one");

        in_trouble(self, "the state key is malformed", error);
}

static void
key_loaded(TgSecret *key, const char *label, const char *type, const GError *error, gpointer data)
{
        TgVault *self = data;

        self->job = NULL;
        if (error == NULL && tg_secret_size(key) == KEY_BYTES)
                take_key(self, key);
        else if (error == NULL && tg_secret_size(key) == 0 && !tg_store_has_sealed(self->store))
                /* A keyring that dies while it makes an item leaves one without a secret. */
                make_key(self, TRUE);
        else if (error == NULL)
                key_is_malformed(self);
        else if (g_error_matches(error, TG_ERROR, TG_ERROR_NOT_FOUND))
                make_key(self, FALSE);
        else
                in_trouble(self, "the state key cannot be had now", error);
}

static void
key_stored(TgSecret *key, const char *label, const char *type, const GError *error, gpointer data)
{
        TgVault *self = data;
        g_autoptr(TgSecret) new_key = g_steal_pointer(&self->new_key);

        self->job = NULL;
        if (error != NULL) {
                in_trouble(self, "the state key cannot be stored now", error);
                return;
        }
        take_key(self, new_key);
}

static guint64
parse_count(const TgSecret *secret)
{
        gsize n_bytes;
        const char *text = (const char *)tg_secret_get(secret, &n_bytes);
        guint64 count;

        /* Left so by a keyring that died while it made the item: nothing was counted yet. */
        if (n_bytes == 0)
                return 0;
        if (!g_ascii_string_to_unsigned(text, 10, 0, MAX_COUNT, &count, NULL))
                return UNREADABLE;
        return count;
}

static void
count_loaded(
        TgSecret *count, const char *label, const char *type, const GError *error, gpointer data)
{
        TgVault *self = data;
        gboolean is_missing = g_error_matches(error, TG_ERROR, TG_ERROR_NOT_FOUND);
        guint64 in_keyring = error == NULL ? parse_count(count) : 0;
        guint64 in_file = tg_store_count(self->store);
        TgVaultFinding finding;

        self->job = NULL;
        if (error != NULL && !is_missing) {
                in_trouble(self, "the counter cannot be had now", error);
                return;
        }

        /* One that cannot be read counts as the highest: the file is then old. But it is replaced,
         * for from the highest nobody can count on. */
        if (self->finding == TG_VAULT_FINE && in_keyring > in_file)
                self->finding = TG_VAULT_OLD_COPY;
        if (in_keyring == UNREADABLE) {
                in_keyring = 0;
                in_file++;
        }

        finding = self->finding;
        self->finding = TG_VAULT_FINE;
        self->is_open = TRUE;
        g_clear_error(&self->trouble);
        self->n_troubles = 0;
        self->count_pushed = in_keyring;

        if (finding != TG_VAULT_FINE) {
                g_autoptr(GError) failure = NULL;

                if (!tg_finding_write(self->store, finding, MAX(in_keyring, in_file), &failure)) {
                        self->is_open = FALSE;
                        in_trouble(self, "cannot start the state anew", failure);
                        return;
                }
        }

        self->on_opened(self, finding, self->user_data);
        tg_vault_push_count(self);
        settle(self);
}

TgVault *
tg_vault_new(TgStore *store, TgKeyring *keyring, TgVaultFunc on_opened, gpointer user_data)
{
        TgVault *self = g_new0(TgVault, 1);

        self->store = store;
        self->keyring = keyring;
        self->on_opened = on_opened;
        self->user_data = user_data;

        return self;
}

void
tg_vault_free(TgVault *self)
{
        if (self == NULL)
                return;
        g_clear_handle_id(&self->retry, g_source_remove);
        g_clear_handle_id(&self->count_retry, g_source_remove);
        g_clear_handle_id(&self->settling, g_source_remove);
        g_clear_pointer(&self->job, tg_keyring_job_cancel);
        g_clear_pointer(&self->count_job, tg_keyring_job_cancel);
        g_clear_pointer(&self->new_key, tg_secret_unref);
        g_clear_error(&self->trouble);
        g_free(self);
}

gboolean
tg_vault_is_open(const TgVault *self)
{
        return self->is_open;
}

const GError *
tg_vault_trouble(const TgVault *self)
{
        return self->trouble;
}

void
tg_vault_open(TgVault *self, gboolean is_interactive)
{
        if (self->is_open)
                return;
        self->is_wanted = TRUE;
        if (self->job == NULL)
                begin(self, is_interactive);
}

TgVaultWait *
tg_vault_wait(TgVault *self, TgVaultWaitFunc func, gpointer user_data)
{
        TgVaultWait *wait;

        if (!self->is_open && tg_keyring_state(self->keyring) == TG_KEYRING_UNLOCKED)
                tg_vault_open(self, FALSE);
        if (self->is_open || self->job == NULL ||
            tg_keyring_state(self->keyring) != TG_KEYRING_UNLOCKED)
                return NULL;

        wait = g_new0(TgVaultWait, 1);
        wait->vault = self;
        wait->func = func;
        wait->user_data = user_data;
        g_queue_push_tail(&self->waits, wait);
        return wait;
}

void
tg_vault_wait_cancel(TgVaultWait *wait)
{
        if (wait == NULL)
                return;
        g_queue_remove(&wait->vault->waits, wait);
        g_queue_remove(&wait->vault->count_waits, wait);
        g_free(wait);
}

void
tg_vault_keyring_changed(TgVault *self)
{
        if (!self->is_open && self->is_wanted && self->job == NULL)
                begin(self, FALSE);
        if (self->is_open && self->is_count_behind)
                tg_vault_push_count(self);
}

static void
settle_counts(TgVault *self)
{
        for (guint n = self->count_waits.length; n > 0 && self->count_waits.length > 0; n--) {
                g_autofree TgVaultWait *wait = g_queue_pop_head(&self->count_waits);

                if (wait->count > self->count_pushed)
                        g_queue_push_tail(&self->count_waits, g_steal_pointer(&wait));
                else
                        wait->func(wait->user_data);
        }
}

static gboolean
on_settling(gpointer user_data)
{
        TgVault *self = user_data;

        self->settling = 0;
        settle_counts(self);
        return G_SOURCE_REMOVE;
}

static gboolean
on_count_retry(gpointer user_data)
{
        TgVault *self = user_data;

        self->count_retry = 0;
        tg_vault_push_count(self);
        return G_SOURCE_REMOVE;
}

/* Of an unlocked keyring that could not store it no change of state would call us again. */
static void
retry_count(TgVault *self)
{
        if (self->count_retry == 0 && self->count_waits.length > 0 &&
            tg_keyring_state(self->keyring) == TG_KEYRING_UNLOCKED)
                self->count_retry = g_timeout_add_seconds(TG_MIN_POLL_S, on_count_retry, self);
}

static void
count_stored(
        TgSecret *secret, const char *label, const char *type, const GError *error, gpointer data)
{
        TgVault *self = data;

        self->count_job = NULL;
        if (error != NULL) {
                /* The file is ahead of the keyring, which is allowed; tried again when the
                 * keyring changes or at the next start. */
                g_message("the counter cannot be stored now: %s", error->message);
                self->is_count_behind = TRUE;
                retry_count(self);
                return;
        }
        self->count_pushed = self->count_on_its_way;
        tg_vault_push_count(self);
        settle_counts(self);
}

void
tg_vault_push_count(TgVault *self)
{
        guint64 count = tg_store_count(self->store);

        self->is_count_behind = FALSE;
        if (!self->is_open || self->count_job != NULL || self->count_pushed >= count)
                return;
        if (tg_keyring_state(self->keyring) != TG_KEYRING_UNLOCKED) {
                self->is_count_behind = TRUE;
                return;
        }

        self->count_on_its_way = count;
        /* Without memory for it the file stays ahead, which is allowed. */
        self->is_count_behind = TRUE;
        self->count_job = tg_keyring_store_count(self->keyring, count, count_stored, self);
        if (self->count_job != NULL)
                self->is_count_behind = FALSE;
        else
                retry_count(self);
}

TgVaultWait *
tg_vault_wait_count(TgVault *self, TgVaultWaitFunc func, gpointer user_data)
{
        TgVaultWait *wait = g_new0(TgVaultWait, 1);

        wait->vault = self;
        wait->func = func;
        wait->user_data = user_data;
        wait->count = tg_store_count(self->store);
        g_queue_push_tail(&self->count_waits, wait);

        tg_vault_push_count(self);
        /* It may be there already; but nobody is called from inside his own call. */
        if (self->count_pushed >= wait->count && self->settling == 0)
                self->settling = g_idle_add(on_settling, self);
        return wait;
}
