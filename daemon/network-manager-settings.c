/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Settings of a profile, a{sa{sv}}, read by a table and written part by part. */

#include <errno.h>
#include <string.h>

#include "daemon/network-manager-private.h"

#define MAX_INNER 256

static const TgNmField *
find_field(const TgNmField *fields, guint n_fields, const char *setting, const char *key)
{
        for (guint i = 0; i < n_fields; i++)
                if (g_str_equal(fields[i].setting, setting) && g_str_equal(fields[i].key, key))
                        return &fields[i];
        return NULL;
}

static const char *
signature_of(const TgNmField *field)
{
        switch (field->type) {
        case 'b':
                return "b";
        case 'u':
                return "u";
        case 'y':
                return "ay";
        case 'a':
                return "aa{sv}";
        default:
                return "s";
        }
}

static int
read_text(sd_bus_message *message, char **text)
{
        const char *value;
        int r = sd_bus_message_read_basic(message, 's', &value);

        if (r < 0)
                return r;
        g_free(*text);
        *text = g_strdup(value);
        return 1;
}

static int
read_secret(sd_bus_message *message, TgSecret **secret)
{
        const char *value;
        int r = sd_bus_message_read_basic(message, 's', &value);

        if (r < 0)
                return r;
        g_clear_pointer(secret, tg_secret_unref);
        *secret = tg_secret_new(value, strlen(value), NULL);
        return *secret != NULL ? 1 : -ENOMEM;
}

static int
read_octets(sd_bus_message *message, GBytes **octets)
{
        const void *value;
        gsize n_bytes;
        int r = sd_bus_message_read_array(message, 'y', &value, &n_bytes);

        if (r < 0)
                return r;
        g_clear_pointer(octets, g_bytes_unref);
        *octets = g_bytes_new(value, n_bytes);
        return 1;
}

static int
read_flag(sd_bus_message *message, gboolean *flag)
{
        int value;
        int r = sd_bus_message_read_basic(message, 'b', &value);

        if (r >= 0)
                *flag = value != 0;
        return r;
}

static int
read_inner(sd_bus_message *message, const char *wanted, GPtrArray **texts)
{
        const char *key;
        const char *contents;
        const char *value;
        int r;

        if (*texts == NULL)
                *texts = g_ptr_array_new_with_free_func(g_free);
        while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                r = sd_bus_message_read_basic(message, 's', &key);
                if (r >= 0)
                        r = sd_bus_message_peek_type(message, NULL, &contents);
                if (r < 0)
                        return r;
                if (g_str_equal(key, wanted) && g_strcmp0(contents, "s") == 0 &&
                    (*texts)->len < MAX_INNER) {
                        r = sd_bus_message_read(message, "v", "s", &value);
                        if (r >= 0)
                                g_ptr_array_add(*texts, g_strdup(value));
                } else {
                        r = sd_bus_message_skip(message, "v");
                }
                if (r < 0 || (r = sd_bus_message_exit_container(message)) < 0)
                        return r;
        }
        return r;
}

static int
read_list(sd_bus_message *message, const char *wanted, GPtrArray **texts)
{
        int r = sd_bus_message_enter_container(message, 'a', "a{sv}");

        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(message, 'a', "{sv}")) > 0) {
                r = read_inner(message, wanted, texts);
                if (r < 0 || (r = sd_bus_message_exit_container(message)) < 0)
                        return r;
        }
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int
read_value(sd_bus_message *message, const TgNmField *field, gpointer member)
{
        const char *contents;
        int r = sd_bus_message_peek_type(message, NULL, &contents);

        if (r < 0)
                return r;
        if (g_strcmp0(contents, signature_of(field)) != 0)
                return sd_bus_message_skip(message, "v");
        r = sd_bus_message_enter_container(message, 'v', contents);
        if (r < 0)
                return r;
        switch (field->type) {
        case 's':
                r = read_text(message, member);
                break;
        case 'S':
                r = read_secret(message, member);
                break;
        case 'y':
                r = read_octets(message, member);
                break;
        case 'b':
                r = read_flag(message, member);
                break;
        case 'u':
                r = sd_bus_message_read_basic(message, 'u', member);
                break;
        case 'a':
                r = read_list(message, field->inner, member);
                break;
        default:
                g_assert_not_reached();
        }
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int
read_setting(sd_bus_message *message,
             const char *setting,
             const TgNmField *fields,
             guint n_fields,
             gpointer target)
{
        const char *key;
        int r = sd_bus_message_enter_container(message, 'a', "{sv}");

        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                const TgNmField *field;

                r = sd_bus_message_read_basic(message, 's', &key);
                if (r < 0)
                        return r;
                field = find_field(fields, n_fields, setting, key);
                r = field != NULL ? read_value(message, field, (char *)target + field->offset)
                                  : sd_bus_message_skip(message, "v");
                if (r < 0 || (r = sd_bus_message_exit_container(message)) < 0)
                        return r;
        }
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

int
tg_nm_settings_read(sd_bus_message *message,
                    const TgNmField *fields,
                    guint n_fields,
                    gpointer target)
{
        const char *setting;
        int r = sd_bus_message_enter_container(message, 'a', "{sa{sv}}");

        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(message, 'e', "sa{sv}")) > 0) {
                r = sd_bus_message_read_basic(message, 's', &setting);
                if (r >= 0)
                        r = read_setting(message, setting, fields, n_fields, target);
                if (r < 0 || (r = sd_bus_message_exit_container(message)) < 0)
                        return r;
        }
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

/* ---- written ---- */

int
tg_nm_open_setting(sd_bus_message *message, const char *name)
{
        int r = sd_bus_message_open_container(message, 'e', "sa{sv}");

        if (r >= 0)
                r = sd_bus_message_append_basic(message, 's', name);
        return r < 0 ? r : sd_bus_message_open_container(message, 'a', "{sv}");
}

int
tg_nm_close_setting(sd_bus_message *message)
{
        int r = sd_bus_message_close_container(message);

        return r < 0 ? r : sd_bus_message_close_container(message);
}

int
tg_nm_open_value(sd_bus_message *message, const char *key, const char *contents)
{
        int r = sd_bus_message_open_container(message, 'e', "sv");

        if (r >= 0)
                r = sd_bus_message_append_basic(message, 's', key);
        return r < 0 ? r : sd_bus_message_open_container(message, 'v', contents);
}

int
tg_nm_close_value(sd_bus_message *message)
{
        int r = sd_bus_message_close_container(message);

        return r < 0 ? r : sd_bus_message_close_container(message);
}

int
tg_nm_append_secret(sd_bus_message *message, const char *key, const char *text, gsize n_chars)
{
        char *room;
        int r = sd_bus_message_sensitive(message);

        if (r >= 0)
                r = tg_nm_open_value(message, key, "s");
        if (r >= 0)
                r = sd_bus_message_append_string_space(message, n_chars, &room);
        if (r < 0)
                return r;
        memcpy(room, text, n_chars);
        return tg_nm_close_value(message);
}
