/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Random octets and digests: the part of crypto.c that needs no key, and so the
 * only one that the relay may see.
 */

#include <glib.h>

#define TG_SHA256_BYTES 32
#define TG_CLAIM_PROOF_BYTES 32

/* For IVs, nonces, ids. Aborts when the system's generator fails: nothing
 * sensible can follow. */
void tg_random(void *bytes, gsize n_bytes);
/* A version 4 UUID's 16 octets. */
void tg_random_uuid(guint8 ret_uuid[16]);

void tg_sha256(const void *bytes, gsize n_bytes, guint8 ret_digest[TG_SHA256_BYTES]);

/* What the relay keeps of a claim proof. */
void tg_claim_verifier(const guint8 proof[TG_CLAIM_PROOF_BYTES],
                       guint8 ret_verifier[TG_SHA256_BYTES]);
