/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/bounds.h"

#include <string.h>

#include "protocol/error.h"
#include "protocol/json.h"
#include "protocol/limits.h"

#define LAST_SECOND G_GINT64_CONSTANT(253402300799) /* of the year 9999 */
#define MAX_DIGITS 12

gboolean
tg_bounds_are_set(const TgBounds *self)
{
        return self->not_before_s != 0 || self->not_after_s != 0 || self->n_uses != 0 ||
               self->is_final;
}

static gboolean
refuse(GError **error, const char *why)
{
        tg_set_error(error, TG_ERROR_INVALID, "%s", why);
        return FALSE;
}

gboolean
tg_bounds_check(const TgBounds *self, GError **error)
{
        if (self->not_before_s < 0 || self->not_before_s > LAST_SECOND || self->not_after_s < 0 ||
            self->not_after_s > LAST_SECOND)
                return refuse(error, "the limits name a time that is none");
        if (self->not_before_s != 0 && self->not_after_s != 0 &&
            self->not_after_s <= self->not_before_s)
                return refuse(error, "the limits end before they begin");
        if (self->n_uses > TG_MAX_USES)
                return refuse(error, "the limits allow more uses than can be counted");
        return TRUE;
}

/* ---- writing ---- */

char *
tg_bounds_write(const TgBounds *self)
{
        g_autoptr(GString) json = g_string_new("{");

        if (!tg_bounds_are_set(self))
                return NULL;
        if (self->not_before_s != 0)
                g_string_append_printf(
                        json, "\"notBefore\":%" G_GINT64_FORMAT ",", self->not_before_s);
        if (self->not_after_s != 0)
                g_string_append_printf(
                        json, "\"notAfter\":%" G_GINT64_FORMAT ",", self->not_after_s);
        if (self->n_uses != 0)
                g_string_append_printf(json, "\"uses\":%" G_GUINT32_FORMAT ",", self->n_uses);
        if (self->is_final)
                g_string_append(json, "\"reshare\":false,");
        json->str[json->len - 1] = '}'; /* instead of the last comma */

        return g_string_free(g_steal_pointer(&json), FALSE);
}

/* ---- reading ---- */

/* A plain number, 1 to @max: what is not said is left out, not 0. */
static gboolean
take_number(const TgJson *value, gint64 max, gint64 *ret_number)
{
        gint64 number = 0;

        if (value->type != TG_JSON_NUMBER || value->n_chars > MAX_DIGITS)
                return FALSE;
        for (gsize i = 0; i < value->n_chars; i++) {
                if (!g_ascii_isdigit(value->text[i]))
                        return FALSE;
                number = number * 10 + (value->text[i] - '0');
        }
        *ret_number = number;

        return number >= 1 && number <= max;
}

static gboolean
take_member(TgBounds *self, const TgJson *name, const TgJson *value)
{
        gint64 number;

        if (tg_json_string_equal(name, "notBefore"))
                return take_number(value, LAST_SECOND, &self->not_before_s);
        if (tg_json_string_equal(name, "notAfter"))
                return take_number(value, LAST_SECOND, &self->not_after_s);
        if (tg_json_string_equal(name, "uses")) {
                if (!take_number(value, TG_MAX_USES, &number))
                        return FALSE;
                self->n_uses = (guint32)number;
                return TRUE;
        }
        if (tg_json_string_equal(name, "reshare")) {
                self->is_final = TRUE;
                return value->type == TG_JSON_FALSE;
        }
        return FALSE;
}

gboolean
tg_bounds_parse(const char *text, TgBounds *ret_bounds, GError **error)
{
        TgBounds bounds = {0};
        TgJson object, name, value;
        TgJsonIter iter;

        if (!text) {
                *ret_bounds = bounds;
                return TRUE;
        }
        if (!tg_json_parse(text, strlen(text), TG_MAX_BOUNDS_CHARS, &object, NULL) ||
            object.type != TG_JSON_OBJECT)
                return refuse(error, "the limits of what was given cannot be read");
        tg_json_iter_init(&iter, &object);
        while (tg_json_iter_next(&iter, &name, &value))
                if (!take_member(&bounds, &name, &value))
                        return refuse(error,
                                      "what was given has a limit that is unknown or wrong here, "
                                      "and that could not be kept to");
        if (!tg_bounds_are_set(&bounds))
                return refuse(error, "the limits of what was given say nothing");
        if (!tg_bounds_check(&bounds, error))
                return FALSE;
        *ret_bounds = bounds;

        return TRUE;
}
