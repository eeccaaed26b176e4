/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What carries the messages of a share, and all in which one way differs from another: a mailbox
 * at a relay, or plain HTTP with one resource a message. The files share-*.c know states, a
 * carrier knows requests; it feeds what they bring to tg_share_judge(), and their ends to the
 * table. After whatever was interrupted the same function is called again, and goes on with
 * what is stored.
 */

#include <glib.h>

#include "protocol/exchange.h"
#include "protocol/session.h"

struct TgShare;

typedef struct {
        const char *transport; /* as on the bus */
        /* What was read is gone from where it lay: if it was not right, nothing comes in its
         * place, and the exchange is over. Else it is passed over. */
        gboolean is_read_once;
        /* Whoever has claimed can leave it to another device. */
        gboolean can_let_go;

        /* What the exchange is bound to, beside the link's secret and the claim. */
        void (*set_terms)(const struct TgShare *share, TgExchangeTerms *terms);
        /* Initiator: the exchange's first payload, made ready to go out and to be saved; the
         * body of the row. */
        TgSecret *(*pack_first)(struct TgShare *share, const char *payload, GError **error);
        void (*send_first)(struct TgShare *share); /* then TG_EVENT_UPLOADED */
        /* Recipient: what has to be saved before the first read. */
        gboolean (*prepare_claim)(struct TgShare *share, GError **error);
        void (*claim)(struct TgShare *share);
        void (*write)(struct TgShare *share); /* what the exchange has pending; then watch */
        void (*watch)(struct TgShare *share); /* reads, or waits for, the peer's next message */

        /* What is still to be sent after an end: decided, and made ready to be saved with it. The
         * body of the row; NULL: none. */
        TgSecret *(*plan_errand)(struct TgShare *share, TgAction action, const char *reason);
        void (*run_errand)(struct TgShare *share);
} TgCarrier;

extern const TgCarrier tg_carrier_mailbox;
extern const TgCarrier tg_carrier_drop;

/* By the name on the bus, which is stored; NULL: none of that name. */
const TgCarrier *tg_carrier_find(const char *transport);
