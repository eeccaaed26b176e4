/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The plain-HTTP transport against servers that drop.py starts. TIGRESS_DROP is the server's
 * origin, TIGRESS_DROP_CA its authority, TIGRESS_DROP_KIND what it is: "relay"; "nginx", which
 * knows nothing of us and overwrites; "strict", which creates once, but knows no request ids;
 * "hiding", which beyond that shows nothing without a claim.
 */

#include <string.h>

#include "daemon/transport-tdch.h"
#include "protocol/bytes.h"
#include "protocol/digest.h"
#include "protocol/error.h"
#include "tests/bus/fixture.h"

typedef struct {
        TgHttp *http;
        TgHttpContext *context;
        char *url;
        gboolean is_relay;
        gboolean is_nginx;
        gboolean is_hiding;
} Fixture;

typedef struct {
        gboolean is_done;
        TgReplyKind kind;
        TgError code;
        gboolean is_guarded;
        GBytes *body;
} Outcome;

static void
outcome_clear(Outcome *outcome)
{
        g_clear_pointer(&outcome->body, g_bytes_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Outcome, outcome_clear)

static void
set_up(Fixture *f, gconstpointer data)
{
        guint8 location[32];
        g_autofree char *text = NULL;

        tg_random(location, sizeof location);
        text = tg_base64_encode(TG_BASE64_URL, location, sizeof location);
        f->url = g_strdup_printf("%s/v1/t/%s", g_getenv("TIGRESS_DROP"), text);
        f->is_relay = g_str_equal(g_getenv("TIGRESS_DROP_KIND"), "relay");
        f->is_nginx = g_str_equal(g_getenv("TIGRESS_DROP_KIND"), "nginx");
        f->is_hiding = g_str_equal(g_getenv("TIGRESS_DROP_KIND"), "hiding");
        f->http = tg_http_new();
        tg_http_set_ca_file(f->http, g_getenv("TIGRESS_DROP_CA"));
        f->context = tg_http_context_new(f->http);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
        tg_http_context_free(f->context);
        tg_http_free(f->http);
        g_free(f->url);
        test_settle();
}

static void
on_reply(const TgReply *reply, gpointer user_data)
{
        Outcome *outcome = user_data;

        g_assert_false(outcome->is_done);
        outcome->is_done = TRUE;
        outcome->kind = reply->kind;
        outcome->is_guarded = reply->is_guarded;
        outcome->body = g_bytes_ref(reply->body);
        g_assert_cmpint(reply->error != NULL,
                        ==,
                        reply->kind != TG_REPLY_DONE && reply->kind != TG_REPLY_NOTHING_NEW);
        if (reply->error)
                outcome->code = tg_error_code(reply->error);
}

static void
ask(Fixture *f, const TgDropAsk *ask, Outcome *outcome)
{
        tg_drop_ask(f->context, ask, on_reply, outcome);
        test_wait(&outcome->is_done);
}

static char *
draw(void)
{
        guint8 uuid[TG_UUID_BYTES];
        char *text = g_malloc(TG_UUID_CHARS + 1);

        tg_random_uuid(uuid);
        tg_uuid_format(uuid, text);

        return text;
}

static void
put(Fixture *f,
    const char *request_id,
    const char *text,
    gboolean may_have_arrived,
    TgReplyKind wanted)
{
        g_autoptr(GBytes) octets = g_bytes_new(text, strlen(text));
        g_auto(Outcome) outcome = {0};
        TgDropAsk question = {
                .kind = TG_DROP_PUT,
                .url = f->url,
                .request_id = request_id,
                .octets = octets,
                .life_s = 600,
                .may_have_arrived = may_have_arrived,
        };

        ask(f, &question, &outcome);
        g_assert_cmpint(outcome.kind, ==, wanted);
        if (wanted == TG_REPLY_CHANGED)
                g_assert_cmpint(outcome.code, ==, TG_ERROR_TAMPERED);
        if (wanted == TG_REPLY_DONE && !may_have_arrived)
                g_assert_cmpint(outcome.is_guarded, ==, f->is_relay);
}

/* @wanted NULL: nothing is there. */
static void
get(Fixture *f, const char *claim, const char *wanted)
{
        g_auto(Outcome) outcome = {0};
        TgDropAsk question = {.kind = TG_DROP_GET, .url = f->url, .claim = claim};

        ask(f, &question, &outcome);
        g_assert_cmpint(outcome.kind, ==, wanted ? TG_REPLY_DONE : TG_REPLY_NOTHING_NEW);
        g_assert_cmpmem(g_bytes_get_data(outcome.body, NULL),
                        g_bytes_get_size(outcome.body),
                        wanted ? wanted : "",
                        wanted ? strlen(wanted) : 0);
}

static void
take_away(Fixture *f, const char *claim)
{
        g_auto(Outcome) outcome = {0};
        TgDropAsk question = {.kind = TG_DROP_DELETE, .url = f->url, .claim = claim};

        ask(f, &question, &outcome);
        g_assert_cmpint(outcome.kind, ==, TG_REPLY_DONE);
}

static void
test_a_message_is_put_read_and_taken_away(Fixture *f, gconstpointer data)
{
        g_autofree char *id = draw();
        g_autofree char *claim = draw();

        get(f, claim, NULL);
        put(f, id, "a message", FALSE, TG_REPLY_DONE);
        get(f, claim, "a message");
        get(f, claim, "a message"); /* a crash before it was taken away */
        take_away(f, claim);
        get(f, claim, NULL);
        take_away(f, claim); /* a lost answer */
}

static void
test_who_was_there_before_is_an_attack(Fixture *f, gconstpointer data)
{
        g_autofree char *id = draw();
        g_autofree char *other = draw();

        put(f, other, "an attacker's", FALSE, TG_REPLY_DONE);
        put(f, id, "a message", FALSE, TG_REPLY_CHANGED);
}

/* Where each other server than the relay would have overwritten it. */
static void
test_an_attack_is_noticed_after_a_lost_answer_too(Fixture *f, gconstpointer data)
{
        g_autofree char *id = draw();
        g_autofree char *other = draw();

        if (f->is_hiding) {
                g_test_skip("what is there cannot be seen, and it may be one's own");
                return;
        }
        put(f, other, "an attacker's", FALSE, TG_REPLY_DONE);
        put(f, id, "a message", TRUE, TG_REPLY_CHANGED);
        put(f, id, "a message", TRUE, TG_REPLY_CHANGED); /* and looking has changed nothing */
}

static void
test_a_lost_answer_is_no_attack(Fixture *f, gconstpointer data)
{
        g_autofree char *id = draw();
        g_autofree char *claim = draw();

        put(f, id, "a message", TRUE, TG_REPLY_DONE); /* it had not arrived */
        put(f, id, "a message", TRUE, TG_REPLY_DONE); /* it had */
        get(f, claim, "a message");
        put(f, id, "a message", TRUE, TG_REPLY_DONE); /* and was read */
        take_away(f, claim);
        put(f, id, "a message", TRUE, TG_REPLY_DONE); /* and taken away */
}

/* As the library does it when a connection dies under it: nobody here knows of the first time. */
static void
test_ones_own_octets_are_no_attack(Fixture *f, gconstpointer data)
{
        g_autofree char *id = draw();
        TgReplyKind again = f->is_nginx || f->is_hiding ? TG_REPLY_CHANGED : TG_REPLY_DONE;

        put(f, id, "a message", FALSE, TG_REPLY_DONE);
        put(f, id, "a message", FALSE, again);
}

static void
test_only_one_claim_reads_where_the_server_knows_claims(Fixture *f, gconstpointer data)
{
        g_autofree char *id = draw();
        g_autofree char *claim = draw();
        g_autofree char *other = draw();

        put(f, id, "a message", FALSE, TG_REPLY_DONE);
        get(f, NULL, f->is_relay || f->is_hiding ? NULL : "a message");
        get(f, claim, "a message");
        get(f, other, f->is_relay ? NULL : "a message");
}

static void
test_too_much_is_refused(Fixture *f, gconstpointer data)
{
        g_autofree char *id = draw();
        g_autofree char *text = g_strnfill(65585, 'x');
        g_autofree char *most = g_strnfill(65584, 'x');

        put(f, id, text, FALSE, TG_REPLY_REFUSED);
        put(f, id, most, FALSE, TG_REPLY_DONE);
}

static void
test_what_is_dropped_is_not_answered(Fixture *f, gconstpointer data)
{
        g_auto(Outcome) outcome = {0};
        g_autofree char *claim = draw();
        g_autofree char *other = draw();
        TgDropAsk question = {.kind = TG_DROP_GET, .url = f->url, .claim = claim, .wait_s = 30};

        tg_drop_cancel(tg_drop_ask(f->context, &question, on_reply, &outcome));
        get(f, other, NULL);
        g_assert_false(outcome.is_done);
}

static void
test_a_wait_ends_with_the_message(Fixture *f, gconstpointer data)
{
        g_auto(Outcome) outcome = {0};
        g_autofree char *id = draw();
        g_autofree char *claim = draw();
        TgDropAsk question = {.kind = TG_DROP_GET, .url = f->url, .claim = claim, .wait_s = 30};

        if (!f->is_relay) {
                g_test_skip("nobody waits at a web server");
                return;
        }
        tg_drop_ask(f->context, &question, on_reply, &outcome);
        put(f, id, "a message", FALSE, TG_REPLY_DONE);
        test_wait(&outcome.is_done);
        g_assert_cmpint(outcome.kind, ==, TG_REPLY_DONE);
        g_assert_cmpmem(g_bytes_get_data(outcome.body, NULL),
                        g_bytes_get_size(outcome.body),
                        "a message",
                        strlen("a message"));
}

#define ADD(name, function) g_test_add("/drop/" name, Fixture, NULL, set_up, function, tear_down)

int
main(int argc, char **argv)
{
        /* test_init() takes the environment away */
        g_autofree char *origin = g_strdup(g_getenv("TIGRESS_DROP"));
        g_autofree char *ca = g_strdup(g_getenv("TIGRESS_DROP_CA"));
        g_autofree char *kind = g_strdup(g_getenv("TIGRESS_DROP_KIND"));

        if (!origin || !ca || !kind)
                return 77;
        test_init(&argc, &argv);
        g_setenv("TIGRESS_DROP", origin, TRUE);
        g_setenv("TIGRESS_DROP_CA", ca, TRUE);
        g_setenv("TIGRESS_DROP_KIND", kind, TRUE);
        ADD("a-message-is-put-read-and-taken-away", test_a_message_is_put_read_and_taken_away);
        ADD("who-was-there-before-is-an-attack", test_who_was_there_before_is_an_attack);
        ADD("an-attack-is-noticed-after-a-lost-answer-too",
            test_an_attack_is_noticed_after_a_lost_answer_too);
        ADD("a-lost-answer-is-no-attack", test_a_lost_answer_is_no_attack);
        ADD("ones-own-octets-are-no-attack", test_ones_own_octets_are_no_attack);
        ADD("only-one-claim-reads-where-the-server-knows-claims",
            test_only_one_claim_reads_where_the_server_knows_claims);
        ADD("too-much-is-refused", test_too_much_is_refused);
        ADD("what-is-dropped-is-not-answered", test_what_is_dropped_is_not_answered);
        ADD("a-wait-ends-with-the-message", test_a_wait_ends_with_the_message);

        return test_run();
}
