/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/vertical.h"

#include <string.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/text.h"

/* draft-vinokurov-tigress-http-00 */
#define CAR_KEY_LETTER 'c'
#define HOME_KEY_LETTER 'h'

static const TgVertical *const built_in[] = {
        &tg_vertical_generic,
        &tg_vertical_keyring_item,
        &tg_vertical_ssh,
        &tg_vertical_totp,
        &tg_vertical_wifi,
        &tg_vertical_x509,
        &tg_vertical_wireguard,
        &tg_vertical_cxf,
};
static GPtrArray *verticals; /* NULL-terminated */

static GPtrArray *
all(void)
{
        if (verticals == NULL) {
                verticals = g_ptr_array_new();
                for (gsize i = 0; i < G_N_ELEMENTS(built_in); i++)
                        g_ptr_array_add(verticals, (gpointer)built_in[i]);
                g_ptr_array_add(verticals, NULL);
        }
        return verticals;
}

const TgVertical *
tg_vertical_find(const char *format)
{
        const TgVertical *const *list = tg_verticals();

        for (gsize i = 0; list[i] != NULL; i++) {
                if (g_strcmp0(list[i]->format, format) == 0)
                        return list[i];
        }
        return NULL;
}

const TgVertical *const *
tg_verticals(void)
{
        return (const TgVertical *const *)all()->pdata;
}

static const TgVertical *
find_letter(char letter)
{
        const TgVertical *const *list = tg_verticals();

        for (gsize i = 0; list[i] != NULL; i++) {
                if (list[i]->letter == letter)
                        return list[i];
        }
        return NULL;
}

/* A link shows the letter alone, so nobody but car keys may have theirs. */
static gboolean
is_car_key_whole(const TgVertical *self)
{
        return (self->letter == CAR_KEY_LETTER) == g_str_equal(self->format, TG_CAR_KEY_FORMAT);
}

gboolean
tg_vertical_register(const TgVertical *self, GError **error)
{
        const TgVertical *other;

        if (g_ascii_strncasecmp(self->format, "tigress.", strlen("tigress.")) == 0) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "formats that begin with \"tigress.\" are the exchange's own");
        } else if (tg_vertical_find(self->format) != NULL) {
                tg_set_error(
                        error, TG_ERROR_INVALID, "the format %s is taken already", self->format);
        } else if ((other = find_letter(self->letter)) != NULL) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "the letter \"%c\" is taken already, by %s",
                             self->letter,
                             other->format);
        } else if (!is_car_key_whole(self)) {
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "the letter \"%c\" and the format %s go together",
                             CAR_KEY_LETTER,
                             TG_CAR_KEY_FORMAT);
        } else {
                g_ptr_array_insert(all(), (gint)all()->len - 1, (gpointer)self);
                return TRUE;
        }
        return FALSE;
}

void
tg_verticals_unregister(void)
{
        guint n_others = all()->len - 1 - G_N_ELEMENTS(built_in);

        if (n_others > 0)
                g_ptr_array_remove_range(all(), G_N_ELEMENTS(built_in), n_others);
}

static const char *
people_call(char letter)
{
        switch (letter) {
        case CAR_KEY_LETTER:
                return "car keys";
        case HOME_KEY_LETTER:
                return "keys of homes";
        default:
                return NULL;
        }
}

gboolean
tg_vertical_has_letter(char letter, GError **error)
{
        const char *what = people_call(letter);

        if (letter == 0 || find_letter(letter) != NULL)
                return TRUE;
        if (what != NULL)
                tg_set_error(error, TG_ERROR_INVALID, "no program here handles %s", what);
        else
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "no program here handles what this link is for (its letter is "
                             "\"%c\")",
                             letter);
        return FALSE;
}

void
tg_vertical_set_unknown(const char *format, GError **error)
{
        g_autofree char *clean = tg_text_clean(format, -1, TG_MAX_FORMAT_BYTES);

        if (g_str_equal(clean, TG_CAR_KEY_FORMAT))
                tg_set_error(error, TG_ERROR_INVALID, "no program here handles car keys");
        else
                tg_set_error(error,
                             TG_ERROR_INVALID,
                             "this wallet does not know the kind of credential \"%s\": the "
                             "property Formats lists those that it knows",
                             clean);
}

const TgTermKey *
tg_vertical_own_terms(void)
{
        static GArray *keys; /* ends in zeros */

        if (keys != NULL)
                return (const TgTermKey *)(gpointer)keys->data;
        keys = g_array_new(TRUE, TRUE, sizeof(TgTermKey));
        for (gsize i = 0; i < G_N_ELEMENTS(built_in); i++) {
                const TgTermKey *own = built_in[i]->own;

                for (; own != NULL && own->name != NULL; own++)
                        g_array_append_vals(keys, own, 1);
        }
        return (const TgTermKey *)(gpointer)keys->data;
}

static gboolean
has_own(const TgVertical *self, const char *name)
{
        const TgTermKey *own = self->own;

        for (; own != NULL && own->name != NULL; own++)
                if (g_str_equal(own->name, name))
                        return TRUE;
        return FALSE;
}

const TgVertical *
tg_vertical_of_own_terms(GVariant *terms, GError **error)
{
        for (gsize i = 0; i < G_N_ELEMENTS(built_in); i++) {
                gboolean has_all = TRUE;
                GVariantIter iter;
                const char *name;

                g_variant_iter_init(&iter, terms);
                while (g_variant_iter_next(&iter, "{&sv}", &name, NULL))
                        has_all = has_all && has_own(built_in[i], name);
                if (has_all && built_in[i]->own != NULL)
                        return built_in[i];
        }
        tg_set_error(error, TG_ERROR_INVALID, "\"terms\" are of more than one format");
        return NULL;
}

const TgTarget *
tg_vertical_target(const TgVertical *self, const char *name)
{
        const TgTarget *target = self->targets;

        for (; target != NULL && target->name != NULL; target++)
                if (g_str_equal(target->name, name))
                        return target;
        return NULL;
}

gboolean
tg_vertical_has_kind(const TgVertical *self, const char *kind)
{
        return g_strv_contains(self->kinds, kind);
}

TgPinRule
tg_vertical_pin_rule(const TgVertical *self, const char *kind)
{
        for (gsize i = 0; self->kinds[i] != NULL; i++) {
                if (g_strcmp0(self->kinds[i], kind) == 0)
                        return self->pins[i];
        }
        return TG_PIN_REQUIRED;
}

gboolean
tg_vertical_requires_pin(const TgVertical *self)
{
        for (gsize i = 0; self->kinds[i] != NULL; i++) {
                if (self->pins[i] == TG_PIN_REQUIRED)
                        return TRUE;
        }
        return FALSE;
}
