/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "helper.h"
#include "protocol/bytes.h"
#include "protocol/x25519.h"

static void
assert_hex(const guint8 *bytes, const char *hex)
{
        g_autofree char *text = tg_hex_encode(bytes, TG_X25519_BYTES);

        g_assert_cmpstr(text, ==, hex);
}

/* RFC 7748 section 6.1 */
static const char *const privates[] = {
        "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
        "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
};
static const char *const publics[] = {
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
        "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
};
static const char common[] = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";

static void
test_known_answers(void)
{
        for (guint i = 0; i < 2; i++) {
                g_autoptr(TgSecret) own = helper_secret_from_hex(privates[i]);
                g_autoptr(GBytes) theirs = tg_hex_decode(publics[1 - i]);
                g_autoptr(TgSecret) shared = NULL;
                g_autoptr(GError) error = NULL;
                guint8 key[TG_X25519_BYTES];

                g_assert_true(tg_x25519_public(own, key, &error));
                assert_hex(key, publics[i]);
                shared = tg_x25519_agree(own, g_bytes_get_data(theirs, NULL), &error);
                g_assert_no_error(error);
                assert_hex(tg_secret_get(shared, NULL), common);
        }
}

static void
test_new_keys_are_clamped_and_differ(void)
{
        g_autoptr(TgSecret) one = tg_x25519_new(NULL);
        g_autoptr(TgSecret) other = tg_x25519_new(NULL);
        const guint8 *bytes = tg_secret_get(one, NULL);

        g_assert_cmpuint(tg_secret_size(one), ==, TG_X25519_BYTES);
        g_assert_false(tg_secret_equal(one, other));
        g_assert_cmpuint(bytes[0] & 7, ==, 0);
        g_assert_cmpuint(bytes[31] & 0xc0, ==, 0x40);
}

/* With them everybody would have the same in common with everybody. */
static void
test_keys_of_low_order_are_refused(void)
{
        static const char *const low[] = {
                "0000000000000000000000000000000000000000000000000000000000000000",
                "0100000000000000000000000000000000000000000000000000000000000000",
                "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
                "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        };
        g_autoptr(TgSecret) own = tg_x25519_new(NULL);
        g_autoptr(TgSecret) short_key = helper_secret("too short");
        guint8 key[TG_X25519_BYTES];
        g_autoptr(GError) why = NULL;

        for (guint i = 0; i < G_N_ELEMENTS(low); i++) {
                g_autoptr(GBytes) theirs = tg_hex_decode(low[i]);
                g_autoptr(GError) error = NULL;

                g_assert_null(tg_x25519_agree(own, g_bytes_get_data(theirs, NULL), &error));
                helper_assert_error(error, TG_ERROR_INVALID, NULL);
        }
        g_assert_false(tg_x25519_public(short_key, key, &why));
        helper_assert_error(why, TG_ERROR_INVALID, NULL);
}

int
main(int argc, char **argv)
{
        helper_init(&argc, &argv);
        g_test_add_func("/x25519/known-answers", test_known_answers);
        g_test_add_func("/x25519/new-keys-are-clamped-and-differ",
                        test_new_keys_are_clamped_and_differ);
        g_test_add_func("/x25519/keys-of-low-order-are-refused",
                        test_keys_of_low_order_are_refused);

        return g_test_run();
}
