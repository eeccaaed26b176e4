/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "protocol/limits.h"
#include "tests/unit/helper.h"

static void
test_a_secret_is_a_copy_with_a_zero_after_it(void)
{
        char text[] = "abc";
        g_autoptr(TgSecret) secret = helper_secret(text);
        g_autoptr(TgSecret) empty = helper_secret("");
        gsize n_bytes;

        memset(text, 'x', 3);
        g_assert_cmpmem(tg_secret_get(secret, &n_bytes), 4, "abc\0", 4);
        g_assert_cmpuint(n_bytes, ==, 3);
        g_assert_cmpuint(tg_secret_size(empty), ==, 0);
        g_assert_cmpint(*tg_secret_get(empty, NULL), ==, 0);
}

/* The arena is never unmapped, so what stood in a freed block can be looked at. */
static void
test_the_last_reference_wipes(void)
{
        TgSecret *secret = helper_secret_filled(0xa5, 1000);
        const volatile guint8 *bytes = tg_secret_get(secret, NULL);
        guint n_left = 0;

        tg_secret_unref(tg_secret_ref(secret));
        g_assert_cmpint(bytes[999], ==, 0xa5);
        tg_secret_unref(secret);
        for (guint i = 0; i < 1000; i++)
                n_left += bytes[i] == 0xa5;
        g_assert_cmpuint(n_left, ==, 0);
}

static void
test_a_full_heap_is_an_error_and_no_end(void)
{
        g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func((GDestroyNotify)tg_secret_unref);
        g_autoptr(GError) error = NULL;
        g_autoptr(TgSecret) after = NULL;
        TgSecret *secret;
        guint8 *room;

        while ((secret = tg_secret_new_blank(40000, &room, &error)))
                g_ptr_array_add(all, secret);
        helper_assert_error(error, TG_ERROR_LIMIT_REACHED, NULL);
        g_assert_cmpuint(all->len, >=, 16);
        g_assert_cmpuint(all->len, <, TG_SECURE_HEAP_BYTES / 40000 + 1);

        g_ptr_array_set_size(all, 0);
        after = helper_secret_filled(1, 40000);
        g_assert_cmpuint(tg_secret_size(after), ==, 40000);
}

static void
test_impossible_sizes_are_refused(void)
{
        static const gsize sizes[] = {
                TG_SECURE_HEAP_BYTES, G_MAXINT32, (gsize)G_MAXUINT32, G_MAXSIZE - 8, G_MAXSIZE};

        for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
                g_autoptr(GError) error = NULL;
                guint8 *room;

                g_assert_null(tg_secret_new_blank(sizes[i], &room, &error));
                helper_assert_error(error, TG_ERROR_LIMIT_REACHED, NULL);
        }
}

static void
test_slices_stay_inside(void)
{
        g_autoptr(TgSecret) whole = helper_secret("0123456789");
        g_autoptr(TgSecret) part = tg_secret_slice(whole, 3, 4, NULL);
        g_autoptr(TgSecret) end = tg_secret_slice(whole, 10, 0, NULL);
        static const gsize wrong[][2] = {
                {11,        0        },
                {0,         11       },
                {5,         6        },
                {G_MAXSIZE, 2        },
                {2,         G_MAXSIZE}
        };

        g_assert_cmpmem(tg_secret_get(part, NULL), tg_secret_size(part), "3456", 4);
        g_assert_cmpuint(tg_secret_size(end), ==, 0);
        for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
                g_autoptr(GError) error = NULL;

                g_assert_null(tg_secret_slice(whole, wrong[i][0], wrong[i][1], &error));
                helper_assert_error(error, TG_ERROR_INVALID, "0123456789");
        }
}

static void
test_equal_means_all_octets(void)
{
        g_autoptr(TgSecret) a = helper_secret("abcd");
        g_autoptr(TgSecret) same = helper_secret("abcd");
        g_autoptr(TgSecret) other = helper_secret("abce");
        g_autoptr(TgSecret) shorter = helper_secret("abc");

        g_assert_true(tg_secret_equal(a, same));
        g_assert_false(tg_secret_equal(a, other));
        g_assert_false(tg_secret_equal(a, shorter));
        g_assert_false(tg_secret_equal(shorter, a));
}

static void
test_random_secrets_differ(void)
{
        g_autoptr(TgSecret) a = tg_secret_new_random(32, NULL);
        g_autoptr(TgSecret) b = tg_secret_new_random(32, NULL);

        g_assert_cmpuint(tg_secret_size(a), ==, 32);
        g_assert_false(tg_secret_equal(a, b));
}

static void
test_wiping_wipes(void)
{
        char buffer[16];

        memset(buffer, 'x', sizeof buffer);
        tg_wipe(buffer, sizeof buffer);
        for (gsize i = 0; i < sizeof buffer; i++)
                g_assert_cmpint(buffer[i], ==, 0);
}

/* OpenSSL would hand out ordinary memory without a word. */
static void
test_without_the_heap_there_is_no_secret(void)
{
        g_autoptr(GError) error = NULL;

        if (!g_test_subprocess()) {
                g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
                g_test_trap_assert_passed();
                return;
        }

        g_assert_null(tg_secret_new("abc", 3, &error));
        helper_assert_error(error, TG_ERROR_FAILED, "abc");
        g_assert_null(tg_secret_new_random(3, NULL));
}

/* In the main process: GLib itself takes the room from a subprocess of a test. */
static void
test_a_core_has_no_room(void)
{
        struct rlimit limit;

        g_assert_cmpint(getrlimit(RLIMIT_CORE, &limit), ==, 0);
        g_assert_cmpuint(limit.rlim_cur, ==, 0);
        g_assert_cmpuint(limit.rlim_max, ==, 0);
}

static void
test_dumps_are_forbidden(void)
{
        if (!g_test_subprocess()) {
                g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
                g_test_trap_assert_passed();
                return;
        }

        g_assert_cmpint(tg_secret_init(TG_SECURE_HEAP_BYTES), !=, TG_SECRET_HEAP_FAILED);
        g_assert_cmpint(prctl(PR_GET_DUMPABLE), ==, 1);
        g_assert_true(tg_secret_forbid_dumps());
        g_assert_cmpint(prctl(PR_GET_DUMPABLE), ==, 0);
}

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        if (!g_test_subprocess())
                g_assert_cmpint(tg_secret_init(TG_SECURE_HEAP_BYTES), !=, TG_SECRET_HEAP_FAILED);

        g_test_add_func("/secret/a-secret-is-a-copy-with-a-zero-after-it",
                        test_a_secret_is_a_copy_with_a_zero_after_it);
        g_test_add_func("/secret/the-last-reference-wipes", test_the_last_reference_wipes);
        g_test_add_func("/secret/a-full-heap-is-an-error-and-no-end",
                        test_a_full_heap_is_an_error_and_no_end);
        g_test_add_func("/secret/impossible-sizes-are-refused", test_impossible_sizes_are_refused);
        g_test_add_func("/secret/slices-stay-inside", test_slices_stay_inside);
        g_test_add_func("/secret/equal-means-all-octets", test_equal_means_all_octets);
        g_test_add_func("/secret/random-secrets-differ", test_random_secrets_differ);
        g_test_add_func("/secret/wiping-wipes", test_wiping_wipes);
        g_test_add_func("/secret/without-the-heap-there-is-no-secret",
                        test_without_the_heap_there_is_no_secret);
        g_test_add_func("/secret/a-core-has-no-room", test_a_core_has_no_room);
        g_test_add_func("/secret/dumps-are-forbidden", test_dumps_are_forbidden);

        return g_test_run();
}
