/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/settings-file.h"

#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/output.h"
#include "protocol/error.h"
#include "protocol/link.h"

#define GROUP "Wallet"
#define KEY_RELAY "Relay"
#define KEY_TRUSTED "TrustedRelays"

struct TgSettingsFile {
        char *path;
        GKeyFile *key_file;
};

char *
tg_settings_file_user_path(void)
{
        return g_build_filename(g_get_user_config_dir(), "tigress", "tigress.conf", NULL);
}

const char *
tg_settings_file_system_path(void)
{
        return SYSCONFDIR "/tigress/tigress.conf";
}

TgSettingsFile *
tg_settings_file_load(const char *path, GError **error)
{
        g_autoptr(TgSettingsFile) self = g_new0(TgSettingsFile, 1);
        g_autoptr(GError) local = NULL;

        self->path = g_strdup(path);
        self->key_file = g_key_file_new();
        if (g_key_file_load_from_file(self->key_file,
                                      path,
                                      G_KEY_FILE_KEEP_COMMENTS | G_KEY_FILE_KEEP_TRANSLATIONS,
                                      &local) ||
            g_error_matches(local, G_FILE_ERROR, G_FILE_ERROR_NOENT))
                return g_steal_pointer(&self);

        tg_set_error(error,
                     TG_ERROR_INVALID,
                     "cannot read %s: %s\ncorrect it with an editor first",
                     path,
                     local->message);
        return NULL;
}

void
tg_settings_file_free(TgSettingsFile *self)
{
        if (!self)
                return;

        g_key_file_unref(self->key_file);
        g_free(self->path);
        g_free(self);
}

/* As the wallet understands what a person wrote; NULL for what is no origin. */
static char *
canonical(const char *text)
{
        g_autofree char *stripped = g_strstrip(g_strdup(text));

        return tg_origin_parse(stripped, FALSE, NULL);
}

static gboolean
is_same(const char *text, const char *origin)
{
        g_autofree char *other = canonical(text);

        return g_strcmp0(other, origin) == 0;
}

char *
tg_settings_file_relay(const TgSettingsFile *self)
{
        g_autofree char *text = g_key_file_get_string(self->key_file, GROUP, KEY_RELAY, NULL);

        return text ? canonical(text) : NULL;
}

static char **
trusted(const TgSettingsFile *self)
{
        char **list = g_key_file_get_string_list(self->key_file, GROUP, KEY_TRUSTED, NULL, NULL);

        return list ? list : g_new0(char *, 1);
}

gboolean
tg_settings_file_names(const TgSettingsFile *self, const char *origin)
{
        g_autofree char *relay = tg_settings_file_relay(self);
        g_auto(GStrv) list = trusted(self);

        if (g_strcmp0(relay, origin) == 0)
                return TRUE;
        for (gsize i = 0; list[i]; i++)
                if (is_same(list[i], origin))
                        return TRUE;

        return FALSE;
}

/* Everything in the list but @origin, then @origin again when it is to be there. */
static void
set_trusted(TgSettingsFile *self, const char *origin, gboolean is_in)
{
        g_auto(GStrv) list = trusted(self);
        g_autoptr(GPtrArray) kept = g_ptr_array_new();

        for (gsize i = 0; list[i]; i++)
                if (!is_same(list[i], origin) && *g_strstrip(list[i]) != '\0')
                        g_ptr_array_add(kept, list[i]);
        if (is_in)
                g_ptr_array_add(kept, (gpointer)origin);

        if (kept->len > 0)
                g_key_file_set_string_list(self->key_file,
                                           GROUP,
                                           KEY_TRUSTED,
                                           (const char *const *)kept->pdata,
                                           kept->len);
        else
                g_key_file_remove_key(self->key_file, GROUP, KEY_TRUSTED, NULL);
}

void
tg_settings_file_add(TgSettingsFile *self, const char *origin, gboolean as_default)
{
        if (!tg_settings_file_names(self, origin))
                set_trusted(self, origin, TRUE);
        if (as_default) {
                g_autofree char *old = tg_settings_file_relay(self);

                /* The one before stays trusted. */
                if (old && strcmp(old, origin) != 0)
                        set_trusted(self, old, TRUE);
                g_key_file_set_string(self->key_file, GROUP, KEY_RELAY, origin);
        }
}

void
tg_settings_file_remove(TgSettingsFile *self, const char *origin)
{
        g_autofree char *relay = tg_settings_file_relay(self);

        set_trusted(self, origin, FALSE);
        if (g_strcmp0(relay, origin) == 0)
                g_key_file_remove_key(self->key_file, GROUP, KEY_RELAY, NULL);
}

gboolean
tg_settings_file_save(const TgSettingsFile *self, GError **error)
{
        g_autofree char *folder = g_path_get_dirname(self->path);
        g_autofree char *text = NULL;
        g_autoptr(GError) local = NULL;
        char *target = realpath(self->path, NULL);
        struct stat status;
        int mode = target && stat(target, &status) == 0 ? (int)(status.st_mode & 0777) : 0600;
        gsize n_bytes;
        gboolean is_saved;

        if (g_mkdir_with_parents(folder, 0700) < 0) {
                tg_set_error(error,
                             TG_ERROR_FAILED,
                             "cannot make the folder %s: %s",
                             folder,
                             tg_output_reason(errno));
                free(target);
                return FALSE;
        }

        text = g_key_file_to_data(self->key_file, &n_bytes, NULL);
        is_saved = g_file_set_contents_full(target ? target : self->path,
                                            text,
                                            (gssize)n_bytes,
                                            G_FILE_SET_CONTENTS_CONSISTENT |
                                                    G_FILE_SET_CONTENTS_DURABLE,
                                            mode,
                                            &local);
        free(target);
        if (!is_saved)
                tg_set_error(
                        error, TG_ERROR_FAILED, "cannot write the settings: %s", local->message);

        return is_saved;
}
