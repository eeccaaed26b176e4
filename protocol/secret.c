/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/secret.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "protocol/error.h"
#include "protocol/limits.h"

/* Header and octets lie in one block of the secure heap. */
struct TgSecret {
        gint n_refs; /* atomic */
        gsize n_bytes;
        guint8 bytes[]; /* n_bytes, then a zero */
};

TgSecretHeap
tg_secret_init(gsize n_heap_bytes)
{
        const struct rlimit none = {0, 0};

        if (setrlimit(RLIMIT_CORE, &none) < 0)
                return TG_SECRET_HEAP_FAILED;

        /* 1: locked; 2: it works, but something (mlock, guard pages) did not */
        switch (CRYPTO_secure_malloc_init(n_heap_bytes, TG_SECURE_HEAP_MIN_BYTES)) {
        case 1:
                return TG_SECRET_HEAP_LOCKED;
        case 2:
                return TG_SECRET_HEAP_UNLOCKED;
        default:
                ERR_clear_error();
                return TG_SECRET_HEAP_FAILED;
        }
}

gboolean
tg_secret_forbid_dumps(void)
{
        return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

static gsize
block_size(gsize n_bytes)
{
        return sizeof(TgSecret) + n_bytes + 1;
}

TgSecret *
tg_secret_new_blank(gsize n_bytes, guint8 **ret_bytes, GError **error)
{
        TgSecret *self = NULL;

        /* without its heap OpenSSL would silently give us ordinary memory */
        if (!CRYPTO_secure_malloc_initialized()) {
                tg_set_error(error, TG_ERROR_FAILED, "the memory for secrets was not set up");
                return NULL;
        }

        /* nothing may be larger than the heap, and so no sum overflows */
        if (n_bytes <= G_MAXINT32)
                self = OPENSSL_secure_zalloc(block_size(n_bytes));
        if (!self) {
                ERR_clear_error();
                tg_set_error(error,
                             TG_ERROR_LIMIT_REACHED,
                             "no locked memory is left for secrets: end some running shares or "
                             "share something smaller");
                return NULL;
        }

        self->n_refs = 1;
        self->n_bytes = n_bytes;
        *ret_bytes = self->bytes;

        return self;
}

TgSecret *
tg_secret_new(const void *bytes, gsize n_bytes, GError **error)
{
        guint8 *room;
        TgSecret *self = tg_secret_new_blank(n_bytes, &room, error);

        if (self && n_bytes > 0)
                memcpy(room, bytes, n_bytes);

        return self;
}

TgSecret *
tg_secret_new_random(gsize n_bytes, GError **error)
{
        guint8 *room;
        g_autoptr(TgSecret) self = tg_secret_new_blank(n_bytes, &room, error);

        if (!self)
                return NULL;
        if (RAND_priv_bytes(room, (int)n_bytes) != 1) {
                ERR_clear_error();
                tg_set_error(error, TG_ERROR_FAILED, "the system gives no random numbers");
                return NULL;
        }

        return g_steal_pointer(&self);
}

TgSecret *
tg_secret_slice(const TgSecret *self, gsize offset, gsize n_bytes, GError **error)
{
        if (offset > self->n_bytes || n_bytes > self->n_bytes - offset) {
                tg_set_error(error, TG_ERROR_INVALID, "a part of a secret lies outside of it");
                return NULL;
        }

        return tg_secret_new(self->bytes + offset, n_bytes, error);
}

TgSecret *
tg_secret_ref(TgSecret *self)
{
        g_atomic_int_inc(&self->n_refs);

        return self;
}

void
tg_secret_unref(TgSecret *self)
{
        if (!self || !g_atomic_int_dec_and_test(&self->n_refs))
                return;

        OPENSSL_secure_clear_free(self, block_size(self->n_bytes));
}

const guint8 *
tg_secret_get(const TgSecret *self, gsize *ret_n_bytes)
{
        if (ret_n_bytes)
                *ret_n_bytes = self->n_bytes;

        return self->bytes;
}

gsize
tg_secret_size(const TgSecret *self)
{
        return self->n_bytes;
}

gboolean
tg_secret_equal(const TgSecret *a, const TgSecret *b)
{
        return a->n_bytes == b->n_bytes && CRYPTO_memcmp(a->bytes, b->bytes, a->n_bytes) == 0;
}

void
tg_wipe(void *bytes, gsize n_bytes)
{
        OPENSSL_cleanse(bytes, n_bytes);
}
