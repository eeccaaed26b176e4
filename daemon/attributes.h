/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Attributes of a keyring item that travel with it, as a{ss}: those that the user names, and no
 * more. Of a peer they are words of a stranger, and attributes of nothing until the user says so.
 */

#include <glib.h>

#include "protocol/json.h"

/* What a program knows its own items by ("xdg:schema", "tigress"), which nobody else may choose. */
gboolean tg_attributes_is_reserved(const char *name);

/* NULL-terminated. TG_ERROR_INVALID for a name that is reserved, malformed or there twice. */
gboolean tg_attributes_check_names(const char *const *names, GError **error);

/* Those of @all (NULL: none) that @names says; a full reference, NULL with TG_ERROR_NOT_FOUND where
 * one is not there, TG_ERROR_INVALID where it cannot travel. @names NULL: NULL, and no error. */
GVariant *tg_attributes_pick(GVariant *all, const char *const *names, GError **error);

/* Of a peer: an object of texts. What is reserved is left out. A full reference, NULL with
 * TG_ERROR_INVALID. */
GVariant *tg_attributes_read(const TgJson *object, GError **error);

/* As a JSON object; @attributes NULL: an empty one. */
void tg_attributes_append_json(GString *json, GVariant *attributes);
