/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the fuzzers have in common. A target is fuzz_one() in fuzz-NAME.c: it takes any octets,
 * and ends the process where something that must hold does not. It says the same of the same
 * octets each time: random numbers begin anew with every input, and nothing is kept.
 *
 * What belongs to TgSecret comes from ordinary memory here, so that tools that watch over
 * memory see its bounds, and leaks.
 */

#include <glib.h>

#include "protocol/json.h"
#include "protocol/secret.h"
#include "tests/unit/helper.h"

/* @bytes is a block of exactly @n_bytes octets. */
void fuzz_one(const guint8 *bytes, gsize n_bytes);

/* libFuzzer's names for what it calls; replay.c calls the same. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const guint8 *bytes, gsize n_bytes);

/* ---- random numbers and secrets in memory, of heap.c ---- */

void fuzz_random_restart(void);
gsize fuzz_secrets_alive(void); /* octets */
/* No memory for the @n-th secret from here on; 0: there is again. */
void fuzz_secrets_fail_at(guint n);

/* ---- the input, taken from its front ---- */

typedef struct {
        const guint8 *at;
        gsize n_left;
} FuzzInput;

guint8 fuzz_take_octet(FuzzInput *self); /* 0 at the end */
/* At most @n octets; how many in *ret_n. A view. */
const guint8 *fuzz_take(FuzzInput *self, gsize n, gsize *ret_n);
/* Up to @separator (which is taken, too) or the end, in new memory, zero-terminated; NULL at the
 * end. *ret_n (NULL allowed) does not count the zero: there may be others before. */
char *fuzz_take_until(FuzzInput *self, const char *separator, gsize *ret_n);

/* ---- what must hold ---- */

/* Of our domain, a sentence for people (NULL is allowed where @is_needed is not). */
void fuzz_check_error(const GError *error, gboolean is_needed);
gboolean fuzz_same(const TgSecret *a, const TgSecret *b); /* both may be NULL */

/* A key of @n_bytes octets, all @octet. */
TgSecret *fuzz_key(guint8 octet, gsize n_bytes);
/* A secret of these octets. */
TgSecret *fuzz_secret(const void *bytes, gsize n_bytes);
