/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fuzz/exchange-parties.h"

#include <string.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/pin.h"

#define PLACE "https://relay.example/v1/m/6d1c2b9a-a15e-45f1-b0ce-3e61ead95a0b"
#define SCRYPT_LOG2_N 1 /* its cost is not what is looked for */

static TgRole
role_of(Who who)
{
        return who == ALICE || who == DAVE ? TG_ROLE_INITIATOR : TG_ROLE_RECIPIENT;
}

static const char *
pin_of(Who who)
{
        return who == ALICE ? PARTIES_PIN : PARTIES_OTHER;
}

static void
seen_free(gpointer data)
{
        Seen *seen = data;

        g_free(seen->payload);
        g_free(seen->typed);
        g_free(seen);
}

void
parties_init(Parties *self, TgMode mode, gboolean is_headerless_allowed)
{
        static const char *const claims[] = {
                "11111111-1111-4111-8111-111111111111",
                "22222222-2222-4222-8222-222222222222",
                "33333333-3333-4333-8333-333333333333",
                "44444444-4444-4444-8444-444444444444",
        };
        g_autoptr(TgSecret) secret = fuzz_key(0x4b, 32);

        *self = (Parties){.mode = mode};
        self->seen = g_ptr_array_new_with_free_func(seen_free);
        for (Who who = ALICE; who < N_PARTIES; who++) {
                gboolean is_initiator = role_of(who) == TG_ROLE_INITIATOR;
                gboolean has_pin = is_initiator && mode == TG_MODE_T2_PIN;
                g_autoptr(TgSecret) pin = has_pin ? helper_secret(pin_of(who)) : NULL;
                g_autoptr(GError) error = NULL;
                const TgExchangeTerms terms = {
                        .role = role_of(who),
                        .mode = mode,
                        .secret = secret,
                        .claim = claims[who],
                        .place = is_initiator ? NULL : PLACE,
                        .pin = pin,
                        .is_headerless_allowed = is_headerless_allowed && !is_initiator,
                        .scrypt_log2_n = SCRYPT_LOG2_N,
                };

                self->parties[who].exchange = tg_exchange_new(&terms, &error);
                g_assert_no_error(error);
        }
}

void
parties_clear(Parties *self)
{
        for (Who who = ALICE; who < N_PARTIES; who++) {
                tg_exchange_free(self->parties[who].exchange);
                g_free(self->parties[who].typed);
        }
        g_ptr_array_unref(self->seen);
}

void
parties_add_seen(Parties *self, char *payload, const char *typed)
{
        Seen *seen = g_new0(Seen, 1);

        seen->payload = payload;
        seen->typed = g_strdup(typed);
        g_ptr_array_add(self->seen, seen);
}

const Seen *
parties_seen(const Parties *self, guint number)
{
        return self->seen->len > 0 ? g_ptr_array_index(self->seen, number % self->seen->len) : NULL;
}

/* ---- saving ---- */

static TgSecret *
save(const TgExchange *exchange)
{
        g_autoptr(GError) error = NULL;
        TgSecret *saved = tg_exchange_save(exchange, &error);

        g_assert_no_error(error);

        return saved;
}

static void
check_same_pending(const TgExchange *a, const TgExchange *b)
{
        g_auto(TgOutput) before = {0};
        g_auto(TgOutput) after = {0};

        tg_exchange_pending(a, &before);
        tg_exchange_pending(b, &after);
        g_assert_cmpint(before.kind, ==, after.kind);
        g_assert_cmpstr(before.payload, ==, after.payload);
        g_assert_cmpint(before.is_again, ==, after.is_again);
        g_assert_cmpstr(before.display.title, ==, after.display.title);
        switch (before.kind) {
        case TG_OUTPUT_WRITE:
        case TG_OUTPUT_CONFIRMED:
        case TG_OUTPUT_WRONG_PIN:
                g_assert_nonnull(before.payload);
                break;
        case TG_OUTPUT_NONE:
        case TG_OUTPUT_CHARGE:
        case TG_OUTPUT_BURNED:
        case TG_OUTPUT_PIN_NEEDED:
                g_assert_null(before.payload);
                break;
        case TG_OUTPUT_IGNORED:
        case TG_OUTPUT_MESSAGE:
        case TG_OUTPUT_END:
        case TG_OUTPUT_SAY_AGAIN:
                g_assert_not_reached();
        }
}

/* The saved octets make the same state, which goes on from here. */
static void
restart(Party *party, const TgSecret *saved)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(TgSecret) again = NULL;
        TgExchange *loaded = tg_exchange_load(saved, &error);

        g_assert_no_error(error);
        again = save(loaded);
        g_assert_true(tg_secret_equal(saved, again));
        check_same_pending(party->exchange, loaded);
        g_assert_cmpuint(
                tg_exchange_attempts_left(party->exchange), ==, tg_exchange_attempts_left(loaded));
        tg_exchange_free(party->exchange);
        party->exchange = loaded;
}

/* ---- what must hold ---- */

static gboolean
is_over(const TgExchange *exchange)
{
        return exchange->phase == TG_PHASE_BURNED || exchange->phase == TG_PHASE_ENDED;
}

static void
check_party(const Party *party)
{
        const TgExchange *exchange = party->exchange;

        g_assert_cmpuint(tg_exchange_attempts_used(exchange), <=, TG_MAX_PIN_TRIES);
        g_assert_cmpuint(tg_exchange_attempts_left(exchange), <=, TG_MAX_PIN_TRIES);
        if (exchange->mode == TG_MODE_T1)
                g_assert_cmpuint(tg_exchange_attempts_used(exchange), ==, 0);
        /* who has answered knows where ACCEPT would lie */
        g_assert_true(!tg_exchange_exporter(exchange) || tg_exchange_is_confirmed(exchange) ||
                      exchange->phase == TG_PHASE_ANSWERED);
        if (tg_exchange_is_confirmed(exchange) || is_over(exchange))
                g_assert_true(!exchange->pin && !exchange->w && !exchange->scalar &&
                              !exchange->early && !exchange->info && !exchange->info_key);
        if (is_over(exchange))
                g_assert_true(!exchange->key && !exchange->app_own && !exchange->app_peer &&
                              !exchange->exporter && !exchange->payload);
}

/* Who has the credential has it from somebody who gave it to him and to nobody else. */
static void
check_session(const Parties *self, Who who)
{
        const TgSecret *own = tg_exchange_exporter(self->parties[who].exchange);
        guint n_peers = 0;

        for (Who other = ALICE; other < N_PARTIES; other++)
                if (role_of(other) != role_of(who) &&
                    fuzz_same(own, tg_exchange_exporter(self->parties[other].exchange)))
                        n_peers++;
        if (role_of(who) == TG_ROLE_INITIATOR)
                g_assert_cmpuint(n_peers, <=, 1);
}

void
parties_check(const Parties *self)
{
        for (Who who = ALICE; who < N_PARTIES; who++) {
                check_party(&self->parties[who]);
                if (tg_exchange_exporter(self->parties[who].exchange))
                        check_session(self, who);
        }
}

/* ---- dispatching ---- */

static gboolean
changes_nothing(TgOutputKind kind)
{
        return kind == TG_OUTPUT_NONE || kind == TG_OUTPUT_IGNORED;
}

/* No guess, no credential: what is confirmed was answered with the PIN itself. */
static void
check_confirmed(const Parties *self, Who who)
{
        const Party *party = &self->parties[who];

        if (party->is_foreign)
                return;
        g_assert_cmpint(role_of(who), ==, TG_ROLE_INITIATOR);
        if (self->mode == TG_MODE_T2_PIN)
                g_assert_cmpstr(party->charged, ==, pin_of(who));
}

static void
check_output(const Parties *self, Who who, const TgOutput *output, guint n_used)
{
        const Party *party = &self->parties[who];
        guint n_now = tg_exchange_attempts_used(party->exchange);
        gboolean is_write = output->kind == TG_OUTPUT_WRITE ||
                            output->kind == TG_OUTPUT_CONFIRMED ||
                            output->kind == TG_OUTPUT_WRONG_PIN;

        g_assert_cmpint(is_write, ==, output->payload != NULL);
        g_assert_cmpint(output->kind == TG_OUTPUT_MESSAGE || output->kind == TG_OUTPUT_END,
                        ==,
                        output->envelope != NULL);
        g_assert_cmpint(output->kind == TG_OUTPUT_IGNORED, ==, output->error != NULL);
        fuzz_check_error(output->error, FALSE);
        if (output->kind == TG_OUTPUT_CONFIRMED)
                check_confirmed(self, who);
        if (output->kind == TG_OUTPUT_BURNED)
                g_assert_cmpuint(n_now, ==, party->exchange->attempts_max);
        if (role_of(who) == TG_ROLE_INITIATOR) /* counted when, and only when, it says so */
                g_assert_cmpuint(n_now, ==, n_used + (output->kind == TG_OUTPUT_CHARGE));
        else
                g_assert_true(n_now == n_used ||
                              (output->kind == TG_OUTPUT_WRITE && n_now == n_used + 1));
}

/* Which PIN stands behind what is judged, and behind what was written. */
static void
note(Parties *self, Who who, const TgOutput *output, const Seen *seen, const TgSecret *typed)
{
        Party *party = &self->parties[who];

        if (output->kind == TG_OUTPUT_CHARGE)
                party->charged = seen->typed;
        if (typed && output->kind == TG_OUTPUT_WRITE) {
                g_autoptr(TgSecret) pin = tg_pin_parse(typed, 0, NULL);

                g_assert_nonnull(pin);
                g_free(party->typed);
                party->typed =
                        g_strndup((const char *)tg_secret_get(pin, NULL), tg_secret_size(pin));
        }
        if (output->payload) {
                gboolean is_answer = role_of(who) == TG_ROLE_RECIPIENT;

                parties_add_seen(self, g_strdup(output->payload), is_answer ? party->typed : NULL);
        }
}

void
parties_dispatch(
        Parties *self, Who who, const TgInput *input, const Seen *seen, const TgSecret *typed)
{
        Party *party = &self->parties[who];
        g_autoptr(TgSecret) before = save(party->exchange);
        g_autoptr(TgSecret) after = NULL;
        g_autoptr(GError) error = NULL;
        g_auto(TgOutput) output = {0};
        guint n_used = tg_exchange_attempts_used(party->exchange);
        gboolean is_poor = self->n_fail_at > 0;
        gboolean is_done;

        fuzz_secrets_fail_at(is_poor ? self->n_fail_at : 0);
        is_done = tg_exchange_dispatch(party->exchange, input, &output, &error);
        fuzz_secrets_fail_at(0);
        self->n_fail_at = 0;
        after = save(party->exchange);
        fuzz_check_error(error, !is_done);
        if (!is_done || changes_nothing(output.kind))
                g_assert_true(tg_secret_equal(before, after));
        if (!is_done) {
                TgError code = tg_error_code(error);

                /* a peer or a relay cannot cause one of these */
                g_assert_true(code == TG_ERROR_BAD_STATE || code == TG_ERROR_INVALID ||
                              code == TG_ERROR_LIMIT_REACHED || party->is_foreign);
                g_assert_true(input->kind != TG_INPUT_PAYLOAD || code == TG_ERROR_BAD_STATE ||
                              is_poor || party->is_foreign);
                return;
        }

        check_output(self, who, &output, n_used);
        restart(party, after);
        if (!party->is_foreign)
                note(self, who, &output, seen, typed);
}

void
parties_set_place(Parties *self, Who who)
{
        TgExchange *exchange = self->parties[who].exchange;
        gboolean is_known = exchange->place != NULL;
        g_autoptr(GError) error = NULL;

        g_assert_cmpint(tg_exchange_set_place(exchange, PLACE, &error), !=, is_known);
        fuzz_check_error(error, is_known);
        g_assert_cmpstr(exchange->place, ==, PLACE);
}

gboolean
parties_load(Parties *self, Who who, const TgSecret *saved)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(TgSecret) again = NULL;
        TgExchange *loaded = tg_exchange_load(saved, &error);

        fuzz_check_error(error, !loaded);
        if (!loaded)
                return FALSE;
        again = save(loaded);
        g_assert_true(tg_secret_equal(saved, again));
        tg_exchange_free(self->parties[who].exchange);
        self->parties[who].exchange = loaded;
        self->parties[who].is_foreign = TRUE;

        return TRUE;
}
