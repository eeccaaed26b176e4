/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
        /* a broken promise of our own code is a finding */
        g_log_set_always_fatal(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING);
        g_assert_cmpint(tg_secret_init(TG_SECURE_HEAP_BYTES), !=, TG_SECRET_HEAP_FAILED);

        return 0;
}

int
LLVMFuzzerTestOneInput(const guint8 *bytes, gsize n_bytes)
{
        fuzz_random_restart();
        fuzz_one(bytes, n_bytes);
        g_assert_cmpuint(fuzz_secrets_alive(), ==, 0);

        return 0;
}

guint8
fuzz_take_octet(FuzzInput *self)
{
        if (self->n_left == 0)
                return 0;
        self->n_left--;

        return *self->at++;
}

const guint8 *
fuzz_take(FuzzInput *self, gsize n, gsize *ret_n)
{
        const guint8 *at = self->at;

        *ret_n = MIN(n, self->n_left);
        self->at += *ret_n;
        self->n_left -= *ret_n;

        return at;
}

char *
fuzz_take_until(FuzzInput *self, const char *separator, gsize *ret_n)
{
        gsize n_separator = strlen(separator);
        const guint8 *start = self->at;
        const guint8 *found;
        gsize n;
        char *part;

        if (self->n_left == 0)
                return NULL;

        found = memmem(start, self->n_left, separator, n_separator);
        n = found ? (gsize)(found - start) : self->n_left;
        part = g_malloc(n + 1);
        memcpy(part, start, n);
        part[n] = '\0';
        n += found ? n_separator : 0;
        self->at += n;
        self->n_left -= n;
        if (ret_n)
                *ret_n = n - (found ? n_separator : 0);

        return part;
}

void
fuzz_check_error(const GError *error, gboolean is_needed)
{
        if (!error) {
                g_assert_false(is_needed);
                return;
        }
        g_assert_true(error->domain == TG_ERROR);
        helper_assert_error(error, tg_error_code(error), NULL);
}

gboolean
fuzz_same(const TgSecret *a, const TgSecret *b)
{
        return a && b ? tg_secret_equal(a, b) : a == b;
}

TgSecret *
fuzz_secret(const void *bytes, gsize n_bytes)
{
        g_autoptr(GError) error = NULL;
        TgSecret *secret = tg_secret_new(bytes, n_bytes, &error);

        g_assert_no_error(error);

        return secret;
}

TgSecret *
fuzz_key(guint8 octet, gsize n_bytes)
{
        return helper_secret_filled(octet, n_bytes);
}
