/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/bus/fake-polkit.h"

#include <string.h>

#include "protocol/error.h"

#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"

static int
on_check(sd_bus_message *message, void *user_data, sd_bus_error *error)
{
        PolkitWorld *world = user_data;

        world->n_questions++;
        g_ptr_array_add(world->questions, sd_bus_message_ref(message));
        return 1;
}

static int
on_cancel(sd_bus_message *message, void *user_data, sd_bus_error *error)
{
        PolkitWorld *world = user_data;
        const char *id;

        g_assert_cmpint(sd_bus_message_read(message, "s", &id), >, 0);
        g_free(world->cancelled_id);
        world->cancelled_id = g_strdup(id);
        world->n_cancelled++;
        return sd_bus_reply_method_return(message, NULL);
}

/* Not a vtable: sd-bus would hold its answers to the signature that stands there. */
int
on_polkit_call(sd_bus_message *message, void *user_data, sd_bus_error *error)
{
        if (sd_bus_message_is_method_call(message, POLKIT_INTERFACE, "CheckAuthorization"))
                return on_check(message, user_data, error);
        if (sd_bus_message_is_method_call(message, POLKIT_INTERFACE, "CancelCheckAuthorization"))
                return on_cancel(message, user_data, error);
        return 0;
}

static int
on_call(sd_bus_message *message, void *user_data, sd_bus_error *error)
{
        PolkitWorld *world = user_data;

        g_clear_pointer(&world->caller, tg_caller_unref);
        world->caller = tg_callers_get(world->callers, message, NULL);
        return 1;
}

static void
unref_message(gpointer message)
{
        sd_bus_message_unref(message);
}

void
call_from(PolkitWorld *world, TestPeer *client)
{
        test_peer_send(world->service, client->bus);
        g_clear_pointer(&world->caller, tg_caller_unref);
        while (!world->caller)
                g_main_context_iteration(NULL, TRUE);
}

PolkitWorld *
polkit_world_new(void)
{
        PolkitWorld *world = g_new0(PolkitWorld, 1);

        world->bus = test_bus_new();
        g_setenv("DBUS_SYSTEM_BUS_ADDRESS", world->bus->address, TRUE);
        world->questions = g_ptr_array_new_with_free_func(unref_message);
        world->polkit = test_peer_new(world->bus);
        sd_bus_add_object(world->polkit->bus, NULL, POLKIT_PATH, on_polkit_call, world);
        g_assert_cmpint(sd_bus_request_name(world->polkit->bus, POLKIT_NAME, 0), >=, 0);

        world->service = test_peer_new(world->bus);
        world->client = test_peer_new(world->bus);
        world->callers = tg_callers_new(world->service->bus);
        world->authority = tg_authority_new();
        sd_bus_add_object(world->service->bus, NULL, TEST_PATH, on_call, world);

        call_from(world, world->client);
        return world;
}

void
polkit_world_free(PolkitWorld *world)
{
        tg_authority_free(world->authority);
        tg_caller_unref(world->caller);
        tg_callers_free(world->callers);
        test_peer_free(world->client);
        test_peer_free(world->service);
        g_ptr_array_unref(world->questions);
        test_peer_free(world->polkit);
        test_bus_free(world->bus);
        g_free(world->cancelled_id);
        g_unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
        g_free(world);
}

void
check_outcome_clear(CheckOutcome *outcome)
{
        g_clear_error(&outcome->error);
        outcome->n = 0;
}

static void
on_decided(const GError *error, gpointer user_data)
{
        CheckOutcome *outcome = user_data;

        outcome->n++;
        g_clear_error(&outcome->error);
        outcome->error = error ? g_error_copy(error) : NULL;
}

TgAuthorityCheck *
start_check(PolkitWorld *world, gboolean is_interactive, CheckOutcome *outcome)
{
        guint n_before = outcome->n;
        TgAuthorityCheck *started = tg_authority_check(world->authority,
                                                       world->caller,
                                                       "org.tigress.wallet.share",
                                                       is_interactive,
                                                       on_decided,
                                                       outcome);

        g_assert_cmpuint(outcome->n, ==, n_before); /* from the loop, never from inside */
        return started;
}

sd_bus_message *
last_question(PolkitWorld *world, guint n)
{
        test_wait_count(&world->n_questions, n);
        return g_ptr_array_index(world->questions, world->questions->len - 1);
}

void
answer_question(PolkitWorld *world,
                sd_bus_message *question,
                gboolean is_authorized,
                gboolean is_challenge)
{
        g_assert_cmpint(
                sd_bus_reply_method_return(question, "(bba{ss})", is_authorized, is_challenge, 0),
                >=,
                0);
}

void
assert_denied(CheckOutcome *outcome, const char *sentence)
{
        test_wait_count(&outcome->n, 1);
        g_assert_error(outcome->error, TG_ERROR, TG_ERROR_DENIED);
        g_assert_nonnull(strstr(outcome->error->message, sentence));
        check_outcome_clear(outcome);
}
