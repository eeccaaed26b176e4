/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A relay that makes mailboxes only for those in good standing: each attestation once. */

#include <string.h>

#include "protocol/limits.h"
#include "tests/relay/asking.h"
#include "tests/relay/issuer.h"

#define NAME "issuer.example"
#define HERE "relay.example"
#define WINDOW_S 3600
#define WINDOW (NOW / WINDOW_S)
#define BODY "{\"payload\":" PAYLOAD "," DISPLAY "}"

typedef struct {
        Asking asking;
        Issuer *issuer;
        TgAttestation *attestation;
        char *tokens[3];
} Attested;

static TgAttestation *
make_attestation(const Issuer *issuer)
{
        const TgAttestationRules rules = {
                .kind = TG_ATTESTATION_TOKEN,
                .skew_s = 60,
                .issuer = (char *)NAME,
                .origin = (char *)HERE,
                .window_s = WINDOW_S,
        };
        TgAttestation *attestation = tg_attestation_new(&rules);
        g_autofree char *key = issuer ? issuer_dup_key(issuer) : NULL;

        if (key)
                g_assert_true(tg_attestation_add_key(attestation, key, NULL));

        return attestation;
}

static void
set_up(Attested *self, gconstpointer data)
{
        asking_set_up(&self->asking, data);
        self->issuer = issuer_new();
        self->attestation = make_attestation(self->issuer);
        self->asking.api.attestation = self->attestation;
        for (guint8 i = 0; i < G_N_ELEMENTS(self->tokens); i++)
                self->tokens[i] = issuer_make(self->issuer, NAME, HERE, WINDOW, WINDOW_S, i);
}

static void
tear_down(Attested *self, gconstpointer data)
{
        asking_tear_down(&self->asking, data);
        tg_attestation_free(self->attestation);
        issuer_free(self->issuer);
        for (guint i = 0; i < G_N_ELEMENTS(self->tokens); i++)
                g_free(self->tokens[i]);
}

/* @name and @other may be NULL: no such header. */
static guint
create_with(Attested *self,
            const char *claim,
            const char *id,
            const char *name,
            const char *token,
            const char *other,
            const char *other_token)
{
        return ask(&self->asking,
                   "POST",
                   "/v1/m",
                   BODY,
                   TG_HEADER_CLAIM,
                   claim,
                   TG_HEADER_REQUEST_ID,
                   id,
                   name,
                   token,
                   other,
                   other_token,
                   NULL);
}

static guint
create(Attested *self, const char *claim, const char *id, const char *token)
{
        return create_with(
                self, claim, id, token ? TG_HEADER_ATTESTATION : NULL, token, NULL, NULL);
}

/* With what is needed to do better, and nothing of what came. */
static void
assert_challenged(Attested *self)
{
        const TgAnswer *answer = &self->asking.call->answer;
        g_autofree char *challenge = tg_attestation_challenge(self->attestation, NOW);

        assert_problem(&self->asking, 401, "unauthorized");
        g_assert_nonnull(answer->challenge);
        g_assert_true(g_str_has_prefix(answer->challenge, "PrivateToken challenge=\""));
        g_assert_null(strstr(answer->body, "token="));
        if (self->asking.now_s == NOW && self->asking.api.attestation == self->attestation)
                g_assert_cmpstr(answer->challenge, ==, challenge);
}

static char *
link_of(Attested *self)
{
        return ask_member(&self->asking, "urlLink");
}

static void
test_needed(Attested *self, gconstpointer data)
{
        g_assert_cmpuint(create(self, ALICE, ID1, NULL), ==, 401);
        assert_challenged(self);
        g_assert_cmpuint(create(self, ALICE, ID1, "PrivateToken token=AAAA"), ==, 401);
        assert_challenged(self);
        g_assert_cmpuint(create(self, ALICE, ID1, ""), ==, 401);
        assert_challenged(self);
        /* nothing came of it: this is the first */
        g_assert_cmpuint(create(self, ALICE, ID1, self->tokens[0]), ==, 200);
        g_assert_null(self->asking.call->answer.challenge);
}

static void
test_either_header(Attested *self, gconstpointer data)
{
        const char *ours = TG_HEADER_ATTESTATION, *standard = "Authorization";
        char **tokens = self->tokens;

        g_assert_cmpuint(create_with(self, ALICE, ID1, standard, tokens[0], NULL, NULL), ==, 200);
        g_assert_cmpuint(
                create_with(self, ALICE, ID2, standard, tokens[1], ours, tokens[1]), ==, 401);
        g_assert_cmpuint(create_with(self, ALICE, ID2, ours, tokens[1], ours, tokens[2]), ==, 401);
        g_assert_cmpuint(
                create_with(self, ALICE, ID2, standard, tokens[1], standard, tokens[2]), ==, 401);
        assert_challenged(self);
}

static void
test_once(Attested *self, gconstpointer data)
{
        g_assert_cmpuint(create(self, ALICE, ID1, self->tokens[0]), ==, 200);
        g_assert_cmpuint(create(self, ALICE, ID2, self->tokens[0]), ==, 401);
        assert_challenged(self);
        g_assert_cmpuint(create(self, BOB, ID1, self->tokens[0]), ==, 401);
        assert_challenged(self);
        /* of the two that were refused there is nothing */
        g_assert_cmpuint(create(self, ALICE, ID2, self->tokens[1]), ==, 200);
        g_assert_cmpuint(create(self, BOB, ID1, self->tokens[2]), ==, 200);
}

static void
test_repeated(Attested *self, gconstpointer data)
{
        g_autofree char *first = NULL, *second = NULL;

        g_assert_cmpuint(create(self, ALICE, ID1, self->tokens[0]), ==, 200);
        first = link_of(self);
        g_assert_cmpuint(create(self, ALICE, ID1, self->tokens[0]), ==, 201);
        second = link_of(self);
        g_assert_cmpstr(first, ==, second);
        g_assert_null(self->asking.call->answer.challenge);
        /* nor does a repetition use up another one */
        g_assert_cmpuint(create(self, ALICE, ID1, self->tokens[1]), ==, 201);
        g_assert_cmpuint(create(self, ALICE, ID2, self->tokens[1]), ==, 200);
}

/* Whoever has lost the answer finds the mailbox, whatever has happened to keys and times since. */
static void
test_repeated_later(Attested *self, gconstpointer data)
{
        Asking *asking = &self->asking;
        g_autoptr(TgAttestation) other = make_attestation(NULL);
        g_autofree char *first = NULL, *second = NULL;

        g_assert_cmpuint(create(self, ALICE, ID1, self->tokens[0]), ==, 200);
        first = link_of(self);
        asking->api.attestation = other;
        asking->now_s = NOW + 3 * WINDOW_S;
        g_assert_cmpuint(create(self, ALICE, ID1, self->tokens[0]), ==, 201);
        second = link_of(self);
        g_assert_cmpstr(first, ==, second);
        g_assert_cmpuint(create(self, BOB, ID1, self->tokens[0]), ==, 401);
        assert_challenged(self);

        asking->now_s = NOW + TG_DEFAULT_LIFE_S;
        g_assert_cmpuint(create(self, ALICE, ID1, self->tokens[0]), ==, 401);
        assert_challenged(self);
}

/* What was paid for is not had again by sending it back. */
static void
test_deleted(Attested *self, gconstpointer data)
{
        Asking *asking = &self->asking;
        g_autofree char *link = NULL;

        g_assert_cmpuint(create(self, ALICE, ID1, self->tokens[0]), ==, 200);
        link = link_of(self);
        asking->path = g_strdup(link + strlen(ORIGIN));
        g_assert_cmpuint(ask_change(asking, "DELETE", ALICE, ID2), ==, 200);
        g_assert_cmpuint(create(self, ALICE, ID1, self->tokens[0]), ==, 401);
        assert_challenged(self);
        g_assert_cmpuint(create(self, ALICE, ID1, self->tokens[1]), ==, 200);
}

static void
test_only_creates(Attested *self, gconstpointer data)
{
        Asking *asking = &self->asking;
        g_autofree char *link = NULL;

        g_assert_cmpuint(create(self, ALICE, ID1, self->tokens[0]), ==, 200);
        link = link_of(self);
        asking->path = g_strdup(link + strlen(ORIGIN));
        g_assert_cmpuint(
                ask(asking, "POST", asking->path, NULL, TG_HEADER_CLAIM, BOB, NULL), ==, 200);
        g_assert_cmpuint(ask(asking, "GET", asking->path, NULL, NULL), ==, 200);
        g_assert_cmpstr(asking->call->answer.attestation, ==, "PrivateToken");
        g_assert_cmpuint(ask_change(asking, "DELETE", ALICE, ID2), ==, 200);
        /* one can ask beforehand */
        g_assert_cmpuint(ask(asking, "GET", asking->path, NULL, NULL), ==, 404);
        g_assert_cmpstr(asking->call->answer.attestation, ==, "PrivateToken");
        g_assert_null(asking->call->answer.challenge);
}

/* What is wrong besides is said first, and uses nothing up. */
static void
test_order(Attested *self, gconstpointer data)
{
        Asking *asking = &self->asking;

        g_assert_cmpuint(ask(asking,
                             "POST",
                             "/v1/m",
                             BODY,
                             TG_HEADER_REQUEST_ID,
                             ID1,
                             TG_HEADER_ATTESTATION,
                             self->tokens[0],
                             NULL),
                         ==,
                         401);
        g_assert_null(asking->call->answer.challenge);
        g_assert_cmpuint(ask(asking,
                             "POST",
                             "/v1/m",
                             "{}",
                             TG_HEADER_CLAIM,
                             ALICE,
                             TG_HEADER_REQUEST_ID,
                             ID1,
                             TG_HEADER_ATTESTATION,
                             self->tokens[0],
                             NULL),
                         ==,
                         400);
        g_assert_cmpuint(create(self, ALICE, "x", self->tokens[0]), ==, 400);
        g_assert_cmpuint(create(self, ALICE, ID1, self->tokens[0]), ==, 200);
}

static void
test_not_asked_for(Attested *self, gconstpointer data)
{
        Asking *asking = &self->asking;

        asking->api.attestation = NULL;
        g_assert_cmpuint(create(self, ALICE, ID1, NULL), ==, 200);
        g_assert_cmpuint(create(self, ALICE, ID2, "whatever"), ==, 200);
        g_assert_cmpuint(create(self, ALICE, ID3, self->tokens[0]), ==, 200);
        g_assert_cmpuint(ask(asking, "GET", "/v1/m/" ID1, NULL, NULL), ==, 404);
        g_assert_null(asking->call->answer.attestation);
        /* … so that one has not been used */
        asking->api.attestation = self->attestation;
        g_assert_cmpuint(create(self, ALICE, ID4, self->tokens[0]), ==, 200);
}

#define TEST(name, function)                                                                       \
        g_test_add("/attested-create/" name, Attested, NULL, set_up, function, tear_down)

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);

        TEST("needed", test_needed);
        TEST("either-header", test_either_header);
        TEST("once", test_once);
        TEST("repeated", test_repeated);
        TEST("repeated-later", test_repeated_later);
        TEST("deleted", test_deleted);
        TEST("only-creates", test_only_creates);
        TEST("order", test_order);
        TEST("not-asked-for", test_not_asked_for);

        return g_test_run();
}
