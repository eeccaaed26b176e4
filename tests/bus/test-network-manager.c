/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A NetworkManager that lies, is silent, or goes: whoever asked is told once, and nobody else's
 * answer counts. */

#include <string.h>

#include "daemon/network-manager.h"
#include "protocol/error.h"
#include "tests/bus/fixture.h"

#define NAME "org.freedesktop.NetworkManager"
#define ROOT "/org/freedesktop/NetworkManager"
#define HOME ROOT "/Settings/1"
#define UUID "0a4ff7f0-5b5e-4d3c-9c53-27d0b0a1a001"
#define CANARY "c4n4ry horse"

typedef struct {
        TestBus *bus;
        TestPeer *manager;
        GPtrArray *calls;
        guint n_calls;
        guint n_taken; /* of them, by the test */
        /* what came of the job */
        guint n_ends;
        GError *error;
        char *ssid;
        char *password;
} World;

static int
on_call(sd_bus_message *message, void *user_data, sd_bus_error *error)
{
        World *world = user_data;

        g_ptr_array_add(world->calls, sd_bus_message_ref(message));
        world->n_calls++;
        return 1;
}

static void
begin_manager(World *world)
{
        world->manager = test_peer_new(world->bus);
        sd_bus_add_fallback(world->manager->bus, NULL, ROOT, on_call, world);
        g_assert_cmpint(sd_bus_request_name(world->manager->bus, NAME, 0), >=, 0);
}

static void
unref_message(gpointer message)
{
        sd_bus_message_unref(message);
}

static World *
world_new(void)
{
        World *world = g_new0(World, 1);

        world->bus = test_bus_new();
        g_setenv("DBUS_SYSTEM_BUS_ADDRESS", world->bus->address, TRUE);
        world->calls = g_ptr_array_new_with_free_func(unref_message);
        begin_manager(world);
        return world;
}

static void
world_free(World *world)
{
        test_settle();
        g_assert_cmpuint(world->n_ends, ==, 1); /* of each job, and never twice */
        g_ptr_array_unref(world->calls);
        g_clear_pointer(&world->manager, test_peer_free);
        test_bus_free(world->bus);
        g_unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
        g_clear_error(&world->error);
        g_free(world->ssid);
        g_free(world->password);
        g_free(world);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(World, world_free)

static void
on_read(const TgNmWifi *found, const GError *error, gpointer user_data)
{
        World *world = user_data;
        gsize n;
        const char *password;

        g_assert_true((found == NULL) == (error != NULL));
        world->n_ends++;
        world->error = error != NULL ? g_error_copy(error) : NULL;
        if (found == NULL)
                return;
        world->ssid = g_strdup(found->wifi.ssid);
        password = (const char *)tg_secret_get(found->wifi.password, &n);
        world->password = g_strndup(password, n);
}

static void
begin(World *world, GCancellable *cancellable)
{
        tg_nm_read_wifi("Home", TRUE, cancellable, on_read, world);
}

/* The call that comes next; the world's to free. */
static sd_bus_message *
next_call(World *world, const char *member)
{
        sd_bus_message *call;

        test_wait_count(&world->n_calls, world->n_taken + 1);
        call = world->calls->pdata[world->n_taken++];
        g_assert_cmpstr(sd_bus_message_get_member(call), ==, member);
        return call;
}

static void
assert_fails(World *world, TgError code)
{
        test_wait_count(&world->n_ends, 1);
        g_assert_error(world->error, TG_ERROR, (gint)code);
        g_assert_null(strstr(world->error->message, CANARY));
}

/* ---- answers ---- */

static void
answer_paths(sd_bus_message *call)
{
        g_assert_cmpint(sd_bus_reply_method_return(call, "ao", 1, HOME), >=, 0);
}

static void
answer_settings(sd_bus_message *call)
{
        int r = sd_bus_reply_method_return(call,
                                           "a{sa{sv}}",
                                           3,
                                           "connection",
                                           3,
                                           "id",
                                           "s",
                                           "Home",
                                           "uuid",
                                           "s",
                                           UUID,
                                           "type",
                                           "s",
                                           "802-11-wireless",
                                           "802-11-wireless",
                                           1,
                                           "ssid",
                                           "ay",
                                           4,
                                           'H',
                                           'o',
                                           'm',
                                           'e',
                                           "802-11-wireless-security",
                                           1,
                                           "key-mgmt",
                                           "s",
                                           "wpa-psk");

        g_assert_cmpint(r, >=, 0);
}

static void
answer_password(sd_bus_message *call, const char *type, const char *password)
{
        g_assert_cmpint(
                sd_bus_reply_method_return(
                        call, "a{sa{sv}}", 1, "802-11-wireless-security", 1, "psk", type, password),
                >=,
                0);
}

/* ---- tests ---- */

static void
test_a_password_is_read(void)
{
        g_autoptr(World) world = world_new();

        begin(world, NULL);
        answer_paths(next_call(world, "ListConnections"));
        answer_settings(next_call(world, "GetSettings"));
        answer_password(next_call(world, "GetSecrets"), "s", CANARY);
        test_wait_count(&world->n_ends, 1);
        g_assert_no_error(world->error);
        g_assert_cmpstr(world->ssid, ==, "Home");
        g_assert_cmpstr(world->password, ==, CANARY);
}

/* What one has listed another does not know: its paths may be other networks'. */
static void
test_one_answers_all(void)
{
        g_autoptr(World) world = world_new();

        begin(world, NULL);
        answer_paths(next_call(world, "ListConnections"));
        g_assert_cmpint(sd_bus_flush(world->manager->bus), >=, 0);
        test_peer_free(world->manager);
        begin_manager(world);
        assert_fails(world, TG_ERROR_FAILED);
        g_assert_cmpuint(world->n_calls, ==, 1);
}

static void
test_wrong_types_are_an_error(void)
{
        for (guint step = 0; step < 4; step++) {
                g_autoptr(World) world = world_new();
                sd_bus_message *call;

                begin(world, NULL);
                call = next_call(world, "ListConnections");
                if (step > 0) {
                        answer_paths(call);
                        call = next_call(world, "GetSettings");
                }
                if (step > 1) {
                        answer_settings(call);
                        call = next_call(world, "GetSecrets");
                }
                if (step < 3)
                        g_assert_cmpint(sd_bus_reply_method_return(call, "s", CANARY), >=, 0);
                else
                        answer_password(call, "o", "/c4n4ry");
                assert_fails(world, step < 3 ? TG_ERROR_FAILED : TG_ERROR_NOT_FOUND);
        }
}

/* Its sentences may quote what was in the call. */
static void
test_a_refusal_is_said_in_our_words(void)
{
        g_autoptr(World) world = world_new();

        begin(world, NULL);
        answer_paths(next_call(world, "ListConnections"));
        answer_settings(next_call(world, "GetSettings"));
        g_assert_cmpint(sd_bus_reply_method_errorf(next_call(world, "GetSecrets"),
                                                   NAME ".Settings.Connection.PermissionDenied",
                                                   CANARY),
                        >=,
                        0);
        assert_fails(world, TG_ERROR_DENIED);
}

static void
test_who_is_silent_is_left_at_once(void)
{
        for (guint step = 0; step < 3; step++) {
                g_autoptr(World) world = world_new();
                g_autoptr(GCancellable) cancellable = g_cancellable_new();
                sd_bus_message *call;

                begin(world, cancellable);
                call = next_call(world, "ListConnections");
                if (step > 0) {
                        answer_paths(call);
                        call = next_call(world, "GetSettings");
                }
                if (step > 1) {
                        answer_settings(call);
                        call = next_call(world, "GetSecrets");
                }
                g_assert_cmpuint(world->n_ends, ==, 0);
                g_cancellable_cancel(cancellable);
                g_assert_cmpuint(world->n_ends, ==, 1);
                assert_fails(world, TG_ERROR_CANCELLED);
                if (step > 1)
                        answer_password(call, "s", CANARY); /* too late */
        }
}

static void
test_who_goes_is_not_waited_for(void)
{
        for (guint is_bus = 0; is_bus < 2; is_bus++) {
                g_autoptr(World) world = world_new();

                begin(world, NULL);
                answer_paths(next_call(world, "ListConnections"));
                answer_settings(next_call(world, "GetSettings"));
                next_call(world, "GetSecrets");
                if (is_bus)
                        test_bus_kill(world->bus);
                else
                        g_clear_pointer(&world->manager, test_peer_free);
                assert_fails(world, TG_ERROR_FAILED);
        }
}

int
main(int argc, char **argv)
{
        test_init(&argc, &argv);
        g_test_add_func("/network-manager/a-password-is-read", test_a_password_is_read);
        g_test_add_func("/network-manager/one-answers-all", test_one_answers_all);
        g_test_add_func("/network-manager/wrong-types-are-an-error", test_wrong_types_are_an_error);
        g_test_add_func("/network-manager/a-refusal-is-said-in-our-words",
                        test_a_refusal_is_said_in_our_words);
        g_test_add_func("/network-manager/who-is-silent-is-left-at-once",
                        test_who_is_silent_is_left_at_once);
        g_test_add_func("/network-manager/who-goes-is-not-waited-for",
                        test_who_goes_is_not_waited_for);
        return test_run();
}
