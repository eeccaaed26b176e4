/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/client-message.h"

#include <string.h>
#include <unistd.h>

#include "cli/secret-input.h"
#include "protocol/error.h"
#include "protocol/limits.h"

typedef struct {
        sd_bus_message *message;
        const int *fds;
        gsize n_fds;
} Append;

static int append_value(const Append *append, GVariant *value);

static int
append_members(const Append *append, GVariant *container)
{
        GVariantIter iter;
        GVariant *member;
        int r = 0;

        g_variant_iter_init(&iter, container);
        while (r >= 0 && (member = g_variant_iter_next_value(&iter))) {
                r = append_value(append, member);
                g_variant_unref(member);
        }

        return r;
}

static int
append_container(const Append *append, char type, const char *contents, GVariant *value)
{
        int r = sd_bus_message_open_container(append->message, type, contents);

        if (r >= 0)
                r = append_members(append, value);
        if (r >= 0)
                r = sd_bus_message_close_container(append->message);

        return r;
}

/* The signature of @value without what stands around its members: "{sv}" of "a{sv}". */
static char *
contents_of(GVariant *value)
{
        const char *signature = g_variant_get_type_string(value);
        gsize n_chars = strlen(signature);

        if (*signature == 'a')
                return g_strdup(signature + 1);
        return g_strndup(signature + 1, n_chars - 2);
}

static int
append_text(const Append *append, char type, GVariant *value)
{
        const char *text = g_variant_get_string(value, NULL);

        return sd_bus_message_append_basic(append->message, type, text);
}

/* sd-bus takes a boolean as an int, as GLib has it. */
static int
append_basic(const Append *append, char type, GVariant *value)
{
        if (type == 'h') {
                gint32 index = g_variant_get_handle(value);

                if (index < 0 || (gsize)index >= append->n_fds)
                        return -EBADF;
                return sd_bus_message_append_basic(append->message, type, &append->fds[index]);
        }
        if (type == 'b') {
                int flag = g_variant_get_boolean(value);

                return sd_bus_message_append_basic(append->message, type, &flag);
        }

        return sd_bus_message_append_basic(append->message, type, g_variant_get_data(value));
}

static int
append_value(const Append *append, GVariant *value)
{
        GVariantClass class = g_variant_classify(value);
        g_autofree char *contents = NULL;
        g_autoptr(GVariant) inner = NULL;

        if (class == G_VARIANT_CLASS_STRING || class == G_VARIANT_CLASS_OBJECT_PATH ||
            class == G_VARIANT_CLASS_SIGNATURE)
                return append_text(append, (char)class, value);
        if (class == G_VARIANT_CLASS_VARIANT) {
                inner = g_variant_get_variant(value);
                return append_container(append, 'v', g_variant_get_type_string(inner), value);
        }
        if (!g_variant_is_container(value))
                return append_basic(append, (char)class, value);

        contents = contents_of(value);
        if (class == G_VARIANT_CLASS_ARRAY)
                return append_container(append, 'a', contents, value);
        if (class == G_VARIANT_CLASS_DICT_ENTRY)
                return append_container(append, 'e', contents, value);

        return append_container(append, 'r', contents, value);
}

int
tg_client_message_append(sd_bus_message *message, GVariant *arguments, const int *fds, gsize n_fds)
{
        Append append = {.message = message, .fds = fds, .n_fds = n_fds};

        return append_members(&append, arguments);
}

static GVariant *read_value(sd_bus_message *message);

/* The value of a fixed size that stands at the message's position. */
static GVariant *
read_fixed(sd_bus_message *message, char type)
{
        const char signature[] = {type, '\0'};
        /* In the byte order of this machine, as both sides have it. */
        union {
                guint8 octets[8];
                int flag;
        } value = {0};
        g_autoptr(GBytes) bytes = NULL;

        if (sd_bus_message_read_basic(message, type, &value) < 0)
                return NULL;
        /* The descriptor is the message's, and of no use as a number. */
        if (type == 'h')
                return g_variant_new_handle(-1);
        if (type == 'b')
                return g_variant_new_boolean(value.flag);

        bytes = g_bytes_new(value.octets,
                            type == 'y'          ? 1
                            : strchr("nq", type) ? 2
                            : strchr("iu", type) ? 4
                                                 : 8);
        return g_variant_new_from_bytes(G_VARIANT_TYPE(signature), bytes, TRUE);
}

static GVariant *
read_text(sd_bus_message *message, char type)
{
        const char *text;

        if (sd_bus_message_read_basic(message, type, &text) < 0)
                return NULL;
        if (type == 'o')
                return g_variant_new_object_path(text);
        if (type == 'g')
                return g_variant_new_signature(text);

        return g_variant_new_string(text);
}

/* Everything up to the end of the open container (or message). */
static GPtrArray *
read_members(sd_bus_message *message)
{
        g_autoptr(GPtrArray) members =
                g_ptr_array_new_with_free_func((GDestroyNotify)g_variant_unref);

        while (sd_bus_message_at_end(message, FALSE) == 0) {
                GVariant *member = read_value(message);

                if (!member)
                        return NULL;
                g_ptr_array_add(members, g_variant_ref_sink(member));
        }

        return g_steal_pointer(&members);
}

static GVariant *
read_container(sd_bus_message *message, char type, const char *contents)
{
        g_autoptr(GPtrArray) members = NULL;
        GVariant **values;

        if (sd_bus_message_enter_container(message, type, contents) < 0)
                return NULL;
        members = read_members(message);
        if (!members || sd_bus_message_exit_container(message) < 0)
                return NULL;

        values = (GVariant **)members->pdata;
        if (type == 'a')
                return g_variant_new_array(G_VARIANT_TYPE(contents), values, members->len);
        if (type == 'r')
                return g_variant_new_tuple(values, members->len);
        if (type == 'e' && members->len == 2)
                return g_variant_new_dict_entry(values[0], values[1]);
        if (type == 'v' && members->len == 1)
                return g_variant_new_variant(values[0]);

        return NULL;
}

static GVariant *
read_value(sd_bus_message *message)
{
        const char *contents;
        char type;

        if (sd_bus_message_peek_type(message, &type, &contents) <= 0)
                return NULL;
        if (strchr("avre", type))
                return read_container(message, type, contents);
        if (strchr("sog", type))
                return read_text(message, type);

        return read_fixed(message, type);
}

GVariant *
tg_client_message_read(sd_bus_message *message)
{
        g_autoptr(GPtrArray) members = read_members(message);

        if (!members)
                return NULL;
        return g_variant_ref_sink(g_variant_new_tuple((GVariant **)members->pdata, members->len));
}

static TgSecret *
read_secret_value(sd_bus_message *message, char type, GError **error)
{
        const void *bytes;
        const char *text;
        gsize n_bytes;
        int fd;

        if (type == 's' && sd_bus_message_read_basic(message, 's', &text) > 0)
                return tg_secret_new(text, strlen(text), error);
        if (type == 'a' && sd_bus_message_read_array(message, 'y', &bytes, &n_bytes) > 0)
                return tg_secret_new(bytes, n_bytes, error);
        if (type == 'h' && sd_bus_message_read_basic(message, 'h', &fd) > 0) {
                /* Whoever filled it may have left the offset at its end. */
                (void)lseek(fd, 0, SEEK_SET);
                return tg_secret_input_read(fd, "content", TG_MAX_PLAINTEXT_BYTES, error);
        }

        tg_set_error(error, TG_ERROR_FAILED, "the wallet's answer cannot be read");
        return NULL;
}

TgSecret *
tg_client_message_read_secret(sd_bus_message *message, GError **error)
{
        const char *contents;
        char type = '\0';

        (void)sd_bus_message_peek_type(message, &type, &contents);
        if (type == 'v') {
                (void)sd_bus_message_enter_container(message, 'v', contents);
                (void)sd_bus_message_peek_type(message, &type, &contents);
        }

        return read_secret_value(message, type, error);
}
