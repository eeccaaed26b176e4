/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The first message of a lend that is told as it was consented to: the text `offer` of its terms.
 */

#include "daemon/step.h"

/* BEGIN */
void tg_offer_begin(TgStep *step);
