/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One message of the plain-HTTP transport (draft-rescorla-tigress-http-00): its structure
 *
 *     struct {
 *         opaque random<0..255>;
 *         uint16 message_id;
 *         opaque message<0..2^32-1>;
 *     } TigressPlaintext;
 *
 * and how it is protected: as the Encapsulated Response of RFC 9458 section 4.4, the nonce in
 * front, with a secret of our own and no KEM. For tdch.c.
 */

#include <glib.h>

#include "protocol/crypto.h"
#include "protocol/secret.h"

typedef struct {
        guint16 id;
        TgHash hash;
        TgCipher cipher;
} TgTdchSuite;

/* NULL and TG_ERROR_INVALID unless it is one of 0x1301, 0x1302, 0x1303. */
const TgTdchSuite *tg_tdch_suite(guint16 id, GError **error);
/* max(Nn, Nk): what stands in front of each ciphertext. */
gsize tg_tdch_nonce_bytes(const TgTdchSuite *suite);

/* ---- structure ---- */

typedef struct {
        gsize n_random;
        guint16 id;
        gsize offset; /* of the message's octets */
        gsize n_message;
        gsize n_all; /* octets of the structure */
} TgTdchStructure;

/* The structure at the beginning of @bytes; FALSE when they hold none, or one that is longer
 * than a plaintext may be. More octets may follow. */
gboolean tg_tdch_structure_take(const guint8 *bytes, gsize n_bytes, TgTdchStructure *ret_structure);

/* Message @index from its octets: @random NULL takes @n_random fresh ones. TG_ERROR_LIMIT_REACHED
 * when it would be too long. */
TgSecret *tg_tdch_structure_build(
        guint index, const guint8 *random, gsize n_random, const TgSecret *message, GError **error);

/* ---- protection ---- */

/* Key and nonce of the AEAD from @secret; @salt is the nonce in front (RFC 9458 puts the KEM's
 * output before it, which its published example has). */
gboolean tg_tdch_derive(const TgTdchSuite *suite,
                        const void *salt,
                        gsize n_salt,
                        const TgSecret *secret,
                        TgSecret **ret_key,
                        TgSecret **ret_nonce,
                        GError **error);

/* nonce || C || T under @secret; a fresh nonce when @nonce is NULL. */
GBytes *tg_tdch_protect(const TgTdchSuite *suite,
                        const TgSecret *secret,
                        const guint8 *nonce,
                        const TgSecret *plaintext,
                        GError **error);
/* TG_ERROR_TAMPERED for whatever is wrong with the octets. */
TgSecret *tg_tdch_unprotect(const TgTdchSuite *suite,
                            const TgSecret *secret,
                            const guint8 *bytes,
                            gsize n_bytes,
                            GError **error);
