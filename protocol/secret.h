/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Bytes that must not outlive their use: keys, credentials, link secrets.
 *
 * Immutable and reference counted (atomically). The memory comes from OpenSSL's
 * secure heap (locked, left out of core dumps) and is wiped when the last
 * reference goes. There is no conversion to a string on purpose: what is of
 * this type cannot be logged by mistake.
 */

#include <glib.h>

typedef struct TgSecret TgSecret;

typedef enum {
        TG_SECRET_HEAP_LOCKED,
        TG_SECRET_HEAP_UNLOCKED, /* works, but the memory may be swapped out */
        TG_SECRET_HEAP_FAILED,   /* the program must not start */
} TgSecretHeap;

/* Once per process, before the first secret, with a power of two. Also sets
 * RLIMIT_CORE to 0. Without it no secret can be made: there is no falling back
 * to ordinary memory. */
TgSecretHeap tg_secret_init(gsize n_heap_bytes);

/* PR_SET_DUMPABLE 0: no core dump (also not through a pipe, which RLIMIT_CORE does
 * not stop), no debugger of the same user. Services call it first thing in main().
 * Not for programs whose caller judges them by /proc/PID/root and exe, which
 * become unreadable: tigressctl would look like somebody who hides a sandbox. What
 * is in the secure heap is left out of dumps anyway. */
gboolean tg_secret_forbid_dumps(void);

/* A copy of @bytes. NULL and TG_ERROR_LIMIT_REACHED when the heap is full. */
TgSecret *tg_secret_new(const void *bytes, gsize n_bytes, GError **error);

/* Room for @n_bytes that the caller fills through @ret_bytes before anybody
 * else sees the secret. Zeroed. */
TgSecret *tg_secret_new_blank(gsize n_bytes, guint8 **ret_bytes, GError **error);

/* @n_bytes from the system's generator, for private keys. */
TgSecret *tg_secret_new_random(gsize n_bytes, GError **error);

/* A secret over octets @offset … of @self, as a copy. */
TgSecret *tg_secret_slice(const TgSecret *self, gsize offset, gsize n_bytes, GError **error);

TgSecret *tg_secret_ref(TgSecret *self);
void tg_secret_unref(TgSecret *self);

/* Never NULL, always followed by one zero octet that is not counted. */
const guint8 *tg_secret_get(const TgSecret *self, gsize *ret_n_bytes);
gsize tg_secret_size(const TgSecret *self);

/* Constant time for equal lengths. */
gboolean tg_secret_equal(const TgSecret *a, const TgSecret *b);

/* Erases memory that is not a TgSecret (a stack buffer) with a call that the
 * compiler cannot drop. */
void tg_wipe(void *bytes, gsize n_bytes);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TgSecret, tg_secret_unref)
