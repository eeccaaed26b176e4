/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The same for the relay's single messages: who wrote one, who may read it.
 */

#include "relay/mailbox-api.h"

typedef GPtrArray ResourceModels;

ResourceModels *resource_models_new(void);

gboolean resource_models_are_for(const TgApiCall *call);
void
resource_models_check(ResourceModels *self, const TgApiCall *call, TgVerdict verdict, gint64 now_s);
