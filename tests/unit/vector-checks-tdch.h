/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the vectors of the plain-HTTP transport say.
 */

#include "tests/unit/vector-checks.h"

extern const Section tdch_sections[];

/* ohttp_rfc9458.json is one vector. */
char *check_ohttp(const Node *file);
