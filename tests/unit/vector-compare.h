/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the checks of vectors say: NULL when something is as it should be, else what is
 * wrong with it, in new memory.
 */

#include "protocol/secret.h"
#include "tests/unit/vector-file.h"

/* The octets of the member @name, which is hex. */
TgSecret *secret_of(const Node *vector, const char *name);

char *difference(const char *what, const guint8 *got, gsize n_got, const char *hex);
char *text_difference(const char *what, const char *got, const char *wanted);
char *secret_difference(const char *what, const TgSecret *got, const char *hex);

char *not_refused(const char *why);
/* Takes @error. */
char *refused(GError *error);
