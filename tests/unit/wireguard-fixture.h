/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Two sides of org.tigress.wireguard.peer, and the initiator's files. */

#include "daemon/vertical.h"
#include "tests/unit/helper.h"

#define SERVER_KEY "nq1DKDw8Ui8DEFC1aFgxzOq7MBcFTCqgLVyTBBkfHCk="
#define OTHER_KEY "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0="

typedef struct {
        const char *share_id;
        GVariant *terms;
        TgSecret *binding;
        TgStepAnswer offer, request, answer, kept;
} WireguardExchange;

void wireguard_clear_exchange(WireguardExchange *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(WireguardExchange, wireguard_clear_exchange)

/* First thing in main(); what it returns goes to wireguard_finish(). */
char *wireguard_init(int *argc, char ***argv);
void wireguard_finish(const char *home);

extern char *wireguard_peers; /* path of the file of peers, which is not there at first */
void wireguard_set_up(void);  /* with no address given to anybody */
void wireguard_tear_down(void);
char *wireguard_list_path(void);
char *wireguard_contents_of(const char *path); /* "" where there is none */

/* The usual terms; @more: a text form of a{sv}, whose keys take the place of the usual ones. A
 * value of () takes the key away. */
void wireguard_check(const char *more, TgStepAnswer *ret_answer);
/* One step of RECEIVE. */
void wireguard_receive(const WireguardExchange *self,
                       TgRole role,
                       guint number,
                       TgSecret *state,
                       const TgJson *message,
                       TgStepAnswer *ret_answer);
/* Up to the recipient's request. */
void wireguard_start(WireguardExchange *self, const char *share_id, const char *more);
void wireguard_answer(const WireguardExchange *self, TgStepAnswer *ret_answer);
/* To the end; it must go well. */
void wireguard_run_all(WireguardExchange *self, const char *share_id, const char *more);
void wireguard_revoke(const WireguardExchange *self);

char *wireguard_member(const TgSecret *content, const char *name);
const char *wireguard_configuration_of(const WireguardExchange *self);
void wireguard_assert_says(const char *text, const char *part);
