/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/bus/keyring-fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char *mark;             /* made by whoever is started by the bus */
static GDBusConnection *other; /* another program */
static TestBus *bus;

/* ---- world ---- */

static void
write_service(const char *folder)
{
        g_autofree char *path = g_build_filename(folder, NAME ".service", NULL);
        g_autofree char *text = g_strdup_printf(
                "[D-BUS Service]\nName=" NAME "\nExec=/bin/sh -c 'touch %s; exit 1'\n", mark);

        g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void
keyring_start_bus(void)
{
        g_autofree char *folder = test_directory();
        g_autofree char *text = g_strdup_printf("<busconfig><type>session</type>"
                                                "<listen>unix:path=%s/bus</listen>"
                                                "<servicedir>%s</servicedir>"
                                                "<policy context='default'>"
                                                "<allow send_destination='*' eavesdrop='true'/>"
                                                "<allow eavesdrop='true'/><allow own='*'/>"
                                                "<allow user='*'/>"
                                                "</policy></busconfig>",
                                                folder,
                                                folder);
        g_autoptr(GError) error = NULL;

        mark = g_build_filename(folder, "mark", NULL);
        write_service(folder);
        bus = test_bus_new_configured(folder, text);
        g_setenv("DBUS_SESSION_BUS_ADDRESS", bus->address, TRUE);
        other = g_dbus_connection_new_for_address_sync(
                bus->address,
                G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                        G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                NULL,
                NULL,
                &error);
        g_assert_no_error(error);
}

GVariant *
keyring_call(const char *path, const char *interface, const char *method, GVariant *parameters)
{
        g_autoptr(GError) error = NULL;
        GVariant *reply = g_dbus_connection_call_sync(other,
                                                      NAME,
                                                      path,
                                                      interface,
                                                      method,
                                                      parameters,
                                                      NULL,
                                                      G_DBUS_CALL_FLAGS_NO_AUTO_START,
                                                      -1,
                                                      NULL,
                                                      &error);

        g_assert_no_error(error);
        return reply;
}

static gboolean
is_owned(void)
{
        g_autoptr(GVariant) reply = g_dbus_connection_call_sync(other,
                                                                "org.freedesktop.DBus",
                                                                "/org/freedesktop/DBus",
                                                                "org.freedesktop.DBus",
                                                                "NameHasOwner",
                                                                g_variant_new("(s)", NAME),
                                                                NULL,
                                                                G_DBUS_CALL_FLAGS_NONE,
                                                                -1,
                                                                NULL,
                                                                NULL);
        gboolean is_it = FALSE;

        g_variant_get(reply, "(b)", &is_it);
        return is_it;
}

static void
keyring_wait_for_owner(gboolean is_wanted)
{
        for (guint i = 0; is_owned() != is_wanted; i++) {
                g_assert_cmpuint(i, <, 6000);
                g_usleep(10000);
        }
}

void
keyring_start_service(KeyringFixture *f, const char *password)
{
        g_autofree char *control = g_strconcat("--control-directory=", f->home, "/control", NULL);
        const char *argv[] = {"gnome-keyring-daemon",
                              "--foreground",
                              "--components=secrets",
                              control,
                              password ? "--unlock" : NULL,
                              NULL};
        g_auto(GStrv) environment = g_environ_setenv(g_get_environ(), "HOME", f->home, TRUE);
        g_autoptr(GError) error = NULL;
        int in;

        environment = g_environ_setenv(environment, "XDG_DATA_HOME", f->home, TRUE);
        environment = g_environ_unsetenv(environment, "DISPLAY");
        environment = g_environ_unsetenv(environment, "WAYLAND_DISPLAY");
        g_spawn_async_with_pipes(NULL,
                                 (char **)argv,
                                 environment,
                                 G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD |
                                         G_SPAWN_STDERR_TO_DEV_NULL | G_SPAWN_STDOUT_TO_DEV_NULL,
                                 test_die_with_parent,
                                 NULL,
                                 &f->service,
                                 &in,
                                 NULL,
                                 NULL,
                                 &error);
        g_assert_no_error(error);
        if (password)
                g_assert_cmpint(write(in, password, strlen(password)), >, 0);
        close(in);
        keyring_wait_for_owner(TRUE);
}

void
keyring_stop_service(KeyringFixture *f)
{
        if (f->service == 0)
                return;

        kill(f->service, SIGKILL);
        waitpid(f->service, NULL, 0);
        f->service = 0;
        keyring_wait_for_owner(FALSE);
}

static void
on_changed(TgKeyring *keyring, gpointer user_data)
{
        ((KeyringFixture *)user_data)->n_changes++;
}

void
keyring_start_client(KeyringFixture *f)
{
        f->keyring = tg_keyring_new(on_changed, f);
}

void
keyring_wait_for_state(KeyringFixture *f, TgKeyringState state)
{
        while (!tg_keyring_is_known(f->keyring) || tg_keyring_state(f->keyring) != state)
                test_wait_count(&f->n_changes, f->n_changes + 1);
}

void
keyring_set_up(KeyringFixture *f, gconstpointer data)
{
        remove(mark);
        f->home = test_directory();
}

void
keyring_set_up_unlocked(KeyringFixture *f, gconstpointer data)
{
        keyring_set_up(f, data);
        keyring_start_service(f, "password");
        keyring_start_client(f);
}

void
keyring_set_up_fake(KeyringFixture *f, gconstpointer data)
{
        keyring_set_up(f, data);
        f->fake = fake_keyring_new(bus);
        keyring_start_client(f);
}

void
keyring_tear_down(KeyringFixture *f, gconstpointer data)
{
        g_clear_pointer(&f->keyring, tg_keyring_free);
        g_clear_pointer(&f->fake, fake_keyring_free);
        keyring_stop_service(f);
        keyring_wait_for_owner(FALSE);
        test_settle();
        g_free(f->home);
}

/* ---- asking ---- */

void
keyring_answer_clear(KeyringAnswer *answer)
{
        g_free(answer->secret);
        g_free(answer->label);
        g_free(answer->content_type);
        g_clear_error(&answer->error);
}

void
keyring_on_answer(TgSecret *secret,
                  const char *label,
                  const char *content_type,
                  const GError *error,
                  gpointer user_data)
{
        KeyringAnswer *answer = user_data;

        g_assert_false(answer->is_done);
        answer->is_done = TRUE;
        answer->error = error ? g_error_copy(error) : NULL;
        answer->label = g_strdup(label);
        answer->content_type = g_strdup(content_type);
        answer->has_secret = secret != NULL;
        if (secret) {
                const guint8 *octets = tg_secret_get(secret, &answer->n_secret);

                answer->secret = g_memdup2(octets, answer->n_secret + 1);
        }
}

void
keyring_wait_for(KeyringAnswer *answer, TgKeyringJob *job)
{
        g_assert_nonnull(job);
        g_assert_false(answer->is_done);
        test_wait(&answer->is_done);
}

void
keyring_assert_done(TgKeyringJob *job, KeyringAnswer *answer)
{
        keyring_wait_for(answer, job);
        g_assert_no_error(answer->error);
        g_assert_false(answer->has_secret);
}

void
keyring_assert_found(TgKeyringJob *job, KeyringAnswer *answer, const char *secret)
{
        keyring_wait_for(answer, job);
        g_assert_no_error(answer->error);
        g_assert_cmpstr(answer->secret, ==, secret);
        g_assert_cmpuint(answer->n_secret, ==, strlen(secret));
}

void
keyring_assert_failed(TgKeyringJob *job, KeyringAnswer *answer, TgError code)
{
        keyring_wait_for(answer, job);
        g_assert_error(answer->error, TG_ERROR, (int)code);
        g_assert_true(g_ascii_islower(answer->error->message[0]));
        g_assert_false(answer->has_secret);
}

TgSecret *
keyring_secret_of(const char *text)
{
        g_autoptr(GError) error = NULL;
        TgSecret *secret = tg_secret_new(text, strlen(text), &error);

        g_assert_no_error(error);
        return secret;
}

void
keyring_store(KeyringFixture *f, const char *id, const char *label, const char *content)
{
        g_autoptr(TgSecret) secret = keyring_secret_of(content);

        DONE(tg_keyring_store_credential, id, label, "text/plain", secret);
}

/* ---- what another program sees and does ---- */

static GVariant *
attributes_of(const char *const *pairs)
{
        g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a{ss}"));

        for (gsize i = 0; pairs[i]; i += 2)
                g_variant_builder_add(&builder, "{ss}", pairs[i], pairs[i + 1]);
        return g_variant_builder_end(&builder);
}

char **
keyring_search(const char *const *pairs)
{
        g_autoptr(GVariant) reply = keyring_call(PATH,
                                                 "org.freedesktop.Secret.Service",
                                                 "SearchItems",
                                                 g_variant_new("(@a{ss})", attributes_of(pairs)));
        char **paths = NULL;

        g_variant_get(reply, "(^aoao)", &paths, NULL);
        return paths;
}

guint
keyring_count(const char *const *pairs)
{
        g_auto(GStrv) paths = keyring_search(pairs);

        return g_strv_length(paths);
}

char *
keyring_make_item(const char *label, const char *content, const char *const *pairs)
{
        g_autoptr(GVariant) opened =
                keyring_call(PATH,
                             "org.freedesktop.Secret.Service",
                             "OpenSession",
                             g_variant_new("(sv)", "plain", g_variant_new_string("")));
        g_autoptr(GVariant) reply = NULL;
        g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a{sv}"));
        const char *session;
        char *path = NULL;

        g_variant_get(opened, "(v&o)", NULL, &session);
        g_variant_builder_add(
                &builder, "{sv}", "org.freedesktop.Secret.Item.Label", g_variant_new_string(label));
        g_variant_builder_add(
                &builder, "{sv}", "org.freedesktop.Secret.Item.Attributes", attributes_of(pairs));
        reply = keyring_call(
                ALIAS,
                "org.freedesktop.Secret.Collection",
                "CreateItem",
                g_variant_new(
                        "(a{sv}(o@ay@ays)b)",
                        &builder,
                        session,
                        g_variant_new_array(G_VARIANT_TYPE("y"), NULL, 0),
                        g_variant_new_fixed_array(G_VARIANT_TYPE("y"), content, strlen(content), 1),
                        "text/plain",
                        FALSE));
        g_variant_get(reply, "(oo)", &path, NULL);
        return path;
}

GVariant *
keyring_property(const char *path, const char *interface, const char *name)
{
        g_autoptr(GVariant) reply = keyring_call(path,
                                                 "org.freedesktop.DBus.Properties",
                                                 "Get",
                                                 g_variant_new("(ss)", interface, name));
        GVariant *value = NULL;

        g_variant_get(reply, "(v)", &value);
        return value;
}

void
keyring_lock(void)
{
        const char *paths[] = {LOGIN};

        g_variant_unref(keyring_call(PATH,
                                     "org.freedesktop.Secret.Service",
                                     "Lock",
                                     g_variant_new("(@ao)", g_variant_new_objv(paths, 1))));
}

void
keyring_unlock(const char *password)
{
        g_autoptr(GVariant) opened =
                keyring_call(PATH,
                             "org.freedesktop.Secret.Service",
                             "OpenSession",
                             g_variant_new("(sv)", "plain", g_variant_new_string("")));
        const char *session;

        g_variant_get(opened, "(v&o)", NULL, &session);
        g_variant_unref(keyring_call(
                PATH,
                "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface",
                "UnlockWithMasterPassword",
                g_variant_new("(o(o@ay@ays))",
                              LOGIN,
                              session,
                              g_variant_new_array(G_VARIANT_TYPE("y"), NULL, 0),
                              g_variant_new_fixed_array(
                                      G_VARIANT_TYPE("y"), password, strlen(password), 1),
                              "text/plain")));
}

gboolean
keyring_is_marked(void)
{
        return g_file_test(mark, G_FILE_TEST_EXISTS);
}

/* ---- beginning and end ---- */

void
keyring_init(int *argc, char ***argv)
{
        g_autofree char *program = g_find_program_in_path("gnome-keyring-daemon");

        test_init(argc, argv);
        if (!program) {
                g_print("1..0 # SKIP needs gnome-keyring: tests/packages.sh world installs it\n");
                exit(0);
        }
        keyring_start_bus();
}

int
keyring_run(void)
{
        int status = test_run();

        g_clear_object(&other);
        test_bus_free(bus);
        g_free(mark);
        return status;
}
