/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/settings.h"

#include <errno.h>
#include <string.h>

#include "daemon/file-watch.h"
#include "daemon/small-file.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/url.h"

#define GROUP "Wallet"
#define KEY_RELAY "Relay"
#define KEY_TRUSTED "TrustedRelays"
#define KEY_CA "CaFile"
#define KEY_PIN "RequirePin"

/* What one file says, or all of them together. */
typedef struct {
        gboolean has_relay; /* said, if only to say: none */
        char *relay;
        gboolean has_ca_file;
        char *ca_file;
        GPtrArray *trusted;  /* char *, sorted, each once, NULL-terminated */
        GPtrArray *with_pin; /* formats, in the same way */
} Content;

typedef struct {
        TgSettings *settings;
        char *path;
        TgFileWatch *watch;
        Content content; /* the last good one */
} File;

struct TgSettings {
        File files[2]; /* the later wins */
        Content merged;
        void (*on_changed)(TgSettings *self, gpointer user_data);
        gpointer user_data;
};

/* ---- contents ---- */

static void
content_init(Content *content)
{
        *content = (Content){};
        content->trusted = g_ptr_array_new_with_free_func(g_free);
        g_ptr_array_add(content->trusted, NULL);
        content->with_pin = g_ptr_array_new_with_free_func(g_free);
        g_ptr_array_add(content->with_pin, NULL);
}

static void
content_clear(Content *content)
{
        g_clear_pointer(&content->relay, g_free);
        g_clear_pointer(&content->ca_file, g_free);
        g_clear_pointer(&content->trusted, g_ptr_array_unref);
        g_clear_pointer(&content->with_pin, g_ptr_array_unref);
}

static const char *const *
list_of(const GPtrArray *list)
{
        return (const char *const *)list->pdata;
}

/* Keeps the list sorted and its NULL at the end. */
static void
list_add(GPtrArray *list, const char *word)
{
        guint at = 0;
        int order = 1;

        for (; list_of(list)[at]; at++) {
                order = strcmp(word, list_of(list)[at]);
                if (order <= 0)
                        break;
        }

        if (!list_of(list)[at] || order != 0)
                g_ptr_array_insert(list, (int)at, g_strdup(word));
}

static void
content_trust(Content *content, const char *origin)
{
        list_add(content->trusted, origin);
}

static gboolean
content_equal(const Content *a, const Content *b)
{
        return g_strcmp0(a->relay, b->relay) == 0 && g_strcmp0(a->ca_file, b->ca_file) == 0 &&
               g_strv_equal(list_of(a->trusted), list_of(b->trusted)) &&
               g_strv_equal(list_of(a->with_pin), list_of(b->with_pin));
}

static void
content_overlay(Content *content, const Content *later)
{
        if (later->has_relay) {
                content->has_relay = TRUE;
                g_free(content->relay);
                content->relay = g_strdup(later->relay);
        }
        if (later->has_ca_file) {
                content->has_ca_file = TRUE;
                g_free(content->ca_file);
                content->ca_file = g_strdup(later->ca_file);
        }
        for (gsize i = 0; list_of(later->trusted)[i]; i++)
                content_trust(content, list_of(later->trusted)[i]);
        for (gsize i = 0; list_of(later->with_pin)[i]; i++)
                list_add(content->with_pin, list_of(later->with_pin)[i]);
}

/* ---- reading a file ---- */

static gboolean
check_names(GKeyFile *key_file, GError **error)
{
        static const char *const keys[] = {KEY_RELAY, KEY_TRUSTED, KEY_CA, KEY_PIN, NULL};
        g_auto(GStrv) groups = g_key_file_get_groups(key_file, NULL);
        g_auto(GStrv) found = NULL;

        for (gsize i = 0; groups[i]; i++) {
                if (strcmp(groups[i], GROUP) == 0)
                        continue;
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "there is no group [%s]: settings stand under [" GROUP "]",
                             groups[i]);
                return FALSE;
        }

        found = g_key_file_get_keys(key_file, GROUP, NULL, NULL);
        for (gsize i = 0; found && found[i]; i++) {
                if (g_strv_contains(keys, found[i]))
                        continue;
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "there is no setting %s: the settings are " KEY_RELAY ", " KEY_TRUSTED
                             ", " KEY_CA " and " KEY_PIN,
                             found[i]);
                return FALSE;
        }

        return TRUE;
}

static gboolean
parse_relay(GKeyFile *key_file, Content *content, GError **error)
{
        g_autofree char *text = NULL;

        if (!g_key_file_has_key(key_file, GROUP, KEY_RELAY, NULL))
                return TRUE;

        content->has_relay = TRUE;
        text = g_key_file_get_string(key_file, GROUP, KEY_RELAY, error);
        if (!text)
                return FALSE;
        if (*text == '\0')
                return TRUE;

        content->relay = tg_origin_parse(text, FALSE, error);
        if (!content->relay) {
                g_prefix_error(error, KEY_RELAY ": ");
                return FALSE;
        }

        content_trust(content, content->relay);
        return TRUE;
}

static gboolean
parse_trusted(GKeyFile *key_file, Content *content, GError **error)
{
        g_auto(GStrv) items = NULL;

        if (!g_key_file_has_key(key_file, GROUP, KEY_TRUSTED, NULL))
                return TRUE;

        items = g_key_file_get_string_list(key_file, GROUP, KEY_TRUSTED, NULL, error);
        if (!items)
                return FALSE;

        for (gsize i = 0; items[i]; i++) {
                g_autofree char *origin = tg_origin_parse(g_strstrip(items[i]), FALSE, error);

                if (!origin) {
                        g_prefix_error(error, KEY_TRUSTED ": ");
                        return FALSE;
                }
                content_trust(content, origin);
        }

        return TRUE;
}

static gboolean
parse_ca_file(GKeyFile *key_file, Content *content, GError **error)
{
        g_autofree char *path = NULL;

        if (!g_key_file_has_key(key_file, GROUP, KEY_CA, NULL))
                return TRUE;

        content->has_ca_file = TRUE;
        path = g_key_file_get_string(key_file, GROUP, KEY_CA, error);
        if (!path)
                return FALSE;
        if (*path == '\0')
                return TRUE;

        if (!g_path_is_absolute(path)) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             KEY_CA ": %s is not an absolute path: begin it with a slash",
                             path);
                return FALSE;
        }

        content->ca_file = g_steal_pointer(&path);
        return TRUE;
}

/* A format that no vertical knows is no error: the file may be older, or newer, than the wallet. */
static gboolean
parse_with_pin(GKeyFile *key_file, Content *content, GError **error)
{
        g_auto(GStrv) items = NULL;

        if (!g_key_file_has_key(key_file, GROUP, KEY_PIN, NULL))
                return TRUE;

        items = g_key_file_get_string_list(key_file, GROUP, KEY_PIN, NULL, error);
        if (!items)
                return FALSE;

        for (gsize i = 0; items[i]; i++) {
                const char *format = g_strstrip(items[i]);

                if (*format == '\0' || strlen(format) > TG_MAX_FORMAT_BYTES) {
                        tg_set_error(error,
                                     TG_ERROR_INVALID,
                                     KEY_PIN ": the name of a format has 1 to %d octets",
                                     TG_MAX_FORMAT_BYTES);
                        return FALSE;
                }
                list_add(content->with_pin, format);
        }

        return TRUE;
}

static gboolean
content_read(const char *path, Content *ret_content, GError **error)
{
        g_autoptr(GKeyFile) key_file = g_key_file_new();
        g_autofree char *text = tg_small_file_read(path, TG_MAX_SETTINGS_BYTES);
        Content content;

        if (!text) {
                tg_set_error(error, TG_ERROR_INVALID, "it cannot be read: %s", g_strerror(errno));
                return FALSE;
        }
        /* With translations: without, names like "Relay[de]" are skipped in silence. */
        if (!g_key_file_load_from_data(
                    key_file, text, strlen(text), G_KEY_FILE_KEEP_TRANSLATIONS, error) ||
            !check_names(key_file, error))
                return FALSE;

        content_init(&content);
        if (!parse_relay(key_file, &content, error) || !parse_trusted(key_file, &content, error) ||
            !parse_ca_file(key_file, &content, error) ||
            !parse_with_pin(key_file, &content, error)) {
                content_clear(&content);
                return FALSE;
        }

        *ret_content = content;
        return TRUE;
}

/* ---- the files together ---- */

static void
file_load(File *file)
{
        g_autoptr(GError) error = NULL;
        Content content;

        if (!content_read(file->path, &content, &error)) {
                g_warning("%s is not used, what it said before stays in force: %s",
                          file->path,
                          error->message);
                return;
        }

        content_clear(&file->content);
        file->content = content;
}

/* TRUE when that made a difference. */
static gboolean
merge(TgSettings *self)
{
        Content merged;
        gboolean is_changed;

        content_init(&merged);
        for (gsize i = 0; i < G_N_ELEMENTS(self->files); i++)
                content_overlay(&merged, &self->files[i].content);

        is_changed = !content_equal(&merged, &self->merged);
        content_clear(&self->merged);
        self->merged = merged;
        return is_changed;
}

static void
on_file_changed(gpointer user_data)
{
        File *file = user_data;
        TgSettings *self = file->settings;

        file_load(file);
        if (merge(self) && self->on_changed)
                self->on_changed(self, self->user_data);
}

static void
file_init(File *file, TgSettings *settings, const char *path)
{
        file->settings = settings;
        content_init(&file->content);
        if (!path)
                return;

        /* Watched first: a change between the two is read twice rather than missed. */
        file->path = g_strdup(path);
        file->watch = tg_file_watch_new(path, on_file_changed, file);
        if (!file->watch)
                g_warning("changes of %s will not be noticed: the user has no inotify watch left "
                          "(fs.inotify.max_user_instances)",
                          path);
        file_load(file);
}

TgSettings *
tg_settings_new(const char *system_file,
                const char *user_file,
                void (*on_changed)(TgSettings *self, gpointer user_data),
                gpointer user_data)
{
        TgSettings *self = g_new0(TgSettings, 1);

        self->on_changed = on_changed;
        self->user_data = user_data;
        content_init(&self->merged);
        file_init(&self->files[0], self, system_file);
        file_init(&self->files[1], self, user_file);
        merge(self);

        return self;
}

void
tg_settings_free(TgSettings *self)
{
        if (!self)
                return;

        for (gsize i = 0; i < G_N_ELEMENTS(self->files); i++) {
                g_clear_pointer(&self->files[i].watch, tg_file_watch_free);
                content_clear(&self->files[i].content);
                g_free(self->files[i].path);
        }
        content_clear(&self->merged);
        g_free(self);
}

const char *
tg_settings_relay(const TgSettings *self)
{
        return self->merged.relay;
}

const char *const *
tg_settings_trusted_relays(const TgSettings *self)
{
        return list_of(self->merged.trusted);
}

gboolean
tg_settings_is_trusted(const TgSettings *self, const char *origin)
{
        return g_strv_contains(list_of(self->merged.trusted), origin);
}

gboolean
tg_settings_requires_pin(const TgSettings *self, const char *format)
{
        return g_strv_contains(list_of(self->merged.with_pin), format);
}

TgPinRule
tg_settings_pin_rule(const TgSettings *self, const TgVertical *vertical, const char *kind)
{
        if (tg_settings_requires_pin(self, vertical->format))
                return TG_PIN_REQUIRED;
        return tg_vertical_pin_rule(vertical, kind != NULL ? kind : vertical->kinds[0]);
}

const char *
tg_settings_ca_file(const TgSettings *self)
{
        return self->merged.ca_file;
}
