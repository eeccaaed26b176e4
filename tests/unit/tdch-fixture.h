/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Two sides of an exchange over plain HTTP, and what lies between them.
 */

#include "protocol/tdch.h"
#include "tests/unit/helper.h"

typedef struct {
        TgTdch *alice;
        TgTdch *bob;
        /* what the writer of the last message put where */
        GBytes *octets;
        char location[TG_TDCH_LOCATION_CHARS + 1];
} Pair;

/* Under a secret of octets 7. */
void pair_init(Pair *pair, guint16 suite);
void pair_clear(Pair *pair);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Pair, pair_clear)

void put(Pair *pair, TgTdch *writer, const char *text);
/* What @reader makes of the last message; NULL when it refuses with @wanted. */
TgSecret *look(const Pair *pair, TgTdch *reader, TgTdchSecret which, TgError wanted);
void get(const Pair *pair, TgTdch *reader, TgTdchSecret which, const char *text);
/* Both of them. */
void say(Pair *pair, TgTdch *writer, TgTdch *reader, const char *text);

void assert_location(const TgTdch *side, TgTdchSecret which, const char *location, gboolean is_it);
TgSecret *save(const TgTdch *side);
void assert_unchanged(const TgTdch *side, const TgSecret *before);
/* Over, for good, and nothing is left of it. */
void assert_erased(TgTdch *side);

/* Offer and answer: from here on an initiator may go over to an exporter. */
void answer(Pair *pair, guint16 suite);
