/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "protocol/exchange-private.h"
#include "tests/unit/helper.h"
#include "tests/unit/vector-checks-pin.h"
#include "tests/unit/vector-compare.h"

/* Whole exchanges, both roles ours, and each message one of somebody else. Both sides go on from
 * what they saved after each step. */

#define ANY_CLAIM "8abc2d25-8136-459b-baa9-420dc7ca40f2"
#define ANY_PLACE "https://relay.example.net/v1/m/211a973c-d12b-42fa-9c26-d0a3c5507bf2"

static TgExchange *
new_side(TgRole role, gint64 mode, const Node *vector, const char *claim, const char *place)
{
        g_autoptr(TgSecret) secret = secret_of(vector, "secret");
        g_autoptr(TgSecret) pin = NULL;
        g_autoptr(GError) error = NULL;
        TgExchangeTerms terms = {
                .role = role,
                .mode = mode == 1 ? TG_MODE_T2_PIN : TG_MODE_T2,
                .secret = secret,
                .claim = claim,
                .place = place,
        };
        TgExchange *side;

        if (role == TG_ROLE_INITIATOR && mode == 1)
                terms.pin = pin = helper_secret(node_text(vector, "pin"));
        side = tg_exchange_new(&terms, &error);
        g_assert_no_error(error);

        return side;
}

static TgExchange *
new_sender(const Node *vector)
{
        return new_side(TG_ROLE_INITIATOR,
                        node_number(vector, "mode"),
                        vector,
                        node_text(vector, "senderClaim"),
                        node_text(vector, "mailboxUrl"));
}

static TgExchange *
new_recipient(const Node *vector)
{
        return new_side(TG_ROLE_RECIPIENT,
                        node_number(vector, "mode"),
                        vector,
                        node_text(vector, "receiverClaim"),
                        node_text(vector, "mailboxUrl"));
}

/* What is random otherwise, as the vector has it. */
typedef struct {
        TgSecret *sid, *scalar, *random, *iv, *plaintext;
        TgExchangeFixed fixed;
} Fixed;

static void
fixed_clear(Fixed *self)
{
        TgSecret **secrets[] = {
                &self->sid, &self->scalar, &self->random, &self->iv, &self->plaintext};

        for (gsize i = 0; i < G_N_ELEMENTS(secrets); i++)
                g_clear_pointer(secrets[i], tg_secret_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Fixed, fixed_clear)

static const guint8 *
take_fixed(const Node *vector, const char *name, TgSecret **ret_secret)
{
        if (!name || !node_get(vector, name))
                return NULL;
        *ret_secret = secret_of(vector, name);

        return tg_secret_get(*ret_secret, NULL);
}

static void
fixed_init(Fixed *self,
           const Node *vector,
           const char *scalar,
           const char *random,
           const char *iv,
           const char *plaintext)
{
        take_fixed(vector, scalar, &self->scalar);
        self->fixed.scalar = self->scalar;
        self->fixed.random = take_fixed(vector, random, &self->random);
        self->fixed.iv = take_fixed(vector, iv, &self->iv);
        self->plaintext = helper_secret(node_text(vector, plaintext));
        self->fixed.plaintext = self->plaintext;
}

/* The kind of the output, or -1 for an error. */
static int
dispatch(TgExchange **side, const TgInput *input, const TgExchangeFixed *fixed, TgOutput *output)
{
        g_autoptr(TgSecret) saved = NULL;
        g_autoptr(GError) error = NULL;
        gboolean is_done;

        tg_output_clear(output);
        *output = (TgOutput){0};
        tg_exchange_fix(*side, fixed);
        is_done = tg_exchange_dispatch(*side, input, output, NULL);
        tg_exchange_fix(*side, NULL);
        saved = tg_exchange_save(*side, &error);
        g_assert_no_error(error);
        tg_exchange_free(*side);
        *side = tg_exchange_load(saved, &error);
        g_assert_no_error(error);

        return is_done ? (int)output->kind : -1;
}

static TgJson
payload_of_member(const Node *vector, const char *name)
{
        const Node *node = node_get(vector, name);
        g_autoptr(GError) error = NULL;
        TgJson payload;

        tg_json_parse(node->source, node->n_source, G_MAXINT32, &payload, &error);
        g_assert_no_error(error);

        return payload;
}

static int
read_into(TgExchange **side,
          const Node *vector,
          const char *name,
          const TgExchangeFixed *fixed,
          TgOutput *output)
{
        TgJson payload = payload_of_member(vector, name);
        const TgInput input = {.kind = TG_INPUT_PAYLOAD, .payload = &payload};

        return dispatch(side, &input, fixed, output);
}

static int
begin(TgExchange **side, const TgExchangeFixed *fixed, TgOutput *output)
{
        g_autoptr(TgSecret) content = helper_secret("{}");
        const TgInput input = {.kind = TG_INPUT_BEGIN, .format = "x", .content = content};

        return dispatch(side, &input, fixed, output);
}

static int
charged(TgExchange **side, const TgExchangeFixed *fixed, TgOutput *output)
{
        const TgInput input = {.kind = TG_INPUT_CHARGED};

        return dispatch(side, &input, fixed, output);
}

static int
type(TgExchange **side, const char *digits, const TgExchangeFixed *fixed, TgOutput *output)
{
        g_autoptr(TgSecret) pin = helper_secret(digits);
        const TgInput input = {.kind = TG_INPUT_PIN, .pin = pin};

        return dispatch(side, &input, fixed, output);
}

static char *
expect(const char *what, int got, TgOutputKind wanted)
{
        return got == (int)wanted ? NULL
                                  : g_strdup_printf("%s: got %d instead of %d", what, got, wanted);
}

static char *
same_payload(const TgOutput *output, const Node *vector)
{
        const Node *node = node_get(vector, "payload");
        g_autofree char *wanted = g_strdup_printf("{\"type\":\"%s\",\"data\":\"%s\"}",
                                                  node_text(node, "type"),
                                                  node_text(node, "data"));

        return text_difference("octets", output->payload, wanted);
}

/* ---- runs ---- */

typedef struct {
        TgExchange *alice, *bob;
        TgOutputKind verdict; /* that Alice's next message has */
} Pair;

static void
pair_clear(Pair *pair)
{
        g_clear_pointer(&pair->alice, tg_exchange_free);
        g_clear_pointer(&pair->bob, tg_exchange_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Pair, pair_clear)

static char *
run_senders(Pair *pair, const Node *run, const Node *message, gboolean is_first)
{
        g_auto(Fixed) fixed = {0};
        g_auto(TgOutput) output = {0};
        int kind;
        char *wrong;

        fixed_init(&fixed, message, "scalar", "random", "iv", "plaintext");
        if (is_first) {
                fixed.fixed.sid = take_fixed(run, "sid", &fixed.sid);
                kind = begin(&pair->alice, &fixed.fixed, &output);
        } else {
                kind = charged(&pair->alice, &fixed.fixed, &output);
        }
        wrong = expect("sender", kind, pair->verdict);
        if (wrong)
                return wrong;
        if (node_get(message, "share"))
                wrong = difference("share",
                                   pair->alice->offer_share,
                                   sizeof pair->alice->offer_share,
                                   node_text(message, "share"));

        return wrong ? wrong : same_payload(&output, message);
}

static TgOutputKind
verdict_of(const char *name)
{
        return g_str_equal(name, "confirmed") ? TG_OUTPUT_CONFIRMED
               : g_str_equal(name, "failed")  ? TG_OUTPUT_WRONG_PIN
                                              : TG_OUTPUT_BURNED;
}

static char *
run_response(Pair *pair, const Node *offer, const Node *message)
{
        g_auto(Fixed) fixed = {0};
        g_auto(TgOutput) output = {0};
        const char *pin = node_text(message, "enteredPin");
        int kind;
        char *wrong;

        fixed_init(&fixed, message, "scalar", "random", "iv", "plaintext");
        kind = read_into(&pair->bob, offer, "payload", &fixed.fixed, &output);
        if (*pin) {
                wrong = expect("recipient, offer", kind, TG_OUTPUT_PIN_NEEDED);
                if (wrong)
                        return wrong;
                kind = type(&pair->bob, pin, &fixed.fixed, &output);
        }
        wrong = expect("recipient", kind, TG_OUTPUT_WRITE);
        if (!wrong)
                wrong = same_payload(&output, message);
        if (!wrong)
                wrong = difference("cA",
                                   tg_secret_get(pair->bob->confirm, NULL),
                                   TG_SHA256_BYTES,
                                   node_text(message, "cA"));
        if (wrong)
                return wrong;

        kind = read_into(&pair->alice, message, "payload", NULL, &output);
        pair->verdict = verdict_of(node_text(message, "senderVerdict"));
        wrong = expect("charge", kind, TG_OUTPUT_CHARGE);
        if (wrong || pair->verdict != TG_OUTPUT_BURNED)
                return wrong;

        return expect("burn", charged(&pair->alice, NULL, &output), TG_OUTPUT_BURNED);
}

static char *
compare_key(const char *what, const TgSecret *got, const Node *session)
{
        return secret_difference(what, got, node_text(session, what));
}

static char *
run_accept(Pair *pair, const Node *run, const Node *message)
{
        g_auto(TgOutput) output = {0};
        const Node *session = node_get(run, "session");
        char *wrong = run_senders(pair, run, message, FALSE);

        if (!wrong)
                wrong = expect("recipient, accept",
                               read_into(&pair->bob, message, "payload", NULL, &output),
                               TG_OUTPUT_MESSAGE);
        if (!wrong)
                wrong = compare_key("exporter", tg_exchange_exporter(pair->bob), session);
        if (!wrong)
                wrong = compare_key("exporter", tg_exchange_exporter(pair->alice), session);
        if (!wrong)
                wrong = compare_key("s2r", pair->alice->app_own, session);

        return wrong ? wrong : compare_key("r2s", pair->bob->app_own, session);
}

static char *
run_message(Pair *pair, const Node *message)
{
        gboolean is_senders = g_str_equal(node_text(message, "from"), "s");
        TgExchange **reader = is_senders ? &pair->bob : &pair->alice;
        TgExchange *writer = is_senders ? pair->alice : pair->bob;
        TgJson payload = payload_of_member(message, "payload");
        const char *seq = strstr(node_text(message, "plaintext"), "\"seq\":");
        g_auto(TgOutput) output = {0};

        tg_thread_note_sent(writer->thread, &payload, g_ascii_strtoll(seq + 6, NULL, 10), NULL);

        return expect(
                "message", read_into(reader, message, "payload", NULL, &output), TG_OUTPUT_MESSAGE);
}

static char *
check_run(const Node *vector)
{
        g_auto(Pair) pair = {.verdict = TG_OUTPUT_WRITE};
        const GPtrArray *messages = node_get(vector, "messages")->children;
        const Node *offer = NULL;

        pair.alice = new_sender(vector);
        pair.bob = new_recipient(vector);
        for (guint i = 0; i < messages->len; i++) {
                const Node *message = g_ptr_array_index(messages, i);
                const char *kind = node_text(message, "kind");
                char *wrong;

                if (g_str_equal(kind, "offer")) {
                        wrong = run_senders(&pair, vector, message, offer == NULL);
                        offer = message;
                } else if (g_str_equal(kind, "response")) {
                        wrong = run_response(&pair, offer, message);
                } else if (g_str_equal(kind, "accept")) {
                        wrong = run_accept(&pair, vector, message);
                } else {
                        wrong = run_message(&pair, message);
                }
                if (wrong) {
                        char *where = g_strdup_printf("message %u: %s", i + 1, wrong);

                        g_free(wrong);
                        return where;
                }
        }

        return NULL;
}

/* ---- one message of somebody else ---- */

static char *
check_sender_case(const Node *vector)
{
        const char *wanted = node_text(vector, "expect");
        g_auto(Pair) pair = {0};
        g_auto(Fixed) fixed = {0};
        g_auto(TgOutput) output = {0};
        int kind;

        pair.alice = new_sender(vector);
        fixed_init(&fixed, vector, "scalar", NULL, NULL, "offerPlaintext");
        fixed.fixed.sid = take_fixed(vector, "sid", &fixed.sid);
        begin(&pair.alice, &fixed.fixed, &output);
        kind = read_into(&pair.alice, vector, "payload", NULL, &output);
        if (g_str_equal(wanted, "ignored"))
                return expect(wanted, kind, TG_OUTPUT_IGNORED);
        if (kind != TG_OUTPUT_CHARGE)
                return expect(wanted, kind, TG_OUTPUT_CHARGE);

        return expect(wanted,
                      charged(&pair.alice, NULL, &output),
                      g_str_equal(wanted, "charged") ? TG_OUTPUT_WRONG_PIN : TG_OUTPUT_CONFIRMED);
}

static char *
check_offer(const Node *vector)
{
        gint64 mode = node_number(vector, "urlMode");
        g_auto(Pair) pair = {0};
        g_auto(TgOutput) output = {0};
        int kind;

        pair.bob = new_side(TG_ROLE_RECIPIENT, mode, vector, ANY_CLAIM, ANY_PLACE);
        kind = read_into(&pair.bob, vector, "payload", NULL, &output);
        if (node_text_or_null(vector, "error"))
                return expect("refusal", kind, TG_OUTPUT_IGNORED);

        return expect("acceptance", kind, mode == 1 ? TG_OUTPUT_PIN_NEEDED : TG_OUTPUT_WRITE);
}

static char *
check_answer(const Node *vector)
{
        g_auto(Pair) pair = {0};
        g_auto(Fixed) fixed = {0};
        g_auto(TgOutput) output = {0};
        int kind;

        pair.bob = new_recipient(vector);
        fixed_init(&fixed,
                   vector,
                   "responseScalar",
                   "responseRandom",
                   "responseIv",
                   "responsePlaintext");
        read_into(&pair.bob, vector, "offer", &fixed.fixed, &output);
        type(&pair.bob, node_text(vector, "pin"), &fixed.fixed, &output);
        kind = read_into(&pair.bob, vector, "payload", NULL, &output);
        if (g_str_equal(node_text(vector, "expect"), "accept"))
                return expect("acceptance", kind, TG_OUTPUT_MESSAGE);
        if (kind == TG_OUTPUT_NONE)
                return NULL; /* its own answer, or what it read last */

        return expect("refusal", kind, TG_OUTPUT_IGNORED);
}

const Section t2_sections[] = {
        {"runs",            check_run        },
        {"senderCases",     check_sender_case},
        {"receiverOffers",  check_offer      },
        {"receiverAnswers", check_answer     },
        {NULL,              NULL             },
};
