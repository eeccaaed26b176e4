/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the tests of protocol/ have in common.
 */

#include <glib.h>

#include "protocol/error.h"
#include "protocol/json.h"
#include "protocol/secret.h"

/* g_test_init() and the heap for secrets. */
void helper_init(int *argc, char ***argv);

/* @text as a value; it must be right. A view of @text. */
TgJson helper_json(const char *text);

TgSecret *helper_secret(const char *text);
TgSecret *helper_secret_from_hex(const char *hex);
TgSecret *helper_secret_filled(guint8 octet, gsize n_bytes);

/* @error is of our domain and this code, and its sentence is one that we would
 * show: lower case first, no full stop, nothing of @secret in it (NULL: no secret). */
void helper_assert_error(const GError *error, TgError code, const char *secret);

/* The same pseudorandom octets in every run, whatever the machine: xorshift. */
typedef struct {
        guint64 state;
} HelperRandom;

guint32 helper_random_below(HelperRandom *self, guint32 limit);
