/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What becomes of a credential after it has arrived. */

#include "daemon/manager-private.h"

TgCredential *
tg_manager_find_came_by(TgManager *self, const char *share_id)
{
        GHashTableIter iter;
        gpointer value;

        g_hash_table_iter_init(&iter, self->credentials);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                const TgCredential *credential = value;

                if (credential->format[0] != '\0' && g_strcmp0(credential->came_by, share_id) == 0)
                        return value;
        }
        return NULL;
}

gboolean
tg_manager_set_revoked(TgManager *self, TgCredential *credential, GError **error)
{
        if (credential->is_revoked)
                return TRUE;
        credential->is_revoked = TRUE;
        if (!tg_credential_save(credential, self->wallet->store, error)) {
                credential->is_revoked = FALSE;
                return FALSE;
        }
        if (self->observer != NULL)
                self->observer->credential_changed(credential, self->observer_data);
        return TRUE;
}
