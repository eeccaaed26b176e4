/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is kept of a credential that has arrived, as its vertical gives it after all was checked. */

#include <glib.h>

#include "protocol/secret.h"

typedef struct {
        TgSecret *content; /* for the keyring */
        char *content_type;
        char *title;          /* a name the content brings along; NULL: none. Cleaned. */
        char *issuer;         /* who stands for it; NULL: nobody. Cleaned. */
        GVariant *attributes; /* a{ss} that came with an item; NULL: none */
        gint64 not_before_s;  /* Unix seconds; 0: not limited */
        gint64 not_after_s;
} TgProvision;

void tg_provision_copy(const TgProvision *provision, TgProvision *ret_copy);
void tg_provision_clear(TgProvision *provision);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TgProvision, tg_provision_clear)

/* As it waits in the store for the keyring. */
TgSecret *tg_provision_save(const TgProvision *provision, GError **error);
/* TG_ERROR_INVALID for a record that is none, TG_ERROR_LIMIT_REACHED without memory. */
gboolean tg_provision_load(const TgSecret *saved, TgProvision *ret_provision, GError **error);
