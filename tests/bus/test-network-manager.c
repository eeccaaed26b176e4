/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A NetworkManager that lies, is silent, or goes: whoever asked is told once, and nobody else's
 * answer counts. */

#include <string.h>

#include "daemon/network-manager.h"
#include "daemon/vertical.h"
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
        GVariant *terms; /* that a step has checked */
        TgStep *step;
} World;

/* In the place of GLib's: the job's time runs out when a test says so. */
static struct {
        guint source;
        GSourceFunc func;
        gpointer data;
} patience;

guint
g_timeout_add_seconds(guint seconds, GSourceFunc func, gpointer data)
{
        guint source = g_timeout_add(seconds * 1000, func, data);

        if (data != NULL) { /* the fixture's own have none */
                patience.source = source;
                patience.func = func;
                patience.data = data;
        }
        return source;
}

static void
run_out_of_time(void)
{
        g_assert_true(g_source_remove(patience.source));
        g_assert_false(patience.func(patience.data));
}

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
        g_clear_pointer(&world->terms, g_variant_unref);
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

static void
on_added(const TgNmAdded *added, const GError *error, gpointer user_data)
{
        World *world = user_data;

        g_assert_true((added == NULL) == (error != NULL));
        world->n_ends++;
        world->error = error != NULL ? g_error_copy(error) : NULL;
}

static TgSecret *
wifi_text(const char *ssid)
{
        g_autofree char *text = g_strdup_printf("WIFI:T:WPA;S:%s;P:" CANARY ";;", ssid);

        return tg_secret_new(text, strlen(text), NULL);
}

static void
begin_adding(World *world, const char *ssid)
{
        g_autoptr(TgSecret) text = wifi_text(ssid);
        g_auto(TgWifi) wifi = {};

        g_assert_true(tg_wifi_parse_text(text, &wifi, NULL));
        tg_nm_add_wifi(&wifi, NULL, on_added, world);
}

static void
on_step(TgStepAnswer *answer, gpointer user_data)
{
        World *world = user_data;

        world->n_ends++;
        world->step = NULL;
        world->error = g_steal_pointer(&answer->error);
        if (answer->terms != NULL)
                world->terms = g_variant_ref(answer->terms);
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
answer_network(sd_bus_message *call, gboolean is_hidden)
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
                                           2,
                                           "hidden",
                                           "b",
                                           is_hidden,
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
answer_settings(sd_bus_message *call)
{
        answer_network(call, FALSE);
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

/* The first, second or third call of a job; those before it have been answered well. */
static sd_bus_message *
nth_call(World *world, guint step)
{
        sd_bus_message *call = next_call(world, "ListConnections");

        if (step > 0) {
                answer_paths(call);
                call = next_call(world, "GetSettings");
        }
        if (step > 1) {
                answer_settings(call);
                call = next_call(world, "GetSecrets");
        }
        return call;
}

static void
test_wrong_types_are_an_error(void)
{
        for (guint step = 0; step < 4; step++) {
                g_autoptr(World) world = world_new();
                sd_bus_message *call;

                begin(world, NULL);
                call = nth_call(world, step);
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
                call = nth_call(world, step);
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

/* A dialog that nobody answers is not to come again and again; who was never asked is. */
static void
test_who_does_not_answer_has_said_no(void)
{
        for (guint step = 0; step < 4; step++) {
                g_autoptr(World) world = world_new();
                gboolean is_adding = step == 3;
                sd_bus_message *call;

                if (is_adding)
                        begin_adding(world, "Other");
                else
                        begin(world, NULL);
                call = next_call(world, "ListConnections");
                if (step > 0) {
                        answer_paths(call);
                        call = next_call(world, "GetSettings");
                }
                if (step > 1) {
                        answer_settings(call);
                        next_call(world, is_adding ? "AddConnection2" : "GetSecrets");
                }
                run_out_of_time();
                assert_fails(world, step > 1 ? TG_ERROR_DENIED : TG_ERROR_FAILED);
                g_assert_true(is_adding ==
                              (strstr(world->error->message, "still be added") != NULL));
        }
}

/* ---- steps of the vertical ---- */

static void
start(World *world, TgStepKind kind, TgStepRun run, GVariant *terms)
{
        const TgStepContext context = {
                .kind = kind,
                .vertical = &tg_vertical_wifi,
                .role = TG_ROLE_INITIATOR,
                .terms = terms,
        };

        world->n_ends = 0;
        world->step = tg_step_start(run, &context, on_step, world);
        answer_paths(next_call(world, "ListConnections"));
}

/* The terms that the user is shown of a network that is not hidden. */
static void
check(World *world)
{
        GVariantDict given;
        g_autoptr(GVariant) terms = NULL;

        g_variant_dict_init(&given, NULL);
        g_variant_dict_insert(&given, "connection", "s", "Home");
        terms = g_variant_ref_sink(g_variant_dict_end(&given));
        start(world, TG_STEP_CHECK, tg_vertical_wifi.check, terms);
        answer_settings(next_call(world, "GetSettings"));
        test_wait_count(&world->n_ends, 1);
        g_assert_no_error(world->error);
}

/* What does not pass ends the share (TG_ERROR_INVALID). */
static void
test_a_dialog_that_is_ignored_ends_the_share(void)
{
        g_autoptr(World) world = world_new();

        check(world);
        start(world, TG_STEP_BEGIN, tg_vertical_wifi.begin, world->terms);
        answer_settings(next_call(world, "GetSettings"));
        next_call(world, "GetSecrets");
        run_out_of_time();
        assert_fails(world, TG_ERROR_INVALID);
}

static void
test_what_was_shown_is_what_is_shared(void)
{
        for (guint is_hidden = 0; is_hidden < 2; is_hidden++) {
                g_autoptr(World) world = world_new();

                check(world);
                start(world, TG_STEP_BEGIN, tg_vertical_wifi.begin, world->terms);
                answer_network(next_call(world, "GetSettings"), (gboolean)is_hidden);
                answer_password(next_call(world, "GetSecrets"), "s", CANARY);
                test_wait_count(&world->n_ends, 1);
                if (is_hidden)
                        assert_fails(world, TG_ERROR_INVALID);
                else
                        g_assert_no_error(world->error);
        }
}

static void
test_a_sandbox_does_not_hear_of_profiles(void)
{
        for (guint is_sandboxed = 0; is_sandboxed < 2; is_sandboxed++) {
                g_autoptr(World) world = world_new();
                g_autoptr(TgSecret) text = wifi_text("Home");
                const TgStepContext context = {
                        .kind = TG_STEP_USE,
                        .vertical = &tg_vertical_wifi,
                        .role = TG_ROLE_RECIPIENT,
                        .given = text,
                        .is_sandboxed = (gboolean)is_sandboxed,
                };

                world->step =
                        tg_step_start(tg_vertical_wifi.targets[0].use, &context, on_step, world);
                answer_paths(next_call(world, "ListConnections"));
                answer_settings(next_call(world, "GetSettings"));
                assert_fails(world, TG_ERROR_BAD_STATE);
                g_assert_true(is_sandboxed == (strstr(world->error->message, UUID) == NULL));
                g_assert_true(is_sandboxed == (strstr(world->error->message, "Home") == NULL));
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
        g_test_add_func("/network-manager/who-does-not-answer-has-said-no",
                        test_who_does_not_answer_has_said_no);
        g_test_add_func("/network-manager/a-dialog-that-is-ignored-ends-the-share",
                        test_a_dialog_that_is_ignored_ends_the_share);
        g_test_add_func("/network-manager/what-was-shown-is-what-is-shared",
                        test_what_was_shown_is_what_is_shared);
        g_test_add_func("/network-manager/a-sandbox-does-not-hear-of-profiles",
                        test_a_sandbox_does_not_hear_of_profiles);
        return test_run();
}
