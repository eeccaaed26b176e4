/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The payload of every mailbox mode:
 * {"type": "AEAD_AES_128_GCM" | "AEAD_AES_256_GCM", "data": base64(IV||C||T)}.
 */

#include <glib.h>

#include "protocol/json.h"
#include "protocol/secret.h"

/* Seals @plaintext; the result is the payload object's JSON, ASCII. @iv NULL: a
 * fresh one (known-answer tests give one). */
char *
tg_payload_seal(const TgSecret *key, const guint8 *iv, const TgSecret *plaintext, GError **error);

/* The base64 text of a payload, given as an object or as a string that holds the
 * same JSON, after the checks that need no key. Also what replay is judged by.
 * @scratch receives memory that @ret_type and @ret_data may point into (string
 * form); free it after them. */
gboolean tg_payload_split(const TgJson *payload,
                          char **ret_scratch,
                          TgJson *ret_type,
                          TgJson *ret_data,
                          GError **error);

/* Checks type, key length, base64, length and tag in this order and opens. TG_ERROR_TAMPERED for
 * everything that is wrong with the payload. */
TgSecret *tg_payload_open(const TgSecret *key, const TgJson *payload, GError **error);

/* IV || C || T of a payload that is sealed for AES-256, and the payload made of them: what
 * travels over plain HTTP. NULL with TG_ERROR_TAMPERED where they are none. */
TgSecret *tg_payload_octets(const TgJson *payload, GError **error);
char *tg_payload_from_octets(const TgSecret *octets, GError **error);

/* SHA-256 over the data text: the identity of a payload. */
gboolean tg_payload_digest(const TgJson *payload, guint8 ret_digest[32], GError **error);
