/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The count that must be in the keyring before something is done. */

#include "daemon/vault.h"
#include "tests/bus/keyring-fixture.h"

static void
on_opened(TgVault *vault, TgVaultFinding finding, gpointer is_open)
{
        g_assert_cmpint(finding, ==, TG_VAULT_FINE);
        *(gboolean *)is_open = TRUE;
}

static void
on_waited(gpointer n_calls)
{
        (*(guint *)n_calls)++;
}

static void
turn_until(const guint *n_calls, guint wanted)
{
        while (*n_calls < wanted)
                g_main_context_iteration(NULL, TRUE);
}

static TgVault *
open_vault(KeyringFixture *f, TgStore *store)
{
        gboolean is_open = FALSE;
        TgVault *vault = tg_vault_new(store, f->keyring, on_opened, &is_open);

        keyring_wait_for_state(f, TG_KEYRING_UNLOCKED);
        tg_vault_open(vault, FALSE);
        while (!is_open)
                g_main_context_iteration(NULL, TRUE);
        return vault;
}

static void
test_a_waiter_is_called_when_the_keyring_has_the_count(KeyringFixture *f, gconstpointer data)
{
        g_autoptr(TgStore) store = tg_store_open(NULL, NULL);
        TgVault *vault = open_vault(f, store);
        guint n_calls = 0;

        g_assert_true(tg_store_set_count(store, 3, NULL));
        tg_vault_wait_count(vault, on_waited, &n_calls);
        g_assert_cmpuint(n_calls, ==, 0);
        turn_until(&n_calls, 1);
        FOUND("3", tg_keyring_load_count);

        /* It is there already: called all the same, and not from inside. */
        tg_vault_wait_count(vault, on_waited, &n_calls);
        g_assert_cmpuint(n_calls, ==, 1);
        turn_until(&n_calls, 2);
        tg_vault_free(vault);
}

static void
test_a_locked_keyring_is_waited_for(KeyringFixture *f, gconstpointer data)
{
        g_autoptr(TgStore) store = tg_store_open(NULL, NULL);
        TgVault *vault = open_vault(f, store);
        TgVaultWait *dropped;
        guint n_calls = 0;
        guint n_dropped = 0;

        keyring_lock();
        keyring_wait_for_state(f, TG_KEYRING_LOCKED);
        g_assert_true(tg_store_set_count(store, 7, NULL));
        tg_vault_wait_count(vault, on_waited, &n_calls);
        dropped = tg_vault_wait_count(vault, on_waited, &n_dropped);
        tg_vault_keyring_changed(vault);
        while (g_main_context_iteration(NULL, FALSE)) {
        }
        g_assert_cmpuint(n_calls, ==, 0);
        tg_vault_wait_cancel(dropped);

        keyring_unlock("password");
        keyring_wait_for_state(f, TG_KEYRING_UNLOCKED);
        tg_vault_keyring_changed(vault);
        turn_until(&n_calls, 1);
        FOUND("7", tg_keyring_load_count);
        g_assert_cmpuint(n_dropped, ==, 0);
        tg_vault_free(vault);
}

static void
on_opened_with(TgVault *vault, TgVaultFinding finding, gpointer ret_finding)
{
        *(int *)ret_finding = (int)finding;
}

static int
open_again(KeyringFixture *f, TgStore *store, guint *ret_n_calls)
{
        int finding = -1;
        TgVault *vault = tg_vault_new(store, f->keyring, on_opened_with, &finding);

        tg_vault_open(vault, FALSE);
        while (finding < 0)
                g_main_context_iteration(NULL, TRUE);
        g_assert_true(tg_store_set_count(store, tg_store_count(store) + 1, NULL));
        tg_vault_push_count(vault);
        tg_vault_wait_count(vault, on_waited, ret_n_calls);
        turn_until(ret_n_calls, 1);
        tg_vault_free(vault);
        return finding;
}

static void
test_a_counter_that_cannot_be_read_is_replaced(KeyringFixture *f, gconstpointer data)
{
        g_autoptr(TgStore) store = tg_store_open(NULL, NULL);
        guint n_calls = 0;

        keyring_wait_for_state(f, TG_KEYRING_UNLOCKED);
        DONE(tg_keyring_store_count, G_MAXUINT64 - 1);
        g_assert_cmpint(open_again(f, store, &n_calls), ==, TG_VAULT_OLD_COPY);
        FOUND("2", tg_keyring_load_count);

        /* What was found once is not found again. */
        n_calls = 0;
        g_assert_cmpint(open_again(f, store, &n_calls), ==, TG_VAULT_FINE);
        FOUND("3", tg_keyring_load_count);
}

int
main(int argc, char **argv)
{
        keyring_init(&argc, &argv);
        KEYRING_ADD("a-waiter-is-called-when-the-keyring-has-the-count",
                    keyring_set_up_unlocked,
                    test_a_waiter_is_called_when_the_keyring_has_the_count);
        KEYRING_ADD("a-locked-keyring-is-waited-for",
                    keyring_set_up_unlocked,
                    test_a_locked_keyring_is_waited_for);
        KEYRING_ADD("a-counter-that-cannot-be-read-is-replaced",
                    keyring_set_up_unlocked,
                    test_a_counter_that_cannot_be_read_is_replaced);

        return keyring_run();
}
