/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Checks of the PIN's digits, of SPAKE2, and of whole exchanges with and without PIN.
 */

#include "tests/unit/vector-checks.h"

extern const Section pin_sections[], spake2_sections[], spake2_rfc9382_sections[], t2_sections[];
