/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A keyring client on a real gnome-keyring, or on a fake where a person would have
 * to answer. One bus for all, whose service file for the name only leaves a mark:
 * nothing but unlocking may start anybody.
 */

#include <gio/gio.h>

#include "daemon/keyring.h"
#include "protocol/error.h"
#include "tests/bus/fake-keyring.h"

#define NAME "org.freedesktop.secrets"
#define PATH "/org/freedesktop/secrets"
#define LOGIN PATH "/collection/login"
#define ALIAS PATH "/aliases/default"
#define ID_A "000102030405060708090a0b0c0d0e0f"
#define ID_B "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"

typedef struct {
        GPid service;
        char *home;
        TgKeyring *keyring;
        guint n_changes;
        FakeKeyring *fake;
} KeyringFixture;

/* Instead of test_init() and test_run(). Ends the program where there is no gnome-keyring. */
void keyring_init(int *argc, char ***argv);
int keyring_run(void);

void keyring_set_up(KeyringFixture *f, gconstpointer data); /* no service, no client */
void keyring_set_up_unlocked(KeyringFixture *f, gconstpointer data);
void keyring_set_up_fake(KeyringFixture *f, gconstpointer data);
void keyring_tear_down(KeyringFixture *f, gconstpointer data);
#define KEYRING_ADD(name, up, func)                                                                \
        g_test_add("/keyring/" name, KeyringFixture, NULL, up, func, keyring_tear_down)

/* @password NULL: it is not unlocked at the start. */
void keyring_start_service(KeyringFixture *f, const char *password);
void keyring_stop_service(KeyringFixture *f);
void keyring_start_client(KeyringFixture *f);
/* Has the bus started somebody? */
gboolean keyring_is_marked(void);
void keyring_wait_for_state(KeyringFixture *f, TgKeyringState state);

/* ---- asking ---- */

typedef struct {
        gboolean is_done;
        gboolean has_secret;
        char *secret;
        gsize n_secret;
        char *label;
        char *content_type;
        GError *error;
} KeyringAnswer;

void keyring_answer_clear(KeyringAnswer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(KeyringAnswer, keyring_answer_clear)

/* A TgKeyringFunc that fills a KeyringAnswer. */
void keyring_on_answer(TgSecret *secret,
                       const char *label,
                       const char *content_type,
                       const GError *error,
                       gpointer answer);

void keyring_wait_for(KeyringAnswer *answer, TgKeyringJob *job);
void keyring_assert_done(TgKeyringJob *job, KeyringAnswer *answer);
void keyring_assert_found(TgKeyringJob *job, KeyringAnswer *answer, const char *secret);
void keyring_assert_failed(TgKeyringJob *job, KeyringAnswer *answer, TgError code);

/* One job from beginning to end, on the fixture f: DONE(tg_keyring_store_count, 7). */
#define DONE(ask, ...)                                                                             \
        do {                                                                                       \
                g_auto(KeyringAnswer) own_answer = {0};                                            \
                keyring_assert_done(                                                               \
                        ask(f->keyring, ##__VA_ARGS__, keyring_on_answer, &own_answer),            \
                        &own_answer);                                                              \
        } while (0)
#define FOUND(expected, ask, ...)                                                                  \
        do {                                                                                       \
                g_auto(KeyringAnswer) own_answer = {0};                                            \
                keyring_assert_found(                                                              \
                        ask(f->keyring, ##__VA_ARGS__, keyring_on_answer, &own_answer),            \
                        &own_answer,                                                               \
                        expected);                                                                 \
        } while (0)
#define FAILED(code, ask, ...)                                                                     \
        do {                                                                                       \
                g_auto(KeyringAnswer) own_answer = {0};                                            \
                keyring_assert_failed(                                                             \
                        ask(f->keyring, ##__VA_ARGS__, keyring_on_answer, &own_answer),            \
                        &own_answer,                                                               \
                        code);                                                                     \
        } while (0)
#define LOCKED(ask, ...) FAILED(TG_ERROR_KEYRING_UNAVAILABLE, ask, ##__VA_ARGS__)

TgSecret *keyring_secret_of(const char *text);
void keyring_store(KeyringFixture *f, const char *id, const char *label, const char *content);

/* ---- what another program sees and does ---- */

GVariant *
keyring_call(const char *path, const char *interface, const char *method, GVariant *parameters);
GVariant *keyring_property(const char *path, const char *interface, const char *name);
/* Paths of all items that match. */
char **keyring_search(const char *const *pairs);
guint keyring_count(const char *const *pairs);
char *keyring_make_item(const char *label, const char *content, const char *const *pairs);
void keyring_lock(void);
/* As the login screen does it: gnome-keyring's private call, no prompt. */
void keyring_unlock(const char *password);
