/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How Reveal is to answer: as the content is, or sealed in another form that its vertical knows. */

#include "daemon/wallet-bus.h"

typedef struct TgForm TgForm;

/* @form is the callee's. */
typedef void (*TgFormFunc)(TgWalletBus *bus, TgCall *call, const char *id, TgForm *form);

/* Reads the call's options, then calls @func, now or later, or fails the call. */
int tg_form_read(TgWalletBus *bus,
                 sd_bus_message *message,
                 const TgCredential *credential,
                 TgFormFunc func);
void tg_form_free(TgForm *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgForm, tg_form_free)

gboolean tg_form_is_bytes(const TgForm *self);
/* What is answered with. */
TgSecret *tg_form_apply(const TgForm *self, TgSecret *content, GError **error);
