/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "daemon/vertical.h"

static const TgVertical *const verticals[] = {
        &tg_vertical_generic,
        &tg_vertical_keyring_item,
        NULL,
};

void
tg_provision_clear(TgProvision *provision)
{
        g_clear_pointer(&provision->content, tg_secret_unref);
        g_clear_pointer(&provision->content_type, g_free);
        g_clear_pointer(&provision->title, g_free);
}

const TgVertical *
tg_vertical_find(const char *format)
{
        for (gsize i = 0; verticals[i] != NULL; i++) {
                if (g_strcmp0(verticals[i]->format, format) == 0)
                        return verticals[i];
        }
        return NULL;
}

const TgVertical *const *
tg_verticals(void)
{
        return verticals;
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
