/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Octets inside a content object, as standard base64, without leaving secret memory. */

#include <glib.h>

#include "protocol/json.h"
#include "protocol/secret.h"

/* Decodes @text (a JSON string of standard base64, unescaped form without escapes). */
TgSecret *tg_octets_decode(const TgJson *text, GError **error);

/* @before, the base64 of @octets, @after: joined in secret memory. */
TgSecret *
tg_octets_encode(const char *before, const TgSecret *octets, const char *after, GError **error);
