/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/vertical.h"

static const TgVertical *const built_in[] = {
        &tg_vertical_generic,
        &tg_vertical_keyring_item,
        &tg_vertical_ssh,
        &tg_vertical_totp,
        &tg_vertical_wifi,
        &tg_vertical_x509,
        &tg_vertical_wireguard,
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

gboolean
tg_vertical_register(const TgVertical *self)
{
        if (g_str_has_prefix(self->format, "tigress.") || tg_vertical_find(self->format) != NULL)
                return FALSE;
        g_ptr_array_insert(all(), (gint)all()->len - 1, (gpointer)self);
        return TRUE;
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
