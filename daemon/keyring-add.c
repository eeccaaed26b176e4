/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An ordinary item is added, and takes no other one's place: whoever looks for an item by all its
 * attributes goes on finding it and no other.
 *
 *      search_next    for each of its attributes: the items that have it
 *      compare_next   for each of them: would a search that means one find both?
 *      create
 *
 * A program that looks by less than all finds more than one then, as always with two items.
 */

#include "daemon/keyring-private.h"
#include "protocol/limits.h"

/* That of items which no program calls its own. */
#define SCHEMA_ORDINARY "org.freedesktop.Secret.Generic"

static void search_next(TgKeyringJob *job);
static void compare_next(TgKeyringJob *job);

/* Whether every attribute of @a is one of @b; what a service or a library adds is none. */
static gboolean
is_within(GVariant *a, GVariant *b)
{
        GVariantIter iter;
        const char *name;
        const char *value;
        const char *other;

        g_variant_iter_init(&iter, a);
        while (g_variant_iter_next(&iter, "{&s&s}", &name, &value)) {
                if (g_str_has_prefix(name, "xdg:") || g_str_has_prefix(name, "gkr:"))
                        continue;
                if (!g_variant_lookup(b, name, "&s", &other) || !g_str_equal(value, other))
                        return FALSE;
        }
        return TRUE;
}

static void
on_compared(TgKeyringJob *job, GVariant *reply, const GError *error)
{
        g_autoptr(GVariant) value = NULL;

        if (error) {
                tg_keyring_job_fail_for(job, error);
                return;
        }

        g_variant_get(reply, "(v)", &value);
        if (!g_variant_is_of_type(value, G_VARIANT_TYPE("a{ss}")) ||
            is_within(value, job->attributes) || is_within(job->attributes, value)) {
                tg_keyring_job_fail(job,
                                    TG_ERROR_BAD_STATE,
                                    "there is an item that programs would take for it, by its "
                                    "attributes: give others, or rename that one's");
                return;
        }
        g_ptr_array_remove_index_fast(job->found, 0);
        compare_next(job);
}

static void
compare_next(TgKeyringJob *job)
{
        if (job->found->len == 0)
                tg_keyring_job_create(job);
        else
                tg_keyring_job_call(job,
                                    g_ptr_array_index(job->found, 0),
                                    TG_DBUS_PROPERTIES,
                                    "Get",
                                    g_variant_new("(ss)", TG_SECRETS_ITEM, "Attributes"),
                                    "(v)",
                                    on_compared);
}

static void
take_paths(TgKeyringJob *job, GVariantIter *paths)
{
        const char *path;

        while (g_variant_iter_next(paths, "&o", &path)) {
                if (!g_ptr_array_find_with_equal_func(job->found, path, g_str_equal, NULL))
                        g_ptr_array_add(job->found, g_strdup(path));
                if (job->found->len > TG_MAX_COMPARED_ITEMS)
                        return;
        }
}

static void
on_searched(TgKeyringJob *job, GVariant *reply, const GError *error)
{
        g_autoptr(GVariantIter) unlocked = NULL;
        g_autoptr(GVariantIter) locked = NULL;

        if (error) {
                tg_keyring_job_fail_for(job, error);
                return;
        }

        g_variant_get(reply, "(aoao)", &unlocked, &locked);
        take_paths(job, unlocked);
        take_paths(job, locked);
        if (job->found->len > TG_MAX_COMPARED_ITEMS)
                tg_keyring_job_fail(job,
                                    TG_ERROR_LIMIT_REACHED,
                                    "too many items of the keyring have one of the attributes: "
                                    "give others");
        else
                search_next(job);
}

static void
search_next(TgKeyringJob *job)
{
        g_autoptr(GVariant) pair = NULL;

        if (job->n_searched == g_variant_n_children(job->attributes)) {
                compare_next(job);
                return;
        }
        pair = g_variant_get_child_value(job->attributes, job->n_searched++);
        tg_keyring_job_call(
                job,
                TG_SECRETS_PATH,
                TG_SECRETS_SERVICE,
                "SearchItems",
                g_variant_new("(@a{ss})", g_variant_new_array(G_VARIANT_TYPE("{ss}"), &pair, 1)),
                "(aoao)",
                on_searched);
}

/* Also once more, where the session had to be opened anew. */
static void
begin(TgKeyringJob *job)
{
        job->n_searched = 0;
        g_clear_pointer(&job->found, g_ptr_array_unref);
        job->found = g_ptr_array_new_with_free_func(g_free);
        search_next(job);
}

static GVariant *
with_schema(GVariant *attributes)
{
        g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a{ss}"));
        GVariantIter iter;
        GVariant *pair;

        g_variant_builder_add(&builder, "{ss}", "xdg:schema", SCHEMA_ORDINARY);
        g_variant_iter_init(&iter, attributes);
        while ((pair = g_variant_iter_next_value(&iter)) != NULL) {
                g_variant_builder_add_value(&builder, pair);
                g_variant_unref(pair);
        }
        return g_variant_builder_end(&builder);
}

TgKeyringJob *
tg_keyring_add_item(TgKeyring *self,
                    const char *label,
                    GVariant *attributes,
                    const char *content_type,
                    TgSecret *content,
                    TgKeyringFunc func,
                    gpointer user_data)
{
        TgKeyringJob *job = tg_keyring_job_new(self, begin, func, user_data);
        g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a{sv}"));

        g_variant_builder_add(
                &builder, "{sv}", TG_SECRETS_ITEM ".Label", g_variant_new_string(label));
        g_variant_builder_add(
                &builder, "{sv}", TG_SECRETS_ITEM ".Attributes", with_schema(attributes));
        job->properties = g_variant_ref_sink(g_variant_builder_end(&builder));
        job->attributes = g_variant_ref(attributes);
        job->secret = tg_secret_ref(content);
        job->content_type = g_strdup(content_type);
        return job;
}
