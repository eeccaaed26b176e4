/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Checks of the messages to push services.
 */

#include "tests/unit/vector-checks.h"

extern const Section webpush_sections[];
