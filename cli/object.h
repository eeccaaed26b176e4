/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A share or credential of the wallet, as this program last heard of it.
 */

#include <glib.h>

#include "cli/client.h"
#include "cli/json-line.h"

typedef enum {
        TG_OBJECT_SHARE = 1,
        TG_OBJECT_CREDENTIAL = 2,
        TG_OBJECT_ANY = TG_OBJECT_SHARE | TG_OBJECT_CREDENTIAL,
} TgObjectKind;

typedef struct {
        TgObjectKind kind;
        char *path;
        const char *id;       /* the end of path */
        GVariant *properties; /* a{sv} */
} TgObject;

/* @properties a{sv}; NULL when @path is neither a share nor a credential. */
TgObject *tg_object_new(const char *path, GVariant *properties);
void tg_object_free(TgObject *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgObject, tg_object_free)

/* Asks the wallet for the properties of the object at @path. */
TgObject *tg_object_load(TgClient *client, const char *path, GError **error);

/* All objects of the kinds in @kinds, the newest last. */
GPtrArray *tg_object_list(TgClient *client, TgObjectKind kinds, GError **error);
/* Leaves of @objects those that are wanted. */
typedef gboolean (*TgObjectTest)(const TgObject *object);
void tg_object_filter(GPtrArray *objects, TgObjectTest is_wanted);

/* The one object of @kinds that @name means: its id, the beginning of it that no other
 * has, or its path. */
TgObject *tg_object_find(TgClient *client, TgObjectKind kinds, const char *name, GError **error);

/* How many characters of the ids tell the objects apart, at least 8. */
gsize tg_object_id_chars(GPtrArray *objects);

/* Values of properties; "" or 0 where there is none. Strings are the object's. */
const char *tg_object_text(const TgObject *self, const char *name);
guint64 tg_object_number(const TgObject *self, const char *name);
gboolean tg_object_flag(const TgObject *self, const char *name);
/* Pairs of texts (a(ss)), as Details is and Targets; never NULL, a new reference. */
GVariant *tg_object_pairs(const TgObject *self, const char *name);
/* The id behind a property that is a path; "" for "/". */
const char *tg_object_reference(const TgObject *self, const char *name);
/* The trouble of a share: name of the error and sentence, both "" while all is well. */
void tg_object_failure(const TgObject *self, const char **ret_name, const char **ret_message);
/* The other side's own word of its end, "" while there is none, and when it was read. */
void tg_object_receipt(const TgObject *self, const char **ret_word, guint64 *ret_time_s);

/* Takes in what a PropertiesChanged says. */
void tg_object_merge(TgObject *self, GVariant *changed);

/* Adds "type", "id" and everything else, in the order that tigressctl(1) has. */
void tg_object_to_json(const TgObject *self, TgJsonLine *line);
/* A line for each of @objects. */
void tg_object_print_json(GPtrArray *objects);
const char *tg_object_interface(const TgObject *self);
