/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The target `keyring`: an ordinary item is made of what arrived. */

#include "daemon/vertical.h"

extern const TgTermKey tg_keyring_use_options[];
void tg_keyring_use(TgStep *step);
