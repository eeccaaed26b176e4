/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The keyring on a real gnome-keyring in all its states: unlocked, locked, without
 * a collection, frozen, wiped, restarted, absent. A fake stands in where a person
 * would have to answer a prompt. One bus for all, whose service file for the name
 * only leaves a mark: nothing but unlocking may start anybody.
 */

#include <errno.h>
#include <gio/gio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/keyring.h"
#include "protocol/error.h"
#include "tests/bus/fake-keyring.h"

#define NAME "org.freedesktop.secrets"
#define PATH "/org/freedesktop/secrets"
#define LOGIN PATH "/collection/login"
#define ALIAS PATH "/aliases/default"
#define ID_A "000102030405060708090a0b0c0d0e0f"
#define ID_B "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
#define SCHEMA "org.tigress.Wallet1.Credential"

static char *mark;             /* made by whoever is started by the bus */
static GDBusConnection *other; /* another program */
static TestBus bus;

/* ---- world ---- */

static void
die_with_parent(gpointer user_data)
{
        prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void
write_service(const char *folder)
{
        g_autofree char *path = g_build_filename(folder, NAME ".service", NULL);
        g_autofree char *text = g_strdup_printf(
                "[D-BUS Service]\nName=" NAME "\nExec=/bin/sh -c 'touch %s; exit 1'\n", mark);

        g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void
start_bus(void)
{
        g_autofree char *folder = test_directory();
        g_autofree char *path = g_build_filename(folder, "bus.conf", NULL);
        g_autofree char *option = g_strconcat("--config-file=", path, NULL);
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
        const char *argv[] = {"dbus-daemon", option, "--nofork", "--print-address=1", NULL};
        char address[512] = "";
        g_autoptr(GError) error = NULL;
        int out;

        mark = g_build_filename(folder, "mark", NULL);
        write_service(folder);
        g_assert_true(g_file_set_contents(path, text, -1, NULL));
        g_spawn_async_with_pipes(NULL,
                                 (char **)argv,
                                 NULL,
                                 G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD |
                                         G_SPAWN_STDERR_TO_DEV_NULL,
                                 die_with_parent,
                                 NULL,
                                 &bus.pid,
                                 NULL,
                                 &out,
                                 NULL,
                                 &error);
        g_assert_no_error(error);
        g_assert_cmpint(read(out, address, sizeof address - 1), >, 0);
        close(out);
        bus.address = g_strdup(g_strstrip(address));
        g_setenv("DBUS_SESSION_BUS_ADDRESS", bus.address, TRUE);
        other = g_dbus_connection_new_for_address_sync(
                bus.address,
                G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                        G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                NULL,
                NULL,
                &error);
        g_assert_no_error(error);
}

typedef struct {
        GPid service;
        char *home;
        TgKeyring *keyring;
        guint n_changes;
        FakeKeyring *fake;
} Fixture;

static GVariant *
call(const char *path, const char *interface, const char *method, GVariant *parameters)
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
wait_for_owner(gboolean is_wanted)
{
        for (guint i = 0; is_owned() != is_wanted; i++) {
                g_assert_cmpuint(i, <, 6000);
                g_usleep(10000);
        }
}

/* @password NULL: it is not unlocked at the start. */
static void
start_service(Fixture *f, const char *password)
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
                                 die_with_parent,
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
        wait_for_owner(TRUE);
}

static void
stop_service(Fixture *f)
{
        if (f->service == 0)
                return;

        kill(f->service, SIGKILL);
        waitpid(f->service, NULL, 0);
        f->service = 0;
        wait_for_owner(FALSE);
}

static void
on_changed(TgKeyring *keyring, gpointer user_data)
{
        ((Fixture *)user_data)->n_changes++;
}

static void
wait_for_state(Fixture *f, TgKeyringState state)
{
        while (!tg_keyring_is_known(f->keyring) || tg_keyring_state(f->keyring) != state)
                test_wait_count(&f->n_changes, f->n_changes + 1);
}

static void
set_up(Fixture *f, gconstpointer data)
{
        remove(mark);
        f->home = test_directory();
}

static void
set_up_unlocked(Fixture *f, gconstpointer data)
{
        set_up(f, data);
        start_service(f, "password");
        f->keyring = tg_keyring_new(on_changed, f);
}

static void
set_up_fake(Fixture *f, gconstpointer data)
{
        set_up(f, data);
        f->fake = fake_keyring_new(&bus);
        f->keyring = tg_keyring_new(on_changed, f);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
        g_clear_pointer(&f->keyring, tg_keyring_free);
        g_clear_pointer(&f->fake, fake_keyring_free);
        stop_service(f);
        wait_for_owner(FALSE);
        test_settle();
        g_free(f->home);
}

/* ---- asking ---- */

typedef struct {
        gboolean is_done;
        gboolean has_secret;
        char *secret;
        gsize n_secret;
        char *label;
        char *content_type;
        GError *error;
} Answer;

static void
answer_clear(Answer *answer)
{
        g_free(answer->secret);
        g_free(answer->label);
        g_free(answer->content_type);
        g_clear_error(&answer->error);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Answer, answer_clear)

static void
on_answer(TgSecret *secret,
          const char *label,
          const char *content_type,
          const GError *error,
          gpointer user_data)
{
        Answer *answer = user_data;

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

static void
wait_for(Answer *answer, TgKeyringJob *job)
{
        g_assert_nonnull(job);
        g_assert_false(answer->is_done);
        test_wait(&answer->is_done);
}

static void
assert_done(TgKeyringJob *job, Answer *answer)
{
        wait_for(answer, job);
        g_assert_no_error(answer->error);
        g_assert_false(answer->has_secret);
}

static void
assert_found(TgKeyringJob *job, Answer *answer, const char *secret)
{
        wait_for(answer, job);
        g_assert_no_error(answer->error);
        g_assert_cmpstr(answer->secret, ==, secret);
        g_assert_cmpuint(answer->n_secret, ==, strlen(secret));
}

static void
assert_failed(TgKeyringJob *job, Answer *answer, TgError code)
{
        wait_for(answer, job);
        g_assert_error(answer->error, TG_ERROR, (int)code);
        g_assert_true(g_ascii_islower(answer->error->message[0]));
        g_assert_false(answer->has_secret);
}

#define DONE(ask, ...)                                                                             \
        do {                                                                                       \
                g_auto(Answer) own_answer = {0};                                                   \
                assert_done(ask(f->keyring, ##__VA_ARGS__, on_answer, &own_answer), &own_answer);  \
        } while (0)
#define FOUND(expected, ask, ...)                                                                  \
        do {                                                                                       \
                g_auto(Answer) own_answer = {0};                                                   \
                assert_found(ask(f->keyring, ##__VA_ARGS__, on_answer, &own_answer),               \
                             &own_answer,                                                          \
                             expected);                                                            \
        } while (0)
#define FAILED(code, ask, ...)                                                                     \
        do {                                                                                       \
                g_auto(Answer) own_answer = {0};                                                   \
                assert_failed(ask(f->keyring, ##__VA_ARGS__, on_answer, &own_answer),              \
                              &own_answer,                                                         \
                              code);                                                               \
        } while (0)
#define LOCKED(ask, ...) FAILED(TG_ERROR_KEYRING_UNAVAILABLE, ask, ##__VA_ARGS__)

static TgSecret *
secret_of(const char *text)
{
        g_autoptr(GError) error = NULL;
        TgSecret *secret = tg_secret_new(text, strlen(text), &error);

        g_assert_no_error(error);
        return secret;
}

static void
store(Fixture *f, const char *id, const char *label, const char *content)
{
        g_autoptr(TgSecret) secret = secret_of(content);

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

/* Paths of all items that match. */
static char **
search(const char *const *pairs)
{
        g_autoptr(GVariant) reply = call(PATH,
                                         "org.freedesktop.Secret.Service",
                                         "SearchItems",
                                         g_variant_new("(@a{ss})", attributes_of(pairs)));
        char **paths = NULL;

        g_variant_get(reply, "(^aoao)", &paths, NULL);
        return paths;
}

static guint
count(const char *const *pairs)
{
        g_auto(GStrv) paths = search(pairs);

        return g_strv_length(paths);
}

static char *
make_item(const char *label, const char *content, const char *const *pairs)
{
        g_autoptr(GVariant) opened = call(PATH,
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
        reply = call(ALIAS,
                     "org.freedesktop.Secret.Collection",
                     "CreateItem",
                     g_variant_new("(a{sv}(o@ay@ays)b)",
                                   &builder,
                                   session,
                                   g_variant_new_array(G_VARIANT_TYPE("y"), NULL, 0),
                                   g_variant_new_fixed_array(
                                           G_VARIANT_TYPE("y"), content, strlen(content), 1),
                                   "text/plain",
                                   FALSE));
        g_variant_get(reply, "(oo)", &path, NULL);
        return path;
}

static GVariant *
property(const char *path, const char *interface, const char *name)
{
        g_autoptr(GVariant) reply = call(path,
                                         "org.freedesktop.DBus.Properties",
                                         "Get",
                                         g_variant_new("(ss)", interface, name));
        GVariant *value = NULL;

        g_variant_get(reply, "(v)", &value);
        return value;
}

static void
lock(void)
{
        const char *paths[] = {LOGIN};

        g_variant_unref(call(PATH,
                             "org.freedesktop.Secret.Service",
                             "Lock",
                             g_variant_new("(@ao)", g_variant_new_objv(paths, 1))));
}

/* As the login screen does it: gnome-keyring's private call, no prompt. */
static void
unlock(const char *password)
{
        g_autoptr(GVariant) opened = call(PATH,
                                          "org.freedesktop.Secret.Service",
                                          "OpenSession",
                                          g_variant_new("(sv)", "plain", g_variant_new_string("")));
        const char *session;

        g_variant_get(opened, "(v&o)", NULL, &session);
        g_variant_unref(
                call(PATH,
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

/* ---- storing and finding ---- */

static void
test_a_credential_is_one_item_with_these_attributes(Fixture *f, gconstpointer data)
{
        const char *const pairs[] = {"tigress", "credential", NULL};
        g_auto(GStrv) paths = NULL;
        g_autoptr(GVariant) attributes = NULL;
        g_autoptr(GVariant) label = NULL;
        const char *value;
        g_auto(Answer) answer = {0};

        store(f, ID_A, "Alice's 🗝 key", "s3cret");
        paths = search(pairs);
        g_assert_cmpuint(g_strv_length(paths), ==, 1);
        g_assert_true(g_str_has_prefix(paths[0], LOGIN "/"));
        label = property(paths[0], "org.freedesktop.Secret.Item", "Label");
        g_assert_cmpstr(g_variant_get_string(label, NULL), ==, "Alice's 🗝 key");
        attributes = property(paths[0], "org.freedesktop.Secret.Item", "Attributes");
        g_assert_cmpuint(g_variant_n_children(attributes), ==, 3);
        g_assert_true(g_variant_lookup(attributes, "xdg:schema", "&s", &value));
        g_assert_cmpstr(value, ==, SCHEMA);
        g_assert_true(g_variant_lookup(attributes, "tigress", "&s", &value));
        g_assert_cmpstr(value, ==, "credential");
        g_assert_true(g_variant_lookup(attributes, "id", "&s", &value));
        g_assert_cmpstr(value, ==, ID_A);

        assert_found(tg_keyring_load_credential(f->keyring, ID_A, on_answer, &answer),
                     &answer,
                     "s3cret");
        g_assert_cmpstr(answer.content_type, ==, "text/plain");
}

static void
test_storing_again_replaces_and_makes_no_second_item(Fixture *f, gconstpointer data)
{
        const char *const pairs[] = {"tigress", "credential", NULL};

        store(f, ID_A, "a", "one");
        store(f, ID_B, "b", "other");
        store(f, ID_A, "a", "one");
        store(f, ID_A, "a", "two");
        g_assert_cmpuint(count(pairs), ==, 2);
        FOUND("two", tg_keyring_load_credential, ID_A);
        FOUND("other", tg_keyring_load_credential, ID_B);
        DONE(tg_keyring_remove_credential, ID_A);
        FAILED(TG_ERROR_NOT_FOUND, tg_keyring_load_credential, ID_A);
        FOUND("other", tg_keyring_load_credential, ID_B);
        DONE(tg_keyring_remove_credential, ID_A); /* none: fine too */
}

static void
test_items_of_other_programs_are_left_alone(Fixture *f, gconstpointer data)
{
        const char *const near[][9] = {
                {"xdg:schema", SCHEMA,     "id",                  ID_A, NULL},
                {"xdg:schema",        SCHEMA,                  "tigress",                            "credential", "id", ID_B, NULL},
                {"xdg:schema",   SCHEMA,"tigress","other", "id", ID_A, NULL},
                {"tigress",        "credential",                  "id",                            "other", NULL},
                {"id",   ID_A,                       NULL                                                                  },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(near); i++)
                g_free(make_item("theirs", "theirs", near[i]));
        store(f, ID_A, "ours", "ours");
        store(f, ID_A, "ours", "ours again");
        FOUND("ours again", tg_keyring_load_credential, ID_A);
        DONE(tg_keyring_remove_credential, ID_A);

        for (gsize i = 0; i < G_N_ELEMENTS(near); i++) {
                g_auto(GStrv) paths = search(near[i]);

                g_assert_cmpuint(g_strv_length(paths), >=, 1);
                for (char **path = paths; *path; path++)
                        FOUND("theirs", tg_keyring_load_item, *path);
        }
}

static void
test_any_octets_come_back(Fixture *f, gconstpointer data)
{
        static const gsize sizes[] = {0, 1, 31, 32, 45056};

        for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
                g_autofree guint8 *octets = g_malloc(sizes[i] + 1);
                g_autoptr(TgSecret) secret = NULL;
                g_auto(Answer) answer = {0};

                for (gsize n = 0; n < sizes[i]; n++)
                        octets[n] = (guint8)(n * 7);
                secret = tg_secret_new(octets, sizes[i], NULL);
                DONE(tg_keyring_store_credential, ID_A, "x", "application/octet-stream", secret);
                wait_for(&answer, tg_keyring_load_credential(f->keyring, ID_A, on_answer, &answer));
                g_assert_no_error(answer.error);
                g_assert_cmpmem(answer.secret, answer.n_secret, octets, sizes[i]);
                /* gnome-keyring keeps no content type: all is text/plain to it. */
                g_assert_nonnull(answer.content_type);
        }
}

static void
test_key_and_count_are_kept(Fixture *f, gconstpointer data)
{
        const char *const key_pairs[] = {
                "xdg:schema", "org.tigress.Wallet1.StateKey", "tigress", "state-key", NULL};
        const char *const count_pairs[] = {
                "xdg:schema", "org.tigress.Wallet1.TryCounter", "tigress", "try-counter", NULL};
        g_autoptr(TgSecret) key = secret_of("0123456789abcdef0123456789abcdef");

        FAILED(TG_ERROR_NOT_FOUND, tg_keyring_load_key);
        FAILED(TG_ERROR_NOT_FOUND, tg_keyring_load_count);
        DONE(tg_keyring_store_key, key);
        FOUND("0123456789abcdef0123456789abcdef", tg_keyring_load_key);
        DONE(tg_keyring_store_count, 7);
        DONE(tg_keyring_store_count, G_MAXUINT64);
        FOUND("18446744073709551615", tg_keyring_load_count);
        g_assert_cmpuint(count(key_pairs), ==, 1);
        g_assert_cmpuint(count(count_pairs), ==, 1);
}

/* ---- the user's items ---- */

static void
test_an_item_is_found_by_path(Fixture *f, gconstpointer data)
{
        const char *const pairs[] = {"server", "mail.example", NULL};
        g_autofree char *path = make_item("Mail", "word", pairs);
        g_auto(Answer) answer = {0};

        assert_found(tg_keyring_load_item(f->keyring, path, on_answer, &answer), &answer, "word");
        g_assert_cmpstr(answer.label, ==, "Mail");
        g_assert_cmpstr(answer.content_type, ==, "text/plain");
        FAILED(TG_ERROR_NOT_FOUND, tg_keyring_load_item, LOGIN "/9999");
        FAILED(TG_ERROR_NOT_FOUND, tg_keyring_load_item, "/org/example");
        FAILED(TG_ERROR_INVALID, tg_keyring_load_item, "Mail");
        FAILED(TG_ERROR_INVALID, tg_keyring_load_item, "");
}

static void
test_attributes_must_match_exactly_one(Fixture *f, gconstpointer data)
{
        const char *const one[] = {"server", "a.example", "user", "alice", NULL};
        const char *const two[] = {"server", "a.example", "user", "bob", NULL};
        g_autofree char *first = make_item("First", "1", one);
        g_autofree char *second = make_item("Second", "2", two);
        g_autoptr(GHashTable) attributes = g_hash_table_new(g_str_hash, g_str_equal);
        g_auto(Answer) several = {0};

        g_hash_table_insert(attributes, (gpointer) "server", (gpointer) "a.example");
        assert_failed(tg_keyring_find_item(f->keyring, attributes, on_answer, &several),
                      &several,
                      TG_ERROR_INVALID);
        g_assert_nonnull(strstr(several.error->message, "2 items"));
        g_hash_table_insert(attributes, (gpointer) "user", (gpointer) "bob");
        FOUND("2", tg_keyring_find_item, attributes);
        g_hash_table_insert(attributes, (gpointer) "user", (gpointer) "carol");
        FAILED(TG_ERROR_NOT_FOUND, tg_keyring_find_item, attributes);
}

static void
test_our_own_keys_are_not_shared(Fixture *f, gconstpointer data)
{
        const char *const pairs[] = {"tigress", "state-key", NULL};
        g_autoptr(GHashTable) attributes = g_hash_table_new(g_str_hash, g_str_equal);
        g_autoptr(TgSecret) key = secret_of("0123456789abcdef0123456789abcdef");
        g_auto(GStrv) paths = NULL;

        DONE(tg_keyring_store_key, key);
        DONE(tg_keyring_store_count, 7);
        paths = search(pairs);
        FAILED(TG_ERROR_INVALID, tg_keyring_load_item, paths[0]);
        g_hash_table_insert(attributes, (gpointer) "tigress", (gpointer) "state-key");
        FAILED(TG_ERROR_INVALID, tg_keyring_find_item, attributes);
        g_hash_table_insert(attributes, (gpointer) "tigress", (gpointer) "try-counter");
        FAILED(TG_ERROR_INVALID, tg_keyring_find_item, attributes);
}

/* ---- states ---- */

/* Every job but unlocking; none of them may wait, prompt, or say that nothing is there. */
static void
check_unavailable(Fixture *f)
{
        g_autoptr(GHashTable) attributes = g_hash_table_new(g_str_hash, g_str_equal);
        g_autoptr(TgSecret) secret = secret_of("x");

        g_hash_table_insert(attributes, (gpointer) "server", (gpointer) "a.example");
        LOCKED(tg_keyring_load_key);
        LOCKED(tg_keyring_store_key, secret);
        LOCKED(tg_keyring_load_count);
        LOCKED(tg_keyring_store_count, 1);
        LOCKED(tg_keyring_store_credential, ID_A, "x", "text/plain", secret);
        LOCKED(tg_keyring_load_credential, ID_A);
        LOCKED(tg_keyring_remove_credential, ID_A);
        LOCKED(tg_keyring_load_item, LOGIN "/1");
        LOCKED(tg_keyring_find_item, attributes);
}

static void
test_a_keyring_locked_while_we_run_is_waited_for(Fixture *f, gconstpointer data)
{
        wait_for_state(f, TG_KEYRING_UNLOCKED);
        store(f, ID_A, "a", "one");
        lock();
        wait_for_state(f, TG_KEYRING_LOCKED);
        check_unavailable(f);
        unlock("password");
        wait_for_state(f, TG_KEYRING_UNLOCKED);
        FOUND("one", tg_keyring_load_credential, ID_A);
        g_assert_cmpuint(f->n_changes, ==, 3);
}

/* The lock is turned before its signal has been read: what is asked of the service
 * counts, not what was known. */
static void
test_a_lock_that_was_not_noticed_yet_is_no_empty_keyring(Fixture *f, gconstpointer data)
{
        wait_for_state(f, TG_KEYRING_UNLOCKED);
        store(f, ID_A, "a", "one");
        lock();
        LOCKED(tg_keyring_load_credential, ID_B);
        unlock("password");
        wait_for_state(f, TG_KEYRING_UNLOCKED);
        FAILED(TG_ERROR_NOT_FOUND, tg_keyring_load_credential, ID_B);
        lock();
        LOCKED(tg_keyring_load_key);
}

static void
test_a_keyring_locked_from_the_start_is_locked(Fixture *f, gconstpointer data)
{
        store(f, ID_A, "a", "one");
        g_clear_pointer(&f->keyring, tg_keyring_free);
        stop_service(f);
        start_service(f, NULL);
        f->keyring = tg_keyring_new(on_changed, f);
        LOCKED(tg_keyring_load_credential, ID_A); /* asked before the state is known */
        g_assert_cmpint(tg_keyring_state(f->keyring), ==, TG_KEYRING_LOCKED);
        check_unavailable(f);
        unlock("password");
        wait_for_state(f, TG_KEYRING_UNLOCKED);
        FOUND("one", tg_keyring_load_credential, ID_A);
}

static void
test_without_a_collection_nothing_is_made(Fixture *f, gconstpointer data)
{
        g_autoptr(GVariant) collections = NULL;

        start_service(f, NULL); /* a fresh home */
        f->keyring = tg_keyring_new(on_changed, f);
        check_unavailable(f);
        g_assert_cmpint(tg_keyring_state(f->keyring), ==, TG_KEYRING_LOCKED);
        collections = property(PATH, "org.freedesktop.Secret.Service", "Collections");
        g_assert_cmpuint(g_variant_n_children(collections), ==, 1); /* "session" */
}

static void
test_a_wiped_keyring_is_no_empty_one(Fixture *f, gconstpointer data)
{
        wait_for_state(f, TG_KEYRING_UNLOCKED);
        store(f, ID_A, "a", "one");
        g_variant_unref(call(LOGIN, "org.freedesktop.Secret.Collection", "Delete", NULL));
        LOCKED(tg_keyring_load_credential, ID_A);
        wait_for_state(f, TG_KEYRING_LOCKED);
        check_unavailable(f);
}

static void
test_a_keyring_that_was_restarted_is_used_again(Fixture *f, gconstpointer data)
{
        store(f, ID_A, "a", "one");
        for (guint i = 0; i < 3; i++) {
                stop_service(f);
                wait_for_state(f, TG_KEYRING_ABSENT);
                check_unavailable(f);
                start_service(f, "password");
                wait_for_state(f, TG_KEYRING_UNLOCKED);
                FOUND("one", tg_keyring_load_credential, ID_A);
                store(f, ID_B, "b", "two");
        }
}

/* It dies with calls on the way. */
static void
test_a_keyring_that_dies_answers_every_job(Fixture *f, gconstpointer data)
{
        Answer answers[8] = {0};

        store(f, ID_A, "a", "one");
        kill(f->service, SIGSTOP);
        for (guint i = 0; i < G_N_ELEMENTS(answers); i++)
                tg_keyring_load_credential(f->keyring, ID_A, on_answer, &answers[i]);
        test_settle();
        kill(f->service, SIGKILL);
        for (guint i = 0; i < G_N_ELEMENTS(answers); i++) {
                test_wait(&answers[i].is_done);
                g_assert_error(answers[i].error, TG_ERROR, TG_ERROR_KEYRING_UNAVAILABLE);
                answer_clear(&answers[i]);
        }
}

static gboolean
is_marked(void)
{
        return g_file_test(mark, G_FILE_TEST_EXISTS);
}

/* Debian's service file would start a second, locked keyring in the place of the one
 * that the login has yet to start. */
static void
test_only_unlocking_starts_a_service(Fixture *f, gconstpointer data)
{
        f->keyring = tg_keyring_new(on_changed, f);
        check_unavailable(f);
        g_assert_cmpint(tg_keyring_state(f->keyring), ==, TG_KEYRING_ABSENT);
        g_assert_false(is_marked());
        LOCKED(tg_keyring_unlock);
        g_assert_true(is_marked());
}

/* Frozen, in the middle of everything: a deadline, a state, and no asking again until
 * it answers. */
static void
test_a_frozen_keyring_is_silent_until_it_thaws(Fixture *f, gconstpointer data)
{
        g_autoptr(TgSecret) secret = secret_of("two");

        store(f, ID_A, "a", "one");
        kill(f->service, SIGSTOP);
        LOCKED(tg_keyring_store_credential, ID_A, "a", "text/plain", secret);
        g_assert_cmpint(tg_keyring_state(f->keyring), ==, TG_KEYRING_SILENT);
        check_unavailable(f); /* at once, or this would take minutes */
        kill(f->service, SIGCONT);
        wait_for_state(f, TG_KEYRING_UNLOCKED);
        store(f, ID_A, "a", "three");
        FOUND("three", tg_keyring_load_credential, ID_A);
}

static void
test_a_keyring_frozen_from_the_start_is_silent(Fixture *f, gconstpointer data)
{
        g_clear_pointer(&f->keyring, tg_keyring_free);
        kill(f->service, SIGSTOP);
        f->keyring = tg_keyring_new(on_changed, f);
        wait_for_state(f, TG_KEYRING_SILENT); /* though no job has asked for anything */
        LOCKED(tg_keyring_load_key);
        kill(f->service, SIGCONT);
        wait_for_state(f, TG_KEYRING_UNLOCKED);
        FAILED(TG_ERROR_NOT_FOUND, tg_keyring_load_key);
}

static void
test_without_a_prompter_unlocking_fails_soon(Fixture *f, gconstpointer data)
{
        wait_for_state(f, TG_KEYRING_UNLOCKED);
        lock();
        wait_for_state(f, TG_KEYRING_LOCKED);
        LOCKED(tg_keyring_unlock);
        g_assert_cmpint(tg_keyring_state(f->keyring), ==, TG_KEYRING_LOCKED);
        unlock("password");
        DONE(tg_keyring_unlock);
        g_assert_cmpint(tg_keyring_state(f->keyring), ==, TG_KEYRING_UNLOCKED);
}

static void
test_a_cancelled_job_is_never_heard_of(Fixture *f, gconstpointer data)
{
        Answer answer = {0};
        TgKeyringJob *job;

        tg_keyring_job_cancel(tg_keyring_load_key(f->keyring, on_answer, &answer));
        wait_for_state(f, TG_KEYRING_UNLOCKED);
        kill(f->service, SIGSTOP);
        job = tg_keyring_load_key(f->keyring, on_answer, &answer);
        test_settle();
        tg_keyring_job_cancel(job);
        tg_keyring_load_key(f->keyring, on_answer, &answer);
        test_settle();
        tg_keyring_free(f->keyring); /* with a job on the way */
        kill(f->service, SIGCONT);
        f->keyring = tg_keyring_new(on_changed, f);
        FAILED(TG_ERROR_NOT_FOUND, tg_keyring_load_key);
        g_assert_false(answer.is_done);
}

/* ---- prompts, on the fake ---- */

static void
test_unlocking_shows_the_prompt_and_waits(Fixture *f, gconstpointer data)
{
        f->fake->is_locked = TRUE;
        f->fake->wants_prompt = TRUE;
        DONE(tg_keyring_unlock);
        g_assert_cmpuint(f->fake->n_prompts, ==, 1);
        g_assert_cmpint(tg_keyring_state(f->keyring), ==, TG_KEYRING_UNLOCKED);
        DONE(tg_keyring_unlock); /* it is: nobody is asked */
        g_assert_cmpuint(f->fake->n_prompts, ==, 1);
}

static void
test_a_dismissed_prompt_is_a_no(Fixture *f, gconstpointer data)
{
        f->fake->is_locked = TRUE;
        f->fake->wants_prompt = TRUE;
        f->fake->prompt = FAKE_PROMPT_IS_DISMISSED;
        LOCKED(tg_keyring_unlock);
        g_assert_cmpuint(f->fake->n_prompts, ==, 1);
        g_assert_cmpuint(f->fake->n_dismissed, ==, 0);
}

static void
test_a_prompt_is_taken_down_with_its_job(Fixture *f, gconstpointer data)
{
        Answer answer = {0};
        TgKeyringJob *job;

        f->fake->is_locked = TRUE;
        f->fake->wants_prompt = TRUE;
        f->fake->prompt = FAKE_PROMPT_STAYS_OPEN;
        job = tg_keyring_unlock(f->keyring, on_answer, &answer);
        test_wait_count(&f->fake->n_prompts, 1);
        tg_keyring_job_cancel(job);
        test_wait_count(&f->fake->n_dismissed, 1);
        g_assert_false(answer.is_done);
}

static void
test_a_late_yes_counts(Fixture *f, gconstpointer data)
{
        g_auto(Answer) answer = {0};

        f->fake->is_locked = TRUE;
        f->fake->wants_prompt = TRUE;
        f->fake->prompt = FAKE_PROMPT_STAYS_OPEN;
        tg_keyring_unlock(f->keyring, on_answer, &answer);
        test_wait_count(&f->fake->n_prompts, 1);
        LOCKED(tg_keyring_load_key); /* others do not wait for a person */
        fake_keyring_complete_prompt(f->fake, FALSE);
        test_wait(&answer.is_done);
        g_assert_no_error(answer.error);
}

/* A dialog that was closed in favour of the login screen's, say. */
static void
test_a_service_that_dies_at_the_prompt_is_a_no(Fixture *f, gconstpointer data)
{
        g_auto(Answer) answer = {0};

        f->fake->is_locked = TRUE;
        f->fake->wants_prompt = TRUE;
        f->fake->prompt = FAKE_PROMPT_STAYS_OPEN;
        tg_keyring_unlock(f->keyring, on_answer, &answer);
        test_wait_count(&f->fake->n_prompts, 1);
        g_clear_pointer(&f->fake, fake_keyring_free);
        test_wait(&answer.is_done);
        g_assert_error(answer.error, TG_ERROR, TG_ERROR_KEYRING_UNAVAILABLE);
}

static void
test_a_missing_collection_is_made_by_the_user_alone(Fixture *f, gconstpointer data)
{
        f->fake->has_collection = FALSE;
        f->fake->wants_prompt = TRUE;
        check_unavailable(f);
        g_assert_cmpuint(f->fake->n_prompts + f->fake->n_collections, ==, 0);
        DONE(tg_keyring_unlock);
        g_assert_cmpuint(f->fake->n_collections, ==, 1);
        g_assert_cmpuint(f->fake->n_prompts, ==, 1);
}

/* A service may want to ask before it stores or removes. Not when nobody acted. */
static void
test_a_prompt_that_nobody_asked_for_is_dismissed(Fixture *f, gconstpointer data)
{
        static const FakeItem items[] = {
                {"x", 1}
        };
        g_autoptr(TgSecret) secret = secret_of("x");

        f->fake->wants_prompt = TRUE;
        f->fake->items = items;
        f->fake->n_items = G_N_ELEMENTS(items);
        LOCKED(tg_keyring_store_credential, ID_A, "x", "text/plain", secret);
        LOCKED(tg_keyring_remove_credential, ID_A);
        test_wait_count(&f->fake->n_dismissed, 2);
        g_assert_cmpuint(f->fake->n_prompts, ==, 0);
}

static void
test_of_several_keys_the_oldest_counts(Fixture *f, gconstpointer data)
{
        static const FakeItem items[] = {
                {"new",   2000},
                {"old",   1000},
                {"newer", 3000}
        };

        f->fake->items = items;
        f->fake->n_items = G_N_ELEMENTS(items);
        FOUND("old", tg_keyring_load_key);
}

#define ADD(name, up, func) g_test_add("/keyring/" name, Fixture, NULL, up, func, tear_down)

static void
add_real_tests(void)
{
        ADD("a-credential-is-one-item-with-these-attributes",
            set_up_unlocked,
            test_a_credential_is_one_item_with_these_attributes);
        ADD("storing-again-replaces-and-makes-no-second-item",
            set_up_unlocked,
            test_storing_again_replaces_and_makes_no_second_item);
        ADD("items-of-other-programs-are-left-alone",
            set_up_unlocked,
            test_items_of_other_programs_are_left_alone);
        ADD("any-octets-come-back", set_up_unlocked, test_any_octets_come_back);
        ADD("key-and-count-are-kept", set_up_unlocked, test_key_and_count_are_kept);
        ADD("an-item-is-found-by-path", set_up_unlocked, test_an_item_is_found_by_path);
        ADD("attributes-must-match-exactly-one",
            set_up_unlocked,
            test_attributes_must_match_exactly_one);
        ADD("our-own-keys-are-not-shared", set_up_unlocked, test_our_own_keys_are_not_shared);
        ADD("a-keyring-locked-while-we-run-is-waited-for",
            set_up_unlocked,
            test_a_keyring_locked_while_we_run_is_waited_for);
        ADD("a-lock-that-was-not-noticed-yet-is-no-empty-keyring",
            set_up_unlocked,
            test_a_lock_that_was_not_noticed_yet_is_no_empty_keyring);
        ADD("a-keyring-locked-from-the-start-is-locked",
            set_up_unlocked,
            test_a_keyring_locked_from_the_start_is_locked);
        ADD("without-a-collection-nothing-is-made",
            set_up,
            test_without_a_collection_nothing_is_made);
        ADD("a-wiped-keyring-is-no-empty-one",
            set_up_unlocked,
            test_a_wiped_keyring_is_no_empty_one);
        ADD("a-keyring-that-was-restarted-is-used-again",
            set_up_unlocked,
            test_a_keyring_that_was_restarted_is_used_again);
        ADD("a-keyring-that-dies-answers-every-job",
            set_up_unlocked,
            test_a_keyring_that_dies_answers_every_job);
        ADD("only-unlocking-starts-a-service", set_up, test_only_unlocking_starts_a_service);
        ADD("a-frozen-keyring-is-silent-until-it-thaws",
            set_up_unlocked,
            test_a_frozen_keyring_is_silent_until_it_thaws);
        ADD("a-keyring-frozen-from-the-start-is-silent",
            set_up_unlocked,
            test_a_keyring_frozen_from_the_start_is_silent);
        ADD("without-a-prompter-unlocking-fails-soon",
            set_up_unlocked,
            test_without_a_prompter_unlocking_fails_soon);
        ADD("a-cancelled-job-is-never-heard-of",
            set_up_unlocked,
            test_a_cancelled_job_is_never_heard_of);
}

int
main(int argc, char **argv)
{
        g_autofree char *program = g_find_program_in_path("gnome-keyring-daemon");
        int status;

        test_init(&argc, &argv);
        if (!program) {
                g_printerr("skipped: needs gnome-keyring: tests/packages.sh world installs it\n");
                return 77;
        }
        start_bus();

        add_real_tests();
        ADD("unlocking-shows-the-prompt-and-waits",
            set_up_fake,
            test_unlocking_shows_the_prompt_and_waits);
        ADD("a-dismissed-prompt-is-a-no", set_up_fake, test_a_dismissed_prompt_is_a_no);
        ADD("a-prompt-is-taken-down-with-its-job",
            set_up_fake,
            test_a_prompt_is_taken_down_with_its_job);
        ADD("a-late-yes-counts", set_up_fake, test_a_late_yes_counts);
        ADD("a-service-that-dies-at-the-prompt-is-a-no",
            set_up_fake,
            test_a_service_that_dies_at_the_prompt_is_a_no);
        ADD("a-missing-collection-is-made-by-the-user-alone",
            set_up_fake,
            test_a_missing_collection_is_made_by_the_user_alone);
        ADD("a-prompt-that-nobody-asked-for-is-dismissed",
            set_up_fake,
            test_a_prompt_that_nobody_asked_for_is_dismissed);
        ADD("of-several-keys-the-oldest-counts",
            set_up_fake,
            test_of_several_keys_the_oldest_counts);

        status = test_run();
        g_clear_object(&other);
        kill(bus.pid, SIGKILL);
        waitpid(bus.pid, NULL, 0);
        g_free(bus.address);
        g_free(mark);
        return status;
}
