/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A polkit that answers when and what the test says, a service that asks it, and a client
 * about whom it is asked. All of them sit on one bus, which plays both.
 */

#include "daemon/authority.h"
#include "tests/bus/fixture.h"

#define POLKIT_NAME "org.freedesktop.PolicyKit1"
#define POLKIT_PATH "/org/freedesktop/PolicyKit1/Authority"

typedef struct {
        TestBus *bus;
        TestPeer *polkit;
        TestPeer *service;
        TestPeer *client;
        TgCallers *callers;
        TgCaller *caller;
        TgAuthority *authority;
        /* what polkit was asked */
        GPtrArray *questions; /* sd_bus_message *, all of them */
        guint n_questions;
        guint n_cancelled;
        char *cancelled_id;
} PolkitWorld;

PolkitWorld *polkit_world_new(void);
void polkit_world_free(PolkitWorld *world);
/* What polkit does on its object; for other buses: the world is the user data. */
int on_polkit_call(sd_bus_message *message, void *user_data, sd_bus_error *error);
/* Makes the process behind @client the caller from now on. */
void call_from(PolkitWorld *world, TestPeer *client);

typedef struct {
        guint n; /* how often it was told */
        GError *error;
} CheckOutcome;

void check_outcome_clear(CheckOutcome *outcome);

TgAuthorityCheck *start_check(PolkitWorld *world, gboolean is_interactive, CheckOutcome *outcome);
/* The last question, when polkit has heard @n of them. */
sd_bus_message *last_question(PolkitWorld *world, guint n);
void answer_question(PolkitWorld *world,
                     sd_bus_message *question,
                     gboolean is_authorized,
                     gboolean is_challenge);
/* Waits for the outcome, and makes it ready for the next. */
void assert_denied(CheckOutcome *outcome, const char *sentence);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(PolkitWorld, polkit_world_free)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CheckOutcome, check_outcome_clear)
