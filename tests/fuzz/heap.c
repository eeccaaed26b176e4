/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Stands before libcrypto (the linker's --wrap): blocks of the secure heap come from malloc(),
 * for inside OpenSSL's one block no tool sees an overrun, a leak or an unset octet; and
 * random octets are the same in each run.
 */

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/limits.h"
#include "tests/fuzz/fuzz.h"

int __wrap_CRYPTO_secure_malloc_init(size_t n_bytes, size_t n_min_bytes);
int __wrap_CRYPTO_secure_malloc_initialized(void);
void *__wrap_CRYPTO_secure_zalloc(size_t n_bytes, const char *file, int line);
void *__wrap_CRYPTO_secure_malloc(size_t n_bytes, const char *file, int line);
void __wrap_CRYPTO_secure_free(void *block, const char *file, int line);
void __wrap_CRYPTO_secure_clear_free(void *block, size_t n_bytes, const char *file, int line);
int __wrap_RAND_bytes(unsigned char *bytes, int n_bytes);
int __wrap_RAND_priv_bytes(unsigned char *bytes, int n_bytes);
int __wrap_BN_priv_rand_range(BIGNUM *number, const BIGNUM *range);

/* ---- secrets ---- */

#define MARK G_GUINT64_CONSTANT(0x5ec2e75ec2e75ec2)

/* Before each block; keeps what malloc() promises of alignment. */
typedef struct {
        guint64 mark;
        guint64 n_bytes;
} Head;

static gsize n_alive;
static guint n_until_failure; /* 0: never */

/* libcrypto's own is never set up: its numbers lie on the ordinary heap, too. */
int
__wrap_CRYPTO_secure_malloc_init(size_t n_bytes, size_t n_min_bytes)
{
        return 1;
}

int
__wrap_CRYPTO_secure_malloc_initialized(void)
{
        return 1;
}

/* There is an end to it, as to the real heap. */
static void *
allocate(gsize n_bytes)
{
        Head *head;

        if (n_bytes > TG_SECURE_HEAP_BYTES - n_alive)
                return NULL;
        if (n_until_failure > 0 && --n_until_failure == 0)
                return NULL;
        head = malloc(sizeof *head + n_bytes);
        g_assert_nonnull(head);
        *head = (Head){MARK, n_bytes};
        n_alive += n_bytes;

        return head + 1;
}

void *
__wrap_CRYPTO_secure_malloc(size_t n_bytes, const char *file, int line)
{
        return allocate(n_bytes);
}

void *
__wrap_CRYPTO_secure_zalloc(size_t n_bytes, const char *file, int line)
{
        void *block = allocate(n_bytes);

        return block ? memset(block, 0, n_bytes) : NULL;
}

void
__wrap_CRYPTO_secure_free(void *block, const char *file, int line)
{
        Head *head = (Head *)block - 1;

        if (!block)
                return;
        g_assert_cmpuint(head->mark, ==, MARK);
        n_alive -= head->n_bytes;
        head->mark = 0;
        free(head);
}

void
__wrap_CRYPTO_secure_clear_free(void *block, size_t n_bytes, const char *file, int line)
{
        if (!block)
                return;
        /* who erases less than he had leaves a secret lying about */
        g_assert_cmpuint(((Head *)block - 1)->n_bytes, ==, n_bytes);
        OPENSSL_cleanse(block, n_bytes);
        __wrap_CRYPTO_secure_free(block, file, line);
}

gsize
fuzz_secrets_alive(void)
{
        return n_alive;
}

void
fuzz_secrets_fail_at(guint n)
{
        n_until_failure = n;
}

/* ---- random numbers ---- */

static HelperRandom generator;

void
fuzz_random_restart(void)
{
        generator.state = 0;
}

int
__wrap_RAND_bytes(unsigned char *bytes, int n_bytes)
{
        for (int i = 0; i < n_bytes; i++)
                bytes[i] = (unsigned char)helper_random_below(&generator, 256);

        return 1;
}

int
__wrap_RAND_priv_bytes(unsigned char *bytes, int n_bytes)
{
        return __wrap_RAND_bytes(bytes, n_bytes);
}

int
__wrap_BN_priv_rand_range(BIGNUM *number, const BIGNUM *range)
{
        guint8 bytes[64];
        int n_bytes = BN_num_bytes(range);
        BN_CTX *context = BN_CTX_new();
        gboolean is_made;

        g_assert_cmpint(n_bytes, <=, sizeof bytes);
        __wrap_RAND_bytes(bytes, n_bytes);
        is_made = context && BN_bin2bn(bytes, n_bytes, number) &&
                  BN_nnmod(number, number, range, context);
        BN_CTX_free(context);

        return is_made;
}
