/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/object.h"

#include <string.h>

#include "cli/outcome.h"
#include "dbus/names.h"
#include "protocol/error.h"

#define MIN_ID_CHARS 8
#define WHOLE_ID_CHARS 32

TgObject *
tg_object_new(const char *path, GVariant *properties)
{
        TgObject *self = NULL;
        TgObjectKind kind = 0;
        const char *id = NULL;

        if (g_str_has_prefix(path, TG_SHARE_PREFIX "/")) {
                kind = TG_OBJECT_SHARE;
                id = path + strlen(TG_SHARE_PREFIX "/");
        } else if (g_str_has_prefix(path, TG_CREDENTIAL_PREFIX "/")) {
                kind = TG_OBJECT_CREDENTIAL;
                id = path + strlen(TG_CREDENTIAL_PREFIX "/");
        }
        if (!id || *id == '\0')
                return NULL;

        self = g_new0(TgObject, 1);
        self->kind = kind;
        self->path = g_strdup(path);
        self->id = self->path + (id - path);
        self->properties = g_variant_ref_sink(properties);

        return self;
}

void
tg_object_free(TgObject *self)
{
        if (!self)
                return;

        g_variant_unref(self->properties);
        g_free(self->path);
        g_free(self);
}

const char *
tg_object_interface(const TgObject *self)
{
        return self->kind == TG_OBJECT_SHARE ? TG_SHARE_INTERFACE : TG_CREDENTIAL_INTERFACE;
}

static void
set_unknown(GError **error)
{
        tg_set_error(error,
                     TG_ERROR_NOT_FOUND,
                     "there is no such share or credential\n"
                     "\"tigressctl list --all\" and \"tigressctl credentials\" show what there is");
}

TgObject *
tg_object_load(TgClient *client, const char *path, GError **error)
{
        g_autoptr(GVariant) properties = NULL;
        TgObject *self;
        g_autoptr(TgObject) probe = tg_object_new(path, g_variant_new("a{sv}", NULL));

        if (!probe) {
                set_unknown(error);
                return NULL;
        }
        properties = tg_client_get_all(client, path, tg_object_interface(probe), error);
        if (!properties)
                return NULL;
        self = tg_object_new(path, properties);

        return self;
}

static gint
compare_age(gconstpointer a, gconstpointer b)
{
        const TgObject *one = *(TgObject *const *)a;
        const TgObject *other = *(TgObject *const *)b;
        const char *name = one->kind == TG_OBJECT_SHARE ? "Created" : "Received";
        guint64 one_s = tg_object_number(one, name);
        guint64 other_s = tg_object_number(other, name);

        if (one->kind != other->kind)
                return one->kind < other->kind ? -1 : 1;
        if (one_s != other_s)
                return one_s < other_s ? -1 : 1;
        return strcmp(one->id, other->id);
}

GPtrArray *
tg_object_list(TgClient *client, TgObjectKind kinds, GError **error)
{
        const TgClientCall call = {
                .interface = "org.freedesktop.DBus.ObjectManager",
                .method = "GetManagedObjects",
        };
        g_autoptr(GPtrArray) objects =
                g_ptr_array_new_with_free_func((GDestroyNotify)tg_object_free);
        g_autoptr(GVariant) reply = tg_client_call(client, &call, error);
        g_autoptr(GVariantIter) iter = NULL;
        const char *path;
        GVariant *interfaces;

        if (!reply)
                return NULL;
        if (!g_variant_is_of_type(reply, G_VARIANT_TYPE("(a{oa{sa{sv}}})"))) {
                tg_set_error(error, TG_ERROR_FAILED, "the wallet's answer cannot be read");
                return NULL;
        }

        g_variant_get(reply, "(a{oa{sa{sv}}})", &iter);
        while (g_variant_iter_loop(iter, "{&o@a{sa{sv}}}", &path, &interfaces)) {
                g_autoptr(TgObject) object = tg_object_new(path, g_variant_new("a{sv}", NULL));
                GVariant *properties;

                if (!object || !(object->kind & kinds))
                        continue;
                properties = g_variant_lookup_value(
                        interfaces, tg_object_interface(object), G_VARIANT_TYPE_VARDICT);
                if (!properties)
                        continue;
                g_variant_unref(object->properties);
                object->properties = properties;
                g_ptr_array_add(objects, g_steal_pointer(&object));
        }
        g_ptr_array_sort(objects, compare_age);

        return g_steal_pointer(&objects);
}

void
tg_object_filter(GPtrArray *objects, TgObjectTest is_wanted)
{
        for (guint i = objects->len; i > 0; i--)
                if (!is_wanted(g_ptr_array_index(objects, i - 1)))
                        g_ptr_array_remove_index(objects, i - 1);
}

/* Of a whole id or path nobody else needs to be looked at. NULL without @error set: it is
 * neither, or there is none. */
static TgObject *
find_exact(TgClient *client, TgObjectKind kinds, const char *name)
{
        static const struct {
                TgObjectKind kind;
                const char *prefix;
        } places[] = {
                {TG_OBJECT_SHARE,      TG_SHARE_PREFIX     },
                {TG_OBJECT_CREDENTIAL, TG_CREDENTIAL_PREFIX},
        };

        for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
                g_autofree char *path = g_strdup_printf("%s/%s", places[i].prefix, name);
                TgObject *object = NULL;

                if (!(kinds & places[i].kind))
                        continue;
                if (g_variant_is_object_path(name) && g_str_has_prefix(name, places[i].prefix))
                        object = tg_object_load(client, name, NULL);
                else if (strlen(name) == WHOLE_ID_CHARS && g_variant_is_object_path(path))
                        object = tg_object_load(client, path, NULL);
                if (object)
                        return object;
        }

        return NULL;
}

TgObject *
tg_object_find(TgClient *client, TgObjectKind kinds, const char *name, GError **error)
{
        g_autoptr(GPtrArray) objects = NULL;
        TgObject *found_object;
        gint found = -1;

        /* A path element, or a path: anything else (a link!) is not worth a call. */
        if (!g_variant_is_object_path(name) &&
            strspn(name, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "_-") != strlen(name)) {
                set_unknown(error);
                return NULL;
        }
        found_object = find_exact(client, kinds, name);
        if (found_object)
                return found_object;
        objects = tg_object_list(client, kinds, error);
        if (!objects)
                return NULL;

        for (guint i = 0; i < objects->len; i++) {
                const TgObject *object = g_ptr_array_index(objects, i);

                if (strcmp(object->id, name) == 0 || strcmp(object->path, name) == 0)
                        return g_ptr_array_steal_index(objects, i);
                if (*name == '\0' || !g_str_has_prefix(object->id, name))
                        continue;
                if (found >= 0) {
                        tg_set_error(error,
                                     TG_ERROR_INVALID,
                                     "more than one id begins with \"%s\"\ngive more of it",
                                     name);
                        return NULL;
                }
                found = (gint)i;
        }

        if (found >= 0)
                return g_ptr_array_steal_index(objects, (guint)found);

        set_unknown(error);
        return NULL;
}

static gint
compare_text(gconstpointer a, gconstpointer b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

gsize
tg_object_id_chars(GPtrArray *objects)
{
        g_autoptr(GPtrArray) ids = g_ptr_array_new();
        gsize n_chars = MIN_ID_CHARS;

        for (guint i = 0; i < objects->len; i++)
                g_ptr_array_add(ids, (gpointer)((TgObject *)g_ptr_array_index(objects, i))->id);
        g_ptr_array_sort(ids, compare_text);

        for (guint i = 1; i < ids->len; i++) {
                const char *one = g_ptr_array_index(ids, i - 1);
                const char *other = g_ptr_array_index(ids, i);
                gsize n_same = 0;

                while (one[n_same] && one[n_same] == other[n_same])
                        n_same++;
                n_chars = MAX(n_chars, n_same + 1);
        }

        return n_chars;
}

const char *
tg_object_text(const TgObject *self, const char *name)
{
        const char *text = "";

        if (!g_variant_lookup(self->properties, name, "&s", &text))
                return "";
        return text;
}

guint64
tg_object_number(const TgObject *self, const char *name)
{
        guint64 big = 0;
        guint32 small = 0;

        if (g_variant_lookup(self->properties, name, "t", &big))
                return big;
        if (g_variant_lookup(self->properties, name, "u", &small))
                return small;
        return 0;
}

gboolean
tg_object_flag(const TgObject *self, const char *name)
{
        gboolean flag = FALSE;

        return g_variant_lookup(self->properties, name, "b", &flag) && flag;
}

GVariant *
tg_object_pairs(const TgObject *self, const char *name)
{
        GVariant *pairs = g_variant_lookup_value(self->properties, name, G_VARIANT_TYPE("a(ss)"));

        return pairs ? pairs : g_variant_ref_sink(g_variant_new("a(ss)", NULL));
}

const char *
tg_object_reference(const TgObject *self, const char *name)
{
        const char *path = "/";

        if (!g_variant_lookup(self->properties, name, "&o", &path))
                return "";
        return strrchr(path, '/') + 1;
}

void
tg_object_failure(const TgObject *self, const char **ret_name, const char **ret_message)
{
        *ret_name = "";
        *ret_message = "";
        (void)g_variant_lookup(self->properties, "Failure", "(&s&s)", ret_name, ret_message);
}

void
tg_object_receipt(const TgObject *self, const char **ret_word, guint64 *ret_time_s)
{
        *ret_word = "";
        *ret_time_s = 0;
        (void)g_variant_lookup(self->properties, "Receipt", "(&st)", ret_word, ret_time_s);
}

void
tg_object_merge(TgObject *self, GVariant *changed)
{
        g_auto(GVariantDict) dict = G_VARIANT_DICT_INIT(self->properties);
        GVariantIter iter;
        const char *name;
        GVariant *value;
        GVariant *merged;

        g_variant_iter_init(&iter, changed);
        while (g_variant_iter_loop(&iter, "{&sv}", &name, &value))
                g_variant_dict_insert_value(&dict, name, value);

        merged = g_variant_ref_sink(g_variant_dict_end(&dict));
        g_variant_unref(self->properties);
        self->properties = merged;
}

/* "" is null: a program need not tell the two apart. */
static void
add_text(const TgObject *self, TgJsonLine *line, const char *key, const char *name)
{
        const char *text = tg_object_text(self, name);

        tg_json_line_string(line, key, *text ? text : NULL);
}

static void
add_reference(const TgObject *self, TgJsonLine *line, const char *key, const char *name)
{
        const char *id = tg_object_reference(self, name);

        tg_json_line_string(line, key, *id ? id : NULL);
}

static void
add_failure(const TgObject *self, TgJsonLine *line)
{
        const char *name;
        const char *message;

        tg_object_failure(self, &name, &message);
        if (*name == '\0' && *message == '\0') {
                tg_json_line_string(line, "failure", NULL);
                return;
        }
        tg_json_line_open(line, "failure");
        tg_json_line_string(line, "name", name);
        tg_json_line_string(line, "message", message);
        tg_json_line_close(line);
}

static void
add_receipt(const TgObject *self, TgJsonLine *line)
{
        const char *word;
        guint64 time_s;

        tg_object_receipt(self, &word, &time_s);
        if (*word == '\0') {
                tg_json_line_string(line, "receipt", NULL);
                return;
        }
        tg_json_line_open(line, "receipt");
        tg_json_line_string(line, "outcome", word);
        tg_json_line_time(line, "time", time_s);
        tg_json_line_close(line);
}

/* Where a name comes twice the first counts: it is an object. */
static void
add_pairs(const TgObject *self, TgJsonLine *line, const char *key, const char *property)
{
        g_autoptr(GVariant) pairs = tg_object_pairs(self, property);
        g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
        GVariantIter iter;
        const char *name;
        const char *value;

        tg_json_line_open(line, key);
        g_variant_iter_init(&iter, pairs);
        while (g_variant_iter_next(&iter, "(&s&s)", &name, &value))
                if (g_hash_table_add(seen, (gpointer)name))
                        tg_json_line_string(line, name, value);
        tg_json_line_close(line);
}

static void
share_to_json(const TgObject *self, TgJsonLine *line)
{
        add_text(self, line, "role", "Role");
        add_text(self, line, "state", "State");
        tg_json_line_boolean(line, "ended", tg_outcome_is_end(tg_object_text(self, "State")));
        add_text(self, line, "ended_by", "EndedBy");
        add_failure(self, line);
        add_text(self, line, "title", "Title");
        tg_json_line_boolean(line, "title_verified", tg_object_flag(self, "TitleVerified"));
        add_text(self, line, "description", "Description");
        add_text(self, line, "format", "Format");
        add_text(self, line, "relay", "Relay");
        add_text(self, line, "mode", "Mode");
        add_text(self, line, "transport", "Transport");
        tg_json_line_time(line, "created", tg_object_number(self, "Created"));
        tg_json_line_time(line, "expires", tg_object_number(self, "Expires"));
        tg_json_line_boolean(line, "pin_required", tg_object_flag(self, "PinRequired"));
        if (tg_object_number(self, "PinAttemptsLeft") > 0)
                tg_json_line_number(line,
                                    "pin_attempts_left",
                                    (gint64)tg_object_number(self, "PinAttemptsLeft"));
        else
                tg_json_line_string(line, "pin_attempts_left", NULL);
        add_reference(self, line, "credential", "Credential");
        add_reference(self, line, "grant", "Grant");
        add_text(self, line, "application", "Application");
        add_text(self, line, "person", "Person");
        add_receipt(self, line);
        add_text(self, line, "lent", "Lent");
        tg_json_line_time(line, "granted_until", tg_object_number(self, "GrantedUntil"));
        add_pairs(self, line, "details", "Details");
}

static void
credential_to_json(const TgObject *self, TgJsonLine *line)
{
        add_text(self, line, "title", "Title");
        add_text(self, line, "description", "Description");
        add_text(self, line, "format", "Format");
        add_text(self, line, "kind", "Kind");
        add_text(self, line, "issuer", "Issuer");
        tg_json_line_time(line, "received", tg_object_number(self, "Received"));
        tg_json_line_time(line, "not_before", tg_object_number(self, "NotBefore"));
        tg_json_line_time(line, "not_after", tg_object_number(self, "NotAfter"));
        tg_json_line_boolean(line, "revoked", tg_object_flag(self, "Revoked"));
        tg_json_line_boolean(line, "expired", tg_object_flag(self, "Expired"));
        tg_json_line_number(line, "uses", (gint64)tg_object_number(self, "Uses"));
        tg_json_line_number(line, "uses_left", (gint64)tg_object_number(self, "UsesLeft"));
        tg_json_line_boolean(line, "may_reshare", tg_object_flag(self, "MayReshare"));
        add_reference(self, line, "share", "Share");
        add_pairs(self, line, "details", "Details");
        add_pairs(self, line, "targets", "Targets");
}

void
tg_object_to_json(const TgObject *self, TgJsonLine *line)
{
        gboolean is_share = self->kind == TG_OBJECT_SHARE;

        tg_json_line_string(line, "type", is_share ? "share" : "credential");
        tg_json_line_string(line, "id", self->id);
        tg_json_line_string(line, "path", self->path);
        if (is_share)
                share_to_json(self, line);
        else
                credential_to_json(self, line);
}

void
tg_object_print_json(GPtrArray *objects)
{
        for (guint i = 0; i < objects->len; i++) {
                TgJsonLine *line = tg_json_line_begin();

                tg_object_to_json(g_ptr_array_index(objects, i), line);
                tg_json_line_end(line);
        }
}
