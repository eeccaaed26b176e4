/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What jobs do with items:
 *
 *      load    search → (of several the oldest) → read
 *      store   create
 *      remove  search → delete each
 *
 * A search by our own attribute "tigress" and not by the schema, which misses the
 * items of a keyring that was never unlocked. What a search does not find is missing
 * only if the default collection has been unlocked all the while.
 */

#include <string.h>

#include "daemon/keyring-private.h"

#define SCHEMA_CREDENTIAL "org.tigress.Wallet1.Credential"
#define SCHEMA_STATE_KEY "org.tigress.Wallet1.StateKey"
#define SCHEMA_TRY_COUNTER "org.tigress.Wallet1.TryCounter"

#define ATTRIBUTE "tigress"
#define IS_CREDENTIAL "credential"
#define IS_STATE_KEY "state-key"
#define IS_TRY_COUNTER "try-counter"

/* Of more than these nobody needs the oldest. */
#define MAX_FOUND 64

static GVariant *
attributes_of(const char *schema, const char *kind, const char *id)
{
        g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a{ss}"));

        if (schema)
                g_variant_builder_add(&builder, "{ss}", "xdg:schema", schema);
        g_variant_builder_add(&builder, "{ss}", ATTRIBUTE, kind);
        if (id)
                g_variant_builder_add(&builder, "{ss}", "id", id);
        return g_variant_ref_sink(g_variant_builder_end(&builder));
}

/* ---- reading ---- */

/* The secret leaves libsecret's locked memory for ours. */
static gboolean
take_secret(TgKeyringJob *job, GVariant *encoded, GError **error)
{
        SecretValue *value = secret_service_decode_dbus_secret(job->keyring->service, encoded);
        const char *bytes;
        gsize n_bytes;

        if (!value) {
                tg_set_error(error,
                             TG_ERROR_KEYRING_UNAVAILABLE,
                             "the keyring gave an answer that cannot be read: try again");
                return FALSE;
        }

        bytes = secret_value_get(value, &n_bytes);
        job->secret = tg_secret_new(bytes, n_bytes, error);
        job->content_type = g_strdup(secret_value_get_content_type(value));
        secret_value_unref(value);
        return job->secret != NULL;
}

static void
finish_reading(TgKeyringJob *job)
{
        if (--job->n_awaited == 0)
                tg_keyring_job_finish(job, NULL);
}

static void
on_secret_read(TgKeyringJob *job, GVariant *reply, const GError *error)
{
        g_autoptr(GVariant) encoded = NULL;
        g_autoptr(GError) failure = NULL;

        if (error) {
                tg_keyring_job_fail_for(job, error);
                return;
        }

        encoded = g_variant_get_child_value(reply, 0);
        if (take_secret(job, encoded, &failure))
                finish_reading(job);
        else
                tg_keyring_job_finish(job, failure);
}

/* Our own two items are keys to all the others: nobody shares them by mistake, or
 * because somebody else named them. */
static gboolean
is_ours_alone(GVariant *properties)
{
        g_autoptr(GVariant) attributes =
                g_variant_lookup_value(properties, "Attributes", G_VARIANT_TYPE("a{ss}"));
        const char *kind;

        return attributes && g_variant_lookup(attributes, ATTRIBUTE, "&s", &kind) &&
               (g_str_equal(kind, IS_STATE_KEY) || g_str_equal(kind, IS_TRY_COUNTER));
}

static void
on_properties_read(TgKeyringJob *job, GVariant *reply, const GError *error)
{
        g_autoptr(GVariant) properties = NULL;

        if (error) {
                tg_keyring_job_fail_for(job, error);
                return;
        }

        properties = g_variant_get_child_value(reply, 0);
        if (is_ours_alone(properties)) {
                tg_keyring_job_fail(job,
                                    TG_ERROR_INVALID,
                                    "this item is a key of tigressd and is never shared: name "
                                    "another");
                return;
        }

        g_variant_lookup(properties, "Label", "s", &job->label);
        job->own_attributes =
                g_variant_lookup_value(properties, "Attributes", G_VARIANT_TYPE("a{ss}"));
        finish_reading(job);
}

/* Both calls go out together. */
static void
read_item(TgKeyringJob *job, const char *path)
{
        const char *session = secret_service_get_session_dbus_path(job->keyring->service);

        job->n_awaited = job->is_user_item ? 2 : 1;
        if (job->is_user_item)
                tg_keyring_job_call(job,
                                    path,
                                    TG_DBUS_PROPERTIES,
                                    "GetAll",
                                    g_variant_new("(s)", TG_SECRETS_ITEM),
                                    "(a{sv})",
                                    on_properties_read);
        tg_keyring_job_call(job,
                            path,
                            TG_SECRETS_ITEM,
                            "GetSecret",
                            g_variant_new("(o)", session),
                            "((oayays))",
                            on_secret_read);
}

/* ---- the oldest of several ---- */

static void ask_age(TgKeyringJob *job);

static void
on_age_read(TgKeyringJob *job, GVariant *reply, const GError *error)
{
        g_autoptr(GVariant) value = NULL;
        guint64 created;

        if (error) {
                tg_keyring_job_fail_for(job, error);
                return;
        }

        g_variant_get(reply, "(v)", &value);
        created = g_variant_is_of_type(value, G_VARIANT_TYPE_UINT64) ? g_variant_get_uint64(value)
                                                                     : G_MAXUINT64;
        if (!job->path || created < job->oldest) {
                g_free(job->path);
                job->path = g_strdup(g_ptr_array_index(job->found, 0));
                job->oldest = created;
        }
        g_ptr_array_remove_index(job->found, 0);
        ask_age(job);
}

static void
ask_age(TgKeyringJob *job)
{
        if (job->found->len == 0)
                read_item(job, job->path);
        else
                tg_keyring_job_call(job,
                                    g_ptr_array_index(job->found, 0),
                                    TG_DBUS_PROPERTIES,
                                    "Get",
                                    g_variant_new("(ss)", TG_SECRETS_ITEM, "Created"),
                                    "(v)",
                                    on_age_read);
}

/* ---- searching ---- */

/* What is missing, if it is: nothing to be done for a removal. */
static void
say_missing(TgKeyringJob *job)
{
        if (job->is_removing)
                tg_keyring_job_finish(job, NULL);
        else
                tg_keyring_job_fail(job,
                                    TG_ERROR_NOT_FOUND,
                                    "there is no such item in the keyring: check what you asked "
                                    "for");
}

static void search(TgKeyringJob *job);

static void
on_locked_checked(TgKeyringJob *job, GVariant *reply, const GError *error)
{
        g_autoptr(GVariant) value = NULL;

        if (error) {
                tg_keyring_job_fail_for(job, error);
                return;
        }

        g_variant_get(reply, "(v)", &value);
        if (!g_variant_is_of_type(value, G_VARIANT_TYPE("b")) || g_variant_get_boolean(value)) {
                tg_keyring_probe(job->keyring);
                tg_keyring_job_fail(job, TG_ERROR_KEYRING_UNAVAILABLE, TG_KEYRING_IS_LOCKED);
        } else if (job->epoch != job->keyring->epoch) {
                /* It may have been locked while we searched. */
                job->epoch = job->keyring->epoch;
                search(job);
        } else {
                say_missing(job);
        }
}

/* A locked collection finds nothing either. */
static void
check_unlocked(TgKeyringJob *job)
{
        TgKeyring *keyring = job->keyring;

        if (!keyring->collection) {
                tg_keyring_job_fail(job, TG_ERROR_KEYRING_UNAVAILABLE, TG_KEYRING_IS_LOCKED);
                return;
        }

        tg_keyring_job_call(job,
                            keyring->collection,
                            TG_DBUS_PROPERTIES,
                            "Get",
                            g_variant_new("(ss)", TG_SECRETS_COLLECTION, "Locked"),
                            "(v)",
                            on_locked_checked);
}

static void
on_deleted(TgKeyringJob *job, GVariant *reply, const GError *error)
{
        const char *prompt;

        if (error) {
                tg_keyring_job_fail_for(job, error);
                return;
        }

        g_variant_get(reply, "(&o)", &prompt);
        if (!tg_keyring_job_refuses_prompt(job, prompt))
                finish_reading(job);
}

static void
delete_found(TgKeyringJob *job)
{
        job->n_awaited = job->found->len;
        for (guint i = 0; i < job->found->len; i++)
                tg_keyring_job_call(job,
                                    g_ptr_array_index(job->found, i),
                                    TG_SECRETS_ITEM,
                                    "Delete",
                                    NULL,
                                    "(o)",
                                    on_deleted);
}

static void
take_found(TgKeyringJob *job, gsize n_locked)
{
        gsize n_found = job->found->len + n_locked;

        if (n_found == 0) {
                check_unlocked(job);
        } else if (job->is_user_item && n_found > 1) {
                g_autoptr(GError) error = tg_error_new(
                        TG_ERROR_INVALID,
                        "these attributes are those of %" G_GSIZE_FORMAT " items: name one "
                        "by its path, or add an attribute",
                        n_found);

                tg_keyring_job_finish(job, error);
        } else if (job->found->len == 0 || (job->is_removing && n_locked > 0)) {
                tg_keyring_job_fail(job, TG_ERROR_KEYRING_UNAVAILABLE, TG_KEYRING_IS_LOCKED);
        } else if (job->is_removing) {
                delete_found(job);
        } else if (job->found->len == 1) {
                read_item(job, g_ptr_array_index(job->found, 0));
        } else {
                ask_age(job);
        }
}

static void
on_searched(TgKeyringJob *job, GVariant *reply, const GError *error)
{
        g_autoptr(GVariantIter) unlocked = NULL;
        g_autoptr(GVariantIter) locked = NULL;
        const char *path;

        if (error) {
                tg_keyring_job_fail_for(job, error);
                return;
        }

        g_variant_get(reply, "(aoao)", &unlocked, &locked);
        g_clear_pointer(&job->found, g_ptr_array_unref);
        job->found = g_ptr_array_new_with_free_func(g_free);
        while (job->found->len < MAX_FOUND && g_variant_iter_next(unlocked, "&o", &path))
                g_ptr_array_add(job->found, g_strdup(path));
        take_found(job, g_variant_iter_n_children(locked));
}

static void
search(TgKeyringJob *job)
{
        tg_keyring_job_call(job,
                            TG_SECRETS_PATH,
                            TG_SECRETS_SERVICE,
                            "SearchItems",
                            g_variant_new("(@a{ss})", job->attributes),
                            "(aoao)",
                            on_searched);
}

static TgKeyringJob *
load(TgKeyring *self, const char *kind, const char *id, TgKeyringFunc func, gpointer user_data)
{
        TgKeyringJob *job = tg_keyring_job_new(self, search, func, user_data);

        job->attributes = attributes_of(NULL, kind, id);
        return job;
}

/* ---- storing ---- */

static void
on_created(TgKeyringJob *job, GVariant *reply, const GError *error)
{
        const char *item;
        const char *prompt;

        if (error) {
                tg_keyring_job_fail_for(job, error);
                return;
        }

        g_variant_get(reply, "(&o&o)", &item, &prompt);
        g_clear_pointer(&job->secret, tg_secret_unref); /* no result */
        g_clear_pointer(&job->content_type, g_free);
        if (!tg_keyring_job_refuses_prompt(job, prompt))
                tg_keyring_job_finish(job, NULL);
}

/* By the alias, so that it is the collection that is the default one now; in a locked
 * one the service refuses, without a prompt. */
void
tg_keyring_job_create(TgKeyringJob *job)
{
        TgKeyring *keyring = job->keyring;
        gsize n_bytes;
        const char *bytes = (const char *)tg_secret_get(job->secret, &n_bytes);
        SecretValue *value = secret_value_new(bytes, (gssize)n_bytes, job->content_type);
        GVariant *encoded = secret_service_encode_dbus_secret(keyring->service, value);

        secret_value_unref(value);
        tg_keyring_job_call(
                job,
                TG_SECRETS_DEFAULT,
                TG_SECRETS_COLLECTION,
                "CreateItem",
                g_variant_new("(@a{sv}@(oayays)b)", job->properties, encoded, job->is_replacing),
                "(oo)",
                on_created);
}

static TgKeyringJob *
store(TgKeyring *self,
      const char *label,
      GVariant *attributes,
      TgSecret *secret,
      const char *content_type,
      TgKeyringFunc func,
      gpointer user_data)
{
        TgKeyringJob *job = tg_keyring_job_new(self, tg_keyring_job_create, func, user_data);
        g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a{sv}"));

        g_variant_builder_add(
                &builder, "{sv}", TG_SECRETS_ITEM ".Label", g_variant_new_string(label));
        g_variant_builder_add(&builder, "{sv}", TG_SECRETS_ITEM ".Attributes", attributes);
        job->properties = g_variant_ref_sink(g_variant_builder_end(&builder));
        job->secret = tg_secret_ref(secret);
        job->content_type = g_strdup(content_type);
        job->is_replacing = TRUE;
        return job;
}

/* ---- what others call ---- */

TgKeyringJob *
tg_keyring_load_key(TgKeyring *self, TgKeyringFunc func, gpointer user_data)
{
        return load(self, IS_STATE_KEY, NULL, func, user_data);
}

TgKeyringJob *
tg_keyring_store_key(TgKeyring *self, TgSecret *key, TgKeyringFunc func, gpointer user_data)
{
        g_autoptr(GVariant) attributes = attributes_of(SCHEMA_STATE_KEY, IS_STATE_KEY, NULL);
        TgKeyringJob *job = store(self,
                                  "Tigress: key of running shares",
                                  attributes,
                                  key,
                                  "application/octet-stream",
                                  func,
                                  user_data);

        /* Written once: of two that were made at a time the oldest counts, and neither
         * is lost. */
        job->is_replacing = FALSE;
        return job;
}

TgKeyringJob *
tg_keyring_replace_key(TgKeyring *self, TgSecret *key, TgKeyringFunc func, gpointer user_data)
{
        TgKeyringJob *job = tg_keyring_store_key(self, key, func, user_data);

        job->is_replacing = TRUE;
        return job;
}

TgKeyringJob *
tg_keyring_load_count(TgKeyring *self, TgKeyringFunc func, gpointer user_data)
{
        return load(self, IS_TRY_COUNTER, NULL, func, user_data);
}

TgKeyringJob *
tg_keyring_store_count(TgKeyring *self, guint64 count, TgKeyringFunc func, gpointer user_data)
{
        g_autoptr(GVariant) attributes = attributes_of(SCHEMA_TRY_COUNTER, IS_TRY_COUNTER, NULL);
        g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, count);
        g_autoptr(TgSecret) secret = tg_secret_new(text, strlen(text), NULL);

        if (!secret)
                return NULL;
        return store(self, "Tigress: PIN tries", attributes, secret, "text/plain", func, user_data);
}

TgKeyringJob *
tg_keyring_store_credential(TgKeyring *self,
                            const char *id,
                            const char *label,
                            const char *content_type,
                            TgSecret *content,
                            TgKeyringFunc func,
                            gpointer user_data)
{
        g_autoptr(GVariant) attributes = attributes_of(SCHEMA_CREDENTIAL, IS_CREDENTIAL, id);

        return store(self, label, attributes, content, content_type, func, user_data);
}

TgKeyringJob *
tg_keyring_load_credential(TgKeyring *self, const char *id, TgKeyringFunc func, gpointer user_data)
{
        return load(self, IS_CREDENTIAL, id, func, user_data);
}

TgKeyringJob *
tg_keyring_remove_credential(TgKeyring *self,
                             const char *id,
                             TgKeyringFunc func,
                             gpointer user_data)
{
        TgKeyringJob *job = load(self, IS_CREDENTIAL, id, func, user_data);

        job->is_removing = TRUE;
        return job;
}

GVariant *
tg_keyring_job_attributes(const TgKeyringJob *job)
{
        return job->own_attributes;
}

static void
load_path(TgKeyringJob *job)
{
        if (g_variant_is_object_path(job->path))
                read_item(job, job->path);
        else
                tg_keyring_job_fail(job,
                                    TG_ERROR_INVALID,
                                    "an item of the keyring is named by its object path: see "
                                    "secret-tool search");
}

TgKeyringJob *
tg_keyring_load_item(TgKeyring *self, const char *path, TgKeyringFunc func, gpointer user_data)
{
        TgKeyringJob *job = tg_keyring_job_new(self, load_path, func, user_data);

        job->is_user_item = TRUE;
        job->path = g_strdup(path);
        return job;
}

TgKeyringJob *
tg_keyring_find_item(TgKeyring *self,
                     GHashTable *attributes,
                     TgKeyringFunc func,
                     gpointer user_data)
{
        TgKeyringJob *job = tg_keyring_job_new(self, search, func, user_data);
        g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a{ss}"));
        GHashTableIter iter;
        gpointer name;
        gpointer value;

        g_hash_table_iter_init(&iter, attributes);
        while (g_hash_table_iter_next(&iter, &name, &value))
                g_variant_builder_add(&builder, "{ss}", name, value);
        job->attributes = g_variant_ref_sink(g_variant_builder_end(&builder));
        job->is_user_item = TRUE;
        return job;
}
