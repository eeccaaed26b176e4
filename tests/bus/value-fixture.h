/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A service that takes the value out of each call it gets, the client that hands it
 * over, and what became of reading it.
 */

#include "daemon/value.h"
#include "tests/bus/fixture.h"

#define MAX_BYTES 10000
/* Long enough for whatever arrives at all, short enough to wait for. */
#define LONG_MS 30000
#define SHORT_MS 50

typedef struct {
        TestBus *bus;
        TestPeer *peer;
        TestPeer *client;
        TgValue *value;
        GError *error; /* why the last one was not taken */
        guint n_calls;
} ValueService;

ValueService *value_service_new(void);
void value_service_free(ValueService *self);

/* A call to append the value to; hand_over() takes it over and gives the value as it was
 * taken, or NULL. */
sd_bus_message *value_service_call(ValueService *self);
TgValue *hand_over(ValueService *self, sd_bus_message *message);
TgValue *hand_over_bytes(ValueService *self, const void *bytes, gsize n_bytes);
TgValue *hand_over_fd(ValueService *self, int fd);
void assert_not_taken(ValueService *service, TgValue *value, int code, const char *sentence);

typedef struct {
        TgSecret *secret;
        GError *error;
        gboolean is_done;
} ValueOutcome;

void value_outcome_clear(ValueOutcome *outcome);
/* For tg_value_read(): with the outcome as user data. */
void value_outcome_take(TgSecret *secret, const GError *error, gpointer user_data);
void start_reading(ValueOutcome *outcome, TgValue *value, guint deadline_ms);
/* Wait for the outcome, and make it ready for the next. */
void assert_arrived(ValueOutcome *outcome, const void *bytes, gsize n_bytes);
void assert_failed(ValueOutcome *outcome, int code, const char *sentence);

void write_all(int fd, const void *bytes, gsize n_bytes);
int make_memfd(const void *bytes, gsize n_bytes);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ValueService, value_service_free)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ValueOutcome, value_outcome_clear)
