/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Two sides of an exchange and the one slot between them. Every step is taken as its owner has to:
 * what comes out of a dispatch counts once it was stored, and both sides are loaded back from
 * what was stored after each step.
 */

#include <glib.h>

#include "protocol/error.h"
#include "protocol/exchange.h"

#define FIXTURE_PLACE "https://relay.example.net/v1/m/0b1e5f0a-3c0f-4f1c-9a55-8f6a6c2b7d10"
#define FIXTURE_PIN "1234566"   /* a right check digit */
#define FIXTURE_OTHER "7654325" /* another one, right in itself */
#define FIXTURE_FORMAT "digitalwallet.generic.authorizationToken"
#define FIXTURE_LIMITS "{\"uses\":3,\"reshare\":false}"
#define FIXTURE_CONTENT "{\"token\":\"the-credential\"}"

typedef struct {
        TgMode mode;
        TgSecret *secret;
        TgExchange *alice; /* initiator */
        TgExchange *bob;
        char *slot;
} Fixture;

void fixture_init(Fixture *self, TgMode mode);
void fixture_clear(Fixture *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Fixture, fixture_clear)

TgExchange *fixture_initiator(TgMode mode, const TgSecret *secret);
TgExchange *fixture_recipient(TgMode mode, const TgSecret *secret);

/* A PIN that is right in itself but not FIXTURE_PIN. */
TgSecret *fixture_wrong_pin(guint32 number);

/* Loads what was saved; the copy must save the same, and have the same pending. */
void fixture_restart(TgExchange **side);

/* These end the program when the dispatch fails. Each restarts the side. */
TgOutputKind fixture_begin(TgExchange **side, TgOutput *ret_output);
TgOutputKind fixture_read(TgExchange **side, const char *payload, TgOutput *ret_output);
TgOutputKind fixture_type(TgExchange **side, const char *pin, TgOutput *ret_output);
TgOutputKind fixture_charged(TgExchange **side, TgOutput *ret_output);
TgOutputKind
fixture_say(TgExchange **side, const char *format, const char *content, TgOutput *ret_output);

/* Refused, with @code, and nothing has changed. */
void fixture_refused(TgExchange *side, const TgInput *input, TgError code);

/* Puts what @output writes into the slot. */
void fixture_put(Fixture *self, TgExchange *side, const TgOutput *output);

void fixture_assert_display(const TgOutput *output);
void fixture_assert_content(const TgOutput *output, const char *format, const char *content);
