/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/bus/value-fixture.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "protocol/error.h"

static int
on_call(sd_bus_message *message, void *user_data, sd_bus_error *error)
{
        ValueService *self = user_data;

        g_clear_pointer(&self->value, tg_value_free);
        g_clear_error(&self->error);
        self->value = tg_value_take(message, "content", MAX_BYTES, &self->error);
        g_assert_true((self->value == NULL) == (self->error != NULL));
        self->n_calls++;
        return sd_bus_reply_method_return(message, NULL);
}

ValueService *
value_service_new(void)
{
        ValueService *self = g_new0(ValueService, 1);

        self->bus = test_bus_new();
        self->peer = test_peer_new(self->bus);
        self->client = test_peer_new(self->bus);
        sd_bus_add_object(self->peer->bus, NULL, TEST_PATH, on_call, self);
        return self;
}

void
value_service_free(ValueService *self)
{
        g_clear_pointer(&self->value, tg_value_free);
        g_clear_error(&self->error);
        test_peer_free(self->client);
        test_peer_free(self->peer);
        test_bus_free(self->bus);
        g_free(self);
}

sd_bus_message *
value_service_call(ValueService *self)
{
        sd_bus_message *message = NULL;

        g_assert_cmpint(sd_bus_message_new_method_call(self->client->bus,
                                                       &message,
                                                       self->peer->name,
                                                       TEST_PATH,
                                                       TEST_INTERFACE,
                                                       "Do"),
                        >=,
                        0);
        sd_bus_message_set_expect_reply(message, 0);
        return message;
}

/* The value as it was taken, or NULL with self->error. */
TgValue *
hand_over(ValueService *self, sd_bus_message *message)
{
        guint n_before = self->n_calls;

        g_assert_cmpint(sd_bus_send(self->client->bus, message, NULL), >=, 0);
        sd_bus_message_unref(message);
        test_wait_count(&self->n_calls, n_before + 1);
        return g_steal_pointer(&self->value);
}

TgValue *
hand_over_bytes(ValueService *self, const void *bytes, gsize n_bytes)
{
        sd_bus_message *message = value_service_call(self);

        sd_bus_message_open_container(message, 'v', "ay");
        sd_bus_message_append_array(message, 'y', bytes, n_bytes);
        sd_bus_message_close_container(message);
        return hand_over(self, message);
}

TgValue *
hand_over_fd(ValueService *self, int fd)
{
        sd_bus_message *message = value_service_call(self);

        g_assert_cmpint(sd_bus_message_append(message, "v", "h", fd), >=, 0);
        return hand_over(self, message);
}

void
value_outcome_clear(ValueOutcome *outcome)
{
        g_clear_pointer(&outcome->secret, tg_secret_unref);
        g_clear_error(&outcome->error);
        outcome->is_done = FALSE;
}

void
value_outcome_take(TgSecret *secret, const GError *error, gpointer user_data)
{
        ValueOutcome *outcome = user_data;

        g_assert_false(outcome->is_done);
        g_assert_true((secret == NULL) == (error != NULL));
        outcome->secret = secret ? tg_secret_ref(secret) : NULL;
        outcome->error = error ? g_error_copy(error) : NULL;
        outcome->is_done = TRUE;
}

void
start_reading(ValueOutcome *outcome, TgValue *value, guint deadline_ms)
{
        g_assert_nonnull(value);
        tg_value_read_until(value, deadline_ms, value_outcome_take, outcome);
        g_assert_false(outcome->is_done); /* from the loop, never from inside */
}

void
assert_arrived(ValueOutcome *outcome, const void *bytes, gsize n_bytes)
{
        gsize n_arrived;
        const guint8 *arrived;

        test_wait(&outcome->is_done);
        g_assert_no_error(outcome->error);
        arrived = tg_secret_get(outcome->secret, &n_arrived);
        g_assert_cmpmem(arrived, n_arrived, bytes, n_bytes);
        value_outcome_clear(outcome);
}

void
assert_failed(ValueOutcome *outcome, int code, const char *sentence)
{
        test_wait(&outcome->is_done);
        g_assert_error(outcome->error, TG_ERROR, code);
        g_assert_nonnull(strstr(outcome->error->message, sentence));
        g_assert_nonnull(strstr(outcome->error->message, "content")); /* what it is about */
        value_outcome_clear(outcome);
}

void
assert_not_taken(ValueService *service, TgValue *value, int code, const char *sentence)
{
        g_assert_null(value);
        g_assert_error(service->error, TG_ERROR, code);
        g_assert_nonnull(strstr(service->error->message, sentence));
}

void
write_all(int fd, const void *bytes, gsize n_bytes)
{
        g_assert_cmpint(write(fd, bytes, n_bytes), ==, (gssize)n_bytes);
}

int
make_memfd(const void *bytes, gsize n_bytes)
{
        int fd = memfd_create("test", MFD_CLOEXEC);

        g_assert_cmpint(fd, >=, 0);
        write_all(fd, bytes, n_bytes);
        return fd;
}
